# ONNX models.

== a sequence-to-sequence model answers without a chat
needs: onnx
$ precis generate --model $ONNX/t5-merged --prompt 'Reads the file' --max-new-tokens 4 --json
out~ "prompt_ids": \[6, 16, 18, 3\], "ids": \[4, 59, 59, 59\]

== it takes no system message
needs: onnx
$ precis generate --model $ONNX/t5-merged --prompt a --system b
exit: 2
err~ --system: a sequence-to-sequence model takes none

== it summarises chunks as others do
needs: onnx
$ printf 'fn f() {}\n' > a.rs; printf 'int x;\n' > b.c
$ precis summarize --quiet --model $ONNX/t5-merged --format jsonl --no-repeat-ngram 1 --max-new-tokens 14 a.rs b.c > many.jsonl
$ precis summarize --quiet --model $ONNX/t5-merged --format jsonl --no-repeat-ngram 1 --max-new-tokens 14 --agent-count 1 --lanes 1 a.rs b.c > one.jsonl
$ python3 - <<'END'
$ import json
$ many, one = ([json.loads(x) for x in open(f)] for f in ("many.jsonl", "one.jsonl"))
$ print([m["summary"] for m in many] == [o["summary"] for o in one], len(many))
$ print(all(m["summary"] and m["source"] == "model" and m["error"] is None for m in many))
$ print(many[0]["prompt_version"], many[0]["precision"], many[0]["model"], len(many[0]["model_revision"]))
$ END
out: True 2
out: True
out: plain-1 onnx f32 t5-merged 64

== a folder onnx has its tokenizer and configuration above it, however it is named
needs: onnx
$ mkdir -p o/onnx; cp $ONNX/t5-merged/*.onnx o/onnx; cp $ONNX/t5-merged/*.json o; printf 'int x;\n' > x.c
$ for m in o/onnx o/onnx/ ./o/onnx// o/onnx/decoder_model_merged.onnx; do
$     precis summarize -q --model $m --format jsonl --max-new-tokens 2 x.c | grep -o '"model": *"[^"]*"'
$ done
$ cd o/onnx; for m in . decoder_model_merged.onnx; do precis summarize -q --model $m --format jsonl --max-new-tokens 2 ../../x.c | grep -o '"model": *"[^"]*"'; done
$ cd ..; precis summarize -q --model ./ --format jsonl --max-new-tokens 2 ../x.c | grep -o '"model": *"[^"]*"'
out: "model":"onnx"
out: "model":"onnx"
out: "model":"onnx"
out: "model":"decoder_model_merged.onnx"
out: "model":"onnx"
out: "model":"decoder_model_merged.onnx"
out: "model":"o"

== the graph decides about the arithmetic
needs: onnx
$ precis generate --model $ONNX/t5-merged --prompt a --precision int8
exit: 2
err~ computes as it was exported \(f32\): --precision int8

== a device that the library lacks
needs: onnx
$ precis generate --model $ONNX/t5-merged --prompt a --device coreml
exit: 2
err~ --device coreml: the ONNX Runtime at .* has no CoreMLExecutionProvider

== a device for a model that is no ONNX graph
$ precis generate --model $TINY --prompt a --device cuda
exit: 2
err~ --device cuda is for ONNX models

== the library that is named must be there
$ PRECIS_ONNXRUNTIME=/nowhere.so precis generate --model $ONNX/t5-merged --prompt a
exit: 2
err~ PRECIS_ONNXRUNTIME: /nowhere\.so|this build cannot run ONNX models
