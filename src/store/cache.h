/* The store as a cache: what is in it, what nobody needs any more, and lines of other stores.
 * Errors: as in store/store.h. */
#ifndef PRECIS_STORE_CACHE_H
#define PRECIS_STORE_CACHE_H

#include "store/store.h"

struct store_stats {
    uint64_t lines, places, files; /* files and folders that have a line */
    uint64_t unanswered;           /* questions that the model had no line for */
    uint64_t runs, bytes;          /* bytes: of the file */
    int64_t first_at, last_at;     /* Unix time of the oldest and the newest line; 0: none */
};

int store_stats(struct store *s, struct store_stats *out, struct err *e);

/* How many lines are of each source, in byte order of its name. */
int store_sources(struct store *s,
                  int (*each)(void *user, const char *source, uint64_t lines, struct err *e),
                  void *user, struct err *e);

/* Whether there is no file or folder any more where the store's path says. One that it may know by
 * another name than the disk (a name that is no UTF-8) is not gone. */
int store_gone(const struct store *s, const char *path, bool *gone, struct err *e);

struct store_gc {
    int64_t before; /* Unix time: what no run since has seen goes */
    bool gone;      /* and at once what belongs to a file or folder that is not there any more */
    bool dry_run;   /* nothing goes, it is only counted */
};

struct store_freed {
    uint64_t lines, places, unanswered;
    uint64_t bytes_before, bytes_after; /* of the file */
};

/* Removes in one transaction what the options say (lines at their places, notes of files that were
 * done and of no answer) and all that was there for its sake, then gives the room back to the disk.
 * Lines that people rated stay, those of the pinned revision, and those of runs that began within a
 * day and have not ended. A path with U+FFFD in it is taken to be there: its file has another name,
 * which is no UTF-8. */
int store_gc(struct store *s, const struct store_gc *options, struct store_freed *out,
             struct err *e);

/* All lines at all their places, active or not, in byte order of paths, then by level, place and
 * key; but not where a renamed file keeps lines, whose keys are of the path before. */
int store_each_place(struct store *s, store_each *each, void *user, struct err *e);

/* Puts a line of another store, whose key the caller has checked, unless one has its key. It is
 * found by its key, and active at its place once a run has seen it there. */
int store_import(struct store *s, int64_t run, const struct store_line *line, bool *added,
                 struct err *e);

#endif
