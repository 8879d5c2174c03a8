#!/usr/bin/env python3
"""Writes the seed corpus of fuzz_vectors: small matrices, each with a graph after it, whole but for the
checksums (the target makes those right).

usage: make_seeds_vectors.py tests/fuzz/corpus/vectors
"""
import pathlib
import struct
import sys

PAGE, ALIGN, NONE = 4096, 64, 0xFFFFFFFF


def pad(data, to=ALIGN):
    return data + bytes(-len(data) % to)


def matrix(count, width):
    stride = -(-width // 64) * 64
    rows = [bytes((i * 37 + j * 11) % 251 if j < width else 0 for j in range(stride)) for i in range(count)]
    block = b"".join(rows) + b"".join(row[::-1] if width == stride else bytes(stride) for row in rows)
    block += pad(struct.pack(f"={count}f", *[1e-5 * (1 + i % 3) for i in range(count)]))
    block += pad(struct.pack(f"={count}f", *[0.01] * count))
    block += pad(struct.pack(f"={count}q", *range(-3, count - 3)))
    size = PAGE + len(block) + (8 if count else 0)
    header = struct.pack("=8sIIQ32sQIIQ", b"PRECISVM", 0x01020304, 1, size, b"generation", count, width, 1, 0)
    return pad(header, PAGE) + block + bytes(8 if count else 0)


def links(neighbours, degree):
    return struct.pack(f"={degree}I", *(neighbours + [NONE] * degree)[:degree])


def graph(count, above):
    """A ring in each level; above: how many rows there are in each upper level."""
    sizes = [count] + above
    body = b"".join(links(sorted({(i + 1) % count, (i + count - 1) % count}), 32) for i in range(count))
    below = list(range(count))
    for n in above:
        step = len(below) // n
        rows = [below[i * step] for i in range(n)]
        body += pad(struct.pack(f"={n}I", *rows)) + pad(struct.pack(f"={n}I", *[i * step for i in range(n)]))
        body += b"".join(links([(i + 1) % n] if n > 1 else [], 16) for i in range(n))
        below = rows
    header = struct.pack("=8sIIQ32sQI8III", b"PRECISVG", 0x01020304, 1, PAGE + len(body) + 8, b"generation", 0,
                         len(sizes), *(sizes + [0] * 8)[:8], 0, 0)
    return pad(pad(header, 8), PAGE) + body + bytes(8)


def main():
    seeds = {
        "none": matrix(0, 3),
        "one": matrix(1, 1) + graph(1, []),
        "ring": matrix(20, 64) + graph(20, [5]),
        "levels": matrix(60, 16) + graph(60, [20, 4, 1]),
        "no_graph": matrix(30, 70),
        "cut": matrix(5, 8)[:-1],
    }
    folder = pathlib.Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    for name, data in seeds.items():
        (folder / name).write_bytes(data)


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__.strip())
    main()
