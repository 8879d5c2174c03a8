/* A tokenizer from a tokenizer.json and what lies beside it. */
#include "text/tok_json.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"

/* The JSON object of a file, the caller's to release. */
static int load(const char *path, json_t **out, struct err *e) {
    struct mapping m;
    json_error_t why;
    int rc = file_map(path, &m, e);
    if (rc)
        return rc;
    *out = json_loadb((const char *)m.data, m.size, JSON_ALLOW_NUL, &why);
    file_unmap(&m);
    if (!*out)
        return json_error_code(&why) == json_error_out_of_memory
                   ? err_nomem(e, "JSON")
                   : err_set(e, PRECIS_EINPUT, "%s: line %d: %s", path, why.line, why.text);
    if (json_is_object(*out))
        return 0;
    json_decref(*out);
    *out = NULL;
    return err_set(e, PRECIS_EINPUT, "%s: no JSON object", path);
}

/* A file beside the tokenizer's: its path, in memory of the caller; NULL: none, or out of memory.
 */
static int beside(struct builder *b, const char *name, char **out) {
    const char *slash = strrchr(b->path, '/');
    size_t dir = slash ? (size_t)(slash - b->path) + 1 : 0, n = strlen(name);
    char *path = malloc(dir + n + 1);
    *out = NULL;
    if (!path)
        return err_nomem(b->e, "path");
    memcpy(path, b->path, dir);
    memcpy(path + dir, name, n + 1);
    if (access(path, F_OK) == 0)
        *out = path;
    else
        free(path);
    return 0;
}

/* The object in a file beside; NULL: there is no such file. */
static int load_beside(struct builder *b, const char *name, json_t **out) {
    char *path;
    *out = NULL;
    int rc = beside(b, name, &path);
    if (rc == 0 && path)
        rc = load(path, out, b->e);
    free(path);
    return rc;
}

static int added_tokens(struct builder *b, const json_t *list) {
    static const char where[] = "added_tokens";
    int rc = 0;
    if (list && !json_is_null(list) && !json_is_array(list))
        return build_bad(b, PRECIS_EINPUT, "%s is no array", where);
    for (size_t i = 0; rc == 0 && i < json_array_size(list); i++) {
        const json_t *o = json_array_get(list, i);
        struct build_added x = {0};
        rc = part_text(b, o, where, "content", &x.s);
        if (rc == 0)
            rc = part_flag(b, o, where, "single_word", &x.single_word);
        if (rc == 0)
            rc = part_flag(b, o, where, "lstrip", &x.lstrip);
        if (rc == 0)
            rc = part_flag(b, o, where, "rstrip", &x.rstrip);
        if (rc == 0)
            rc = part_flag(b, o, where, "normalized", &x.normalized);
        if (rc == 0)
            rc = part_flag(b, o, where, "special", &x.special);
        if (rc == 0)
            rc = build_add(b, &x);
    }
    return rc;
}

/* A token by its spelling; -1: none. */
static int64_t token_id(const struct builder *b, struct str s) {
    const struct build_added *x = s.s ? build_find_added(b, s) : NULL;
    return x ? (int64_t)x->id : s.s ? build_id(b, s) : -1;
}

/* "bos_token": "<s>" or {"content": "<s>", ...} */
static int64_t named_token(const struct builder *b, const json_t *config, const char *key) {
    const json_t *v = json_object_get(config, key);
    if (json_is_object(v))
        v = json_object_get(v, "content");
    return json_is_string(v)
               ? token_id(b, (struct str){json_string_value(v), json_string_length(v)})
               : -1;
}

/* A template, or of several the one named "default". */
static int template_of(struct builder *b, const json_t *v) {
    for (size_t i = 0; json_is_array(v) && i < json_array_size(v); i++) {
        const json_t *o = json_array_get(v, i);
        const char *name = json_string_value(json_object_get(o, "name"));
        if (name && strcmp(name, "default") == 0) {
            v = json_object_get(o, "template");
            break;
        }
    }
    if (!json_is_string(v) || b->t->chat_template)
        return 0;
    b->t->chat_template = build_copy((struct str){json_string_value(v), json_string_length(v)});
    return b->t->chat_template ? 0 : err_nomem(b->e, "chat template");
}

static int jinja(struct builder *b) {
    char *path;
    struct mapping m = {0};
    int rc = beside(b, "chat_template.jinja", &path);
    if (rc == 0 && path)
        rc = file_map(path, &m, b->e);
    if (rc == 0 && path) {
        b->t->chat_template = build_copy((struct str){(const char *)m.data, m.size});
        if (!b->t->chat_template)
            rc = err_nomem(b->e, "chat template");
    }
    file_unmap(&m);
    free(path);
    return rc;
}

/* "eos_token_id": 2 or [2, 7] */
static void stops(struct builder *b, const json_t *config) {
    const json_t *v = json_object_get(config, "eos_token_id");
    size_t n = json_is_array(v) ? json_array_size(v) : 1;
    for (size_t i = 0; i < n; i++) {
        const json_t *id = json_is_array(v) ? json_array_get(v, i) : v;
        if (json_is_integer(id) && json_integer_value(id) >= 0 &&
            json_integer_value(id) < (json_int_t)b->t->n)
            build_stop(b, json_integer_value(id));
    }
}

static int side_files(struct builder *b) {
    json_t *config;
    int rc = jinja(b);
    if (rc == 0)
        rc = load_beside(b, "tokenizer_config.json", &config);
    if (rc)
        return rc;
    b->t->bos = named_token(b, config, "bos_token");
    b->t->eos = named_token(b, config, "eos_token");
    build_stop(b, b->t->eos);
    rc = template_of(b, json_object_get(config, "chat_template"));
    json_decref(config);
    static const char *const names[] = {"generation_config.json", "config.json"};
    for (size_t i = 0; rc == 0 && i < sizeof names / sizeof *names; i++) {
        rc = load_beside(b, names[i], &config);
        if (rc == 0) {
            stops(b, config);
            json_decref(config);
        }
    }
    build_stops_by_name(b);
    build_controls(b);
    return rc;
}

static int build(struct builder *b, const json_t *root) {
    const json_t *model = json_object_get(root, "model");
    const json_t *version = json_object_get(root, "version");
    if (version && (!json_is_string(version) || strcmp(json_string_value(version), "1.0") != 0))
        return build_bad(b, PRECIS_EUNSUPPORTED, "a version that is not \"1.0\" is not supported");
    int rc = part_model_tokens(b, model);
    if (rc == 0 && b->n_model == 0)
        rc = build_bad(b, PRECIS_EINPUT, "model: vocab is empty");
    if (rc == 0)
        rc = build_index(b);
    if (rc == 0)
        rc = part_normaliser(b, json_object_get(root, "normalizer"));
    if (rc == 0)
        rc = added_tokens(b, json_object_get(root, "added_tokens"));
    if (rc == 0)
        rc = part_pre_tokeniser(b, json_object_get(root, "pre_tokenizer"));
    if (rc == 0)
        rc = part_decoder(b, json_object_get(root, "decoder"));
    if (rc == 0)
        rc = build_tables(b);
    if (rc == 0)
        rc = part_post_processor(b, json_object_get(root, "post_processor"));
    if (rc == 0)
        rc = part_truncation(b, json_object_get(root, "truncation"));
    if (rc == 0)
        rc = side_files(b);
    return rc ? rc : part_model(b, model);
}

int tok_from_json(const char *path, struct tok **out, struct err *e) {
    struct builder b;
    json_t *root;
    *out = NULL;
    int rc = load(path, &root, e);
    if (rc)
        return rc;
    rc = build_begin(&b, path, e);
    if (rc == 0)
        rc = build(&b, root);
    rc = build_end(&b, rc, out);
    json_decref(root);
    return rc;
}
