#!/usr/bin/env python3
"""Writes src/text/unicode_props.inc: what the components of a tokenizer.json ask of Unicode.

usage: make_props.py src/text/unicode_props.inc      (needs: pip install tokenizers==0.23.*)

`tokenizers` mixes the Unicode data of its regular expressions (general categories), of Rust's standard
library (lower case, white space), of the regex crate (\\w), of unicode_categories (punctuation, control) and of
unicode-normalization-alignments (normal forms). So each table is asked of the package, code point by code point.
"""
import sys

from make_tables import BLOCK, CODE_POINTS, HANGUL, NFD, batches, classes, matched, words
from tokenizers import __version__, normalizers, pre_tokenizers

CATEGORIES = "Cn Lu Ll Lt Lm Lo Mn Mc Me Nd Nl No Pc Pd Ps Pe Pi Pf Po Sm Sc Sk So Zs Zl Zp Cc Cf Co".split()
WORD, PUNCTUATION, CONTROL, NONSPACING, COMBINING, SPACE, LOOK_D, LOOK_KD = (1 << i for i in range(5, 13))


def categories():
    out = bytearray(0x110000)
    for i, name in enumerate(CATEGORIES):
        if i:
            for c in matched(rf"\p{{{name}}}"):
                out[c] = i
    return out


def kept(normaliser, c):
    return normaliser.normalize_str("a" + chr(c) + "a") != "aa"


def alone(pre, c, before, after):
    return [p for p, _ in pre.pre_tokenize_str(before + chr(c) + after)]


def per_character(normaliser):
    out = {}
    for c in CODE_POINTS:
        d = normaliser.normalize_str(chr(c))
        if d != chr(c) and c not in HANGUL:
            out[c] = [ord(x) for x in d]
    return out


def entries_of(table):
    pool, entries, places = [], [], {}
    for c, d in sorted(table.items()):
        d = tuple(d)
        if d not in places:
            places[d] = len(pool)
            pool += d
        entries.append((c, places[d], len(d)))
    return entries, pool


def write_table(f, name, comment, table):
    entries, pool = entries_of(table)
    assert len(pool) < 1 << 16
    f.write(f"/* {comment}: code point, place in {name}_pool[], length */\n")
    flat = ["{0x%x, %d, %d}" % e for e in entries]
    f.write(f"static const struct decomposition {name}[{len(flat)}] = {{\n{words(flat, 6, '%s')}\n}};\n")
    f.write(f"static const uint32_t {name}_pool[{len(pool)}] = {{\n{words(pool, 12, '0x%x')}\n}};\n")


def main(path):
    bert = dict(clean_text=False, handle_chinese_chars=False, strip_accents=False, lowercase=False)
    clean = normalizers.BertNormalizer(**{**bert, "clean_text": True})
    strip = normalizers.BertNormalizer(**{**bert, "strip_accents": True})
    accents, punctuation = normalizers.StripAccents(), pre_tokenizers.Punctuation()
    word, space = pre_tokenizers.Whitespace(), pre_tokenizers.WhitespaceSplit()
    props = [int(x) for x in categories()]
    ccc = classes()
    compatible, lower = per_character(normalizers.NFKD()), per_character(normalizers.Lowercase())
    for c in CODE_POINTS:
        if alone(word, c, "a", "a") == ["a" + chr(c) + "a"]:
            props[c] |= WORD
        if len(alone(punctuation, c, "a", "a")) > 1:
            props[c] |= PUNCTUATION
        if not kept(clean, c):
            props[c] |= CONTROL
        if NFD(chr(c)) == chr(c) and not kept(strip, c):
            props[c] |= NONSPACING
        if not kept(accents, c):
            props[c] |= COMBINING
        if len(alone(space, c, "a", "a")) > 1:
            props[c] |= SPACE
        if c in ccc or c in HANGUL or NFD(chr(c)) != chr(c):
            props[c] |= LOOK_D
        if c in ccc or c in HANGUL or c in compatible:
            props[c] |= LOOK_KD
    assert {c for c in CODE_POINTS if props[c] & SPACE} == matched(r"\s")
    blocks, index = {}, []
    for i in range(0, 0x110000, BLOCK):
        index.append(blocks.setdefault(tuple(props[i : i + BLOCK]), len(blocks)))
    with open(path, "w") as f:
        f.write(f"/* Made by tools/unicode/make_props.py from tokenizers {__version__}; do not edit.\n"
                f" * {len(blocks)} blocks */\n")
        f.write(f"static const uint16_t prop_block[{len(index)}] = {{\n{words(index, 20, '%d')}\n}};\n")
        data = [x for block in blocks for x in block]
        f.write(f"static const uint16_t props[{len(data)}] = {{\n{words(data, 16, '%d')}\n}};\n")
        canonical = {c: [ord(x) for x in NFD(chr(c))] for c in compatible}
        write_table(f, "compatible", "full compatibility decompositions that are no canonical ones",
                    {c: d for c, d in compatible.items() if canonical[c] != d})
        write_table(f, "lower", "lower case", lower)
    print(len(blocks), "blocks,", len(compatible), "compatibility decompositions,", len(lower), "lower")


if __name__ == "__main__":
    main(sys.argv[1])
