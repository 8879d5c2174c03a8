#!/usr/bin/env python3
"""Makes docs/benchmarks.md and docs/benchmarks.svg of the results of bench/peers/run.py.

usage: report.py RESULTS.json DOCUMENT.md [--include FILE.md]...

The plot lies beside the document, with .svg for .md. --include puts the text of a file before the
last part (what other programs measured). A figure that a section lacks reads "missing".
"""
import argparse
import json
import pathlib
import statistics

import plot
import roofline
import table

TITLES = {"prefill": "Prefill", "decode": "Batched decode", "lanes": "Lanes",
          "avx2": "Without AVX-512", "roofline": "Roofline", "start": "Start", "fidelity": "Fidelity", "embed": "Embeddings", "end-to-end": "End to end"}
WHAT = {
    "prefill": "One prompt of random token ids, alone in the engine, from its submission to the logits of its"
               " last token. llama.cpp: flash attention, batches of 512, each form made by its own quantiser"
               " (`as it is`: the file that precis reads).{onnx}",
    "decode": "All sequences in one batch; tokens/s summed over them, once all have been read. llama.cpp is"
              " given the tokens, precis chooses its own (greedy).",
    "lanes": "One prompt on precis alone, by number of lanes (threads).",
    "avx2": "precis with `PRECIS_ISA=avx2`, llama.cpp compiled without anything beyond AVX2, FMA, F16C and"
            " BMI2.",
    "roofline": "precis' kernels on one thread, beside the peak of the instruction that each is made of, which"
                " is measured in turn with them in a loop on registers; shares are medians of the shares of each"
                " round, in processor time of the thread. Two operations to a multiply-add; of attention only"
                " what a causal prompt needs. Operands are in the caches as far as they fit: the output layer's"
                " weights do not fit in the second level, and with one row a product reads more than it"
                " computes. Bars: linear layers with 128 rows, which is what the engine gives them in a prefill, and"
                " the output layer also with 32, which is the most it gives that one; attention in int8.",
    "start": "From the start of the program to its first token, which ends it; files are in the page cache. The first start"
             " with a model reads it whole, for its digest, and packs its weights into a file of the cache.",
    "fidelity": "Mean Kullback-Leibler divergence from f32 arithmetic on the same weights, and how often the"
                " most likely token is the same, on source code in windows of {window} tokens. *large*: precis"
                " against its own f32; *small*: every engine on the same tokens, peers against transformers in"
                " f32. The peers' 4-bit forms are made again from the file's own, which costs them fidelity.",
    "embed": "Pieces of the tree `{tree}`, cut at 256 tokens ({tokens:,} in all), from text to vector. The peers"
             " get them sorted by length in batches of 32. Cosines are to sentence-transformers, on 1,000 texts of"
             " every length.",
    "end-to-end": "{case} of the tree `{tree}`, each with an instruction before it and an answer after it:"
                  " {least:,} to {most:,} tokens in, {out:,} out in all. Both sides get the same prompt ids"
                  " and make answers of the same lengths; models are open before the clock starts.",
}


def cells(*values):
    return "| " + " | ".join(values) + " |"


def seconds_a_chunk(speed):
    return f"{1 / speed:.2f}"


def speed_table(section):
    timed = section["kind"] == "end-to-end"
    unit = "s a chunk" if timed else section["unit"]
    show = seconds_a_chunk if timed else table.number
    compared = "2nd lane: ratio" if section["kind"] == "lanes" else "precis / it"
    out = [cells("case", "engine", unit, "least .. most", compared), "|---|---|--:|--:|--:|"]
    for case, name, median, least, most, ratio in table.speed_rows(section):
        ends = sorted([(least, show(least)), (most, show(most))], reverse=timed)
        out.append(cells(case, name, show(median), f"{ends[0][1]} .. {ends[1][1]}",
                         "" if ratio is None else f"{ratio:.2f}"))
    return out


def fidelity_table(section):
    out = [cells("set", "engine", "tokens", "KL, nats", "same top token", "packed weights"),
           "|---|---|--:|--:|--:|---|"]
    for which, engine, n, kl, same, packed in table.fidelity_rows(section):
        ours = engine == "precis"
        out.append(cells(which, engine, f"{n:,}", f"{kl:.5f}", f"{100 * same:.2f} %",
                         f"`{packed[:16]}`" if packed else "missing" if ours else ""))
    return out


def roofline_table(section):
    out = [cells("kernel", "shape", "us a row", "G/s", "peak G/s", "share", "instruction", "bar"),
           "|---|---|--:|--:|--:|--:|---|---|"]
    for row in section["rows"]:
        share = f"{100 * row['share']:.0f} %" if "share" in row else ""
        figures = [table.number(row[k]) if k in row else "" for k in ("gops", "peak")]
        out.append(cells(*roofline.case(row), f"{row['us_per_row']:.3f}", *figures, share,
                         row.get("instruction", ""), roofline.verdict(row)))
    return out


TABLES = {"fidelity": fidelity_table, "roofline": roofline_table}


def about(section):
    """Where, when, with what, and how a section was measured."""
    m, p = section["machine"], section["precis"]
    packed = f"`{p['packed_sha256'][:16]}`" if p.get("packed_sha256") else "missing"
    weights = f", {p['precision']}" if section["kind"] == "embed" else \
        "" if section["kind"] == "roofline" else \
        f", {p['precision'] or 'missing'}, packed weights {packed}"
    out = [f"- {m['cpu']} (family {m['family']}, model {m['model']}; {', '.join(m['instructions'])}), "
           f"{m['cores']} cores, {m['memory_bytes'] / 2 ** 30:.0f} GB, {m['system']}; "
           f"{section['threads']} thread{'s' if section['threads'] > 1 else ''}; load before the start {section['load_at_start']}; "
           f"{section['date']}; medians of {section['rounds']} rounds in turn",
           f"- precis {p['version']} ({p['commit'] or 'commit missing'}), "
           f"{p['isa'] or 'instructions missing'}{weights}"]
    names = {"llama-cpp-python", "onnxruntime", "torch", "transformers", "sentence-transformers"}
    versions = {n: v for e in section["peers"].values() for n, v in e.items() if n in names}
    if versions:
        out.append("- " + ", ".join(f"{n} {v}" for n, v in sorted(versions.items())))
    return out + [f"- `{c}`" for c in [*section["commands"], section["rerun"]]]


def what(section):
    onnx = any("ONNX" in name for row in section["rows"] for name in row.get("speeds", ()))
    values = {"onnx": " ONNX Runtime: GroupQueryAttention, blocks of 32, accuracy level 4." if onnx else "",
              "window": section.get("window"), "tree": section.get("tree")}
    if section["kind"] == "embed":
        values["tokens"] = section["rows"][0]["tokens"]
    if section["kind"] == "end-to-end":
        row = section["rows"][0]
        values |= {"case": row["case"][0].upper() + row["case"][1:], "least": min(row["tokens_in"]),
                   "most": max(row["tokens_in"]), "out": sum(row["tokens_out"])}
    return WHAT[section["kind"]].format(**values)


def summary(sections):
    """A line for each case: precis, the nearest peer, the ratio."""
    out = [cells("what", "model", "precis", "nearest peer", "its figure", "ratio"),
           "|---|---|--:|---|--:|--:|"]
    for section in sections:
        for row in section["rows"]:
            best = section["kind"] not in TABLES and table.best_peer(section, row)
            if not best:
                continue
            show = seconds_a_chunk if section["kind"] == "end-to-end" else table.number
            unit = " s a chunk" if section["kind"] == "end-to-end" else ""
            ours, theirs = (statistics.median(row["speeds"][n]) for n in ("precis", best[0]))
            out.append(cells(f"{TITLES[section['kind']]}: {row['case']}", section["model"],
                             show(ours) + unit, best[0], show(theirs) + unit, f"{best[1]:.2f}"))
    return out


def figures_match(sections):
    """Whether speed and fidelity are of one configuration, for each model."""
    out = []
    for s in sections:
        if s["kind"] != "prefill":
            continue
        of = {r.get("packed_sha256") for f in sections if f["kind"] == "fidelity"
              and f["model"] == s["model"] for r in f["rows"] if r["engine"] == "precis"}
        mine = s["precis"].get("packed_sha256")
        verdict = "the same" if of == {mine} and mine else "missing" if not mine or None in of or \
            not of else "NOT the same"
        out.append(f"- {s['model']}: packed weights of the prefill and of the fidelity: {verdict}")
    return out


def groups(section):
    return [(row["case"], [(name, statistics.median(v)) for name, v in row["speeds"].items() if v])
            for row in section["rows"]]


def document(sections, svg, included):
    out = ["# Benchmarks", "",
           "Made by `bench/peers/report.py` of what `make bench-peers` measured: precis and its peers in turn on"
           " the same token ids, on one machine. Absolute figures differ from machine to machine; the ratios"
           " are medians of the ratios of each round.", ""]
    out += summary(sections) + [""] + figures_match(sections) + [""]
    if any(s["kind"] == "prefill" for s in sections):
        out += [f"![Prefill of SmolLM2, tokens/s]({svg})", ""]
    for section in sections:
        out += [f"## {TITLES[section['kind']]}: {section['model']}", "", what(section), ""]
        out += TABLES.get(section["kind"], speed_table)(section)
        if section["kind"] == "end-to-end":
            row = section["rows"][0]
            out += ["", f"precis had {row['resident_bytes'] / 1e9:.2f} GB resident at most, all "
                    f"{len(row['tokens_in'])} chunks in flight."]
        if section["kind"] == "embed":
            row = section["rows"][0]
            out += ["", f"One query alone: {row['query_ms']:.2f} ms.", "",
                    cells("arithmetic", "mean cosine", "least"), "|---|--:|--:|"]
            out += [cells(name, f"{mean:.6f}", f"{least:.6f}")
                    for name, (mean, least) in row["cosines"].items()]
        out += [""] + about(section) + [""]
    for text in included:
        out += [text.rstrip(), ""]
    out += ["## To measure it again", "", "```",
            "make bench-peers                                  # all of it; nothing else should be running",
            "make bench-peers ARGS='--only prefill,decode --rounds 7'",
            "make bench-peers ARGS='--only embed --tree DIR'",
            "make bench-peers ARGS='--only end-to-end --tree DIR --chunks 12'", "```", ""]
    return "\n".join(out)


def main():
    p = argparse.ArgumentParser(description=__doc__,
                                formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("results", type=pathlib.Path)
    p.add_argument("document", type=pathlib.Path)
    p.add_argument("--include", type=pathlib.Path, action="append", default=[])
    o = p.parse_args()
    order = list(TITLES)
    sections = sorted(json.loads(o.results.read_text()).values(),
                      key=lambda s: (order.index(s["kind"]), s["model"] != "smollm2", s["model"]))
    svg = o.document.with_suffix(".svg")
    plotted = [s for s in sections if s["kind"] == "prefill" and s["model"] == "smollm2"]
    if plotted:
        svg.write_text(plot.bars("Prefill, SmolLM2-135M-Instruct: tokens/s by length of the prompt",
                                 "tokens/s", groups(plotted[0])))
    o.document.write_text(document(sections, svg.name, [f.read_text() for f in o.include]))


if __name__ == "__main__":
    main()
