"""The whole job: full chunks of a source tree, the same prompts and answer lengths on both sides."""
import json
import os
import pathlib
import shlex
import subprocess
import sys

import common
import fidelity

PROMPT = """<|im_start|>system
You describe source code in one sentence.<|im_end|>
<|im_start|>user
Say in one sentence what this part of {path} does.

```
{code}```<|im_end|>
<|im_start|>assistant
"""


def full_chunks(tree, loc):
    """(path below the tree, text) of every chunk of exactly loc lines, in order."""
    out = []
    for path in fidelity.source_files(tree):
        try:
            lines = pathlib.Path(path).read_text(encoding="utf-8").splitlines(keepends=True)
        except UnicodeDecodeError:
            continue
        for at in range(0, len(lines) - loc + 1, loc):
            out.append((str(pathlib.Path(path).relative_to(tree)), "".join(lines[at:at + loc])))
    return out


def make_prompts(bench, model):
    """Files with prompts, and their ids."""
    o = bench.options
    chunks = full_chunks(o.tree, o.loc)
    if len(chunks) < o.chunks:
        sys.exit(f"bench: {o.tree} has {len(chunks)} chunks of {o.loc} lines, not {o.chunks}")
    chosen = [chunks[i * len(chunks) // o.chunks] for i in range(o.chunks)]
    texts = [PROMPT.format(path=path, code=code) for path, code in chosen]
    lines = "".join(json.dumps({"text": text}) + "\n" for text in texts)
    answers = bench.precis("tokenize", "--model", model, "--no-special", "--jsonl", text=lines)
    files = []
    for i, text in enumerate(texts):
        files.append(bench.work / f"prompt{i}.txt")
        files[-1].write_text(text)
    return files, [json.loads(line)["ids"] for line in answers.splitlines()], len(chunks)


def compile_replay(bench):
    """replay.c with the library that the program comes from."""
    build = pathlib.Path(bench.options.precis).resolve().parents[2]
    flags = subprocess.run(["pkg-config", "--libs", "--static", "precis"], check=True, text=True,
                           capture_output=True,
                           env={**os.environ,
                                "PKG_CONFIG_PATH": str(build / "meson-uninstalled")}).stdout
    program = bench.work / "replay"
    # libprecis.a has what the others lack only once it is installed
    parts = [str(p) for p in sorted((build / "src").glob("*/*.a"))]
    subprocess.run(["cc", "-std=c17", "-D_POSIX_C_SOURCE=200809L", "-O2", "-Wall", "-Wextra",
                    f"-I{common.REPOSITORY / 'include'}", str(common.HERE / "replay.c"), "-o",
                    str(program), "-Wl,--start-group", str(build / "libprecis.a"), *parts,
                    "-Wl,--end-group", *(f for f in shlex.split(flags) if f != "-lprecis")], check=True)
    return str(program)


def measure(bench, model):
    """A section: seconds a chunk, llama.cpp in its fastest form for these prompts."""
    bench.begin(f"end to end, {model}")
    o = bench.options
    files, prompts, chunks = make_prompts(bench, model)
    program = compile_replay(bench)
    counts, last = [], {}

    def precis():
        run = subprocess.run([program, model, str(bench.threads), str(o.max_new_tokens),
                              *map(str, files)], capture_output=True, text=True)
        if run.returncode:
            sys.exit(f"bench: {run.stderr.strip()}")
        last.update(json.loads(run.stdout))
        if [a["tokens_in"] for a in last["answers"]] != [len(ids) for ids in prompts]:
            sys.exit("bench: precis and its tokenizer disagree about the prompts")
        counts[:] = [max(1, a["tokens_out"]) for a in last["answers"]]
        return len(prompts) / last["seconds"]

    entries = {"precis": precis}
    precis()
    w = bench.worker("native")
    forms = bench.llama_kinds(model)
    longest = max(map(len, prompts))
    seconds = {}
    for kind, path in forms.items():
        w.ask("open", name=kind, path=path, tokens=longest, threads=bench.threads)
        seconds[kind] = min(w.ask("prefill", name=kind, ids=prompts[0]) for _ in range(2))
        w.ask("close", name=kind)
    best = min(seconds, key=seconds.get)
    common.say(f"  llama.cpp's fastest form: {best} of {seconds}")
    tokens = longest + o.max_new_tokens + 1
    w.ask("open", name="alone", path=forms[best], tokens=tokens, threads=bench.threads)
    w.ask("open", name="together", path=forms[best], tokens=tokens, threads=bench.threads,
          sequences=len(prompts))

    def alone():
        return len(prompts) / sum(w.ask("generate", name="alone", prompts=[ids], counts=[n])["seconds"]
                                  for ids, n in zip(prompts, counts))

    def together():
        return len(prompts) / w.ask("generate", name="together", prompts=prompts,
                                    counts=counts)["seconds"]

    entries[f"llama.cpp {best}, one by one"] = alone
    entries[f"llama.cpp {best}, decoding together"] = together
    speeds = common.in_turn(bench.rounds, entries)
    bench.last = {k: last.get(k) for k in ("precision", "isa", "lanes")}
    rows = [{"case": f"{len(prompts)} chunks of {o.loc} lines", "speeds": speeds,
             "tokens_in": [len(ids) for ids in prompts], "tokens_out": counts,
             "resident_bytes": last["resident_bytes"], "full_chunks_in_tree": chunks}]
    section = bench.section("end-to-end", model, "chunks/s", rows, bench.rounds, tree=common.tree_name(o.tree), commands=[
        f"replay {model} {bench.threads} {o.max_new_tokens} PROMPT...   (bench/peers/replay.c)"])
    bench.close_workers()
    return section
