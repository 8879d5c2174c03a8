/* The ignore files that hold at each folder of a walk, and what they say together. */
#ifndef PRECIS_CODE_RULES_H
#define PRECIS_CODE_RULES_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "base/err.h"
#include "code/ignore.h"

/* A folder with ignore files, in a chain that leads to the root of the repository. */
struct rules_node {
    const struct rules_node *parent;
    struct rules_node *next_owned;
    size_t offset;               /* where paths relative to this folder begin in a full path */
    struct ignore *git, *precis; /* either may be NULL */
};

struct rules {
    struct rules_node *owned;
    const struct rules_node *base; /* of the folders above the root; NULL: none */
    struct ignore *info;           /* .git/info/exclude; NULL: none */
    struct buf full; /* "sub/folder/" from the repository's root to the walk's, then a name */
    size_t up;       /* length of the first part */
};

/* Finds the git work tree that real_root (absolute, resolved) is in, and reads what holds above it.
 */
int rules_open(struct rules *r, const char *real_root, struct err *e);
void rules_free(struct rules *r);

/* Reads the ignore files of the folder `name` (relative to the walk's root, "" for itself), which
 * is open as fd. *node: what holds in that folder; owned by r. */
int rules_enter(struct rules *r, const struct rules_node *parent, int fd, const char *name,
                const struct rules_node **node, struct err *e);

/* .precisignore files from the deepest folder up, then .gitignore files likewise, then
 * info/exclude: the first that says something decides. name: relative to the walk's root. */
int rules_match(struct rules *r, const struct rules_node *node, const char *name, bool is_dir,
                enum ignore_verdict *verdict, struct err *e);

#endif
