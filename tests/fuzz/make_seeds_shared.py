#!/usr/bin/env python3
"""Writes the seed corpus of fuzz_shared: files of lines as `precis cache export` writes them, and rows alone.

usage: make_seeds_shared.py tests/fuzz/corpus/shared
"""
import hashlib
import json
import pathlib
import sys

LEVELS = ["chunk", "file", "directory", "repository"]


def field(data):
    return len(data).to_bytes(8, "little") + data


def key(row):
    """As store_key in src/store/store.h says."""
    parts = [b"precis-line-1", bytes([LEVELS.index(row["level"])]), bytes.fromhex(row["text"])]
    parts += [row["path"].encode(), bytes.fromhex(row["context"])]
    for name in ("model_revision", "precision", "isa", "prompt_version", "decoder_version", "parameters"):
        parts.append(row[name].encode())
    parts.append(int(row["seed"]).to_bytes(8, "little"))
    if row["source"] != "model":
        parts.append(row["source"].encode())
    return hashlib.sha256(b"".join(map(field, parts))).hexdigest()


def row(level, path, last, **more):
    r = {"key": "", "level": level, "path": path, "start_line": 1 if last else 0, "end_line": last,
         "symbol": "f" if last else None, "text": "11" * 32, "context": "22" * 32, "summary": "Adds numbers.",
         "confidence": 0.5, "source": "model", "tokens_in": 100, "tokens_out": 10, "elapsed_ms": 12.5, "cut": False,
         "made_at": 1800000000, "model": "tiny", "model_revision": "rev", "file_type": "F32", "precision": "int8",
         "isa": "avx2", "prompt_version": "line-4", "decoder_version": "decode-2", "parameters": "{}",
         "seed": "18446744073709551615"}
    r.update(more)
    r["key"] = key(r)
    return json.dumps(r) + "\n"


def sealed(rows):
    text = '{"precis_lines": 1}\n' + "".join(rows)
    return text + json.dumps({"lines": len(rows), "sha256": hashlib.sha256(text.encode()).hexdigest()}) + "\n"


def main():
    rows = [row("chunk", "src/a.c", 5), row("chunk", "src/\u00e4.c", 3, source="rule", confidence=0, symbol='"x"\\'),
            row("file", "src/a.c", 5, summary="\u20ac \\ \"two\""), row("directory", "src", 0), row("repository", "", 0)]
    seeds = {
        "whole": sealed(rows), "empty": sealed([]), "rows": "".join(rows), "chunk": rows[0], "repository": rows[4],
        "path": row("chunk", "a/../../b", 5), "absolute": row("chunk", "/etc/passwd", 5),
        "control": row("chunk", "a.c", 5, summary="\u001b[2J"), "places": row("chunk", "a.c", 5, start_line=9),
        "head": '{"precis_lines": 1}\n', "digest": sealed(rows)[:-40], "object": "{}\n",
    }
    folder = pathlib.Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in seeds.items():
        (folder / name).write_bytes(text.encode())


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__.strip())
    main()
