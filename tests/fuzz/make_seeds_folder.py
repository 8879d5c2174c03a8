#!/usr/bin/env python3
"""Writes the seed corpora of fuzz_safetensors and fuzz_config_json.

usage: make_seeds_folder.py tests/fuzz/corpus
"""
import json
import pathlib
import struct
import sys


def safetensors(header, data):
    head = header if isinstance(header, bytes) else json.dumps(header, separators=(",", ":")).encode()
    return struct.pack("<Q", len(head)) + head + data


def entry(dtype, shape, begin, end):
    return {"dtype": dtype, "shape": shape, "data_offsets": [begin, end]}


def files():
    whole = {"__metadata__": {"format": "pt"}, "a": entry("F32", [2], 0, 8), "b.c": entry("BF16", [1, 3], 8, 14),
             "i": entry("I64", [1], 14, 22), "h": entry("F16", [2, 0], 22, 22)}
    yield "whole", safetensors(whole, bytes(range(22)))
    yield "truncated", safetensors(whole, bytes(20))
    yield "padded", safetensors(json.dumps({"a": entry("U8", [1], 0, 1)}).encode() + b"   ", b"x")
    yield "overlap", safetensors({"a": entry("U8", [2], 0, 2), "b": entry("U8", [2], 1, 3)}, bytes(3))
    yield "gap", safetensors({"a": entry("U8", [1], 1, 2)}, bytes(2))
    yield "twice", safetensors(b'{"a":{"dtype":"U8","shape":[0],"data_offsets":[0,0]},"a":{}}', b"")
    yield "huge", struct.pack("<Q", 1 << 63) + b"{}"
    yield "overflow", safetensors({"a": entry("F32", [1 << 32, 1 << 32], 0, 0)}, b"")


SIZES = {"hidden_size": 8, "intermediate_size": 12, "vocab_size": 3, "num_hidden_layers": 1,
         "num_attention_heads": 2, "num_key_value_heads": 1, "head_dim": 4, "max_position_embeddings": 16}
ROPE = {
    "linear": {"rope_type": "linear", "factor": 2.0},
    "llama3": {"rope_type": "llama3", "factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0,
               "original_max_position_embeddings": 8},
    "yarn": {"rope_type": "yarn", "factor": 4.0, "original_max_position_embeddings": 8, "beta_fast": 32,
             "beta_slow": 1, "mscale": 1.0, "mscale_all_dim": 0.5, "truncate": False},
    "dynamic": {"type": "dynamic", "factor": 2.0},
}


def configs():
    for name in ("llama", "mistral", "qwen2", "qwen3", "phi3", "gemma3_text"):
        yield name, "", {"model_type": name, **SIZES, "rope_theta": 10000.0}
    for name in ("bert", "roberta", "xlm-roberta"):
        yield name, "", {"model_type": name, "type_vocab_size": 2, "layer_norm_eps": 1e-5, "pad_token_id": 1, **SIZES}
    for name, rope in ROPE.items():
        yield "rope_" + name, "", {"model_type": "llama", **SIZES, "rope_parameters": {"rope_theta": 1e6, **rope}}
    yield "rope_long", "", {"model_type": "phi3", **SIZES, "partial_rotary_factor": 1.0,
                            "original_max_position_embeddings": 8,
                            "rope_scaling": {"type": "longrope", "short_factor": [1.0, 1.5], "long_factor": [2, 3]}}
    yield "gemma3", "", {"model_type": "gemma3", "text_config": {
        **SIZES, "query_pre_attn_scalar": 4, "final_logit_softcapping": 30.0, "sliding_window": 8,
        "layer_types": ["sliding_attention"], "rope_parameters": {
            "full_attention": ROPE["linear"], "sliding_attention": {"rope_type": "default", "rope_theta": 10000}}}}
    yield "window", "", {"model_type": "qwen2", **SIZES, "use_sliding_window": True, "sliding_window": 4,
                         "max_window_layers": 0}
    yield "more", "+classifier.weight", {"model_type": "bert", "type_vocab_size": 2, **SIZES}
    yield "less", "-lm_head.weight", {"model_type": "llama", **SIZES, "tie_word_embeddings": True}
    yield "quantized", "", {"model_type": "llama", **SIZES, "quantization_config": {"quant_method": "gptq"}}


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    root = pathlib.Path(sys.argv[1])
    for folder in ("safetensors", "config_json"):
        (root / folder).mkdir(parents=True, exist_ok=True)
    for name, data in files():
        (root / "safetensors" / name).write_bytes(data)
    for name, change, config in configs():
        (root / "config_json" / name).write_text(change + "\n" + json.dumps(config))


if __name__ == "__main__":
    main()
