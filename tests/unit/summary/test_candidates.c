/* How further answers are drawn. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "summary/candidates.h"

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
        cmocka_unit_test(further_ones_are_drawn),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
