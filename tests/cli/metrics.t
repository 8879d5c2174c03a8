# precis metrics: a table for people, one JSON value for programs.

== set-up
$ mkdir -p src/sub && printf '/* Why. */\nint f(int a) {\n    if (a && a > 1)\n        return 1;\n\n    return 0;\n}\nint g(void) { return 1; }\n' > src/a.c
$ printf 'def h(x):\n    """Doc."""\n    return [y for y in x if y]\n' > src/sub/b.py
$ printf 'local x = 1\n\nprint(x)\n' > src/c.lua
$ printf '\001\377\n' > "$(printf 'src/odd\033name.c')" && printf 'int \377(void) { return 2; }\n' > src/d.c

== a table
$ precis metrics src --ignore 'odd*' --ignore d.c
out:   lines    code comment  blank  functions nesting complexity  max  file
out:       8       6   14.3%      1          2       1          4    3  a.c
out:       3       -       -      1          -       -          -    -  c.lua
out:       3       2   33.3%      0          1       0          3    3  sub/b.py
out:      14       8   20.0%      2          3       1          7    3  3 files
out: 
out: complexity    code parameters nesting  function
out:          3       5          1       1  f  a.c:2
out:          3       2          1       0  h  sub/b.py:1
out:          1       1          0       0  g  a.c:8

== the highest alone
$ precis metrics --top 1 src/a.c src/sub | tail -n 2
out: complexity    code parameters nesting  function
out:          3       5          1       1  f  src/a.c:2

== none of them
$ precis metrics --top 0 src/a.c | wc -l
out: 3

== JSON
$ precis metrics --json src/a.c
out: {"files": [
out:   {"file_path": "a.c", "language": "c", "parsed": true, "lines": 8, "blank_lines": 1, "code_lines": 6, "comment_lines": 1, "comment_share": 0.1429, "function_count": 2, "nesting": 1, "complexity": 4, "max_complexity": 3, "functions": [
out:     {"name": "f", "start_line": 2, "end_line": 7, "complexity": 3, "code_lines": 5, "parameters": 1, "nesting": 1},
out:     {"name": "g", "start_line": 8, "end_line": 8, "complexity": 1, "code_lines": 1, "parameters": 0, "nesting": 0}]}
out: ], "total": {"files": 1, "parsed": 1, "lines": 8, "blank_lines": 1, "code_lines": 6, "comment_lines": 1, "comment_share": 0.1429, "function_count": 2, "nesting": 1, "complexity": 4, "max_complexity": 3}}

== of chunks, too
$ precis metrics --loc 3 --top 0 src/a.c src/c.lua
out:   lines    code comment  blank  functions nesting complexity  max  file
out:       8       6   14.3%      1          2       1          4    3  src/a.c
out:       3       2   33.3%      0          1       1          3    3    lines 1-3
out:       3       2    0.0%      1          0       1          0    0    lines 4-6
out:       2       2    0.0%      0          1       0          1    1    lines 7-8
out:       3       -       -      1          -       -          -    -  src/c.lua
out:       3       -       -      1          -       -          -    -    lines 1-3
out:      11       6   14.3%      2          2       1          4    3  2 files

== JSON of chunks
$ precis metrics --loc 6 --json src/a.c | python3 -c 'import json, sys; print([(c["start_line"], c["end_line"], c["code_lines"], c["complexity"]) for c in json.load(sys.stdin)["files"][0]["chunks"]])'
out: [(1, 6, 4, 3), (7, 8, 2, 1)]

== JSON of odd names and bytes
$ precis metrics --json src | python3 -c 'import json, sys; d = json.load(sys.stdin); print(len(d["files"]), d["total"]["files"], [f["code_lines"] for f in d["files"] if "odd" in f["file_path"]])'
out: 5 5 [None]

== no control characters on a terminal
$ precis metrics src | grep -c "$(printf '\033')"
exit: 1
out: 0

== nothing there
$ precis metrics nowhere
exit: 2
err~ ^precis: nowhere: 

== no path
$ precis metrics
exit: 2
err~ ^precis: metrics: 

== a folder without code
$ mkdir empty && precis metrics empty; code=$?; rmdir empty; exit $code
exit: 2
err~ ^precis: empty: 

== standard output that is full
$ precis metrics src > /dev/full
exit: 2
err~ ^precis: standard output: 
