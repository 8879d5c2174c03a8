/* From Oniguruma's syntax to PCRE2's. */
#include <stdlib.h>
#include <string.h>

#include "base/utf8.h"
#include "text/regex.h"
#include "text/unicode.h"

struct translation {
    const uint8_t *s, *end;
    struct buf *out;
    bool fold[64]; /* ignore case, by depth of groups */
    int depth;
    uint32_t last; /* letter before, in lower case, while case is ignored; else 0 */
    struct err *e;
};

static int refuse(struct translation *t, const char *what, const uint8_t *at) {
    size_t n = (size_t)(t->end - at) < 12 ? (size_t)(t->end - at) : 12;
    return err_set(t->e, PRECIS_EUNSUPPORTED, "regular expression: %s at \"%.*s\" is not supported",
                   what, (int)n, (const char *)at);
}

/* A class of characters as ranges, without brackets. */
struct class {
    uint32_t categories; /* bit by category */
    bool space, word, digit;
    bool bracket; /* it stands within brackets */
    bool negated;
};

/* \w: that of Rust's regex but for the joiners, and outside of brackets the superscripts and
 * fractions of Latin-1. */
static bool is_word(uint32_t c, unsigned p, bool bracket) {
    if (c == 0xb2 || c == 0xb3 || c == 0xb9 || (c >= 0xbc && c <= 0xbe))
        return !bracket;
    return p & UNICODE_WORD && c != 0x200c && c != 0x200d;
}

static bool in_class(uint32_t c, const struct class *k) {
    unsigned p = unicode_props(c);
    return k->categories >> (p & UNICODE_CATEGORY) & 1 || (k->space && p & UNICODE_WHITE) ||
           (k->word && is_word(c, p, k->bracket)) ||
           (k->digit && (p & UNICODE_CATEGORY) == UNICODE_CATEGORY_ND);
}

static void put_range(struct buf *out, uint32_t first, uint32_t last) {
    buf_printf(out, "\\x{%x}", first);
    if (last > first)
        buf_printf(out, "-\\x{%x}", last);
}

static void put_class(struct buf *out, const struct class *k) {
    uint32_t first = UINT32_MAX;
    for (uint32_t c = 0; c <= 0x110000; c++) {
        bool surrogate = c >= 0xd800 && c < 0xe000;
        bool in = c < 0x110000 && !surrogate && in_class(c, k) != k->negated;
        if (in && first == UINT32_MAX)
            first = c;
        if (!in && first != UINT32_MAX) {
            put_range(out, first, c - 1);
            first = UINT32_MAX;
        }
    }
}

/* \p{Name}, \p{^Name}, \P{Name}; t->s is behind the p. */
static int property(struct translation *t, bool negated, struct class *k) {
    const uint8_t *at = t->s;
    const uint8_t *close =
        at < t->end && *at == '{' ? memchr(at, '}', (size_t)(t->end - at)) : NULL;
    if (!close)
        return refuse(t, "a property without braces", at);
    const char *name = (const char *)at + 1;
    size_t n = (size_t)(close - at) - 1;
    *k = (struct class){.negated = negated};
    if (n && *name == '^') {
        k->negated = !negated;
        name++;
        n--;
    }
    static const struct {
        const char *name, *means;
    } longer[] = {{"Letter", "L"}, {"Number", "N"}, {"Punctuation", "P"},
                  {"Symbol", "S"}, {"Mark", "M"},   {"Separator", "Z"},
                  {"Other", "C"},  {"LC", "?"},     {"Punct", "P"}};
    for (size_t i = 0; i < sizeof longer / sizeof *longer; i++)
        if (strlen(longer[i].name) == n && memcmp(longer[i].name, name, n) == 0) {
            name = longer[i].means;
            n = strlen(name);
        }
    for (unsigned i = 0; i < UNICODE_CATEGORIES; i++)
        if ((n == 1 || n == 2) && memcmp(unicode_categories[i], name, n) == 0)
            k->categories |= 1u << i;
    if (!k->categories)
        return refuse(t, "a property that is no general category", at);
    t->s = close + 1;
    return 0;
}

static int hex(struct translation *t, size_t digits, uint32_t *c) {
    *c = 0;
    size_t i = 0;
    for (; i < digits && t->s + i < t->end; i++) {
        uint8_t d = t->s[i] | 0x20;
        if (t->s[i] >= '0' && t->s[i] <= '9')
            *c = *c << 4 | (t->s[i] - '0');
        else if (d >= 'a' && d <= 'f')
            *c = *c << 4 | (uint32_t)(d - 'a' + 10);
        else
            break;
    }
    t->s += i;
    return i ? 0 : -1;
}

/* What follows a backslash: a class (*is_class), or one character. */
static int escape(struct translation *t, bool *is_class, struct class *k, uint32_t *c) {
    const uint8_t *at = t->s - 1;
    if (t->s >= t->end)
        return refuse(t, "a backslash at the end", at);
    uint8_t x = *t->s++;
    *is_class = true;
    *k = (struct class){.negated = x >= 'A' && x <= 'Z'};
    switch (x) {
    case 's':
    case 'S':
        k->space = true;
        return 0;
    case 'w':
    case 'W':
        k->word = true;
        return 0;
    case 'd':
    case 'D':
        k->digit = true;
        return 0;
    case 'p':
    case 'P':
        return property(t, x == 'P', k);
    default:
        break;
    }
    *is_class = false;
    static const char letters[] = "trnfvae", means[] = "\t\r\n\f\v\a\x1b";
    const char *l = memchr(letters, x, sizeof letters - 1);
    if (l) {
        *c = (uint8_t)means[l - letters];
        return 0;
    }
    if (x == 'u' || x == 'x') {
        bool braces = x == 'x' && t->s < t->end && *t->s == '{';
        t->s += braces;
        if (hex(t,
                braces     ? 8
                : x == 'u' ? 4
                           : 2,
                c) != 0 ||
            (braces && (t->s >= t->end || *t->s++ != '}')) || *c > 0x10ffff ||
            (*c >= 0xd800 && *c < 0xe000) || (x == 'x' && !braces && *c > 0x7f))
            return refuse(t, "this escape", at);
        return 0;
    }
    if ((x >= '0' && x <= '9') || (x >= 'a' && x <= 'z') || (x >= 'A' && x <= 'Z'))
        return refuse(t, "this escape", at);
    t->s += utf8_decode(t->s - 1, (size_t)(t->end - t->s + 1), c) - 1;
    return 0;
}

static void put_char(struct translation *t, uint32_t c) {
    buf_printf(t->out, "\\x{%x}", c);
}

/* Sequences that Oniguruma folds with one character ("ss" with U+00DF) and PCRE2 does not. */
static int literal(struct translation *t, uint32_t c, const uint8_t *at) {
    uint32_t low = c - 'A' < 26 ? c + 32 : c;
    if (t->fold[t->depth]) {
        static const char *const pairs[] = {"ss", "ff", "fi", "fl", "st"};
        if (c > 0x7f)
            return refuse(t, "a character beyond ASCII where case is ignored", at);
        for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++)
            if (t->last == (uint8_t)pairs[i][0] && low == (uint8_t)pairs[i][1])
                return refuse(t, "a pair of letters that folds into one where case is ignored", at);
    }
    t->last = low;
    put_char(t, c);
    return 0;
}

/* [...]; t->s is behind the bracket. */
static int bracket(struct translation *t) {
    const uint8_t *at = t->s - 1;
    buf_char(t->out, '[');
    if (t->s < t->end && *t->s == '^') {
        buf_char(t->out, '^');
        t->s++;
    }
    for (bool first = true;; first = false) {
        if (t->s >= t->end)
            return refuse(t, "an open bracket", at);
        const uint8_t *item = t->s;
        uint32_t c = 0;
        if (*t->s == ']' && !first) {
            t->s++;
            buf_char(t->out, ']');
            return 0;
        }
        if (*t->s == '[' || (*t->s == '&' && t->s + 1 < t->end && t->s[1] == '&'))
            return refuse(t, "a class within a class", item);
        bool is_class = false;
        struct class k = {0};
        if (*t->s == '\\') {
            t->s++;
            int rc = escape(t, &is_class, &k, &c);
            if (rc)
                return rc;
        } else {
            t->s += utf8_decode(t->s, (size_t)(t->end - t->s), &c);
        }
        if (is_class) {
            k.bracket = true;
            put_class(t->out, &k);
        } else if (t->fold[t->depth] && c > 0x7f) {
            return refuse(t, "a character beyond ASCII where case is ignored", item);
        } else {
            put_char(t, c);
            /* a range: its other end comes as an item of its own */
            if (t->s + 1 < t->end && *t->s == '-' && t->s[1] != ']') {
                if (t->s[1] == '[' ||
                    (t->s[1] == '\\' && t->s + 2 < t->end && strchr("sSwWdDpP", t->s[2])))
                    return refuse(t, "a range that ends in a class", item);
                buf_char(t->out, '-');
                t->s++;
            }
        }
    }
}

/* "(", "(?:", "(?i:", "(?=", "(?!", "(?<=", "(?<!", "(?>", "(?i)"; t->s is behind the bracket. */
static int group(struct translation *t) {
    const uint8_t *at = t->s - 1;
    bool fold = t->fold[t->depth];
    static const char *const plain[] = {"?:", "?=", "?!", "?<=", "?<!", "?>"};
    const char *opening = "?:"; /* captures are not asked for */
    size_t n = 0;
    for (size_t i = 0; i < sizeof plain / sizeof *plain; i++)
        if ((size_t)(t->end - t->s) >= strlen(plain[i]) &&
            memcmp(t->s, plain[i], strlen(plain[i])) == 0) {
            opening = plain[i];
            n = strlen(plain[i]);
        }
    if (!n && t->end - t->s >= 3 && memcmp(t->s, "?i:", 3) == 0) {
        opening = "?i:";
        n = 3;
        fold = true;
    } else if (!n && t->end - t->s >= 3 && memcmp(t->s, "?i)", 3) == 0) {
        if (t->depth || t->out->len)
            return refuse(t, "an option within the pattern", at);
        t->fold[0] = true;
        t->s += 3;
        buf_str(t->out, "(?i)");
        return 0;
    } else if (!n && t->s < t->end && *t->s == '?') {
        return refuse(t, "this group", at);
    }
    if (t->depth + 1 == (int)(sizeof t->fold / sizeof *t->fold))
        return refuse(t, "so deep a group", at);
    t->fold[++t->depth] = fold;
    t->s += n;
    t->last = 0;
    buf_printf(t->out, "(%s", opening);
    return 0;
}

/* {n}, {n,}, {n,m}, {,m} or a plain brace; t->s is at the brace. */
static int interval(struct translation *t) {
    const uint8_t *at = t->s, *p = at + 1, *comma = NULL;
    for (; p < t->end && ((*p >= '0' && *p <= '9') || (*p == ',' && !comma)); p++)
        if (*p == ',')
            comma = p;
    if (p >= t->end || *p != '}' || p == at + 1 || (comma && p == at + 2)) {
        t->s++;
        return literal(t, '{', at);
    }
    if (p + 1 < t->end && (p[1] == '+' || (p[1] == '?' && !comma)))
        return refuse(t, "what follows this interval", at);
    if (comma == at + 1)
        buf_str(t->out, "{0"), at++;
    buf_append(t->out, at, (size_t)(p + 1 - at));
    t->s = p + 1;
    return 0;
}

static int one(struct translation *t) {
    const uint8_t *at = t->s;
    uint32_t c = 0;
    switch (*t->s) {
    case '\\':
        t->s++;
        if (t->s < t->end && strchr("bBAzZ", *t->s) && *t->s) {
            if (*t->s == 'b' || *t->s == 'B')
                return refuse(t, "a word boundary", at);
            buf_append(t->out, at, 2);
            t->s++;
            t->last = 0;
            return 0;
        }
        bool is_class = false;
        struct class k = {0};
        int rc = escape(t, &is_class, &k, &c);
        if (rc)
            return rc;
        if (!is_class)
            return literal(t, c, at);
        t->last = 0;
        buf_char(t->out, '[');
        put_class(t->out, &k);
        buf_char(t->out, ']');
        return 0;
    case '[':
        t->s++;
        t->last = 0;
        return bracket(t);
    case '(':
        t->s++;
        return group(t);
    case ')':
        if (t->depth)
            t->depth--;
        break;
    case '{':
        return interval(t);
    case '|':
    case '^':
    case '$':
    case '.':
    case '*':
    case '+':
    case '?':
        break;
    default:
        t->s += utf8_decode(t->s, (size_t)(t->end - t->s), &c);
        return literal(t, c, at);
    }
    t->last = 0;
    buf_char(t->out, (char)*t->s++);
    return 0;
}

int regex_translate(const char *pattern, size_t len, struct buf *out, struct err *e) {
    const uint8_t *s = (const uint8_t *)pattern;
    if (!utf8_valid(s, len))
        return err_set(e, PRECIS_EINPUT, "regular expression: no UTF-8");
    struct translation t = {.s = s, .end = s + len, .out = out, .e = e};
    int rc = 0;
    while (rc == 0 && t.s < t.end)
        rc = one(&t);
    if (rc == 0 && buf_failed(out))
        rc = err_nomem(e, "regular expression");
    return rc;
}
