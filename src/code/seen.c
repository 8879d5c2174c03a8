#include "code/seen.h"

#include <stdlib.h>

#include "base/hash.h"

/* The slot of the id, or the free one where it belongs. The table is never full. */
static struct seen_id *find_slot(struct seen_id *v, size_t cap, uint64_t device, uint64_t inode) {
    size_t at = (size_t)hash_mix(device, inode) & (cap - 1);
    while (v[at].used && (v[at].device != device || v[at].inode != inode))
        at = (at + 1) & (cap - 1);
    return &v[at];
}

static bool grow(struct seen *s) {
    size_t cap = s->cap ? s->cap * 2 : 64;
    struct seen_id *v = calloc(cap, sizeof *v);
    if (!v)
        return false;
    for (size_t i = 0; i < s->cap; i++)
        if (s->v[i].used)
            *find_slot(v, cap, s->v[i].device, s->v[i].inode) = s->v[i];
    free(s->v);
    s->v = v;
    s->cap = cap;
    return true;
}

bool seen_has(const struct seen *s, uint64_t device, uint64_t inode) {
    return s->cap && find_slot(s->v, s->cap, device, inode)->used;
}

int seen_add(struct seen *s, uint64_t device, uint64_t inode) {
    if (s->n >= s->cap / 2 && !grow(s))
        return -1;
    struct seen_id *slot = find_slot(s->v, s->cap, device, inode);
    if (slot->used)
        return 0;
    *slot = (struct seen_id){.device = device, .inode = inode, .used = true};
    s->n++;
    return 1;
}

void seen_free(struct seen *s) {
    free(s->v);
    *s = (struct seen){0};
}
