#!/usr/bin/env python3
"""Scores of candidates against references by the programs that src/eval must equal: tests/golden/eval/text.jsonl.

usage: eval_text.py SUMMARIES.jsonl EVALUATOR.py WORDNET OUT.jsonl [--all]
       (needs: pip install sacrebleu==2.6.0 rouge-score==0.1.2 nltk==3.10.4)

SUMMARIES.jsonl: lines with "reference". EVALUATOR.py: CodeXGLUE's Code-Text/code-to-text/evaluator/evaluator.py.
WORDNET: a folder with WordNet 3.0's files, such as Debian's /usr/share/wordnet. --all: every reference with every
kind of candidate (for a look at all of them; what is committed is a sample).

A line: {"c": candidate, "r": reference, "sentence_bleu", "bleu_cxg", "rouge": [1, 2, L], "rouge_stem": [1, 2, L],
"meteor"}; the last: {"bleu4": of all lines above}. METEOR's words are those of sacrebleu's tokenizer 13a.
"""
import importlib.util
import json
import os
import random
import shutil
import sys
import tempfile

import nltk
import sacrebleu
from nltk.corpus.reader.wordnet import WordNetCorpusReader
from nltk.translate.meteor_score import single_meteor_score
from rouge_score.rouge_scorer import RougeScorer
from sacrebleu.tokenizers.tokenizer_13a import Tokenizer13a

ODD = [
    ("", "Returns the number of words."),
    ("Returns.", ""),
    ("", ""),
    (".", "."),
    ("a", "a"),
    ("a b", "a b"),
    ("a b c", "a b c d"),
    ("Returns the value of foo_bar in 1,024.5 steps - at 10-20 km/h.", "Gets foo_bar's value (1,024 steps), at 10 -20 km/h..."),
    ("&lt;a&gt; &amp;lt; &quot;x&quot; R&D", "<a> < \"x\" R&D <skipped>b"),
    ("<skipped>Reads lines-\nof text\nand\tcounts them\r\n  ", "Reads lines of text and counts them."),
    ("ÄÖÜ straße naïve ΑΣ ΑΣΑ ΣΑΣ. İstanbul \u212aelvin", "äöü STRASSE naïve ας ασα σας i̇stanbul kelvin"),
    ("日本語のテキスト、テスト。 中文", "日本語 の テキスト、 テスト。"),
    ("emoji 😀😀 and é combining e\u0301 ½ ² Ⅷ ٣", "Emoji 😀 and é combining é ½ 2 Ⅷ 3"),
    ("non\u00a0breaking\u2003spaces\u3000here\u0085x\u001cy\u200bz", "non breaking spaces here x y z"),
    ("a.b.c...d,,e,.1.,2,.3.4,5 .6 7. 8,", "a.b.c... d,, e,.1.,2,.3.4,5 .6 7. 8,"),
    ("9-1 a-1 1-a -1 --2 3--4 5.-6", "9 - 1 a-1 1 -a -1 --2 3 --4 5.-6"),
    ("{x}[y]^z`w|v~u\\t !\"#$%&'()*+,-./:;<=>?@", "{ x } [ y ] ^ z ` w | v ~ u \\ t ! \" # $ % & ' ( ) * + , - . / : ; < = > ? @"),
    ("the the the the the the the", "the cat is on the mat"),
    ("the cat sat on the mat the cat sat", "the cat sat on the mat, and the dog sat on the cat"),
    ("It is a guide to action which ensures that the military always obeys the commands of the party",
     "It is a guide to action that ensures that the military will forever heed Party commands"),
    ("Fetches a picture of large dogs quickly, purchasing automobiles", "Gets big hound images fast, buying cars"),
    ("He went home; mice ran, geese flew, the worst and better oxen", "He goes home; a mouse runs, goose fly, bad and good ox"),
    ("x" * 300 + " y" * 200 + " returns", "returns y y y " + "x" * 300 + " y" * 150),
]


def load_evaluator(path):
    spec = importlib.util.spec_from_file_location("evaluator", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def codexglue(module, candidate, reference):
    split = lambda s: module.splitPuncts(s.strip().lower())
    return module.bleuFromMaps({"0": [split(reference)]}, {"0": [split(candidate)]})[0]


class Synonyms(WordNetCorpusReader):
    def map_wn(self, version="wordnet"):
        """Of other languages' numbers, from a file that Debian leaves out."""


def load_wordnet(folder):
    """nltk wants a file of the names of lexicographers' files, which scores do not depend on and Debian leaves out."""
    copy = tempfile.mkdtemp()
    for name in os.listdir(folder):
        if name.startswith(("data.", "index.", "cntlist")) or name.endswith(".exc"):
            shutil.copy(os.path.join(folder, name), copy)
    with open(os.path.join(copy, "lexnames"), "w") as f:
        f.writelines(f"{i:02d}\tname{i}\t1\n" for i in range(45))
    nltk.data.path.append(copy)  # it opens files below its own folders only
    return Synonyms(copy, None)


def perturb(rng, words, others):
    kind = rng.randrange(5)
    words = list(words)
    if kind == 0:
        rng.shuffle(words)
    elif kind == 1:
        words = words[: max(1, len(words) * 2 // 3)]
    elif kind == 2:
        words = [w for w in words if rng.random() < 0.7]
    elif kind == 3:
        words = [rng.choice(others) if rng.random() < 0.3 else w for w in words]
    else:
        words = words[:3] + ["and", "also"] + words[2:]
    return " ".join(words)


def pairs(path, all_of_them):
    rng = random.Random(6)
    with open(path, encoding="utf-8") as f:
        references = [json.loads(line)["reference"] for line in f]
    others = " ".join(references).split()
    found = []
    for i, reference in enumerate(references):
        other = references[(i + 1) % len(references)]
        candidates = [perturb(rng, reference.split(), others), perturb(rng, reference.split(), others), other,
                      reference.upper(), reference, ""]
        found += [(c, reference) for c in (candidates if all_of_them else candidates[:3])]
    return ODD + (found if all_of_them else rng.sample(found, 60))


def main(summaries, evaluator, wordnet, out, all_of_them):
    evaluator, wordnet, words = load_evaluator(evaluator), load_wordnet(wordnet), Tokenizer13a()
    rouge = [RougeScorer(["rouge1", "rouge2", "rougeL"], use_stemmer=s) for s in (False, True)]
    both = pairs(summaries, all_of_them)
    with open(out, "w", encoding="utf-8") as f:
        for c, r in both:
            scores = [s.score(r, c) for s in rouge]
            line = {"c": c, "r": r,
                    "sentence_bleu": sacrebleu.sentence_bleu(c, [r], smooth_method="add-k", smooth_value=1).score,
                    "bleu_cxg": codexglue(evaluator, c, r),
                    "rouge": [round(scores[0][k].fmeasure, 7) for k in ("rouge1", "rouge2", "rougeL")],
                    "rouge_stem": [round(scores[1][k].fmeasure, 7) for k in ("rouge1", "rouge2", "rougeL")],
                    "meteor": single_meteor_score(words(r.rstrip()).split(), words(c.rstrip()).split(), wordnet=wordnet)}
            for key in ("sentence_bleu", "bleu_cxg", "meteor"):
                line[key] = round(line[key], 7)
            f.write(json.dumps(line) + "\n")
        bleu = sacrebleu.corpus_bleu([c for c, _ in both], [[r for _, r in both]]).score
        f.write(json.dumps({"bleu4": round(bleu, 7)}) + "\n")
    print(f"{len(both)} pairs, sacrebleu {sacrebleu.__version__}, nltk {nltk.__version__}")


if __name__ == "__main__":
    if len(sys.argv) not in (5, 6):
        sys.exit(__doc__)
    main(*sys.argv[1:5], sys.argv[5:] == ["--all"])
