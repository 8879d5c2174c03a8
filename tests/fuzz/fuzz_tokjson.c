/* A tokenizer.json, then NUL, then a text: what opens encodes the text and decodes it again.
 * Without a NUL the text is the JSON itself. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/utf8.h"
#include "text/tok.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool ok) {
    if (!ok)
        abort();
}

static void decode(const struct tok *t, const struct ids *ids, bool keep_special) {
    struct buf out = {0};
    struct detok d;
    detok_start(&d, t, keep_special);
    for (size_t i = 0; i < ids->n; i++)
        detok_push(&d, ids->v[i], &out);
    detok_finish(&d, &out);
    check(buf_failed(&out) || utf8_valid(out.data ? out.data : "", out.len));
    buf_free(&out);
}

static void use(const struct tok *t, const char *text, size_t n) {
    static const unsigned flags[] = {TOK_TRUNCATE, TOK_NO_SPECIAL | TOK_PLAIN};
    struct ids ids = {0};
    struct err e;
    for (int i = 0; i < 2; i++) {
        ids.n = 0;
        if (tok_encode(t, text, n, flags[i], &ids, &e) != 0) {
            check(e.text[0] != 0 && ids.n == 0);
            continue;
        }
        for (size_t k = 0; k < ids.n; k++) {
            size_t len;
            check(ids.v[k] < tok_vocab(t));
            check(tok_bytes(t, ids.v[k], &len) != NULL);
        }
        decode(t, &ids, i);
    }
    ids.n = 0;
    for (size_t i = 0; i < n; i++) /* bytes as ids: what no encoder gives */
        ids_push(&ids, (uint8_t)text[i]);
    decode(t, &ids, true);
    decode(t, &ids, false);
    ids_free(&ids);
}

static char folder[] = "/tmp/fuzz_tokjson.XXXXXX", path[sizeof folder + 16];

static void remove_files(void) {
    unlink(path);
    rmdir(folder);
}

/* A tokenizer is opened by its path: nothing else lies in that folder. */
static void write_file(const char *json, size_t n) {
    if (!path[0]) {
        check(mkdtemp(folder) != NULL);
        snprintf(path, sizeof path, "%s/tokenizer.json", folder);
        atexit(remove_files);
    }
    FILE *f = fopen(path, "wb");
    check(f && fwrite(json, 1, n, f) == n && fclose(f) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    const char *json = (const char *)data;
    const char *nul = size ? memchr(json, 0, size) : NULL;
    size_t n = nul ? (size_t)(nul - json) : size;
    struct tok *t;
    struct err e = {0};
    write_file(json, n);
    if (tok_from_json(path, &t, &e) == 0) {
        if (nul)
            use(t, nul + 1, size - n - 1);
        else
            use(t, json, n);
        tok_free(t);
    } else {
        check(e.text[0] != 0);
    }
    return 0;
}
