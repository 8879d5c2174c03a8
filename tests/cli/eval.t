# eval summaries. No model is needed: what is not there is left out.

== scores and a table
$ printf '{"id":"a","repo":"r","language":"c","path":"x.c","kind":"function","code":"","reference":"Counts the words of a text."}\n{"id":"b","repo":"r","language":"go","path":"x.go","kind":"file","code":"","reference":"Reads all lines of a file."}\n' > items.jsonl
$ printf '{"id":"a","summary":"Counts the words of a text."}\n{"id":"b","summary":"Reads all lines of a file.","confidence":0.5}\n' > said.jsonl
$ WNSEARCHDIR= precis eval summaries items.jsonl --predictions said.jsonl --samples 10 2> notes
out~ items\.jsonl: 2 items
out~ bleu4 +100\.00   100\.00 \.\. 100\.00
out~ rougeL +1\.0000
out~ language +n +bleu4
out~ go +1 +100\.00
out~ file +1 +100\.00
out~ Confidence of 1 sentences: 0\.5000

== one JSON value
$ precis eval summaries items.jsonl --predictions said.jsonl --samples 10 --json 2> notes | python3 -c 'import json,sys; v=json.load(sys.stdin); print(v["n"], v["bleu4"], v["sentence_bleu"], v["bleu_cxg"], v["rouge1"], v["rouge2"], v["rougeL"], v["success_rate"], v["mean_confidence"], v["missing"], sorted(v["by_language"]), sorted(v["by_kind"]), v["intervals"]["rouge1"], v["by_kind"]["file"]["n"])'
out: 2 100 100 100 1 1 1 1 0.5 0 ['c', 'go'] ['file', 'function'] [1, 1] 1

== the same again
$ precis eval summaries items.jsonl --predictions said.jsonl --seed 7 --json 2> notes > one; precis eval summaries items.jsonl --predictions - --seed 7 --json 2> notes < said.jsonl | cmp - one

== an item without a prediction, and one too many
$ printf '{"id":"a","summary":"Counts the words of a text."}\n{"id":"z","summary":"x"}\n' > fewer.jsonl
$ precis eval summaries items.jsonl --predictions fewer.jsonl --samples 10 --json | python3 -c 'import json,sys; v=json.load(sys.stdin); print(v["missing"], v["success_rate"], v["rouge1"], v["mean_confidence"])'
out: 1 0.5 0.5 None
err~ 1 predictions are of no item and are left out

== without predictions a model is asked
$ precis eval summaries items.jsonl --model nowhere
exit: 2
err~ nowhere

== items and predictions from the same place
$ precis eval summaries - --predictions - < items.jsonl
exit: 2
err~ cannot both come from standard input

== no items
$ precis eval summaries /dev/null --predictions said.jsonl
exit: 2
err~ no items

== a line that is no item
$ printf '\n{"id":"a"}\n' | precis eval summaries - --predictions said.jsonl
exit: 2
err~ standard input: line 2: "repo" is missing

== a confidence that is none
$ printf '{"id":"a","summary":"x","confidence":2}' | precis eval summaries items.jsonl --predictions -
exit: 2
err~ standard input: line 1: "confidence" is not a number in 0\.\.1

== a file that is not there
$ precis eval summaries items.jsonl --predictions nowhere.jsonl
exit: 2
err~ nowhere\.jsonl

== a WordNet that is not there, asked for
$ WNSEARCHDIR=/nowhere precis eval summaries items.jsonl --predictions said.jsonl
exit: 2
err~ /nowhere/index\.noun

== a model that is not there, asked for
$ precis eval summaries items.jsonl --predictions said.jsonl --embedding-model nowhere
exit: 2
err~ nowhere

== a model that is no encoder
$ precis eval summaries items.jsonl --predictions said.jsonl --embedding-model $TINY
exit: 2
err~ .

== two files of items
$ precis eval summaries items.jsonl items.jsonl --predictions said.jsonl
exit: 2
err~ takes one file of items, not 2

== two systems side by side
$ printf '{"id":"a","summary":"Counts words."}\n{"id":"b","summary":"Reads all lines of a file."}\n' > shorter.jsonl
$ precis eval summaries items.jsonl --predictions said.jsonl --ab said:shorter.jsonl --samples 10 2> notes | sed -n '/^A:/,$p'
out~ ^A: said\.jsonl$
out~ ^B: said:shorter\.jsonl$
out~ A +B +B - A   95 % interval of the difference \(10 samples\)
out~ rouge1 +1\.0000 +0\.7500 +-0\.2500   -0\.4437 \.\. \+0\.0000 +p = 0\.5455
out~ success_rate +1\.0000 +1\.0000 +\+0\.0000 .* p = 1\.0000

== two systems in JSON
$ precis eval summaries items.jsonl --predictions said.jsonl --samples 10 --json 2> notes > alone; precis eval summaries items.jsonl --predictions said.jsonl --ab said:fewer.jsonl --samples 10 --json 2> notes > both
$ python3 -c 'import json; a=json.load(open("alone")); v=json.load(open("both")); ab=v.pop("ab"); print(a == v, ab["name"], ab["missing"], ab["n"], ab["rouge1"], ab["intervals"]["rouge1"] != v["intervals"]["rouge1"]); d=ab["difference"]; print(sorted(k for k in d if k not in ("meteor", "cosine", "embedding_f1")), sorted(d["bleu4"])); print(d["rouge1"]["value"], d["success_rate"]["value"], d["rouge1"]["p"] == d["success_rate"]["p"])'
out: True said:fewer.jsonl 1 2 0.5 True
out: ['bleu4', 'bleu_cxg', 'rouge1', 'rouge2', 'rougeL', 'sentence_bleu', 'success_rate'] ['interval', 'p', 'value']
out: -0.5 -0.5 True

== a second system that is a stream
$ precis eval summaries items.jsonl --predictions said.jsonl --ab said:- --json 2> notes < said.jsonl | python3 -c 'import json,sys; print(json.load(sys.stdin)["ab"]["difference"]["bleu4"])'
out: {'value': 0, 'interval': [0, 0], 'p': 1}

== two streams
$ precis eval summaries items.jsonl --predictions - --ab said:- < said.jsonl
exit: 2
err~ cannot both come from standard input

== a second system without a name
$ precis eval summaries items.jsonl --predictions said.jsonl --ab prompt:
exit: 2
err~ --ab prompt:: names no system

== a second system that is not there is known before the first is asked
$ precis eval summaries items.jsonl --model $TINY --ab nowhere --max-new-tokens 24
exit: 2
err~ nowhere

== a second system that did not say the items
$ precis eval summaries items.jsonl --predictions said.jsonl --ab said:items.jsonl
exit: 2
err~ "summary" is missing

== two models, and what the first said
$ precis eval summaries items.jsonl --model $TINY --ab $TINY --max-new-tokens 24 --examples 0 --json -o told.jsonl 2> notes | python3 -c 'import json,sys; v=json.load(sys.stdin); print(v["ab"]["bleu4"] == v["bleu4"], v["ab"]["difference"]["rouge1"])'; test -f told.jsonl && grep -c 'items without a line' notes
out: True {'value': 0, 'interval': [0, 0], 'p': 1}
out: 2

== another instruction
$ precis eval summaries items.jsonl --model $TINY --ab 'prompt:Say it.' --max-new-tokens 24 --samples 10 --json 2> notes | python3 -c 'import json,sys; print(json.load(sys.stdin)["ab"]["name"])'
out: prompt:Say it.

== help
$ precis eval summaries --help
out~ --predictions FILE
