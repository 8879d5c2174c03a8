#include "text/unigram.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "text/trie.h"

#define UNKNOWN_PENALTY 10.0

struct unigram {
    struct trie trie;
    double *scores; /* [pieces] */
    double unk_score;
    int64_t unk_id;         /* -1: none */
    uint32_t byte_ids[256]; /* TRIE_NONE: the vocabulary lacks it */
    bool byte_fallback;
};

void unigram_work_free(struct unigram_work *w) {
    free(w->nodes);
    *w = (struct unigram_work){0};
}

void unigram_free(struct unigram *u) {
    if (!u)
        return;
    trie_free(&u->trie);
    free(u->scores);
    free(u);
}

static int fill(struct unigram *u, const struct unigram_piece *pieces, size_t n,
                struct trie_key *keys, struct err *e) {
    double least = INFINITY;
    for (size_t i = 0; i < n; i++) {
        if (!isfinite(pieces[i].score))
            return err_set(e, PRECIS_EINPUT, "piece %zu has a score that is no number", i);
        keys[i] = (struct trie_key){pieces[i].s, pieces[i].len, (uint32_t)i, 0};
        u->scores[i] = pieces[i].score;
        least = pieces[i].score < least ? pieces[i].score : least;
    }
    u->unk_score = least - UNKNOWN_PENALTY;
    int rc = trie_make(&u->trie, keys, n, e);
    for (unsigned c = 0; !rc && c < 256; c++) {
        char name[8];
        snprintf(name, sizeof name, "<0x%02X>", c);
        u->byte_ids[c] = trie_find(&u->trie, name, strlen(name));
    }
    return rc;
}

int unigram_new(const struct unigram_piece *pieces, size_t n, int64_t unk_id, bool byte_fallback,
                struct unigram **out, struct err *e) {
    *out = NULL;
    if (n > INT32_MAX)
        return err_set(e, PRECIS_ELIMIT, "%zu pieces", n);
    if (unk_id < -1 || unk_id >= (int64_t)n)
        return err_set(e, PRECIS_EINPUT, "unk_id %lld, but %zu pieces", (long long)unk_id, n);
    struct unigram *u = calloc(1, sizeof *u);
    struct trie_key *keys = malloc((n + 1) * sizeof *keys);
    double *scores = malloc((n + 1) * sizeof *scores);
    if (!u || !keys || !scores) {
        free(u);
        free(keys);
        free(scores);
        return err_nomem(e, "a vocabulary");
    }
    u->scores = scores;
    u->unk_id = unk_id;
    u->byte_fallback = byte_fallback;
    int rc = fill(u, pieces, n, keys, e);
    free(keys);
    if (rc)
        unigram_free(u);
    else
        *out = u;
    return rc;
}

static bool reserve(struct unigram_work *w, size_t n) {
    if (n <= w->cap)
        return true;
    size_t cap = w->cap ? w->cap : 256;
    while (cap < n)
        cap *= 2;
    unigram_work_free(w);
    w->nodes = malloc(cap * sizeof *w->nodes);
    if (!w->nodes)
        return false;
    w->cap = cap;
    return true;
}

static inline unsigned char_length(uint8_t c) {
    return c < 0x80 ? 1 : c < 0xe0 ? 2 : c < 0xf0 ? 3 : 4;
}

/* A way to v[at + length] whose last piece is that long; the first of equals stays. */
static inline bool offer(struct unigram_node *v, size_t at, uint32_t length, double score,
                         uint32_t id) {
    struct unigram_node *to = &v[at + length];
    if (to->length && !(score > to->score))
        return false;
    *to = (struct unigram_node){score, length, id};
    return true;
}

/* False: a character without a piece lies on the best way, and there is no unknown piece. */
static bool find_path(const struct unigram *u, struct unigram_node *v, const uint8_t *s, size_t n) {
    memset(v, 0, (n + 1) * sizeof *v);
    for (size_t at = 0, size; at < n; at += size) {
        size = char_length(s[at]);
        size = size < n - at ? size : n - at;
        double here = v[at].score;
        bool covered = false;
        uint32_t node = 0;
        for (size_t i = at; i < n && (node = trie_step(&u->trie, node, s[i])) != TRIE_NONE; i++) {
            uint32_t id = u->trie.nodes[node].value;
            if (id == TRIE_NONE)
                continue;
            offer(v, at, (uint32_t)(i + 1 - at), u->scores[id] + here, id);
            covered |= i + 1 - at == size;
        }
        if (!covered && offer(v, at, (uint32_t)size, u->unk_score + here, (uint32_t)u->unk_id) &&
            u->unk_id < 0)
            return false;
    }
    return true;
}

/* Unknown text side by side: by chance a piece of its own, else its bytes, else unknown. */
static void push_unknown(const struct unigram *u, const uint8_t *s, size_t n, struct ids *out) {
    uint32_t id = trie_find(&u->trie, s, n);
    if (id != TRIE_NONE) {
        ids_push(out, id);
        return;
    }
    bool bytes = u->byte_fallback;
    for (size_t i = 0; bytes && i < n; i++)
        bytes = u->byte_ids[s[i]] != TRIE_NONE;
    if (!bytes) {
        ids_push(out, (uint32_t)u->unk_id);
        return;
    }
    for (size_t i = 0; i < n; i++)
        ids_push(out, u->byte_ids[s[i]]);
}

int unigram_word(const struct unigram *u, struct unigram_work *w, const uint8_t *s, size_t n,
                 struct ids *out) {
    if (!n)
        return 0;
    if (!reserve(w, n + 1) || !ids_reserve(out, n))
        return PRECIS_ENOMEM;
    struct unigram_node *v = w->nodes;
    if (!find_path(u, v, s, n))
        return PRECIS_EINPUT;
    /* Backwards to turn the lengths of the pieces, which end here, into those which begin here. */
    uint32_t length = 0, id = 0;
    for (size_t at = n;;) {
        struct unigram_node was = v[at];
        v[at].length = length;
        v[at].id = id;
        if (!at)
            break;
        length = was.length;
        id = was.id;
        at -= length;
    }
    for (size_t at = 0; at < n;) {
        size_t begin = at;
        while (at < n && v[at].id == (uint32_t)u->unk_id && u->unk_id >= 0)
            at += v[at].length;
        if (at > begin)
            push_unknown(u, s + begin, at - begin, out);
        if (at < n) {
            ids_push(out, v[at].id);
            at += v[at].length;
        }
    }
    return 0;
}
