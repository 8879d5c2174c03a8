#include "text/vocab.h"

#include <stdlib.h>
#include <string.h>

#include "base/hash.h"

/* The slot of a spelling, or the empty one where it would be. */
static struct vocab_slot *find(const struct vocab *v, const void *s, size_t len, uint32_t hash) {
    for (size_t i = hash & v->mask;; i = (i + 1) & v->mask) {
        struct vocab_slot *x = &v->slots[i];
        if (x->id == UINT32_MAX)
            return x;
        if (x->hash == hash && v->at[x->id + 1] - v->at[x->id] == len &&
            memcmp(v->text + v->at[x->id], s, len) == 0)
            return x;
    }
}

bool vocab_init(struct vocab *v, const char *text, const uint32_t *at, uint32_t n, const bool *in) {
    size_t slots = 16;
    while (slots < 2 * (size_t)n)
        slots *= 2;
    *v = (struct vocab){.n = n, .text = text, .at = at, .mask = slots - 1};
    v->slots = malloc(slots * sizeof *v->slots);
    if (!v->slots)
        return false;
    memset(v->slots, 0xff, slots * sizeof *v->slots);
    for (uint32_t id = 0; id < n; id++)
        if (!in || in[id]) {
            size_t len = at[id + 1] - at[id];
            uint32_t hash = (uint32_t)hash_bytes(text + at[id], len, 0);
            struct vocab_slot *x = find(v, text + at[id], len, hash);
            v->used += x->id == UINT32_MAX;
            *x = (struct vocab_slot){hash, id};
        }
    return true;
}

void vocab_free(struct vocab *v) {
    free(v->slots);
    *v = (struct vocab){0};
}

int64_t vocab_find(const struct vocab *v, const void *s, size_t len) {
    uint32_t id = v->slots ? find(v, s, len, (uint32_t)hash_bytes(s, len, 0))->id : UINT32_MAX;
    return id == UINT32_MAX ? -1 : (int64_t)id;
}
