#!/usr/bin/env python3
"""Writes the seed corpus of fuzz_tokjson: the trained tokenizers with a vocabulary cut to a few tokens, and a text.

usage: make_seeds_tokjson.py tests/golden/text/json tests/fuzz/corpus/tokjson
"""
import base64
import json
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "tools" / "unicode"))
import charsmap  # noqa: E402

KEEP = 24
TEXT = "The x_y <s>Été</s> ab  it's 12.3\n\té\u0301 ﬁ中🙂\u200d 👍🏽 ▁a##b [MASK] <0x41>\r\n"
MAP = base64.b64encode(charsmap.build({b"e\xcc\x81": "é", "ﬁ".encode(): "fi", b"\t": " ", b"\xc3": "q"})).decode()


def small(data):
    model = data["model"]
    special = {t["content"] for t in data["added_tokens"]}
    if isinstance(model["vocab"], list):
        model["vocab"] = [v for v in model["vocab"] if v[0] in special] + [v for v in model["vocab"] if v[0] not in special][:KEEP]
        model["unk_id"] = model["unk_id"] and min(model["unk_id"], len(model["vocab"]) - 1)
        names = [v[0] for v in model["vocab"]]
    else:
        model["vocab"] = {s: i for s, i in model["vocab"].items() if i < KEEP or s in special}
        names = model["vocab"]
    if "merges" in model:
        alone = [s for s in names if len(s) == 1]
        model["merges"] = [m for m in model["merges"] if m[0] in names and m[1] in names and "".join(m) in names]
        model["merges"] += [[alone[0], alone[1]]] if len(alone) > 1 and alone[0] + alone[1] in names else []
    return data


def main(source, target):
    target = pathlib.Path(target)
    target.mkdir(parents=True, exist_ok=True)
    for path in sorted(pathlib.Path(source).glob("*.json")):
        data = small(json.loads(path.read_text()))

        def shorten(o):
            for v in o.values() if isinstance(o, dict) else o if isinstance(o, list) else []:
                shorten(v)
            if isinstance(o, dict) and o.get("type") == "Precompiled":
                o["precompiled_charsmap"] = MAP

        shorten(data["normalizer"])
        text = json.dumps(data, ensure_ascii=False, separators=(",", ":")).encode() + b"\0" + TEXT.encode() + b"\xff\xe2\x82"
        (target / path.stem).write_bytes(text)


main(*sys.argv[1:])
