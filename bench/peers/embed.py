"""Embeddings of pieces of a source tree: tokens a second, in turn, and cosines to sentence-transformers."""
import json
import os

import numpy

import common
import fidelity
import worker

PIECES, LINES, MOST = 512, 40, 256
TEXTS = 1000  # of every length, for the cosines


def lines_of(tree):
    for path in fidelity.source_files(tree, 0):
        with open(path, encoding="utf-8", errors="replace") as f:
            yield f.read().splitlines(keepends=True)


def pieces(tree):
    """PIECES pieces of LINES lines, evenly spread over all there are."""
    every = ["".join(lines[i:i + LINES]) for lines in lines_of(tree)
             for i in range(0, len(lines) - LINES + 1, LINES)]
    if len(every) < PIECES:
        raise worker.WorkerError(f"{tree}: has {len(every)} pieces of {LINES} lines")
    return [every[i * len(every) // PIECES] for i in range(PIECES)]


def texts_of_every_length(texts):
    """From one word to all words of a text."""
    words = [t.split() for t in texts]
    return [" ".join(words[i % len(words)][:1 + i * 120 // TEXTS]) for i in range(TEXTS)]


def folder_of_model():
    return os.path.join(common.fetch_model("--folder").strip(), "all-minilm-l6-v2")


def cosines(bench, texts, w, folder):
    """name -> (mean, least) cosine to sentence-transformers."""
    reference, mine = bench.work / "reference.npy", bench.work / "precis.npy"
    w.ask("embed", name="sentence-transformers", texts=texts, out=str(reference))
    want = numpy.load(reference)
    lines = "".join(json.dumps({"id": i, "text": t}) + "\n" for i, t in enumerate(texts))
    out = {}
    for precision in ("f32", "bf16", "int8"):
        try:
            bench.precis("embed", "--model", folder, "--jsonl", "--precision", precision, "--format",
                         "npy", "-o", str(mine), "-q", text=lines)
        except SystemExit as error:  # no bf16 on this processor
            common.say(f"  {precision}: left out: {error}")
            continue
        dot = (want * numpy.load(mine)).sum(1)
        out[f"precis {precision}"] = [float(dot.mean()), float(dot.min())]
    return out


def measure(bench, graph8=None):
    """A section. graph8: an int8 ONNX file of the model, measured too."""
    o, folder = bench.options, folder_of_model()
    bench.begin("embed, minilm")
    texts = pieces(o.tree)
    path = bench.work / "embed.jsonl"
    path.write_text("".join(json.dumps({"text": t}) + "\n" for t in texts))
    w = bench.worker("embed")
    graph = str(bench.work / "minilm-f32.onnx")
    w.ask("export", folder=folder, out=graph)
    w.ask("open", name="sentence-transformers", folder=folder, threads=bench.threads, most=MOST)
    w.ask("open", name="ONNX Runtime f32", folder=folder, threads=bench.threads, most=MOST,
          graph=graph)
    names = ["sentence-transformers", "ONNX Runtime f32"]
    if graph8:
        w.ask("open", name="ONNX Runtime int8", folder=folder, threads=bench.threads, most=MOST,
              graph=graph8)
        names.append("ONNX Runtime int8")
    arguments = ["bench", "embed", "--model", folder, "--jsonl", "--precision", o.precision,
                 "--lanes", str(bench.threads), "--rounds", "1"]
    asked = []

    def ours():
        asked.append(bench.precis_json(*arguments, str(path)))
        return asked[-1]["tokens_per_s"]

    ours()
    tokens = asked[-1]["tokens"]
    entries = {"precis": ours, **{n: lambda n=n: tokens / w.ask("embed", name=n, texts=texts)
                                  for n in names}}
    speeds = common.in_turn(bench.rounds, entries)
    queries = sorted(a["query_ms"] for a in asked)
    row = {"case": f"{PIECES} pieces of {LINES} lines", "tokens": tokens, "speeds": speeds,
           "query_ms": queries[len(queries) // 2],
           "cosines": cosines(bench, texts_of_every_length(texts), w, folder)}
    section = bench.section("embed", "minilm", "tokens/s", [row], bench.rounds,
                            tree=common.tree_name(o.tree), commands=[
        f"precis bench embed TEXTS.jsonl --jsonl --precision {o.precision} --lanes "
        f"{bench.threads} --rounds 1 --json"])
    bench.close_workers()
    return section
