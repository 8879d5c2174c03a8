/* Inside of a pool of examples, for the files that fill it and search it. */
#ifndef PRECIS_SUMMARY_EXAMPLES_POOL_H
#define PRECIS_SUMMARY_EXAMPLES_POOL_H

#include "search/bm25.h"
#include "summary/examples.h"

struct examples_item {
    struct example x; /* its strings lie in `block` */
    char *block;      /* owned */
    uint64_t file;    /* hash of repo and path */
    uint64_t content; /* hash of all of it */
    size_t number;    /* in the order of adding */
    size_t rank;      /* among those of its file, by content */
};

/* Of a repository, in the order in which they go before a prompt. */
struct examples_common {
    const char *repo; /* of one of them */
    size_t v[EXAMPLES_MOST_COMMON], n;
};

struct examples {
    struct examples_item *v; /* owned */
    size_t n, cap, most;
    size_t added;
    bool prepared;
    struct embedder *em;                  /* borrowed; NULL: by words alone */
    size_t width;                         /* 0 without an embedder */
    float *vectors;                       /* [n, width] of the keys */
    struct examples_sentences *sentences; /* owned; NULL without an embedder */
    struct bm25 *words;
    struct examples_common *common; /* [n_common], owned */
    size_t n_common, cap_common;
};

enum { EXAMPLES_NAME_WEIGHT = 5 }; /* of the symbol's name; the code's is 1 */

/* Sets x->sentences, as large as the pool is by now. PRECIS_ENOMEM. */
int examples_sentences_open(struct examples *x, struct err *e);
void examples_sentences_free(struct examples_sentences *s); /* NULL is fine */

/* The fields of BM25: of an example, and of a query. */
void examples_fields(const char *symbol, const char *code, struct bm25_field fields[2]);

uint64_t examples_file_hash(const char *repo, const char *path);

/* struct examples_item: the first of each file, then the second of each, in the order of hashes. */
int examples_by_rank(const void *a, const void *b);

/* Fills x->common in; the vectors are there. */
int examples_choose_common(struct examples *x, struct err *e);
/* NULL: it has none. repo NULL: that of a pool of one. */
const struct examples_common *examples_common_of(const struct examples *x, const char *repo);

#endif
