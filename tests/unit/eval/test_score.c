/* Scores and reports: the same numbers as the metrics give, in the right groups. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "eval/rouge.h"
#include "eval/score.h"
#include "fault.h"

#define ITEM(id, language, kind, reference)                                                        \
    "{\"id\": \"" id "\", \"repo\": \"a/b\", \"language\": \"" language "\", \"path\": \"x\", "    \
    "\"kind\": \"" kind "\", \"code\": \"int x;\", \"reference\": \"" reference "\"}\n"

static const char data[] = ITEM("1", "rust", "function", "Counts the words of a text.")
    ITEM("2", "c", "function", "Returns the number of words in a line.")
        ITEM("3", "rust", "file", "Opens a file and reads all of its lines.")
            ITEM("4", "c", "function", "Closes the file.");
static const char said[] =
    "{\"id\": \"1\", \"summary\": \"Counts words of a text.\", \"confidence\": 0.75}\n"
    "{\"id\": \"2\", \"summary\": \"Returns the number of words in a line.\", \"confidence\": 1}\n"
    "{\"id\": \"3\", \"summary\": \" \\t\", \"confidence\": 0.5}\n";

struct setup {
    struct eval_items items;
    struct eval_predictions predictions;
    struct eval_scores scores;
    struct eval_report report;
};

static void close_all(struct setup *s) {
    eval_report_free(&s->report);
    eval_scores_free(&s->scores);
    eval_predictions_free(&s->predictions);
    eval_items_free(&s->items);
}

static int open_all(struct setup *s, const char *items, size_t len, struct err *e) {
    const struct eval_options o = {.bootstrap = {.rounds = 50}};
    *s = (struct setup){0};
    int rc = eval_items_read("data", items, len, &s->items, e);
    if (rc == 0)
        rc = eval_predictions_read("said", said, sizeof said - 1, &s->items, &s->predictions, e);
    if (rc == 0)
        rc = eval_score(&s->items, &s->predictions, &o, &s->scores, e);
    if (rc == 0)
        rc = eval_report_make(&s->items, &s->predictions, &s->scores, &o.bootstrap, &s->report, e);
    return rc;
}

static void groups_hold_their_items(void **state) {
    (void)state;
    struct setup s;
    struct err e = {0};
    if (open_all(&s, data, sizeof data - 1, &e) != 0)
        fail_msg("%s", e.text);
    assert_int_equal(s.report.all.n, 4);
    assert_int_equal(s.report.n_languages, 2);
    assert_string_equal(s.report.languages[0].name, "c");
    assert_int_equal(s.report.languages[0].n, 2);
    assert_string_equal(s.report.languages[1].name, "rust");
    assert_int_equal(s.report.n_kinds, 2);
    assert_string_equal(s.report.kinds[0].name, "file");
    assert_int_equal(s.report.kinds[1].n, 3);
    assert_true(s.report.all.success_rate == 0.5);
    assert_true(s.report.kinds[0].success_rate == 0);
    close_all(&s);
}

static void values_are_the_metrics(void **state) {
    (void)state;
    struct setup s;
    struct rouge r;
    struct err e = {0};
    assert_int_equal(open_all(&s, data, sizeof data - 1, &e), 0);
    assert_int_equal(
        rouge_score("Counts words of a text.", 23, "Counts the words of a text.", 27, true, &r, &e),
        0);
    assert_true(s.scores.values[EVAL_ROUGE2][0] == r.rouge2);
    const struct eval_value *all = s.report.all.metrics;
    assert_true(fabs(all[EVAL_ROUGE2].value - (r.rouge2 + 1) / 4) < 1e-12);
    assert_true(all[EVAL_ROUGE2].interval.low <= all[EVAL_ROUGE2].value &&
                all[EVAL_ROUGE2].value <= all[EVAL_ROUGE2].interval.high);
    struct bleu_counts sum = {0};
    for (size_t i = 0; i < 4; i++)
        bleu_add(&sum, &s.scores.bleu[i]);
    assert_true(all[EVAL_BLEU4].value == bleu_corpus(&sum) && all[EVAL_BLEU4].value > 0);
    assert_true(s.scores.values[EVAL_SENTENCE_BLEU][1] > 99.999);
    close_all(&s);
}

static void what_has_no_instrument_is_left_out(void **state) {
    (void)state;
    struct setup s;
    struct err e = {0};
    assert_int_equal(open_all(&s, data, sizeof data - 1, &e), 0);
    assert_false(s.report.all.metrics[EVAL_METEOR].there);
    assert_false(s.report.all.metrics[EVAL_COSINE].there);
    assert_false(s.report.all.metrics[EVAL_EMBEDDING_F1].there);
    assert_false(s.report.all.calibrated);
    assert_null(s.scores.acceptable);
    /* the blank sentence's confidence is of nothing */
    assert_int_equal(s.report.all.n_confident, 2);
    assert_true(s.report.all.mean_confidence == 0.875);
    assert_true(isnan(s.report.kinds[0].mean_confidence));
    close_all(&s);
}

static void systems_are_compared_item_by_item(void **state) {
    (void)state;
    struct setup a, b;
    struct bootstrap_pair pair;
    struct err e = {0};
    assert_int_equal(open_all(&a, data, sizeof data - 1, &e), 0);
    assert_int_equal(open_all(&b, data, sizeof data - 1, &e), 0);
    for (size_t i = 0; i < 4; i++)
        b.scores.values[EVAL_ROUGEL][i] += 0.25;
    struct eval_measure x = {&a.scores, EVAL_ROUGEL, NULL}, y = {&b.scores, EVAL_ROUGEL, NULL};
    assert_int_equal(
        bootstrap_compare(&(struct bootstrap){0}, 4, eval_statistic, &x, &y, &pair, &e), 0);
    assert_true(fabs(pair.difference - 0.25) < 1e-9 && pair.p < 0.01);
    close_all(&a);
    close_all(&b);
}

static void too_many_groups_are_refused(void **state) {
    (void)state;
    struct buf many = {0};
    struct setup s;
    struct err e = {0};
    for (int i = 0; i <= EVAL_MOST_GROUPS; i++)
        buf_printf(&many,
                   "{\"id\": \"%d\", \"repo\": \"\", \"language\": \"l%d\", \"path\": \"x\", "
                   "\"kind\": \"k\", \"code\": \"\", \"reference\": \"R.\"}\n",
                   i, i);
    assert_int_equal(open_all(&s, many.data, many.len, &e), PRECIS_ELIMIT);
    assert_non_null(strstr(e.text, "257 languages"));
    assert_null(s.report.languages);
    close_all(&s);
    buf_free(&many);
}

static void a_stop_is_obeyed(void **state) {
    (void)state;
    struct setup s;
    struct err e = {0};
    const atomic_bool stop = true;
    const struct eval_options o = {.stop = &stop};
    assert_int_equal(open_all(&s, data, sizeof data - 1, &e), 0);
    struct eval_scores scores;
    assert_int_equal(eval_score(&s.items, &s.predictions, &o, &scores, &e), PRECIS_ECANCELLED);
    assert_null(scores.bleu);
    close_all(&s);
}

static int once(void *user, struct err *e) {
    (void)user;
    struct setup s;
    int rc = open_all(&s, data, sizeof data - 1, e);
    close_all(&s);
    return rc;
}

static void says_when_memory_runs_out(void **state) {
    (void)state;
    fault_each(&fault_memory, FAULT_ONCE, once, NULL);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(groups_hold_their_items),
        cmocka_unit_test(values_are_the_metrics),
        cmocka_unit_test(what_has_no_instrument_is_left_out),
        cmocka_unit_test(systems_are_compared_item_by_item),
        cmocka_unit_test(too_many_groups_are_refused),
        cmocka_unit_test(a_stop_is_obeyed),
        cmocka_unit_test(says_when_memory_runs_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
