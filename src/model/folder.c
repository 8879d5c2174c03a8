#include "model/folder.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/file.h"
#include "model/json_file.h"
#include "model/revision.h"

enum { MAX_CONFIG = 16 << 20, MAX_INDEX = 64 << 20, MAX_SHARDS = 4096, MAX_FILE_NAME = 200 };

static const char single_name[] = "model.safetensors";
static const char index_name[] = "model.safetensors.index.json";

static char *join(const char *folder, const char *name, struct err *e) {
    char *path = file_join(folder, name);
    if (!path)
        err_nomem(e, folder);
    return path;
}

static int open_file(struct folder *f, const char *name, struct err *e) {
    char *path = join(f->path, name, e);
    if (!path)
        return PRECIS_ENOMEM;
    int rc = safetensors_open(path, &f->files[f->count], e);
    if (!rc)
        f->count++;
    free(path);
    return rc;
}

static int find_file(const struct folder *f, const char *name, bool *found, struct err *e) {
    char *path = join(f->path, name, e);
    if (!path)
        return PRECIS_ENOMEM;
    int rc = file_exists(path, found, e);
    free(path);
    return rc;
}

static int by_name(const void *a, const void *b) {
    const char *x, *y;
    memcpy(&x, a, sizeof x);
    memcpy(&y, b, sizeof y);
    return strcmp(x, y);
}

/* Only a file of this folder, and of this kind: the name comes from a stranger. */
static bool plain_name(const char *name) {
    return strlen(name) <= MAX_FILE_NAME && name[0] != '.' && !strchr(name, '/') &&
           !strchr(name, '\\') && file_ends(name, ".safetensors");
}

/* The distinct shards, sorted. *names is the caller's, the strings are the index's. */
static int list_shards(const char *path, json_t *map, const char ***names, size_t *count,
                       struct err *e) {
    const char *tensor;
    json_t *value;
    const size_t n = json_object_size(map);
    if (n == 0)
        return err_set(e, PRECIS_EINPUT, "%s: weight_map is missing or empty", path);
    const char **all = calloc(n, sizeof *all);
    if (!all)
        return err_nomem(e, path);
    *names = all;
    size_t i = 0;
    json_object_foreach(map, tensor, value) {
        const char *name = json_string_value(value);
        if (!name || !plain_name(name))
            return err_set(e, PRECIS_EINPUT,
                           "%s: tensor '%.80s': '%.80s' is not the name of a file beside it", path,
                           tensor, name ? name : "?");
        all[i++] = name;
    }
    qsort(all, n, sizeof *all, by_name);
    for (i = 0; i < n; i++)
        if (*count == 0 || strcmp(all[*count - 1], all[i]) != 0)
            all[(*count)++] = all[i];
    if (*count > MAX_SHARDS)
        return err_set(e, PRECIS_EINPUT, "%s: %zu shards: at most %d are allowed", path, *count,
                       MAX_SHARDS);
    return 0;
}

/* Each tensor is where the index says, and the index says it of all. */
static int check_index(const struct folder *f, const char *path, const json_t *map,
                       const char *const *names, struct err *e) {
    size_t total = 0;
    for (size_t i = 0; i < f->count; i++)
        for (size_t j = 0; j < safetensors_count(f->files[i]); j++, total++) {
            const char *tensor = safetensors_at(f->files[i], j)->tensor.name.s;
            const char *said = json_string_value(json_object_get(map, tensor));
            if (!said || strcmp(said, names[i]) != 0)
                return err_set(e, PRECIS_EINPUT, "%s: tensor '%.80s' of %s is said to be in '%s'",
                               path, tensor, names[i], said ? said : "no file");
        }
    if (total != json_object_size(map))
        return err_set(e, PRECIS_EINPUT, "%s: lists %zu tensors, but its files have %zu", path,
                       json_object_size(map), total);
    return 0;
}

static int open_shards(struct folder *f, struct err *e) {
    json_t *index = NULL;
    const char **names = NULL;
    size_t count = 0;
    char *path = join(f->path, index_name, e);
    if (!path)
        return PRECIS_ENOMEM;
    int rc = json_file_read(path, MAX_INDEX, JSON_REJECT_DUPLICATES, &index, e);
    json_t *map = json_object_get(index, "weight_map");
    if (!rc)
        rc = list_shards(path, map, &names, &count, e);
    if (rc || !names || !count)
        goto done;
    f->files = calloc(count, sizeof(struct safetensors *));
    if (!f->files) {
        rc = err_nomem(e, path);
        goto done;
    }
    for (size_t i = 0; i < count && !rc; i++)
        rc = open_file(f, names[i], e);
    if (!rc)
        rc = check_index(f, path, map, names, e);
done:
    free(names);
    json_decref(index);
    free(path);
    return rc;
}

static int open_single(struct folder *f, struct err *e) {
    f->files = calloc(1, sizeof(struct safetensors *));
    return f->files ? open_file(f, single_name, e) : err_nomem(e, f->path);
}

int folder_open(struct folder *f, const char *path, struct err *e) {
    f->path = strdup(path);
    if (!f->path)
        return err_nomem(e, path);
    f->config_path = join(path, "config.json", e);
    if (!f->config_path)
        return PRECIS_ENOMEM;
    int rc = json_file_read(f->config_path, MAX_CONFIG, JSON_REJECT_DUPLICATES, &f->config, e);
    if (rc)
        return rc;
    bool single = false, sharded = false;
    rc = find_file(f, single_name, &single, e);
    if (!rc)
        rc = find_file(f, index_name, &sharded, e);
    if (rc)
        return rc;
    if (single || sharded)
        return single ? open_single(f, e) : open_shards(f, e);
    return err_set(e, PRECIS_ENOTFOUND, "%s: has neither %s nor %s", path, single_name, index_name);
}

void folder_free(struct folder *f) {
    for (size_t i = 0; i < f->count; i++)
        safetensors_close(f->files[i]);
    free(f->files);
    json_decref(f->config);
    free(f->config_path);
    free(f->path);
    *f = (struct folder){0};
}

void folder_release(const struct folder *f) {
    for (size_t i = 0; i < f->count; i++)
        safetensors_release(f->files[i]);
}

static void add_line(struct buf *list, const char *hex, const char *path) {
    const char *slash = strrchr(path, '/');
    buf_printf(list, "%s  %s\n", hex, slash ? slash + 1 : path);
}

int folder_revision(const struct folder *f, char out[HASH_HEX_SIZE], struct err *e) {
    struct buf list = {0};
    struct mapping m;
    char hex[HASH_HEX_SIZE];
    int rc = file_map(f->config_path, &m, e);
    if (rc)
        return rc;
    rc = hash_sha256_hex(m.data, m.size, hex, e);
    file_unmap(&m);
    if (!rc)
        add_line(&list, hex, f->config_path);
    for (size_t i = 0; i < f->count && !rc; i++) {
        const struct safetensors *s = f->files[i];
        rc = revision_of(safetensors_path(s), safetensors_bytes(s), safetensors_size(s), hex, e);
        if (!rc)
            add_line(&list, hex, safetensors_path(s));
    }
    if (!rc && buf_failed(&list))
        rc = err_nomem(e, f->path);
    if (!rc)
        rc = hash_sha256_hex(list.data, list.len, out, e);
    buf_free(&list);
    return rc;
}
