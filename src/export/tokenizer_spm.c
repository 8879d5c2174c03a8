#include "export/tokenizer_spm.h"

#include <stdlib.h>
#include <string.h>

#include "export/json_text.h"
#include "text/spm.h"

#define SCORES "tokenizer.ggml.scores"

static int read_pieces(const struct gguf *g, const struct str *spelling, size_t n,
                       struct spm_piece *pieces, struct err *e) {
    enum gguf_type type;
    size_t count;
    struct str arch = {0};
    gguf_string(g, "general.architecture", &arch);
    /* transformers' conversion ranks Gemma's pieces by id */
    bool by_id = arch.len >= 5 && memcmp(arch.s, "gemma", 5) == 0;
    if (!gguf_array(g, SCORES, &type, &count) || type == GGUF_STRING || count != n)
        return err_set(e, PRECIS_EINPUT, "%s: " SCORES " is no array of %zu numbers", gguf_path(g),
                       n);
    for (size_t i = 0; i < n; i++) {
        double score;
        if (spelling[i].len > UINT32_MAX || !gguf_array_f64(g, SCORES, i, &score))
            return err_set(e, PRECIS_EINPUT, "%s: " SCORES ": entry %zu cannot be read",
                           gguf_path(g), i);
        pieces[i] = (struct spm_piece){spelling[i].s, (uint32_t)spelling[i].len,
                                       by_id ? -(double)i : score};
    }
    return 0;
}

int tokenizer_spm_merges(const struct gguf *g, const struct str *spelling, size_t n,
                         struct buf *out, struct err *e) {
    struct spm_piece *pieces = malloc((n + 1) * sizeof *pieces);
    struct spm_merge *merges = NULL;
    size_t count = 0;
    int rc = pieces ? read_pieces(g, spelling, n, pieces, e) : err_nomem(e, "pieces");
    if (rc == 0)
        rc = spm_merges(pieces, n, &merges, &count, e);
    for (size_t i = 0; rc == 0 && i < count; i++) {
        buf_str(out, i ? ",\n      [" : "\n      [");
        json_text_string(out, spelling[merges[i].left]);
        buf_str(out, ", ");
        json_text_string(out, spelling[merges[i].right]);
        buf_char(out, ']');
    }
    free(merges);
    free(pieces);
    return rc;
}
