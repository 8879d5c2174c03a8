/* Evidence of a chunk, and choosing among lines by it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "fault.h"
#include "base/file.h"
#include "search/tiny_encoder.h"
#include "summary/judge.h"
#include "tree.h"

static const char pool_text[] =
    "{\"path\":\"src/a.rs\",\"symbol\":\"wake_worker\",\"code\":\"fn wake_worker(&self)\","
    "\"sentence\":\"Wakes one idle worker.\"}\n"
    "{\"path\":\"src/b.rs\",\"symbol\":\"parse_header\",\"code\":\"fn parse_header(s: &str)\","
    "\"sentence\":\"Parses a header.\"}\n";

static const char code[] = "fn wake_all(&self) { for w in self.idle { w.wake() } }";

static const struct evidence_source source = {
    .path = "src/wake.rs", .symbol = "wake_all", .text = code, .len = sizeof code - 1};

static const struct judge_line lines[] = {
    {"Removes a file.", 0.9, 0.5, -1},
    {"Wakes all idle workers.", 0.5, 0.25, -0.5},
    {"Wakes all the idle workers.", 0.4, 0.2, -0.5},
    {"Wakes idle workers with TaskQueue.", 0.3, 0.1, -2},
};
enum { LINES = sizeof lines / sizeof lines[0] };

static char *folder;

static struct embedder *tiny_embedder(void) {
    const struct embedder_options o = {.engine = {.precision = PRECISION_F32, .lanes = 1}};
    struct embedder *em;
    struct err e;
    char *model = file_join(folder, "tiny");
    if (embedder_open(model, &o, &em, &e) != 0)
        fail_msg("%s", e.text);
    free(model);
    return em;
}

static struct examples *open_pool(struct embedder *em) {
    struct examples *x;
    struct err e;
    if (examples_new(0, &x, &e) != 0 ||
        examples_parse(x, "pool", pool_text, sizeof pool_text - 1, &e) != 0 ||
        examples_prepare(x, em, NULL, &e) != 0)
        fail_msg("%s", e.text);
    return x;
}

static void the_others_decide(void **state) {
    (void)state;
    struct evidence v;
    struct verdict got;
    struct err e;
    assert_int_equal(evidence_make(&source, NULL, NULL, 0, &v, &e), 0);
    const struct judge_tools tools = {.model = "nobody"};
    assert_int_equal(judge(lines, LINES, &v, &tools, &got, &e), 0);
    assert_int_equal(got.best, 1);
    assert_true(got.grounded);
    assert_true(got.confidence > 0 && got.confidence < 1);
    const double *f = got.features;
    assert_true(fabs(f[JUDGE_MEAN] - log(0.5)) < 1e-6 && fabs(f[JUDGE_LEAST] - log(0.25)) < 1e-6);
    assert_true(fabs(f[JUDGE_LENGTH] - log(5)) < 1e-12);
    assert_true(fabs(f[JUDGE_SIZE] - log(sizeof code)) < 1e-12);
    /* Words alike: with itself 1; with line 2 (4 of 4 and 5, 2 pairs of 3 and 4) F1 8/9 and 4/7;
     * with line 3 (idle, workers, wakes; one pair of 3 and 4) 6/9 and 2/7; line 0: nothing. */
    double want = (1 + (8.0 / 9 + 4.0 / 7) / 2 + (6.0 / 10 + 2.0 / 8) / 2) / 4;
    if (fabs(f[JUDGE_WORDS] - want) > 1e-9)
        fail_msg("words: %.6f, not %.6f", f[JUDGE_WORDS], want);
    assert_true(f[JUDGE_AGREEMENT] == 0 && f[JUDGE_KEY] == 0 && f[JUDGE_NEAREST] == 0);
    evidence_free(&v);
}

static void a_lone_line_is_taken(void **state) {
    (void)state;
    struct evidence v;
    struct verdict got;
    struct err e;
    assert_int_equal(evidence_make(&source, NULL, NULL, 0, &v, &e), 0);
    const struct judge_tools tools = {0};
    assert_int_equal(judge(&lines[3], 1, &v, &tools, &got, &e), 0);
    assert_int_equal(got.best, 0);
    assert_false(got.grounded); /* no TaskQueue there */
    assert_true(got.features[JUDGE_INVENTED] == 1);
    evidence_free(&v);
}

static void vectors_tell_more(void **state) {
    (void)state;
    struct embedder *em = tiny_embedder();
    struct examples *pool = open_pool(em);
    struct evidence v, again;
    struct verdict got;
    struct err e;
    assert_int_equal(evidence_make(&source, em, pool, 2, &v, &e), 0);
    assert_int_equal(v.n_hits, 2);
    const struct judge_tools tools = {.em = em, .pool = pool};
    assert_int_equal(judge(lines, LINES, &v, &tools, &got, &e), 0);
    const double *f = got.features;
    assert_true(f[JUDGE_AGREEMENT] > 0 && f[JUDGE_AGREEMENT] <= 1.00001);
    assert_true(fabs(f[JUDGE_NEAREST] - (double)v.hits[0].cosine) < 1e-9);
    assert_true(f[JUDGE_EXAMPLE] >= f[JUDGE_EXAMPLES]);
    /* The key is the first of its views: the vector that finds examples. */
    float key[512];
    assert_true(v.width <= 512);
    const struct examples_query q = {.path = source.path, .symbol = source.symbol, .code = code};
    assert_int_equal(examples_vectors(pool, &q, 1, NULL, key, &e), 0);
    assert_memory_equal(key, v.vectors, v.width * sizeof *key);
    /* The same again. */
    assert_int_equal(evidence_make(&source, em, pool, 2, &again, &e), 0);
    struct verdict twice;
    assert_int_equal(judge(lines, LINES, &again, &tools, &twice, &e), 0);
    assert_memory_equal(got.features, twice.features, sizeof got.features);
    evidence_free(&v);
    evidence_free(&again);
    examples_free(pool);
    embedder_close(em);
}

static void an_outline_is_what_counts(void **state) {
    (void)state;
    struct embedder *em = tiny_embedder();
    struct evidence plain, outlined;
    struct evidence_source with = source;
    struct err e;
    with.outline = "pub struct Other\n";
    assert_int_equal(evidence_make(&source, em, NULL, 0, &plain, &e), 0);
    assert_int_equal(evidence_make(&with, em, NULL, 0, &outlined, &e), 0);
    assert_true(outlined.outlined && !plain.outlined);
    assert_memory_not_equal(plain.vectors, outlined.vectors, plain.width * sizeof(float));
    evidence_free(&plain);
    evidence_free(&outlined);
    embedder_close(em);
}

struct made {
    struct embedder *em;
    struct examples *pool;
};

static int make_and_judge(void *user, struct err *e) {
    const struct made *m = user;
    const struct judge_tools tools = {.em = m->em, .pool = m->pool};
    struct evidence v;
    struct verdict got;
    int rc = evidence_make(&source, m->em, m->pool, 2, &v, e);
    if (rc)
        return rc;
    rc = judge(lines, LINES, &v, &tools, &got, e);
    evidence_free(&v);
    return rc;
}

static void memory_may_run_out(void **state) {
    (void)state;
    struct made m = {.em = tiny_embedder()};
    m.pool = open_pool(m.em);
    fault_each(&fault_memory, FAULT_LASTING, make_and_judge, &m);
    fault_each(&fault_memory, FAULT_ONCE, make_and_judge, &m);
    examples_free(m.pool);
    embedder_close(m.em);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_others_decide),  cmocka_unit_test(a_lone_line_is_taken),
        cmocka_unit_test(vectors_tell_more),  cmocka_unit_test(an_outline_is_what_counts),
        cmocka_unit_test(memory_may_run_out),
    };
    folder = tiny_encoder_new(GOLDEN_DIR);
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    tree_remove(folder);
    return failed;
}
