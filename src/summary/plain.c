#include "summary/plain.h"

#include <string.h>

#include "base/utf8.h"
#include "summary/phrase.h"

bool plain_is_invisible(uint32_t c) {
    return c < 0x20 || (c >= 0x7f && c <= 0x9f) || c == 0xad || c == 0x61c || c == 0x180e ||
           (c >= 0x200b && c <= 0x200f) || (c >= 0x202a && c <= 0x202e) ||
           (c >= 0x2060 && c <= 0x206f) || c == 0xfeff || (c >= 0xfff0 && c <= 0xffff) ||
           (c >= 0xe0000 && c <= 0xe0fff) || (c >= 0xfdd0 && c <= 0xfdef) || (c & 0xfffe) == 0xfffe;
}

static bool blank(uint32_t c) {
    return c == ' ' || (c >= '\t' && c <= '\r') || c == 0x85 || c == 0xa0 || c == 0x1680 ||
           (c >= 0x2000 && c <= 0x200a) || c == 0x2028 || c == 0x2029 || c == 0x202f ||
           c == 0x205f || c == 0x3000;
}

static bool word(char c) {
    return phrase_is_letter(c) || phrase_is_digit(c) || c == '_';
}

static char at(const char *s, size_t n, size_t i) {
    return i < n ? s[i] : ' ';
}

/* Length of a run of emphasis marks at i that opens or closes: one side is a space or punctuation,
 * the other is text. "a * b", "*const T" and snake_case stay. */
static size_t emphasis(const char *s, size_t n, size_t i) {
    char c = s[i];
    if (c != '*' && c != '_')
        return 0;
    size_t run = 1;
    while (at(s, n, i + run) == c)
        run++;
    char before = i ? s[i - 1] : ' ', after = at(s, n, i + run);
    bool opens = !word(before) && !phrase_is_space(after);
    bool closes = !phrase_is_space(before) && !word(after);
    if (opens == closes || run > 3)
        return 0;
    if (c ==
        '_') { /* __init__ is a name, _private too; "_emphasis_" holds a space or ends a word */
        size_t end = i + run;
        while (opens && end < n && word(s[end]))
            end++;
        bool name = run == 2 || (opens && s[end - 1] != '_');
        return name ? 0 : run;
    }
    char mark[3] = {c, c, c};
    if (opens) /* an asterisk alone is a pointer or a product */
        for (size_t j = i + run + 1; j + run <= n; j++) {
            if (memcmp(s + j, mark, run) == 0 && !phrase_is_space(s[j - 1]))
                return run;
        }
    else
        for (size_t j = 0; j + run < i; j++)
            if (memcmp(s + j, mark, run) == 0 && !phrase_is_space(s[j + run]) &&
                (j == 0 || !word(s[j - 1])))
                return run;
    return run == 2 ? run : 0;
}

/* [text](target): the length of "](target)" at i when a '[' opened before; 0 otherwise. */
static size_t link_tail(const char *s, size_t n, size_t i) {
    if (s[i] != ']' || at(s, n, i + 1) != '(')
        return 0;
    const char *close = memchr(s + i, ')', n - i);
    return close ? (size_t)(close - s) + 1 - i : 0;
}

static bool link_opens(const char *s, size_t n, size_t i) {
    const char *close = s[i] == '[' ? memchr(s + i, ']', n - i) : NULL;
    return close && link_tail(s, n, (size_t)(close - s));
}

/* rustdoc's "[`name`]" */
static bool code_link(const char *s, size_t n, size_t i) {
    return (s[i] == '[' && at(s, n, i + 1) == '`') || (s[i] == ']' && i && s[i - 1] == '`');
}

void plain_append(struct buf *out, const char *s, size_t n) {
    bool gap = false, in_code = false;
    size_t first = out->len, skip;
    for (size_t i = 0; i < n;) {
        uint32_t c;
        int len = utf8_decode((const uint8_t *)s + i, n - i, &c);
        if (len && blank(c)) {
            gap = out->len > first;
            i += (size_t)len;
            continue;
        }
        if (!len || plain_is_invisible(c)) {
            i += len ? (size_t)len : 1;
            continue;
        }
        if (c == '`') {
            in_code = !in_code;
            i++;
            continue;
        }
        if (!in_code && ((skip = emphasis(s, n, i)) != 0 || (skip = link_tail(s, n, i)) != 0 ||
                         (skip = link_opens(s, n, i) || code_link(s, n, i)) != 0)) {
            i += skip;
            continue;
        }
        if (gap)
            buf_char(out, ' ');
        gap = false;
        buf_append(out, s + i, (size_t)len);
        i += (size_t)len;
    }
}
