/* A run's lines in the store: what keep.c, which writes, shares with keep_find.c, which reads. */
#ifndef PRECIS_CLI_KEEP_IMPL_H
#define PRECIS_CLI_KEEP_IMPL_H

#include "base/buf.h"
#include "base/hash.h"
#include "cli/keep.h"

/* A chunk whose line, or that it has none, is in the store and final. */
struct done {
    uint64_t first_line;
    uint8_t key[HASH_SHA256_SIZE];
};

enum file_state { FILE_NEW, FILE_KEPT, FILE_CHANGED };

struct kept_file {
    char *shown; /* as reports show it; owned */
    const struct walk_file *file;
    enum file_state state;
    char *name;                 /* in the store; owned */
    size_t batch;               /* the transaction that noted it */
    uint64_t lines, lines_done; /* of the file; in: */
    struct done *done;          /* owned; freed when it is all of the file */
    size_t n_done, cap_done;
};

/* What is asked by the run's reading thread: nothing in it is the caller's thread's too. */
struct lookup {
    struct store *store;          /* NULL: nothing is known */
    const struct kept_file *file; /* asked for last; its name in the store: */
    char *name;
    bool looked; /* for what it was called before, likewise: */
    char **before;
    size_t n_before, cap_before;
};

struct keep {
    struct store *store;
    int64_t run;
    struct store_origin made;
    const char *judged_by; /* borrowed */
    struct buf parameters;
    struct kept_file *files; /* owned, in the order of what is shown */
    size_t n;
    const char *whole;     /* the folder that the run is over; NULL: none, or several; borrowed */
    size_t lost;           /* lines that were not kept */
    size_t batch, pending; /* transactions so far; known lines in the one that is open */
    bool open;             /* a transaction is */
    bool broken;           /* the store failed: no more is tried */
    bool look;             /* lines may be read back */
    bool refresh;          /* but not those of chunks */
    const struct asked *asked; /* borrowed; NULL: neither model nor files that are done are noted */
    struct lookup lookup;
};

/* ---- keep_key.c: what things of the run are called and found by in the store ---- */

int keep_by_shown(const void *a, const void *b); /* order of struct kept_file */
struct kept_file *keep_find_file(const struct keep *k, const char *shown); /* NULL: none */

/* What the store calls a folder of the run; the caller's, NULL: nothing. The whole of a run is a
 * folder to the store, or its whole where it is the root; a run over files, or over several paths,
 * is the whole of nothing. */
int keep_folder_name(const struct keep *k, const struct summary *s, char **name, struct err *e);
/* Another path as the store has it, from how this run shows it, and the other way round: told by
 * the two names of a file of the run. A path that is elsewhere is shown as the store has it. out is
 * the caller's. */
int keep_stored(const char *name, const char *shown, const char *other, struct buf *out,
                struct err *e);
const char *keep_shown(const char *name, const char *shown, const char *other); /* borrows */
/* Whether names in the store are those shown with something before them; how long that is. */
bool keep_prefix(const char *name, const char *shown, size_t *n);

enum store_level keep_level(const char *path, const struct summary *s);

/* What a line is found by. */
struct line_key {
    uint8_t text[HASH_SHA256_SIZE], key[HASH_SHA256_SIZE];
    uint8_t context[HASH_SHA256_SIZE];
    bool has_context; /* it is filled in */
};

/* ---- keep_renamed.c ---- */

/* Fills in *out with the line that the file had under another path; `name` is its own in the store.
 * Whether there is one. An error is the store's. */
bool keep_find_renamed(struct keep *k, const struct kept_file *f, const char *name,
                       const struct summary *about, struct known_line *out, struct err *e);
void keep_forget_renamed(struct lookup *l); /* before another file is asked for */
/* store_each of one line, into the struct known_line that is user. */
int keep_take_line(void *user, const struct store_line *l, struct err *e);

/* ---- */

/* The key of a line of s of that source, whose place the store calls `path`. */
int keep_key(const struct keep *k, const char *path, const struct summary *s, const char *source,
             struct line_key *out, struct err *e);

/* What the lines of a file are noted under: what was asked, and what of the prompt is neither in it
 * nor in the file. */
int keep_how(const struct keep *k, const struct kept_file *f, uint8_t how[HASH_SHA256_SIZE],
             struct err *e);

#endif
