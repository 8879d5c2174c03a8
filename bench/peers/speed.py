"""Prefill, batched decode and lanes: tokens a second of precis and its peers, in turn."""
import common
import worker


def add_llama(bench, contenders, model, tokens, environment, ids, kinds=None, prefix="llama.cpp"):
    """Opens the forms of the model and adds one contender for each."""
    w = bench.worker(environment)
    for kind, path in bench.llama_kinds(model).items():
        if kinds and kind not in kinds:
            continue
        w.ask("open", name=kind, path=path, tokens=tokens, threads=bench.threads)
        contenders[f"{prefix} {kind}"] = lambda kind=kind: \
            len(ids()) / w.ask("prefill", name=kind, ids=ids())


def close_llama(bench, model, environment, kinds=None):
    for kind in bench.llama_kinds(model):
        if not kinds or kind in kinds:
            bench.worker(environment).ask("close", name=kind)


def add_onnx(bench, contenders, model, ids):
    w = bench.worker("onnx")
    for bits in (4, 8):
        name = f"ONNX Runtime MatMulNBits {bits}-bit"
        w.ask("open", name=name, path=common.model_file(model), bits=bits, threads=bench.threads,
              out=str(bench.work / f"graph{bits}.onnx"))
        contenders[name] = lambda name=name: len(ids()) / w.ask("prefill", name=name, ids=ids())


def add_torch(bench, contenders, model, ids):
    """transformers in bf16 or f32, whichever is faster on a short prompt."""
    w = bench.worker("torch")
    speeds = {}
    for dtype in ("bfloat16", "float32"):
        w.ask("open", name=dtype, path=common.model_file(model), dtype=dtype, threads=bench.threads)
        seconds = min(w.ask("prefill", name=dtype, ids=ids()[:256]) for _ in range(3))
        speeds[dtype] = 256 / seconds
    best = max(speeds, key=speeds.get)
    w.ask("close", name=min(speeds, key=speeds.get))
    contenders[f"transformers {best}"] = lambda: len(ids()) / w.ask("prefill", name=best, ids=ids())
    return best


def precis_prefill(bench, model, tokens, environment=None, lanes=None):
    return bench.precis_json("bench", "prefill", *bench.model_arguments(model, lanes), "--tokens",
                             str(tokens), "--rounds", "1", environment=environment)["tokens_per_s"]


def prefill(bench, model, lengths, onnx=False, torch=False):
    """A section: one prompt of each length."""
    bench.begin(f"prefill, {model}, {lengths} tokens")
    ids, contenders, rows = [], {}, []
    longest, now = max(lengths), lambda: ids
    ids = common.random_ids(longest, bench.vocabulary(model), 1)
    add_llama(bench, contenders, model, longest, "native", lambda: ids)
    torch_name = None
    for wanted, add in ((onnx, add_onnx), (torch, add_torch)):
        try:
            if wanted:
                torch_name = add(bench, contenders, model, lambda: ids)
        except worker.WorkerError as error:
            common.say(f"  left out: {error}")
    for n in lengths:
        common.say(f"  {n} tokens")
        ids = common.random_ids(n, bench.vocabulary(model), 1)
        entries = {"precis": lambda: precis_prefill(bench, model, n), **contenders}
        slow = {k: entries.pop(k) for k in list(entries) if k.startswith("transformers")}
        speeds = common.in_turn(bench.rounds, entries)
        speeds.update(common.in_turn(min(2, bench.rounds), slow))
        rows.append({"case": f"{n:,} tokens", "tokens": n, "speeds": speeds})
    section = bench.section("prefill", model, "tokens/s", rows, bench.rounds, commands=[
        " ".join(["precis", "bench", "prefill", *bench.model_arguments(model), "--tokens", str(n),
                  "--rounds", "1", "--json"]) for n in lengths])
    bench.close_workers()
    return section


def decode_entries(bench, model, environment, precis_environment=None):
    o = bench.options
    vocabulary = bench.vocabulary(model)
    prompts = [common.random_ids(o.context, vocabulary, i + 1) for i in range(o.sequences)]
    arguments = ["bench", "decode", *bench.model_arguments(model), "--sequences", str(o.sequences),
                 "--context", str(o.context), "--steps", str(o.steps)]
    entries = {"precis": lambda: bench.precis_json(
        *arguments, environment=precis_environment)["tokens_per_s"]}
    w = bench.worker(environment)
    for kind, path in bench.llama_kinds(model).items():
        w.ask("open", name=kind, path=path, tokens=o.context + o.steps, threads=bench.threads,
              sequences=o.sequences)
        entries[f"llama.cpp {kind}"] = lambda kind=kind: o.sequences * o.steps / w.ask(
            "decode", name=kind, prompts=prompts, steps=o.steps)
    return entries, " ".join(["precis", *arguments, "--json"])


def decode_row(bench, entries):
    o = bench.options
    return {"case": f"decode, {o.sequences} sequences of {o.context}", "sequences": o.sequences,
            "context": o.context, "steps": o.steps,
            "speeds": common.in_turn(bench.rounds, entries)}


def decode(bench, model):
    """A section: many sequences in one batch."""
    bench.begin(f"decode, {model}")
    entries, command = decode_entries(bench, model, "native")
    rows = [decode_row(bench, entries)]
    section = bench.section("decode", model, "tokens/s, summed", rows, bench.rounds,
                            commands=[command])
    bench.close_workers()
    return section


def lanes(bench, model, tokens=1024):
    """A section: two lanes against one, precis alone."""
    bench.begin(f"lanes, {model}")
    names = {f"precis, {k} lane{'s' if k > 1 else ''}": k for k in (bench.threads, 1)}
    entries = {name: lambda k=k: precis_prefill(bench, model, tokens, lanes=k)
               for name, k in names.items()}
    rows = [{"case": f"{tokens:,} tokens", "tokens": tokens,
             "speeds": common.in_turn(bench.rounds, entries)}]
    return bench.section("lanes", model, "tokens/s", rows, bench.rounds, commands=[
        " ".join(["precis", "bench", "prefill", *bench.model_arguments(model, k), "--tokens",
                  str(tokens), "--rounds", "1", "--json"]) for k in names.values()])


def avx2(bench, model, lengths=(512, 1024)):
    """A section: both held to AVX2."""
    bench.begin(f"AVX2, {model}")
    forced = {"PRECIS_ISA": "avx2"}
    rows, ids, contenders = [], [], {}
    system = bench.worker("avx2").ask("versions")["system"]
    if "AVX512 = 1" in system:
        raise worker.WorkerError(f"the AVX2 build of llama.cpp has AVX-512: {system}")
    add_llama(bench, contenders, model, max(lengths), "avx2", lambda: ids)
    for n in lengths:
        common.say(f"  {n} tokens")
        ids = common.random_ids(n, bench.vocabulary(model), 1)
        entries = {"precis": lambda: precis_prefill(bench, model, n, forced), **contenders}
        rows.append({"case": f"prefill, {n:,} tokens", "tokens": n,
                     "speeds": common.in_turn(bench.rounds, entries)})
    close_llama(bench, model, "avx2")
    entries, command = decode_entries(bench, model, "avx2", forced)
    rows.append(decode_row(bench, entries))
    section = bench.section("avx2", model, "tokens/s", rows, bench.rounds, commands=[
        " ".join(["PRECIS_ISA=avx2 precis bench prefill", *bench.model_arguments(model),
                  "--tokens", str(n), "--rounds", "1", "--json"]) for n in lengths]
        + ["PRECIS_ISA=avx2 " + command])
    bench.close_workers()
    return section
