#!/usr/bin/env python3
"""Search as one would write it with public parts: BM25 (rank_bm25), cosines of sentence-transformers, and reciprocal
rank fusion (k = 60) of the two lists. BM25 twice: of whole identifiers and words, and of their parts alone. It shares
nothing with precis; its ranks are in the form of `precis eval search -o`, for retrieval.py.

usage: fused_baseline.py CORPUS.jsonl QUERIES.jsonl MODEL OUT

MODEL: a folder, or a name for sentence-transformers. Writes OUT/{vector,whole-bm25,whole-hybrid,parts-bm25,parts-hybrid}.jsonl and prints the figures.
Needs rank_bm25 and sentence-transformers (pip install rank_bm25 sentence-transformers, in an environment of its own).
"""
import json
import pathlib
import re
import sys

import numpy
from rank_bm25 import BM25Okapi
from sentence_transformers import SentenceTransformer

import retrieval

K, DEPTH = 60, 100  # of the fusion; entries of each list that it sees
CUTS = re.compile(r"(?<=[a-z])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])|(?<=\d)(?=\D)|(?<=\D)(?=\d)")


def read(path):
    return [json.loads(line) for line in open(path, encoding="utf-8")]


def text_of(item):
    return f"{item['path']} {item['symbol'] or ''}\n{item['code']}"


def whole(text):
    return [t.lower() for t in re.findall(r"\w+", text)]


def parts(text):
    """Words and identifiers between underscores, cut at digits and (ASCII) changes of case."""
    return [p.lower() for t in re.findall(r"[^\W_]+", text) for p in CUTS.split(t)]


def best_first(scores):
    return numpy.argsort(-scores, axis=1, kind="stable")[:, :DEPTH]


def fuse(lists, n):
    """[queries, DEPTH] of each list -> the same of their fusion."""
    scores = numpy.zeros((len(lists[0]), n))
    for ranked in lists:
        for q, row in enumerate(ranked):
            scores[q, row] += 1 / (K + 1 + numpy.arange(len(row)))
    return best_first(scores)


def write(path, queries, corpus, ranked):
    wanted = {item["id"]: i for i, item in enumerate(corpus)}
    ranks = []
    with open(path, "w", encoding="utf-8") as out:
        for query, row in zip(queries, ranked):
            place = numpy.flatnonzero(row[:10] == wanted[query["id"]])
            ranks.append(int(place[0]) + 1 if len(place) else 0)
            out.write(json.dumps({"id": query["id"], "rank": ranks[-1]}) + "\n")
    mrr, recall = retrieval.figures(ranks)
    print(f"{path.stem:12} n {len(ranks)}  MRR@10 {mrr:.4f}  recall@10 {recall:.4f}", flush=True)


def main():
    corpus, queries, out = read(sys.argv[1]), read(sys.argv[2]), pathlib.Path(sys.argv[4])
    out.mkdir(parents=True, exist_ok=True)
    texts = [text_of(item) for item in corpus]
    model = SentenceTransformer(sys.argv[3], device="cpu")
    vectors = model.encode(texts, normalize_embeddings=True)
    asked = model.encode([q["query"] for q in queries], normalize_embeddings=True)
    meaning = best_first(asked @ vectors.T)
    write(out / "vector.jsonl", queries, corpus, meaning)
    for tokens in (whole, parts):
        bm25 = BM25Okapi([tokens(t) for t in texts])
        words = best_first(numpy.array([bm25.get_scores(tokens(q["query"])) for q in queries]))
        write(out / f"{tokens.__name__}-bm25.jsonl", queries, corpus, words)
        write(out / f"{tokens.__name__}-hybrid.jsonl", queries, corpus, fuse([words, meaning], len(corpus)))


if __name__ == "__main__":
    if len(sys.argv) != 5:
        sys.exit(__doc__.strip())
    main()
