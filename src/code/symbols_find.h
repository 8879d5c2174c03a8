/* Between the files that find symbols. */
#ifndef PRECIS_CODE_SYMBOLS_FIND_H
#define PRECIS_CODE_SYMBOLS_FIND_H

#include "code/symbols.h"

/* Languages that are read alike. */
enum family {
    FAMILY_BASH,
    FAMILY_C, /* and C++ */
    FAMILY_CSHARP,
    FAMILY_GO,
    FAMILY_JAVA,
    FAMILY_JS, /* and TypeScript, TSX */
    FAMILY_PHP,
    FAMILY_PYTHON,
    FAMILY_RUBY,
    FAMILY_RUST
};

enum { RULE_SYMBOL = 1, RULE_FIELD = 2, RULE_BODY = 4, RULE_LEVEL = 8 };

/* What a node of a type defines. RULE_BODY: only where it has a body. RULE_LEVEL: only outside of
 * functions. */
struct rule {
    uint8_t what;
    uint8_t kind; /* enum symbol_kind */
};

/* What was found out about a node before it becomes a symbol. */
struct found {
    enum symbol_kind kind;
    uint32_t node;
    uint32_t name;  /* node; TREE_NONE: none, so no symbol */
    uint32_t owner; /* node of symbol.owner; TREE_NONE: none */
    uint32_t value; /* node that has parameters and body; often the node itself */
    uint32_t body;  /* node */
};

struct finder {
    const struct tree *t;
    enum family family;
    uint32_t *before; /* [t->n] the previous sibling, TREE_NONE: it is the first child */
    struct symbols *out;
    size_t cap, field_cap;
    uint32_t current;    /* symbol around the node that is looked at */
    uint32_t fields_end; /* nodes before it lie in the last field */
};

static inline enum tree_type finder_type(const struct finder *f, uint32_t node) {
    return node == TREE_NONE ? TREE_OTHER : (enum tree_type)f->t->v[node].type;
}

/* Of a language that has a grammar. */
enum family finder_family(const struct lang *lang);

/* What nodes of a type may define; `what` is 0 where nothing. */
struct rule finder_rule(uint16_t type);

/* What a node defines, by its rule's kind (SYMBOL_KINDS: a field, unless it turns out to be more).
 * No name: no symbol. */
struct found finder_look(const struct finder *f, uint32_t node, enum symbol_kind kind);

/* The name of a field, of several names the first one's; in Go an embedded type is one. TREE_NONE:
 * it has none. */
uint32_t finder_field_name(const struct finder *f, uint32_t node);

bool finder_in_callable(const struct finder *f); /* whether a function is around the node */

/* The node that holds a definition with all that belongs to it: `export`, `template <...>`,
 * decorators, the statement of an assignment. */
uint32_t finder_outer(const struct finder *f, uint32_t node);

/* Fills in range.start and doc from what stands before the definition `outer`, or within its body
 * (TREE_NONE: it has none). range.start is outer's start before the call. */
void finder_doc(const struct finder *f, uint32_t outer, uint32_t body, struct symbol *s);

/* A field's doc: before it, or behind it on its line. */
struct span finder_field_doc(const struct finder *f, uint32_t outer);

/* The doc of the file. Symbols are found by then. */
struct span finder_file_doc(const struct finder *f);

#endif
