#!/usr/bin/env python3
"""Writes the engine's golden file of a model: what transformers computes in f32 on the dequantised
weights of a GGUF. Ids are in the file, so that the tokenizer does not enter.

usage: make_logits.py MODEL.gguf TEXTS OUT.json    TEXTS: the folder with prose.txt and code.txt
       make_logits.py --filters OUT.json           what top-k, top-p and temperature leave over
(needs torch, transformers 5, tokenizers, gguf; see tools/golden/requirements.txt)

A prompt is moved forward in its text until every greedy step has a clear winner (MIN_GAP), so that
sums in another order cannot change an id.
"""
import json
import pathlib
import sys

import torch
import transformers

import reference

MIN_GAP = 2e-3
GREEDY, BEAM_NEW, NLL = 32, 16, 400
PROMPTS = [("code", 1), ("prose", 7), ("code", 20), ("prose", 64), ("code", 300), ("code", 700)]


def clear(make, start):
    for offset in range(start, start + 40):
        result, gap = make(offset)
        if gap > MIN_GAP:
            return result, gap
    sys.exit(f"no prompt from {start} on has a gap above {MIN_GAP}")


def rounded(values, digits=5):
    return [round(float(v), digits) for v in values]


def prompt(ref, texts, name, length, start):
    def make(offset):
        ids = texts[name][offset:offset + length]
        assert len(ids) == length, f"{name} has fewer than {offset + length} tokens"
        new, gap = ref.generate(ids, GREEDY)
        return (ids, new), gap

    (ids, new), gap = clear(make, start)
    lp = ref.logprobs(ids + new)
    top = torch.topk(lp[length - 1], 20)
    return {
        "name": f"{name}_{length}", "ids": ids,
        "top": [[int(i), round(float(v), 5)] for i, v in zip(top.indices, top.values)],
        "greedy": new, "greedy_min_gap": round(gap, 5),
        "greedy_logprobs": rounded(lp[length - 1 + i, t] for i, t in enumerate(new)),
    }


def penalised(ref, texts, name, start, **options):
    def make(offset):
        ids = texts[name][offset:offset + 40]
        new, gap = ref.generate(ids, GREEDY, **options)
        return (ids, new), gap

    (ids, new), gap = clear(make, start)
    return {"ids": ids, "greedy": new, "min_gap": round(gap, 5),
            "repetition_penalty": options.get("repetition_penalty", 1.0),
            "no_repeat_ngram": options.get("no_repeat_ngram_size", 0)}


def beams(ref, texts, name, start, with_eos):
    def make(offset):
        ids = texts[name][offset:offset + 24]
        best, score, lead = ref.beam(ids, BEAM_NEW, 4, None)
        eos = None
        if with_eos:
            eos = best[5]
            best, score, lead = ref.beam(ids, BEAM_NEW, 4, eos)
            if len(best) == BEAM_NEW:
                lead = 0.0
        return (ids, eos, best, score, lead), lead

    (ids, eos, best, score, lead), _ = clear(make, start)
    return {"ids": ids, "beams": 4, "max_new_tokens": BEAM_NEW, "eos": eos, "best": best,
            "score": round(score, 6), "lead": round(lead, 6)}


def likelihood(ref, texts):
    ids = (texts["prose"][:NLL // 2] + texts["code"])[:NLL]
    lp = ref.logprobs(ids)
    nll = [-float(lp[i, ids[i + 1]]) for i in range(NLL - 1)]
    return {"ids": ids, "nll": sum(nll) / len(nll)}


def model_file(path, folder, out):
    ref = reference.Reference(path)
    tok = ref.tokenizer()
    texts = {}
    for name in ("prose", "code"):
        text = (pathlib.Path(folder) / f"{name}.txt").read_text()
        texts[name] = tok.encode(text, add_special_tokens=False).ids
    golden = {
        "model": pathlib.Path(path).stem, "sha256": reference.sha256(path),
        "made_with": reference.made_with(),
        "prompts": [prompt(ref, texts, n, k, 11 * i) for i, (n, k) in enumerate(PROMPTS)],
        "penalties": [
            penalised(ref, texts, "code", 100, repetition_penalty=1.3),
            penalised(ref, texts, "prose", 200, repetition_penalty=1.3),
            penalised(ref, texts, "code", 250, no_repeat_ngram_size=3),
            penalised(ref, texts, "prose", 50, no_repeat_ngram_size=3),
        ],
        "beam": [beams(ref, texts, "code", 30, False), beams(ref, texts, "prose", 130, False),
                 beams(ref, texts, "code", 160, True), beams(ref, texts, "prose", 260, True)],
        "likelihood": likelihood(ref, texts),
    }
    write(golden, out)


def filters(out):
    """[{logits, temperature, top_k, top_p, survivors: [[id, probability], ...]}]"""
    from transformers.generation.logits_process import (
        TemperatureLogitsWarper, TopKLogitsWarper, TopPLogitsWarper)
    cases = []
    generator = torch.Generator().manual_seed(7)
    for temperature, k, p in [(0.7, 5, 0.9), (0.7, 0, 0.9), (1.0, 5, 1.0), (1.5, 3, 0.5)]:
        for spread in (1.0, 3.0, 0.1):
            # Distinct, so that no rule about ties enters.
            logits = (torch.randperm(24, generator=generator) - 12).float()[None] * spread / 6
            logits[logits > 0] *= 1.25
            scores = TemperatureLogitsWarper(temperature)(None, logits)
            if k:
                scores = TopKLogitsWarper(k)(None, scores)
            if p < 1:
                scores = TopPLogitsWarper(p)(None, scores)
            probabilities = torch.softmax(scores, -1)[0]
            kept = torch.nonzero(torch.isfinite(scores[0])).flatten().tolist()
            kept.sort(key=lambda i: (-float(probabilities[i]), i))
            cases.append({
                "logits": rounded(logits[0], 7), "temperature": temperature, "top_k": k, "top_p": p,
                "survivors": [[i, round(float(probabilities[i]), 6)] for i in kept]})
    write({"made_with": reference.made_with(), "cases": cases}, out)


def write(golden, out):
    with open(out, "w") as f:
        json.dump(golden, f, separators=(",", ":"))
        f.write("\n")
    print(f"{out}: {pathlib.Path(out).stat().st_size} bytes")


if __name__ == "__main__":
    transformers.logging.set_verbosity_error()
    if len(sys.argv) == 3 and sys.argv[1] == "--filters":
        filters(sys.argv[2])
    elif len(sys.argv) == 4:
        model_file(*sys.argv[1:])
    else:
        sys.exit(__doc__)
