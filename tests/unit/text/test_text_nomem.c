/* Memory runs out at every allocation in turn: an error, nothing leaked (the sanitizer build sees
 * that), nothing half-made. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "../model/gguf_build.h"
#include "fault.h"
#include "json_tok.h"
#include "text/chat.h"
#include "tiny_tok.h"

static const char *const merges[] = {"a b", "ab c", NULL};
static const char *const control[] = {"<|im_start|>", "<|im_end|>", NULL};
static const struct tiny_tok tiny = {.pre = "qwen2",
                                     .merges = merges,
                                     .control = control,
                                     .chat_template =
                                         "{{ '<|im_start|>system\\nBe brief.<|im_end|>\\n' }}"};

static struct gguf *open_gguf(uint8_t **copy) {
    struct buf b = {0};
    struct gguf *g;
    struct err e;
    put_tiny_tok(&b, &tiny);
    assert_int_equal(open_exact(&b, b.len, copy, &g, &e), 0);
    buf_free(&b);
    return g;
}

static int open_once(void *user, struct err *e) {
    struct tok *t;
    int rc = tok_from_gguf(user, &t, e);
    assert_true((rc == 0) == (t != NULL));
    tok_free(t);
    return rc;
}

static void opening_fails_cleanly(void **state) {
    (void)state;
    uint8_t *copy;
    struct gguf *g = open_gguf(&copy);
    assert_true(fault_each(&fault_memory, FAULT_ONCE, open_once, g) > 10);
    gguf_close(g);
    free(copy);
}

static void encoding_fails_cleanly(void **state) {
    (void)state;
    /* A long word, marks out of order, a byte that is not UTF-8: every buffer is wanted. */
    static const char tail[] = " e\xcc\x81\xcc\xa3 abc \xff";
    enum { LONG = 5000, LEN = LONG + sizeof tail - 1 };
    char text[LEN];
    memset(text, 'a', LONG);
    memcpy(text + LONG, tail, sizeof tail - 1);
    long n = 0;
    for (bool failed = true; failed; n++) {
        struct tok *t = open_tiny_tok(&tiny); /* a fresh one has no buffers yet */
        struct ids ids = {0};
        struct err e = {0};
        fault_begin(&fault_memory, n, FAULT_ONCE);
        int rc = tok_encode(t, text, LEN, 0, &ids, &e);
        failed = fault_reported(&fault_memory, rc, &e);
        if (rc)
            assert_int_equal(ids.n, 0);
        ids.failed = false;
        assert_int_equal(tok_encode(t, text, LEN, 0, &ids, &e), 0); /* and goes on */
        ids_free(&ids);
        tok_free(t);
    }
    assert_true(n > 8);
}

static int chat_once(void *user, struct err *e) {
    const struct chat_message m = {"user", "abc", 3};
    struct chat *c;
    struct ids ids = {0};
    int rc = chat_open(user, NULL, &c, e);
    if (rc == 0)
        rc = chat_encode(c, &m, 1, &ids, e);
    if (rc)
        assert_int_equal(ids.n, 0);
    ids_free(&ids);
    chat_free(c);
    return rc;
}

static void chat_fails_cleanly(void **state) {
    (void)state;
    struct tok *t = open_tiny_tok(&tiny);
    assert_true(fault_each(&fault_memory, FAULT_ONCE, chat_once, t) > 3);
    tok_free(t);
}

/* Every kind of part. */
static const struct json_file files[] = {
    {"tokenizer.json",
     "{\"added_tokens\": [{\"id\": 0, \"content\": \"<S>\", \"single_word\": false, \"lstrip\": "
     "false, \"rstrip\": false, \"normalized\": true, \"special\": true}], \"normalizer\": "
     "{\"type\": \"Sequence\", \"normalizers\": [{\"type\": \"NFKC\"}, {\"type\": "
     "\"Lowercase\"}, {\"type\": \"Replace\", \"pattern\": {\"Regex\": \"x+\"}, \"content\": "
     "\"y\"}, {\"type\": \"Prepend\", \"prepend\": \"_\"}]}, \"pre_tokenizer\": {\"type\": "
     "\"Sequence\", \"pretokenizers\": [{\"type\": \"Split\", \"pattern\": {\"String\": \",\"}, "
     "\"behavior\": \"Removed\", \"invert\": false}, {\"type\": \"Metaspace\", \"replacement\": "
     "\"_\"}]}, \"post_processor\": {\"type\": \"BertProcessing\", \"cls\": [\"a\", 0], \"sep\": "
     "[\"a\", 0]}, \"decoder\": {\"type\": \"Sequence\", \"decoders\": [{\"type\": "
     "\"ByteFallback\"}, {\"type\": \"Metaspace\", \"replacement\": \"_\"}, {\"type\": "
     "\"BPEDecoder\", \"suffix\": \"#\"}]}, \"model\": {\"type\": \"BPE\", \"unk_token\": \"?\", "
     "\"end_of_word_suffix\": \"#\", \"continuing_subword_prefix\": \"+\", \"vocab\": {\"?\": 0, "
     "\"_\": 1, \"+a\": 2, \"_a\": 3, \"+a#\": 4, \"<0x41>\": 5}, \"merges\": [[\"_\", \"+a\"]]}}"},
    {"tokenizer_config.json", "{\"eos_token\": \"?\", \"chat_template\": \"T\"}"},
    {0}};
static char unigram[] =
    "{\"pre_tokenizer\": {\"type\": \"BertPreTokenizer\"}, \"model\": {\"type\": \"Unigram\", "
    "\"unk_id\": 0, \"vocab\": [[\"?\", 0], [\"a\", -1], [\"b\", -2]]}}";
static char pieces[] =
    "{\"model\": {\"type\": \"WordPiece\", \"unk_token\": \"?\", \"continuing_subword_prefix\": "
    "\"##\", \"vocab\": {\"?\": 0, \"a\": 1, \"##b\": 2}}}";

/* user: the text of a tokenizer.json; NULL: of the files. */
static int json_once(void *user, struct err *e) {
    struct tok *t;
    int rc = user ? open_json_tok(user, &t, e) : open_json_files(files, &t, e);
    assert_true((rc == 0) == (t != NULL));
    tok_free(t);
    return rc;
}

static void json_opening_fails_cleanly(void **state) {
    (void)state;
    char *const texts[] = {NULL, unigram, pieces};
    for (int i = 0; i < 3; i++)
        assert_true(fault_each(&fault_memory, FAULT_ONCE, json_once, texts[i]) > 10);
}

static void json_use_fails_cleanly(void **state) {
    (void)state;
    static const char text[] = "xx aA <S>,b \xef\xac\x81 aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
    long n = 0;
    for (bool failed = true; failed; n++) {
        struct tok *t;
        struct ids ids = {0};
        struct buf out = {0};
        struct err e = {0};
        assert_int_equal(open_json_files(files, &t, &e), 0);
        fault_begin(&fault_memory, n, FAULT_ONCE);
        int rc = tok_encode(t, text, sizeof text - 1, 0, &ids, &e);
        if (rc == 0) {
            struct detok d;
            detok_start(&d, t, true);
            for (size_t i = 0; i < ids.n; i++)
                detok_push(&d, ids.v[i], &out);
            detok_push(&d, 5, &out);
            detok_finish(&d, &out);
            if (buf_failed(&out))
                rc = err_nomem(&e, "text");
        }
        failed = fault_reported(&fault_memory, rc, &e);
        buf_free(&out);
        ids_free(&ids);
        tok_free(t);
    }
    assert_true(n > 10);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(opening_fails_cleanly),  cmocka_unit_test(encoding_fails_cleanly),
        cmocka_unit_test(chat_fails_cleanly),     cmocka_unit_test(json_opening_fails_cleanly),
        cmocka_unit_test(json_use_fails_cleanly),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
