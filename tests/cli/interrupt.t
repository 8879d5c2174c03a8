# A signal ends a run early, with a whole report over what is done.

== set-up
$ for i in $(seq 3000); do echo "int f$i(void) { return $i; }"; done > many.c
$ cat > stop.sh <<'END'
$ # usage: stop.sh SIGNAL...: starts a long run, sends the signals once a chunk has finished
$ env --default-signal=INT,TERM parallel_summarizer --model $TINY --file many.c --loc 1 --output-file out.md --results-file run.log & pid=$!
$ until grep -q chunk run.log 2>/dev/null || ! kill -0 $pid; do sleep 0.05; done
$ for s in "$@"; do kill -$s $pid; done
$ wait $pid
$ END

== SIGINT
$ bash stop.sh INT; code=$?; test -s out.md && grep -q many.c out.md && echo report; test $(grep -c $'\tchunk ' run.log) -lt 3000 && echo early; ls out.md*; exit $code
exit: 130
out: report
out: early
out: out.md
err~ chunks

== SIGTERM
$ rm out.md run.log; bash stop.sh TERM; code=$?; ls; exit $code
exit: 130
out~ ^out\.md$

== a second signal ends it at once, with no temporary file left
$ rm out.md run.log; bash stop.sh TERM INT 2>/dev/null; ls | grep -c 'out\.md\.'
exit: 1
out: 0

== a report of what a store has
$ head -300 many.c > some.c && mkdir kept && precis summarize --prompt 'What for?' --model $TINY -q --store kept --loc 1 --no-rollup --max-new-tokens 1 --best-of 1 --format csv some.c > all.csv; mkfifo pipe
$ env --default-signal=INT precis report --store kept some.c -q --format jsonl > pipe & pid=$!
$ exec 3< pipe; read -r first <&3; kill -INT $pid; test $(wc -l <&3) -lt 250 && echo early; wait $pid
exit: 130
out: early
