#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "eval/bootstrap.h"
#include "fault.h"

enum { N = 400 };

static double values[N], others[N];

static int make_values(void **state) {
    (void)state;
    for (int i = 0; i < N; i++) {
        values[i] = (double)(i % 20) / 19; /* standard deviation 0.3035 */
        others[i] = values[i] + (i % 2 ? 0.05 : -0.03);
    }
    return 0;
}

/* A mean's interval is about 1.96 standard errors to each side. */
static void intervals_have_the_normal_width(void **state) {
    (void)state;
    struct interval i;
    struct err e;
    const double half = 1.96 * 0.3035 / sqrt(N);
    assert_int_equal(bootstrap_mean(&(struct bootstrap){.rounds = 4000}, values, N, &i, &e), 0);
    assert_true(fabs(i.low - (0.5 - half)) < 0.003 && fabs(i.high - (0.5 + half)) < 0.003);
}

static void a_seed_repeats_itself(void **state) {
    (void)state;
    struct interval a, b, c;
    struct err e;
    assert_int_equal(bootstrap_mean(&(struct bootstrap){.seed = 1}, values, N, &a, &e), 0);
    assert_int_equal(bootstrap_mean(&(struct bootstrap){.seed = 1}, values, N, &b, &e), 0);
    assert_int_equal(bootstrap_mean(&(struct bootstrap){.seed = 2}, values, N, &c, &e), 0);
    assert_memory_equal(&a, &b, sizeof a);
    assert_memory_not_equal(&a, &c, sizeof a);
}

static void few_items_have_their_own_intervals(void **state) {
    (void)state;
    struct interval i;
    struct err e;
    const struct bootstrap b = {.rounds = 10};
    assert_int_equal(bootstrap_mean(&b, values, 0, &i, &e), 0);
    assert_true(isnan(i.low) && isnan(i.high));
    assert_int_equal(bootstrap_mean(&b, &(double){0.25}, 1, &i, &e), 0);
    assert_true(i.low == 0.25 && i.high == 0.25);
}

/* +0.01 on average, and 0.04 from it each: 0.002 is its standard error. */
static void pairs_are_told_apart(void **state) {
    (void)state;
    struct bootstrap_pair p;
    struct err e;
    const struct bootstrap b = {.rounds = 2000};
    assert_int_equal(bootstrap_compare_means(&b, values, others, N, &p, &e), 0);
    assert_true(fabs(p.difference - 0.01) < 1e-9 && p.p < 0.002);
    assert_true(p.interval.low > 0.004 && p.interval.high < 0.016);
    assert_int_equal(bootstrap_compare_means(&b, others, values, N, &p, &e), 0);
    assert_true(fabs(p.difference + 0.01) < 1e-9 && p.p < 0.002);
}

static void equals_are_equal(void **state) {
    (void)state;
    struct bootstrap_pair p;
    struct err e;
    assert_int_equal(bootstrap_compare_means(&(struct bootstrap){0}, values, values, N, &p, &e), 0);
    assert_true(p.difference == 0 && p.p == 1 && p.interval.low == 0 && p.interval.high == 0);
}

static void bad_options_are_refused(void **state) {
    (void)state;
    struct interval i;
    struct err e;
    assert_int_equal(bootstrap_mean(&(struct bootstrap){.level = 1}, values, N, &i, &e),
                     PRECIS_EUSAGE);
    assert_int_equal(bootstrap_mean(&(struct bootstrap){.level = -0.5}, values, N, &i, &e),
                     PRECIS_EUSAGE);
    assert_int_equal(
        bootstrap_mean(&(struct bootstrap){.rounds = BOOTSTRAP_MOST_ROUNDS + 1}, values, N, &i, &e),
        PRECIS_EUSAGE);
}

static int once(void *user, struct err *e) {
    (void)user;
    struct bootstrap_pair p;
    return bootstrap_compare_means(&(struct bootstrap){.rounds = 2}, values, others, N, &p, e);
}

static void says_when_memory_runs_out(void **state) {
    (void)state;
    fault_each(&fault_memory, FAULT_ONCE, once, NULL);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(intervals_have_the_normal_width),
        cmocka_unit_test(a_seed_repeats_itself),
        cmocka_unit_test(few_items_have_their_own_intervals),
        cmocka_unit_test(pairs_are_told_apart),
        cmocka_unit_test(equals_are_equal),
        cmocka_unit_test(bad_options_are_refused),
        cmocka_unit_test(says_when_memory_runs_out),
    };
    return cmocka_run_group_tests(tests, make_values, NULL);
}
