#include "model/kind.h"

#include <dirent.h>
#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/file.h"

struct holds {
    bool config, safetensors, onnx, pickled;
    char gguf[256]; /* the name of one */
};

static int look(const char *folder, struct holds *h, struct err *e) {
    DIR *d = opendir(folder);
    if (!d)
        return err_errno(e, folder, "read folder");
    for (const struct dirent *f = readdir(d); f; f = readdir(d)) {
        h->config |= strcmp(f->d_name, "config.json") == 0;
        h->safetensors |= file_ends(f->d_name, ".safetensors");
        h->onnx |= file_ends(f->d_name, ".onnx") || strcmp(f->d_name, "genai_config.json") == 0;
        h->pickled |= strcmp(f->d_name, "pytorch_model.bin") == 0 ||
                      strcmp(f->d_name, "pytorch_model.bin.index.json") == 0;
        if (file_ends(f->d_name, ".gguf"))
            snprintf(h->gguf, sizeof h->gguf, "%s", f->d_name);
    }
    closedir(d);
    return 0;
}

/* As optimum and onnx-community lay their repositories out. */
static bool has_onnx_below(const char *folder) {
    char path[4096];
    struct stat st;
    struct holds h = {0};
    int n = snprintf(path, sizeof path, "%s/onnx", folder);
    return n > 0 && (size_t)n < sizeof path && stat(path, &st) == 0 && S_ISDIR(st.st_mode) &&
           look(path, &h, NULL) == 0 && h.onnx;
}

static int kind_of_folder(const char *path, enum model_kind *out, struct err *e) {
    struct holds h = {0};
    int rc = look(path, &h, e);
    if (rc)
        return rc;
    if (h.config && h.safetensors) {
        *out = MODEL_FOLDER;
        return 0;
    }
    if (h.onnx || has_onnx_below(path)) {
        *out = MODEL_ONNX;
        return 0;
    }
    if (h.safetensors)
        return err_set(e, PRECIS_EINPUT, "%s: has safetensors, but no config.json", path);
    if (h.gguf[0])
        return err_set(e, PRECIS_EINPUT, "%s: is a folder: give the file in it, %s/%s", path, path,
                       h.gguf);
    if (h.pickled)
        return err_set(e, PRECIS_EUNSUPPORTED,
                       "%s: pickled weights (pytorch_model.bin) are not supported: convert them to "
                       "safetensors",
                       path);
    return err_set(e, PRECIS_EINPUT,
                   "%s: is a folder without a model (config.json and safetensors, or ONNX files)",
                   path);
}

int model_kind_of(const char *path, enum model_kind *out, struct err *e) {
    struct stat st;
    if (stat(path, &st) != 0) {
        if (errno != ENOENT && errno != ENOTDIR)
            return err_errno(e, path, "stat");
        return err_set(e, PRECIS_ENOTFOUND, "%s: there is no such model", path);
    }
    if (S_ISDIR(st.st_mode))
        return kind_of_folder(path, out, e);
    if (!S_ISREG(st.st_mode))
        return err_set(e, PRECIS_EINPUT, "%s: is not a regular file", path);
    if (file_ends(path, ".safetensors") || file_ends(path, ".json"))
        return err_set(e, PRECIS_EINPUT, "%s: is one file of a model: give its folder", path);
    *out = file_ends(path, ".onnx") ? MODEL_ONNX : MODEL_GGUF;
    return 0;
}
