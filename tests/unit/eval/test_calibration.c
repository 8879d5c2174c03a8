/* Calibration and fits, against scikit-learn (tools/golden/eval_calibration.py). */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "eval/calibration.h"
#include "fault.h"
#include "golden.h"

static bool *acceptable_of(const json_t *line) {
    const json_t *list = json_object_get(line, "acceptable");
    bool *v = malloc(json_array_size(list) * sizeof *v);
    assert_non_null(v);
    for (size_t i = 0; i < json_array_size(list); i++)
        v[i] = json_integer_value(json_array_get(list, i)) == 1;
    return v;
}

static void check_measures(size_t number, const json_t *line) {
    const size_t n = json_array_size(json_object_get(line, "confidence"));
    double *p = malloc(n * sizeof *p);
    bool *y = acceptable_of(line);
    struct calibration c;
    struct err e;
    assert_non_null(p);
    for (size_t i = 0; i < n; i++)
        p[i] = golden_at(line, "confidence", i);
    assert_int_equal(calibration_measure(p, y, n, &(struct bootstrap){.rounds = 200}, &c, &e), 0);
    golden_near(c.auroc, golden_number(line, "auroc"), 1e-8, "AUROC", number);
    golden_near(c.brier, golden_number(line, "brier"), 1e-8, "Brier score", number);
    golden_near(c.ece, golden_number(line, "ece"), 1e-8, "ECE", number);
    assert_true(c.ece_interval.low <= c.ece_interval.high && c.ece_interval.high <= 1);
    assert_true(c.auroc_interval.low <= c.auroc && c.auroc <= c.auroc_interval.high);
    size_t all = 0;
    for (size_t k = 0; k < c.n_bins; k++) {
        assert_true(c.bins[k].n > 0 && c.bins[k].low <= c.bins[k].high);
        assert_true(k == 0 || c.bins[k - 1].high < c.bins[k].low);
        all += c.bins[k].n;
    }
    assert_int_equal(all, n);
    free(p);
    free(y);
}

static void check_fit(size_t number, const json_t *line) {
    const json_t *rows = json_object_get(line, "x");
    const size_t n = json_array_size(rows), k = json_array_size(json_array_get(rows, 0));
    double *x = malloc(n * k * sizeof *x);
    bool *y = acceptable_of(line);
    struct logistic m;
    struct err e;
    assert_non_null(x);
    for (size_t i = 0; i < n * k; i++)
        x[i] = json_number_value(json_array_get(json_array_get(rows, i / k), i % k));
    if (calibration_fit_logistic(x, y, n, k, golden_number(line, "l2"), &m, &e) != 0)
        fail_msg("%s", e.text);
    for (size_t i = 0; i <= k; i++)
        golden_near(m.weights[i], golden_at(line, "weights", i), 1e-6, "a weight", number);
    for (size_t i = 0; i < 3; i++)
        golden_near(calibration_predict(&m, x + i * k), golden_at(line, "p", i), 1e-6,
                    "a probability", number);
    free(x);
    free(y);
}

static void each(void *user, size_t number, const json_t *line) {
    (void)user;
    if (json_object_get(line, "x"))
        check_fit(number, line);
    else
        check_measures(number, line);
}

static void equals_scikit_learn(void **state) {
    (void)state;
    golden_each(GOLDEN_DIR "/calibration.jsonl", each, NULL);
}

static void the_order_of_items_does_not_matter(void **state) {
    (void)state;
    enum { N = 40 };
    double p[2][N];
    bool y[2][N];
    struct calibration c[2];
    struct err e;
    for (int i = 0; i < N; i++) {
        p[0][i] = p[1][N - 1 - i] = (i % 4) / 4.0;
        y[0][i] = y[1][N - 1 - i] = i % 3 == 0;
    }
    for (int k = 0; k < 2; k++)
        assert_int_equal(
            calibration_measure(p[k], y[k], N, &(struct bootstrap){.rounds = 1}, &c[k], &e), 0);
    assert_true(fabs(c[0].ece - c[1].ece) < 1e-12 && c[0].auroc == c[1].auroc);
    assert_int_equal(c[0].n_bins, 4);
}

static void a_constant_knows_nothing(void **state) {
    (void)state;
    const double p[4] = {0.75, 0.75, 0.75, 0.75};
    const bool y[4] = {true, true, false, true};
    struct calibration c;
    struct err e;
    assert_int_equal(calibration_measure(p, y, 4, &(struct bootstrap){0}, &c, &e), 0);
    assert_true(c.ece == 0 && c.auroc == 0.5 && c.brier == c.base_brier);
    const bool alike[4] = {true, true, true, true};
    assert_int_equal(calibration_measure(p, alike, 4, &(struct bootstrap){0}, &c, &e), 0);
    assert_true(isnan(c.auroc) && c.ece == 0.25);
    assert_int_equal(calibration_measure(p, y, 0, &(struct bootstrap){0}, &c, &e), 0);
    assert_true(isnan(c.ece) && c.n == 0);
}

static void what_is_no_probability_is_refused(void **state) {
    (void)state;
    const double bad[] = {1.5, -0.1, NAN, INFINITY};
    struct calibration c;
    struct err e;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        const double p[2] = {0.5, bad[i]};
        assert_int_equal(
            calibration_measure(p, (bool[]){true, false}, 2, &(struct bootstrap){0}, &c, &e),
            PRECIS_EUSAGE);
        assert_non_null(strstr(e.text, "confidence 1 is"));
    }
}

static void what_cannot_be_fitted_is_refused(void **state) {
    (void)state;
    const double x[4] = {0, 1, 2, NAN};
    const bool y[4] = {false, true, false, true}, alike[4] = {true, true, true, true};
    struct logistic m;
    struct err e;
    assert_int_equal(calibration_fit_logistic(x, y, 0, 1, 1, &m, &e), PRECIS_EUSAGE);
    assert_int_equal(calibration_fit_logistic(x, y, 3, 1, 0, &m, &e), PRECIS_EUSAGE);
    assert_int_equal(calibration_fit_logistic(x, y, 3, 1, NAN, &m, &e), PRECIS_EUSAGE);
    assert_int_equal(calibration_fit_logistic(x, y, 4, 1, 1, &m, &e), PRECIS_EUSAGE);
    assert_int_equal(calibration_fit_logistic(x, alike, 3, 1, 1, &m, &e), PRECIS_EUSAGE);
    assert_int_equal(calibration_fit_logistic(x, y, 3, CALIBRATION_MOST_FEATURES + 1, 1, &m, &e),
                     PRECIS_EUSAGE);
}

/* With l2 even items that a line separates have a minimum. */
static void separable_items_are_bound(void **state) {
    (void)state;
    const double x[6] = {-3000, -2000, -1000, 1000, 2000, 3000};
    const bool y[6] = {false, false, false, true, true, true};
    struct logistic m;
    struct err e;
    assert_int_equal(calibration_fit_logistic(x, y, 6, 1, 1e-6, &m, &e), 0);
    assert_true(isfinite(m.weights[0]) && m.weights[1] > 0);
    assert_true(calibration_predict(&m, &x[0]) < 0.01 && calibration_predict(&m, &x[5]) > 0.99);
}

static int measure_once(void *user, struct err *e) {
    (void)user;
    struct calibration c;
    return calibration_measure((double[]){0.1, 0.9}, (bool[]){false, true}, 2,
                               &(struct bootstrap){.rounds = 3}, &c, e);
}

static int fit_once(void *user, struct err *e) {
    (void)user;
    struct logistic m;
    return calibration_fit_logistic((double[]){0.1, 0.9}, (bool[]){false, true}, 2, 1, 1, &m, e);
}

static void says_when_memory_runs_out(void **state) {
    (void)state;
    fault_each(&fault_memory, FAULT_ONCE, measure_once, NULL);
    fault_each(&fault_memory, FAULT_ONCE, fit_once, NULL);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(equals_scikit_learn),
        cmocka_unit_test(the_order_of_items_does_not_matter),
        cmocka_unit_test(a_constant_knows_nothing),
        cmocka_unit_test(what_is_no_probability_is_refused),
        cmocka_unit_test(what_cannot_be_fitted_is_refused),
        cmocka_unit_test(separable_items_are_bound),
        cmocka_unit_test(says_when_memory_runs_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
