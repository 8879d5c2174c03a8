"""Builds SentencePiece's precompiled_charsmap: a Darts-clone double array of byte strings and their texts."""
import struct


def build(entries):
    """entries: {key bytes: replacement text}. Returns the bytes of the map."""
    texts, places = b"", {}
    for text in sorted(set(entries.values())):
        places[text] = len(texts)
        texts += text.encode() + b"\0"
    trie = {}
    for key, text in entries.items():
        node = trie
        for c in key:
            node = node.setdefault(c, {})
        node[None] = places[text]
    units, taken = {}, {0}
    pending = [(0, 0, trie)]
    first = 1
    while pending:
        at, label, node = pending.pop()
        children = sorted(c for c in node if c is not None)
        offsets = ([0] if None in node else []) + children
        base = first
        while any(base ^ c in taken for c in offsets) or base ^ at >= 1 << 21:
            base += 1
        taken.update(base ^ c for c in offsets)
        while first in taken:
            first += 1
        units[at] = (base ^ at) << 10 | label | (256 if None in node else 0)
        if None in node:
            units[base] = node[None] | 1 << 31
        pending += [(base ^ c, c, node[c]) for c in children]
    size = (max(units) | 255) + 1
    array = struct.pack(f"<{size}I", *(units.get(i, 0) for i in range(size)))
    return struct.pack("<I", len(array)) + array + texts
