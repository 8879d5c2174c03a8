#include "model/gguf_parse.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"

/* Far above any model's needs; a file that claims more is not a model, and the table of its names
 * would be several times larger than the file. */
enum { MAX_VALUES = 1 << 16, MAX_TENSORS = 1 << 17, MAX_NAME = 1 << 10, MAX_ALIGNMENT = 1 << 20 };
/* The fewest bytes that one of them takes in the file. */
enum { MIN_VALUE = 8 + 1 + 4 + 1, MIN_TENSOR = 8 + 1 + 4 + 8 + 4 + 8 };
enum { DEFAULT_ALIGNMENT = 32 };
/* How much of a name goes into a message. */
enum { SHOWN = 80 };

struct cursor {
    const struct gguf *g;
    size_t at;
    struct err *e;
};

static int shown(struct str s) {
    return s.len > SHOWN ? SHOWN : (int)s.len;
}

size_t gguf_scalar_size(uint32_t type) {
    static const uint8_t sizes[] = {1, 1, 2, 2, 4, 4, 4, 1, 0, 0, 8, 8, 8};
    return type < sizeof sizes ? sizes[type] : 0;
}

/* The next bytes, or NULL (PRECIS_EINPUT) when the file ends before. */
static const uint8_t *take(struct cursor *c, const char *what, uint64_t need) {
    if (need > c->g->size - c->at) {
        err_set(c->e, PRECIS_EINPUT,
                "%s: %s at byte %zu needs %" PRIu64 " bytes, but the file ends at %zu: truncated?",
                c->g->path, what, c->at, need, c->g->size);
        return NULL;
    }
    const uint8_t *p = c->g->data + c->at;
    c->at += (size_t)need;
    return p;
}

static int take_u32(struct cursor *c, const char *what, uint32_t *v) {
    const uint8_t *p = take(c, what, 4);
    *v = p ? gguf_load_u32(p) : 0;
    return p ? 0 : PRECIS_EINPUT;
}

static int take_u64(struct cursor *c, const char *what, uint64_t *v) {
    const uint8_t *p = take(c, what, 8);
    *v = p ? gguf_load_u64(p) : 0;
    return p ? 0 : PRECIS_EINPUT;
}

static int take_string(struct cursor *c, const char *what, struct str *s) {
    uint64_t len;
    int rc = take_u64(c, what, &len);
    if (rc)
        return rc;
    const uint8_t *p = take(c, what, len);
    *s = (struct str){.s = (const char *)p, .len = p ? (size_t)len : 0};
    return p ? 0 : PRECIS_EINPUT;
}

static int take_name(struct cursor *c, const char *what, struct str *s) {
    size_t at = c->at;
    int rc = take_string(c, what, s);
    if (rc)
        return rc;
    if (s->len == 0 || s->len > MAX_NAME)
        return err_set(c->e, PRECIS_EINPUT, "%s: %s at byte %zu has %zu bytes: 1 to %d are allowed",
                       c->g->path, what, at, s->len, MAX_NAME);
    return 0;
}

static struct str name_at(const void *names, size_t stride, size_t i) {
    struct str s;
    memcpy(&s, (const char *)names + i * stride, sizeof s);
    return s;
}

/* The slot that holds `name`, or the empty one where it would go. */
static uint32_t *table_slot(const struct gguf_table *t, const void *names, size_t stride,
                            struct str name) {
    size_t at = (size_t)hash_bytes(name.s, name.len, t->seed) & t->mask;
    for (;; at = (at + 1) & t->mask) {
        uint32_t *slot = &t->slots[at];
        if (!*slot)
            return slot;
        struct str other = name_at(names, stride, *slot - 1);
        if (other.len == name.len && memcmp(other.s, name.s, name.len) == 0)
            return slot;
    }
}

size_t gguf_table_find(const struct gguf_table *t, const void *names, size_t stride,
                       struct str name) {
    uint32_t found = *table_slot(t, names, stride, name);
    return found ? found - 1 : SIZE_MAX;
}

static int table_build(const struct gguf *g, struct gguf_table *t, const void *names, size_t stride,
                       size_t n, const char *what, struct err *e) {
    size_t size = 8;
    while (size < 2 * n)
        size *= 2;
    t->slots = calloc(size, sizeof *t->slots);
    if (!t->slots)
        return err_nomem(e, g->path);
    t->mask = size - 1;
    t->seed = hash_mix((uintptr_t)g, (uintptr_t)t->slots);
    for (size_t i = 0; i < n; i++) {
        struct str name = name_at(names, stride, i);
        uint32_t *slot = table_slot(t, names, stride, name);
        if (*slot)
            return err_set(e, PRECIS_EINPUT, "%s: %s '%.*s' is there twice", g->path, what,
                           shown(name), name.s);
        *slot = (uint32_t)i + 1;
    }
    return 0;
}

static int bad_type(const struct cursor *c, const struct gguf_value *v, uint32_t type) {
    return err_set(c->e, PRECIS_EINPUT, "%s: key '%.*s': no such value type: %" PRIu32, c->g->path,
                   shown(v->key), v->key.s, type);
}

static int check_bools(const struct cursor *c, const struct gguf_value *v, size_t n) {
    for (size_t i = 0; i < n; i++)
        if (v->bytes[i] > 1)
            return err_set(c->e, PRECIS_EINPUT, "%s: key '%.*s': %d is not a truth value (0 or 1)",
                           c->g->path, shown(v->key), v->key.s, v->bytes[i]);
    return 0;
}

static int read_strings(struct cursor *c, struct gguf_value *v) {
    v->starts = malloc((v->count ? v->count : 1) * sizeof *v->starts);
    if (!v->starts)
        return err_nomem(c->e, c->g->path);
    size_t base = c->at;
    for (size_t i = 0; i < v->count; i++) {
        struct str s;
        v->starts[i] = c->at - base;
        int rc = take_string(c, "a string of an array", &s);
        if (rc)
            return rc;
    }
    return 0;
}

static int read_array(struct cursor *c, struct gguf_value *v) {
    uint32_t item;
    uint64_t count;
    int rc = take_u32(c, "an array's type", &item);
    if (!rc)
        rc = take_u64(c, "an array's count", &count);
    if (rc)
        return rc;
    if (item > GGUF_F64)
        return bad_type(c, v, item);
    if (item == GGUF_ARRAY)
        return err_set(c->e, PRECIS_EUNSUPPORTED,
                       "%s: key '%.*s': arrays of arrays are not supported", c->g->path,
                       shown(v->key), v->key.s);
    /* A string takes at least its length, so a count that passes warrants the table of starts. */
    size_t least = item == GGUF_STRING ? 8 : gguf_scalar_size(item);
    if (count > (c->g->size - c->at) / least)
        return err_set(c->e, PRECIS_EINPUT,
                       "%s: key '%.*s': an array of %" PRIu64
                       " elements does not fit in the %zu bytes "
                       "that are left of the file",
                       c->g->path, shown(v->key), v->key.s, count, c->g->size - c->at);
    v->item = (enum gguf_type)item;
    v->count = (size_t)count;
    v->bytes = c->g->data + c->at;
    if (item == GGUF_STRING)
        return read_strings(c, v);
    c->at += v->count * least;
    return item == GGUF_BOOL ? check_bools(c, v, v->count) : 0;
}

static int read_value(struct cursor *c, struct gguf_value *v) {
    uint32_t type;
    int rc = take_name(c, "a key", &v->key);
    if (!rc)
        rc = take_u32(c, "a value's type", &type);
    if (rc)
        return rc;
    if (type > GGUF_F64)
        return bad_type(c, v, type);
    v->type = (enum gguf_type)type;
    if (type == GGUF_ARRAY)
        return read_array(c, v);
    v->bytes = c->g->data + c->at;
    if (type == GGUF_STRING) {
        struct str s;
        return take_string(c, "a string", &s);
    }
    if (!take(c, "a value", gguf_scalar_size(type)))
        return PRECIS_EINPUT;
    return type == GGUF_BOOL ? check_bools(c, v, 1) : 0;
}

static int tensor_error(const struct cursor *c, const struct tensor *t, int code, const char *what,
                        uint64_t value, const char *why) {
    return err_set(c->e, code, "%s: tensor '%.*s': %s %" PRIu64 "%s", c->g->path, shown(t->name),
                   t->name.s, what, value, why);
}

static int read_type(struct cursor *c, struct tensor *t, const struct quant_format **format) {
    uint32_t type;
    int rc = take_u32(c, "a tensor's type", &type);
    if (rc)
        return rc;
    *format = quant_format(type);
    if (!*format) {
        const char *name = quant_ggml_name(type);
        return err_set(c->e, PRECIS_EUNSUPPORTED,
                       "%s: tensor '%.*s': type %" PRIu32 " (%s) is not supported", c->g->path,
                       shown(t->name), t->name.s, type, name ? name : "unknown");
    }
    t->type = (enum quant_type)type;
    return 0;
}

static int read_dims(struct cursor *c, struct tensor *t) {
    uint32_t n;
    int rc = take_u32(c, "a tensor's number of dimensions", &n);
    if (rc)
        return rc;
    if (n < 1 || n > 4)
        return tensor_error(c, t, PRECIS_EINPUT, "number of dimensions", n, ": 1 to 4 are allowed");
    t->n_dims = (int)n;
    t->elements = 1;
    for (uint32_t i = 0; i < 4; i++) {
        t->dims[i] = 1;
        if (i < n && (rc = take_u64(c, "a tensor's dimension", &t->dims[i])) != 0)
            return rc;
        if (t->dims[i] == 0)
            return tensor_error(c, t, PRECIS_EINPUT, "dimension", 0, "");
        if (__builtin_mul_overflow(t->elements, t->dims[i], &t->elements))
            return tensor_error(c, t, PRECIS_EINPUT, "dimension", t->dims[i],
                                " makes the number of elements overflow");
    }
    return 0;
}

/* One entry of the list of tensors. Its data is not known before the list ends: *offset is from
 * there. */
static int read_tensor(struct cursor *c, struct tensor *t, uint64_t *offset) {
    const struct quant_format *format;
    int rc = take_name(c, "a tensor's name", &t->name);
    if (!rc)
        rc = read_dims(c, t);
    if (!rc)
        rc = read_type(c, t, &format);
    if (!rc)
        rc = take_u64(c, "a tensor's offset", offset);
    if (rc)
        return rc;
    if (t->dims[0] % format->block)
        return err_set(
            c->e, PRECIS_EINPUT,
            "%s: tensor '%.*s': rows of %" PRIu64 " are not whole blocks of %s (%u values)",
            c->g->path, shown(t->name), t->name.s, t->dims[0], format->name, format->block);
    if (__builtin_mul_overflow(t->elements / format->block, (uint64_t)format->block_size, &t->size))
        return tensor_error(c, t, PRECIS_EINPUT, "number of elements", t->elements, " is absurd");
    return 0;
}

static int place_tensor(const struct cursor *c, struct tensor *t, uint64_t offset,
                        uint64_t alignment) {
    const struct gguf *g = c->g;
    if (offset % alignment)
        return err_set(c->e, PRECIS_EINPUT,
                       "%s: tensor '%.*s': offset %" PRIu64
                       " is not a multiple of the alignment %" PRIu64,
                       g->path, shown(t->name), t->name.s, offset, alignment);
    uint64_t base = (c->at + alignment - 1) / alignment * alignment;
    uint64_t room = base < g->size ? g->size - base : 0;
    if (offset > room || t->size > room - offset)
        return err_set(c->e, PRECIS_EINPUT,
                       "%s: tensor '%.*s': offset %" PRIu64
                       " + %zu bytes is past the end of the data (%" PRIu64 " bytes): truncated?",
                       g->path, shown(t->name), t->name.s, offset, t->size, room);
    t->data = g->data + base + offset;
    return 0;
}

struct place {
    const struct tensor *t;
};

static int by_data(const void *a, const void *b) {
    const struct tensor *x = ((const struct place *)a)->t, *y = ((const struct place *)b)->t;
    return (x->data > y->data) - (x->data < y->data);
}

static int check_overlap(const struct gguf *g, struct err *e) {
    size_t n = g->tensor_count;
    if (n < 2)
        return 0;
    struct place *order = malloc(n * sizeof *order);
    if (!order)
        return err_nomem(e, g->path);
    for (size_t i = 0; i < n; i++)
        order[i].t = &g->tensors[i];
    qsort(order, n, sizeof *order, by_data);
    int rc = 0;
    for (size_t i = 1; i < n && !rc; i++) {
        const struct tensor *a = order[i - 1].t, *b = order[i].t;
        if (a->size > (size_t)(b->data - a->data))
            rc = err_set(e, PRECIS_EINPUT, "%s: tensors '%.*s' and '%.*s' overlap at byte %zu",
                         g->path, shown(a->name), a->name.s, shown(b->name), b->name.s,
                         (size_t)(b->data - g->data));
    }
    free(order);
    return rc;
}

static int read_head(struct cursor *c, uint64_t *tensors, uint64_t *values) {
    const struct gguf *g = c->g;
    uint32_t version;
    if (g->size == 0)
        return err_set(c->e, PRECIS_EINPUT, "%s: is empty, not a GGUF file", g->path);
    if (g->size < 4 || memcmp(g->data, "GGUF", 4) != 0)
        return err_set(c->e, PRECIS_EINPUT, "%s: is not a GGUF file (it begins with '%.*s')",
                       g->path, g->size < 4 ? (int)g->size : 4, (const char *)g->data);
    c->at = 4;
    int rc = take_u32(c, "the version", &version);
    if (rc)
        return rc;
    if (version && !(version & 0xffff))
        return err_set(c->e, PRECIS_EUNSUPPORTED, "%s: big-endian GGUF files are not supported",
                       g->path);
    if (version != 2 && version != 3)
        return err_set(c->e, PRECIS_EUNSUPPORTED,
                       "%s: GGUF version %" PRIu32 " is not supported (2 and 3 are)", g->path,
                       version);
    rc = take_u64(c, "the number of tensors", tensors);
    return rc ? rc : take_u64(c, "the number of keys", values);
}

static int check_count(const struct cursor *c, const char *what, uint64_t n, uint64_t most,
                       uint64_t each) {
    if (n <= most && n <= (c->g->size - c->at) / each)
        return 0;
    return err_set(c->e, PRECIS_EINPUT,
                   "%s: the file claims %" PRIu64 " %s: too many for its %zu bytes (and %" PRIu64
                   " are allowed)",
                   c->g->path, n, what, c->g->size, most);
}

static int read_values(struct cursor *c, struct gguf *g, uint64_t n) {
    int rc = check_count(c, "keys", n, MAX_VALUES, MIN_VALUE);
    if (rc)
        return rc;
    g->values = calloc((size_t)n + 1, sizeof *g->values);
    if (!g->values)
        return err_nomem(c->e, g->path);
    /* The one that fails counts: it may own an array. */
    while (!rc && g->value_count < n)
        rc = read_value(c, &g->values[g->value_count++]);
    if (rc)
        return rc;
    return table_build(g, &g->value_table, &g->values->key, sizeof *g->values, g->value_count,
                       "key", c->e);
}

static int read_alignment(const struct cursor *c, uint64_t *alignment) {
    static const char key[] = "general.alignment";
    *alignment = DEFAULT_ALIGNMENT;
    if (!gguf_has(c->g, key))
        return 0;
    uint64_t a = 0;
    if (!gguf_u64(c->g, key, &a) || a < 8 || a > MAX_ALIGNMENT || (a & (a - 1)))
        return err_set(c->e, PRECIS_EINPUT,
                       "%s: %s is %" PRIu64 ": a power of two from 8 to %d is needed", c->g->path,
                       key, a, MAX_ALIGNMENT);
    *alignment = a;
    return 0;
}

static int read_tensors(struct cursor *c, struct gguf *g, uint64_t n) {
    uint64_t alignment, *offsets = NULL;
    int rc = check_count(c, "tensors", n, MAX_TENSORS, MIN_TENSOR);
    if (!rc)
        rc = read_alignment(c, &alignment);
    if (rc)
        return rc;
    g->tensors = calloc((size_t)n + 1, sizeof *g->tensors);
    offsets = malloc(((size_t)n + 1) * sizeof *offsets);
    if (!g->tensors || !offsets) {
        rc = err_nomem(c->e, g->path);
        goto done;
    }
    for (size_t i = 0; i < n && !rc; i++)
        rc = read_tensor(c, &g->tensors[i], &offsets[i]);
    for (size_t i = 0; i < n && !rc; i++)
        rc = place_tensor(c, &g->tensors[i], offsets[i], alignment);
    if (rc)
        goto done;
    g->tensor_count = (size_t)n;
    rc = table_build(g, &g->tensor_table, &g->tensors->name, sizeof *g->tensors, g->tensor_count,
                     "tensor", c->e);
    if (!rc)
        rc = check_overlap(g, c->e);
done:
    free(offsets);
    return rc;
}

int gguf_parse(struct gguf *g, struct err *e) {
    struct cursor c = {.g = g, .e = e};
    uint64_t tensors = 0, values = 0;
    int rc = read_head(&c, &tensors, &values);
    if (!rc)
        rc = read_values(&c, g, values);
    if (!rc)
        rc = read_tensors(&c, g, tensors);
    return rc;
}
