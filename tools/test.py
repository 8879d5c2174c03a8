#!/usr/bin/env python3
"""Runs the tests of a build folder and says what came out, one line for each test program.

usage: test.py BUILD [meson test's options...]

Counts single tests: those that a cmocka program or a transcript runner reports, else the program
itself. The log of each failure is printed. The last line is `N passed, N failed`; exit 1 if any failed.
"""
import json
import pathlib
import re
import subprocess
import sys

CMOCKA = {
    "passed": re.compile(r"\[  PASSED  \] (\d+) test"),
    "failed": re.compile(r"\[  FAILED  \] (\d+) test"),
    "skipped": re.compile(r"\[  SKIPPED \] (\d+) test"),
}
TRANSCRIPTS = re.compile(r"^(\d+) ok, (\d+) failed, (\d+) skipped$", re.M)


def counts(test):
    """(passed, failed, skipped) of one test program."""
    text = test.get("stdout", "") + "\n" + test.get("stderr", "")
    ok = test["result"] in ("OK", "EXPECTEDFAIL")
    if test["result"] == "SKIP":
        return 0, 0, 1
    m = TRANSCRIPTS.search(text)
    if m:
        passed, failed, skipped = map(int, m.groups())
    elif CMOCKA["passed"].search(text) or CMOCKA["failed"].search(text):
        passed, failed, skipped = (sum(map(int, p.findall(text))) for p in CMOCKA.values())
    else:
        return (1, 0, 0) if ok else (0, 1, 0)
    # A program that ends badly without a failed test (a crash, a leak) is a failure.
    return passed, failed if ok else max(failed, 1), skipped


def main():
    if len(sys.argv) < 2 or sys.argv[1].startswith("-"):
        sys.exit(__doc__)
    build = pathlib.Path(sys.argv[1])
    log = build / "meson-logs" / "testlog.json"
    log.unlink(missing_ok=True)
    command = ["meson", "test", "-C", str(build), "--no-rebuild", "--quiet", *sys.argv[2:]]
    run = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                         stderr=subprocess.STDOUT, text=True)
    tests = [json.loads(line) for line in log.read_text().splitlines()] if log.exists() else []
    total = [0, 0, 0]
    for test in sorted(tests, key=lambda t: t["name"]):
        n = counts(test)
        total = [a + b for a, b in zip(total, n)]
        state = "FAIL" if n[1] else "ok" if n[0] else "skip"
        what = ", ".join(f"{k} {w}" for k, w in zip(n, ("passed", "failed", "skipped")) if k)
        print(f"{state:4}  {test['name'].split(' / ')[-1]:40} {test['duration']:7.1f} s  {what}")
        if n[1]:
            print(f"--- {test['name']}: {test['result']}, exit status {test['returncode']}")
            print(test.get("stdout", "")[-8000:])
            print(test.get("stderr", "")[-8000:])
            print("---")
    if not tests or (run.returncode != 0 and total[1] == 0):
        print(run.stdout)
        total[1] += 1
    if total[2]:
        print(f"{total[2]} skipped")
    print(f"{total[0]} passed, {total[1]} failed")
    sys.exit(1 if total[1] else 0)


if __name__ == "__main__":
    main()
