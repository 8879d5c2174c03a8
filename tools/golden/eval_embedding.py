#!/usr/bin/env python3
"""Cosine and BERTScore-like F1 of pairs by transformers: tests/golden/eval/embedding.jsonl.

usage: eval_embedding.py MINILM_FOLDER TEXT.jsonl OUT.jsonl [N]    (needs: pip install -r requirements.txt)

TEXT.jsonl: pairs as eval_text.py writes them, of which N (12) that are not empty are taken, evenly. A line:
{"c", "r", "cosine": of the normalised means of the last hidden states, "f1": see src/eval/embedding_f1.h}.
"""
import json
import sys

import torch
from transformers import AutoModel, AutoTokenizer


def states(model, tokenizer, text):
    with torch.no_grad():
        return model(**tokenizer(text, truncation=True, max_length=256, return_tensors="pt")).last_hidden_state[0]


def main(folder, pairs, out, n=12):
    tokenizer, model = AutoTokenizer.from_pretrained(folder), AutoModel.from_pretrained(folder).eval()
    with open(pairs, encoding="utf-8") as f:
        lines = [v for v in map(json.loads, f) if v.get("c") and v.get("r")]
    with open(out, "w", encoding="utf-8") as f:
        for v in lines[:: max(1, len(lines) // int(n))][: int(n)]:
            a, b = (states(model, tokenizer, v[k]) for k in "cr")
            cosine = torch.cosine_similarity(a.mean(0), b.mean(0), dim=0).item()
            near = torch.nn.functional.normalize(a[1:-1], dim=1) @ torch.nn.functional.normalize(b[1:-1], dim=1).T
            precision, recall = near.max(1).values.mean(), near.max(0).values.mean()
            f1 = (2 * precision * recall / (precision + recall)).item()
            f.write(json.dumps({"c": v["c"], "r": v["r"], "cosine": round(cosine, 6), "f1": round(f1, 6)}) + "\n")


if __name__ == "__main__":
    if len(sys.argv) not in (4, 5):
        sys.exit(__doc__)
    main(*sys.argv[1:])
