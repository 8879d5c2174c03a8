"""How near precis' kernels come to the peak of their instruction: what `precis bench kernels` says."""
BARS = {"product": 0.8, "attention": 0.6}


def measure(bench, model):
    """A section; its rows are those of the program."""
    bench.begin(f"roofline, {model}")
    arguments = ["bench", "kernels", "--model", model, "--rounds", str(bench.rounds)]
    answer = bench.precis_json(*arguments)
    section = bench.section("roofline", model, "G operations/s", answer["rows"],
                            bench.rounds, commands=[" ".join(["precis", *arguments, "--json"])])
    section["threads"] = 1
    return section


def case(row):
    """("product gate_up int8", "3072x576, 128 rows")"""
    name = " ".join(row[k] for k in ("kernel", "layer", "type") if k in row)
    many = f"{row['tokens']:,} tokens" if "tokens" in row else \
        f"{row['rows']} row{'s' if row['rows'] > 1 else ''}"
    return name, f"{row['shape']}, {many}"


def verdict(row):
    """Of the rows that have a bar: int8, and for products the row counts of a prefill; else ""."""
    whole = row["kernel"] == "attention" or row.get("rows", 0) > 16
    if row["kernel"] not in BARS or row["type"] != "int8" or not whole or "share" not in row:
        return ""
    bar = BARS[row["kernel"]]
    return f"{'met' if row['share'] >= bar else 'MISSED'} (>= {100 * bar:.0f} %)"
