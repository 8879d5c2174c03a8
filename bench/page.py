#!/usr/bin/env python3
"""Measures the HTML report: how large it is and how long it takes to write.

usage: page.py PRECIS [CHUNKS] [--rounds N] [-o PAGE]

Fills a store with CHUNKS made-up chunks (10,000), five to a file and twenty files to a folder, and derives the page; medians. -o keeps the page, to be
looked at in a browser.
"""
import argparse
import hashlib
import os
import random
import resource
import sqlite3
import statistics
import subprocess
import tempfile
import time

PER_FILE, PER_FOLDER = 5, 20
WORDS = "reads writes a queue of tasks and wakes the worker that waits for its turn with the lock of this buffer held".split()


def fill(tree, chunks):
    rng = random.Random(1)
    db = sqlite3.connect(os.path.join(tree, ".precis", "precis.db"))
    db.execute("INSERT INTO runs(started_at) VALUES(1800000000)")
    db.execute("INSERT INTO provenance VALUES(1, 'model', 'revision', 'F32', 'int8', 'plain', 'line-1', 'd', '{\"strategy\":\"greedy\"}', 7)")
    for i in range(chunks):
        file, k = divmod(i, PER_FILE)
        path = f"folder{file // PER_FOLDER:03d}/file{file:04d}.c"
        if k == 0:
            os.makedirs(os.path.dirname(os.path.join(tree, path)), exist_ok=True)
            open(os.path.join(tree, path), "wb").close()
            db.execute("INSERT INTO files(path, language, size, mtime_ns, inode, hash) VALUES(?, 'c', 1, 1, 1, zeroblob(32))", (path,))
        line = " ".join(rng.choices(WORDS, k=12)) + "."
        key = hashlib.sha256(str(i).encode()).digest()
        db.execute("INSERT INTO summaries VALUES(?, 1, ?, ?, 'model', 11, 22, 3456.0, 0, 1, NULL)", (key, line, rng.random()))
        db.execute("INSERT INTO chunks(file, level, start_line, end_line, symbol, text, version, key, seen) SELECT id, 0, ?, ?, ?, ?, hash, ?, 1 FROM files WHERE path = ?",
                   (300 * k + 1, 300 * k + 300, f"Type{i}.method", key, key, path))
    db.commit()
    db.close()


def spent(command):
    """Wall and processor time of a command and of what it starts, in seconds."""
    before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=120)
    wall, after = time.monotonic() - start, resource.getrusage(resource.RUSAGE_CHILDREN)
    return wall, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def medians(times):
    return [statistics.median(t) for t in zip(*times)]


def main():
    p = argparse.ArgumentParser(usage=__doc__.split("usage: ")[1].split("\n")[0])
    p.add_argument("precis")
    p.add_argument("chunks", nargs="?", type=int, default=10000)
    p.add_argument("--rounds", type=int, default=5)
    p.add_argument("-o", "--output")
    o = p.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        tree, page = os.path.join(folder, "tree"), os.path.abspath(o.output or os.path.join(folder, "page.html"))
        os.makedirs(tree)
        with open(os.path.join(tree, "a.c"), "w", encoding="utf-8") as f:
            f.write("int a;\n")
        subprocess.run([o.precis, "index", tree, "--store", tree, "-q"], check=True)
        fill(tree, o.chunks)
        wall, cpu = medians([spent([o.precis, "report", "--store", tree, "--format", "html", "-o", page]) for _ in range(o.rounds)])
        print(f"{o.chunks} chunks: {os.path.getsize(page) / 1e6:.1f} MB, written in {wall:.2f} s ({cpu:.2f} s of processor time)")


main()
