# Runs over what changed: --since and --staged. Which chunks are asked about is told by the report; what the store knows of the others by the file's line.

== set-up
needs: git
$ mkdir -p repo/src/in repo/.precis elsewhere
$ cd repo && git init -q -b main && git config user.email t@example.org && git config user.name t && git config commit.gpgsign false && git config core.hooksPath none
$ for i in $(seq 1 30); do echo "int f$i(void) { return $i; }"; done > src/a.c
$ cp src/a.c src/in/b.c; printf 'def g():\n    return 1\n' > src/in/c.py; printf '.precis\n*.gen.c\n' > .gitignore
$ git add -A; git commit -qm one; cd ..
$ cat > run.sh <<'END'
$ # The rows of a run, short: place, level.
$ precis summarize --model $TINY --chunk lines --loc 10 --format jsonl "$@" > rows.jsonl
$ code=$?
$ sed 's/.*"file_path":"\([^"]*\)","start_line":\([0-9]*\),"end_line":\([0-9]*\).*"level":"\([a-z]*\)".*/\1 \2-\3 \4/' rows.jsonl
$ exit $code
$ END

== nothing changed: a report without lines, and it is said
needs: git
$ bash run.sh --since HEAD repo | wc -l
out: 0
err: precis: nothing that is to be summarised differs from HEAD

== in every format
needs: git
$ for f in md html csv; do precis summarize -q --model $TINY --since HEAD --format $f repo -o r.$f; done
$ cat r.md; grep -c 'There is no line in this report' r.html; wc -l < r.csv; precis summarize --model $TINY --staged repo -o r.md
out: # repo
out: 
out: There is no line in this report.
out: 1
out: 1
err: precis: nothing is staged that is to be summarised

== the chunk with the line that changed, without a store: nothing is said of all of the file
needs: git
$ sed -i 's/return 15;/return 99;/' repo/src/a.c
$ bash run.sh -q --no-store --since HEAD repo
out: src/a.c 11-20 chunk

== with the lines of the others in the store the file has one, and no folder
needs: git
$ (cd repo; git stash -q); precis summarize -q --model $TINY --chunk lines --loc 10 repo -o full.md; (cd repo; git stash pop -q)
$ bash run.sh -q --since HEAD repo
out: src/a.c 11-20 chunk
out: src/a.c 1-30 file

== they are the lines of a run over everything
needs: git
$ cp rows.jsonl changed.jsonl
$ precis summarize -q --model $TINY --chunk lines --loc 10 --format jsonl --no-cache repo > all.jsonl
$ python3 - <<'END'
$ import json
$ place = lambda r: (r["file_path"], r["start_line"], r["end_line"], r["level"])
$ all_rows = {place(r): r["summary"] for r in map(json.loads, open("all.jsonl"))}
$ print([all_rows[place(r)] == r["summary"] for r in map(json.loads, open("changed.jsonl"))])
$ END
out: [True, True]

== and precis report has every chunk
needs: git
$ precis report repo --format jsonl | sed -n 's/.*"file_path":"src.a.c","start_line":\([0-9]*\),.*"level":"chunk".*/\1/p'
out: 1
out: 11
out: 21

== staged is what is in the index alone, at the lines where the file has it
needs: git
$ cd repo && git add src/a.c && sed -i '1,10d' src/a.c && sed -i 's/return 3;/return 98;/' src/in/b.c && cd .. && bash run.sh -q --no-store --staged repo
out: src/a.c 1-10 chunk

== committed, staged and unstaged changes, and files that git does not know nor ignore
needs: git
$ cd repo && git commit -qm two && echo 'int h;' > src/new.c && cp src/new.c src/x.gen.c && cd .. && bash run.sh -q --no-store --no-rollup --since HEAD~1 repo/src
out: a.c 1-10 chunk
out: in/b.c 1-10 chunk
out: new.c 1-1 chunk

== of the paths that are asked about
needs: git
$ bash run.sh -q --no-store --no-rollup --since HEAD~1 repo/src/in repo/src/new.c
out: repo/src/in/b.c 1-10 chunk
out: repo/src/new.c 1-1 chunk

== in the first commit everything is staged
needs: git
$ mkdir first && cd first && git init -q && echo 'int h;' > a.c && git add a.c && cd .. && bash run.sh -q --no-rollup --staged first
out: a.c 1-1 chunk

== what git does not take is refused
needs: git
$ precis summarize --model $TINY --since nowhere repo -o new.md
exit: 2
err~ ^precis: --since nowhere: is no commit of .*/repo$
absent: new.md

== nor what could be an option of git
needs: git
$ precis summarize --model $TINY --since=--output=x repo -o new.md
exit: 2
err: precis: --since --output=x: is no revision

== outside of a work tree
needs: git
$ echo 'int x;' > elsewhere/x.c; GIT_CEILING_DIRECTORIES=$PWD precis summarize --model $TINY --since HEAD elsewhere -o new.md; code=$?; rm elsewhere/x.c; exit $code
exit: 2
err~ ^precis: .*/elsewhere: git: fatal: not a git repository
absent: new.md

== a broken GIT_DIR is one clear error
needs: git
$ GIT_DIR=/nowhere precis summarize --model $TINY --staged repo -o new.md
exit: 2
err~ ^precis: .*/repo: git: fatal: not a git repository: '/nowhere'

== without git
needs: git
$ PATH=$(dirname "$(command -v precis)") precis summarize --model $TINY --staged repo -o new.md
exit: 2
err: precis: git: there is no such program in PATH

== what does not go together
needs: git
$ precis summarize --model $TINY --since HEAD --staged repo -o new.md
exit: 2
err: precis: --since and --staged: one of them is enough

== standard input
needs: git
$ echo 'int x;' | precis summarize --model $TINY --since HEAD - -o new.md
exit: 2
err: precis: --since: standard input has no history

== interrupted while git runs
$ mkdir -p slow; printf '#!/bin/sh\n: > started\nexec sleep 1000\n' > slow/git; chmod +x slow/git
$ echo 'int x;' > elsewhere/x.c; PATH=$PWD/slow:$PATH env --default-signal=INT,TERM precis summarize --model $TINY --since HEAD elsewhere -o new.md & p=$!
$ until [ -e started ]; do sleep 0.05; done; kill -TERM $p; wait $p
exit: 130
absent: new.md
