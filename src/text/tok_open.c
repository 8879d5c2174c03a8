#include "text/tok_open.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/file.h"
#include "model/kind.h"

/* Cuts the last part off; what is left of a bare name is ".". */
static void go_up(char *path) {
    char *slash = strrchr(path, '/');
    if (slash)
        slash[slash == path] = 0;
    else
        snprintf(path, 2, ".");
}

static int is_in(const char *dir, const char *file, bool *there, struct err *e) {
    char *path = file_join(dir, file);
    *there = false;
    int rc = path ? file_exists(path, there, e) : err_nomem(e, file);
    free(path);
    return rc;
}

int tok_folder(const char *model, const char *file, char *dir, size_t size, bool *there,
               struct err *e) {
    struct stat st;
    char name[sizeof "onnx" + 1];
    *there = false;
    if (strlen(model) + sizeof "/.." > size)
        return err_set(e, PRECIS_EINPUT, "%s: the path is too long", model);
    snprintf(dir, size, "%s", model);
    if (stat(dir, &st) == 0 && !S_ISDIR(st.st_mode))
        go_up(dir);
    int rc = is_in(dir, file, there, e);
    config_name_from_path(name, sizeof name, dir);
    if (rc || *there || strcmp(name, "onnx") != 0)
        return rc;
    size_t n = strlen(dir);
    memcpy(dir + n, "/..", sizeof "/..");
    rc = is_in(dir, file, there, e);
    if (!*there)
        dir[n] = 0;
    return rc;
}

static int open_json(const char *model, bool if_any, struct tok **out, struct err *e) {
    char dir[4096];
    bool there;
    int rc = tok_folder(model, "tokenizer.json", dir, sizeof dir, &there, e);
    if (rc || (!there && if_any))
        return rc;
    if (!there)
        return err_set(e, PRECIS_ENOTFOUND,
                       "%s: has no tokenizer.json, which precis needs (vocab.txt and "
                       "tokenizer.model are not read)",
                       dir);
    char *path = file_join(dir, "tokenizer.json");
    rc = path ? tok_from_json(path, out, e) : err_nomem(e, dir);
    free(path);
    return rc;
}

static int open_gguf(const char *path, const struct checkpoint *c, bool if_any, struct tok **out,
                     struct err *e) {
    struct gguf *g = NULL;
    int rc = c ? 0 : gguf_open(path, &g, e);
    if (rc)
        return rc;
    const struct gguf *from = c ? checkpoint_gguf(c) : g;
    if (!if_any || gguf_has(from, "tokenizer.ggml.model"))
        rc = tok_from_gguf(from, out, e);
    gguf_close(g);
    if (rc && rc != PRECIS_ENOMEM)
        err_prefix(e, path);
    return rc;
}

int tok_open(const char *path, const struct checkpoint *c, bool if_any, struct tok **out,
             struct err *e) {
    enum model_kind kind;
    *out = NULL;
    int rc = model_kind_of(path, &kind, e);
    if (rc)
        return rc;
    return kind == MODEL_GGUF ? open_gguf(path, c, if_any, out, e)
                              : open_json(path, if_any, out, e);
}
