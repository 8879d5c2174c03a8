#include "search/pooling.h"

#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "model/json_file.h"
#include "text/tok_open.h"

enum { MAX_CONFIG = 16 << 20, MAX_MODULES = 16, MAX_TOKENS = 1 << 30 };

const char *pooling_mode_name(enum pooling_mode m) {
    static const char *const names[POOLING_MODES] = {"mean", "cls"};
    return m < POOLING_MODES ? names[m] : "?";
}

/* A length in a JSON file; what cannot be one (null, transformers' 1e30 for none) is passed over.
 */
static void take_length(const json_t *v, size_t *out) {
    json_int_t n = json_integer_value(v);
    if (json_is_integer(v) && n > 0 && n <= MAX_TOKENS)
        *out = (size_t)n;
}

static int refuse(const char *dir, const char *file, const char *what, const char *value,
                  struct err *e) {
    return err_set(e, PRECIS_EUNSUPPORTED, "%s/%s: %s '%.80s' is not supported", dir, file, what,
                   value);
}

/* The name of a mode, as new files have it, or of the old flag of it. */
static int take_mode(const char *dir, const char *name, int *found, struct pooling *p,
                     struct err *e) {
    static const struct {
        const char *name;
        enum pooling_mode mode;
    } modes[] = {{"mean", POOLING_MEAN},
                 {"cls", POOLING_CLS},
                 {"pooling_mode_mean_tokens", POOLING_MEAN},
                 {"pooling_mode_cls_token", POOLING_CLS}};
    if (++*found > 1)
        return err_set(e, PRECIS_EUNSUPPORTED,
                       "%s/config.json: several pooling modes at once are not supported", dir);
    for (size_t i = 0; i < sizeof modes / sizeof *modes; i++)
        if (strcmp(name, modes[i].name) == 0) {
            p->mode = modes[i].mode;
            return 0;
        }
    return refuse(dir, "config.json", "the pooling mode", name, e);
}

static int read_mode(const char *dir, const json_t *config, struct pooling *p, struct err *e) {
    const char *key;
    json_t *v, *mode = json_object_get(config, "pooling_mode");
    int found = 0, rc = 0;
    if (json_is_string(mode))
        return take_mode(dir, json_string_value(mode), &found, p, e);
    for (size_t i = 0; rc == 0 && i < json_array_size(mode); i++) {
        const char *name = json_string_value(json_array_get(mode, i));
        rc = take_mode(dir, name ? name : "?", &found, p, e);
    }
    if (mode && (rc || found))
        return rc;
    if (mode)
        return err_set(e, PRECIS_EINPUT, "%s/config.json: pooling_mode must be a name", dir);
    json_object_foreach((json_t *)config, key, v) {
        if (rc == 0 && strncmp(key, "pooling_mode_", strlen("pooling_mode_")) == 0 &&
            json_is_true(v))
            rc = take_mode(dir, key, &found, p, e);
    }
    if (rc == 0 && !found)
        p->mode = POOLING_MEAN; /* as sentence-transformers takes it */
    return rc;
}

/* A folder below the model's: its name comes from a stranger. */
static bool is_plain(const char *path) {
    return path[0] && path[0] != '.' && strlen(path) < 200 && !strchr(path, '/') &&
           !strchr(path, '\\');
}

static int read_pooling(const char *dir, const char *path, struct pooling *p, struct err *e) {
    json_t *config = NULL;
    if (!is_plain(path))
        return err_set(e, PRECIS_EINPUT,
                       "%s/modules.json: '%.80s' is not the name of a folder beside it", dir, path);
    char *sub = file_join(dir, path);
    if (!sub)
        return err_nomem(e, dir);
    int rc = json_file_beside(sub, "config.json", MAX_CONFIG, 0, &config, e);
    if (rc == 0 && !config)
        rc = err_set(e, PRECIS_ENOTFOUND, "%s/config.json: is missing, and modules.json names it",
                     sub);
    if (rc == 0)
        rc = read_mode(sub, config, p, e);
    json_decref(config);
    free(sub);
    return rc;
}

/* The steps in their order: a Transformer in the folder itself, a Pooling, at most a Normalize. */
static int read_modules(const char *dir, const json_t *list, struct pooling *p, struct err *e) {
    size_t n = json_array_size(list);
    if (!json_is_array(list) || n < 2 || n > MAX_MODULES)
        return err_set(e, PRECIS_EINPUT, "%s/modules.json: is not a list of 2 to %d modules", dir,
                       MAX_MODULES);
    for (size_t i = 0; i < n; i++) {
        const json_t *module = json_array_get(list, i);
        const char *type = json_string_value(json_object_get(module, "type"));
        const char *path = json_string_value(json_object_get(module, "path"));
        if (!type || !path)
            return err_set(e, PRECIS_EINPUT,
                           "%s/modules.json: module %zu has no type and path in words", dir, i);
        const char *dot = strrchr(type, '.'), *name = dot ? dot + 1 : type;
        int rc = 0;
        if (i == 0 && strcmp(name, "Transformer") == 0 && path[0] == 0)
            continue;
        if (i == 1 && strcmp(name, "Pooling") == 0)
            rc = read_pooling(dir, path, p, e);
        else if (i == 2 && strcmp(name, "Normalize") == 0)
            p->normalise = true;
        else
            rc = refuse(dir, "modules.json", i == 0 && path[0] ? "the path of" : "the module", type,
                        e);
        if (rc)
            return rc;
    }
    return 0;
}

/* A prompt that goes before every text would change its vector. */
static int check_prompt(const char *dir, struct err *e) {
    static const char file[] = "config_sentence_transformers.json";
    json_t *config;
    int rc = json_file_beside(dir, file, MAX_CONFIG, 0, &config, e);
    const char *name = json_string_value(json_object_get(config, "default_prompt_name"));
    const char *prompt =
        name ? json_string_value(json_object_get(json_object_get(config, "prompts"), name)) : NULL;
    if (prompt && prompt[0])
        rc = refuse(dir, file, "the default prompt", prompt, e);
    json_decref(config);
    return rc;
}

static int read_length(const char *dir, struct pooling *p, struct err *e) {
    static const char *const files[] = {"sentence_bert_config.json",
                                        "sentence_roberta_config.json"};
    json_t *config;
    int rc = json_file_beside(dir, "tokenizer_config.json", MAX_CONFIG, 0, &config, e);
    take_length(json_object_get(config, "model_max_length"), &p->max_tokens);
    const char *side = json_string_value(json_object_get(config, "truncation_side"));
    if (side && strcmp(side, "right") != 0)
        rc = refuse(dir, "tokenizer_config.json", "truncation_side", side, e);
    json_decref(config);
    for (size_t i = 0; rc == 0 && i < sizeof files / sizeof *files; i++) {
        rc = json_file_beside(dir, files[i], MAX_CONFIG, 0, &config, e);
        if (!config)
            continue;
        take_length(json_object_get(config, "max_seq_length"), &p->max_tokens);
        p->lower = json_is_true(json_object_get(config, "do_lower_case"));
        json_decref(config);
        break;
    }
    return rc;
}

int pooling_read(const char *model, struct pooling *out, struct err *e) {
    static const char file[] = "modules.json";
    char dir[4096];
    bool there;
    json_t *list = NULL;
    struct pooling p = {0};
    int rc = tok_folder(model, file, dir, sizeof dir, &there, e);
    if (rc == 0 && there) {
        char *path = file_join(dir, file);
        rc = path ? json_file_any(path, MAX_CONFIG, 0, &list, e) : err_nomem(e, dir);
        free(path);
        if (rc == 0)
            rc = read_modules(dir, list, &p, e);
        if (rc == 0)
            rc = check_prompt(dir, e);
        json_decref(list);
    } else if (rc == 0) {
        p.normalise = p.assumed = true;
        rc = tok_folder(model, "tokenizer.json", dir, sizeof dir, &there, e);
    }
    if (rc == 0)
        rc = read_length(dir, &p, e);
    if (rc == 0)
        *out = p;
    return rc;
}

void pooling_normalise(float *v, size_t width) {
    double sum = 0;
    for (size_t i = 0; i < width; i++)
        sum += (double)v[i] * (double)v[i];
    float length = (float)fmax(sqrt(sum), 1e-12);
    for (size_t i = 0; i < width; i++)
        v[i] /= length;
}

void pooling_apply(const struct pooling *p, const float *states, size_t n, size_t width,
                   float *out) {
    size_t rows = p->mode == POOLING_CLS && n > 1 ? 1 : n;
    memset(out, 0, width * sizeof *out);
    for (size_t t = 0; t < rows; t++)
        for (size_t i = 0; i < width; i++)
            out[i] += states[t * width + i];
    for (size_t i = 0; rows > 1 && i < width; i++)
        out[i] /= (float)rows;
    if (p->normalise)
        pooling_normalise(out, width);
}
