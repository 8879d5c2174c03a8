/* The trained tokenizers against Hugging Face `tokenizers` (tools/golden/make_json_tok.py, which
 * says what the hashes are of). */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "golden.h"

enum { GROUP = 8, DIGITS = 5 };

struct run {
    struct tok *tok;
    FILE *gold;
    const char *name;
    char line[DIGITS * (GROUP + 1) + 2];
    size_t texts, wrong;
    unsigned in_group;
    struct buf decoded;
};

static uint32_t hash_more(uint32_t h, const void *data, size_t n) {
    const uint8_t *s = data;
    for (size_t i = 0; i < n; i++)
        h = (h ^ s[i]) * 16777619u;
    return h;
}

static uint32_t hash_end(uint32_t h) {
    return (h ^ h >> 20) & 0xfffff;
}

static uint32_t hash_ids(uint32_t h, const struct ids *ids) {
    for (size_t i = 0; i < ids->n; i++) {
        uint32_t v = ids->v[i];
        uint8_t s[4] = {(uint8_t)v, (uint8_t)(v >> 8), (uint8_t)(v >> 16), (uint8_t)(v >> 24)};
        h = hash_more(h, s, sizeof s);
    }
    return h;
}

static uint32_t wanted(const struct run *run, unsigned place) {
    char digits[DIGITS + 1] = {0};
    memcpy(digits, run->line + (size_t)DIGITS * place, DIGITS);
    return (uint32_t)strtoul(digits, NULL, 16);
}

static void decode(struct run *run, const struct ids *ids, bool keep_special) {
    struct detok d;
    detok_start(&d, run->tok, keep_special);
    for (size_t i = 0; i < ids->n; i++)
        detok_push(&d, ids->v[i], &run->decoded);
    detok_finish(&d, &run->decoded);
    buf_char(&run->decoded, (char)0xff);
}

static void show(struct run *run, const char *what, const json_t *text, const struct ids *ids) {
    if (++run->wrong > 5)
        return;
    char *dump = json_dumps(text, JSON_ENSURE_ASCII | JSON_ENCODE_ANY);
    print_message("%s: %s of %s differ:", run->name, what, dump);
    free(dump);
    for (size_t i = 0; ids && i < ids->n && i < 60; i++)
        print_message(" %u", ids->v[i]);
    print_message("\n");
}

static void end_group(struct run *run, const json_t *text) {
    uint32_t h = hash_more(2166136261u, run->decoded.data, run->decoded.len);
    if (hash_end(h) != wanted(run, run->in_group))
        show(run, "decoded texts up to that", text, NULL);
    buf_clear(&run->decoded);
    run->in_group = 0;
}

static void check(void *user, const json_t *line) {
    struct run *run = user;
    if (json_object_get(line, "r") || json_object_get(line, "p"))
        return;
    if (!run->in_group)
        assert_non_null(fgets(run->line, sizeof run->line, run->gold));
    struct buf text = {0};
    struct ids ids = {0}, bare = {0};
    struct err e;
    golden_text(line, &text);
    assert_int_equal(tok_encode(run->tok, text.data, text.len, TOK_TRUNCATE, &ids, &e), 0);
    assert_int_equal(tok_encode(run->tok, text.data, text.len, TOK_NO_SPECIAL, &bare, &e), 0);
    const uint8_t ones[4] = {0xff, 0xff, 0xff, 0xff};
    uint32_t h = hash_ids(hash_more(hash_ids(2166136261u, &ids), ones, sizeof ones), &bare);
    if (hash_end(h) != wanted(run, run->in_group))
        show(run, "ids", line, &ids);
    decode(run, &ids, false);
    decode(run, &ids, true);
    run->texts++;
    if (++run->in_group == GROUP)
        end_group(run, line);
    buf_free(&text);
    ids_free(&ids);
    ids_free(&bare);
}

static void compare(struct tok *tok, const char *name) {
    struct run run = {.tok = tok, .name = name};
    char path[512];
    snprintf(path, sizeof path, "%s/json/%s.gold", GOLDEN_DIR, run.name);
    run.gold = fopen(path, "r");
    assert_non_null(run.gold);
    golden_each("tok_encode.jsonl", check, &run);
    golden_each("json/strings.jsonl", check, &run);
    if (run.in_group)
        end_group(&run, NULL);
    assert_null(fgets(run.line, sizeof run.line, run.gold));
    fclose(run.gold);
    buf_free(&run.decoded);
    tok_free(run.tok);
    assert_true(run.texts >= 5000);
    if (run.wrong)
        fail_msg("%s: %zu of %zu texts differ", run.name, run.wrong, run.texts);
}

static void trained(void **state) {
    char path[512];
    struct tok *tok;
    struct err e = {0};
    snprintf(path, sizeof path, "%s/json/%s.json", GOLDEN_DIR, (char *)*state);
    if (tok_from_json(path, &tok, &e))
        fail_msg("%s", e.text);
    compare(tok, *state);
}

static void real(void **state) {
    compare(golden_tok(*state), *state);
}

#define TRAINED(text) .name = text, .test_func = trained, .initial_state = text
#define REAL(text) .name = text, .test_func = real, .initial_state = text

int main(void) {
    const struct CMUnitTest tests[] = {
        {TRAINED("added")},
        {TRAINED("albert")},
        {TRAINED("bert_cased")},
        {TRAINED("bert_uncased")},
        {TRAINED("bpe_prefix")},
        {TRAINED("clip")},
        {TRAINED("deepseek")},
        {TRAINED("gemma")},
        {TRAINED("gpt1")},
        {TRAINED("gpt2")},
        {TRAINED("gpt2_prefix")},
        {TRAINED("llama2")},
        {TRAINED("llama2_first")},
        {TRAINED("llama3")},
        {TRAINED("roberta")},
        {TRAINED("split_contiguous")},
        {TRAINED("split_isolated")},
        {TRAINED("split_merged_with_next")},
        {TRAINED("split_merged_with_previous")},
        {TRAINED("split_removed")},
        {TRAINED("starcoder")},
        {TRAINED("t5")},
        {TRAINED("unigram_bytes")},
        {TRAINED("wordlevel")},
        {TRAINED("xlmr")},
        {REAL("smollm2")},
        {REAL("qwen2.5-coder-0.5b")},
        {REAL("gemma3-270m")},
        {REAL("minilm")},
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
