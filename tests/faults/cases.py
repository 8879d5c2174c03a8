"""What goes wrong without the failure of a call: disks, files, stores and models. See faults.py.

Each function of CASES is one case; it raises Wrong when something is not as it must be.
"""

import ctypes
import os
import random
import resource
import shutil
import sqlite3
import subprocess
import threading
import time

import scene
from scene import Wrong, check

SAME = (0, 3)


def same_again(p, one_model=True):
    """An undisturbed run says what it always says."""
    p.calm(p.summarize())
    other = scene.difference(scene.rows_of(scene.read(p.output())), p.expected)
    check(not other, f"the next run has another report: {other}")
    scene.check_store(p.root, one_model)


def run_checked(p, args, allowed=(0, 2, 3), **more):
    status, out, err = scene.run(args, p.env, cwd=p.root, **more)
    scene.check_status(status, err, set(allowed))
    return status, out, err


def full_disk(p):
    """A disk of its own, without room at different times; where it cannot be mounted the failing writes of
    faults.py must do."""
    folder = os.path.join(p.folder, "disk")
    os.makedirs(folder, exist_ok=True)
    said = set()
    for kb in (8, 100, 2000) if p.short else (8, 40, 80, 120, 160, 240, 320, 400, 600, 2000):
        mount = ["mount", "-t", "tmpfs", "-o", f"size={kb}k", "none", folder]
        if not shutil.which("mount") or subprocess.run(mount, capture_output=True, check=False).returncode:
            return "not run: no disk can be mounted here; injected ENOSPC stands for it"
        try:
            out = os.path.join(folder, "r.jsonl")
            args = p.asks("summarize", "--format", "jsonl", "-o", out, p.tree)
            args[args.index("--store") + 1] = folder
            status, _, _ = run_checked(p, args)
            said.add(status)
            check(os.path.exists(out) == (status != 2), "a report of a failed run, or none")
            check(not [n for n in os.listdir(folder) if n not in ("r.jsonl", ".precis")], "left behind")
            if status != 2:
                scene.rows_of(scene.read(out))
            subprocess.run(["mount", "-o", "remount,size=16m", folder], check=True)
            scene.check_store(folder)
            status, _, _ = run_checked(p, args, SAME)
            check(len(scene.rows_of(scene.read(out))) == len(p.expected), "the next run lacks places")
        finally:
            subprocess.run(["umount", "-l", folder], check=True)
    check(2 in said, "no disk was too small")
    return f"tmpfs of 8 to 2000 kB, exit statuses {sorted(said)}"


def limited_files(p):
    """No file may be longer than this (ulimit -f)."""
    for kb in (0, 1, 30, 100):
        p.reset(None)

        def limit(size=kb * 1024):
            resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))

        status, _, _ = run_checked(p, p.summarize(), preexec_fn=limit)
        check((scene.read(p.output()) is None) == (status == 2), "a report of a failed run, or none")
        same_again(p)


def full_output(p):
    p.reset(None)
    with open("/dev/full", "wb") as full:
        args = p.asks("summarize", "--format", "jsonl", p.tree)
        process = subprocess.run(args, env=p.env, stdout=full, stderr=subprocess.PIPE, timeout=scene.LONGEST, check=False)
    scene.check_status(process.returncode, process.stderr.decode(), {2})
    same_again(p)


def changing_files(p):
    """One thread writes, cuts and replaces two files all the time that runs read them."""
    names = [os.path.join(p.tree, "line0.c"), os.path.join(p.tree, "sub", "file1.c")]
    texts = {name: scene.read(name) for name in names}
    stop = threading.Event()
    rng = random.Random(3)

    def change():
        while not stop.is_set():
            name = rng.choice(names)
            text = texts[name]
            how = rng.randrange(4)
            with open(name + ".new" if how == 3 else name, "r+b" if how < 2 else "wb") as f:
                if how == 0:
                    f.truncate(rng.randrange(len(text)))
                elif how == 1:
                    f.write(rng.randbytes(50))
                else:
                    f.write(text[:rng.randrange(len(text))])
            if how == 3:
                os.rename(name + ".new", name)
            time.sleep(0.001)

    p.reset(None)
    thread = threading.Thread(target=change)
    thread.start()
    try:
        for _ in range(p.rounds(12)):
            run_checked(p, p.summarize())
            scene.check_store(p.root)
    finally:
        stop.set()
        thread.join()
        for name in names:
            with open(name, "wb") as f:
                f.write(texts[name])
    same_again(p)


def shrinking_file(p):
    """A file that is mapped because it is long, and cut to nothing then."""
    p.reset(None)
    name = os.path.join(p.tree, "long.c")
    text = "".join(f"int f{i}(void) {{ return {i}; }}\n" for i in range(50000))
    try:
        for first in range(4):
            scene.write(name, text)
            env = {"LD_PRELOAD": p.inject, "FAULTS_KIND": "map", "FAULTS_FROM": str(first), "FAULTS_TO": "1000",
                   "FAULTS_ERRNO": "0"}
            args = p.asks("summarize", "--format", "jsonl", "-o", p.output(), "--loc", "100000", p.tree)
            status, _, err = p.run(args, env)
            scene.check_status(status, err, {0, 2, 3})
    finally:
        os.unlink(name)
    same_again(p, one_model=False)  # there were chunks of other lines


def two_at_once(p):
    for _ in range(p.rounds(6)):
        p.reset(None)
        outs = [p.output("a"), p.output("b")]
        both = [subprocess.Popen(p.asks("summarize", "--format", "jsonl", "-o", out, p.tree), env=p.env,
                                 stdout=subprocess.DEVNULL, stderr=subprocess.PIPE) for out in outs]
        for process, out in zip(both, outs):
            err = process.communicate(timeout=scene.LONGEST)[1].decode()
            scene.check_status(process.returncode, err, {0, 3})
            other = scene.difference(scene.rows_of(scene.read(out)), p.expected)
            check(not other, f"one of two runs has another report: {other}")
        scene.check_store(p.root)  # no place has two lines
        same_again(p)


def locked_store(p):
    """Another process keeps the store to itself all the time."""
    p.reset("lines")
    holder = sqlite3.connect(os.path.join(p.store(), "precis.db"), isolation_level=None)
    try:
        holder.execute("BEGIN IMMEDIATE")
        _, _, err = run_checked(p, p.summarize(), (2,))
        check("locked" in err, err)
        run_checked(p, [p.precis, "report", "-q", "--store", p.root, "-o", p.output()], (0,))
    finally:
        holder.close()
    same_again(p)


def no_database(p):
    p.reset("lines")
    path = os.path.join(p.store(), "precis.db")
    whole = scene.read(path)
    for data in (b"not a database, but a text of some length\n" * 200, whole[:len(whole) // 2], whole[:5000],
                 b"\0" * 8192, whole[:100] + b"\xff" * (len(whole) - 100)):
        with open(path, "wb") as f:
            f.write(data)
        for args in (p.summarize(), [p.precis, "report", "-q", "--store", p.root, "-o", p.output()],
                     [p.precis, "index", "-q", "--store", p.root, p.tree],
                     [p.precis, "cache", "gc", "-q", "--store", p.root]):
            run_checked(p, args, (2,))
            check(scene.read(path) == data, f"{args[1]} wrote to a file that is no store")
            check(scene.read(p.output()) is None, f"{args[1]} left a report")


def damaged_store(p):
    """Bytes anywhere are others: what SQLite can tell is told, and nothing ends by a signal or hangs."""
    rng = random.Random(5)
    for _ in range(p.rounds(25)):
        p.reset("index")
        path = os.path.join(p.store(), "precis.db")
        data = bytearray(scene.read(path))
        for _ in range(rng.choice((1, 20, 400))):
            data[rng.randrange(100, len(data))] = rng.randrange(256)
        with open(path, "wb") as f:
            f.write(data)
        for args in (p.summarize(), [p.precis, "report", "-q", "--store", p.root, "-o", p.output()],
                     [p.precis, "index", "-q", "--store", p.root, p.tree],
                     [p.precis, "search", "-q", "--store", p.root, "count lines"],
                     [p.precis, "cache", "gc", "-q", "--gone", "--store", p.root],
                     [p.precis, "cache", "export", "-q", "--store", p.root, p.output("e")]):
            run_checked(p, args, (0, 1, 2, 3))


def damaged_shared(p):
    rng = random.Random(6)
    text, bad = scene.read(p.shared), os.path.join(p.folder, "bad.jsonl")
    for i in range(p.rounds(20)):
        p.reset("lines")
        data = bytearray(text)
        at = rng.randrange(len(data))
        data = data[:at] if i % 4 == 0 else data[:at] + bytes([data[at] ^ (1 << rng.randrange(7))]) + data[at + 1:]
        with open(bad, "wb") as f:
            f.write(data)
        before = scene.check_store(p.root)
        run_checked(p, [p.precis, "cache", "import", "-q", "--store", p.root, bad], (2,))
        check(scene.check_store(p.root) == before, "lines of a damaged file were taken")


def damaged_cache(p):
    """What is remembered of models: garbage, or cut short."""
    p.reset(None)
    p.calm(p.summarize())
    found = 0
    for folder, _, names in os.walk(os.path.join(p.folder, "cache")):
        for name in names:
            path = os.path.join(folder, name)
            data = scene.read(path)
            for bad in (b"", b"garbage", data[:len(data) // 2], bytes(x ^ 0x55 for x in data)):
                with open(path, "wb") as f:
                    f.write(bad)
                p.reset(None)
                same_again(p)
                found += 1
    check(found, "nothing is remembered")


def with_model(p, change, *more):
    """The rows of a run with such a model, without what stands in for lines of the model."""
    p.reset(None)
    path = os.path.join(p.folder, "odd.gguf")
    scene.write_model(path, change)
    args = p.asks("summarize", "--format", "jsonl", "-o", p.output(), "--retries", "0", *more, p.tree)
    args[args.index("--model") + 1] = path
    status, _, _ = run_checked(p, args, SAME)
    return status, scene.rows_of(scene.read(p.output()))


def poison(tensor, value, all_of_it):
    def change(name, values):
        if name == tensor:
            values = [value] * len(values) if all_of_it else values[:7] + [value] + values[8:]
        return values
    return change


def no_numbers(p):
    """Not a number, and infinity, in any of a model's tensors: no line of it is taken for one."""
    rng = random.Random(7)
    tensors = ["token_embd.weight", "output_norm.weight", "blk.0.attn_q.weight", "blk.1.attn_v.weight",
               "blk.1.ffn_down.weight", "blk.0.ffn_norm.weight"]
    every = [(t, v, w) for t in tensors for v in (float("nan"), float("inf"), float("-inf")) for w in (True, False)]
    for tensor, value, whole in rng.sample(every, p.rounds(len(every))):
        for precision in ("auto", "f32"):
            status, rows = with_model(p, poison(tensor, value, whole), "--no-fallback", "--precision", precision)
            seen = {r["error"] for r in rows.values() if r["level"] == "chunk"}
            check(status == 3 and None not in seen and "" not in seen, f"{tensor}: {value}: lines: {seen}")
            check(all("number" in e or "not asked" in e for e in seen), f"{tensor}: {value}: {seen}")
    status, rows = with_model(p, poison(tensors[0], float("nan"), True))
    check(status == 0 and {r["source"] for r in rows.values() if r["level"] == "chunk"} <= {"doc", "rule"},
          "a model without numbers has lines")
    same_again(p, one_model=False)


def says_nothing(p):
    """The end of the answer is always the likeliest: rows of one direction, that of the end longest; and
    layers that add nothing."""
    tokens = scene.tinygguf.metadata("llama", 2048)[0]
    hidden = scene.tinygguf.HIDDEN

    def change(name, values):
        if name == "token_embd.weight":
            return [2.0 if i // hidden == tokens.index("<|im_end|>") else 1.0 for i in range(len(values))]
        return [0.0] * len(values) if "attn_output" in name or "ffn_down" in name else values

    status, rows = with_model(p, change, "--no-fallback")
    seen = {r["error"] for r in rows.values() if r["level"] == "chunk"}
    check(status == 3 and seen == {"the model's answer was empty"}, f"{seen}")
    same_again(p, one_model=False)


def never_ends(p):
    """No answer ends: the end is never likely."""
    hidden, special = scene.tinygguf.HIDDEN, len(scene.tinygguf.SPECIAL)

    def change(name, values):
        return [0.0] * hidden * special + values[hidden * special:] if name == "token_embd.weight" else values

    _, rows = with_model(p, change, "--max-new-tokens", "200")
    for r in rows.values():
        check(len(r["summary"]) <= 120, f"{r}")
    same_again(p, one_model=False)


class Stopped:
    """A thread of a child that stands still (ptrace(2)), while the others go on."""

    SEIZE, INTERRUPT, CONT, WALL = 0x4206, 0x4207, 7, 0x40000000

    def __init__(self, pid, thread):
        self.thread, self.libc = thread, ctypes.CDLL(None, use_errno=True)
        self.may = self.ask(self.SEIZE) and self.stop()

    def ask(self, request):
        return self.libc.ptrace(request, self.thread, None, None) == 0

    def stop(self):
        return self.ask(self.INTERRUPT) and os.waitpid(self.thread, self.WALL)[0] == self.thread

    def go_on(self):
        self.ask(self.CONT)

    def bury(self):
        """Its process ends when whoever traced it knows that it has ended."""
        try:
            os.waitpid(self.thread, self.WALL | os.WNOHANG)
        except ChildProcessError:
            pass


def thread_called(pid, name):
    for thread in os.listdir(f"/proc/{pid}/task"):
        if scene.read(f"/proc/{pid}/task/{thread}/comm") == name.encode() + b"\n":
            return int(thread)
    raise Wrong(f"no thread is called {name}")


def standing_lane(p):
    """A lane that does not come back: after 30 s the run ends with what is done, exit status 3, and the next run
    has the rest. Where it stood between two steps it is let go and stopped again."""
    p.reset(None)
    tree = os.path.join(p.folder, "long")
    scene.kill.write_tree(tree, files=6, functions=22)
    args = p.asks("summarize", "--loc", "2", "--format", "jsonl", "-o", p.output(), "--log", p.output("log"), tree)
    child = subprocess.Popen(args, env=p.env, cwd=p.root, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE)
    while b'"event": "line"' not in (scene.read(p.output("log")) or b"") and child.poll() is None:
        time.sleep(0.01)
    check(child.poll() is None, "ended before it could be stopped")
    lane = Stopped(child.pid, thread_called(child.pid, "lane 0"))
    if not lane.may:
        child.kill()
        child.communicate()
        return "not run: no thread can be stopped here"
    began = time.monotonic()
    while child.poll() is None and time.monotonic() - began < 200:
        if (time.monotonic() - began) % 50 > 49:
            lane.go_on()
            time.sleep(0.003)
            lane.stop()
        lane.bury()
        time.sleep(0.5)
    took = time.monotonic() - began
    if child.poll() is None:
        child.kill()
        lane.bury()
    _, err = child.communicate()
    scene.check_status(child.returncode, err.decode(), {3})
    rows = scene.rows_of(scene.read(p.output()))
    kept = {place for place, r in rows.items() if place[0] == "chunk" and r["source"] == "model"}
    left = {r["error"] for place, r in rows.items() if place[0] == "chunk" and r["source"] == ""}
    check(kept and left <= {"a lane of the model hangs"}, f"{len(kept)} lines, and {left}")
    status, _, _ = run_checked(p, args, SAME)
    again = scene.rows_of(scene.read(p.output()))
    check(kept < {place for place, r in again.items() if r["source"] == "model"}, "the next run lacks lines")
    check(all(again[place]["summary"] == rows[place]["summary"] for place in kept), "a finished line is another now")
    status, out, _ = run_checked(p, [p.precis, "report", "-q", "--store", p.root, "--format", "jsonl", tree])
    derived = scene.rows_of(out)
    check(status == 0 and all(derived[place]["summary"] == r["summary"] for place, r in again.items() if r["summary"]),
          "a line that stood in is still reported")
    same_again(p, one_model=False)
    return f"{len(kept)} lines were kept, it ended after {took:.0f} s"


CASES = [full_disk, limited_files, full_output, changing_files, shrinking_file, two_at_once, locked_store,
         no_database, damaged_store, damaged_shared, damaged_cache, no_numbers, says_nothing, never_ends, standing_lane]


def run_all(p, only):
    passed, bad = 0, []
    for case in CASES:
        name = case.__name__.replace("_", " ")
        if only and only not in name:
            continue
        began = time.monotonic()
        try:
            note = case(p)
            passed += 1
            print(f"{name}: ok, {time.monotonic() - began:.0f} s{'; ' + note if note else ''}", flush=True)
        except (Wrong, subprocess.TimeoutExpired) as e:
            bad.append(name)
            print(f"  WRONG {name}: {e}", flush=True)
    return passed, bad
