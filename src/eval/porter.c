#include "eval/porter.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "text/unicode.h"

/* A word as code points, which the steps change in place: none makes it longer than it was. */
struct stem {
    uint32_t *c;
    size_t n;
};

enum condition {
    ALWAYS,
    MEASURE_0,        /* (m>0) */
    MEASURE_1,        /* (m>1) */
    MEASURE_1_ST,     /* (m>1 and (*S or *T)) */
    MEASURE_0_WITH_L, /* (m>0), the suffix's first letter belonging to the stem */
    CONSONANT         /* ends with a consonant and is longer than that */
};

struct rule {
    const char *suffix, *replacement;
    enum condition condition;
};

static bool is_vowel_letter(uint32_t c) {
    return c == 'a' || c == 'e' || c == 'i' || c == 'o' || c == 'u';
}

static bool is_consonant(const uint32_t *c, size_t i) {
    size_t ys = 0; /* a y is a consonant unless one stands before it; the first letter always is */
    while (i > 0 && c[i] == 'y')
        i--, ys++;
    return !is_vowel_letter(c[i]) != (ys % 2 == 1);
}

/* How often a vowel is followed by a consonant. */
static size_t measure(const uint32_t *c, size_t n) {
    size_t m = 0;
    bool consonant = false;
    for (size_t i = 0; i < n; i++) {
        const bool was = consonant;
        consonant = c[i] == 'y' ? i == 0 || !was : !is_vowel_letter(c[i]);
        m += i > 0 && !was && consonant;
    }
    return m;
}

static bool has_vowel(const uint32_t *c, size_t n) {
    bool consonant = true;
    for (size_t i = 0; i < n && consonant; i++)
        consonant = c[i] == 'y' ? i == 0 || !consonant : !is_vowel_letter(c[i]);
    return !consonant;
}

static bool ends_double_consonant(const struct stem *s) {
    return s->n >= 2 && s->c[s->n - 1] == s->c[s->n - 2] && is_consonant(s->c, s->n - 1);
}

/* *o; two letters, vowel and consonant, count too. */
static bool ends_cvc(const uint32_t *c, size_t n) {
    if (n == 2)
        return !is_consonant(c, 0) && is_consonant(c, 1);
    return n >= 3 && is_consonant(c, n - 3) && !is_consonant(c, n - 2) && is_consonant(c, n - 1) &&
           c[n - 1] != 'w' && c[n - 1] != 'x' && c[n - 1] != 'y';
}

static bool ends(const struct stem *s, const char *suffix) {
    const size_t len = strlen(suffix);
    if (s->n < len)
        return false;
    for (size_t i = 0; i < len; i++)
        if (s->c[s->n - len + i] != (unsigned char)suffix[i])
            return false;
    return true;
}

static void put(struct stem *s, size_t remove, const char *add) {
    s->n -= remove;
    for (; *add; add++)
        s->c[s->n++] = (unsigned char)*add;
}

static bool holds(enum condition condition, const uint32_t *c, size_t n) {
    switch (condition) {
    case ALWAYS:
        return true;
    case MEASURE_0:
        return measure(c, n) > 0;
    case MEASURE_1:
        return measure(c, n) > 1;
    case MEASURE_1_ST:
        return measure(c, n) > 1 && (c[n - 1] == 's' || c[n - 1] == 't');
    case MEASURE_0_WITH_L:
        return measure(c, n + 1) > 0;
    case CONSONANT:
        return n > 1 && is_consonant(c, n - 1);
    }
    return false;
}

/* The first rule whose suffix is there decides, whether its condition holds or not. */
static void apply(struct stem *s, const struct rule *rules, size_t n) {
    for (size_t i = 0; i < n; i++) {
        if (!ends(s, rules[i].suffix))
            continue;
        const size_t len = strlen(rules[i].suffix);
        if (holds(rules[i].condition, s->c, s->n - len))
            put(s, len, rules[i].replacement);
        return;
    }
}

#define APPLY(s, rules) apply(s, rules, sizeof(rules) / sizeof *(rules))

static void plurals(struct stem *s) { /* step 1a */
    static const struct rule rules[] = {
        {"sses", "ss", ALWAYS}, {"ies", "i", ALWAYS}, {"ss", "ss", ALWAYS}, {"s", "", ALWAYS}};
    if (s->n == 4 && ends(s, "ies"))
        put(s, 3, "ie");
    else
        APPLY(s, rules);
}

static void past(struct stem *s) { /* step 1b */
    static const struct rule rules[] = {
        {"at", "ate", ALWAYS}, {"bl", "ble", ALWAYS}, {"iz", "ize", ALWAYS}};
    if (ends(s, "ied")) {
        put(s, 3, s->n == 4 ? "ie" : "i");
        return;
    }
    if (ends(s, "eed")) {
        if (measure(s->c, s->n - 3) > 0)
            put(s, 3, "ee");
        return;
    }
    const size_t suffix = ends(s, "ed") ? 2 : ends(s, "ing") ? 3 : 0;
    if (!suffix || !has_vowel(s->c, s->n - suffix))
        return;
    s->n -= suffix;
    const size_t before = s->n;
    APPLY(s, rules);
    if (s->n != before)
        return;
    const uint32_t last = s->c[s->n - 1];
    if (ends_double_consonant(s))
        s->n -= last != 'l' && last != 's' && last != 'z';
    else if (measure(s->c, s->n) == 1 && ends_cvc(s->c, s->n))
        put(s, 0, "e");
}

static void long_suffixes(struct stem *s) { /* steps 1c, 2, 3 and 4 */
    static const struct rule y[] = {{"y", "i", CONSONANT}};
    static const struct rule second[] = {
        {"ational", "ate", MEASURE_0}, {"tional", "tion", MEASURE_0},
        {"enci", "ence", MEASURE_0},   {"anci", "ance", MEASURE_0},
        {"izer", "ize", MEASURE_0},    {"bli", "ble", MEASURE_0},
        {"alli", "al", MEASURE_0},     {"entli", "ent", MEASURE_0},
        {"eli", "e", MEASURE_0},       {"ousli", "ous", MEASURE_0},
        {"ization", "ize", MEASURE_0}, {"ation", "ate", MEASURE_0},
        {"ator", "ate", MEASURE_0},    {"alism", "al", MEASURE_0},
        {"iveness", "ive", MEASURE_0}, {"fulness", "ful", MEASURE_0},
        {"ousness", "ous", MEASURE_0}, {"aliti", "al", MEASURE_0},
        {"iviti", "ive", MEASURE_0},   {"biliti", "ble", MEASURE_0},
        {"fulli", "ful", MEASURE_0},   {"logi", "log", MEASURE_0_WITH_L}};
    static const struct rule third[] = {{"icate", "ic", MEASURE_0}, {"ative", "", MEASURE_0},
                                        {"alize", "al", MEASURE_0}, {"iciti", "ic", MEASURE_0},
                                        {"ical", "ic", MEASURE_0},  {"ful", "", MEASURE_0},
                                        {"ness", "", MEASURE_0}};
    static const struct rule fourth[] = {
        {"al", "", MEASURE_1},   {"ance", "", MEASURE_1}, {"ence", "", MEASURE_1},
        {"er", "", MEASURE_1},   {"ic", "", MEASURE_1},   {"able", "", MEASURE_1},
        {"ible", "", MEASURE_1}, {"ant", "", MEASURE_1},  {"ement", "", MEASURE_1},
        {"ment", "", MEASURE_1}, {"ent", "", MEASURE_1},  {"ion", "", MEASURE_1_ST},
        {"ou", "", MEASURE_1},   {"ism", "", MEASURE_1},  {"ate", "", MEASURE_1},
        {"iti", "", MEASURE_1},  {"ous", "", MEASURE_1},  {"ive", "", MEASURE_1},
        {"ize", "", MEASURE_1}};
    APPLY(s, y);
    /* once more with what is left when "-alli" goes */
    while (ends(s, "alli") && measure(s->c, s->n - 4) > 0)
        put(s, 4, "al");
    APPLY(s, second);
    APPLY(s, third);
    APPLY(s, fourth);
}

static void tidy(struct stem *s) { /* step 5 */
    if (ends(s, "e")) {
        const size_t m = measure(s->c, s->n - 1);
        if (m > 1 || (m == 1 && !ends_cvc(s->c, s->n - 1)))
            s->n--;
    }
    if (ends(s, "ll") && measure(s->c, s->n - 1) > 1)
        s->n--;
}

/* The stem of an irregular word, or NULL. */
static const char *irregular(const char *word, size_t len) {
    static const char *const pairs[][2] = {
        {"sky", "sky"},        {"skies", "sky"},        {"dying", "die"},
        {"lying", "lie"},      {"tying", "tie"},        {"news", "news"},
        {"innings", "inning"}, {"inning", "inning"},    {"outings", "outing"},
        {"outing", "outing"},  {"cannings", "canning"}, {"canning", "canning"},
        {"howe", "howe"},      {"proceed", "proceed"},  {"exceed", "exceed"},
        {"succeed", "succeed"}};
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++)
        if (strlen(pairs[i][0]) == len && memcmp(pairs[i][0], word, len) == 0)
            return pairs[i][1];
    return NULL;
}

bool porter_stem(const char *word, size_t len, struct buf *out) {
    const char *known = irregular(word, len);
    if (known) {
        buf_str(out, known);
        return !buf_failed(out);
    }
    struct stem s = {malloc((len + 1) * sizeof *s.c), 0};
    if (!s.c)
        return false;
    for (size_t i = 0; i < len; s.n++)
        i += unicode_char((const uint8_t *)word + i, &s.c[s.n]);
    if (s.n > 2) {
        plurals(&s);
        past(&s);
        long_suffixes(&s);
        tidy(&s);
    }
    for (size_t i = 0; i < s.n; i++)
        unicode_append(out, s.c[i]);
    free(s.c);
    return !buf_failed(out);
}
