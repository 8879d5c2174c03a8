"""What faults.py and soak.py share: trees, models, runs, and what must be true after each.

A finding is a Wrong with one line that says what was seen.
"""

import json
import os
import re
import shutil
import sqlite3
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "cli"))
import kill  # noqa: E402  (its trees, and its look at a store)
import tinygguf  # noqa: E402

LONGEST = 30  # seconds; a run of the tiny model takes a tenth of one
STATUSES = {0, 1, 2, 3}  # src/cli/cli.h; 130 only after a signal


class Wrong(Exception):
    pass


def check(ok, text):
    if not ok:
        raise Wrong(text)


def write(path, text):
    with open(path, "w", encoding="utf-8") as f:
        f.write(text)


def read(path):
    try:
        with open(path, "rb") as f:
            return f.read()
    except FileNotFoundError:
        return None


def write_model(path, change=None):
    """tinygguf's model; change(name, values) gives the values of a tensor instead."""
    plain, shapes = tinygguf.struct, iter(tinygguf.shapes(len(tinygguf.metadata("llama", 2048)[0])))

    class Changing:
        def __getattr__(self, name):
            return getattr(plain, name)

        def pack(self, how, *values):
            if change and re.fullmatch(r"<\d+f", how):
                values = change(next(shapes)[0], list(values))
            return plain.pack(how, *values)

    tinygguf.struct = Changing()
    try:
        data = tinygguf.build()
    finally:
        tinygguf.struct = plain
    with open(path, "wb") as f:
        f.write(data)


def write_encoder(folder):
    """The tiny BERT of the goldens with a tokenizer of letters, as in tests/unit/search/tiny_encoder.c."""
    golden = os.path.join(HERE, "..", "golden", "encoder", "tiny-bert")
    shutil.copytree(golden, folder)
    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]"]
    words = special + [p + c for c in "abcdefghijklmnopqrstuvwxyz0123456789" for p in ("", "##")]
    marks = [{"SpecialToken": {"id": s, "type_id": 0}} for s in special[2:]]
    tokenizer = {
        "version": "1.0", "padding": None,
        "truncation": {"direction": "Right", "max_length": 64, "strategy": "LongestFirst", "stride": 0},
        "added_tokens": [{"id": words.index(s), "content": s, "single_word": False, "lstrip": False, "rstrip": False,
                          "normalized": False, "special": True} for s in special],
        "normalizer": {"type": "BertNormalizer", "clean_text": True, "handle_chinese_chars": True,
                       "strip_accents": None, "lowercase": True},
        "pre_tokenizer": {"type": "BertPreTokenizer"},
        "post_processor": {"type": "TemplateProcessing", "pair": [],
                           "single": [marks[0], {"Sequence": {"id": "A", "type_id": 0}}, marks[1]],
                           "special_tokens": {s: {"id": s, "ids": [words.index(s)], "tokens": [s]}
                                              for s in special[2:]}},
        "decoder": {"type": "WordPiece", "prefix": "##", "cleanup": True},
        "model": {"type": "WordPiece", "unk_token": "[UNK]", "continuing_subword_prefix": "##",
                  "max_input_chars_per_word": 1000, "vocab": {w: i for i, w in enumerate(words)}},
    }
    write(os.path.join(folder, "tokenizer.json"), json.dumps(tokenizer))


def clean_environment(folder):
    """Nothing of the user's: no variables, models or remembered hashes."""
    env = {k: v for k, v in os.environ.items() if not k.startswith(("PRECIS_", "FAULTS_"))}
    return {**env, "XDG_CACHE_HOME": os.path.join(folder, "cache"),
            "PRECIS_MODELS": os.path.join(folder, "no-models")}


def run(args, env, **more):
    """Its exit status, standard output and standard error; Wrong when it hangs."""
    try:
        p = subprocess.run(args, env=env, capture_output=True, timeout=LONGEST, check=False,
                           stdin=subprocess.DEVNULL, **more)
    except subprocess.TimeoutExpired:
        raise Wrong(f"hangs for {LONGEST} s") from None
    return p.returncode, p.stdout, p.stderr.decode(errors="replace")


def check_status(status, err, allowed):
    """The exit status is a documented one; exit 2 goes with one clear error."""
    check(status >= 0, f"ended by signal {-status}: {err[-300:]}")
    check(status in allowed, f"exit status {status}: {err[-300:]}")
    lines = err.splitlines()
    if status != 2:
        return
    check(len(lines) == 1, f"exit status 2 with {len(lines)} lines of error: {err[:600]!r}")
    check(re.fullmatch(r"(precis|parallel_summarizer): (error: )?(\S.*: \S.*|(libcrypto could not |out of memory|cannot start thread ).*)",
                       lines[0]) and "without a reason" not in lines[0], f"not a clear error: {lines[0]!r}")


def rows_of(data):
    """Rows of JSON Lines by place, without what a line cost: a further attempt costs more. Wrong when one is
    not whole."""
    check(data.endswith(b"\n"), "the report ends within a line")
    rows = {}
    for line in data.splitlines():
        try:
            r = json.loads(line)
        except ValueError:
            raise Wrong(f"the report has a line that is no JSON: {line[:80]!r}") from None
        place = (r["level"], r["file_path"], r["start_line"])
        check(place not in rows, f"{place} is reported twice")
        rows[place] = {**r, "elapsed_ms": 0, "tokens_in": 0, "tokens_out": 0}
    return rows


def check_store(root, one_model=True):
    """Whole, and with one model's lines no place twice. Its lines by place, for comparisons."""
    path = os.path.join(root, ".precis", "precis.db")
    if not os.path.exists(path) or os.path.getsize(path) == 0:
        return {}
    try:
        if one_model:
            return kill.look(root, {})
        db = sqlite3.connect(path)
        check(db.execute("PRAGMA integrity_check").fetchone()[0] == "ok", "the store is damaged")
        db.close()
        return {}
    except (AssertionError, sqlite3.Error) as e:
        raise Wrong(f"the store is not sound: {e}") from None


def state_of(root):
    """What a store has, without when and by which numbers: lines at their places, and what is found."""
    db = sqlite3.connect(os.path.join(root, ".precis", "precis.db"))
    lines = db.execute("SELECT f.path, c.level, c.start_line, s.line, s.source FROM chunks c JOIN files f ON f.id = "
                       "c.file JOIN summaries s ON s.key = c.key ORDER BY 1, 2, 3, 4").fetchall()
    found = db.execute("SELECT f.path, e.kind, e.symbol, e.start_line, e.end_line FROM entries e JOIN files f ON "
                       "f.id = e.file ORDER BY 1, 4, 5").fetchall()
    db.close()
    return lines, found


def difference(found, expected):
    """What of two reports is not the same, of the first place that is not; None."""
    for place in sorted(set(found) | set(expected)):
        a, b = found.get(place), expected.get(place)
        if a != b and a and b:
            return f"{place}: " + ", ".join(f"{k} {a[k]!r}, not {b[k]!r}" for k in a if a[k] != b.get(k))
        if a != b:
            return f"{place} is {'missing' if b else 'new'}"
    return None
