"""Finds documented definitions in one source file with tree-sitter.

A definition is a function, a method or a type. What comes out is its source without any doc comment
of its own or of a definition inside it, and the raw text of its own doc. Line numbers are 1-based and
inclusive, in the file as it was given.
"""
import dataclasses
import re
import textwrap

import tree_sitter
import tree_sitter_c
import tree_sitter_go
import tree_sitter_java
import tree_sitter_javascript
import tree_sitter_python
import tree_sitter_rust
import tree_sitter_typescript

FILE_LINES = 300
# The share of its file that the only documented definition must have for its doc to stand for the file.
FILE_SHARE = 0.4

GRAMMARS = {
    "rust": tree_sitter_rust.language,
    "c": tree_sitter_c.language,
    "python": tree_sitter_python.language,
    "go": tree_sitter_go.language,
    "java": tree_sitter_java.language,
    "javascript": tree_sitter_javascript.language,
    "typescript": tree_sitter_typescript.language_typescript,
}

FUNCTIONS = {
    "rust": {"function_item", "function_signature_item"},
    "c": {"function_definition"},
    "python": {"function_definition"},
    "go": {"function_declaration", "method_declaration"},
    "java": {"method_declaration", "constructor_declaration", "compact_constructor_declaration"},
    "javascript": {"function_declaration", "generator_function_declaration", "method_definition"},
    "typescript": {"function_declaration", "generator_function_declaration", "method_definition",
                   "method_signature", "function_signature", "abstract_method_signature"},
}
TYPES = {
    "rust": {"struct_item", "enum_item", "union_item", "trait_item"},
    "c": {"struct_specifier", "union_specifier", "enum_specifier"},
    "python": {"class_definition"},
    "go": {"type_declaration"},
    "java": {"class_declaration", "interface_declaration", "enum_declaration", "record_declaration",
             "annotation_type_declaration"},
    "javascript": {"class_declaration"},
    "typescript": {"class_declaration", "abstract_class_declaration", "interface_declaration",
                   "enum_declaration", "type_alias_declaration"},
}
# Nodes that hold nothing but the definition and so carry its doc and its line range.
WRAPPERS = {"decorated_definition", "export_statement", "declaration", "type_definition",
            "lexical_declaration", "variable_declaration", "expression_statement", "pair",
            "public_field_definition", "field_definition", "ambient_declaration"}
# Declarations without a body: their docs are cut, but they are no items.
BODILESS = {"function_signature_item", "function_signature", "method_signature", "abstract_method_signature"}
COMMENTS = {"comment", "line_comment", "block_comment"}
BETWEEN = {"attribute_item", "decorator"}
CLOSURES = {"arrow_function", "function_expression", "generator_function", "function"}


@dataclasses.dataclass
class Item:
    """One definition: `doc` is raw, with comment marks; `code` is dedented and free of docs."""
    symbol: str
    is_type: bool
    start_line: int
    end_line: int
    code: str
    doc: str
    doc_start: int
    doc_end: int
    depth: int


@dataclasses.dataclass
class Found:
    """A definition node with the byte range of its whole statement and those of its doc."""
    symbol: str
    is_type: bool
    start: int
    end: int
    docs: list
    depth: int
    node: object
    has_body: bool


def text_of(source, node):
    return source[node.start_byte:node.end_byte].decode("utf-8", "replace")


def starts_line(source, byte):
    begin = source.rfind(b"\n", 0, byte) + 1
    return not source[begin:byte].strip()


def c_name(source, node):
    """The name that a C declarator declares, or None."""
    while node is not None:
        if node.type in ("identifier", "field_identifier", "type_identifier"):
            return text_of(source, node)
        node = node.child_by_field_name("declarator") or (
            node.named_children[0] if node.type == "parenthesized_declarator" else None)
    return None


def definition_of(source, language, node):
    """(symbol, is_type) where `node` is a definition, else None."""
    kind = node.type
    if kind in FUNCTIONS[language]:
        name = node.child_by_field_name("declarator" if language == "c" else "name")
        symbol = c_name(source, name) if language == "c" else name and text_of(source, name)
        if symbol and language in ("javascript", "typescript"):
            symbol = symbol.strip("\"'")
            symbol = symbol if re.fullmatch(r"[\w$#]+", symbol) else None
        return (symbol, False) if symbol else None
    if kind in TYPES[language]:
        return type_of(source, language, node)
    if language in ("javascript", "typescript"):
        return closure_of(source, node)
    return None


def type_of(source, language, node):
    if language == "go":
        specs = [n for n in node.named_children if n.type in ("type_spec", "type_alias")]
        if len(specs) != 1 or node.named_child_count != 1:
            return None
        return text_of(source, specs[0].child_by_field_name("name")), True
    if language == "c":
        if node.child_by_field_name("body") is None:
            return None
        parent = node.parent
        if parent.type == "type_definition":
            name = c_name(source, parent.child_by_field_name("declarator"))
        elif parent.type in ("field_declaration", "parameter_declaration"):
            return None
        else:
            tag = node.child_by_field_name("name")
            name = tag and text_of(source, tag)
        return (name, True) if name else None
    name = node.child_by_field_name("name")
    return (text_of(source, name), True) if name else None


def closure_of(source, node):
    """A function value that a variable, a property or a field is given."""
    if node.type == "variable_declarator":
        if sum(n.type == "variable_declarator" for n in node.parent.named_children) != 1:
            return None
        name, value = node.child_by_field_name("name"), node.child_by_field_name("value")
    elif node.type == "assignment_expression":
        name, value = node.child_by_field_name("left"), node.child_by_field_name("right")
    elif node.type == "pair":
        name, value = node.child_by_field_name("key"), node.child_by_field_name("value")
    elif node.type in ("public_field_definition", "field_definition"):
        name = node.child_by_field_name("name") or node.child_by_field_name("property")
        value = node.child_by_field_name("value")
    else:
        return None
    while value is not None and value.type == "assignment_expression":
        value = value.child_by_field_name("right")
    if name is None or value is None or value.type not in CLOSURES:
        return None
    symbol = re.split(r"\.", text_of(source, name))[-1]
    return (symbol, False) if re.fullmatch(r"[\w$#]+", symbol) else None


def docstring(source, node):
    """The docstring node of a Python module, class or function, or None."""
    body = node if node.type == "module" else node.child_by_field_name("body")
    for child in body.children if body is not None else ():
        if child.type == "comment":
            continue
        if child.type == "expression_statement" and child.named_child_count == 1 \
                and child.named_children[0].type == "string":
            return child
        return None
    return None


def is_doc(source, language, comment):
    text = text_of(source, comment)
    if not starts_line(source, comment.start_byte):
        return False
    if language == "rust":
        return bool(re.match(r"///(?!/)|/\*\*(?![*/])", text))
    if language in ("java", "typescript"):
        return text.startswith("/**")
    if language == "javascript":
        return text.startswith(("/**", "//"))
    return language in ("c", "go")


def leading(source, language, outer):
    """(start byte with attributes, doc nodes in order) of a statement."""
    start, docs, below = outer.start_byte, [], outer.start_point[0]
    node = outer.prev_sibling
    while node is not None:
        last = node.end_point[0] - (node.end_point[1] == 0)
        if node.type in BETWEEN:
            start = node.start_byte
        elif node.type in COMMENTS and is_doc(source, language, node) and last >= below - 1:
            line = text_of(source, node).startswith("//")
            if docs and (not line or not text_of(source, docs[0]).startswith("//")):
                break
            docs.insert(0, node)
        elif not (language == "rust" and node.type in COMMENTS):
            break
        below = node.start_point[0]
        node = node.prev_sibling
    return start, docs


def found_in(source, language, root):
    """Every definition below `root`, outer ones first, except inside Rust test modules."""
    out = []
    stack = [(root, 0)]
    while stack:
        node, depth = stack.pop()
        if language == "rust" and is_test(source, node):
            continue
        what = definition_of(source, language, node)
        if what:
            outer = node
            while outer.parent is not None and outer.parent.type in WRAPPERS:
                outer = outer.parent
            start, docs = leading(source, language, outer)
            if language == "python":
                doc = docstring(source, node)
                docs = [doc] if doc is not None else []
            end = outer.end_byte
            if source[end:end + 1] == b";":
                end += 1
            has_body = node.type not in BODILESS and not (
                node.type == "method_declaration" and language == "java"
                and node.child_by_field_name("body") is None)
            out.append(Found(*what, start, end, docs, depth, outer, has_body))
        inside = depth + (1 if what else 0)
        stack.extend((child, inside) for child in reversed(node.named_children))
    return out


def is_test(source, node):
    if node.type not in ("mod_item", "function_item", "impl_item"):
        return False
    before = node.prev_sibling
    while before is not None and before.type in BETWEEN | COMMENTS:
        if before.type == "attribute_item" and re.search(r"\btest\b", text_of(source, before)):
            return True
        before = before.prev_sibling
    return False


def cut_lines(source, start, end, ranges):
    """Source lines of [start, end) without `ranges`; a line that a range leaves blank is dropped."""
    begin = source.rfind(b"\n", 0, start) + 1
    out, at = [], begin
    for a, b in sorted(ranges):
        if b <= at or a >= end:
            continue
        a = max(a, at)
        line = source.rfind(b"\n", 0, a) + 1
        tail = source.find(b"\n", b) if source[b - 1:b] != b"\n" else b - 1
        tail = len(source) if tail < 0 else tail
        if not source[line:a].strip() and not source[b:tail].strip():
            a, b = max(line, at), min(tail + 1, len(source))
        out.append(source[at:a])
        at = b
    out.append(source[at:end] if at < end else b"")
    return b"".join(out).decode("utf-8", "replace")


def tidy(code):
    lines = [line.rstrip() for line in code.replace("\r\n", "\n").split("\n")]
    while lines and not lines[-1]:
        lines.pop()
    while lines and not lines[0]:
        lines.pop(0)
    return textwrap.dedent("\n".join(lines))


def spans(nodes):
    return [(n.start_byte, n.end_byte) for n in nodes]


def line_at(source, byte):
    return source.count(b"\n", 0, byte) + 1


def raw_doc(source, docs):
    return "\n".join(text_of(source, d).rstrip("\n") for d in docs)


def parse(language, path, source):
    """(items, file item or None) of one file; `source` is bytes."""
    grammar = GRAMMARS[language]
    if path.endswith((".tsx",)):
        grammar = tree_sitter_typescript.language_tsx
    tree = tree_sitter.Parser(tree_sitter.Language(grammar())).parse(source)
    found = found_in(source, language, tree.root_node)
    items = []
    for f in found:
        head = source[f.start:f.end].decode("utf-8", "replace").split("{")[0]
        if not f.docs or not f.has_body or not starts_line(source, f.start) or f.node.has_error \
                or DEPRECATED.search(head):
            continue
        inner = [g for g in found if f.start <= g.start and g.end <= f.end]
        cut = [s for g in inner for s in spans(g.docs)]
        items.append(Item(f.symbol, f.is_type, line_at(source, f.start), line_at(source, f.end - 1),
                          tidy(cut_lines(source, f.start, f.end, cut)), raw_doc(source, f.docs),
                          f.docs[0].start_byte, f.docs[-1].end_byte, f.depth))
    return items, file_item(language, source, tree.root_node, found)


LICENCE = re.compile(r"copyright|licen[cs]e|all rights reserved|spdx|permission is hereby|"
                     r"redistribution", re.I)
DEPRECATED = re.compile(r"@Deprecated\b|#\[deprecated\b")


def header_doc(language, source, root, found):
    """Nodes of the doc that is about the file as a whole."""
    children = root.children
    if language == "python":
        doc = docstring(source, root)
        return [doc] if doc is not None else []
    if language == "rust":
        return [n for n in children if n.type in COMMENTS
                and re.match(r"//!|/\*!", text_of(source, n))]
    if language == "go":
        clause = next((n for n in children if n.type == "package_clause"), None)
        return leading(source, "go", clause)[1] if clause is not None else []
    top = [f for f in found if f.depth == 0]
    if language == "java":
        return top[0].docs if len(top) == 1 else []
    own = {n.start_byte for f in found for n in f.docs}
    for node in children:
        if node.type not in COMMENTS:
            break
        text = text_of(source, node)
        about = re.search(r"@(file|fileoverview|overview|module)\b", text)
        if language == "c" and not LICENCE.search(text) and node.start_byte not in own \
                and text.startswith("/*"):
            return [node]
        if language != "c" and about and not LICENCE.search(text):
            return [node]
    documented = [f for f in top if f.docs and text_of(source, f.docs[0]).startswith("/**")]
    if language != "c" and len(documented) == 1:
        only = documented[0]
        return only.docs if only.end - only.start >= FILE_SHARE * len(source) else []
    return []


def file_item(language, source, root, found):
    docs = header_doc(language, source, root, found)
    if not docs:
        return None
    whole = cut_lines(source, 0, len(source), spans(docs))
    kept = tidy("\n".join(whole.replace("\r\n", "\n").split("\n")[:FILE_LINES]))
    removed = sum(text_of(source, d).rstrip("\n").count("\n") + 1 for d in docs)
    total = len(source.rstrip().split(b"\n"))
    return Item(None, False, 1, min(total, FILE_LINES + removed), kept, raw_doc(source, docs),
                docs[0].start_byte, docs[-1].end_byte, 0)
