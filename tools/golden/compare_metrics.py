#!/usr/bin/env python3
"""Compares precis' figures of functions with lizard's, on any tree.

usage: compare_metrics.py PRECIS [-v] PATH...     (needs lizard of requirements.txt; -v lists what differs)

A function of lizard is the one of precis that has its name and whose lines hold its first line."""
import collections
import json
import os
import subprocess
import sys

import lizard

LANGUAGES = ("c", "cpp", "csharp", "go", "java", "javascript", "php", "python", "ruby", "rust", "tsx", "typescript")


def base_name(name):
    name = name.replace("::", ".").replace("->", ".").split(".")[-1].split(" ")[-1]
    return name.split("<")[0].split("[")[0].strip("~#:")


def ours(precis, path):
    p = subprocess.run([precis, "metrics", "--json", path], check=True, capture_output=True)
    return [f for f in json.loads(p.stdout)["files"] if f["parsed"] and f["language"] in LANGUAGES]


def pairs(file, theirs):
    """(ours, lizard's) of the functions that both have."""
    left = [f for f in file["functions"] if f["name"]]
    for other in theirs:
        fits = [f for f in left if base_name(f["name"]) == base_name(other.name)
                and f["start_line"] <= other.start_line <= f["end_line"]]
        if fits:
            best = max(fits, key=lambda f: f["start_line"])
            left.remove(best)
            yield best, other


def main():
    args = [a for a in sys.argv[1:] if a != "-v"]
    total = collections.defaultdict(collections.Counter)
    for path in args[1:]:
        for file in ours(args[0], path):
            full = os.path.join(path, file["file_path"]) if os.path.isdir(path) else path
            try:
                theirs = lizard.analyze_file(full).function_list
            except (IndexError, ValueError) as e:
                print(f"{full}: lizard fails: {e}", file=sys.stderr)
                continue
            count = total[file["language"]]
            count["ours"] += sum(f["name"] is not None for f in file["functions"])
            count["theirs"] += sum("(anonymous)" not in f.name for f in theirs)
            for mine, other in pairs(file, theirs):
                count["both"] += 1
                count["complexity"] += mine["complexity"] == other.cyclomatic_complexity
                count["parameters"] += mine["parameters"] == other.parameter_count
                count["nloc"] += mine["code_lines"] == other.nloc
                if "-v" in sys.argv and mine["complexity"] != other.cyclomatic_complexity:
                    print(f"{full}:{mine['start_line']} {mine['name']}: {mine['complexity']}, "
                          f"lizard {other.cyclomatic_complexity} ({other.start_line}-{other.end_line})")
    print(f"{'language':12} {'ours':>7} {'lizard':>7} {'both':>7}  equal: complexity, parameters, code lines")
    for language, count in sorted(total.items()):
        n = count["both"] or 1
        print(f"{language:12} {count['ours']:7} {count['theirs']:7} {count['both']:7}  "
              f"{100 * count['complexity'] / n:6.2f}% {100 * count['parameters'] / n:6.2f}% "
              f"{100 * count['nloc'] / n:6.2f}%")


if __name__ == "__main__":
    main()
