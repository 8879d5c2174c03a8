#include "code/chunk_tree.h"

#include <stdlib.h>

#include "base/buf.h"

struct boundary {
    uint32_t row; /* 0-based */
    uint32_t end; /* the row after what begins there */
    uint32_t depth;
};

/* Something of more lines than a chunk has, while it is looked into. */
struct opened {
    uint32_t next;   /* the node after it */
    uint32_t symbol; /* SYMBOL_NONE: it is none */
};

/* What a row holds. */
enum { ROW_TOKEN = 1, ROW_LEADS = 2 /* it goes with what follows */ };

struct cutter {
    const struct tree *t;
    const struct symbols *s;
    uint64_t loc;
    uint32_t rows;
    uint8_t *marks; /* [rows] */

    struct boundary *v; /* by row, all different; the first is row 0 */
    size_t n, cap;
    struct opened *opened; /* the innermost last */
    size_t depth, opened_cap;
    uint32_t looked; /* what begins before this row has its boundary, or none */
    bool at_head;    /* nothing has begun yet in what was opened last */
    bool in_row;     /* what began last is no symbol */
    bool shares_row; /* what began last has no boundary, since something else is before it */
};

struct thing {
    uint32_t start;       /* byte */
    uint32_t row, end;    /* rows [row, end) */
    uint32_t row_of_docs; /* <= row */
    uint32_t symbol;
};

/* Errors and the bodies of heredocs may stand anywhere too. */
static bool is_comment(const struct tree_node *v) {
    return (v->flags & (TREE_EXTRA | TREE_ERROR)) == TREE_EXTRA && v->type != T_heredoc_body;
}

static void mark_tokens(struct cutter *c) {
    for (uint32_t i = 0; i < c->t->n;) {
        const struct tree_node *v = &c->t->v[i];
        bool skip = is_comment(v);
        if (!skip && v->next == i + 1 && v->end > v->start)
            for (uint32_t row = v->first_row; row <= v->end_row && row < c->rows; row++)
                c->marks[row] |= ROW_TOKEN;
        i = skip ? v->next : i + 1;
    }
}

/* Blank lines, comments, and what opens a macro, whose inside is parsed as if it were not there. */
static void mark_leading(struct cutter *c) {
    const struct tree *t = c->t;
    uint32_t row = 0;
    uint32_t node = 0;
    char last = 0; /* in the row, outside of comments */
    for (uint32_t i = 0; i < t->size && row < c->rows; i++) {
        while (node < t->n && (t->v[node].end <= i || !is_comment(&t->v[node])))
            node++;
        bool inside = node < t->n && t->v[node].start <= i;
        if (!inside && (unsigned char)t->text[i] > ' ')
            last = t->text[i];
        if (t->text[i] != '\n' && i + 1 < t->size)
            continue;
        if (!last || (!(c->marks[row] & ROW_TOKEN) && (last == '{' || last == '(')))
            c->marks[row] |= ROW_LEADS;
        last = 0;
        row++;
    }
}

static bool begins_row(const struct cutter *c, uint32_t at) {
    const char *text = c->t->text;
    while (at > 0 && (unsigned char)text[at - 1] <= ' ' && text[at - 1] != '\n')
        at--;
    return at == 0 || text[at - 1] == '\n';
}

static int add(struct cutter *c, uint32_t row, uint32_t end, size_t depth) {
    if (!array_grow((void **)&c->v, c->n, &c->cap, sizeof *c->v))
        return PRECIS_ENOMEM;
    c->v[c->n++] = (struct boundary){row, end, (uint32_t)depth};
    return 0;
}

/* A thing begins: its boundary, unless it has none of its own. */
static int begin(struct cutter *c, const struct thing *g) {
    struct boundary *last = &c->v[c->n - 1];
    c->shares_row = g->row < c->looked || !begins_row(c, g->start);
    if (c->shares_row) {
        if (g->row < last->end && g->end > last->end && g->end - last->row <= c->loc)
            last->end = g->end;
        return 0;
    }
    uint32_t row = g->row;
    while (row > c->looked && c->marks[row - 1] & ROW_LEADS)
        row--;
    c->looked = g->row + 1;
    bool parted = g->end - row <= c->loc && g->end - last->row > c->loc;
    bool is_new = row > last->row && (!c->at_head || parted);
    size_t depth = c->depth + (c->in_row && g->symbol == SYMBOL_NONE);
    if (c->at_head)
        last->end = is_new ? row : g->end;
    c->at_head = false;
    c->in_row = g->symbol == SYMBOL_NONE;
    int rc = 0;
    if (is_new)
        rc = add(c, row, g->end, depth);
    last = &c->v[c->n - 1];
    /* Where long comments before it would push it out of the chunk, it stands alone. */
    if (rc == 0 && g->end - last->row > c->loc && g->row_of_docs > last->row &&
        g->end - g->row_of_docs <= c->loc) {
        last->end = g->row_of_docs;
        rc = add(c, g->row_of_docs, g->end, depth + 1);
    }
    return rc;
}

/* Looks for things within this one, or goes on behind it. */
static int open_or_skip(struct cutter *c, const struct thing *g, uint32_t *node) {
    uint32_t next = c->t->v[*node].next;
    const struct boundary *last = &c->v[c->n - 1];
    bool fits = g->end - (c->shares_row ? last->row : g->row_of_docs) <= c->loc;
    if (fits) {
        c->looked = g->end > c->looked ? g->end : c->looked;
        *node = next;
        return 0;
    }
    if (!array_grow((void **)&c->opened, c->depth, &c->opened_cap, sizeof *c->opened))
        return PRECIS_ENOMEM;
    c->opened[c->depth++] = (struct opened){next, g->symbol};
    c->at_head = c->at_head || !c->shares_row;
    c->in_row = false;
    ++*node;
    return 0;
}

static struct thing thing_of(const struct cutter *c, uint32_t node, uint32_t symbol) {
    const struct tree *t = c->t;
    const struct tree_node *v = &t->v[node];
    struct thing g = {v->start, v->first_row, v->end_row + 1, v->first_row, symbol};
    if (symbol != SYMBOL_NONE) {
        const struct symbol *s = &c->s->v[symbol];
        g.start = s->range.start;
        g.row = g.row_of_docs = s->first_line - 1;
        g.end = s->last_line;
        if (!s->doc_inside && s->doc.end > s->doc.start)
            for (uint32_t i = s->doc.start; i < s->range.start; i++)
                g.row_of_docs -= t->text[i] == '\n';
    }
    return g;
}

/* Of the symbol that is looked into. */
static struct span body_around(const struct cutter *c) {
    uint32_t around = c->depth ? c->opened[c->depth - 1].symbol : SYMBOL_NONE;
    return around == SYMBOL_NONE ? (struct span){0, 0} : c->s->v[around].body;
}

/* Looks at a node, where `symbol` is the next in the text, and moves on. */
static int look_at(struct cutter *c, uint32_t *node, uint32_t symbol) {
    const struct tree_node *v = &c->t->v[*node];
    const struct symbol *next = symbol < c->s->n ? &c->s->v[symbol] : NULL;
    bool is_symbol = next && next->node == *node;
    bool holds = next && next->node < v->next;
    struct span body = body_around(c);
    bool outside = body.end > body.start && (v->start <= body.start || v->start >= body.end);
    if (!is_symbol && next && v->start >= next->range.start) /* an attribute, or a wrapper */
        *node = holds ? *node + 1 : v->next;
    else if (!is_symbol && outside) /* a name, parameters, ..., or what the body is in */
        *node = holds || v->end >= body.end ? *node + 1 : v->next;
    else if (!is_symbol && (is_comment(v) || !(v->flags & TREE_NAMED)))
        *node = v->next;
    else {
        struct thing g = thing_of(c, *node, is_symbol ? symbol : SYMBOL_NONE);
        int rc = begin(c, &g);
        return rc ? rc : open_or_skip(c, &g, node);
    }
    return 0;
}

static int find_boundaries(struct cutter *c) {
    const struct tree *t = c->t;
    uint32_t symbol = 0;
    c->at_head = true;
    int rc = add(c, 0, 0, 0);
    for (uint32_t i = 1; rc == 0 && i < t->n;) {
        while (c->depth && i >= c->opened[c->depth - 1].next) {
            c->depth--;
            c->at_head = c->in_row = false;
        }
        while (symbol < c->s->n && c->s->v[symbol].node < i)
            symbol++;
        rc = look_at(c, &i, symbol);
    }
    return rc;
}

/* The row after a chunk that begins with row `from`. *at: a boundary not after it. */
static uint32_t end_of_chunk(const struct cutter *c, size_t *at, uint32_t from) {
    if (c->rows - from <= c->loc)
        return c->rows;
    uint32_t full = from + (uint32_t)c->loc;
    const struct boundary *best = NULL;
    while (*at < c->n && c->v[*at].row <= from)
        ++*at;
    size_t end = *at;
    for (; end < c->n && c->v[end].row <= full; end++) {
        const struct boundary *b = &c->v[end];
        if (2 * (uint64_t)(b->row - from) >= c->loc && (!best || b->depth <= best->depth))
            best = b;
    }
    if (best)
        return best->row;
    const struct boundary *last = end > *at ? &c->v[end - 1] : NULL;
    return last && last->end - last->row <= c->loc ? last->row : full;
}

static int cut(struct cutter *c, struct chunks *out, struct err *e) {
    uint32_t *last_lines = NULL;
    size_t n = 0;
    size_t cap = 0;
    size_t at = 0;
    int rc = 0;
    for (uint32_t row = 0; rc == 0 && row < c->rows;) {
        row = end_of_chunk(c, &at, row);
        if (array_grow((void **)&last_lines, n, &cap, sizeof *last_lines))
            last_lines[n++] = row;
        else
            rc = err_nomem(e, "chunks");
    }
    if (rc == 0)
        rc = chunk_at(c->t->text, c->t->size, last_lines, n, out, e);
    free(last_lines);
    return rc;
}

int chunk_tree(const struct tree *t, const struct symbols *s, uint64_t loc, struct chunks *out,
               struct err *e) {
    struct cutter c = {.t = t, .s = s, .loc = loc};
    *out = (struct chunks){0};
    if (loc == 0)
        return err_set(e, PRECIS_EUSAGE, "lines in a chunk: 0 is not at least 1");
    if (t->size == 0)
        return 0;
    c.rows = (uint32_t)chunk_count_newlines(t->text, t->size) + (t->text[t->size - 1] != '\n');
    c.marks = calloc(c.rows, 1);
    int rc = c.marks ? 0 : PRECIS_ENOMEM;
    if (rc == 0) {
        mark_tokens(&c);
        mark_leading(&c);
        rc = find_boundaries(&c);
    }
    rc = rc ? err_nomem(e, "chunks") : cut(&c, out, e);
    free(c.marks);
    free(c.v);
    free(c.opened);
    return rc;
}
