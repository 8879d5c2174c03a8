#include "cli/input_text.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/file.h"
#include "base/json.h"

static const size_t MOST_BYTES = (size_t)1 << 30;

/* A pipe, as of bash's <(...). */
static int read_stream(const char *path, struct buf *out, struct err *e) {
    FILE *f = fopen(path, "re");
    if (!f)
        return err_errno(e, path, "open");
    int rc = file_read_stream(f, path, MOST_BYTES, out, e);
    fclose(f);
    return rc;
}

int input_read(const char *path, struct buf *out, struct err *e) {
    if (strcmp(path, "-") == 0)
        return file_read_stream(stdin, "standard input", MOST_BYTES, out, e);
    struct stat st;
    if (stat(path, &st) == 0 && !S_ISREG(st.st_mode) && !S_ISDIR(st.st_mode))
        return read_stream(path, out, e);
    struct mapping m;
    int rc = file_map(path, &m, e);
    if (rc)
        return rc;
    if (m.size > MOST_BYTES)
        rc = err_set(e, PRECIS_ELIMIT, "%s: more than %zu bytes", path, MOST_BYTES);
    else
        buf_append(out, m.data, m.size);
    file_unmap(&m);
    if (rc == 0 && buf_failed(out))
        rc = err_nomem(e, path);
    return rc;
}

int input_ids(const char *text, size_t len, const char *name, size_t vocab, struct ids *out,
              struct err *e) {
    json_error_t why;
    json_t *root = json_read(text, len, JSON_REJECT_DUPLICATES, &why);
    if (!root)
        return err_set(e, PRECIS_EINPUT, "%s: not JSON: %s (line %d)", name, why.text, why.line);
    int rc = 0;
    json_t *array = json_is_object(root) ? json_object_get(root, "ids") : root;
    if (!json_is_array(array))
        rc = err_set(e, PRECIS_EINPUT, "%s: not a JSON array of token ids", name);
    for (size_t i = 0; rc == 0 && i < json_array_size(array); i++) {
        json_t *v = json_array_get(array, i);
        json_int_t id = json_integer_value(v);
        if (!json_is_integer(v))
            rc = err_set(e, PRECIS_EINPUT, "%s: element %zu is not a token id", name, i);
        else if (id < 0 || (size_t)id >= vocab)
            rc = err_set(e, PRECIS_EINPUT, "%s: element %zu: id %lld is not in 0..%zu", name, i,
                         (long long)id, vocab - 1);
        else
            ids_push(out, (uint32_t)id);
    }
    if (rc == 0 && out->failed)
        rc = err_nomem(e, name);
    json_decref(root);
    return rc;
}

int input_lines(struct buf *b,
                int (*each)(void *user, const char *line, size_t len, size_t number, struct err *e),
                void *user, struct err *e) {
    const char *p = b->data, *end = b->data + b->len;
    int rc = 0;
    for (size_t number = 1; rc == 0 && p < end; number++) {
        const char *newline = memchr(p, '\n', (size_t)(end - p));
        size_t len = (size_t)((newline ? newline : end) - p);
        if (len > 0 && p[strspn(p, " \t\r\n")] && len > strspn(p, " \t\r"))
            rc = each(user, p, len, number, e);
        p += len + 1;
    }
    return rc;
}
