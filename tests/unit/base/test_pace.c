/* Processor time within a limit: only that it is no more, for how much less it is depends on what
 * else the machine does. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include <cmocka.h>

#include "base/pace.h"
#include "base/pool.h"

static const double PIECE = 0.02, WALL = 1;

static double process_seconds(void) {
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static void piece(void) {
    double end = clock_thread_seconds() + PIECE;
    while (clock_thread_seconds() < end)
        ;
}

static void compute(void *user, int index) {
    const double *end = user;
    (void)index;
    while (clock_seconds() < *end) {
        pace_wait();
        piece();
    }
}

/* Each thread may have a piece under way more than is paid for, and a quarter of a second's time is
 * kept while nothing is done. */
static void uses_no_more(int threads, double cores) {
    struct pool *pool;
    pace_limit(cores);
    double begun = clock_seconds(), before = process_seconds(), end = begun + WALL;
    assert_int_equal(pool_start(&pool, threads, compute, &end, NULL), 0);
    pool_join(pool);
    double used = process_seconds() - before, most = cores * (clock_seconds() - begun);
    pace_limit(0);
    assert_true(used <= most + 2 * PIECE * threads + 0.25 * cores);
}

static void keeps_within_the_limit(void **state) {
    (void)state;
    uses_no_more(1, 0.3);
    uses_no_more(3, 0.5);
}

static void no_limit_waits_for_nothing(void **state) {
    (void)state;
    pace_limit(0);
    for (int i = 0; i < 1000; i++)
        pace_wait();
}

static void wait_long(void *user, int index) {
    (void)user, (void)index;
    piece();
    pace_wait();
}

/* Else it would take some hours. */
static void nobody_waits_once_released(void **state) {
    (void)state;
    struct pool *pool;
    pace_limit(1e-6);
    assert_int_equal(pool_start(&pool, 2, wait_long, NULL, NULL), 0);
    pace_release();
    pool_join(pool);
    pace_limit(0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keeps_within_the_limit),
        cmocka_unit_test(nobody_waits_once_released),
        cmocka_unit_test(no_limit_waits_for_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
