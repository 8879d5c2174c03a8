"""Runs the transcripts of the command line.

usage: run.py PRECIS [FILE.t ...] [-k WORD]

A transcript is a list of cases, each begun by "== NAME" and run by bash in a folder of its own file:

    needs: model      skipped, and said so, without the real model (or: git, onnx, trees, user, tty)
    $ COMMAND         more than one "$" line is one script
    exit: N           0 unless given; several numbers: any of them
    out: LINE         standard output is exactly these lines
    out~ REGEX        standard output has a match
    err: / err~       the same for standard error
    absent: PATH      no such file afterwards, nor a temporary one beside it

Whatever else a case says, one that exits with 2 must write exactly one line on standard error (unless
it says "lines: any"), nothing on standard output, and leave the folder as it was.

In commands: $TINY, a model of noise; $ONNX, the folder of ONNX models; $TESTS, this folder; precis and parallel_summarizer on the PATH.
The real model is $PRECIS_TEST_MODEL, or smollm2 when the models folder has it; $MODEL in commands. With
PRECIS_TEST_SHORT set (sanitizers that take too long with it) there is none.
"""

import os
import pty
import re
import shutil
import signal
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
NOBODY = 65534
TIMEOUT = 300


class Case:
    def __init__(self, name, where):
        self.name, self.where = name, where
        self.script, self.needs, self.exits = [], [], [0]
        self.exact = {"out": None, "err": None}
        self.regexes, self.absent, self.any_lines = [], [], False


def parse(path):
    cases = []
    with open(path, encoding="utf-8") as f:
        for number, line in enumerate(f, 1):
            line = line.rstrip("\n")
            where = f"{os.path.basename(path)}:{number}"
            if line.startswith("== "):
                cases.append(Case(line[3:], where))
                continue
            if not line.strip() or line.startswith("#"):
                continue
            add_line(cases[-1], line, where)
    return cases


def add_line(case, line, where):
    m = re.match(r"(\$|needs:|exit:|out:|out~|err:|err~|absent:|lines:) ?(.*)", line)
    if not m:
        sys.exit(f"{where}: cannot read: {line}")
    key, rest = m.groups()
    if key == "$":
        case.script.append(rest)
    elif key == "needs:":
        case.needs += rest.split()
    elif key == "exit:":
        case.exits = [int(x) for x in rest.split()]
    elif key == "absent:":
        case.absent.append(rest)
    elif key == "lines:":
        case.any_lines = True
    elif key.endswith("~"):
        case.regexes.append((key[:3], rest))
    else:
        case.exact[key[:3]] = (case.exact[key[:3]] or []) + [rest]


def listing(folder):
    found = {}
    for root, _, names in os.walk(folder):
        for name in names:
            path = os.path.join(root, name)
            st = os.lstat(path)
            found[os.path.relpath(path, folder)] = (st.st_size, st.st_mtime_ns)
    return found


def finish(process):
    """Its standard output and error; what it left running goes with it when it takes too long."""
    try:
        return process.communicate(timeout=TIMEOUT)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        raise


def run_on_terminal(script, folder, env):
    """Standard error is a terminal of 60 columns; its bytes are what it was sent."""
    import fcntl
    import struct
    import termios
    import threading

    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 60, 0, 0))
    process = subprocess.Popen(["bash", "-c", script], cwd=folder, env=env, stdin=subprocess.DEVNULL,
                               stdout=subprocess.PIPE, stderr=slave, start_new_session=True)
    os.close(slave)
    sent = []

    def read():
        try:
            while data := os.read(master, 65536):
                sent.append(data)
        except OSError:
            pass

    reader = threading.Thread(target=read)
    reader.start()
    out, _ = finish(process)
    reader.join()
    os.close(master)
    return process.returncode, out, b"".join(sent).replace(b"\r\n", b"\n")


def run_script(case, folder, env):
    script = "\n".join(case.script)
    if "tty" in case.needs:
        return run_on_terminal(script, folder, env)
    user = NOBODY if "user" in case.needs and os.geteuid() == 0 else None
    process = subprocess.Popen(["bash", "-c", script], cwd=folder, env=env, stdin=subprocess.DEVNULL,
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE, user=user,
                               start_new_session=True)
    out, err = finish(process)
    return process.returncode, out, err


def check(case, folder, env):
    """What is wrong, as lines; [] when nothing is."""
    before = listing(folder)
    try:
        code, out, err = run_script(case, folder, env)
    except subprocess.TimeoutExpired:
        return [f"still running after {TIMEOUT} s"]
    texts = {"out": out.decode(errors="replace"), "err": err.decode(errors="replace")}
    wrong = []
    if code not in case.exits:
        wrong.append(f"exit code {code}, expected {case.exits}")
    for stream, lines in case.exact.items():
        if lines is not None and texts[stream] != "".join(x + "\n" for x in lines):
            wrong.append(f"{stream} differs from {lines}")
    for stream, regex in case.regexes:
        if not re.search(regex, texts[stream], re.MULTILINE):
            wrong.append(f"{stream} has no match of {regex}")
    for path in case.absent:
        parent = os.path.join(folder, os.path.dirname(path))
        base = os.path.basename(path)
        left = [n for n in os.listdir(parent) if n == base or n.startswith(base + ".")]
        if left:
            wrong.append(f"left behind: {left}")
    if case.exits == [2]:
        if not case.any_lines and texts["err"].count("\n") != 1:
            wrong.append("an error must be one line")
        if texts["out"] and not case.any_lines:
            wrong.append("an error must leave standard output empty")
        if listing(folder) != before:
            wrong.append("an error must leave the folder as it was")
    if wrong:
        wrong += ["  out> " + x for x in texts["out"].splitlines()[:30]]
        wrong += ["  err> " + x for x in texts["err"].splitlines()[:30]]
    return wrong


def real_model(env):
    if "PRECIS_TEST_SHORT" in os.environ:
        return None
    named = os.environ.get("PRECIS_TEST_MODEL")
    if named:
        return named
    p = subprocess.run(["precis", "tokenize", "--model", "smollm2"], env=env, check=False,
                       stdin=subprocess.DEVNULL, capture_output=True)
    return "smollm2" if p.returncode == 0 else None


def lacking(case, env):
    if "model" in case.needs and not env.get("MODEL"):
        return "the real model is not here"
    if "git" in case.needs and not shutil.which("git"):
        return "git is not here"
    if "user" in case.needs and os.geteuid() == 0:
        p = subprocess.run(["precis", "--version"], env=env, check=False, user=NOBODY,
                           capture_output=True)
        if p.returncode != 0 or p.stderr:  # also one that counts what is covered, where it may not write
            return "runs as root, and another user cannot run the program"
    if "trees" in case.needs:
        code = os.path.join(HERE, "..", "unit", "tree.h")
        p = subprocess.run(["precis", "summarize", "--model", env["TINY"], "-v", "--chunk",
                            "structure", code], env=env, check=False, text=True,
                           capture_output=True)
        if "cut by lines" in p.stderr:
            return "this build has no grammars"
    if "onnx" in case.needs:
        p = subprocess.run(["precis", "generate", "--model", os.path.join(env["ONNX"], "t5-merged"),
                            "--prompt", "a"], env=env, check=False, text=True,
                           capture_output=True)
        if p.returncode != 0 and ("setup.sh --onnx" in p.stderr):
            return "ONNX Runtime is not here"
    return None


def environment(precis, scratch):
    env = {k: v for k, v in os.environ.items() if not k.startswith(("PRECIS_", "HF_", "HUGGING"))}
    env.pop("NO_COLOR", None)
    if "PRECIS_MODELS" in os.environ:
        env["PRECIS_MODELS"] = os.environ["PRECIS_MODELS"]
    elif "HOME" in env:
        cache = env.get("XDG_CACHE_HOME") or os.path.join(env["HOME"], ".cache")
        env["PRECIS_MODELS"] = os.path.join(cache, "precis", "models")
    programs = os.path.join(scratch, "bin")
    os.mkdir(programs)
    for name in ("precis", "parallel_summarizer"):
        os.symlink(os.path.abspath(precis), os.path.join(programs, name))
    env.update(PATH=programs + ":" + env["PATH"], TESTS=HERE, TERM="xterm", LC_ALL="C.UTF-8",
               XDG_CACHE_HOME=os.path.join(scratch, "xdg-cache"),
               XDG_CONFIG_HOME=os.path.join(scratch, "xdg-config"),
               TINY=os.path.join(scratch, "tiny.gguf"),
               ONNX=os.path.join(os.path.dirname(HERE), "golden", "onnx"))
    if "PRECIS_ONNXRUNTIME" in os.environ:
        env["PRECIS_ONNXRUNTIME"] = os.environ["PRECIS_ONNXRUNTIME"]
    os.mkdir(env["XDG_CACHE_HOME"], 0o777)
    subprocess.run([sys.executable, os.path.join(HERE, "tinygguf.py"), env["TINY"]], check=True)
    model = real_model(env)
    if model:
        env["MODEL"] = model
    return env


def main():
    args = sys.argv[1:]
    word = None
    if "-k" in args:
        at = args.index("-k")
        word = args[at + 1]
        del args[at:at + 2]
    precis, files = args[0], args[1:]
    files = files or sorted(os.path.join(HERE, f) for f in os.listdir(HERE) if f.endswith(".t"))
    scratch = tempfile.mkdtemp(prefix="precis-cli-")
    os.chmod(scratch, 0o755)
    counts = {"ok": 0, "failed": 0, "skipped": 0}
    try:
        env = environment(precis, scratch)
        for path in files:
            folder = os.path.join(scratch, os.path.basename(path)[:-2])
            os.mkdir(folder)
            os.chmod(folder, 0o777)
            for case in parse(path):
                if word and word not in case.name and case.name != "set-up":
                    continue
                why = lacking(case, env)
                wrong = [] if why else check(case, folder, env)
                counts["skipped" if why else "failed" if wrong else "ok"] += 1
                if why:
                    print(f"SKIP {case.where} {case.name}: {why}")
                for line in [f"FAIL {case.where} {case.name}"] + wrong if wrong else []:
                    print(line)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    print(", ".join(f"{n} {what}" for what, n in counts.items()))
    sys.exit(1 if counts["failed"] else 0)


if __name__ == "__main__":
    main()
