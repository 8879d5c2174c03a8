#!/usr/bin/env python3
"""Stems by nltk's PorterStemmer in its default mode: tests/golden/eval/stems.jsonl.

usage: eval_stems.py OUT.jsonl [WORDS.txt]    (needs: pip install nltk==3.10.4)

A line: {"w": word, "s": stem}. WORDS.txt: other words, one in a line, instead of the built-in ones.
"""
import json
import sys

from nltk.stem.porter import PorterStemmer

WORDS = """caresses ponies ties caress cats flies dies died spied feed agreed plastered bled motoring sing conflated
troubled sized hopping tanned falling hissing fizzed failing filing happy sky skies dying lying tying news innings
outings cannings howe proceed exceed succeed enjoy enjoyment spy fly try tried relational conditional rational valenci
hesitanci digitizer conformabli radicalli differentli vileli analogousli vietnamization predication operator feudalism
decisiveness hopefulness callousness formaliti sensitiviti sensibiliti hopefulli geologi theologi archaeologi logi
triplicate formative formalize electriciti electrical hopeful goodness revival allowance inference airliner gyroscopic
adjustable defensible irritant replacement adjustment dependent adoption homologou communism activate angulariti
homologous effective bowdlerize probate rate cease controll roll controlling rolled yyyy syzygy toy by y a is as ing ed
s es ies ied eed bed red king thing string rings at bl iz ating bling izing oed aed owed tried cried dried eyed keyed
played returned returning returns converts conversion initializes initialization parser parses parsed caching cached
queues queued deallocated handles handling asynchronously specifically automatically basically finally radically
generically alli balli ationalli usually equally ion tion sion action session ons ns n't it's foo_bar naïve naïvely
éed éing éés ees 日本ing ααing l10n x86ing 123ing ss sss ssss sses sesses iess ly ally bility ability abilities""".split()


def main(out, words):
    stemmer = PorterStemmer()
    with open(out, "w", encoding="utf-8") as f:
        for word in words:
            f.write(json.dumps({"w": word, "s": stemmer.stem(word)}) + "\n")


if __name__ == "__main__":
    if len(sys.argv) not in (2, 3):
        sys.exit(__doc__)
    main(sys.argv[1], open(sys.argv[2], encoding="utf-8").read().split() if len(sys.argv) == 3 else WORDS)
