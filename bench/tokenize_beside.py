#!/usr/bin/env python3
"""One thread of precis beside one of Hugging Face `tokenizers`, in turn, over the files of a folder.

tokenize_beside.py PRECIS FOLDER [--rounds N] [--suffix .rs,.md] [--json] NAME=SOURCE...
    SOURCE: a tokenizer.json (both read it), or MODEL.gguf,TOKENIZER.json (precis reads the former)
needs: pip install tokenizers==0.23.*

Each side encodes every file as one text, without truncation and without tokens of its own, once to warm up,
then `--rounds` times, the two sides taking turns. Of `tokenizers` both encode and encode_batch (with its threads
off) are timed; the faster counts. Printed: medians in MB/s and their ratio.
"""
import argparse
import json
import os
import statistics
import subprocess
import sys
import time

os.environ["TOKENIZERS_PARALLELISM"] = "false"
os.environ["RAYON_NUM_THREADS"] = "1"
from tokenizers import Tokenizer  # noqa: E402


def files_of(folder, suffixes):
    found = []
    for at, _, names in os.walk(folder):
        if "/.git" not in at:
            found += [os.path.join(at, n) for n in names if not suffixes or n.endswith(tuple(suffixes))]
    return sorted(f for f in found if os.path.isfile(f) and not os.path.islink(f))


def library_seconds(tok, texts):
    started = time.perf_counter()
    for text in texts:
        tok.encode(text, add_special_tokens=False)
    one = time.perf_counter() - started
    started = time.perf_counter()
    tok.encode_batch(texts, add_special_tokens=False)
    return min(one, time.perf_counter() - started)


def precis_seconds(precis, source, files, rounds=1):
    out = subprocess.run([precis, "bench", "tokenize", *source, "--json", "--rounds", str(rounds), *files],
                         stdout=subprocess.PIPE, check=True)
    return json.loads(out.stdout)


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("precis")
    p.add_argument("folder")
    p.add_argument("sources", nargs="+", metavar="NAME=SOURCE")
    p.add_argument("--rounds", type=int, default=5)
    p.add_argument("--suffix", default="", help="of the files, with commas between [all]")
    p.add_argument("--json", action="store_true")
    o = p.parse_args()
    files = files_of(o.folder, [s for s in o.suffix.split(",") if s])
    texts = [open(f, "rb").read().decode("utf-8", "replace") for f in files]
    size = sum(os.path.getsize(f) for f in files)
    rows = []
    for name, source in (s.split("=", 1) for s in o.sources):
        model, _, path = source.rpartition(",")
        tok = Tokenizer.from_file(path)
        tok.no_truncation()
        tok.no_padding()
        command = ["--model", model] if model else ["--tokenizer", path]
        tokens = sum(len(e.ids) for e in tok.encode_batch(texts, add_special_tokens=False))
        ours, theirs = [], []
        for _ in range(o.rounds):
            run = precis_seconds(o.precis, command, files)
            if run["tokens"] != tokens:
                sys.exit(f"{name}: {run['tokens']} tokens, but {tokens} by the library")
            ours.append(run["seconds"])
            theirs.append(library_seconds(tok, texts))
        a, b = statistics.median(ours), statistics.median(theirs)
        rows.append({"name": name, "files": len(files), "bytes": size, "tokens": tokens, "precis_seconds": a,
                     "tokenizers_seconds": b, "ratio": b / a})
        if not o.json:
            print(f"{name}: precis {size / a / 1e6:.1f} MB/s, tokenizers {size / b / 1e6:.2f} MB/s, {b / a:.1f}x "
                  f"({len(files)} files, {size} bytes, {tokens} tokens, {o.rounds} rounds)", flush=True)
    if o.json:
        print(json.dumps(rows))


main()
