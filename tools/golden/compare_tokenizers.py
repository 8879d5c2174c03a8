#!/usr/bin/env python3
"""Compares precis with Hugging Face `tokenizers` over any text: ids and decoded text.

compare_tokenizers.py PRECIS [--gguf MODEL.gguf] [--lines] TOKENIZER.json... -- PATH...
    PATH: files and folders; of .jsonl files each string. --lines: each line is a text of its own. --gguf: what
    precis reads in place of the one TOKENIZER.json, which is its reference.
needs: pip install tokenizers==0.23.*

For each tokenizer: `precis tokenize --jsonl` with and without --no-special --no-truncate, and `precis detokenize
--jsonl` with and without --skip-special. A difference is cut down to the shortest text that still shows it.
Exit status 1: there are differences.
"""
import json
import subprocess
import sys

from make_tok import real_texts
from tokenizers import Tokenizer


def precis_lines(command, values):
    lines = "".join(json.dumps(v) + "\n" for v in values)
    run = subprocess.run(command, input=lines.encode(), stdout=subprocess.PIPE, check=True)
    return [json.loads(line) for line in run.stdout.decode().split("\n") if line]


def encode(precis, source, options, texts):
    return [v["ids"] for v in precis_lines([precis, "tokenize", *source, "--jsonl", *options], [{"text": t} for t in texts])]


def shorten(differs, text):
    """A shorter text that still differs, by leaving out ever smaller parts."""
    size, left = len(text) // 2, 40
    while size and left:
        for at in range(0, len(text), size):
            shorter = text[:at] + text[at + size :]
            left -= 1
            if differs(shorter):
                text = shorter
                break
            if not left:
                break
        else:
            size //= 2
    return text


def compare(precis, source, path, texts):
    reference, bare = Tokenizer.from_file(path), Tokenizer.from_file(path)
    reference.no_padding()
    bare.no_padding()
    bare.no_truncation()
    wrong = 0
    for tok, options in ((reference, []), (bare, ["--no-special", "--no-truncate"])):
        of = lambda t: tok.encode(t, add_special_tokens=not options).ids
        got = encode(precis, source, options, texts)
        want = [of(t) for t in texts]
        different = [i for i in range(len(texts)) if got[i] != want[i]]
        wrong += len(different)
        print(path, " ".join(options) or "default", len(texts), "texts", sum(map(len, want)), "ids", len(different), "differ")
        for i in different[:3]:
            text = shorten(lambda t: encode(precis, source, options, [t])[0] != of(t), texts[i])
            print("   text", ascii(text[:300]), "\n   want", of(text)[:60], "\n   got ", encode(precis, source, options, [text])[0][:60])
    ids = [bare.encode(t).ids for t in texts]
    for skip in (True, False):
        command = [precis, "detokenize", *source, "--jsonl", *(["--skip-special"] if skip else [])]
        got = [v["text"] for v in precis_lines(command, [{"ids": v} for v in ids])]
        different = [i for i in range(len(ids)) if got[i] != bare.decode(ids[i], skip_special_tokens=skip)]
        wrong += len(different)
        print(path, "decode, special tokens", "skipped" if skip else "kept", len(different), "differ")
        for i in different[:3]:
            print("   ids ", ids[i][:60], "\n   want", ascii(bare.decode(ids[i], skip_special_tokens=skip)[:200]), "\n   got ", ascii(got[i][:200]))
    return wrong


def main(arguments):
    cut = arguments.index("--")
    options, paths = arguments[1:cut], arguments[cut + 1 :]
    gguf = options.pop(options.index("--gguf") + 1) if "--gguf" in options else None
    texts = [t for t in real_texts(paths)]
    if "--lines" in options:
        texts = [line for t in texts for line in t.splitlines(keepends=True)]
    wrong = 0
    for path in (o for o in options if not o.startswith("--")):
        wrong += compare(arguments[0], ["--model", gguf] if gguf else ["--tokenizer", path], path, texts)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
