#!/usr/bin/env python3
"""Draws how often lines are acceptable against their confidence, as SVG.

usage: plot_reliability.py REPORT.json > docs/confidence.svg

REPORT.json is what `precis eval summaries ITEMS.jsonl --json` prints.
"""
import json
import sys

SIZE, MARGIN = 360, 48


def at(x, y):
    return MARGIN + x * SIZE, MARGIN + (1 - y) * SIZE


def text(x, y, what, anchor="middle", extra=""):
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}"{extra}>{what}</text>'


def main():
    with open(sys.argv[1], encoding="utf-8") as f:
        report = json.load(f)
    whole = SIZE + 2 * MARGIN
    out = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {whole} {whole}" '
           'font-family="sans-serif" font-size="12">',
           f'<rect width="{whole}" height="{whole}" fill="white"/>']
    for i in range(0, 11, 2):
        v = i / 10
        x, y = at(v, v)
        out.append(f'<path d="M{x} {MARGIN}V{MARGIN + SIZE}M{MARGIN} {y}H{MARGIN + SIZE}" stroke="#ddd"/>')
        out.append(text(x, MARGIN + SIZE + 16, f"{v:.1f}"))
        out.append(text(MARGIN - 6, y + 4, f"{v:.1f}", "end"))
    a, b = at(0, 0), at(1, 1)
    out.append(f'<path d="M{a[0]} {a[1]}L{b[0]} {b[1]}" stroke="#999" stroke-dasharray="4 4"/>')
    points = [at(bin["mean_confidence"], bin["acceptable"]) for bin in report["reliability"]]
    out.append('<polyline fill="none" stroke="#1f5fa8" stroke-width="2" points="' +
               " ".join(f"{x:.1f},{y:.1f}" for x, y in points) + '"/>')
    out += [f'<circle cx="{x:.1f}" cy="{y:.1f}" r="4" fill="#1f5fa8"/>' for x, y in points]
    out.append(text(whole / 2, whole - 10, "mean confidence of a bin (ten bins of equal mass)"))
    out.append(text(14, whole / 2, "share that is acceptable",
                    extra=f' transform="rotate(-90 14 {whole / 2})"'))
    out.append(text(whole / 2, 22, f'n {report["n"]}, ECE {report["ece"]:.3f}, '
                                   f'AUROC {report["auroc"]:.3f}'))
    out.append("</svg>")
    print("\n".join(out))


if __name__ == "__main__":
    main()
