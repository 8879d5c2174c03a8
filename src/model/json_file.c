#include "model/json_file.h"

#include <stdbool.h>
#include <stdlib.h>

#include "base/file.h"
#include "base/json.h"

enum { MOST_CONFIG_BYTES = 16 << 20 };

int json_file_any(const char *path, size_t limit, size_t flags, json_t **out, struct err *e) {
    struct mapping m;
    json_error_t why;
    *out = NULL;
    int rc = file_map(path, &m, e);
    if (rc)
        return rc;
    if (m.size > limit) {
        rc = err_set(e, PRECIS_EINPUT, "%s: has %zu bytes: at most %zu are allowed", path, m.size,
                     limit);
        goto done;
    }
    *out = json_read((const char *)m.data, m.size, flags, &why);
    if (json_lacked_memory(*out, &why))
        rc = err_nomem(e, path);
    else if (!*out)
        rc = err_set(e, PRECIS_EINPUT, "%s: not valid JSON: line %d: %s", path, why.line, why.text);
done:
    file_unmap(&m);
    return rc;
}

int json_file_read(const char *path, size_t limit, size_t flags, json_t **out, struct err *e) {
    int rc = json_file_any(path, limit, flags, out, e);
    if (rc || json_is_object(*out))
        return rc;
    json_decref(*out);
    *out = NULL;
    return err_set(e, PRECIS_EINPUT, "%s: is not a JSON object", path);
}

int json_file_beside(const char *folder, const char *name, size_t limit, size_t flags, json_t **out,
                     struct err *e) {
    char *path = file_join(folder, name);
    bool there;
    *out = NULL;
    if (!path)
        return err_nomem(e, name);
    int rc = file_exists(path, &there, e);
    if (rc == 0 && there)
        rc = json_file_read(path, limit, flags, out, e);
    free(path);
    return rc;
}

static void take_stop(const json_t *id, uint32_t *ids, size_t most, size_t *n) {
    json_int_t v = json_integer_value(id);
    if (!json_is_integer(id) || v < 0 || v > UINT32_MAX)
        return;
    for (size_t i = 0; i < *n; i++)
        if (ids[i] == v)
            return;
    if (*n < most)
        ids[(*n)++] = (uint32_t)v;
}

int json_file_stops(const char *folder, uint32_t *ids, size_t most, size_t *n, struct err *e) {
    static const struct {
        const char *name;
        bool in_model;
    } files[] = {
        {"generation_config.json", false}, {"config.json", false}, {"genai_config.json", true}};
    *n = 0;
    for (size_t f = 0; f < sizeof files / sizeof *files; f++) {
        json_t *root;
        int rc = json_file_beside(folder, files[f].name, MOST_CONFIG_BYTES, 0, &root, e);
        if (rc)
            return rc;
        const json_t *o = files[f].in_model ? json_object_get(root, "model") : root;
        const json_t *v = json_object_get(o, "eos_token_id");
        if (!json_is_array(v))
            take_stop(v, ids, most, n);
        for (size_t i = 0; i < json_array_size(v); i++)
            take_stop(json_array_get(v, i), ids, most, n);
        json_decref(root);
    }
    return 0;
}
