#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "store/store_impl.h"

/* A line of a summary of the file. */
struct piece {
    uint64_t first, last;
    size_t symbol, line; /* places in texts; SIZE_MAX: no symbol */
};

struct pieces {
    struct piece *v; /* owned */
    size_t n, cap;
    struct buf texts;
};

static size_t add_text(struct buf *b, const char *s) {
    size_t at = b->len;
    buf_append(b, s, strlen(s) + 1);
    return at;
}

static int take(void *user, const struct store_line *l, struct err *e) {
    struct pieces *p = user;
    if (!array_grow((void **)&p->v, p->n, &p->cap, sizeof *p->v))
        return err_nomem(e, "lines of a file");
    p->v[p->n++] = (struct piece){.first = l->start_line,
                                  .last = l->end_line,
                                  .symbol = l->symbol ? add_text(&p->texts, l->symbol) : SIZE_MAX,
                                  .line = add_text(&p->texts, l->line)};
    return buf_failed(&p->texts) ? err_nomem(e, "lines of a file") : 0;
}

/* The lines that two ranges have in common. */
static uint64_t overlap(const struct piece *p, uint64_t first, uint64_t last) {
    uint64_t from = p->first > first ? p->first : first, to = p->last < last ? p->last : last;
    return to >= from ? to - from + 1 : 0;
}

static bool belongs(const struct pieces *all, const struct piece *p, const char *symbol,
                    uint64_t first, uint64_t last) {
    uint64_t common = overlap(p, first, last);
    bool same = symbol && p->symbol != SIZE_MAX && strcmp(all->texts.data + p->symbol, symbol) == 0;
    return common && (same || common >= p->last - p->first + 1 - common);
}

/* The lines that belong to an entry, the one that overlaps most first. */
static void put_lines(const struct pieces *all, const char *symbol, uint64_t first, uint64_t last,
                      struct buf *out) {
    const struct piece *best = NULL;
    for (size_t i = 0; i < all->n; i++)
        if (belongs(all, &all->v[i], symbol, first, last) &&
            (!best || overlap(&all->v[i], first, last) > overlap(best, first, last)))
            best = &all->v[i];
    if (!best)
        return;
    buf_str(out, all->texts.data + best->line);
    for (size_t i = 0; i < all->n; i++)
        if (&all->v[i] != best && belongs(all, &all->v[i], symbol, first, last)) {
            buf_char(out, '\n');
            buf_str(out, all->texts.data + all->v[i].line);
        }
}

/* Entries whose lines are others than before, with these. */
struct update {
    int64_t entry;
    size_t lines; /* a place in texts */
};

struct updates {
    struct update *v; /* owned */
    size_t n, cap;
    struct buf texts;
};

static int compare(struct statement *t, const struct pieces *all, struct updates *out,
                   struct err *e) {
    struct columns c = {.t = t};
    struct buf lines = {0};
    int64_t entry = column_int(&c);
    const char *symbol = column_text_or_null(&c, TEXT_LINE);
    uint64_t first = column_count(&c), last = column_count(&c);
    const char *then = column_text(&c, TEXT_ANY);
    int rc = columns_end(&c, e);
    if (rc)
        return rc;
    put_lines(all, symbol, first, last, &lines);
    buf_str(&lines, "");
    if (buf_failed(&lines)) {
        rc = err_nomem(e, "lines of an entry");
    } else if (strcmp(lines.data, then) != 0) {
        if (array_grow((void **)&out->v, out->n, &out->cap, sizeof *out->v))
            out->v[out->n++] = (struct update){entry, add_text(&out->texts, lines.data)};
        else
            rc = err_nomem(e, "lines of an entry");
    }
    buf_free(&lines);
    return rc || !buf_failed(&out->texts) ? rc : err_nomem(e, "lines of an entry");
}

static int find_updates(struct store *s, const char *path, const struct pieces *all,
                        struct updates *out, struct err *e) {
    int rc;
    struct statement t = statement_start(s, QUERY_ENTRY_LINES, "read entries");
    statement_text(&t, path);
    while ((rc = statement_row(&t, e)) > 0)
        if ((rc = compare(&t, all, out, e)) != 0)
            break;
    statement_end(&t);
    return rc;
}

int match_file(struct store *s, const char *path, size_t *changed, struct err *e) {
    struct pieces all = {0};
    struct updates updates = {0};
    int rc = store_lines(s, path, STORE_CHUNK, 0, UINT64_MAX, take, &all, e);
    if (rc == 0)
        rc = find_updates(s, path, &all, &updates, e);
    for (size_t i = 0; rc == 0 && i < updates.n; i++) {
        struct statement t = statement_start(s, QUERY_PUT_SUMMARIES, "put lines of an entry");
        statement_text(&t, updates.texts.data + updates.v[i].lines);
        statement_int(&t, updates.v[i].entry);
        rc = statement_run(&t, NULL, e);
        *changed += rc == 0;
    }
    free(all.v);
    buf_free(&all.texts);
    free(updates.v);
    buf_free(&updates.texts);
    return rc;
}
