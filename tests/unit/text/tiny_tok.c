#include "tiny_tok.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../model/gguf_build.h"
#include "text/unicode.h"

#define KEY "tokenizer.ggml."

struct vocab {
    struct buf tokens, types;
    uint64_t n;
};

static void add(struct vocab *v, const char *s, size_t len, uint32_t type) {
    put_u64(&v->tokens, len);
    buf_append(&v->tokens, s, len);
    put_u32(&v->types, type);
    v->n++;
}

static void add_bytes(struct vocab *v, const char *lack) {
    uint32_t next = 256;
    for (unsigned b = 0; b < 256; b++) {
        bool itself = (b >= 33 && b <= 126) || (b >= 161 && b <= 172) || b >= 174;
        struct buf c = {0};
        unicode_append(&c, itself ? b : next++);
        if (!(lack && b && b < 128 && strchr(lack, (int)b)))
            add(v, c.data, c.len, 1);
        buf_free(&c);
    }
}

static void add_list(struct vocab *v, const char *const *list, uint32_t type) {
    for (; list && *list; list++)
        add(v, *list, strlen(*list), type);
}

static bool wanted(const struct tiny_tok *t, const char *key) {
    return !t->drop || strcmp(t->drop, key) != 0;
}

void put_tiny_tok(struct buf *b, const struct tiny_tok *t) {
    struct vocab v = {0};
    struct buf merges = {0};
    uint64_t n_merges = 0;
    add_bytes(&v, t->lack);
    for (const char *const *m = t->merges; m && *m; m++, n_merges++) {
        char joined[64];
        const char *space = strchr(*m, ' ');
        snprintf(joined, sizeof joined, "%.*s%s", (int)(space - *m), *m, space + 1);
        add(&v, joined, strlen(joined), 1);
        put_string(&merges, *m);
    }
    add_list(&v, t->control, 3);
    add_list(&v, t->user, 4);
    put_head(b, 3, 0, 5u - (t->drop != NULL) + (t->chat_template != NULL) + t->more_keys);
    if (wanted(t, "model"))
        put_key_string(b, KEY "model", "gpt2");
    if (wanted(t, "pre"))
        put_key_string(b, KEY "pre", t->pre ? t->pre : "smollm");
    if (wanted(t, "tokens")) {
        put_key_array(b, KEY "tokens", GGUF_STRING, v.n);
        buf_append(b, v.tokens.data, v.tokens.len);
    }
    if (wanted(t, "token_type")) {
        put_key_array(b, KEY "token_type", GGUF_I32, v.n);
        buf_append(b, v.types.data, v.types.len);
    }
    if (wanted(t, "merges")) {
        put_key_array(b, KEY "merges", GGUF_STRING, n_merges);
        buf_append(b, merges.data ? merges.data : "", merges.len);
    }
    if (t->chat_template)
        put_key_string(b, "tokenizer.chat_template", t->chat_template);
    if (t->more)
        t->more(b);
    buf_free(&v.tokens);
    buf_free(&v.types);
    buf_free(&merges);
}

static int open_tok(const struct tiny_tok *t, struct tok **out, struct err *e) {
    struct buf b = {0};
    struct gguf *g;
    uint8_t *copy;
    put_tiny_tok(&b, t);
    int rc = open_exact(&b, b.len, &copy, &g, e);
    buf_free(&b);
    if (rc) {
        fprintf(stderr, "%s\n", e->text);
        abort();
    }
    rc = tok_from_gguf(g, out, e);
    gguf_close(g);
    free(copy);
    return rc;
}

struct tok *open_tiny_tok(const struct tiny_tok *t) {
    struct err e;
    struct tok *out;
    if (open_tok(t, &out, &e) != 0) {
        fprintf(stderr, "%s\n", e.text);
        abort();
    }
    return out;
}

int refuse_tiny_tok(const struct tiny_tok *t, struct err *e) {
    struct tok *out;
    int rc = open_tok(t, &out, e);
    if (rc == 0 || out) {
        fprintf(stderr, "a hostile tokenizer was opened\n");
        abort();
    }
    return rc;
}
