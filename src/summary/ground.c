#include "summary/ground.h"

#include <string.h>

#include "base/utf8.h"
#include "summary/ground_words.h"
#include "summary/phrase.h"
#include "text/unicode.h"

/* A run of letters, digits and underscores, and what is joined to it as code joins names. */
struct token {
    const char *s;
    size_t n;
    bool begins; /* a sentence */
    bool forced; /* marked as code from outside: ticks, "@", "()" */
};

/* Bytes of the letter, digit or underscore at i; 0: there is none. Han and kana are prose. */
static size_t word_bytes(const char *s, size_t n, size_t i) {
    if (i >= n)
        return 0;
    if ((unsigned char)s[i] < 0x80)
        return phrase_is_letter(s[i]) || phrase_is_digit(s[i]) || s[i] == '_';
    uint32_t c;
    int len = utf8_decode((const uint8_t *)s + i, n - i, &c);
    if (len <= 0 || unicode_script(c) == unicode_script(0x4e00))
        return 0;
    return strchr("LMN", *unicode_categories[unicode_props(c) & UNICODE_CATEGORY]) ? (size_t)len
                                                                                   : 0;
}

/* Bytes of "." "::" "->" or "#" at i; 0: what stands there joins no names. */
static size_t joint_bytes(const char *s, size_t n, size_t i) {
    if (i >= n)
        return 0;
    if (s[i] == '.' || s[i] == '#')
        return 1;
    return n - i >= 2 && (memcmp(s + i, "::", 2) == 0 || memcmp(s + i, "->", 2) == 0) ? 2 : 0;
}

static size_t run_end(const char *s, size_t n, size_t i) {
    for (size_t bytes; (bytes = word_bytes(s, n, i)) != 0;)
        i += bytes;
    return i;
}

static size_t token_end(const char *s, size_t n, size_t i) {
    for (;;) {
        i = run_end(s, n, i);
        size_t joint = joint_bytes(s, n, i);
        if (!joint || !word_bytes(s, n, i + joint))
            return i;
        i += joint;
    }
}

/* The next part of a token; false: there is none. */
static bool next_part(const struct token *t, size_t *at, struct token *part) {
    *at += *at ? joint_bytes(t->s, t->n, *at) : 0;
    if (*at >= t->n)
        return false;
    size_t end = run_end(t->s, t->n, *at);
    *part = (struct token){.s = t->s + *at, .n = end - *at};
    *at = end;
    return true;
}

/* "item(s)" is no call. */
static bool is_called(const char *s, size_t n, size_t end) {
    static const char *const plurals[] = {"(s)", "(es)", "(ies)", "(n)"};
    if (end >= n || s[end] != '(')
        return false;
    for (size_t i = 0; i < sizeof plurals / sizeof *plurals; i++)
        if (n - end >= strlen(plurals[i]) && memcmp(s + end, plurals[i], strlen(plurals[i])) == 0)
            return false;
    return true;
}

static bool is_marked(const char *s, size_t begin) {
    if (begin && (s[begin - 1] == '@' || s[begin - 1] == '$'))
        return true;
    return begin > 1 && s[begin - 1] == '-' && s[begin - 2] == '-' &&
           (begin == 2 || !word_bytes(s, begin - 2, begin - 3));
}

/* Lower case without joints but ".": as the tables have it. 0: it is longer than their words. */
static size_t fold(const char *s, size_t n, char out[WORD_MOST]) {
    size_t len = 0;
    for (size_t i = 0; i < n; i++) {
        if (!phrase_is_letter(s[i]) && !phrase_is_digit(s[i]) && s[i] != '.')
            continue;
        if (len == WORD_MOST)
            return 0;
        out[len++] = phrase_fold(s[i]);
    }
    return len;
}

static bool is_ordinary(const char *s, size_t n) {
    char word[WORD_MOST] = {0};
    size_t len = fold(s, n, word);
    if (ground_is_ordinary(word, len))
        return true;
    return len > 2 && word[len - 1] == 's' && ground_is_ordinary(word, len - 1); /* URLs */
}

/* "UTF-8", "SHA-256", "HTTP/1.1": the end of the number, where the whole is an ordinary word. */
static size_t numbered_end(const char *s, size_t n, size_t begin, size_t end) {
    if (end + 1 >= n || (s[end] != '-' && s[end] != '/') || !phrase_is_digit(s[end + 1]))
        return 0;
    size_t last = end + 1;
    while (last < n && (phrase_is_digit(s[last]) ||
                        (s[last] == '.' && last + 1 < n && phrase_is_digit(s[last + 1]))))
        last++;
    return is_ordinary(s + begin, last - begin) ? last : 0;
}

/* How a part is written. */
struct shape {
    size_t letters, capitals;
    bool inner;   /* a capital behind the first letter, with small ones */
    bool mixed;   /* an underscore, or a digit after a letter */
    bool capital; /* its first letter is one */
};

static struct shape shape_of(const struct token *t) {
    struct shape shape = {.letters = 0};
    bool behind = false, underscore = false;
    for (size_t i = 0; i < t->n; i++) {
        char c = t->s[i];
        bool upper = phrase_is_upper(c);
        shape.capital |= upper && !shape.letters;
        behind |= upper && shape.letters;
        shape.mixed |= phrase_is_digit(c) && shape.letters;
        underscore |= c == '_';
        shape.capitals += upper;
        shape.letters += phrase_is_letter(c);
    }
    shape.inner = behind && shape.capitals < shape.letters;
    shape.mixed |= underscore && shape.letters;
    return shape;
}

/* Whether it names something of code, rather than being a word of English. */
static bool is_identifier(const struct token *t, bool *capital_alone) {
    size_t parts = 0, longest = 0;
    bool marked = t->forced;
    struct token part;
    struct shape shape = {.letters = 0};
    for (size_t at = 0; next_part(t, &at, &part); parts++) {
        shape = shape_of(&part);
        longest = shape.letters > longest ? shape.letters : longest;
        marked |= shape.inner || shape.mixed;
    }
    *capital_alone = false;
    if (longest < 2) /* e.g., i.e., T */
        return false;
    if (marked || parts > 1)
        return true;
    char word[WORD_MOST] = {0};
    size_t len = fold(t->s, t->n, word);
    if (ground_is_small(word, len))
        return false;
    if (shape.capitals == shape.letters)
        return true;
    *capital_alone = shape.capital && !t->begins;
    return *capital_alone;
}

/* endings: a word with another ending is enough. */
static bool has_part(const struct ground_words *w, const struct token *part, bool endings) {
    struct word_walk at;
    char before[WORD_MOST], joined[GROUND_NAME_MOST];
    size_t n_before = 0, len = 0, words = 0;
    bool pairs = true;
    word_walk_start(&at, part->s, part->n);
    for (; word_walk_next(&at); words++) {
        if (words)
            pairs = pairs && ground_has_pair(w, before, n_before, at.word, at.len);
        if (len + at.len <= sizeof joined)
            memcpy(joined + len, at.word, at.len);
        len += at.len;
        memcpy(before, at.word, at.len);
        n_before = at.len;
    }
    if (words == 0 || (words > 1 && pairs))
        return true;
    return (len <= sizeof joined && ground_has(w, GROUND_NAME, joined, len)) ||
           (endings && words == 1 && ground_has(w, GROUND_STEM, before, n_before));
}

static void keep_first(struct grounding *out, const char *s, size_t n) {
    out->grounded = false;
    if (*out->first)
        return;
    if (n >= sizeof out->first) {
        n = sizeof out->first - 1;
        while (n && ((unsigned char)s[n] & 0xc0) == 0x80)
            n--;
    }
    memcpy(out->first, s, n);
    out->first[n] = 0;
}

static void check_identifier(const struct ground_words *w, const struct token *t,
                             struct grounding *out) {
    bool capital_alone, has = true;
    struct token part;
    if (!is_identifier(t, &capital_alone))
        return;
    if (!t->forced && is_ordinary(t->s, t->n))
        return;
    out->identifiers++;
    for (size_t at = 0; has && next_part(t, &at, &part);)
        has = has_part(w, &part, capital_alone);
    if (has)
        return;
    out->invented_identifiers++;
    keep_first(out, t->s, t->n);
}

/* With its unit: "10ms", "2nd". Returns its end. */
static size_t check_number(const struct ground_words *w, const char *s, size_t n, size_t at,
                           struct grounding *out) {
    char number[GROUND_NUMBER_MOST];
    size_t len, end = run_end(s, n, at + ground_number(s, n, at, true, number, &len));
    out->numbers++;
    bool small = len == 1 && *number <= '2';
    if (small || is_ordinary(s + at, end - at) || ground_has(w, GROUND_NUMBER, number, len))
        return end;
    out->invented_numbers++;
    keep_first(out, s + at, end - at);
    return end;
}

static double overlap_of(const struct ground_words *w, const char *s, size_t n) {
    struct word_walk at;
    size_t words = 0, hits = 0;
    word_walk_start(&at, s, n);
    while (word_walk_next(&at)) {
        if (at.len < 2 || phrase_is_digit(*at.word) || ground_is_small(at.word, at.len))
            continue;
        words++;
        hits += ground_has(w, GROUND_STEM, at.word, at.len);
    }
    return words ? (double)hits / (double)words : 0;
}

void ground_check(const struct ground_words *w, const char *s, size_t n, struct grounding *out) {
    *out = (struct grounding){.grounded = true};
    bool ticks = false, begins = true;
    for (size_t i = 0, end; i < n; i = end) {
        end = i + 1;
        if (!word_bytes(s, n, i)) {
            ticks ^= s[i] == '`';
            begins |= s[i] && strchr(".:!?", s[i]);
            continue;
        }
        if (phrase_is_digit(s[i])) {
            end = check_number(w, s, n, i, out);
        } else {
            end = token_end(s, n, i);
            size_t last = numbered_end(s, n, i, end);
            const struct token t = {s + i, end - i, begins,
                                    ticks || is_marked(s, i) || is_called(s, n, end)};
            if (last)
                end = last;
            else
                check_identifier(w, &t, out);
        }
        begins = false;
    }
    out->overlap = overlap_of(w, s, n);
}
