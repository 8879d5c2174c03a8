# models export: what is written, and what is refused.

== set-up
$ cp $TESTS/../golden/engine/tiny-llama.gguf tiny.gguf; cp $TESTS/../golden/engine/tiny-qwen2.gguf .

== a folder with everything in it
$ precis models export tiny.gguf --onnx out && ls out
out~ ^ +[0-9.]+ kB  out/model\.onnx$
out~ ^config\.json$
out~ ^tokenizer\.json$
out~ ^model\.onnx\.data$

== as JSON, over an earlier export
$ precis models export tiny-qwen2.gguf --onnx out --force --json --precision int4 > out.json
$ python3 - <<'END'
$ import json, os
$ made = json.load(open("out.json"))
$ sizes = {f["name"]: f["bytes"] for f in made["files"]}
$ print(made["precision"], made["context"], sizes == {n: os.path.getsize("out/" + n) for n in os.listdir("out")})
$ tok = json.load(open("out/tokenizer.json"))
$ print(tok["model"]["type"], tok["normalizer"], len(tok["model"]["vocab"]), len(tok["added_tokens"]))
$ conf = json.load(open("out/config.json"))
$ print(conf["model_type"], conf["num_hidden_layers"], conf["vocab_size"], conf["eos_token_id"])
$ genai = json.load(open("out/genai_config.json"))
$ print(genai["model"]["type"], genai["model"]["decoder"]["filename"], genai["model"]["decoder"]["head_size"])
$ END
out: int4 1024 True
out: BPE {'type': 'NFC'} 400 3
out: qwen2 2 400 [2, 0]
out: qwen2 model.onnx 32

== the tokenizer that was written is the model's
$ precis models export tiny.gguf --onnx again -q > /dev/null
$ precis tokenize --model tiny.gguf < $TESTS/run.py > want; precis tokenize --tokenizer again/tokenizer.json < $TESTS/run.py > got
$ cmp want got && echo same
out: same

== without a tokenizer
$ precis models export tiny.gguf --onnx bare --no-tokenizer > /dev/null; ls bare
out: config.json
out: genai_config.json
out: generation_config.json
out: model.onnx
out: model.onnx.data

== a folder that is not empty
$ precis models export tiny.gguf --onnx out
exit: 2
err~ ^precis: out: the folder is not empty \(--force

== a folder that is no export
$ precis models export tiny.gguf --onnx . --force
exit: 2
err~ an export needs a folder of its own

== what is in it stays
$ mkdir mine; touch mine/notes; precis models export tiny.gguf --onnx mine --force
$ code=$?; ls mine; rm -r mine; exit $code
exit: 2
lines: any
out: notes
err~ ^precis: mine: not replaced: an export has no notes

== an ONNX model
$ precis models export out --onnx x
exit: 2
err~ ^precis: out: is an ONNX model already
absent: x

== no folder
$ precis models export tiny.gguf
exit: 2
err~ --onnx

== two models
$ precis models export tiny.gguf tiny.gguf --onnx x
exit: 2
err~ only one model
absent: x

== a parent that is not there
$ precis models export tiny.gguf --onnx nowhere/x
exit: 2
err~ ^precis: nowhere/x: cannot write: No such file

== an unknown precision
$ precis models export tiny.gguf --onnx x --precision bf16
exit: 2
err~ --precision.*bf16
absent: x

== no room
$ (ulimit -f 100; trap '' XFSZ; precis models export tiny.gguf --onnx x)
exit: 2
err~ ^precis: x\.\w+/model\.onnx\.data: cannot write: File too large
absent: x

== a head that the operators cannot rotate
$ precis models export $TESTS/../golden/engine/families/qwen3.gguf --onnx x --no-tokenizer
exit: 2
err~ a head of 24 dimensions .* cannot be exported to ONNX
absent: x

== a tokenizer that the file has not
$ precis models export $TESTS/../golden/engine/families/llama3.gguf --onnx x
exit: 2
err~ tokenizer\.ggml
absent: x

== a truncated model
$ head -c 200000 tiny.gguf > cut.gguf; trap 'rm cut.gguf' EXIT; precis models export cut.gguf --onnx x
exit: 2
err~ ^precis: cut\.gguf: .*tensor
absent: x

== from a Hugging Face folder
$ cp -r $TESTS/../golden/engine/families/qwen2 hf; printf '{"eos_token_id": [7, 9]}' > hf/generation_config.json
$ printf '{}' > hf/tokenizer.json; precis models export hf --onnx x > /dev/null; ls x
$ python3 -c 'import json; print(json.load(open("x/genai_config.json"))["model"]["eos_token_id"])'; rm -r x
out: config.json
out: genai_config.json
out: generation_config.json
out: model.onnx
out: model.onnx.data
out: tokenizer.json
out: [7, 9]

== what is wrong in a Hugging Face folder is told with its path
$ cp -r hf cut; printf '{"eos_token_id": ' > cut/generation_config.json; cp -r hf bad
$ python3 - bad/model.safetensors <<'END'
$ import struct, sys
$ data = bytearray(open(sys.argv[1], "rb").read())
$ n = 8 + struct.unpack("<Q", data[:8])[0]
$ data[n:] = b"\xff" * (len(data) - n)
$ open(sys.argv[1], "wb").write(data)
$ END
$ precis models export cut --onnx x
$ precis models export bad --onnx x
$ rm -r cut bad; exit 2
exit: 2
lines: any
err~ ^precis: cut/generation_config\.json: line \d+
err~ ^precis: bad: tensor '.*' has values that are not finite
absent: x

== a Hugging Face folder without a tokenizer
$ precis models export $TESTS/../golden/engine/families/qwen2 --onnx x
exit: 2
err~ /qwen2: tokenizer\.json is missing
absent: x
