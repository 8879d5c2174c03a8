/* Two passes over chunks: which are said again, and which lines stay. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"
#include "fault.h"
#include "summary/route.h"

static const struct provenance small = {.model = "small"}, large = {.model = "large"};

static struct summary line(size_t index, const char *text, double confidence, const char *source) {
    return (struct summary){.file_path = "a.c",
                            .start_line = 1 + 10 * index,
                            .end_line = 10 + 10 * index,
                            .summary = text,
                            .confidence = confidence,
                            .source = source,
                            .error = *text ? NULL : "no",
                            .index = index};
}

static int first_pass(struct route *r, struct err *e) {
    const struct summary lines[] = {
        line(0, "Sure.", 0.9, "model"),   line(1, "Unsure.", 0.3, "model"),
        line(2, "Ruled.", 0, "rule"),     line(3, "Documented.", 1, "doc"),
        line(4, "Doubts.", 0.2, "model"), line(5, "", 0, "")};
    int rc = 0;
    route_set_made(r, &small);
    for (size_t i = 0; rc == 0 && i < sizeof lines / sizeof *lines; i++)
        rc = route_keep(r, &lines[i], e);
    return rc;
}

static struct route *after_first_pass(void) {
    struct route *r;
    struct err e;
    assert_int_equal(route_new(&r, &e), 0);
    assert_int_equal(first_pass(r, &e), 0);
    return r;
}

static void the_least_sure_are_said_again(void **state) {
    (void)state;
    static const struct {
        size_t most;
        const char *want;
    } cases[] = {{100, "011011"}, {3, "001011"}, {0, "000000"}};
    struct route *r = after_first_pass();
    for (size_t c = 0; c < sizeof cases / sizeof *cases; c++) {
        unsigned char *only;
        size_t n, want = 0;
        struct err e;
        assert_int_equal(route_choose(r, 6, cases[c].most, &only, &n, &e), 0);
        for (size_t i = 0; i < 6; i++) {
            assert_int_equal(only[i], cases[c].want[i] == '1');
            want += cases[c].want[i] == '1';
        }
        assert_int_equal(n, want);
        free(only);
    }
    route_free(r);
}

static int on_summary(void *user, const struct summary *s, struct err *e) {
    (void)e;
    buf_printf(user, "%zu %s %s %s\n", s->index, s->summary, s->source, s->made->model);
    return 0;
}

static void the_surer_line_stays(void **state) {
    (void)state;
    struct route *r = after_first_pass();
    struct err e;
    struct buf text = {0};
    struct run_stats stats = {0};
    const struct summary again[] = {
        line(5, "At last.", 0.4, "model"), line(1, "Better.", 0.6, "model"),
        line(2, "Read.", 0.1, "model"), line(4, "Worse.", 0.1, "model")};
    route_set_made(r, &large);
    for (size_t i = 0; i < sizeof again / sizeof *again; i++)
        assert_int_equal(route_keep(r, &again[i], &e), 0);
    const struct run_events events = {.on_summary = on_summary, .user = &text};
    assert_int_equal(route_deliver(r, &events, &stats, &e), 0);
    assert_string_equal(text.data, "0 Sure. model small\n"
                                   "1 Better. model large\n"
                                   "2 Read. model large\n"
                                   "3 Documented. doc small\n"
                                   "4 Doubts. model small\n"
                                   "5 At last. model large\n");
    assert_int_equal(stats.chunks_done, 6);
    assert_int_equal(stats.chunks_failed + stats.chunks_rule, 0);
    assert_int_equal(stats.chunks_doc, 1);
    buf_free(&text);
    route_free(r);
}

static int all_of_it(void *user, struct err *e) {
    (void)user;
    struct route *r;
    unsigned char *only = NULL;
    size_t n;
    int rc = route_new(&r, e);
    if (rc == 0)
        rc = first_pass(r, e);
    if (rc == 0)
        rc = route_choose(r, 6, 6, &only, &n, e);
    free(only);
    route_free(r);
    return rc;
}

static void memory_may_run_out(void **state) {
    (void)state;
    fault_each(&fault_memory, FAULT_ONCE, all_of_it, NULL);
    fault_each(&fault_memory, FAULT_LASTING, all_of_it, NULL);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_least_sure_are_said_again),
        cmocka_unit_test(the_surer_line_stays),
        cmocka_unit_test(memory_may_run_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
