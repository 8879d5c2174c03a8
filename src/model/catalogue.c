#include "model/catalogue.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/distance.h"
#include "base/file.h"

/* tools/fetch-model.sh has the same table, with the packages that the files come from; a test
 * compares them. */
const struct catalogue_entry catalogue[] = {
    {.name = "smollm2",
     .title = "SmolLM2-135M-Instruct",
     .file = "smollm2-135m-instruct-q4_1.gguf",
     .sha256 = "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
     .size = 98362432,
     .licence = "Apache-2.0",
     .setup = "smollm2"},
    {.name = "qwen2.5-coder-0.5b",
     .title = "Qwen2.5-Coder-0.5B-Instruct",
     .file = "qwen2.5-coder-0.5b-instruct-q4_k_m.gguf",
     .sha256 = "1d9614638d18024d0fbb36575a15f1302a3adf044df10345688ec4f6e1c4ff32",
     .size = 491400064,
     .licence = "Apache-2.0",
     .setup = "qwen2.5-coder-0.5b"},
    {.name = "qwen2.5-coder-1.5b",
     .title = "Qwen2.5-Coder-1.5B-Instruct",
     .file = "qwen2.5-coder-1.5b-instruct-q4_k_m.gguf",
     .sha256 = "cc324af070c2ecbfd324a30884d2f951a7ff756aba85cb811a6ec436933bb046",
     .size = 1117320768,
     .licence = "Apache-2.0",
     .setup = "qwen2.5-coder-1.5b"},
    {0}};

int catalogue_folder(char *out, size_t size, struct err *e) {
    const char *models = getenv("PRECIS_MODELS");
    if (models && *models) {
        size_t len = strlen(models);
        if (len >= size)
            return err_set(e, PRECIS_EINPUT, "PRECIS_MODELS: path too long");
        memcpy(out, models, len + 1);
        return 0;
    }
    int rc = file_xdg_dir("XDG_CACHE_HOME", ".cache", out, size, e);
    if (rc)
        return rc;
    static const char last[] = "/models";
    size_t len = strlen(out);
    if (len + sizeof last > size)
        return err_set(e, PRECIS_EINPUT, "%s%s: path too long", out, last);
    memcpy(out + len, last, sizeof last);
    return 0;
}

/* A third of the letters may be wrong, or the name may be cut short. */
static const struct catalogue_entry *nearest(const char *name) {
    const struct catalogue_entry *best = NULL;
    size_t least = strlen(name) / 3 + 1;
    for (const struct catalogue_entry *c = catalogue; c->name; c++) {
        size_t d = distance_between(name, c->name);
        if (strlen(name) >= 3 && strncmp(name, c->name, strlen(name)) == 0)
            d = 0;
        if (d < least) {
            least = d;
            best = c;
        }
    }
    return best;
}

static int unknown(const char *model, struct err *e) {
    const struct catalogue_entry *near = nearest(model);
    if (near)
        return err_set(e, PRECIS_ENOTFOUND, "model '%s' is not known: did you mean '%s'?", model,
                       near->name);
    char names[256];
    size_t len = 0;
    names[0] = '\0';
    for (const struct catalogue_entry *c = catalogue; c->name && len < sizeof names; c++)
        len += (size_t)snprintf(names + len, sizeof names - len, "%s%s", len ? ", " : "", c->name);
    return err_set(e, PRECIS_ENOTFOUND,
                   "model '%s' is not known: it is neither a file nor one of %s", model, names);
}

static int resolve_entry(const struct catalogue_entry *c, char *out, size_t size, struct err *e) {
    int rc = catalogue_folder(out, size, e);
    if (rc)
        return rc;
    size_t len = strlen(out);
    int n = snprintf(out + len, size - len, "/%s", c->file);
    if (n < 0 || (size_t)n >= size - len)
        return err_set(e, PRECIS_EINPUT, "%s: path too long", out);
    struct stat st;
    if (stat(out, &st) != 0) {
        if (errno != ENOENT && errno != ENOTDIR)
            return err_errno(e, out, "stat");
        return err_set(
            e, PRECIS_ENOTFOUND,
            "model %s is not on this machine (no %s): get it with 'tools/fetch-model.sh %s'",
            c->name, out, c->setup);
    }
    if (!S_ISREG(st.st_mode))
        return err_set(e, PRECIS_EINPUT, "%s: is not a regular file", out);
    if ((unsigned long long)st.st_size != c->size)
        return err_set(
            e, PRECIS_EINPUT,
            "%s: has %lld bytes, but %s has %llu: get it again with 'tools/fetch-model.sh %s'", out,
            (long long)st.st_size, c->name, c->size, c->setup);
    return 0;
}

static int resolve_path(const char *path, char *out, size_t size, struct err *e) {
    struct stat st;
    if (strlen(path) >= size)
        return err_set(e, PRECIS_EINPUT, "the model's path is too long");
    if (stat(path, &st) != 0) {
        if (errno != ENOENT && errno != ENOTDIR)
            return err_errno(e, path, "stat");
        const char *dot = strrchr(path, '.');
        if (!strchr(path, '/') && (!dot || strcmp(dot, ".gguf") != 0))
            return unknown(path, e);
        return err_set(e, PRECIS_ENOTFOUND, "%s: there is no such model file", path);
    }
    if (!S_ISREG(st.st_mode))
        return err_set(e, PRECIS_EINPUT, "%s: is %s, not a GGUF file", path,
                       S_ISDIR(st.st_mode) ? "a folder" : "not a regular file");
    memcpy(out, path, strlen(path) + 1);
    return 0;
}

int catalogue_resolve(const char *model, char *out, size_t size, struct err *e) {
    if (!*model)
        return err_set(e, PRECIS_ENOTFOUND, "the model's name is empty");
    for (const struct catalogue_entry *c = catalogue; c->name; c++)
        if (strcmp(model, c->name) == 0)
            return resolve_entry(c, out, size, e);
    return resolve_path(model, out, size, e);
}
