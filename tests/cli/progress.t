# --progress and --log: what a run says while it goes on, for people and for programs.

== set-up
$ mkdir src; for i in 1 2 3; do for n in $(seq 1 40); do echo "int f${i}_$n(int a) { return a + $n; }"; done > src/$i.c; done; printf 'int main(void);\n' > main.c
$ cat > read.py <<'END'
$ import json, sys
$ rows = [json.loads(line) for line in sys.stdin]
$ lines = [r for r in rows if r["event"] == "line"]
$ ends = [r for r in rows if r["event"] == "run"]
$ chunks = ends[-1]["chunks"]
$ print(sorted({r["event"] for r in rows} - {"progress"}), len(ends), rows[-1]["event"])
$ print([r["path"] for r in lines if r["kind"] == "chunk"] and sum(r["kind"] == "chunk" for r in lines))
$ print(chunks["total"], chunks["done"] + chunks["failed"] + chunks["left"], chunks["cached"], sum(r["cached"] for r in lines if r["kind"] == "chunk"))
$ print(ends[-1]["eta_seconds"], ends[-1]["memory_bytes"] > 1000000, ends[-1]["slowest"] is not None)
$ END

== json, and nothing else with --quiet
$ precis summarize --model $TINY -q --store . --progress json --loc 20 src 2>&1 >report.md | python3 read.py
exit: 0 3
out: ['line', 'run'] 1 run
out: 6
out: 6 6 0 0
out: 0 True True

== what the store has is cached
$ precis summarize --model $TINY -q --store . --progress json --loc 20 src 2>&1 >report.md | python3 read.py
exit: 0 3
out: ['line', 'run'] 1 run
out: 6
out: 6 6 6 6
out: 0 True False

== no progress
$ precis summarize --model $TINY --no-store --progress none src 2>&1 >report.md | grep -c 'tokens/s, ETA'
exit: 1
out: 0

== plain
$ precis summarize --model $TINY --no-store --progress plain src 2>&1 >report.md | grep 'tokens/s, ETA' | tail -1 | sed 's/[0-9.,]*[0-9]/N/g'
out: precis: N/N chunks, N failed, N/N roll-ups, N tokens/s, ETA N:N, elapsed N:N, N MB, slowest N s (N.c:N-N)

== plain on a terminal has no bar
needs: tty
$ precis summarize --model $TINY --no-store --progress plain src > report.md
exit: 0 3
err~ ^precis: 3/3 chunks

== another word
$ precis summarize --progress bar src
exit: 2
err: precis: --progress bar: must be one of auto, json, plain, none

== a log
$ precis summarize --model $TINY -q --no-store --log run.log src > report.md; code=$?
$ python3 -c 'import json; once = lambda m: dict(m) if len({k for k, _ in m}) == len(m) else None; r = [json.loads(l, object_pairs_hook=once) for l in open("run.log")]; print([x["event"] for x in r if x["event"] not in ("line", "message")], sum(x["event"] == "line" and x["level"] in ("info", "warning") for x in r) >= 3, r[0]["command"], r[-1]["exit_code"])'; exit $code
exit: 0 3
out~ ^\['start', 'run', 'end'\] True summarize [03]$

== a log is appended to, and errors are in it
$ precis metrics --log run.log no-such 2> said; python3 -c 'import json; r = [json.loads(l) for l in open("run.log")]; print([x["event"] for x in r].count("start"), r[-2]["level"], r[-2]["message"] in open("said").read(), r[-1]["exit_code"])'
out: 2 error True 2

== a file that is no log stays as it is
$ precis metrics --log main.c src
exit: 2
err: precis: --log main.c: is no log of precis, so it is left as it is

== nowhere to write
$ precis metrics --log no/where src
exit: 2
err~ ^precis: no/where: cannot write

== a log that fills up is said once, and ends no run
$ precis metrics --log /dev/full src > report.md 2> said; echo $?; cat said
out: 0
out: precis: the log ends here: /dev/full: cannot write: No space left on device

== a log is no report
$ precis summarize --model $TINY --log run.log -o run.log src; echo $?
out: 2
err: precis: run.log: cannot be both --log and another output

== of no command
$ precis report --store . --log new.log -o ./new.log; echo $?
out: 2
err: precis: new.log: cannot be both --log and another output
