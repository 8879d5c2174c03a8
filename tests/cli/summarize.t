# summarize, with a model of noise: its lines may fail to be sentences (exit 3), but the way is real.

== set-up
$ mkdir -p src/inner empty notext
$ for i in 1 2 3 4 5 6 7; do echo "int f$i(void) { return $i; }"; done > src/a.c
$ printf 'def g():\n    return 1\n' > src/inner/b.py
$ printf 'just words\n' > notext/readme.txt
$ : > void.c
$ printf '\0\1\2\3' > binary.c
$ printf '*.py\n' > ignored.txt

== Markdown on standard output
$ precis summarize --model $TINY -q src
exit: 0 3
out~ a\.c
out~ b\.py

== JSON Lines, in order, with exact ranges
$ precis summarize --model $TINY -q --format jsonl --loc 3 src > lines.jsonl
$ code=$?
$ python3 -c "import json; [print(r['file_path'], r['start_line'], r['end_line']) for r in map(json.loads, open('lines.jsonl')) if r['level'] == 'chunk']"
$ exit $code
exit: 0 3
out: a.c 1 3
out: a.c 4 6
out: a.c 7 7
out: inner/b.py 1 2

== rows of files, folders and the whole come after those of chunks, deepest first
$ python3 - <<'END'
$ import json
$ rows = [(r["level"], r["file_path"], r["start_line"], r["end_line"]) for r in map(json.loads, open("lines.jsonl"))]
$ order = [("chunk", "a.c", 1, 3), ("chunk", "a.c", 4, 6), ("chunk", "a.c", 7, 7), ("chunk", "inner/b.py", 1, 2), ("file", "a.c", 1, 7), ("file", "inner/b.py", 1, 2), ("directory", "inner", 0, 0), ("repository", "", 0, 0)]
$ print([r for r in rows if r not in order], rows == [r for r in order if r in rows])
$ END
out: [] True

== --no-rollup: none of these
$ precis summarize --model $TINY -q --format jsonl --loc 3 --no-rollup src > chunks.jsonl; code=$?
$ grep -c . chunks.jsonl; grep -c '"level":"chunk"' chunks.jsonl; grep '"level":"chunk"' lines.jsonl | wc -l; exit $code
exit: 0 3
out: 4
out: 4
out: 4

== by structure: functions are whole, and the report says what the lines are
needs: trees
$ printf 'int one(void) {\n    return 1;\n}\n\nint two(void) {\n    return 2;\n}\n' > whole.c
$ printf 'class C:\n    def m(self):\n        return 1\n' > whole.py
$ printf 'select 1;\nselect 2;\nselect 3;\nselect 4;\nselect 5;\nselect 6;\n' > whole.sql
$ precis summarize --model $TINY -v --no-rollup --format jsonl --loc 5 --chunk structure whole.c whole.py whole.sql > whole.jsonl
$ code=$?
$ python3 -c "import json; [print(r['file_path'], r['start_line'], r['end_line'], r['symbol_name']) for r in map(json.loads, open('whole.jsonl'))]"
$ exit $code
exit: 0 3
err~ whole\.sql: cut by lines: no grammar for sql
err~ Cut by lines, not by structure +1 of 3 files
out: whole.c 1 3 one
out: whole.c 4 7 two
out: whole.py 1 3 C
out: whole.sql 1 5 None
out: whole.sql 6 6 None

== symbols of lines
needs: trees
$ precis summarize --model $TINY -q --no-rollup --format jsonl --loc 2 whole.py > lines.jsonl
$ precis summarize --model $TINY -q --no-rollup --format csv --loc 2 whole.py > lines.csv
$ code=$?
$ python3 -c "import json; [print(r['start_line'], r['symbol_name']) for r in map(json.loads, open('lines.jsonl'))]"
$ python3 -c "import csv; [print(r['start_line'], r['symbol_name']) for r in csv.DictReader(open('lines.csv'))]"
$ exit $code
exit: 0 3
out: 1 C
out: 3 C.m
out: 1 C
out: 3 C.m

== CSV
$ precis summarize --model $TINY -q --format csv src
exit: 0 3
out~ a\.c

== the report goes to a file, whole, and the statistics to standard error
$ precis summarize --model $TINY src -o report.md
exit: 0 3
err~ 2/2 chunks
err~ (?i)chunks
$ test -s report.md && ls report.md*

== quiet says nothing when all is well
$ precis summarize --model $TINY -q src -o quiet.md 2>&1 | grep -v '^precis: warning'
exit: 1

== verbose says what was loaded
$ precis summarize --model $TINY -v src -o verbose.md
exit: 0 3
err~ computing in
err~ files; skipped

== the output is the same for every number of agents and lanes
$ for n in 1 2 7 20; do precis summarize --model $TINY -q --format jsonl --loc 1 --max-new-tokens 12 --agent-count $n src > agents.$n; done
$ for n in 1 2 3; do precis summarize --model $TINY -q --format jsonl --loc 1 --max-new-tokens 12 --lanes $n src > lanes.$n; done
$ python3 - agents.* lanes.* <<'END'
$ import json, sys
$ keys = "level", "file_path", "start_line", "end_line", "summary", "confidence", "error"
$ runs = [[[r[k] for k in keys] for r in map(json.loads, open(f))] for f in sys.argv[1:]]
$ print(len(runs), sum(r[0] == "chunk" for r in runs[0]), all(r == runs[0] for r in runs))
$ END
out: 7 9 True

== a seed gives the same text again, and another seed another
$ for s in 5 5 6; do precis summarize --model $TINY -q --format jsonl --max-new-tokens 12 --sampling-strategy temperature --temperature 2 --seed $s src | python3 -c "import json, sys; print([(r['summary'], r['tokens_out'], r['confidence']) for r in map(json.loads, sys.stdin)])" >> seeds; done
$ test $(sort -u seeds | wc -l) -le 2 && sed -n 1p seeds > one && sed -n 2p seeds | cmp - one

== every sampling flag is taken
$ precis summarize --model $TINY -q --sampling-strategy nucleus --temperature 1 --top-p 0.5 --top-k 10 --repetition-penalty 1.2 --no-repeat-ngram 3 --seed 9 src
exit: 0 3
out~ a\.c

== beam
$ precis summarize --model $TINY -q --sampling-strategy beam --beams 2 --length-penalty 0.8 --temperature 0.3 src
exit: 0 3
out~ a\.c

== include, ignore
$ precis summarize --model $TINY -q --format jsonl --include '*.py' src | grep -c '"level":"chunk"'
out: 1

== ignore
$ precis summarize --model $TINY -q --format jsonl --ignore inner src | grep -c '"level":"chunk"'
out: 1

== .gitignore is read, and can be left aside
$ cp ignored.txt src/.gitignore
$ precis summarize --model $TINY -q --format jsonl src | grep -c '"level":"chunk"'
$ precis summarize --model $TINY -q --format jsonl --no-gitignore src | grep -c '"level":"chunk"'
$ rm src/.gitignore
out: 1
out: 2

== all text
$ precis summarize --model $TINY -q --format jsonl --all-text --no-rollup notext | grep -c readme.txt
out: 1

== several paths: names begin with the path, a file counts once
$ precis summarize --model $TINY -q --format jsonl src/a.c src | grep -o '"file_path": *"[^"]*"'
out~ "src/a\.c"
out~ "src/inner/b\.py"

== precision, memory, chat template, prompt, max-chars, max-new-tokens
$ precis summarize --model $TINY -q --precision f32 --memory-limit 1G --chat-template chatml --prompt 'Say what it does.' --max-chars 40 --max-new-tokens 4 --format jsonl src
exit: 0 3
out~ custom-

== missing path
$ precis summarize --model $TINY src/missing.c -o r.md
exit: 2
err~ ^precis: src/missing\.c: .*No such file
absent: r.md

== missing path beside a good one
$ precis summarize --model $TINY src nowhere -o r.md
exit: 2
err~ nowhere
absent: r.md

== empty file
$ precis summarize --model $TINY void.c -o r.md
exit: 2
err: precis: void.c: is empty
absent: r.md

== a folder of empty files
$ mkdir -p hollow && : > hollow/x.c
$ precis summarize --model $TINY hollow -o r.md || { rm -r hollow; exit 2; }
exit: 2
err~ ^precis: hollow: every file in it is empty|^precis: hollow: is empty

== binary file
$ precis summarize --model $TINY binary.c -o r.md
exit: 2
err~ binary\.c
absent: r.md

== a folder without files
$ precis summarize --model $TINY empty -o r.md
exit: 2
err~ ^precis: empty: no source files
absent: r.md

== a folder without source
$ precis summarize --model $TINY notext -o r.md
exit: 2
err~ ^precis: notext: no source files .*1 not code.*--all-text
absent: r.md

== unreadable file
needs: user
$ umask 0; printf 'int x;\n' > secret.c; chmod 0 secret.c
$ precis summarize --model $TINY secret.c -o r.md; code=$?; rm -f secret.c; exit $code
exit: 2
err~ secret\.c: .*Permission denied
absent: r.md

== a path that is no path
$ precis summarize --model $TINY "" -o r.md
exit: 2
err~ is not a path

== names that would write to the terminal are shown harmless
$ precis summarize --model $TINY "$(printf 'a\033[31mb\nc')"
exit: 2
err~ a\?\[31mb\?c

== output in a folder that is not there
$ precis summarize --model $TINY src -o nowhere/r.md
exit: 2
err~ ^precis: nowhere/r\.md: cannot write: No such file

== output that is a folder
$ precis summarize --model $TINY src -o empty
exit: 2
err~ ^precis: empty: cannot write

== output that may not be written
needs: user
$ umask 0; : > locked.md; chmod 0444 locked.md
$ precis summarize --model $TINY src -o locked.md; code=$?; rm -f locked.md; exit $code
exit: 2
err~ locked\.md: cannot write: Permission denied

== output that is an input
$ precis summarize --model $TINY src -o src/a.c
exit: 2
err: precis: src/a.c: is to be summarised, so it cannot be the output

== full disk
$ precis summarize --model $TINY -q src -o /dev/full
exit: 2
err: precis: /dev/full: cannot write: No space left on device

== full disk behind standard output
$ precis summarize --model $TINY -q src > /dev/full
exit: 2
err: precis: standard output: cannot write: No space left on device

== a file that grows too large leaves nothing behind
$ (trap '' XFSZ; ulimit -f 0; precis summarize --model $TINY -q src -o big.md 2>&1 | grep '^precis: ')
out~ big\.md: cannot write: File too large
absent: big.md

== an old report stays when a run fails
$ echo old > keep.md; precis summarize --model $TINY -q src/missing -o keep.md 2>/dev/null; cat keep.md
out: old

== empty prompt
$ precis summarize --model $TINY --prompt "" src -o r.md
exit: 2
err: precis: --prompt: is empty

== progress lines when standard error is no terminal
$ precis summarize --model $TINY src -o p.md 2>&1 | grep -c $'\033'
exit: 1
out: 0

== a live line on a terminal, never wider than it
needs: tty
$ precis summarize --model $TINY --loc 1 src -o t.md
exit: 0 3
err~ \r\x1b\[K
err~ 9/9 chunks

== NO_COLOR: plain lines on a terminal
needs: tty
$ NO_COLOR=1 precis summarize --model $TINY src -o t.md 2> >(cat >&2)
exit: 0 3
err~ 2/2 chunks

== a dumb terminal: plain lines
needs: tty
$ TERM=dumb precis summarize --model $TINY src -o t.md
exit: 0 3
err~ \Aprecis: 2/2 chunks

== the real model writes sentences
needs: model
$ precis summarize --model "$MODEL" -q --format jsonl --max-new-tokens 24 src/a.c
out~ "source": *"model"
out~ "summary": *"[A-Z]([^"\\]|\\.){10,118}\."

== and sums them up: a file by its chunks, the report by its files
needs: model
$ precis summarize --model "$MODEL" -q --loc 4 --max-new-tokens 32 src -o tree.md; code=$?
$ python3 - <<'END'
$ import re
$ text = open("tree.md").read()
$ print(bool(re.match(r"# src\n\n[A-Z].*\. \(\d\.\d\d\)\n\nOne line", text)))
$ print(bool(re.search(r"\n- `a\.c` \(C\): [A-Z].*\. \(\d\.\d\d\)\n  - lines 1-4[^:]*: .*\n  - lines 5-7[^:]*: .*\n\n## `inner/`\n\n[A-Z].*\n\n- `b\.py` \(Python\), lines 1-2[^:]*: ", text)))
$ END
$ exit $code
out: True
out: True

== control characters in names do not reach a terminal
$ mkdir odd && echo 'int x;' > "$(printf 'odd/a\302\2332Jb\033.c')" && precis summarize -q --model $TINY --no-store odd > odd.md; grep -c "$(printf '\302\233\|\033')" odd.md; grep -o '^- `.*`' odd.md | cut -c 1-14
out: 0
out: - `a?2Jb?.c` (
