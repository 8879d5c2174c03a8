#!/usr/bin/env python3
"""Measures precis and its peers in turn, on the same token ids, and keeps all figures in one JSON file.

Run it in the environment `onnx` of bench/peers/setup.sh with nothing else running (`make bench-peers`
does). A part that is measured again replaces its section of the file, the others stay;
bench/peers/report.py makes the document of it. Random ids measure speed; fidelity is measured on code.
"""
import argparse
import json
import os
import pathlib

import common
import embed
import endtoend
import fidelity
import roofline
import speed
import start
import table

PARTS = ("prefill", "qwen", "decode", "lanes", "avx2", "roofline", "start", "fidelity",
         "embed", "end-to-end")


def arguments():
    p = argparse.ArgumentParser(description=__doc__,
                                formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--precis", required=True, help="the program, in its build folder")
    p.add_argument("--peers", required=True, help="the folder that setup.sh filled")
    p.add_argument("--out", default="build/bench-peers.json")
    p.add_argument("--work", help="for quantised models and graphs [PEERS/work]")
    p.add_argument("--only", default=",".join(PARTS), help="of " + ",".join(PARTS))
    p.add_argument("--rounds", type=int, default=5, help="half of them for qwen and end-to-end")
    p.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)))
    p.add_argument("--precision", default="auto", help="of precis")
    p.add_argument("--tokens", default="512,1024,3000", help="prompts of the prefill")
    p.add_argument("--qwen", default="qwen2.5-coder-0.5b,qwen2.5-coder-1.5b", help="models of qwen")
    p.add_argument("--fidelity-models", default="smollm2,qwen2.5-coder-0.5b,qwen2.5-coder-1.5b")
    p.add_argument("--sequences", type=int, default=32)
    p.add_argument("--context", type=int, default=300)
    p.add_argument("--steps", type=int, default=20, help="of the decode")
    p.add_argument("--tree", help="a source tree: fidelity on its files; embed and end-to-end need it")
    p.add_argument("--embed-graph", help="an int8 ONNX file of all-MiniLM-L6-v2, for embed")
    p.add_argument("--chunks", type=int, default=12)
    p.add_argument("--loc", type=int, default=300)
    p.add_argument("--max-new-tokens", type=int, default=48)
    p.add_argument("--code-bytes", type=int, default=45000, help="of code, for fidelity of precis")
    p.add_argument("--small-bytes", type=int, default=7000, help="of code, for that of the peers")
    o = p.parse_args()
    if o.rounds < 1:
        p.error("--rounds: at least 1")
    o.only = o.only.split(",")
    for part in o.only:
        if part not in PARTS:
            p.error(f"--only {part}: there is {', '.join(PARTS)}")
    o.work = o.work or os.path.join(o.peers, "work")
    return o


def parts(bench, o):
    """(key of the section, function that measures it)"""
    lengths = [int(n) for n in o.tokens.split(",")]
    for part in o.only:
        if part == "prefill":
            yield "prefill/smollm2", lambda: speed.prefill(bench, "smollm2", lengths, True, True)
        elif part == "qwen":
            for model in o.qwen.split(","):
                yield f"prefill/{model}", lambda model=model: speed.prefill(
                    bench, model, [n for n in lengths if n <= 1024] or lengths[:1])
        elif part == "decode":
            yield "decode/smollm2", lambda: speed.decode(bench, "smollm2")
        elif part == "lanes":
            yield "lanes/smollm2", lambda: speed.lanes(bench, "smollm2")
        elif part == "avx2":
            yield "avx2/smollm2", lambda: speed.avx2(bench, "smollm2")
        elif part == "roofline":
            yield "roofline/smollm2", lambda: roofline.measure(bench, "smollm2")
        elif part == "start":
            yield "start/smollm2", lambda: start.measure(bench, "smollm2")
        elif part == "fidelity":
            for model in o.fidelity_models.split(","):
                yield f"fidelity/{model}", lambda model=model: fidelity.measure(bench, model)
        elif not o.tree:
            common.say(f"{part} is left out: it needs --tree")
        elif part == "embed":
            yield "embed/minilm", lambda: embed.measure(bench, o.embed_graph)
        else:
            yield "end-to-end/smollm2", lambda: endtoend.measure(bench, "smollm2")


def store(path, key, section):
    path = pathlib.Path(path)
    sections = json.loads(path.read_text()) if path.exists() else {}
    sections[key] = section
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(path.name + ".part")
    part.write_text(json.dumps(sections, indent=1) + "\n")
    part.rename(path)


def main():
    o = arguments()
    bench = common.Bench(o)
    try:
        for key, measure in parts(bench, o):
            long = key.startswith(("prefill/qwen", "end-to-end"))
            bench.rounds = (o.rounds + 1) // 2 if long else o.rounds
            section = measure()
            store(o.out, key, section)
            print("\n".join(table.lines(key, section)), flush=True)
    finally:
        bench.close_workers()


if __name__ == "__main__":
    main()
