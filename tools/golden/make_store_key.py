#!/usr/bin/env python3
"""Prints the keys that tests/unit/store/test_key.c compares with (the format: src/store/store.h).

usage: make_store_key.py
"""
import hashlib
import struct


def sha256(data):
    return hashlib.sha256(data).digest()


def key(context, *source):
    fields = [b"precis-line-1", bytes([1]), sha256(b"int x;\n"), b"src/a.c", context, b"b179c952", b"int8",
              b"avx512-vnni", b"line-1", b"1", b'{"max_new_tokens":48}', struct.pack("<Q", 0x0102030405060708), *source]
    return sha256(b"".join(struct.pack("<Q", len(f)) + f for f in fields)).hex()


if __name__ == "__main__":
    print("with context:", key(sha256(b"outline")))
    print("without:     ", key(b""))
    print("by rule:     ", key(b"", b"rule"))
