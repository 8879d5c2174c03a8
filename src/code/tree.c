#include "code/tree.h"

#include <stdlib.h>

void tree_free(struct tree *t) {
    free(t->v);
    *t = (struct tree){0};
}

uint32_t tree_sibling(const struct tree *t, uint32_t node) {
    uint32_t parent = t->v[node].parent;
    uint32_t next = t->v[node].next;
    return parent != TREE_NONE && next < t->v[parent].next ? next : TREE_NONE;
}

uint32_t tree_field(const struct tree *t, uint32_t node, enum tree_field field) {
    if (node == TREE_NONE)
        return TREE_NONE;
    uint32_t end = t->v[node].next;
    for (uint32_t i = node + 1; i < end; i = t->v[i].next)
        if (t->v[i].field == (uint8_t)field)
            return i;
    return TREE_NONE;
}

uint32_t tree_child(const struct tree *t, uint32_t node, enum tree_type type) {
    if (node == TREE_NONE)
        return TREE_NONE;
    uint32_t end = t->v[node].next;
    for (uint32_t i = node + 1; i < end; i = t->v[i].next)
        if (t->v[i].type == (uint16_t)type)
            return i;
    return TREE_NONE;
}
