#include "code/ignore.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "code/glob.h"

struct pattern {
    size_t at, len; /* in the text, without '!', a leading '/' and a trailing one */
    size_t literal; /* so many bytes at the start must be there as they are */
    bool negated;   /* "!" */
    bool dir_only;  /* ended in '/' */
    bool base_only; /* without '/': matched with the last part of the path, at any depth */
};

struct ignore {
    char *text; /* owned */
    struct pattern *v;
    size_t n, cap;
};

static int add_pattern(struct ignore *ig, size_t at, size_t len, struct err *e) {
    struct pattern p = {.at = at, .len = len};
    if (len && ig->text[at] == '!') {
        p.negated = true;
        p.at++;
        p.len--;
    }
    if (p.len && ig->text[p.at + p.len - 1] == '/') {
        p.dir_only = true;
        p.len--;
    }
    const char *s = ig->text + p.at;
    p.base_only = p.len == 0 || memchr(s, '/', p.len) == NULL;
    if (p.len == 0)
        return 0;
    if (s[0] == '/') {
        p.at++;
        p.len--;
    }
    p.literal = glob_literal_prefix(ig->text + p.at, p.len);
    if (!array_grow((void **)&ig->v, ig->n, &ig->cap, sizeof *ig->v))
        return err_nomem(e, "ignore patterns");
    ig->v[ig->n++] = p;
    return 0;
}

/* Spaces at the end do not count unless a backslash stands before them. */
static size_t trim_spaces(const char *s, size_t len) {
    size_t end = 0;
    for (size_t i = 0; i < len; i++) {
        if (s[i] == '\\') {
            if (++i == len)
                return len;
            end = i + 1;
        } else if (s[i] != ' ') {
            end = i + 1;
        }
    }
    return end;
}

static int add_line(struct ignore *ig, size_t at, size_t len, struct err *e) {
    const char *s = ig->text + at;
    if (len == 0 || s[0] == '#')
        return 0;
    if (s[len - 1] == '\r')
        len--;
    /* git reads a line as a C string. */
    const char *nul = memchr(s, 0, len);
    if (nul)
        len = (size_t)(nul - s);
    return add_pattern(ig, at, trim_spaces(s, len), e);
}

static struct ignore *ignore_new(size_t size) {
    struct ignore *ig = calloc(1, sizeof *ig);
    if (!ig)
        return NULL;
    ig->text = malloc(size + 1);
    if (!ig->text) {
        free(ig);
        return NULL;
    }
    return ig;
}

int ignore_parse(const char *text, size_t len, struct ignore **out, struct err *e) {
    if (len >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0) {
        text += 3;
        len -= 3;
    }
    int rc = 0;
    struct ignore *ig = ignore_new(len);
    *out = ig;
    if (!ig)
        return err_nomem(e, "ignore patterns");
    if (len)
        memcpy(ig->text, text, len);
    for (size_t at = 0; at < len && rc == 0;) {
        const char *newline = memchr(ig->text + at, '\n', len - at);
        size_t end = newline ? (size_t)(newline - ig->text) : len;
        rc = add_line(ig, at, end - at, e);
        at = end + 1;
    }
    if (rc) {
        ignore_free(ig);
        *out = NULL;
    }
    return rc;
}

int ignore_from_list(const char *const *patterns, struct ignore **out, struct err *e) {
    size_t size = 0;
    for (size_t i = 0; patterns[i]; i++)
        size += strlen(patterns[i]);
    int rc = 0;
    size_t at = 0;
    struct ignore *ig = ignore_new(size);
    *out = ig;
    if (!ig)
        return err_nomem(e, "ignore patterns");
    for (size_t i = 0; rc == 0 && patterns[i]; i++) {
        size_t len = strlen(patterns[i]);
        memcpy(ig->text + at, patterns[i], len);
        rc = add_pattern(ig, at, len, e);
        at += len;
    }
    if (rc) {
        ignore_free(ig);
        *out = NULL;
    }
    return rc;
}

void ignore_free(struct ignore *ig) {
    if (!ig)
        return;
    free(ig->text);
    free(ig->v);
    free(ig);
}

static bool pattern_matches(const char *s, const struct pattern *p, const char *path, size_t len) {
    if (p->literal > len || memcmp(s, path, p->literal) != 0)
        return false;
    if (p->literal == p->len)
        return p->len == len;
    /* As in git, what follows the literal start is a pattern of its own. */
    return glob_match(s + p->literal, p->len - p->literal, path + p->literal, len - p->literal);
}

enum ignore_verdict ignore_match(const struct ignore *ig, const char *path, bool is_dir) {
    size_t len = strlen(path);
    const char *slash = strrchr(path, '/');
    const char *base = slash ? slash + 1 : path;
    for (size_t i = ig->n; i-- > 0;) {
        const struct pattern *p = &ig->v[i];
        const char *name = p->base_only ? base : path;
        if (p->dir_only && !is_dir)
            continue;
        if (pattern_matches(ig->text + p->at, p, name, len - (size_t)(name - path)))
            return p->negated ? IGNORE_NO : IGNORE_YES;
    }
    return IGNORE_NONE;
}
