#include <stdlib.h>

#include "api/handle.h"
#include "base/buf.h"
#include "code/chunk.h"

int precis_tokenize(const struct precis_model *model, const char *text, size_t length,
                    unsigned flags, uint32_t **out, size_t *out_count, char *error,
                    size_t error_size) {
    struct err e = {0};
    struct ids ids = {0};
    unsigned known = PRECIS_NO_SPECIAL | PRECIS_PLAIN, asked = 0;
    int rc = 0;
    *out = NULL;
    *out_count = 0;
    if (flags & PRECIS_NO_SPECIAL)
        asked |= TOK_NO_SPECIAL;
    if (flags & PRECIS_PLAIN)
        asked |= TOK_PLAIN;
    if (flags & ~known)
        rc = err_set(&e, PRECIS_EUSAGE, "flags %#x: there are only %#x", flags, known);
    if (rc == 0)
        rc = tok_encode(model->m.tok, text, length, asked, &ids, &e);
    if (rc == 0 && !ids_reserve(&ids, 1)) /* so that no ids are not NULL */
        rc = err_nomem(&e, "ids");
    if (rc == 0) {
        *out = ids.v;
        *out_count = ids.n;
    } else {
        ids_free(&ids);
    }
    return api_return(rc, &e, error, error_size);
}

int precis_detokenize(const struct precis_model *model, const uint32_t *ids, size_t count,
                      char **out, size_t *out_length, char *error, size_t error_size) {
    struct err e = {0};
    struct buf text = {0};
    struct detok d;
    size_t vocabulary = tok_vocab(model->m.tok);
    int rc = 0;
    *out = NULL;
    if (out_length)
        *out_length = 0;
    detok_start(&d, model->m.tok, true);
    buf_str(&text, "");
    for (size_t i = 0; rc == 0 && i < count; i++) {
        if (ids[i] < vocabulary)
            detok_push(&d, ids[i], &text);
        else
            rc = err_set(&e, PRECIS_EUSAGE, "id %u at %zu: is not in 0..%zu", ids[i], i,
                         vocabulary - 1);
    }
    detok_finish(&d, &text);
    if (rc == 0 && buf_failed(&text))
        rc = detok_failure(&d, "text", &e);
    if (rc == 0) {
        *out = text.data;
        if (out_length)
            *out_length = text.len;
    } else {
        buf_free(&text);
    }
    return api_return(rc, &e, error, error_size);
}

int precis_chunk_lines(const char *text, size_t length, uint64_t lines, struct precis_chunk **out,
                       size_t *out_count, char *error, size_t error_size) {
    struct err e = {0};
    struct chunks chunks = {0};
    *out = NULL;
    *out_count = 0;
    struct precis_chunk *v = NULL;
    int rc = chunk_lines(text, length, lines, &chunks, &e);
    if (rc == 0 && !(v = calloc(chunks.n + 1, sizeof *v)))
        rc = err_nomem(&e, "chunks");
    if (v) {
        for (size_t i = 0; i < chunks.n; i++)
            v[i] = (struct precis_chunk){.offset = chunks.v[i].offset,
                                         .length = chunks.v[i].length,
                                         .start_line = chunks.v[i].start_line,
                                         .end_line = chunks.v[i].end_line};
        *out = v;
        *out_count = chunks.n;
    }
    chunks_free(&chunks);
    return api_return(rc, &e, error, error_size);
}
