#!/usr/bin/env python3
"""Writes src/text/grapheme_tables.inc: the grapheme classes that Hugging Face `tokenizers` itself uses.

usage: make_graphemes.py src/text/grapheme_tables.inc      (needs: pip install tokenizers==0.23.*)

The package has no function that cuts graphemes, but its Precompiled normaliser shows them: a grapheme of less
than 6 bytes is replaced as a whole, a longer one character by character. Maps that replace by the first byte
alone tell for each code point where it joins; what they cannot tell makes no difference to any text.
"""
import sys

import charsmap
from make_tables import BLOCK, CODE_POINTS
from tokenizers import __version__, normalizers

NAMES = ("OTHER CR LF CONTROL EXTEND EXTEND_IN LINKER ZWJ SPACING PREPEND L V T LV LVT REGIONAL PICTOGRAPH "
         "CONSONANT").split()
HANGUL = range(0xAC00, 0xAC00 + 11172)
ACUTE, ZWJ, KA, VIRAMA, COPYRIGHT = "\u0301", "\u200d", "\u0915", "\u094d", "\u00a9"


def normaliser(first_bytes):
    return normalizers.Precompiled(charsmap.build({bytes([b]): "#" for b in first_bytes})).normalize_str


LEADS = [b for b in range(0xC2, 0xF5)]
ONLY_A = normaliser(b"a")
NO_ACUTE = normaliser([b for b in LEADS if b != 0xCC])
ACUTE_ONLY = normaliser([0xCC])


def joins(text, normalise):
    """Whether the last character but one is no grapheme of its own with the acute at the end."""
    return normalise(text + ACUTE).endswith(ACUTE)


def observe():
    of = {name: set() for name in NAMES}
    after, spacing = set(), set()
    for c in CODE_POINTS:
        s = chr(c)
        if c < 128:
            if c < 32 or c == 127:
                of["CONTROL"].add(c)
            continue
        if ONLY_A("a" + s) == "#":
            after.add(c)
        if NO_ACUTE(s + "a") == "#":
            of["PREPEND"].add(c)
        if ACUTE_ONLY(s + ACUTE * 2) == s + "#":
            of["CONTROL"].add(c)
        if joins(s + ZWJ + COPYRIGHT, NO_ACUTE):
            of["PICTOGRAPH"].add(c)
        if joins(s + VIRAMA + KA, NO_ACUTE):
            of["CONSONANT"].add(c)
        if len(s.encode()) == 3:
            before_v, before_t = joins(s + "\u1161", NO_ACUTE), joins(s + "\u11a8", NO_ACUTE)
            after_l, after_t = joins("\u1100" + s, NO_ACUTE), joins("\u11a8" + s, NO_ACUTE)
            if c not in of["PREPEND"]:
                if before_v and before_t:
                    of["V" if c not in HANGUL else "LV"].add(c)
                elif before_v:
                    of["L"].add(c)
                elif before_t:
                    of["T" if after_t and c not in HANGUL else "LVT"].add(c)
    for c in sorted(after):
        s = chr(c)
        if c == ord(ZWJ):
            of["ZWJ"].add(c)
        elif not joins(COPYRIGHT + s + ZWJ + COPYRIGHT, NO_ACUTE):
            of["SPACING"].add(c)
        elif joins(KA + s + KA, NO_ACUTE):
            of["LINKER"].add(c)
        elif joins(KA + VIRAMA + s + KA, NO_ACUTE):
            of["EXTEND_IN"].add(c)
        else:
            of["EXTEND"].add(c)
    of["CR"], of["LF"] = {13}, {10}
    of["CONTROL"] -= {10, 13}
    of["REGIONAL"] = set(range(0x1F1E6, 0x1F200))
    return of


def main(path):
    of = observe()
    of["PICTOGRAPH"] -= after_all(of)
    of["CONSONANT"] -= after_all(of)
    table = bytearray(0x110000)
    for i, name in enumerate(NAMES):
        for c in of[name]:
            assert not table[c], (hex(c), name, NAMES[table[c]])
            table[c] = i
        print(name, len(of[name]))
    blocks, index = [], []
    for i in range(0, len(table), BLOCK):
        block = bytes(table[i : i + BLOCK])
        if block not in blocks:
            blocks.append(block)
        index.append(blocks.index(block))
    assert len(blocks) < 256
    with open(path, "w") as f:
        f.write(f"/* Made by tools/unicode/make_graphemes.py from tokenizers {__version__}; do not edit. */\n")
        f.write("enum grapheme_class {" + ", ".join("GRAPHEME_" + n for n in NAMES) + "};\n")
        write(f, f"static const uint8_t grapheme_block[{len(index)}]", index)
        write(f, f"static const uint8_t grapheme_classes[{len(blocks)} * {BLOCK}]", b"".join(blocks))


def after_all(of):
    return of["EXTEND"] | of["EXTEND_IN"] | of["LINKER"] | of["ZWJ"] | of["SPACING"]


def write(f, name, values):
    f.write(f"{name} = {{\n")
    values = list(values)
    for i in range(0, len(values), 32):
        f.write("    " + ", ".join(map(str, values[i : i + 32])) + ",\n")
    f.write("};\n")


main(sys.argv[1])
