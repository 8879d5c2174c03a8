#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "golden.h"
#include "model/catalogue.h"

struct tok *golden_tok(const char *model) {
    char path[4096];
    struct err e;
    struct gguf *g;
    struct tok *t = NULL;
    if (catalogue_resolve(model, path, sizeof path, &e) != 0) {
        printf("skipped: %s\n", e.text);
        skip();
    }
    struct buf json = {0};
    buf_printf(&json, "%s/tokenizer.json", path);
    if (access(json.data, R_OK) == 0) {
        if (tok_from_json(json.data, &t, &e) != 0)
            fail_msg("%s", e.text);
        buf_free(&json);
        return t;
    }
    buf_free(&json);
    if (gguf_open(path, &g, &e) != 0 || tok_from_gguf(g, &t, &e) != 0)
        fail_msg("%s", e.text);
    gguf_close(g);
    return t;
}

void golden_each(const char *name, void (*call)(void *user, const json_t *line), void *user) {
    char path[4096];
    snprintf(path, sizeof path, "%s/%s", GOLDEN_DIR, name);
    FILE *f = fopen(path, "r");
    if (!f)
        fail_msg("%s: cannot be opened", path);
    char *line = NULL;
    size_t cap = 0;
    for (ssize_t n; (n = getline(&line, &cap, f)) > 0;) {
        json_error_t why;
        json_t *v = json_loadb(line, (size_t)n, JSON_ALLOW_NUL, &why);
        if (!v)
            fail_msg("%s: %s", path, why.text);
        call(user, v);
        json_decref(v);
    }
    free(line);
    fclose(f);
}

const char *golden_string(const json_t *line, const char *key, size_t *len) {
    const json_t *v = json_object_get(line, key);
    *len = json_string_length(v);
    return json_string_value(v);
}

void golden_ids(const struct ids *ids, const json_t *want, const char *what) {
    size_t n = json_array_size(want);
    for (size_t i = 0; i < n || i < ids->n; i++) {
        long long w = i < n ? json_integer_value(json_array_get(want, i)) : -1;
        long long got = i < ids->n ? (long long)ids->v[i] : -1;
        if (got != w)
            fail_msg("id %zu is %lld, not %lld, of %s", i, got, w, what);
    }
}

void golden_text(const json_t *line, struct buf *text) {
    size_t len;
    const char *s = golden_string(line, "t", &len);
    const json_t *r = json_object_get(line, "r");
    if (s)
        for (json_int_t i = r ? json_integer_value(r) : 1; i > 0; i--)
            buf_append(text, s, len);
    s = golden_string(line, "x", &len);
    for (size_t i = 0; s && i + 1 < len; i += 2) {
        char two[3] = {s[i], s[i + 1], 0};
        buf_char(text, (char)strtoul(two, NULL, 16));
    }
}
