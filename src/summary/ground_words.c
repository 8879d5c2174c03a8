#include "summary/ground_words.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "summary/phrase.h"

enum { PAIR = 100, FIRST_SLOTS = 1024, MOST_GAP = 3 };

static bool ends(const char *word, size_t n, const char *tail) {
    size_t len = strlen(tail);
    return n > len + 1 && memcmp(word + n - len, tail, len) == 0;
}

/* "stopp" of "stopping", not "call" of "calling". */
static size_t without_double(const char *word, size_t n) {
    return n > 3 && word[n - 1] == word[n - 2] && !strchr("lsz", word[n - 1]) ? n - 1 : n;
}

/* What is the same in "entry", "entries" and, with verbs, in "parse", "parsed", "parsing". Changes
 * the word. */
static size_t stem(char *word, size_t n, bool verbs) {
    if (ends(word, n, "ies") || (verbs && ends(word, n, "ied"))) {
        n -= 2;
        word[n - 1] = 'y';
    } else if (ends(word, n, "sses") || ends(word, n, "shes") || ends(word, n, "ches") ||
               ends(word, n, "xes") || ends(word, n, "zes"))
        n -= 2;
    else if (ends(word, n, "s") && !strchr("sui", word[n - 2]))
        n--;
    if (verbs && n > 5 && ends(word, n, "ing"))
        n = without_double(word, n - 3);
    else if (verbs && n > 4 && ends(word, n, "ed"))
        n = without_double(word, n - 2);
    return n > 3 && word[n - 1] == 'e' ? n - 1 : n; /* "caches" lost it */
}

static uint64_t hash_of(enum ground_kind kind, const char *s, size_t n) {
    char word[GROUND_NAME_MOST];
    n = n < sizeof word ? n : sizeof word;
    memcpy(word, s, n);
    if (kind != GROUND_NUMBER)
        n = stem(word, n, kind == GROUND_STEM);
    /* A small seed would make the "1" of one kind the "3" of another. */
    return hash_bytes(word, n, hash_mix((uint64_t)kind, 0)) | 1; /* 0 is a free slot */
}

static uint64_t hash_pair(uint64_t a, uint64_t b) {
    return hash_mix(a + PAIR, b) | 1;
}

static size_t slot_of(const uint64_t *v, size_t cap, uint64_t hash) {
    size_t i = (size_t)(hash >> 1) & (cap - 1);
    while (v[i] && v[i] != hash)
        i = (i + 1) & (cap - 1);
    return i;
}

static bool has(const struct ground_words *w, uint64_t hash) {
    return w->cap && w->v[slot_of(w->v, w->cap, hash)];
}

static bool grow(struct ground_words *w) {
    size_t cap = w->cap ? 2 * w->cap : FIRST_SLOTS;
    uint64_t *v = calloc(cap, sizeof *v);
    if (!v)
        return false;
    for (size_t i = 0; i < w->cap; i++)
        if (w->v[i])
            v[slot_of(v, cap, w->v[i])] = w->v[i];
    free(w->v);
    w->v = v;
    w->cap = cap;
    return true;
}

static bool add(struct ground_words *w, uint64_t hash) {
    if (2 * w->n >= w->cap && !grow(w))
        return false;
    size_t i = slot_of(w->v, w->cap, hash);
    w->n += !w->v[i];
    w->v[i] = hash;
    return true;
}

bool ground_has(const struct ground_words *w, enum ground_kind kind, const char *s, size_t n) {
    return has(w, hash_of(kind, s, n));
}

bool ground_has_pair(const struct ground_words *w, const char *a, size_t n_a, const char *b,
                     size_t n_b) {
    return has(w, hash_pair(hash_of(GROUND_NAME, a, n_a), hash_of(GROUND_NAME, b, n_b)));
}

static int hex_value(char c) {
    c = phrase_fold(c);
    return phrase_is_digit(c) ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static size_t hex_number(const char *s, size_t n, size_t at, char out[GROUND_NUMBER_MOST],
                         size_t *len) {
    size_t i = at + 2, digits = 0;
    uint64_t value = 0;
    *len = 0;
    for (; i < n && (hex_value(s[i]) >= 0 || s[i] == '_'); i++) {
        if (s[i] == '_' || (s[i] == '0' && !digits))
            continue;
        value = value << 4 | (uint64_t)hex_value(s[i]);
        if (digits++ < GROUND_NUMBER_MOST)
            out[(*len)++] = phrase_fold(s[i]);
    }
    if (digits <= 16)
        *len = (size_t)snprintf(out, GROUND_NUMBER_MOST, "%" PRIu64, value);
    return i - at;
}

static bool digit_at(const char *s, size_t n, size_t i) {
    return i < n && phrase_is_digit(s[i]);
}

/* Bytes of what parts digits at i and does not change the value; 0: none. */
static size_t separator(const char *s, size_t n, size_t i, bool prose) {
    if (!digit_at(s, n, i + 1))
        return 0;
    if (prose)
        return s[i] == ',' && digit_at(s, n, i + 2) && digit_at(s, n, i + 3) &&
               !digit_at(s, n, i + 4);
    return s[i] == '_' || s[i] == '\'';
}

size_t ground_number(const char *s, size_t n, size_t at, bool prose, char out[GROUND_NUMBER_MOST],
                     size_t *len) {
    if (s[at] == '0' && at + 2 < n && phrase_fold(s[at + 1]) == 'x' && hex_value(s[at + 2]) >= 0)
        return hex_number(s, n, at, out, len);
    size_t i = at, points = 0;
    *len = 0;
    for (; i < n; i++) {
        bool point = s[i] == '.' && digit_at(s, n, i + 1);
        if (!point && !phrase_is_digit(s[i])) {
            if (!separator(s, n, i, prose))
                break;
            continue;
        }
        points += point;
        if (s[i] == '0' && !*len && digit_at(s, n, i + 1))
            continue; /* 007 */
        if (*len < GROUND_NUMBER_MOST)
            out[(*len)++] = s[i];
    }
    while (points == 1 && *len > 1 && out[*len - 1] == '0' && *len < GROUND_NUMBER_MOST)
        --*len;
    if (points == 1 && *len > 1 && out[*len - 1] == '.')
        --*len;
    return i - at;
}

/* Every run of digits, and what several of them make together: 1_000, 0x20, 1.5; 1,000. */
static bool add_numbers(struct ground_words *w, const char *s, size_t n) {
    char number[GROUND_NUMBER_MOST];
    size_t len, whole[2] = {0, 0}; /* up to where what they make together was added */
    for (size_t i = 0, end; i < n; i = end) {
        end = i + 1;
        if (!phrase_is_digit(s[i]))
            continue;
        while (digit_at(s, n, end))
            end++;
        ground_number(s, end, i, false, number, &len);
        if (!add(w, hash_of(GROUND_NUMBER, number, len)))
            return false;
        for (int prose = 0; prose < 2; prose++) {
            if (i < whole[prose])
                continue;
            whole[prose] = i + ground_number(s, n, i, prose, number, &len);
            if (!add(w, hash_of(GROUND_NUMBER, number, len)))
                return false;
        }
    }
    return true;
}

/* What the words of an identifier make when nothing is between them. */
struct joined {
    char s[GROUND_NAME_MOST];
    size_t len, words;
};

static bool add_joined(struct ground_words *w, struct joined *j, bool stems) {
    bool ok = true;
    if (j->words > 1 && j->len <= sizeof j->s) {
        ok = add(w, hash_of(GROUND_NAME, j->s, j->len));
        if (ok && stems)
            ok = add(w, hash_of(GROUND_STEM, j->s, j->len));
    }
    j->len = j->words = 0;
    return ok;
}

static void join(struct joined *j, const char *word, size_t len) {
    if (j->len + len <= sizeof j->s)
        memcpy(j->s + j->len, word, len);
    j->len += len;
    j->words++;
}

static bool all_underscores(const char *s, size_t n) {
    for (size_t i = 0; i < n; i++)
        if (s[i] != '_')
            return false;
    return true;
}

static bool add_words(struct ground_words *w, const char *s, size_t n, bool stems) {
    struct word_walk at;
    struct joined joined = {.len = 0};
    uint64_t before = 0;
    size_t end = 0;
    bool ok = true;
    word_walk_start(&at, s, n);
    while (ok && word_walk_next(&at)) {
        const char *gap = s + end;
        size_t width = at.begin - end;
        uint64_t word = hash_of(GROUND_NAME, at.word, at.len);
        ok = add(w, word) && (!stems || add(w, hash_of(GROUND_STEM, at.word, at.len)));
        if (ok && before && width <= MOST_GAP && !memchr(gap, '\n', width))
            ok = add(w, hash_pair(before, word));
        if (ok && !all_underscores(gap, width))
            ok = add_joined(w, &joined, stems);
        join(&joined, at.word, at.len);
        before = word;
        end = at.end;
    }
    return ok && add_joined(w, &joined, stems) && add_numbers(w, s, n);
}

int ground_open(struct ground_words *w, const struct ground_source *source, struct err *e) {
    *w = (struct ground_words){0};
    bool ok = add_words(w, source->text ? source->text : "", source->text ? source->len : 0, true);
    if (ok && source->path)
        ok = add_words(w, source->path, strlen(source->path), true);
    if (ok && source->symbol)
        ok = add_words(w, source->symbol, strlen(source->symbol), true);
    if (ok && source->context)
        ok = add_words(w, source->context, strlen(source->context), false);
    if (ok)
        return 0;
    ground_close(w);
    return err_nomem(e, "words of a chunk");
}

void ground_close(struct ground_words *w) {
    free(w->v);
    *w = (struct ground_words){0};
}
