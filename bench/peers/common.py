"""What the measurements share: the machine, the programs, the models' files, and taking turns."""
import datetime
import json
import os
import pathlib
import platform
import re
import subprocess
import sys
import time

import numpy

import worker

HERE = pathlib.Path(__file__).resolve().parent
REPOSITORY = HERE.parent.parent
LLAMA_KINDS = ("bf16", "q4_0", "q8_0")
MODELS = {"smollm2": "SmolLM2-135M-Instruct", "qwen2.5-coder-0.5b": "Qwen2.5-Coder-0.5B-Instruct",
          "qwen2.5-coder-1.5b": "Qwen2.5-Coder-1.5B-Instruct"}


def say(text):
    print(f"bench: {text}", file=sys.stderr, flush=True)


def machine():
    fields, memory = {}, 0
    for line in pathlib.Path("/proc/cpuinfo").read_text().splitlines():
        key, _, value = line.partition(":")
        fields.setdefault(key.strip(), value.strip())
    for line in pathlib.Path("/proc/meminfo").read_text().splitlines():
        if line.startswith("MemTotal"):
            memory = int(line.split()[1]) * 1024
    wanted = ("avx2", "avx512f", "avx512_vnni", "avx512_bf16", "avx_vnni", "amx_int8", "amx_bf16")
    flags = fields.get("flags", "").split()
    return {"cpu": fields.get("model name", platform.machine()), "family": fields.get("cpu family"),
            "model": fields.get("model"), "cores": len(os.sched_getaffinity(0)),
            "instructions": [f for f in wanted if f in flags], "memory_bytes": memory,
            "system": f"{platform.system()} {platform.machine()}"}


def revision():
    """The commit that is checked out, "+" if files differ from it; None outside of a checkout."""
    git = ["git", "-C", str(REPOSITORY)]
    try:
        out = subprocess.run(git + ["rev-parse", "--short", "HEAD"], check=True, text=True,
                             capture_output=True).stdout.strip()
        changed = subprocess.run(git + ["status", "--porcelain", "-uno"], check=True, text=True,
                                 capture_output=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return None
    return out + ("+" if changed else "")


def tree_name(tree):
    """Its folder's name, with the commit if one is checked out."""
    git = subprocess.run(["git", "-C", tree, "rev-parse", "--short", "HEAD"], text=True,
                         capture_output=True)
    return pathlib.Path(tree).resolve().name + (f" {git.stdout.strip()}" if git.returncode == 0 else "")


def fetch_model(*arguments):
    return subprocess.run([str(REPOSITORY / "tools" / "fetch-model.sh"), *arguments], check=True,
                          capture_output=True, text=True).stdout


def model_file(name):
    path = name
    if name in MODELS:
        row = [line for line in fetch_model("--list").splitlines() if line.split()[0] == name][0]
        path = os.path.join(fetch_model("--folder").strip(), row.split()[1])
    if not os.path.isfile(path):
        sys.exit(f"bench: {path} is missing: get it with 'tools/fetch-model.sh {name}'")
    return path


def random_ids(count, vocabulary, seed):
    """The ids `precis bench` uses: SplitMix64 modulo the vocabulary (src/base/rng.h)."""
    with numpy.errstate(over="ignore"):
        z = numpy.uint64(seed) + numpy.arange(1, count + 1, dtype=numpy.uint64) \
            * numpy.uint64(0x9E3779B97F4A7C15)
        z = (z ^ (z >> numpy.uint64(30))) * numpy.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> numpy.uint64(27))) * numpy.uint64(0x94D049BB133111EB)
        z ^= z >> numpy.uint64(31)
    return (z % numpy.uint64(vocabulary)).astype(int).tolist()


def in_turn(rounds, contenders):
    """contenders: name -> function that measures once. Each is called once for warming up, then once a
    round, each round beginning with another. Returns name -> [rounds] of what the functions return.
    One that raises WorkerError is left out, with a line on standard error."""
    out = {}
    for name, measure in contenders.items():
        try:
            say(f"    {name}: {measure():.5g} (warming up)")
            out[name] = []
        except worker.WorkerError as error:
            say(f"    {name}: left out: {error}")
    names = list(out)
    for i in range(rounds if names else 0):
        shift = i % len(names)
        for name in names[shift:] + names[:shift]:
            time.sleep(0.2)  # threads of the one before may still spin
            out[name].append(contenders[name]())
    for name in names:
        say(f"    {name}: {', '.join(f'{x:.5g}' for x in out[name])}")
    return out


class Bench:
    """The options, the peers' processes, and the results that each measurement adds a section to."""

    def __init__(self, options):
        self.options = options
        self.threads = options.threads
        self.work = pathlib.Path(options.work)
        self.work.mkdir(parents=True, exist_ok=True)
        self.log = open(self.work / "peers.log", "a")
        self.workers, self.versions, self.last = {}, {}, {}

    def worker(self, environment):
        if environment not in self.workers:
            script = {"native": "llama", "avx2": "llama", "onnx": "onnx", "torch": "torch",
                      "embed": "embed"}
            python = pathlib.Path(self.options.peers) / environment / "bin" / "python"
            if not python.exists():
                raise worker.WorkerError(
                    f"no environment {environment}: make it with bench/peers/setup.sh")
            w = worker.Worker(str(python), str(HERE / f"{script[environment]}_worker.py"), self.log)
            self.workers[environment] = w
            self.versions[environment] = w.ask("versions")
        return self.workers[environment]

    def close_workers(self):
        for w in self.workers.values():
            w.close()
        self.workers, self.versions = {}, {}

    def precis(self, *arguments, environment=None, text=None):
        """Standard output of precis; a failure ends everything."""
        run = subprocess.run([self.options.precis, *arguments], capture_output=True, text=True,
                             input=text, env={**os.environ, **(environment or {})})
        if run.returncode:
            sys.exit(f"bench: precis {' '.join(arguments)}: {run.stderr.strip()}")
        return run.stdout

    def precis_json(self, *arguments, environment=None):
        """One JSON value of precis. What it says of its configuration is kept for the section."""
        out = json.loads(self.precis(*arguments, "--json", environment=environment))
        if isinstance(out, dict):
            for key in ("precision", "isa", "lanes", "packed_sha256"):
                self.last[key] = out.get(key)
        return out

    def model_arguments(self, model, lanes=None):
        return ["--model", model, "--precision", self.options.precision, "--lanes",
                str(lanes or self.threads)]

    def llama_kinds(self, model):
        """kind -> file; those that llama.cpp's quantiser makes are made once, and kept."""
        source = model_file(model)
        out = {"as it is": source}
        for kind in LLAMA_KINDS:
            path = self.work / f"{pathlib.Path(source).stem}.{kind}.gguf"
            if not path.exists():
                say(f"  writing {path.name} with llama.cpp's quantiser")
                part = path.with_suffix(".part")
                self.worker("native").ask("quantize", model=source, out=str(part), kind=kind)
                part.rename(path)
            out[kind] = str(path)
        return out

    def vocabulary(self, model):
        if not hasattr(self, "sizes"):
            self.sizes = {}
        if model not in self.sizes:
            shown = self.precis("models", "show", model)
            self.sizes[model] = int(re.search(r"vocabulary\D*([\d,]+)", shown, re.I)[1].replace(",", ""))
        return self.sizes[model]

    def section(self, kind, model, unit, rows, rounds, **more):
        """What a figure needs to be understood: where, when, with what, and how."""
        return {"kind": kind, "model": model, "unit": unit, "rounds": rounds, "rows": rows,
                "machine": machine(), "load_at_start": self.load, "threads": self.threads,
                "rerun": self.rerun(kind, model, rounds),
                "date": datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%d"),
                "precis": {"version": self.precis("--version").split()[-1], "commit": revision(),
                           **{k: self.last.get(k) for k in
                              ("precision", "isa", "lanes", "packed_sha256")}},
                "peers": {name: dict(v) for name, v in self.versions.items()}, **more}

    def rerun(self, kind, model, rounds):
        """The command for people that measures a section, without paths."""
        o = self.options
        part = "qwen" if kind == "prefill" and model != "smollm2" else kind
        more = {"qwen": f" --qwen {model}", "prefill": f" --tokens {o.tokens}",
                "fidelity": f" --fidelity-models {model}" + (" --tree TREE" if o.tree else ""),
                "embed": " --tree TREE" + (" --embed-graph FILE.onnx" if o.embed_graph else ""),
                "end-to-end": f" --tree TREE --chunks {o.chunks}"}.get(part, "")
        return (f"make bench-peers ARGS='--only {part} --rounds {o.rounds} --threads {self.threads} "
                f"--precision {o.precision}{more}'")

    def begin(self, what):
        self.load = round(os.getloadavg()[0], 2)
        self.last = {}
        say(f"{what} (load {self.load})")
