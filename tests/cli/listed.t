# --stdin: a run over the files that standard input names.

== set-up
$ mkdir -p src/in elsewhere && for f in src/a src/b src/in/c elsewhere/d; do echo "int x(void) { return 1; }" > $f.c; done
$ printf 'a\0b' > src/n.c; printf 'skip.c\n' > src/.gitignore; cp src/a.c src/skip.c; ln -s in/c.c src/link.c
$ cat > places.sh <<'END'
$ # Place and level of each row of a run.
$ precis summarize --model $TINY --no-store --format jsonl --stdin "$@" > rows.jsonl
$ code=$?
$ sed 's/.*"file_path":"\([^"]*\)","start_line":\([0-9]*\),"end_line":\([0-9]*\).*"level":"\([a-z]*\)".*/\1 \2-\3 \4/' rows.jsonl
$ exit $code
$ END

== of a folder; names are of where precis is run, in any order, also twice; folders are of what was picked
$ printf 'src/in/c.c\nsrc/a.c\r\n./src/a.c\n\n' | bash places.sh -q src
out: a.c 1-1 chunk
out: in/c.c 1-1 chunk
out: a.c 1-1 file
out: in/c.c 1-1 file
out: in 0-0 directory
out:  0-0 repository

== without a PATH, and the last name without an end
$ cd src && printf 'b.c\n../src/in/c.c' | bash ../places.sh -q --no-rollup
out: b.c 1-1 chunk
out: in/c.c 1-1 chunk

== ended by NUL, by which a name may hold a newline
$ mkdir odd && echo 'int y;' > "$(printf 'odd/two\nlines.c')" && printf 'odd/two\nlines.c\0src/b.c\0' | bash places.sh -q --no-rollup odd src
out: odd/two\nlines.c 1-1 chunk
out: src/b.c 1-1 chunk

== by another name of it
$ echo src/link.c | bash places.sh -q --no-rollup src
out: in/c.c 1-1 chunk

== what is not there, is ignored, binary, or elsewhere is counted
$ printf 'src/gone.c\nsrc/a.c\nsrc/skip.c\nsrc/n.c\nelsewhere/d.c\nsrc/a.c/b\nsrc' | bash places.sh --no-rollup src 2> said; grep -- --stdin said
out: a.c 1-1 chunk
out: precis: warning: --stdin: 2 of the names lead to no file (src/gone.c)
out: precis: warning: --stdin: 4 of the names are not among the files below PATH that are summarised (elsewhere/d.c)

== nothing is left: a report without lines, and it is said
$ precis summarize --model $TINY --stdin src -o r.md < /dev/null; cat r.md; echo nowhere.c | precis summarize --model $TINY --stdin src -q
out: # src
out: 
out: There is no line in this report.
out: # src
out: 
out: There is no line in this report.
err: precis: standard input names nothing that is to be summarised

== of what changed
needs: git
$ git init -q work && cp src/a.c src/b.c work && cd work && git add . && git -c user.name=t -c user.email=t@example.org -c commit.gpgsign=false commit -qm one && echo 'int z;' | tee -a a.c >> b.c && echo b.c | bash ../places.sh -q --no-rollup --since HEAD
out: b.c 1-2 chunk

== options that it does not go with
$ echo src/a.c | precis summarize --model $TINY --stdin - -o r.md
exit: 2
err: precis: --stdin: standard input is the list of files, not PATH -

== nor an instruction from there
$ echo src/a.c | precis summarize --model $TINY --stdin --prompt-file - src
exit: 2
err: precis: --stdin: standard input is the list of files, not --prompt-file -

== nor a watch
$ echo src/a.c | precis summarize --model $TINY --stdin --watch --store w -o r.md src
exit: 2
err: precis: --watch: standard input cannot be watched
