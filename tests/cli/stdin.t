# Standard input as the one file of a run.

== set-up
$ mkdir -p d/.precis && for i in 1 2 3; do echo "int f$i(void) { return $i; }"; done > d/a.c
$ cat > same.py <<'END'
$ import json, sys
$ a, b = ([{k: v for k, v in json.loads(l).items() if k != "elapsed_ms"} for l in open(p)] for p in sys.argv[1:])
$ print(a == b, len(a), {r["file_path"] for r in b}, {r["language"] for r in b if r["level"] == "chunk"})
$ END

== its lines are those of the file, and nothing is kept
$ precis summarize --prompt 'What for?' --model $TINY -q --loc 2 --no-store --format jsonl d/a.c > file.jsonl; code=$?
$ cd d && precis summarize --prompt 'What for?' --model $TINY -q --loc 2 --format jsonl - --name a.c < a.c > ../pipe.jsonl; ls -A .precis; cd ..
$ sed -i 's/"file_path":""/"file_path":"a.c"/' file.jsonl pipe.jsonl
$ python3 same.py file.jsonl pipe.jsonl; exit $code
exit: 0 3
out~ ^True [0-9]+ \{'a\.c'\} \{'c'\}$

== from a pipe, without a name; the language is told by the first line
$ printf '#!/usr/bin/env python3\nprint(1)\n' | precis summarize --prompt 'What for?' --model $TINY -q - ; code=$?; exit $code
exit: 0 3
out~ ^# stdin$
out~ `stdin` \(Python\)

== nothing
$ precis summarize --model $TINY - < /dev/null
exit: 2
err: precis: standard input: is empty

== no text
$ printf 'a\0b' | precis summarize --model $TINY -
exit: 2
err: precis: standard input: is binary: byte 0 at offset 1

== with other paths
$ precis summarize --model $TINY - d < d/a.c
exit: 2
err: precis: -: standard input goes alone, without other paths

== with a store
$ PRECIS_STORE=d precis summarize --prompt 'What for?' --model $TINY - < d/a.c | head -1; test -e d/.precis/precis.db || echo none
out: # stdin
out: none
err~ ^precis: warning: standard input has no place in a store: nothing is kept in d

== twice
$ precis summarize --model $TINY - --prompt-file - < d/a.c
exit: 2
err~ ^precis: (standard input|--prompt-file -): 

== a name for a folder
$ precis summarize --model $TINY d --name x.c
exit: 2
err: precis: --name: goes with - (standard input)
