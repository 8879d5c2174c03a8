#include <stdlib.h>
#include <string.h>

#include "index/search.h"

void index_hits_free(struct index_hits *h) {
    for (size_t i = 0; i < h->n; i++) {
        free(h->v[i].path);
        free(h->v[i].kind);
        free(h->v[i].language);
        free(h->v[i].symbol);
        free(h->v[i].summary);
        free(h->v[i].body);
    }
    free(h->v);
    *h = (struct index_hits){0};
}

static size_t marks_in(const char *s, size_t n) {
    size_t marks = 0;
    for (size_t i = 0; i < n; i++)
        marks += s[i] == STORE_MARK_BEGIN;
    return marks;
}

static bool is_blank(const char *s, size_t n) {
    for (size_t i = 0; i < n; i++)
        if (s[i] != ' ' && s[i] != '\t')
            return false;
    return true;
}

static int by_marks(const void *a, const void *b) {
    const struct index_line *x = a, *y = b;
    size_t of_x = marks_in(x->text, x->len), of_y = marks_in(y->text, y->len);
    if (of_x != of_y)
        return of_x > of_y ? -1 : 1;
    return (x->number > y->number) - (x->number < y->number);
}

static int by_number(const void *a, const void *b) {
    const struct index_line *x = a, *y = b;
    return (x->number > y->number) - (x->number < y->number);
}

/* Keeps the best of those that are there and one more. */
static size_t keep(struct index_line *v, size_t n, size_t most, const struct index_line *l) {
    v[n++] = *l;
    qsort(v, n, sizeof *v, by_marks);
    return n < most ? n : most;
}

size_t index_hit_lines(const struct index_hit *h, struct index_line *out, size_t most) {
    struct index_line best[INDEX_LINES_MOST + 1];
    size_t n = 0;
    if (most > INDEX_LINES_MOST)
        most = INDEX_LINES_MOST;
    bool marked = strchr(h->body, STORE_MARK_BEGIN);
    struct index_line l = {.number = h->start_line, .text = h->body};
    for (;; l.number++) {
        l.len = strcspn(l.text, "\n");
        bool wanted = marked ? marks_in(l.text, l.len) > 0 : !is_blank(l.text, l.len);
        if (wanted && most)
            n = keep(best, n, most, &l);
        if (!l.text[l.len])
            break;
        l.text += l.len + 1;
    }
    qsort(best, n, sizeof *best, by_number);
    memcpy(out, best, n * sizeof *best);
    return n;
}
