#!/usr/bin/env python3
"""Calibration and fits by scikit-learn and numpy: tests/golden/eval/calibration.jsonl.

usage: eval_calibration.py OUT.jsonl    (needs: pip install scikit-learn==1.9.1 numpy==2.4.6)

A line: {"confidence": [...], "acceptable": [0 or 1, ...], "auroc", "brier", "ece"} or
{"x": [[...], ...], "acceptable": [...], "l2", "weights": [constant first], "p": of the first three}.
"""
import json
import sys

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import brier_score_loss, roc_auc_score


def ece(p, y, bins=10):
    """Ten bins of equal mass; those with the same confidence stay together, in the lower bin."""
    order = np.argsort(p, kind="stable")
    p, y = p[order], y[order]
    total, begin = 0.0, 0
    for k in range(1, bins + 1):
        end = k * len(p) // bins
        while 0 < end < len(p) and p[end] == p[end - 1]:
            end += 1
        if end > begin:
            total += (end - begin) * abs(p[begin:end].mean() - y[begin:end].mean())
            begin = end
    return total / len(p)


def measured(rng):
    for n, digits in ((7, 2), (10, 6), (53, 1), (100, 6), (211, 2)):
        p = np.round(rng.uniform(size=n), digits)
        y = (rng.uniform(size=n) < 0.2 + 0.6 * p).astype(int)
        y[:2] = 0, 1
        yield p, y
    yield np.full(20, 0.5), np.arange(20) % 3 // 2
    yield np.array([0.0, 1.0, 0.0, 1.0]), np.array([0, 1, 1, 0])


def fitted(rng):
    for n, k, l2 in ((30, 1, 1.0), (60, 3, 0.1), (100, 5, 10.0), (80, 2, 1e-6)):
        x = np.round(rng.normal(size=(n, k)) * ([1.0, 5.0, 0.1, 2.0, 1.0][:k]), 3)
        y = (rng.uniform(size=n) < 1 / (1 + np.exp(-(0.3 + x @ np.linspace(0.5, -0.8, k))))).astype(int)
        yield x, y, l2


def main(out):
    rng = np.random.default_rng(6)
    with open(out, "w") as f:
        for p, y in measured(rng):
            f.write(json.dumps({"confidence": p.tolist(), "acceptable": y.tolist(),
                                "auroc": round(float(roc_auc_score(y, p)), 9),
                                "brier": round(float(brier_score_loss(y, p)), 9), "ece": round(float(ece(p, y)), 9)}) + "\n")
        for x, y, l2 in fitted(rng):
            m = LogisticRegression(C=1 / l2, solver="newton-cholesky", tol=1e-12, max_iter=1000).fit(x, y)
            f.write(json.dumps({"x": x.tolist(), "acceptable": y.tolist(), "l2": l2,
                                "weights": [round(float(w), 8) for w in [*m.intercept_, *m.coef_[0]]],
                                "p": [round(float(v), 8) for v in m.predict_proba(x[:3])[:, 1]]}) + "\n")


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    main(sys.argv[1])
