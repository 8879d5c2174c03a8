#include <stdbool.h>

#include "code/doc.h"
#include "summary/clean.h"
#include "summary/code_lines.h"
#include "summary/fallback.h"

enum { MOST = 60, THIRD = 33 }; /* percent of the chunk's lines of code */

struct search {
    const struct fallback_chunk *c;
    int max_chars;
    struct code_lines lines;
    struct buf *out;
    struct buf sentence;
};

/* PRECIS_ENOTFOUND: it makes no line. */
static int take(struct search *s, struct span doc, struct span name, struct err *e) {
    const struct tree *t = s->c->tree;
    buf_clear(&s->sentence);
    buf_clear(s->out);
    doc_sentence(t->lang, t->text + doc.start, doc.end - doc.start, t->text + name.start,
                 name.end - name.start, &s->sentence);
    if (buf_failed(&s->sentence))
        return err_nomem(e, "doc of a chunk");
    if (!s->sentence.len || !doc_is_good(s->sentence.data, s->sentence.len))
        return PRECIS_ENOTFOUND;
    const struct clean_options o = {.max_chars = s->max_chars};
    return clean_line(s->sentence.data, s->sentence.len, &o, s->out, NULL, e);
}

/* Percent of the chunk's lines of code that are the symbol's. */
static uint64_t share(const struct search *s, const struct symbol *v) {
    uint32_t all = code_lines_count(&s->lines, s->lines.first, s->lines.last);
    return all ? (uint64_t)100 * code_lines_count(&s->lines, v->first_line, v->last_line) / all : 0;
}

static bool is_documented(const struct symbol *v) {
    return v->doc.end > v->doc.start;
}

/* Symbols from..to of those that begin (or began before) the chunk and cover most of it. */
static int take_covering(struct search *s, struct err *e) {
    const struct symbols *all = s->c->symbols;
    int rc = PRECIS_ENOTFOUND;
    for (uint32_t i = 0; i < all->n && rc == PRECIS_ENOTFOUND; i++) {
        const struct symbol *v = &all->v[i];
        if (v->first_line >= s->lines.first && is_documented(v) && share(s, v) >= MOST)
            rc = take(s, v->doc, v->name, e);
    }
    for (uint32_t i = all->n; i-- > 0 && rc == PRECIS_ENOTFOUND;) {
        const struct symbol *v = &all->v[i];
        if (v->first_line < s->lines.first && is_documented(v) && share(s, v) >= MOST)
            rc = take(s, v->doc, v->name, e);
    }
    return rc;
}

static int take_only(struct search *s, struct err *e) {
    const struct symbols *all = s->c->symbols;
    const struct symbol *only = NULL;
    for (uint32_t i = 0; i < all->n; i++) {
        const struct symbol *v = &all->v[i];
        if (v->first_line < s->lines.first || v->first_line > s->lines.last || !is_documented(v))
            continue;
        if (only)
            return PRECIS_ENOTFOUND;
        only = v;
    }
    return only && share(s, only) >= THIRD ? take(s, only->doc, only->name, e) : PRECIS_ENOTFOUND;
}

static int find(struct search *s, struct err *e) {
    struct span file_doc = s->c->symbols->file_doc;
    int rc = PRECIS_ENOTFOUND;
    if (s->c->first_line == 1 && file_doc.end > file_doc.start)
        rc = take(s, file_doc, (struct span){0}, e);
    if (rc == PRECIS_ENOTFOUND)
        rc = take_covering(s, e);
    if (rc == PRECIS_ENOTFOUND)
        rc = take_only(s, e);
    return rc;
}

int fallback_doc(const struct fallback_chunk *c, int max_chars, struct buf *out, struct err *e) {
    struct search s = {.c = c, .max_chars = max_chars, .out = out};
    int rc = PRECIS_ENOTFOUND;
    if (max_chars < FALLBACK_MIN_CHARS)
        return err_set(e, PRECIS_EUSAGE, "a line of %d characters is too short: at least %d",
                       max_chars, FALLBACK_MIN_CHARS);
    if (c->tree && c->symbols) {
        rc = code_lines_find(c->tree, c->first_line, c->last_line, &s.lines, e);
        if (rc == 0)
            rc = find(&s, e);
    }
    code_lines_free(&s.lines);
    buf_free(&s.sentence);
    if (rc)
        buf_clear(out);
    return rc == PRECIS_ENOTFOUND ? err_set(e, rc, "no doc comment says what the chunk is") : rc;
}
