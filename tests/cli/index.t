# precis index: what enters, what stays, what leaves. Python's sqlite3 is the independent reader.

== set-up
$ mkdir -p repo/src repo/.git foreign/.precis
$ printf '/* Wakes one worker. */\nint wake_worker(int n) {\n    return n;\n}\n' > repo/src/wake.c
$ printf 'def parse_header(line):\n    """Splits a header."""\n    return line.split(":")\n' > repo/src/parse.py
$ python3 -c "import sqlite3; sqlite3.connect('foreign/.precis/precis.db').execute('CREATE TABLE cookies(x)')"
$ printf 'int f(void) {\n    return 1;\n}\n' > foreign/a.c

== without an encoder words alone are indexed, which is said
$ PRECIS_MODELS=$PWD/none precis index repo
err~ words alone are indexed
out~ ^2 files \(0 unchanged, 0 removed\), 2 chunks new: 0 embedded, 0 known, in [0-9.]+ s: .*/repo/\.precis/precis\.db$

== nothing changed
$ PRECIS_MODELS=$PWD/none precis index -q repo/src --json | sed 's/"seconds".*/.../'
err~ 
out: {"files": 2, "unchanged": 2, "removed": 0, "lost": 0, "chunks": 0, "embedded": 0, "known": 0, "summaries": 0, ...

== what is in it
$ python3 - <<'END'
$ import sqlite3
$ db = sqlite3.connect("repo/.precis/precis.db")
$ for row in db.execute("SELECT f.path, e.kind, e.symbol, e.start_line, e.end_line FROM entries e JOIN files f ON f.id = e.file ORDER BY f.path"):
$     print(*row)
$ print(db.execute("PRAGMA user_version").fetchone()[0], db.execute("PRAGMA integrity_check").fetchone()[0])
$ END
$ cat repo/.precis/.gitignore
out: src/parse.py function parse_header 1 3
out: src/wake.c function wake_worker 1 4
out: 7 ok
out: /precis.db*

== a file that is gone leaves, one that changed is cut again
$ rm repo/src/parse.py; printf 'int sleep_deep(void) {\n    return 0;\n}\n' >> repo/src/wake.c
$ PRECIS_MODELS=$PWD/none precis index -q repo --json | sed 's/"seconds".*/.../'
err~ 
out: {"files": 1, "unchanged": 0, "removed": 1, "lost": 0, "chunks": 2, "embedded": 0, "known": 0, "summaries": 0, ...

== a database of another application is not touched
$ precis index foreign
exit: 2
err~ is a database of another application

== set-up of a damaged one
$ mkdir -p broken/.precis; head -c 3000 /dev/zero | tr '\0' 'x' > broken/.precis/precis.db; cp repo/src/wake.c broken

== a damaged one is an error
$ precis index broken
exit: 2
err~ it is not a SQLite database

== one path
$ precis index repo foreign
exit: 2
err: precis: index takes one path, not 2

== what is not there
$ precis index nowhere
exit: 2
err~ nowhere
