/* Any bytes through tiny tokenizers: encoded, decoded, and back. The first byte picks the tokenizer
 * and the flags; with the high bit set, the bytes are a tokenizer's GGUF metadata instead, cut and
 * patched into a sound file. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "../unit/model/gguf_build.h"
#include "../unit/text/tiny_tok.h"
#include "base/utf8.h"
#include "text/chat.h"
#include "text/unicode.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *const merges[] = {"\u0120 \u0120",
                                     "e r",
                                     "i n",
                                     "\u0120 t",
                                     "\u0120\u0120 \u0120\u0120",
                                     "\u010a \u010a",
                                     "\u0120t h",
                                     "\u0120th er",
                                     "' s",
                                     "\u00c3 \u00a9",
                                     "\u00e4 \u00bd",
                                     "= =",
                                     "== ==",
                                     "a a",
                                     "aa aa",
                                     "aa a",
                                     "in g",
                                     "\u0120 in",
                                     "\u00c3\u00a9 \u00c3\u00a9",
                                     NULL};
static const char *const control[] = {"<|im_start|>", "<|im_end|>",   "<|im",
                                      "<|",           "\u00e9\u0301", NULL};
static const char *const user[] = {"<tool>", "aab", NULL};

static const struct tiny_tok kinds[] = {
    {.pre = "smollm", .merges = merges, .control = control, .user = user},
    {.pre = "qwen2", .merges = merges, .control = control, .user = user},
    {.pre = "smollm", .merges = merges, .lack = "\x01\tqz~"},
    {.pre = "qwen2",
     .merges = merges,
     .control = control,
     .chat_template = "<|im_start|><|im_end|>"},
};
enum { KINDS = sizeof kinds / sizeof *kinds, LACKING = 2, CHAT = 3 };
static struct tok *toks[KINDS];
static struct chat *chat;

static void check(bool ok) {
    if (!ok)
        abort();
}

/* What must come back: the text with ill-formed bytes replaced, normalised where the tokenizer
 * does. */
static void expect(const uint8_t *data, size_t size, bool nfc, struct buf *out) {
    struct nfc_work w = {0};
    struct buf clean = {0};
    buf_str(&clean, "");
    for (size_t i = 0; i < size;) {
        int n = utf8_scan(data + i, size - i);
        if (n > 0)
            buf_append(&clean, data + i, (size_t)n);
        else
            buf_str(&clean, "\xef\xbf\xbd");
        i += n > 0 ? (size_t)n : n < 0 ? (size_t)-n : size - i;
    }
    size_t len = clean.len;
    const uint8_t *s = (const uint8_t *)clean.data;
    if (nfc)
        s = unicode_nfc(&w, s, &len);
    check(s != NULL);
    buf_append(out, s, len);
    if (nfc) { /* normal forms are stable */
        struct nfc_work again = {0};
        size_t same = len;
        check(memcmp(unicode_nfc(&again, (const uint8_t *)out->data, &same), out->data, len) == 0);
        check(same == len);
        nfc_work_free(&again);
    }
    nfc_work_free(&w);
    buf_free(&clean);
}

static void decode(const struct tok *t, const struct ids *ids, bool keep, struct buf *out) {
    struct detok d;
    detok_start(&d, t, keep);
    for (size_t i = 0; i < ids->n; i++) {
        detok_push(&d, ids->v[i], out);
        check(utf8_valid(out->data ? out->data : "", out->len));
    }
    detok_finish(&d, out);
}

static void round_trip(unsigned kind, const uint8_t *data, size_t size, unsigned flags) {
    struct ids ids = {0};
    struct buf got = {0}, want = {0};
    struct err e;
    check(tok_encode(toks[kind], (const char *)data, size, flags, &ids, &e) == 0);
    for (size_t i = 0; i < ids.n; i++)
        check(ids.v[i] < tok_vocab(toks[kind]));
    decode(toks[kind], &ids, true, &got);
    if (kind != LACKING && (flags & TOK_PLAIN)) {
        expect(data, size, kind != 0, &want);
        check(got.len == want.len && (!got.len || memcmp(got.data, want.data, got.len) == 0));
    }
    buf_clear(&got);
    decode(toks[kind], &ids, false, &got);
    ids.n = 0; /* bytes as ids: every decoder state */
    for (size_t i = 0; i < size; i++)
        ids_push(&ids, (uint32_t)(data[i] + (i % 5 == 0 ? 200 : 0)));
    buf_clear(&got);
    decode(toks[kind], &ids, true, &got);
    buf_free(&got);
    buf_free(&want);
    ids_free(&ids);
}

static void talk(const uint8_t *data, size_t size) {
    struct ids ids = {0};
    struct err e;
    const struct chat_message m[] = {{"user", (const char *)data, size},
                                     {"assistant", (const char *)data, size / 2}};
    check(chat_encode(chat, m, 2, &ids, &e) == 0);
    size_t special = 0;
    for (size_t i = 0; i < ids.n; i++)
        special += tok_is_special(toks[CHAT], ids.v[i]);
    check(special == 5); /* the format's own, whatever the messages say */
    ids_free(&ids);
}

/* Pieces of data, split at newlines, as merges, tokens, types and a chat template. */
static void hostile(const uint8_t *data, size_t size) {
    struct buf b = {0}, list = {0}, types = {0};
    uint64_t n = 0;
    for (size_t i = 0; i < size; n++) {
        const uint8_t *end = memchr(data + i, '\n', size - i);
        size_t len = end ? (size_t)(end - (data + i)) : size - i;
        put_u64(&list, len);
        buf_append(&list, data + i, len);
        put_u32(&types, len ? data[i] % 8u : 1);
        i += len + 1;
    }
    put_head(&b, 3, 0, 7);
    put_key_string(&b, "tokenizer.ggml.model", "gpt2");
    put_key_string(&b, "tokenizer.ggml.pre", size % 2 ? "qwen2" : "smollm");
    put_key_array(&b, "tokenizer.ggml.tokens", GGUF_STRING, n);
    buf_append(&b, list.data ? list.data : "", list.len);
    put_key_array(&b, "tokenizer.ggml.token_type", GGUF_I32, n);
    buf_append(&b, types.data ? types.data : "", types.len);
    bool few = size % 3 != 0;
    put_key_array(&b, "tokenizer.ggml.merges", GGUF_STRING, few ? 0 : n);
    if (!few)
        buf_append(&b, list.data ? list.data : "", list.len);
    put_key_u32(&b, "tokenizer.ggml.eos_token_id", (uint32_t)(size % 7));
    put_key(&b, "tokenizer.chat_template", GGUF_STRING);
    put_u64(&b, size);
    buf_append(&b, data, size);
    struct gguf *g;
    struct tok *t;
    struct err e;
    struct ids ids = {0};
    struct buf out = {0};
    if (gguf_open_memory("fuzz", (const uint8_t *)b.data, b.len, &g, &e) == 0) {
        if (tok_from_gguf(g, &t, &e) == 0) {
            struct chat *c;
            check(tok_encode(t, (const char *)data, size, 0, &ids, &e) == 0);
            decode(t, &ids, false, &out);
            if (chat_open(t, NULL, &c, &e) == 0) {
                const struct chat_message m = {"user", (const char *)data, size};
                check(chat_encode(c, &m, 1, &ids, &e) == 0);
                chat_free(c);
            }
            tok_free(t);
        } else {
            check(e.text[0] != 0);
        }
        gguf_close(g);
    }
    ids_free(&ids);
    buf_free(&out);
    buf_free(&b);
    buf_free(&list);
    buf_free(&types);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct err e;
    if (!chat) {
        for (int i = 0; i < KINDS; i++)
            toks[i] = open_tiny_tok(&kinds[i]);
        check(chat_open(toks[CHAT], NULL, &chat, &e) == 0);
    }
    if (size == 0)
        return 0;
    uint8_t head = *data++;
    size--;
    if (head & 0x80) {
        hostile(data, size);
        return 0;
    }
    round_trip(head % KINDS, data, size, head & 4 ? TOK_PLAIN : 0);
    if (head % KINDS == CHAT)
        talk(data, size);
    return 0;
}
