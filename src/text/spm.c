#include "text/spm.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/utf8.h"
#include "text/trie.h"

struct cut {
    double score;
    uint32_t left_chars, right_chars;
    struct spm_merge merge;
};

struct cuts {
    struct cut *v;
    size_t n, cap;
};

static int compare_cuts(const void *a, const void *b) {
    const struct cut *x = a, *y = b;
    if (x->score != y->score)
        return x->score > y->score ? -1 : 1;
    if (x->left_chars != y->left_chars)
        return x->left_chars > y->left_chars ? -1 : 1;
    if (x->right_chars != y->right_chars)
        return x->right_chars > y->right_chars ? -1 : 1;
    return x->merge.merged < y->merge.merged ? -1 : x->merge.merged > y->merge.merged;
}

static bool cut_piece(const struct trie *t, const struct spm_piece *piece, uint32_t id,
                      struct cuts *cuts) {
    uint32_t node = 0;
    for (uint32_t i = 0; i + 1 < piece->len; i++) {
        node = trie_step(t, node, (uint8_t)piece->s[i]);
        uint32_t left = t->nodes[node].value;
        if (left == TRIE_NONE)
            continue;
        uint32_t n_left = i + 1, n_right = piece->len - n_left;
        uint32_t right = trie_find(t, piece->s + n_left, n_right);
        if (right == TRIE_NONE)
            continue;
        if (!array_grow((void **)&cuts->v, cuts->n, &cuts->cap, sizeof *cuts->v))
            return false;
        cuts->v[cuts->n++] = (struct cut){piece->score,
                                          (uint32_t)utf8_length(piece->s, n_left),
                                          (uint32_t)utf8_length(piece->s + n_left, n_right),
                                          {left, right, id}};
    }
    return true;
}

static int copy_merges(const struct cuts *cuts, struct spm_merge **out, struct err *e) {
    struct spm_merge *merges = malloc(cuts->n * sizeof *merges);
    if (!merges)
        return err_nomem(e, "merges");
    for (size_t i = 0; i < cuts->n; i++)
        merges[i] = cuts->v[i].merge;
    *out = merges;
    return 0;
}

int spm_merges(const struct spm_piece *pieces, size_t n, struct spm_merge **out, size_t *n_out,
               struct err *e) {
    *out = NULL;
    *n_out = 0;
    if (n > INT32_MAX)
        return err_set(e, PRECIS_ELIMIT, "%zu pieces", n);
    struct cuts cuts = {0};
    struct trie trie = {0};
    struct trie_key *keys = malloc((n + 1) * sizeof *keys);
    if (!keys)
        return err_nomem(e, "a vocabulary");
    int rc = 0;
    for (size_t i = 0; !rc && i < n; i++) {
        keys[i] = (struct trie_key){pieces[i].s, pieces[i].len, (uint32_t)i, 0};
        if (!isfinite(pieces[i].score))
            rc = err_set(e, PRECIS_EINPUT, "piece %zu has a score that is no number", i);
    }
    if (!rc)
        rc = trie_make(&trie, keys, n, e);
    for (uint32_t i = 0; !rc && i < n; i++)
        if (trie_find(&trie, pieces[i].s, pieces[i].len) == i &&
            !cut_piece(&trie, &pieces[i], i, &cuts))
            rc = err_nomem(e, "merges");
    if (!rc && cuts.n) {
        qsort(cuts.v, cuts.n, sizeof *cuts.v, compare_cuts);
        rc = copy_merges(&cuts, out, e);
        *n_out = rc ? 0 : cuts.n;
    }
    free(cuts.v);
    free(keys);
    trie_free(&trie);
    return rc;
}
