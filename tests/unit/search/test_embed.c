/* The embedder around an encoder: settings of the folder, lengths, order, stopping, errors. That
 * the vectors are right is test_embed_golden's. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fault.h"
#include "search/embed.h"
#include "search/tiny_encoder.h"
#include "tree.h"

enum { WIDTH = 40, CONTEXT = 320, MANY = 300 };

static char *root;
static char model[4096];

static int set_up(void **state) {
    (void)state;
    root = tiny_encoder_new(GOLDEN_DIR);
    snprintf(model, sizeof model, "%s/tiny", root);
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    tree_remove(root);
    return 0;
}

static struct embedder *open_it(size_t max_tokens, int lanes) {
    struct embedder *em;
    struct err e;
    struct embedder_options o = {.engine = {.precision = PRECISION_F32, .lanes = lanes},
                                 .max_tokens = max_tokens};
    if (embedder_open(model, &o, &em, &e) != 0)
        fail_msg("%s", e.text);
    assert_int_equal(embedder_info(em)->width, WIDTH);
    return em;
}

static void expect_refusal(int code, const char *says) {
    struct embedder *em;
    struct err e;
    struct embedder_options o = {.engine = {.precision = PRECISION_F32, .lanes = 1}};
    int rc = embedder_open(model, &o, &em, &e);
    if (rc != code || !strstr(e.text, says))
        fail_msg("%d '%s': expected %d '%s'", rc, rc ? e.text : "", code, says);
    assert_null(em);
}

static const char modules[] =
    "[{\"idx\":0,\"name\":\"0\",\"path\":\"\",\"type\":\"sentence_transformers.models."
    "Transformer\"},"
    "{\"idx\":1,\"name\":\"1\",\"path\":\"1_Pooling\",\"type\":\"sentence_transformers.models."
    "Pooling\"}%s]";

static void write_modules(const char *more, const char *pooling) {
    char text[2048];
    snprintf(text, sizeof text, modules, more);
    tree_write(root, "tiny/modules.json", text);
    tree_write(root, "tiny/1_Pooling/config.json", pooling);
}

static void test_defaults(void **state) {
    (void)state;
    struct embedder *em = open_it(0, 1);
    const struct embedder_info *info = embedder_info(em);
    assert_int_equal(info->pooling.mode, POOLING_MEAN);
    assert_true(info->pooling.normalise && info->pooling.assumed);
    assert_int_equal(info->max_tokens, CONTEXT);
    assert_string_equal(info->name, "tiny");
    embedder_close(em);
    embedder_close(NULL);
}

/* What the folder says, against the states themselves. */
static void check_pooling(enum pooling_mode mode, bool normalise) {
    static const struct embed_text text = {"some words", 10};
    struct embedder *em = open_it(0, 1);
    struct embed_states s;
    struct err e;
    float got[WIDTH];
    double want[WIDTH] = {0}, length = 0;
    const struct pooling *p = &embedder_info(em)->pooling;
    assert_int_equal(p->mode, mode);
    assert_int_equal(p->normalise, normalise);
    assert_false(p->assumed);
    assert_int_equal(embedder_embed(em, &text, 1, NULL, got, NULL, &e), 0);
    assert_int_equal(embedder_states(em, &text, 1, NULL, &s, &e), 0);
    assert_int_equal(s.n, 11);
    assert_int_equal(s.all, 11);
    assert_int_equal(s.ids[0], 2);
    assert_int_equal(s.ids[10], 3);
    for (size_t i = 0; i < WIDTH; i++) {
        for (size_t t = 0; t < s.n && (t == 0 || mode == POOLING_MEAN); t++)
            want[i] += (double)s.v[t * WIDTH + i] / (mode == POOLING_MEAN ? (double)s.n : 1);
        length += want[i] * want[i];
    }
    for (size_t i = 0; i < WIDTH; i++)
        assert_true(fabs((double)got[i] - want[i] / (normalise ? sqrt(length) : 1)) < 1e-5);
    embed_states_free(&s);
    embedder_close(em);
}

static void test_pooling(void **state) {
    (void)state;
    static const char normalise[] = ",{\"path\":\"2_Normalize\",\"type\":\"a.b.Normalize\"}";
    write_modules("", "{\"word_embedding_dimension\":40,\"pooling_mode_cls_token\":true,"
                      "\"pooling_mode_mean_tokens\":false}");
    check_pooling(POOLING_CLS, false);
    write_modules(normalise,
                  "{\"pooling_mode_cls_token\":false,\"pooling_mode_mean_tokens\":true}");
    check_pooling(POOLING_MEAN, true);
    write_modules(normalise, "{\"embedding_dimension\":40,\"pooling_mode\":\"cls\"}");
    check_pooling(POOLING_CLS, true);
    write_modules("", "{\"pooling_mode\":[\"mean\"],\"include_prompt\":true}");
    check_pooling(POOLING_MEAN, false);
}

static void test_refused(void **state) {
    (void)state;
    write_modules("", "{\"pooling_mode_max_tokens\":true}");
    expect_refusal(PRECIS_EUNSUPPORTED,
                   "1_Pooling/config.json: the pooling mode 'pooling_mode_max");
    write_modules("", "{\"pooling_mode\":[\"mean\",\"cls\"]}");
    expect_refusal(PRECIS_EUNSUPPORTED, "several pooling modes");
    write_modules("", "{\"pooling_mode\":7}");
    expect_refusal(PRECIS_EINPUT, "pooling_mode must be a name");
    write_modules("", "[]");
    expect_refusal(PRECIS_EINPUT, "is not a JSON object");
    write_modules(",{\"path\":\"2\",\"type\":\"a.Dense\"}", "{}");
    expect_refusal(PRECIS_EUNSUPPORTED, "modules.json: the module 'a.Dense'");
    tree_write(root, "tiny/modules.json", "{}");
    expect_refusal(PRECIS_EINPUT, "modules.json: is not a list");
    tree_write(root, "tiny/modules.json",
               "[{\"type\":\"T.Transformer\",\"path\":\"\"},"
               "{\"type\":\"P.Pooling\",\"path\":\"../x\"}]");
    expect_refusal(PRECIS_EINPUT, "'../x' is not the name of a folder");
    tree_write(root, "tiny/modules.json",
               "[{\"type\":\"T.Transformer\",\"path\":\"\"},"
               "{\"type\":\"P.Pooling\",\"path\":\"none\"}]");
    expect_refusal(PRECIS_ENOTFOUND, "none/config.json");
    tree_write(root, "tiny/modules.json", "nonsense");
    expect_refusal(PRECIS_EINPUT, "not valid JSON");
    write_modules("", "{}");
    tree_write(root, "tiny/config_sentence_transformers.json",
               "{\"prompts\":{\"q\":\"query: \"},\"default_prompt_name\":\"q\"}");
    expect_refusal(PRECIS_EUNSUPPORTED, "the default prompt 'query: '");
    tree_write(root, "tiny/config_sentence_transformers.json", "{\"default_prompt_name\":null}");
    tree_write(root, "tiny/tokenizer_config.json", "{\"truncation_side\":\"left\"}");
    expect_refusal(PRECIS_EUNSUPPORTED, "truncation_side 'left'");
}

static void test_lengths(void **state) {
    (void)state;
    static const struct embed_text texts[] = {
        {"abcdefghij", 10}, {"abcdef", 6}, {"abcde", 5}, {"", 0}, {"%", 1}};
    static const size_t tokens[] = {8, 8, 7, 2, 3}, all[] = {12, 8, 7, 2, 3};
    struct embed_note notes[5];
    struct err e;
    float got[5 * WIDTH];
    tree_write(root, "tiny/tokenizer_config.json", "{\"model_max_length\":100}");
    struct embedder *em = open_it(0, 1);
    assert_int_equal(embedder_info(em)->max_tokens, 100);
    embedder_close(em);
    tree_write(root, "tiny/sentence_bert_config.json",
               "{\"max_seq_length\":8,\"do_lower_case\":true}");
    em = open_it(0, 1);
    assert_int_equal(embedder_info(em)->max_tokens, 8);
    assert_int_equal(embedder_embed(em, texts, 5, NULL, got, notes, &e), 0);
    for (int i = 0; i < 5; i++) {
        assert_int_equal(notes[i].tokens, tokens[i]);
        assert_int_equal(notes[i].all, all[i]);
    }
    /* the first two are the same once they are cut */
    assert_memory_equal(got, got + WIDTH, WIDTH * sizeof *got);
    assert_memory_not_equal(got, got + 2 * WIDTH, WIDTH * sizeof *got);
    embedder_close(em);
    em = open_it(5, 1);
    assert_int_equal(embedder_info(em)->max_tokens, 5);
    embedder_close(em);
    struct embedder_options o = {.engine = {.lanes = 1}, .max_tokens = CONTEXT + 1};
    assert_int_equal(embedder_open(model, &o, &em, &e), PRECIS_EUSAGE);
    assert_non_null(strstr(e.text, "321"));
    o.max_tokens = 2;
    assert_int_equal(embedder_open(model, &o, &em, &e), PRECIS_EUSAGE);
}

/* Windows of a text: alike in length, each with the special tokens, weighed by their tokens. */
static void test_windows(void **state) {
    (void)state;
    enum { TEXTS = 4 };
    static const struct embed_text texts[TEXTS] = {{"a b c d e f g h i j k l m", 25},
                                                   {"a b c d e f", 11},
                                                   {"", 0},
                                                   {"a b c d e f g h i j k l", 23}};
    static const struct embed_text parts[] = {{"a b c d e", 9}, {"f g h i", 7},
                                              {"j k l m", 7},   {"a b c d e f", 11},
                                              {"", 0},          {"g h i j k l", 11}};
    static const size_t windows[] = {3, 1, 1, 2}, all[] = {15, 8, 2, 14};
    float got[TEXTS * WIDTH], part[6 * WIDTH];
    struct embed_note notes[TEXTS];
    struct err e;
    struct embedder *em = open_it(8, 2);
    assert_int_equal(embedder_embed_windows(em, texts, TEXTS, NULL, got, notes, &e), 0);
    assert_int_equal(embedder_embed(em, parts, 6, NULL, part, NULL, &e), 0);
    for (int i = 0; i < TEXTS; i++) {
        assert_int_equal(notes[i].windows, windows[i]);
        assert_int_equal(notes[i].all, all[i]);
        assert_int_equal(notes[i].tokens, all[i]);
    }
    assert_memory_equal(got + WIDTH, part + 3 * WIDTH, WIDTH * sizeof *got);
    assert_memory_equal(got + 2 * WIDTH, part + 4 * WIDTH, WIDTH * sizeof *got);
    double want[2][WIDTH], length[2] = {0};
    for (size_t k = 0; k < WIDTH; k++) {
        want[0][k] =
            (7 * (double)part[k] + 6 * (double)part[WIDTH + k] + 6 * (double)part[2 * WIDTH + k]) /
            19;
        want[1][k] = ((double)part[3 * WIDTH + k] + (double)part[5 * WIDTH + k]) / 2;
        for (int i = 0; i < 2; i++)
            length[i] += want[i][k] * want[i][k];
    }
    for (size_t k = 0; k < WIDTH; k++)
        for (size_t i = 0; i < 2; i++)
            assert_true(fabs((double)got[3 * i * WIDTH + k] -
                             want[i][k] / (embedder_info(em)->pooling.normalise ? sqrt(length[i])
                                                                                : 1)) < 1e-5);
    static const struct embed_text broken[] = {{"ab", 2}, {"ab", (size_t)INT32_MAX}};
    assert_int_equal(embedder_embed_windows(em, broken, 2, NULL, got, notes, &e), PRECIS_ELIMIT);
    assert_non_null(strstr(e.text, "text 1: "));
    embedder_close(em);
}

/* One lane and one text at a time against two lanes and all together. */
static void test_order(void **state) {
    (void)state;
    static char words[MANY][40];
    struct embed_text texts[MANY];
    struct err e;
    float *one = calloc(MANY * WIDTH, sizeof *one), *all = calloc(MANY * WIDTH, sizeof *all);
    assert_true(one && all);
    for (int i = 0; i < MANY; i++) {
        int n = snprintf(words[i], sizeof words[i], "%.*s %d", i % 30,
                         "the quick brown fox jumps over", i);
        texts[i] = (struct embed_text){words[i], (size_t)n};
    }
    struct embedder *em = open_it(0, 1);
    for (size_t i = 0; i < MANY; i++)
        assert_int_equal(embedder_embed(em, &texts[i], 1, NULL, one + i * WIDTH, NULL, &e), 0);
    embedder_close(em);
    em = open_it(0, 2);
    assert_int_equal(embedder_embed(em, texts, MANY, NULL, all, NULL, &e), 0);
    assert_memory_equal(one, all, MANY * WIDTH * sizeof *one);
    assert_int_equal(embedder_embed(em, texts, 0, NULL, NULL, NULL, &e), 0);
    embedder_close(em);
    free(one);
    free(all);
}

struct watch {
    atomic_bool stop;
    size_t calls, last;
};

static void on_progress(void *user, size_t done, size_t n) {
    struct watch *w = user;
    assert_int_equal(n, MANY);
    assert_true(done >= w->last);
    w->last = done;
    if (++w->calls == 3)
        atomic_store(&w->stop, true);
}

static void test_stop(void **state) {
    (void)state;
    static char word[] = "abcdefghijklmnopqrstuvwxyz";
    struct embed_text texts[MANY];
    struct embed_states states[MANY];
    struct watch w = {.calls = 0};
    struct embed_call call = {.stop = &w.stop, .on_progress = on_progress, .user = &w};
    struct err e;
    for (int i = 0; i < MANY; i++)
        texts[i] = (struct embed_text){word, 26};
    struct embedder *em = open_it(0, 2);
    assert_int_equal(embedder_states(em, texts, MANY, &call, states, &e), PRECIS_ECANCELLED);
    for (int i = 0; i < MANY; i++)
        assert_true(!states[i].v && !states[i].ids && !states[i].n);
    assert_true(w.calls >= 3);
    atomic_store(&w.stop, false);
    w = (struct watch){.calls = 10};
    assert_int_equal(embedder_states(em, texts, MANY, &call, states, &e), 0);
    assert_int_equal(w.last, MANY);
    for (int i = 0; i < MANY; i++) {
        assert_int_equal(states[i].n, 28);
        embed_states_free(&states[i]);
    }
    embedder_close(em);
}

static void test_failing_text(void **state) {
    (void)state;
    struct embed_text texts[] = {{"ab", 2}, {"ab", (size_t)INT32_MAX}, {"c", 1}};
    struct err e;
    float got[3 * WIDTH];
    struct embedder *em = open_it(0, 1);
    assert_int_equal(embedder_embed(em, texts, 3, NULL, got, NULL, &e), PRECIS_ELIMIT);
    assert_non_null(strstr(e.text, "text 1: "));
    embedder_close(em);
}

static void test_decoder(void **state) {
    (void)state;
    snprintf(model, sizeof model, "%s/engine/families/llama3", GOLDEN_DIR);
    struct embedder *em;
    struct err e;
    struct embedder_options o = {.engine = {.lanes = 1}};
    assert_int_not_equal(embedder_open(model, &o, &em, &e), 0);
    assert_int_not_equal(e.text[0], 0);
    assert_int_equal(embedder_open("no-such-model", &o, &em, &e), PRECIS_ENOTFOUND);
}

static void test_revision(void **state) {
    (void)state;
    char one[HASH_HEX_SIZE], two[HASH_HEX_SIZE];
    struct err e;
    struct embedder *em = open_it(0, 1);
    assert_int_equal(embedder_revision(em, one, &e), 0);
    embedder_close(em);
    em = open_it(9, 1);
    assert_int_equal(embedder_revision(em, two, &e), 0);
    assert_int_equal(strlen(two), 64);
    assert_string_not_equal(one, two);
    embedder_close(em);
}

static void test_dot(void **state) {
    (void)state;
    float a[50], b[50];
    double want = 0;
    for (int i = 0; i < 50; i++) {
        a[i] = (float)(i - 20) / 7;
        b[i] = (float)(i % 5) / 3;
        want += (double)a[i] * (double)b[i];
    }
    assert_true(fabs((double)embed_dot(a, b, 50) - want) < 1e-4);
    assert_true(embed_dot(a, b, 0) == 0);
    assert_true(embed_dot(a, b, 1) == a[0] * b[0]);
}

static struct embedder *fragile;

static int embed_once(void *user, struct err *e) {
    static const struct embed_text texts[] = {{"ab", 2}, {"some words", 10}, {"c", 1}};
    float got[3 * WIDTH];
    (void)user;
    return embedder_embed(fragile, texts, 3, NULL, got, NULL, e);
}

static int windows_once(void *user, struct err *e) {
    static const struct embed_text texts[] = {{"ab", 2}, {"some words that are cut", 23}};
    float got[2 * WIDTH];
    struct embed_note notes[2];
    (void)user;
    return embedder_embed_windows(fragile, texts, 2, NULL, got, notes, e);
}

static int states_once(void *user, struct err *e) {
    static const struct embed_text texts[] = {{"ab", 2}, {"some words", 10}};
    struct embed_states states[2];
    (void)user;
    int rc = embedder_states(fragile, texts, 2, NULL, states, e);
    for (int i = 0; i < 2; i++) {
        assert_true(rc == 0 || !states[i].v);
        embed_states_free(&states[i]);
    }
    return rc;
}

static int read_once(void *user, struct err *e) {
    struct pooling p;
    (void)user;
    return pooling_read(model, &p, e);
}

static void says_when_memory_runs_out(void **state) {
    (void)state;
    write_modules("", "{}");
    fragile = open_it(0, 1);
    fault_each(&fault_memory, FAULT_LASTING, embed_once, NULL);
    fault_each(&fault_memory, FAULT_ONCE, embed_once, NULL);
    fault_each(&fault_memory, FAULT_LASTING, windows_once, NULL);
    fault_each(&fault_memory, FAULT_ONCE, windows_once, NULL);
    fault_each(&fault_memory, FAULT_LASTING, states_once, NULL);
    fault_each(&fault_memory, FAULT_ONCE, states_once, NULL);
    fault_each(&fault_memory, FAULT_LASTING, read_once, NULL);
    embedder_close(fragile);
}

int main(void) {
#define IN_FOLDER(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        IN_FOLDER(test_defaults),     IN_FOLDER(test_pooling),
        IN_FOLDER(test_refused),      IN_FOLDER(test_lengths),
        IN_FOLDER(test_order),        IN_FOLDER(test_stop),
        IN_FOLDER(test_failing_text), IN_FOLDER(test_decoder),
        IN_FOLDER(test_revision),     IN_FOLDER(says_when_memory_runs_out),
        IN_FOLDER(test_windows),      cmocka_unit_test(test_dot),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
