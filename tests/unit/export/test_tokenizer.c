/* tokenizer.json written from a GGUF reads back as the same tokenizer; odd metadata is refused by
 * name; memory fails at every allocation in turn. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../model/gguf_build.h"
#include "export/tokenizer_json.h"
#include "fault.h"
#include "text/tok.h"

#define KEY "tokenizer.ggml."
#define MARK "\xe2\x96\x81"

static const struct piece {
    const char *s;
    float score;
    unsigned type;
} pieces[] = {
    {"<unk>", 0, 2},    {"<s>", 0, 3},     {"</s>", 0, 3},    {MARK, -9, 1},  {"a", -10, 1},
    {"b", -11, 1},      {MARK "a", -1, 1}, {"ab", -2, 1},     {"b\"", -3, 1}, {"\"", -12, 1},
    {MARK "ab", -4, 1}, {"  ", 0, 4},      {"<think>", 0, 4}, {"\\", -5, 1},  {"\n", -6, 1},
};
enum { PIECES = sizeof pieces / sizeof *pieces };

struct odd {
    const char *model, *pre; /* NULL: "llama", none */
    const char *spelling;    /* of piece 4 instead; or NULL */
    bool no_scores, short_types, no_prefix;
};

static void put_scores(struct buf *b) {
    put_key_array(b, KEY "scores", GGUF_F32, PIECES);
    for (int i = 0; i < PIECES; i++)
        buf_append(b, &pieces[i].score, sizeof(float));
}

static void put_file(struct buf *b, const struct odd *o) {
    put_head(b, 3, 0, 7u + !o->no_scores + (o->pre != NULL));
    put_key_string(b, "general.architecture", "llama");
    put_key_string(b, KEY "model", o->model ? o->model : "llama");
    if (o->pre)
        put_key_string(b, KEY "pre", o->pre);
    put_key_array(b, KEY "tokens", GGUF_STRING, PIECES);
    for (int i = 0; i < PIECES; i++)
        put_string(b, i == 4 && o->spelling ? o->spelling : pieces[i].s);
    put_key_array(b, KEY "token_type", GGUF_I32, PIECES - (unsigned)o->short_types);
    for (int i = 0; i < PIECES - o->short_types; i++)
        put_u32(b, pieces[i].type);
    if (!o->no_scores)
        put_scores(b);
    put_key_u32(b, KEY "bos_token_id", 1);
    put_key_u32(b, KEY "eos_token_id", 2);
    put_key_bool(b, KEY "add_space_prefix", !o->no_prefix);
    put_padding(b, 32);
}

static struct gguf *open_file(struct buf *b, const struct odd *o) {
    struct gguf *g;
    struct err e = {0};
    put_file(b, o);
    if (gguf_open_memory("x.gguf", (const uint8_t *)b->data, b->len, &g, &e))
        fail_msg("%s", e.text);
    return g;
}

static void same_ids(const struct tok *a, const struct tok *b, const char *text) {
    struct ids x = {0}, y = {0};
    struct err e;
    assert_int_equal(tok_encode(a, text, strlen(text), 0, &x, &e), 0);
    assert_int_equal(tok_encode(b, text, strlen(text), 0, &y, &e), 0);
    assert_int_equal(x.n, y.n);
    assert_memory_equal(x.v, y.v, x.n * sizeof *x.v);
    ids_free(&x);
    ids_free(&y);
}

static void reads_back(void **state) {
    (void)state;
    static const char *const texts[] = {"",       "a",        "ab ab",         "  ab  \"b\"",
                                        "</s>ab", "<think>b", "a\xc3\xa9\\\n", MARK "a  b   "};
    for (int no_prefix = 0; no_prefix < 2; no_prefix++) {
        char path[] = "/tmp/precis-tokenizer-XXXXXX";
        struct buf file = {0}, json = {0};
        struct err e = {0};
        struct gguf *g = open_file(&file, &(struct odd){.no_prefix = no_prefix});
        struct tok *before, *after;
        if (tokenizer_json(g, &json, &e) || tok_from_gguf(g, &before, &e))
            fail_msg("%s", e.text);
        int fd = mkstemp(path);
        assert_int_equal(write(fd, json.data, json.len), json.len);
        close(fd);
        if (tok_from_json(path, &after, &e))
            fail_msg("%s", e.text);
        unlink(path);
        for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
            same_ids(before, after, texts[i]);
        tok_free(before);
        tok_free(after);
        gguf_close(g);
        buf_free(&json);
        buf_free(&file);
    }
}

static void refuse(const struct odd *o, int code, const char *why) {
    struct buf file = {0}, json = {0};
    struct err e = {0};
    struct gguf *g = open_file(&file, o);
    assert_int_equal(tokenizer_json(g, &json, &e), code);
    if (!strstr(e.text, why))
        fail_msg("\"%s\" does not say \"%s\"", e.text, why);
    gguf_close(g);
    buf_free(&json);
    buf_free(&file);
}

static void refuses_by_name(void **state) {
    (void)state;
    refuse(&(struct odd){.model = "bert"}, PRECIS_EUNSUPPORTED, "\"bert\" cannot be written");
    refuse(&(struct odd){.model = "gpt2"}, PRECIS_EUNSUPPORTED, "pre \"\" cannot");
    refuse(&(struct odd){.model = "gpt2", .pre = "tekken"}, PRECIS_EUNSUPPORTED, "\"tekken\"");
    refuse(&(struct odd){.model = "gpt2", .pre = "qwen2"}, PRECIS_EUNSUPPORTED, "add_space_prefix");
    refuse(&(struct odd){.model = "gpt2", .pre = "qwen2", .no_prefix = true}, PRECIS_EINPUT,
           "merges is missing");
    refuse(&(struct odd){.no_scores = true}, PRECIS_EINPUT, "scores is no array of 15");
    refuse(&(struct odd){.short_types = true}, PRECIS_EINPUT, "token_type is not one number");
    refuse(&(struct odd){.spelling = "\xff"}, PRECIS_EINPUT, "entry 4 is not valid UTF-8");
}

static int write_tokenizer(void *user, struct err *e) {
    struct buf json = {0};
    int rc = tokenizer_json(user, &json, e);
    buf_free(&json);
    return rc;
}

static int write_config(void *user, struct err *e) {
    struct buf json = {0};
    int rc = tokenizer_config_json(user, 64, &json, e);
    buf_free(&json);
    return rc;
}

static void memory_may_run_out(void **state) {
    (void)state;
    struct buf file = {0};
    struct gguf *g = open_file(&file, &(struct odd){0});
    fault_each(&fault_memory, FAULT_ONCE, write_tokenizer, g);
    fault_each(&fault_memory, FAULT_ONCE, write_config, g);
    gguf_close(g);
    buf_free(&file);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_back),
        cmocka_unit_test(refuses_by_name),
        cmocka_unit_test(memory_may_run_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
