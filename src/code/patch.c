#include "code/patch.h"

#include <stdlib.h>
#include <string.h>

enum { LINE_MOST = 1 << 16 }; /* a path of PATH_MAX bytes, each of them quoted, is below it */
static const uint64_t NUMBER_MOST = (uint64_t)1 << 60;

static int bad(const char *what, struct err *e) {
    return err_set(e, PRECIS_EINPUT, "a patch that cannot be read: %s", what);
}

static int take_digit(const char **at) {
    int digit = **at >= '0' && **at <= '7' ? **at - '0' : -1;
    *at += digit >= 0;
    return digit;
}

/* One character after a backslash, as git's quote.c writes it. Negative: none. */
static int unescape(const char **at) {
    static const char letters[] = "abtnvfr\"\\", values[] = "\a\b\t\n\v\f\r\"\\";
    const char *letter = **at ? strchr(letters, **at) : NULL;
    if (letter) {
        ++*at;
        return (unsigned char)values[letter - letters];
    }
    int a = take_digit(at), b = take_digit(at), c = take_digit(at);
    return a < 0 || b < 0 || c < 0 ? -1 : (a * 64 + b * 8 + c) & 255;
}

static bool unquote(const char *s, struct buf *out) {
    while (*s && *s != '"') {
        int c = (unsigned char)*s++;
        if (c == '\\')
            c = unescape(&s);
        if (c <= 0)
            return false;
        buf_char(out, (char)c);
    }
    return s[0] == '"' && (!s[1] || s[1] == '\t');
}

/* What comes after "+++ ": the name, quoted where it has to be, else with a tab after it where it
 * has blanks. */
static int take_path(struct patch *p, const char *s, struct err *e) {
    static const char prefix[] = "b/";
    enum { PREFIX = sizeof prefix - 1 };
    buf_clear(&p->path);
    p->has_path = false;
    if (strcmp(s, "/dev/null") == 0)
        return 0;
    if (*s != '"')
        buf_append(&p->path, s, strcspn(s, "\t"));
    else if (!unquote(s + 1, &p->path))
        return bad("a name is not quoted as git does it", e);
    if (buf_failed(&p->path))
        return err_nomem(e, "patch");
    if (p->path.len <= PREFIX || memcmp(p->path.data, prefix, PREFIX) != 0)
        return bad("a name without its prefix", e);
    p->has_path = true;
    return p->on_file(p->user, p->path.data + PREFIX, e);
}

static bool number(const char **at, uint64_t *out) {
    const char *begin = *at;
    *out = 0;
    for (; **at >= '0' && **at <= '9' && *out < NUMBER_MOST / 10; ++*at)
        *out = *out * 10 + (uint64_t)(**at - '0');
    return *at > begin && !(**at >= '0' && **at <= '9');
}

/* "12,3" or "12", which is "12,1". */
static bool range(const char **at, uint64_t *first, uint64_t *lines) {
    *lines = 1;
    if (!number(at, first))
        return false;
    if (**at != ',')
        return true;
    ++*at;
    return number(at, lines);
}

static bool take(const char **at, const char *text) {
    size_t n = strlen(text);
    bool there = strncmp(*at, text, n) == 0;
    *at += there ? n : 0;
    return there;
}

static int take_hunk(struct patch *p, const char *s, struct err *e) {
    struct hunk h;
    if (!range(&s, &h.old_first, &h.old_lines) || !take(&s, " +") ||
        !range(&s, &h.new_first, &h.new_lines) || !take(&s, " @@"))
        return bad("a hunk does not say its lines", e);
    p->left = h.old_lines + h.new_lines;
    return p->has_path ? p->on_hunk(p->user, &h, e) : 0;
}

static int take_line(struct patch *p, struct err *e) {
    const char *s = p->line.data;
    if (strlen(s) != p->line.len)
        return bad("a header has a byte 0", e);
    if (take(&s, "+++ "))
        return take_path(p, s, e);
    if (take(&s, "@@ -"))
        return take_hunk(p, s, e);
    if (take(&s, "diff --git "))
        p->has_path = false;
    return 0;
}

int patch_read(struct patch *p, const char *data, size_t size, struct err *e) {
    int rc = 0;
    for (size_t at = 0; rc == 0 && at < size;) {
        const char *newline = memchr(data + at, '\n', size - at);
        size_t n = newline ? (size_t)(newline - data) - at : size - at;
        bool passed = p->left > 0;
        if (passed) {
            if (!p->begun)
                p->remark = data[at] == '\\'; /* on the line before: it has no newline */
            p->begun = !newline;
            p->left -= newline && !p->remark;
        } else if (p->line.len + n > LINE_MOST)
            return bad("a header is too long", e);
        else
            buf_append(&p->line, data + at, n);
        at += n + (newline != NULL);
        if (passed || !newline)
            continue;
        rc = buf_failed(&p->line) ? err_nomem(e, "patch") : p->line.len ? take_line(p, e) : 0;
        buf_clear(&p->line);
    }
    return rc == 0 && buf_failed(&p->line) ? err_nomem(e, "patch") : rc;
}

int patch_end(const struct patch *p, struct err *e) {
    return p->left || p->line.len ? bad("it breaks off", e) : 0;
}

void patch_free(struct patch *p) {
    buf_free(&p->line);
    buf_free(&p->path);
}
