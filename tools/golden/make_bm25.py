#!/usr/bin/env python3
"""Words and BM25 scores by a second implementation, for test_bm25.

usage: make_bm25.py > golden.json       (needs nothing but Python)

{"words": [[text, [word, ...]], ...], "documents": [[name, body], ...], "name_weight", "queries":
[[text, [[document, score], ...]], ...]} with the documents of scores above 0, best first."""
import json
import math
import unicodedata
from collections import Counter

K1, B, K3, NAME_WEIGHT = 1.2, 0.75, 8.0, 5.0

TEXTS = [
    "", "   ", "a", "getHTTPResponse2Code", "HTTPServer", "snake_case_NAME", "kebab-case.name/path.rs",
    "x1y22Z", "parseJSON", "IOError", "aB", "AB", "ABc", "ABcD", "i18n utf8 sha256", "__init__", "a'b\"c",
    "fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()>", "\u00c9t\u00e9Fran\u00e7ais \u00dcber\u00c4nderung",
    "\u0421\u043b\u043e\u0432\u043e\u041a\u043e\u0434", "\u4e2d\u6587\u5904\u7406abc", "\u3072\u3089\u304c\u306a",
    "\u0130stanbul \u00df \u03a3\u03a3", "e\u0301tude E\u0301tudeE\u0301", "\u0661\u0662\u0663abc \u00bd", "\u20ac100",
]
DOCUMENTS = [
    ["spawn_blocking", "fn spawn_blocking(func: F) -> JoinHandle { pool.spawn(func) }"],
    ["wakeIdleWorker", "fn wake_idle_worker(&self) { if let Some(w) = self.idle.pop() { w.unpark() } }"],
    ["parse", "def parse(text): return json.loads(text)"],
    ["HTTPResponse", "class HTTPResponse: pass"],
    ["", "struct Empty;"],
    ["worker", "worker worker worker idle"],
    ["read_to_end", "async fn read_to_end(&mut self, buf: &mut Vec<u8>) -> io::Result<usize>"],
]
QUERIES = ["idle worker", "Worker", "http response", "spawn blocking spawn", "nothing here matches zzz", "fn self", ""]


def kind(c):
    category = unicodedata.category(c)
    if category[0] == "M":
        return "mark"
    if category[0] == "N":
        return "digit"
    if category[0] != "L":
        return None
    if any(n in unicodedata.name(c, "") for n in ("CJK UNIFIED", "HIRAGANA LETTER", "KATAKANA LETTER")):
        return "alone"
    return "upper" if category in ("Lu", "Lt") else "lower"


def words(text):
    runs, run = [], []  # (character with its marks, kind)
    for c in text:
        k = kind(c)
        if k == "mark" and run:
            run[-1] = (run[-1][0] + c, run[-1][1])
        elif k in (None, "mark"):
            runs.append(run)
            run = []
        else:
            run.append((c, k))
    runs.append(run)
    out = []
    for run in runs:
        word = ""
        for i, (c, k) in enumerate(run):
            before = run[i - 1][1] if i else None
            after = run[i + 1][1] if i + 1 < len(run) else None
            if word and (k == "alone" or before == "alone" or (k == "digit") != (before == "digit")
                         or (k == "upper" and (before == "lower" or after == "lower"))):
                out.append(word)
                word = ""
            word += "".join(x.lower() for x in c)
        if word:
            out.append(word)
    return out


def bag(name, body, weight):
    tf = Counter()
    for w in words(name):
        tf[w] += weight
    for w in words(body):
        tf[w] += 1
    return tf


def main():
    documents = [bag(n, b, NAME_WEIGHT) for n, b in DOCUMENTS]
    length = [sum(d.values()) for d in documents]
    average = sum(length) / len(length)
    df = Counter(w for d in documents for w in d)
    answers = []
    for query in QUERIES:
        scores = []
        for i, d in enumerate(documents):
            score = 0.0
            for w, c in Counter(words(query)).items():
                if d[w]:
                    idf = math.log(1 + (len(documents) - df[w] + 0.5) / (df[w] + 0.5))
                    score += (idf * (K3 + 1) * c / (K3 + c) * d[w] * (K1 + 1)
                              / (d[w] + K1 * (1 - B + B * length[i] / average)))
            if score > 0:
                scores.append([i, round(score, 6)])
        answers.append([query, sorted(scores, key=lambda s: (-s[1], s[0]))])
    print(json.dumps({"words": [[t, words(t)] for t in TEXTS], "documents": DOCUMENTS,
                      "name_weight": NAME_WEIGHT, "queries": answers}, indent=1))


if __name__ == "__main__":
    main()
