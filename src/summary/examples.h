/* Examples for prompts: documented pieces of a repository, and those of them that are nearest to a
 * piece that wants a line.
 *
 *   examples_new -> fill it -> examples_prepare -> examples_nearest (any thread) -> examples_free
 *
 * Near is: cosine + 0.15 * BM25 / (the query's best BM25), less 0.1 where one is a symbol and the
 * other is none. The cosine is of embeddings of
 * examples_key; BM25 (search/bm25.h) is over the symbol's name, weight 5, and the code. Without an
 * embedder it is BM25 alone. Key and weight were chosen by the mean cosine of the sentences that
 * are found to the author's own, over functions of 15 repositories.
 */
#ifndef PRECIS_SUMMARY_EXAMPLES_H
#define PRECIS_SUMMARY_EXAMPLES_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "base/err.h"
#include "code/symbols.h"
#include "code/walk.h"
#include "search/embed.h"

enum {
    EXAMPLES_MOST = 16384,        /* in a pool, where nothing else is asked for */
    EXAMPLES_MOST_CODE = 4096,    /* bytes of a piece that are kept */
    EXAMPLES_MOST_SENTENCE = 400, /* bytes */
    EXAMPLES_MOST_NEAREST = 16,
    EXAMPLES_MOST_COMMON = 8
};

/* Strings are NUL-terminated UTF-8 on one line, but for code, which has any bytes and lines. */
struct example {
    const char *repo;     /* of a set of many repositories; "": the only one */
    const char *path;     /* relative to the repository */
    const char *language; /* struct lang's name; "": unknown */
    const char *symbol;   /* "": the whole file */
    const char *code;     /* without its doc; its signature or its beginning will do */
    const char *sentence; /* what its author says that it does */
};

struct examples; /* a pool */

/* most: examples that are kept, 0: EXAMPLES_MOST. Of more, some are chosen evenly over the files,
 * by their content. */
int examples_new(size_t most, struct examples **out, struct err *e);
void examples_free(struct examples *x); /* NULL is fine */

/* Copies it. Code and sentence are cut to what is kept. Errors: PRECIS_ENOMEM; PRECIS_EUSAGE after
 * examples_prepare. */
int examples_add(struct examples *x, const struct example *one, struct err *e);

/* The functions and types of a parsed file, and the file itself, whose doc begins with a sentence
 * that doc_is_good. The code of the file is that of examples_file_code. */
int examples_add_symbols(struct examples *x, const char *repo, const char *path,
                         const struct tree *t, const struct symbols *s, struct err *e);

/* Appends what stands for a whole file in an example: signatures of what it defines. */
int examples_file_code(const struct tree *t, const struct symbols *s, struct buf *out,
                       struct err *e);

/* The same of all files of a walk whose language has trees. Files that cannot be read or parsed
 * have none. threads 0: one for each core. Errors: PRECIS_ENOMEM, PRECIS_ECANCELLED (stop, may be
 * NULL). What was added before stays. */
int examples_add_walk(struct examples *x, const struct walk *w, int threads,
                      const atomic_bool *stop, struct err *e);

/* JSON Lines: {"path", "language", "symbol", "code", "sentence" or "reference"}, "repo" where there
 * are several; others are passed over. symbol null or missing: the file. Blank lines are passed
 * over. Errors with path and line: PRECIS_EIO, PRECIS_EINPUT (no JSON object, a field missing or
 * of another type, a sentence or name with control characters, a line above 4 MB), PRECIS_ENOMEM.
 */
int examples_read(struct examples *x, const char *path, struct err *e);
/* The same of text in memory; path begins the messages. */
int examples_parse(struct examples *x, const char *path, const char *text, size_t size,
                   struct err *e);

/* Chooses, embeds (em is borrowed until examples_free; NULL: by words alone) and indexes. stop may
 * be NULL. Errors: the embedder's, PRECIS_ENOMEM, PRECIS_ECANCELLED. */
int examples_prepare(struct examples *x, struct embedder *em, const atomic_bool *stop,
                     struct err *e);

/* From here on nothing changes. Numbers are those of hits, in the order in which they were added.
 */
size_t examples_count(const struct examples *x);
const struct example *examples_get(const struct examples *x, size_t i); /* borrowed */

/* What is embedded: the words of the file's name and of the symbol, and the first 200 bytes of the
 * code. Check buf_failed. */
void examples_key(const char *path, const char *symbol, const char *code, struct buf *out);

struct examples_query {
    const char *repo; /* only examples of this one; NULL: of all */
    const char *path; /* examples of this file are left out */
    const char *symbol, *code;
    /* So many of the hits (at most EXAMPLES_MOST_COMMON) are the same for all queries, if they may
     * be shown: a few that stand for all of the repository's. They come last, in one order. 0:
     * none.
     */
    size_t common;
    const float *vector; /* of examples_vectors; NULL: is computed, where there is an embedder */
    /* A sentence that no hit may nearly repeat: in an evaluation that of the query, which copies of
     * its code in other files may have too. NULL: none. */
    const char *avoid;
};

/* out: [n, width] f32, of the sentences of n <= EXAMPLES_MOST_NEAREST examples. Any thread. Errors:
 * the embedder's, PRECIS_ENOMEM; PRECIS_EUSAGE: no embedder, or too many. */
int examples_sentence_vectors(const struct examples *x, const size_t *of, size_t n, float *out,
                              struct err *e);

/* Vectors of many queries, [n, width] f32, faster than one by one. PRECIS_EUSAGE: no embedder. */
int examples_vectors(const struct examples *x, const struct examples_query *queries, size_t n,
                     const struct embed_call *call, float *out, struct err *e);

struct examples_hit {
    size_t index;
    float score;  /* the sum above */
    float cosine; /* 0 without an embedder */
};

/* Up to k <= EXAMPLES_MOST_NEAREST hits, best first, ties by index, then the common ones; *n says
 * how many. None is of the query's own file, no sentence nearly repeats another's (Jaccard of words
 * >= 0.8), nor does code (of runs of 4 words >= 0.7). Errors: the embedder's, PRECIS_ENOMEM. */
int examples_nearest(const struct examples *x, const struct examples_query *q, size_t k,
                     struct examples_hit *hits, size_t *n, struct err *e);

#endif
