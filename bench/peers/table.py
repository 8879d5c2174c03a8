"""Sections of the results as rows of text: medians, and ratios of the same round."""
import statistics

import roofline


def ratios(section, row, peer):
    """precis over the peer, round by round; fewer where one had fewer rounds."""
    ours = row["speeds"]["precis"]
    return [a / b for a, b in zip(ours, row["speeds"][peer])]


def best_peer(section, row):
    """(name, the median of the ratios), of the peer that comes nearest; None without one."""
    peers = [p for p in row["speeds"] if not p.startswith("precis") and row["speeds"][p]]
    if "precis" not in row["speeds"] or not peers:
        return None
    of = {p: statistics.median(ratios(section, row, p)) for p in peers}
    best = min(of, key=of.get)
    return best, of[best]


def speed_rows(section):
    """(case, engine, median, least, most, ratio or None)"""
    out = []
    for row in section["rows"]:
        for name, values in row["speeds"].items():
            if not values:
                continue
            ratio = None
            if not name.startswith("precis") and "precis" in row["speeds"]:
                ratio = statistics.median(ratios(section, row, name))
            elif section["kind"] == "lanes" and name != "precis, 1 lane":
                ratio = statistics.median(a / b for a, b in zip(
                    values, row["speeds"]["precis, 1 lane"]))
            out.append((row["case"], name, statistics.median(values), min(values), max(values),
                        ratio))
    return out


def number(x):
    return "missing" if x is None else f"{x:,.0f}" if x >= 100 else f"{x:.3g}"


def fidelity_rows(section):
    """(set, engine, n, KL, share of the same top tokens, hash of the packed weights)"""
    return [(r["set"], r["engine"], r["n"], r["kl"], r["top1_same"], r.get("packed_sha256"))
            for r in section["rows"]]


def lines(key, section):
    """Text for a terminal."""
    out = [f"{key}: {section['unit']}, medians of {section['rounds']} rounds, threads "
           f"{section['threads']}, precis {section['precis']['precision'] or ''} "
           f"{section['precis']['isa']}"]
    if section["kind"] == "fidelity":
        for which, engine, n, kl, same, packed in fidelity_rows(section):
            out.append(f"  {which:6} {engine:32} n {n:>7,}  KL {kl:.5f}  same top {100 * same:.2f} %"
                       + (f"  {(packed or 'packed_sha256 missing')[:21]}" if engine == "precis" else ""))
        return out
    if section["kind"] == "roofline":
        for row in section["rows"]:
            name, shape = roofline.case(row)
            figures = f"  {number(row.get('gops')):>8} of {number(row.get('peak')):>8}" \
                f" {100 * row['share']:6.1f} %  {roofline.verdict(row)}" if "share" in row else ""
            out.append(f"  {name:28} {shape:24} {row['us_per_row']:10.3f} us a row{figures}".rstrip())
        return out
    for case, name, median, least, most, ratio in speed_rows(section):
        out.append(f"  {case:28} {name:36} {number(median):>8} ({number(least)} .. {number(most)})"
                   + (f"  ratio {ratio:.2f}" if ratio is not None else ""))
    for row in section["rows"]:
        for name, (mean, least) in row.get("cosines", {}).items():
            out.append(f"  cosines to sentence-transformers  {name:36} mean {mean:.6f} least {least:.6f}")
        if "query_ms" in row:
            out.append(f"  one query alone: {row['query_ms']:.2f} ms")
    return out
