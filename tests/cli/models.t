# Model files that are not what they should be: one line, exit 2, nothing written.

== set-up
$ mkdir src && echo 'int f(void) { return 1; }' > src/a.c
$ head -c 2000 $TINY > cut-metadata.gguf
$ head -c 100000 $TINY > cut-data.gguf
$ : > empty.gguf
$ printf 'not a model at all, but long enough to hold a header' > text.gguf
$ python3 - <<'END'
$ import os, struct, sys
$ sys.path.insert(0, os.environ["TESTS"])
$ import tinygguf
$ good = tinygguf.build()
$ def write(name, data): open(name, "wb").write(data)
$ def patched(at, fmt, value):
$     size = struct.calcsize(fmt)
$     return good[:at] + struct.pack(fmt, value) + good[at + size:]
$ write("absurd-tensors.gguf", patched(8, "<Q", 2**60))
$ write("absurd-keys.gguf", patched(16, "<Q", 2**63))
$ write("version9.gguf", patched(4, "<I", 9))
$ name = good.index(b"blk.1.ffn_down.weight")
$ write("absurd-offset.gguf", patched(name + 21 + 4 + 16 + 4, "<Q", 2**62))
$ write("absurd-shape.gguf", patched(name + 21 + 4, "<Q", 2**61))
$ key = good.index(b"general.name") + 12 + 4
$ write("absurd-string.gguf", patched(key, "<Q", 2**64 - 8))
$ write("mamba.gguf", tinygguf.build(architecture="mamba"))
$ write("iq2.gguf", tinygguf.build(tensor_type=16))
$ write("type99.gguf", tinygguf.build(tensor_type=99))
$ write("narrow.gguf", tinygguf.build(context=32))
$ END
$ rm -rf __pycache__

== missing model
$ precis summarize --model nowhere.gguf src -o r.md
exit: 2
err~ ^precis: nowhere\.gguf
absent: r.md

== a name that is nearly one
$ precis summarize --model smolm2 src -o r.md
exit: 2
err~ smolm2.*smollm2
absent: r.md

== empty model
$ precis summarize --model empty.gguf src -o r.md
exit: 2
err~ ^precis: empty\.gguf: 
absent: r.md

== not a model
$ precis summarize --model text.gguf src -o r.md
exit: 2
err~ ^precis: text\.gguf: 
absent: r.md

== truncated in its metadata
$ precis summarize --model cut-metadata.gguf src -o r.md
exit: 2
err~ ^precis: cut-metadata\.gguf: 
absent: r.md

== truncated in its data
$ precis summarize --model cut-data.gguf src -o r.md
exit: 2
err~ ^precis: cut-data\.gguf: .*tensor
absent: r.md

== absurd number of tensors
$ precis summarize --model absurd-tensors.gguf src -o r.md
exit: 2
err~ ^precis: absurd-tensors\.gguf: .*1152921504606846976
absent: r.md

== absurd number of keys
$ precis summarize --model absurd-keys.gguf src -o r.md
exit: 2
err~ ^precis: absurd-keys\.gguf: .*9223372036854775808
absent: r.md

== absurd offset
$ precis summarize --model absurd-offset.gguf src -o r.md
exit: 2
err~ ^precis: absurd-offset\.gguf: .*blk\.1\.ffn_down\.weight.*4611686018427387904
absent: r.md

== absurd shape
$ precis summarize --model absurd-shape.gguf src -o r.md
exit: 2
err~ ^precis: absurd-shape\.gguf: .*blk\.1\.ffn_down\.weight
absent: r.md

== absurd string
$ precis summarize --model absurd-string.gguf src -o r.md
exit: 2
err~ ^precis: absurd-string\.gguf: 
absent: r.md

== version of a later time
$ precis summarize --model version9.gguf src -o r.md
exit: 2
err~ ^precis: version9\.gguf: .*9
absent: r.md

== unsupported architecture
$ precis summarize --model mamba.gguf src -o r.md
exit: 2
err~ ^precis: mamba\.gguf: .*mamba.* not supported
absent: r.md

== unsupported tensor type
$ precis summarize --model iq2.gguf src -o r.md
exit: 2
err~ ^precis: iq2\.gguf: .*IQ2_XXS
absent: r.md

== a tensor type that does not exist
$ precis summarize --model type99.gguf src -o r.md
exit: 2
err~ ^precis: type99\.gguf: .*99
absent: r.md

== a context too small for the prompt
$ precis summarize --model narrow.gguf src -o r.md
exit: 2
err~ context.* 32 
absent: r.md

== the same in the other program
$ parallel_summarizer --model narrow.gguf --file src --output-file r.md --results-file r.log
exit: 2
err~ context
absent: r.md
absent: r.log

== the same for one prompt
$ precis generate --model narrow.gguf --raw --prompt 'a prompt of more than thirty-two bytes, one token each'
exit: 2
err~ context|32

== a memory limit below the weights
$ precis summarize --model $TINY --memory-limit 1K src -o r.md
exit: 2
err~ memory
absent: r.md

== models list
$ precis models list
out~ ^smollm2 +SmolLM2-135M-Instruct

== models list as JSON
$ precis models list --json | python3 -c 'import json, sys; print(json.load(sys.stdin)[0]["name"])'
out: smollm2

== models show
$ precis models show $TINY
out~ ^architecture +llama$
out~ ^sha256 +[0-9a-f]{64}$
out~ ^layers +2$

== models show as JSON has the template in full, and the memory of a sequence
$ precis models show --json $TINY | python3 -c 'import json, sys; m = json.load(sys.stdin); print(m["kind"], m["kv_bytes"]["bf16"], m["chat_template"][-20:], m["tensors"][0]["type"])'
out: gguf {'token': 256, 'context': 524288} ant\n' }}{% endif %} F32

== models show of what no engine runs
$ precis models show mamba.gguf
out~ ^architecture +mamba$
out~ ^not run +mamba\.gguf: .*mamba.* not supported
out~ ^tensors +\d+ F32

== models show of a folder
$ mkdir folder && python3 - <<'END'
$ import json, struct
$ head = json.dumps({"w": {"dtype": "F32", "shape": [2, 2], "data_offsets": [0, 16]}}).encode()
$ open("folder/model.safetensors", "wb").write(struct.pack("<Q", len(head)) + head + bytes(16))
$ json.dump({"model_type": "mamba", "architectures": ["MambaForCausalLM"]}, open("folder/config.json", "w"))
$ json.dump({"model": {"type": "Unigram"}, "pre_tokenizer": {"type": "Metaspace"}}, open("folder/tokenizer.json", "w"))
$ json.dump({"chat_template": "{{ x }}\nmore"}, open("folder/tokenizer_config.json", "w"))
$ open("folder/README.md", "w").write("---\ntags: x\nlicense: mit\n---\n")
$ END
$ precis models show folder; precis models show folder --json | python3 -c 'import json, sys; m = json.load(sys.stdin); print(m["chat_template"].encode(), len(m["files"]))'
out~ ^architecture +mamba$
out~ ^tensors +1 F32, 16 B$
out~ ^tokenizer +Unigram \(tokenizer\.json, Metaspace\)$
out~ ^chat template \{\{ x \}\}\.\.\.$
out~ ^licence +mit$
out~ ^b'\{\{ x \}\}\\nmore' 5$

== models show of an ONNX file, its data missing
$ cp $TESTS/../fuzz/corpus/onnx/model model.onnx; precis models show model.onnx; precis models show model.onnx --json | python3 -c 'import json, sys; g = json.load(sys.stdin)["graphs"][0]; print(g["inputs"], g["external_data"])'
out~ ^inputs +input_ids  int64 \[batch, 16\]$
out~ ^outputs +logits  float16 \[batch, 100\]$
out~ ^opset +com\.microsoft 1$
out~ ^external data model\.onnx_data, 4\.1 kB, is missing$
out~ 'type': 'int64', 'shape': \['batch', 16\].*'here': False

== models show of an ONNX file, its data too short, then whole
$ head -c 100 /dev/zero > model.onnx_data; precis models show model.onnx | grep -c 'shorter than the graph needs'; head -c 4104 /dev/zero > model.onnx_data; precis models show model.onnx | grep -c '4.1 kB, here'; rm model.onnx_data
out: 1
out: 1

== models show of an ONNX folder, its data missing
$ mkdir graphs && cp model.onnx graphs && precis models show graphs
out~ ^not run +.*model\.onnx_data
out~ ^external data model\.onnx_data, 4\.1 kB, is missing$

== models show of an ONNX file that is cut
$ head -c 200 model.onnx > cut.onnx; precis models show cut.onnx > out; echo $?; wc -c < out; rm cut.onnx out
out: 2
out: 0
err~ ^precis: cut\.onnx: 

== a folder without a tokenizer
$ cp -r $TESTS/../golden/engine/families/qwen2 bare; trap 'rm -r bare' EXIT; touch bare/vocab.txt; precis generate --model bare/ --prompt a
exit: 2
err~ ^precis: bare: has no tokenizer\.json, which precis needs \(vocab\.txt and tokenizer\.model are not read\)

== a folder of links to nothing
$ mkdir links; trap 'rm -r links' EXIT; cp $TESTS/../golden/engine/families/qwen2/config.json links; ln -s nowhere links/model.safetensors; precis generate --model links --prompt a
exit: 2
err~ ^precis: links/model\.safetensors: is a link to a file that is not there

== a tokenizer that is a link to nothing
$ cp -r $TESTS/../golden/engine/families/qwen2 bare; trap 'rm -r bare' EXIT; ln -s nowhere bare/tokenizer.json; precis generate --model bare --prompt a
exit: 2
err~ ^precis: bare/tokenizer\.json: is a link to a file that is not there

== pickled weights
$ mkdir pickled; trap 'rm -r pickled' EXIT; printf '{}' > pickled/config.json; touch pickled/pytorch_model.bin; precis generate --model pickled --prompt a
exit: 2
err~ ^precis: pickled: pickled weights \(pytorch_model\.bin\) are not supported

== models show of a folder without a model
$ precis models show src
exit: 2
err~ ^precis: src: is a folder without a model

== the hash is the file's, also when it is remembered
$ for i in 1 2; do precis models show $TINY | grep -o '[0-9a-f]\{64\}'; done; sha256sum < $TINY | cut -d' ' -f1 > sum
$ precis models show $TINY | grep -cf sum
out~ ^[0-9a-f]{64}$
out~ ^1$

== a damaged cache of hashes is of no consequence
$ printf 'garbage\n\nffff 1 2 3 /x\n%064d 1 1 1 relative\n' 0 > $XDG_CACHE_HOME/precis/hashes
$ precis models show $TINY | grep -cf sum; grep -c garbage $XDG_CACHE_HOME/precis/hashes
exit: 1
out: 1
out: 0

== a changed file is hashed again
$ cp $TINY m.gguf; precis models show m.gguf | grep -o '[0-9a-f]\{64\}' > a
$ python3 $TESTS/tinygguf.py m.gguf --seed 2; precis models show m.gguf | grep -o '[0-9a-f]\{64\}' > b
$ cmp -s a b; echo $?; sha256sum < m.gguf | grep -cf b
out: 1
out: 1

== a cache that cannot be written is no error
$ XDG_CACHE_HOME=/proc/nowhere precis models show $TINY
out~ ^sha256
