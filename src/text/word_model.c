#include "text/word_model.h"

#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "text/unicode.h"

void word_model_free(struct word_model *m) {
    bpe_free(&m->bpe);
    vocab_free(&m->vocab);
    free(m->prefix);
    free(m->suffix);
    free(m->joined);
    wordpiece_free(m->wordpiece);
    unigram_free(m->unigram);
}

void word_work_free(struct word_work *w) {
    bpe_work_free(&w->bpe);
    unigram_work_free(&w->unigram);
    buf_free(&w->text);
}

/* The id of a character at its place in the word; -1: none. */
static int64_t char_id(const struct word_model *m, struct word_work *w, const uint8_t *s, size_t n,
                       bool is_first, bool is_last) {
    bool prefix = m->prefix && !is_first, suffix = m->suffix && is_last;
    if (!prefix && !suffix)
        return vocab_find(&m->vocab, s, n);
    buf_clear(&w->text);
    if (prefix)
        buf_append(&w->text, m->prefix, m->prefix_len);
    buf_append(&w->text, s, n);
    if (suffix)
        buf_append(&w->text, m->suffix, m->suffix_len);
    return buf_failed(&w->text) ? -1 : vocab_find(&m->vocab, w->text.data, w->text.len);
}

/* The bytes of an unknown character (with what is put before and behind it) as tokens. */
static bool fall_back(const struct word_model *m, struct word_work *w, const uint8_t *s, size_t n,
                      bool is_first, bool is_last, uint32_t *count) {
    bool prefix = m->prefix && !is_first, suffix = m->suffix && is_last;
    const uint8_t *text = s;
    if (prefix || suffix) { /* char_id left it there */
        text = (const uint8_t *)w->text.data;
        n = w->text.len;
    }
    for (size_t i = 0; i < n; i++)
        if (m->fallback[text[i]] < 0)
            return false;
    for (size_t i = 0; i < n; i++)
        bpe_put(&w->bpe, count, (uint32_t)m->fallback[text[i]]);
    return true;
}

/* As `tokenizers` does it, down to this: an unknown token that waits for others to be fused with
 * comes after the bytes of a character that falls back. */
static int chars(const struct word_model *m, struct word_work *w, const uint8_t *s, size_t n,
                 struct ids *out) {
    if (!bpe_reserve(&w->bpe, n + m->prefix_len * n + m->suffix_len))
        return PRECIS_ENOMEM;
    uint32_t count = 0;
    bool waiting = false;
    for (size_t i = 0, k; i < n; i += k) {
        uint32_t c;
        k = unicode_char(s + i, &c);
        int64_t id = char_id(m, w, s + i, k, i == 0, i + k == n);
        if (buf_failed(&w->text))
            return PRECIS_ENOMEM;
        if (id >= 0) {
            if (waiting)
                bpe_put(&w->bpe, &count, (uint32_t)m->unk);
            waiting = false;
            bpe_put(&w->bpe, &count, (uint32_t)id);
        } else if (m->byte_fallback && fall_back(m, w, s + i, k, i == 0, i + k == n, &count)) {
            continue;
        } else if (m->unk_lost) {
            return PRECIS_EINPUT;
        } else if (m->unk >= 0) {
            if (waiting && !m->fuse_unk)
                bpe_put(&w->bpe, &count, (uint32_t)m->unk);
            waiting = true;
        }
    }
    if (waiting)
        bpe_put(&w->bpe, &count, (uint32_t)m->unk);
    size_t n_ids = bpe_merge(&m->bpe, &w->bpe, count);
    ids_append(out, w->bpe.ids, n_ids);
    return out->failed ? PRECIS_ENOMEM : 0;
}

static int bytes(const struct word_model *m, struct word_work *w, const uint8_t *s, size_t n,
                 struct ids *out) {
    size_t n_ids;
    if (!bpe_word(&m->bpe, &w->bpe, s, n, &n_ids))
        return PRECIS_ENOMEM;
    ids_append(out, w->bpe.ids, n_ids);
    return out->failed ? PRECIS_ENOMEM : 0;
}

static int whole(const struct word_model *m, const uint8_t *s, size_t n, struct ids *out) {
    int64_t id = vocab_find(&m->vocab, s, n);
    if (id < 0)
        id = m->unk;
    if (id < 0)
        return PRECIS_EINPUT;
    ids_push(out, (uint32_t)id);
    return out->failed ? PRECIS_ENOMEM : 0;
}

int word_model_ids(const struct word_model *m, struct word_work *w, const uint8_t *s, size_t n,
                   struct ids *out) {
    if (m->ignore_merges) {
        int64_t id = vocab_find(&m->vocab, s, n);
        if (id >= 0) {
            ids_push(out, (uint32_t)id);
            return out->failed ? PRECIS_ENOMEM : 0;
        }
    }
    switch (m->kind) {
    case WORD_BPE_BYTES:
        return bytes(m, w, s, n, out);
    case WORD_BPE_CHARS:
        return chars(m, w, s, n, out);
    case WORD_LEVEL:
        return whole(m, s, n, out);
    case WORD_PIECE:
        return wordpiece_word(m->wordpiece, s, n, out);
    case WORD_UNIGRAM:
        return unigram_word(m->unigram, &w->unigram, s, n, out);
    }
    return PRECIS_EINPUT;
}

static unsigned class_at(const uint8_t *s, size_t n, size_t *len) {
    if (*s < 0x80) {
        *len = 1;
        return *s;
    }
    uint32_t c;
    *len = unicode_char(s, &c);
    if (*len > n)
        *len = n;
    return c == 0x2581 ? WORD_CLASS_META : WORD_CLASS_OTHER;
}

/* Where no token holds two characters side by side and each of them is a token, nothing joins them:
 * neither a merge nor an unknown token that is fused. */
static bool find_joined(struct word_model *m) {
    m->joined = calloc(WORD_CLASSES, sizeof *m->joined);
    if (!m->joined)
        return false;
    for (unsigned c = 0; c < WORD_CLASSES; c++) {
        const uint8_t ascii = (uint8_t)c;
        bool known = c < 128                ? vocab_find(&m->vocab, &ascii, 1) >= 0
                     : c == WORD_CLASS_META ? vocab_find(&m->vocab, "\xe2\x96\x81", 3) >= 0
                                            : false;
        for (unsigned k = 0; !known && k < WORD_CLASSES; k++)
            m->joined[c][k] = m->joined[k][c] = 1;
    }
    for (uint32_t id = 0; id < m->vocab.n; id++) {
        const uint8_t *s = (const uint8_t *)m->vocab.text + m->vocab.at[id];
        size_t n = m->vocab.at[id + 1] - m->vocab.at[id], k;
        for (unsigned last = WORD_CLASSES; n; s += k, n -= k) {
            unsigned c = class_at(s, n, &k);
            if (last < WORD_CLASSES)
                m->joined[last][c] = 1;
            last = c;
        }
    }
    return true;
}

size_t word_model_cut(const struct word_model *m, const uint8_t *s, size_t n) {
    size_t k, i;
    unsigned last = class_at(s, n, &i);
    for (; i < n; i += k) {
        unsigned c = class_at(s + i, n - i, &k);
        if (!m->joined[last][c])
            return i;
        last = c;
    }
    return n;
}

int word_model_ready(struct word_model *m) {
    for (int b = 0; b < 256; b++)
        m->single[b] = SINGLE_ASK;
    struct word_work w = {0};
    struct ids ids = {0};
    int rc = 0;
    for (int b = 0; b < (m->kind == WORD_BPE_BYTES ? 256 : 128) && rc != PRECIS_ENOMEM; b++) {
        const uint8_t byte = (uint8_t)b;
        ids.n = 0;
        rc = word_model_ids(m, &w, &byte, 1, &ids);
        if (rc == 0 && ids.n < 2)
            m->single[b] = ids.n ? (int32_t)ids.v[0] : SINGLE_NONE;
    }
    word_work_free(&w);
    ids_free(&ids);
    if (rc == PRECIS_ENOMEM)
        return rc;
    bool cuts = m->kind == WORD_BPE_CHARS && !m->ignore_merges && !m->prefix && !m->suffix;
    return cuts && !find_joined(m) ? PRECIS_ENOMEM : 0;
}
