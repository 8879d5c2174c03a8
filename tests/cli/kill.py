"""Kills summarize at random times, and finishes what is left: no line that was reported is lost, none
is there twice, and the report in the end is that of a run that nobody disturbed.

usage: kill.py PRECIS          PRECIS_TEST_KILLS=200 for more than a dozen kills, PRECIS_TEST_SEED=N for others

A row on standard output is what a run has promised: its line was committed before. When a run is
faster than its killer the store is thrown away and the next one begins anew, so that kills hit the
beginning, the middle, the roll-ups and the end.
"""

import json
import os
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time

HERE = os.path.dirname(os.path.abspath(__file__))
SHORT = "PRECIS_TEST_SHORT" in os.environ
FILES, FUNCTIONS = 7 if SHORT else 13, 22  # of about ten lines each
VERBS = ["read", "write", "find", "count", "split", "merge", "check", "close", "open", "move", "parse", "clear"]
NOUNS = ["line", "file", "folder", "table", "queue", "block", "token", "record", "buffer", "index", "window", "field"]


def function(rng):
    verb, (noun, other) = rng.choice(VERBS), rng.sample(NOUNS, 2)
    step, most = rng.randrange(1, 9), rng.randrange(10, 999)
    lines = [f"/* To {verb} every {noun} of a {other}, {most} at most. */"] if rng.random() < 0.4 else []
    lines += [f"static int {verb}_{noun}(struct {other} *{other}, size_t n) {{", f"    int {noun} = {step};"]
    for _ in range(rng.randrange(1, 4)):
        part = rng.choice(NOUNS)
        lines += [f"    for (size_t i = 0; i < n && {noun} < {most}; i += {step})",
                  f"        {noun} += {other}->{part}[i] * {rng.randrange(2, 50)};"]
    if rng.random() < 0.5:
        lines += [f"    if ({noun} == {most})", f"        return {rng.choice(VERBS)}_{other}({other}, n / 2);"]
    return lines + [f"    return {noun};", "}", ""]


def write_tree(tree, files, functions):
    rng = random.Random(0)
    os.makedirs(os.path.join(tree, "sub"))
    for i in range(files):
        lines = ["#include <stddef.h>", ""] + [line for _ in range(functions) for line in function(rng)]
        with open(os.path.join(tree, "sub" if i % 3 else "", f"{NOUNS[i % len(NOUNS)]}{i}.c"), "w",
                  encoding="ascii") as f:
            f.write("\n".join(lines))


def command(precis, model, tree, store):
    return [precis, "summarize", "--model", model, "--prompt", "What for?", "--max-new-tokens", "64", "--best-of",
            "1", "--loc", "25", "--format", "jsonl", "-q", "--store", store, tree]


def rows_of(data):
    """Whole rows by place; what a killed run left half written is no row."""
    rows = [json.loads(line) for line in data.split(b"\n")[:-1] if line]
    found = {(r["level"], r["file_path"], r["start_line"]): {**r, "elapsed_ms": 0} for r in rows}
    assert len(found) == len(rows), "a place was reported twice"
    return found


def run_to_the_end(args):
    p = subprocess.run(args, capture_output=True, check=False)
    assert p.returncode in (0, 3), p.stderr.decode()
    return rows_of(p.stdout)


def run_and_kill(args, after):
    """What was reported before the kill, and whether it came too late."""
    p = subprocess.Popen(args, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    killer = threading.Timer(after, lambda: os.kill(p.pid, signal.SIGKILL))
    killer.start()
    data = p.stdout.read()
    code = p.wait()
    killer.cancel()
    killer.join()
    assert code in (0, 3, -signal.SIGKILL), code
    return rows_of(data), code != -signal.SIGKILL


def look(store, reported):
    """Every reported line that a model made is there once. The lines of the store, by place."""
    path = os.path.join(store, ".precis", "precis.db")
    if not os.path.exists(path):
        assert not reported, "rows without a store"
        return {}
    db = sqlite3.connect(path)
    if db.execute("SELECT count(*) FROM sqlite_schema").fetchone()[0] == 0:
        assert not reported, "rows without a store"
        return {}
    assert db.execute("PRAGMA integrity_check").fetchone()[0] == "ok"
    assert db.execute("SELECT count(*) FROM pragma_foreign_key_check").fetchone()[0] == 0
    lines = {}
    for level, name, start, line in db.execute(
            "SELECT c.level, f.path, c.start_line, s.line FROM chunks c JOIN files f ON f.id = c.file "
            "JOIN summaries s ON s.key = c.key"):
        place = (level, name, start)
        assert place not in lines, f"{place}: there twice"
        lines[place] = line
    db.close()
    levels = {"chunk": 0, "file": 1}
    for (level, name, start), row in reported.items():
        if level in levels and row["source"] == "model":
            kept = lines.get((levels[level], "tree/" + name, start))
            assert kept == row["summary"], f"{name}:{start}: reported, but the store has {kept}"
    return lines


def kill_them(precis, model, folder, kills, rng):
    tree, store, calm = (os.path.join(folder, x) for x in ("s/tree", "s", "calm"))
    args = command(precis, model, tree, store)
    os.mkdir(calm)
    began = time.monotonic()
    expected = run_to_the_end(command(precis, model, tree, calm))
    lasts = time.monotonic() - began
    before, finished, late, most, k = {}, 0, 0, 0, 0
    while k < kills:
        reported, in_time = run_and_kill(args, rng.uniform(0, lasts))
        lines = look(store, reported)
        lost = {p for p, line in before.items() if lines.get(p) != line}
        assert not lost, f"kill {k}: lost {lost}"
        before, most = lines, max(most, len(lines))
        late, k = late + in_time, k + (not in_time)
        if in_time or rng.random() < 0.2:
            assert run_to_the_end(args) == expected, f"kill {k}: another report"
            assert look(store, expected) != {}
            shutil.rmtree(os.path.join(store, ".precis"), ignore_errors=True)
            before, finished = {}, finished + 1
    assert run_to_the_end(args) == expected, "another report"
    assert run_to_the_end(args) == expected, "another report of a second run"
    made = sum(r["source"] == "model" for r in expected.values())
    print(f"{kills} kills (and {late} too late), {finished + 1} runs finished, {len(expected)} rows, {made} by the "
          f"model, up to {most} lines in the store at a kill, a calm run takes {lasts:.1f} s")
    assert made > 20


def main():
    precis = os.path.abspath(sys.argv[1])
    kills = int(os.environ.get("PRECIS_TEST_KILLS", 3 if SHORT else 12))
    rng = random.Random(int(os.environ.get("PRECIS_TEST_SEED", "1")))
    folder = tempfile.mkdtemp(prefix="precis-kill-")
    for name in [n for n in os.environ if n.startswith("PRECIS_")]:
        del os.environ[name]
    os.environ["XDG_CACHE_HOME"] = os.path.join(folder, "cache")
    try:
        model = os.path.join(folder, "tiny.gguf")
        subprocess.run([sys.executable, os.path.join(HERE, "tinygguf.py"), model], check=True)
        write_tree(os.path.join(folder, "s", "tree"), FILES, FUNCTIONS)
        kill_them(precis, model, folder, kills, rng)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
