#!/usr/bin/env python3
"""Writes the seed corpus of fuzz_store: stores in pages of 512 bytes, and broken ones.

usage: make_seeds_store.py src/store/schema.c tests/fuzz/corpus/store
"""
import pathlib
import re
import sqlite3
import sys
import tempfile

FILL = """
INSERT INTO files VALUES(1, 'src/a.c', 'c', 10, 5, 6, zeroblob(32));
INSERT INTO files(id, path) VALUES(2, 'src');
INSERT INTO runs VALUES(1, 1800000000, 1800000001);
INSERT INTO runs VALUES(2, 1800000002, NULL);
INSERT INTO provenance VALUES(1, 'smollm2', 'b179', 'Q4_1', 'int8', 'avx2', 'line-1', '1', '{}', -1);
INSERT INTO provenance VALUES(2, 'smollm2', 'b180', 'Q4_1', 'int8', 'avx2', 'line-1', '1', '{}', 0);
INSERT INTO summaries VALUES(zeroblob(32), 1, 'Adds numbers.', 0.5, 'model', 100, 10, 12.5, 0, 1800000000);
INSERT INTO summaries VALUES(CAST(x'01' || zeroblob(31) AS BLOB), 2, 'Sums.', 0.75, 'doc', 0, 0, 0.0, 1, 1800000001);
INSERT INTO chunks VALUES(1, 1, 0, 1, 5, 'add', zeroblob(32), zeroblob(32), zeroblob(32), 1);
INSERT INTO chunks VALUES(2, 1, 0, 1, 5, NULL, zeroblob(32), zeroblob(32), CAST(x'01' || zeroblob(31) AS BLOB), 2);
INSERT INTO chunks VALUES(3, 2, 2, 0, 0, NULL, zeroblob(32), NULL, zeroblob(32), 2);
INSERT INTO ratings VALUES(1, 1, 'good', 'a note', NULL, 'me', 1800000003);
INSERT INTO ratings VALUES(2, 2, '2', NULL, 'Adds two numbers.', 'me', 1800000004);
INSERT INTO pins VALUES(1, 'b179', 'line-1', 1800000005);
"""


def statements(source):
    """The elements of the array: literals that follow one another are one, a comma ends it."""
    body = source[source.index("version_1[] = {"):]
    found = [""]
    for literal, comma in re.findall(r'"([^"]*)"|(,)', body[:body.index("NULL};")]):
        if comma:
            found.append("")
        else:
            found[-1] += literal
    return [sql for sql in found if sql]


def store(schema, fill, log=False):
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder) / "precis.db"
        db = sqlite3.connect(path, isolation_level=None)
        db.execute("PRAGMA page_size = 512")
        for sql in schema:
            db.execute(sql)
        db.executescript(fill)
        if log:
            db.execute("PRAGMA journal_mode = WAL")
        db.close()
        return path.read_bytes()


def main():
    schema = statements(pathlib.Path(sys.argv[1]).read_text())
    full = store(schema, FILL)
    seeds = {
        "full": full,
        "log": store(schema, FILL, log=True),
        "no_lines": store(schema, ""),
        "trigger": store(schema, "CREATE TRIGGER t AFTER INSERT ON runs BEGIN DELETE FROM runs; END"),
        "foreign": store(["CREATE TABLE cookies(x)"], ""),
        "truncated": full[:-512],
        "header": full[:100],
        "empty": b"",
    }
    folder = pathlib.Path(sys.argv[2])
    folder.mkdir(parents=True, exist_ok=True)
    for name, data in seeds.items():
        (folder / name).write_bytes(data)


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__.strip())
    main()
