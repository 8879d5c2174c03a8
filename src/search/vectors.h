/* Nearest neighbours by cosine among many vectors: a matrix in a side file, a graph over it for
 * large ones, and an overlay in memory for what has changed since.
 *
 *   vectors_writer_new -> _add (rows by ascending id) -> _commit      makes the file of a matrix
 *   vectors_open -> vectors_search (any thread) -> vectors_close
 *   vectors_graph_write, vectors_graph_open                           when VECTORS_GRAPH_ROWS or
 * more vectors_overlay_new -> _put, _remove -> vectors_search            one changed file
 *
 * Both files are derived: they hold nothing that their caller could not make again. Each carries
 * its caller's `generation`, 32 bytes that say from which state of a database it was made (a
 * SHA-256, or any other value that differs when the state does), and checksums. A file that is
 * missing, of another generation or version, damaged or foreign is PRECIS_ENOTFOUND with a line
 * that says which: make it again. Files are replaced as a whole; an open matrix goes on reading the
 * old one.
 *
 * Vectors are normalised here, rows and queries alike, so scores are cosines. A row is kept as
 * 16-bit fixed point with a scale of its own; a row's loss is the length of what rounding took off
 * it: about 4e-5 in 384 dimensions, and no score is further than that from its f32 value. Scores
 * are sums of integers, so they do not depend on the instruction set, on threads or on what else is
 * searched. A vector of zeros scores 0 everywhere. */
#ifndef PRECIS_SEARCH_VECTORS_H
#define PRECIS_SEARCH_VECTORS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

enum {
    VECTORS_GENERATION_SIZE = 32,
    VECTORS_MOST_WIDTH = 8192,
    VECTORS_MOST_K = 10000,
    /* With so many rows a graph is worth its making: comparing them all takes 5 ms on one core of a
     * Zen 4 in 384 dimensions (`precis bench search --vectors 200000 --graph never`: 5.2 ms;
     * 100,000: 2.7 ms; by a graph 0.6 ms of a million), and a graph takes about 0.3 ms a row to
     * make. */
    VECTORS_GRAPH_ROWS = 200000
};

/* ---- Making a matrix ---- */

struct vectors_writer;

/* Begins a file that takes `path` (and replaces what has it) on commit. generation:
 * [VECTORS_GENERATION_SIZE], copied. Memory is that of 1,024
 * rows whatever is added. Errors: PRECIS_EUSAGE (width 0 or beyond VECTORS_MOST_WIDTH), PRECIS_EIO,
 * PRECIS_ENOMEM. */
int vectors_writer_new(const char *path, size_t width, const uint8_t *generation,
                       struct vectors_writer **out, struct err *e);
/* v: [width], copied. Errors: PRECIS_EUSAGE (id not above the one before), PRECIS_EINPUT (not
 * finite), PRECIS_ELIMIT (2^32 - 1 rows), PRECIS_EIO. After one commit fails with it as well. */
int vectors_writer_add(struct vectors_writer *w, int64_t id, const float *v, struct err *e);
/* Syncs and renames. w is freed either way; on failure nothing of the new file remains. No rows are
 * fine. */
int vectors_writer_commit(struct vectors_writer *w, struct err *e);
void vectors_writer_free(struct vectors_writer *w); /* drops the file; NULL is fine */

/* ---- A matrix ---- */

struct vectors; /* immutable, but for vectors_graph_open */

/* Maps and verifies a file, with so many threads (0: one for each core). Errors: PRECIS_ENOTFOUND
 * (make it again), PRECIS_EIO, PRECIS_ENOMEM, PRECIS_EUSAGE (PRECIS_ISA). */
int vectors_open(const char *path, const uint8_t *generation, int threads, struct vectors **out,
                 struct err *e);
void vectors_close(struct vectors *m); /* and its graph; no call may be under way; NULL is fine */

size_t vectors_width(const struct vectors *m);
size_t vectors_count(const struct vectors *m);                       /* rows */
int64_t vectors_id(const struct vectors *m, size_t row);             /* ascending */
bool vectors_find(const struct vectors *m, int64_t id, size_t *row); /* whether it has this id */
/* A row as it is kept, of length 1 or all zeros: out [width]. */
void vectors_row(const struct vectors *m, size_t row, float *out);

/* ---- A graph ---- */

/* Makes the graph of a matrix (HNSW: Malkov and Yashunin 2018, by hnswlib) and writes it beside it,
 * with the matrix's generation. threads 0: one for each core. With one thread the bytes follow from
 * the matrix; with several they depend on how the threads took turns, and with them which of the
 * neighbours that a graph misses are missed. Errors: PRECIS_EUNSUPPORTED (built without hnswlib),
 * PRECIS_EIO, PRECIS_ENOMEM, PRECIS_ECANCELLED (stop, unless NULL, returned true; it is asked from
 * the threads). */
int vectors_graph_write(const struct vectors *m, const char *path, int threads,
                        bool (*stop)(void *user), void *user, struct err *e);
/* Gives the matrix its graph; not while it is searched. Errors: PRECIS_ENOTFOUND (make it again;
 * also when it belongs to another matrix), PRECIS_EUNSUPPORTED, PRECIS_EIO, PRECIS_ENOMEM. On
 * failure the matrix is as it was: it is scanned. */
int vectors_graph_open(struct vectors *m, const char *path, struct err *e);
bool vectors_graph_supported(void);              /* whether this build has hnswlib */
bool vectors_has_graph(const struct vectors *m); /* whether one is open */

/* ---- What changed since ---- */

/* Rows in memory that are searched with a matrix, and rows of the matrix that are hidden. Its
 * functions that change it and searches that use it must not run at the same time. */
struct vectors_overlay;

/* m: borrowed, must outlive it. NULL: there is no matrix, and width says how wide vectors are. */
int vectors_overlay_new(const struct vectors *m, size_t width, struct vectors_overlay **out,
                        struct err *e);
void vectors_overlay_free(struct vectors_overlay *o); /* NULL is fine */
/* Adds a row, or replaces the one with this id here or in the matrix. v: [width]. Ids may come in
 * any order. Errors: PRECIS_EINPUT (not finite), PRECIS_ENOMEM. */
int vectors_overlay_put(struct vectors_overlay *o, int64_t id, const float *v, struct err *e);
/* Removes the row with this id here and in the matrix; fine when neither has it. Errors:
 * PRECIS_ENOMEM. */
int vectors_overlay_remove(struct vectors_overlay *o, int64_t id, struct err *e);

/* ---- Searching ---- */

struct vectors_query {
    const float *v; /* [width] */
    size_t k;       /* 1 .. VECTORS_MOST_K */
    /* Not NULL: of rows with these ids only, ascending (none: no hits). They are scanned. */
    const int64_t *only;
    size_t n_only;
    bool exact;  /* scan although there is a graph */
    int threads; /* that a scan may be split over, where that pays; 0 or 1: the caller's alone */
};

struct vectors_hit {
    int64_t id;
    float score; /* cosine */
};

/* The k best rows of m (NULL: none) and the overlay (NULL: none), best first, ties by id; *n is
 * fewer than k when there are fewer. hits: [k]. Without a graph, and with `only` or `exact`, these
 * are the rows that comparing all gives; by the graph some may be missing (recall at 10 is in
 * ARCHITECTURE.md). The overlay's rows are always compared. Errors: PRECIS_EUSAGE (k; the overlay
 * belongs to another matrix; `only` does not ascend), PRECIS_EINPUT (the query is not finite),
 * PRECIS_ENOMEM. */
int vectors_search(const struct vectors *m, const struct vectors_overlay *overlay,
                   const struct vectors_query *query, struct vectors_hit *hits, size_t *n,
                   struct err *e);

#endif
