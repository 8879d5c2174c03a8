#!/usr/bin/env python3
"""Random work for a long time: trees that change, runs with random options, kills, and everything that
reads and writes the store; meant for a build with sanitizers.

usage: soak.py PRECIS [--minutes N] [--seed N]

After each step must be true: the exit status is a documented one, with the reason of an exit 2 among those
that random work gives; no sanitizer reported; the store is sound. Each command may have 40 files open,
fewer than the tree has. A `precis index --watch` stays all the time: its memory and its open files must
not grow. Now and then two undisturbed runs must give the same report.

Ends with what was done and a line `N passed, N failed`.
"""

import argparse
import collections
import os
import random
import re
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time

import scene
from scene import Wrong, check, kill

SLOW = 300  # seconds a command may take under a sanitizer, on a machine that does other things
OPEN_FILES = 40
MOST_FILES = 70
GROWTH_KB = 16 * 1024
SANITIZERS = {"ASAN_OPTIONS": "detect_stack_use_after_return=0:allocator_may_return_null=1:exitcode=99:"
                              "quarantine_size_mb=4:thread_local_quarantine_size_kb=64",
              "UBSAN_OPTIONS": "halt_on_error=1:print_stacktrace=1"}
REPORTED = re.compile(r"(Address|Leak|Thread|UndefinedBehavior)Sanitizer|runtime error:")
# What an exit 2 may say here.
REASONS = re.compile(r"no lines to summarise|nothing to summarise|no source|there is no store|has no lines|"
                     r"no index|is empty|holds no (code|files)|not valid UTF-8|has changed")


class Soak:
    def __init__(self, precis, folder, rng):
        self.precis, self.folder, self.rng = precis, folder, rng
        self.root = os.path.join(folder, "w")
        self.tree, self.out = os.path.join(self.root, "tree"), os.path.join(folder, "out")
        self.env = {**scene.clean_environment(folder), **SANITIZERS}
        self.models = [os.path.join(folder, f"tiny{i}.gguf") for i in range(2)]
        self.done, self.bad, self.samples, self.watcher = collections.Counter(), [], [], None
        for i, path in enumerate(self.models):
            with open(path, "wb") as f:
                f.write(scene.tinygguf.build(seed=i + 1))
        self.encoder = os.path.join(folder, "encoder")
        scene.write_encoder(self.encoder)
        os.makedirs(self.out)
        kill.write_tree(self.tree, files=45, functions=2)

    # ---- Commands ----

    def run(self, args, stop=None, text=None):
        """stop: (signal, seconds). Its exit status and its errors, both looked at."""
        p = subprocess.Popen(args, env=self.env, stdin=subprocess.PIPE if text else subprocess.DEVNULL, cwd=self.root,
                             stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                             preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (OPEN_FILES, OPEN_FILES)))
        sent = None
        try:
            if stop:
                try:
                    _, err = p.communicate(timeout=stop[1])
                except subprocess.TimeoutExpired:
                    sent = stop[0]
                    p.send_signal(sent)
                    _, err = p.communicate(timeout=SLOW)
            else:
                _, err = p.communicate(text, timeout=SLOW)
        except subprocess.TimeoutExpired:
            p.kill()
            p.communicate()
            raise Wrong(f"hangs: {args}") from None
        err = err.decode(errors="replace")
        check(not REPORTED.search(err), f"{args}: {err[:3000]}")
        if sent == signal.SIGKILL:
            check(p.returncode in (0, 1, 3, -signal.SIGKILL), f"{args}: {p.returncode}: {err}")
        else:
            scene.check_status(p.returncode, err, {0, 1, 2, 3, 130} if sent else {0, 1, 2, 3})
        check(p.returncode != 2 or REASONS.search(err), f"{args}: {err}")
        self.done[f"exit {p.returncode}"] += 1
        return p.returncode

    def some_options(self):
        r = self.rng
        return ["--model", r.choice(self.models), "--max-new-tokens", str(r.choice((1, 8, 24))),
                "--loc", str(r.choice((10, 30, 1000))), "--chunk", r.choice(("lines", "structure")),
                "--agent-count", str(r.choice((1, 2, 20, 100))), "--lanes", str(r.randrange(1, 4)),
                "--best-of", str(r.choice((1, 2, 4))), "--context", r.choice(("auto", "full", "outline")),
                "--examples", r.choice(("0", "0", "2", "auto")), "--retries", str(r.randrange(3)),
                "--sampling-strategy", r.choice(("greedy", "greedy", "temperature", "nucleus", "beam")),
                *r.choice(([], [], ["--embedding-model", self.encoder])),
                *r.sample(["--no-rollup", "--no-cache", "--prefer-docs", "--no-fallback", "--refresh-examples",
                           "--all-text", "--no-gitignore"], r.randrange(3))]

    def usual(self, form, out):
        return [self.precis, "summarize", "-q", "--model", self.models[0], "--prompt", "What for?", "--loc", "30",
                "--best-of", "1", "--max-new-tokens", "8", "--store", self.root, "--format", form, "-o", out, self.tree]

    def summarize(self):
        stop = None
        if self.rng.random() < 0.4:
            stop = (self.rng.choice((signal.SIGKILL, signal.SIGKILL, signal.SIGINT, signal.SIGTERM)),
                    self.rng.uniform(0.05, 3))
        out = os.path.join(self.out, "r")
        status = self.run([self.precis, "summarize", "-q", *self.some_options(), "--store", self.root, "--format",
                           self.rng.choice(("md", "jsonl", "csv", "html")), "-o", out, self.tree], stop)
        check(stop or status == 2 or os.path.exists(out), "no report")

    def parallel(self):
        self.run([self.precis, "parallel_summarizer", "-q", "--model", self.models[1], "--file", self.tree, "--loc", "50",
                  "--best-of", "1", "--max-new-tokens", "8", "--output-file", os.path.join(self.out, "p"),
                  "--results-file", os.path.join(self.out, "log")])

    def piped(self):
        text = "\n".join(kill.function(self.rng)).encode()
        self.run([self.precis, "summarize", "-q", "--model", self.models[0], "--name", "x.c", "--best-of", "1", "-"],
                 text=text)

    def same_twice(self):
        rows = []
        for name in ("a", "b"):
            out = os.path.join(self.out, name)
            if self.run(self.usual("jsonl", out)) == 2:
                return
            rows.append(scene.rows_of(scene.read(out)))
        other = scene.difference(*rows)
        check(not other, f"a second run has another report: {other}")

    def two_at_once(self):
        both = [subprocess.Popen(self.usual("csv", os.path.join(self.out, name)), env=self.env, stdin=subprocess.DEVNULL,
                                 stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, cwd=self.root) for name in "cd"]
        for p in both:
            err = p.communicate(timeout=SLOW)[1].decode(errors="replace")
            check(not REPORTED.search(err), err)
            scene.check_status(p.returncode, err, {0, 2, 3})

    def report(self):
        self.run([self.precis, "report", "-q", "--store", self.root, "--format",
                  self.rng.choice(("md", "jsonl", "csv", "html")), "-o", os.path.join(self.out, "report")])

    def stats(self):
        self.run([self.precis, "cache", "stats", "--store", self.root])

    def collect(self):
        self.run([self.precis, "cache", "gc", "-q", "--store", self.root, "--days", self.rng.choice(("0", "1", "30")),
                  *self.rng.sample(["--gone", "--dry-run"], self.rng.randrange(2))])

    def share(self):
        shared, other = os.path.join(self.out, "shared.jsonl"), os.path.join(self.folder, "other")
        if self.run([self.precis, "cache", "export", "-q", "--store", self.root, shared]) == 0:
            os.makedirs(other, exist_ok=True)
            self.run([self.precis, "cache", "import", "-q", "--store", self.rng.choice((self.root, other)), shared])

    def index(self):
        stop = (signal.SIGKILL, self.rng.uniform(0.05, 1)) if self.rng.random() < 0.3 else None
        self.run([self.precis, "index", "-q", "--embedding-model", self.encoder, "--store", self.root, self.tree], stop)

    def search(self):
        query = f"{self.rng.choice(kill.VERBS)} {self.rng.choice(kill.NOUNS)}"
        self.run([self.precis, "search", "-q", "--embedding-model", self.encoder, "--store", self.root, "--mode",
                  self.rng.choice(("bm25", "vector", "hybrid")), query])

    def metrics(self):
        self.run([self.precis, "metrics", "-q", self.tree])

    # ---- The tree ----

    def files(self):
        return [os.path.join(folder, n) for folder, _, names in os.walk(self.tree) for n in names]

    def edit(self):
        for _ in range(self.rng.randrange(1, 6)):
            self.edit_one()

    def edit_one(self):
        r, files = self.rng, sorted(self.files())
        path = r.choice(files) if files else None
        how = r.randrange(8) if path else 0
        new = os.path.join(self.tree, *r.choice((["sub"], ["a", "b"], [])), f"n{r.randrange(1000)}.c")
        os.makedirs(os.path.dirname(new), exist_ok=True)
        if how <= 2 and len(files) < MOST_FILES:
            scene.write(new, "\n".join(x for _ in range(r.randrange(6)) for x in kill.function(r)))
        elif how == 3 and not os.path.islink(path):
            data = scene.read(path)
            with open(path, "r+b") as f:
                f.seek(r.randrange(len(data) + 1))
                f.write(r.choice((b"int x;\n", b"\xff\xfe", b"/* note */\n", r.randbytes(20))))
        elif how == 4:
            os.unlink(path)
        elif how == 5:
            os.rename(path, new)
        elif how == 6 and len(files) < MOST_FILES and not os.path.lexists(new):
            os.symlink(path, new)
        elif how == 7:
            folder = os.path.join(self.tree, "a")
            shutil.rmtree(folder, ignore_errors=True)

    # ---- What stays ----

    def start_watcher(self):
        err = open(os.path.join(self.folder, "watch.err"), "wb")
        store = os.path.join(self.folder, "watched")
        os.makedirs(store, exist_ok=True)
        self.watcher = subprocess.Popen([self.precis, "index", "--watch", "--embedding-model", self.encoder, "--store", store,
                                         self.tree], env=self.env,
                                        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=err)
        err.close()

    def sample(self):
        pid = self.watcher.pid
        check(self.watcher.poll() is None, f"index --watch ended: {self.watcher.returncode}")
        with open(f"/proc/{pid}/statm", encoding="ascii") as f:
            rss = int(f.read().split()[1]) * resource.getpagesize() // 1024
        self.samples.append((rss, len(os.listdir(f"/proc/{pid}/fd"))))

    def end_watcher(self):
        """Says how it grew."""
        self.watcher.terminate()
        status = self.watcher.wait(timeout=SLOW)
        err = (scene.read(os.path.join(self.folder, "watch.err")) or b"").decode(errors="replace")
        check(status in (0, 130), f"index --watch ended with {status}: {err[-2000:]}")
        check(not REPORTED.search(err), err[:3000])
        third = len(self.samples) // 3
        if third < 3:
            return "too few samples of index --watch"
        early, late = ([min(s[i] for s in part) for i in range(2)]
                       for part in (self.samples[third:2 * third], self.samples[2 * third:]))
        note = (f"index --watch: {err.count('files:')} updates, resident {early[0] // 1024} MB and later "
                f"{late[0] // 1024} MB, open files {early[1]} and {late[1]}")
        check(late[0] <= early[0] + GROWTH_KB and late[1] <= early[1], f"it grew: {note}")
        return note

    STEPS = {"summarize": 8, "edit": 8, "same_twice": 2, "two_at_once": 1, "parallel": 1, "piped": 1, "report": 3,
             "stats": 1, "collect": 2, "share": 2, "index": 3, "search": 2, "metrics": 1}

    def step(self):
        name = self.rng.choices(list(self.STEPS), list(self.STEPS.values()))[0]
        try:
            getattr(self, name)()
            for root in (self.root, os.path.join(self.folder, "other")):
                scene.check_store(root, one_model=False)
            self.sample()
        except Wrong as e:
            self.bad.append(name)
            print(f"  WRONG {name}: {e}", flush=True)
            if self.watcher.poll() is not None:
                self.start_watcher()
        self.done[name] += 1


def main():
    a = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    a.add_argument("precis")
    a.add_argument("--minutes", type=float, default=20)
    a.add_argument("--seed", type=int, default=1)
    o = a.parse_args()
    folder = tempfile.mkdtemp(prefix="precis-soak-")
    end = time.monotonic() + 60 * o.minutes
    try:
        s = Soak(os.path.abspath(o.precis), folder, random.Random(o.seed))
        s.start_watcher()
        while time.monotonic() < end and len(s.bad) < 20:
            s.step()
        try:
            print(s.end_watcher())
        except Wrong as e:
            s.bad.append("watch")
            print(f"  WRONG watch: {e}")
        print(", ".join(f"{n} {name}" for name, n in sorted(s.done.items())))
        steps = sum(s.done[name] for name in s.STEPS) + 1
    finally:
        if s.watcher and s.watcher.poll() is None:
            s.watcher.kill()
        shutil.rmtree(folder, ignore_errors=True)
    print(f"{steps - len(s.bad)} passed, {len(s.bad)} failed")
    sys.exit(1 if s.bad else 0)


if __name__ == "__main__":
    main()
