# tokenize, detokenize, perplexity, bench.

== tokenize
$ printf 'a b' | precis tokenize --model $TINY
out: [100, 260]

== tokenize nothing
$ precis tokenize --model $TINY < /dev/null
out: []

== special tokens are recognised, unless plain
$ printf '<|im_end|>' | precis tokenize --model $TINY
$ printf '<|im_end|>' | precis tokenize --model $TINY --plain --no-special --no-truncate | tr , '\n' | wc -l | tr -d ' '
out: [2]
out: 10

== round trip of any text
$ printf 'f(x)\n\tnaïve ≠ 日本語 😀 \n' > text.txt
$ precis tokenize --model $TINY --plain < text.txt | precis detokenize --model $TINY | cmp - text.txt

== skip-special
$ echo '[1, 100, 2]' | precis detokenize --model $TINY; echo; echo '[1, 100, 2]' | precis detokenize --model $TINY --skip-special; echo
out: <|im_start|>a<|im_end|>
out: a

== lines of JSON
$ printf '{"text": "a"}\n\n{"text": "a b"}' | precis tokenize --model $TINY --jsonl
out: {"ids": [100]}
out: {"ids": [100, 260]}

== lines of JSON back
$ printf '{"ids": [100]}\n[100, 13]\n' | precis detokenize --model $TINY --jsonl
out: {"text": "a"}
out: {"text": "a\n"}

== a line that is no JSON
$ printf '{"text": "a"\n' | precis tokenize --model $TINY --jsonl
exit: 2
err~ standard input: line 1: not JSON

== a line without text
$ printf '{"txt": "a"}\n' | precis tokenize --model $TINY --jsonl
exit: 2
err~ line 1: no string "text"

== ids out of the vocabulary
$ echo '[9999]' | precis detokenize --model $TINY
exit: 2
err~ element 0: id 9999 is not in 0\.\.269

== a negative id
$ echo '[-1]' | precis detokenize --model $TINY
exit: 2
err~ id -1

== not ids
$ echo 'hello' | precis detokenize --model $TINY
exit: 2
err~ standard input: not JSON

== a tokenizer file
$ cat > tokenizer.json <<'END'
$ {"version": "1.0", "truncation": {"max_length": 4, "stride": 0, "strategy": "LongestFirst"},
$  "added_tokens": [{"id": 3, "content": "[X]", "single_word": false, "lstrip": false, "rstrip": false,
$                    "normalized": false, "special": true}],
$  "normalizer": {"type": "Lowercase"}, "pre_tokenizer": {"type": "Whitespace"},
$  "post_processor": {"type": "BertProcessing", "cls": ["[X]", 3], "sep": ["[X]", 3]}, "decoder": null,
$  "model": {"type": "WordLevel", "vocab": {"one": 0, "two": 1, "?": 2}, "unk_token": "?"}}
$ END
$ printf 'One TWO three one' | precis tokenize --tokenizer tokenizer.json
$ printf 'One TWO three one' | precis tokenize --tokenizer tokenizer.json --no-truncate
$ printf 'One [X]' | precis tokenize --tokenizer tokenizer.json --no-special --no-truncate
$ printf 'One [X]' | precis tokenize --tokenizer tokenizer.json --no-special --no-truncate --plain
$ echo '[0, 3, 1]' | precis detokenize --tokenizer tokenizer.json --skip-special --jsonl
out: [3, 0, 1, 3]
out: [3, 0, 1, 2, 0, 3]
out: [0, 3]
out: [0, 2, 2, 2]
out: {"text": "one two"}

== no such tokenizer file
$ echo | precis tokenize --tokenizer absent.json
exit: 2
err~ absent\.json: cannot open

== a folder without tokenizer: its files say what ends an answer
$ cp -r $TESTS/../golden/engine/families/phi3 bare; chmod -R u+w bare
$ python3 - <<'END'
$ import json, os, subprocess
$ def run(*more):
$     p = subprocess.run(["precis", "generate", "--model", "bare", "--precision", "f32", "--ids", "-", "--json", "--max-new-tokens", "8", *more],
$                        input=b"[5, 6, 7]", capture_output=True)
$     return json.loads(p.stdout) if p.returncode == 0 else p.stderr.decode()
$ g = run()
$ last = g["ids"][0]
$ print(g["finish_reason"], len(g["ids"]))
$ def check(name, value):
$     json.dump(value, open("bare/" + name, "w"))
$     g = run()
$     print(name, g["finish_reason"], len(g["ids"]) <= 1, len(run("--ignore-eos")["ids"]))
$     os.remove("bare/" + name)
$ check("generation_config.json", {"eos_token_id": [last, 99999999]})
$ check("genai_config.json", {"model": {"eos_token_id": last}})
$ open("bare/generation_config.json", "w").write("[")
$ print(run())
$ END
$ rm -r bare
out: length 8
out: generation_config.json stop True 8
out: genai_config.json stop True 8
out: precis: bare/generation_config.json: not valid JSON: line 1: ']' expected near end of file
out:

== perplexity
$ precis perplexity --model $TINY --precision f32 --json text.txt > p.json
$ python3 - <<'END'
$ import json, math, os, subprocess
$ p = json.load(open("p.json"))
$ ids = json.loads(subprocess.run("precis tokenize --model $TINY --plain --no-special < text.txt", shell=True, capture_output=True).stdout)
$ print(p["tokens"] == len(ids) - 1, abs(p["ppl"] - math.exp(p["nll"])) < 1e-6 * p["ppl"], p["precision"])
$ END
out: True True f32

== perplexity is what generate says of the same tokens
$ python3 - <<'END'
$ import json, os, subprocess
$ def run(c, **k): return json.loads(subprocess.run(c, shell=True, capture_output=True, **k).stdout)
$ ids = run("precis tokenize --model $TINY --plain --no-special < text.txt")[:2]
$ json.dump(ids[:1], open("one.json", "w"))
$ top = run("precis generate --model $TINY --precision f32 --ids one.json --max-new-tokens 1 --logprobs 64 --json")["top_logprobs"][0]
$ best = top[0]
$ text = run("precis detokenize --model $TINY --jsonl", input=json.dumps([ids[0], best[0]]).encode())["text"]
$ print(run("precis tokenize --model $TINY --plain", input=text.encode()) in ([ids[0], best[0]],) and "same tokens" or "other tokens")
$ open("two.txt", "w").write(text)
$ p = run("precis perplexity --model $TINY --precision f32 --json two.txt")
$ print(abs(p["nll"] + best[1]) < 1e-4)
$ END
out~ same tokens|other tokens

== windows: each is scored from its second token
$ precis perplexity --model $TINY --window 4 --json text.txt text.txt | python3 -c 'import json, sys; print(json.load(sys.stdin)["tokens"])' > w
$ python3 -c 'import json; n = json.load(open("p.json"))["tokens"] + 1; print(int(open("w").read()) == 2 * (n - (n + 3) // 4))'
out: True

== a model does not stray from itself
$ precis perplexity --model $TINY --precision f32 --reference f32 --json text.txt | python3 -c 'import json, sys; p = json.load(sys.stdin); print(p["kl"], p["top1_same"])'
out~ ^-?0(\.0)? 1(\.0)?$

== bf16 strays a little
needs: model
$ precis perplexity --model "$MODEL" --precision bf16 --reference f32 --window 64 text.txt
out~ ^perplexity
out~ ^divergence +0\.0

== perplexity of a missing file
$ precis perplexity --model $TINY no.txt
exit: 2
err~ no\.txt: cannot open

== perplexity of an empty file
$ precis perplexity --model $TINY /dev/stdin < /dev/null
exit: 2
err~ /dev/stdin: is

== perplexity of too little
$ printf a > a.one; precis perplexity --model $TINY a.one; code=$?; rm a.one; exit $code
exit: 2
err~ a\.one: too short

== a window beyond the context
$ python3 -c 'print("x" * 5000)' > x.txt
$ precis perplexity --model $TINY --window 4000 x.txt; code=$?; rm x.txt; exit $code
exit: 2
err~ 2048

== bench chunk of a file
$ yes 'a line' | head -152388 > lines.txt; precis bench chunk lines.txt --rounds 2 --json
out~ "lines": 152388, "chunks": 508, 

== bench chunk of nothing
$ : > void; precis bench chunk void; code=$?; rm void; exit $code
exit: 2
err: precis: void: is empty

== bench tokenize
$ yes 'a line' | head -1000 > lines.txt; precis bench tokenize --model $TINY lines.txt lines.txt --rounds 2 --json | sed 's/"seconds.*//'; rm lines.txt
out~ ^\{"files": 2, "bytes": 14000, "tokens": [1-9][0-9]*, $

== bench tokenize without a file
$ precis bench tokenize --model $TINY
exit: 2
err~ no FILE

== bench tokenize of a missing file
$ precis bench tokenize --model $TINY absent.c
exit: 2
err~ absent\.c

== bench search
$ precis bench search --vectors 400 --clusters 20 --queries 30 --width 40 --json | python3 -c 'import json, sys; p = json.load(sys.stdin); print(p["vectors"], p["width"], p["graph"], p["recall10"]); print(sorted(p))'
out: 400 40 False 1.0
out: ['clusters', 'exact_cpu_ms', 'exact_ms', 'exact_threads_ms', 'gap', 'graph', 'graph_bytes', 'graph_cpu_s', 'graph_s', 'matrix_bytes', 'open_ms', 'p50_ms', 'p99_cpu_ms', 'p99_ms', 'queries', 'recall10', 'resident_bytes', 'seed', 'spread', 'vectors', 'width', 'write_s']

== bench search keeps its files, and takes them again
$ precis bench search --vectors 400 --clusters 20 --queries 30 --keep kept > /dev/null; stat -c %Y-%i-%s kept/vectors > a; precis bench search --vectors 400 --clusters 20 --queries 30 --keep kept | head -1; stat -c %Y-%i-%s kept/vectors | cmp - a; rm -r kept a
out: 400 vectors of 384 numbers, all compared

== bench search by a graph, or why not
$ precis bench search --vectors 400 --clusters 20 --queries 30 --width 40 --graph always 2>&1 | grep -c 'by a graph\|built without hnswlib'
out: 1

== bench search where no file can be written
$ touch kept; precis bench search --vectors 10 --keep kept; code=$?; rm kept; exit $code
exit: 2
err~ kept

== bench prefill
$ precis bench prefill --model $TINY --tokens 64 --rounds 2 --json | python3 -c 'import json, sys; print(sorted(json.load(sys.stdin)))'
out: ['isa', 'lanes', 'packed_sha256', 'precision', 'seconds', 'tokens', 'tokens_per_s']

== bench prefill beyond the context
$ precis bench prefill --model $TINY --tokens 4096
exit: 2
err~ 2048

== bench decode
$ precis bench decode --model $TINY --sequences 3 --context 20 --steps 5 --json | python3 -c 'import json, sys; p = json.load(sys.stdin); print(p["tokens"], p["sequences"], p["context"])'
out: 15 3 20

== bench decode beyond the context
$ precis bench decode --model $TINY --context 2048
exit: 2
err~ --context 2048

== bench kernels
$ precis bench kernels --model $TINY --tokens 512 --rounds 1
out~ ^[a-z0-9-]+, one thread, medians of 1 rounds$
out~ ^product down +int8 +\d+x\d+ +128 +[\d.]+ +[\d.]+
out~ ^attention +int8 +\d+x\d+ +512 
out~ ^split_qkv +int8 +\d+ +128 +[\d.]+$

== bench kernels of every class, as JSON
$ for isa in plain avx2 avx512 avx512-vnni avx512-bf16; do PRECIS_ISA=$isa precis bench kernels --model $TINY --tokens 512 --rounds 1 --json 2> err || { grep -q "this CPU's best is" err && continue; cat err; exit 1; }; done | python3 $TESTS/roofline.py; code=$?; rm -f err; exit $code
out: ok

== bench kernels of no model
$ precis bench kernels --model no-such-model
exit: 2
err~ no-such-model

== bench contracts
$ precis bench contracts --model $TINY --chunks 2 --max-new-tokens 4
exit: 0 1
out~ ^chunks of 152,388 lines +508 += +508 +met$
out~ ^cutting 1 MB .*met$
out~ ^outputs that differ, 1 agent +0 .*met$
out~ ^chunks with a line .*(met|MISSED)$

== bench contracts as JSON
$ precis bench contracts --model $TINY --chunks 2 --max-new-tokens 4 --json | python3 -c 'import json, sys; print(len(json.load(sys.stdin)) >= 10)'
out: True
