#include "code/chunk_symbol.h"

#include <stdlib.h>
#include <string.h>

#include "base/utf8.h"

enum { MOST_LEVELS = 64, MOST_NAME = 160 /* bytes */ };

/* Symbols of one name beside each other, as far as they lie in the range. */
struct weighed {
    const char *name;
    uint32_t size;
    uint32_t symbol; /* the one with most lines */
    uint64_t lines, weight;
    uint64_t most; /* lines of `symbol` */
    bool whole;
};

struct search {
    const struct tree *t;
    const struct symbols *s;
    uint64_t first, last;
    uint32_t begun;             /* the first symbol that begins in the range or after it */
    uint32_t over[MOST_LEVELS]; /* those that begin before it and reach into it; innermost first */
    uint32_t n_over;
    struct weighed *v; /* owned */
    size_t n, cap;
};

/* The first symbol from `low` on whose line (node, if by_node) is not below `least`. */
static uint32_t lower_bound(const struct symbols *s, uint32_t low, uint64_t least, bool by_node) {
    uint32_t high = s->n;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if ((by_node ? s->v[middle].node : s->v[middle].first_line) < least)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static bool is_scope(enum symbol_kind kind) {
    return kind == SYMBOL_MODULE || kind == SYMBOL_NAMESPACE;
}

static uint64_t weight_of(const struct symbol *v, uint64_t lines) {
    if (!symbol_is_callable(v->kind) && !symbol_is_type(v->kind) && v->kind != SYMBOL_IMPL)
        return lines;
    return lines * (4 + 2 * (uint64_t)v->is_public + (v->doc.end > v->doc.start));
}

static int add(struct search *q, uint32_t symbol) {
    const struct symbol *v = &q->s->v[symbol];
    uint64_t from = v->first_line > q->first ? v->first_line : q->first;
    uint64_t to = v->last_line < q->last ? v->last_line : q->last;
    uint64_t lines = to - from + 1;
    if (to < from)
        return 0;
    if (!array_grow((void **)&q->v, q->n, &q->cap, sizeof *q->v))
        return PRECIS_ENOMEM;
    q->v[q->n++] = (struct weighed){.name = q->t->text + v->name.start,
                                    .size = v->name.end - v->name.start,
                                    .symbol = symbol,
                                    .lines = lines,
                                    .weight = weight_of(v, lines),
                                    .most = lines,
                                    .whole = v->first_line >= q->first && v->last_line <= q->last};
    return 0;
}

static int by_name(const void *a, const void *b) {
    const struct weighed *x = a;
    const struct weighed *y = b;
    if (x->size != y->size)
        return x->size < y->size ? -1 : 1;
    int order = memcmp(x->name, y->name, x->size);
    if (order)
        return order;
    return x->symbol < y->symbol ? -1 : x->symbol > y->symbol;
}

static void join(struct weighed *to, const struct weighed *from) {
    if (from->most > to->most) {
        to->symbol = from->symbol;
        to->most = from->most;
    }
    to->lines += from->lines;
    to->weight += from->weight;
    to->whole = to->whole && from->whole;
}

/* The heaviest; NULL: there is none. */
static const struct weighed *best_of(struct search *q) {
    struct weighed *best = NULL;
    if (!q->n)
        return NULL;
    qsort(q->v, q->n, sizeof *q->v, by_name);
    for (size_t i = 0, next; i < q->n; i = next) {
        struct weighed *w = &q->v[i];
        for (next = i + 1; next < q->n && q->v[next].size == w->size &&
                           memcmp(q->v[next].name, w->name, w->size) == 0;
             next++)
            join(w, &q->v[next]);
        if (!best || w->weight > best->weight ||
            (w->weight == best->weight && w->symbol < best->symbol))
            best = w;
    }
    return best;
}

/* Finds what reaches into the range from before it. */
static void find_over(struct search *q) {
    q->begun = lower_bound(q->s, 0, q->first, false);
    uint32_t at = q->begun ? q->begun - 1 : SYMBOL_NONE;
    for (int i = 0; i < MOST_LEVELS && at != SYMBOL_NONE; i++, at = q->s->v[at].parent)
        if (q->s->v[at].last_line >= q->first)
            q->over[q->n_over++] = at;
}

/* The symbols right below `around`: the one that reaches in (SYMBOL_NONE: none does) and those that
 * begin in the range. */
static int gather(struct search *q, uint32_t around, uint32_t over) {
    const struct symbols *s = q->s;
    const struct tree *t = q->t;
    uint32_t end = around == SYMBOL_NONE ? t->n : t->v[s->v[around].node].next;
    uint32_t at = around == SYMBOL_NONE || around < q->begun ? q->begun : around + 1;
    int rc = 0;
    q->n = 0;
    if (over != SYMBOL_NONE) {
        rc = add(q, over);
        at = lower_bound(s, at, t->v[s->v[over].node].next, true);
    }
    while (rc == 0 && at < s->n && s->v[at].first_line <= q->last && s->v[at].node < end) {
        rc = add(q, at);
        at = lower_bound(s, at + 1, t->v[s->v[at].node].next, true);
    }
    return rc;
}

static int search(struct search *q, uint32_t *symbol) {
    uint32_t level = q->n_over;
    uint32_t over = level ? q->over[level - 1] : SYMBOL_NONE;
    uint32_t around = level ? q->s->v[over].parent : SYMBOL_NONE;
    uint64_t lines = 0; /* of *symbol in the range */
    for (;;) {
        int rc = gather(q, around, over);
        const struct weighed *best = rc ? NULL : best_of(q);
        bool is_first = *symbol == SYMBOL_NONE || is_scope(q->s->v[*symbol].kind);
        if (!best || (!is_first && best->lines * 2 <= lines))
            return rc;
        *symbol = around = best->symbol;
        lines = best->lines;
        if (best->whole && !is_scope(q->s->v[around].kind))
            return 0;
        level = around == over && level ? level - 1 : 0;
        over = level ? q->over[level - 1] : SYMBOL_NONE;
    }
}

int chunk_symbol_find(const struct tree *t, const struct symbols *s, uint64_t first, uint64_t last,
                      struct chunk_symbol *out, struct err *e) {
    struct search q = {.t = t, .s = s, .first = first, .last = last};
    *out = (struct chunk_symbol){.symbol = SYMBOL_NONE};
    find_over(&q);
    int rc = search(&q, &out->symbol);
    free(q.v);
    if (rc) {
        *out = (struct chunk_symbol){.symbol = SYMBOL_NONE};
        return err_nomem(e, "symbols of a chunk");
    }
    if (out->symbol != SYMBOL_NONE) {
        out->cut_before = s->v[out->symbol].first_line < first;
        out->cut_after = s->v[out->symbol].last_line > last;
    }
    return 0;
}

static void put_name(struct buf *out, const struct tree *t, struct span name) {
    const char *text = t->text + name.start;
    size_t n = name.end - name.start;
    if (n > MOST_NAME)
        for (n = MOST_NAME; n > MOST_NAME - 4 && ((unsigned char)text[n] & 0xc0) == 0x80;)
            n--;
    size_t before = out->len;
    utf8_append_valid(out, text, n);
    if (!buf_failed(out) && out->data)
        utf8_blank_controls(out->data + before);
}

void chunk_symbol_name(const struct tree *t, const struct symbols *s, uint32_t symbol,
                       struct buf *out) {
    uint32_t parent = s->v[symbol].parent;
    struct span owner = s->v[symbol].owner;
    if (parent != SYMBOL_NONE &&
        (symbol_is_type(s->v[parent].kind) || s->v[parent].kind == SYMBOL_IMPL))
        owner = s->v[parent].name;
    if (owner.end > owner.start) {
        put_name(out, t, owner);
        buf_char(out, '.');
    }
    put_name(out, t, s->v[symbol].name);
}
