# What the model is asked, and what stands where it gives nothing. A model of noise, but for some.

== set-up
$ mkdir -p src
$ cat > src/pool.c <<'END'
$ /* Opens a pool of workers. */
$ int pool_open(int workers) {
$     return workers > 0;
$ }
$ END
$ printf 'name,age\nann,4\n' > src/data.xyz
$ printf 'x = 1\n' > src/plain.py
$ cat > rows.py <<'END'
$ import json, sys
$ for r in map(json.loads, open(sys.argv[1])):
$     if r["level"] == "chunk":
$         print(r["file_path"], r["source"], r["summary"] if r["source"] != "model" else "")
$ END
$ printf 'Say what it is for.\n\n' > ask.txt
$ : > nothing.txt

== a doc comment is taken first where that is wanted
needs: trees
$ precis summarize --model $TINY -q --format jsonl --prefer-docs src/pool.c > docs.jsonl && python3 rows.py docs.jsonl
out: pool.c doc Opens a pool of workers.

== and where the model's answer is no line; else what is there, by rule
needs: trees
$ precis summarize --model $TINY -q --format jsonl --all-text --prompt 'What for?' --max-new-tokens 1 src > other.jsonl && python3 rows.py other.jsonl
out~ \Adata\.xyz rule [A-Z].*\.
out~ pool\.c doc Opens a pool of workers\.
out~ plain\.py rule [A-Z].*\.

== --chunk-timeout: chunks that cost more get other lines, or fail
$ precis summarize --model $TINY -q --format jsonl --chunk-timeout 0.0000001 --no-rollup src | grep -c '"source":"\(doc\|rule\)"'
$ precis summarize --model $TINY -q --format jsonl --chunk-timeout 0.0000001 --no-rollup --no-fallback src > late.jsonl; echo $?; grep -c 'timed out' late.jsonl
out: 2
out: 3
out: 2

== and where none is the model's that is said
$ precis summarize --model $TINY --chunk-timeout 0.0000001 --no-rollup --no-store -o other.md src 2> said; tail -1 said | sed 's/timed out:.*/timed out/'
out: precis: warning: no line is the model's: timed out

== --no-fallback: such chunks fail
$ precis summarize --model $TINY -q --format jsonl --no-fallback --prompt 'What for?' --max-new-tokens 1 src > none.jsonl; echo $?; grep -c '"source":""' none.jsonl
out: 3
out: 2

== what failed is listed at the end
$ precis summarize --model $TINY --format jsonl --no-fallback --no-rollup --no-store --chunk-timeout 0.0000001 --retries 0 -o listed.jsonl src 2> err.txt; echo $?; sed -n '/^Failed$/,$p' err.txt | grep -c '^  [a-z.]*:1-[0-9]*: timed out'
out: 3
out: 2

== --prompt-file is --prompt from a file
$ precis summarize --model $TINY -q --format csv --no-rollup --prompt-file ask.txt src | cut -d, -f1-8,12 > a.csv; precis summarize --model $TINY -q --format csv --no-rollup --prompt 'Say what it is for.' src | cut -d, -f1-8,12 > b.csv; cmp a.csv b.csv && grep -c custom- a.csv
out~ \A[1-9]

== an empty one is refused
$ precis summarize --model $TINY --prompt-file nothing.txt src
exit: 2
err: precis: nothing.txt: is empty

== both are too much
$ precis summarize --model $TINY --prompt-file ask.txt --prompt x src
exit: 2
err~ one of them is enough

== any number of answers and agents: the same lines
$ for n in 1 7; do precis summarize --model $TINY -q --format csv --best-of 5 --agent-count $n --loc 2 src | cut -d, -f1-8 > agents$n.csv; done; cmp agents1.csv agents7.csv

== outlines and text are different contexts
needs: trees
$ for c in outline full; do precis summarize --model $TINY -q --format jsonl --context $c src/pool.c | python3 -c 'import json, sys; print(json.loads(sys.stdin.readline())["tokens_in"])'; done | uniq | wc -l
out: 2

== auto without a model of the catalogue
$ PRECIS_MODELS=/nowhere HF_HUB_CACHE=/nowhere precis summarize --model auto src
exit: 2
err~ no model of the catalogue is here

== vectors of lines
needs: model
$ printf 'wakes a worker\n\nparses a header\n' | precis embed | python3 -c 'import json, sys; rows = [json.loads(l) for l in sys.stdin]; print([(r["text"], len(r["embedding"])) for r in rows], round(sum(x * x for x in rows[0]["embedding"]), 4))'
out: [('wakes a worker', 384), ('', 384), ('parses a header', 384)] 1.0

== with their ids
needs: model
$ printf '{"id": 7, "text": "a"}\n{"id": "x", "text": "b"}\n' | precis embed --jsonl | python3 -c 'import json, sys; print([json.loads(l)["id"] for l in sys.stdin])'
out: [7, 'x']

== a line that is no text
needs: model
$ printf 'fine\n\377\n' | precis embed > bad.out; code=$?; rm -f bad.out; exit $code
exit: 2
err: precis: line 2: is not UTF-8

== a line of JSON without a text
needs: model
$ echo '{"id": 1}' | precis embed --jsonl
exit: 2
err~ line 1: \{"id": string or number, "text": string\} is wanted

== a number of examples, or a word
$ precis summarize --examples many src
exit: 2
err: precis: --examples many: must be a whole number between 0 and 16, or auto

== auto is what fits the model's size
$ for n in auto 8; do precis summarize --model $TINY -q --format csv --examples $n src | cut -d, -f1-8; done | sort | uniq -c | awk '{print $1}' | sort -u
out: 2

== auto with what is here
needs: model
$ precis summarize --model auto -q --no-store --no-rollup --format csv src | wc -l
out: 3
