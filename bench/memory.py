"""The most memory of a run over made-up trees of code, a small one and a large one.

usage: memory.py PRECIS [--small LINES] [--large LINES] [--model MODEL] [-- ARGUMENT...]

The trees are C and Python with a documented function every ten lines, in files of 200 to 2,000
lines, 40 to a folder; what each run is given is written anew by this program, from one seed. The
model is the tiny one of tests/cli unless another is named: what it says is noise, and takes the way
that every line takes. The line at the end says whether the large run took at most 64 MB more than
the small one.
"""

import argparse
import os
import pathlib
import random
import subprocess
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
WORDS = (
    "open close read write parse match build index queue block cache node list tree page lock task "
    "poll wake buffer stream token"
).split()
FILES_IN_FOLDER, FOLDERS_IN_PART = 40, 40


# A documented function in each language. A, B: words; N: a number; NAME, CALLED: of functions.
FUNCTIONS = {
    "c": """/* Returns the {A} of the {B}, or {N} if there is none. */
int {NAME}(struct {A} *{A}, int {B}) {{
    int total = {N};
    for (int i = 0; i < {B}; i++) {{
        if ({A}->{B}[i] > {N})
            total += {CALLED}({A}, i);
    }}
    return total;
}}
""",
    "py": """def {NAME}({A}, {B}):
    \"\"\"Finds the {B} of every {A}.\"\"\"
    total = {N}
    for item in {A}.{B}s():
        if item.{A} > {N}:
            total += {CALLED}(item)
    return total

""",
}


def name(r):
    return "_".join(r.sample(WORDS, 3)) + str(r.randrange(1000))


def function(r, suffix):
    a, b = r.choice(WORDS), r.choice(WORDS)
    text = FUNCTIONS[suffix].format(A=a, B=b, N=r.randrange(1000), NAME=name(r), CALLED=name(r))
    return text.splitlines() + [""]


def write_tree(root, lines):
    r = random.Random(1)
    files = 0
    while lines > 0:
        folder = root / f"part{files // FILES_IN_FOLDER // FOLDERS_IN_PART:03d}" / (
            f"{WORDS[files // FILES_IN_FOLDER % len(WORDS)]}{files // FILES_IN_FOLDER:05d}"
        )
        folder.mkdir(parents=True, exist_ok=True)
        suffix = r.choice(list(FUNCTIONS))
        want = min(r.randrange(200, 2000), lines)
        text = []
        while len(text) < want:
            text += function(r, suffix)
        (folder / f"{name(r)}.{suffix}").write_text("\n".join(text[:want]) + "\n")
        lines -= want
        files += 1
    return files


def run(precis, model, arguments, root, out):
    """(peak resident KB, seconds, exit status) of one run."""
    began = time.monotonic()
    child = subprocess.Popen(
        [precis, "summarize", "--model", model, "-q", "-o", out, *arguments, str(root)],
        stdin=subprocess.DEVNULL,
    )
    _, status, usage = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    return usage.ru_maxrss, time.monotonic() - began, child.returncode


def main():
    p = argparse.ArgumentParser(usage=__doc__.split("usage: ")[1].split("\n")[0])
    p.add_argument("precis")
    p.add_argument("--small", type=int, default=100_000)
    p.add_argument("--large", type=int, default=10_000_000)
    p.add_argument("--model")
    p.add_argument("arguments", nargs="*")
    a = p.parse_intermixed_args()
    peaks = []
    with tempfile.TemporaryDirectory() as folder:
        work = pathlib.Path(folder)
        model = a.model or str(work / "tiny.gguf")
        if not a.model:
            tiny = HERE.parent / "tests" / "cli" / "tinygguf.py"
            subprocess.run([sys.executable, tiny, model, "--context", "4096"], check=True)
        for lines in (a.small, a.large):
            root = work / str(lines)
            files = write_tree(root, lines)
            peak, seconds, status = run(a.precis, model, a.arguments, root, str(work / "out.md"))
            peaks.append(peak)
            print(
                f"{lines:>12,} lines in {files:,} files: {peak / 1024:.1f} MB at most, "
                f"{seconds:.0f} s, exit status {status}",
                flush=True,
            )
            if status not in (0, 3):
                sys.exit(1)
    more = (peaks[1] - peaks[0]) / 1024
    print(f"{more:.1f} MB more (goal: at most 64)")
    sys.exit(more > 64)


if __name__ == "__main__":
    main()
