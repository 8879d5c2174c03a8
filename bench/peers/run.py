#!/usr/bin/env python3
"""Prefill of one prompt: precis beside llama.cpp, in turn on the same machine, medians and ratios.

usage: run.py prefill --precis PROGRAM [--model FILE.gguf] [--tokens 512,1024,3000] [--rounds 5]
              [--threads 2] [--json FILE]

Both compute SmolLM2 in bf16 (llama.cpp's fastest form of it here): llama.cpp from a bf16 file that is
made from the model with its own quantiser, precis from the model as it is. Run it in the environment of
bench/peers/setup.sh, with nothing else running. The prompt is random token ids: it measures speed only.
"""
import argparse
import ctypes
import json
import os
import pathlib
import platform
import statistics
import subprocess
import sys
import tempfile
import time

LLAMA_FTYPE_BF16 = 32


def default_model():
    folder = os.environ.get("PRECIS_MODELS")
    if not folder:
        cache = os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache"
        folder = pathlib.Path(cache) / "precis" / "models"
    return pathlib.Path(folder) / "smollm2-135m-instruct-q4_1.gguf"


def quiet_llama():
    import llama_cpp

    @llama_cpp.llama_log_callback
    def drop(level, text, user):
        pass

    llama_cpp.llama_log_set(drop, ctypes.c_void_p(0))
    return drop  # must outlive the library's use of it


def make_bf16(model, out):
    import llama_cpp
    params = llama_cpp.llama_model_quantize_default_params()
    params.ftype = LLAMA_FTYPE_BF16
    params.allow_requantize = True
    if llama_cpp.llama_model_quantize(str(model).encode(), str(out).encode(), ctypes.byref(params)):
        sys.exit(f"{model}: llama.cpp could not convert it to bf16")


def open_llama(path, threads, context):
    from llama_cpp import Llama
    return Llama(str(path), n_ctx=context, n_batch=context, n_ubatch=512, n_threads=threads,
                 n_threads_batch=threads, flash_attn=True, verbose=False)


def time_llama(llama, ids):
    llama.reset()
    begun = time.perf_counter()
    llama.eval(ids)
    return len(ids) / (time.perf_counter() - begun)


def time_precis(program, model, tokens, threads):
    out = subprocess.run([program, "bench", "prefill", "--json", "--model", str(model), "--tokens",
                          str(tokens), "--precision", "bf16", "--lanes", str(threads), "--rounds",
                          "1"], check=True, capture_output=True, text=True).stdout
    return json.loads(out)["tokens_per_s"]


def prefill(args):
    import numpy
    quiet = quiet_llama()
    lengths = [int(n) for n in args.tokens.split(",")]
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        bf16 = pathlib.Path(folder) / "bf16.gguf"
        make_bf16(args.model, bf16)
        llama = open_llama(bf16, args.threads, max(lengths) + 64)
        rng = numpy.random.default_rng(0)
        for n in lengths:
            ids = rng.integers(0, 40000, n).tolist()
            time_llama(llama, ids)  # warm-up
            ours, theirs = [], []
            for _ in range(args.rounds):
                theirs.append(time_llama(llama, ids))
                ours.append(time_precis(args.precis, args.model, n, args.threads))
            ratios = [a / b for a, b in zip(ours, theirs)]
            rows.append({"tokens": n, "precis": statistics.median(ours),
                         "llama.cpp": statistics.median(theirs),
                         "ratio": statistics.median(ratios), "ratio_min": min(ratios),
                         "ratio_max": max(ratios)})
        llama.close()
    del quiet
    return rows


def main():
    parser = argparse.ArgumentParser(usage=__doc__)
    parser.add_argument("what", choices=["prefill"])
    parser.add_argument("--precis", required=True)
    parser.add_argument("--model", type=pathlib.Path, default=default_model())
    parser.add_argument("--tokens", default="512,1024,3000")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--json", type=pathlib.Path)
    args = parser.parse_args()
    rows = prefill(args)
    print(f"prefill in bf16, {args.model.name}, {args.threads} threads, {args.rounds} rounds in turn,"
          f" tokens/s (medians), {platform.machine()}")
    print(f"{'tokens':>8} {'precis':>8} {'llama.cpp':>10} {'ratio':>7} {'(least':>8} {'most)':>7}")
    for r in rows:
        print(f"{r['tokens']:>8} {r['precis']:>8.0f} {r['llama.cpp']:>10.0f} {r['ratio']:>7.2f}"
              f" {r['ratio_min']:>8.2f} {r['ratio_max']:>7.2f}")
    if args.json:
        args.json.write_text(json.dumps(rows, indent=1) + "\n")


if __name__ == "__main__":
    main()
