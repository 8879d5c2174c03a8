#include <ctype.h>
#include <fnmatch.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "model/hub_list.h"

static const char *base_name(const char *path) {
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

static bool ends(const char *s, const char *end) {
    size_t n = strlen(s), m = strlen(end);
    return n >= m && strcasecmp(s + n - m, end) == 0;
}

static bool is_gguf(const char *path) {
    return ends(path, ".gguf") && strncmp(base_name(path), "mmproj", 6) != 0;
}

static bool is_onnx(const char *path) {
    return ends(path, ".onnx");
}

/* The name without its ending ends with the label, after one of "-_." or as all of it. */
static bool has_label(const char *path, const char *label) {
    const char *base = base_name(path), *dot = strrchr(base, '.');
    size_t n = dot ? (size_t)(dot - base) : strlen(base), m = strlen(label);
    if (m == 0 || m > n || strncasecmp(base + n - m, label, m) != 0)
        return false;
    return m == n || strchr("-_.", base[n - m - 1]);
}

static bool matches(const char *pattern, const char *path) {
    size_t n = strlen(pattern);
    if (n && pattern[n - 1] == '/')
        n--;
    return strcmp(pattern, path) == 0 || fnmatch(pattern, path, 0) == 0 ||
           fnmatch(pattern, base_name(path), 0) == 0 ||
           (strncmp(pattern, path, n) == 0 && path[n] == '/') ||
           ((is_gguf(path) || is_onnx(path)) && has_label(path, pattern));
}

/* Small files that go with weights, in the folder `in` (of so many bytes, '/' included). */
static bool belongs(const char *path, const char *in, size_t len) {
    static const char *const names[] = {"config.json",
                                        "generation_config.json",
                                        "tokenizer.json",
                                        "tokenizer_config.json",
                                        "special_tokens_map.json",
                                        "added_tokens.json",
                                        "vocab.json",
                                        "vocab.txt",
                                        "merges.txt",
                                        "tokenizer.model",
                                        "spiece.model",
                                        "sentencepiece.bpe.model",
                                        "chat_template.jinja",
                                        "chat_template.json",
                                        "modules.json",
                                        "sentence_bert_config.json",
                                        "config_sentence_transformers.json",
                                        "1_Pooling/config.json",
                                        "genai_config.json",
                                        "README.md",
                                        "LICENSE",
                                        "LICENSE.txt",
                                        NULL};
    if (strncmp(path, in, len) != 0)
        return false;
    for (const char *const *n = names; *n; n++)
        if (strcmp(path + len, *n) == 0)
            return true;
    return false;
}

static void choose_small(struct hub_list *l, const char *in, size_t len) {
    for (size_t i = 0; i < l->n; i++)
        l->v[i].chosen |= belongs(l->v[i].path, in, len);
}

static bool has(const struct hub_list *l, const char *path) {
    for (size_t i = 0; i < l->n; i++)
        if (strcmp(l->v[i].path, path) == 0)
            return true;
    return false;
}

static bool any(const struct hub_file *f) {
    return is_gguf(f->path) || is_onnx(f->path) || ends(f->path, ".safetensors");
}

static bool chosen_gguf(const struct hub_file *f) {
    return f->chosen && is_gguf(f->path);
}

static bool chosen_onnx(const struct hub_file *f) {
    return f->chosen && is_onnx(f->path);
}

/* The paths for which `which` holds, as many as fit. */
static void list_paths(const struct hub_list *l, bool (*which)(const struct hub_file *), char *out,
                       size_t size) {
    size_t len = 0, left = 0;
    out[0] = 0;
    for (size_t i = 0; i < l->n; i++) {
        size_t n = strlen(l->v[i].path);
        if (!which(&l->v[i]))
            continue;
        if (left || len + n + 24 > size) {
            left++;
            continue;
        }
        len += (size_t)snprintf(out + len, size - len, "%s%s", len ? ", " : "", l->v[i].path);
    }
    if (left)
        snprintf(out + len, size - len, " and %zu more", left);
}

static size_t count(const struct hub_list *l, bool (*which)(const struct hub_file *)) {
    size_t n = 0;
    for (size_t i = 0; i < l->n; i++)
        n += which(&l->v[i]);
    return n;
}

static int ask(const struct hub_list *l, const char *what, bool (*which)(const struct hub_file *),
               struct err *e) {
    char paths[300];
    list_paths(l, which, paths, sizeof paths);
    return err_set(e, PRECIS_EINPUT, "%s: has several models, choose one with ':FILE': %s", what,
                   paths);
}

/* One of the GGUFs that are chosen so far, when they are many. */
static int choose_gguf(struct hub_list *l, const char *what, bool asked, struct hub_choice *out,
                       struct err *e) {
    static const char *const preferred[] = {"Q4_K_M", "Q4_K_S", "Q5_K_M", "Q4_1", "Q4_0",
                                            "Q6_K",   "Q8_0",   "BF16",   "F16",  "F32"};
    size_t n = count(l, chosen_gguf);
    struct hub_file *one = NULL;
    for (size_t p = 0; !asked && n > 1 && !one && p < sizeof preferred / sizeof *preferred; p++)
        for (size_t i = 0; !one && i < l->n; i++)
            if (chosen_gguf(&l->v[i]) && has_label(l->v[i].path, preferred[p]))
                one = &l->v[i];
    for (size_t i = 0; n == 1 && i < l->n; i++)
        if (chosen_gguf(&l->v[i]))
            one = &l->v[i];
    if (!one)
        return ask(l, what, chosen_gguf, e);
    if (fnmatch("*-[0-9][0-9][0-9][0-9][0-9]-of-[0-9][0-9][0-9][0-9][0-9].gguf", one->path, 0) == 0)
        return err_set(e, PRECIS_EUNSUPPORTED, "%s: a GGUF in parts is not supported: %s", what,
                       one->path);
    for (size_t i = 0; i < l->n; i++)
        l->v[i].chosen = &l->v[i] == one || strcmp(l->v[i].path, "README.md") == 0;
    out->kind = MODEL_GGUF;
    snprintf(out->path, sizeof out->path, "%s", one->path);
    return 0;
}

/* model_q4.onnx and such, beside a model.onnx of full precision. */
static bool is_variant(const char *path) {
    static const char *const labels[] = {"fp16", "int8", "uint8", "quantized", "q4", "q4f16", "q8",
                                         "bnb4", "int4", "O1",    "O2",        "O3", "O4",    NULL};
    for (const char *const *v = labels; *v; v++)
        if (has_label(path, *v) && strchr(base_name(path), '_'))
            return true;
    return strstr(base_name(path), "_qint8") || strstr(base_name(path), "_quint8");
}

static size_t folder_length(const char *path) {
    return (size_t)(base_name(path) - path);
}

/* model.onnx_data, model.onnx_data_1, model.onnx.data, model.data */
static bool is_data_of(const char *path, const char *onnx) {
    size_t n = strlen(onnx), stem = n - 5;
    return (strncmp(path, onnx, n) == 0 && (path[n] == '_' || path[n] == '.')) ||
           (strncmp(path, onnx, stem) == 0 && strcmp(path + stem, ".data") == 0);
}

/* What goes with the .onnx files that are chosen: their data, small files beside and at the top. */
static int complete_onnx(struct hub_list *l, const char *what, struct hub_choice *out,
                         struct err *e) {
    const char *first = "";
    size_t n = 0, folder = 0;
    for (size_t i = 0; i < l->n; i++) {
        const char *path = l->v[i].path;
        if (!chosen_onnx(&l->v[i]))
            continue;
        if (n++ == 0) {
            first = path;
            folder = folder_length(path);
        } else if (folder != folder_length(path) || strncmp(first, path, folder) != 0) {
            return ask(l, what, chosen_onnx, e);
        }
        for (size_t j = 0; j < l->n; j++)
            l->v[j].chosen |= is_data_of(l->v[j].path, path);
    }
    choose_small(l, first, folder);
    choose_small(l, "", 0);
    out->kind = MODEL_ONNX;
    if (n == 1)
        folder = strlen(first);
    else if (folder)
        folder--;
    snprintf(out->path, sizeof out->path, "%.*s", (int)folder, first);
    return 0;
}

/* Leaves of the .onnx files that are chosen those nearest to the top: there, in onnx/, anywhere. */
static void keep_nearest(struct hub_list *l) {
    bool top = false, named = false;
    for (size_t i = 0; i < l->n; i++) {
        const char *path = l->v[i].path;
        top |= chosen_onnx(&l->v[i]) && folder_length(path) == 0;
        named |=
            chosen_onnx(&l->v[i]) && folder_length(path) == 5 && strncmp(path, "onnx/", 5) == 0;
    }
    for (size_t i = 0; i < l->n; i++) {
        const char *path = l->v[i].path;
        size_t n = folder_length(path);
        l->v[i].chosen &= top ? n == 0 : !named || (n == 5 && strncmp(path, "onnx/", 5) == 0);
    }
}

/* One quantisation of several files (encoder and decoder) is a choice, two are none. */
static bool is_one_variant(const struct hub_list *l) {
    const char *label = NULL;
    for (size_t i = 0; i < l->n; i++) {
        const char *at = chosen_onnx(&l->v[i]) ? strrchr(base_name(l->v[i].path), '_') : NULL;
        if (at && label && strcmp(label, at) != 0)
            return false;
        if (at)
            label = at;
    }
    return true;
}

/* Leaves of the .onnx files that are chosen those of full precision nearest to the top, without a
 * decoder that is there in merged form too. */
static int choose_onnx(struct hub_list *l, const char *what, struct hub_choice *out,
                       struct err *e) {
    bool plain = false, merged = false;
    keep_nearest(l);
    for (size_t i = 0; i < l->n; i++) {
        if (!chosen_onnx(&l->v[i]))
            continue;
        plain |= !is_variant(l->v[i].path);
        merged |= strcmp(base_name(l->v[i].path), "decoder_model_merged.onnx") == 0;
    }
    for (size_t i = 0; i < l->n; i++) {
        const char *base = base_name(l->v[i].path);
        bool split = strcmp(base, "decoder_model.onnx") == 0 ||
                     strcmp(base, "decoder_with_past_model.onnx") == 0;
        l->v[i].chosen &= !(plain && is_variant(l->v[i].path)) && !(merged && split);
    }
    return !plain && !is_one_variant(l) ? ask(l, what, chosen_onnx, e)
                                        : complete_onnx(l, what, out, e);
}

/* The shards of an index, or model.safetensors, or all there are; at the top. */
static int choose_folder(struct hub_list *l, struct hub_choice *out) {
    bool index = has(l, "model.safetensors.index.json"), one = has(l, "model.safetensors");
    for (size_t i = 0; i < l->n; i++) {
        struct hub_file *f = &l->v[i];
        f->chosen = false;
        if (strcmp(f->path, "model.safetensors.index.json") == 0)
            f->chosen = !one;
        else if (!strchr(f->path, '/') && ends(f->path, ".safetensors"))
            f->chosen = one     ? strcmp(f->path, "model.safetensors") == 0
                        : index ? fnmatch("model-*.safetensors", f->path, 0) == 0
                                : true;
    }
    choose_small(l, "", 0);
    out->kind = MODEL_FOLDER;
    out->path[0] = 0;
    return 0;
}

static int nothing(const struct hub_list *l, const char *what, struct err *e) {
    for (size_t i = 0; i < l->n; i++)
        if (ends(l->v[i].path, ".bin") || ends(l->v[i].path, ".pt") || ends(l->v[i].path, ".pth"))
            return err_set(e, PRECIS_EUNSUPPORTED, "%s: pickled weights (%s) are not supported",
                           what, l->v[i].path);
    return err_set(e, PRECIS_ENOTFOUND,
                   "%s: has no model that precis knows: no GGUF, safetensors or ONNX file", what);
}

static int choose_asked(struct hub_list *l, const char *what, const char *pattern,
                        struct hub_choice *out, struct err *e) {
    size_t weights = 0;
    for (size_t i = 0; i < l->n; i++) {
        l->v[i].chosen = matches(pattern, l->v[i].path);
        weights += l->v[i].chosen && any(&l->v[i]);
    }
    if (weights == 0) {
        char paths[300];
        list_paths(l, any, paths, sizeof paths);
        return err_set(e, PRECIS_ENOTFOUND, "%s: has no model file '%s'%s%s", what, pattern,
                       paths[0] ? "; it has " : "", paths);
    }
    if (count(l, chosen_gguf))
        return choose_gguf(l, what, true, out, e);
    if (count(l, chosen_onnx))
        return complete_onnx(l, what, out, e);
    choose_small(l, "", 0);
    out->kind = MODEL_FOLDER;
    return 0;
}

int hub_choose(struct hub_list *l, const char *what, const char *pattern, struct hub_choice *out,
               struct err *e) {
    *out = (struct hub_choice){0};
    if (pattern[0])
        return choose_asked(l, what, pattern, out, e);
    bool safetensors = false;
    for (size_t i = 0; i < l->n; i++)
        safetensors |= !strchr(l->v[i].path, '/') && ends(l->v[i].path, ".safetensors");
    if (safetensors && has(l, "config.json"))
        return choose_folder(l, out);
    for (size_t i = 0; i < l->n; i++)
        l->v[i].chosen = is_gguf(l->v[i].path);
    if (count(l, chosen_gguf))
        return choose_gguf(l, what, false, out, e);
    for (size_t i = 0; i < l->n; i++)
        l->v[i].chosen = is_onnx(l->v[i].path);
    if (count(l, chosen_onnx))
        return choose_onnx(l, what, out, e);
    return nothing(l, what, e);
}
