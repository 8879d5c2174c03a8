#include "index/views.h"

#include <math.h>
#include <string.h>

#include "search/embed.h"
#include "search/words.h"

/* Raise it when the same entry may give other views. */
static const char VERSION[] = "views-1";

enum { MOST_WORDS = 120, MOST_OPENING = 500 };

static void put_part(struct buf *b, const char *s, size_t n) {
    size_t from = b->len;
    words_append(b, s, n, MOST_WORDS);
    if (b->len > from)
        buf_str(b, ". ");
}

/* Cuts what was appended since `from` to whole words. */
static void shorten(struct buf *b, size_t from, size_t most) {
    if (buf_failed(b) || b->len - from <= most)
        return;
    size_t len = most;
    while (len && b->data[from + len] != ' ')
        len--;
    b->len = from + len;
    b->data[b->len] = 0;
}

int views_make(const struct view_subject *s, struct buf *texts, struct views *out, struct err *e) {
    struct buf key = {0};
    const char *const texts_of[VIEWS] = {s->head, s->body};
    const size_t lens[VIEWS] = {s->head_len, s->body_len};
    for (int i = 0; i < VIEWS; i++) {
        out->at[i] = texts->len;
        put_part(texts, s->symbol ? s->symbol : "", s->symbol ? strlen(s->symbol) : 0);
        put_part(texts, s->path, strlen(s->path));
        words_append(texts, texts_of[i], lens[i], MOST_WORDS);
        shorten(texts, out->at[i], MOST_OPENING);
        out->len[i] = texts->len - out->at[i];
        buf_char(texts, 0);
    }
    if (buf_failed(texts))
        return err_nomem(e, "text of an entry");
    out->same = out->len[0] == out->len[1] &&
                memcmp(texts->data + out->at[0], texts->data + out->at[1], out->len[0]) == 0;
    buf_append(&key, VERSION, sizeof VERSION);
    buf_append(&key, texts->data + out->at[0], texts->len - out->at[0]);
    int rc = buf_failed(&key) ? err_nomem(e, "text of an entry")
                              : hash_sha256(key.data, key.len, out->hash, e);
    buf_free(&key);
    return rc;
}

void views_mean(const float *a, const float *b, size_t width, float *out) {
    for (size_t i = 0; i < width; i++)
        out[i] = a[i] + b[i];
    float length = sqrtf(embed_dot(out, out, width));
    for (size_t i = 0; length > 0 && i < width; i++)
        out[i] /= length;
}

double views_round(const float *v, size_t width, int8_t *out) {
    float most = 0;
    for (size_t i = 0; i < width; i++)
        most = fmaxf(most, fabsf(v[i]));
    float step = most / 127;
    for (size_t i = 0; i < width; i++)
        out[i] = (int8_t)(most > 0 ? lrintf(v[i] / step) : 0);
    return (double)step;
}
