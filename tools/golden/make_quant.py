#!/usr/bin/env python3
"""Makes tests/golden/model/: what the `gguf` package's dequantisation gives.

usage: make_quant.py tests/golden/model [smollm2=MODEL.gguf] [qwen2.5-coder-0.5b=MODEL.gguf]
needs: numpy, gguf

blocks.txt   TYPE, the block in hex, its values in hex (f32, little-endian)
random.txt   TYPE, seed, blocks, SHA-256 of the values; the blocks are SplitMix64(seed), little-endian
NAME.txt     TYPE, elements, SHA-256 of the values, tensor name: every tensor of a model
Every NaN counts as 7fc00000: which NaN comes out of an operation is the processor's affair.
"""
import hashlib
import pathlib
import sys

import numpy as np
from gguf import GGML_QUANT_SIZES, GGMLQuantizationType, GGUFReader
from gguf.quants import dequantize

TYPES = "F32 F16 BF16 Q4_0 Q4_1 Q5_0 Q5_1 Q8_0 Q2_K Q3_K Q4_K Q5_K Q6_K".split()
# Where the half-precision scales of a block are.
SCALES = {"Q4_0": [0], "Q4_1": [0, 2], "Q5_0": [0], "Q5_1": [0, 2], "Q8_0": [0], "Q2_K": [80, 82], "Q3_K": [108],
          "Q4_K": [0, 2], "Q5_K": [0, 2], "Q6_K": [208]}
# Zero, minus zero, the least and the greatest denormal, the least normal, the greatest, infinity, NaN.
HALVES = [0x0000, 0x8000, 0x0001, 0x83FF, 0x0400, 0x7BFF, 0xFC00, 0x7E00]
RANDOM_BLOCKS = 4096


def splitmix(seed, n_bytes):
    i = np.arange(1, (n_bytes + 7) // 8 + 1, dtype=np.uint64)
    z = np.uint64(seed) + i * np.uint64(0x9E3779B97F4A7C15)
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return (z ^ (z >> np.uint64(31))).view(np.uint8)[:n_bytes]


def values(raw, kind):
    out = np.array(dequantize(raw, kind), dtype=np.float32).reshape(-1)
    bits = out.view(np.uint32)
    bits[np.isnan(out)] = 0x7FC00000
    return bits.tobytes()


def blocks(name, kind):
    size = GGML_QUANT_SIZES[kind][1]
    if name not in SCALES:
        return [splitmix(i, size) for i in range(40)]
    found = [splitmix(i, size).copy() for i in range(len(HALVES))]
    for i, block in enumerate(found):
        for j, at in enumerate(SCALES[name]):
            half = HALVES[i] if j == 0 else HALVES[(i + 3) % len(HALVES)]
            block[at:at + 2] = half & 0xFF, half >> 8
    # An ordinary block too.
    plain = splitmix(99, size).copy()
    for at in SCALES[name]:
        plain[at + 1] = 0x2C
    return found + [plain] if size < 80 else [found[2], found[4], plain]


def main():
    folder = pathlib.Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    np.seterr(all="ignore")
    with open(folder / "blocks.txt", "w") as some, open(folder / "random.txt", "w") as many:
        for seed, name in enumerate(TYPES):
            kind = GGMLQuantizationType[name]
            for block in blocks(name, kind):
                print(name, block.tobytes().hex(), values(block, kind).hex(), file=some)
            raw = splitmix(seed, RANDOM_BLOCKS * GGML_QUANT_SIZES[kind][1]).reshape(RANDOM_BLOCKS, -1)
            print(name, seed, RANDOM_BLOCKS, hashlib.sha256(values(raw, kind)).hexdigest(), file=many)
    for argument in sys.argv[2:]:
        model, path = argument.split("=", 1)
        with open(folder / f"{model}.txt", "w") as out:
            for t in GGUFReader(path).tensors:
                digest = hashlib.sha256(values(t.data, t.tensor_type)).hexdigest()
                print(t.tensor_type.name, t.n_elements, digest, t.name, file=out)


main()
