/* Packing into int8: norm gains folded into the next layer, the residual stream and the heads'
 * values rotated (QuaRot's R1 and R2; Ashkboos et al. 2024), down's columns multiplied by Hadamard
 * blocks whose counterpart the kernel applies to what comes in, then int8 for each output. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/pool.h"
#include "engine/weights.h"
#include "model/packed_format.h"
#include "model/revision.h"

/* Raised when packed bytes change for the same model. */
#define PACK_KEY8 "weights8-1 model=%s"
#define PACK_KEY4 "weights8-1 model=%s weights=int4"
enum { SEED_RESIDUAL = 1, SEED_HEAD = 2, SEED_DOWN = 3 };
/* Products of bytes, 255 * 127 at most each, are summed over a width in 32 bits. */
enum { WIDEST = 65536 };
enum { CHUNK_OUTPUTS = 512, PANEL = 16, NAME_SIZE = 48 };
/* Below this the file would save less time than it takes to check it. */
static const size_t LEAST_FILE = (size_t)8 << 20;

enum piece { QKV, ATTENTION_OUT, GATE_UP, DOWN, OUTPUT, PIECES };
static const char *const piece_names[] = {"qkv", "attention_out", "gate_up", "down", "output"};

struct packer {
    struct weights *w;
    struct packed_writer *to;
    struct rotation head, down;
    int items[PIECES]; /* units of work in one piece */
    int per_layer;     /* in a layer */
};

struct shape {
    int n, k;
};

static struct shape shape_of(const struct weights *w, enum piece piece) {
    const struct decoder_config *c = &w->config;
    int hidden = (int)c->hidden, dim = (int)w->dim, heads = (int)c->heads;
    switch (piece) {
    case QKV:
        return (struct shape){(heads + 2 * (int)c->kv_heads) * dim, hidden};
    case ATTENTION_OUT:
        return (struct shape){hidden, heads * dim};
    case GATE_UP:
        return (struct shape){2 * (int)c->intermediate, hidden};
    case DOWN:
        return (struct shape){hidden, (int)c->intermediate};
    default:
        return (struct shape){(int)c->vocab, hidden};
    }
}

/* The output layer stays in int8, for what it rounds shows in every token, and so do queries, keys
 * and values: a twelfth of the weights, in 4 bits they brought half of the divergence (of SmolLM2
 * 0.22 of 0.43 nats a token, with groups of 32). */
static bool in_fours(const struct weights *w, enum piece piece) {
    return w->fours && piece != OUTPUT && piece != QKV;
}

static size_t bytes_of(const struct weights *w, enum piece piece) {
    struct shape s = shape_of(w, piece);
    return in_fours(w, piece) ? weight4_bytes(s.n, s.k) : weight8_bytes(s.n, s.k);
}

static void name_section(char out[NAME_SIZE], int layer, enum piece piece, const char *suffix) {
    if (piece == OUTPUT)
        snprintf(out, NAME_SIZE, "output%s", suffix);
    else
        snprintf(out, NAME_SIZE, "layer.%d.%s%s", layer, piece_names[piece], suffix);
}

static void row_of(const struct tensor *t, size_t row, float *out) {
    size_t bytes = t->size / t->dims[1];
    quant_to_f32(t->type, t->data + row * bytes, t->dims[0], out);
}

/* Folds the norm's gains into rows that read the residual stream, and rotates them. */
static void read_residual(const struct packer *p, const float *gains, float *rows, size_t n) {
    size_t hidden = p->w->config.hidden;
    for (size_t r = 0; r < n; r++)
        for (size_t i = 0; i < hidden; i++)
            rows[r * hidden + i] *= gains[i];
    rotation_rows(&p->w->residual, rows, n);
}

/* One head of q, k or v, as wide as it is packed; behind its rows is room for as many again. */
static void gather_head(const struct packer *p, int layer, int head, float *rows) {
    const struct decoder_config *c = &p->w->config;
    size_t dim = c->head_dim, hidden = c->hidden, at = (size_t)head;
    const char *name = "attn_q";
    if (at >= c->heads + c->kv_heads)
        name = "attn_v", at -= c->heads + c->kv_heads;
    else if (at >= c->heads)
        name = "attn_k", at -= c->heads;
    const struct tensor *t = weights_tensor(p->w, layer, name, "weight");
    for (size_t r = 0; r < dim; r++)
        row_of(t, at * dim + r, rows + r * hidden);
    if (name[5] == 'v')
        rotation_columns(&p->head, rows, hidden);
    else if (c->qk_interleaved)
        weights_undo_interleave(rows, 1, dim, hidden, rows + dim * hidden);
    weights_spread(rows, 1, dim, p->w->dim, hidden);
}

/* Outputs [first, first + n) of gate and up in turn, 16 of each. */
static void gather_gate_up(const struct packer *p, int layer, size_t first, size_t n, float *rows) {
    const struct tensor *gate = weights_tensor(p->w, layer, "ffn_gate", "weight");
    const struct tensor *up = weights_tensor(p->w, layer, "ffn_up", "weight");
    size_t hidden = p->w->config.hidden;
    for (size_t r = 0; r < n; r++) {
        size_t j = first + r, row = j / (2 * PANEL) * PANEL + j % PANEL;
        float *to = rows + r * hidden;
        if (j / PANEL % 2 == 0) {
            row_of(gate, row, to);
            continue;
        }
        row_of(up, row, to);
        for (size_t i = 0; i < hidden; i++)
            to[i] *= p->down.signs[row];
    }
}

/* A whole matrix that writes to the residual stream. */
static void gather_whole(const struct packer *p, int layer, enum piece piece, float *rows) {
    bool down = piece == DOWN;
    const struct tensor *t =
        weights_tensor(p->w, layer, down ? "ffn_down" : "attn_output", "weight");
    size_t k = t->dims[0], hidden = t->dims[1];
    for (size_t r = 0; r < hidden; r++)
        row_of(t, r, rows + r * k);
    const struct rotation *in = down ? &p->down : &p->head;
    rotation_rows(in, rows, hidden * (k / in->n));
    if (!down) {
        const struct decoder_config *c = &p->w->config;
        weights_spread(rows, hidden * c->heads, c->head_dim, p->w->dim, 1);
        k = (size_t)c->heads * p->w->dim;
    }
    rotation_columns(&p->w->residual, rows, k);
}

static int pack_item(const struct packer *p, int layer, enum piece piece, int item, struct err *e) {
    const struct weights *w = p->w;
    struct shape s = shape_of(w, piece);
    int each = piece == QKV                          ? (int)w->dim
               : piece == GATE_UP || piece == OUTPUT ? CHUNK_OUTPUTS
                                                     : s.n;
    int first = item * each, count = s.n - first < each ? s.n - first : each;
    size_t room = (size_t)count * (size_t)s.k * (piece == QKV ? 2 : 1);
    float *rows = malloc(room * sizeof *rows), *gains = NULL;
    if (!rows)
        return err_nomem(e, "weights");
    const struct tensor *norm = NULL;
    if (piece == QKV) {
        gather_head(p, layer, item, rows);
        norm = weights_tensor(w, layer, "attn_norm", "weight");
    } else if (piece == GATE_UP) {
        gather_gate_up(p, layer, (size_t)first, (size_t)count, rows);
        norm = weights_tensor(w, layer, "ffn_norm", "weight");
    } else if (piece == OUTPUT) {
        const struct tensor *t =
            w->config.tied ? w->embedding : checkpoint_tensor(w->checkpoint, "output.weight");
        for (int r = 0; r < count; r++)
            row_of(t, (size_t)first + (size_t)r, rows + (size_t)r * (size_t)s.k);
        norm = checkpoint_tensor(w->checkpoint, "output_norm.weight");
    } else {
        gather_whole(p, layer, piece, rows);
    }
    if (norm && !(gains = weights_values(norm))) {
        free(rows);
        return err_nomem(e, "weights");
    }
    if (norm)
        read_residual(p, gains, rows, (size_t)count);
    char name[NAME_SIZE];
    name_section(name, layer, piece, "");
    void *to = packed_writer_section(p->to, name);
    if (in_fours(w, piece))
        weight4_pack(rows, first, count, s.n, s.k, to);
    else
        weight8_pack(rows, first, count, s.n, s.k, to);
    free(gains);
    free(rows);
    return 0;
}

/* The biases of q, k and v, treated as the rows that they belong to. */
static void pack_bias(const struct packer *p, int layer) {
    const struct decoder_config *c = &p->w->config;
    static const char *const names[] = {"attn_q", "attn_k", "attn_v"};
    char section[NAME_SIZE];
    name_section(section, layer, QKV, ".bias");
    float *to = packed_writer_section(p->to, section), temp[KERNEL_MAX_DIM];
    size_t dim = c->head_dim;
    for (int part = 0; part < 3; part++) {
        const struct tensor *t = weights_tensor(p->w, layer, names[part], "bias");
        quant_to_f32(t->type, t->data, t->elements, to);
        if (part < 2 && c->qk_interleaved)
            weights_undo_interleave(to, t->elements / dim, dim, 1, temp);
        for (size_t h = 0; part == 2 && h < c->kv_heads; h++)
            rotation_columns(&p->head, to + h * dim, 1);
        weights_spread(to, t->elements / dim, dim, p->w->dim, 1);
        to += t->elements / dim * p->w->dim;
    }
}

static int pack_items(void *user, struct pool_items *items, struct err *e) {
    const struct packer *p = user;
    int rc = 0;
    for (int i; rc == 0 && (i = pool_next(items)) >= 0;) {
        int item = i - p->items[OUTPUT];
        if (item < 0) { /* the output layer, the largest, comes first */
            rc = pack_item(p, 0, OUTPUT, i, e);
            continue;
        }
        int layer = item / p->per_layer, piece = QKV;
        for (item %= p->per_layer; item >= p->items[piece]; piece++)
            item -= p->items[piece];
        rc = pack_item(p, layer, (enum piece)piece, item, e);
        if (rc == 0 && piece == QKV && item == 0 && p->w->config.qkv_bias)
            pack_bias(p, layer);
        if (rc == 0 && piece == DOWN) /* so that the file does not pile up beside what is made */
            checkpoint_release(p->w->checkpoint);
    }
    return rc;
}

static int run_packers(struct packer *p, int threads, struct err *e) {
    const struct decoder_config *c = &p->w->config;
    p->items[QKV] = (int)(c->heads + 2 * c->kv_heads);
    p->items[ATTENTION_OUT] = p->items[DOWN] = 1;
    p->items[GATE_UP] = (shape_of(p->w, GATE_UP).n + CHUNK_OUTPUTS - 1) / CHUNK_OUTPUTS;
    p->items[OUTPUT] = ((int)c->vocab + CHUNK_OUTPUTS - 1) / CHUNK_OUTPUTS;
    for (int i = 0; i < OUTPUT; i++)
        p->per_layer += p->items[i];
    return pool_run(threads, p->items[OUTPUT] + p->per_layer * (int)c->layers, pack_items, p, e);
}

struct sections {
    struct packed_section *v;
    char (*names)[NAME_SIZE];
    size_t n, bytes;
};

static void add_section(struct sections *s, int layer, enum piece piece, const char *suffix,
                        size_t size) {
    name_section(s->names[s->n], layer, piece, suffix);
    s->v[s->n] = (struct packed_section){s->names[s->n], size};
    s->bytes += size;
    s->n++;
}

static int list_sections(const struct weights *w, struct sections *s, struct err *e) {
    const struct decoder_config *c = &w->config;
    size_t most = (size_t)c->layers * (OUTPUT + 1) + 1;
    *s =
        (struct sections){.v = calloc(most, sizeof *s->v), .names = calloc(most, sizeof *s->names)};
    if (!s->v || !s->names)
        return err_nomem(e, "weights");
    for (int l = 0; l < (int)c->layers; l++) {
        for (enum piece i = QKV; i < OUTPUT; i++)
            add_section(s, l, i, "", bytes_of(w, i));
        if (c->qkv_bias)
            add_section(s, l, QKV, ".bias", (size_t)shape_of(w, QKV).n * sizeof(float));
    }
    add_section(s, 0, OUTPUT, "", bytes_of(w, OUTPUT));
    return 0;
}

static void free_sections(struct sections *s) {
    free(s->v);
    free(s->names);
}

/* Makes the packed weights, in the file if that can be written, else in memory. */
static int make(struct weights *w, const char *path, const char *key, const struct sections *s,
                int threads, struct err *e) {
    const struct decoder_config *c = &w->config;
    struct packer p = {.w = w};
    struct err cannot = {0};
    int rc = rotation_new(c->head_dim, c->head_dim, 0, SEED_HEAD, &p.head, e);
    if (rc == 0)
        rc = rotation_new(c->intermediate, MOST_DOWN_BLOCK, 0, SEED_DOWN, &p.down, e);
    if (rc == 0 && path && packed_writer_open(path, key, s->v, s->n, &p.to, &cannot) != 0)
        log_say(LOG_WARN, "packed weights are not kept: %s", cannot.text);
    if (rc == 0 && !p.to)
        rc = packed_writer_open(NULL, key, s->v, s->n, &p.to, e);
    if (rc == 0)
        rc = run_packers(&p, threads, e);
    if (rc == 0)
        rc = packed_writer_commit(p.to, threads, &w->packed, e);
    else
        packed_writer_abort(p.to);
    rotation_free(&p.head);
    rotation_free(&p.down);
    return rc;
}

static int view(const struct weights *w, int layer, enum piece piece, struct weight8 *out,
                struct err *e) {
    char name[NAME_SIZE];
    size_t size;
    struct shape s = shape_of(w, piece);
    name_section(name, layer, piece, "");
    const void *at = packed_find(w->packed, name, &size);
    if (!at || size != bytes_of(w, piece))
        return err_set(e, PRECIS_EINPUT,
                       "packed weights: section %s is missing or has another size", name);
    if (in_fours(w, piece))
        weight4_view(at, s.n, s.k, out);
    else
        weight8_view(at, s.n, s.k, out);
    return 0;
}

static int view_all(struct weights *w, struct err *e) {
    w->layers8 = calloc(w->config.layers, sizeof *w->layers8);
    if (!w->layers8)
        return err_nomem(e, "weights");
    int rc = view(w, 0, OUTPUT, &w->output8, e);
    for (int l = 0; rc == 0 && l < (int)w->config.layers; l++) {
        struct layer8 *layer = &w->layers8[l];
        struct weight8 *out[] = {&layer->qkv, &layer->attention_out, &layer->gate_up, &layer->down};
        for (enum piece i = QKV; rc == 0 && i < OUTPUT; i++)
            rc = view(w, l, i, out[i], e);
        char name[NAME_SIZE];
        size_t size;
        name_section(name, l, QKV, ".bias");
        layer->qkv_bias = packed_find(w->packed, name, &size);
        if (rc == 0 && w->config.qkv_bias &&
            (!layer->qkv_bias || size != (size_t)layer->qkv.n * sizeof(float)))
            rc = err_set(e, PRECIS_EINPUT, "packed weights: section %s is missing", name);
    }
    return rc;
}

/* The residual stream is rotated, so all that is added to it must be rotated as well; the gains of
 * a norm in between do not let that be folded into the matrix before them. */
static int check_options(const struct decoder_config *c, struct err *e) {
    if (c->post_norms)
        return err_set(e, PRECIS_EUNSUPPORTED,
                       "int8: %s norms what attention and feed-forward add to the residual stream "
                       "(post norms), so that the stream cannot be rotated",
                       c->architecture);
    if (c->activation != ACTIVATION_SILU)
        return err_set(e, PRECIS_EUNSUPPORTED, "int8: %s has gates of GELU, not SiLU",
                       c->architecture);
    if (c->attention_cap > 0 || c->logit_cap > 0)
        return err_set(e, PRECIS_EUNSUPPORTED, "int8: %s has soft caps of scores or logits",
                       c->architecture);
    return 0;
}

int weights8_check(const struct decoder_config *c, struct err *e) {
    int rc = check_options(c, e);
    if (rc)
        return rc;
    if (c->intermediate % PANEL || c->hidden % PANEL)
        return err_set(e, PRECIS_EUNSUPPORTED,
                       "int8 needs widths that are multiples of %d, not %u and %u", PANEL,
                       c->hidden, c->intermediate);
    unsigned long long widest = c->hidden > c->intermediate ? c->hidden : c->intermediate;
    if ((unsigned long long)c->heads * c->head_dim > widest)
        widest = (unsigned long long)c->heads * c->head_dim;
    if (widest > WIDEST)
        return err_set(e, PRECIS_EUNSUPPORTED, "int8: a width of %llu is beyond %d", widest,
                       WIDEST);
    if (c->hidden / rotation_block(c->hidden, c->hidden) > ROTATION_MOST_MIXTURE)
        return err_set(e, PRECIS_EUNSUPPORTED, "int8: the odd part of %u is beyond %d", c->hidden,
                       ROTATION_MOST_MIXTURE);
    return 0;
}

int weights8_pack(struct weights *w, int threads, struct err *e) {
    struct sections s = {0};
    char path[4096], key[HASH_HEX_SIZE + 64], revision[HASH_HEX_SIZE];
    bool file = false;
    struct err why = {0};
    w->down_block = (int)rotation_block(w->config.intermediate, MOST_DOWN_BLOCK);
    int rc = rotation_new(w->config.hidden, w->config.hidden, 1, SEED_RESIDUAL, &w->residual, e);
    if (rc == 0)
        rc = checkpoint_revision(w->checkpoint, revision, e);
    if (rc == 0)
        rc = list_sections(w, &s, e);
    if (rc)
        goto done;
    if (w->fours)
        snprintf(key, sizeof key, PACK_KEY4, revision);
    else
        snprintf(key, sizeof key, PACK_KEY8, revision);
    if (s.bytes >= LEAST_FILE) {
        file = packed_path(key, path, sizeof path, &why) == 0;
        if (!file)
            log_say(LOG_WARN, "packed weights are not kept: %s", why.text);
    }
    int found = file ? packed_open(path, key, threads, &w->packed, &why) : PRECIS_ENOTFOUND;
    if (found != 0) {
        double started = clock_seconds();
        log_say(LOG_INFO, "packing weights into %s%s%s", w->fours ? "int4" : "int8",
                file ? ": " : "", file ? why.text : "");
        checkpoint_release(w->checkpoint); /* its name may have taken reading all of it */
        rc = file ? make(w, path, key, &s, threads, &why) : PRECIS_EIO;
        if (rc == PRECIS_EIO) {
            if (file)
                log_say(LOG_WARN, "packed weights are not kept: %s", why.text);
            rc = make(w, NULL, key, &s, threads, &why);
        }
        if (rc && e)
            *e = why;
        log_say(LOG_INFO, "packed in %.2f s", clock_seconds() - started);
    }
    checkpoint_release(w->checkpoint);
    if (rc == 0)
        rc = view_all(w, e);
    if (rc == 0)
        w->bytes = packed_size(w->packed);
done:
    free_sections(&s);
    return rc;
}

size_t weights8_estimate(const struct weights *w) {
    const struct decoder_config *c = &w->config;
    size_t bytes = packed_round(bytes_of(w, OUTPUT), PACKED_ALIGN);
    size_t sections = 1 + (size_t)c->layers * (size_t)(OUTPUT + (c->qkv_bias ? 1 : 0));
    for (enum piece i = QKV; i < OUTPUT; i++)
        bytes += packed_round(bytes_of(w, i), PACKED_ALIGN) * c->layers;
    if (c->qkv_bias)
        bytes += packed_round((size_t)shape_of(w, QKV).n * sizeof(float), PACKED_ALIGN) * c->layers;
    size_t key = strlen(w->fours ? PACK_KEY4 : PACK_KEY8) - strlen("%s") + HASH_HEX_SIZE;
    size_t pieces = packed_round(bytes, PACKED_PIECE) / PACKED_PIECE;
    return packed_lay_out(key, sections, pieces).data + bytes;
}
