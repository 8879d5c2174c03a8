# parallel_summarizer: each of its nine flags, under both names.

== set-up
$ mkdir src && for i in 1 2 3 4 5; do echo "int f$i(void) { return $i; }"; done > src/a.c && cp src/a.c one.c

== all nine flags
$ parallel_summarizer --file src --output-file out.md --results-file run.log --loc 2 --prompt 'Say what it does.' --agent-count 3 --sampling-strategy beam --temperature 0.3 --max-new-tokens 6 -q --model $TINY; code=$?
$ grep -c 'chunk [123]' run.log; grep -q a.c out.md && echo report; exit $code
exit: 0 3
out: 3
out: report

== as a command of precis, on one file
$ precis parallel_summarizer --file one.c --output-file one.md --results-file one.log --model $TINY
exit: 0 3
err~ 1/1 chunks

== the log has a line for each chunk: time, chunk, place, ms, tokens, confidence, text; then statistics
$ head -1 one.log | grep -cP '^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ\tchunk 1\tone\.c:1-5\t\d+ ms\t\d+\+\d+ tokens\t(\d\.\d\d|failed)\t.'
$ sed -n 2p one.log | wc -c | tr -d ' '
$ test $(wc -l < one.log) -gt 4 && echo statistics
out: 1
out: 1
out: statistics

== without --output-file the summary is on standard output
$ parallel_summarizer --file one.c --model $TINY -q
exit: 0 3
out~ one\.c

== --loc
$ parallel_summarizer --file one.c --loc 2 --results-file loc.log --output-file loc.md --model $TINY -q; cut -f3 loc.log | grep one.c | sort
exit: 0 3
out: one.c:1-2
out: one.c:3-4
out: one.c:5-5

== --prompt is the instruction, literally
$ parallel_summarizer --file one.c --prompt 'Only %s and {text} say this.' --output-file p.md --model $TINY -q; code=$?; test -s p.md; exit $code
exit: 0 3

== --prompt empty
$ parallel_summarizer --file one.c --prompt '' --model $TINY
exit: 2
err: parallel_summarizer: --prompt: is empty

== --sampling-strategy: each
$ for s in greedy temperature nucleus beam; do parallel_summarizer --file one.c --sampling-strategy $s --temperature 0.3 --max-new-tokens 4 --output-file $s.md --model $TINY -q; case $? in 0|3) echo $s;; esac; done
out: greedy
out: temperature
out: nucleus
out: beam

== --sampling-strategy unknown
$ parallel_summarizer --file one.c --sampling-strategy random --model $TINY
exit: 2
err~ --sampling-strategy random: must be one of

== --temperature below zero
$ parallel_summarizer --file one.c --temperature -1 --output-file x.md --model $TINY
exit: 2
err: parallel_summarizer: --temperature -1: must be between 0 and 2
absent: x.md

== --max-new-tokens 0
$ parallel_summarizer --file one.c --max-new-tokens 0 --model $TINY
exit: 2
err~ --max-new-tokens 0: must be between 1 and 4096

== --agent-count 0
$ parallel_summarizer --file one.c --agent-count 0 --output-file x.md --model $TINY
exit: 2
err~ --agent-count 0: must be between 1 and 100
absent: x.md

== --agent-count 101
$ parallel_summarizer --file one.c --agent-count 101 --model $TINY
exit: 2
err~ --agent-count 101: must be between 1 and 100

== --file missing
$ parallel_summarizer --file no.c --output-file x.md --results-file x.log --model $TINY
exit: 2
err~ no\.c
absent: x.md
absent: x.log

== --output-file that cannot be written leaves no log
$ parallel_summarizer --file one.c --output-file no/x.md --results-file x.log --model $TINY
exit: 2
err~ no/x\.md: cannot write
absent: x.log

== --results-file that cannot be written leaves no summary
$ parallel_summarizer --file one.c --output-file x.md --results-file no/x.log --model $TINY
exit: 2
err~ no/x\.log: cannot write
absent: x.md

== --results-file on a full disk
$ parallel_summarizer --file one.c --output-file x.md --results-file /dev/full --model $TINY -q
exit: 2
err: parallel_summarizer: /dev/full: cannot write: No space left on device
absent: x.md

== --output-file on a full disk removes the log
$ parallel_summarizer --file one.c --output-file /dev/full --results-file x.log --model $TINY -q
exit: 2
err~ /dev/full: cannot write: No space left on device
absent: x.log

== both outputs one file
$ parallel_summarizer --file one.c --output-file x.md --results-file x.md --model $TINY
exit: 2
err~ x\.md: cannot be both

== the log over the input
$ parallel_summarizer --file one.c --results-file one.c --model $TINY
exit: 2
err~ one\.c: is to be summarised
