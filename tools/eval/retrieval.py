#!/usr/bin/env python3
"""MRR@10 and recall@10 from the ranks that `precis eval search -o` kept: of all queries, and of each half.

usage: retrieval.py RANKS.jsonl [FIGURES.json]    FIGURES.json: what --json printed; exit 1 when it differs
"""
import json
import sys


def figures(ranks):
    found = [r for r in ranks if 1 <= r <= 10]
    return sum(1 / r for r in found) / len(ranks), len(found) / len(ranks)


def main():
    ranks = [json.loads(line)["rank"] for line in open(sys.argv[1], encoding="utf-8")]
    for name, part in (("all", ranks), ("even", ranks[::2]), ("odd", ranks[1::2])):
        print(f"{name:5} n {len(part)}  MRR@10 {figures(part)[0]:.4f}  recall@10 {figures(part)[1]:.4f}")
    if len(sys.argv) > 2:
        said = json.load(open(sys.argv[2], encoding="utf-8"))
        mrr, recall = figures(ranks)
        same = said["n"] == len(ranks) and abs(said["mrr10"] - mrr) < 1e-6 and abs(said["recall10"] - recall) < 1e-6
        print("the same" if same else f"differs: {said}")
        sys.exit(not same)


if __name__ == "__main__":
    main()
