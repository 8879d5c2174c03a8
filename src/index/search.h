/* Finds entries of the index by words and by meaning.
 *
 * The lexical score of an entry is FTS5's BM25 (k1 1.2, b 0.75), a word in the symbol counting 8
 * times, in the path and in a summary twice. Its other score is the cosine of its vector to the
 * query's. Hybrid search adds half of b / (b + 20) and half of the cosine; docs/search.md has what
 * this was chosen by. Entries come from the best 1,000 by words and the best 200 by vector. */
#ifndef PRECIS_INDEX_SEARCH_H
#define PRECIS_INDEX_SEARCH_H

#include "search/embed.h"
#include "store/entries.h"

enum index_mode { INDEX_HYBRID, INDEX_BM25, INDEX_VECTOR };

struct index_query {
    const char *text;
    enum index_mode mode;
    size_t k;
    const char *language; /* NULL: any */
    const char *below;    /* the path of a file or folder as the store has it; NULL: any */
    /* A pattern as in .gitignore (without "!"): of the file or of a folder around it. NULL: any. */
    const char *path;
    double threshold; /* the least score, 0 to 1 */
};

struct index_hit {
    int64_t entry;
    double score;  /* 0 to 1; of its mode: b / (b + 20), the cosine (negative ones as 0), or both */
    double bm25;   /* b; 0: no word, or not looked for */
    double cosine; /* 0: not looked for, or no vector */
    char *path, *kind;
    char *language, *symbol, *summary; /* NULL: unknown, none, none */
    uint64_t start_line, end_line;
    char *body; /* the n-th line of it is the n-th of the range; matching words are marked, see
                   store_marked */
};

struct index_hits {
    struct index_hit *v; /* owned */
    size_t n;
};
void index_hits_free(struct index_hits *h); /* safe on a zeroed one; leaves it zeroed */

struct index_search;

/* Both are borrowed until index_search_close. em NULL: there are no vectors. It must be the encoder
 * of the index (PRECIS_EUSAGE). PRECIS_ENOTFOUND: nothing is indexed. */
int index_search_open(struct store *s, struct embedder *em, struct index_search **out,
                      struct err *e);
void index_search_close(struct index_search *x); /* NULL is fine */

/* Best first. None: *out has n 0. Errors: PRECIS_EUSAGE (vectors are asked for and there are none;
 * no words), the encoder's and the store's. */
int index_find(struct index_search *x, const struct index_query *q, struct index_hits *out,
               struct err *e);

/* Lines of a hit that a person is shown. */
struct index_line {
    uint64_t number;
    const char *text; /* in body; ends before '\n' */
    size_t len;
};
enum { INDEX_LINES_MOST = 16 };
/* The lines with most marks, in their order; without any the first ones that are not blank. out:
 * [most], of which no more than INDEX_LINES_MOST are used. Returns how many. */
size_t index_hit_lines(const struct index_hit *h, struct index_line *out, size_t most);

#endif
