#include "model/tensor_set.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"

static int compare_names(struct str a, struct str b) {
    if (a.len != b.len)
        return a.len < b.len ? -1 : 1;
    return memcmp(a.s, b.s, a.len);
}

static int by_stored_name(const void *a, const void *b) {
    return compare_names(((const struct stored_tensor *)a)->tensor.name,
                         ((const struct stored_tensor *)b)->tensor.name);
}

static int by_bound_name(const void *a, const void *b) {
    return compare_names(((const struct bound_tensor *)a)->tensor.name,
                         ((const struct bound_tensor *)b)->tensor.name);
}

static int sort_stored(struct tensor_set *s, struct err *e) {
    qsort(s->stored, s->stored_count, sizeof *s->stored, by_stored_name);
    for (size_t i = 1; i < s->stored_count; i++)
        if (by_stored_name(&s->stored[i - 1], &s->stored[i]) == 0)
            return err_set(e, PRECIS_EINPUT, "%s: tensor '%.80s' is in two of its files", s->path,
                           s->stored[i].tensor.name.s);
    return 0;
}

int tensor_set_from_gguf(struct tensor_set *s, const struct gguf *g, struct err *e) {
    size_t n = gguf_tensor_count(g);
    s->stored = calloc(n + 1, sizeof *s->stored);
    if (!s->stored)
        return err_nomem(e, s->path);
    for (size_t i = 0; i < n; i++)
        s->stored[i].tensor = *gguf_tensor_at(g, i);
    s->stored_count = n;
    return sort_stored(s, e);
}

int tensor_set_from_files(struct tensor_set *s, struct safetensors *const *files, size_t n,
                          struct err *e) {
    size_t total = 0;
    for (size_t i = 0; i < n; i++)
        total += safetensors_count(files[i]);
    s->stored = calloc(total + 1, sizeof *s->stored);
    if (!s->stored)
        return err_nomem(e, s->path);
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < safetensors_count(files[i]); j++) {
            const struct safetensor *t = safetensors_at(files[i], j);
            s->stored[s->stored_count++] =
                (struct stored_tensor){.tensor = t->tensor, .dtype = t->readable ? NULL : t->dtype};
        }
    return sort_stored(s, e);
}

void tensor_set_free(struct tensor_set *s) {
    for (size_t i = 0; i < s->bound_count; i++)
        free(s->bound[i].values);
    free(s->bound);
    free(s->stored);
    *s = (struct tensor_set){0};
}

struct stored_tensor *tensor_set_stored(const struct tensor_set *s, const char *name) {
    struct stored_tensor key = {.tensor.name = {.s = name, .len = strlen(name)}};
    return s->stored_count
               ? bsearch(&key, s->stored, s->stored_count, sizeof *s->stored, by_stored_name)
               : NULL;
}

static int wrong_shape(const struct tensor_set *s, const struct tensor *t, uint64_t in,
                       uint64_t out, struct err *e) {
    return err_set(e, PRECIS_EINPUT,
                   "%s: tensor '%.*s' has the shape [%" PRIu64 ", %" PRIu64 ", %" PRIu64
                   ", %" PRIu64 "]: [%" PRIu64 ", %" PRIu64 "] is needed",
                   s->path, (int)t->name.len, t->name.s, t->dims[0], t->dims[1], t->dims[2],
                   t->dims[3], in, out);
}

/* The stored tensor, marked as used; NULL, with *rc, if it is not as needed. */
static struct stored_tensor *need(const struct tensor_set *s, const char *from, uint64_t in,
                                  uint64_t out, int *rc, struct err *e) {
    struct stored_tensor *t = tensor_set_stored(s, from);
    if (!t) {
        *rc = err_set(e, PRECIS_EINPUT, "%s: tensor '%s' is missing", s->path, from);
        return NULL;
    }
    if (t->dtype) {
        *rc = err_set(e, PRECIS_EUNSUPPORTED, "%s: tensor '%s': type %s is not supported", s->path,
                      from, t->dtype);
        return NULL;
    }
    if (t->tensor.dims[0] != in || t->tensor.dims[1] != out || t->tensor.dims[2] != 1 ||
        t->tensor.dims[3] != 1) {
        *rc = wrong_shape(s, &t->tensor, in, out, e);
        return NULL;
    }
    t->used = true;
    return t;
}

static int append(struct tensor_set *s, const char *name, const struct tensor *t, float *values,
                  struct err *e) {
    void *array = s->bound;
    if (!array_grow(&array, s->bound_count, &s->bound_cap, sizeof *s->bound))
        return err_nomem(e, s->path);
    s->bound = array;
    struct bound_tensor *b = &s->bound[s->bound_count++];
    *b = (struct bound_tensor){.tensor = *t, .values = values};
    snprintf(b->name, sizeof b->name, "%s", name);
    return 0;
}

int tensor_set_bind(struct tensor_set *s, const char *name, const char *from, uint64_t in,
                    uint64_t out, struct err *e) {
    return tensor_set_bind_part(s, name, from, in, out, 0, out == 1 ? in : out, e);
}

int tensor_set_bind_part(struct tensor_set *s, const char *name, const char *from, uint64_t in,
                         uint64_t out, uint64_t first, uint64_t count, struct err *e) {
    int rc = 0;
    const struct stored_tensor *whole = need(s, from, in, out, &rc, e);
    if (!whole)
        return rc;
    struct tensor t = whole->tensor;
    const struct quant_format *f = quant_format(t.type);
    const bool vector = out == 1;
    const uint64_t unit = vector ? 1 : in;
    if (first * unit % f->block || count * unit % f->block)
        return err_set(e, PRECIS_EUNSUPPORTED,
                       "%s: tensor '%s': blocks of %s reach over the parts it is made of", s->path,
                       from, f->name);
    t.dims[vector ? 0 : 1] = count;
    t.elements = count * unit;
    t.data += first * unit / f->block * f->block_size;
    t.size = (size_t)(t.elements / f->block * f->block_size);
    return append(s, name, &t, NULL, e);
}

int tensor_set_values(struct tensor_set *s, const char *from, uint64_t n, float *out,
                      struct err *e) {
    int rc = 0;
    const struct stored_tensor *t = need(s, from, n, 1, &rc, e);
    if (t)
        quant_to_f32(t->tensor.type, t->tensor.data, (size_t)n, out);
    return rc;
}

int tensor_set_bind_gain(struct tensor_set *s, const char *name, const char *from, uint64_t n,
                         struct err *e) {
    int rc = 0;
    const struct stored_tensor *stored = need(s, from, n, 1, &rc, e);
    if (!stored)
        return rc;
    float *values = malloc((size_t)n * sizeof *values);
    if (!values)
        return err_nomem(e, s->path);
    quant_to_f32(stored->tensor.type, stored->tensor.data, (size_t)n, values);
    for (uint64_t i = 0; i < n; i++)
        values[i] += 1;
    struct tensor t = stored->tensor;
    t.type = QUANT_F32;
    t.data = (const uint8_t *)values;
    t.size = (size_t)n * sizeof *values;
    rc = append(s, name, &t, values, e);
    if (rc)
        free(values);
    return rc;
}

void tensor_set_finish(struct tensor_set *s) {
    for (int pass = 0; pass < 2; pass++) { /* sorting moves the names */
        for (size_t i = 0; i < s->bound_count; i++) {
            struct bound_tensor *b = &s->bound[i];
            b->tensor.name = (struct str){.s = b->name, .len = strlen(b->name)};
        }
        if (pass == 0 && s->bound_count)
            qsort(s->bound, s->bound_count, sizeof *s->bound, by_bound_name);
    }
}

const struct tensor *tensor_set_find(const struct tensor_set *s, const char *name) {
    struct bound_tensor key = {.tensor.name = {.s = name, .len = strlen(name)}};
    const struct bound_tensor *b =
        s->bound_count ? bsearch(&key, s->bound, s->bound_count, sizeof *s->bound, by_bound_name)
                       : NULL;
    return b ? &b->tensor : NULL;
}
