#!/usr/bin/env python3
"""Writes src/text/unicode_tables.inc: the Unicode data that Hugging Face `tokenizers` itself uses.

usage: make_tables.py src/text/unicode_tables.inc      (needs: pip install tokenizers==0.23.*)

`tokenizers` mixes three Unicode versions: its regular expressions (\\p{L}, \\p{N}, \\s), its Digits
pre-tokeniser and its normalisers each carry their own. The tables are therefore asked of the package,
code point by code point; Python's unicodedata only supplies the combining classes' numbers and the pairs
to try. Everything is checked against the package again on random strings before it is written.
"""
import random
import sys
import unicodedata

from tokenizers import Regex, __version__, normalizers, pre_tokenizers

CODE_POINTS = [c for c in range(0x110000) if not 0xD800 <= c <= 0xDFFF]
NFC, NFD = normalizers.NFC().normalize_str, normalizers.NFD().normalize_str
BLOCK = 128
HANGUL = range(0xAC00, 0xAC00 + 11172)


def batches(n=4096):
    for i in range(0, len(CODE_POINTS), n):
        yield CODE_POINTS[i : i + n]


def matched(pattern):
    split = pre_tokenizers.Split(Regex(pattern), "removed")
    out = set()
    for batch in batches():
        kept = {ord(c) for piece, _ in split.pre_tokenize_str("".join(map(chr, batch))) for c in piece}
        out.update(c for c in batch if c not in kept)
    return out


def digits():
    split = pre_tokenizers.Digits(individual_digits=True)
    out = set()
    for batch in batches():
        text = "".join("xx" + chr(c) for c in batch) + "xx"
        out.update(ord(piece) for piece, _ in split.pre_tokenize_str(text) if len(piece) == 1)
    return out


def decompositions():
    out = {}
    for batch in batches():
        for c, d in zip(batch, NFD("\x01".join(map(chr, batch))).split("\x01") if 1 not in batch else
                        [NFD(chr(c)) for c in batch]):
            if d != chr(c) and c not in HANGUL:
                out[c] = [ord(x) for x in d]
    return out


def classes():
    out = {0x345: 240}
    for c in CODE_POINTS:
        ccc = unicodedata.combining(chr(c))
        if ccc and c != 0x345 and NFD("\u0345" + chr(c))[0] != "\u0345":
            out[c] = ccc
    return out


def compositions():
    out = {}
    for c in CODE_POINTS:
        pair = unicodedata.decomposition(chr(c)).split()
        if len(pair) == 2 and pair[0][0] != "<":
            a, b = (int(x, 16) for x in pair)
            if NFC(chr(a) + chr(b)) == chr(c):
                out[a, b] = c
    return out


def nfc_model(text, decomposed, ccc, composed):
    """The algorithm of nfc.c, to check the tables with."""
    cps = []
    for x in map(ord, text):
        if x in HANGUL:
            s = x - 0xAC00
            cps += [0x1100 + s // 588, 0x1161 + s % 588 // 28] + ([0x11A7 + s % 28] if s % 28 else [])
        else:
            cps += decomposed.get(x, [x])
    i = 0
    while i < len(cps):
        j = i
        while j < len(cps) and ccc.get(cps[j], 0):
            j += 1
        cps[i:j] = sorted(cps[i:j], key=lambda c: ccc[c])
        i = max(j, i + 1)
    out, starter, last = [], -1, 0
    for c in cps:
        k = ccc.get(c, 0)
        if starter >= 0 and (last < k or (last == 0 and starter == len(out) - 1)):
            a = out[starter]
            new = composed.get((a, c))
            if 0x1100 <= a <= 0x1112 and 0x1161 <= c <= 0x1175:
                new = 0xAC00 + ((a - 0x1100) * 21 + c - 0x1161) * 28
            elif a in HANGUL and (a - 0xAC00) % 28 == 0 and 0x11A8 <= c <= 0x11C2:
                new = a + c - 0x11A7
            if new is not None:
                out[starter] = new
                continue
        if k == 0:
            starter = len(out)
        last = k
        out.append(c)
    return "".join(map(chr, out))


def check(decomposed, ccc, composed):
    rng = random.Random(1)
    marks = [c for c in CODE_POINTS if unicodedata.combining(chr(c))]
    bases = [a for a, _ in composed] + [ord(x) for x in "aeouqAEO"] + list(decomposed)
    seconds = [b for _, b in composed]
    jamo = list(range(0x10FF, 0x1114)) + list(range(0x1160, 0x1177)) + list(range(0x11A6, 0x11C4))
    jamo += [0xAC00, 0xAC01, 0xAC1C, 0xD7A3, 0xD788]
    pools = [marks, bases, seconds, jamo]
    for k in range(300000):
        pool = [rng.choice(pools) for _ in range(rng.randrange(1, 3))]
        text = "".join(chr(rng.choice(rng.choice(pool))) for _ in range(rng.randrange(1, 9)))
        assert nfc_model(text, decomposed, ccc, composed) == NFC(text), ascii(text)
    for c in CODE_POINTS:
        assert nfc_model(chr(c), decomposed, ccc, composed) == NFC(chr(c)), hex(c)
        if k % 7 == 0:
            text = "a\u0345" + chr(c) + "\u0301"
            assert nfc_model(text, decomposed, ccc, composed) == NFC(text), hex(c)


def words(values, per_line, form):
    lines = []
    for i in range(0, len(values), per_line):
        lines.append("    " + " ".join(form % v + "," for v in values[i : i + per_line]))
    return "\n".join(lines)


def main(path):
    letters, numbers, spaces, numeric = matched(r"\p{L}"), matched(r"\p{N}"), matched(r"\s"), digits()
    decomposed, ccc, composed = decompositions(), classes(), compositions()
    check(decomposed, ccc, composed)
    unsafe = set(ccc) | {b for _, b in composed} | set(range(0x1161, 0x1176)) | set(range(0x11A8, 0x11C3))
    unsafe |= {c for c in CODE_POINTS if c in decomposed and NFC(chr(c)) != chr(c)}
    assert min(unsafe) == 0x300 and not numbers - numeric
    flags = bytearray(0x110000)
    for bits, members in ((1, letters), (2, numbers), (3, spaces), (4, numeric), (8, unsafe)):
        for c in members:
            flags[c] |= bits
    blocks, index = {}, []
    for i in range(0, 0x110000, BLOCK):
        index.append(blocks.setdefault(bytes(flags[i : i + BLOCK]), len(blocks)))
    data = []
    for block in blocks:
        for i in range(0, BLOCK, 16):
            data.append(sum(block[i + k] << 4 * k for k in range(16)))
    pool, entries = [], []
    for c, d in sorted(decomposed.items()):
        entries.append((c, len(pool), len(d)))
        pool += d
    runs = []
    for c, k in sorted(ccc.items()):
        if runs and runs[-1][1] == c - 1 and runs[-1][2] == k:
            runs[-1][1] = c
        else:
            runs.append([c, c, k])
    assert len(blocks) < 1 << 16 and len(pool) < 1 << 16
    with open(path, "w") as f:
        f.write(f"/* Made by tools/unicode/make_tables.py from tokenizers {__version__}; do not edit.\n"
                " * flags: bits 0-1: 1 letter, 2 number, 3 space; 4: a digit to Digits; 8: NFC must look. */\n")
        wide = [flags[b] | (16 if b in b"\r\n" else 0) if b < 0x80 else 0x80 for b in range(256)]
        f.write("/* the same by byte; 16: a line's end; 0x80: part of a longer character */\n")
        f.write(f"const uint8_t unicode_byte_flags[256] = {{\n{words(wide, 20, '%d')}\n}};\n")
        kind = "uint8_t" if len(blocks) <= 256 else "uint16_t"
        f.write(f"static const {kind} flag_block[{len(index)}] = {{\n{words(index, 20, '%d')}\n}};\n")
        f.write(f"static const uint64_t flag_bits[{len(data)}] = {{\n{words(data, 4, '0x%016x')}\n}};\n")
        f.write("/* first, last, class */\n")
        flat = ["{0x%x, 0x%x, %d}" % tuple(r) for r in runs]
        f.write(f"static const struct ccc_run ccc_runs[{len(runs)}] = {{\n{words(flat, 5, '%s')}\n}};\n")
        f.write("/* code point, place in decomposed[], length: full canonical decompositions */\n")
        flat = ["{0x%x, %d, %d}" % e for e in entries]
        f.write(f"static const struct decomposition decompositions[{len(flat)}] = {{\n{words(flat, 5, '%s')}\n}};\n")
        f.write(f"static const uint32_t decomposed[{len(pool)}] = {{\n{words(pool, 10, '0x%x')}\n}};\n")
        f.write("/* first, second, composite */\n")
        flat = ["{0x%x, 0x%x, 0x%x}" % (a, b, c) for (a, b), c in sorted(composed.items())]
        f.write(f"static const struct composition compositions[{len(flat)}] = {{\n{words(flat, 5, '%s')}\n}};\n")
    print(len(blocks), "blocks,", len(data) * 8, "bytes of flags,", len(runs), "runs,", len(entries),
          "decompositions,", len(composed), "compositions,", sorted(hex(c) for c in numeric - numbers))


if __name__ == "__main__":
    main(sys.argv[1])
