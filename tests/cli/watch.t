# precis index --watch: it stays, finds what changes, and ends when it is asked to.

== set-up
$ mkdir -p repo/src repo/.git
$ printf 'build/\n' > repo/.gitignore
$ printf 'int wake_worker(int n) {\n    return n;\n}\n' > repo/src/wake.c
$ cat > watched.sh <<'END'
$ # Starts it, and runs standard input with `until_said REGEX`, `found QUERY` and `stop SIGNAL`.
$ export PRECIS_MODELS=$PWD/none
$ rm -f watch.out watch.err # else what an earlier one said may be taken for its words
$ env --default-signal=INT,TERM precis index repo --watch "$@" > watch.out 2> watch.err & pid=$!
$ until_said() { until grep -Eqs "$1" watch.err || ! kill -0 $pid; do sleep 0.05; done; }
$ found() { precis search -q --store repo --json "$1" | grep -o '"symbol_name": "[^"]*"'; }
$ stop() { kill -$1 $pid; wait $pid; echo "ended with $?"; }
$ until_said 'waits for changes'
$ . /dev/stdin
$ END

== a change, a file renamed over another, a new folder, one that is gone
$ bash watched.sh <<'END'
$ printf 'int park_thread(int n) {\n    return n;\n}\n' >> repo/src/wake.c
$ until_said 'files: 1 changed, 0 new, 0 gone; chunks: 2 new'
$ found 'park thread'
$ printf 'int steal_task(int n) {\n    return n;\n}\n' > repo/new.tmp; mv repo/new.tmp repo/src/wake.c
$ until_said 'files: 1 changed, 0 new, 0 gone; chunks: 1 new'
$ found 'steal task'; found 'park thread'
$ mkdir -p repo/lib/deep repo/build; echo 'int not_here;' > repo/build/x.c
$ printf 'int drain_queue(int n) {\n    return n;\n}\n' > repo/lib/deep/queue.c
$ until_said 'files: 0 changed, 1 new, 0 gone'
$ found 'drain queue'; found 'not here'
$ rm -r repo/lib
$ until_said 'files: 0 changed, 0 new, 1 gone'
$ found 'drain queue'
$ stop INT
$ END
$ grep -c . watch.out
out: "symbol_name": "park_thread"
out: "symbol_name": "steal_task"
out: "symbol_name": "drain_queue"
out: ended with 0
out: 1

== SIGTERM, and a value for each update
$ bash watched.sh --json <<'END'
$ printf 'int wake_worker(int n) {\n    return n;\n}\n' > repo/src/wake.c
$ until_said 'files: 1 changed'
$ stop TERM
$ END
$ sed 's/"lost".*//' watch.out
out: ended with 0
out: {"files": 1, "unchanged": 1, "removed": 0, 
out: {"files": 1, "unchanged": 0, "removed": 0, 

== a file cannot be watched
$ precis index repo/src/wake.c --watch
exit: 2
err~ wake\.c: is not a folder, and only folders are watched
