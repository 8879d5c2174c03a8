"""The reference tokenizers: Hugging Face `tokenizers` with a GGUF's vocabulary and merges and the original
pipelines (a GGUF names them only: tokenizer.ggml.pre).
needs: pip install tokenizers==0.23.* gguf"""
import gguf
from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers

QWEN2 = (r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*"
         r"|\s*[\r\n]+|\s+(?!\S)|\s+")


class Reference:
    """tok: special tokens recognised; plain: they are text like any other."""

    def __init__(self, path):
        fields = gguf.GGUFReader(path).fields
        get = lambda key: fields["tokenizer.ggml." + key].contents()
        self.tokens, self.types, self.pre = get("tokens"), get("token_type"), get("pre")
        self.template = fields["tokenizer.chat_template"].contents()
        merges = [tuple(m.split(" ")) for m in get("merges")]
        tok = Tokenizer(models.BPE(vocab={s: i for i, s in enumerate(self.tokens)}, merges=merges))
        if self.pre == "smollm":
            tok.pre_tokenizer = pre_tokenizers.Sequence([
                pre_tokenizers.Digits(individual_digits=True),
                pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True)])
        elif self.pre == "qwen2":
            tok.normalizer = normalizers.NFC()
            tok.pre_tokenizer = pre_tokenizers.Sequence([
                pre_tokenizers.Split(Regex(QWEN2), "isolated"),
                pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)])
        else:
            raise SystemExit(f"{path}: pre {self.pre}?")
        tok.decoder = decoders.ByteLevel()
        self.plain = Tokenizer.from_str(tok.to_str())
        self.added = [s for s, kind in zip(self.tokens, self.types) if kind in (3, 4)]
        tok.add_tokens([AddedToken(s, special=kind == 3, normalized=False)
                        for s, kind in zip(self.tokens, self.types) if kind in (3, 4)])
        self.tok = tok

    def encode(self, text, plain=False):
        return (self.plain if plain else self.tok).encode(text, add_special_tokens=False).ids

    def decode(self, ids, skip_special):
        return self.tok.decode(ids, skip_special_tokens=skip_special)
