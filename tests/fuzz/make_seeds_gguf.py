#!/usr/bin/env python3
"""Writes the seed corpus of fuzz_gguf: tiny GGUF files, whole and broken.

usage: make_seeds_gguf.py tests/fuzz/corpus/gguf
"""
import pathlib
import struct
import sys

U8, I8, U16, I16, U32, I32, F32, BOOL, STRING, ARRAY, U64, I64, F64 = range(13)
PACK = {U8: "B", I8: "b", U16: "H", I16: "h", U32: "I", I32: "i", F32: "f", BOOL: "?", U64: "Q", I64: "q", F64: "d"}
# type: (values in a block, bytes of a block)
BLOCKS = {0: (1, 4), 1: (1, 2), 2: (32, 18), 3: (32, 20), 6: (32, 22), 7: (32, 24), 8: (32, 34), 10: (256, 84),
          11: (256, 110), 12: (256, 144), 13: (256, 176), 14: (256, 210), 30: (1, 2)}


def string(s):
    return struct.pack("<Q", len(s)) + s.encode()


def scalar(kind, value):
    return string(value) if kind == STRING else struct.pack("<" + PACK[kind], value)


def key(name, kind, value):
    if isinstance(value, list):
        body = struct.pack("<IIQ", ARRAY, kind, len(value)) + b"".join(scalar(kind, v) for v in value)
    else:
        body = struct.pack("<I", kind) + scalar(kind, value)
    return string(name) + body


def gguf(keys, tensors, version=3, alignment=8):
    keys = [("general.alignment", U32, alignment)] + keys
    head = struct.pack("<4sIQQ", b"GGUF", version, len(tensors), len(keys)) + b"".join(key(*k) for k in keys)
    data = b""
    for name, kind, dims in tensors:
        data += bytes(-len(data) % alignment)
        head += string(name) + struct.pack("<I", len(dims)) + struct.pack(f"<{len(dims)}Q", *dims)
        head += struct.pack("<IQ", kind, len(data))
        n = 1
        for d in dims:
            n *= d
        values, size = BLOCKS[kind]
        data += bytes(i * 37 & 0x3F for i in range(n // values * size))
    return head + bytes(-len(head) % alignment) + data


def decoder(architecture, tied, bias):
    a = architecture
    keys = [("general.architecture", STRING, a), ("general.name", STRING, "tiny"), ("general.file_type", U32, 1),
            (a + ".block_count", U32, 1), (a + ".context_length", U32, 16), (a + ".embedding_length", U32, 4),
            (a + ".feed_forward_length", U32, 4), (a + ".attention.head_count", U32, 2),
            (a + ".attention.head_count_kv", U32, 1), (a + ".attention.layer_norm_rms_epsilon", F32, 1e-5),
            (a + ".rope.freq_base", F32, 10000.0), (a + ".rope.dimension_count", U32, 2),
            ("tokenizer.ggml.tokens", STRING, ["a", "b"])]
    tensors = [("token_embd.weight", 1, [4, 2]), ("output_norm.weight", 0, [4])]
    if not tied:
        tensors.append(("output.weight", 30, [4, 2]))
    for name, dims in [("attn_norm", [4]), ("attn_q", [4, 4]), ("attn_k", [4, 2]), ("attn_v", [4, 2]),
                       ("attn_output", [4, 4]), ("ffn_norm", [4]), ("ffn_gate", [4, 4]), ("ffn_up", [4, 4]),
                       ("ffn_down", [4, 4])]:
        tensors.append((f"blk.0.{name}.weight", 1, dims))
    if bias:
        tensors += [("blk.0.attn_q.bias", 0, [4]), ("blk.0.attn_k.bias", 0, [2]), ("blk.0.attn_v.bias", 0, [2])]
    return gguf(keys, tensors)


def every_kind():
    values = {U8: 200, I8: -3, U16: 60000, I16: -5, U32: 1 << 31, I32: -7, F32: 0.5, BOOL: True, STRING: "text",
              U64: 1 << 63, I64: -9, F64: 0.25}
    keys = [(f"one.k{k}", k, v) for k, v in values.items()] + [(f"many.k{k}", k, [v, v]) for k, v in values.items()]
    return gguf(keys, [(f"t{t}", t, [BLOCKS[t][0]]) for t in BLOCKS])


def main():
    folder = pathlib.Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    llama = decoder("llama", tied=True, bias=False)
    files = {
        "llama": llama,
        "qwen2": decoder("qwen2", tied=False, bias=True),
        "every_kind": every_kind(),
        "empty_model": gguf([], []),
        "version2": gguf([("k", U8, 1)], [("t", 0, [2, 1, 1, 1])], version=2, alignment=32),
        "version1": gguf([], [], version=1),
        "big_endian": struct.pack(">4sIQQ", b"GGUF", 3, 0, 0),
        "truncated": llama[:-7],
        "absurd_counts": struct.pack("<4sIQQ", b"GGUF", 3, 1 << 62, 1 << 62),
        "nested": struct.pack("<4sIQQ", b"GGUF", 3, 0, 1) + string("k") + struct.pack("<IIQIQ", 9, 9, 1, 9, 1),
    }
    for name, data in files.items():
        (folder / name).write_bytes(data)


main()
