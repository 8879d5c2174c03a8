#!/usr/bin/env python3
"""Writes src/code/tree_types.h: the names of nodes and fields of all grammars as enums.

usage: make_types.py NODE_MODULES > src/code/tree_types.h

NODE_MODULES is what `npm ci --ignore-scripts` makes of package-lock.json beside this script.
"""
import json
import pathlib
import re
import sys

GRAMMARS = """bash c c-sharp cpp go java javascript php/php python ruby rust typescript/tsx
    typescript/typescript""".split()

CHARACTERS = {
    "!": "bang", '"': "quote", "#": "hash", "$": "dollar", "%": "percent", "&": "amp", "'": "tick",
    "(": "lparen", ")": "rparen", "*": "star", "+": "plus", ",": "comma", "-": "minus", ".": "dot",
    "/": "slash", ":": "colon", ";": "semicolon", "<": "lt", "=": "eq", ">": "gt", "?": "question",
    "@": "at", "[": "lbracket", "\\": "backslash", "]": "rbracket", "^": "caret", "`": "backtick",
    "{": "lbrace", "|": "pipe", "}": "rbrace", "~": "tilde", " ": "space", "\n": "newline",
    "\r": "return", "\0": "nul", "\t": "tab",
}


def identifier(token):
    """A token as a C identifier: letters as they are, the rest spelled out."""
    words = re.findall(r"[A-Za-z0-9_]+|[^A-Za-z0-9_]", token)
    return "_".join(w if re.match(r"\w", w) else CHARACTERS[w] for w in words)


def c_string(s):
    return '"' + "".join(
        c if c.isprintable() and c not in '"\\?' else "\\%03o" % ord(c) for c in s) + '"'


def read(root):
    types, fields = set(), set()
    for grammar in GRAMMARS:
        folder, _, sub = grammar.partition("/")
        path = pathlib.Path(root) / f"tree-sitter-{folder}" / sub / "src/node-types.json"
        nodes = json.loads(path.read_text())
        for node in nodes:
            types.add((node["type"], node["named"]))
            fields.update(node.get("fields", {}))
        parser = (path.parent / "parser.c").read_text()
        # Those that node-types.json leaves out (of hidden rules), as the parser names them.
        fields.update(re.findall(r'^  \[field_\w+\] = "(\w+)"', parser, re.M))
    return types, fields


def table(out, macro, comment, rows):
    out.append(f"/* {comment} */")
    out.append(f"#define {macro}(X) \\")
    out += [f"    X({name}, {c_string(text)}) \\" for text, name in rows]
    out[-1] = out[-1].removesuffix(" \\")
    out.append("")


def main():
    types, fields = read(sys.argv[1])

    named = [(t, "T_" + t) for t in sorted((t for t, n in types if n), key=str.encode)]
    tokens = [(t, "K_" + identifier(t)) for t in sorted((t for t, n in types if not n), key=str.encode)]
    for rows in named, tokens:
        if len({n for _, n in rows}) != len(rows):
            twice = [r for r in rows if [n for _, n in rows].count(r[1]) > 1]
            sys.exit(f"two names became one: {twice}")
    out = ["/* Made by tools/grammars/make_types.py from the grammars' node-types.json: T_ are nodes, K_ tokens,",
           " * F_ fields of all grammars together, each list in strcmp order. */",
           "#ifndef PRECIS_CODE_TREE_TYPES_H", "#define PRECIS_CODE_TREE_TYPES_H", "", "/* clang-format off */"]
    table(out, "TREE_NODES", "if_statement, identifier, ...", named)
    table(out, "TREE_TOKENS", "if, &&, ...", tokens)
    table(out, "TREE_FIELDS", "name, body, ...", [(f, "F_" + f) for f in sorted(fields)])
    out += ["/* clang-format on */", "", "#define TREE_ENUM(id, text) id,",
            "enum tree_type { TREE_OTHER, TREE_NODES(TREE_ENUM) TREE_TOKENS(TREE_ENUM) TREE_TYPES };",
            "enum tree_field { F_NONE, TREE_FIELDS(TREE_ENUM) TREE_FIELD_COUNT };",
            "#undef TREE_ENUM", "", "#endif"]
    print("\n".join(out))


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    main()
