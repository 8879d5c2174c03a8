#include "search/words.h"

#include <string.h>

#include "base/utf8.h"
#include "text/unicode.h"

enum kind { NONE, DIGIT, LOWER, UPPER, MARK, ALONE };

/* Of the character at `at`, with its code point and bytes. */
static enum kind look(const struct word_walk *w, size_t at, uint32_t *c, size_t *bytes) {
    int n = utf8_decode(w->s + at, w->n - at, c);
    *bytes = n > 0 ? (size_t)n : 1;
    if (n <= 0)
        return NONE;
    if (*c < 0x80) {
        if (*c >= 'a' && *c <= 'z')
            return LOWER;
        if (*c >= 'A' && *c <= 'Z')
            return UPPER;
        return *c >= '0' && *c <= '9' ? DIGIT : NONE;
    }
    const char *category = unicode_categories[unicode_props(*c) & UNICODE_CATEGORY];
    if (category[0] == 'M')
        return MARK;
    if (category[0] == 'N')
        return DIGIT;
    if (category[0] != 'L')
        return NONE;
    if (unicode_script(*c) == unicode_script(0x4e00)) /* Hiragana and Katakana are among it */
        return ALONE;
    return category[1] == 'u' || category[1] == 't' ? UPPER : LOWER;
}

static void take(struct word_walk *w, uint32_t c, bool *full) {
    uint32_t lower[UNICODE_MOST];
    char bytes[4 * UNICODE_MOST];
    struct buf out = {.data = bytes, .cap = sizeof bytes}; /* has room: nothing is allocated */
    if (c < 0x80) {
        bytes[0] = (char)(c >= 'A' && c <= 'Z' ? c + 32 : c);
        out.len = 1;
    } else {
        size_t n = unicode_lower(c, lower);
        for (size_t i = 0; i < n; i++)
            unicode_append(&out, lower[i]);
    }
    *full |= w->len + out.len > WORD_MOST;
    if (*full)
        return;
    memcpy(w->word + w->len, bytes, out.len);
    w->len += out.len;
}

void word_walk_start(struct word_walk *w, const void *s, size_t n) {
    *w = (struct word_walk){.s = s, .n = n};
}

/* Whether a word ends between two characters; after: what follows the second. */
static bool breaks(enum kind before, enum kind here, enum kind after) {
    if (here == NONE || here == ALONE || before == ALONE)
        return true;
    if (here == MARK)
        return false;
    if ((before == DIGIT) != (here == DIGIT))
        return true;
    return here == UPPER && (before == LOWER || after == LOWER);
}

bool word_walk_next(struct word_walk *w) {
    uint32_t c, ahead;
    size_t bytes = 0, skip;
    enum kind kind = NONE;
    bool full = false;
    while (w->at < w->n && ((kind = look(w, w->at, &c, &bytes)) == NONE || kind == MARK))
        w->at += bytes; /* a mark alone is no word */
    if (w->at >= w->n)
        return false;
    w->begin = w->at;
    w->len = 0;
    for (;;) {
        take(w, c, &full);
        w->at += bytes;
        w->end = w->at;
        if (w->at >= w->n)
            return true;
        enum kind next = look(w, w->at, &c, &bytes), after = NONE;
        for (size_t at = w->at + bytes; next == UPPER && at < w->n; at += skip)
            if ((after = look(w, at, &ahead, &skip)) != MARK)
                break;
        if (breaks(kind, next, after))
            return true;
        kind = next == MARK ? kind : next;
    }
}

/* Whether what follows is a part of the same identifier. */
static bool goes_on(const struct word_walk *w, size_t at) {
    uint32_t c;
    size_t bytes;
    while (at < w->n && w->s[at] == '_')
        at++;
    enum kind kind = at < w->n ? look(w, at, &c, &bytes) : NONE;
    return kind == DIGIT || kind == LOWER || kind == UPPER;
}

static bool is_joined(const struct word_walk *w, size_t from, size_t to) {
    while (from < to && w->s[from] == '_')
        from++;
    return from == to;
}

bool word_whole_next(struct word_whole *x, const struct word_walk *w) {
    uint32_t c;
    size_t bytes;
    if (look(w, w->begin, &c, &bytes) == ALONE) {
        x->parts = 0;
        x->more = false;
        return false;
    }
    if (x->parts == 0 || !is_joined(w, x->end, w->begin))
        x->parts = x->len = 0;
    if (x->len + w->len <= sizeof x->text)
        memcpy(x->text + x->len, w->word, w->len);
    x->len += w->len;
    x->parts++;
    x->end = w->end;
    x->more = goes_on(w, w->end);
    return x->parts > 1 && x->len <= sizeof x->text && !x->more;
}

void words_append(struct buf *out, const void *s, size_t n, size_t most) {
    struct word_walk w;
    word_walk_start(&w, s, n);
    for (size_t i = 0; i < most && word_walk_next(&w); i++) {
        if (i > 0)
            buf_char(out, ' ');
        buf_append(out, w.word, w.len);
    }
}
