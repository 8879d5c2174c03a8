#include <stdlib.h>
#include <string.h>

#include "code/doc.h"

static bool is_blank(char c) {
    return (unsigned char)c <= ' ' && c != '\n';
}

/* Whole lines where nothing else stands on them. */
static struct span whole_lines(const struct tree *t, struct span s) {
    uint32_t start = s.start;
    uint32_t end = s.end;
    while (start > 0 && is_blank(t->text[start - 1]))
        start--;
    while (end < t->size && is_blank(t->text[end]))
        end++;
    if ((start > 0 && t->text[start - 1] != '\n') || (end < t->size && t->text[end] != '\n'))
        return s;
    return (struct span){start, end < t->size ? end + 1 : end};
}

static int by_start(const void *a, const void *b) {
    const struct span *x = a;
    const struct span *y = b;
    return x->start < y->start ? -1 : x->start > y->start;
}

/* The docs within the range, in order. NULL: out of memory. */
static struct span *docs_in(const struct tree *t, const struct symbols *s, struct span range,
                            size_t *n) {
    struct span *docs = malloc(((size_t)s->n + 1) * sizeof *docs);
    *n = 0;
    for (uint32_t i = 0; docs && i <= s->n; i++) {
        struct span doc = i < s->n ? s->v[i].doc : s->file_doc;
        if (i < s->n && s->v[i].kind == SYMBOL_CONSTANT)
            continue;
        if (doc.end > doc.start && doc.start >= range.start && doc.end <= range.end)
            docs[(*n)++] = whole_lines(t, doc);
    }
    if (docs)
        qsort(docs, *n, sizeof *docs, by_start);
    return docs;
}

/* Blanks that all lines begin with. */
static size_t common_indent(const char *s, size_t n) {
    const char *like = NULL;
    size_t indent = 0;
    for (size_t at = 0; at < n;) {
        const char *end = memchr(s + at, '\n', n - at);
        size_t len = end ? (size_t)(end - s) - at : n - at;
        size_t k = 0;
        while (k < len && is_blank(s[at + k]))
            k++;
        if (k < len && !like) {
            like = s + at;
            indent = k;
        } else if (k < len) {
            size_t same = 0;
            while (same < indent && same < k && s[at + same] == like[same])
                same++;
            indent = same;
        }
        at += len + 1;
    }
    return indent;
}

static void put_lines(const char *s, size_t n, struct buf *out) {
    size_t indent = common_indent(s, n);
    while (n && (unsigned char)s[n - 1] <= ' ')
        n--;
    for (size_t at = 0; at < n;) {
        const char *end = memchr(s + at, '\n', n - at);
        size_t len = end ? (size_t)(end - s) - at : n - at;
        size_t keep = len;
        while (keep && is_blank(s[at + keep - 1]))
            keep--;
        if (keep > indent)
            buf_append(out, s + at + indent, keep - indent);
        if (end)
            buf_char(out, '\n');
        at += len + 1;
    }
}

void doc_strip(const struct tree *t, const struct symbols *s, struct span range, struct buf *out) {
    struct buf text = {0};
    size_t n;
    uint32_t at = range.start;
    while (at > 0 && is_blank(t->text[at - 1]))
        at--;
    if (at > 0 && t->text[at - 1] != '\n')
        at = range.start;
    struct span *docs = docs_in(t, s, range, &n);
    for (size_t i = 0; docs && i < n; i++) {
        if (docs[i].start > at)
            buf_append(&text, t->text + at, docs[i].start - at);
        at = docs[i].end > at ? docs[i].end : at;
    }
    if (at < range.end)
        buf_append(&text, t->text + at, range.end - at);
    if (!docs || buf_failed(&text))
        out->failed = true;
    else if (text.len)
        put_lines(text.data, text.len, out);
    free(docs);
    buf_free(&text);
}
