/* Tokenizers from small made-up vocabularies. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../model/gguf_build.h"
#include "tiny_tok.h"

static const char *const merges[] = {"a b", "ab c", "Ġ a", "b c", "Ġa bc", "x x", "xx xx", NULL};
static const char *const control[] = {"<|im_start|>", "<|im_end|>", "<|im", "<|endoftext|>", NULL};
static const char *const user[] = {"<tool>", NULL};

/* Ids as text: "97 98". */
static void check(const struct tok *t, const char *text, size_t len, unsigned flags,
                  const char *want) {
    struct ids ids = {0};
    struct err e;
    char got[512] = "";
    size_t at = 0;
    assert_int_equal(tok_encode(t, text, len, flags, &ids, &e), 0);
    for (size_t i = 0; i < ids.n && at < sizeof got - 16; i++)
        at += (size_t)snprintf(got + at, sizeof got - at, "%s%u", i ? " " : "", ids.v[i]);
    assert_string_equal(got, want);
    ids_free(&ids);
}

static void encode(const struct tok *t, const char *text, unsigned flags, const char *want) {
    check(t, text, strlen(text), flags, want);
}

static void merges_by_rank(void **state) {
    (void)state;
    struct tok *t = open_tiny_tok(&(struct tiny_tok){.merges = merges});
    encode(t, "", 0, "");
    encode(t, "a", 0, "97");
    encode(t, "abc", 0, "257");
    encode(t, " abc", 0, "32 257"); /* a b goes before Ġ a */
    encode(t, " a", 0, "258");
    encode(t, "bc", 0, "259");
    encode(t, "xxxxx", 0, "262 120");
    encode(t, "ab1ab", 0, "256 49 256");
    check(t, "a\0b", 3, 0, "97 0 98");
    tok_free(t);
}

static void bytes_without_token_go_before_merging(void **state) {
    (void)state;
    struct tok *t = open_tiny_tok(&(struct tiny_tok){.merges = merges, .lack = "\x04!"});
    encode(t, "\x04", 0, "");
    encode(t, "!", 0, "");
    encode(t, "a!", 0, "95");
    encode(t, "\x04!", 0, "");
    encode(t, "!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!", 0, "");
    tok_free(t);
    static const char *const equals[] = {"= =", NULL};
    t = open_tiny_tok(&(struct tiny_tok){.merges = equals, .lack = "\x04"});
    encode(t, "=\x04=", 0, "255");
    tok_free(t);
}

static void special_tokens(void **state) {
    (void)state;
    struct tok *t =
        open_tiny_tok(&(struct tiny_tok){.merges = merges, .control = control, .user = user});
    encode(t, "<|im_start|>ab<|im_end|>", 0, "263 256 264");
    encode(t, "<|im_star", 0, "265 95 115 116 97 114"); /* the longest that is whole */
    encode(t, "<|im<|im_start|>", 0, "265 263");
    encode(t, "<tool>a", 0, "267 97");
    encode(t, "<|im", TOK_PLAIN, "60 124 105 109");
    encode(t, "<|endoftext|", 0, "60 124 101 110 100 111 102 116 101 120 116 124");
    assert_int_equal(tok_id(t, "<|im"), 265);
    assert_int_equal(tok_id(t, "<tool>"), 267);
    assert_int_equal(tok_id(t, "ab"), -1);
    assert_int_equal(tok_id(t, ""), -1);
    assert_true(tok_is_special(t, 263));
    assert_false(tok_is_special(t, 267));
    assert_false(tok_is_special(t, 97));
    assert_false(tok_is_special(t, UINT32_MAX));
    size_t n;
    const uint32_t *stops = tok_stops(t, &n);
    assert_int_equal(n, 2);
    assert_int_equal(stops[0], 264);
    assert_int_equal(stops[1], 266);
    tok_free(t);
}

static void more_ids(struct buf *b) {
    put_key_u32(b, "tokenizer.ggml.bos_token_id", 263);
    put_key_u32(b, "tokenizer.ggml.eos_token_id", 266);
    put_key_bool(b, "tokenizer.ggml.add_bos_token", 1);
    put_key_bool(b, "tokenizer.ggml.add_eos_token", 1);
}

static void bos_and_eos(void **state) {
    (void)state;
    struct tok *t = open_tiny_tok(
        &(struct tiny_tok){.merges = merges, .control = control, .more = more_ids, .more_keys = 4});
    assert_int_equal(tok_bos(t), 263);
    assert_int_equal(tok_eos(t), 266);
    encode(t, "a", 0, "263 97 266");
    encode(t, "", 0, "263 266");
    encode(t, "a", TOK_NO_SPECIAL, "97");
    encode(t, "<|im_start|>", TOK_NO_SPECIAL | TOK_PLAIN,
           "60 124 105 109 95 115 116 97 114 116 124 62");
    size_t n;
    const uint32_t *stops = tok_stops(t, &n);
    assert_int_equal(n, 2);
    assert_int_equal(stops[0], 266);
    assert_int_equal(stops[1], 264);
    tok_free(t);
}

static void ill_formed_text_is_replaced(void **state) {
    (void)state;
    struct tok *t = open_tiny_tok(&(struct tiny_tok){0});
    static const struct {
        const char *text;
        int replaced;
    } cases[] = {{"\xff", 1},         {"\xe2\x82", 1},
                 {"\xed\xa0\x80", 3}, {"\xf0\x80\x80\x80", 4},
                 {"\xf0\x9f\x98", 1}, {"\xf0\x9f\x98\xf0\x9f", 2},
                 {"\xc0\xaf", 2},     {"\xf4\x90\x80\x80", 4},
                 {"\x80\x80", 2}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct buf text = {0}, want = {0};
        buf_printf(&text, "xxxxxxxxx%s", cases[i].text);
        buf_str(&want, "120 120 120 120 120 120 120 120 120");
        for (int k = 0; k < cases[i].replaced; k++)
            buf_str(&want, " 239 191 189");
        check(t, text.data, text.len, 0, want.data);
        buf_char(&text, 'a');
        buf_str(&want, " 97");
        check(t, text.data, text.len, 0, want.data);
        buf_free(&text);
        buf_free(&want);
    }
    tok_free(t);
}

static void only_qwen2_normalises(void **state) {
    (void)state;
    struct tok *t = open_tiny_tok(&(struct tiny_tok){.pre = "qwen2", .control = control});
    encode(t, "e\xcc\x81", 0, "195 169");
    encode(t, "e<|im\xcc\x81", 0, "101 258 204 129"); /* each side by itself */
    tok_free(t);
    t = open_tiny_tok(&(struct tiny_tok){0});
    encode(t, "e\xcc\x81", 0, "101 204 129");
    tok_free(t);
}

static void appends(void **state) {
    (void)state;
    struct tok *t = open_tiny_tok(&(struct tiny_tok){0});
    struct ids ids = {0};
    struct err e;
    for (int i = 0; i < 300; i++)
        assert_int_equal(tok_encode(t, "hi", 2, 0, &ids, &e), 0);
    assert_int_equal(ids.n, 600);
    assert_int_equal(ids.v[599], 'i');
    ids.failed = true;
    assert_int_equal(tok_encode(t, "hi", 2, 0, &ids, &e), PRECIS_ENOMEM);
    ids_free(&ids);
    assert_int_equal(tok_encode(t, "hi", (size_t)1 << 31, 0, &ids, &e), PRECIS_ELIMIT);
    assert_non_null(strstr(e.text, "2147483648"));
    tok_free(t);
    tok_free(NULL);
}

static void decodes_whole_characters(void **state) {
    (void)state;
    struct tok *t = open_tiny_tok(&(struct tiny_tok){.control = control, .user = user});
    struct buf out = {0};
    struct detok d;
    detok_start(&d, t, false);
    detok_push(&d, 0xf0, &out);
    detok_push(&d, 0x9f, &out);
    detok_push(&d, 256, &out); /* left out: the character goes on */
    detok_push(&d, 0x99, &out);
    assert_int_equal(out.len, 0);
    detok_push(&d, 0x82, &out);
    assert_string_equal(out.data, "\xf0\x9f\x99\x82");
    detok_push(&d, 260, &out);
    detok_push(&d, 9999, &out);
    assert_string_equal(out.data, "\xf0\x9f\x99\x82<tool>");
    buf_clear(&out);
    detok_push(&d, 0xe2, &out);
    detok_push(&d, 0x82, &out);
    detok_push(&d, 0xe2, &out);
    assert_string_equal(out.data, "\xef\xbf\xbd");
    detok_push(&d, 'a', &out);
    assert_string_equal(out.data, "\xef\xbf\xbd\xef\xbf\xbd"
                                  "a");
    detok_push(&d, 0xc3, &out);
    detok_finish(&d, &out);
    detok_finish(&d, &out);
    assert_string_equal(out.data, "\xef\xbf\xbd\xef\xbf\xbd"
                                  "a\xef\xbf\xbd");
    detok_start(&d, t, true);
    buf_clear(&out);
    detok_push(&d, 256, &out);
    assert_string_equal(out.data, "<|im_start|>");
    buf_free(&out);
    tok_free(t);
}

static void token_bytes(void **state) {
    (void)state;
    static const char *const odd[] = {"Ġ é", NULL}; /* é stands for the byte e9 */
    struct tok *t = open_tiny_tok(&(struct tiny_tok){.merges = odd, .control = control});
    size_t len;
    assert_int_equal(tok_vocab(t), 256 + 1 + 4);
    assert_memory_equal(tok_bytes(t, 256, &len), " \xe9", 2);
    assert_int_equal(len, 2);
    assert_memory_equal(tok_bytes(t, 257, &len), "<|im_start|>", 12);
    assert_int_equal(len, 12);
    assert_string_equal(tok_bytes(t, 5000, &len), "");
    assert_int_equal(len, 0);
    assert_null(tok_chat_template(t));
    assert_int_equal(tok_bos(t), -1);
    assert_int_equal(tok_eos(t), -1);
    tok_free(t);
}

static void other_model(struct buf *b) {
    put_key_string(b, "tokenizer.ggml.model", "rwkv\x1b");
}
static void two_tokens(struct buf *b) {
    put_key_array(b, "tokenizer.ggml.tokens", GGUF_STRING, 3);
    put_string(b, "a");
    put_string(b, "b");
    put_string(b, "a");
}
static void no_tokens(struct buf *b) {
    put_key_array(b, "tokenizer.ggml.tokens", GGUF_STRING, 0);
}
static void number_tokens(struct buf *b) {
    put_key_array(b, "tokenizer.ggml.tokens", GGUF_U32, 1);
    put_u32(b, 7);
}
static void short_types(struct buf *b) {
    put_key_array(b, "tokenizer.ggml.token_type", GGUF_I32, 2);
    put_u32(b, 1);
    put_u32(b, 1);
}
static void odd_types(struct buf *b) {
    put_key_array(b, "tokenizer.ggml.token_type", GGUF_I32, 256);
    for (uint32_t i = 0; i < 256; i++)
        put_u32(b, i == 9 ? 77 : 1);
}
static void text_types(struct buf *b) {
    put_key_string(b, "tokenizer.ggml.token_type", "normal");
}
static void strange_merge(struct buf *b) {
    put_key_array(b, "tokenizer.ggml.merges", GGUF_STRING, 2);
    put_string(b, "a b");
    put_string(b, "a b");
}
static void one_word_merge(struct buf *b) {
    put_key_array(b, "tokenizer.ggml.merges", GGUF_STRING, 1);
    put_string(b, "ab");
}
static void three_word_merge(struct buf *b) {
    put_key_array(b, "tokenizer.ggml.merges", GGUF_STRING, 1);
    put_string(b, "a b c");
}
static void number_merges(struct buf *b) {
    put_key_u32(b, "tokenizer.ggml.merges", 3);
}
static void far_bos(struct buf *b) {
    put_key_u32(b, "tokenizer.ggml.bos_token_id", 256);
}
static void text_eos(struct buf *b) {
    put_key_string(b, "tokenizer.ggml.eos_token_id", "2");
}
static void bos_unknown(struct buf *b) {
    put_key_bool(b, "tokenizer.ggml.add_bos_token", 1);
}
static void bos_number(struct buf *b) {
    put_key_u32(b, "tokenizer.ggml.add_bos_token", 1);
}
static void prefix(struct buf *b) {
    put_key_bool(b, "tokenizer.ggml.add_space_prefix", 1);
}

static void hostile_metadata(void **state) {
    (void)state;
    static const struct {
        const char *drop;
        void (*more)(struct buf *b);
        int code;
        const char *says;
    } cases[] = {
        {"model", NULL, PRECIS_EINPUT, "tokenizer.ggml.model is missing"},
        {"model", other_model, PRECIS_EUNSUPPORTED, "\"rwkv?\" is not supported (only: gpt2"},
        {"pre", NULL, PRECIS_EUNSUPPORTED, "tokenizer.ggml.pre is missing"},
        {"tokens", NULL, PRECIS_EINPUT, "tokenizer.ggml.tokens is missing"},
        {"tokens", no_tokens, PRECIS_EINPUT, "tokenizer.ggml.tokens is empty"},
        {"tokens", number_tokens, PRECIS_EINPUT, "no array of strings"},
        {"tokens", two_tokens, PRECIS_EINPUT, "entry 2 repeats entry 0 (\"a\")"},
        {"token_type", short_types, PRECIS_EINPUT, "token_type has 2 entries"},
        {"token_type", odd_types, PRECIS_EINPUT, "token_type: entry 9 is not 1 to 6"},
        {"token_type", text_types, PRECIS_EINPUT, "token_type is no array"},
        {"merges", NULL, PRECIS_EINPUT, "tokenizer.ggml.merges is missing"},
        {"merges", number_merges, PRECIS_EINPUT, "tokenizer.ggml.merges is missing or no array"},
        {"merges", strange_merge, PRECIS_EINPUT,
         "entry 0 (\"a b\") names a token that the vocabulary lacks: \"ab\""},
        {"merges", one_word_merge, PRECIS_EINPUT, "entry 0 (\"ab\") is not two tokens"},
        {"merges", three_word_merge, PRECIS_EINPUT, "entry 0 (\"a b c\") is not two tokens"},
        {NULL, far_bos, PRECIS_EINPUT, "bos_token_id is 256, but there are only 256 tokens"},
        {NULL, text_eos, PRECIS_EINPUT, "eos_token_id is no token id"},
        {NULL, bos_unknown, PRECIS_EINPUT, "add_bos_token is true, but there is no such token"},
        {NULL, bos_number, PRECIS_EINPUT, "add_bos_token is no boolean"},
        {NULL, prefix, PRECIS_EUNSUPPORTED, "add_space_prefix"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct err e = {0};
        struct tiny_tok t = {
            .drop = cases[i].drop, .more = cases[i].more, .more_keys = cases[i].more ? 1 : 0};
        assert_int_equal(refuse_tiny_tok(&t, &e), cases[i].code);
        assert_int_equal(strncmp(e.text, "m.gguf: ", 8), 0);
        if (!strstr(e.text, cases[i].says))
            fail_msg("case %zu: %s", i, e.text);
    }
    struct err e;
    assert_int_equal(refuse_tiny_tok(&(struct tiny_tok){.pre = "viking"}, &e), PRECIS_EUNSUPPORTED);
    assert_non_null(strstr(e.text, "\"viking\" is not supported (only: gpt-2, smollm,"));
}

static void long_words_are_fast(void **state) {
    (void)state;
    enum { N = 1 << 20 };
    struct tok *t = open_tiny_tok(&(struct tiny_tok){.merges = merges, .pre = "qwen2"});
    char *text = malloc(N);
    assert_non_null(text);
    for (int kind = 0; kind < 3; kind++) {
        struct ids ids = {0};
        struct err e;
        for (size_t i = 0; i < N; i++)
            text[i] = kind == 0 ? 'x' : kind == 1 ? ' ' : "\xcc\x81\xcc\xa3"[i % 4];
        assert_int_equal(tok_encode(t, text, N, 0, &ids, &e), 0);
        assert_int_equal(ids.n, kind == 0 ? N / 4 : N);
        ids_free(&ids);
    }
    free(text);
    tok_free(t);
}

enum { THREADS = 4, ROUNDS = 200 };

static void *encode_often(void *arg) {
    const struct tok *t = arg;
    struct ids ids = {0}, first = {0};
    struct err e;
    const char *text = "abc xxxx abcabc\n\t ab1 <|im_start|> e\xcc\x81";
    bool same = tok_encode(t, text, strlen(text), 0, &first, &e) == 0;
    for (int i = 0; i < ROUNDS && same; i++) {
        ids.n = 0;
        same = tok_encode(t, text, strlen(text), 0, &ids, &e) == 0 && ids.n == first.n &&
               memcmp(ids.v, first.v, ids.n * sizeof *ids.v) == 0;
    }
    ids_free(&ids);
    ids_free(&first);
    return same ? arg : NULL;
}

static void threads_share_one(void **state) {
    (void)state;
    struct tok *t = open_tiny_tok(&(struct tiny_tok){.merges = merges, .control = control});
    pthread_t threads[THREADS];
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, encode_often, t), 0);
    for (int i = 0; i < THREADS; i++) {
        void *result;
        assert_int_equal(pthread_join(threads[i], &result), 0);
        assert_ptr_equal(result, t);
    }
    tok_free(t);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(merges_by_rank),
        cmocka_unit_test(bytes_without_token_go_before_merging),
        cmocka_unit_test(special_tokens),
        cmocka_unit_test(bos_and_eos),
        cmocka_unit_test(ill_formed_text_is_replaced),
        cmocka_unit_test(only_qwen2_normalises),
        cmocka_unit_test(appends),
        cmocka_unit_test(decodes_whole_characters),
        cmocka_unit_test(token_bytes),
        cmocka_unit_test(hostile_metadata),
        cmocka_unit_test(long_words_are_fast),
        cmocka_unit_test(threads_share_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
