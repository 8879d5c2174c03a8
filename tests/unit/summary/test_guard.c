#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "summary/guard.h"

enum { TOGETHER = 20 };

static const struct policy_options options = {
    .breaker_after = 5, .breaker_pause = 1000, .most_pause = 1000};

/* Asks about all of them, then tells that all failed. */
static void fail_together(struct breaker *b, int code, struct run_stats *stats) {
    static struct task t[TOGETHER];
    memset(t, 0, sizeof t);
    for (int i = 0; i < TOGETHER; i++)
        assert_true(guard_ask(b, &options, &t[i]));
    for (int i = 0; i < TOGETHER; i++) {
        t[i].finish = FINISH_FAILED;
        t[i].by_model = true;
        err_set(&t[i].err, code, "a lane says so");
        guard_tell(b, &options, &t[i], stats);
        assert_false(t[i].asked);
    }
}

/* A lane's step fails for all that are in it. */
static void what_fails_together_is_one_failure(void **state) {
    (void)state;
    struct breaker b = {0};
    struct run_stats stats = {0};
    for (int i = 1; i < options.breaker_after; i++) {
        fail_together(&b, PRECIS_ENOMEM, &stats);
        assert_int_equal(b.state, BREAKER_CLOSED);
        assert_int_equal(b.failures, i);
    }
    fail_together(&b, PRECIS_ENOMEM, &stats);
    assert_int_equal(b.state, BREAKER_OPEN);
    assert_int_equal(stats.breaker_opened, 1);
    assert_int_equal(stats.timeouts, 0);
}

/* A deadline is each one's own. */
static void what_times_out_together_is_many(void **state) {
    (void)state;
    struct breaker b = {0};
    struct run_stats stats = {0};
    struct task t = {0};
    fail_together(&b, PRECIS_ETIMEOUT, &stats);
    assert_int_equal(b.state, BREAKER_OPEN);
    assert_int_equal(stats.breaker, BREAKER_OPEN);
    assert_int_equal(stats.timeouts, TOGETHER);
    assert_false(guard_ask(&b, &options, &t));
    assert_true(t.passed && t.finish == FINISH_FAILED);
    assert_non_null(strstr(t.err.text, "not asked: the model failed 5 times in a row"));
    guard_tell(&b, &options, &t, &stats);
    assert_int_equal(stats.timeouts, TOGETHER);
}

static void answers_and_permanent_failures_open_nothing(void **state) {
    (void)state;
    struct breaker b = {0};
    struct run_stats stats = {0};
    fail_together(&b, PRECIS_ENOMEM, &stats);
    fail_together(&b, PRECIS_EUNSUPPORTED, &stats);
    assert_int_equal(b.failures, 1);
    struct task t = {.finish = FINISH_STOP};
    assert_true(guard_ask(&b, &options, &t));
    guard_tell(&b, &options, &t, &stats);
    assert_int_equal(b.failures, 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_fails_together_is_one_failure),
        cmocka_unit_test(what_times_out_together_is_many),
        cmocka_unit_test(answers_and_permanent_failures_open_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
