#!/usr/bin/env python3
"""Checks the HTML report in a browser and without one.

usage: page.py PRECIS

Puts hostile names and lines into a store, derives the page, and looks at what a parser makes of it; then at what the page's own script makes of it
in Chromium. Exit code 77, which is a test that was skipped, says that the first part holds and no Chromium is here for the second.
"""

import hashlib
import base64
import html.parser
import os
import re
import shutil
import sqlite3
import subprocess
import sys
import tempfile

LINES = [
    "Ends </script><script>document.documentElement.id = 'bad'</script> and </style>.",
    "Has <!-- a comment, -->, <![CDATA[ and <img src=x onerror=document.documentElement.id='bad'>.",
    "Quotes \"double\" and 'single' & ampersands &amp; &lt; &#39;.",
    "Breaks lines in scripts: \u2028 and \u2029.",
    "Turns \u202e around and back.",
    "Finds the needle in a haystack.",
    "Stands alone.",
]
NAMES = ["src/</script>.c", "src/<!--.c", "src/a\"b' onmouseover='x.c", "src/\u2028.c", "src/&amp;.c", "zoo/plain.c", "zoo/single.c"]
CHUNKS = [2, 2, 2, 2, 2, 2, 1]  # of each


def fill(folder):
    """A store that precis made (of nothing), files, and lines of them in it."""
    db = sqlite3.connect(os.path.join(folder, ".precis", "precis.db"))
    db.execute("INSERT INTO runs(started_at) VALUES(1800000000)")
    db.execute("INSERT INTO provenance VALUES(1, 'model <b>', 'revision&', 'F32', 'int8', 'plain', 'line-9', 'd', '{\"strategy\":\"greedy\"}', 7)")
    for i, (name, line, chunks) in enumerate(zip(NAMES, LINES, CHUNKS)):
        path = os.path.join(folder, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        open(path, "wb").close()
        db.execute("INSERT INTO files(path, language, size, mtime_ns, inode, hash) VALUES(?, 'c', 1, 1, 1, zeroblob(32))", (name,))
        for k in range(chunks):
            key = hashlib.sha256(f"{name} {k}".encode()).digest()
            db.execute("INSERT INTO summaries VALUES(?, 1, ?, ?, 'model', 11, 22, 3456.0, 0, 1, NULL)", (key, line, i / 10 + k / 2))
            db.execute("INSERT INTO chunks(file, level, start_line, end_line, symbol, text, version, key, seen) SELECT id, 0, ?, ?, ?, ?, hash, ?, 1 FROM files WHERE path = ?",
                       (10 * k + 1, 10 * k + 10, "<sym>" if chunks > 1 else "<Barrier>", key, key, name))
    db.commit()
    db.close()


class Page(html.parser.HTMLParser):
    def __init__(self):
        super().__init__()
        self.tags, self.texts, self.raw, self.stack, self.policy = {}, [], {}, [], ""

    def handle_starttag(self, tag, attrs):
        self.tags[tag] = self.tags.get(tag, 0) + 1
        bad = [k for k, v in attrs if k.startswith("on") or k in ("src", "href", "style")]
        assert not bad, (tag, attrs)
        if dict(attrs).get("http-equiv"):
            self.policy = dict(attrs)["content"]
        if tag == "span":
            self.stack.append((dict(attrs).get("class"), []))
        if tag in ("style", "script"):
            self.raw[tag] = ""

    def handle_endtag(self, tag):
        if tag == "span":
            kind, parts = self.stack.pop()
            self.texts.append((kind, "".join(parts)))

    def handle_data(self, data):
        for _, parts in self.stack[-1:]:
            parts.append(data)
        if self.cdata_elem in self.raw:
            self.raw[self.cdata_elem] += data


def check_static(text):
    page = Page()
    page.feed(text)
    page.close()
    assert page.tags.get("script") == 1 and page.tags.get("style") == 1 and "img" not in page.tags, page.tags
    for kind in ("style", "script"):
        digest = base64.b64encode(hashlib.sha256(page.raw[kind].encode()).digest()).decode()
        assert f"'sha256-{digest}'" in page.policy, (kind, page.policy)
    assert page.policy.startswith("default-src 'none'") and "unsafe" not in page.policy
    lines = [t for k, t in page.texts if k == "l"]
    assert set(lines) == set(LINES), set(lines) ^ set(LINES)
    names = {t.strip(" ") for k, t in page.texts if k == "n"}
    assert {os.path.basename(n) for n in NAMES} | {"</", "1\u201310 <sym>"} <= names, names
    assert [t for k, t in page.texts if k == "s"] == ["1\u201310 <Barrier>"], page.texts
    made = [t for k, t in page.texts if k == "p"]
    assert len(made) == sum(CHUNKS), made
    assert all("model <b>" in t and "revision&" in t and "line-9" in t and "11 in, 22 out" in t and "3.46 s" in t for t in made), made[:1]


def dump(browser, url, folder):
    p = subprocess.run([browser, "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", f"--user-data-dir={folder}/profile",
                        "--virtual-time-budget=3000", "--dump-dom", url],
                       capture_output=True, text=True, timeout=120, check=False)
    assert p.returncode == 0 and "<html" in p.stdout, p.stderr[-2000:]
    return p.stdout


def check_browser(browser, path, folder):
    whole = dump(browser, "file://" + path, folder)
    assert re.search(r"<form id=.find.[^>]*>", whole) and not re.search(r"<form id=.find.[^>]*hidden", whole), "the script did not run"
    assert len(re.findall(r"<script", whole)) == 1 and not re.search(r"<img", whole)
    assert re.search(r"<html lang=.en.>", whole), "a line's script ran: " + whole[:200]
    found = dump(browser, "file://" + path + "#q=NEEDLE%20hay", folder)
    shown = re.findall(r'<li class="c"( hidden="")?>', found)
    assert shown.count("") == 2 and len(shown) == sum(n for n in CHUNKS if n > 1), shown
    assert "2 found</output>" in found, re.findall(r"<output.*?</output>", found)
    alone = dump(browser, "file://" + path + "#q=barrier%201%E2%80%9310", folder)
    assert "1 found</output>" in alone, "the symbol and the lines of a file of one chunk"
    none = dump(browser, "file://" + path + "#q=zebra", folder)
    assert "nothing found</output>" in none and '<li class="c">' not in none


def main():
    precis = os.path.abspath(sys.argv[1])
    browser = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    with tempfile.TemporaryDirectory() as folder:
        os.makedirs(os.path.join(folder, "tree"))
        env = {k: v for k, v in os.environ.items() if not k.startswith("PRECIS_")}
        with open(os.path.join(folder, "tree", "a.c"), "w", encoding="utf-8") as f:
            f.write("int a;\n")
        subprocess.run([precis, "index", "tree", "--store", "tree", "-q"], cwd=folder, check=True, env=env)
        fill(os.path.join(folder, "tree"))
        out = os.path.join(folder, "page.html")
        subprocess.run([precis, "report", "--store", "tree", "--format", "html", "-o", out], cwd=folder, check=True, env=env)
        with open(out, encoding="utf-8", newline="") as f:
            check_static(f.read())
        if not browser:
            print("the page is as it should be; no Chromium is here, so its script did not run")
            sys.exit(77)
        check_browser(browser, out, folder)
        print("ok, in a browser too")


main()
