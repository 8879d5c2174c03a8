/* Output of git, in one piece and byte by byte: both are read alike. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "code/patch.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int on_file(void *user, const char *path, struct err *e) {
    (void)e;
    if (!*path)
        abort();
    buf_str(user, path);
    return 0;
}

static int on_hunk(void *user, const struct hunk *h, struct err *e) {
    (void)e;
    buf_append(user, h, sizeof *h);
    return 0;
}

static int read_in(const uint8_t *data, size_t size, size_t piece, struct buf *seen) {
    struct patch p = {.on_file = on_file, .on_hunk = on_hunk, .user = seen};
    int rc = 0;
    for (size_t at = 0; rc == 0 && at < size; at += piece)
        rc = patch_read(&p, (const char *)data + at, size - at < piece ? size - at : piece, NULL);
    if (rc == 0)
        rc = patch_end(&p, NULL);
    patch_free(&p);
    return rc;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct buf whole = {0}, bytes = {0};
    int a = read_in(data, size, size ? size : 1, &whole), b = read_in(data, size, 1, &bytes);
    if (a != b || whole.len != bytes.len ||
        (whole.len && memcmp(whole.data, bytes.data, whole.len)))
        abort();
    buf_free(&whole);
    buf_free(&bytes);
    return 0;
}
