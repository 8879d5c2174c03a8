/* The queue between threads: nothing lost, nothing twice, in order; closing wakes everyone. */
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdatomic.h>
#include <unistd.h>

#include <cmocka.h>

#include "asleep.h"
#include "base/queue.h"

enum { PRODUCERS = 4, CONSUMERS = 3, EACH = 3000, ALL = PRODUCERS * EACH };

struct work {
    struct queue *q;
    int index; /* of a producer */
    int *items;
    atomic_int *taken; /* [ALL] */
    bool in_order;
};

static struct queue *queue_of(size_t capacity) {
    struct queue *q;
    struct err e;
    assert_int_equal(queue_new(&q, capacity, &e), 0);
    return q;
}

static void *produce(void *arg) {
    struct work *w = arg;
    for (int i = 0; i < EACH; i++)
        if (!queue_push(w->q, &w->items[w->index * EACH + i]))
            return NULL;
    return NULL;
}

/* A producer's items come to any one consumer in their order. */
static void *consume(void *arg) {
    struct work *w = arg;
    int last[PRODUCERS], *item;
    for (int i = 0; i < PRODUCERS; i++)
        last[i] = -1;
    w->in_order = true;
    while ((item = queue_pop(w->q, -1)) != NULL) {
        atomic_fetch_add(&w->taken[*item], 1);
        if (*item % EACH <= last[*item / EACH])
            w->in_order = false;
        last[*item / EACH] = *item % EACH;
    }
    return NULL;
}

static void many_producers_and_consumers(void **state) {
    (void)state;
    static int items[ALL];
    static atomic_int taken[ALL];
    for (size_t capacity = 1; capacity <= 64; capacity *= 8) {
        struct queue *q = queue_of(capacity);
        struct work p[PRODUCERS], c[CONSUMERS];
        pthread_t pt[PRODUCERS], ct[CONSUMERS];
        for (int i = 0; i < ALL; i++) {
            items[i] = i;
            atomic_store(&taken[i], 0);
        }
        for (int i = 0; i < PRODUCERS; i++) {
            p[i] = (struct work){.q = q, .index = i, .items = items};
            assert_int_equal(pthread_create(&pt[i], NULL, produce, &p[i]), 0);
        }
        for (int i = 0; i < CONSUMERS; i++) {
            c[i] = (struct work){.q = q, .taken = taken};
            assert_int_equal(pthread_create(&ct[i], NULL, consume, &c[i]), 0);
        }
        for (int i = 0; i < PRODUCERS; i++)
            pthread_join(pt[i], NULL);
        queue_close(q);
        for (int i = 0; i < CONSUMERS; i++) {
            pthread_join(ct[i], NULL);
            assert_true(c[i].in_order);
        }
        assert_true(queue_finished(q));
        for (int i = 0; i < ALL; i++)
            assert_int_equal(atomic_load(&taken[i]), 1);
        queue_free(q);
    }
}

static void times_out_and_drains_after_closing(void **state) {
    (void)state;
    int a, b;
    struct queue *q = queue_of(2);
    assert_null(queue_pop(q, 0));
    assert_null(queue_pop(q, 0.001));
    assert_true(queue_push(q, &a));
    assert_true(queue_push(q, &b));
    queue_close(q);
    assert_false(queue_push(q, &a));
    assert_false(queue_finished(q));
    assert_ptr_equal(queue_pop(q, -1), &a);
    assert_ptr_equal(queue_pop(q, 0), &b);
    assert_null(queue_pop(q, -1));
    assert_true(queue_finished(q));
    queue_free(q);
    queue_free(NULL);
}

struct waiter {
    struct queue *q;
    bool pushes, result;
    atomic_int thread;
};

static void *wait_for_it(void *arg) {
    struct waiter *w = arg;
    atomic_store(&w->thread, gettid());
    w->result = w->pushes ? queue_push(w->q, w) : queue_pop(w->q, -1) != NULL;
    return NULL;
}

static void closing_wakes_who_waits(void **state) {
    (void)state;
    for (int pushes = 0; pushes < 2; pushes++) {
        struct queue *q = queue_of(1);
        if (pushes)
            assert_true(queue_push(q, q));
        struct waiter w[3];
        pthread_t t[3];
        for (int i = 0; i < 3; i++) {
            w[i] = (struct waiter){.q = q, .pushes = pushes, .result = true};
            assert_int_equal(pthread_create(&t[i], NULL, wait_for_it, &w[i]), 0);
        }
        for (int i = 0; i < 3; i++)
            while (!is_asleep(atomic_load(&w[i].thread)))
                sched_yield();
        queue_close(q);
        for (int i = 0; i < 3; i++) {
            pthread_join(t[i], NULL);
            assert_false(w[i].result);
        }
        queue_free(q);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(many_producers_and_consumers),
        cmocka_unit_test(times_out_and_drains_after_closing),
        cmocka_unit_test(closing_wakes_who_waits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
