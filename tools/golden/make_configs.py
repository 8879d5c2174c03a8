#!/usr/bin/env python3
"""Writes what transformers makes of config.json in every variant that precis reads: sizes, layers that
slide, scales and rotary frequencies, with the names and shapes of the tensors that go with it.

usage: make_configs.py tests/golden/model/configs.json    (needs torch, transformers 5)
"""
import json
import pathlib
import struct
import sys
import tempfile

import torch
import transformers
from transformers.modeling_rope_utils import ROPE_INIT_FUNCTIONS

transformers.logging.set_verbosity_error()
BASE = dict(vocab_size=24, hidden_size=16, intermediate_size=20, num_hidden_layers=2, num_attention_heads=4,
            num_key_value_heads=2, max_position_embeddings=512)
WIDE = dict(BASE, head_dim=32)
GEMMA = dict(BASE, num_hidden_layers=7, head_dim=8, sliding_window=8)
PHI3 = dict(BASE, pad_token_id=0, eos_token_id=1)
ENCODER = dict(vocab_size=24, hidden_size=16, intermediate_size=20, num_hidden_layers=1, num_attention_heads=4,
               max_position_embeddings=34)
LLAMA3 = {"rope_type": "llama3", "factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0,
          "original_max_position_embeddings": 64, "rope_theta": 500000.0}
YARN = {"rope_type": "yarn", "factor": 4.0, "original_max_position_embeddings": 128, "rope_theta": 10000.0}
LINEAR = {"rope_type": "linear", "factor": 3.0, "rope_theta": 1e5}
LONG = {"rope_type": "longrope", "short_factor": [1.0, 1.1, 1.2], "long_factor": [2.0, 2.7, 3.4],
        "rope_theta": 10000.0, "partial_rotary_factor": 0.75}
VISION = dict(model_type="siglip_vision_model", hidden_size=8, intermediate_size=8, num_hidden_layers=1,
              num_attention_heads=2, image_size=28, patch_size=14)


def old_rope(config, dropped=(), **extra):
    """The spelling before transformers 5."""
    rope = config.pop("rope_parameters")
    if "full_attention" in rope:
        config["rope_local_base_freq"] = rope["sliding_attention"]["rope_theta"]
        rope = rope["full_attention"]
        config["sliding_window_pattern"] = config.pop("_sliding_window_pattern")
        del config["layer_types"]
    config["rope_theta"] = rope.pop("rope_theta")
    if "partial_rotary_factor" in rope:
        config["partial_rotary_factor"] = rope.pop("partial_rotary_factor")
    if rope["rope_type"] != "default":
        config["rope_scaling"] = rope
    config.update(extra)
    for key in dropped:
        del config[key]


def wanted_rope(rope, config, prefix):
    frequencies = [getattr(rope, prefix + "inv_freq").tolist()]
    parameters = config.rope_parameters
    original = 0
    if parameters.get("rope_type") == "longrope":
        original = parameters["original_max_position_embeddings"]
        frequencies.append(ROPE_INIT_FUNCTIONS["longrope"](config, "cpu", seq_len=original + 1)[0].tolist())
    return {"original": original, "scale": float(getattr(rope, prefix + "attention_scaling")),
            "frequencies": frequencies}


def wanted_decoder(model):
    text = getattr(model.config, "text_config", model.config)
    decoder = getattr(model.model, "language_model", model.model)
    attention = decoder.layers[0].self_attn
    window = getattr(text, "sliding_window", None) or 0
    everywhere = text.model_type in ("mistral", "phi3")
    sliding = "".join(
        "s" if window and (everywhere or getattr(layer.self_attn, "sliding_window", None)) else "f"
        for layer in decoder.layers)
    gemma = text.model_type == "gemma3_text"
    if not gemma and window >= text.max_position_embeddings:
        sliding = sliding.replace("s", "f")
    rope = decoder.rotary_emb
    local = gemma and wanted_rope(rope, text, "sliding_attention_")
    return {
        "layers": text.num_hidden_layers, "heads": text.num_attention_heads, "kv_heads": text.num_key_value_heads,
        "head_dim": attention.head_dim, "hidden": text.hidden_size, "intermediate": text.intermediate_size,
        "vocab": text.vocab_size, "context": text.max_position_embeddings, "norm_eps": text.rms_norm_eps,
        "window": window if "s" in sliding else 0, "sliding": sliding, "attention_scale": attention.scaling,
        "embedding_scale": text.hidden_size**0.5 if gemma else 1.0,
        "logit_cap": getattr(text, "final_logit_softcapping", None) or 0.0,
        "tied": bool(model.config.tie_word_embeddings),
        "rope": wanted_rope(rope, text, "full_attention_" if gemma else ""), **({"rope_local": local} if local else {}),
    }


def wanted_encoder(model):
    config = model.config
    position = 0 if config.model_type == "bert" else config.pad_token_id + 1
    return {"layers": config.num_hidden_layers, "heads": config.num_attention_heads, "hidden": config.hidden_size,
            "intermediate": config.intermediate_size, "vocab": config.vocab_size, "types": config.type_vocab_size,
            "position": position, "context": config.max_position_embeddings - position,
            "norm_eps": config.layer_norm_eps}


def tensors_of(path):
    data = path.read_bytes()
    header = json.loads(data[8:8 + struct.unpack("<Q", data[:8])[0]])
    return {name: entry["shape"] for name, entry in header.items() if name != "__metadata__"}


class Cases:
    def __init__(self):
        self.tensors, self.cases = [], []

    def add(self, name, kind, config, edit=None, wanted=wanted_decoder, reload=True, **arguments):
        model = kind(config, **arguments)
        with tempfile.TemporaryDirectory() as folder:
            folder = pathlib.Path(folder)
            model.save_pretrained(folder)
            written = json.loads((folder / "config.json").read_text())
            if edit:
                edit(written)
                (folder / "config.json").write_text(json.dumps(written))
                if reload:
                    model = kind.from_pretrained(folder)
            tensors = tensors_of(folder / "model.safetensors")
        if tensors not in self.tensors:
            self.tensors.append(tensors)
        for key in ("transformers_version", "initializer_range", "bos_token_id", "eos_token_id", "use_cache", "dtype"):
            written.pop(key, None)
        self.cases.append({"name": name, "tensors": self.tensors.index(tensors), "config": written,
                           "want": wanted(model)})


def decoders(cases):
    t = transformers
    llama, mistral, qwen2, qwen3 = (t.LlamaForCausalLM, t.MistralForCausalLM, t.Qwen2ForCausalLM,
                                    t.Qwen3ForCausalLM)
    phi3, gemma3 = t.Phi3ForCausalLM, t.Gemma3ForCausalLM
    cases.add("llama", llama, t.LlamaConfig(**BASE))
    cases.add("llama, tied", llama, t.LlamaConfig(**BASE, tie_word_embeddings=True))
    cases.add("llama, all heads have keys", llama, t.LlamaConfig(**dict(BASE, num_key_value_heads=None)))
    cases.add("llama3", llama, t.LlamaConfig(**WIDE, rope_parameters=dict(LLAMA3)))
    cases.add("llama3, old", llama, t.LlamaConfig(**WIDE, rope_parameters=dict(LLAMA3)), old_rope)
    cases.add("linear", llama, t.LlamaConfig(**WIDE, rope_parameters=dict(LINEAR)))
    cases.add("dynamic", llama, t.LlamaConfig(**WIDE, rope_parameters=dict(LINEAR, rope_type="dynamic")))
    cases.add("yarn", llama, t.LlamaConfig(**WIDE, rope_parameters=dict(YARN)))
    cases.add("yarn, mscale", llama, t.LlamaConfig(
        **WIDE, rope_parameters=dict(YARN, mscale=0.7, mscale_all_dim=1.1, beta_fast=16, beta_slow=2)))
    cases.add("yarn, not truncated", llama, t.LlamaConfig(
        **WIDE, rope_parameters=dict(YARN, truncate=False, attention_factor=1.3)))
    cases.add("llama, little said", llama, t.LlamaConfig(**BASE), lambda c: old_rope(
        c, ("head_dim", "rope_theta", "rms_norm_eps", "attention_bias", "mlp_bias", "hidden_act")))
    cases.add("mistral", mistral, t.MistralConfig(**BASE, sliding_window=16))
    cases.add("mistral, no window", mistral, t.MistralConfig(**BASE, sliding_window=None))
    cases.add("mistral, all in the window", mistral, t.MistralConfig(**BASE), old_rope)
    cases.add("qwen2", qwen2, t.Qwen2Config(**BASE))
    windows = dict(use_sliding_window=True, sliding_window=16)
    cases.add("qwen2, window", qwen2, t.Qwen2Config(**BASE, **windows, max_window_layers=1))
    cases.add("qwen2, window, old", qwen2, t.Qwen2Config(**BASE, **windows, max_window_layers=1),
              lambda c: old_rope(c, ("layer_types",)))
    cases.add("qwen2, window not used", qwen2, t.Qwen2Config(**BASE), lambda c: old_rope(
        c, ("layer_types",), sliding_window=131072, use_sliding_window=False, max_window_layers=1))
    cases.add("qwen2, layer types", qwen2, t.Qwen2Config(
        **BASE, **windows, layer_types=["sliding_attention", "full_attention"]))
    cases.add("qwen2, yarn, old", qwen2, t.Qwen2Config(**WIDE, rope_parameters=dict(YARN)), old_rope)
    cases.add("qwen3", qwen3, t.Qwen3Config(**dict(BASE, head_dim=8)))
    cases.add("qwen3, window", qwen3, t.Qwen3Config(**dict(BASE, head_dim=8), **windows, max_window_layers=1))
    cases.add("phi3", phi3, t.Phi3Config(**PHI3))
    cases.add("phi3, window", phi3, t.Phi3Config(**PHI3, sliding_window=20))
    two = dict(PHI3, num_attention_heads=2)
    cases.add("phi3, longrope", phi3, t.Phi3Config(
        **two, original_max_position_embeddings=64, rope_parameters=json.loads(json.dumps(LONG))))
    cases.add("phi3, longrope, old", phi3, t.Phi3Config(
        **two, original_max_position_embeddings=64, rope_parameters=json.loads(json.dumps(LONG))), old_rope)

    def su(config):
        old_rope(config)
        config["rope_scaling"] = {"type": "su", "short_factor": LONG["short_factor"], "long_factor": LONG["long_factor"]}
    cases.add("phi3, su", phi3, t.Phi3Config(
        **two, original_max_position_embeddings=64, rope_parameters=json.loads(json.dumps(LONG))), su, reload=False)
    cases.add("phi3, partial", phi3, t.Phi3Config(
        **two, rope_parameters={"rope_type": "default", "rope_theta": 1e4, "partial_rotary_factor": 0.5}))
    cases.add("gemma3", gemma3, t.Gemma3TextConfig(**GEMMA))
    cases.add("gemma3, caps", gemma3, t.Gemma3TextConfig(
        **GEMMA, final_logit_softcapping=30.0, query_pre_attn_scalar=24))

    def linear():
        return {"full_attention": {"rope_type": "linear", "factor": 8.0, "rope_theta": 5e5},
                "sliding_attention": {"rope_type": "default", "rope_theta": 2e4}}
    cases.add("gemma3, linear", gemma3, t.Gemma3TextConfig(**GEMMA, rope_parameters=linear()))
    cases.add("gemma3, linear, old", gemma3, t.Gemma3TextConfig(**GEMMA, rope_parameters=linear()), old_rope)
    cases.add("gemma3, untied", gemma3, t.Gemma3TextConfig(**GEMMA, tie_word_embeddings=False))
    cases.add("gemma3, multimodal", t.Gemma3ForConditionalGeneration, t.Gemma3Config(
        text_config=dict(GEMMA, model_type="gemma3_text"), vision_config=VISION, mm_tokens_per_image=4,
        image_token_index=23, boi_token_index=22, eoi_token_index=21))


def encoders(cases):
    t = transformers

    def add(name, kind, config, **arguments):
        cases.add(name, kind, config, wanted=wanted_encoder, **arguments)
    add("bert", t.BertModel, t.BertConfig(**ENCODER))
    add("bert, no pooler", t.BertModel, t.BertConfig(**ENCODER), add_pooling_layer=False)
    add("bert, masked", t.BertForMaskedLM, t.BertConfig(**ENCODER))
    add("bert, classes", t.BertForSequenceClassification, t.BertConfig(**ENCODER))
    add("roberta", t.RobertaModel, t.RobertaConfig(**ENCODER))
    add("roberta, masked", t.RobertaForMaskedLM, t.RobertaConfig(**ENCODER, type_vocab_size=1))
    add("roberta, padding 0", t.RobertaModel, t.RobertaConfig(**ENCODER, pad_token_id=0))
    add("xlm-roberta", t.XLMRobertaModel, t.XLMRobertaConfig(**ENCODER, type_vocab_size=1))


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    torch.manual_seed(0)
    cases = Cases()
    decoders(cases)
    encoders(cases)
    compact = {"separators": (",", ":")}
    with open(sys.argv[1], "w") as out:
        out.write('{"tensors":[\n' + ",\n".join(json.dumps(t, **compact) for t in cases.tensors) + '\n],"cases":[\n' +
                  ",\n".join(json.dumps(c, **compact) for c in cases.cases) + "\n]}\n")


if __name__ == "__main__":
    main()
