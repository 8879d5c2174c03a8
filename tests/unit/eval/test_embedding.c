/* Cosine and embedding F1 against transformers, where MiniLM is here; and the F1 by hand. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "eval/embedding_f1.h"
#include "fault.h"
#include "golden.h"

struct check {
    struct embedder *em;
    double worst;
};

static void each(void *user, size_t number, const json_t *line) {
    struct check *c = user;
    size_t n;
    const char *candidate = golden_string(line, "c", &n), *reference = golden_string(line, "r", &n);
    double cosine, f1;
    struct err e;
    if (embedding_scores(c->em, NULL, &candidate, &reference, 1, &cosine, &f1, &e) != 0)
        fail_msg("%s", e.text);
    c->worst = fmax(c->worst, fabs(cosine - golden_number(line, "cosine")));
    c->worst = fmax(c->worst, fabs(f1 - golden_number(line, "f1")));
    golden_near(cosine, golden_number(line, "cosine"), 1e-4, "cosine", number);
    golden_near(f1, golden_number(line, "f1"), 1e-4, "embedding F1", number);
}

static struct embedder *open_minilm(enum precision precision) {
    const struct embedder_options o = {.engine = {.precision = precision, .lanes = 2}};
    struct embedder *em;
    struct err e;
    if (embedder_open("minilm", &o, &em, &e) != 0) {
        printf("skipped: %s\n", e.text);
        skip();
    }
    return em;
}

static void equals_transformers(void **state) {
    (void)state;
    struct check c = {open_minilm(PRECISION_F32), 0};
    golden_each(GOLDEN_DIR "/embedding.jsonl", each, &c);
    printf("largest difference: %.1e\n", c.worst);
    embedder_close(c.em);
}

static void empty_texts_are_like_nothing(void **state) {
    (void)state;
    enum { N = 70 }; /* more than are embedded at a time */
    const char *a[N], *b[N];
    double cosine[N], f1[N];
    struct err e;
    struct embedder *em = open_minilm(PRECISION_AUTO);
    for (int i = 0; i < N; i++) {
        a[i] = i == 40 ? "" : "Reads a file.";
        b[i] = i == 69 ? "" : "Reads a file.";
    }
    assert_int_equal(embedding_scores(em, NULL, a, b, N, cosine, f1, &e), 0);
    for (int i = 0; i < N; i++) {
        const double want = i == 40 || i == 69 ? 0 : 1;
        assert_true(fabs(cosine[i] - want) < 1e-3 && fabs(f1[i] - want) < 1e-3);
    }
    embedder_close(em);
}

/* Tokens of two dimensions between special ones: the candidate has x and y, the reference twice x
 * and a diagonal. */
static void f1_by_hand(void **state) {
    (void)state;
    const float a[] = {9, 9, 2, 0, 0, 3, 9, 9};
    const float b[] = {-9, 9, 1, 0, 5, 0, 1, 1, -9, 9};
    const double precision = (1 + sqrt(0.5)) / 2, recall = (1 + 1 + sqrt(0.5)) / 3;
    double f1;
    struct err e;
    assert_int_equal(embedding_f1(a, 4, b, 5, 2, &f1, &e), 0);
    assert_true(fabs(f1 - 2 * precision * recall / (precision + recall)) < 1e-6);
    assert_int_equal(embedding_f1(a, 2, b, 5, 2, &f1, &e), 0);
    assert_true(f1 == 0);
}

static int once(void *user, struct err *e) {
    (void)user;
    const float a[] = {9, 9, 2, 0, 9, 9};
    double f1;
    return embedding_f1(a, 3, a, 3, 2, &f1, e);
}

static void says_when_memory_runs_out(void **state) {
    (void)state;
    fault_each(&fault_memory, FAULT_ONCE, once, NULL);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(equals_transformers),
        cmocka_unit_test(empty_texts_are_like_nothing),
        cmocka_unit_test(f1_by_hand),
        cmocka_unit_test(says_when_memory_runs_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
