#include "index/batch.h"

#include <stdlib.h>
#include <string.h>

#include "index/views.h"

enum { SLICE = 128 /* items in a call of the encoder */ };

struct preparation {
    struct batch *b;
    const struct batch_encoder *x;
    struct buf texts;
    struct views *views; /* [n_items] */
    size_t *missing;     /* [n_missing] items that are to be embedded */
    size_t n_missing;
};

static int make_views(struct preparation *p, struct err *e) {
    struct batch *b = p->b;
    for (size_t f = 0; f < b->n_files; f++)
        for (size_t i = b->files[f].first; i < b->files[f].first + b->files[f].n; i++) {
            struct batch_item *item = &b->items[i];
            const struct view_subject s = {.symbol = item->e.symbol,
                                           .path = b->files[f].f.file.path,
                                           .head = item->head,
                                           .head_len = item->head_len,
                                           .body = item->e.body,
                                           .body_len = item->e.body_len};
            int rc = views_make(&s, &p->texts, &p->views[i], e);
            if (rc)
                return rc;
            memcpy(item->e.text, p->views[i].hash, sizeof item->e.text);
        }
    return 0;
}

static int by_hash(const void *a, const void *b, void *user) {
    const struct views *views = user;
    size_t x = *(const size_t *)a, y = *(const size_t *)b;
    int order = memcmp(views[x].hash, views[y].hash, HASH_SHA256_SIZE);
    return order ? order : (x > y) - (x < y);
}

static int by_number(const void *a, const void *b) {
    size_t x = *(const size_t *)a, y = *(const size_t *)b;
    return (x > y) - (x < y);
}

/* Of items with one text the first, if no vector is there. */
static int find_missing(struct preparation *p, struct store *known, float *scratch, struct err *e) {
    size_t n = p->b->n_items;
    for (size_t i = 0; i < n; i++)
        p->missing[i] = i;
    qsort_r(p->missing, n, sizeof *p->missing, by_hash, p->views);
    for (size_t i = 0; i < n; i++) {
        size_t item = p->missing[i];
        bool again = i > 0 && memcmp(p->views[item].hash, p->b->items[p->missing[i - 1]].e.text,
                                     HASH_SHA256_SIZE) == 0;
        int rc = again ? 0
                       : store_find_vector(known, p->x->id, p->views[item].hash, scratch,
                                           p->x->width, e);
        if (rc && rc != PRECIS_ENOTFOUND)
            return rc;
        if (rc == PRECIS_ENOTFOUND)
            p->b->vectors[p->n_missing++].width = item;
    }
    for (size_t i = 0; i < p->n_missing; i++)
        p->missing[i] = p->b->vectors[i].width;
    qsort(p->missing, p->n_missing, sizeof *p->missing, by_number);
    p->b->known = n - p->n_missing;
    return 0;
}

static int embed_slice(struct preparation *p, size_t first, size_t n, const struct embed_call *call,
                       float *out, struct err *e) {
    struct embed_text texts[VIEWS * SLICE];
    size_t count = 0, width = p->x->width;
    for (size_t i = 0; i < n; i++) {
        const struct views *v = &p->views[p->missing[first + i]];
        for (int k = v->same; k < VIEWS; k++)
            texts[count++] = (struct embed_text){p->texts.data + v->at[k], v->len[k]};
    }
    int rc = embedder_embed(p->x->em, texts, count, call, out, NULL, e);
    const float *from = out;
    for (size_t i = 0; rc == 0 && i < n; i++) {
        const struct views *v = &p->views[p->missing[first + i]];
        struct store_vector *to = &p->b->vectors[first + i];
        int8_t *numbers = p->b->numbers + (first + i) * width;
        views_mean(from, v->same ? from : from + width, width, out + i * width);
        from += v->same ? width : VIEWS * width;
        *to = (struct store_vector){.v = numbers, .width = width};
        memcpy(to->text, v->hash, sizeof to->text);
        to->scale = views_round(out + i * width, width, numbers);
    }
    p->b->n_vectors = first + n;
    return rc;
}

static int embed_missing(struct preparation *p, const atomic_bool *stop, float *scratch,
                         struct err *e) {
    const struct embed_call call = {.stop = stop};
    int rc = 0;
    for (size_t at = 0; rc == 0 && at < p->n_missing; at += SLICE) {
        size_t n = p->n_missing - at < SLICE ? p->n_missing - at : SLICE;
        rc = embed_slice(p, at, n, &call, scratch, e);
    }
    return rc;
}

static int get_vectors(struct preparation *p, struct store *known, const atomic_bool *stop,
                       struct err *e) {
    struct batch *b = p->b;
    size_t n = b->n_items;
    float *scratch = malloc(VIEWS * SLICE * p->x->width * sizeof *scratch);
    p->missing = malloc(n * sizeof *p->missing);
    b->vectors = calloc(n, sizeof *b->vectors);
    int rc = scratch && p->missing && b->vectors ? find_missing(p, known, scratch, e)
                                                 : err_nomem(e, "vectors");
    if (rc == 0 && p->n_missing && !(b->numbers = malloc(p->n_missing * p->x->width)))
        rc = err_nomem(e, "vectors");
    if (rc == 0)
        rc = embed_missing(p, stop, scratch, e);
    free(scratch);
    return rc;
}

int batch_prepare(struct batch *b, const struct batch_encoder *x, struct store *known,
                  const atomic_bool *stop, struct err *e) {
    struct preparation p = {.b = b, .x = x};
    if (!b->n_items)
        return 0;
    p.views = calloc(b->n_items, sizeof *p.views);
    int rc = p.views ? make_views(&p, e) : err_nomem(e, "texts");
    if (rc == 0 && x->em)
        rc = get_vectors(&p, known, stop, e);
    free(p.views);
    free(p.missing);
    buf_free(&p.texts);
    return rc;
}

static int write_file(const struct batch *b, const struct batch_file *f, struct store *s,
                      int64_t *ids, struct err *e) {
    if (f->touched)
        return store_put_file(s, &f->f.file, e);
    struct store_entry *entries = malloc((f->n ? f->n : 1) * sizeof *entries);
    if (!entries)
        return err_nomem(e, "entries");
    for (size_t i = 0; i < f->n; i++)
        entries[i] = b->items[f->first + i].e;
    int rc = store_put_entries(s, &f->f, entries, f->n, ids ? ids + f->first : NULL, e);
    free(entries);
    return rc;
}

int batch_write(const struct batch *b, const struct batch_encoder *x, struct store *s, int64_t *ids,
                struct err *e) {
    int rc = store_begin(s, e);
    if (rc)
        return rc;
    for (size_t i = 0; rc == 0 && i < b->n_vectors; i++)
        rc = store_put_vector(s, x->id, &b->vectors[i], e);
    for (size_t i = 0; rc == 0 && i < b->n_files; i++)
        rc = write_file(b, &b->files[i], s, ids, e);
    if (rc) {
        store_abandon(s);
        return rc;
    }
    return store_commit(s, e);
}

void batch_free(struct batch *b) {
    free(b->files);
    free(b->items);
    free(b->vectors);
    free(b->numbers);
    *b = (struct batch){0};
}
