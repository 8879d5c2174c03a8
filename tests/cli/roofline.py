"""Reads the lines of `precis bench kernels --json`; says "ok" when each is whole."""
import json
import sys

seen = []
for line in sys.stdin:
    answer = json.loads(line)
    rows = answer["rows"]
    seen.append(answer["isa"])
    kernels = [r["kernel"] for r in rows]
    assert kernels.count("product") == 16, kernels
    assert [r["tokens"] for r in rows if r["kernel"] == "attention"] == [512, 512], rows
    assert kernels[-4:] == ["rmsnorm", "quantize", "hadamard", "split_qkv"], kernels
    for row in rows:
        assert row["us_per_row"] > 0, row
        counted = row["kernel"] in ("product", "attention")
        assert counted == ("gops" in row) and (not counted or row["gops"] > 0), row
        with_peak = counted and answer["isa"] != "plain"
        assert with_peak == ("peak" in row) == ("share" in row) == ("instruction" in row), row
        assert not with_peak or (row["peak"] > 0 and row["share"] > 0), row
assert seen and seen[0] == "plain" and len(set(seen)) == len(seen), seen
print("ok")
