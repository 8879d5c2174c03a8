#!/usr/bin/env python3
"""Token ids by Hugging Face `tokenizers`: golden files, or a comparison over real text.

make_tok.py golden SMOLLM2.gguf QWEN2.gguf tests/golden/text    writes tok_encode.jsonl, tok_decode.jsonl
make_tok.py live PRECIS MODEL.gguf PATH...                      compares `PRECIS tokenize` over files and
                                                                folders, and the strings of .jsonl files
needs: pip install tokenizers==0.23.* gguf

Every string is made here from a seed. A line of tok_encode.jsonl: {"t": text or "x": bytes in hex, "r": times
that it is repeated (1), "p": 1 if special tokens are plain text, "s": [ids of SmolLM2], "q": [of Qwen2]}; with
"r" the ids are {"n": number, "h": SHA-256 of them as little-endian 32 bits}. A line of tok_decode.jsonl:
{"m": "s" or "q", "i": [ids], "k": text with special tokens, "d": without}.
"""
import hashlib
import json
import os
import random
import subprocess
import sys
import unicodedata


SPACES = [chr(c) for c in (9, 10, 11, 12, 13, 32, 0x85, 0xA0, 0x1680, *range(0x2000, 0x200B), 0x2028, 0x2029,
                           0x202F, 0x205F, 0x3000)]
NO_SPACES = [chr(c) for c in (0x1C, 0x1D, 0x1E, 0x1F, 0x180E, 0x200B, 0x200C, 0x200D, 0x2060, 0xFEFF, 0x2800)]
SPECIALS = ["<|endoftext|>", "<|im_start|>", "<|im_end|>", "<repo_name>", "<file_sep>", "<filename>",
            "<gh_stars>", "<jupyter_code>", "<|fim_prefix|>", "<tool_call>", "</tool_call>", "<|file_sep|>",
            "[PAD151665]"]


def by_category():
    out = {}
    for c in range(0x110000):
        out.setdefault(unicodedata.category(chr(c)), []).append(c)
    del out["Cs"]
    return out


def categories(rng, cats):
    for name, members in sorted(cats.items()):
        for _ in range(14):
            parts = [chr(rng.choice(members)) for _ in range(rng.randrange(1, 9))]
            for _ in range(rng.randrange(5)):
                parts.insert(rng.randrange(len(parts) + 1), rng.choice(["a", "Z", " ", "'s", "7", ".", "\n", "  "]))
            yield "".join(parts)


def combining(rng, cats):
    marks = cats["Mn"] + cats["Mc"] + cats["Me"]
    pairs = []
    for c in range(0x110000):
        d = unicodedata.decomposition(chr(c)).split()
        if d and d[0][0] != "<":
            pairs.append("".join(chr(int(x, 16)) for x in d))
    for _ in range(170):
        text = ""
        for _ in range(rng.randrange(1, 4)):
            text += rng.choice(["a", "e", "o", " ", "x", "\u1EA1", "\u0915", rng.choice(pairs)])
            text += "".join(chr(rng.choice(marks)) for _ in range(rng.randrange(4)))
        yield text
    for _ in range(120):
        yield "".join(unicodedata.normalize(rng.choice(["NFC", "NFD"]), rng.choice(pairs))
                      for _ in range(rng.randrange(1, 5)))
    jamo = [*range(0x10FF, 0x1114), *range(0x1160, 0x1177), *range(0x11A6, 0x11C4), 0xAC00, 0xAC01, 0xD7A3]
    for _ in range(60):
        yield "".join(chr(rng.choice(jamo)) for _ in range(rng.randrange(2, 8)))
    yield from ["\u212b\u2126\u212a", "e\u0301", "\u00e9", "e\u0323\u0301", "e\u0301\u0323", "a\u0315\u0300\u05ae",
                "\u0344", "\u0958\u0959", "\ufb2c", "\uf900\uf901", "\U0002f800", "\u0f73\u0f75\u0f81", "s\u0323\u0307",
                "\u1e9b\u0323", "a\u034f\u0301", "\u0b47\u0b3e", "\u0301abc", " \u0301", "\n\u0301", "1\u0301",
                "'\u0301s", "\U00011935\U00011930", "\U000110a5\U000110ba", "\U0001d15e\U0001d1c0", "\u0c47\u0c3c\u0c56",
                "\uac00\u11a7", "\uac00\u11a8\u11a8", "\u1100\u1161\u0300\u11a8"]


def emoji(rng, cats):
    parts = list("👩👨👧👦🏽🏿💻🚀❤🇩🇪🇫🇷🏴🙂☺1#*") + ["\u200d", "\ufe0f", "\u20e3", "\U000e0067", "\U000e007f", " ", "a"]
    for _ in range(70):
        yield "".join(rng.choice(parts) for _ in range(rng.randrange(1, 9)))
    yield from ["👩‍👩‍👧‍👦", "🏳️‍🌈", "👍🏽", "1️⃣", "🇺🇸🇬🇧", "x👩‍💻y"]


def scripts(rng, cats):
    ranges = [(0x4E00, 0x9FFF), (0x3040, 0x30FF), (0xAC00, 0xD7A3), (0x0600, 0x06FF), (0x0590, 0x05FF), (0x0900, 0x097F),
              (0x0E00, 0x0E7F), (0x0400, 0x04FF), (0x0370, 0x03FF), (0x1F00, 0x1FFF), (0x20000, 0x2A6DF), (0xFF00, 0xFFEF),
              (0x0100, 0x024F), (0x1E00, 0x1EFF), (0x2190, 0x22FF), (0x1D400, 0x1D7FF), (0x13000, 0x1342F)]
    bidi = ["\u200e", "\u200f", "\u202a", "\u202e", "\u2066", "\u2069"]
    for lo, hi in ranges:
        for _ in range(12):
            text = "".join(chr(rng.randint(lo, hi)) for _ in range(rng.randrange(1, 14)))
            for _ in range(rng.randrange(4)):
                k = rng.randrange(len(text) + 1)
                text = text[:k] + rng.choice([" ", ", ", ".\n", "'", "3", rng.choice(bidi), "ab"]) + text[k:]
            yield text
    yield from ["שלום, עולם! 123", "مرحبا بالعالم ١٢٣", "你好，世界！一二三", "こんにちは世界、ｶﾀｶﾅ", "Привет, мир", "Ἀθήνα ᾳ ΐ",
                "สวัสดีชาวโลก", "नमस्ते दुनिया", "Größe naïve façade Ærøskøbing", "İstanbul ıI", "ﬁ ﬂ ﬆ", "Tiếng Việt Nam"]


def numbers(rng, cats):
    pool = cats["Nd"] + cats["Nl"] + cats["No"] + [0x11DE0, 0x11DE9, 0x16FF4, 0x16FF6]
    for _ in range(110):
        parts = [chr(rng.choice(pool)) for _ in range(rng.randrange(1, 6))]
        for _ in range(rng.randrange(4)):
            parts.insert(rng.randrange(len(parts) + 1), rng.choice([" ", "  ", "a", "-", "\t", "0x1F", "1.5e-3", "'s"]))
        yield "".join(parts)
    yield from ["1234567890", "0xDEADBEEF", "a1b2c3", "v1.2.3-rc4", "  1", "   12   34", "½ ² Ⅷ ㊿ 〇", "x²", "1 \n2", "1_000_000u64"]


def spaces(rng, cats):
    for c in SPACES + NO_SPACES:
        yield from [c, "a" + c + "b", "a" + 3 * c + "b", c + "1", " " + c + "x", c + " x", "." + c + c]
    for _ in range(180):
        text = ""
        for _ in range(rng.randrange(1, 6)):
            text += rng.choice(SPACES[:6] if rng.random() < 0.6 else SPACES + NO_SPACES) * rng.choice([1, 1, 2, 3, 7, 20])
            text += rng.choice(["", "a", "fn", "9", "}", "//", "é", "'s", "\r\n", "中"])
        yield text
    for n in (1, 2, 3, 4, 7, 8, 15, 16, 17, 23, 24, 25, 31, 32, 33, 64, 100, 257):
        yield from [n * " " + "x", n * " ", n * "\n" + "x", n * "\t" + "1", n * "\r\n" + "}", "x" + n * " " + "\n", "\n" + n * " " + "x"]


def contractions(rng, cats):
    tails = ["s", "t", "re", "ve", "m", "ll", "d", "S", "T", "RE", "Re", "rE", "VE", "vE", "M", "LL", "Ll", "lL", "D",
             "\u017f", "r", "v", "l", "e", "x", "\u212a", "ss", "\u017f\u017f", "reve", "'s", "s's", "ſt", "ß", "ﬆ"]
    for t in tails:
        yield from ["'" + t, "it'" + t + " x", " '" + t, "''" + t, "'" + t + "'", "1'" + t, "\n'" + t, "'" + t + "\u0301"]


def controls(rng, cats):
    for c in [*range(32), *range(127, 160)]:
        yield from [chr(c), "=" + chr(c) + "=", "ab" + 2 * chr(c) + "cd e", " " + chr(c) + "f"]


def special(rng, cats):
    parts = SPECIALS + ["<|im_", "start|>", "<", "|", ">", "<|", "|>", "<|im_start|", " ", "\n", "a", "user", "\u0301", "'s", "7", "é"]
    for _ in range(150):
        yield "".join(rng.choice(parts) for _ in range(rng.randrange(1, 8)))
    yield from SPECIALS
    yield from ["<|im_start|><|im_end|>", "<|im_<|im_start|>start|>", "<|im_start|>\u0301x", "e<|im_end|>\u0301", "  <|im_end|>  x",
                "<|IM_START|>", "<|im_start|>user\nhi<|im_end|>\n<|im_start|>assistant\n", "</s>", "<s>[INST] x [/INST]"]


def odd_points(rng, cats):
    non = [*range(0xFDD0, 0xFDF0)] + [p << 16 | x for p in range(17) for x in (0xFFFE, 0xFFFF)]
    pools = [cats["Cn"], cats["Co"], cats["Cf"], non, [0xFFFD, 0xFFFC, 0x10FFFF, 0xE000]]
    for _ in range(110):
        yield "".join(chr(rng.choice(rng.choice(pools))) + rng.choice(["", "", "a", " ", "1"]) for _ in range(rng.randrange(1, 7)))


def anything(rng, cats):
    for _ in range(220):
        text = ""
        for _ in range(rng.randrange(1, 24)):
            bound = rng.choice([0x80, 0x80, 0x250, 0x3000, 0x10000, 0x20000, 0x110000])
            c = rng.randrange(bound)
            text += chr(c) if not 0xD800 <= c < 0xE000 else "\ufffd"
        yield text


WORDS = ("get set make parse token stream buffer async await index value error result config handle poll wake mutex "
         "request response header count next prev left right tree node leaf hash map key entry slot page lock").split()


def name(rng):
    words = [rng.choice(WORDS) for _ in range(rng.randrange(1, 4))]
    style = rng.randrange(5)
    if style == 0:
        return "_".join(words)
    if style == 1:
        return words[0] + "".join(w.capitalize() for w in words[1:])
    if style == 2:
        return "".join(w.capitalize() for w in words)
    return "_".join(words).upper() if style == 3 else words[0] + str(rng.randrange(2000))


def expression(rng, depth=0):
    kind = rng.randrange(9 if depth < 3 else 4)
    sub = lambda: expression(rng, depth + 1)
    literals = [str(rng.randrange(10 ** rng.randrange(1, 8))), hex(rng.randrange(1 << 24)), "%.3f" % rng.random(),
                '"' + " ".join(rng.choice(WORDS) for _ in range(3)) + '\\n"', "'" + rng.choice("abc\\") + "'", "0b1010_0101", "1e-9f32"]
    return [lambda: name(rng), lambda: name(rng), lambda: rng.choice(literals), lambda: name(rng) + "()",
            lambda: f"{sub()} {rng.choice('+ - * / % & | ^ << >> == != <= >= && || -> => := .. ..= <=> ??'.split())} {sub()}",
            lambda: f"{name(rng)}({sub()}, {sub()})", lambda: f"{name(rng)}.{name(rng)}[{sub()}]",
            lambda: f"{name(rng)}::<{name(rng)}>::{name(rng)}({sub()})?", lambda: f"!({sub()})"][kind]()


def statement(rng, indent):
    e, n, pad = expression(rng), name(rng), indent * rng.choice(["    ", "  ", "\t"])
    return pad + rng.choice([
        f"let mut {n}: Vec<u8> = {e};", f"if ({e}) {{", "}", "} else {", f"def {n}(self, x=None):", f"return {e}", f"#define {n.upper()} {e}",
        f"for (int i = 0; i < {n}; ++i)", f"// {n} isn't what it's {n}'d be; they'll see, I've been there", f"/// # {n}\n{pad}///", f"#[derive(Debug, Clone)]",
        f"pub(crate) async fn {n}<'a, T: 'static>(&'a mut self) -> io::Result<()> {{", f"SELECT {n} FROM t WHERE {n} = '{n}';",
        f"<div class=\"{n}\">{e}</div>", f"{n} := func() error {{ return nil }}", f"$${n} @{n} `{n}` ~{n}", f"\"\"\"{n}\n\n{pad}{e}\n{pad}\"\"\"",
        f"{n}<-{e}%>%{n}", f"switch ({n}) {{ case {e}: break; }}", 40 * rng.choice("-=*/#"), f"\\begin{{{n}}} $x^2_{{{n}}}$", f"int *{n}[] = {{ &{n}, NULL }};", ""])


def code(rng, cats):
    for _ in range(420):
        eol = "\r\n" if rng.random() < 0.15 else "\n"
        yield eol.join(statement(rng, rng.randrange(5)) for _ in range(rng.randrange(1, 4))) + rng.choice(["", eol])


def raw_bytes(rng):
    edges = [b"\xe2\x82", b"\xf0\x9f\x98", b"\xc0\xaf", b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"\xf5", b"\xff\xfe", b"\xe0\x80\x80", b"\x80",
             b"\xf0\x80\x80\x80", b"\xc3(", b"\xe2(\xa1", b"\xf0\x9f(", b"a\xf8\x88\x80\x80\x80b", b"\xe1\x80\xe2\xf0\x91\x92\xf1\xbfA", b"\xc2"]
    yield from edges
    for _ in range(120):
        yield b"".join(rng.choice([bytes([rng.randrange(256)]), bytes([rng.randrange(128, 256)]), b"ab ", rng.choice(edges), "é中🙂".encode()])
                       for _ in range(rng.randrange(1, 14)))


REPEATS = [("a", 100000), ("ab", 50000), ("xyzzy", 20000), ("A", 100000), (" ", 100000), ("\n", 100000), ("\t", 50000), ("=", 100000), ("-*", 30000),
           ("é", 40000), ("中", 30000), ("a\u0301\u0323", 20000), ("\u0301\u0323\u0315", 20000), ("\u1100\u1161\u11a8", 20000), ("🙂", 20000), (" x", 30000),
           ("'s", 20000), ("\r\n", 30000), (" \n", 30000), ("7", 30000), ("<|im_start|>", 5000), ("<|im_", 10000), ("\x04", 30000), ("int main(void) {\n", 5000)]


def golden(smollm, qwen2, folder):
    from gguf_tokenizer import Reference
    refs = {"s": Reference(smollm), "q": Reference(qwen2)}
    rng, cats, lines, seen = random.Random(20240607), by_category(), [], set()

    def add(entry, text, repeat=None):
        ids = {m: r.encode(text, bool(entry.get("p"))) for m, r in refs.items()}
        if repeat:
            for m, v in ids.items():
                ids[m] = {"n": len(v), "h": hashlib.sha256(b"".join(i.to_bytes(4, "little") for i in v)).hexdigest()}
        lines.append(json.dumps({**entry, **ids}, separators=(",", ":")))

    for make in (categories, combining, emoji, scripts, numbers, spaces, contractions, controls, special, odd_points, anything, code):
        for text in make(rng, cats):
            if text in seen:
                continue
            seen.add(text)
            add({"t": text}, text)
            if make is special:
                add({"t": text, "p": 1}, text)
    for b in raw_bytes(rng):
        add({"x": b.hex()}, b.decode("utf-8", "replace"))
    for unit, times in REPEATS:
        add({"t": unit, "r": times}, unit * times, repeat=True)
    with open(os.path.join(folder, "tok_encode.jsonl"), "w") as f:
        f.write("\n".join(lines) + "\n")
    decoded = []
    for m, r in refs.items():
        short = [i for i, s in enumerate(r.tokens) if len(s) <= 2 and r.types[i] == 1]
        added = [i for i, kind in enumerate(r.types) if kind in (3, 4)]
        for _ in range(400):
            ids = [rng.choice([rng.choice(short), rng.choice(short), rng.randrange(len(r.tokens)), rng.choice(added)])
                   for _ in range(rng.randrange(1, 12))]
            decoded.append(json.dumps({"m": m, "i": ids, "k": r.decode(ids, False), "d": r.decode(ids, True)}, separators=(",", ":")))
    with open(os.path.join(folder, "tok_decode.jsonl"), "w") as f:
        f.write("\n".join(decoded) + "\n")
    print(len(lines), "texts,", len(decoded), "lists of ids")


def real_texts(paths):
    for path in paths:
        files = [path] if os.path.isfile(path) else sorted(
            os.path.join(d, n) for d, _, names in os.walk(path) for n in names if "/.git/" not in d + "/")
        for name in files:
            if name.endswith(".jsonl"):
                for line in open(name, encoding="utf-8"):
                    yield from (v for v in json.loads(line).values() if isinstance(v, str))
            elif os.path.isfile(name):
                yield open(name, "rb").read().decode("utf-8", "replace")


def live(precis, model, paths):
    from gguf_tokenizer import Reference
    ref, texts = Reference(model), list(real_texts(paths))
    for options in ([], ["--plain"]):
        lines = "".join(json.dumps({"text": t}) + "\n" for t in texts)
        run = subprocess.run([precis, "tokenize", "--model", model, "--no-special", "--jsonl", *options], input=lines.encode(),
                             stdout=subprocess.PIPE, check=True)
        got = [json.loads(line)["ids"] for line in run.stdout.splitlines()]
        assert len(got) == len(texts)
        wrong = [i for i, t in enumerate(texts) if got[i] != ref.encode(t, bool(options))]
        print(" ".join(["tokenize", *options]) + ":", len(texts), "texts,", sum(len(t.encode()) for t in texts), "bytes,",
              sum(map(len, got)), "ids,", len(wrong), "texts differ")
        for i in wrong[:3]:
            print("  ", ascii(texts[i][:200]))


if __name__ == "__main__":
    if sys.argv[1] == "golden":
        golden(*sys.argv[2:])
    else:
        live(sys.argv[2], sys.argv[3], sys.argv[4:])
