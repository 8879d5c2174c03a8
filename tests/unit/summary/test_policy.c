#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "summary/policy.h"

static void tells_transient_from_permanent(void **state) {
    (void)state;
    assert_true(policy_is_transient(PRECIS_ENOMEM, false));
    assert_true(policy_is_transient(PRECIS_EIO, false));
    assert_false(policy_is_transient(PRECIS_ETIMEOUT, true));
    assert_true(policy_is_transient(PRECIS_EINPUT, true));
    assert_false(policy_is_transient(PRECIS_EINPUT, false));
    assert_false(policy_is_transient(PRECIS_ENOTFOUND, false));
    assert_false(policy_is_transient(PRECIS_ELIMIT, true));
    assert_false(policy_is_transient(PRECIS_EUNSUPPORTED, true));
}

static void backs_off_with_full_jitter(void **state) {
    (void)state;
    double sum = 0;
    for (uint64_t key = 0; key < 1000; key++)
        for (int n = 1; n < 9; n++) {
            double most = 0.25 * (double)(1 << (n - 1)), d = policy_backoff(&policy_usual, key, n);
            assert_true(d >= 0 && d < (most < 8 ? most : 8));
            assert_true(d == policy_backoff(&policy_usual, key, n));
            sum += n == 1 ? d : 0;
        }
    assert_true(sum > 1000 * 0.115 && sum < 1000 * 0.135); /* its mean is 0.125 */
}

static void opens_pauses_and_closes(void **state) {
    (void)state;
    const struct policy_options *o = &policy_usual;
    struct breaker b = {0};
    bool probe;
    for (int i = 0; i < 9; i++) { /* never five in a row */
        breaker_tell(&b, o, 0, false, i == 4 ? BREAKER_WORKED : BREAKER_FAILED);
        if (i < 4)
            breaker_tell(&b, o, 0, false, BREAKER_UNKNOWN);
        assert_true(i == 8 || breaker_ask(&b, o, 0, &probe));
    }
    assert_int_equal(b.opened, 0);
    breaker_tell(&b, o, 10, false, BREAKER_FAILED);
    assert_int_equal(b.opened, 1);
    assert_string_equal(breaker_state_name(b.state), "open");
    breaker_tell(&b, o, 10, false, BREAKER_WORKED); /* of one asked before */
    assert_false(breaker_ask(&b, o, 10.9, &probe));
    double now = 10, pause = 1;
    for (int i = 0; i < 7; i++) { /* 1, 2, 4 .. 30, 30 s */
        assert_false(breaker_ask(&b, o, now + pause - 0.01, &probe));
        now += pause;
        assert_true(breaker_ask(&b, o, now, &probe) && probe);
        assert_int_equal(b.state, BREAKER_HALF_OPEN);
        assert_false(breaker_ask(&b, o, now, &probe));
        breaker_tell(&b, o, now, true, BREAKER_FAILED);
        pause = 2 * pause < 30 ? 2 * pause : 30;
    }
    assert_int_equal(b.opened, 8);
    assert_true(breaker_ask(&b, o, now + 30, &probe) && probe);
    breaker_tell(&b, o, now + 30, true, BREAKER_UNKNOWN); /* cancelled: another one may */
    assert_true(breaker_ask(&b, o, now + 30, &probe) && probe);
    breaker_tell(&b, o, now + 30, true, BREAKER_WORKED);
    assert_true(breaker_ask(&b, o, now + 30, &probe) && !probe);
    assert_string_equal(breaker_state_name(b.state), "closed");
}

static void is_off_without_options(void **state) {
    (void)state;
    const struct policy_options none = {0};
    struct breaker b = {0};
    bool probe;
    for (int i = 0; i < 100; i++)
        breaker_tell(&b, &none, i, false, BREAKER_FAILED);
    assert_true(breaker_ask(&b, &none, 1, &probe));
    struct watchdog w = {0};
    assert_false(watchdog_look(&w, &none, 1, 0));
    assert_false(watchdog_look(&w, &none, 1e6, 1e6));
}

static void barks_at_a_step_that_does_not_end(void **state) {
    (void)state;
    struct watchdog w = {0};
    for (int i = 1; i < 1000; i++) /* steps of 20 s */
        assert_false(watchdog_look(&w, &policy_usual, i * 0.25, i % 80 * 0.25));
    double now = 250, age = 0;
    for (; age < 29.9; now += 0.25, age += 0.25)
        assert_false(watchdog_look(&w, &policy_usual, now, age));
    assert_true(watchdog_look(&w, &policy_usual, now + 0.25, age + 0.25));
}

static void sleeps_while_the_process_is_stopped(void **state) {
    (void)state;
    struct watchdog w = {0};
    assert_false(watchdog_look(&w, &policy_usual, 1, 0.5));
    assert_false(watchdog_look(&w, &policy_usual, 3601, 3600.5));
    assert_false(watchdog_look(&w, &policy_usual, 3601.25, 0));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tells_transient_from_permanent),
        cmocka_unit_test(backs_off_with_full_jitter),
        cmocka_unit_test(opens_pauses_and_closes),
        cmocka_unit_test(is_off_without_options),
        cmocka_unit_test(barks_at_a_step_that_does_not_end),
        cmocka_unit_test(sleeps_while_the_process_is_stopped),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
