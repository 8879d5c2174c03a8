#!/usr/bin/env python3
"""Exports models with `precis models export` and holds them against precis's own f32 engine: the same
greedy tokens and log-probabilities from ONNX Runtime, a graph that onnx.checker accepts, and a
tokenizer.json that `tokenizers` reads and that gives the ids of `precis tokenize`. A model with a
golden.json (make_families.py) is held against that: what transformers computes.

usage: check_export.py [-h] PRECIS MODEL... [options]    (needs numpy, onnx, onnxruntime, tokenizers)
"""
import argparse
import json
import os
import pathlib
import subprocess
import sys
import tempfile

import numpy
import onnx
import onnxruntime
import tokenizers

LENGTHS = (1, 7, 33, 300)
TYPES = {"tensor(float)": numpy.float32, "tensor(float16)": numpy.float16}


class Export:
    def __init__(self, folder, threads=1):
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.log_severity_level = 3
        self.session = onnxruntime.InferenceSession(str(folder / "model.onnx"), options,
                                                    providers=["CPUExecutionProvider"])
        self.past = {i.name: i for i in self.session.get_inputs() if i.name.startswith("past")}
        self.outputs = [o.name for o in self.session.get_outputs()]
        first = next(iter(self.past.values()))
        self.empty = numpy.zeros([1, first.shape[1], 0, first.shape[3]], TYPES[first.type])

    def run(self, ids, past, before):
        feeds = {"input_ids": numpy.array([ids], numpy.int64),
                 "attention_mask": numpy.ones([1, before + len(ids)], numpy.int64), **past}
        values = dict(zip(self.outputs, self.session.run(None, feeds)))
        past = {n: values[n.replace("past_key_values", "present")] for n in self.past}
        return values["logits"][0].astype(numpy.float64), past

    def greedy(self, ids, n, splits=()):
        """n ids and the logits before each; the prompt goes in at once, or in parts that end at `splits`."""
        past, out, rows, at = dict.fromkeys(self.past, self.empty), [], [], 0
        for end in [*splits, len(ids)]:
            logits, past = self.run(ids[at:end], past, at)
            at = end
        for _ in range(n):
            rows.append(logits[-1])
            out.append(int(logits[-1].argmax()))
            logits, past = self.run(out[-1:], past, at)
            at += 1
        return out, rows


def log_softmax(x):
    x = x - x.max()
    return x - numpy.log(numpy.exp(x).sum())


class Check:
    def __init__(self, args):
        self.args, self.failed = args, 0

    def precis(self, *args, stdin=None):
        p = subprocess.run([self.args.precis, *map(str, args)], input=stdin, capture_output=True,
                           check=False)
        if p.returncode:
            sys.exit(f"precis {' '.join(map(str, args))}: {p.stderr.decode(errors='replace')}")
        return json.loads(p.stdout)

    def say(self, good, text):
        self.failed += not good
        print("ok  " if good else "FAIL", text, flush=True)

    def native(self, model, ids, n, folder):
        (folder / "ids.json").write_text(json.dumps(ids))
        return self.precis("generate", "--model", model, "--ids", folder / "ids.json",
                           "--precision", "f32", "--max-new-tokens", n, "--ignore-eos",
                           "--logprobs", 8, "--json")

    def prompts(self, model, vocab):
        """Random ids for models of noise; text for real ones, of which noise says little."""
        if self.args.text:
            text = pathlib.Path(self.args.text).read_text()
            lines = text.splitlines()
            step = max(1, len(lines) // self.args.prompts)
            for i in range(self.args.prompts):
                piece = "\n".join(lines[i * step:i * step + 5 + 25 * (i % 4)])
                yield self.precis("tokenize", "--model", model, stdin=piece.encode()) or [0]
            return
        rng = numpy.random.default_rng(1)
        for n in LENGTHS:
            yield [int(i) for i in rng.integers(0, vocab, n)]

    def model(self, model, export, folder):
        vocab = self.exported["vocab_size"]
        same = total = 0
        worst, exact = 0.0, self.args.precision == "f32"
        for ids in self.prompts(model, vocab):
            want = self.native(model, ids, self.args.tokens, folder)
            got, rows = export.greedy(ids, self.args.tokens,
                                      [len(ids) // 2] if len(ids) > 8 else [])
            agree = 0
            for mine, row, top in zip(got, rows, want["top_logprobs"]):
                logprobs = log_softmax(row)
                worst = max(worst, *(abs(logprobs[i] - p) for i, p in top))
                if mine != want["ids"][agree]:
                    break
                agree += 1
            same, total = same + agree, total + len(got)
            if exact:
                self.say(got == want["ids"], f"{model}: {len(ids)} tokens, then {agree} of {len(got)}")
        text = f"{model} {self.args.precision}: {same} of {total} greedy tokens before the first " \
               f"that differs; log-probabilities within {worst:.2g}"
        self.say(worst <= self.args.within if exact else same > 0, text)

    def golden(self, model, export, path):
        """Prompts whose last position's logits, next tokens and those tokens' last logits are known."""
        for case in json.loads(path.read_text())["prompts"]:
            ids, want, n = case["ids"], case["greedy"], len(case["greedy"])
            if len(ids) + n > self.context:
                print(f"     {model}: {len(ids)} tokens and {n} more exceed {self.context}")
                continue
            for splits in ([], [len(ids) // 2]) if len(ids) > 1 else ([],):
                got, rows = export.greedy(ids, n, splits)
                off = max(numpy.abs(rows[0] - case["logits"]).max(),
                          numpy.abs(rows[-1] - case["last_logits"]).max() if got == want else 9)
                self.say(got == want and off <= self.args.within,
                         f"{model}: {len(ids)} tokens{' in two parts' * len(splits)}, then "
                         f"{'the same' if got == want else 'other'} {n}, logits within {off:.2g}")

    def tokenizer(self, model, folder):
        theirs = tokenizers.Tokenizer.from_file(str(folder / "tokenizer.json"))
        files = [pathlib.Path(f) for f in self.args.tokenize]
        differ = tokens = 0
        for file in files:
            text = file.read_text(errors="replace")
            mine = self.precis("tokenize", "--model", model, stdin=text.encode())
            ids = theirs.encode(text).ids
            differ, tokens = differ + (mine != ids), tokens + len(ids)
            if mine != ids:
                print(f"     {file}: differs")
        self.say(differ == 0, f"{model}: {len(files)} files, {tokens} tokens, {differ} files differ")

    def run(self):
        for model in self.args.models:
            with tempfile.TemporaryDirectory(dir=self.args.scratch) as scratch:
                scratch = pathlib.Path(scratch)
                folder = scratch / "export"
                made = self.precis("models", "export", model, "--onnx", folder, "--precision",
                                   self.args.precision, "--json",
                                   *([] if self.args.tokenize else ["--no-tokenizer"]))
                sizes = {f["name"]: f["bytes"] for f in made["files"]}
                self.say(sizes == {n: os.path.getsize(folder / n) for n in os.listdir(folder)},
                         f"{model}: {sum(sizes.values())} bytes")
                self.context = made["context"]
                onnx.checker.check_model(str(folder / "model.onnx"))
                self.exported = json.loads((folder / "config.json").read_text())
                golden = pathlib.Path(model.removesuffix(".gguf")) / "golden.json"
                if golden.exists():
                    self.golden(model, Export(folder), golden)
                else:
                    self.model(model, Export(folder), scratch)
                if self.args.tokenize:
                    self.tokenizer(model, folder)
        return self.failed


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    p.add_argument("precis")
    p.add_argument("models", nargs="+")
    p.add_argument("--precision", default="f32", choices=["f32", "f16", "int8", "int4"])
    p.add_argument("--tokens", type=int, default=16, help="greedy ones after each prompt")
    p.add_argument("--within", type=float, default=1e-3, help="of log-probabilities, in f32")
    p.add_argument("--text", help="a file whose pieces are prompts, instead of random ids")
    p.add_argument("--prompts", type=int, default=4, help="of the text")
    p.add_argument("--tokenize", nargs="*", default=[], metavar="FILE")
    p.add_argument("--scratch", help="a folder with room for an export")
    sys.exit(1 if Check(p.parse_args()).run() else 0)


if __name__ == "__main__":
    main()
