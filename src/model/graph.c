#include "model/graph.h"

#include <dirent.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/buf.h"
#include "base/file.h"
#include "model/config.h"
#include "model/json_file.h"
#include "model/onnx_read.h"
#include "model/revision.h"

enum { MOST_CONFIG_BYTES = 16 << 20, MOST_SIZE = 1 << 28 };

static bool is_file(const char *path) {
    struct stat st;
    return stat(path, &st) == 0 && S_ISREG(st.st_mode);
}

static bool has(const char *folder, const char *name) {
    char *path = file_join(folder, name);
    bool there = path && is_file(path);
    free(path);
    return there;
}

static int put(struct graph_model *m, enum graph_role role, const char *folder, const char *stem,
               const char *suffix, struct err *e) {
    free(m->files[role]);
    if (asprintf(&m->files[role], "%s/%s%s", folder, stem, suffix) < 0)
        m->files[role] = NULL;
    return m->files[role] ? 0 : err_nomem(e, folder);
}

static bool has_graph(const char *folder, const char *stem, const char *suffix) {
    char name[256];
    int n = snprintf(name, sizeof name, "%s%s", stem, suffix);
    return n > 0 && (size_t)n < sizeof name && has(folder, name);
}

/* The graphs of a pair or a triple, whose names end alike: "_q4.onnx". A sibling that is not there
 * with that ending is taken without it. */
static int put_set(struct graph_model *m, const char *folder, const char *suffix, bool *found,
                   struct err *e) {
    static const char plain[] = ".onnx";
    const char *main = NULL;
    *found = false;
    if (has_graph(folder, "decoder_model_merged", suffix))
        main = "decoder_model_merged";
    else if (has_graph(folder, "decoder_model", suffix))
        main = "decoder_model";
    if (!main)
        return 0;
    *found = true;
    int rc = put(m, GRAPH_MAIN, folder, main, suffix, e);
    if (rc == 0 && strcmp(main, "decoder_model") == 0 &&
        has_graph(folder, "decoder_with_past_model", suffix))
        rc = put(m, GRAPH_PAST, folder, "decoder_with_past_model", suffix, e);
    if (rc == 0 && has_graph(folder, "encoder_model", suffix))
        rc = put(m, GRAPH_ENCODER, folder, "encoder_model", suffix, e);
    else if (rc == 0 && has_graph(folder, "encoder_model", plain))
        rc = put(m, GRAPH_ENCODER, folder, "encoder_model", plain, e);
    return rc;
}

/* How a file of a set ends after its stem; NULL: it is of no set. */
static const char *set_suffix(const char *base) {
    static const char *const stems[] = {"decoder_model_merged", "decoder_with_past_model",
                                        "decoder_model", "encoder_model"};
    for (int i = 0; i < 4; i++)
        if (strncmp(base, stems[i], strlen(stems[i])) == 0)
            return base + strlen(stems[i]);
    return NULL;
}

static bool is_graph(const char *name) {
    size_t n = strlen(name);
    return n > 5 && strcmp(name + n - 5, ".onnx") == 0;
}

/* The folder's only graph, or only set. */
static int put_only(struct graph_model *m, const char *folder, bool *found, struct err *e) {
    struct buf names = {0};
    char only[256] = "", suffix[256] = "";
    int n = 0, sets = 0, others = 0;
    DIR *d = opendir(folder);
    *found = false;
    if (!d)
        return 0;
    for (const struct dirent *f = readdir(d); f; f = readdir(d)) {
        if (!is_graph(f->d_name))
            continue;
        const char *end = set_suffix(f->d_name);
        others += !end;
        if (end && (sets == 0 || strcmp(end, suffix) != 0)) {
            snprintf(suffix, sizeof suffix, "%s", end);
            sets++;
        }
        snprintf(only, sizeof only, "%s", f->d_name);
        buf_printf(&names, "%s%s", n++ ? ", " : "", f->d_name);
    }
    closedir(d);
    int rc = 0;
    if (buf_failed(&names))
        rc = err_nomem(e, folder);
    else if (sets == 1 && others == 0)
        rc = put_set(m, folder, suffix, found, e);
    else if (n == 1) {
        *found = true;
        rc = put(m, GRAPH_MAIN, folder, only, "", e);
    }
    if (rc == 0 && n > 0 && !*found)
        rc = err_set(e, PRECIS_EINPUT, "%s: which graph is meant? Give the file: %s", folder,
                     names.data);
    buf_free(&names);
    return rc;
}

static int find_in(struct graph_model *m, const char *folder, bool *found, struct err *e) {
    *found = true;
    if (has(folder, "model.onnx"))
        return put(m, GRAPH_MAIN, folder, "model.onnx", "", e);
    int rc = put_set(m, folder, ".onnx", found, e);
    return rc || *found ? rc : put_only(m, folder, found, e);
}

/* PATH/.. for a file or folder; "." for one without a slash. */
static char *parent_of(const char *path) {
    const char *slash = strrchr(path, '/');
    if (!slash)
        return strdup(".");
    return strndup(path, slash == path ? 1 : (size_t)(slash - path));
}

static int find_file(struct graph_model *m, const char *path, struct err *e) {
    const char *slash = strrchr(path, '/'), *base = slash ? slash + 1 : path;
    const char *suffix = set_suffix(base);
    char *folder = parent_of(path);
    if (!folder)
        return err_nomem(e, path);
    bool found = false;
    int rc = suffix ? put_set(m, folder, suffix, &found, e) : 0;
    /* an encoder alone is a model, too */
    if (rc == 0 && !found)
        rc = put(m, GRAPH_MAIN, folder, base, "", e);
    free(folder);
    return rc;
}

static int find_folder(struct graph_model *m, const char *path, struct err *e) {
    bool found;
    int rc = find_in(m, path, &found, e);
    if (rc || found)
        return rc;
    char *inner = file_join(path, "onnx");
    if (!inner)
        return err_nomem(e, path);
    rc = find_in(m, inner, &found, e);
    free(inner);
    if (rc == 0 && !found)
        rc = err_set(e, PRECIS_ENOTFOUND, "%s: holds no .onnx file", path);
    return rc;
}

/* A size under the first of the names (a NULL ends them) that is there. */
static int get_size(const json_t *o, const char *const names[], unsigned *out, struct err *e) {
    for (int i = 0; names[i]; i++) {
        const json_t *v = json_object_get(o, names[i]);
        if (!v || json_is_null(v))
            continue;
        if (!json_is_integer(v) || json_integer_value(v) < 1 || json_integer_value(v) > MOST_SIZE)
            return err_set(e, PRECIS_EINPUT, "%s: must be a number from 1 to %d", names[i],
                           MOST_SIZE);
        *out = (unsigned)json_integer_value(v);
        return 0;
    }
    return 0;
}

static int get_id(const json_t *o, const char *name, int64_t *out, struct err *e) {
    const json_t *v = json_object_get(o, name);
    if (!v || json_is_null(v))
        return 0;
    if (!json_is_integer(v) || json_integer_value(v) < 0 || json_integer_value(v) >= MOST_SIZE)
        return err_set(e, PRECIS_EINPUT, "%s: is not a token id", name);
    *out = json_integer_value(v);
    return 0;
}

static int get_text(const json_t *o, const char *name, char *out, size_t size, struct err *e) {
    const json_t *v = json_object_get(o, name);
    if (!v || json_is_null(v))
        return 0;
    if (!json_is_string(v) || json_string_length(v) >= size)
        return err_set(e, PRECIS_EINPUT, "%s: must be a string of less than %zu bytes", name, size);
    memcpy(out, json_string_value(v), json_string_length(v) + 1);
    return 0;
}

static int read_config(struct graph_model *m, const json_t *o, struct err *e) {
    static const char *const
        layers[] = {"decoder_layers", "num_decoder_layers", "num_hidden_layers",
                    "n_layer",        "num_layers",         NULL},
        *const heads[] = {"decoder_attention_heads", "num_attention_heads", "n_head", "num_heads",
                          NULL},
        *const kv[] = {"num_key_value_heads", NULL}, *const dim[] = {"head_dim", "d_kv", NULL},
        *const hidden[] = {"hidden_size", "n_embd", "d_model", NULL},
        *const vocab[] = {"vocab_size", NULL},
        *const context[] = {"max_position_embeddings", "n_positions", "n_ctx", "seq_length", NULL};
    unsigned query_heads = 0;
    int rc = get_text(o, "model_type", m->architecture, sizeof m->architecture, e);
    rc = rc ? rc : get_size(o, layers, &m->layers, e);
    rc = rc ? rc : get_size(o, heads, &query_heads, e);
    rc = rc ? rc : get_size(o, dim, &m->head_dim, e);
    rc = rc ? rc : get_size(o, hidden, &m->hidden, e);
    rc = rc ? rc : get_size(o, vocab, &m->vocab, e);
    rc = rc ? rc : get_size(o, context, &m->context, e);
    m->heads = json_is_true(json_object_get(o, "multi_query")) ? 1 : query_heads;
    m->query_heads = query_heads;
    rc = rc ? rc : get_size(o, kv, &m->heads, e);
    rc = rc ? rc : get_id(o, "decoder_start_token_id", &m->decoder_start, e);
    rc = rc ? rc : get_id(o, "forced_bos_token_id", &m->forced_bos, e);
    if (rc == 0 && m->head_dim == 0 && query_heads)
        m->head_dim = m->hidden / query_heads;
    return rc;
}

static int add_pair(struct graph_model *m, const char *past, const char *present, bool cross,
                    struct err *e) {
    struct graph_pair *p = &m->pairs[m->n_pairs++];
    p->cross = cross;
    snprintf(p->past, sizeof p->past, "%s", past);
    snprintf(p->present, sizeof p->present, "%s", present);
    const char *const names[] = {past, present};
    for (int i = 0; i < 2; i++) {
        const char *at = strchr(names[i], '%');
        if (!at || at[1] != 'd' || strchr(at + 1, '%'))
            return err_set(e, PRECIS_EINPUT, "%s: must have one %%d, for the layer", names[i]);
    }
    return 0;
}

/* The names that optimum gives. */
static int usual_names(struct graph_model *m, struct err *e) {
    static const char *const parts[] = {"key",          "value",         "key_value",
                                        "decoder.key",  "decoder.value", "encoder.key",
                                        "encoder.value"};
    snprintf(m->input_ids, sizeof m->input_ids, "input_ids");
    snprintf(m->attention_mask, sizeof m->attention_mask, "attention_mask");
    snprintf(m->position_ids, sizeof m->position_ids, "position_ids");
    snprintf(m->logits, sizeof m->logits, "logits");
    int rc = 0;
    for (int i = 0; i < 7 && rc == 0; i++) {
        char past[GRAPH_NAME_SIZE], present[GRAPH_NAME_SIZE];
        snprintf(past, sizeof past, "past_key_values.%%d.%s", parts[i]);
        snprintf(present, sizeof present, "present.%%d.%s", parts[i]);
        rc = add_pair(m, past, present, strncmp(parts[i], "encoder", 7) == 0, e);
    }
    return rc;
}

static int genai_names(struct graph_model *m, const json_t *decoder, struct err *e) {
    const json_t *in = json_object_get(decoder, "inputs"),
                 *out = json_object_get(decoder, "outputs");
    char past[2][GRAPH_NAME_SIZE] = {"past_key_values.%d.key", "past_key_values.%d.value"},
         present[2][GRAPH_NAME_SIZE] = {"present.%d.key", "present.%d.value"};
    int rc = get_text(in, "input_ids", m->input_ids, sizeof m->input_ids, e);
    rc = rc ? rc : get_text(in, "attention_mask", m->attention_mask, sizeof m->attention_mask, e);
    rc = rc ? rc : get_text(in, "position_ids", m->position_ids, sizeof m->position_ids, e);
    rc = rc ? rc : get_text(out, "logits", m->logits, sizeof m->logits, e);
    rc = rc ? rc : get_text(in, "past_key_names", past[0], sizeof past[0], e);
    rc = rc ? rc : get_text(in, "past_value_names", past[1], sizeof past[1], e);
    rc = rc ? rc : get_text(out, "present_key_names", present[0], sizeof present[0], e);
    rc = rc ? rc : get_text(out, "present_value_names", present[1], sizeof present[1], e);
    m->n_pairs = 0;
    for (int i = 0; i < 2 && rc == 0; i++)
        rc = add_pair(m, past[i], present[i], false, e);
    return rc;
}

static int read_genai(struct graph_model *m, const char *folder, const json_t *root,
                      struct err *e) {
    static const char *const
        layers[] = {"num_hidden_layers", NULL},
        *const kv[] = {"num_key_value_heads", NULL}, *const heads[] = {"num_attention_heads", NULL},
        *const dim[] = {"head_size", NULL}, *const hidden[] = {"hidden_size", NULL},
        *const vocab[] = {"vocab_size", NULL}, *const context[] = {"context_length", NULL};
    static const char *const parts[] = {"encoder", "vision", "speech", "embedding", NULL};
    const json_t *model = json_object_get(root, "model"),
                 *decoder = json_object_get(model, "decoder");
    char file[256] = "model.onnx";
    int rc = get_text(model, "type", m->architecture, sizeof m->architecture, e);
    for (int i = 0; parts[i] && rc == 0; i++)
        if (json_object_get(model, parts[i]))
            rc = err_set(e, PRECIS_EUNSUPPORTED,
                         "a model of the type '%s' with the part '%s': only decoders are supported",
                         m->architecture, parts[i]);
    if (rc == 0 && json_object_get(decoder, "pipeline"))
        rc = err_set(e, PRECIS_EUNSUPPORTED, "a decoder that is a pipeline of graphs");
    if (rc == 0 && (!json_is_object(model) || !json_is_object(decoder)))
        rc = err_set(e, PRECIS_EINPUT, "has no model with a decoder");
    rc = rc ? rc : get_text(decoder, "filename", file, sizeof file, e);
    if (rc == 0 && (strchr(file, '/') || !*file))
        rc = err_set(e, PRECIS_EINPUT, "filename '%s': must be a file in the same folder", file);
    rc = rc ? rc : get_size(decoder, layers, &m->layers, e);
    rc = rc ? rc : get_size(decoder, heads, &m->query_heads, e);
    m->heads = m->query_heads;
    rc = rc ? rc : get_size(decoder, kv, &m->heads, e);
    rc = rc ? rc : get_size(decoder, dim, &m->head_dim, e);
    rc = rc ? rc : get_size(decoder, hidden, &m->hidden, e);
    rc = rc ? rc : get_size(model, vocab, &m->vocab, e);
    rc = rc ? rc : get_size(model, context, &m->context, e);
    rc = rc ? rc : genai_names(m, decoder, e);
    return rc ? rc : put(m, GRAPH_MAIN, folder, file, "", e);
}

static int read_file(struct graph_model *m, const char *folder, const char *name,
                     int (*take)(struct graph_model *, const json_t *, struct err *), bool *found,
                     struct err *e) {
    json_t *o;
    int rc = json_file_beside(folder, name, MOST_CONFIG_BYTES, 0, &o, e);
    *found = o != NULL;
    if (!o)
        return rc;
    rc = take(m, o, e);
    json_decref(o);
    if (rc && rc != PRECIS_ENOMEM) {
        char prefix[512];
        snprintf(prefix, sizeof prefix, "%s/%s", folder, name);
        err_prefix(e, prefix);
    }
    return rc;
}

static int read_generation(struct graph_model *m, const json_t *o, struct err *e) {
    int rc = get_id(o, "decoder_start_token_id", &m->decoder_start, e);
    return rc ? rc : get_id(o, "forced_bos_token_id", &m->forced_bos, e);
}

/* config.json, in the graphs' folder or the one above. */
static int read_beside(struct graph_model *m, struct err *e) {
    char *own = m->files[GRAPH_MAIN] ? parent_of(m->files[GRAPH_MAIN]) : NULL;
    char *above = own ? file_join(own, "..") : NULL;
    if (!above) {
        free(own);
        return err_nomem(e, "path of a graph");
    }
    bool found = false, also;
    int rc = read_file(m, own, "config.json", read_config, &found, e);
    /* The folder above counts for DIR/onnx alone: elsewhere it is somebody else's. */
    char name[sizeof "onnx" + 1];
    config_name_from_path(name, sizeof name, own);
    bool inner = strcmp(name, "onnx") == 0;
    if (rc == 0 && !found && inner) {
        char *t = own;
        own = above;
        above = t;
        rc = read_file(m, own, "config.json", read_config, &found, e);
    }
    if (rc == 0)
        rc = read_file(m, own, "generation_config.json", read_generation, &also, e);
    m->folder = own;
    free(above);
    return rc;
}

static int find(const char *path, struct graph_model *m, struct err *e) {
    struct stat st;
    if (stat(path, &st) != 0)
        return err_errno(e, path, "open");
    int rc = usual_names(m, e);
    if (rc)
        return rc;
    if (!S_ISDIR(st.st_mode)) {
        rc = find_file(m, path, e);
        return rc ? rc : read_beside(m, e);
    }
    json_t *genai;
    rc = json_file_beside(path, "genai_config.json", MOST_CONFIG_BYTES, 0, &genai, e);
    if (rc)
        return rc;
    if (!genai) {
        rc = find_folder(m, path, e);
        return rc ? rc : read_beside(m, e);
    }
    rc = read_genai(m, path, genai, e);
    json_decref(genai);
    if (rc && rc != PRECIS_ENOMEM) {
        char prefix[512];
        snprintf(prefix, sizeof prefix, "%s/genai_config.json", path);
        err_prefix(e, prefix);
    }
    if (rc == 0 && !(m->folder = strdup(path)))
        rc = err_nomem(e, path);
    return rc;
}

static int keep_external(struct graph_model *m, const char *graph, const struct str *location,
                         struct err *e) {
    char *folder = parent_of(graph), *path = NULL;
    if (folder && asprintf(&path, "%s/%.*s", folder, (int)location->len, location->s) < 0)
        path = NULL;
    free(folder);
    void *grown = path ? realloc(m->external, (m->n_external + 1) * sizeof *m->external) : NULL;
    if (!grown) {
        free(path);
        return err_nomem(e, graph);
    }
    m->external = grown;
    m->external[m->n_external++] = path;
    return is_file(path)
               ? 0
               : err_set(e, PRECIS_ENOTFOUND,
                         "%s: its external data is missing: there is no file %s", graph, path);
}

static int by_name(const void *a, const void *b) {
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* As precisions are spelled: "f32" for float32; the library's own names for the rest. */
static void name_weights(const struct onnx_info *info, char *out, size_t size) {
    char name[32];
    onnx_read_weights(info, name, sizeof name);
    const char *bits = strncmp(name, "float", 5) == 0    ? name + 5
                       : strncmp(name, "bfloat", 6) == 0 ? name + 6
                                                         : NULL;
    if (bits)
        snprintf(out, size, "%s%.8s", *name == 'b' ? "bf" : "f", bits);
    else
        snprintf(out, size, "%.15s", strcmp(name, "uint8") == 0 ? "int8" : name);
}

/* What the graphs say of their weights. */
static int read_graphs(struct graph_model *m, struct err *e) {
    int rc = 0;
    for (int i = 0; i < GRAPH_ROLES && rc == 0; i++) {
        struct onnx_info info;
        if (!m->files[i])
            continue;
        rc = onnx_read_open(m->files[i], &info, e);
        if (rc)
            return rc;
        for (int t = 0; t < ONNX_READ_TYPES; t++)
            m->bytes += info.types[t].bytes;
        if (i == GRAPH_MAIN)
            name_weights(&info, m->weights, sizeof m->weights);
        for (size_t k = 0; k < info.n_externals && rc == 0; k++)
            rc = keep_external(m, m->files[i], &info.externals[k].location, e);
        onnx_read_close(&info);
    }
    if (m->n_external)
        qsort(m->external, m->n_external, sizeof *m->external, by_name);
    return rc;
}

static int add_digest(const char *path, struct buf *list, char hex[HASH_HEX_SIZE], struct err *e) {
    struct mapping file;
    int rc = file_map(path, &file, e);
    if (rc)
        return rc;
    rc = revision_of(path, file.data, file.size, hex, e);
    file_unmap(&file);
    const char *slash = strrchr(path, '/');
    buf_printf(list, "%s  %s\n", hex, slash ? slash + 1 : path);
    return rc;
}

int graph_model_revision(const struct graph_model *m, char out[HASH_HEX_SIZE], struct err *e) {
    struct buf list = {0};
    int rc = 0, n = 0;
    for (int i = 0; i < GRAPH_ROLES && rc == 0; i++)
        if (m->files[i]) {
            rc = add_digest(m->files[i], &list, out, e);
            n++;
        }
    for (size_t i = 0; i < m->n_external && rc == 0; i++)
        if (i == 0 || strcmp(m->external[i], m->external[i - 1]) != 0) {
            rc = add_digest(m->external[i], &list, out, e);
            n++;
        }
    if (rc == 0 && buf_failed(&list))
        rc = err_nomem(e, "revision");
    if (rc == 0 && n > 1)
        rc = hash_sha256_hex(list.data, list.len, out, e);
    buf_free(&list);
    return rc;
}

int graph_model_find(const char *path, struct graph_model *m, struct err *e) {
    *m = (struct graph_model){.decoder_start = -1, .forced_bos = -1};
    size_t n = strlen(path);
    char *clean = strndup(path, n > 1 && path[n - 1] == '/' ? n - 1 : n);
    if (!clean)
        return err_nomem(e, path);
    int rc = find(clean, m, e);
    if (rc == 0)
        rc = read_graphs(m, e);
    if (rc == 0) {
        const char *slash = strrchr(clean, '/');
        snprintf(m->name, sizeof m->name, "%.127s", slash ? slash + 1 : clean);
    }
    free(clean);
    if (rc)
        graph_model_free(m);
    return rc;
}

void graph_model_free(struct graph_model *m) {
    for (int i = 0; i < GRAPH_ROLES; i++)
        free(m->files[i]);
    for (size_t i = 0; i < m->n_external; i++)
        free(m->external[i]);
    free(m->external);
    free(m->folder);
    *m = (struct graph_model){0};
}
