/* Ids and text of the real tokenizers against Hugging Face `tokenizers` (tools/golden/make_tok.py).
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "golden.h"

struct run {
    const struct tok *t;
    const char *key; /* of the ids: "s" or "q" */
    size_t texts;
};

static void check_encoding(void *user, const json_t *line) {
    struct run *run = user;
    struct buf text = {0};
    struct ids ids = {0};
    struct err e;
    char hex[HASH_HEX_SIZE];
    golden_text(line, &text);
    unsigned flags = TOK_NO_SPECIAL | (json_object_get(line, "p") ? (unsigned)TOK_PLAIN : 0);
    assert_int_equal(tok_encode(run->t, text.data, text.len, flags, &ids, &e), 0);
    const json_t *want = json_object_get(line, run->key);
    char *dump = json_dumps(line, JSON_ENSURE_ASCII);
    if (json_is_array(want)) {
        golden_ids(&ids, want, dump);
    } else {
        assert_int_equal(ids.n, json_integer_value(json_object_get(want, "n")));
        assert_int_equal(hash_sha256_hex(ids.v, ids.n * sizeof *ids.v, hex, &e), 0);
        assert_string_equal(hex, json_string_value(json_object_get(want, "h")));
    }
    free(dump);
    run->texts++;
    buf_free(&text);
    ids_free(&ids);
}

static void decode(const struct tok *t, const json_t *ids, bool keep, const json_t *line) {
    struct buf out = {0};
    struct detok d;
    size_t len;
    const char *want = golden_string(line, keep ? "k" : "d", &len);
    detok_start(&d, t, keep);
    for (size_t i = 0; i < json_array_size(ids); i++)
        detok_push(&d, (uint32_t)json_integer_value(json_array_get(ids, i)), &out);
    detok_finish(&d, &out);
    if (out.len != len || (len && memcmp(out.data, want, len) != 0)) {
        char *dump = json_dumps(line, JSON_ENSURE_ASCII);
        fail_msg("\"%s\" for %s", out.data ? out.data : "", dump);
    }
    buf_free(&out);
}

static void check_decoding(void *user, const json_t *line) {
    struct run *run = user;
    if (strcmp(json_string_value(json_object_get(line, "m")), run->key) != 0)
        return;
    decode(run->t, json_object_get(line, "i"), true, line);
    decode(run->t, json_object_get(line, "i"), false, line);
    run->texts++;
}

static void model(const char *name, const char *key) {
    struct tok *t = golden_tok(name);
    struct run run = {.t = t, .key = key};
    golden_each("tok_encode.jsonl", check_encoding, &run);
    assert_true(run.texts >= 2000);
    run.texts = 0;
    golden_each("tok_decode.jsonl", check_decoding, &run);
    assert_true(run.texts >= 400);
    tok_free(t);
}

static void smollm2(void **state) {
    (void)state;
    model("smollm2", "s");
}

static void qwen2(void **state) {
    (void)state;
    model("qwen2.5-coder-0.5b", "q");
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(smollm2), cmocka_unit_test(qwen2)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
