#!/usr/bin/env python3
"""Checks that the rooms of src/ include one another, and foreign libraries, only where they may.

usage: includes.py ROOT          one line for each violation, exit 1 if there is any
       includes.py --self-test   plants each kind of violation and expects it to be found
"""
import pathlib
import re
import sys
import tempfile

# Room -> the rooms it may include, besides itself. `engine` knows nothing of code or text,
# `summary` and `report` nothing of tensors.
ROOMS = {
    "base": set(),
    "code": {"base"},
    "model": {"base"},
    "text": {"base", "model"},
    "kernel": {"base", "model"},
    "engine": {"base", "model", "kernel"},
    "search": {"base", "model", "text", "kernel", "engine"},
    "summary": {"base", "code", "model", "text", "engine", "search"},
    "store": {"base", "search", "summary"},
    "index": {"base", "code", "model", "engine", "search", "store"},
    "report": {"base", "code", "model", "text", "engine", "summary", "store"},
    "eval": {"base", "code", "model", "text", "engine", "search", "summary"},
    "export": {"base", "model", "text"},
    "api": {"base", "code", "model", "text", "engine", "summary", "store", "report", "index"},
    "cli": {"base", "code", "model", "text", "engine", "search", "summary", "store", "report", "index", "eval", "export", "api"},
}

# Foreign header (a pattern) -> the files, as patterns under src/, that may include it.
FOREIGN = {
    r"(oneapi/dnnl/)?dnnl.*\.h": [r"kernel/.*"],
    r"omp\.h": [r"kernel/.*"],
    r"tree_sitter/.*": [r"code/tree_parse\.c"],
    r"sqlite3.*\.h": [r"store/.*"],
    r"onnxruntime.*\.h": [r"engine/onnx.*"],
    r"openssl/.*": [r"base/.*"],
    r"curl/.*": [r"model/hub.*"],
    r"jansson\.h": [r"(base|code|model|text|search|summary|report|eval|export|cli)/.*"],
    r"utf8proc\.h": [r"(text|base)/.*"],
    r"pcre2.*\.h": [r"text/.*"],
    r"hnswlib/.*": [r"search/hnsw\.cc"],
}

SYSTEM = set(
    """assert ctype errno fenv float inttypes iso646 limits locale math setjmp signal stdalign stdarg
    stdatomic stdbool stddef stdint stdio stdlib stdnoreturn string time uchar wchar wctype
    cpuid dirent dlfcn fcntl fnmatch getopt glob immintrin langinfo libgen poll pthread pwd sched
    semaphore spawn strings termios unistd malloc""".split()
)
SYSTEM_CXX = {"new"}

# The only sources in C++.
CXX = {"search/hnsw.cc"}
OTHER_SUFFIXES = {".cc", ".cpp", ".cxx", ".hpp", ".hh"}

# Text that may appear in one file only: threads are made in one place.
ONLY_IN = {r"\b(pthread_create|thrd_create|std::(thread|jthread|async))\b": "base/pool.c"}

INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*([<"])([^>"]+)[>"]', re.M)
COMMENT = re.compile(r"/\*.*?\*/|//[^\n]*", re.S)


def own_include(room, header):
    target = header.split("/")[0]
    if header == "precis.h" or target == room or target in ROOMS.get(room, set()):
        return None
    if "/" not in header or target not in ROOMS:
        return "own headers are written from the src root"
    return f"{room}/ must not know {target}/"


def foreign_include(path, header):
    for pattern, allowed in FOREIGN.items():
        if re.fullmatch(pattern, header):
            if any(re.fullmatch(a, path) for a in allowed):
                return None
            return "this library belongs to " + ", ".join(allowed)
    if header.startswith(("sys/", "linux/")) or header.removesuffix(".h") in SYSTEM:
        return None
    if path.endswith(".cc") and header in SYSTEM_CXX:
        return None
    return "a header that no table in tests/structure/includes.py names"


def violations(root):
    src = pathlib.Path(root) / "src"
    found = []
    for file in sorted(f for f in src.rglob("*") if f.suffix in {".c", ".h"} | OTHER_SUFFIXES):
        path = file.relative_to(src).as_posix()
        room = path.split("/")[0]
        if file.suffix in OTHER_SUFFIXES and path not in CXX:
            found.append(f"src/{path}: precis is C, but for " + ", ".join(CXX))
        text = COMMENT.sub(lambda m: re.sub(r"[^\n]", " ", m[0]), file.read_text())
        if room not in ROOMS:
            found.append(f"src/{path}: no table in tests/structure/includes.py names its room")
            continue
        for m in INCLUDE.finditer(text):
            why = own_include(room, m[2]) if m[1] == '"' else foreign_include(path, m[2])
            if why:
                found.append(f"src/{path}:{text.count(chr(10), 0, m.start()) + 1}: {m[2]}: {why}")
        for pattern, only in ONLY_IN.items():
            m = re.search(pattern, text)
            if m and path != only:
                line = text.count("\n", 0, m.start()) + 1
                found.append(f"src/{path}:{line}: {m[0]} belongs to src/{only}")
    return found


def self_test():
    cases = [  # (path under src, content, is it a violation)
        ("base/a.c", '#include "base/b.h"\n#include <string.h>\n#include <sys/stat.h>\n', False),
        ("base/a.c", '#include "code/walk.h"\n', True),
        ("base/a.c", "  # include <jansson.h>\n", False),
        ("base/a.c", "#include <openssl/evp.h>\n", False),
        ("base/a.c", '/* #include "cli/x.h" */\n// pthread_create\n', False),
        ("base/pool.c", "int x = pthread_create(0, 0, 0, 0);\n", False),
        ("base/a.c", "int x = pthread_create(0, 0, 0, 0);\n", True),
        ("code/a.c", '#include "walk.h"\n', True),
        ("code/a.c", '#include "../base/err.h"\n', True),
        ("code/a.c", '#include "text/tok.h"\n', True),
        ("model/a.c", "#include <openssl/sha.h>\n", True),
        ("text/a.c", "#include <utf8proc.h>\n", False),
        ("code/a.c", "#include <utf8proc.h>\n", True),
        ("code/tree_parse.c", "#include <tree_sitter/api.h>\n", False),
        ("code/symbols.c", "#include <tree_sitter/api.h>\n", True),
        ("kernel/a.c", "#include <dnnl.h>\n#include <omp.h>\n", False),
        ("engine/a.c", "#include <dnnl.h>\n", True),
        ("engine/a.c", "#include <oneapi/dnnl/dnnl.h>\n", True),
        ("engine/a.c", "#include <jansson.h>\n", True),
        ("engine/a.c", '#include "text/tok.h"\n', True),
        ("engine/a.c", "#include <onnxruntime_c_api.h>\n", True),
        ("engine/onnx_session.c", "#include <onnxruntime_c_api.h>\n", False),
        ("engine/a.c", '#include "kernel/ops.h"\n#include "precis.h"\n', False),
        ("summary/a.c", '#include "kernel/ops.h"\n', True),
        ("summary/a.c", "#include <sqlite3.h>\n", True),
        ("store/a.c", "#include <sqlite3.h>\n", False),
        ("summary/a.c", '#include "store/store.h"\n', True),
        ("cli/a.h", '#include "report/report.h"\n', False),
        ("cli/a.h", "#include <curl/curl.h>\n", True),
        ("model/a.c", "#include <curl/curl.h>\n", True),
        ("model/hub_http.c", "#include <curl/curl.h>\n", False),
        ("search/hnsw.cc", '#include <new>\n#include <hnswlib/hnswlib.h>\n#include "search/hnsw.h"\n', False),
        ("search/hnsw.cc", "#include <thread>\n", True),
        ("search/hnsw.cc", "void f() { std::thread t; }\n", True),
        ("search/a.c", "#include <hnswlib/hnswlib.h>\n", True),
        ("search/a.c", "#include <new>\n", True),
        ("search/a.c", '#include "kernel/nearest.h"\n', False),
        ("search/a.cc", "", True),
        ("attic/a.c", "", True),
    ]
    failed = 0
    for path, content, bad in cases:
        with tempfile.TemporaryDirectory() as root:
            file = pathlib.Path(root) / "src" / path
            file.parent.mkdir(parents=True)
            file.write_text(content)
            if bool(violations(root)) != bad:
                failed += 1
                print(f"{path} with {content!r}: {'not found' if bad else violations(root)}")
    return failed


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    if sys.argv[1] == "--self-test":
        sys.exit(1 if self_test() else 0)
    lines = violations(sys.argv[1])
    print("\n".join(lines))
    sys.exit(1 if lines else 0)
