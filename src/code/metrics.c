#include "code/metrics.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "code/metrics_rules.h"

/* A function or a control structure around the node that is looked at. */
struct open {
    uint32_t end;      /* the node after its subtree */
    uint32_t function; /* index; of a control structure that of the function around it */
    uint32_t depth;    /* control structures, this one too, within that function */
    uint32_t from;     /* decisions count from this byte on */
};

#define NO_FUNCTION UINT32_MAX

struct walker {
    const struct tree *t;
    const struct symbols *s;
    enum family family;
    uint32_t first_row, last_row;
    uint32_t symbol;  /* the next whose node was not reached */
    uint32_t named;   /* the next symbol that may name a function's node; JavaScript */
    uint32_t until;   /* functions that begin in the range end before this node */
    uint32_t apart;   /* nodes before it lie in the condition of a directive */
    uint32_t nesting; /* in the rows of the range */
    struct open *stack;
    size_t depth, stack_cap;
    struct metrics_functions *out;
    size_t out_cap;
};

void metrics_functions_free(struct metrics_functions *f) {
    free(f->v);
    *f = (struct metrics_functions){0};
}

double metrics_comment_share(const struct metrics *m) {
    uint32_t lines = m->code_lines + m->comment_lines;
    return lines ? (double)m->comment_lines / lines : 0;
}

static bool is_blank(char c) {
    return c == ' ' || (c >= '\t' && c <= '\r');
}

/* ---- Lines ---- */

enum line_kind { LINE_BLANK, LINE_COMMENT, LINE_CODE };

/* Rows first..last of a text: bytes that are not white space, then of these those outside of
 * comments. */
struct rows {
    uint32_t first, n;
    size_t start, end;    /* bytes */
    uint32_t *ink, *code; /* [n] owned */
};

static void rows_free(struct rows *r) {
    free(r->ink);
    free(r->code);
    *r = (struct rows){0};
}

static enum line_kind row_kind(const struct rows *r, uint32_t row) {
    uint32_t i = row - r->first;
    return r->code[i] ? LINE_CODE : r->ink[i] ? LINE_COMMENT : LINE_BLANK;
}

/* Where the rows are in the text; n: those that it has. */
static void rows_place(const char *text, size_t size, uint32_t first, uint32_t last,
                       struct rows *r) {
    uint32_t row = 0;
    size_t at = 0;
    *r = (struct rows){.first = first};
    while (at < size && row <= last) {
        const char *newline = memchr(text + at, '\n', size - at);
        size_t next = newline ? (size_t)(newline - text) + 1 : size;
        if (row == first)
            r->start = at;
        if (row >= first) {
            r->n++;
            r->end = next;
        }
        at = next;
        row++;
    }
}

/* Takes the bytes of a comment from the rows that it is in; it begins in `row`. */
static void rows_comment(const struct tree *t, uint32_t node, struct rows *r) {
    const struct tree_node *v = &t->v[node];
    uint32_t row = v->first_row;
    for (uint32_t i = v->start; i < v->end; i++) {
        if (t->text[i] == '\n')
            row++;
        else if (!is_blank(t->text[i]) && row >= r->first && row - r->first < r->n)
            r->code[row - r->first]--;
    }
}

static int rows_read(const struct tree *t, enum family family, uint32_t first, uint32_t last,
                     struct rows *r, struct err *e) {
    rows_place(t->text, t->size, first, last, r);
    if (r->n == 0)
        return 0;
    r->ink = calloc(r->n, sizeof *r->ink);
    r->code = calloc(r->n, sizeof *r->code);
    if (!r->ink || !r->code) {
        rows_free(r);
        return err_nomem(e, "metrics");
    }
    uint32_t row = 0;
    for (size_t i = r->start; i < r->end; i++) {
        if (t->text[i] == '\n')
            row++;
        else if (!is_blank(t->text[i]))
            r->ink[row]++;
    }
    memcpy(r->code, r->ink, r->n * sizeof *r->code);
    for (uint32_t i = 0; i < t->n && t->v[i].first_row <= last;) {
        bool is_comment = metrics_is_comment(t, family, i);
        if (is_comment)
            rows_comment(t, i, r);
        i = is_comment || t->v[i].end_row < first ? t->v[i].next : i + 1;
    }
    return 0;
}

void metrics_of_text(const char *text, size_t size, struct metrics *out) {
    bool ink = false;
    *out = (struct metrics){0};
    for (size_t i = 0; i < size; i++) {
        ink |= !is_blank(text[i]);
        if (text[i] != '\n' && i + 1 < size)
            continue;
        out->lines++;
        out->blank_lines += !ink;
        ink = false;
    }
}

/* ---- Functions ---- */

static bool push(struct walker *w, struct open open) {
    if (!array_grow((void **)&w->stack, w->depth, &w->stack_cap, sizeof *w->stack))
        return false;
    w->stack[w->depth++] = open;
    return true;
}

static const struct symbol *callable_at(struct walker *w, uint32_t node) {
    const struct symbols *s = w->s;
    while (w->symbol < s->n && s->v[w->symbol].node < node)
        w->symbol++;
    if (w->symbol == s->n || s->v[w->symbol].node != node)
        return NULL;
    const struct symbol *v = &s->v[w->symbol];
    return symbol_is_callable(v->kind) && v->body.end > v->body.start ? v : NULL;
}

/* The symbol whose value a JavaScript function is: the first one that it holds, which may stand
 * before what is walked. */
static const struct symbol *name_of_value(struct walker *w, uint32_t node) {
    const struct symbols *s = w->s;
    const struct symbol *last = NULL;
    for (; w->named < s->n && s->v[w->named].node <= node; w->named++)
        last = &s->v[w->named];
    if (!last || !symbol_is_callable(last->kind) || node >= w->t->v[last->node].next)
        return NULL;
    for (uint32_t i = last->node; i < node; i++)
        if (metrics_is_function(w->t, w->family, i))
            return NULL;
    return last;
}

/* The function that a node is: false, it is none. */
static bool function_at(struct walker *w, uint32_t node, struct metrics_function *f,
                        uint32_t *from) {
    const struct tree *t = w->t;
    const struct symbol *s = NULL;
    bool alone = metrics_is_function(t, w->family, node);
    if (w->family != FAMILY_JS)
        s = callable_at(w, node);
    else if (alone)
        s = name_of_value(w, node);
    if (!s && !alone)
        return false;
    *f = (struct metrics_function){.first_line = t->v[node].first_row + 1,
                                   .last_line = t->v[node].end_row + 1,
                                   .complexity = 1,
                                   .parameters = metrics_parameters(t, w->family, node)};
    *from = t->v[node].start;
    if (!s)
        return true;
    f->name = s->name;
    f->first_line = s->first_line;
    for (uint32_t i = s->range.start; i < s->signature.start; i++)
        f->first_line += t->text[i] == '\n';
    f->last_line = s->last_line;
    if (w->family == FAMILY_C || w->family == FAMILY_CSHARP || w->family == FAMILY_JAVA)
        *from = s->body.start;
    else if (w->family == FAMILY_PYTHON || w->family == FAMILY_PHP)
        *from = s->name.end;
    return true;
}

static bool begins_in(const struct walker *w, uint32_t line) {
    return line > w->first_row && line - 1 <= w->last_row;
}

/* The walk does not end before that node does. */
static void go_on(struct walker *w, uint32_t node) {
    if (w->t->v[node].next > w->until)
        w->until = w->t->v[node].next;
}

static int open_function(struct walker *w, uint32_t node, const struct open *around) {
    struct metrics_function f;
    uint32_t from;
    if (!function_at(w, node, &f, &from) ||
        (around->function != NO_FUNCTION && metrics_holds_inner(w->family)))
        return 0;
    if (!array_grow((void **)&w->out->v, w->out->n, &w->out_cap, sizeof *w->out->v) ||
        !push(w, (struct open){
                     .end = w->t->v[node].next, .function = (uint32_t)w->out->n, .from = from}))
        return PRECIS_ENOMEM;
    w->out->v[w->out->n++] = f;
    if (begins_in(w, f.first_line))
        go_on(w, node);
    return 0;
}

static int look_at(struct walker *w, uint32_t node) {
    const struct tree_node *v = &w->t->v[node];
    struct open here = {.function = NO_FUNCTION};
    while (w->depth && w->stack[w->depth - 1].end <= node)
        w->depth--;
    if (w->depth)
        here = w->stack[w->depth - 1];
    if (open_function(w, node, &here))
        return PRECIS_ENOMEM;
    if (w->depth)
        here = w->stack[w->depth - 1];
    if (metrics_is_level(w->t, w->family, node)) {
        here.depth++;
        here.end = v->next;
        if (!push(w, here))
            return PRECIS_ENOMEM;
    }
    if (v->first_row >= w->first_row && v->first_row <= w->last_row && here.depth > w->nesting)
        w->nesting = here.depth;
    if (here.function == NO_FUNCTION)
        return 0;
    struct metrics_function *f = &w->out->v[here.function];
    if (here.depth > f->nesting)
        f->nesting = here.depth;
    if (metrics_is_condition(w->t, node))
        w->apart = v->next;
    if (v->start >= here.from && node >= w->apart)
        f->complexity += metrics_decisions(w->t, w->family, node);
    return 0;
}

/* Functions that overlap rows first..last; those that begin there are complete. */
static int walk(const struct tree *t, const struct symbols *s, uint32_t first, uint32_t last,
                struct metrics_functions *out, uint32_t *nesting, struct err *e) {
    struct walker w = {.t = t,
                       .s = s,
                       .family = finder_family(t->lang),
                       .first_row = first,
                       .last_row = last,
                       .out = out};
    int rc = 0;
    *out = (struct metrics_functions){0};
    for (uint32_t i = 0; i < s->n; i++) /* the value may stand on a later line than the name */
        if (symbol_is_callable(s->v[i].kind) && begins_in(&w, s->v[i].first_line))
            go_on(&w, s->v[i].node);
    for (uint32_t i = 0; i < t->n && rc == 0 && (t->v[i].first_row <= last || i < w.until);) {
        bool before = t->v[i].end_row < first;
        if (!before)
            rc = look_at(&w, i);
        i = before ? t->v[i].next : i + 1;
    }
    *nesting = w.nesting;
    free(w.stack);
    if (rc == 0)
        return 0;
    metrics_functions_free(out);
    return err_nomem(e, "metrics");
}

int metrics_functions(const struct tree *t, const struct symbols *s, struct metrics_functions *out,
                      struct err *e) {
    struct rows rows = {0};
    uint32_t nesting;
    uint32_t last = t->v[0].end_row;
    int rc = walk(t, s, 0, last, out, &nesting, e);
    if (rc == 0)
        rc = rows_read(t, finder_family(t->lang), 0, last, &rows, e);
    if (rc) {
        metrics_functions_free(out);
        return rc;
    }
    for (size_t i = 0; i < out->n; i++)
        for (uint32_t row = out->v[i].first_line - 1; row < out->v[i].last_line && row < rows.n;
             row++)
            out->v[i].code_lines += row_kind(&rows, row) == LINE_CODE;
    rows_free(&rows);
    return 0;
}

static void add_saturating(uint32_t *sum, uint32_t n) {
    *sum = n > UINT32_MAX - *sum ? UINT32_MAX : *sum + n;
}

int metrics_of_range(const struct tree *t, const struct symbols *s, uint32_t first_line,
                     uint32_t last_line, struct metrics *out, struct err *e) {
    struct metrics_functions functions;
    struct rows rows = {0};
    *out = (struct metrics){0};
    if (first_line == 0 || last_line < first_line)
        return 0;
    int rc = rows_read(t, finder_family(t->lang), first_line - 1, last_line - 1, &rows, e);
    if (rc == 0)
        rc = walk(t, s, first_line - 1, last_line - 1, &functions, &out->nesting, e);
    if (rc) {
        rows_free(&rows);
        *out = (struct metrics){0};
        return rc;
    }
    out->lines = rows.n;
    for (uint32_t i = 0; i < rows.n; i++) {
        enum line_kind kind = row_kind(&rows, rows.first + i);
        out->code_lines += kind == LINE_CODE;
        out->comment_lines += kind == LINE_COMMENT;
        out->blank_lines += kind == LINE_BLANK;
    }
    for (size_t i = 0; i < functions.n; i++) {
        const struct metrics_function *f = &functions.v[i];
        if (f->first_line < first_line || f->first_line > last_line)
            continue;
        out->functions++;
        add_saturating(&out->complexity, f->complexity);
        if (f->complexity > out->max_complexity)
            out->max_complexity = f->complexity;
    }
    metrics_functions_free(&functions);
    rows_free(&rows);
    return 0;
}
