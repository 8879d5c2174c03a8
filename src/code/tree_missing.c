/* In place of tree_parse.c where there are no grammars to link with. */
#include "code/tree.h"

const char *tree_missing(void) {
    return "this build has no tree-sitter (tools/fetch-grammars.sh gets it)";
}

bool tree_knows(const struct lang *lang) {
    (void)lang;
    return false;
}

int tree_parse(const struct lang *lang, const char *text, size_t size, struct tree *out,
               struct err *e) {
    (void)lang;
    (void)text;
    (void)size;
    *out = (struct tree){0};
    return err_set(e, PRECIS_EUNSUPPORTED, "%s", tree_missing());
}

const char *tree_type_name(const struct tree *t, uint32_t node) {
    (void)t;
    (void)node;
    return "";
}
