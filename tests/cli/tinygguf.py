"""Writes a tiny Llama-family GGUF with random weights and a byte-level tokenizer, so that every
command can be run in milliseconds. What such a model says is noise: it tests the way, not the words.

usage: tinygguf.py OUT.gguf [--context N] [--architecture A] [--seed N]
"""

import argparse
import random
import struct

U32, I32, F32, BOOL, STRING, ARRAY = 4, 5, 6, 7, 8, 9
HIDDEN, HEADS, KV_HEADS, INNER, LAYERS = 64, 2, 1, 96, 2
SPECIAL = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
TEMPLATE = (
    "{% for message in messages %}{{'<|im_start|>' + message['role'] + '\\n' + message['content']"
    " + '<|im_end|>' + '\\n'}}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}"
)


def byte_alphabet():
    """GPT-2's printable character for each byte."""
    plain = list(range(33, 127)) + list(range(161, 173)) + list(range(174, 256))
    table = {b: chr(b) for b in plain}
    extra = 0
    for b in range(256):
        if b not in table:
            table[b] = chr(256 + extra)
            extra += 1
    return table


def text(s):
    data = s.encode()
    return struct.pack("<Q", len(data)) + data


def value(kind, v):
    if kind == STRING:
        return text(v)
    return struct.pack({U32: "<I", I32: "<i", F32: "<f", BOOL: "<?"}[kind], v)


def entry(key, kind, v):
    if isinstance(v, list):
        body = b"".join(value(kind, x) for x in v)
        return text(key) + struct.pack("<IIQ", ARRAY, kind, len(v)) + body
    return text(key) + struct.pack("<I", kind) + value(kind, v)


def metadata(architecture, context):
    alphabet = byte_alphabet()
    merges = [f"{alphabet[32]} {c}" for c in "abcdefgh"] + ["i n", "e r", "o n"]
    tokens = SPECIAL + [alphabet[b] for b in range(256)] + [m.replace(" ", "") for m in merges]
    kinds = [3] * len(SPECIAL) + [1] * (len(tokens) - len(SPECIAL))
    a = architecture
    return tokens, [
        entry("general.architecture", STRING, a),
        entry("general.name", STRING, "tiny"),
        entry("general.file_type", U32, 0),
        entry(a + ".block_count", U32, LAYERS),
        entry(a + ".context_length", U32, context),
        entry(a + ".embedding_length", U32, HIDDEN),
        entry(a + ".feed_forward_length", U32, INNER),
        entry(a + ".attention.head_count", U32, HEADS),
        entry(a + ".attention.head_count_kv", U32, KV_HEADS),
        entry(a + ".attention.layer_norm_rms_epsilon", F32, 1e-5),
        entry(a + ".rope.dimension_count", U32, HIDDEN // HEADS),
        entry(a + ".rope.freq_base", F32, 10000.0),
        entry(a + ".vocab_size", U32, len(tokens)),
        entry("tokenizer.ggml.model", STRING, "gpt2"),
        entry("tokenizer.ggml.pre", STRING, "smollm"),
        entry("tokenizer.ggml.tokens", STRING, tokens),
        entry("tokenizer.ggml.token_type", I32, kinds),
        entry("tokenizer.ggml.merges", STRING, merges),
        entry("tokenizer.ggml.bos_token_id", U32, 1),
        entry("tokenizer.ggml.eos_token_id", U32, 2),
        entry("tokenizer.ggml.add_bos_token", BOOL, False),
        entry("tokenizer.chat_template", STRING, TEMPLATE),
    ]


def shapes(vocab):
    head = HIDDEN // HEADS
    out = [("token_embd.weight", (HIDDEN, vocab)), ("output_norm.weight", (HIDDEN,))]
    for i in range(LAYERS):
        out += [
            (f"blk.{i}.attn_norm.weight", (HIDDEN,)),
            (f"blk.{i}.attn_q.weight", (HIDDEN, HEADS * head)),
            (f"blk.{i}.attn_k.weight", (HIDDEN, KV_HEADS * head)),
            (f"blk.{i}.attn_v.weight", (HIDDEN, KV_HEADS * head)),
            (f"blk.{i}.attn_output.weight", (HEADS * head, HIDDEN)),
            (f"blk.{i}.ffn_norm.weight", (HIDDEN,)),
            (f"blk.{i}.ffn_gate.weight", (HIDDEN, INNER)),
            (f"blk.{i}.ffn_up.weight", (HIDDEN, INNER)),
            (f"blk.{i}.ffn_down.weight", (INNER, HIDDEN)),
        ]
    return out


def build(architecture="llama", context=2048, seed=1, tensor_type=0):
    rng = random.Random(seed)
    tokens, entries = metadata(architecture, context)
    tensors, data = [], b""
    for name, dims in shapes(len(tokens)):
        n = 1
        for d in dims:
            n *= d
        if len(dims) == 1:
            values = [1.0] * n
        else:
            values = [rng.gauss(0, 1.5 / dims[0] ** 0.5) for _ in range(n)]
        kind = tensor_type if name == "token_embd.weight" else 0
        info = text(name) + struct.pack("<I", len(dims)) + struct.pack(f"<{len(dims)}Q", *dims)
        tensors.append(info + struct.pack("<IQ", kind, len(data)))
        data += struct.pack(f"<{n}f", *values)
        data += b"\0" * (-len(data) % 32)
    head = b"GGUF" + struct.pack("<IQQ", 3, len(tensors), len(entries))
    head += b"".join(entries) + b"".join(tensors)
    return head + b"\0" * (-len(head) % 32) + data


def main():
    p = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    p.add_argument("out")
    p.add_argument("--context", type=int, default=2048)
    p.add_argument("--architecture", default="llama")
    p.add_argument("--seed", type=int, default=1)
    a = p.parse_args()
    with open(a.out, "wb") as f:
        f.write(build(a.architecture, a.context, a.seed))


if __name__ == "__main__":
    main()
