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
