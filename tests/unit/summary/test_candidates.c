/* Which of several answers is best. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "summary/candidates.h"

static const float likely[] = {-0.1f, -0.1f, -0.1f},
                   longer[] = {-0.05f, -0.15f, -0.1f, -0.1f, -0.05f}, poor[] = {-2, -2};

static void the_likeliest_is_best(void **state) {
    (void)state;
    const struct candidate c[] = {{poor, 2}, {likely, 3}, {longer, 5}, {NULL, 0}};
    assert_int_equal(candidates_best(c, 4, 1, NULL), 2); /* by the mean */
    assert_int_equal(candidates_best(c, 4, 0, NULL), 1); /* by the sum */
    const double extra[] = {3, 0, 0, 0}, none[] = {-INFINITY, -INFINITY, -INFINITY, 0};
    assert_int_equal(candidates_best(c, 4, 1, extra), 0);
    assert_int_equal(candidates_best(c, 4, 1, none), 4);
    assert_int_equal(candidates_best(c + 3, 1, 1, NULL), 1);
    const struct candidate same[] = {{likely, 3}, {likely, 3}};
    assert_int_equal(candidates_best(same, 2, 1, NULL), 0);
}

static void scores_are_normalised_by_length(void **state) {
    (void)state;
    assert_true(fabs(candidates_likelihood(poor, 2, 1) + 2) < 1e-12);
    assert_true(fabs(candidates_likelihood(poor, 2, 0) + 4) < 1e-12);
    assert_true(candidates_likelihood(poor, 0, 1) == -INFINITY);
}

static void further_ones_are_drawn(void **state) {
    (void)state;
    struct sampling greedy = {.repetition_penalty = 1.1f, .seed = 5},
                    hot = {.strategy = SAMPLE_TEMPERATURE, .temperature = 0.3f};
    struct sampling s = candidates_sampling(&greedy);
    assert_int_equal(s.strategy, SAMPLE_TEMPERATURE);
    assert_true(s.temperature == CANDIDATES_TEMPERATURE && s.repetition_penalty == 1.1f);
    assert_int_equal(s.seed, 5);
    assert_true(candidates_sampling(&hot).temperature == CANDIDATES_TEMPERATURE);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_likeliest_is_best),
        cmocka_unit_test(scores_are_normalised_by_length),
        cmocka_unit_test(further_ones_are_drawn),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
