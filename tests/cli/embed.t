# embed, bench embed.

== an array for NumPy
needs: model
$ printf 'a b\n\nc d\n' | precis embed --format npy -o v.npy && python3 -c 'b = open("v.npy", "rb").read(); print(b[:8], int.from_bytes(b[8:10], "little"), len(b) - 128, b[127:128]); print(b[10:128].decode().rstrip())'; rm v.npy
out: b'\x93NUMPY\x01\x00' 118 4608 b'\n'
out: {'descr': '<f4', 'fortran_order': False, 'shape': (3, 384), }

== an array has the numbers of the lines
needs: model
$ printf 'a b\nc d\n' > in; precis embed -o v.jsonl < in && precis embed --format npy -o v.npy < in && python3 -c 'import json, struct; rows = [x for l in open("v.jsonl") for x in json.loads(l)["embedding"]]; b = open("v.npy", "rb").read()[128:]; f = struct.unpack("<768f", b); print(all(struct.pack("<f", x) == struct.pack("<f", y) for x, y in zip(rows, f)), len(rows))'; rm -f in v.jsonl v.npy
out: True 768

== an array of no texts
needs: model
$ precis embed --format npy -o v.npy < /dev/null; wc -c < v.npy | tr -d ' '; grep -a -c 'shape.: (0, 384)' v.npy; rm v.npy
out: 128
out: 1

== an array needs a file
$ printf 'a\n' | precis embed --format npy
exit: 2
err: precis: --format npy: needs -o FILE

== an array needs a regular file
needs: model
$ printf 'a\n' | precis embed --format npy -o /dev/null
exit: 2
err: precis: /dev/null: --format npy needs a regular file

== a file is whole or absent
needs: model
$ printf 'fine\n\377\n' | precis embed --format npy -o v.npy
exit: 2
err: precis: line 2: is not UTF-8
absent: v.npy

== a text that is cut says so
needs: model
$ python3 -c 'print("word " * 400); print("short")' | precis embed 2> err | python3 -c 'import json, sys; print([{k: r[k] for k in r if k not in ("text", "embedding")} for r in map(json.loads, sys.stdin)])'; cat err; rm err
out: [{'tokens': 256, 'cut': True, 'all_tokens': 402}, {'tokens': 3}]
out: precis: warning: 1 of 2 texts were cut to 256 tokens (--long mean reads all)

== a long text in windows
needs: model
$ python3 -c 'print("word " * 400); print("short")' | precis embed --long mean | python3 -c 'import json, sys; rows = [json.loads(l) for l in sys.stdin]; print([{k: r[k] for k in r if k not in ("text", "embedding")} for r in rows], [round(sum(x * x for x in r["embedding"]), 4) for r in rows])'
out: [{'tokens': 402, 'windows': 2}, {'tokens': 3}] [1.0, 1.0]

== a short text has one vector, however long texts are read and in what company
needs: model
$ printf 'short\n' > one; (printf 'short\n'; python3 -c 'print("word " * 3000)') > two; for long in cut mean; do for f in one two; do precis embed -q --long $long < $f | head -1; done; done | uniq | wc -l | tr -d ' '; rm one two
out: 1

== every arithmetic
needs: model
$ for p in f32 int8; do printf 'where are idle workers woken?\n' | precis embed --precision $p; done | python3 -c 'import json, sys; a, b = [json.loads(l)["embedding"] for l in sys.stdin]; print(sum(x * y for x, y in zip(a, b)) > 0.999, a != b)'
out: True True

== bench embed
needs: model
$ yes 'one line of text' | head -100 > lines.txt; precis bench embed lines.txt --rounds 1 --json | python3 -c 'import json, sys; b = json.load(sys.stdin); print(sorted(b)); print(b["texts"], b["bytes"], b["tokens"])'; rm lines.txt
out: ['bytes', 'bytes_per_s', 'isa', 'lanes', 'precision', 'query_ms', 'seconds', 'texts', 'texts_per_s', 'tokens', 'tokens_per_s']
out: 3 1700 406

== bench embed of lines of JSON
needs: model
$ printf '{"text": "a"}\n{"text": "b c"}\n' > texts; precis bench embed texts --jsonl --rounds 1 --precision f32 | sed 's/ in .*(/ (/; s/, [0-9]* lanes.*//'; rm texts
out: 2 texts, 7 tokens (f32

== bench embed of nothing
$ : > void; precis bench embed void; code=$?; rm void; exit $code
exit: 2
err: precis: void: has no texts

== bench embed without a file
$ precis bench embed
exit: 2
err~ FILE
