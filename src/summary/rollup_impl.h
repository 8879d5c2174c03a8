/* The tree of lines, and how one level of it is made. */
#ifndef PRECIS_SUMMARY_ROLLUP_IMPL_H
#define PRECIS_SUMMARY_ROLLUP_IMPL_H

#include <stdint.h>

#include "summary/folders.h"
#include "summary/known.h"
#include "summary/rollup.h"

#define ROLLUP_NONE SIZE_MAX

/* A chunk, a file, a folder or the whole. Others are named by their index, or ROLLUP_NONE. */
struct rollup_node {
    enum summary_level level;
    const char *path; /* borrowed: of a file from the run, of a folder from the folders */
    const struct lang *lang;
    uint64_t start_line, end_line;
    char *symbol; /* owned; NULL: none */
    char *line;   /* owned; NULL: none */
    bool partial; /* of a file: a chunk was left out, so that nothing can be said of all of it */
    double confidence;
    char source[KNOWN_SOURCE_SIZE];
    size_t first, last, next; /* children, in order, and the sibling after it */
};

struct rollup {
    struct rollup_node *nodes; /* owned */
    size_t n, cap;
    size_t file, n_files; /* the one that chunks are added to; those that can have a line */
    struct folders folders;
};

/* Makes and delivers the lines of n nodes, none of which is a part of another; `before` others went
 * before. *over: the run was stopped. */
int rollup_level(struct rollup *r, const struct rollup_work *w, const size_t *nodes, size_t n,
                 size_t before, bool *over, struct err *e);

#endif
