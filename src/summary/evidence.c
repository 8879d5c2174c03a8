#include "summary/evidence.h"

#include <stdlib.h>
#include <string.h>

#include "search/words.h"

enum {
    NAME_WORDS = 16,
    TEXT_BYTES = 2000,
    COMMON_OF_8 = 3 /* more save time, fewer leave more room for what is near */
};

static void name_of(const struct evidence_source *s, struct buf *out) {
    const char *slash = strrchr(s->path, '/'), *name = slash ? slash + 1 : s->path;
    const char *dot = strrchr(name, '.');
    const char *symbol = s->symbol ? s->symbol : "";
    words_append(out, symbol, strlen(symbol), NAME_WORDS);
    buf_char(out, ' ');
    words_append(out, name, dot && dot > name ? (size_t)(dot - name) : strlen(name), NAME_WORDS);
}

static int embed(const struct evidence_source *s, const char *seen, size_t len, struct embedder *em,
                 struct evidence *v, struct err *e) {
    struct buf key = {0}, name = {0};
    v->width = embedder_info(em)->width;
    v->vectors = malloc(EVIDENCE_VIEWS * v->width * sizeof *v->vectors);
    examples_key(s->path, s->symbol ? s->symbol : "", seen, &key);
    name_of(s, &name);
    int rc = !v->vectors || buf_failed(&key) || buf_failed(&name) ? err_nomem(e, s->path) : 0;
    if (rc == 0) {
        const struct embed_text texts[EVIDENCE_VIEWS] = {
            [EVIDENCE_KEY] = {key.data, key.len},
            [EVIDENCE_NAME] = {name.data, name.len},
            [EVIDENCE_TEXT] = {seen, len < TEXT_BYTES ? len : TEXT_BYTES}};
        rc = embedder_embed(em, texts, EVIDENCE_VIEWS, NULL, v->vectors, NULL, e);
    }
    buf_free(&key);
    buf_free(&name);
    return rc;
}

static int find(const struct evidence_source *s, const char *seen, const struct examples *pool,
                size_t k, struct evidence *v, struct err *e) {
    const struct examples_query q = {.repo = s->repo,
                                     .path = s->path,
                                     .symbol = s->symbol ? s->symbol : "",
                                     .code = seen,
                                     .vector = v->vectors, /* EVIDENCE_KEY is the first */
                                     .avoid = s->avoid,
                                     .common = k * COMMON_OF_8 / 8};
    return examples_nearest(pool, &q, k, v->hits, &v->n_hits, e);
}

int evidence_make(const struct evidence_source *s, struct embedder *em, const struct examples *pool,
                  size_t k, struct evidence *v, struct err *e) {
    *v = (struct evidence){.len = s->len, .outlined = s->outline != NULL};
    /* The beginning is enough, and must be a string. */
    char *seen = s->outline
                     ? strdup(s->outline)
                     : strndup(s->text, s->len < EXAMPLES_MOST_CODE ? s->len : EXAMPLES_MOST_CODE);
    if (!seen)
        return err_nomem(e, s->path);
    const struct ground_source ground = {.text = s->text,
                                         .len = s->len,
                                         .path = s->path,
                                         .symbol = s->symbol,
                                         .context = s->outline};
    int rc = ground_open(&v->words, &ground, e);
    if (rc == 0 && em)
        rc = embed(s, seen, strlen(seen), em, v, e);
    if (rc == 0 && pool && k)
        rc = find(s, seen, pool, k, v, e);
    free(seen);
    if (rc)
        evidence_free(v);
    return rc;
}

void evidence_free(struct evidence *v) {
    free(v->vectors);
    ground_close(&v->words);
    *v = (struct evidence){0};
}
