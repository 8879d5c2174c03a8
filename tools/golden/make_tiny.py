#!/usr/bin/env python3
"""Writes tiny decoders with random weights, for tests that must not need a download.

usage: make_tiny.py FOLDER [NAME...]    (needs numpy, gguf, tokenizers)
"""
import json
import pathlib
import sys

import gguf
import numpy
import tokenizers
from gguf.quants import quantize

TEMPLATE = (
    "{% for message in messages %}{{'<|im_start|>' + message['role'] + '\\n' + message['content']"
    " + '<|im_end|>' + '\\n'}}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}"
)
SPECIAL = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
F32, Q8_0 = gguf.GGMLQuantizationType.F32, gguf.GGMLQuantizationType.Q8_0

# name -> architecture, pre-tokeniser, heads, kv heads, head_dim, inner, vocabulary, tied, weights' type
MODELS = {
    "tiny-llama": ("llama", "smollm", 4, 2, 16, 96, 512, True, F32),
    "tiny-qwen2": ("qwen2", "qwen2", 2, 1, 32, 96, 400, False, F32),
    "tiny-llama-3to1": ("llama", "smollm", 3, 1, 64, 128, 512, True, Q8_0),
}
LAYERS, CONTEXT = 2, 1024


def vocabulary(size, text):
    tok = tokenizers.Tokenizer(tokenizers.models.BPE())
    byte_level = tokenizers.pre_tokenizers.ByteLevel(add_prefix_space=False)
    tok.pre_tokenizer = byte_level
    tok.train_from_iterator([text], tokenizers.trainers.BpeTrainer(
        vocab_size=size, initial_alphabet=sorted(byte_level.alphabet()), special_tokens=SPECIAL,
        show_progress=False))
    model = json.loads(tok.to_str())["model"]
    tokens = sorted(model["vocab"], key=model["vocab"].get)
    if len(tokens) != size:
        sys.exit(f"the text gives {len(tokens)} tokens instead of {size}")
    return tokens, [" ".join(m) if isinstance(m, list) else m for m in model["merges"]]


def write(path, name, text):
    arch, pre, heads, kv_heads, head_dim, inner, vocab, tied, kind = MODELS[name]
    hidden, kv = heads * head_dim, kv_heads * head_dim
    rng = numpy.random.default_rng(sum(name.encode()))
    w = gguf.GGUFWriter(path, arch)
    w.add_name(name)
    w.add_file_type(gguf.LlamaFileType.ALL_F32 if kind == F32 else gguf.LlamaFileType.MOSTLY_Q8_0)
    w.add_block_count(LAYERS)
    w.add_context_length(CONTEXT)
    w.add_embedding_length(hidden)
    w.add_feed_forward_length(inner)
    w.add_head_count(heads)
    w.add_head_count_kv(kv_heads)
    w.add_rope_freq_base(10000.0)
    w.add_rope_dimension_count(head_dim)
    w.add_layer_norm_rms_eps(1e-5)
    w.add_vocab_size(vocab)
    tokens, merges = vocabulary(vocab, text)
    w.add_tokenizer_model("gpt2")
    w.add_tokenizer_pre(pre)
    w.add_token_list(tokens)
    w.add_token_types([gguf.TokenType.CONTROL if t in SPECIAL else gguf.TokenType.NORMAL
                       for t in tokens])
    w.add_token_merges(merges)
    w.add_bos_token_id(1)
    w.add_eos_token_id(2)
    w.add_add_bos_token(False)
    w.add_chat_template(TEMPLATE)

    def add(tensor, rows, columns, spread):
        x = rng.standard_normal((rows, columns), dtype=numpy.float32)
        x *= numpy.float32(spread / columns**0.5)
        w.add_tensor(tensor, quantize(x, kind) if kind != F32 else x, raw_dtype=kind)

    def vector(tensor, n, mean, spread):
        w.add_tensor(tensor, (mean + spread * rng.standard_normal(n)).astype(numpy.float32))

    add("token_embd.weight", vocab, hidden, 3.0 if tied else 4.0)
    if not tied:
        add("output.weight", vocab, hidden, 3.0)
    vector("output_norm.weight", hidden, 1.0, 0.2)
    for i in range(LAYERS):
        b = f"blk.{i}."
        vector(b + "attn_norm.weight", hidden, 1.0, 0.2)
        vector(b + "ffn_norm.weight", hidden, 1.0, 0.2)
        add(b + "attn_q.weight", hidden, hidden, 1.5)
        add(b + "attn_k.weight", kv, hidden, 1.5)
        add(b + "attn_v.weight", kv, hidden, 1.5)
        if arch == "qwen2":
            vector(b + "attn_q.bias", hidden, 0.0, 0.5)
            vector(b + "attn_k.bias", kv, 0.0, 0.5)
            vector(b + "attn_v.bias", kv, 0.0, 0.5)
        add(b + "attn_output.weight", hidden, hidden, 1.5)
        add(b + "ffn_gate.weight", inner, hidden, 1.5)
        add(b + "ffn_up.weight", inner, hidden, 1.5)
        add(b + "ffn_down.weight", hidden, inner, 1.5)
    w.write_header_to_file()
    w.write_kv_data_to_file()
    w.write_tensors_to_file()
    w.close()


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    folder = pathlib.Path(sys.argv[1])
    texts = "".join((folder / t).read_text() for t in ("prose.txt", "code.txt"))
    for name in sys.argv[2:] or MODELS:
        write(folder / f"{name}.gguf", name, texts)
        print(f"{name}.gguf: {(folder / f'{name}.gguf').stat().st_size} bytes")
