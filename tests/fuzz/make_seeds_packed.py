#!/usr/bin/env python3
"""Writes the seed corpus of fuzz_packed: tiny packed files, whole but for the checksums (the target
makes those right), and broken.

usage: make_seeds_packed.py tests/fuzz/corpus/packed
"""
import pathlib
import struct
import sys

PAGE, ALIGN, PIECE = 4096, 64, 4 << 20


def pad(data, to):
    return data + bytes(-len(data) % to)


def packed(key, sections):
    body, entries = b"", b""
    key = key.encode() + b"\0"
    pieces = 1 if any(sections.values()) else 0
    data = len(pad(pad(bytes(64) + key, 8) + bytes(96 * len(sections) + 8 * pieces), PAGE))
    for name, content in sorted(sections.items()):
        entries += struct.pack("=80sQQ", name.encode(), data + len(body), len(content))
        body += pad(content, ALIGN)
    header = struct.pack("=8sIIQQQQQQ", b"PRECISPK", 0x01020304, 1, data + len(body), data, len(key), len(sections),
                         pieces, 0)
    return pad(pad(header + key, 8) + entries + bytes(8 * pieces), PAGE) + body


def main():
    whole = packed("weights-v1 precision=int8", {"blk.0.q": b"q" * 100, "blk.0.k": b"k" * 64, "empty": b"", "z": b"z"})
    seeds = {
        "whole": whole,
        "one": packed("k", {"s": bytes(range(64))}),
        "no_sections": packed("k", {}),
        "no_key": packed("", {"s": b"1"}),
        "long_name": packed("k", {"n" * 79: b"1", "m" * 80: b"2"}),
        "many": packed("k", {f"s{i}": b"x" * i for i in range(60)}),
        "truncated": whole[:-64],
        "header": whole[:64],
    }
    folder = pathlib.Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    for name, data in seeds.items():
        (folder / name).write_bytes(data)


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__.strip())
    main()
