#include "text/trie.h"

#include <stdlib.h>
#include <string.h>

enum { BLOCK = 256, OPEN_BLOCKS = 16 };

/* While it is made, the free nodes of the last OPEN_BLOCKS blocks are a ring: base is the next
 * one, value the one before. */
struct maker {
    struct trie *t;
    size_t cap;
    uint32_t first; /* free node; TRIE_NONE: none */
};

struct range {
    uint32_t node, lo, hi, depth; /* keys lo..hi share their first depth bytes */
};

static int compare_keys(const void *a, const void *b) {
    const struct trie_key *x = a, *y = b;
    uint32_t n = x->len < y->len ? x->len : y->len;
    int order = n ? memcmp(x->s, y->s, n) : 0;
    if (order)
        return order;
    if (x->len != y->len)
        return x->len < y->len ? -1 : 1;
    return x->place < y->place ? -1 : 1;
}

static void unlink_node(struct maker *m, uint32_t i) {
    struct trie_node *v = m->t->nodes;
    uint32_t next = v[i].base, prev = v[i].value;
    v[next].value = prev;
    v[prev].base = next;
    if (m->first == i)
        m->first = next == i ? TRIE_NONE : next;
}

static void link_node(struct maker *m, uint32_t i) {
    struct trie_node *v = m->t->nodes;
    v[i].parent = TRIE_NONE;
    if (m->first == TRIE_NONE) {
        v[i].base = v[i].value = m->first = i;
        return;
    }
    uint32_t last = v[m->first].value;
    v[i].base = m->first;
    v[i].value = last;
    v[last].base = v[m->first].value = i;
}

static bool is_free(const struct maker *m, uint32_t i) {
    const struct trie_node *v = &m->t->nodes[i];
    return i && v->parent == TRIE_NONE && v->base != TRIE_NONE;
}

/* base TRIE_NONE marks a free node that is in no ring any more. */
static void close_block(struct maker *m, uint32_t begin) {
    for (uint32_t i = begin; i < begin + BLOCK; i++)
        if (is_free(m, i)) {
            unlink_node(m, i);
            m->t->nodes[i].base = TRIE_NONE;
        }
}

static bool add_block(struct maker *m) {
    struct trie *t = m->t;
    if (t->n == m->cap) {
        size_t cap = m->cap ? m->cap * 2 : 16 * BLOCK;
        struct trie_node *nodes = realloc(t->nodes, cap * sizeof *nodes);
        if (!nodes)
            return false;
        t->nodes = nodes;
        m->cap = cap;
    }
    if (t->n >= OPEN_BLOCKS * BLOCK)
        close_block(m, (uint32_t)(t->n - OPEN_BLOCKS * BLOCK));
    uint32_t begin = (uint32_t)t->n;
    t->n += BLOCK;
    for (uint32_t i = begin; i < begin + BLOCK; i++)
        if (i)
            link_node(m, i);
    return true;
}

/* A base at which the n children have free nodes; TRIE_NONE: out of memory. */
static uint32_t find_base(struct maker *m, const uint8_t *children, unsigned n) {
    for (;;) {
        uint32_t i = m->first;
        do {
            if (i == TRIE_NONE)
                break;
            uint32_t base = i ^ children[0];
            unsigned k = 1;
            while (k < n && is_free(m, base ^ children[k]))
                k++;
            if (k == n)
                return base;
            i = m->t->nodes[i].base;
        } while (i != m->first);
        if (!add_block(m))
            return TRIE_NONE;
    }
}

/* Gives r->node its value and its children; pushes the children's ranges. */
static bool expand(struct maker *m, const struct trie_key *keys, struct range r,
                   struct range *stack, size_t *n_stack) {
    for (; r.lo < r.hi && keys[r.lo].len == r.depth; r.lo++)
        if (r.depth)
            m->t->nodes[r.node].value = keys[r.lo].value;
    if (r.lo == r.hi)
        return true;
    uint8_t children[256];
    uint32_t begins[257];
    unsigned n = 0;
    for (uint32_t i = r.lo; i < r.hi; i++) {
        uint8_t c = (uint8_t)keys[i].s[r.depth];
        if (n && children[n - 1] == c)
            continue;
        children[n] = c;
        begins[n++] = i;
    }
    begins[n] = r.hi;
    uint32_t base = find_base(m, children, n);
    if (base == TRIE_NONE)
        return false;
    m->t->nodes[r.node].base = base;
    for (unsigned k = n; k-- > 0;) {
        uint32_t child = base ^ children[k];
        unlink_node(m, child);
        m->t->nodes[child] = (struct trie_node){0, r.node, TRIE_NONE};
        stack[(*n_stack)++] = (struct range){child, begins[k], begins[k + 1], r.depth + 1};
    }
    return true;
}

static bool is_sorted(const struct trie_key *keys, size_t n) {
    for (size_t i = 1; i < n; i++)
        if (compare_keys(&keys[i - 1], &keys[i]) > 0)
            return false;
    return true;
}

int trie_make(struct trie *t, struct trie_key *keys, size_t n, struct err *e) {
    *t = (struct trie){0};
    size_t bytes = 0;
    for (size_t i = 0; i < n && bytes <= 1u << 27; i++) {
        keys[i].place = (uint32_t)i;
        bytes += (size_t)keys[i].len + 1;
    }
    if (bytes > 1u << 27)
        return err_set(e, PRECIS_ELIMIT, "a vocabulary of more than 2^27 bytes");
    if (n && !is_sorted(keys, n))
        qsort(keys, n, sizeof *keys, compare_keys);
    struct maker m = {t, 0, TRIE_NONE};
    /* The ranges on the stack are disjoint and none is empty. */
    struct range *stack = malloc((n + 1) * sizeof *stack);
    bool ok = stack && add_block(&m);
    if (ok) {
        t->nodes[0] = (struct trie_node){0, TRIE_NONE, TRIE_NONE};
        size_t n_stack = 0;
        stack[n_stack++] = (struct range){0, 0, (uint32_t)n, 0};
        while (ok && n_stack) {
            struct range r = stack[--n_stack];
            ok = expand(&m, keys, r, stack, &n_stack);
        }
    }
    free(stack);
    if (!ok) {
        trie_free(t);
        return err_nomem(e, "a vocabulary");
    }
    for (size_t i = 1; i < t->n; i++)
        if (t->nodes[i].parent == TRIE_NONE)
            t->nodes[i] = (struct trie_node){0, TRIE_NONE, TRIE_NONE};
    return 0;
}

void trie_free(struct trie *t) {
    free(t->nodes);
    *t = (struct trie){0};
}

uint32_t trie_find(const struct trie *t, const void *s, size_t n) {
    const uint8_t *p = s;
    uint32_t node = 0;
    for (size_t i = 0; i < n; i++)
        if ((node = trie_step(t, node, p[i])) == TRIE_NONE)
            return TRIE_NONE;
    return t->nodes[node].value;
}
