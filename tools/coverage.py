#!/usr/bin/env python3
"""Line and branch coverage of src/ from a build folder whose tests have run.

usage: coverage.py BUILD

Writes BUILD/coverage.html (a page for each file beside it) with gcovr, and prints a line for each
room. Parsers of foreign bytes are counted by themselves, by branches: what a compiler adds for
itself (unreachable ones) is left out. Exit 1 when less than 85 % of the lines of src/, or less than
80 % of the parsers' branches were taken.
"""

import json
import pathlib
import subprocess
import sys

LINES, BRANCHES = 85, 80
PARSERS = [
    "src/model/gguf_parse.c", "src/model/config_gguf.c", "src/model/safetensors.c",
    "src/model/json_file.c", "src/model/config_json.c", "src/model/config_json_encoder.c",
    "src/model/config_json_rope.c", "src/model/onnx_read.c", "src/model/packed.c",
    "src/model/hub_list.c", "src/model/hub_name.c", "src/text/tok_json.c",
    "src/text/tok_json_model.c", "src/text/tok_json_stages.c", "src/text/tok_gguf.c",
    "src/text/precompiled.c", "src/text/regex_translate.c", "src/text/chat_template.c",
    "src/code/ignore.c", "src/code/glob.c", "src/code/sniff.c", "src/code/patch.c",
    "src/search/vectors.c", "src/cli/config.c", "src/cli/shared.c",
]  # fmt: skip


def percent(part, whole):
    return 100 * part / whole if whole else 100.0


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    root = pathlib.Path(__file__).resolve().parent.parent
    build = pathlib.Path(sys.argv[1]).resolve()
    summary = build / "coverage.json"
    subprocess.run(
        ["gcovr", "--root", root, "--filter", f"{root}/src/", "--exclude-unreachable-branches",
         "--exclude-throw-branches", "--json-summary", summary,
         "--html-details", build / "coverage.html", build],
        check=True, cwd=build, stdout=subprocess.DEVNULL,
    )  # fmt: skip
    files = {f["filename"]: f for f in json.loads(summary.read_text())["files"]}
    rooms = {}
    for name, f in files.items():
        room = rooms.setdefault("/".join(name.split("/")[:2]), [0, 0, 0, 0])
        for i, key in enumerate(("line_covered", "line_total", "branch_covered", "branch_total")):
            room[i] += f[key]
    missing = [p for p in PARSERS if p not in files]
    if missing:
        sys.exit(f"no coverage of {', '.join(missing)}")
    rooms["parsers"] = [
        sum(files[p][key] for p in PARSERS)
        for key in ("line_covered", "line_total", "branch_covered", "branch_total")
    ]
    whole = [sum(r[i] for n, r in rooms.items() if n != "parsers") for i in range(4)]
    for room, n in [*sorted(rooms.items()), ("src", whole)]:
        print(f"{room:14} lines {percent(n[0], n[1]):5.1f} % of {n[1]:6}, "
              f"branches {percent(n[2], n[3]):5.1f} % of {n[3]:6}")
    ok = (percent(whole[0], whole[1]) >= LINES
          and percent(*rooms["parsers"][2:]) >= BRANCHES)
    print(f"goals: {LINES} % of lines, {BRANCHES} % of the parsers' branches: "
          + ("met" if ok else "not met"))
    sys.exit(not ok)


if __name__ == "__main__":
    main()
