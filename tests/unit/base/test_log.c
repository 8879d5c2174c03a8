/* Messages reach the sink whole, one at a time, and only those that are wanted. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/log.h"

enum { THREADS = 4, EACH = 500 };

struct seen {
    int n, inside;
    bool overlapped;
    enum log_level level;
    char last[2048];
    int of[THREADS];
};

static void sink(void *user, enum log_level level, const char *line) {
    struct seen *s = user; /* the log's lock is what protects it */
    if (s->inside++)
        s->overlapped = true;
    int thread, i;
    if (sscanf(line, "thread %d line %d", &thread, &i) == 2 && s->of[thread] == i)
        s->of[thread]++;
    s->n++;
    s->level = level;
    snprintf(s->last, sizeof s->last, "%s", line);
    s->inside--;
}

static void without_a_sink_nothing_happens(void **state) {
    (void)state;
    log_set_sink(NULL, NULL, LOG_DEBUG);
    log_say(LOG_ERROR, "%s", "nobody hears");
}

static void levels_and_controls(void **state) {
    (void)state;
    struct seen s = {0};
    log_set_sink(sink, &s, LOG_WARN);
    log_say(LOG_INFO, "not wanted");
    assert_int_equal(s.n, 0);
    log_say(LOG_WARN, "file %s", "a\x1b[1m\n\xc2\x9b");
    assert_int_equal(s.n, 1);
    assert_int_equal(s.level, LOG_WARN);
    assert_string_equal(s.last, "file a?[1m???");
    char longer[4096];
    memset(longer, 'x', sizeof longer - 1);
    longer[sizeof longer - 1] = 0;
    log_say(LOG_ERROR, "%s", longer);
    assert_int_equal(strlen(s.last), 1023);
    log_set_sink(NULL, NULL, LOG_ERROR);
}

static void *speak(void *arg) {
    for (int i = 0; i < EACH; i++)
        log_say(LOG_INFO, "thread %d line %d", *(int *)arg, i);
    return NULL;
}

static void threads_take_turns(void **state) {
    (void)state;
    struct seen s = {0};
    log_set_sink(sink, &s, LOG_DEBUG);
    pthread_t t[THREADS];
    int names[THREADS];
    for (int i = 0; i < THREADS; i++) {
        names[i] = i;
        assert_int_equal(pthread_create(&t[i], NULL, speak, &names[i]), 0);
    }
    for (int i = 0; i < THREADS; i++)
        pthread_join(t[i], NULL);
    log_set_sink(NULL, NULL, LOG_ERROR);
    assert_false(s.overlapped);
    assert_int_equal(s.n, THREADS * EACH);
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(s.of[i], EACH); /* in each thread's order */
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_a_sink_nothing_happens),
        cmocka_unit_test(levels_and_controls),
        cmocka_unit_test(threads_take_turns),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
