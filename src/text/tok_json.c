/* A tokenizer from a tokenizer.json and what lies beside it. */
#include "text/tok_json.h"

#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "model/json_file.h"

/* the largest published tokenizer.json have 35 MB */
enum { MOST_BYTES = 512 << 20, MOST_CONFIG_BYTES = 16 << 20 };

/* The folder that the tokenizer lies in, the caller's; NULL: out of memory. */
static char *folder_of(const struct builder *b) {
    const char *slash = strrchr(b->path, '/');
    return build_copy(slash ? (struct str){b->path, (size_t)(slash - b->path) + 1}
                            : (struct str){".", 1});
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

static int jinja(struct builder *b, const char *folder) {
    char *path = file_join(folder, "chat_template.jinja");
    struct mapping m = {0};
    bool there;
    if (!path)
        return err_nomem(b->e, "path");
    int rc = file_exists(path, &there, b->e);
    if (rc || !there)
        goto done;
    rc = file_map(path, &m, b->e);
    if (rc)
        goto done;
    if (m.size > MOST_CONFIG_BYTES)
        rc = err_set(b->e, PRECIS_EINPUT, "%s: has %zu bytes: at most %d are allowed", path, m.size,
                     MOST_CONFIG_BYTES);
    else if (!(b->t->chat_template = build_copy((struct str){(const char *)m.data, m.size})))
        rc = err_nomem(b->e, "chat template");
done:
    file_unmap(&m);
    free(path);
    return rc;
}

static int side_files(struct builder *b) {
    json_t *config = NULL;
    uint32_t ids[TOK_MAX_STOPS];
    size_t n = 0;
    char *folder = folder_of(b);
    if (!folder)
        return err_nomem(b->e, "path");
    int rc = jinja(b, folder);
    if (rc == 0)
        rc = json_file_beside(folder, "tokenizer_config.json", MOST_CONFIG_BYTES, 0, &config, b->e);
    if (rc)
        goto done;
    b->t->bos = named_token(b, config, "bos_token");
    b->t->eos = named_token(b, config, "eos_token");
    build_stop(b, b->t->eos);
    rc = template_of(b, json_object_get(config, "chat_template"));
    if (rc == 0)
        rc = json_file_stops(folder, ids, TOK_MAX_STOPS, &n, b->e);
    for (size_t i = 0; i < n; i++)
        build_stop(b, ids[i] < b->t->n ? (int64_t)ids[i] : -1);
    build_stops_by_name(b);
    build_controls(b);
done:
    json_decref(config);
    free(folder);
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
    int rc = json_file_read(path, MOST_BYTES, JSON_ALLOW_NUL, &root, e);
    if (rc)
        return rc;
    rc = build_begin(&b, path, e);
    if (rc == 0)
        rc = build(&b, root);
    rc = build_end(&b, rc, out);
    json_decref(root);
    return rc;
}
