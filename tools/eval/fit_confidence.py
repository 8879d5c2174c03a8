#!/usr/bin/env python3
"""Fits the confidence of summary/judge.c and writes src/summary/judge_weights.h.

usage: fit_confidence.py PRECIS HEADER NAME=ITEMS.jsonl:SAID.jsonl...

SAID.jsonl is what `precis eval summaries ITEMS.jsonl -o SAID.jsonl` kept, with the features of each
line. NAME is a model's name in the catalogue, or "default". A sentence is acceptable when its cosine
to the author's is at least 0.50 and nothing in it is invented; the fit is over lines without
inventions, judge.c lowers the others. Logistic regression (scikit-learn) over standardised features,
strength by cross-validation over repositories. Needs numpy and scikit-learn.
"""
import json
import subprocess
import sys

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import GroupKFold, cross_val_predict

ACCEPTABLE = 0.5
STRENGTHS = (0.003, 0.01, 0.03, 0.1, 0.3, 1.0)
# Those that need no encoder.
BY_WORDS = ("words", "mean", "least", "overlap", "length", "end", "size", "outlined")


def embed(precis, texts):
    lines = "".join(json.dumps({"id": i, "text": t}) + "\n" for i, t in enumerate(texts))
    run = subprocess.run([precis, "embed", "--jsonl"], input=lines.encode(), stdout=subprocess.PIPE,
                         check=True)
    return np.array([json.loads(line)["embedding"] for line in run.stdout.splitlines()])


def read(path):
    with open(path, encoding="utf-8") as f:
        return [json.loads(line) for line in f if line.strip()]


def load(precis, spec):
    items, said = spec.split(":")
    items = {i["id"]: i for i in read(items)}
    said = [s for s in read(said) if s.get("features")]
    names = list(said[0]["features"])
    x = np.array([[s["features"][n] for n in names] for s in said])
    a = embed(precis, [s["summary"] for s in said])
    b = embed(precis, [items[s["id"]]["reference"] for s in said])
    grounded = np.array([s["grounded"] for s in said])
    y = (a * b).sum(1) >= ACCEPTABLE
    repos = np.array([items[s["id"]]["repo"] for s in said])
    return names, x[grounded], y[grounded], repos[grounded]


def ece(p, y, bins=10):
    order = np.argsort(p, kind="stable")
    return sum(abs(p[part].mean() - y[part].mean()) * len(part)
               for part in np.array_split(order, bins)) / len(p)


def fit(what, names, x, y, groups, kept):
    columns = [i for i, n in enumerate(names) if n in kept]
    mean, scale = x[:, columns].mean(0), x[:, columns].std(0)
    scale[scale == 0] = np.inf  # a feature that is always the same says nothing
    z = (x[:, columns] - mean) / scale
    folds = GroupKFold(min(10, len(set(groups))))
    best = None
    for strength in STRENGTHS:
        model = LogisticRegression(C=strength, max_iter=1000)
        p = cross_val_predict(model, z, y, cv=folds, groups=groups, method="predict_proba")[:, 1]
        loss = -np.log(np.where(y, p, 1 - p)).mean()
        if best is None or loss < best[0]:
            best = loss, strength, p
    _, strength, p = best
    print(f"{what}: n {len(y)}, acceptable {y.mean():.3f}; over repositories left out: AUROC "
          f"{roc_auc_score(y, p):.3f}, ECE {ece(p, y):.3f}, Brier {((p - y) ** 2).mean():.4f} "
          f"(base rate {y.mean() * (1 - y.mean()):.4f}); C {strength}", file=sys.stderr)
    model = LogisticRegression(C=strength, max_iter=1000).fit(z, y)
    weights = np.zeros(len(names))
    weights[columns] = model.coef_[0] / scale
    for n, w in sorted(zip(np.array(names)[columns], model.coef_[0]), key=lambda t: -abs(t[1])):
        print(f"    {n:10} {w:+.3f}", file=sys.stderr)
    return model.intercept_[0] - (weights[columns] * mean).sum(), weights


def table(constant, weights, names):
    rows = "".join(f"            [JUDGE_{n.upper()}] = {w:.6g},\n"
                   for n, w in zip(names, weights) if w)
    return f"{{\n        {constant:.6g},\n        {{\n{rows}        }}}}"


def main():
    precis, header, *specs = sys.argv[1:]
    parts = []
    for spec in specs:
        name, files = spec.split("=", 1)
        names, x, y, groups = load(precis, files)
        vectors = table(*fit(f"{name}, with an encoder", names, x, y, groups, names), names)
        words = table(*fit(f"{name}, by words", names, x, y, groups, BY_WORDS), names)
        parts.append(f'    {{"{name}",\n     {vectors},\n     {words}}},\n')
    with open(header, "w", encoding="utf-8") as f:
        f.write("""/* Made by tools/eval/fit_confidence.py. */
#ifndef PRECIS_SUMMARY_JUDGE_WEIGHTS_H
#define PRECIS_SUMMARY_JUDGE_WEIGHTS_H

#include "summary/judge.h"

struct judge_weights {
    double constant, of[JUDGE_FEATURES];
};

/* clang-format off */
static const struct {
    const char *model; /* in the catalogue; the last: any other */
    struct judge_weights by_vectors, by_words;
} judge_tables[] = {
""" + "".join(parts) + """};
/* clang-format on */

#endif
""")


if __name__ == "__main__":
    main()
