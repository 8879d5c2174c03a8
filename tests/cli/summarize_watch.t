# precis summarize --watch: it stays, asks about what changed alone, and writes each report in the place of the one before.

== set-up
$ mkdir -p repo/src bare; echo "int x;" > bare/x.c
$ for i in $(seq 1 30); do echo "int f$i(void) { return $i; }"; done > repo/src/a.c
$ printf 'def g():\n    return 1\n' > repo/src/b.py
$ cat > watched.sh <<'END'
$ # Starts it, and runs standard input with `until_said REGEX`, `lines` and `stop SIGNAL`.
$ export PRECIS_MODELS=$PWD/none
$ rm -f watch.out watch.err # else what an earlier one said may be taken for its words
$ env --default-signal=INT,TERM precis summarize --model $TINY --chunk lines --loc 10 --store repo --watch -v -o out.jsonl --format jsonl repo "$@" > watch.out 2> watch.err & pid=$!
$ until_said() { until grep -Eqs "$1" watch.err || ! kill -0 $pid; do sleep 0.05; done; }
$ lines() { sed 's/.*"file_path":"\([^"]*\)","start_line":\([0-9]*\),"end_line":\([0-9]*\).*"level":"\([a-z]*\)".*/\1 \2-\3 \4/' out.jsonl | grep "$1"; }
$ stop() { kill -$1 $pid; wait $pid; echo "ended with $?"; }
$ until_said 'waits for changes'
$ . /dev/stdin
$ END

== a line, a file renamed over another, a new file, one that is gone
$ bash watched.sh <<'END'
$ lines chunk
$ sed -i 's/return 15;/return 99;/' repo/src/a.c
$ until_said 'files: 1 changed, 0 new, 0 gone; chunks: 1 made, 3 from the store, 0 failed'
$ printf 'int h(int n) {\n    return n;\n}\n' > repo/c.tmp; mv repo/c.tmp repo/src/c.c
$ until_said 'files: 0 changed, 1 new, 0 gone; chunks: 1 made, 4 from the store'
$ lines c.c
$ rm repo/src/a.c
$ until_said 'files: 0 changed, 0 new, 1 gone; chunks: 0 made, 2 from the store'
$ lines chunk
$ stop INT
$ END
$ cat watch.out; grep -c 'ready in' watch.err; ls | grep 'out\.jsonl'
out: src/a.c 1-10 chunk
out: src/a.c 11-20 chunk
out: src/a.c 21-30 chunk
out: src/b.py 1-2 chunk
out: src/c.c 1-3 chunk
out: src/c.c 1-3 file
out: src/b.py 1-2 chunk
out: src/c.c 1-3 chunk
out: ended with 0
out: 1
out: out.jsonl

== the report is that of a run that does not stay
$ bash watched.sh <<'END'
$ cp out.jsonl first.jsonl
$ printf '\n' >> repo/src/b.py
$ until_said 'files: 1 changed, 0 new, 0 gone'
$ stop TERM
$ END
$ PRECIS_MODELS=$PWD/none precis summarize -q --model $TINY --chunk lines --loc 10 --store repo --format jsonl repo | sed 's/"elapsed_ms":[0-9.e-]*//' > once; sed 's/"elapsed_ms":[0-9.e-]*//' out.jsonl | cmp - once
out: ended with 0

== a renamed file is one that is new and one that is gone
$ rm repo/src/c.c; for i in $(seq 1 30); do echo "int f$i(void) { return $i; }"; done > repo/src/a.c
$ bash watched.sh <<'END'
$ mv repo/src/a.c repo/src/d.c
$ until_said 'files: 0 changed, 1 new, 1 gone'
$ lines d.c.*chunk; grep -q '"renamed_from":"src/a.c"' out.jsonl && echo marked
$ stop INT
$ END
out: src/d.c 1-10 chunk
out: src/d.c 11-20 chunk
out: src/d.c 21-30 chunk
out: marked
out: ended with 0

== a tree without a file for a moment: the report stays
$ bash watched.sh <<'END'
$ mv repo/src away
$ until_said 'the report stays as it was'
$ lines chunk
$ mv away repo/src
$ until_said 'files: 0 changed, 2 new, 0 gone; chunks: 0 made, 4 from the store'
$ stop INT
$ END
out: src/b.py 1-3 chunk
out: src/d.c 1-10 chunk
out: src/d.c 11-20 chunk
out: src/d.c 21-30 chunk
out: ended with 0

== what changed since a revision
needs: git
$ cd repo && git init -q -b main && git config user.email t@example.org && git config user.name t && git config commit.gpgsign false && printf '.precis\n' > .gitignore && git add -A && git commit -qm one && cd ..
$ bash watched.sh --since HEAD <<'END'
$ printf 'int k;\n' > repo/k.tmp; mv repo/k.tmp repo/src/k.c
$ until_said 'files: 0 changed, 1 new, 0 gone; chunks: 1 made, 0 from the store'
$ lines chunk
$ stop INT
$ END
$ grep -c 'nothing that is to be summarised differs from HEAD' watch.err
out: src/k.c 1-1 chunk
out: ended with 0
out: 1

== a report goes to a file
$ precis summarize --model $TINY --watch --store repo repo
exit: 2
err~ ^precis: --watch: each report takes the place of the one before, in a file

== without a store
$ precis summarize --model $TINY --watch -o w.md bare
exit: 2
err~ ^precis: bare: --watch needs a store
absent: w.md

== not of a file, of several paths, of standard input, of two models, or of what is staged
$ for o in '--staged repo' '--no-cache repo' '--refresh-examples repo' 'repo bare' '-' '--model auto repo' 'repo/src/b.py'; do precis summarize --model $TINY --watch --store repo -o w.md $o 2>&1; done | sed 's/^precis: //'
out: --watch and --staged: staging changes no file
out: --watch and --no-cache: the lines of what did not change come from the store
out: --watch and --refresh-examples: the lines of what did not change come from the store
out: --watch takes one path, not 2
out: --watch: standard input cannot be watched
out: --watch: --model auto has two models; name one
out: repo/src/b.py: is not a folder, and only folders are watched
