#include "model/graph_file.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"

enum { MOST_DEPTH = 16, MOST_VALUES = 1 << 16 };

/* Numbers of TensorProto.DataType. */
enum { TYPE_F32 = 1, TYPE_U8 = 2, TYPE_I8 = 3, TYPE_F16 = 10, TYPE_BF16 = 16 };

static const struct {
    const char *name;
    unsigned bits;
} types[] = {
    [1] = {"f32", 32},     [2] = {"uint8", 8},  [3] = {"int8", 8},    [4] = {"uint16", 16},
    [5] = {"int16", 16},   [6] = {"int32", 32}, [7] = {"int64", 64},  [8] = {"string", 0},
    [9] = {"bool", 8},     [10] = {"f16", 16},  [11] = {"f64", 64},   [12] = {"uint32", 32},
    [13] = {"uint64", 64}, [16] = {"bf16", 16}, [17] = {"f8e4m3", 8}, [21] = {"uint4", 4},
    [22] = {"int4", 4}};

const char *graph_type_name(int type) {
    bool known = type > 0 && (size_t)type < sizeof types / sizeof *types && types[type].name;
    return known ? types[type].name : "?";
}

/* Bytes that are left of a message. */
struct span {
    const uint8_t *p, *end;
};

struct parse {
    const uint8_t *base;
    struct graph_file *g;
    struct err *e;
};

struct field {
    uint64_t number, value; /* value: of a varint or a fixed number */
    struct span bytes;      /* of a length-delimited one; else p NULL */
};

static int bad(const struct parse *x, const uint8_t *at, const char *what) {
    return err_set(x->e, PRECIS_EINPUT, "not an ONNX model: %s at byte %zu", what,
                   (size_t)(at - x->base));
}

static bool varint(struct span *s, uint64_t *out) {
    *out = 0;
    for (unsigned shift = 0; shift < 64; shift += 7) {
        if (s->p == s->end)
            return false;
        uint8_t b = *s->p++;
        *out |= (uint64_t)(b & 0x7f) << shift;
        if (b < 0x80)
            return true;
    }
    return false;
}

/* 1: a field; 0: the end; else an error. */
static int next(const struct parse *x, struct span *s, struct field *f) {
    uint64_t key, n;
    if (s->p == s->end)
        return 0;
    const uint8_t *at = s->p;
    *f = (struct field){0};
    if (!varint(s, &key))
        return bad(x, at, "a key is cut off");
    f->number = key >> 3;
    if ((key & 7) == 0)
        return varint(s, &f->value) ? 1 : bad(x, at, "a number is cut off");
    if ((key & 7) == 2) {
        if (!varint(s, &n) || n > (uint64_t)(s->end - s->p))
            return bad(x, at, "a field is longer than the message");
        f->bytes = (struct span){s->p, s->p + n};
        s->p += n;
        return 1;
    }
    size_t width = (key & 7) == 1 ? 8 : (key & 7) == 5 ? 4 : 0;
    if (!width || (size_t)(s->end - s->p) < width)
        return bad(x, at, "a field of an unknown kind");
    for (size_t i = 0; i < width; i++)
        f->value |= (uint64_t)s->p[i] << 8 * i;
    s->p += width;
    return 1;
}

static char *text(struct span s) {
    return strndup((const char *)s.p, (size_t)(s.end - s.p));
}

static bool is(struct span s, const char *t) {
    return s.p && (size_t)(s.end - s.p) == strlen(t) && memcmp(s.p, t, strlen(t)) == 0;
}

static int keep_external(const struct parse *x, struct span location) {
    struct graph_file *g = x->g;
    char *name = text(location);
    if (!name)
        return err_nomem(x->e, "graph");
    if (!*name || *name == '/' || strstr(name, "..")) {
        int rc = err_set(x->e, PRECIS_EINPUT,
                         "external data '%s': must be a file below the model's folder", name);
        free(name);
        return rc;
    }
    for (size_t i = 0; i < g->n_external; i++)
        if (strcmp(g->external[i], name) == 0) {
            free(name);
            return 0;
        }
    void *grown = realloc(g->external, (g->n_external + 1) * sizeof *g->external);
    if (!grown || g->n_external == MOST_VALUES) {
        g->external = grown ? grown : g->external;
        free(name);
        return grown ? bad(x, location.p, "too many external files") : err_nomem(x->e, "graph");
    }
    g->external = grown;
    g->external[g->n_external++] = name;
    return 0;
}

/* StringStringEntryProto of a tensor's external_data. */
static int read_entry(const struct parse *x, struct span s) {
    struct field f;
    struct span key = {0}, value = {0};
    int rc;
    while ((rc = next(x, &s, &f)) == 1) {
        if (f.number == 1)
            key = f.bytes;
        if (f.number == 2)
            value = f.bytes;
    }
    return rc == 0 && is(key, "location") && value.p ? keep_external(x, value) : rc;
}

static int read_tensor(const struct parse *x, struct span s) {
    struct field f;
    struct span dims;
    uint64_t elements = 1, type = 0, dim;
    const uint8_t *at = s.p;
    int rc;
    while ((rc = next(x, &s, &f)) == 1) {
        dims = f.bytes;
        if (f.number == 1 && !f.bytes.p) {
            if (__builtin_mul_overflow(elements, f.value, &elements))
                return bad(x, at, "a tensor larger than memory");
        } else if (f.number == 1) {
            while (dims.p < dims.end)
                if (!varint(&dims, &dim) || __builtin_mul_overflow(elements, dim, &elements))
                    return bad(x, at, "a tensor larger than memory");
        } else if (f.number == 2) {
            type = f.value;
        } else if (f.number == 13 && f.bytes.p && (rc = read_entry(x, f.bytes)) != 0) {
            return rc;
        }
    }
    if (rc)
        return rc;
    bool known = type < sizeof types / sizeof *types;
    if (elements > UINT64_MAX >> 16 || x->g->parameters > UINT64_MAX >> 16)
        return bad(x, at, "a tensor larger than memory");
    x->g->parameters += elements;
    x->g->bytes[known ? type : 0] += (elements * (known ? types[type].bits : 0) + 7) / 8;
    return 0;
}

static int read_dim(const struct parse *x, struct span s, struct graph_value *v) {
    struct field f;
    int rc, i = v->rank++;
    v->dims[i] = -1;
    while ((rc = next(x, &s, &f)) == 1) {
        if (f.number == 1)
            v->dims[i] = (int64_t)f.value;
        if (f.number == 2 && f.bytes.p && !v->dim_names[i] && !(v->dim_names[i] = text(f.bytes)))
            return err_nomem(x->e, "graph");
    }
    return rc;
}

static int read_shape(const struct parse *x, struct span s, struct graph_value *v) {
    struct field f;
    int rc;
    v->rank = 0;
    while ((rc = next(x, &s, &f)) == 1) {
        if (f.number != 1 || !f.bytes.p)
            continue;
        if (v->rank == GRAPH_MOST_RANK)
            return bad(x, f.bytes.p, "a value of more than 8 dimensions");
        if ((rc = read_dim(x, f.bytes, v)) != 0)
            return rc;
    }
    return rc;
}

/* TypeProto, and its Tensor. */
static int read_type(const struct parse *x, struct span s, struct graph_value *v, bool outer) {
    struct field f;
    int rc;
    while ((rc = next(x, &s, &f)) == 1) {
        if (outer && f.number == 1 && f.bytes.p)
            rc = read_type(x, f.bytes, v, false);
        else if (!outer && f.number == 1)
            v->type = f.value < GRAPH_TYPES ? (int)f.value : 0;
        else if (!outer && f.number == 2 && f.bytes.p && v->rank < 0)
            rc = read_shape(x, f.bytes, v);
        if (rc < 0)
            return rc;
    }
    return rc;
}

static int read_value(const struct parse *x, struct span s, struct graph_value **list, size_t *n) {
    struct field f;
    if (*n == MOST_VALUES)
        return bad(x, s.p, "too many inputs or outputs");
    void *grown = realloc(*list, (*n + 1) * sizeof **list);
    if (!grown)
        return err_nomem(x->e, "graph");
    *list = grown;
    struct graph_value *v = &(*list)[(*n)++];
    *v = (struct graph_value){.rank = -1};
    int rc;
    while ((rc = next(x, &s, &f)) == 1) {
        if (f.number == 1 && f.bytes.p && !v->name && !(v->name = text(f.bytes)))
            return err_nomem(x->e, "graph");
        if (f.number == 2 && f.bytes.p && (rc = read_type(x, f.bytes, v, true)) != 0)
            return rc;
    }
    if (rc == 0 && !v->name && !(v->name = strdup("")))
        return err_nomem(x->e, "graph");
    return rc;
}

static int read_graph(const struct parse *x, struct span s, int depth);

static int read_attribute(const struct parse *x, struct span s, bool nbits, int depth) {
    struct field f;
    struct span name = {0};
    uint64_t number = 0;
    int rc;
    while ((rc = next(x, &s, &f)) == 1) {
        if (f.number == 1)
            name = f.bytes;
        else if (f.number == 3)
            number = f.value;
        else if (f.number == 5 && f.bytes.p)
            rc = read_tensor(x, f.bytes);
        else if (f.number == 6 && f.bytes.p)
            rc = read_graph(x, f.bytes, depth + 1);
        if (rc < 0)
            return rc;
    }
    if (rc == 0 && nbits && is(name, "bits"))
        x->g->bits = number <= 64 ? (int)number : 0;
    return rc;
}

static int read_node(const struct parse *x, struct span s, int depth) {
    struct field f;
    struct span all = s, op = {0};
    int rc;
    while ((rc = next(x, &s, &f)) == 1)
        if (f.number == 4)
            op = f.bytes;
    if (rc)
        return rc;
    bool nbits = is(op, "MatMulNBits") || is(op, "GatherBlockQuantized");
    if (nbits && x->g->bits == 0)
        x->g->bits = 4; /* the default of both */
    while ((rc = next(x, &all, &f)) == 1)
        if (f.number == 5 && f.bytes.p && (rc = read_attribute(x, f.bytes, nbits, depth)) != 0)
            return rc;
    return rc;
}

static int read_graph(const struct parse *x, struct span s, int depth) {
    struct field f;
    int rc;
    if (depth > MOST_DEPTH)
        return bad(x, s.p, "graphs nested too deep");
    while ((rc = next(x, &s, &f)) == 1) {
        if (!f.bytes.p)
            continue;
        if (f.number == 1)
            rc = read_node(x, f.bytes, depth);
        else if (f.number == 5)
            rc = read_tensor(x, f.bytes);
        else if (f.number == 11 && depth == 0)
            rc = read_value(x, f.bytes, &x->g->inputs, &x->g->n_inputs);
        else if (f.number == 12 && depth == 0)
            rc = read_value(x, f.bytes, &x->g->outputs, &x->g->n_outputs);
        if (rc < 0)
            return rc;
    }
    return rc;
}

static int read_opset(const struct parse *x, struct span s) {
    struct field f;
    struct span domain = {0};
    uint64_t version = 0;
    int rc;
    while ((rc = next(x, &s, &f)) == 1) {
        if (f.number == 1)
            domain = f.bytes;
        if (f.number == 2)
            version = f.value;
    }
    if (rc == 0 && (!domain.p || domain.p == domain.end || is(domain, "ai.onnx")))
        x->g->opset = (int64_t)(version & 0xffff);
    return rc;
}

int graph_file_parse(const void *data, size_t size, struct graph_file *g, struct err *e) {
    struct parse x = {.base = data, .g = g, .e = e};
    struct span s = {data, (const uint8_t *)data + size};
    struct field f;
    bool any = false;
    int rc;
    *g = (struct graph_file){0};
    while ((rc = next(&x, &s, &f)) == 1) {
        if (f.number == 7 && f.bytes.p) {
            rc = any ? bad(&x, f.bytes.p, "a second graph") : read_graph(&x, f.bytes, 0);
            any = true;
        } else if (f.number == 8 && f.bytes.p) {
            rc = read_opset(&x, f.bytes);
        } else if (f.number == 2 && f.bytes.p) {
            size_t n = (size_t)(f.bytes.end - f.bytes.p);
            n = n < sizeof g->producer - 1 ? n : sizeof g->producer - 1;
            memcpy(g->producer, f.bytes.p, n);
        }
        if (rc < 0)
            break;
    }
    if (rc == 0 && !any)
        rc = bad(&x, s.p, "no graph");
    if (rc)
        graph_file_free(g);
    return rc;
}

int graph_file_read(const char *path, struct graph_file *g, struct err *e) {
    struct mapping m;
    *g = (struct graph_file){0};
    int rc = file_map(path, &m, e);
    if (rc)
        return rc;
    rc = graph_file_parse(m.data, m.size, g, e);
    file_unmap(&m);
    if (rc && rc != PRECIS_ENOMEM)
        err_prefix(e, path);
    return rc;
}

static void free_values(struct graph_value *v, size_t n) {
    for (size_t i = 0; i < n; i++) {
        for (int d = 0; d < GRAPH_MOST_RANK; d++)
            free(v[i].dim_names[d]);
        free(v[i].name);
    }
    free(v);
}

void graph_file_free(struct graph_file *g) {
    free_values(g->inputs, g->n_inputs);
    free_values(g->outputs, g->n_outputs);
    for (size_t i = 0; i < g->n_external; i++)
        free(g->external[i]);
    free(g->external);
    *g = (struct graph_file){0};
}

void graph_file_weights(const struct graph_file *g, char *out, size_t size) {
    static const int kinds[] = {TYPE_F32, TYPE_F16, TYPE_BF16, TYPE_I8, TYPE_U8};
    int best = TYPE_F32;
    for (int i = 0; i < 5; i++)
        if (g->bytes[kinds[i]] > g->bytes[best])
            best = kinds[i];
    if (g->bits)
        snprintf(out, size, "q%d", g->bits);
    else
        snprintf(out, size, "%s", best == TYPE_U8 ? "int8" : graph_type_name(best));
}
