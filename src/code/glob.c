#include "code/glob.h"

#include <string.h>

size_t glob_literal_prefix(const char *s, size_t len) {
    size_t i = 0;
    while (i < len && s[i] != '*' && s[i] != '?' && s[i] != '[' && s[i] != '\\')
        i++;
    return i;
}

/* ASCII only: what a pattern means must not depend on the locale. */
static bool is_upper(unsigned char c) {
    return c >= 'A' && c <= 'Z';
}
static bool is_lower(unsigned char c) {
    return c >= 'a' && c <= 'z';
}
static bool is_alpha(unsigned char c) {
    return is_upper(c) || is_lower(c);
}
static bool is_digit(unsigned char c) {
    return c >= '0' && c <= '9';
}
static bool is_alnum(unsigned char c) {
    return is_alpha(c) || is_digit(c);
}
static bool is_xdigit(unsigned char c) {
    return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}
static bool is_blank(unsigned char c) {
    return c == ' ' || c == '\t';
}
static bool is_space(unsigned char c) {
    return c == ' ' || (c >= '\t' && c <= '\r');
}
static bool is_cntrl(unsigned char c) {
    return c < 32 || c == 127;
}
static bool is_print(unsigned char c) {
    return c >= 32 && c < 127;
}
static bool is_graph(unsigned char c) {
    return c > 32 && c < 127;
}
static bool is_punct(unsigned char c) {
    return is_graph(c) && !is_alnum(c);
}

static const struct {
    const char *name;
    bool (*has)(unsigned char c);
} classes[] = {
    {"alnum", is_alnum}, {"alpha", is_alpha}, {"blank", is_blank}, {"cntrl", is_cntrl},
    {"digit", is_digit}, {"graph", is_graph}, {"lower", is_lower}, {"print", is_print},
    {"punct", is_punct}, {"space", is_space}, {"upper", is_upper}, {"xdigit", is_xdigit},
};

/* 1 or 0: c is in the class or not; -1: there is no such class. */
static int in_class(const char *name, size_t len, unsigned char c) {
    for (size_t i = 0; i < sizeof classes / sizeof *classes; i++)
        if (strlen(classes[i].name) == len && memcmp(classes[i].name, name, len) == 0)
            return classes[i].has(c);
    return -1;
}

/* p[at] is the '[' of "[:"; returns how many bytes "[:name:]" takes, 0 when there is no such thing
 * (then '[' stands for itself), or -1 when the bracket is never closed. */
static ptrdiff_t class_length(const char *p, size_t len, size_t at) {
    size_t end = at + 2;
    while (end < len && p[end] != ']')
        end++;
    if (end == len)
        return -1;
    return end > at + 2 && p[end - 1] == ':' ? (ptrdiff_t)(end + 1 - at) : 0;
}

/* p[at] is '['. Sets *next after the closing ']'. Returns 1: c matches, 0: not, -1: malformed. */
static int match_bracket(const char *p, size_t len, size_t at, unsigned char c, size_t *next) {
    size_t i = at + 1;
    bool negated = i < len && (p[i] == '!' || p[i] == '^');
    bool matched = false;
    int before = -1; /* the byte that may begin a range */
    i += negated;
    /* A ']' that comes first is an ordinary member. */
    for (size_t first = i; i < len && (p[i] != ']' || i == first);) {
        unsigned char m = (unsigned char)p[i];
        if (m == '-' && before > 0 && i + 1 < len && p[i + 1] != ']') {
            i++;
            if (p[i] == '\\' && ++i == len)
                return -1;
            matched |= c >= before && c <= (unsigned char)p[i];
            before = -1;
            i++;
            continue;
        }
        if (m == '[' && i + 1 < len && p[i + 1] == ':') {
            ptrdiff_t n = class_length(p, len, i);
            if (n < 0)
                return -1;
            if (n > 0) {
                int has = in_class(p + i + 2, (size_t)n - 4, c);
                if (has < 0)
                    return -1;
                matched |= has == 1;
                before = -1;
                i += (size_t)n;
                continue;
            }
        }
        if (m == '\\') {
            if (++i == len)
                return -1;
            m = (unsigned char)p[i];
        }
        matched |= c == m;
        before = m;
        i++;
    }
    if (i >= len)
        return -1;
    *next = i + 1;
    return matched != negated && c != '/';
}

/* One element that is no star, at p[at], against one byte. Same results as match_bracket. */
static int match_one(const char *p, size_t len, size_t at, char c, size_t *next) {
    switch (p[at]) {
    case '?':
        *next = at + 1;
        return c != '/';
    case '[':
        return match_bracket(p, len, at, (unsigned char)c, next);
    case '\\':
        if (at + 1 == len)
            return -1;
        *next = at + 2;
        return p[at + 1] == c;
    default:
        *next = at + 1;
        return p[at] == c;
    }
}

/* A place to go back to: the element after a star, and where in the text to try it next. */
struct retry {
    size_t pattern, text;
    bool set;
};

/* Whether the stars p[at..end) stand for any number of folders. */
static bool is_double(const char *p, size_t len, size_t at, size_t end) {
    if (end - at < 2 || (at > 0 && p[at - 1] != '/'))
        return false;
    return end == len || p[end] == '/' || (p[end] == '\\' && end + 1 < len && p[end + 1] == '/');
}

/* Only the last `*` and the last double star need to be gone back to: what stands before a star has
 * matched as early as it can, and the star can take up whatever a later match would have. A `*`
 * cannot pass a '/', so when it is stuck the double star before it is tried further on. */
bool glob_match(const char *p, size_t len, const char *text, size_t text_len) {
    struct retry one = {0};
    struct retry any = {0};
    size_t at = 0;
    size_t t = 0;
    for (;;) {
        if (at < len && p[at] == '*') {
            size_t end = at;
            while (end < len && p[end] == '*')
                end++;
            if (is_double(p, len, at, end)) {
                /* With its '/' it also matches no folder at all. Without, the '/' must be there. */
                bool slash = end < len && p[end] == '/';
                any = (struct retry){.pattern = end, .text = t, .set = true};
                one.set = false;
                at = end + slash;
                continue;
            }
            one = (struct retry){.pattern = end, .text = t + 1, .set = true};
            at = end;
            continue;
        }
        size_t next = 0;
        /* Out of text: going back would only leave less of it for the same elements. */
        if (t == text_len)
            return at == len;
        int ok = at < len ? match_one(p, len, at, text[t], &next) : 0;
        if (ok < 0)
            return false;
        if (ok) {
            at = next;
            t++;
        } else if (one.set && one.text <= text_len && text[one.text - 1] != '/') {
            at = one.pattern;
            t = one.text++;
        } else if (any.set && any.text <= text_len) {
            at = any.pattern;
            t = any.text++;
            one.set = false;
        } else {
            return false;
        }
    }
}
