/* The index of a store: what can be searched for, entry by entry.
 *
 * An entry is a piece of a file that stands for itself: a function, a method, a type, or lines
 * between them (index/cut.h says which). Its words are searched through SQLite's FTS5, with the
 * words of search/words.h and FTS5's own Porter stemmer. Its vector is kept apart from it, under a
 * hash of the text that was embedded and the revision of the encoder, so that no text is embedded
 * twice; vectors that no entry refers to any more stay until there are more of them than others.
 *
 * A file enters with all its entries or not at all. What the index knows of a file (store_indexed)
 * is of its own: lines of summaries may be of a newer text of the file.
 *
 * Errors are those of store.h. */
#ifndef PRECIS_STORE_ENTRIES_H
#define PRECIS_STORE_ENTRIES_H

#include "base/buf.h"
#include "store/store.h"

enum { STORE_VECTOR_MOST = 8192 /* numbers in a vector */ };

/* ---- What is in it ---- */

struct store_index {
    int64_t files, entries;
    int64_t embedder;     /* whose vectors are searched (store_embedder); 0: none */
    const char *revision; /* of the embedder; "" : none; until the next call on s */
    const char *name;     /* what --embedding-model said; likewise */
    uint64_t width;       /* of its vectors */
};

/* PRECIS_ENOTFOUND: nothing was ever indexed. */
int store_index(struct store *s, struct store_index *out, struct err *e);

/* What the index knows of a file. */
struct store_indexed {
    struct store_file file;            /* as it was seen last */
    uint8_t entered[HASH_SHA256_SIZE]; /* of the bytes that its entries were cut from */
    int64_t cut;                       /* the version of the cutting */
    bool complete;                     /* its entries have vectors of the encoder asked for */
};

/* Every indexed file of a path and below it ("": all), in byte order of their paths; strings live
 * until `each` returns, which must not write. embedder 0: all are complete. */
int store_each_indexed(struct store *s, const char *path, int64_t embedder,
                       int (*each)(void *user, const struct store_indexed *f, struct err *e),
                       void *user, struct err *e);

/* ---- Writing: within store_begin .. store_commit ---- */

/* The number of an encoder, which is put when it is not there, and whose vectors are searched from
 * now on. name: what a user calls it. */
int store_embedder(struct store *s, const char *revision, const char *name, uint64_t width,
                   int64_t *id, struct err *e);

struct store_entry {
    const char *kind;   /* "function", "struct", ..., "lines" */
    const char *symbol; /* NULL: none */
    uint64_t start_line, end_line;
    uint8_t text[HASH_SHA256_SIZE]; /* of what was embedded */
    const char *body; /* what is searched and shown: valid UTF-8 without the marks below and NUL */
    size_t body_len;
};

/* Puts the file (as store_put_file), and these entries instead of those that it had. ids: [n], the
 * numbers of the entries, which are never used again; or NULL. */
int store_put_entries(struct store *s, const struct store_indexed *f,
                      const struct store_entry *entries, size_t n, int64_t *ids, struct err *e);
/* The file leaves the index, and the store where it has no lines of summaries. Fine when it is not
 * there. */
int store_remove_indexed(struct store *s, const char *path, struct err *e);

/* A vector as it is kept: v[i] * scale, with |v[i]| <= 127. */
struct store_vector {
    uint8_t text[HASH_SHA256_SIZE];
    double scale;
    const int8_t *v;
    size_t width;
};
/* Unless there is one for this text and encoder. */
int store_put_vector(struct store *s, int64_t embedder, const struct store_vector *v,
                     struct err *e);
/* Drops vectors without entries, if they are more than those with. Says how many. */
int store_drop_vectors(struct store *s, int64_t *dropped, struct err *e);

/* Brings the lines of summaries that the index has up to date with the active ones: to an entry
 * belong the lines of chunks that have its symbol and overlap it, or of whose lines it has at least
 * half; the one that overlaps most comes first. Begins a transaction of its own. *changed: entries
 * with other lines than before. Quick when no run, pin or entry came since the last time. */
int store_match_summaries(struct store *s, size_t *changed, struct err *e);

/* A side file of vectors is about to be made from what store_each_vector gives, if this encoder's
 * are searched (PRECIS_ENOTFOUND): generation, which no other has, names it. No entry is stale. */
int store_new_side_file(struct store *s, int64_t embedder, uint8_t generation[HASH_SHA256_SIZE],
                        struct err *e);

/* ---- Reading ---- */

/* The generation of the side file that was made last, and how many entries are stale: came, left,
 * or had their vector put since. PRECIS_ENOTFOUND: none was made since this encoder's vectors are
 * searched. */
int store_side_file(struct store *s, int64_t embedder, uint8_t generation[HASH_SHA256_SIZE],
                    size_t *stale, struct err *e);

/* Every stale entry, by ascending number, with its vector as it is now; v: [width], NULL: it has
 * none (any more). */
int store_each_stale(struct store *s, int64_t embedder, size_t width,
                     int (*each)(void *user, int64_t entry, const float *v, struct err *e),
                     void *user, struct err *e);

/* Copies the vector of a text to out: [width] f32. PRECIS_ENOTFOUND: none. */
int store_find_vector(struct store *s, int64_t embedder, const uint8_t text[HASH_SHA256_SIZE],
                      float *out, size_t width, struct err *e);

/* The vectors of all entries of an encoder, by ascending number of the entry; v: [width]. */
int store_each_vector(struct store *s, int64_t embedder, size_t width,
                      int (*each)(void *user, int64_t entry, const float *v, struct err *e),
                      void *user, struct err *e);

/* How much a word counts by where it stands. */
struct store_weights {
    double symbol, path, summary, body;
};

struct store_hit {
    int64_t entry;
    double score; /* BM25 (FTS5's), higher is better */
};

/* The most best entries that match an expression of FTS5, best first, ties by number. hits: [most];
 * allowed: NULL, or [n_allowed] the only entries wanted, ascending. *n: how many there are. */
int store_match(struct store *s, const char *expression, const struct store_weights *w,
                const int64_t *allowed, size_t n_allowed, struct store_hit *hits, size_t most,
                size_t *n, struct err *e);

/* An entry with its place. */
struct store_found {
    int64_t entry;
    const char *path, *language; /* language NULL: unknown */
    struct store_entry e;
    const char *summary; /* NULL: none */
};

/* PRECIS_ENOTFOUND: no such entry (any more). */
int store_entry(struct store *s, int64_t entry,
                int (*each)(void *user, const struct store_found *f, struct err *e), void *user,
                struct err *e);

enum { STORE_MARK_BEGIN = 1, STORE_MARK_END = 2 };

/* Appends the entry's body with these bytes around words that match an expression of FTS5; nothing
 * when none does, or there is no such entry. */
int store_marked(struct store *s, int64_t entry, const char *expression, struct buf *out,
                 struct err *e);

/* The numbers of the entries whose file `wanted` says yes to, ascending; the caller's. */
int store_entries_where(struct store *s,
                        bool (*wanted)(void *user, const char *path, const char *language),
                        void *user, int64_t **ids, size_t *n, struct err *e);

#endif
