#include "code/tree_macros.h"

#include <string.h>

/* Macros within macros that are looked into. */
enum { NESTED = 8 };

static bool begins_item(const struct tree *t, uint32_t node) {
    static const char *const words[] = {"pub",   "fn",    "struct", "enum",   "impl",
                                        "mod",   "trait", "union",  "use",    "static",
                                        "const", "type",  "async",  "unsafe", "extern"};
    const struct tree_node *v = &t->v[node];
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (strlen(words[i]) == v->end - v->start &&
            memcmp(words[i], t->text + v->start, v->end - v->start) == 0)
            return true;
    return false;
}

/* Whether the first thing in the braces, after comments and attributes, begins an item; another
 * macro with braces counts too. */
static bool holds_items(const struct tree *t, uint32_t braces, int depth) {
    uint32_t at = braces + 1; /* the brace */
    while ((at = tree_sibling(t, at)) != TREE_NONE) {
        const struct tree_node *v = &t->v[at];
        if (v->type == T_line_comment || v->type == T_block_comment || t->text[v->start] == '#' ||
            (v->type == T_token_tree && t->text[v->start] == '['))
            continue;
        if (begins_item(t, at))
            return true;
        if (depth == 0)
            return false;
        uint32_t bang = tree_sibling(t, at);
        uint32_t body = bang == TREE_NONE ? TREE_NONE : tree_sibling(t, bang);
        return v->type == T_identifier && body != TREE_NONE && t->text[t->v[bang].start] == '!' &&
               t->v[body].type == T_token_tree && t->text[t->v[body].start] == '{' &&
               holds_items(t, body, depth - 1);
    }
    return false;
}

bool tree_open_macros(const struct tree *t, char *copy) {
    bool any = false;
    for (uint32_t i = 0; i < t->n; i++) {
        if (t->v[i].type != T_macro_invocation || t->v[i].parent == TREE_NONE)
            continue;
        uint16_t around = t->v[t->v[i].parent].type;
        uint32_t braces = tree_child(t, i, T_token_tree);
        if ((around != T_source_file && around != T_declaration_list) || braces == TREE_NONE ||
            t->text[t->v[braces].start] != '{' || t->text[t->v[braces].end - 1] != '}' ||
            !holds_items(t, braces, NESTED))
            continue;
        for (uint32_t at = t->v[i].start; at <= t->v[braces].start; at++)
            if (copy[at] != '\n')
                copy[at] = ' ';
        copy[t->v[braces].end - 1] = ' ';
        any = true;
    }
    return any;
}
