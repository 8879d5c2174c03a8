# What a second run knows, and what is done with the store as a cache.

== set-up
$ mkdir tree && for i in 1 2 3 4 5 6; do printf '/* Number %s. */\nint f%s(int n) {\n    return n + %s;\n}\n' $i $i $i > tree/f$i.c; done; mkdir tree/sub && cp tree/f1.c tree/sub/g.c
$ cat > cached.py <<'END'
$ """Runs precis; rows of the report by level and place."""
$ import json, os, re, subprocess
$ def run(*more, path="tree", store="tree", **env):
$     p = subprocess.run(["precis", "summarize", "--model", os.environ["TINY"], "--loc", "2", "--store", store, "--best-of", "2", "--max-new-tokens", "24", "--format", "jsonl", "-v", *more, path], env=dict(os.environ, **env), capture_output=True, text=True)
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
$ cp $TINY other.gguf && python3 $TESTS/tinygguf.py --seed 9 nine.gguf; mkdir two && cp tree/f1.c tree/f2.c two/
$ python3 - <<'END'
$ import cached, os
$ def run(*more, **env): # of two files, for the whole tree takes a sanitizer long
$     return cached.run(*more, path="two", store="two", **env)
$ run()
$ print(run("--model", "other.gguf")[1:3]) # the same bytes under another name
$ print(run("--model", "nine.gguf")[1], run("--max-chars", "90")[1], run("--seed", "5")[1], run("--best-of", "3")[1], run("--precision", "f32")[1], run("--loc", "3")[1])
$ print(run(PRECIS_ISA="plain")[1], run("--no-cache")[1], run("--refresh-examples")[1])
$ os.rename("nine.gguf", "other.gguf") # other bytes under the same name
$ print(run("--model", "other.gguf", "--max-chars", "91")[1], run("--model", "other.gguf", "--max-chars", "91")[1])
$ END
out: (4, 0)
out: 0 0 0 0 0 0
out: 0 0 0
out: 0 4

== --resume and --no-cache
$ precis summarize --model $TINY --resume --no-cache tree
exit: 2
err: precis: --resume and --no-cache: one of them is enough

== --resume and --no-store
$ precis summarize --model $TINY --resume --no-store tree
exit: 2
err: precis: --resume and --no-store: one of them is enough

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

== files that were tampered with are refused, for what is wrong with them, and nothing of them is taken
$ cat > hostile.py <<'END'
$ import hashlib, json, re, subprocess
$ rows = open("lines.jsonl").read().splitlines()
$ def field(b):
$     return len(b).to_bytes(8, "little") + b
$ def key(r): # as store_key documents it
$     level = ["chunk", "file", "directory", "repository"].index(r["level"])
$     parts = [b"precis-line-1", bytes([level]), bytes.fromhex(r["text"]), r["path"].encode(), bytes.fromhex(r["context"])]
$     parts += [r[f].encode() for f in ("model_revision", "precision", "isa", "prompt_version", "decoder_version", "parameters")]
$     parts += [int(r["seed"]).to_bytes(8, "little")] + ([r["source"].encode()] if r["source"] != "model" else [])
$     return hashlib.sha256(b"".join(map(field, parts))).hexdigest()
$ def sealed(rows):
$     text = "".join(r + "\n" for r in rows)
$     return text + json.dumps({"lines": len(rows) - 1, "sha256": hashlib.sha256(text.encode()).hexdigest()}) + "\n"
$ body = rows[:-1]
$ last = json.loads(body[-1])
$ assert key(last) == last["key"]
$ def forged(**fields):
$     return sealed(body[:-1] + [json.dumps({**last, **fields})])
$ def changed(**fields): # with the key that such a line would have
$     return forged(**fields, key=key({**last, **fields}))
$ def without(name):
$     return sealed(body[:-1] + [json.dumps({f: v for f, v in last.items() if f != name})])
$ n = len(body)
$ files = {
$     "key": (forged(key="00" * 32), "key"), "hex": (forged(key="zz"), "key"), "text": (forged(text="11" * 32), "key"), "revision": (forged(model_revision="other"), "key"),
$     "path": (changed(path="/etc/passwd"), "path"), "dots": (changed(path="a/../../b"), "path"), "dot": (changed(path="./a"), "path"), "empty": (changed(path=""), "path"), "slashes": (changed(path="a//b"), "path"), "end": (changed(path="a/"), "path"),
$     "summary": (changed(summary="two\nlines"), ".*: not one line of UTF-8"), "nothing": (changed(summary=""), ".*: there is no line to keep"), "escape": (changed(summary="\u001b[2J"), ".*: not one line of UTF-8"),
$     "symbol": (changed(symbol="\u009b2J"), ".*: not one line of UTF-8"), "isa": (changed(isa="a\nb"), ".*: not one line of UTF-8"), "confidence": (changed(confidence=1.5), "confidence"), "nan": (changed(confidence="x"), "confidence"),
$     "source": (changed(source="me"), "source"), "level": (forged(level="planet"), "level"), "lines": (changed(start_line=9, end_line=2), "end_line"), "negative": (changed(tokens_in=-1), "tokens_in"),
$     "seed": (forged(seed="18446744073709551616"), "seed"), "sign": (changed(seed="+" + last["seed"]), "seed"), "number": (changed(seed=int(last["seed"])), "seed"), "cut": (changed(cut=1), "cut"), "extra": (changed(more=1), "has 26 fields"), "missing": (without("isa"), "has 24 fields"),
$     "digest": ("".join(r + "\n" for r in body[:-1]) + rows[-1] + "\n", "lines"), "cut off": ("".join(r + "\n" for r in body), "sha256"), "half": (sealed(body)[:-40], None), "none": ("", None), "other": ("{}\n", None), "no json": (sealed(body + ["[1]"]), "is no JSON object"),
$     "twice": (sealed(body + [body[-1][:-1] + ', "isa": "plain"}']), "is no JSON object"), "deep": (sealed(body + ["[" * 60000]), "is no JSON object"), "long": (sealed(body + ['{"a": "' + "x" * 70000 + '"}']), "[0-9]+ bytes: too long"),
$     "bytes": (sealed(body).encode().replace(b"model", b"mod\xffl", 1), "is no JSON object"),
$ }
$ for name, (data, why) in files.items():
$     p = subprocess.run(["precis", "cache", "import", "--store", "empty", "-"], input=data if isinstance(data, bytes) else data.encode(), capture_output=True)
$     err = p.stderr.decode()
$     if p.returncode != 2 or p.stdout or err.count("\n") != 1 or not err.startswith("precis: standard input:") or len(err) > 520 or (why and not re.match(r"precis: standard input:\d+: " + why, err)):
$         print("taken, or for another reason:", name, p.returncode, err)
$ END
$ mkdir empty && precis cache import --store empty lines.jsonl > /dev/null && rm empty/.precis/precis.db*
$ python3 hostile.py; mkdir fresh; ls -A empty/.precis
$ sed 's/"confidence": [0-9.e-]*/"confidence": 7/' lines.jsonl > bad.jsonl
out: .gitignore

== a file that says what is wrong with it, and no store is made for it
$ precis cache import --store fresh bad.jsonl
exit: 2
err~ ^precis: bad.jsonl:2: confidence: 7: is out of range$

== the name of a folder cannot paint the terminal
$ d=$(printf 'a\033[2Jb'); mkdir "$d" && precis cache import --store "$d" lines.jsonl > /dev/null && precis cache stats --store "$d" > s.txt; grep -c $'\033' s.txt; grep -c 'a?\[2Jb' s.txt; rm -r "$d"
out: 0
out: 1

== an export that is interrupted leaves nothing behind
$ mkdir big && precis cache import --store big lines.jsonl > /dev/null && python3 - <<'END'
$ import glob, signal, sqlite3, subprocess
$ db = sqlite3.connect("big/.precis/precis.db")
$ db.execute("WITH RECURSIVE n(v) AS (SELECT 9 UNION ALL SELECT v + 1 FROM n WHERE v < 400) INSERT INTO chunks(file, level, start_line, end_line, symbol, text, version, key, seen) SELECT file, level, start_line + v, end_line + v, symbol, text, version, key, seen FROM chunks, n")
$ db.commit()
$ p = subprocess.Popen(["env", "--default-signal=INT", "precis", "cache", "export", "-q", "--store", "big", "big.jsonl"])
$ while p.poll() is None and not glob.glob("big.jsonl*"):
$     pass
$ p.send_signal(signal.SIGINT)
$ print((p.wait(), glob.glob("big.jsonl*")) in ((130, []), (0, ["big.jsonl"])))
$ END
$ rm -rf big
out: True

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

== a line by rule is that of the file as it is, also where the chunk's own text is the same
$ mkdir around; printf 'int a(int x) {\n    return x;\n}\nint b(int x) {\n    return x;\n}\n' > around/x.c
$ lines() { precis "$@" --store around --format jsonl | grep -o 'Defines[^"]*'; }
$ asked() { lines summarize --prompt 'What for?' --model $TINY -q --loc 4 --no-rollup --max-new-tokens 1 --best-of 1 around; }
$ asked
$ printf 'int a(int x) {\n    return x;\n}\nint b(int x) {\n    x += 1;\n    x += 2;\n    x += 3;\n    return x;\n}\n' > around/x.c
$ asked; asked; lines report
out: Defines the functions a and b.
out: Defines the functions b and a.
out: Defines the functions b and a.
out: Defines the functions b and a.
