#include "summary/examples.h"

#include <stdlib.h>
#include <string.h>

#include "base/utf8.h"
#include "search/words.h"
#include "summary/examples_pool.h"

enum { KEY_CODE = 200 /* bytes */, KEY_WORDS = 64, BATCH = 1024 /* embedded at a time */ };

int examples_new(size_t most, struct examples **out, struct err *e) {
    struct examples *x = calloc(1, sizeof *x);
    *out = x;
    if (!x)
        return err_nomem(e, "examples");
    x->most = most ? most : EXAMPLES_MOST;
    return 0;
}

void examples_free(struct examples *x) {
    if (!x)
        return;
    for (size_t i = 0; i < x->n; i++)
        free(x->v[i].block);
    free(x->v);
    free(x->vectors);
    examples_sentences_free(x->sentences);
    free(x->common);
    bm25_free(x->words);
    free(x);
}

size_t examples_count(const struct examples *x) {
    return x->n;
}

const struct example *examples_get(const struct examples *x, size_t i) {
    return &x->v[i].x;
}

uint64_t examples_file_hash(const char *repo, const char *path) {
    return hash_mix(hash_bytes(repo, strlen(repo), 1), hash_bytes(path, strlen(path), 2));
}

/* The length of s cut to at most `most` bytes, between characters. */
static size_t cut(const char *s, size_t most) {
    size_t n = strnlen(s, most + 1);
    if (n <= most)
        return n;
    n = most;
    while (n > 0 && most - n < 3 && ((uint8_t)s[n] & 0xc0) == 0x80)
        n--;
    return n;
}

static char *put(char **at, const char *s, size_t n) {
    char *to = *at;
    memcpy(to, s, n);
    to[n] = 0;
    *at += n + 1;
    return to;
}

static int item_make(const struct example *one, struct examples_item *item, struct err *e) {
    const char *texts[] = {one->repo,   one->path, one->language,
                           one->symbol, one->code, one->sentence};
    enum { TEXTS = sizeof texts / sizeof *texts };
    const char *made[TEXTS];
    size_t lengths[TEXTS], all = 0;
    for (size_t i = 0; i < TEXTS; i++) {
        texts[i] = texts[i] ? texts[i] : "";
        lengths[i] = strlen(texts[i]);
    }
    lengths[4] = cut(texts[4], EXAMPLES_MOST_CODE);
    lengths[5] = cut(texts[5], EXAMPLES_MOST_SENTENCE);
    for (size_t i = 0; i < TEXTS; i++)
        all += lengths[i] + 1;
    char *at = item->block = malloc(all);
    if (!at)
        return err_nomem(e, "examples");
    for (size_t i = 0; i < TEXTS; i++)
        made[i] = put(&at, texts[i], lengths[i]);
    item->x = (struct example){made[0], made[1], made[2], made[3], made[4], made[5]};
    item->file = examples_file_hash(made[0], made[1]);
    item->content = hash_bytes(item->block, all, 3);
    return 0;
}

static int by_file_and_content(const void *a, const void *b) {
    const struct examples_item *x = a, *y = b;
    if (x->file != y->file)
        return x->file < y->file ? -1 : 1;
    if (x->content != y->content)
        return x->content < y->content ? -1 : 1;
    return x->number < y->number ? -1 : x->number > y->number;
}

int examples_by_rank(const void *a, const void *b) {
    const struct examples_item *x = a, *y = b;
    if (x->rank != y->rank)
        return x->rank < y->rank ? -1 : 1;
    return by_file_and_content(a, b);
}

static int by_number(const void *a, const void *b) {
    const struct examples_item *x = a, *y = b;
    return x->number < y->number ? -1 : x->number > y->number;
}

static bool same(const struct examples_item *x, const struct examples_item *y) {
    return x->file == y->file && x->content == y->content;
}

/* Keeps `most`: the first of each file, then the second of each, ..., where the order within a file
 * and of the files is that of hashes. Copies of one are kept once. */
static void thin(struct examples *x) {
    size_t n = 0;
    qsort(x->v, x->n, sizeof *x->v, by_file_and_content);
    for (size_t i = 0; i < x->n; i++) {
        if (n > 0 && same(&x->v[n - 1], &x->v[i])) {
            free(x->v[i].block);
            continue;
        }
        x->v[i].rank = n > 0 && x->v[n - 1].file == x->v[i].file ? x->v[n - 1].rank + 1 : 0;
        x->v[n++] = x->v[i];
    }
    x->n = n;
    if (n > x->most) {
        qsort(x->v, n, sizeof *x->v, examples_by_rank);
        for (size_t i = x->most; i < n; i++)
            free(x->v[i].block);
        x->n = x->most;
    }
    qsort(x->v, x->n, sizeof *x->v, by_number);
}

int examples_add(struct examples *x, const struct example *one, struct err *e) {
    struct examples_item item = {.number = x->added};
    if (x->prepared)
        return err_set(e, PRECIS_EUSAGE, "examples cannot be added to a pool that is in use");
    if (!array_grow((void **)&x->v, x->n, &x->cap, sizeof *x->v))
        return err_nomem(e, "examples");
    int rc = item_make(one, &item, e);
    if (rc)
        return rc;
    /* where a file ends, so that its own order is of all of it */
    if (x->n >= x->most + x->most / 4 && x->v[x->n - 1].file != item.file)
        thin(x);
    x->v[x->n++] = item;
    x->added++;
    return 0;
}

void examples_key(const char *path, const char *symbol, const char *code, struct buf *out) {
    const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;
    const char *dot = strrchr(name, '.');
    words_append(out, name, dot && dot > name ? (size_t)(dot - name) : strlen(name), KEY_WORDS);
    buf_char(out, ' ');
    words_append(out, symbol, strlen(symbol), KEY_WORDS);
    buf_str(out, ". ");
    buf_append(out, code, cut(code, KEY_CODE));
}

void examples_fields(const char *symbol, const char *code, struct bm25_field fields[2]) {
    fields[0] = (struct bm25_field){symbol, strlen(symbol), EXAMPLES_NAME_WEIGHT};
    fields[1] = (struct bm25_field){code, cut(code, EXAMPLES_MOST_CODE), 1};
}

/* Keys of some examples, one after the other. */
struct keys {
    struct buf text;
    size_t ends[BATCH];
    struct embed_text of[BATCH];
};

static int keys_make(const struct examples_item *v, size_t n, struct keys *k, struct err *e) {
    buf_clear(&k->text);
    for (size_t i = 0; i < n; i++) {
        examples_key(v[i].x.path, v[i].x.symbol, v[i].x.code, &k->text);
        k->ends[i] = k->text.len;
    }
    if (buf_failed(&k->text))
        return err_nomem(e, "keys of examples");
    for (size_t i = 0, at = 0; i < n; at = k->ends[i++])
        k->of[i] = (struct embed_text){k->text.data + at, k->ends[i] - at};
    return 0;
}

static int embed_all(struct examples *x, const atomic_bool *stop, struct err *e) {
    const struct embed_call call = {.stop = stop};
    struct keys *k = calloc(1, sizeof *k);
    x->width = embedder_info(x->em)->width;
    x->vectors = calloc(x->n + 1, x->width * sizeof *x->vectors);
    int rc = x->vectors && k ? 0 : err_nomem(e, "vectors of examples");
    for (size_t n, at = 0; rc == 0 && at < x->n; at += n) {
        n = x->n - at < BATCH ? x->n - at : BATCH;
        rc = keys_make(x->v + at, n, k, e);
        if (rc == 0)
            rc = embedder_embed(x->em, k->of, n, &call, x->vectors + at * x->width, NULL, e);
    }
    if (k)
        buf_free(&k->text);
    free(k);
    return rc;
}

int examples_prepare(struct examples *x, struct embedder *em, const atomic_bool *stop,
                     struct err *e) {
    struct bm25_field fields[2];
    if (x->prepared)
        return err_set(e, PRECIS_EUSAGE, "a pool of examples is prepared once");
    x->prepared = true;
    if (x->n > 0)
        thin(x);
    if (x->n > 0 && x->n < x->cap) { /* more went through it than are left */
        void *fit = realloc(x->v, x->n * sizeof *x->v);
        if (!fit)
            return err_nomem(e, "examples");
        x->v = fit;
        x->cap = x->n;
    }
    x->em = em;
    int rc = bm25_new(&x->words, e);
    for (size_t i = 0; rc == 0 && i < x->n; i++) {
        examples_fields(x->v[i].x.symbol, x->v[i].x.code, fields);
        rc = bm25_add(x->words, fields, 2, e);
    }
    if (rc == 0)
        rc = bm25_finish(x->words, e);
    if (rc == 0 && em)
        rc = embed_all(x, stop, e);
    if (rc == 0 && em)
        rc = examples_sentences_open(x, e);
    return rc ? rc : examples_choose_common(x, e);
}
