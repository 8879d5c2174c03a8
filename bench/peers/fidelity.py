"""How far each engine's distributions are from f32 arithmetic on the same weights, on code."""
import json
import os

import numpy

import common
import worker

WINDOW = 512
SUFFIXES = (".rs", ".c", ".h", ".py", ".go", ".java", ".js", ".ts")


def source_files(tree, smallest=2000):
    """Paths of source files below tree, in a fixed order."""
    out = []
    for folder, folders, files in os.walk(tree):
        folders[:] = sorted(f for f in folders if not f.startswith(".") and
                            f not in ("target", "build", "node_modules"))
        out += [os.path.join(folder, f) for f in sorted(files) if f.endswith(SUFFIXES)
                and os.path.getsize(os.path.join(folder, f)) >= smallest]
    return out


def spread(paths, size):
    """Files from all over the list, until their bytes reach size."""
    step = max(1, len(paths) // 16)
    out, total = [], 0
    for path in [p for first in range(step) for p in paths[first::step]]:
        if total >= size:
            break
        out.append(path)
        total += os.path.getsize(path)
    return out


def small_text(paths, size):
    """The first lines of each of up to eight files, together about size bytes."""
    parts, chosen = [], paths[:8]
    for path in chosen:
        with open(path, encoding="utf-8", errors="replace") as file:
            text = file.read(size // len(chosen))
        parts.append(text[:text.rfind("\n") + 1])
    return "".join(parts)


def compare(reference, logits, block=64):
    """(mean Kullback-Leibler divergence from the reference in nats, share of the same top tokens)"""
    def log_softmax(x):
        x = x.astype(numpy.float64)
        x -= x.max(-1, keepdims=True)
        return x - numpy.log(numpy.exp(x).sum(-1, keepdims=True))
    kl, same = 0.0, 0
    for at in range(0, len(reference), block):
        r, q = reference[at:at + block], logits[at:at + block]
        same += int((r.argmax(-1) == q.argmax(-1)).sum())
        p = log_softmax(r)
        kl += float((numpy.exp(p) * (p - log_softmax(q))).sum())
    return kl / len(reference), same / len(reference)


def perplexity(bench, model, files):
    out = bench.precis_json("perplexity", "--model", model, "--precision", bench.options.precision,
                            "--reference", "f32", "--memory-limit", "0", "--window", str(WINDOW),
                            *files)
    return {"engine": "precis", "n": out["tokens"], "kl": out["kl"],
            "top1_same": out["top1_same"], "nll": out["nll"], "precision": out.get("precision"),
            "packed_sha256": out.get("packed_sha256")}


def peer_row(bench, name, w, engine, reference, windows, path):
    w.ask("logits", name=name, windows=windows, out=path)
    logits = numpy.load(path, mmap_mode="r")
    kl, same = compare(reference, logits)
    row = {"engine": engine, "set": "small", "n": len(logits), "kl": kl, "top1_same": same}
    common.say(f"    {engine}: KL {kl:.5f}, same {same:.4f}")
    os.unlink(path)
    return row


def peers(bench, model, windows):
    reference_path = str(bench.work / "reference.npy")
    path = str(bench.work / "logits.npy")
    file = common.model_file(model)
    w = bench.worker("torch")
    w.ask("open", name="f32", path=file, dtype="float32", threads=bench.threads)
    w.ask("logits", name="f32", windows=windows, out=reference_path)
    w.ask("close", name="f32")
    reference = numpy.load(reference_path, mmap_mode="r")
    rows = []
    for kind, gguf in bench.llama_kinds(model).items():
        w = bench.worker("native")
        w.ask("open", name=kind, path=gguf, tokens=WINDOW, threads=bench.threads)
        rows.append(peer_row(bench, kind, w, f"llama.cpp {kind}", reference, windows, path))
        w.ask("close", name=kind)
    for bits in (32, 8, 4) if model == "smollm2" else ():
        w = bench.worker("onnx")
        name = "ONNX Runtime f32" if bits == 32 else f"ONNX Runtime MatMulNBits {bits}-bit"
        w.ask("open", name=name, path=file, bits=bits, threads=bench.threads,
              out=str(bench.work / f"graph{bits}.onnx"))
        rows.append(peer_row(bench, name, w, name, reference, windows, path))
        w.ask("close", name=name)
    os.unlink(reference_path)
    return rows


def measure(bench, model):
    """A section: precis on many tokens of code against its own f32, and every engine, precis among
    them, on the same few windows against f32 arithmetic (peers: of transformers)."""
    bench.begin(f"fidelity, {model}")
    o = bench.options
    tree = o.tree or str(common.REPOSITORY / "src")
    paths = spread(source_files(tree), o.code_bytes)
    rows = [{**perplexity(bench, model, paths), "set": "large"}]
    common.say(f"    precis: {json.dumps(rows[0])}")
    small = bench.work / "small.txt"
    text = small_text(paths, o.small_bytes)
    small.write_text(text)
    rows.append({**perplexity(bench, model, [str(small)]), "set": "small"})
    ids = json.loads(bench.precis("tokenize", "--model", model, "--no-special", "--plain", text=text))
    windows = [ids[at:at + WINDOW] for at in range(0, len(ids), WINDOW)]
    windows = [w for w in windows if len(w) > 1]
    try:
        rows += peers(bench, model, windows)
    except worker.WorkerError as error:
        common.say(f"  left out: {error}")
    source = f"files of {common.tree_name(o.tree)}" if o.tree else "files of this repository's src/"
    section = bench.section("fidelity", model, "nats a token", rows, 1, window=WINDOW, commands=[
        f"precis perplexity --model {model} --precision {o.precision} --reference f32 --memory-limit 0"
        f" --window {WINDOW} --json FILES   ({len(paths)} {source})"],
        files=[os.path.relpath(p, tree) for p in paths])
    bench.close_workers()
    return section
