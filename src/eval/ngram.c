#include "eval/ngram.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

struct run {
    uint64_t key; /* the number of the run without its last word, and that word's */
    uint32_t index;
};

static int run_order(const void *a, const void *b) {
    const struct run *x = a, *y = b;
    return (x->key > y->key) - (x->key < y->key);
}

static size_t runs(size_t words, int order) {
    return words >= (size_t)order ? words - (size_t)order + 1 : 0;
}

/* Numbers the runs of one order from those of the order below, in place: numbers[i] becomes that of
 * the run that begins at word i. */
static void count_order(struct run *all, uint32_t *numbers, const uint32_t *ids, size_t candidate,
                        size_t reference, int order, struct ngram_counts *out) {
    const size_t a = runs(candidate, order), b = runs(reference, order);
    for (size_t i = 0; i < a + b; i++) {
        const size_t at = i < a ? i : candidate + (i - a);
        all[i].index = (uint32_t)at;
        all[i].key =
            order == 1 ? ids[at] : (uint64_t)numbers[at] << 32 | ids[at + (size_t)order - 1];
    }
    if (a + b)
        qsort(all, a + b, sizeof *all, run_order);
    size_t matched = 0;
    for (size_t begin = 0, end; begin < a + b; begin = end) {
        size_t in_candidate = 0;
        const uint64_t key = all[begin].key;
        for (end = begin; end < a + b && all[end].key == key; end++) {
            in_candidate += all[end].index < candidate;
            numbers[all[end].index] = (uint32_t)begin;
        }
        const size_t in_reference = end - begin - in_candidate;
        matched += in_candidate < in_reference ? in_candidate : in_reference;
    }
    out->matched[order - 1] = matched;
    out->candidate[order - 1] = a;
    out->reference[order - 1] = b;
}

int ngram_count(const struct words *candidate, const struct words *reference, int orders,
                struct ngram_counts *out, struct err *e) {
    *out = (struct ngram_counts){0};
    const size_t n = candidate->n + reference->n;
    if (!n)
        return 0;
    uint32_t *ids = calloc(n, sizeof *ids), *numbers = calloc(n, sizeof *numbers);
    struct run *all = malloc(n * sizeof *all);
    int rc = 0;
    if (!ids || !numbers || !all || !words_number(candidate, reference, ids)) {
        rc = err_nomem(e, "n-grams");
        goto done;
    }
    for (int order = 1; order <= orders; order++)
        count_order(all, numbers, ids, candidate->n, reference->n, order, out);
done:
    free(ids);
    free(numbers);
    free(all);
    return rc;
}

int ngram_common_subsequence(const struct words *a, const struct words *b, size_t *out,
                             struct err *e) {
    *out = 0;
    if (!a->n || !b->n)
        return 0;
    uint32_t *ids = malloc((a->n + b->n) * sizeof *ids);
    uint32_t *row = calloc(b->n + 1, sizeof *row); /* [j]: of all of a so far and j words of b */
    int rc = 0;
    if (!ids || !row || !words_number(a, b, ids)) {
        rc = err_nomem(e, "common words");
        goto done;
    }
    for (size_t i = 0; i < a->n; i++) {
        uint32_t diagonal = 0;
        for (size_t j = 1; j <= b->n; j++) {
            const uint32_t above = row[j];
            if (ids[i] == ids[a->n + j - 1])
                row[j] = diagonal + 1;
            else if (row[j - 1] > above)
                row[j] = row[j - 1];
            diagonal = above;
        }
    }
    *out = row[b->n];
done:
    free(ids);
    free(row);
    return rc;
}
