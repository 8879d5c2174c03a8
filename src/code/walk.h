/* Finds the source files below a path, in byte order of their names, the same on every machine. */
#ifndef PRECIS_CODE_WALK_H
#define PRECIS_CODE_WALK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "code/lang.h"

struct changed_file;

struct walk_options {
    bool no_gitignore;          /* do not read .gitignore, .git/info/exclude and .precisignore */
    bool all_text;              /* every text file, not only LANG_CODE */
    size_t max_file_size;       /* bytes; larger files are skipped and counted; 0: 16 MiB */
    const char *const *include; /* patterns as in .gitignore; NULL-ended; NULL: everything */
    const char *const *exclude; /* likewise; NULL: nothing */
    /* Called with the path of each folder before its entries are read, so that what it sets up
     * misses nothing of them. Not 0: the walk ends with that. May be NULL. */
    int (*on_folder)(void *user, const char *path, struct err *e);
    void *user;
};

struct walk_file {
    char *path; /* to open it: the root as given, '/', name; owned */
    char *name; /* relative to the root ("src/main.c"); the base name when the root is a file; owned
                 */
    size_t size;
    int64_t mtime_ns;
    uint64_t inode;
    const struct lang *lang; /* NULL: unknown (only with all_text, or a file named itself) */
    /* The lines that are asked about (code/changes.h); borrowed; NULL, as a walk leaves it: all. */
    const struct changed_file *changed;
};

/* Why files below the root are not in the list. Counted, never silent; a folder that is not entered
 * counts once. */
struct walk_stats {
    size_t folders; /* that were read, the root too */
    size_t ignored; /* by patterns, or as .git, .hg, .svn, .precis */
    size_t not_code, binary, generated, too_large;
    size_t unreadable; /* also broken links, and paths too long to be opened */
    size_t links_out;  /* symbolic links to outside of the root */
    size_t special;    /* FIFOs, sockets, devices */
    size_t duplicate;  /* reached by a link, but read or listed already */
};

struct walk {
    struct walk_file *files; /* owned */
    size_t n;
    struct walk_stats stats;
};

/* Walks a folder, or takes one file as it is (which must be readable text and not empty, else
 * PRECIS_EINPUT or PRECIS_EIO). Symbolic links are followed only to files and folders inside the
 * root, each real file is listed once (by its own name if that is listed; hard links are files of
 * their own), and loops end. Binary: a NUL byte in the first 8,192 bytes of a file (in a folder).
 * Generated: minified (average line over 500 bytes), or marked in its first lines ("@generated",
 * "Code generated ... DO NOT EDIT", linguist-generated style). Unreadable entries below the root
 * are counted and logged, not errors; an unreadable root is, and so is a lack of memory or of
 * descriptors, which would make files look gone. On failure *w is zeroed.
 *
 * Ignored is what .gitignore says at every level, up to the top of the git work tree that the root
 * is in, and .git/info/exclude there; .precisignore files (same syntax) come before all of these.
 * The root itself is never ignored. Include and exclude patterns are relative to the root; a file
 * is included when it or the deepest of its folders that an include pattern matches is. */
int walk_tree(const char *root, const struct walk_options *options, struct walk *w, struct err *e);
void walk_free(struct walk *w);

/* Whether this base name is never walked, whatever the ignore files say: .git, .hg, .svn, .precis.
 */
bool walk_is_private(const char *base);

#endif
