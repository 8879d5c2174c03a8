#!/usr/bin/env python3
"""Makes the vectors of `precis bench search` again with numpy (src/cli/bench_vectors.h says how), finds
the neighbours of the first queries by multiplying everything in double precision, and compares.

usage: check.py PRECIS [--vectors N] [--queries N] [--hnswlib] [-- OPTIONS of precis bench search]

--hnswlib: beside it hnswlib's own Python package, in f32, on the same vectors: recall, time on one core.
Needs numpy (and hnswlib). Exit code 1 when a neighbour is missing or a score is off.
"""
import argparse
import json
import subprocess
import sys
import time

import numpy as np

MASK = (1 << 64) - 1
LOSS = 5e-5  # of scores, in 384 dimensions
K = 10


def hash_mix(a, b):
    wide = ((a ^ 0x9E3779B97F4A7C15) & MASK) * ((b ^ 0xD1B54A32D192ED03) & MASK)
    return (wide & MASK) ^ (wide >> 64) ^ a


def gauss(state, n):
    with np.errstate(over="ignore"):
        z = np.uint64(state) + np.arange(1, n + 1, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15)
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        z ^= z >> np.uint64(31)
    total = sum(((z >> np.uint64(s)) & np.uint64(0xFFFF)).astype(np.int64) for s in (0, 16, 32, 48))
    return (total - 131070) * (1.7320508075688772 / 65536)


def make(first, n, out):
    """Vectors first .. first + n - 1, as f32 like those that precis makes."""
    by = 1 / np.sqrt(out["width"])
    centres = {}
    v = np.empty((n, out["width"]), np.float32)
    for i in range(n):
        c = hash_mix(out["seed"] + 1, first + i) % out["clusters"]
        if c not in centres:
            centres[c] = (gauss(hash_mix(out["seed"], 2 * c + 1), out["width"]) * by).astype(np.float32)
        noise = gauss(hash_mix(out["seed"], 2 * (first + i)), out["width"]) * (out["spread"] * by)
        v[i] = centres[c] + noise.astype(np.float32)
    return v


def unit(v):
    v = v.astype(np.float64)
    return v / np.linalg.norm(v, axis=1, keepdims=True)


def compare(scores, hits):
    """How many of the k best by scores are missing from hits, and the largest difference of a score."""
    best = np.partition(scores, -K)[-K]
    ids = {int(i) for i, _ in hits}
    missing = sum(int(i) not in ids for i in np.flatnonzero(scores > best + 2 * LOSS))
    return missing, max(abs(scores[int(i)] - s) for i, s in hits)


def run_hnswlib(vectors, queries, exact):
    import hnswlib

    index = hnswlib.Index("cosine", vectors.shape[1])
    index.init_index(len(vectors), ef_construction=96, M=16)
    began = time.process_time()
    index.add_items(vectors)
    built = time.process_time() - began
    for ef in (64, 128, 256, 512):
        index.set_ef(ef)
        index.set_num_threads(1)
        same, times = 0, []
        for q, ids in zip(queries, exact):
            began = time.perf_counter()
            found = index.knn_query(q, K)[0][0]
            times.append(time.perf_counter() - began)
            same += len(ids & set(found.tolist()))
        print(f"hnswlib: ef {ef}, recall@10 {same / K / len(queries):.4f}, p50 {np.median(times) * 1e3:.3f} ms, "
              f"p99 {np.quantile(times, 0.99) * 1e3:.3f} ms, made in {built:.1f} s of processor time")


def main():
    parser = argparse.ArgumentParser(usage=__doc__)
    parser.add_argument("precis")
    parser.add_argument("--vectors", type=int, default=20000)
    parser.add_argument("--queries", type=int, default=200)
    parser.add_argument("--hnswlib", action="store_true")
    mark = sys.argv.index("--") if "--" in sys.argv else len(sys.argv)
    a = parser.parse_args(sys.argv[1:mark])
    command = [a.precis, "bench", "search", "--json", "--vectors", str(a.vectors), "--queries", str(a.queries),
               "--show", str(a.queries), *sys.argv[mark + 1:]]
    out = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)
    vectors, queries = make(0, a.vectors, out), make(a.vectors, a.queries, out)
    wanted = unit(queries) @ unit(vectors).T
    missing, off, exact = 0, 0.0, []
    for scores, hits in zip(wanted, out["hits"]):
        lost, by = compare(scores, hits["exact"])
        missing, off = missing + lost, max(off, by)
        exact.append(set(np.argsort(-scores, kind="stable")[:K].tolist()))
    same = sum(len(ids & {int(i) for i, _ in hits["exact"]}) for ids, hits in zip(exact, out["hits"]))
    print(f"{a.vectors} vectors, {a.queries} queries: {missing} exact neighbours missing, {same} of "
          f"{a.queries * K} the same, scores off by {off:.2g} at most")
    del out["hits"]
    print(json.dumps(out))
    if a.hnswlib:
        run_hnswlib(vectors, queries, exact)
    sys.exit(1 if missing or off > LOSS else 0)


if __name__ == "__main__":
    main()
