#include "summary/shorten.h"

#include <string.h>

#include "base/utf8.h"
#include "summary/phrase.h"

/* Bytes of the first `chars` code points. */
static size_t prefix_bytes(const char *s, size_t n, size_t chars) {
    size_t i = 0;
    uint32_t c;
    while (i < n && chars--) {
        int len = utf8_decode((const uint8_t *)s + i, n - i, &c);
        i += len ? (size_t)len : 1;
    }
    return i;
}

/* A sentence cannot end in one of these. */
static bool ends_openly(const char *s, size_t n) {
    static const char *const open[] = {
        "a",    "an",    "the",   "of",      "to",      "in",      "on",      "for",
        "with", "by",    "from",  "and",     "or",      "that",    "which",   "as",
        "at",   "into",  "is",    "are",     "be",      "its",     "it",      "this",
        "such", "using", "both",  "when",    "while",   "if",      "than",    "like",
        "but",  "not",   "their", "any",     "each",    "between", "whether", "where",
        "how",  "can",   "also",  "between", "through", "cases",   "without", NULL};
    size_t from = n;
    while (from && s[from - 1] != ' ')
        from--;
    return n == from || phrase_match(s + from, n - from, open) == n - from;
}

/* Angle brackets count where they hold type parameters: "Either<L, R>", not "a < b" or "->". */
static bool brackets_closed(const char *s, size_t n) {
    long depth = 0, angles = 0, quotes = 0;
    for (size_t i = 0; i < n; i++) {
        char before = i ? s[i - 1] : ' ';
        depth += s[i] && strchr("([{", s[i]) ? 1 : s[i] && strchr(")]}", s[i]) ? -1 : 0;
        if (s[i] == '<' && before != ' ')
            angles++;
        if (s[i] == '>' && angles && !strchr(" -=", before))
            angles--;
        quotes += s[i] == '"';
    }
    return depth <= 0 && !angles && quotes % 2 == 0;
}

/* "between a and b", "both a and b": the part before "and" is not whole. */
static bool pair_open(const char *s, size_t n) {
    return phrase_contains(s, n, "between ", 8) || phrase_contains(s, n, "both ", 5) ||
           phrase_contains(s, n, "either ", 7) || phrase_contains(s, n, "whether ", 8);
}

/* Words from i to the next comma. */
static size_t item_words(const char *s, size_t n, size_t i) {
    const char *comma = memchr(s + i, ',', n - i);
    return phrase_count_words(s + i, comma ? (size_t)(comma - s) - i : n - i);
}

/* Whether the comma at i parts the items of a list rather than clauses: "Read, Write, and Seek". */
static bool in_list(const char *s, size_t n, size_t i) {
    if (s[i] != ',')
        return false;
    size_t before = i;
    while (before && s[before - 1] != ',')
        before--;
    static const char *const joins[] = {"and", "or", NULL};
    bool joined = phrase_match(s + i + 2, n - i - 2, joins) > 0;
    return joined ? before && phrase_count_words(s + before, i - before) <= 3
                  : item_words(s, n, i + 2) <= 2;
}

/* Verbs and nouns that a clause with "that" belongs to: "ensures that", "the fact that". */
static bool wants_that(const char *s, size_t n) {
    static const char *const words[] = {
        "ensures",  "ensure",     "ensuring",  "checks",       "check",    "checking",
        "verifies", "verify",     "verifying", "shows",        "show",     "asserts",
        "assert",   "tests",      "test",      "indicates",    "indicate", "indicating",
        "means",    "guarantees", "guarantee", "demonstrates", "proves",   "determines",
        "confirms", "fact",       "so",        "such",         "note",     "case",
        "one",      "those",      NULL};
    size_t from = n;
    while (from && s[from - 1] != ' ')
        from--;
    return phrase_match(s + from, n - from, words) == n - from;
}

static bool whole(const char *s, size_t n, const char *boundary) {
    if (strcmp(boundary, " that ") == 0 && wants_that(s, n))
        return false;
    bool pair = strstr(boundary, "and ") && pair_open(s, n);
    return !pair && n && s[n - 1] != ',' && phrase_count_words(s, n) >= 4 && !ends_openly(s, n) &&
           brackets_closed(s, n);
}

/* The longest prefix within `most` bytes that ends before one of the boundaries; 0: none. */
static size_t last_boundary(const char *s, size_t n, size_t most, const char *const *boundaries) {
    size_t best = 0;
    for (; *boundaries; boundaries++) {
        size_t len = strlen(*boundaries);
        for (size_t i = best + 1; i <= most && i + len <= n; i++)
            if (memcmp(s + i, *boundaries, len) == 0 && !in_list(s, n, i) &&
                whole(s, i, *boundaries))
                best = i;
    }
    return best;
}

static size_t clause_end(const char *s, size_t n, size_t most) {
    static const char *const strong[] = {
        "; ",       ", which ",     ", and ",  ", allowing ", ", ensuring ",
        ", using ", ", including ", ", with ", ", where ",    ", while ",
        ", but ",   ", so ",        ". ",      " - ",         NULL};
    static const char *const weak[] = {
        ", ",     " and ",   " while ",   " using ", " which ",   " so that ",
        " by ",   " that ",  " without ", " until ", " such as ", " as well as ",
        " when ", " where ", " with ",    " (",      ": ",        NULL};
    size_t end = last_boundary(s, n, most, strong);
    if (end < most / 3)
        end = last_boundary(s, n, most, weak);
    return end;
}

static size_t wide_clause_end(const char *s, size_t n, size_t most) {
    static const char *const wide[] = {"\xef\xbc\x8c", "\xef\xbc\x9b", NULL}; /* full-width , ; */
    size_t best = 0;
    for (const char *const *b = wide; *b; b++)
        for (size_t i = best + 1; i <= most && i + 3 <= n; i++)
            if (memcmp(s + i, *b, 3) == 0 && i >= 18)
                best = i;
    return best;
}

void shorten(struct buf *line, int max_chars, bool unfinished) {
    size_t room = (size_t)max_chars - 1;
    size_t most = prefix_bytes(line->data, line->len, room);
    if (most == line->len && !unfinished)
        return;
    size_t end = clause_end(line->data, line->len, most);
    if (!end)
        end = wide_clause_end(line->data, line->len, most);
    const char *after = "";
    if (!end) {
        end = prefix_bytes(line->data, line->len, (size_t)max_chars - 3);
        bool inside = end < line->len || unfinished;
        size_t word = end;
        while (inside && word && line->data[word] != ' ')
            word--;
        end = word > end / 3 ? word : end;
        while (end && strchr(" ,;:-(", line->data[end - 1]))
            end--;
        after = "...";
    }
    line->len = end;
    line->data[end] = 0;
    buf_str(line, after);
}
