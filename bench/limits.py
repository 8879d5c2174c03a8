"""Whether --memory-limit and --cpu-limit are kept, as the kernel sees it.

usage: limits.py PRECIS PATH [--model MODEL] [--memory MIB]... [--cpu PERCENT]... [-- ARGUMENT...]

Each run over PATH with --memory-limit is in a control group of that size (version 2 or 1, which takes
root): it must end well (exit status 0 or 3), or refuse the limit before it begins (2), and the kernel
must not kill it. The kernel counts mapped files, too, which it can take away, so beside the group's
peak there is what cannot be: the most anonymous memory, sampled ten times a second. Each run with
--cpu-limit must have used at most that much processor time over the time that it took, and a tenth
more for what is under way when it is looked at.
"""

import argparse
import os
import pathlib
import subprocess
import sys
import tempfile
import time

UNIFIED = pathlib.Path("/sys/fs/cgroup")
OLD = UNIFIED / "memory"


class Group:
    """A control group that may have so many bytes."""

    def __init__(self, limit):
        controllers = UNIFIED / "cgroup.controllers"
        two = controllers.exists() and "memory" in controllers.read_text().split()
        self.at = (UNIFIED if two else OLD) / f"precis-limits-{os.getpid()}"
        self.peak = "memory.peak" if two else "memory.max_usage_in_bytes"
        self.events = "memory.events" if two else "memory.oom_control"
        self.at.mkdir()
        (self.at / ("memory.max" if two else "memory.limit_in_bytes")).write_text(str(limit))
        swap = self.at / ("memory.swap.max" if two else "memory.memsw.limit_in_bytes")
        if swap.exists():
            swap.write_text("0" if two else str(limit))

    def enter(self):
        (self.at / "cgroup.procs").write_text(str(os.getpid()))

    def leave(self):
        """(peak in bytes, times that the kernel killed something)"""
        events = dict(line.split() for line in (self.at / self.events).read_text().splitlines())
        peak = int((self.at / self.peak).read_text())
        self.at.rmdir()
        return peak, int(events.get("oom_kill", 0))


def anonymous(pid):
    try:
        for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines():
            if line.startswith("RssAnon:"):
                return 1024 * int(line.split()[1])
    except OSError:
        pass
    return 0


def run(command, enter=None):
    """(exit status, seconds, processor seconds, most anonymous bytes, what it said)"""
    with tempfile.TemporaryFile() as said:
        began = time.monotonic()
        child = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=said,
                                 preexec_fn=enter)
        most = 0
        while True:
            pid, status, usage = os.wait4(child.pid, os.WNOHANG)
            if pid:
                break
            most = max(most, anonymous(child.pid))
            time.sleep(0.1)
        child.returncode = os.waitstatus_to_exitcode(status)
        said.seek(0)
        return (child.returncode, time.monotonic() - began, usage.ru_utime + usage.ru_stime, most,
                said.read().decode(errors="replace").strip())


def main():
    p = argparse.ArgumentParser(usage=__doc__.split("usage: ")[1].split("\n")[0])
    p.add_argument("precis")
    p.add_argument("path")
    p.add_argument("--model", default="smollm2")
    p.add_argument("--memory", type=int, action="append")
    p.add_argument("--cpu", type=float, action="append")
    p.add_argument("arguments", nargs="*")
    a = p.parse_intermixed_args()
    ask = [a.precis, "summarize", "--model", a.model, "-q", "--no-store", "--no-config", *a.arguments, a.path]
    bad = 0
    for mib in a.memory or [128, 256, 384, 512, 1024, 4096]:
        group = Group(mib << 20)
        status, seconds, _, most, said = run([*ask, "--memory-limit", f"{mib}M"], group.enter)
        peak, killed = group.leave()
        kept = status in (0, 2, 3) and not killed
        bad += not kept
        print(f"memory {mib:>5} MiB: peak {peak / 2**20:6.0f} MiB, of it at most {most / 2**20:5.0f} anonymous, "
              f"{seconds:6.1f} s, exit status {status}: {'kept' if kept else 'NOT KEPT'}"
              f"{'; ' + said if status == 2 else ''}", flush=True)
    for percent in a.cpu or [25, 100, 150]:
        status, seconds, used, _, _ = run([*ask, "--cpu-limit", f"{percent:g}"])
        kept = status in (0, 3) and 100 * used / seconds <= 1.1 * percent
        bad += not kept
        print(f"processors {percent:>5g} %: {used:.1f} s in {seconds:.1f} s, {100 * used / seconds:.0f} %, exit status "
              f"{status}: {'kept' if kept else 'NOT KEPT'}", flush=True)
    sys.exit(bad > 0)


if __name__ == "__main__":
    main()
