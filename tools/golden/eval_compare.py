#!/usr/bin/env python3
"""Two systems compared by programs that src/eval must equal: tests/golden/eval/compare.jsonl.

usage: eval_compare.py TEXT.jsonl OUT.jsonl
       (needs: pip install numpy==2.4.6 sacrebleu==2.6.0 rouge-score==0.1.2)

TEXT.jsonl: tests/golden/eval/text.jsonl, for its references and candidates.

A line: {"r": reference, "a", "b": what the systems say}; the last: {"seed", "samples", and of "bleu4", "sentence_bleu"
and "rougeL": {"value", "interval", "p"}; "sacrebleu": {"rounds", "interval", "p", "one_sided"}}. Scores are sacrebleu's
and rouge-score's, samples those of the seed (SplitMix64), percentiles numpy's, and p is Koehn's (2004), two-sided, with
one more round in which nothing differs. "sacrebleu" is of BLEU with numpy's samples, as sacrebleu's own paired bootstrap
draws them; "one_sided" is the p of that program: how often differences that are shifted to a mean of 0 exceed the one
found, which is about the half of Koehn's where they are spread evenly.
"""
import json
import random
import sys

import numpy as np
import sacrebleu
from rouge_score.rouge_scorer import RougeScorer
from sacrebleu.metrics import BLEU
from sacrebleu.significance import PairedTest

SEED, SAMPLES, ROUNDS = 7, 500, 10000
MASK = (1 << 64) - 1


def uniform(state):
    """SplitMix64 (Steele, Lea, Flood 2014), 53 bits of it."""
    while True:
        state = (state + 0x9E3779B97F4A7C15) & MASK
        z = state
        z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & MASK
        z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & MASK
        yield ((z ^ (z >> 31)) >> 11) * 2.0**-53


def pairs(path):
    """b is the reference with words missing, more of them than a often lacks: some better, some worse."""
    rng = random.Random(6)
    with open(path, encoding="utf-8") as f:
        for line in map(json.loads, f):
            if 5 < len(line.get("r", "").split()) < 40:
                words = [w for w in line["r"].split() if rng.random() < 0.7]
                yield line["r"], line["c"], " ".join(words)


def judge(found):
    other = min((found <= 0).sum(), (found >= 0).sum())
    return {"interval": np.percentile(found, [2.5, 97.5]).tolist(), "p": min(1, 2 * (other + 1) / (len(found) + 1))}


def compare(statistic, n):
    draw = uniform(SEED)
    found = []
    for _ in range(SAMPLES):
        sample = [int(next(draw) * n) for _ in range(n)]
        found.append(statistic("b", sample) - statistic("a", sample))
    everything = list(range(n))
    return {"value": statistic("b", everything) - statistic("a", everything), **judge(np.array(found))}


def sacrebleus(references, a, b):
    bleu = BLEU()
    test = PairedTest([("a", a), ("b", b)], {"BLEU": bleu}, [references], test_type="bs", n_samples=ROUNDS)
    _, scores = test()
    samples = np.random.default_rng(SEED).choice(len(a), size=(ROUNDS, len(a)), replace=True)
    counts = [np.array(bleu._extract_corpus_statistics(said, [references])) for said in (a, b)]
    of_a, of_b = ([bleu._compute_score_from_stats(c.sum(0).tolist()).score for c in x[samples]] for x in counts)
    return {"rounds": ROUNDS, **judge(np.array(of_b) - np.array(of_a)), "one_sided": scores["BLEU"][1].p_value}


def main(text, out):
    references, a, b = map(list, zip(*pairs(text)))
    said = {"a": a, "b": b}
    rouge = RougeScorer(["rougeL"], use_stemmer=True)
    sentence = {k: np.array([sacrebleu.sentence_bleu(c, [r], smooth_method="add-k", smooth_value=1).score
                             for c, r in zip(v, references)]) for k, v in said.items()}
    longest = {k: np.array([rouge.score(r, c)["rougeL"].fmeasure for c, r in zip(v, references)])
               for k, v in said.items()}
    statistics = {
        "bleu4": lambda k, s: sacrebleu.corpus_bleu([said[k][i] for i in s], [[references[i] for i in s]]).score,
        "sentence_bleu": lambda k, s: sentence[k][s].mean(),
        "rougeL": lambda k, s: longest[k][s].mean(),
    }
    result = {"seed": SEED, "samples": SAMPLES}
    for name, statistic in statistics.items():
        result[name] = compare(statistic, len(references))
    result["sacrebleu"] = sacrebleus(references, a, b)
    with open(out, "w", encoding="utf-8") as f:
        for r, x, y in zip(references, a, b):
            f.write(json.dumps({"r": r, "a": x, "b": y}, ensure_ascii=False) + "\n")
        f.write(json.dumps(result) + "\n")


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    main(*sys.argv[1:])
