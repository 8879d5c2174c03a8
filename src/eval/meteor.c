#include "eval/meteor.h"

#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "eval/bleu.h"
#include "eval/porter.h"

enum { NONE = -1 };

/* Two texts on their way to an alignment. */
struct alignment {
    struct words candidate, reference; /* in lower case, then their stems */
    int32_t *match;                    /* [candidate.n]: the word of the reference, or NONE */
    bool *taken;                       /* [reference.n] */
    uint32_t *ids;                     /* [candidate.n + reference.n]: equal ones match */
    uint32_t *sorted;                  /* [reference.n]: in the order of their bytes */
    int32_t *last, *before; /* [of ids]: the last free word of the reference with that id; [of the
                               reference]: the one before it */
};

static int read_words(const char *text, size_t len, struct words *out, struct err *e) {
    struct words plain = {0};
    struct buf lower = {0};
    int rc = bleu_words(text, len, &plain, e);
    for (size_t i = 0; rc == 0 && i < plain.n; i++) {
        size_t n;
        const char *word = words_at(&plain, i, &n);
        buf_clear(&lower);
        python_lower(&lower, word, n);
        if (buf_failed(&lower))
            rc = err_nomem(e, "words");
        else
            words_push(out, lower.data, lower.len);
    }
    words_free(&plain);
    buf_free(&lower);
    return rc == 0 && words_failed(out) ? err_nomem(e, "words") : rc;
}

/* Chains the free words of the reference by id, the last one first. */
static void chain_reference(struct alignment *a) {
    const size_t n = a->candidate.n + a->reference.n;
    for (size_t i = 0; i < n; i++)
        a->last[i] = NONE;
    for (size_t j = 0; j < a->reference.n; j++) {
        const uint32_t id = a->ids[a->candidate.n + j];
        if (a->taken[j])
            continue;
        a->before[j] = a->last[id];
        a->last[id] = (int32_t)j;
    }
}

static void take(struct alignment *a, size_t i, uint32_t id) {
    const int32_t j = a->last[id];
    a->last[id] = a->before[j];
    a->match[i] = j;
    a->taken[j] = true;
}

/* From the last word on, each takes the last free one with its id. */
static void match_ids(struct alignment *a) {
    chain_reference(a);
    for (size_t i = a->candidate.n; i-- > 0;)
        if (a->match[i] == NONE && a->last[a->ids[i]] != NONE)
            take(a, i, a->ids[i]);
}

static int stem_words(struct words *words, struct err *e) {
    struct words stems = {0};
    struct buf stem = {0};
    for (size_t i = 0; i < words->n; i++) {
        size_t n;
        const char *word = words_at(words, i, &n);
        buf_clear(&stem);
        if (!porter_stem(word, n, &stem))
            stems.failed = true;
        else
            words_push(&stems, stem.data ? stem.data : "", stem.len);
    }
    buf_free(&stem);
    words_free(words);
    *words = stems;
    return words_failed(words) ? err_nomem(e, "stems") : 0;
}

static int match_equal(struct alignment *a, struct err *e) {
    if (!words_number(&a->candidate, &a->reference, a->ids))
        return err_nomem(e, "alignment");
    match_ids(a);
    return 0;
}

static int compare_words(const struct words *a, size_t i, const struct words *b, size_t j) {
    size_t m, n;
    const char *x = words_at(a, i, &m), *y = words_at(b, j, &n);
    const int c = memcmp(x, y, m < n ? m : n);
    return c ? c : (m > n) - (m < n);
}

static int reference_order(const void *x, const void *y, void *user) {
    const struct words *reference = user;
    const uint32_t i = *(const uint32_t *)x, j = *(const uint32_t *)y;
    const int c = compare_words(reference, i, reference, j);
    return c ? c : (i > j) - (i < j);
}

/* The last free word of the reference that is this one, or NONE. */
static int32_t find_free(const struct alignment *a, const struct words *words, size_t i) {
    size_t low = 0, high = a->reference.n;
    while (low < high) { /* the first word that is greater */
        const size_t middle = low + (high - low) / 2;
        if (compare_words(&a->reference, a->sorted[middle], words, i) <= 0)
            low = middle + 1;
        else
            high = middle;
    }
    while (low-- > 0 && compare_words(&a->reference, a->sorted[low], words, i) == 0)
        if (!a->taken[a->sorted[low]])
            return (int32_t)a->sorted[low];
    return NONE;
}

/* From the last word on, each free one takes the last free word of the reference that is among its
 * synonyms. */
static int match_synonyms(struct alignment *a, const struct wordnet *w, struct err *e) {
    struct words synonyms = {0};
    int rc = 0;
    for (size_t j = 0; j < a->reference.n; j++)
        a->sorted[j] = (uint32_t)j;
    qsort_r(a->sorted, a->reference.n, sizeof *a->sorted, reference_order, &a->reference);
    for (size_t i = a->candidate.n; rc == 0 && i-- > 0;) {
        if (a->match[i] != NONE)
            continue;
        size_t len;
        const char *word = words_at(&a->candidate, i, &len);
        words_clear(&synonyms);
        rc = wordnet_synonyms(w, word, len, &synonyms, e);
        int32_t best = NONE;
        for (size_t k = 0; rc == 0 && k < synonyms.n; k++) {
            const int32_t j = find_free(a, &synonyms, k);
            best = j > best ? j : best;
        }
        if (best != NONE) {
            a->match[i] = best;
            a->taken[best] = true;
        }
    }
    words_free(&synonyms);
    return rc;
}

static int align(struct alignment *a, const struct wordnet *w, struct err *e) {
    const size_t n = a->candidate.n + a->reference.n;
    a->match = calloc(n + 1, sizeof *a->match);
    a->taken = calloc(n + 1, sizeof *a->taken);
    a->ids = malloc((n + 1) * sizeof *a->ids);
    a->last = malloc((n + 1) * sizeof *a->last);
    a->before = calloc(n + 1, sizeof *a->before);
    a->sorted = malloc((n + 1) * sizeof *a->sorted);
    if (!a->sorted || !a->match || !a->taken || !a->ids || !a->last || !a->before)
        return err_nomem(e, "alignment");
    for (size_t i = 0; i < a->candidate.n; i++)
        a->match[i] = NONE;
    int rc = match_equal(a, e);
    if (rc == 0)
        rc = stem_words(&a->candidate, e);
    if (rc == 0)
        rc = stem_words(&a->reference, e);
    if (rc == 0)
        rc = match_equal(a, e);
    return rc ? rc : match_synonyms(a, w, e);
}

/* Runs of words that stand side by side in both texts are one chunk. */
static double score(const struct alignment *a) {
    size_t matches = 0, chunks = 0;
    for (size_t i = 0; i < a->candidate.n; i++) {
        if (a->match[i] == NONE)
            continue;
        matches++;
        chunks += i == 0 || a->match[i - 1] == NONE || a->match[i - 1] + 1 != a->match[i];
    }
    if (!matches)
        return 0;
    const double precision = (double)matches / (double)a->candidate.n;
    const double recall = (double)matches / (double)a->reference.n;
    const double mean = precision * recall / (0.9 * precision + 0.1 * recall);
    return (1 - 0.5 * pow((double)chunks / (double)matches, 3)) * mean;
}

int meteor_score(const struct wordnet *w, const char *candidate, size_t candidate_len,
                 const char *reference, size_t reference_len, double *out, struct err *e) {
    struct alignment a = {0};
    *out = 0;
    int rc = read_words(candidate, candidate_len, &a.candidate, e);
    if (rc == 0)
        rc = read_words(reference, reference_len, &a.reference, e);
    if (rc == 0)
        rc = align(&a, w, e);
    if (rc == 0)
        *out = score(&a);
    words_free(&a.candidate);
    words_free(&a.reference);
    free(a.match);
    free(a.taken);
    free(a.ids);
    free(a.last);
    free(a.before);
    free(a.sorted);
    return rc;
}
