/* Pools of examples: filling, choosing, ranking by words and by vectors, and faults. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fault.h"
#include "search/tiny_encoder.h"
#include "summary/examples.h"
#include "tree.h"

static struct examples *pool_of(const char *text, size_t most) {
    struct examples *x;
    struct err e;
    assert_int_equal(examples_new(most, &x, &e), 0);
    if (examples_parse(x, "pool.jsonl", text, strlen(text), &e) != 0)
        fail_msg("%s", e.text);
    return x;
}

static void prepare(struct examples *x, struct embedder *em) {
    struct err e;
    if (examples_prepare(x, em, NULL, &e) != 0)
        fail_msg("%s", e.text);
}

static size_t nearest(const struct examples *x, const struct examples_query *q, size_t k,
                      struct examples_hit *hits) {
    struct err e;
    size_t n;
    if (examples_nearest(x, q, k, hits, &n, &e) != 0)
        fail_msg("%s", e.text);
    return n;
}

static const char *sentence(const struct examples *x, const struct examples_hit *h) {
    return examples_get(x, h->index)->sentence;
}

static const char small[] =
    "{\"path\":\"src/a.rs\",\"language\":\"rust\",\"symbol\":\"wake_worker\",\"code\":\"fn "
    "wake_worker(&self) { self.idle.pop() }\",\"sentence\":\"Wakes one idle worker.\"}\n"
    "\n"
    "{\"path\":\"src/b.rs\",\"symbol\":\"parseHeader\",\"code\":\"fn parse_header(s: &str)\","
    "\"reference\":\"Parses a header.\",\"kind\":\"function\",\"start_line\":7}\r\n"
    "{\"path\":\"src/c.rs\",\"symbol\":\"wake_all\",\"code\":\"fn wake_all(&self) { for w in "
    "self.idle { w.wake() } }\",\"sentence\":\"Wakes all idle workers at once.\"}\n"
    "{\"path\":\"src/d.rs\",\"symbol\":\"wake_idle\",\"code\":\"fn wake_idle(x: Worker)\","
    "\"sentence\":\"Wakes all the idle workers, at once!\"}\n"
    "{\"path\":\"src/e.rs\",\"symbol\":\"wake_worker\",\"code\":\"fn wake_worker(&self) { "
    "self.idle.pop() } \",\"sentence\":\"Gets somebody going.\"}\n"
    "{\"path\":\"src/f.rs\",\"symbol\":null,\"code\":\"mod f;\",\"sentence\":\"The sixth.\"}";

static void test_by_words(void **state) {
    (void)state;
    struct examples *x = pool_of(small, 0);
    struct examples_query q = {.path = "src/x.rs", .symbol = "wakeWorker", .code = "fn wake(idle)"};
    struct examples_hit hits[EXAMPLES_MOST_NEAREST];
    prepare(x, NULL);
    assert_int_equal(examples_count(x), 6);
    assert_string_equal(examples_get(x, 1)->sentence, "Parses a header.");
    assert_string_equal(examples_get(x, 1)->language, "");
    assert_string_equal(examples_get(x, 5)->symbol, "");
    /* of two with the same code, and of two with nearly the same sentence, one */
    size_t n = nearest(x, &q, 16, hits);
    assert_string_equal(sentence(x, &hits[0]), "Wakes one idle worker.");
    assert_true(hits[0].score == 1 && hits[0].cosine == 0);
    size_t either = 0;
    for (size_t i = 0; i < n; i++) {
        assert_int_not_equal(hits[i].index, 4);
        either += hits[i].index == 2 || hits[i].index == 3;
        assert_true(i == 0 || hits[i - 1].score >= hits[i].score);
    }
    assert_int_equal(either, 1);
    assert_int_equal(nearest(x, &q, 1, hits), 1);
    assert_int_equal(nearest(x, &q, 0, hits), 0);
    q.avoid = "wakes ONE idle worker";
    assert_true(nearest(x, &q, 16, hits) >= 1);
    assert_string_equal(sentence(x, &hits[0]), "Gets somebody going.");
    q.avoid = NULL;
    q.path = "src/a.rs"; /* its own file has the best */
    assert_true(nearest(x, &q, 16, hits) >= 1);
    assert_string_equal(sentence(x, &hits[0]), "Gets somebody going.");
    examples_free(x);
    examples_free(NULL);
}

static void test_repositories(void **state) {
    (void)state;
    static const char text[] = "{\"repo\":\"a/b\",\"path\":\"x.c\",\"symbol\":\"s\",\"code\":\"int "
                               "s;\",\"sentence\":\"One.\"}\n"
                               "{\"repo\":\"c/d\",\"path\":\"y.c\",\"symbol\":\"s\",\"code\":\"int "
                               "t;\",\"sentence\":\"Two.\"}\n";
    struct examples *x = pool_of(text, 0);
    struct examples_query q = {.repo = "c/d", .path = "x.c", .symbol = "s", .code = "s"};
    struct examples_hit hits[4];
    prepare(x, NULL);
    assert_int_equal(nearest(x, &q, 4, hits), 1);
    assert_string_equal(sentence(x, &hits[0]), "Two.");
    q.repo = NULL;
    q.path = "z.c";
    assert_int_equal(nearest(x, &q, 4, hits), 2);
    assert_int_equal(hits[0].index, 0); /* a tie */
    examples_free(x);
}

/* Ten files of 1, 2, ... 10 pieces: of 20, every file keeps 2 but for the first. */
static void test_bound(void **state) {
    (void)state;
    char text[1 << 14], path[16];
    size_t per_file[10] = {0}, at = 0;
    for (int f = 0; f < 10; f++)
        for (int i = 0; i <= f; i++)
            at += (size_t)snprintf(text + at, sizeof text - at,
                                   "{\"path\":\"f%d\",\"symbol\":\"s%d\",\"code\":\"c%d\","
                                   "\"sentence\":\"Number %d of %d.\"}\n",
                                   f, i, i, i, f);
    struct examples *x = pool_of(text, 19);
    prepare(x, NULL);
    assert_int_equal(examples_count(x), 19);
    for (size_t i = 0; i < 19; i++) {
        snprintf(path, sizeof path, "%s", examples_get(x, i)->path + 1);
        per_file[atoi(path)]++;
        if (i > 0)
            assert_true(strcmp(examples_get(x, i - 1)->path, examples_get(x, i)->path) <= 0);
    }
    for (int f = 0; f < 10; f++)
        assert_int_equal(per_file[f], f == 0 ? 1 : 2);
    examples_free(x);
}

static void test_bad_lines(void **state) {
    (void)state;
    static const struct {
        const char *text, *says;
    } bad[] = {
        {"\n[]\n", "p.jsonl:2: is not a JSON object"},
        {"{\"path\":\"a\"", "p.jsonl:1: not valid JSON"},
        {"{}", "p.jsonl:1: path is missing"},
        {"{\"path\":\"\"}", "path is empty"},
        {"{\"path\":7}", "path must be a string"},
        {"{\"path\":\"a\\nb\"}", "path has control characters"},
        {"{\"path\":\"a\"}", "code is missing"},
        {"{\"path\":\"a\",\"code\":\"c\"}", "reference is missing"},
        {"{\"path\":\"a\",\"code\":\"c\",\"sentence\":null}", "sentence is missing"},
        {"{\"path\":\"a\",\"code\":\"c\",\"sentence\":\"s\\u001b[2J\"}", "control characters"},
        {"{\"path\":\"a\",\"path\":\"b\"}", "not valid JSON"},
        {"{\"path\":\"a\",\"symbol\":[]}", "symbol must be a string"},
        {"{\"path\":\"a\",\"code\":\"\\u0000\"}", "not valid JSON"},
        {"{\"path\":\"\xff\"}", "not valid JSON"},
    };
    struct examples *x;
    struct err e;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_int_equal(examples_new(0, &x, &e), 0);
        int rc = examples_parse(x, "p.jsonl", bad[i].text, strlen(bad[i].text), &e);
        if (rc != PRECIS_EINPUT || !strstr(e.text, bad[i].says))
            fail_msg("%s: %d '%s', expected '%s'", bad[i].text, rc, rc ? e.text : "", bad[i].says);
        assert_int_equal(examples_count(x), 0);
        examples_free(x);
    }
    assert_int_equal(examples_new(0, &x, &e), 0);
    assert_int_equal(examples_read(x, "/no/such/file", &e), PRECIS_EIO);
    prepare(x, NULL);
    struct examples_hit hits[3];
    struct examples_query q = {.path = "a", .code = "b"};
    assert_int_equal(nearest(x, &q, 3, hits), 0);
    assert_int_equal(examples_add(x, &(struct example){.path = "a"}, &e), PRECIS_EUSAGE);
    assert_int_equal(examples_prepare(x, NULL, NULL, &e), PRECIS_EUSAGE);
    examples_free(x);
}

static void test_key(void **state) {
    (void)state;
    struct buf key = {0};
    char code[400];
    examples_key("src/someFile.rs", "wake_allWorkers", "fn x() {}\n", &key);
    assert_string_equal(key.data, "some file wake all workers. fn x() {}\n");
    buf_clear(&key);
    memset(code, 'x', sizeof code);
    code[sizeof code - 1] = 0;
    memcpy(code + 199, "\xc3\xa9", 2); /* is not cut in two */
    examples_key(".profile", "", code, &key);
    assert_int_equal(key.len, strlen("profile . ") + 199);
    buf_free(&key);
}

static void test_trees(void **state) {
    (void)state;
    if (tree_missing())
        skip();
    char *root = tree_new();
    struct walk w;
    struct examples *x[2];
    struct err e;
    tree_write(
        root, "src/a.rs",
        "/// Wakes one idle worker of the pool.\n///\n/// More.\n#[inline]\npub fn wake() {\n    "
        "pool();\n}\n\n/// See [`wake`].\nfn see() {}\n\nfn undocumented() {}\n\n/// "
        "TODO\nstruct Later;\n\n/// Holds what an idle worker needs.\nstruct Idle { a: u8 }\n");
    tree_write(root, "b.py",
               "def add(a, b):\n    \"\"\"Return the sum of both numbers.\"\"\"\n"
               "    return a + b\n");
    tree_write(root, "mod.rs",
               "//! Keeps the workers of a pool busy.\n\npub struct Pool;\n\nmod tests {\n    "
               "fn inner() {}\n}\n\npub fn run(p: &Pool) {\n    go();\n}\n");
    tree_write(root, "broken.py", "((((((((((((((((\n");
    tree_write(root, "notes.md", "# Nothing\n");
    assert_int_equal(walk_tree(root, &(struct walk_options){.no_gitignore = true}, &w, &e), 0);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(examples_new(0, &x[i], &e), 0);
        assert_int_equal(examples_add_walk(x[i], &w, 1 + i, NULL, &e), 0);
        prepare(x[i], NULL);
        assert_int_equal(examples_count(x[i]), 4);
    }
    for (size_t i = 0; i < 4; i++)
        assert_string_equal(examples_get(x[0], i)->sentence, examples_get(x[1], i)->sentence);
    const struct example *one = examples_get(x[0], 1);
    assert_string_equal(one->path, "mod.rs");
    assert_string_equal(one->symbol, "");
    assert_string_equal(one->sentence, "Keeps the workers of a pool busy.");
    assert_string_equal(one->code, "pub struct Pool\nmod tests\npub fn run(p: &Pool)\n");
    one = examples_get(x[0], 2);
    assert_string_equal(one->path, "src/a.rs");
    assert_string_equal(one->language, "rust");
    assert_string_equal(one->symbol, "wake");
    assert_string_equal(one->sentence, "Wakes one idle worker of the pool.");
    assert_null(strstr(one->code, "More"));
    assert_non_null(strstr(one->code, "pub fn wake() {\n    pool();\n}"));
    one = examples_get(x[0], 0);
    assert_string_equal(one->sentence, "Return the sum of both numbers.");
    assert_null(strstr(one->code, "sum of"));
    assert_string_equal(examples_get(x[0], 3)->symbol, "Idle");
    examples_free(x[0]);
    examples_free(x[1]);
    atomic_bool stop = true;
    assert_int_equal(examples_new(0, &x[0], &e), 0);
    assert_int_equal(examples_add_walk(x[0], &w, 2, &stop, &e), PRECIS_ECANCELLED);
    examples_free(x[0]);
    walk_free(&w);
    tree_remove(root);
}

static void test_vectors(void **state) {
    (void)state;
    char *root = tiny_encoder_new(GOLDEN_DIR), model[4096];
    struct embedder *em;
    struct embedder_options o = {.engine = {.precision = PRECISION_F32, .lanes = 2}};
    struct err e;
    struct examples_hit hits[16], again[16];
    struct examples_query q = {.path = "src/x.rs", .symbol = "wake", .code = "fn wake()"};
    float vector[40];
    snprintf(model, sizeof model, "%s/tiny", root);
    assert_int_equal(embedder_open(model, &o, &em, &e), 0);
    struct examples *x = pool_of(small, 0);
    prepare(x, em);
    size_t n = nearest(x, &q, 16, hits);
    assert_true(n > 0);
    for (size_t i = 0; i < n; i++) {
        assert_true(hits[i].cosine > -1.001f && hits[i].cosine < 1.001f);
        bool other = !*examples_get(x, hits[i].index)->symbol; /* a file, for a function */
        assert_true(hits[i].score >= hits[i].cosine - (other ? 0.1f : 0));
    }
    assert_int_equal(examples_vectors(x, &q, 1, NULL, vector, &e), 0);
    q.vector = vector;
    assert_int_equal(nearest(x, &q, 16, again), n);
    assert_memory_equal(hits, again, n * sizeof *hits);
    examples_free(x);
    embedder_close(em);
    tree_remove(root);
}

enum { MANY = 40 };

/* In as many files, from the last to the first where `back`. */
static struct examples *many_of(bool back) {
    struct examples *x;
    struct err e;
    assert_int_equal(examples_new(0, &x, &e), 0);
    for (int i = 0; i < MANY; i++) {
        int k = back ? MANY - 1 - i : i;
        char path[16], symbol[32], code[64], text[64];
        snprintf(path, sizeof path, "f%d.c", k);
        snprintf(symbol, sizeof symbol, "%c%cx%d", 'a' + k % 5, 'b' + k % 7, k);
        snprintf(code, sizeof code, "int %s(q%d, r%d);", symbol, k % 9, k * k);
        snprintf(text, sizeof text, "%c%c%c, part %d of %d.", 'a' + k % 11, 'c' + k % 13,
                 'e' + k % 7, k, k * k);
        const struct example one = {.path = path, .symbol = symbol, .code = code, .sentence = text};
        assert_int_equal(examples_add(x, &one, &e), 0);
    }
    return x;
}

static const char *path_of(const struct examples *x, const struct examples_hit *h) {
    return examples_get(x, h->index)->path;
}

/* By definition: which one is nearest to all others together. */
static size_t most_central(const struct examples *x) {
    static float vectors[MANY][64];
    struct err e;
    size_t best = 0;
    double most = -1e9;
    for (size_t i = 0; i < MANY; i++) {
        const struct example *p = examples_get(x, i);
        struct examples_query q = {.path = p->path, .symbol = p->symbol, .code = p->code};
        assert_int_equal(examples_vectors(x, &q, 1, NULL, vectors[i], &e), 0);
    }
    for (size_t i = 0; i < MANY; i++) {
        double sum = 0;
        for (size_t k = 0; k < MANY; k++)
            for (size_t d = 0; d < 40; d++)
                sum += (double)vectors[i][d] * (double)vectors[k][d];
        if (sum > most + 1e-5) {
            most = sum;
            best = i;
        }
    }
    return best;
}

static void common_ones_are_the_same(struct embedder *em) {
    struct examples *x = many_of(false), *back = many_of(true);
    struct examples_hit a[12], b[12], none[12];
    struct examples_query q = {.path = "x.c", .symbol = "acx", .code = "int acx(q1);", .common = 5};
    prepare(x, em);
    prepare(back, em);
    assert_int_equal(nearest(x, &q, 12, a), 12);
    assert_int_equal(nearest(back, &q, 12, b), 12);
    for (int i = 0; i < 12; i++) {
        for (int k = 0; k < i; k++)
            assert_int_not_equal(a[k].index, a[i].index);
        if (i >= 7) /* whatever the order of adding */
            assert_string_equal(path_of(x, &a[i]), path_of(back, &b[i]));
        if (i > 0 && i < 7)
            assert_true(a[i - 1].score >= a[i].score);
    }
    if (em)
        assert_int_equal(a[7].index, most_central(x));
    q.code = "int another(one, r900, q3);";
    q.symbol = "eh";
    assert_int_equal(nearest(x, &q, 12, b), 12);
    for (int i = 7; i < 12; i++)
        assert_int_equal(a[i].index, b[i].index);
    q.path = path_of(x, &a[8]); /* its own file's is left out, another near one is there */
    assert_int_equal(nearest(x, &q, 12, b), 12);
    assert_int_equal(b[8].index, a[7].index);
    assert_int_equal(b[9].index, a[9].index);
    q.common = 0;
    assert_int_equal(nearest(x, &q, 12, none), 12);
    for (int i = 1; i < 12; i++)
        assert_true(none[i - 1].score >= none[i].score);
    examples_free(x);
    examples_free(back);
}

static void test_common(void **state) {
    (void)state;
    char *root = tiny_encoder_new(GOLDEN_DIR), model[4096];
    struct embedder_options o = {.engine = {.precision = PRECISION_F32, .lanes = 1}};
    struct embedder *em;
    struct err e;
    snprintf(model, sizeof model, "%s/tiny", root);
    assert_int_equal(embedder_open(model, &o, &em, &e), 0);
    common_ones_are_the_same(NULL);
    common_ones_are_the_same(em);
    embedder_close(em);
    tree_remove(root);
}

static int whole(void *user, struct err *e) {
    struct examples *x;
    struct examples_hit hits[4];
    struct examples_query q = {.path = "src/x.rs", .symbol = "wake", .code = "fn wake()"};
    size_t n;
    int rc = examples_new(2, &x, e);
    if (rc == 0)
        rc = examples_parse(x, "p", user, strlen(user), e);
    if (rc == 0)
        rc = examples_prepare(x, NULL, NULL, e);
    if (rc == 0)
        rc = examples_nearest(x, &q, 4, hits, &n, e);
    examples_free(x);
    return rc;
}

static void says_when_memory_runs_out(void **state) {
    (void)state;
    static char text[sizeof small];
    memcpy(text, small, sizeof small);
    fault_each(&fault_memory, FAULT_LASTING, whole, text);
    fault_each(&fault_memory, FAULT_ONCE, whole, text);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_by_words),
        cmocka_unit_test(test_repositories),
        cmocka_unit_test(test_bound),
        cmocka_unit_test(test_bad_lines),
        cmocka_unit_test(test_key),
        cmocka_unit_test(test_vectors),
        cmocka_unit_test(test_common),
        cmocka_unit_test(test_trees),
        cmocka_unit_test(says_when_memory_runs_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
