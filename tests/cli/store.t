# The lines of a run in the store, and what people say of them. Python's sqlite3 is the independent reader.

== set-up
$ mkdir -p repo/src/inner repo/.git elsewhere foreign/.precis
$ python3 -c "import sqlite3; sqlite3.connect('foreign/.precis/precis.db').execute('CREATE TABLE cookies(x)')"
$ for i in 1 2 3 4 5 6 7; do echo "int f$i(void) { return $i; }"; done > repo/src/a.c
$ printf 'def g():\n    return 1\n' > repo/src/inner/b.py
$ cat > sql.py <<'END'
$ import sqlite3, sys
$ db = sqlite3.connect(sys.argv[1])
$ for row in db.execute(sys.argv[2]):
$     print(*row, sep="|")
$ END
$ cat > fill.py <<'END'
$ """Puts a line at a place, as a run with a better model would have."""
$ import hashlib, os, sqlite3, sys
$ db = sqlite3.connect(sys.argv[1])
$ path, first, last, line = sys.argv[2], int(sys.argv[3]), int(sys.argv[4]), sys.argv[5]
$ text = hashlib.sha256(b"".join(open("repo/" + path, "rb").readlines()[first - 1:last])).digest()
$ st, whole = os.stat("repo/" + path), hashlib.sha256(open("repo/" + path, "rb").read()).digest()
$ db.execute("INSERT OR IGNORE INTO files(path, language, size, mtime_ns, inode, hash) VALUES(?, 'c', ?, ?, ?, ?)", (path, st.st_size, st.st_mtime_ns, st.st_ino, whole))
$ db.execute("INSERT INTO runs(started_at) VALUES(1800000000)")
$ db.execute("INSERT OR IGNORE INTO provenance(model, model_revision, file_type, precision, isa, prompt_version, decoder_version, parameters, seed) VALUES('m', 'rev', 'F32', 'f32', 'plain', 'line-9', '1', '{}', 0)")
$ key = hashlib.sha256(line.encode()).digest()
$ db.execute("INSERT INTO summaries SELECT ?, id, ?, 0.9, 'model', 1, 2, 3.0, 0, 1800000000, NULL FROM provenance WHERE model = 'm'", (key, line))
$ db.execute("INSERT INTO chunks(file, level, start_line, end_line, symbol, text, version, key, seen) SELECT id, 0, ?, ?, NULL, ?, hash, ?, (SELECT max(id) FROM runs) FROM files WHERE path = ?", (first, last, text, key, path))
$ db.commit()
$ END

== without --store and without a .precis folder nothing is kept
$ precis summarize --prompt 'What for?' --model $TINY -q repo/src -o r.md; code=$?
$ ls -A repo; exit $code
exit: 0 3
out: .git
out: src

== what the report has is in the store, and nothing else
$ precis summarize --prompt 'What for?' --model $TINY -q --store repo --loc 2 --no-rollup --format jsonl repo/src > r.jsonl; code=$?
$ python3 - <<'END'
$ import json, sqlite3
$ rows = [r for r in map(json.loads, open("r.jsonl")) if not r["error"]]
$ db = sqlite3.connect("repo/.precis/precis.db")
$ report = [("src/" + r["file_path"], r["start_line"], r["end_line"], r["summary"], r["source"], r["tokens_in"], r["tokens_out"], r["sha256"], r["model"], r["model_revision"], r["precision"], r["prompt_version"], r["file_type"], r["seed"], r["language"]) for r in rows]
$ store = list(db.execute("SELECT path, start_line, end_line, line, source, tokens_in, tokens_out, lower(hex(text)), model, model_revision, precision, prompt_version, file_type, seed, language FROM chunks c JOIN files f ON f.id = c.file JOIN summaries s ON s.key = c.key JOIN provenance p ON p.id = s.provenance ORDER BY path, start_line"))
$ print(report == store, db.execute("PRAGMA integrity_check").fetchone()[0], db.execute("SELECT count(*) FROM pragma_foreign_key_check").fetchone()[0])
$ END
$ cat repo/.precis/.gitignore; ls -A repo/.precis; exit $code
exit: 0 3
out: True ok 0
out: /precis.db*
out: .gitignore
out: precis.db

== files are noted as they are on the disk
$ python3 - <<'END'
$ import hashlib, os, sqlite3
$ db = sqlite3.connect("repo/.precis/precis.db")
$ for path, size, mtime, inode, digest in db.execute("SELECT path, size, mtime_ns, inode, hash FROM files ORDER BY path"):
$     st, data = os.stat("repo/" + path), open("repo/" + path, "rb").read()
$     print(path, (size, mtime, inode) == (st.st_size, st.st_mtime_ns, st.st_ino), digest == hashlib.sha256(data).digest())
$ END
$ true
out~ ^src/

== a folder that is there is found from below, and a second run adds nothing
$ python3 sql.py repo/.precis/precis.db 'SELECT count(*) FROM summaries' > before
$ precis summarize --prompt 'What for?' --model $TINY -q --loc 2 --no-rollup repo/src -o r.md; code=$?
$ python3 sql.py repo/.precis/precis.db 'SELECT count(*) FROM summaries' | cmp - before
$ python3 sql.py repo/.precis/precis.db 'SELECT count(*), sum(ended_at IS NOT NULL) FROM runs'; exit $code
exit: 0 3
out: 2|2

== --no-store keeps nothing
$ precis summarize --prompt 'What for?' --model $TINY -q --no-store repo/src -o r.md; code=$?
$ python3 sql.py repo/.precis/precis.db 'SELECT count(*) FROM runs'; exit $code
exit: 0 3
out: 2

== what lies outside of the store's root has its whole name
$ precis summarize --prompt 'What for?' --model $TINY -q --loc 2 --store elsewhere repo/src -o r.md; code=$?
$ python3 sql.py elsewhere/.precis/precis.db "SELECT count(*) FROM files WHERE path LIKE '/%/repo/src/%' OR 0"
$ python3 sql.py elsewhere/.precis/precis.db "SELECT count(*) FROM files WHERE path NOT LIKE '/%'"; rm -r elsewhere/.precis; exit $code
exit: 0 3
out~ ^[0-9]+$

== a store that was asked for must open
$ precis summarize --prompt 'What for?' --model $TINY -q --store nowhere repo/src -o r.md
exit: 2
err~ ^precis: nowhere: cannot open: No such file
absent: r.md.x

== a store that was found but cannot be opened is a warning
$ mkdir -p broken/.git broken/.precis && cp repo/src/a.c broken/ && printf 'not a database, but a text of some length' > broken/.precis/precis.db
$ precis summarize --prompt 'What for?' --model $TINY broken -o r.md
exit: 0 3
err~ warning: .*broken/.precis/precis\.db: .*not a SQLite database; the lines of this run are not kept

== and so is one in a folder that cannot be written
needs: user
$ mkdir -p fixed/.precis && cp repo/src/a.c fixed/ && chmod 555 fixed/.precis
$ precis summarize --prompt 'What for?' --model $TINY fixed -o fixed.md; code=$?; chmod 755 fixed/.precis; ls -A fixed/.precis; exit $code
exit: 0 3
err~ warning: .*fixed/.precis: cannot write: Permission denied; the lines of this run are not kept

== a rating of the line at a place
$ python3 fill.py repo/.precis/precis.db src/a.c 1 7 'Returns small numbers.'
$ cd repo && precis rate src/a.c:3 good
out: src/a.c:1-7: good: Returns small numbers.

== with a note and a better line, from another folder, by a range
$ cd repo/src && precis rate a.c:1-7 2 --note 'no word of f1' --line 'Returns the numbers 1 to 7.'
out: src/a.c:1-7: 2: Returns small numbers.
out:   better: Returns the numbers 1 to 7.

== by the name that the store has
$ precis rate --store repo src/a.c:7 5
out: src/a.c:1-7: 5: Returns small numbers.

== the store has the ratings
$ python3 sql.py repo/.precis/precis.db "SELECT verdict, ifnull(note, '-'), ifnull(corrected, '-'), who <> '', rated_at > 1700000000 FROM ratings ORDER BY id"
out: good|-|-|1|1
out: 2|no word of f1|Returns the numbers 1 to 7.|1|1
out: 5|-|-|1|1

== the list
$ precis rate --list --store repo
out~ ^20..-..-..T..:..:..Z  good  src/a\.c:1-7  Returns small numbers\.  \(.+\)$
out~ ^  better: Returns the numbers 1 to 7\.$
out~ ^  note: no word of f1$

== as JSON, and as JSON Lines
$ precis rate --list --json --store repo > l.json && precis rate --list --jsonl --store repo > l.jsonl
$ python3 -c "import json; a = json.load(open('l.json')); b = [json.loads(x) for x in open('l.jsonl')]; print(a == b, [(r['file_path'], r['start_line'], r['verdict'], r['corrected'], r['model'], r['confidence']) for r in a][:2])"
out: True [('src/a.c', 1, 'good', None, 'm', 0.9), ('src/a.c', 1, '2', 'Returns the numbers 1 to 7.', 'm', 0.9)]

== corrected lines as items to evaluate with; the last one of a place counts
$ precis rate --store repo src/a.c:1 bad --line 'Returns one to seven.' > /dev/null
$ precis rate --export --store repo > items.jsonl
$ python3 -c "import json; [print(r['path'], r['language'], r['reference'], r['kind'], r['repo'], r['code'] == open('repo/src/a.c').read(), r['id'][:6]) for r in map(json.loads, open('items.jsonl'))]"
out: src/a.c c Returns one to seven. chunk repo True rated-

== code that has changed is left out, and said
$ cp repo/src/a.c kept.c; echo 'int f8;' > repo/src/a.c
$ precis rate --export --store repo; code=$?; cp -p kept.c repo/src/a.c; exit $code
exit: 1
err: precis: src/a.c:1-7: is no longer what was judged: left out

== the store of the folder one is in, outside of a work tree
$ mkdir -p loose && cp -r repo/src repo/.precis loose/ && cd loose && precis rate src/a.c:2 4 && rm -r ../loose
out: src/a.c:1-7: 4: Returns small numbers.

== no line at a place
$ precis rate --store repo src/a.c:8 good
exit: 1
err~ ^precis: src/a\.c:8: .*precis\.db has no line there$

== no line about a whole file
$ precis rate --store repo src/a.c good
exit: 1
err~ has no line there

== nothing rated
$ mkdir fresh && precis summarize --prompt 'What for?' --model $TINY -q --store fresh repo/src -o r.md; precis rate --list --store fresh; code=$?; rm -r fresh; exit $code
exit: 1

== no store
$ mkdir bare && cd bare && precis rate a.c:1 good
exit: 2 
err: precis: there is no store here (precis summarize --store . makes one)

== no store where it was said to be
$ precis rate --store bare a.c:1 good
exit: 2
err~ ^precis: .*bare: there is no store here$

== bad verdict
$ precis rate --store repo src/a.c:1 fine
exit: 2
err: precis: fine: is no verdict (good, bad or 1 to 5)

== bad place
$ precis rate --store repo src/a.c:0 good
exit: 2
err: precis: src/a.c:0: is not PATH:LINE

== bad range
$ precis rate --store repo src/a.c:9-3 good
exit: 2
err: precis: src/a.c:9-3: is not PATH:LINE

== no verdict
$ precis rate --store repo src/a.c:1
exit: 2
err: precis: rate: needs PATH:LINE and a verdict (see precis rate --help)

== a better line of two lines
$ precis rate --store repo src/a.c:1 bad --line $'two\nlines'
exit: 2
err~ ^precis: not one line of UTF-8: two.lines$

== a better line of nothing
$ precis rate --store repo src/a.c:1 bad --line ''
exit: 2
err: precis: --line: is empty

== a list takes no place
$ precis rate --store repo --list src/a.c:1
exit: 2
err: precis: --list: takes no place and no judgement

== list and export
$ precis rate --store repo --list --export
exit: 2
err: precis: --list and --export: one of them

== a store of another application is left as it is
$ precis rate --store foreign a.c:1 good
exit: 2
err~ is a database of another application \(id 0\), not a store of precis

== a newer one
$ cp -r repo newer && python3 -c "import sqlite3; db = sqlite3.connect('newer/.precis/precis.db'); db.execute('PRAGMA user_version = 8'); db.commit()"
$ precis rate --store newer --list; code=$?; rm -r newer; exit $code
exit: 2
err~ is of version 8, this precis reads up to version 7$

== set-up of runs after runs
$ mkdir again && for i in 1 2 3 4; do printf 'int f%s(void) {\n    return %s;\n}\n' $i $i > again/f$i.c; done
$ cat > again.py <<'END'
$ """Runs precis: rows of the report by place, and how many chunks its statistics say came from the store."""
$ import json, os, re, subprocess
$ def run(*more, path="again", command="precis", **env):
$     p = subprocess.run([command, "summarize", "--model", os.environ["TINY"], "--prompt", "What for?", "--loc", "2", "--max-new-tokens", "100", "--store", "again", "--no-rollup", "--no-fallback", "--format", "jsonl", *more, path], env=dict(os.environ, **env), capture_output=True, text=True)
$     assert p.returncode in (0, 3), p.stderr
$     rows = {(r["file_path"], r["start_line"]): r for r in map(json.loads, p.stdout.splitlines())}
$     known = re.search(r"From the store +(\d+) of 8 chunks", p.stderr)
$     bar = re.search(r"8/8 chunks \((\d+) from the store\)", p.stderr)
$     assert bool(known) == bool(bar) and (not known or known[1] == bar[1]), p.stderr
$     tokens = int(re.search(r"Tokens in +([\d,]+)", p.stderr)[1].replace(",", ""))
$     return rows, int(known[1]) if known else 0, tokens
$ def done(rows):
$     return {at for at, r in rows.items() if not r["error"]}
$ def same(a, b):
$     return all({**a[at], "elapsed_ms": 0} == {**b[at], "elapsed_ms": 0} for at in a) and len(a) == len(b)
$ END

== what a run has said the next one takes from the store, and reports the same
$ python3 - <<'END'
$ from again import *
$ first, known, tokens = run()
$ print(known, len(first), len(done(first)) > 0, tokens == sum(r["tokens_in"] for r in first.values()))
$ second, known, tokens = run()
$ print(known == len(done(first)), same(first, second), tokens == 0) # also where the model had no line
$ print({r["elapsed_ms"] for r in second.values() if not r["error"]})
$ END
out: 0 8 True True
out: True True True
out: {0.0}

== one line that has changed redoes its chunk alone
$ python3 - <<'END'
$ from again import *
$ before, known, _ = run()
$ for file, line in sorted(done(before))[:1]:
$     text = open("again/" + file).read().split("\n")
$     text[line - 1] += " /* x */"
$     open("again/" + file, "w").write("\n".join(text))
$     after, left, _ = run()
$     print(known - left, [at for at in before if before[at]["sha256"] != after[at]["sha256"]] == [(file, line)])
$     print(run("--no-cache")[1], run(PRECIS_NO_CACHE="1")[1])
$ END
out: 1 True
out: 0 0

== another prompt, parameter or path is another line
$ mkdir -p moved/again && cp -r again/.precis moved/ && cp again/*.c moved/again/
$ python3 - <<'END'
$ from again import *
$ print(run("--prompt", "Why so?")[1], run("--max-new-tokens", "99")[1], run("--seed", "1")[1], run("--precision", "f32")[1], run("--store", "moved", path="moved/again")[1])
$ END
$ mv moved/again/*.c moved/ && python3 -c 'from again import *; print(run("--store", "moved", path="moved")[1] == run()[1] > 0)'
out: 0 0 0 0 0
out: True

== the Markdown of both is the same but for the statistics
$ export SOURCE_DATE_EPOCH=0; run() { precis summarize --model $TINY --prompt 'What for?' --loc 2 --max-new-tokens 100 -q again "$@"; }
$ run --no-cache -o one.md; run -o two.md; run -o - > three.md
$ for i in one two three; do sed -i '/^## Statistics/,$d' $i.md; done; cmp one.md two.md && cmp two.md three.md

== parallel_summarizer takes them too, and says --no-cache
$ parallel_summarizer --model $TINY --prompt 'What for?' --max-new-tokens 100 --loc 2 --file again --output-file r.md --results-file r.log -q; grep -c 'From the store' r.log
$ parallel_summarizer --model $TINY --prompt 'What for?' --max-new-tokens 100 --loc 2 --file again --output-file r.md --results-file r.log -q --no-cache; grep -c 'From the store' r.log
exit: 1
out: 1
out: 0

== a model is asked nothing when all is known
needs: model
$ mkdir real && cp again/f1.c again/f2.c real/ && precis summarize --model $MODEL --examples 0 -q --store real --format jsonl -o one.jsonl real && precis summarize --model $MODEL --examples 0 --store real --format jsonl -o two.jsonl real
$ sed -i 's/"elapsed_ms":[0-9.]*//' one.jsonl two.jsonl && cmp one.jsonl two.jsonl
err~ From the store +2 of 2 chunks
err~ Tokens in +0 \(0/s\)

== lines of files and folders are kept at their places
$ mkdir -p rolled/.git && cp -r repo/src rolled/
$ for i in 1 2 3 4; do precis summarize --prompt "What for, $i?" --model $TINY -q --store rolled --loc 2 --format jsonl rolled/src; done > roll.jsonl; code=$?
$ python3 - <<'END'
$ import json, sqlite3
$ levels = {"chunk": 0, "file": 1, "directory": 2, "repository": 2} # what was summarised is a folder to the store
$ rows = [r for r in map(json.loads, open("roll.jsonl")) if not r["error"]]
$ report = {(levels[r["level"]], ("src/" + r["file_path"]).rstrip("/"), r["start_line"], r["end_line"], r["summary"], r["sha256"]) for r in rows}
$ db = sqlite3.connect("rolled/.precis/precis.db")
$ store = set(db.execute("SELECT level, path, start_line, end_line, line, lower(hex(text)) FROM chunks c JOIN files f ON f.id = c.file JOIN summaries s ON s.key = c.key"))
$ print(report == store)
$ END
$ exit $code
exit: 0 3
out: True

== kill -9 in mid-run: what is there is whole, and the next run goes on
$ mkdir many && for i in $(seq 20); do printf 'int f%s(void) {\n    return %s;\n}\n' $i $i > many/f$i.c; done
$ for t in 0.3 0.5 0.8; do precis summarize --prompt 'What for?' --model $TINY -q --max-new-tokens 8 --loc 2 --store many many -o r.md & sleep $t; kill -9 $!; wait $! 2>/dev/null; done
$ precis summarize --prompt 'What for?' --model $TINY -q --max-new-tokens 8 --loc 2 --store many --format jsonl many > r.jsonl; code=$?
$ python3 - <<'END'
$ import json, sqlite3
$ db = sqlite3.connect("many/.precis/precis.db")
$ print(db.execute("PRAGMA integrity_check").fetchone()[0])
$ report = sorted((r["file_path"], r["start_line"], r["summary"]) for r in map(json.loads, open("r.jsonl")) if not r["error"])
$ store = sorted(db.execute("SELECT path, start_line, line FROM chunks c JOIN files f ON f.id = c.file JOIN summaries s ON s.key = c.key"))
$ print(report == store)
$ END
$ exit $code
exit: 0 3
out: ok
out: True
lines: any
