#include "model/onnx_read.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/utf8.h"
#include "model/hub_name.h"

enum { VARINT, FIXED64, BYTES, FIXED32 = 5, ANY = -1 };
enum { MOST_DEPTH = 16, MOST_IR = 13 };

static const struct type {
    const char *name;
    unsigned bits; /* 0: not fixed */
} types[] = {{"undefined", 0},      {"float32", 32},     {"uint8", 8},          {"int8", 8},
             {"uint16", 16},        {"int16", 16},       {"int32", 32},         {"int64", 64},
             {"string", 0},         {"bool", 8},         {"float16", 16},       {"float64", 64},
             {"uint32", 32},        {"uint64", 64},      {"complex64", 64},     {"complex128", 128},
             {"bfloat16", 16},      {"float8e4m3fn", 8}, {"float8e4m3fnuz", 8}, {"float8e5m2", 8},
             {"float8e5m2fnuz", 8}, {"uint4", 4},        {"int4", 4},           {"float4e2m1", 4}};
enum { TYPES = sizeof types / sizeof *types };

const char *onnx_type_name(int type) {
    return types[type >= 0 && type < TYPES ? type : 0].name;
}

struct reader {
    const char *name;
    const uint8_t *base;
    struct onnx_info *m;
    struct err *e;
    size_t cap_inputs, cap_outputs, cap_opsets, cap_properties, cap_externals;
    struct str *initializers; /* names of the main graph's */
    size_t n_initializers, cap_initializers;
    bool has_graph;
};

/* A message's bytes that are still to be read. */
struct span {
    const uint8_t *p, *end;
};

struct field {
    uint64_t number, value; /* value: of VARINT */
    int wire;
    struct span bytes; /* of BYTES */
};

static int bad(const struct reader *r, const uint8_t *at, const char *what) {
    return err_set(r->e, PRECIS_EINPUT, "%s: is no ONNX model: %s at byte %zu", r->name, what,
                   (size_t)(at - r->base));
}

static bool varint(struct span *s, uint64_t *out) {
    uint64_t v = 0;
    for (unsigned shift = 0; shift < 70 && s->p < s->end; shift += 7) {
        uint8_t b = *s->p++;
        if (shift == 63 && b > 1)
            return false;
        v |= (uint64_t)(b & 127) << shift;
        if (b < 128) {
            *out = v;
            return true;
        }
    }
    return false;
}

/* The next field; 0 and number 0 at the end. */
static int next(const struct reader *r, struct span *s, struct field *f) {
    const uint8_t *at = s->p;
    uint64_t key, n;
    *f = (struct field){0};
    if (s->p == s->end)
        return 0;
    if (!varint(s, &key) || key >> 3 == 0 || key >> 3 > (1u << 29) - 1)
        return bad(r, at, "no field number");
    f->number = key >> 3;
    f->wire = (int)(key & 7);
    if (f->wire == VARINT)
        return varint(s, &f->value) ? 0 : bad(r, at, "an integer without end");
    if (f->wire == FIXED64 || f->wire == FIXED32)
        n = f->wire == FIXED64 ? 8 : 4;
    else if (f->wire != BYTES)
        return bad(r, at, "an unknown wire type");
    else if (!varint(s, &n))
        return bad(r, at, "a length without end");
    if (n > (uint64_t)(s->end - s->p))
        return bad(r, at, "a length beyond the end");
    f->bytes = (struct span){.p = s->p, .end = s->p + n};
    s->p += n;
    return 0;
}

/* The next field, of the wire type that `wires` (pairs of number and type, ended by 0) says. */
static int next_of(const struct reader *r, struct span *s, const int (*wires)[2], struct field *f) {
    const uint8_t *at = s->p;
    int rc = next(r, s, f);
    for (; rc == 0 && f->number && (*wires)[0]; wires++)
        if ((uint64_t)(*wires)[0] == f->number && (*wires)[1] != ANY && (*wires)[1] != f->wire)
            return bad(r, at, "a field of the wrong type");
    return rc;
}

static int text(const struct reader *r, struct span s, struct str *out) {
    size_t n = (size_t)(s.end - s.p);
    if (n && (!utf8_valid(s.p, n) || memchr(s.p, 0, n)))
        return bad(r, s.p, "text that is no UTF-8");
    *out = (struct str){.s = (const char *)s.p, .len = n};
    return 0;
}

static int room(const struct reader *r, void **array, size_t n, size_t *cap, size_t size) {
    return array_grow(array, n, cap, size) ? 0 : err_nomem(r->e, r->name);
}

static int read_pair(const struct reader *r, struct span s, struct onnx_property *out) {
    static const int wires[][2] = {{1, BYTES}, {2, BYTES}, {0, 0}};
    struct field f;
    int rc;
    *out = (struct onnx_property){{"", 0}, {"", 0}};
    while ((rc = next_of(r, &s, wires, &f)) == 0 && f.number)
        if ((f.number == 1 && (rc = text(r, f.bytes, &out->key)) != 0) ||
            (f.number == 2 && (rc = text(r, f.bytes, &out->value)) != 0))
            break;
    return rc;
}

static bool is(struct str s, const char *text) {
    return s.len == strlen(text) && memcmp(s.s, text, s.len) == 0;
}

static bool digits(struct str s, uint64_t *out) {
    *out = 0;
    for (size_t i = 0; i < s.len; i++) {
        if (s.s[i] < '0' || s.s[i] > '9' || *out > UINT64_MAX / 32)
            return false;
        *out = *out * 10 + (uint64_t)(s.s[i] - '0');
    }
    return s.len > 0;
}

static int add_external(struct reader *r, struct str location, uint64_t bytes, const uint8_t *at) {
    struct onnx_info *m = r->m;
    char path[HUB_PATH_SIZE];
    if (location.len >= sizeof path)
        return bad(r, at, "a path of external data that is too long");
    memcpy(path, location.s, location.len);
    path[location.len] = 0;
    if (!hub_path_ok(strncmp(path, "./", 2) == 0 ? path + 2 : path))
        return err_set(r->e, PRECIS_EINPUT, "%s: has external data outside of its folder: %s",
                       r->name, path);
    for (size_t i = m->n_externals; i-- > 0;) { /* tensors of a file follow one another */
        if (is(m->externals[i].location, path)) {
            if (bytes > m->externals[i].bytes)
                m->externals[i].bytes = bytes;
            return 0;
        }
    }
    if (m->n_externals >= 1024)
        return bad(r, at, "more than 1,024 files of external data");
    int rc =
        room(r, (void **)&m->externals, m->n_externals, &r->cap_externals, sizeof *m->externals);
    if (rc == 0)
        m->externals[m->n_externals++] =
            (struct onnx_external){.location = location, .bytes = bytes};
    return rc;
}

struct tensor_read {
    struct str name, location;
    uint64_t type, elements, bytes, offset, length;
    size_t rank;
    bool raw, external, sized;
};

static int add_dim(const struct reader *r, const uint8_t *at, struct tensor_read *t, uint64_t dim) {
    if (dim > INT64_MAX || (dim && t->elements > INT64_MAX / dim) || ++t->rank > 64)
        return bad(r, at, "a tensor of an absurd shape");
    t->elements *= dim;
    return 0;
}

static int add_dims(const struct reader *r, struct field *f, struct tensor_read *t) {
    if (f->wire == VARINT)
        return add_dim(r, r->base, t, f->value);
    int rc = f->wire == BYTES ? 0 : bad(r, r->base, "a field of the wrong type");
    while (rc == 0 && f->bytes.p < f->bytes.end) {
        const uint8_t *at = f->bytes.p;
        uint64_t dim;
        rc =
            varint(&f->bytes, &dim) ? add_dim(r, at, t, dim) : bad(r, at, "an integer without end");
    }
    return rc;
}

static int add_location(const struct reader *r, struct span s, struct tensor_read *t) {
    struct onnx_property p;
    int rc = read_pair(r, s, &p);
    if (rc)
        return rc;
    if (is(p.key, "location"))
        t->location = p.value;
    else if (is(p.key, "offset") && !digits(p.value, &t->offset))
        return bad(r, s.p, "an offset that is no number");
    else if (is(p.key, "length")) {
        if (!digits(p.value, &t->length))
            return bad(r, s.p, "a length that is no number");
        t->sized = true;
    }
    return 0;
}

/* The bytes that a tensor's shape and type ask for; 0: the type has no fixed size. */
static bool size_of(const struct tensor_read *t, uint64_t *out) {
    unsigned bits = t->type < TYPES ? types[t->type].bits : 0;
    if (bits && t->elements > (UINT64_MAX - 7) / bits)
        return false;
    *out = (t->elements * bits + 7) / 8;
    return true;
}

static int finish_tensor(struct reader *r, const struct tensor_read *t, const uint8_t *at,
                         bool counted) {
    uint64_t size;
    if (t->type >= ONNX_READ_TYPES || !size_of(t, &size))
        return bad(r, at, "a tensor of an absurd type or size");
    bool fixed = t->type < TYPES && types[t->type].bits;
    if (t->raw && !t->external && fixed && t->bytes != size)
        return bad(r, at, "a tensor whose bytes are not its shape's");
    if (t->external) {
        uint64_t length = t->sized ? t->length : size;
        if (t->sized && fixed && t->length != size)
            return bad(r, at, "external data whose length is not its tensor's");
        if (length > INT64_MAX || t->offset > INT64_MAX)
            return bad(r, at, "external data beyond any file");
        int rc = add_external(r, t->location, t->offset + length, at);
        if (rc)
            return rc;
    }
    if (counted) {
        struct onnx_count *c = &r->m->types[t->type];
        bool real = t->type == 1 || t->type == 10 || t->type == 11 || t->type == 16;
        if (c->elements > INT64_MAX - t->elements || c->bytes > INT64_MAX - size ||
            r->m->parameters > INT64_MAX - t->elements)
            return bad(r, at, "tensors of an absurd size");
        c->tensors++;
        c->elements += t->elements;
        c->bytes += fixed ? size : t->bytes;
        if (real || t->rank > 1)
            r->m->parameters += t->elements;
    }
    return 0;
}

static int read_tensor(struct reader *r, struct span s, bool counted, struct str *name) {
    static const int wires[][2] = {{2, VARINT}, {8, BYTES},   {9, BYTES},
                                   {13, BYTES}, {14, VARINT}, {0, 0}};
    struct tensor_read t = {.elements = 1, .name = {"", 0}, .location = {"", 0}};
    const uint8_t *at = s.p;
    struct field f;
    int rc;
    while ((rc = next_of(r, &s, wires, &f)) == 0 && f.number) {
        switch (f.number) {
        case 1:
            rc = add_dims(r, &f, &t);
            break;
        case 2:
            t.type = f.value;
            break;
        case 8:
            rc = text(r, f.bytes, &t.name);
            break;
        case 9:
            t.raw = true;
            t.bytes = (uint64_t)(f.bytes.end - f.bytes.p);
            break;
        case 13:
            rc = add_location(r, f.bytes, &t);
            break;
        case 14:
            t.external = f.value == 1;
            break;
        default:
            break;
        }
        if (rc)
            return rc;
    }
    *name = t.name;
    return rc ? rc : finish_tensor(r, &t, at, counted);
}

static int read_dim(const struct reader *r, struct span s, struct onnx_dim *out) {
    static const int wires[][2] = {{1, VARINT}, {2, BYTES}, {0, 0}};
    struct field f;
    int rc;
    *out = (struct onnx_dim){.value = -1, .name = {"", 0}};
    while ((rc = next_of(r, &s, wires, &f)) == 0 && f.number) {
        if (f.number == 1 && f.value > INT64_MAX)
            return bad(r, s.p, "a negative dimension");
        if (f.number == 1)
            out->value = (int64_t)f.value;
        else if (f.number == 2 && (rc = text(r, f.bytes, &out->name)) != 0)
            return rc;
    }
    return rc;
}

static int read_shape(const struct reader *r, struct span s, struct onnx_value *out) {
    static const int wires[][2] = {{1, BYTES}, {0, 0}};
    struct field f;
    int rc;
    out->rank = 0;
    while ((rc = next_of(r, &s, wires, &f)) == 0 && f.number) {
        if (f.number != 1)
            continue;
        if (out->rank == ONNX_READ_RANK)
            return bad(r, s.p, "a shape of more than 16 dimensions");
        if ((rc = read_dim(r, f.bytes, &out->dims[out->rank++])) != 0)
            return rc;
    }
    return rc;
}

/* TypeProto.Tensor, and the TypeProto around it (tensor_type is its field 1). */
static int read_type(const struct reader *r, struct span s, bool tensor, struct onnx_value *out) {
    static const int inner[][2] = {{1, VARINT}, {2, BYTES}, {0, 0}};
    static const int outer[][2] = {{1, BYTES}, {0, 0}};
    struct field f;
    int rc;
    while ((rc = next_of(r, &s, tensor ? inner : outer, &f)) == 0 && f.number) {
        if (!tensor && f.number == 1)
            rc = read_type(r, f.bytes, true, out);
        else if (tensor && f.number == 1 && f.value < TYPES)
            out->type = (int)f.value;
        else if (tensor && f.number == 1)
            return bad(r, s.p, "a value of an unknown type");
        else if (tensor && f.number == 2)
            rc = read_shape(r, f.bytes, out);
        if (rc)
            return rc;
    }
    return rc;
}

static int read_value(const struct reader *r, struct span s, struct onnx_value *out) {
    static const int wires[][2] = {{1, BYTES}, {2, BYTES}, {0, 0}};
    struct field f;
    int rc;
    memset(out, 0, sizeof *out);
    out->name.s = "";
    out->rank = -1;
    while ((rc = next_of(r, &s, wires, &f)) == 0 && f.number) {
        if (f.number == 1)
            rc = text(r, f.bytes, &out->name);
        else if (f.number == 2)
            rc = read_type(r, f.bytes, false, out);
        if (rc)
            return rc;
    }
    return rc;
}

static int add_value(struct reader *r, struct span s, struct onnx_value **array, size_t *n,
                     size_t *cap) {
    int rc = room(r, (void **)array, *n, cap, sizeof **array);
    return rc ? rc : read_value(r, s, &(*array)[(*n)++]);
}

static int read_graph(struct reader *r, struct span s, int depth);

/* Of an attribute: tensors for their external data, graphs for what is in them; `bits` of a product
 * whose weights are kept in so many. */
static int read_attribute(struct reader *r, struct span s, bool nbits, int depth) {
    static const int wires[][2] = {{1, BYTES},  {5, BYTES},  {6, BYTES},
                                   {10, BYTES}, {11, BYTES}, {0, 0}};
    struct field f;
    struct str name = {"", 0}, ignored;
    uint64_t number = 0;
    int rc;
    while ((rc = next_of(r, &s, wires, &f)) == 0 && f.number) {
        if (f.number == 1)
            rc = text(r, f.bytes, &name);
        else if (f.number == 3)
            number = f.value;
        else if (f.number == 5 || f.number == 10)
            rc = read_tensor(r, f.bytes, false, &ignored);
        else if (f.number == 6 || f.number == 11)
            rc = read_graph(r, f.bytes, depth + 1);
        if (rc)
            return rc;
    }
    if (rc == 0 && nbits && is(name, "bits") && number <= 64)
        r->m->bits = (int)number;
    return rc;
}

static int read_node(struct reader *r, struct span s, int depth) {
    static const int wires[][2] = {{4, BYTES}, {5, BYTES}, {0, 0}};
    struct span again = s;
    struct str op = {"", 0};
    struct field f;
    int rc;
    r->m->nodes++;
    while ((rc = next_of(r, &s, wires, &f)) == 0 && f.number)
        if (f.number == 4 && (rc = text(r, f.bytes, &op)) != 0)
            return rc;
    bool nbits = is(op, "MatMulNBits") || is(op, "GatherBlockQuantized");
    if (nbits && r->m->bits == 0)
        r->m->bits = 4; /* the default of both */
    while (rc == 0 && (rc = next_of(r, &again, wires, &f)) == 0 && f.number)
        if (f.number == 5)
            rc = read_attribute(r, f.bytes, nbits, depth);
    return rc;
}

static int add_initializer(struct reader *r, struct span s, int depth) {
    struct str name;
    int rc = read_tensor(r, s, true, &name);
    if (rc == 0 && depth == 0)
        rc = room(r, (void **)&r->initializers, r->n_initializers, &r->cap_initializers,
                  sizeof *r->initializers);
    if (rc == 0 && depth == 0)
        r->initializers[r->n_initializers++] = name;
    return rc;
}

static int read_graph(struct reader *r, struct span s, int depth) {
    static const int wires[][2] = {{1, BYTES},  {2, BYTES},  {5, BYTES},
                                   {11, BYTES}, {12, BYTES}, {0, 0}};
    struct onnx_info *m = r->m;
    struct field f;
    int rc;
    if (depth > MOST_DEPTH)
        return bad(r, s.p, "graphs in graphs without end");
    while ((rc = next_of(r, &s, wires, &f)) == 0 && f.number) {
        if (f.number == 1)
            rc = read_node(r, f.bytes, depth);
        else if (f.number == 2 && depth == 0)
            rc = text(r, f.bytes, &m->graph);
        else if (f.number == 5)
            rc = add_initializer(r, f.bytes, depth);
        else if (f.number == 11 && depth == 0)
            rc = add_value(r, f.bytes, &m->inputs, &m->n_inputs, &r->cap_inputs);
        else if (f.number == 12 && depth == 0)
            rc = add_value(r, f.bytes, &m->outputs, &m->n_outputs, &r->cap_outputs);
        if (rc)
            return rc;
    }
    return rc;
}

static int add_opset(struct reader *r, struct span s) {
    static const int wires[][2] = {{1, BYTES}, {2, VARINT}, {0, 0}};
    struct onnx_info *m = r->m;
    struct field f;
    int rc = room(r, (void **)&m->opsets, m->n_opsets, &r->cap_opsets, sizeof *m->opsets);
    if (rc)
        return rc;
    struct onnx_opset *o = &m->opsets[m->n_opsets++];
    *o = (struct onnx_opset){.domain = {"", 0}};
    while ((rc = next_of(r, &s, wires, &f)) == 0 && f.number) {
        if (f.number == 1 && (rc = text(r, f.bytes, &o->domain)) != 0)
            return rc;
        if (f.number == 2)
            o->version = (int64_t)f.value;
    }
    return rc;
}

static int add_property(struct reader *r, struct span s) {
    struct onnx_info *m = r->m;
    int rc = room(r, (void **)&m->properties, m->n_properties, &r->cap_properties,
                  sizeof *m->properties);
    return rc ? rc : read_pair(r, s, &m->properties[m->n_properties++]);
}

static int read_model(struct reader *r, struct span s) {
    static const int wires[][2] = {{1, VARINT}, {2, BYTES},  {3, BYTES}, {7, BYTES},
                                   {8, BYTES},  {14, BYTES}, {0, 0}};
    struct field f;
    int rc;
    while ((rc = next_of(r, &s, wires, &f)) == 0 && f.number) {
        if (f.number == 1)
            r->m->ir_version = (int64_t)f.value;
        else if (f.number == 2)
            rc = text(r, f.bytes, &r->m->producer);
        else if (f.number == 3)
            rc = text(r, f.bytes, &r->m->producer_version);
        else if (f.number == 7 && r->has_graph)
            rc = bad(r, f.bytes.p, "a second graph");
        else if (f.number == 7) {
            r->has_graph = true;
            rc = read_graph(r, f.bytes, 0);
        } else if (f.number == 8)
            rc = add_opset(r, f.bytes);
        else if (f.number == 14)
            rc = add_property(r, f.bytes);
        if (rc)
            return rc;
    }
    if (rc)
        return rc;
    int64_t ir = r->m->ir_version;
    if (!r->has_graph || ir < 1 || r->m->n_opsets == 0)
        return bad(r, s.p, "no graph, version or opset until the end");
    if (ir > MOST_IR)
        return err_set(r->e, PRECIS_EUNSUPPORTED, "%s: ONNX of IR version %lld, precis knows %d",
                       r->name, (long long)ir, MOST_IR);
    return 0;
}

static int by_name(const void *a, const void *b) {
    const struct str *x = a, *y = b;
    size_t n = x->len < y->len ? x->len : y->len;
    int c = n ? memcmp(x->s, y->s, n) : 0;
    return c ? c : (x->len > y->len) - (x->len < y->len);
}

/* Files of IR version 3 list initializers among the inputs. */
static void drop_initialized(struct reader *r) {
    struct onnx_info *m = r->m;
    size_t kept = 0;
    if (!r->n_initializers || !m->n_inputs)
        return;
    qsort(r->initializers, r->n_initializers, sizeof *r->initializers, by_name);
    for (size_t i = 0; i < m->n_inputs; i++)
        if (!bsearch(&m->inputs[i].name, r->initializers, r->n_initializers,
                     sizeof *r->initializers, by_name))
            m->inputs[kept++] = m->inputs[i];
    m->n_inputs = kept;
}

int onnx_read_memory(const char *name, const uint8_t *bytes, size_t size, struct onnx_info *out,
                     struct err *e) {
    *out = (struct onnx_info){.producer = {"", 0}, .producer_version = {"", 0}, .graph = {"", 0}};
    struct reader r = {.name = name, .base = bytes, .m = out, .e = e};
    int rc = size ? read_model(&r, (struct span){.p = bytes, .end = bytes + size})
                  : err_set(e, PRECIS_EINPUT, "%s: is empty", name);
    if (rc == 0)
        drop_initialized(&r);
    free(r.initializers);
    if (rc)
        onnx_read_close(out);
    return rc;
}

int onnx_read_open(const char *path, struct onnx_info *out, struct err *e) {
    struct mapping map;
    *out = (struct onnx_info){0};
    int rc = file_map(path, &map, e);
    if (rc)
        return rc;
    rc = onnx_read_memory(path, map.data, map.size, out, e);
    if (rc)
        file_unmap(&map);
    else
        out->map = map;
    return rc;
}

void onnx_read_weights(const struct onnx_info *m, char *out, size_t size) {
    int best = 1;
    for (int i = 2; i < ONNX_READ_TYPES; i++)
        if (i != 7 && m->types[i].bytes > m->types[best].bytes) /* int64: shapes and indices */
            best = i;
    if (m->bits)
        snprintf(out, size, "q%d", m->bits);
    else
        snprintf(out, size, "%s", onnx_type_name(best));
}

void onnx_read_close(struct onnx_info *m) {
    free(m->inputs);
    free(m->outputs);
    free(m->opsets);
    free(m->properties);
    free(m->externals);
    file_unmap(&m->map);
    *m = (struct onnx_info){0};
}
