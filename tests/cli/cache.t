# What a second run knows, and what is done with the store as a cache.

== set-up
$ mkdir tree && for i in 1 2 3 4 5 6; do printf '/* Number %s. */\nint f%s(int n) {\n    return n + %s;\n}\n' $i $i $i > tree/f$i.c; done; mkdir tree/sub && cp tree/f1.c tree/sub/g.c
$ cat > cached.py <<'END'
$ """Runs precis; rows of the report by level and place."""
$ import json, os, re, subprocess
$ def run(*more, path="tree", store="tree", **env):
$     p = subprocess.run(["precis", "summarize", "--model", os.environ["TINY"], "--loc", "2", "--store", store, "--best-of", "2", "--format", "jsonl", "-v", *more, path], env=dict(os.environ, **env), capture_output=True, text=True)
$     assert p.returncode in (0, 3), p.stderr
$     rows = {(r["level"], r["file_path"], r["start_line"]): {**r, "elapsed_ms": 0} for r in map(json.loads, p.stdout.splitlines())}
$     known = re.search(r"From the store +(\d+) of", p.stderr)
$     asked = int(re.search(r"Tokens in +([\d,]+)", p.stderr)[1].replace(",", ""))
$     return rows, int(known[1]) if known else 0, asked, "ready in" in p.stderr
$ END

== a second run opens no model, and its report is the same
$ python3 - <<'END'
$ from cached import *
$ first, known, asked, opened = run()
$ print(known, asked > 0, opened, len(first))
$ second, known, asked, opened = run()
$ print(known, asked, opened, first == second)
$ print(run("--resume")[0] == first, run("--agent-count", "3")[3])
$ END
out: 0 True True 23
out: 14 0 False True
out: True True

== so it is by structure, and without roll-ups
$ python3 - <<'END'
$ from cached import *
$ for more in (["--chunk", "structure"], ["--no-rollup"], ["--prefer-docs"], ["--context", "outline"]):
$     first = run(*more)[0]
$     second, _, asked, opened = run(*more)
$     print(more[-1], asked, opened, first == second)
$ END
out: structure 0 False True
out: --no-rollup 0 False True
out: --prefer-docs 0 False True
out: outline 0 False True

== nor does one where the model had no line for some chunks, of which one is blank
$ mkdir blank && cp tree/f1.c tree/f2.c blank/ && printf 'int g(void) {\n    return 1;\n\n\n}\n' > blank/g.c
$ python3 - <<'END'
$ from cached import *
$ more = ["--no-fallback", "--no-rollup", "--prompt", "What for?", "--max-new-tokens", "6"]
$ first = run(*more, path="blank", store="blank")[0]
$ second, known, asked, opened = run(*more, path="blank", store="blank")
$ errors = {r["error"] for r in first.values()}
$ print("nothing but white space" in errors, len(errors) > 2, known < len(first), asked, opened, first == second)
$ END
out: True True True 0 False True

== one line that is replaced redoes its chunk and what is above it, and nothing else
$ python3 - <<'END'
$ from cached import *
$ before = run()[0]
$ text = open("tree/f2.c").read()
$ open("tree/f2.c", "w").write(text.replace("n + 2", "n - 2"))
$ after, known, asked, opened = run()
$ changed = sorted(at for at in before if before[at] != after[at])
$ print(known, opened, [at for at in changed if at[0] == "chunk"])
$ print({at[1] for at in changed if at[0] != "chunk"} <= {"f2.c", ""})
$ open("tree/f2.c", "w").write(text)
$ back, known, asked, opened = run()
$ print(known, opened, back == before)
$ END
out: 13 True [('chunk', 'f2.c', 3)]
out: True
out: 14 False True

== a file that was only touched is known
$ touch -d '2001-01-01' tree/f3.c
$ python3 -c 'from cached import *; print(run()[1:])'
out: (14, 0, False)

== another model, encoder, parameter or place is asked about
$ cp $TINY other.gguf && python3 $TESTS/tinygguf.py --seed 9 nine.gguf
$ python3 - <<'END'
$ from cached import *
$ print(run("--model", "other.gguf")[1:3]) # the same bytes under another name
$ print(run("--model", "nine.gguf")[1], run("--max-chars", "90")[1], run("--seed", "5")[1], run("--best-of", "3")[1], run("--precision", "f32")[1], run("--loc", "3")[1])
$ print(run(PRECIS_ISA="plain")[1], run("--no-cache")[1], run("--refresh-examples")[1])
$ os.rename("nine.gguf", "other.gguf") # other bytes under the same name
$ print(run("--model", "other.gguf", "--max-chars", "91")[1], run("--model", "other.gguf", "--max-chars", "91")[1])
$ END
out: (14, 0)
out: 0 0 0 0 0 0
out: 0 0 0
out: 0 14

== --resume and --no-cache
$ precis summarize --model $TINY --resume --no-cache tree
exit: 2
err: precis: --resume and --no-cache: one of them is enough

== what the store has
$ precis cache stats --store tree > s.txt && grep -c '^Lines\|^  by \|^Size\|^Newest' s.txt | sed 's/[4-6]/some/'
$ precis cache stats --store tree --json > s.json && python3 - <<'END'
$ import json, sqlite3
$ s = json.load(open("s.json"))
$ db = sqlite3.connect("tree/.precis/precis.db")
$ one = lambda sql: db.execute(sql).fetchone()[0]
$ print(s["lines"] == one("SELECT count(*) FROM summaries") == sum(s["sources"].values()) == sum(r["lines"] for r in s["revisions"]), s["places"] == one("SELECT count(*) FROM chunks"), s["bytes"] > 0)
$ END
out: some
out: True True True

== lines go to another worktree, which then asks for none of them
$ python3 -c 'from cached import *; run("--prompt", "What for?", "--max-new-tokens", "100")'
$ precis cache export --store tree lines.jsonl -q && ! grep -q "$PWD" lines.jsonl && mkdir clone && cp -r tree/*.c tree/sub clone/ && precis cache import --store clone lines.jsonl
$ python3 - <<'END'
$ from cached import *
$ more = ["--prompt", "What for?", "--max-new-tokens", "100"]
$ here = run(*more)[0]
$ rows, known, asked, opened = run(*more, path="clone", store="clone")
$ model = [at for at in here if at[0] == "chunk" and here[at]["source"] == "model"]
$ print(known == len(model) > 3, all(rows[at] == here[at] for at in model))
$ END
$ precis cache import --store clone lines.jsonl | sed 's/^[1-9][0-9]* lines/N lines/'
out~ ^[1-9][0-9]* lines, [1-9][0-9]* of them new$
out~ ^True True$
out~ ^N lines, 0 of them new$

== export and import by pipes
$ precis cache export --store tree -q - | precis cache import --store other -; mkdir other && precis cache export --store tree -q - | precis cache import --store other - > /dev/null && precis cache export --store other -q - | grep -v sha256 > a; precis cache export --store tree -q - | grep -v sha256 > b; cmp a b
err~ other: cannot open

== files that were tampered with are refused, and nothing of them is taken
$ cat > hostile.py <<'END'
$ import hashlib, json, subprocess
$ rows = open("lines.jsonl").read().splitlines()
$ def sealed(rows):
$     text = "".join(r + "\n" for r in rows)
$     return text + json.dumps({"lines": len(rows) - 1, "sha256": hashlib.sha256(text.encode()).hexdigest()}) + "\n"
$ body = rows[:-1]
$ def changed(**fields):
$     last = json.loads(body[-1]); last.update(fields)
$     return sealed(body[:-1] + [json.dumps(last)])
$ def without(field):
$     last = json.loads(body[-1]); del last[field]
$     return sealed(body[:-1] + [json.dumps(last)])
$ files = {
$     "key": changed(key="00" * 32), "hex": changed(key="zz"), "text": changed(text="11" * 32), "path": changed(path="/etc/passwd"), "dots": changed(path="a/../../b"), "empty": changed(path=""), "slashes": changed(path="a//b"),
$     "summary": changed(summary="two\nlines"), "nothing": changed(summary=""), "escape": changed(summary="\u001b[2J"), "confidence": changed(confidence=1.5), "nan": changed(confidence="x"), "source": changed(source="me"), "level": changed(level="planet"),
$     "lines": changed(start_line=9, end_line=2), "negative": changed(tokens_in=-1), "seed": changed(seed="18446744073709551616"), "number": changed(seed=1), "cut": changed(cut=1), "extra": changed(more=1), "missing": without("isa"),
$     "revision": changed(model_revision="other"), "digest": "".join(r + "\n" for r in body[:-1]) + rows[-1] + "\n", "cut off": "".join(r + "\n" for r in body), "half": sealed(body)[:-40], "none": "", "other": "{}\n", "no json": sealed(body + ["[1]"]),
$     "twice": sealed(body + [body[-1][:-1] + ', "isa": "plain"}']), "deep": sealed(body + ["[" * 60000]), "long": sealed(body + ['{"a": "' + "x" * 70000 + '"}']), "bytes": None,
$ }
$ for name, text in files.items():
$     data = text.encode() if text is not None else sealed(body).encode().replace(b"model", b"mod\xffl", 1)
$     p = subprocess.run(["precis", "cache", "import", "--store", "empty", "-"], input=data, capture_output=True)
$     err = p.stderr.decode()
$     if p.returncode != 2 or p.stdout or err.count("\n") != 1 or not err.startswith("precis: standard input:") or len(err) > 520:
$         print("taken:", name, p.returncode, err)
$ END
$ mkdir empty && precis cache import --store empty lines.jsonl > /dev/null && rm empty/.precis/precis.db* && python3 hostile.py && precis cache stats --store empty --json
$ sed 's/"confidence": [0-9.e-]*/"confidence": 7/' lines.jsonl > bad.jsonl
out~ ^\{"lines": 0, "places": 0, "files": 0, "unanswered": 0, "runs": 0,

== a file that says what is wrong with it
$ precis cache import --store empty bad.jsonl
exit: 2
err~ ^precis: bad.jsonl:2: confidence: 7: is out of range$

== gc removes what no run has had for long, but not what people rated
$ cat > lines.py <<'END'
$ import sqlite3, sys
$ db = sqlite3.connect("tree/.precis/precis.db")
$ def one(sql):
$     return db.execute(sql).fetchone()[0]
$ END
$ python3 -c 'from cached import *; run()'; precis rate --store tree tree/f1.c:1 good > /dev/null; rm tree/f5.c tree/f1.c
$ precis cache gc --store tree | sed 's/;.*//'
$ precis cache gc --store tree --gone --dry-run > dry; precis cache gc --store tree --gone > wet; python3 - <<'END'
$ import re
$ from lines import *
$ print(re.findall(r"\d+ lines at \d+ places", open("dry").read()) == re.findall(r"\d+ lines at \d+ places", open("wet").read()))
$ print(one("SELECT count(*) FROM chunks c JOIN files f ON f.id = c.file WHERE path = 'f5.c'"), one("SELECT count(*) FROM chunks c JOIN files f ON f.id = c.file WHERE path = 'f1.c'"))
$ db.execute("UPDATE runs SET started_at = 1000"); db.commit()
$ END
$ precis cache gc --store tree > /dev/null && python3 -c 'from lines import *; print(one("SELECT count(*) FROM summaries"), one("SELECT count(*) FROM asked"), one("PRAGMA integrity_check"), one("SELECT count(*) FROM pragma_foreign_key_check"))'
$ python3 -c 'from cached import *; print(run()[1])'
out~ ^removed 0 lines at 0 places and 0 notes of no answer$
out~ ^True$
out~ ^0 1$
out~ ^1 [0-9]+ ok 0$

== there must be a store
$ mkdir -p none && cd none && precis cache stats
exit: 2
err: precis: there is no store here (precis summarize --store . makes one)
