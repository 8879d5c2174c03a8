#!/usr/bin/env python3
"""Writes the seed corpus and the dictionary of fuzz_config: configuration files that use all of the syntax.

usage: make_seeds_config.py tests/fuzz/corpus/config tests/fuzz/config.dict
"""
import pathlib
import sys

SEEDS = {
    "all": '# comment\nloc = 200\ninclude = "*.rs" # one\ninclude = \'*.toml\'\n\n[summarize]\nno-rollup = true\n'
           "chunk = structure\n[bench prefill]\njson = 1\n",
    "user": "model = smollm2\nstore = /somewhere\nmemory-limit = 512M\nquiet = yes\nprompt = \"a\\n\\\"b\\\"\\\\\"\n",
    "windows": "loc = 3\r\nformat=html\r\n",
    "wrong_value": "loc = 0\n",
    "wrong_name": "[sumarize]\nlock = 3\n",
    "twice": "seed = 1\nseed = 2\n",
    "array": 'include = ["a", "b"]\n',
    "open": 'prompt = "a\n',
    "real": "temperature = 0.25\ntop-p = 1e-3\nseed = 18446744073709551615\n",
    "harm": "output = /etc/passwd\n",
}
WORDS = ["[summarize]", "[bench prefill]", " = ", "\"", "\\\"", "'", " #", "loc", "include", "ignore", "chunk", "format",
         "no-rollup", "all-text", "agent-count", "temperature", "seed", "model", "store", "output", "quiet", "config",
         "no-config", "help", "memory-limit", "true", "false", "auto", "structure", "\r\n"]


def main():
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    folder = pathlib.Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in SEEDS.items():
        (folder / name).write_bytes(text.encode())
    quoted = ["".join(c if c.isalnum() or c in " =[]#'-" else f"\\x{ord(c):02x}" for c in w) for w in WORDS]
    pathlib.Path(sys.argv[2]).write_text("".join(f'"{w}"\n' for w in quoted), encoding="ascii")


if __name__ == "__main__":
    main()
