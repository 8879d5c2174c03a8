/* Two systems compared: against sacrebleu, rouge-score and numpy on the same samples, and against
 * sacrebleu's own test. tools/golden/eval_compare.py makes the file. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"
#include "eval/compare.h"
#include "fault.h"
#include "golden.h"

struct systems {
    struct buf items, a, b; /* JSON Lines */
    struct eval_items read;
    struct eval_predictions said_a, said_b;
    struct eval_scores of_a, of_b;
    json_t *expected;
};

static void add_line(struct buf *out, json_t *line) {
    char *text = json_dumps(line, JSON_COMPACT);
    assert_non_null(text);
    buf_str(out, text);
    buf_char(out, '\n');
    free(text);
    json_decref(line);
}

static void add_golden(void *user, size_t number, const json_t *line) {
    struct systems *s = user;
    char id[24];
    size_t len;
    if (json_object_get(line, "seed")) {
        s->expected = json_deep_copy(line);
        return;
    }
    snprintf(id, sizeof id, "%zu", number);
    add_line(&s->items, json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:s}", "id", id, "repo", "r",
                                  "language", "c", "path", "x.c", "kind", "function", "code", "",
                                  "reference", golden_string(line, "r", &len)));
    add_line(&s->a, json_pack("{s:s, s:s}", "id", id, "summary", golden_string(line, "a", &len)));
    add_line(&s->b, json_pack("{s:s, s:s}", "id", id, "summary", golden_string(line, "b", &len)));
}

static int score(struct systems *s, struct err *e) {
    const struct eval_options o = {0};
    int rc = eval_items_read("items", s->items.data, s->items.len, &s->read, e);
    if (rc == 0)
        rc = eval_predictions_read("a", s->a.data, s->a.len, &s->read, &s->said_a, e);
    if (rc == 0)
        rc = eval_predictions_read("b", s->b.data, s->b.len, &s->read, &s->said_b, e);
    if (rc == 0)
        rc = eval_score(&s->read, &s->said_a, &o, &s->of_a, e);
    if (rc == 0)
        rc = eval_score(&s->read, &s->said_b, &o, &s->of_b, e);
    return rc;
}

static int open_systems(void **state) {
    static struct systems s;
    struct err e = {0};
    golden_each(GOLDEN_DIR "/compare.jsonl", add_golden, &s);
    assert_non_null(s.expected);
    if (score(&s, &e) != 0)
        fail_msg("%s", e.text);
    *state = &s;
    return 0;
}

static int close_systems(void **state) {
    struct systems *s = *state;
    eval_scores_free(&s->of_a);
    eval_scores_free(&s->of_b);
    eval_predictions_free(&s->said_a);
    eval_predictions_free(&s->said_b);
    eval_items_free(&s->read);
    buf_free(&s->items);
    buf_free(&s->a);
    buf_free(&s->b);
    json_decref(s->expected);
    return 0;
}

static struct bootstrap asked(const struct systems *s) {
    return (struct bootstrap){.rounds = (size_t)golden_number(s->expected, "samples"),
                              .seed = (uint64_t)golden_number(s->expected, "seed")};
}

static void differences_are_the_references(void **state) {
    static const enum eval_metric metrics[] = {EVAL_BLEU4, EVAL_SENTENCE_BLEU, EVAL_ROUGEL};
    const struct systems *s = *state;
    const struct bootstrap b = asked(s);
    struct eval_comparison got;
    struct err e = {0};
    assert_int_equal(eval_compare(&s->of_a, &s->of_b, &b, &got, &e), 0);
    for (size_t i = 0; i < sizeof metrics / sizeof *metrics; i++) {
        const char *name = eval_metric_name(metrics[i]);
        const json_t *want = json_object_get(s->expected, name);
        const struct eval_difference *d = &got.metrics[metrics[i]];
        assert_true(d->there);
        golden_near(d->pair.difference, golden_number(want, "value"), 1e-8, name, i);
        golden_near(d->pair.interval.low, golden_at(want, "interval", 0), 1e-8, name, i);
        golden_near(d->pair.interval.high, golden_at(want, "interval", 1), 1e-8, name, i);
        golden_near(d->pair.p, golden_number(want, "p"), 1e-12, name, i);
    }
}

/* 10,000 samples on either side: three standard errors of p's difference are 0.028. */
static void bleu_is_judged_as_sacrebleu_does(void **state) {
    const struct systems *s = *state;
    const json_t *want = json_object_get(s->expected, "sacrebleu");
    const struct bootstrap b = {.rounds = (size_t)golden_number(want, "rounds"), .seed = 1};
    struct eval_measure x = {.scores = &s->of_a, .metric = EVAL_BLEU4};
    struct eval_measure y = {.scores = &s->of_b, .metric = EVAL_BLEU4};
    struct bootstrap_pair pair;
    struct err e = {0};
    assert_int_equal(bootstrap_compare(&b, s->of_a.n, eval_statistic, &x, &y, &pair, &e), 0);
    golden_near(pair.p, golden_number(want, "p"), 0.028, "p", 0);
    golden_near(pair.interval.low, golden_at(want, "interval", 0), 1, "low", 0);
    golden_near(pair.interval.high, golden_at(want, "interval", 1), 1, "high", 0);
    /* the differences are spread unevenly here */
    golden_near(pair.p / 2, golden_number(want, "one_sided"), 0.04, "one-sided p", 0);
}

static void a_system_does_not_differ_from_itself(void **state) {
    const struct systems *s = *state;
    const struct bootstrap b = asked(s);
    struct eval_comparison got;
    struct err e = {0};
    assert_int_equal(eval_compare(&s->of_a, &s->of_a, &b, &got, &e), 0);
    for (int m = 0; m < EVAL_METRICS; m++)
        if (got.metrics[m].there)
            assert_true(got.metrics[m].pair.difference == 0 && got.metrics[m].pair.p == 1);
    assert_true(got.success_rate.difference == 0 && got.success_rate.p == 1);
}

static void the_other_way_round_signs_change(void **state) {
    const struct systems *s = *state;
    const struct bootstrap b = asked(s);
    struct eval_comparison one, other;
    struct err e = {0};
    assert_int_equal(eval_compare(&s->of_a, &s->of_b, &b, &one, &e), 0);
    assert_int_equal(eval_compare(&s->of_b, &s->of_a, &b, &other, &e), 0);
    const struct bootstrap_pair *x = &one.metrics[EVAL_BLEU4].pair,
                                *y = &other.metrics[EVAL_BLEU4].pair;
    assert_true(x->difference == -y->difference && x->p == y->p);
    assert_true(fabs(x->interval.low + y->interval.high) < 1e-9);
}

static void what_was_not_measured_is_not_compared(void **state) {
    const struct systems *s = *state;
    const struct bootstrap b = {.rounds = 10};
    struct eval_comparison got;
    struct err e = {0};
    assert_int_equal(eval_compare(&s->of_a, &s->of_b, &b, &got, &e), 0);
    assert_false(got.metrics[EVAL_METEOR].there);
    assert_false(got.metrics[EVAL_COSINE].there);
    struct eval_scores fewer = s->of_b;
    fewer.n--;
    assert_int_equal(eval_compare(&s->of_a, &fewer, &b, &got, &e), PRECIS_EUSAGE);
    assert_string_equal(e.text, "68 items cannot be compared with 67");
}

static int once(void *user, struct err *e) {
    const struct systems *s = user;
    const struct bootstrap b = {.rounds = 2};
    struct eval_comparison got;
    return eval_compare(&s->of_a, &s->of_b, &b, &got, e);
}

static void says_when_memory_runs_out(void **state) {
    fault_each(&fault_memory, FAULT_ONCE, once, *state);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(differences_are_the_references),
        cmocka_unit_test(bleu_is_judged_as_sacrebleu_does),
        cmocka_unit_test(a_system_does_not_differ_from_itself),
        cmocka_unit_test(the_other_way_round_signs_change),
        cmocka_unit_test(what_was_not_measured_is_not_compared),
        cmocka_unit_test(says_when_memory_runs_out),
    };
    return cmocka_run_group_tests(tests, open_systems, close_systems);
}
