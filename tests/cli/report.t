# Reports from the store, without a model.

== set-up
$ mkdir -p repo/src/inner/deep repo/src/inner.x repo/.git
$ for i in 1 2 3 4 5 6 7; do echo "int f$i(void) { return $i; }"; done > repo/src/a.c
$ printf 'def g():\n    return 1\n' > repo/src/inner/b.py
$ printf 'int d;\nint e;\n' > repo/src/inner/deep/d.c
$ printf 'int x;\n' > repo/src/inner.x/x.c
$ printf 'int top;\n' > repo/top.c
$ cat > lines.py <<'END'
$ """Compares reports: each line with all that is said of it, apart from the reasons of what has none."""
$ import csv, json, sys
$ def rows(path):
$     if path.endswith(".jsonl"):
$         return [r for r in map(json.loads, open(path)) if not r["error"]]
$     return [r for r in csv.DictReader(open(path, newline="")) if not r["error"]]
$ print(rows(sys.argv[1]) == rows(sys.argv[2]) or [x for x in zip(rows(sys.argv[1]), rows(sys.argv[2])) if x[0] != x[1]], len(rows(sys.argv[1])) > 0)
$ END

== what is derived is what the run said: JSON Lines, CSV
$ precis summarize --prompt 'What for?' --model $TINY -q --store repo --loc 2 --format jsonl repo > run.jsonl; code=$?
$ precis report repo --format jsonl > derived.jsonl 2> /dev/null && python3 lines.py run.jsonl derived.jsonl
$ mkdir other && precis summarize --prompt 'What for?' --model $TINY -q --store other --loc 2 --format csv repo > run.csv
$ cd other && precis report --store . ../repo --format csv -o ../derived.csv 2> /dev/null; cd .. && python3 lines.py run.csv derived.csv
$ exit $code
exit: 0 3
out: True True
out: True True

== of a folder in it, of a file, and from below
$ precis summarize --prompt 'What for?' --model $TINY -q --loc 2 --format jsonl --no-cache repo/src/inner > run.jsonl; code=$?
$ cd repo && precis report src/inner --format jsonl -q > ../derived.jsonl; cd .. && python3 lines.py run.jsonl derived.jsonl
$ precis report repo/src/inner/b.py --format jsonl -q | python3 -c "import json, sys; print({r['file_path'] for r in map(json.loads, sys.stdin)})"
$ cd repo/src/inner && precis report -q --format jsonl | grep -c '"file_path":"src/a.c"' | sed 's/[1-9][0-9]*/some/'
$ exit $code
exit: 0 3
out: True True
out: {'b.py'}
out: some

== of what is outside of the folder whose store has it
$ mkdir away && cp repo/src/a.c away && precis summarize --prompt 'What for?' --model $TINY -q --store other --loc 2 --no-rollup --format jsonl away > away.jsonl; code=$?
$ cd other && precis report ../away --format jsonl -q > ../derived.jsonl; cd .. && python3 lines.py away.jsonl derived.jsonl; exit $code
exit: 0 3
out: True True

== Markdown: the same, but for statistics and for why a line is missing
$ precis summarize --prompt 'What for?' --model $TINY -q --loc 2 repo -o run.md; code=$?
$ precis report repo -q > derived.md && sed '/^## \(Statistics\|Without\)/,$d' run.md | sed '$d' > run.cut && sed '/^## Without/,$d' derived.md | sed '/^$/d' > derived.cut
$ sed '/^$/d' run.cut | diff - derived.cut && echo same; grep -c Statistics derived.md; exit $code
exit: 0 3
out: same
out: 0

== while another process writes
$ cat > writer.py <<'END'
$ import sqlite3, subprocess, sys
$ db = sqlite3.connect("repo/.precis/precis.db", isolation_level=None)
$ db.execute("BEGIN IMMEDIATE"); db.execute("UPDATE files SET hash = zeroblob(32) WHERE path = 'src/a.c'")
$ print(subprocess.run(["precis", "report", "repo", "-q", "--format", "jsonl", "-o", "meanwhile.jsonl"]).returncode)
$ db.execute("ROLLBACK")
$ END
$ python3 writer.py && precis report repo -q --format jsonl | cmp - meanwhile.jsonl
out: 0

== what has changed, and what is not there yet, is missing
$ cp -a repo gone && python3 - <<'END'
$ import sqlite3
$ db = sqlite3.connect("gone/.precis/precis.db")
$ db.execute("UPDATE files SET hash = zeroblob(32) WHERE path = 'src/inner/b.py'")
$ db.execute("DELETE FROM chunks WHERE level = 0 AND start_line IN (1, 3) AND file = (SELECT id FROM files WHERE path = 'src/a.c')")
$ db.commit()
$ END
$ precis report gone --format jsonl -o gone.jsonl
$ python3 -c "import json; [print(r['file_path'], r['start_line'], r['end_line'], r['error']) for r in map(json.loads, open('gone.jsonl')) if r['error'] and r['file_path'] in ('src/a.c', 'src/inner/b.py')][:2]" | head -2
out: src/a.c 1 4 the store has no line for it
out: src/inner/b.py 0 0 the store has no line for its present text
err~ ^precis: [0-9]+ places have no line: the report names them$

== what is not there any more is left out
$ cp -a repo left && rm -r left/src/a.c left/src/inner && precis summarize --prompt 'What for?' --model $TINY -q --loc 2 --refresh-examples --format jsonl left > run.jsonl; code=$?
$ precis report left --format jsonl -o derived.jsonl && python3 lines.py run.jsonl derived.jsonl
$ grep -c 'src/a.c\|src/inner"\|src/inner/' derived.jsonl
$ rm -r left/src left/top.c && precis report left -q; echo $?; exit $code
exit: 0 3
out: True True
out: 0
out: 1
err~ ^precis: [0-9]+ files are not there any more: the report leaves them out$

== no lines
$ precis report --store gone src/nothing
exit: 1
err~ ^precis: src/nothing: .*gone/\.precis/precis\.db has no lines$

== no lines, and no file
$ precis report --store gone src/nothing -o r.md
exit: 1
absent: r.md

== no lines, and a folder whose name moves the cursor
$ mv gone $'x\e[2J' && precis report --store $'x\e[2J' src/nothing 2> said; code=$?; mv $'x\e[2J' gone; grep -c 'x.\[2J.*has no lines' said; grep -c $'\e' said; exit $code
exit: 1
out: 1
out: 0

== no store
$ mkdir bare && cd bare && precis report
exit: 2
err: precis: there is no store here (precis summarize --store . makes one)

== two paths
$ precis report a b
exit: 2
err: precis: b: one path is enough (see precis report --help)

== no such format
$ precis report --format xml
exit: 2
err~ ^precis: --format xml: must be one of md, jsonl, csv, html
