#include "text/grapheme.h"

#include <stdbool.h>

#include "text/grapheme_tables.inc"
#include "text/unicode.h"

static enum grapheme_class class_of(uint32_t c) {
    uint32_t block = grapheme_block[c >> 7];
    return (enum grapheme_class)grapheme_classes[block << 7 | (c & 127)];
}

static bool is_control(enum grapheme_class k) {
    return k == GRAPHEME_CR || k == GRAPHEME_LF || k == GRAPHEME_CONTROL;
}

static bool is_extend(enum grapheme_class k) {
    return k == GRAPHEME_EXTEND || k == GRAPHEME_EXTEND_IN || k == GRAPHEME_LINKER;
}

/* What the characters since the last base say of the next one. */
struct context {
    enum grapheme_class last;
    bool pictograph; /* a pictograph, then extenders only */
    bool consonant;  /* a consonant, then linkers, their extenders and ZWJ only ... */
    bool linked;     /* ... with a linker among them */
    bool half_flag;  /* an odd number of regional indicators */
};

static void context_add(struct context *x, enum grapheme_class k) {
    bool in_conjunct = k == GRAPHEME_EXTEND_IN || k == GRAPHEME_LINKER || k == GRAPHEME_ZWJ;
    x->pictograph =
        k == GRAPHEME_PICTOGRAPH || (x->pictograph && (is_extend(k) || k == GRAPHEME_ZWJ));
    x->linked = x->consonant && in_conjunct && (x->linked || k == GRAPHEME_LINKER);
    x->consonant = k == GRAPHEME_CONSONANT || (x->consonant && in_conjunct);
    x->half_flag = k == GRAPHEME_REGIONAL && !x->half_flag;
    x->last = k;
}

/* The rules' numbers are those of UAX 29. */
static bool joins(const struct context *x, enum grapheme_class k) {
    enum grapheme_class last = x->last;
    if (is_control(last) || is_control(k)) /* GB3, GB4, GB5 */
        return last == GRAPHEME_CR && k == GRAPHEME_LF;
    if (is_extend(k) || k == GRAPHEME_ZWJ || k == GRAPHEME_SPACING || /* GB9, GB9a, GB9b */
        last == GRAPHEME_PREPEND)
        return true;
    switch (k) {
    case GRAPHEME_L:
    case GRAPHEME_LV:
    case GRAPHEME_LVT:
        return last == GRAPHEME_L; /* GB6 */
    case GRAPHEME_V:
        return last == GRAPHEME_L || last == GRAPHEME_LV || last == GRAPHEME_V; /* GB6, GB7 */
    case GRAPHEME_T:
        return last == GRAPHEME_LV || last == GRAPHEME_V || last == GRAPHEME_LVT ||
               last == GRAPHEME_T; /* GB7, GB8 */
    case GRAPHEME_CONSONANT:
        return x->linked; /* GB9c */
    case GRAPHEME_PICTOGRAPH:
        return x->pictograph && last == GRAPHEME_ZWJ; /* GB11 */
    case GRAPHEME_REGIONAL:
        return x->half_flag; /* GB12, GB13 */
    default:
        return false;
    }
}

size_t grapheme_next(const uint8_t *s, size_t n) {
    struct context x = {0};
    uint32_t c;
    size_t at = unicode_char(s, &c);
    context_add(&x, class_of(c));
    while (at < n) {
        unsigned size = unicode_char(s + at, &c);
        enum grapheme_class k = class_of(c);
        if (!joins(&x, k))
            break;
        context_add(&x, k);
        at += size;
    }
    return at;
}
