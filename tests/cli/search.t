# precis search: what people and programs see.

== set-up
$ mkdir -p repo/src/net repo/.git empty
$ printf '/* Wakes one worker. */\nint wake_worker(int n) {\n    return n;\n}\n\nint sleep_deep(void) {\n    return 0;\n}\n' > repo/src/pool.c
$ printf 'def parse_header(line):\n    """Splits a header."""\n    return line.split(":")\n' > repo/src/net/parse.py
$ PRECIS_MODELS=$PWD/none precis index -q repo 2>/dev/null

== a person sees place, symbol, score and the lines that match
$ cd repo && precis search 'waking workers' --topk 1
out~ ^src/pool\.c:1-4  wake_worker  0\.[0-9]{3}$
out~ ^ {7}1  /\* Wakes one worker\. \*/$
out~ ^ {7}2  int wake_worker\(int n\) \{$

== as JSON
$ cd repo && precis search 'parse header' --json --topk 1 | python3 -c "import json, sys; d = json.load(sys.stdin)[0]; print({k: d[k] for k in ('file_path', 'start_line', 'end_line', 'language', 'symbol_name', 'kind', 'summary', 'cosine')}, 0 < d['score'] <= 1, d['snippet'][0])"
out: {'file_path': 'src/net/parse.py', 'start_line': 1, 'end_line': 3, 'language': 'python', 'symbol_name': 'parse_header', 'kind': 'function', 'summary': None, 'cosine': 0} True {'line': 1, 'text': 'def parse_header(line):'}

== as lines of JSON
$ precis search 'header worker' repo --jsonl | python3 -c "import json, sys; print(sorted(json.loads(l)['symbol_name'] for l in sys.stdin))"
out: ['parse_header', 'wake_worker']

== filters
$ precis search 'header worker' repo --lang c | grep -c '^src'; precis search 'header worker' repo --path 'net' | grep -c '^src'; precis search 'header worker' repo/src/pool.c | grep -c '^src'
out: 1
out: 1
out: 1

== nothing is found
$ precis search xyzzy repo
exit: 1

== nothing is good enough
$ precis search worker repo --threshold 0.99
exit: 1

== nothing as JSON is an empty list
$ precis search xyzzy repo --json
exit: 1
out: []

== without an index
$ precis search worker empty
exit: 2
err: precis: empty: there is no index here (precis index empty makes one)

== set-up of a store without an index
$ mkdir -p lines/.git && precis summarize --prompt 'What for?' --model $TINY -q --store lines repo/src -o r.md
exit: 0 3

== a store without an index
$ precis search worker lines
exit: 2
err~ there is no index here

== vectors that are not there
$ precis search worker repo --mode vector
exit: 2
err~ has no vectors to search by

== a tree that changed
$ echo '/* more */' >> repo/src/pool.c; rm repo/src/net/parse.py; precis search worker repo --topk 1
err: precis: the tree is not as it was indexed: 1 files changed, 1 gone (precis index brings it up to date)
out~ wake_worker

== lines of summaries are found, and shown
$ printf '/* Wakes one worker. */\nint wake_worker(int n) {\n    return n;\n}\n' > repo/src/pool.c; PRECIS_MODELS=$PWD/none precis index -q repo 2>/dev/null
$ python3 - <<'END'
$ import hashlib, sqlite3
$ db = sqlite3.connect("repo/.precis/precis.db")
$ whole = db.execute("SELECT hash FROM files WHERE path = 'src/pool.c'").fetchone()[0]
$ db.execute("INSERT INTO runs(started_at, ended_at) VALUES(1800000000, 1800000001)")
$ db.execute("INSERT INTO provenance(model, model_revision, file_type, precision, isa, prompt_version, decoder_version, parameters, seed) VALUES('m', 'rev', 'F32', 'f32', 'plain', 'line-9', '1', '{}', 0)")
$ key = hashlib.sha256(b"x").digest()
$ db.execute("INSERT INTO summaries SELECT ?, id, 'Rouses a sleeper.', 0.9, 'model', 1, 2, 3.0, 0, 1800000000, NULL FROM provenance", (key,))
$ db.execute("INSERT INTO chunks(file, level, start_line, end_line, symbol, text, version, key, seen) SELECT id, 0, 1, 4, NULL, ?, hash, ?, 1 FROM files WHERE path = 'src/pool.c'", (key, key))
$ db.commit()
$ END
$ precis search sleepers repo; PRECIS_MODELS=$PWD/none precis index -q repo 2>/dev/null; precis search sleepers repo
out~ ^src/pool\.c:1-4  wake_worker  0\.[0-9]{3}$
out~ ^  Rouses a sleeper\.$

== colour is for terminals that want it
needs: tty
$ cd repo && python3 -c "
$ import os, pty, sys
$ def run(env):
$     pid, fd = pty.fork()
$     if pid == 0:
$         os.execvpe('precis', ['precis', 'search', 'worker'], dict(os.environ, **env))
$     out = b''
$     try:
$         while chunk := os.read(fd, 4096):
$             out += chunk
$     except OSError:
$         pass
$     os.waitpid(pid, 0)
$     return b'\x1b[1;32mworker\x1b[0m' in out
$ print(run({'TERM': 'xterm'}), run({'TERM': 'xterm', 'NO_COLOR': '1'}), run({'TERM': 'dumb'}))"
out: True False False

== both kinds of JSON
$ precis search x repo --json --jsonl
exit: 2
err~ only one of the two

== eval search, by words, against a rank made by hand
$ printf '{"id": "a", "repo": "r", "language": "c", "path": "a.c", "kind": "function", "code": "int wake(void);", "symbol": "wake"}\n{"id": "b", "repo": "r", "language": "c", "path": "b.c", "kind": "function", "code": "int wake_all(int wake);", "symbol": "all"}\n{"id": "c", "repo": "r", "language": "c", "path": "c.c", "kind": "function", "code": "nothing", "symbol": null}\n' > corpus.jsonl
$ printf '{"id": "a", "query": "wakes"}\n{"id": "b", "query": "waking"}\n{"id": "c", "query": "xyzzy"}\n' > queries.jsonl
$ precis eval search queries.jsonl --corpus corpus.jsonl --mode bm25 --json -o ranks.jsonl; cat ranks.jsonl; ls ${TMPDIR:-/tmp} | grep -c precis-eval
out: {"n": 3, "mrr10": 0.500000, "recall10": 0.666667}
out: {"id": "a", "rank": 1}
out: {"id": "b", "rank": 2}
out: {"id": "c", "rank": 0}
out: 0
exit: 1

== eval search wants both files
$ precis eval search queries.jsonl
exit: 2
err~ --corpus
