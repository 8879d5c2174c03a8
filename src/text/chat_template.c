#include "text/chat_template.h"

#include <string.h>

#include "base/buf.h"

/* literal->data between before and after, moved to *out. */
static bool between(struct buf *literal, const char *before, const char *after, char **out) {
    char *at = literal->data ? strstr(literal->data, before) : NULL;
    if (!at)
        return false;
    at += strlen(before);
    const char *end = strstr(at, after);
    if (!end || end == at)
        return false;
    size_t len = (size_t)(end - at);
    memmove(literal->data, at, len);
    literal->data[len] = 0;
    *out = literal->data;
    *literal = (struct buf){0};
    return true;
}

/* Reads the string literal that starts with the quote at s, escapes resolved; returns what follows.
 */
static const char *read_string(const char *s, struct buf *out) {
    char quote = *s++;
    for (; *s && *s != quote; s++) {
        if (*s != '\\' || !s[1]) {
            buf_char(out, *s);
            continue;
        }
        static const char from[] = "nrt\\'\"", to[] = "\n\r\t\\'\"";
        const char *p = strchr(from, *++s);
        if (!p)
            buf_char(out, '\\');
        buf_char(out, p ? to[p - from] : *s);
    }
    return *s ? s + 1 : s;
}

/* The next literal at or after s goes to out; *code: s is inside of {{ }} or {% %}. Returns what
 * follows; NULL at the end. */
static const char *next_literal(const char *s, bool *code, struct buf *out) {
    if (!*code) {
        for (; *s && !(s[0] == '{' && strchr("{%#", s[1]) && s[1]); s++)
            buf_char(out, *s);
        *code = *s && s[1] != '#';
        if (*s && s[1] == '#') {
            const char *end = strstr(s + 2, "#}");
            return end ? end + 2 : NULL;
        }
        return *s ? s + 2 : NULL;
    }
    for (; *s; s++) {
        if (*s == '\'' || *s == '"')
            return read_string(s, out);
        if ((*s == '}' || *s == '%') && s[1] == '}') {
            *code = false;
            return s + 2;
        }
    }
    return NULL;
}

bool chat_template_between(const char *text, const char *before, const char *after, char **out) {
    struct buf literal = {0};
    bool code = false, ok = true;
    *out = NULL;
    while (text && ok && !*out) {
        buf_clear(&literal);
        text = next_literal(text, &code, &literal);
        ok = !buf_failed(&literal);
        if (ok)
            between(&literal, before, after, out);
    }
    buf_free(&literal);
    return ok;
}
