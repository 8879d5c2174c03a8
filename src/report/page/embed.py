#!/usr/bin/env python3
"""Writes the page's style and script as C, with the hashes that its Content-Security-Policy names.

usage: embed.py STYLE.css SCRIPT.js OUT.c
"""

import base64
import hashlib
import pathlib
import sys


def define(name, data):
    numbers = [f"{b}," for b in data + b"\0"]
    lines = "\n".join("".join(numbers[i:i + 24]) for i in range(0, len(numbers), 24))
    digest = base64.b64encode(hashlib.sha256(data).digest()).decode()
    return f'const char page_{name}[] = {{\n{lines}}};\nconst char page_{name}_hash[] = "sha256-{digest}";\n'


def main():
    style, script, out = sys.argv[1:]
    text = '#include "report/page.h"\n\n'
    for name, path in (("style", style), ("script", script)):
        data = pathlib.Path(path).read_bytes()
        # within their elements nothing may end them, and arrays of char hold ASCII alone
        if not data.isascii() or b"</" in data or b"<!--" in data:
            sys.exit(f"{path}: must be ASCII without '</' and '<!--'")
        text += define(name, data)
    pathlib.Path(out).write_text(text)


main()
