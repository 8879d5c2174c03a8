"""The reference decoders of the engine's golden files: a GGUF, dequantised by the `gguf` package, in
transformers' LlamaForCausalLM or Qwen2ForCausalLM with eager attention and f32 arithmetic."""

import hashlib

import gguf
import tokenizers
import torch
import transformers
from gguf.quants import dequantize

NAMES = {
    "token_embd.weight": "model.embed_tokens.weight",
    "output_norm.weight": "model.norm.weight",
    "output.weight": "lm_head.weight",
}
LAYER_NAMES = {
    "attn_norm": "input_layernorm",
    "ffn_norm": "post_attention_layernorm",
    "attn_q": "self_attn.q_proj",
    "attn_k": "self_attn.k_proj",
    "attn_v": "self_attn.v_proj",
    "attn_output": "self_attn.o_proj",
    "ffn_gate": "mlp.gate_proj",
    "ffn_up": "mlp.up_proj",
    "ffn_down": "mlp.down_proj",
}
CLASSES = {
    "llama": (transformers.LlamaConfig, transformers.LlamaForCausalLM),
    "qwen2": (transformers.Qwen2Config, transformers.Qwen2ForCausalLM),
}


def parameter_name(name):
    if name in NAMES:
        return NAMES[name]
    _, layer, what, kind = name.split(".")
    return f"model.layers.{layer}.{LAYER_NAMES[what]}.{kind}"


def unpermute(w, heads):
    """Rows as stored for interleaved rotary -> rows for rotary over two halves."""
    return w.reshape(heads, w.shape[0] // heads // 2, 2, -1).swapaxes(1, 2).reshape(w.shape)


class Reference:
    def __init__(self, path):
        self.path = path
        reader = gguf.GGUFReader(path)
        self.get = lambda key: reader.fields[key].contents() if key in reader.fields else None
        arch = self.get("general.architecture")
        of = lambda key: self.get(f"{arch}.{key}")
        heads, kv_heads = of("attention.head_count"), of("attention.head_count_kv")
        tensors = {t.name: t for t in reader.tensors}
        tied = "output.weight" not in tensors
        make_config, make_model = CLASSES[arch]
        config = make_config(
            vocab_size=int(tensors["token_embd.weight"].shape[1]),
            hidden_size=of("embedding_length"),
            intermediate_size=of("feed_forward_length"),
            num_hidden_layers=of("block_count"),
            num_attention_heads=heads,
            num_key_value_heads=kv_heads,
            max_position_embeddings=of("context_length"),
            rms_norm_eps=of("attention.layer_norm_rms_epsilon"),
            rope_parameters={"rope_type": "default", "rope_theta": of("rope.freq_base")},
            tie_word_embeddings=tied,
            bos_token_id=None,
            eos_token_id=None,
            pad_token_id=None,
            attn_implementation="eager",
        )
        state = {}
        for name, t in tensors.items():
            w = dequantize(t.data, t.tensor_type).reshape([int(d) for d in reversed(t.shape)])
            if arch == "llama" and (".attn_q." in name or ".attn_k." in name):
                w = unpermute(w, heads if ".attn_q." in name else kv_heads)
            state[parameter_name(name)] = torch.from_numpy(w.copy()).float()
        if tied:
            state["lm_head.weight"] = state["model.embed_tokens.weight"]
        with torch.device("meta"):
            self.model = make_model(config)
        self.model = self.model.to_empty(device="cpu").float()
        self.model.model.rotary_emb = type(self.model.model.rotary_emb)(config)
        self.model.load_state_dict(state)
        self.model.tie_weights()
        self.model.eval()
        self.model.generation_config = transformers.GenerationConfig(do_sample=False)

    def tokenizer(self):
        """Good enough to make ids out of text; the tokenizer's own golden files are elsewhere."""
        vocab = {t: i for i, t in enumerate(self.get("tokenizer.ggml.tokens"))}
        merges = [tuple(m.split(" ")) for m in self.get("tokenizer.ggml.merges")]
        tok = tokenizers.Tokenizer(tokenizers.models.BPE(vocab, merges))
        tok.pre_tokenizer = tokenizers.pre_tokenizers.ByteLevel(add_prefix_space=False)
        return tok

    @torch.no_grad()
    def logprobs(self, ids):
        """[len(ids), vocab] log-probabilities, f32."""
        return torch.log_softmax(self.model(torch.tensor([ids])).logits[0].float(), -1)

    @torch.no_grad()
    def generate(self, ids, new, **options):
        """(ids, the least gap between the best and second-best score of any step)"""
        out = self.model.generate(
            torch.tensor([ids]), attention_mask=torch.ones(1, len(ids), dtype=torch.long),
            max_new_tokens=new, do_sample=False, output_scores=True, return_dict_in_generate=True,
            pad_token_id=0, **options)
        gaps = [float(-torch.diff(torch.topk(s[0], 2).values)) for s in out.scores]
        return out.sequences[0, len(ids):].tolist(), min(gaps)

    @torch.no_grad()
    def beam(self, ids, new, beams, eos):
        """(ids of the best beam without the eos, its score, its lead over the second)"""
        out = self.model.generate(
            torch.tensor([ids]), attention_mask=torch.ones(1, len(ids), dtype=torch.long),
            max_new_tokens=new, do_sample=False, num_beams=beams, num_return_sequences=2,
            length_penalty=1.0, early_stopping=False, eos_token_id=eos, pad_token_id=0,
            output_scores=True, return_dict_in_generate=True)
        best = out.sequences[0, len(ids):].tolist()
        if eos is not None and eos in best:
            best = best[:best.index(eos)]
        scores = out.sequences_scores
        return best, float(scores[0]), float(scores[0] - scores[1])


def sha256(path):
    h = hashlib.sha256()
    with open(path, "rb") as f:
        while block := f.read(1 << 20):
            h.update(block)
    return h.hexdigest()


def made_with():
    return (f"transformers {transformers.__version__}, torch {torch.__version__.split('+')[0]}, "
            "gguf package, f32, eager attention")
