#include "search/bm25.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/hash.h"
#include "search/words.h"

static const float K1 = 1.2f, B = 0.75f, K3 = 8;

struct posting {
    uint32_t document;
    float tf;
};

struct entry { /* of a document, before it is known how many each word has */
    uint32_t word;
    struct posting p;
};

struct bm25 {
    struct buf spellings;
    size_t *spelling; /* [n_words] places in spellings; a byte of length comes first */
    size_t n_words, cap_words;
    uint32_t *table; /* [cap_table] word + 1 by hash, open addressing; 0 is free */
    size_t cap_table;
    struct entry *entries; /* until bm25_finish */
    size_t n_entries, cap_entries;
    float *lengths; /* [n_documents] */
    size_t n_documents, cap_documents;
    double total; /* of lengths */
    struct posting *postings;
    size_t *first; /* [n_words + 1] places in postings */
};

/* The words of a document or a query with their weighted counts, in order of appearance. */
struct bag {
    struct entry *v;
    size_t n, cap;
    double length;
};

int bm25_new(struct bm25 **out, struct err *e) {
    *out = calloc(1, sizeof **out);
    return *out ? 0 : err_nomem(e, "index of words");
}

void bm25_free(struct bm25 *x) {
    if (!x)
        return;
    buf_free(&x->spellings);
    free(x->spelling);
    free(x->table);
    free(x->entries);
    free(x->lengths);
    free(x->postings);
    free(x->first);
    free(x);
}

size_t bm25_documents(const struct bm25 *x) {
    return x->n_documents;
}

/* Its place in the table: that of the word, or the free one where it would be. */
static size_t find(const struct bm25 *x, const char *word, size_t len) {
    size_t i = (size_t)hash_bytes(word, len, 0) & (x->cap_table - 1);
    for (; x->table[i]; i = (i + 1) & (x->cap_table - 1)) {
        const char *s = x->spellings.data + x->spelling[x->table[i] - 1];
        if ((uint8_t)s[0] == len && memcmp(s + 1, word, len) == 0)
            break;
    }
    return i;
}

static bool grow_table(struct bm25 *x) {
    size_t cap = x->cap_table ? 2 * x->cap_table : 1024;
    uint32_t *old = x->table, *table = calloc(cap, sizeof *table);
    if (!table)
        return false;
    x->table = table;
    x->cap_table = cap;
    for (uint32_t w = 0; w < x->n_words; w++) {
        const char *s = x->spellings.data + x->spelling[w];
        table[find(x, s + 1, (uint8_t)s[0])] = w + 1;
    }
    free(old);
    return true;
}

/* The number of a word, which is new where it must be. */
static int number(struct bm25 *x, const char *word, size_t len, uint32_t *out, struct err *e) {
    if (2 * (x->n_words + 1) > x->cap_table && !grow_table(x))
        return err_nomem(e, "index of words");
    size_t i = find(x, word, len);
    if (x->table[i]) {
        *out = x->table[i] - 1;
        return 0;
    }
    if (x->n_words >= UINT32_MAX - 1)
        return err_set(e, PRECIS_ELIMIT, "index of words: more than %u words", UINT32_MAX - 1);
    size_t at = x->spellings.len;
    if (!array_grow((void **)&x->spelling, x->n_words, &x->cap_words, sizeof *x->spelling) ||
        !buf_reserve(&x->spellings, len + 1)) {
        x->spellings.failed = false;
        return err_nomem(e, "index of words");
    }
    buf_char(&x->spellings, (char)len);
    buf_append(&x->spellings, word, len);
    x->spelling[x->n_words] = at;
    *out = (uint32_t)x->n_words++;
    x->table[i] = *out + 1;
    return 0;
}

static int by_word(const void *a, const void *b) {
    const struct entry *x = a, *y = b;
    if (x->word != y->word)
        return x->word < y->word ? -1 : 1;
    return x->p.document < y->p.document ? -1 : x->p.document > y->p.document;
}

/* Adds up equal words: sorted by word, each field's in a run, so sums have one order. */
static void merge(struct bag *bag) {
    size_t n = 0;
    if (bag->n == 0)
        return;
    qsort(bag->v, bag->n, sizeof *bag->v, by_word);
    for (size_t i = 0; i < bag->n; i++) {
        if (n > 0 && bag->v[n - 1].word == bag->v[i].word)
            bag->v[n - 1].p.tf += bag->v[i].p.tf;
        else
            bag->v[n++] = bag->v[i];
    }
    bag->n = n;
}

static bool put(struct bag *bag, uint32_t word, size_t field, float weight) {
    if (!array_grow((void **)&bag->v, bag->n, &bag->cap, sizeof *bag->v))
        return false;
    bag->v[bag->n++] = (struct entry){word, {(uint32_t)field, weight}};
    bag->length += (double)weight;
    return true;
}

/* grow NULL: words that no document has are passed over. The bag is freed by the caller. */
static int read_bag(const struct bm25 *x, struct bm25 *grow, const struct bm25_field *fields,
                    size_t n, struct bag *bag, struct err *e) {
    struct word_walk w;
    for (size_t f = 0; f < n; f++) {
        word_walk_start(&w, fields[f].s, fields[f].len);
        while (word_walk_next(&w)) {
            uint32_t word = 0;
            if (grow) {
                int rc = number(grow, w.word, w.len, &word, e);
                if (rc)
                    return rc;
            } else {
                uint32_t at = x->cap_table ? x->table[find(x, w.word, w.len)] : 0;
                if (!at)
                    continue;
                word = at - 1;
            }
            if (!put(bag, word, f, fields[f].weight))
                return err_nomem(e, "words of a text");
        }
    }
    merge(bag);
    return 0;
}

int bm25_add(struct bm25 *x, const struct bm25_field *fields, size_t n, struct err *e) {
    struct bag bag = {0};
    if (x->n_documents >= UINT32_MAX)
        return err_set(e, PRECIS_ELIMIT, "index of words: more than %u documents", UINT32_MAX);
    int rc = read_bag(x, x, fields, n, &bag, e);
    if (rc == 0 &&
        !array_grow((void **)&x->lengths, x->n_documents, &x->cap_documents, sizeof *x->lengths))
        rc = err_nomem(e, "index of words");
    size_t before = x->n_entries;
    for (size_t i = 0; rc == 0 && i < bag.n; i++) {
        if (!array_grow((void **)&x->entries, x->n_entries, &x->cap_entries, sizeof *x->entries)) {
            rc = err_nomem(e, "index of words");
            break;
        }
        x->entries[x->n_entries] = bag.v[i];
        x->entries[x->n_entries++].p.document = (uint32_t)x->n_documents;
    }
    if (rc) {
        x->n_entries = before;
    } else {
        x->lengths[x->n_documents++] = (float)bag.length;
        x->total += bag.length;
    }
    free(bag.v);
    return rc;
}

int bm25_finish(struct bm25 *x, struct err *e) {
    x->first = calloc(x->n_words + 2, sizeof *x->first);
    x->postings = malloc((x->n_entries + 1) * sizeof *x->postings);
    if (!x->first || !x->postings)
        return err_nomem(e, "index of words");
    /* first[w + 2] counts, then first[w + 1] is where w's next posting goes, which ends as w's end
     */
    for (size_t i = 0; i < x->n_entries; i++)
        x->first[x->entries[i].word + (size_t)2]++;
    for (size_t w = 2; w < x->n_words + 2; w++)
        x->first[w] += x->first[w - 1];
    for (size_t i = 0; i < x->n_entries; i++)
        x->postings[x->first[x->entries[i].word + (size_t)1]++] = x->entries[i].p;
    free(x->entries);
    x->entries = NULL;
    x->n_entries = x->cap_entries = 0;
    return 0;
}

int bm25_score(const struct bm25 *x, const struct bm25_field *query, size_t n, float *scores,
               struct err *e) {
    struct bag bag = {0};
    const float documents = (float)x->n_documents;
    if (x->n_documents == 0)
        return 0;
    memset(scores, 0, x->n_documents * sizeof *scores);
    int rc = read_bag(x, NULL, query, n, &bag, e);
    const float average = (float)(x->total / (double)x->n_documents);
    for (size_t i = 0; rc == 0 && i < bag.n; i++) {
        const struct posting *p = x->postings + x->first[bag.v[i].word],
                             *end = x->postings + x->first[bag.v[i].word + (size_t)1];
        float df = (float)(end - p), c = bag.v[i].p.tf;
        float idf = logf(1 + (documents - df + 0.5f) / (df + 0.5f)) * (K3 + 1) * c / (K3 + c);
        for (; p < end; p++)
            scores[p->document] += idf * p->tf * (K1 + 1) /
                                   (p->tf + K1 * (1 - B + B * x->lengths[p->document] / average));
    }
    free(bag.v);
    return rc;
}

size_t bm25_top(const float *scores, size_t n, struct bm25_hit *hits, size_t k) {
    size_t found = 0;
    for (size_t d = 0; d < n && k > 0; d++) {
        if (!(scores[d] > 0) || (found == k && !(scores[d] > hits[k - 1].score)))
            continue;
        size_t at = found < k ? found++ : k - 1;
        for (; at > 0 && hits[at - 1].score < scores[d]; at--)
            hits[at] = hits[at - 1];
        hits[at] = (struct bm25_hit){(uint32_t)d, scores[d]};
    }
    return found;
}
