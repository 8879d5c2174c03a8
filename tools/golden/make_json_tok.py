#!/usr/bin/env python3
"""Small tokenizer.json files that together have every component precis reads, and what they give.

make_json_tok.py train REPOSITORY tests/golden/text   trains json/NAME.json on the sources of REPOSITORY and
                                                      writes json/strings.jsonl
make_json_tok.py golden tests/golden/text             writes json/NAME.gold for each of them
make_json_tok.py real tests/golden/text NAME=TOKENIZER.json...
                                                      writes json/NAME.gold alone: of real models, which are
                                                      not here (gemma3-270m: as transformers converts the GGUF)
needs: pip install tokenizers==0.23.*

The strings are the texts of tok_encode.jsonl and of json/strings.jsonl ({"t": text} or {"x": bytes in hex}).
A .gold file has a line for every 8 strings: a hash of 5 hex digits for the ids of each, then one for their 16
decoded texts (hash_ids, hash_bytes say of what).
"""
import glob
import json
import os
import random
import sys
import unicodedata
from collections import Counter

import make_tok
from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "unicode"))
import charsmap  # noqa: E402

GROUP = 8
LLAMA3 = (r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+"
          r"|\s+(?!\S)|\s+")
CLIP = r"<\|startoftext\|>|<\|endoftext\|>|'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+"
SPELLED = ["<s>", "</s>", "<unk>", "<pad>", "<mask>", "[CLS]", "[SEP]", "[UNK]", "[MASK]", "<|endoftext|>",
           "<|begin_of_text|>", "<|eot_id|>", "<extra_id_0>", "<extra_id_1>", "<bos>", "<eos>", "<|startoftext|>",
           "Added", "ADDED", "added", "added word", "Été", "été", "ＡＢ", "AB", "don't", "x_y", "<0x41>", "▁", "##a",
           "</w>", "``", "''", "\u2581the", "<|user|>", "<|end|>", "tok", "Tok", "st\u0301op", "<B>", "<b>"]


# Strings and texts

def mutate(rng, text):
    for _ in range(rng.randrange(1, 4)):
        i, j = sorted(rng.randrange(len(text) + 1) for _ in range(2))
        piece = rng.choice([lambda: "", lambda: text[i:j] * 2, lambda: rng.choice(SPELLED), lambda: text[i:j].upper(),
                            lambda: rng.choice(make_tok.SPACES) * rng.randrange(1, 4), lambda: text[i:j][::-1],
                            lambda: chr(rng.choice([0x301, 0x200D, 0xFE0F, 0x300, 0x94D, 0x1F468, 0x3099, 0xFF9E, 0xFB01,
                                                    0xAD, 0x3000, 0x130, 0x1E9E, 0x3A3, 0xAC00, 0x1161, 0xFF21, 0xA9]))])()
        text = text[:i] + piece + text[j if rng.random() < 0.7 else i:]
    return text[:160]


def strings(lines, cats):
    rng, out = random.Random(20240608), []
    out += [rng.choice(lines)[:160] for _ in range(500)]
    out += ["".join(rng.choices(lines, k=rng.randrange(2, 4)))[:200] for _ in range(120)]
    out += ["".join(rng.choice(SPELLED + [" ", "  ", "\n", "a", "é", ".", "The", "_", "9"]) for _ in range(rng.randrange(1, 8)))
            for _ in range(420)]
    for base in SPELLED:
        out += [base, " " + base, base + " ", "  " + base + "  x", "a" + base, base + "a", base + base, base.lower(),
                base.upper(), "(" + base + ")", "x \t" + base + "\n\ny", unicodedata.normalize("NFD", base)]
    out.append("KB (1000 * b")  # two ways of equal score, but for the last bits of how the scores are read
    base = [t for make in (make_tok.scripts, make_tok.emoji, make_tok.combining, make_tok.code) for t in make(rng, cats)]
    out += [mutate(rng, rng.choice(rng.choice([base, lines, out[:400]]))) for _ in range(1500)]
    return list(dict.fromkeys(t for t in out if not any(0xD800 <= ord(c) < 0xE000 for c in t)))


def all_strings(folder):
    for name in ("tok_encode.jsonl", "json/strings.jsonl"):
        for line in open(os.path.join(folder, name), encoding="utf-8"):
            line = json.loads(line)
            if "r" not in line and "p" not in line:
                yield line["t"] if "t" in line else bytes.fromhex(line["x"]).decode("utf-8", "replace")


def hash_bytes(data):
    h = 2166136261
    for b in data:
        h = (h ^ b) * 16777619 & 0xFFFFFFFF
    return (h ^ h >> 20) & 0xFFFFF


def hash_ids(with_special, bare):
    """The ids as they come, 2^32 - 1, then the ids without special tokens and untruncated; each as 4 bytes."""
    return hash_bytes(b"".join(i.to_bytes(4, "little") for i in [*with_special, 0xFFFFFFFF, *bare]))


def write_golden(path, texts, out):
    tok, bare = Tokenizer.from_file(path), Tokenizer.from_file(path)
    tok.no_padding()
    bare.no_padding()
    bare.no_truncation()
    n = 0
    with open(out, "w") as f:
        for i in range(0, len(texts), GROUP):
            row, decoded = [], b""
            for text in texts[i : i + GROUP]:
                ids = tok.encode(text).ids
                n += len(ids)
                row.append(hash_ids(ids, bare.encode(text, add_special_tokens=False).ids))
                for skip in (True, False):
                    decoded += tok.decode(ids, skip_special_tokens=skip).encode() + b"\xff"
            f.write("".join("%05x" % h for h in [*row, hash_bytes(decoded)]) + "\n")
    print(os.path.basename(out), len(texts), "strings", n, "ids")


def golden(folder):
    texts = list(all_strings(folder))
    for path in sorted(glob.glob(os.path.join(folder, "json", "*.json"))):
        write_golden(path, texts, path[:-5] + ".gold")


def real(folder, *sources):
    texts = list(all_strings(folder))
    for name, path in (s.split("=", 1) for s in sources):
        write_golden(path, texts, os.path.join(folder, "json", name + ".gold"))


# The tokenizers

def nmt_nfkc(cats):
    """A part of SentencePiece's nmt_nfkc: what NFKC changes in the common blocks, spaces, controls."""
    out = {}
    blocks = [range(0xA0, 0x250), range(0x2000, 0x2190), range(0x2460, 0x2480), range(0x3000, 0x3004), range(0x3131, 0x3164),
              range(0xFB00, 0xFB07), range(0xFF01, 0xFFEF), range(0xF900, 0xF940), range(0x1D400, 0x1D430)]
    for c in (c for block in blocks for c in block):
        text = unicodedata.normalize("NFKC", chr(c))
        if text != chr(c):
            out[chr(c)] = text
    for base in "aeiouAEIOUn":
        for mark in "\u0300\u0301\u0302\u0303\u0308":
            out[base + mark] = unicodedata.normalize("NFKC", base + mark)
    for c in make_tok.SPACES:
        out[c] = " "
    for c in [*range(1, 9), 11, *range(14, 32), 127, 0xAD, 0x200B, 0x200C, 0x200E, 0xFEFF, 0x8F, 0x9F]:
        out[chr(c)] = ""
    out[" "] = " "
    del out[" "]
    return charsmap.build({k.encode(): v for k, v in out.items()})


def byte_alphabet():
    return pre_tokenizers.ByteLevel.alphabet()


def bpe(tok, texts, size, special, **options):
    alphabet = options.pop("alphabet", byte_alphabet())
    tok.train_from_iterator(texts, trainers.BpeTrainer(vocab_size=size, special_tokens=special, show_progress=False,
                                                       initial_alphabet=sorted(alphabet), limit_alphabet=max(300, len(alphabet)), **options))
    return tok


def seq(*parts):
    kind = {"normalizers": normalizers, "pre_tokenizers": pre_tokenizers, "decoders": decoders, "processors": processors}
    return kind[type(parts[0]).__module__.split(".")[-1]].Sequence(list(parts))


def template(tok, single, *names):
    return processors.TemplateProcessing(single=single, pair=None, special_tokens=[(n, tok.token_to_id(n)) for n in names])


def with_bytes(tok, **options):
    """The same with byte fallback: the 256 byte pieces behind the vocabulary."""
    data = json.loads(tok.to_str())
    model = data["model"]
    for b in range(256):
        name = "<0x%02X>" % b
        if isinstance(model["vocab"], dict):
            model["vocab"].setdefault(name, len(model["vocab"]))
        else:
            model["vocab"].append([name, 0.0])
    model.update(byte_fallback=True, **options)
    return Tokenizer.from_str(json.dumps(data))


def gpt2(x):
    tok = Tokenizer(models.BPE())
    tok.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    bpe(tok, x, 700, ["<|endoftext|>"])
    tok.post_processor, tok.decoder = processors.ByteLevel(trim_offsets=False), decoders.ByteLevel()
    return tok


def gpt2_prefix(x):
    tok = Tokenizer(models.BPE())
    tok.normalizer = normalizers.NFC()
    tok.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=True)
    bpe(tok, x, 500, ["<|endoftext|>", "<s>"])
    tok.post_processor, tok.decoder = template(tok, "<s>:0 $A:0 <|endoftext|>:1", "<s>", "<|endoftext|>"), decoders.ByteLevel()
    return tok


def roberta(x):
    tok = Tokenizer(models.BPE())
    tok.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=True, trim_offsets=True)
    bpe(tok, x, 600, ["<s>", "<pad>", "</s>", "<unk>"])
    tok.add_special_tokens([AddedToken("<mask>", lstrip=True, normalized=False)])
    tok.post_processor = processors.RobertaProcessing(("</s>", 2), ("<s>", 0), trim_offsets=True, add_prefix_space=True)
    tok.decoder = decoders.ByteLevel()
    tok.enable_truncation(24)
    return tok


def llama3(x):
    tok = Tokenizer(models.BPE())
    tok.pre_tokenizer = seq(pre_tokenizers.Split(Regex(LLAMA3), "isolated"), pre_tokenizers.ByteLevel(False, use_regex=False))
    bpe(tok, x, 600, [])
    data = json.loads(tok.to_str())
    vocab = data["model"]["vocab"]
    for word in ["Ġthe", "Ġreturn", "struct", "ĠNULL", "static", "Ġcontext", "Ġbuffer", "Été", "Ġ====", "ĊĊĊ", "getĠ"]:
        vocab.setdefault(word, len(vocab))
    data["model"]["ignore_merges"] = True
    tok = Tokenizer.from_str(json.dumps(data))
    tok.add_special_tokens(["<|begin_of_text|>", "<|eot_id|>", "<|endoftext|>"])
    tok.post_processor = seq(processors.ByteLevel(trim_offsets=False), template(tok, "<|begin_of_text|> $A", "<|begin_of_text|>"))
    tok.decoder = decoders.ByteLevel()
    return tok


def llama2_base(x, size, normalizer, pre=None):
    tok = Tokenizer(models.BPE(unk_token="<unk>", fuse_unk=True, byte_fallback=True))
    if normalizer:
        tok.normalizer = normalizer
    tok.pre_tokenizer = pre or pre_tokenizers.Split("\n", "merged_with_previous")
    bpe(tok, x, size, ["<unk>", "<s>", "</s>"], alphabet=set("abcdefghijklmnopqrstuvwxyz▁"))
    return with_bytes(tok)


def llama2(x):
    tok = llama2_base(x, 500, seq(normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")))
    data = json.loads(tok.to_str())
    data["pre_tokenizer"] = None
    tok = Tokenizer.from_str(json.dumps(data))
    tok.add_special_tokens([AddedToken("<s>", normalized=False), AddedToken("</s>", normalized=False)])
    tok.add_tokens([AddedToken("<|user|>", rstrip=True, normalized=False), AddedToken("<|end|>", rstrip=True, normalized=False)])
    tok.post_processor = template(tok, "<s> $A", "<s>")
    tok.decoder = seq(decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0))
    return tok


def llama2_first(x):
    tok = llama2_base(x, 450, None, pre_tokenizers.Metaspace("▁", "first", split=False))
    tok.post_processor = template(tok, "<s> $A </s>", "<s>", "</s>")
    tok.decoder = seq(decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0))
    return tok


def gemma(x):
    tok = llama2_base(x, 500, normalizers.Replace(" ", "▁"), pre_tokenizers.Split(" ", "merged_with_previous"))
    tok.add_special_tokens(["<bos>", "<eos>"])
    tok.post_processor = template(tok, "<bos> $A", "<bos>")
    tok.decoder = seq(decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse())
    return tok


def clip(x):
    tok = Tokenizer(models.BPE(unk_token="<|endoftext|>", end_of_word_suffix="</w>", continuing_subword_prefix=""))
    tok.normalizer = seq(normalizers.NFC(), normalizers.Replace(Regex(r"\s+"), " "), normalizers.Lowercase())
    tok.pre_tokenizer = seq(pre_tokenizers.Split(Regex(CLIP), "removed", invert=True), pre_tokenizers.ByteLevel(False))
    bpe(tok, x, 700, ["<|startoftext|>", "<|endoftext|>"], end_of_word_suffix="</w>")
    tok.post_processor = processors.RobertaProcessing(("<|endoftext|>", 1), ("<|startoftext|>", 0), trim_offsets=False,
                                                      add_prefix_space=False)
    tok.decoder = decoders.ByteLevel()
    return tok


def gpt1(x):
    tok = Tokenizer(models.BPE(unk_token="<unk>", fuse_unk=False, end_of_word_suffix="</w>"))
    tok.normalizer = normalizers.BertNormalizer(clean_text=True, handle_chinese_chars=False, strip_accents=True, lowercase=False)
    tok.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    bpe(tok, x, 500, ["<unk>"], alphabet=set(), end_of_word_suffix="</w>")
    tok.decoder = decoders.BPEDecoder("</w>")
    return tok


def bpe_prefix(x):
    tok = Tokenizer(models.BPE(unk_token="[UNK]", fuse_unk=True, continuing_subword_prefix="##"))
    tok.normalizer = seq(normalizers.NFKD(), normalizers.Strip(True, False))
    tok.pre_tokenizer = pre_tokenizers.Whitespace()
    bpe(tok, x, 500, ["[UNK]"], alphabet=set(), continuing_subword_prefix="##")
    tok.decoder = decoders.WordPiece("##", cleanup=False)
    return tok


def wordpiece(x, size, **options):
    tok = Tokenizer(models.WordPiece(unk_token="[UNK]", max_input_chars_per_word=options.pop("max_chars", 100)))
    tok.normalizer = normalizers.BertNormalizer(**options)
    tok.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tok.train_from_iterator(x, trainers.WordPieceTrainer(vocab_size=size, special_tokens=["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"],
                                                         show_progress=False, limit_alphabet=220))
    return tok


def bert_uncased(x):
    tok = wordpiece(x, 800, clean_text=True, handle_chinese_chars=True, strip_accents=None, lowercase=True)
    tok.post_processor = template(tok, "[CLS] $A [SEP]", "[CLS]", "[SEP]")
    tok.decoder = decoders.WordPiece("##", cleanup=True)
    tok.enable_truncation(32)
    tok.enable_padding(length=32)
    return tok


def bert_cased(x):
    tok = wordpiece(x, 700, clean_text=False, handle_chinese_chars=True, strip_accents=False, lowercase=False, max_chars=12)
    tok.post_processor = processors.BertProcessing(("[SEP]", 3), ("[CLS]", 2))
    tok.decoder = decoders.WordPiece("##", cleanup=False)
    tok.enable_truncation(16, direction="left")
    return tok


def common(texts, n):
    """The texts without all characters but the n most frequent: a Unigram vocabulary must hold them all."""
    count = Counter("".join(texts))
    keep = {c for c, _ in count.most_common(n)}
    return ["".join(c for c in t if c in keep) for t in texts]


def unigram(x, size, special, unk, normalizer, pre):
    tok = Tokenizer(models.Unigram())
    tok.normalizer, tok.pre_tokenizer = normalizer, pre
    tok.train_from_iterator(common(x, 130), trainers.UnigramTrainer(vocab_size=size, special_tokens=special, unk_token=unk, show_progress=False))
    return tok


def t5(x, spm):
    tok = unigram(x, 600, ["<pad>", "</s>", "<unk>"], "<unk>", normalizers.Precompiled(spm), pre_tokenizers.Metaspace("▁", "always", True))
    tok.add_special_tokens([AddedToken("<extra_id_0>", normalized=False), AddedToken("<extra_id_1>", normalized=True)])
    tok.post_processor, tok.decoder = template(tok, "$A </s>", "</s>"), decoders.Metaspace("▁", "always", True)
    return tok


def albert(x, spm):
    norm = seq(normalizers.Replace("``", '"'), normalizers.Replace("''", '"'), normalizers.NFKD(), normalizers.StripAccents(),
               normalizers.Lowercase(), normalizers.Precompiled(spm), normalizers.Replace(Regex(" {2,}"), " "))
    tok = unigram(x, 600, ["<pad>", "<unk>", "[CLS]", "[SEP]"], "<unk>", norm, pre_tokenizers.Metaspace())
    tok.add_special_tokens([AddedToken("[MASK]", lstrip=True, normalized=False)])
    tok.post_processor, tok.decoder = template(tok, "[CLS]:0 $A:0 [SEP]:0", "[CLS]", "[SEP]"), decoders.Metaspace()
    return tok


def xlmr(x, spm):
    norm = seq(normalizers.Precompiled(spm), normalizers.Strip(False, True), normalizers.Replace(Regex(" {2,}"), "▁"))
    tok = unigram(x, 600, ["<s>", "<pad>", "</s>", "<unk>"], "<unk>", norm, pre_tokenizers.Metaspace("▁", "first", True))
    tok.add_special_tokens([AddedToken("<mask>", lstrip=True)])
    tok.post_processor, tok.decoder = template(tok, "<s> $A </s>", "<s>", "</s>"), decoders.Metaspace("▁", "first", True)
    return tok


def unigram_bytes(x):
    tok = unigram(x, 400, ["<unk>", "<bos>", "<eos>"], "<unk>", normalizers.Replace(" ", "▁"), pre_tokenizers.Split("▁", "merged_with_next"))
    tok = with_bytes(tok)
    tok.pre_tokenizer = pre_tokenizers.Metaspace("▁", "never", False)
    tok.post_processor = template(tok, "<bos> $A", "<bos>")
    tok.decoder = seq(decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse())
    return tok


def wordlevel(x):
    tok = Tokenizer(models.WordLevel(unk_token="<unk>"))
    tok.normalizer = seq(normalizers.Strip(True, True), normalizers.NFD(), normalizers.StripAccents(), normalizers.Lowercase())
    tok.pre_tokenizer = seq(pre_tokenizers.Whitespace(), pre_tokenizers.Punctuation("isolated"))
    tok.train_from_iterator(x, trainers.WordLevelTrainer(vocab_size=600, special_tokens=["<unk>", "<s>"], show_progress=False))
    tok.enable_truncation(12, stride=2)
    return tok


def starcoder(x):
    tok = Tokenizer(models.BPE())
    tok.pre_tokenizer = seq(pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(False, use_regex=True))
    bpe(tok, x, 500, ["<|endoftext|>"])
    tok.post_processor, tok.decoder = processors.ByteLevel(), decoders.ByteLevel()
    return tok


def deepseek(x):
    tok = Tokenizer(models.BPE())
    tok.normalizer = normalizers.Sequence([])
    tok.pre_tokenizer = seq(*(pre_tokenizers.Split(Regex(p), "isolated") for p in
                              [r"[\r\n]", r"\s?\p{L}+", r"\s?\p{P}+", "[一-龥ࠀ-一가-퟿]+"]),
                            pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(False, use_regex=False))
    bpe(tok, x, 500, ["<s>", "</s>"])
    tok.post_processor, tok.decoder = template(tok, "<s> $A", "<s>"), decoders.ByteLevel()
    return tok


SPLITS = {
    "isolated": (normalizers.NFD(), pre_tokenizers.Split(Regex(r"[aeiou]+|\d"), "isolated", invert=True), True),
    "removed": (normalizers.NFKC(), pre_tokenizers.Split("the", "removed"), False),
    "merged_with_previous": (normalizers.NFKD(), pre_tokenizers.Split(Regex(r"\s+"), "merged_with_previous"), False),
    "merged_with_next": (normalizers.StripAccents(), pre_tokenizers.Split(Regex(r"[A-Z]|_"), "merged_with_next"), True),
    "contiguous": (normalizers.Replace(Regex("(a|e)+"), "é"), pre_tokenizers.Split(Regex(r"\w"), "contiguous", invert=True), False),
}


def splits(x, behavior):
    norm, split, individual = SPLITS[behavior]
    tok = Tokenizer(models.BPE())
    tok.normalizer = norm
    tok.pre_tokenizer = seq(split, pre_tokenizers.Punctuation(behavior), pre_tokenizers.Digits(individual),
                            pre_tokenizers.ByteLevel(False, use_regex=False))
    bpe(tok, x, 380, [])
    tok.decoder = decoders.ByteLevel()
    return tok


def added(x):
    tok = Tokenizer(models.BPE())
    tok.normalizer = seq(normalizers.NFKC(), normalizers.Lowercase())
    tok.pre_tokenizer = pre_tokenizers.ByteLevel(False)
    bpe(tok, x, 350, [])
    for i, content in enumerate(["Added", "added word", "Été", "ＡＢ", "don't", "x_y", "<B>", "tok", "st\u0301op", "<mask>", "<pad>",
                                 "<s>", "</s>", "[CLS]", "[SEP]", "<unk>"]):
        token = AddedToken(content, lstrip=bool(i & 1), rstrip=bool(i & 2), single_word=bool(i & 4), normalized=bool(i & 8) ^ (i < 5))
        (tok.add_special_tokens if i % 3 == 0 else tok.add_tokens)([token])
    tok.decoder = decoders.ByteLevel()
    return tok


def train(repository, folder):
    os.makedirs(os.path.join(folder, "json"), exist_ok=True)
    cats, rng = make_tok.by_category(), random.Random(7)
    files = sorted(glob.glob(os.path.join(repository, "src", "*", "*.[ch]")) + glob.glob(os.path.join(repository, "tools", "**", "*.py"), recursive=True) +
                   glob.glob(os.path.join(repository, "*.md")) + glob.glob(os.path.join(repository, "tests", "cli", "*.t")))
    lines = [line for name in files if os.path.getsize(name) < 60000 for line in open(name, encoding="utf-8").readlines() if line.strip()]
    rng.shuffle(lines)
    samples = [t for make in (make_tok.scripts, make_tok.emoji, make_tok.combining) for t in make(rng, cats)]
    texts = lines[:9000] + samples
    with open(os.path.join(folder, "json", "strings.jsonl"), "w", encoding="utf-8") as f:
        for text in strings(lines, cats):
            f.write(json.dumps({"t": text}, ensure_ascii=False) + "\n")
    spm = nmt_nfkc(cats)
    made = {f.__name__: f(texts) for f in (gpt2, gpt2_prefix, roberta, llama3, llama2, llama2_first, gemma, clip, gpt1, bpe_prefix,
                                           bert_uncased, bert_cased, unigram_bytes, wordlevel, starcoder, deepseek, added)}
    made |= {f.__name__: f(texts, spm) for f in (t5, albert, xlmr)}
    made |= {"split_" + b: splits(texts, b) for b in SPLITS}
    for name, tok in made.items():
        path = os.path.join(folder, "json", name + ".json")
        with open(path, "w", encoding="utf-8") as f:
            f.write(json.dumps(json.loads(tok.to_str()), ensure_ascii=False, separators=(",", ":")) + "\n")
        print(name, tok.get_vocab_size(), os.path.getsize(path))


if __name__ == "__main__":
    {"train": train, "golden": golden, "real": real}[sys.argv[1]](*sys.argv[2:])
