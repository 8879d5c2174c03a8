#include "model/gguf.h"

#include <stdlib.h>
#include <string.h>

#include "model/gguf_parse.h"

static int open_bytes(struct gguf *g, const char *name, const uint8_t *bytes, size_t size,
                      struct err *e) {
    g->path = strdup(name);
    if (!g->path)
        return err_nomem(e, name);
    g->data = bytes;
    g->size = size;
    return gguf_parse(g, e);
}

int gguf_open_memory(const char *name, const uint8_t *bytes, size_t size, struct gguf **out,
                     struct err *e) {
    *out = NULL;
    struct gguf *g = calloc(1, sizeof *g);
    if (!g)
        return err_nomem(e, name);
    int rc = open_bytes(g, name, bytes, size, e);
    if (rc)
        gguf_close(g);
    else
        *out = g;
    return rc;
}

int gguf_open(const char *path, struct gguf **out, struct err *e) {
    *out = NULL;
    struct mapping map;
    int rc = file_map(path, &map, e);
    if (rc)
        return rc;
    rc = gguf_open_memory(path, map.data, map.size, out, e);
    if (*out)
        (*out)->map = map;
    else
        file_unmap(&map);
    return rc;
}

void gguf_close(struct gguf *g) {
    if (!g)
        return;
    for (size_t i = 0; i < g->value_count; i++)
        free(g->values[i].starts);
    free(g->values);
    free(g->value_table.slots);
    free(g->tensors);
    free(g->tensor_table.slots);
    file_unmap(&g->map);
    free(g->path);
    free(g);
}

void gguf_release(const struct gguf *g) {
    file_release(&g->map);
}

const char *gguf_path(const struct gguf *g) {
    return g->path;
}

size_t gguf_size(const struct gguf *g) {
    return g->size;
}

const uint8_t *gguf_bytes(const struct gguf *g) {
    return g->data;
}

static const struct gguf_value *find(const struct gguf *g, const char *key) {
    struct str name = {.s = key, .len = strlen(key)};
    size_t i = gguf_table_find(&g->value_table, &g->values->key, sizeof *g->values, name);
    return i == SIZE_MAX ? NULL : &g->values[i];
}

/* An integer as its two's complement; *negative says how to take it. */
static bool load_integer(enum gguf_type type, const uint8_t *p, uint64_t *bits, bool *negative) {
    int64_t v;
    switch (type) {
    case GGUF_U8:
        v = p[0];
        break;
    case GGUF_I8:
        v = (p[0] ^ 0x80) - 0x80;
        break;
    case GGUF_U16:
        v = p[0] | p[1] << 8;
        break;
    case GGUF_I16:
        v = (int16_t)(p[0] | p[1] << 8);
        break;
    case GGUF_U32:
        v = gguf_load_u32(p);
        break;
    case GGUF_I32:
        v = (int32_t)gguf_load_u32(p);
        break;
    case GGUF_U64:
        *bits = gguf_load_u64(p);
        *negative = false;
        return true;
    case GGUF_I64:
        v = (int64_t)gguf_load_u64(p);
        break;
    default:
        return false;
    }
    *bits = (uint64_t)v;
    *negative = v < 0;
    return true;
}

static bool load_number(enum gguf_type type, const uint8_t *p, double *out) {
    uint64_t bits;
    bool negative;
    if (type == GGUF_F32) {
        union {
            uint32_t u;
            float f;
        } v = {.u = gguf_load_u32(p)};
        *out = (double)v.f;
        return true;
    }
    if (type == GGUF_F64) {
        union {
            uint64_t u;
            double f;
        } v = {.u = gguf_load_u64(p)};
        *out = v.f;
        return true;
    }
    if (!load_integer(type, p, &bits, &negative))
        return false;
    *out = negative ? (double)(int64_t)bits : (double)bits;
    return true;
}

static struct str load_string(const uint8_t *p) {
    return (struct str){.s = (const char *)p + 8, .len = (size_t)gguf_load_u64(p)};
}

bool gguf_has(const struct gguf *g, const char *key) {
    return find(g, key) != NULL;
}

bool gguf_u64(const struct gguf *g, const char *key, uint64_t *out) {
    const struct gguf_value *v = find(g, key);
    uint64_t bits;
    bool negative;
    if (!v || !load_integer(v->type, v->bytes, &bits, &negative) || negative)
        return false;
    *out = bits;
    return true;
}

bool gguf_f64(const struct gguf *g, const char *key, double *out) {
    const struct gguf_value *v = find(g, key);
    return v && load_number(v->type, v->bytes, out);
}

bool gguf_bool(const struct gguf *g, const char *key, bool *out) {
    const struct gguf_value *v = find(g, key);
    if (!v || v->type != GGUF_BOOL)
        return false;
    *out = v->bytes[0] != 0;
    return true;
}

bool gguf_string(const struct gguf *g, const char *key, struct str *out) {
    const struct gguf_value *v = find(g, key);
    if (!v || v->type != GGUF_STRING)
        return false;
    *out = load_string(v->bytes);
    return true;
}

bool gguf_array(const struct gguf *g, const char *key, enum gguf_type *type, size_t *count) {
    const struct gguf_value *v = find(g, key);
    if (!v || v->type != GGUF_ARRAY)
        return false;
    *type = v->item;
    *count = v->count;
    return true;
}

bool gguf_array_string(const struct gguf *g, const char *key, size_t i, struct str *out) {
    const struct gguf_value *v = find(g, key);
    if (!v || v->type != GGUF_ARRAY || v->item != GGUF_STRING || i >= v->count)
        return false;
    *out = load_string(v->bytes + v->starts[i]);
    return true;
}

bool gguf_array_f64(const struct gguf *g, const char *key, size_t i, double *out) {
    const struct gguf_value *v = find(g, key);
    if (!v || v->type != GGUF_ARRAY || i >= v->count)
        return false;
    return load_number(v->item, v->bytes + i * gguf_scalar_size(v->item), out);
}

size_t gguf_tensor_count(const struct gguf *g) {
    return g->tensor_count;
}

const struct tensor *gguf_tensor_at(const struct gguf *g, size_t i) {
    return i < g->tensor_count ? &g->tensors[i] : NULL;
}

const struct tensor *gguf_find_tensor(const struct gguf *g, const char *name) {
    struct str s = {.s = name, .len = strlen(name)};
    size_t i = gguf_table_find(&g->tensor_table, &g->tensors->name, sizeof *g->tensors, s);
    return i == SIZE_MAX ? NULL : &g->tensors[i];
}
