#!/usr/bin/env python3
"""Writes src/text/unicode_scripts.inc: the scripts that the UnicodeScripts pre-tokeniser tells apart.

usage: make_scripts.py src/text/unicode_scripts.inc      (needs: pip install tokenizers==0.23.*)

Scripts have no names here: two code points have the same one when `tokenizers` leaves them together. Code
points that go with any other are left out.
"""
import sys

from make_tables import CODE_POINTS, words
from tokenizers import __version__, pre_tokenizers

PRE = pre_tokenizers.UnicodeScripts()


def pieces(text):
    return [p for p, _ in PRE.pre_tokenize_str(text)]


def together(a, b):
    return len(pieces(chr(a) + chr(b))) == 1


def goes_with_any(c):
    return pieces("a" + chr(c) + "\u0431") == ["a" + chr(c), "\u0431"] and pieces("\u0431" + chr(c) + "a") == [
        "\u0431" + chr(c), "a"]


def main(path):
    runs, scripts = [], []
    for c in CODE_POINTS:
        if goes_with_any(c):
            continue
        if runs and runs[-1][1] == c - 1 and together(runs[-1][1], c):
            runs[-1][1] = c
            continue
        script = next((i for i, r in enumerate(scripts) if together(r, c)), len(scripts))
        if script == len(scripts):
            scripts.append(c)
        runs.append([c, c, script])
    assert len(scripts) < 255
    with open(path, "w") as f:
        f.write(f"/* Made by tools/unicode/make_scripts.py from tokenizers {__version__}; do not edit.\n"
                f" * first, last, which of {len(scripts)} scripts */\n")
        flat = ["{0x%x, 0x%x, %d}" % tuple(r) for r in runs]
        f.write(f"static const struct script_run script_runs[{len(runs)}] = {{\n{words(flat, 5, '%s')}\n}};\n")
    print(len(runs), "runs of", len(scripts), "scripts")


if __name__ == "__main__":
    main(sys.argv[1])
