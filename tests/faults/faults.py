#!/usr/bin/env python3
"""Makes calls of the whole program fail, one after another, and looks at what is left.

usage: faults.py PRECIS INJECT.so [--points N] [--seed N] [--jobs N] [--only WORD] [--short]

For each scene (a command on a store) an undisturbed run notes the calls of each kind (inject.c) and the
functions that led to each. Then calls fail, once or from there on: of those that the same functions
led to one is drawn, of these N for each scene and kind (four times as many of allocations; 0: all), and
of each a way to fail. Each time must be true:

- the exit status is a documented one, 2 with one line on standard error that says of what; no signal,
  and no more than 30 s;
- files written are whole, or as they were before, with no temporary ones beside them;
- every line of the model in a report is the one that an undisturbed run has there;
- the store is sound, and an undisturbed run on it gives the report of an undisturbed run within 30 s.

Ends with `N passed, N failed`. Failures say how to have them again. cases.py has what is not the
failure of a call.
"""

import argparse
import errno
import os
import queue
import random
import shutil
import struct
import sys
import tempfile
import threading
import time

import cases
import scene
from scene import Wrong, check

KINDS = "memory read write sync map thread open name remove size stat lock clock".split()
LAST = 1 << 62
YEARS = 10 * 365 * 86400

# (errno, how many calls from the first one, seconds that a clock is off)
WAYS = {
    "memory": [(errno.ENOMEM, 1, 0), (errno.ENOMEM, 1, 0), (errno.ENOMEM, 1, 0), (errno.ENOMEM, LAST, 0)],
    "read": [(errno.EIO, 1, 0), (errno.EIO, LAST, 0), (0, LAST, 0), (errno.EINTR, 1, 0)],
    "write": [(errno.EIO, 1, 0), (errno.ENOSPC, LAST, 0), (0, 1, 0), (errno.ENOSPC, 4, 0)],
    "sync": [(errno.EIO, 1, 0), (errno.EIO, LAST, 0)],
    "map": [(errno.ENOMEM, 1, 0), (errno.ENOMEM, LAST, 0)],
    "thread": [(errno.EAGAIN, 1, 0), (errno.EAGAIN, LAST, 0)],
    "open": [(errno.EMFILE, 1, 0), (errno.EMFILE, LAST, 0), (errno.EACCES, 1, 0)],
    "name": [(errno.EACCES, 1, 0), (errno.ENOSPC, LAST, 0)],
    "remove": [(errno.EACCES, 1, 0), (errno.EIO, LAST, 0)],
    "size": [(errno.ENOSPC, 1, 0), (errno.EIO, 1, 0)],
    "stat": [(errno.EIO, 1, 0), (errno.EACCES, LAST, 0)],
    "lock": [(errno.ENOLCK, 1, 0), (errno.EIO, 1, 0), (errno.ENOLCK, 20, 0)],
    "clock": [(0, 1, YEARS), (0, LAST, YEARS), (0, LAST, -YEARS), (0, 1, -YEARS)],
}


class Place:
    """A folder of one worker: the tree stays, the store and what is written are put back each time."""

    def __init__(self, precis, inject, folder, model, short):
        self.precis, self.inject, self.folder, self.model, self.short = precis, inject, folder, model, short
        self.root, self.out = os.path.join(folder, "w"), os.path.join(folder, "out")
        self.tree, self.extra = os.path.join(self.root, "tree"), os.path.join(self.root, "tree", "gone.c")
        self.env = scene.clean_environment(folder)
        os.makedirs(self.root)
        os.makedirs(self.out)
        scene.kill.write_tree(self.tree, files=4, functions=4)

    def rounds(self, n):
        return max(1, n // 6) if self.short else n

    def output(self, name="r"):
        return os.path.join(self.out, name)

    def asks(self, program="summarize", *more):
        return [self.precis, program, "--model", self.model, "--prompt", "What for?", "--max-new-tokens", "24",
                "--best-of", "2", "--loc", "30", "--lanes", "1", "--store", self.root, "-q", *more]

    def summarize(self, form="jsonl"):
        return self.asks("summarize", "--format", form, "-o", self.output(), self.tree)

    def index(self):
        return [self.precis, "index", "-q", "--store", self.root, "--lanes", "1", self.tree]

    def search(self):
        return [self.precis, "search", "-q", "--jsonl", "--store", self.root, "count lines"]

    def store(self):
        return os.path.join(self.root, ".precis")

    def keep(self, name):
        """The store as it is now, to begin scenes with."""
        kept = os.path.join(self.folder, "kept", name)
        shutil.rmtree(kept, ignore_errors=True)
        shutil.copytree(self.store(), kept)

    def reset(self, name):
        shutil.rmtree(self.store(), ignore_errors=True)
        if name:
            shutil.copytree(os.path.join(self.folder, "kept", name), self.store())
        shutil.rmtree(self.out)
        os.makedirs(self.out)

    def run(self, args, env=None):
        return scene.run(args, {**self.env, **(env or {})}, cwd=self.root)

    def calm(self, args):
        status, _, err = self.run(args)
        check(status in (0, 3), f"an undisturbed run fails: {err}")

    def prepare(self):
        """The stores that scenes begin with, and what an undisturbed run reports."""
        shutil.copy(os.path.join(self.tree, "line0.c"), self.extra)
        self.calm(self.summarize())
        self.keep("more")
        os.unlink(self.extra)
        self.reset(None)
        self.calm(self.summarize())
        self.expected = scene.rows_of(scene.read(self.output()))
        self.keep("lines")
        self.calm(self.index())
        self.keep("index")
        self.indexed, self.found = scene.state_of(self.root), self.run(self.search())[1]
        check(self.found.count(b"\n") > 3, "nothing is found")
        self.shared = os.path.join(self.folder, "shared.jsonl")
        self.calm([self.precis, "cache", "export", "-q", "--store", self.root, self.shared])


def rows_are_right(p, status, data):
    rows = scene.rows_of(data)
    files = {name for _, name, _ in rows}  # one that cannot be opened is left out, with a warning
    missing = {place for place in p.expected if place[0] == "chunk" and place[1] in files} - set(rows)
    check(not missing and files or status == 3, f"the report lacks {missing}")
    for place, row in rows.items():
        if place[0] == "chunk" and row["source"] == "model" and not row["error"]:
            other = scene.difference({place: row}, {place: p.expected.get(place)})
            check(not other, f"another line of the model: {other}")


def same_as_calm(p, _status, data):
    check(data == p.calm_output, "the file differs from that of an undisturbed run")


def whole_markdown(p, status, data):
    check(status == 3 or data.count(b"\n") >= p.calm_output.count(b"\n") // 2 and data.endswith(b"\n"),
          "the report is not whole")


def same_state(p, s, kind):
    """The store is that of an undisturbed run. What cannot be opened is left out of an index, with a warning, and
    lines are old for cache gc by a clock of another year."""
    if s.changes and kind not in ("open", "read", "stat", "clock"):
        check(scene.state_of(p.root) == p.calm_state, "the store has something else")


def index_again(p):
    """An undisturbed index after one that was disturbed: found is what is found always."""
    p.calm(p.index())
    check(scene.state_of(p.root)[1] == p.indexed[1], "the next index has something else")
    check(p.run(p.search())[1] == p.found, "the next search finds something else")


class Scene:
    """begins: a kept store; command(place); look(place, status, data) at the file that was written. changes:
    the store after exit 0 is always the same."""

    def __init__(self, name, begins, command, look=None, allowed=(0, 2), changes=False):
        self.name, self.begins, self.command, self.look, self.allowed = name, begins, command, look, set(allowed)
        self.changes = changes


SCENES = [
    Scene("first run", None, lambda p: p.summarize(), rows_are_right, (0, 2, 3)),
    Scene("second run", "lines", lambda p: p.summarize(), rows_are_right, (0, 2, 3)),
    Scene("results file", None, lambda p: p.asks("parallel_summarizer", "--file", p.tree, "--output-file", p.output(),
                                                 "--results-file", p.output("log")), whole_markdown, (0, 2, 3)),
    Scene("report", "lines", lambda p: [p.precis, "report", "-q", "--store", p.root, "--format", "csv", "-o",
                                        p.output()], same_as_calm),
    Scene("index", "lines", lambda p: p.index(), None, (0, 2, 3), True),
    Scene("search", "index", lambda p: p.search(), None, (0, 1, 2)),
    Scene("gc", "more", lambda p: [p.precis, "cache", "gc", "-q", "--gone", "--store", p.root], None, (0, 2), True),
    Scene("export", "lines", lambda p: [p.precis, "cache", "export", "-q", "--store", p.root, p.output()],
          same_as_calm),
    Scene("import", None, lambda p: [p.precis, "cache", "import", "-q", "--store", p.root, p.shared], None, (0, 2), True),
]


def said_by(path):
    """Calls of each kind; how many failed; which, from where."""
    data = scene.read(path)
    numbers = struct.unpack_from(f"<{len(KINDS) + 2}Q", data)
    at = 8 * len(numbers)
    call, thing = (data[at + 64 * i:at + 64 * (i + 1)].split(b"\0")[0].decode() for i in range(2))
    return dict(zip(KINDS, numbers)), numbers[-2], f"{call} at {thing}+{numbers[-1]:#x}"


def injected(p, s, extra=None):
    """Runs a scene's command under inject.c."""
    say = os.path.join(p.folder, "say")
    env = {"LD_PRELOAD": p.inject, "FAULTS_SAY": say, **(extra or {})}
    return p.run(s.command(p), env), said_by(say)


def note_calls(p, s):
    """For each kind the calls that the same functions led to, in lists of their numbers."""
    p.reset(s.begins)
    trace = os.path.join(p.folder, "trace")
    (status, _, err), (calls, _, _) = injected(p, s, {"FAULTS_TRACE": trace})
    check(status in s.allowed - {2}, f"{s.name}: an undisturbed run ends with {status}: {err}")
    ways = {kind: {} for kind in KINDS}
    for kind, number, way in struct.iter_unpack("<IIQ", scene.read(trace)):
        if way:
            ways[KINDS[kind]].setdefault(way, []).append(number)
    os.unlink(trace)
    return calls, {kind: sorted(found.values()) for kind, found in ways.items()}


def points_of(alike, kind, most, rng):
    points = [(kind, rng.choice(numbers), how) for numbers in alike
              for how in ([rng.choice(WAYS[kind])] if kind == "memory" else WAYS[kind])]
    return rng.sample(points, most) if 0 < most < len(points) else points


def check_files(p, s, status, old, kind):
    data, log = scene.read(p.output()), scene.read(p.output("log"))
    if status == 2:
        check(data == old, "a failed run changed its output")
    elif s.look:
        check(data is not None and data != old, "the output was not written")
        s.look(p, status, data)
    if s.name == "results file":
        check((log is None) == (status == 2) or kind == "remove", "a results file of a failed run, or none")
        check(log is None or status == 2 or b"\nContracts\n" in log, "the results file has no end")
    left = set(os.listdir(p.out)) - {"r", "log"}
    check(not left or kind == "remove", f"left behind: {left}")


def try_point(p, s, point, old):
    kind, n, (code, many, shift) = point
    env = {"FAULTS_KIND": kind, "FAULTS_FROM": str(n), "FAULTS_TO": str(n + many - 1), "FAULTS_ERRNO": str(code),
           "FAULTS_SHIFT": str(shift)}
    where = "?"
    try:
        p.reset(s.begins)
        if old:
            with open(p.output(), "wb") as f:
                f.write(old)
        (status, _, err), (_, failed, where) = injected(p, s, env)
        scene.check_status(status, err, s.allowed)
        check_files(p, s, status, old, kind)
        scene.check_store(p.root)
        if status == 0:
            same_state(p, s, kind)
        began = time.monotonic()
        p.calm(p.summarize())
        other = scene.difference(scene.rows_of(scene.read(p.output())), p.expected)
        check(not other, f"the next run has another report: {other}")
        check(time.monotonic() - began < scene.LONGEST, "the next run takes too long")
        scene.check_store(p.root)
        if s.name == "index":
            index_again(p)
        return None, failed
    except Exception as e:  # what the looks above cannot take is a finding, too
        said = os.path.join(p.folder, "say")
        where = said_by(said)[2] if os.path.exists(said) else where
        settings = " ".join(f"{k}={v}" for k, v in env.items())
        return f"{s.name}: {where}: {e if isinstance(e, Wrong) else repr(e)}\n    {settings}{' (with an old output)' if old else ''}", 1


def work(p, points, results):
    while True:
        try:
            s, point, old = points.get_nowait()
        except queue.Empty:
            return
        began = time.monotonic()
        text, failed = try_point(p, s, point, old)
        results.append((text, failed, time.monotonic() - began, point[0]))


def inject_all(places, o, rng):
    """(passed, list of failures)"""
    passed, bad = 0, []
    for s in SCENES:
        if o.only and o.only not in s.name:
            continue
        calls, ways = note_calls(places[0], s)
        for p in places:
            p.reset(s.begins)
            p.run(s.command(p))
            p.calm_output = scene.read(p.output())
            p.calm_state = scene.state_of(p.root)
        points, results, began = queue.Queue(), [], time.monotonic()
        for kind in KINDS:
            if o.kind and kind != o.kind:
                continue
            for point in points_of(ways[kind], kind, o.points * (4 if kind == "memory" else 1), rng):
                old = b"an older report\n" if rng.random() < 0.5 else None
                points.put((s, point, old))
        threads = [threading.Thread(target=work, args=(p, points, results)) for p in places]
        for t in threads:
            t.start()
        for t in threads:
            t.join()
        wrong = [r[0] for r in results if r[0]]
        hit = sum(1 for r in results if r[1])
        check(2 * hit > len(results), f"{s.name}: no call failed in {len(results) - hit} of {len(results)} runs")
        longest = max(results, key=lambda r: r[2])
        print(f"{s.name}: {len(results)} runs, {hit} with a failure, {len(wrong)} wrong, "
              f"{time.monotonic() - began:.0f} s, the longest {longest[2]:.1f} s ({longest[3]}); calls (and ways to "
              f"them): {', '.join(f'{n} {k} ({len(ways[k])})' for k, n in calls.items() if n)}", flush=True)
        for text in wrong:
            print(f"  WRONG {text}", flush=True)
        passed, bad = passed + len(results) - len(wrong), bad + wrong
    return passed, bad


def main():
    a = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    a.add_argument("precis")
    a.add_argument("inject")
    a.add_argument("--points", type=int, default=24, help="runs for each scene and kind")
    a.add_argument("--seed", type=int, default=1)
    a.add_argument("--jobs", type=int, default=len(os.sched_getaffinity(0)))
    a.add_argument("--only", help="scenes with this word")
    a.add_argument("--kind", choices=KINDS)
    a.add_argument("--short", action="store_true", help="the cases that take no time")
    o = a.parse_args()
    if "PRECIS_TEST_SHORT" in os.environ:
        print("skipped: a preloaded library and a sanitizer do not go together")
        sys.exit(77)
    if o.short:
        scene.LONGEST = 120  # other tests run beside it
    folder = tempfile.mkdtemp(prefix="precis-faults-")
    try:
        model, precis = os.path.join(folder, "tiny.gguf"), os.path.abspath(o.precis)
        scene.write_model(model)
        places = [Place(precis, os.path.abspath(o.inject), os.path.join(folder, str(i)), model, o.short) for i in range(o.jobs)]
        for p in places:
            p.prepare()
        check(all(p.expected == places[0].expected for p in places), "undisturbed runs differ")
        passed, bad = inject_all(places, o, random.Random(o.seed))
        if not o.kind:
            good, more = cases.run_all(places[0], o.only)
            passed, bad = passed + good, bad + more
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    print(f"{passed} passed, {len(bad)} failed")
    sys.exit(1 if bad else 0)


if __name__ == "__main__":
    main()
