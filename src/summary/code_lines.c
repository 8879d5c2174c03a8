#include "summary/code_lines.h"

#include <stdbool.h>
#include <stdlib.h>

static bool is_comment(uint16_t type) {
    return type == T_comment || type == T_line_comment || type == T_block_comment;
}

/* Inserted by the parser, or the end of a line that ends a statement. */
static bool is_blank(const struct tree *t, const struct tree_node *v) {
    return v->end <= v->start || (v->end == v->start + 1 && (uint8_t)t->text[v->start] <= ' ');
}

static void mark(struct code_lines *c, const struct tree_node *v) {
    uint32_t from = v->first_row + 1 > c->first ? v->first_row + 1 : c->first;
    uint32_t to = v->end_row + 1 < c->last ? v->end_row + 1 : c->last;
    for (uint32_t line = from; line <= to; line++)
        c->before[line - c->first + 1] = 1;
}

int code_lines_find(const struct tree *t, uint64_t first, uint64_t last, struct code_lines *out,
                    struct err *e) {
    uint32_t rows = t->v[0].end_row + 1;
    *out = (struct code_lines){.first = 1};
    if (first < 1 || first > rows || last < first)
        return 0;
    out->first = (uint32_t)first;
    out->last = last < rows ? (uint32_t)last : rows;
    out->before = calloc((size_t)(out->last - out->first) + 2, sizeof *out->before);
    if (!out->before) {
        *out = (struct code_lines){0};
        return err_nomem(e, "lines of code");
    }
    for (uint32_t i = 0; i < t->n;) {
        const struct tree_node *v = &t->v[i];
        bool inside = v->end_row + 1 >= out->first && v->first_row + 1 <= out->last;
        if (!inside || is_comment(v->type)) {
            i = v->next;
            continue;
        }
        if (v->next == i + 1 && !is_blank(t, v))
            mark(out, v);
        i++;
    }
    for (uint32_t i = 1; i <= out->last - out->first + 1; i++)
        out->before[i] += out->before[i - 1];
    return 0;
}

void code_lines_free(struct code_lines *c) {
    free(c->before);
    *c = (struct code_lines){0};
}

uint32_t code_lines_count(const struct code_lines *c, uint32_t first, uint32_t last) {
    first = first > c->first ? first : c->first;
    last = last < c->last ? last : c->last;
    return first > last || !c->before
               ? 0
               : c->before[last - c->first + 1] - c->before[first - c->first];
}
