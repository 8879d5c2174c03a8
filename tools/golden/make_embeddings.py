#!/usr/bin/env python3
"""Embeddings of texts of every length, as sentence-transformers makes them.

usage: make_embeddings.py MODEL_FOLDER TEXT_FILE... > golden.jsonl

One line for each of 200 texts: {"file", "begin", "end"} (bytes of a TEXT_FILE, by its base name) or
{"text"}, and {"tokens": how many the model took, "vector": base64 of little-endian int16, which are
the values times 32767}. Lengths grow from one word to several times the model's longest input."""
import base64
import json
import pathlib
import random
import sys

import numpy
import torch
from sentence_transformers import SentenceTransformer

ODD = [
    "", " ", "\n\t ", "a", "Where are idle workers woken?", "[SEP] [CLS] [MASK] </s>", "\u00e9t\u00e9 \u2014 na\u00efve co\u00f6peration",
    "\u4e2d\u6587 \u6587\u672c \u65e5\u672c\u8a9e", "\U0001f600\U0001f680 e\u0301", "\u0000\u0007\u00ad\ufffd",
    "x" * 300, "getHTTPResponse2 snake_case_name kebab-case-name", "0123456789 " * 40, "fn main() {}",
]
COUNT = 200


def slices(files):
    """Places in the files: lengths from 3 bytes on, each 4 % more than the one before."""
    rng = random.Random(7)
    length = 3.0
    for i in range(COUNT - len(ODD)):
        file = files[i % len(files)]
        data = file.read_bytes()
        n = min(round(length), len(data))
        begin = rng.randrange(len(data) - n + 1)
        yield file, begin, begin + n
        length = length * 1.04 + 1 if length < 6000 else 3.0


def main():
    torch.set_num_threads(2)
    model = SentenceTransformer(sys.argv[1], device="cpu")
    files = [pathlib.Path(p) for p in sys.argv[2:]]
    rows = [({"text": t}, t) for t in ODD]
    for file, begin, end in slices(files):
        text = file.read_bytes()[begin:end].decode("utf-8", "replace")
        rows.append(({"file": file.name, "begin": begin, "end": end}, text))
    for row, text in rows:
        vector = model.encode([text])[0]
        row["tokens"] = int(model.tokenize([text])["input_ids"].shape[1])
        fixed = numpy.round(numpy.asarray(vector, numpy.float64) * 32767).astype("<i2")
        row["vector"] = base64.b64encode(fixed.tobytes()).decode()
        print(json.dumps(row))


if __name__ == "__main__":
    main()
