#!/usr/bin/env python3
"""Writes src/summary/verbs.inc: the words that a summary may begin with.

usage: make_verbs.py WORDNET_DICT FOLDER... > verbs.inc

Verbs in the third person ("returns") and adverbs ("recursively"), lower case, sorted by bytes. They
are those single words of WordNet (its folder with index.verb, index.adv and verb.exc) that begin
comments or docstrings in the source files of the folders, followed by a determiner or the like, so
that they were meant as verbs there: "Returns the", "Return a", "Recursively removes". A handful that
developers use and WordNet lacks is added by hand.
"""
import collections
import pathlib
import re
import sys

ENDINGS = {".py", ".rs", ".c", ".h", ".cc", ".hpp", ".go", ".java", ".js", ".ts", ".rb", ".php", ".sh"}
FIRST = re.compile(
    r"^[ \t]*(?:\"\"\"|'''|//[/!]?|/\*\*?|\*|#)[ \t]*([A-Z][a-z]+)[ \t]+([A-Za-z]+)", re.M)
OBJECTS = set("""a an the all any each every this these that its their it them one two new given some
    whether if how no multiple several both another itself""".split())
LEAST_INFLECTED, LEAST_BASE, LEAST_ADVERB = 2, 6, 2
# Common in descriptions of code, whatever the folders hold; WordNet lacks some of them.
OWN = """absorbs acknowledges adapts aggregates aligns allocates alters amends analyzes animates
    annotates answers approximates archives arranges attempts attends augments authenticates
    authorizes averages backs balances batches begins benchmarks blends boots borrows branches
    bridges brings bumps bundles bypasses canonicalizes centers chains clamps cleans coerces
    collapses commits communicates completes concludes connects continues coordinates
    crawls crops debounces deallocates decorates decreases decrements decrypts deduplicates defers
    delegates delimits delivers demonstrates denies denotes deploys deprecates dereferences
    deregisters deserializes deserialises designates dequeues differentiates digests directs
    discovers dismisses dissolves distinguishes distributes documents doubles downloads draws drives
    duplicates echoes edits elects eliminates emulates encapsulates encloses encrypts ends enforces
    enhances enqueues enriches enumerates equips escapes examines exchanges excludes exercises
    expires explains explores expresses facilitates factors feeds flashes flips focuses formulates
    fulfills gains gauges glues governs grants guarantees guides halts handshakes harvests helps hides
    highlights hooks hosts illustrates imposes improves increments indexes inherits initialises
    initiates injects inlines inspects instantiates integrates intercepts interprets intersects
    introduces iterates iteratively judges jumps labels lays leaves lends limits lines links listens lives
    logs looks maintains manipulates marshals measures mediates memoizes migrates minimizes mocks
    monitors mounts multiplexes mutates navigates negotiates nests normalises observes occupies
    offers offsets omits operates orchestrates orders organizes overloads paginates paints
    parametrizes partitions pauses pays peeks permits persists places plots points polyfills
    posts powers preallocates precomputes prefetches prefixes preloads prepends presents primes probes
    profiles prompts properly proposes protects proves proxies prunes publishes pulls purges
    quantifies quits quotes ranks reacts rearranges reallocates rebalances rebases rebuilds recalculates
    recognizes recomputes reconciles reconnects recovers recreates recurses recursively recycles
    redirects refactors refers refines reflects refreshes refuses regulates reindexes reinitializes
    rejects relates relays relies reloads remaps remembers renders renews reparses replies
    reproduces reschedules resamples resets resizes resubscribes responds resumes retries reveals
    revokes rolls routes safely sanitizes satisfies searches seals secures seeds seeks segments separates
    sequences serializes serialises serves settles shares shows shuffles shuts simplifies simulates
    sleeps slides smooths solves spans spells squashes standardizes states steps strikes subscribes
    substitutes suggests summarizes supplies suppresses surrounds suspends sweeps switches
    synchronizes synthesizes tags tails targets throttles tightens toggles tokenizes
    touches trains transitions transmits transpiles traps treats trims truncates tunes unblocks
    undoes unescapes unifies unions unlinks unloads unlocks unmarshals unpacks unregisters unsets
    unsubscribes untangles unwinds unwraps unzips upgrades uploads upserts validates visualizes vouches
    waits watches widens wires withdraws works yields zeroes zips""".split()
# They begin noun phrases more often than sentences, or say nothing.
NOT = """is was has does functions classes types codes files objects methods notes sees means
    thanks lets ones values names fields messages issues projects views bounds slots founds evens
    trues likes notices plans weighs actually additionally correctly currently effectively finally
    possibly potentially quickly simply specifically trivially intentionally deliberately""".split()


def third_person(base):
    special = {"have": "has", "do": "does", "go": "goes", "be": "is", "undo": "undoes", "redo": "redoes"}
    if base in special:
        return special[base]
    if re.search(r"[^aeiou]y$", base):
        return base[:-1] + "ies"
    if re.search(r"(s|x|z|ch|sh|o)$", base):
        if base.endswith("z") and not base.endswith("zz"):
            return base + "zes"
        return base + "es"
    return base + "s"


def words(path):
    out = set()
    for line in path.read_text().splitlines():
        word = line.split(" ", 1)[0]
        if re.fullmatch("[a-z]{2,}", word):
            out.add(word)
    return out


def count(folders):
    pairs = collections.Counter()
    for folder in folders:
        for path in sorted(pathlib.Path(folder).rglob("*")):
            if path.suffix not in ENDINGS or not path.is_file() or path.stat().st_size > 2_000_000:
                continue
            text = path.read_text(errors="replace")
            pairs.update(set(FIRST.findall(text)))
    return pairs


def main():
    wordnet, folders = pathlib.Path(sys.argv[1]), sys.argv[2:]
    verbs = {third_person(v): v for v in words(wordnet / "index.verb")}
    bases = set(verbs.values())
    adverbs = {w for w in words(wordnet / "index.adv") if w.endswith("ly") and len(w) > 5}
    inflected, base, adverb = collections.Counter(), collections.Counter(), collections.Counter()
    for (first, second), n in count(folders).items():
        first = first.lower()
        if second in OBJECTS:
            inflected[first] += n if first in verbs else 0
            base[first] += n if first in bases else 0
        if second.lower() in verbs or second.lower() in bases:
            adverb[first] += n if first in adverbs else 0
    chosen = set(OWN)
    chosen |= {w for w, n in inflected.items() if n >= LEAST_INFLECTED}
    chosen |= {third_person(w) for w, n in base.items() if n >= LEAST_BASE}
    chosen |= {w for w, n in adverb.items() if n >= LEAST_ADVERB}
    chosen = sorted(w for w in chosen - set(NOT) if 3 <= len(w) <= 16)
    print("/* By tools/verbs/make_verbs.py, from WordNet and the comments of source code. */")
    for w in chosen:
        print(f'"{w}",')


main()
