# Renamed files keep their lines, marked.

== set-up
$ mkdir -p repo/src/old repo/.precis
$ for i in $(seq 1 30); do echo "int f$i(void) { return $i; }"; done > repo/src/old/a.c
$ printf 'int other(int n) {\n    return n;\n}\n' > repo/src/b.c
$ cat > run.sh <<'END'
$ # A run, and what of its rows is told: place, level, what it was called.
$ precis summarize -q --model $TINY --chunk lines --loc 10 --format jsonl "$@" > rows.jsonl
$ code=$?
$ python3 - <<'PY'
$ import json
$ for r in map(json.loads, open("rows.jsonl")):
$     if r["level"] in ("chunk", "file"):
$         print(r["file_path"], f'{r["start_line"]}-{r["end_line"]}', r["level"], r["renamed_from"] or "-")
$ PY
$ exit $code
$ END
$ cat > lines.py <<'END'
$ import json, sys
$ rows = [json.loads(x) for x in open(sys.argv[1])]
$ print(sorted((r["level"], r["start_line"], r["summary"]) for r in rows if r["file_path"].endswith(sys.argv[2])))
$ END

== before
$ bash run.sh repo && cp rows.jsonl first.jsonl
out: src/b.c 1-3 chunk -
out: src/old/a.c 1-10 chunk -
out: src/old/a.c 11-20 chunk -
out: src/old/a.c 21-30 chunk -
out: src/b.c 1-3 file -
out: src/old/a.c 1-30 file -

== a renamed file has the same lines, and says so
$ mkdir repo/src/new && mv repo/src/old/a.c repo/src/new/z.c && bash run.sh repo && python3 lines.py first.jsonl a.c > a; python3 lines.py rows.jsonl z.c > z; cmp a z
out: src/b.c 1-3 chunk -
out: src/new/z.c 1-10 chunk src/old/a.c
out: src/new/z.c 11-20 chunk src/old/a.c
out: src/new/z.c 21-30 chunk src/old/a.c
out: src/b.c 1-3 file -
out: src/new/z.c 1-30 file src/old/a.c

== a second run says the same, though neither the model nor the old path is looked at
$ timeless() { sed 's/"elapsed_ms":[0-9.e-]*//' "$1"; }
$ bash run.sh repo > again; timeless rows.jsonl > second.jsonl; bash run.sh repo | cmp - again; timeless rows.jsonl | cmp - second.jsonl
$ precis cache gc --store repo --gone > gc.out; bash run.sh repo | cmp - again; timeless rows.jsonl | cmp - second.jsonl

== and so does a report of the store
$ precis report repo --format jsonl > derived.jsonl
$ python3 - <<'END'
$ import json
$ key = lambda r: (r["file_path"], r["start_line"], r["level"], r["summary"], r["renamed_from"], r["sha256"])
$ read = lambda name: sorted(key(r) for r in map(json.loads, open(name)))
$ print(read("derived.jsonl") == read("rows.jsonl"))
$ END
$ precis report --store repo repo/src/new/z.c | grep -c 'renamed from `src/old/a.c`'
$ precis report repo --format html | grep -c 'renamed from src/old/a.c'
$ precis report repo --format csv | grep -c 'src/old/a.c'
out: True
out: 4
out: 4
out: 4

== renamed once more it is what it was at first
$ mv repo/src/new/z.c repo/src/y.c && bash run.sh repo
out~ src/y\.c 1-10 chunk src/old/a\.c
out~ src/y\.c 1-30 file src/old/a\.c

== edited, only what changed is made anew
$ sed -i 's/return 15;/return 99;/' repo/src/y.c && bash run.sh repo
out~ src/y\.c 1-10 chunk src/old/a\.c
out~ src/y\.c 11-20 chunk -
out~ src/y\.c 21-30 chunk src/old/a\.c
out~ src/y\.c 1-30 file -

== asked for, all of it is
$ bash run.sh repo --refresh-examples | grep -v ' -$'; bash run.sh repo | grep -c ' -$'
out: 6

== a copy is none
$ cp repo/src/y.c repo/src/copy.c && bash run.sh repo | grep copy
out: src/copy.c 1-10 chunk -
out: src/copy.c 11-20 chunk -
out: src/copy.c 21-30 chunk -
out: src/copy.c 1-30 file -

== moved back, a file has its own lines again, as in the first run
$ rm repo/src/copy.c; for i in $(seq 1 30); do echo "int f$i(void) { return $i; }"; done > repo/src/old/a.c; rm repo/src/y.c
$ bash run.sh repo | grep a.c; python3 lines.py rows.jsonl a.c | cmp - a
out: src/old/a.c 1-10 chunk -
out: src/old/a.c 11-20 chunk -
out: src/old/a.c 21-30 chunk -
out: src/old/a.c 1-30 file -

== --no-cache takes nothing over
$ mv repo/src/old/a.c repo/src/q.c && bash run.sh repo --no-cache | grep -c ' -$'
out: 6

== what is kept for another path is not shared
$ mkdir -p other/.precis && cp repo/src/q.c other/a.c && bash run.sh other > first && mv other/a.c other/b.c && bash run.sh other > second
$ grep -c 'a.c$' second; precis cache export -q --store other lines; grep -c '"path": "b.c"' lines; grep -c '"path": "a.c"' lines
out: 4
out: 0
out: 4
