/* Syntax trees, by tree-sitter. The tree is copied into one flat array that this room owns, so that
 * nothing else knows tree-sitter, nobody walks on the C stack, and reading a tree cannot fail.
 *
 * Nodes stand in the order of a walk from the root (parents before children, left to right), all of
 * them: named ones ("if_statement") and tokens ("if", "&&"). Node 0 is the root. The subtree of
 * node i is [i, v[i].next); its children are i + 1, v[i + 1].next, ... while below v[i].next. */
#ifndef PRECIS_CODE_TREE_H
#define PRECIS_CODE_TREE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "code/lang.h"
#include "code/tree_types.h"

enum {
    TREE_NAMED = 1,   /* not a mere token of the grammar */
    TREE_ERROR = 2,   /* text that does not parse, below it what was made of it */
    TREE_MISSING = 4, /* inserted by the parser where something was missing; empty */
    TREE_EXTRA = 8    /* may stand anywhere: comments */
};

enum { TREE_MAX_BYTES = 2 << 20 }; /* longer text is not parsed: it is data or generated */
#define TREE_NONE UINT32_MAX

struct tree_node {
    uint32_t start, end;         /* bytes [start, end) of the text */
    uint32_t first_row, end_row; /* 0-based rows of its first and its last byte */
    uint32_t parent;             /* TREE_NONE: the root */
    uint32_t next;               /* after its subtree */
    uint16_t type;               /* enum tree_type; those that nobody asks for are TREE_OTHER */
    uint16_t symbol;             /* in the grammar: tree_type_name */
    uint8_t field;               /* enum tree_field: what it is to its parent */
    uint8_t flags;
};

struct tree {
    const struct lang *lang; /* of the grammar: "cpp" for a C header that holds C++ */
    const char *text;        /* borrowed; outlives the tree */
    size_t size;
    struct tree_node *v; /* owned; n >= 1 */
    uint32_t n;
    uint32_t error_bytes; /* that belong to no construct */
};

/* Why no language has trees in this build; NULL: they have. */
const char *tree_missing(void);

/* Whether this language has a grammar in this build (NULL: no). */
bool tree_knows(const struct lang *lang);

/* Parses text, whatever bytes it holds. The same text gives the same tree on every machine: the
 * limits count bytes, steps and memory, not time. Errors: PRECIS_EUNSUPPORTED (no grammar),
 * PRECIS_ELIMIT (TREE_MAX_BYTES; too many steps or too much memory), PRECIS_EINPUT (more than a
 * quarter of it does not parse), PRECIS_ENOMEM. After the first three a caller goes by lines. On
 * failure *out is zeroed. */
int tree_parse(const struct lang *lang, const char *text, size_t size, struct tree *out,
               struct err *e);
void tree_free(struct tree *t); /* safe on a zeroed tree; leaves it zeroed */

/* The grammar's name of a node's type ("function_item"), static. */
const char *tree_type_name(const struct tree *t, uint32_t node);

/* The first child with that field, or of that type; TREE_NONE: there is none. node may be
 * TREE_NONE.
 */
uint32_t tree_field(const struct tree *t, uint32_t node, enum tree_field field);
uint32_t tree_child(const struct tree *t, uint32_t node, enum tree_type type);
/* The next child of v[node].parent; TREE_NONE: it was the last. */
uint32_t tree_sibling(const struct tree *t, uint32_t node);

#endif
