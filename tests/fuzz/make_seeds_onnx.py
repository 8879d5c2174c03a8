#!/usr/bin/env python3
"""Writes the seeds of fuzz_onnx: small ONNX files with one of each thing that the reader looks at.

usage: make_seeds_onnx.py tests/fuzz/corpus/onnx
"""

import os
import sys


def varint(v):
    out = b""
    while v > 127:
        out += bytes([v & 127 | 128])
        v >>= 7
    return out + bytes([v])


def number(field, v):
    return varint(field << 3) + varint(v)


def data(field, v):
    v = v.encode() if isinstance(v, str) else v
    return varint(field << 3 | 2) + varint(len(v)) + v


def value(name, kind, batch, width):
    shape = data(1, data(2, batch)) + data(1, number(1, width))
    return data(1, name) + data(2, data(1, number(1, kind) + data(2, shape)))


def entry(key, text):
    return data(13, data(1, key) + data(2, text))


def initializers():
    inline = number(1, 4) + number(1, 8) + number(2, 1) + data(8, "weight") + data(9, bytes(128))
    external = data(1, b"\x03\x05") + number(2, 22) + data(8, "external") + number(14, 1)
    external += entry("location", "model.onnx_data") + entry("offset", "4096") + entry("length", "8")
    return data(5, inline) + data(5, external)


def nested(depth):
    inner = nested(depth - 1) if depth else b""
    return data(1, data(5, data(6, inner + data(2, "inner"))))


def product():
    """A MatMulNBits of 4 bits."""
    return data(1, data(4, "MatMulNBits") + data(5, data(1, "bits") + number(3, 4) + number(20, 2)))


def model(depth=0, nodes=b"", opset=True):
    graph = data(11, value("input_ids", 7, "batch", 16))
    graph += data(11, value("weight", 1, "four", 8))  # has an initializer: no input
    graph += data(12, value("logits", 10, "batch", 100))
    graph += initializers() + nested(depth) + nodes + data(2, "main")
    out = number(1, 10) + data(2, "pytorch") + number(99, 5) + data(7, graph)
    return out + (data(8, data(1, "com.microsoft") + number(2, 1)) if opset else b"")


def main():
    folder = sys.argv[1]
    seeds = {
        "model": model(),
        "nested": model(depth=3),
        "bits": model(nodes=product()),
        "no_opset": model(opset=False),
        "properties": model() + data(14, data(1, "key") + data(2, "value")),
        "empty_graph": number(1, 8) + data(7, b"") + data(8, number(2, 17)),
        "truncated": model()[:-20],
    }
    for name, content in seeds.items():
        with open(os.path.join(folder, name), "wb") as f:
            f.write(content)


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    main()
