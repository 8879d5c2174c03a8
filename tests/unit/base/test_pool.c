/* Threads: each runs once, without signals; what was started is there when more cannot be. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/pool.h"
#include "fault.h"

enum { MOST = 8 };

struct seen {
    atomic_int runs[MOST];
    atomic_bool signals; /* one was let through */
};

static void work(void *user, int index) {
    struct seen *s = user;
    sigset_t set;
    pthread_sigmask(SIG_SETMASK, NULL, &set);
    if (!sigismember(&set, SIGINT) || !sigismember(&set, SIGTERM))
        atomic_store(&s->signals, true);
    atomic_fetch_add(&s->runs[index], 1);
}

static void each_runs_once(void **state) {
    (void)state;
    for (int n = 0; n <= MOST; n++) {
        struct seen s = {0};
        struct pool *p;
        struct err e;
        sigset_t before, after;
        pthread_sigmask(SIG_SETMASK, NULL, &before);
        assert_int_equal(pool_start(&p, n, work, &s, &e), 0);
        pthread_sigmask(SIG_SETMASK, NULL, &after);
        assert_int_equal(sigismember(&after, SIGINT), sigismember(&before, SIGINT));
        pool_join(p);
        for (int i = 0; i < MOST; i++)
            assert_int_equal(atomic_load(&s.runs[i]), i < n);
        assert_false(atomic_load(&s.signals));
    }
    pool_join(NULL);
}

static void what_was_started_can_be_joined(void **state) {
    (void)state;
    for (int n = 0; n < 4; n++) {
        struct seen s = {0};
        struct pool *p;
        struct err e;
        fault_begin(&fault_threads, n, FAULT_LASTING);
        assert_int_equal(pool_start(&p, 4, work, &s, &e), PRECIS_ENOMEM);
        fault_end(&fault_threads);
        assert_non_null(strstr(e.text, "of 4"));
        assert_int_equal(p != NULL, n > 0);
        pool_join(p);
        for (int i = 0; i < MOST; i++)
            assert_int_equal(atomic_load(&s.runs[i]), i < n);
    }
}

static void no_memory_is_an_error(void **state) {
    (void)state;
    struct pool *p;
    struct err e;
    fault_begin(&fault_memory, 0, FAULT_ONCE);
    int rc = pool_start(&p, 2, work, NULL, &e);
    fault_end(&fault_memory);
    assert_int_equal(rc, PRECIS_ENOMEM);
    assert_null(p);
}

struct starting {
    struct start_gate gate;
    int fails; /* this one and those after it */
};

static void say(void *user, int index) {
    struct starting *s = user;
    struct err e;
    int rc = index < s->fails ? 0 : err_set(&e, PRECIS_ELIMIT, "thread %d", index);
    start_gate_say(&s->gate, rc, rc ? &e : NULL);
}

static void a_gate_waits_for_all_and_tells_a_failure(void **state) {
    (void)state;
    for (int fails = 0; fails <= MOST; fails++) {
        struct starting s = {.fails = fails};
        struct pool *p;
        struct err e = {0};
        start_gate_init(&s.gate);
        assert_int_equal(pool_start(&p, MOST, say, &s, &e), 0);
        assert_int_equal(start_gate_wait(&s.gate, MOST, &e), fails < MOST ? PRECIS_ELIMIT : 0);
        assert_int_equal(s.gate.n, MOST);
        assert_int_equal(e.code, fails < MOST ? PRECIS_ELIMIT : 0);
        if (fails < MOST)
            assert_true(strncmp(e.text, "thread ", 7) == 0 && e.text[7] - '0' >= fails);
        assert_int_equal(start_gate_wait(&s.gate, MOST, NULL), e.code);
        pool_join(p);
        start_gate_free(&s.gate);
    }
}

struct items {
    atomic_int taken[3 * MOST];
    int fails; /* this item, if there is one */
};

static int take(void *user, struct pool_items *items, struct err *e) {
    struct items *s = user;
    int rc = 0;
    for (int i; rc == 0 && (i = pool_next(items)) >= 0;) {
        atomic_fetch_add(&s->taken[i], 1);
        rc = i == s->fails ? err_set(e, PRECIS_ELIMIT, "item %d", i) : 0;
    }
    return rc;
}

static void items_are_taken_once_until_one_fails(void **state) {
    (void)state;
    for (int n = 0; n <= 3 * MOST; n++)
        for (int threads = 1; threads <= MOST; threads++) {
            struct items s = {.fails = n};
            struct err e = {0};
            assert_int_equal(pool_run(threads, n, take, &s, &e), 0);
            for (int i = 0; i < 3 * MOST; i++)
                assert_int_equal(atomic_load(&s.taken[i]), i < n);
            s = (struct items){.fails = n / 2};
            assert_int_equal(pool_run(threads, n, take, &s, &e), n ? PRECIS_ELIMIT : 0);
            assert_true(n == 0 || atoi(e.text + strlen("item ")) == n / 2);
            for (int i = 0; i <= n / 2; i++) /* those behind it only by threads already at work */
                assert_int_equal(atomic_load(&s.taken[i]), n > 0);
            assert_int_equal(pool_run(threads, n, take, &s, NULL), e.code);
        }
    for (int started = 0; started < 4; started++) {
        struct items s = {.fails = -1};
        struct err e;
        fault_begin(&fault_threads, started, FAULT_LASTING);
        assert_int_equal(pool_run(4, MOST, take, &s, &e), PRECIS_ENOMEM);
        fault_end(&fault_threads);
        assert_non_null(strstr(e.text, "of 4"));
    }
}

static void the_machine_is_described(void **state) {
    (void)state;
    assert_true(pool_cores() >= 1);
    double t = clock_seconds();
    assert_true(clock_seconds() >= t);
    size_t peak = memory_peak();
    assert_true(peak > 0);
    assert_true(memory_resident() > 0);
    size_t size = 64 << 20;
    char *p = malloc(size);
    assert_non_null(p);
    memset(p, 1, size);
    assert_true(memory_resident() >= size);
    assert_true(memory_peak() >= size);
    free(p);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_runs_once),
        cmocka_unit_test(what_was_started_can_be_joined),
        cmocka_unit_test(no_memory_is_an_error),
        cmocka_unit_test(a_gate_waits_for_all_and_tells_a_failure),
        cmocka_unit_test(items_are_taken_once_until_one_fails),
        cmocka_unit_test(the_machine_is_described),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
