/* What an evaluation is made of: items of code with a human's sentence, and what a system said of
 * them. Both come as JSON Lines; empty lines are passed over.
 *
 *   items:       {"id", "repo", "language", "path", "kind", "code", "reference",
 *                 "symbol"?: string or null, "start_line"?, "end_line"?, ...}
 *   corpus:      items whose reference may be missing
 *   queries:     {"id", "query"}, where the id is that of the one item to be found
 *   predictions: {"id", "summary", "confidence"?: 0..1, "grounded"?: bool, ...}
 *
 * Other members are ignored. Errors name the file, the line and the member: PRECIS_EINPUT (not
 * JSON, not UTF-8, U+0000 in a string, a member missing or of another type or out of its range, an
 * empty reference, an id twice), PRECIS_ELIMIT, PRECIS_ENOMEM. */
#ifndef PRECIS_EVAL_ITEMS_H
#define PRECIS_EVAL_ITEMS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

enum {
    EVAL_MOST_ITEMS = 1000000,
    EVAL_MOST_TEXT = 1 << 16, /* bytes of a reference or a summary */
    EVAL_MOST_CODE = 1 << 24,
    EVAL_MOST_LINE = 1 << 27 /* bytes of a line of JSON */
};

struct eval_item {
    char *id, *repo, *language, *path, *kind, *code, *reference; /* owned, NUL-terminated */
    char *symbol;              /* owned; NULL: none; likewise the reference of a corpus */
    long start_line, end_line; /* 0: not said */
    size_t line;               /* where it stands in the file */
};

struct eval_items {
    struct eval_item *v; /* owned, in the order of the file */
    size_t n, cap;
    size_t *by_id; /* owned, [n]: indices in the order of ids */
};

enum eval_grounded { EVAL_GROUNDED_UNKNOWN, EVAL_GROUNDED_NO, EVAL_GROUNDED_YES };

struct eval_prediction {
    double
        *features; /* owned, [JUDGE_FEATURES] of the line taken (summary/judge.h); NULL: unknown */
    char *summary; /* owned; NULL: there is none for this item */
    double confidence; /* NaN: not said */
    enum eval_grounded grounded;
};

/* Parallel to the items: v[i] is what was said of item i. */
struct eval_predictions {
    struct eval_prediction *v; /* owned, [n] */
    size_t n;
    size_t strangers; /* lines of the file whose id no item has */
};

/* name: of the file, for messages. On failure *out is zeroed. */
int eval_items_read(const char *name, const char *text, size_t len, struct eval_items *out,
                    struct err *e);
int eval_corpus_read(const char *name, const char *text, size_t len, struct eval_items *out,
                     struct err *e);
void eval_items_free(struct eval_items *items); /* safe on zeroed ones; leaves them zeroed */
/* The index of an id's item, or items->n. */
size_t eval_items_find(const struct eval_items *items, const char *id);

struct eval_query {
    char *query; /* owned */
    size_t item; /* in the corpus */
};

struct eval_queries {
    struct eval_query *v; /* owned, in the order of the file */
    size_t n, cap;
};

/* PRECIS_EINPUT also when the corpus lacks an id. On failure *out is zeroed. */
int eval_queries_read(const char *name, const char *text, size_t len,
                      const struct eval_items *corpus, struct eval_queries *out, struct err *e);
void eval_queries_free(struct eval_queries *q); /* safe on zeroed ones; leaves them zeroed */

int eval_predictions_read(const char *name, const char *text, size_t len,
                          const struct eval_items *items, struct eval_predictions *out,
                          struct err *e);
/* None yet for any of n items. Errors: PRECIS_ENOMEM. */
int eval_predictions_make(size_t n, struct eval_predictions *out, struct err *e);
void eval_predictions_free(struct eval_predictions *p); /* safe on zeroed ones; leaves them so */

#endif
