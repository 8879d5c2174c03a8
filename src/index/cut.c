#include "index/cut.h"

#include <stdlib.h>
#include <string.h>

#include "base/utf8.h"
#include "code/chunk.h"
#include "code/chunk_symbol.h"
#include "code/symbols.h"
#include "code/tree.h"

enum {
    LONG_CALLABLE = 120, /* lines, from which on what is inside stands for itself */
    LEAST_INSIDE = 5,    /* lines of such a thing */
    LEAST_MACRO = 2,
    RUN_LINES = 40,
    MOST_BYTES = 256 << 10,
    MOST_HEAD = 300,
    OUTSIDE = -1 /* owner of a line that is in no symbol */
};

struct cutting {
    const char *text;
    size_t size;
    struct chunks lines; /* one each */
    struct tree tree;    /* zeroed, with symbols: it does not parse */
    struct symbols symbols;
    bool *is_entry; /* [symbols.n] */
    int64_t *owner; /* [lines.n] a symbol, or OUTSIDE */
    struct cut *out;
};

static uint32_t lines_of(const struct symbol *s) {
    return s->last_line - s->first_line + 1;
}

/* The innermost symbol around i that is an entry; SYMBOL_NONE: none. */
static uint32_t entry_around(const struct cutting *c, uint32_t i) {
    uint32_t p = c->symbols.v[i].parent;
    while (p != SYMBOL_NONE && !c->is_entry[p])
        p = c->symbols.v[p].parent;
    return p;
}

static bool stands_for_itself(const struct cutting *c, uint32_t i) {
    const struct symbol *s = &c->symbols.v[i];
    bool has_body = s->body.end > s->body.start;
    bool own = (symbol_is_callable(s->kind) && has_body) ||
               (symbol_is_type(s->kind) && (has_body || lines_of(s) > 1)) ||
               (s->kind == SYMBOL_MACRO && lines_of(s) >= LEAST_MACRO);
    if (!own)
        return false;
    uint32_t around = entry_around(c, i);
    if (around == SYMBOL_NONE || !symbol_is_callable(c->symbols.v[around].kind))
        return true;
    return lines_of(&c->symbols.v[around]) > LONG_CALLABLE && lines_of(s) >= LEAST_INSIDE;
}

/* The line (from 0) that has a byte. */
static size_t line_at(const struct cutting *c, size_t byte) {
    size_t low = 0, high = c->lines.n;
    while (high - low > 1) {
        size_t middle = low + (high - low) / 2;
        if (c->lines.v[middle].offset <= byte)
            low = middle;
        else
            high = middle;
    }
    return low;
}

/* The lines (from 0) of a symbol with its doc: first .. end - 1. */
static void range_of(const struct cutting *c, uint32_t i, size_t *first, size_t *end) {
    const struct symbol *s = &c->symbols.v[i];
    bool doc_before = s->doc.end > s->doc.start && !s->doc_inside && s->doc.start < s->range.start;
    *first = doc_before ? line_at(c, s->doc.start) : s->first_line - 1;
    *end = s->last_line < c->lines.n ? s->last_line : c->lines.n;
}

static int find_owners(struct cutting *c, struct err *e) {
    size_t n = c->lines.n, first, end;
    c->owner = malloc((n ? n : 1) * sizeof *c->owner);
    c->is_entry = calloc(c->symbols.n ? c->symbols.n : 1, sizeof *c->is_entry);
    if (!c->owner || !c->is_entry)
        return err_nomem(e, "lines of a file");
    for (size_t k = 0; k < n; k++)
        c->owner[k] = OUTSIDE;
    for (uint32_t i = 0; i < c->symbols.n; i++) {
        c->is_entry[i] = stands_for_itself(c, i);
        if (!c->is_entry[i])
            continue;
        range_of(c, i, &first, &end);
        for (size_t k = first; k < end; k++)
            c->owner[k] = i;
    }
    return 0;
}

static void put_valid(struct buf *b, const char *s, size_t n) {
    size_t from = b->len;
    utf8_append_valid(b, s, n);
    if (buf_failed(b))
        return;
    for (size_t i = from; i < b->len; i++)
        if (((unsigned char)b->data[i] < 0x20 && b->data[i] != '\t' && b->data[i] != '\n') ||
            b->data[i] == 0x7f)
            b->data[i] = ' ';
}

/* Ends a text; returns its length without the NUL. */
static size_t end_text(struct buf *b, size_t from) {
    size_t len = b->len - from;
    buf_char(b, 0);
    return len;
}

static const char *line_text(const struct cutting *c, size_t line, size_t *len) {
    const struct chunk *l = &c->lines.v[line];
    const char *s = c->text + l->offset;
    *len = (size_t)l->length;
    while (*len && (s[*len - 1] == '\n' || s[*len - 1] == '\r'))
        --*len;
    return s;
}

static bool is_blank(const struct cutting *c, size_t line) {
    size_t len;
    const char *s = line_text(c, line, &len);
    while (len && strchr(" \t\f\v", s[len - 1]) && s[len - 1])
        len--;
    return len == 0;
}

/* Two letters side by side, or a byte of what is not ASCII. */
static bool has_word(const struct cutting *c, size_t line) {
    size_t len;
    const char *s = line_text(c, line, &len);
    int letters = 0;
    for (size_t i = 0; i < len && letters < 2; i++) {
        unsigned char l = (unsigned char)s[i] | 0x20;
        letters = (unsigned char)s[i] >= 0x80 ? 2 : l >= 'a' && l <= 'z' ? letters + 1 : 0;
    }
    return letters >= 2;
}

/* The text of lines first .. end - 1 with those of other owners empty. */
static void put_body(struct cutting *c, struct cut_piece *p, size_t first, size_t end,
                     int64_t owner) {
    struct buf *b = &c->out->texts;
    p->body = b->len;
    for (size_t k = first; k < end && b->len - p->body < MOST_BYTES; k++) {
        size_t len, room = MOST_BYTES - (b->len - p->body);
        const char *s = line_text(c, k, &len);
        if (k > first)
            buf_char(b, '\n');
        if (c->owner[k] == owner)
            put_valid(b, s, len < room ? len : room);
    }
    p->body_len = end_text(b, p->body);
}

static void put_head(struct cutting *c, struct cut_piece *p, size_t start, size_t first) {
    struct buf *b = &c->out->texts;
    size_t line = line_at(c, start), last = line + 1 < c->lines.n ? line + 1 : line;
    size_t end = (size_t)(c->lines.v[last].offset + c->lines.v[last].length);
    p->head = b->len;
    if (line >= first && end > start)
        put_valid(b, c->text + start, end - start < MOST_HEAD ? end - start : MOST_HEAD);
    p->head_len = end_text(b, p->head);
}

static int add_piece(struct cutting *c, const struct cut_piece *p, struct err *e) {
    struct cut *out = c->out;
    if (buf_failed(&out->texts) || !array_grow((void **)&out->v, out->n, &out->cap, sizeof *p))
        return err_nomem(e, "pieces of a file");
    out->v[out->n++] = *p;
    return 0;
}

static int add_symbol(struct cutting *c, uint32_t i, struct err *e) {
    const struct symbol *s = &c->symbols.v[i];
    struct cut_piece p = {.kind = symbol_kind_name(s->kind)};
    size_t first, end;
    range_of(c, i, &first, &end);
    p.start_line = first + 1;
    p.end_line = end;
    p.symbol = c->out->texts.len;
    chunk_symbol_name(&c->tree, &c->symbols, i, &c->out->texts);
    if (end_text(&c->out->texts, p.symbol) == 0)
        p.symbol = SIZE_MAX;
    put_body(c, &p, first, end, i);
    bool has_signature = s->signature.end > s->signature.start;
    put_head(c, &p, has_signature ? s->signature.start : s->range.start, first);
    return end > first ? add_piece(c, &p, e) : 0;
}

static int add_run(struct cutting *c, size_t first, size_t end, struct err *e) {
    struct cut_piece p = {
        .kind = "lines", .start_line = first + 1, .end_line = end, .symbol = SIZE_MAX};
    put_body(c, &p, first, end, OUTSIDE);
    put_head(c, &p, (size_t)c->lines.v[first].offset, first);
    return add_piece(c, &p, e);
}

/* From the first to the last line with a word of each run. */
static int add_runs(struct cutting *c, struct err *e) {
    size_t first = 0, end = 0, n = 0;
    int rc = 0;
    for (size_t k = 0; rc == 0 && k < c->lines.n; k++) {
        if (c->owner[k] != OUTSIDE || is_blank(c, k))
            continue;
        if (n == RUN_LINES) {
            rc = end ? add_run(c, first, end, e) : 0;
            end = n = 0;
        }
        n++;
        if (!has_word(c, k))
            continue;
        if (!end)
            first = k;
        end = k + 1;
    }
    return rc == 0 && end ? add_run(c, first, end, e) : rc;
}

static int by_line(const void *a, const void *b) {
    const struct cut_piece *x = a, *y = b;
    if (x->start_line != y->start_line)
        return x->start_line < y->start_line ? -1 : 1;
    if (x->end_line != y->end_line)
        return x->end_line > y->end_line ? -1 : 1;
    return (x->body > y->body) - (x->body < y->body);
}

/* 0 where it does not parse: it goes by lines then. */
static int parse(struct cutting *c, const struct lang *lang, struct err *e) {
    if (!lang || !tree_knows(lang))
        return 0;
    struct err why;
    int rc = tree_parse(lang, c->text, c->size, &c->tree, &why);
    if (rc)
        return rc == PRECIS_ENOMEM ? err_nomem(e, "syntax tree") : 0;
    return symbols_find(&c->tree, &c->symbols, e);
}

int cut_file(const char *text, size_t size, const struct lang *lang, struct cut *out,
             struct err *e) {
    struct cutting c = {.text = text, .size = size, .out = out};
    *out = (struct cut){0};
    int rc = chunk_lines(text, size, 1, &c.lines, e);
    if (rc == 0)
        rc = parse(&c, lang, e);
    if (rc == 0)
        rc = find_owners(&c, e);
    for (uint32_t i = 0; rc == 0 && i < c.symbols.n; i++)
        if (c.is_entry[i])
            rc = add_symbol(&c, i, e);
    if (rc == 0)
        rc = add_runs(&c, e);
    if (rc == 0 && buf_failed(&out->texts))
        rc = err_nomem(e, "pieces of a file");
    if (rc == 0 && out->n)
        qsort(out->v, out->n, sizeof *out->v, by_line);
    chunks_free(&c.lines);
    symbols_free(&c.symbols);
    tree_free(&c.tree);
    free(c.is_entry);
    free(c.owner);
    if (rc)
        cut_free(out);
    return rc;
}

void cut_free(struct cut *c) {
    free(c->v);
    buf_free(&c->texts);
    *c = (struct cut){0};
}
