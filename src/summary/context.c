#include "summary/context.h"

#include <stdlib.h>
#include <string.h>

#include "code/outline.h"

const char *const context_names[] = {"auto", "outline", "full", NULL};

enum { MOST_INDENT = 8 };

struct ranked {
    uint32_t rank, line; /* line: index in the outline */
};

static int by_rank(const void *x, const void *y) {
    const struct ranked *a = x, *b = y;
    if (a->rank != b->rank)
        return a->rank < b->rank ? -1 : 1;
    return a->line < b->line ? -1 : a->line > b->line;
}

static void put_line(struct buf *b, const struct outline *o, size_t i) {
    const struct outline_line *l = &o->v[i];
    for (uint32_t k = 0; k < l->indent && k < MOST_INDENT; k++)
        buf_str(b, "  ");
    if (l->kind == OUTLINE_DOC)
        buf_str(b, "// ");
    buf_append(b, outline_text(o, i), l->length);
    buf_char(b, '\n');
}

/* Tokens of a line, its newline included. */
static int count(const struct tok *tok, const struct outline *o, size_t i, struct buf *line,
                 struct ids *ids, size_t *tokens, struct err *e) {
    buf_clear(line);
    ids->n = 0;
    put_line(line, o, i);
    if (buf_failed(line))
        return err_nomem(e, "outline");
    int rc = tok_encode(tok, line->data, line->len, TOK_NO_SPECIAL | TOK_PLAIN, ids, e);
    if (rc == 0 && ids->failed)
        rc = err_nomem(e, "outline");
    *tokens = ids->n;
    return rc;
}

/* Marks in `taken` the lines that fit, best first; one that does not fit is passed over. */
static int choose(const struct tok *tok, const struct outline *o, struct ranked *order, bool *taken,
                  struct err *e) {
    struct buf line = {0};
    struct ids ids = {0};
    size_t left = CONTEXT_TOKENS;
    int rc = 0;
    for (size_t i = 0; i < o->n; i++)
        order[i] = (struct ranked){o->v[i].rank, (uint32_t)i};
    qsort(order, o->n, sizeof *order, by_rank);
    for (size_t i = 0; rc == 0 && i < o->n && left > 0; i++) {
        size_t tokens = 0;
        rc = count(tok, o, order[i].line, &line, &ids, &tokens, e);
        if (rc == 0 && tokens <= left) {
            taken[order[i].line] = true;
            left -= tokens;
        }
    }
    ids_free(&ids);
    buf_free(&line);
    return rc;
}

static int put_outline(const struct tok *tok, const struct outline *o, struct buf *out,
                       struct err *e) {
    if (o->n == 0)
        return 0;
    struct ranked *order = malloc(o->n * sizeof *order);
    bool *taken = calloc(o->n, sizeof *taken);
    int rc = order && taken ? choose(tok, o, order, taken, e) : err_nomem(e, "outline");
    for (size_t i = 0; rc == 0 && i < o->n; i++)
        if (taken[i])
            put_line(out, o, i);
    free(order);
    free(taken);
    return rc == 0 && buf_failed(out) ? err_nomem(e, "outline") : rc;
}

int context_make(enum context wanted, const struct tok *tok, const struct context_source *source,
                 struct buf *out, struct err *e) {
    bool short_enough = wanted == CONTEXT_AUTO && source->len <= CONTEXT_SHORT;
    if (wanted == CONTEXT_FULL || short_enough || !source->tree)
        return 0;
    struct outline o;
    int rc = outline_make(source->tree, source->symbols, source->first_line, source->last_line,
                          NULL, &o, e);
    if (rc)
        return rc;
    rc = put_outline(tok, &o, out, e);
    outline_free(&o);
    return rc;
}
