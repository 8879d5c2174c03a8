/* Two runs over the same chunks: which are said again by the second. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "fault.h"
#include "summary/route.h"

static const struct provenance small = {.model = "small"};

static struct summary line(size_t index, const char *text, double confidence, const char *source) {
    return (struct summary){.file_path = "a.c",
                            .start_line = 1 + 10 * index,
                            .end_line = 10 + 10 * index,
                            .summary = text,
                            .confidence = confidence,
                            .source = source,
                            .error = *text ? NULL : "no",
                            .sha256 = "1234",
                            .index = index};
}

enum { LINES = 6 };

static int first_run(struct route **r, struct err *e) {
    const struct summary lines[LINES] = {
        line(0, "Sure.", 0.9, "model"),   line(1, "Unsure.", 0.3, "model"),
        line(2, "Ruled.", 0, "rule"),     line(3, "Documented.", 1, "doc"),
        line(4, "Doubts.", 0.2, "model"), line(5, "", 0, "")};
    int rc = route_new(&small, r, e);
    for (size_t i = 0; rc == 0 && i < LINES; i++)
        rc = route_keep(*r, &lines[i], e);
    return rc;
}

/* '1': known, for each chunk. */
static void expect(const struct route *r, bool all, const char *want) {
    for (size_t i = 0; i < LINES; i++) {
        const struct summary about = line(i, "", 0, "");
        struct known_line k = {0};
        bool found = route_find(r, &about, all, &k);
        assert_int_equal(found, want[i] == '1');
        if (found)
            assert_ptr_equal(k.made, &small);
        if (found && i == 0)
            assert_string_equal(k.line.data, "Sure.");
        buf_free(&k.line);
    }
}

static void the_least_sure_are_said_again(void **state) {
    (void)state;
    static const struct {
        size_t most, n;
        const char *known;
    } cases[] = {{100, 4, "100000"}, {3, 3, "110000"}, {0, 0, "110010"}};
    for (size_t c = 0; c < sizeof cases / sizeof *cases; c++) {
        struct route *r;
        size_t n;
        struct err e;
        assert_int_equal(first_run(&r, &e), 0);
        assert_int_equal(route_choose(r, cases[c].most, &n, &e), 0);
        assert_int_equal(n, cases[c].n);
        expect(r, false, cases[c].known);
        expect(r, true, "110010"); /* when there is no time left */
        route_free(r);
    }
}

static void another_chunk_has_no_line(void **state) {
    (void)state;
    struct route *r;
    struct err e;
    struct known_line k = {0};
    assert_int_equal(first_run(&r, &e), 0);
    struct summary about = line(0, "", 0, "");
    about.file_path = "b.c";
    assert_false(route_find(r, &about, true, &k));
    about = line(0, "", 0, "");
    about.sha256[0] = 'x';
    assert_false(route_find(r, &about, true, &k));
    about = line(77, "", 0, "");
    assert_false(route_find(r, &about, true, &k));
    about = line(0, "", 0, "");
    about.level = SUMMARY_FILE;
    assert_false(route_find(r, &about, true, &k));
    route_free(r);
}

static int all_of_it(void *user, struct err *e) {
    (void)user;
    struct route *r = NULL;
    size_t n;
    int rc = first_run(&r, e);
    if (rc == 0)
        rc = route_choose(r, LINES, &n, e);
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
        cmocka_unit_test(another_chunk_has_no_line),
        cmocka_unit_test(memory_may_run_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
