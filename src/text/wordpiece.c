#include "text/wordpiece.h"

#include <stdlib.h>
#include <string.h>

#include "base/utf8.h"

struct wordpiece {
    struct trie begin;     /* all pieces */
    struct trie continue_; /* those with the prefix, without it */
    int64_t unk_id;        /* -1: none */
    size_t max_chars;
};

void wordpiece_free(struct wordpiece *w) {
    if (!w)
        return;
    trie_free(&w->begin);
    trie_free(&w->continue_);
    free(w);
}

int wordpiece_new(struct trie_key *pieces, size_t n, int64_t unk_id, const char *prefix,
                  size_t prefix_len, size_t max_chars, struct wordpiece **out, struct err *e) {
    *out = NULL;
    struct wordpiece *w = calloc(1, sizeof *w);
    if (!w)
        return err_nomem(e, "a vocabulary");
    w->unk_id = unk_id;
    w->max_chars = max_chars;
    int rc = trie_make(&w->begin, pieces, n, e);
    if (!rc) {
        size_t kept = 0;
        for (size_t i = 0; i < n; i++) {
            struct trie_key key = pieces[i];
            if (key.len < prefix_len || (prefix_len && memcmp(key.s, prefix, prefix_len) != 0))
                continue;
            key.s += prefix_len;
            key.len -= (uint32_t)prefix_len;
            pieces[kept++] = key;
        }
        rc = trie_make(&w->continue_, pieces, kept, e);
    }
    if (rc)
        wordpiece_free(w);
    else
        *out = w;
    return rc;
}

int wordpiece_word(const struct wordpiece *w, const uint8_t *s, size_t n, struct ids *out) {
    size_t before = out->n;
    bool known = n <= w->max_chars || utf8_length((const char *)s, n) <= w->max_chars;
    for (size_t at = 0, end; known && at < n; at = end) {
        const struct trie *t = at ? &w->continue_ : &w->begin;
        uint32_t node = 0, id = TRIE_NONE;
        end = at;
        for (size_t i = at; i < n && (node = trie_step(t, node, s[i])) != TRIE_NONE; i++)
            if (t->nodes[node].value != TRIE_NONE) {
                id = t->nodes[node].value;
                end = i + 1;
            }
        known = id != TRIE_NONE;
        if (known)
            ids_push(out, id);
    }
    if (!known) {
        out->n = before;
        if (w->unk_id < 0)
            return PRECIS_EINPUT;
        ids_push(out, (uint32_t)w->unk_id);
    }
    return out->failed ? PRECIS_ENOMEM : 0;
}
