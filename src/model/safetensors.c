#include "model/safetensors.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/json.h"

/* The format allows headers of 100 MB; no model has as many tensors as that. */
enum { MAX_HEADER = 100000000, MAX_TENSORS = 1 << 17, MAX_NAME = 1 << 10, MAX_DIMS = 16 };
enum { SHOWN = 80 };

struct safetensors {
    char *path; /* owned */
    struct mapping map;
    const uint8_t *bytes;
    size_t size;
    json_t *header;             /* owned; the names live in it */
    struct safetensor *tensors; /* owned */
    size_t count;
};

static int bad(const struct safetensors *s, const char *name, const char *what, struct err *e) {
    return err_set(e, PRECIS_EINPUT, "%s: tensor '%.*s': %s", s->path, SHOWN, name, what);
}

static uint64_t load_u64(const uint8_t *p) {
    uint64_t v = 0;
    for (int i = 7; i >= 0; i--)
        v = v << 8 | p[i];
    return v;
}

/* Bits of one element, or 0 for a type that the format does not have. */
static unsigned dtype_bits(const char *dtype) {
    static const struct {
        const char *name;
        unsigned bits;
    } types[] = {{"BOOL", 8},    {"U8", 8},      {"I8", 8},          {"F8_E4M3", 8},
                 {"F8_E5M2", 8}, {"F8_E8M0", 8}, {"F8_E4M3FNUZ", 8}, {"F8_E5M2FNUZ", 8},
                 {"F4", 4},      {"F6_E2M3", 6}, {"F6_E3M2", 6},     {"I16", 16},
                 {"U16", 16},    {"F16", 16},    {"BF16", 16},       {"I32", 32},
                 {"U32", 32},    {"F32", 32},    {"F64", 64},        {"I64", 64},
                 {"U64", 64},    {"C64", 64}};
    for (size_t i = 0; i < sizeof types / sizeof *types; i++)
        if (strcmp(types[i].name, dtype) == 0)
            return types[i].bits;
    return 0;
}

static int read_dtype(const struct safetensors *s, struct safetensor *t, const json_t *entry,
                      unsigned *bits, struct err *e) {
    const char *name = t->tensor.name.s,
               *dtype = json_string_value(json_object_get(entry, "dtype"));
    if (!dtype)
        return bad(s, name, "'dtype' is missing or not a string", e);
    *bits = dtype_bits(dtype);
    if (*bits == 0)
        return err_set(e, PRECIS_EINPUT, "%s: tensor '%.*s': no such type: '%.32s'", s->path, SHOWN,
                       name, dtype);
    strncpy(t->dtype, dtype, sizeof t->dtype - 1);
    t->readable = true;
    if (strcmp(dtype, "F32") == 0)
        t->tensor.type = QUANT_F32;
    else if (strcmp(dtype, "F16") == 0)
        t->tensor.type = QUANT_F16;
    else if (strcmp(dtype, "BF16") == 0)
        t->tensor.type = QUANT_BF16;
    else
        t->readable = false;
    return 0;
}

static int read_shape(const struct safetensors *s, struct safetensor *t, const json_t *entry,
                      struct err *e) {
    struct tensor *x = &t->tensor;
    const json_t *shape = json_object_get(entry, "shape");
    size_t n = json_array_size(shape);
    if (!json_is_array(shape) || n > MAX_DIMS)
        return bad(s, x->name.s, "'shape' is missing, not an array, or has more than 16 dimensions",
                   e);
    x->elements = 1;
    for (size_t i = 0; i < 4; i++)
        x->dims[i] = 1;
    if (n > 4)
        t->readable = false;
    x->n_dims = n > 4 ? 4 : n < 1 ? 1 : (int)n;
    for (size_t i = 0; i < n; i++) {
        const json_t *v = json_array_get(shape, n - 1 - i);
        if (!json_is_integer(v) || json_integer_value(v) < 0)
            return bad(s, x->name.s, "a dimension is not a whole number", e);
        uint64_t d = (uint64_t)json_integer_value(v);
        if (i < 4)
            x->dims[i] = d;
        if (__builtin_mul_overflow(x->elements, d, &x->elements))
            return bad(s, x->name.s, "the number of elements overflows", e);
    }
    return 0;
}

static int read_place(const struct safetensors *s, struct safetensor *t, const json_t *entry,
                      unsigned bits, size_t base, struct err *e) {
    struct tensor *x = &t->tensor;
    const json_t *offsets = json_object_get(entry, "data_offsets");
    const json_t *first = json_array_get(offsets, 0), *last = json_array_get(offsets, 1);
    if (json_array_size(offsets) != 2 || !json_is_integer(first) || !json_is_integer(last) ||
        json_integer_value(first) < 0 || json_integer_value(last) < json_integer_value(first))
        return bad(s, x->name.s, "'data_offsets' is not a pair of rising whole numbers", e);
    uint64_t begin = (uint64_t)json_integer_value(first), end = (uint64_t)json_integer_value(last);
    if (end > s->size - base)
        return err_set(e, PRECIS_EINPUT,
                       "%s: tensor '%.*s' ends at %" PRIu64
                       ", but there are %zu bytes of data: truncated?",
                       s->path, SHOWN, x->name.s, end, s->size - base);
    uint64_t need;
    if (__builtin_mul_overflow(x->elements, (uint64_t)bits, &need) || need % 8 ||
        need / 8 != end - begin)
        return err_set(e, PRECIS_EINPUT,
                       "%s: tensor '%.*s': %" PRIu64 " elements of %s do not take %" PRIu64
                       " bytes",
                       s->path, SHOWN, x->name.s, x->elements, t->dtype, end - begin);
    x->data = s->bytes + base + begin;
    x->size = (size_t)(end - begin);
    return 0;
}

static int read_tensor(const struct safetensors *s, struct safetensor *t, const char *name,
                       const json_t *entry, size_t base, struct err *e) {
    unsigned bits = 0;
    t->tensor.name = (struct str){.s = name, .len = strlen(name)};
    if (t->tensor.name.len == 0 || t->tensor.name.len > MAX_NAME)
        return err_set(e, PRECIS_EINPUT, "%s: a tensor's name has %zu bytes: 1 to %d are allowed",
                       s->path, t->tensor.name.len, MAX_NAME);
    if (!json_is_object(entry))
        return bad(s, name, "its entry is not an object", e);
    int rc = read_dtype(s, t, entry, &bits, e);
    if (!rc)
        rc = read_shape(s, t, entry, e);
    return rc ? rc : read_place(s, t, entry, bits, base, e);
}

static int by_place(const void *a, const void *b) {
    const struct tensor *x = &((const struct safetensor *)a)->tensor;
    const struct tensor *y = &((const struct safetensor *)b)->tensor;
    if (x->data != y->data)
        return x->data < y->data ? -1 : 1;
    return (x->size > y->size) - (x->size < y->size);
}

/* The tensors, sorted by their place, must follow one another from the first byte to the last. */
static int check_cover(const struct safetensors *s, size_t base, struct err *e) {
    const uint8_t *at = s->bytes + base;
    for (size_t i = 0; i < s->count; i++) {
        const struct tensor *t = &s->tensors[i].tensor;
        if (t->data != at)
            return err_set(e, PRECIS_EINPUT, "%s: tensor '%.*s' begins at %zu, %s the one before",
                           s->path, SHOWN, t->name.s, (size_t)(t->data - s->bytes) - base,
                           t->data < at ? "inside" : "with a gap after");
        at += t->size;
    }
    if (at != s->bytes + s->size)
        return err_set(e, PRECIS_EINPUT, "%s: %zu bytes at its end belong to no tensor", s->path,
                       (size_t)(s->bytes + s->size - at));
    return 0;
}

static int check_metadata(const struct safetensors *s, json_t *metadata, struct err *e) {
    const char *key;
    json_t *value;
    if (!json_is_object(metadata))
        return err_set(e, PRECIS_EINPUT, "%s: __metadata__ is not an object", s->path);
    json_object_foreach(metadata, key, value) if (!json_is_string(value)) return err_set(
        e, PRECIS_EINPUT, "%s: __metadata__: '%.*s' is not a string", s->path, SHOWN, key);
    return 0;
}

static int read_tensors(struct safetensors *s, size_t base, struct err *e) {
    const char *name;
    json_t *entry;
    size_t n = json_object_size(s->header);
    if (n > MAX_TENSORS)
        return err_set(e, PRECIS_EINPUT, "%s: %zu tensors: at most %d are allowed", s->path, n,
                       MAX_TENSORS);
    s->tensors = calloc(n + 1, sizeof *s->tensors);
    if (!s->tensors)
        return err_nomem(e, s->path);
    json_object_foreach(s->header, name, entry) {
        int rc = strcmp(name, "__metadata__") == 0
                     ? check_metadata(s, entry, e)
                     : read_tensor(s, &s->tensors[s->count++], name, entry, base, e);
        if (rc)
            return rc;
    }
    qsort(s->tensors, s->count, sizeof *s->tensors, by_place);
    return check_cover(s, base, e);
}

static int parse(struct safetensors *s, struct err *e) {
    json_error_t je;
    if (s->size < 8)
        return err_set(e, PRECIS_EINPUT, "%s: has %zu bytes: no safetensors file (truncated?)",
                       s->path, s->size);
    uint64_t n = load_u64(s->bytes);
    if (n > MAX_HEADER || n > s->size - 8)
        return err_set(e, PRECIS_EINPUT,
                       "%s: no safetensors file, or truncated: its header would have %" PRIu64
                       " bytes",
                       s->path, n);
    if (n < 2 || s->bytes[8] != '{')
        return err_set(e, PRECIS_EINPUT, "%s: the header is not a JSON object", s->path);
    s->header = json_read((const char *)s->bytes + 8, (size_t)n, JSON_REJECT_DUPLICATES, &je);
    if (json_lacked_memory(s->header, &je))
        return err_nomem(e, s->path);
    if (!s->header)
        return err_set(e, PRECIS_EINPUT, "%s: the header is not valid JSON: %s (byte %d)", s->path,
                       je.text, je.position);
    return read_tensors(s, 8 + (size_t)n, e);
}

int safetensors_open_memory(const char *name, const uint8_t *bytes, size_t size,
                            struct safetensors **out, struct err *e) {
    *out = NULL;
    struct safetensors *s = calloc(1, sizeof *s);
    if (!s)
        return err_nomem(e, name);
    s->path = strdup(name);
    s->bytes = bytes;
    s->size = size;
    int rc = s->path ? parse(s, e) : err_nomem(e, name);
    if (rc)
        safetensors_close(s);
    else
        *out = s;
    return rc;
}

int safetensors_open(const char *path, struct safetensors **out, struct err *e) {
    *out = NULL;
    struct mapping map;
    int rc = file_map(path, &map, e);
    if (rc)
        return rc;
    rc = safetensors_open_memory(path, map.data, map.size, out, e);
    if (*out)
        (*out)->map = map;
    else
        file_unmap(&map);
    return rc;
}

void safetensors_close(struct safetensors *s) {
    if (!s)
        return;
    json_decref(s->header);
    free(s->tensors);
    file_unmap(&s->map);
    free(s->path);
    free(s);
}

void safetensors_release(const struct safetensors *s) {
    file_release(&s->map);
}

const char *safetensors_path(const struct safetensors *s) {
    return s->path;
}

const uint8_t *safetensors_bytes(const struct safetensors *s) {
    return s->bytes;
}

size_t safetensors_size(const struct safetensors *s) {
    return s->size;
}

size_t safetensors_count(const struct safetensors *s) {
    return s->count;
}

const struct safetensor *safetensors_at(const struct safetensors *s, size_t i) {
    return i < s->count ? &s->tensors[i] : NULL;
}
