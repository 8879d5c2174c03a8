#!/usr/bin/env python3
"""Writes a tiny decoder with random weights for every family, as a Hugging Face folder (and some as
a GGUF beside it), with what transformers computes on it in f32.

usage: make_families.py FOLDER [NAME...]   FOLDER/NAME/{config.json, *.safetensors, golden.json},
                                           FOLDER/NAME.gguf
(needs torch, transformers 5, gguf; see tools/golden/requirements.txt)

Prompts are drawn again until every greedy step has a clear winner (MIN_GAP), so that sums in another
order cannot change an id.
"""
import json
import pathlib
import shutil
import sys

import gguf
import numpy
import torch
import transformers

MIN_GAP, NEW, VOCAB = 5e-3, 16, 300
LENGTHS = [1, 7, 33, 90, 300]
COMMON = dict(vocab_size=VOCAB, bos_token_id=None, eos_token_id=None, pad_token_id=None,
              max_position_embeddings=512, attn_implementation="eager")
SMALL = dict(hidden_size=64, intermediate_size=64, num_hidden_layers=2, num_attention_heads=4,
             num_key_value_heads=2, head_dim=16)
PHI3 = dict(hidden_size=64, intermediate_size=48, num_hidden_layers=2, num_attention_heads=2,
            num_key_value_heads=1, sliding_window=None, tie_word_embeddings=False)

GEMMA3 = dict(intermediate_size=48, num_attention_heads=2, num_key_value_heads=1, sliding_window=16,
              tie_word_embeddings=True, rope_parameters={
                  "full_attention": {"rope_type": "linear", "rope_theta": 1e6, "factor": 8.0},
                  "sliding_attention": {"rope_type": "default", "rope_theta": 10000.0}})


def long_rope(pairs, original):
    return {"rope_type": "longrope", "rope_theta": 10000.0, "partial_rotary_factor": pairs / 16,
            "short_factor": [1 + 0.1 * i for i in range(pairs)],
            "long_factor": [2 + 0.5 * i for i in range(pairs)],
            "original_max_position_embeddings": original}


# name -> family's class, options, [largest shard]
MODELS = {
    "llama3": ("Llama", SMALL | dict(
        tie_word_embeddings=True, rope_parameters={
            "rope_type": "llama3", "rope_theta": 10000.0, "factor": 8.0, "low_freq_factor": 1.0,
            "high_freq_factor": 4.0, "original_max_position_embeddings": 64}), "60KB"),
    # Widths that are no multiples of 16, and linear scaling.
    "llama-odd": ("Llama", dict(
        hidden_size=60, intermediate_size=52, num_hidden_layers=2, num_attention_heads=5,
        num_key_value_heads=1, head_dim=12, tie_word_embeddings=False, attention_bias=False,
        rope_parameters={"rope_type": "linear", "rope_theta": 10000.0, "factor": 4.0})),
    "qwen2": ("Qwen2", SMALL | dict(tie_word_embeddings=True, rope_parameters={
        "rope_type": "default", "rope_theta": 1e6})),
    "qwen2-window": ("Qwen2", SMALL | dict(
        num_hidden_layers=3, tie_word_embeddings=True, use_sliding_window=True, sliding_window=24,
        max_window_layers=1, rope_parameters={"rope_type": "default", "rope_theta": 1e6})),
    "qwen3": ("Qwen3", SMALL | dict(
        head_dim=24, tie_word_embeddings=True,
        rope_parameters={"rope_type": "default", "rope_theta": 1e6})),
    "mistral": ("Mistral", SMALL | dict(
        head_dim=8, sliding_window=20, tie_word_embeddings=False,
        rope_parameters={"rope_type": "default", "rope_theta": 10000.0})),
    # 90 tokens and 16 more are beyond the short factors.
    "phi3": ("Phi3", PHI3 | dict(rope_parameters=long_rope(8, 100),
                                 original_max_position_embeddings=100)),
    "phi3-window": ("Phi3", PHI3 | dict(sliding_window=30, rope_parameters={
        "rope_type": "default", "rope_theta": 10000.0, "partial_rotary_factor": 0.75})),
    "gemma3": ("Gemma3", GEMMA3 | dict(
        hidden_size=32, num_hidden_layers=7, query_pre_attn_scalar=16, head_dim=16,
        final_logit_softcapping=20.0)),
    # What a GGUF cannot say. transformers reads attn_logit_softcapping but does not use it.
    "gemma3-options": ("Gemma3", GEMMA3 | dict(
        hidden_size=40, num_hidden_layers=3, query_pre_attn_scalar=30, head_dim=24,
        attn_logit_softcapping=2.0, final_logit_softcapping=None,
        layer_types=["sliding_attention", "full_attention", "sliding_attention"])),
}
CLASSES = {"Gemma3": ("Gemma3TextConfig", "Gemma3ForCausalLM")}
GGUFS = {"llama3": "llama", "mistral": "llama", "qwen3": "qwen3", "phi3": "phi3", "gemma3": "gemma3"}


def randomise(model, seed):
    """Spreads that make attention and gates matter and keep winners clear."""
    rng = torch.Generator().manual_seed(seed)
    draw = lambda p: torch.randn(p.shape, generator=rng)
    for name, p in model.named_parameters():
        if p.dim() == 1 and "bias" in name:
            value = 0.5 * draw(p)
        elif p.dim() == 1:  # Gemma's gains are 1 + w
            value = 0.3 * draw(p) + (0 if "Gemma3" in type(model).__name__ else 1)
        elif "embed_tokens" in name or "lm_head" in name:
            value = draw(p) * 3.0 / p.shape[1] ** 0.5
        else:
            value = draw(p) * 1.5 / p.shape[1] ** 0.5
        p.data = value.to(torch.bfloat16).float()


def make(name):
    family, options = MODELS[name][:2]
    config_name, model_name = CLASSES.get(family, (family + "Config", family + "ForCausalLM"))
    config = getattr(transformers, config_name)(**(COMMON | options))
    model = getattr(transformers, model_name)(config).float().eval()
    randomise(model, sum(name.encode()))
    model.tie_weights()
    model.generation_config = transformers.GenerationConfig(do_sample=False)
    return model


@torch.no_grad()
def answer(model, length, seed):
    for attempt in range(100):
        rng = torch.Generator().manual_seed(1000 * seed + attempt)
        ids = torch.randint(0, VOCAB, (1, length), generator=rng)
        out = model.generate(ids, attention_mask=torch.ones_like(ids), max_new_tokens=NEW,
                             do_sample=False, output_logits=True, return_dict_in_generate=True,
                             pad_token_id=0)
        gap = min(float(-torch.diff(torch.topk(s[0], 2).values)) for s in out.logits)
        if gap > MIN_GAP:
            break
    else:
        sys.exit(f"no prompt of {length} tokens has a gap above {MIN_GAP}")
    logits = model(ids).logits[0].float()
    nll = torch.nn.functional.cross_entropy(logits[:-1], ids[0, 1:]) if length > 1 else 0
    return {
        "ids": ids[0].tolist(), "greedy": out.sequences[0, length:].tolist(),
        "min_gap": round(gap, 5), "nll": round(float(nll), 6),
        "logits": [round(float(v), 5) for v in logits[-1]],
        "last_logits": [round(float(v), 5) for v in out.logits[-1][0]],
    }


@torch.no_grad()
def beam(model, length, seed, beams=4):
    for attempt in range(100):
        rng = torch.Generator().manual_seed(1000 * seed + attempt)
        ids = torch.randint(0, VOCAB, (1, length), generator=rng)
        out = model.generate(ids, attention_mask=torch.ones_like(ids), max_new_tokens=NEW,
                             do_sample=False, num_beams=beams, num_return_sequences=2,
                             early_stopping=False, output_scores=True,
                             return_dict_in_generate=True, pad_token_id=0)
        if float(out.sequences_scores[0] - out.sequences_scores[1]) > MIN_GAP / NEW:
            return {"ids": ids[0].tolist(), "beams": beams,
                    "best": out.sequences[0, length:].tolist()}
    sys.exit(f"no beams over {length} tokens have a clear winner")


def save(model, folder, shard):
    shutil.rmtree(folder, ignore_errors=True)
    model.to(torch.bfloat16).save_pretrained(folder, max_shard_size=shard)
    model.float()
    (folder / "generation_config.json").unlink(missing_ok=True)


def permute(w, heads):
    """Rows for rotary over two halves -> rows for interleaved rotary (as llama.cpp stores llama)."""
    return w.reshape(heads, 2, w.shape[0] // heads // 2, -1).swapaxes(1, 2).reshape(w.shape)


LAYER = {
    "input_layernorm": "attn_norm", "self_attn.q_proj": "attn_q", "self_attn.k_proj": "attn_k",
    "self_attn.v_proj": "attn_v", "self_attn.qkv_proj": "attn_qkv", "self_attn.q_norm": "attn_q_norm",
    "self_attn.k_norm": "attn_k_norm", "self_attn.o_proj": "attn_output", "mlp.gate_proj": "ffn_gate",
    "mlp.up_proj": "ffn_up", "mlp.gate_up_proj": "ffn_up", "mlp.down_proj": "ffn_down",
    "post_attention_layernorm": "ffn_norm",
}
GEMMA = {"post_attention_layernorm": "post_attention_norm", "pre_feedforward_layernorm": "ffn_norm",
         "post_feedforward_layernorm": "post_ffw_norm"}
WHOLE = {"model.embed_tokens.weight": "token_embd.weight", "model.norm.weight": "output_norm.weight",
         "lm_head.weight": "output.weight"}


def gguf_name(name, arch):
    if name in WHOLE:
        return WHOLE[name]
    _, _, layer, rest = name.split(".", 3)
    what, kind = rest.rsplit(".", 1)
    return f"blk.{layer}.{(LAYER | (GEMMA if arch == 'gemma3' else {}))[what]}.{kind}"


def write_gguf(model, path, arch):
    c = model.config
    w = gguf.GGUFWriter(path, arch)
    w.add_name(path.stem)
    w.add_file_type(gguf.LlamaFileType.MOSTLY_BF16)
    w.add_block_count(c.num_hidden_layers)
    w.add_context_length(c.max_position_embeddings)
    w.add_embedding_length(c.hidden_size)
    w.add_feed_forward_length(c.intermediate_size)
    w.add_head_count(c.num_attention_heads)
    w.add_head_count_kv(c.num_key_value_heads)
    w.add_layer_norm_rms_eps(c.rms_norm_eps)
    w.add_vocab_size(c.vocab_size)
    dim = getattr(c, "head_dim", None) or c.hidden_size // c.num_attention_heads
    if arch != "phi3":
        w.add_key_length(dim)
        w.add_value_length(dim)
    rope = c.rope_parameters
    if arch == "gemma3":
        w.add_sliding_window(c.sliding_window)
        w.add_final_logit_softcapping(c.final_logit_softcapping)
        w.add_rope_scaling_type(gguf.RopeScalingType.LINEAR)
        w.add_rope_scaling_factor(rope["full_attention"]["factor"])
        rope = rope["full_attention"]
    w.add_rope_freq_base(rope["rope_theta"])
    if arch == "llama":
        w.add_rope_dimension_count(dim)
        if rope["rope_type"] == "llama3":
            w.add_tensor("rope_freqs.weight", llama3_factors(c))
        else:
            w.add_sliding_window(c.sliding_window)
    if arch == "phi3":
        original = rope["original_max_position_embeddings"]
        scale = c.max_position_embeddings / original
        w.add_rope_dimension_count(int(dim * rope["partial_rotary_factor"]))
        w.add_rope_scaling_orig_ctx_len(original)
        w.add_rope_scaling_attn_factors((1 + numpy.log(scale) / numpy.log(original)) ** 0.5)
        for kind in ("long", "short"):
            w.add_tensor(f"rope_factors_{kind}.weight",
                         numpy.array(rope[f"{kind}_factor"], dtype=numpy.float32))
    for name, p in model.named_parameters():
        to = gguf_name(name, arch)
        x = p.detach().float().numpy()
        if arch == "llama" and (".attn_q." in to or ".attn_k." in to):
            x = permute(x, c.num_attention_heads if ".attn_q." in to else c.num_key_value_heads)
        if x.ndim == 1:
            w.add_tensor(to, x + 1 if arch == "gemma3" else x)
        else:
            kind = gguf.GGMLQuantizationType.BF16
            w.add_tensor(to, gguf.quants.quantize(x, kind), raw_dtype=kind)
    w.write_header_to_file()
    w.write_kv_data_to_file()
    w.write_tensors_to_file()
    w.close()


def llama3_factors(c):
    """What each pair's frequency is divided by."""
    plain = 1.0 / c.rope_parameters["rope_theta"] ** (numpy.arange(0, c.head_dim, 2) / c.head_dim)
    scaled, _ = transformers.modeling_rope_utils.ROPE_INIT_FUNCTIONS["llama3"](c, "cpu")
    return (plain / scaled.numpy()).astype(numpy.float32)


def write(folder, name):
    model = make(name)
    golden = {"made_with": f"transformers {transformers.__version__}, torch "
                           f"{torch.__version__.split('+')[0]}, f32, eager attention",
              "prompts": [answer(model, n, i) for i, n in enumerate(LENGTHS)],
              "beam": beam(model, 90, 77)}
    # Last: it rounds the model's frequencies, too.
    save(model, folder / name, (MODELS[name] + ("1GB",))[2])
    text = json.dumps(golden, separators=(",", ":"))
    (folder / name / "golden.json").write_text(text + "\n")
    if name in GGUFS:
        write_gguf(model, folder / f"{name}.gguf", GGUFS[name])
    for p in sorted([*(folder / name).iterdir(), *folder.glob(f"{name}.gguf")]):
        print(f"{p.relative_to(folder)}: {p.stat().st_size} bytes")


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    transformers.logging.set_verbosity_error()
    for name in sys.argv[2:] or MODELS:
        write(pathlib.Path(sys.argv[1]), name)
