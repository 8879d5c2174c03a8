#!/usr/bin/env python3
"""Installs into a folder, builds docs/example.c against it and runs it.

usage: test_install.py BUILD SANITIZERS MODEL EXAMPLE.c COMPILER...
"""
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

build, sanitizers, model, example, *compiler = sys.argv[1:]


def run(command, **more):
    done = subprocess.run(command, capture_output=True, text=True, errors="replace", **more)
    if done.returncode:
        sys.exit(f"{' '.join(map(str, command))}: exit {done.returncode}\n{done.stdout}{done.stderr}")
    return done.stdout


with tempfile.TemporaryDirectory() as temp:
    root = pathlib.Path(temp)
    run(["meson", "install", "-C", build, "--no-rebuild", "--destdir", temp])
    library, = root.rglob("libprecis.a")
    package, = root.rglob("precis.pc")
    header, = root.rglob("precis.h")

    names = {line.split()[-1] for line in run(["nm", "-g", "--defined-only", library]).splitlines()
             if re.match(r"[0-9a-f]+ ", line)}
    declared = set(re.findall(r"\b(precis_\w+)\(", re.sub(r"/\*.*?\*/", "", header.read_text(), flags=re.S)))
    if names != declared:
        sys.exit(f"declared but not defined: {declared - names}, or the other way: {names - declared}")

    env = {**os.environ, "PKG_CONFIG_PATH": str(package.parent), "PKG_CONFIG_SYSROOT_DIR": temp}
    for static in ([], ["--static"]):  # there is only a static library: both must do
        flags = run(["pkg-config", *static, "--cflags", "--libs", "precis"], env=env).split()
        if sanitizers != "none":
            flags.append("-fsanitize=" + sanitizers)
        run([*compiler, "-std=c17", "-Wall", "-Wextra", "-Wpedantic", "-Werror", example, *flags,
             "-o", root / "example"])
    if shutil.which("c++"):
        run(["c++", "-Wall", "-Wextra", "-Wpedantic", "-Werror", "-fsyntax-only", "-x", "c++", header])

    env = {**os.environ, "XDG_CACHE_HOME": temp}
    out = run([root / "example", model, example], env=env)
    print(out)
    lines = pathlib.Path(example).read_text().count("\n")
    for expected in (r"precis \d+\.\d+\.\d+, tiny-llama\.gguf: llama, 1024 tokens",
                     rf"example\.c:1-{lines}: .", r"of 1 chunks in "):
        if not re.search(expected, out):
            sys.exit(f"{expected!r} is not in this output")
    done = subprocess.run([root / "example", "nothing.gguf", example], capture_output=True, text=True)
    if done.returncode != 2 or done.stderr != "nothing.gguf: there is no such model file\n":
        sys.exit(f"a missing model: exit {done.returncode}, {done.stderr!r}")
