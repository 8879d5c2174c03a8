/* The store as a cache: counting, removing, and lines of other stores. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "fault.h"
#include "lines.h"
#include "store/cache.h"
#include "store/settled.h"
#include "tree.h"

static struct store *store;

static int begin(void **state) {
    const struct store_origin o = origin_of("A", "line-1");
    set_up(state);
    store = open_store(root, STORE_CREATE);
    tree_write(root, "a.c", "x");
    put_file(store, "a.c", "x");
    put_file(store, "b.c", "x");
    const struct store_line a = line_of(&o, "a.c", 1, 3, "One."),
                            b = line_of(&o, "b.c", 1, 3, "Two.");
    const int64_t run = begin_run(store);
    put_line(store, run, &a);
    put_line(store, run, &b);
    return 0;
}

static int end(void **state) {
    store_close(store);
    return tear_down(state);
}

static struct store_freed gc(const struct store_gc *o) {
    struct err e = {0};
    struct store_freed freed;
    if (store_gc(store, o, &freed, &e) != 0)
        fail_msg("%s", e.text);
    return freed;
}

static void what_is_young_stays(void **state) {
    (void)state;
    const struct store_freed freed = gc(&(struct store_gc){.before = 1000});
    assert_true(freed.lines == 0 && freed.places == 0);
    assert_string_equal(list(store, ""), "a.c:1-3 One.\nb.c:1-3 Two.\n");
}

static void what_is_gone_goes_when_it_is_asked_for(void **state) {
    (void)state;
    struct store_gc o = {.before = 1000, .gone = true, .dry_run = true};
    struct store_freed freed = gc(&o);
    assert_true(freed.lines == 1 && freed.places == 1);
    assert_string_equal(list(store, ""), "a.c:1-3 One.\nb.c:1-3 Two.\n");
    o.dry_run = false;
    freed = gc(&o);
    assert_true(freed.lines == 1 && freed.places == 1);
    assert_string_equal(list(store, ""), "a.c:1-3 One.\n");
}

static void what_is_old_goes_but_what_is_pinned(void **state) {
    (void)state;
    struct err e = {0};
    struct store_stats n;
    const struct store_gc all = {.before = INT64_MAX};
    const struct store_revision r = {.model_revision = "A"};
    assert_int_equal(store_pin(store, &r, &e), 0);
    assert_int_equal(gc(&all).lines, 0);
    assert_int_equal(store_unpin(store, &e), 0);
    assert_int_equal(gc(&all).lines, 2);
    assert_int_equal(store_stats(store, &n, &e), 0);
    assert_true(n.lines == 0 && n.places == 0 && n.files == 0 && n.bytes > 0);
}

/* A line of another text at a place that has a line. */
static void an_imported_line_is_found_but_not_active(void **state) {
    (void)state;
    struct err e = {0};
    bool added;
    const struct store_origin o = origin_of("B", "line-1");
    struct store_line l = line_of(&o, "a.c", 1, 3, "Three."), n = line_of(&o, "c.c", 1, 2, "New.");
    l.made_at = n.made_at = 77;
    struct buf found = {0};
    const int64_t run = begin_run(store);
    assert_int_equal(store_import(store, run, &l, &added, &e), 0);
    assert_true(added);
    assert_int_equal(store_import(store, run, &l, &added, &e), 0);
    assert_false(added);
    assert_int_equal(store_import(store, run, &n, &added, &e), 0);
    assert_string_equal(list(store, ""), "a.c:1-3 One.\nb.c:1-3 Two.\n");
    assert_int_equal(store_find(store, l.key, spell_line, &found, &e), 0);
    assert_string_equal(found.data, "a.c:1-3 Three.\n");
    buf_free(&found);
    put_line(store, begin_run(store), &l); /* a run sees it there */
    assert_string_equal(at(store, "a.c", 1), "a.c:1-3 Three.\n");
}

static int ignore_line(void *user, const struct store_line *l, struct err *e) {
    (void)user, (void)l, (void)e;
    return 0;
}

static int work(void *user, struct err *e) {
    (void)user;
    struct store_freed freed;
    struct store_stats n;
    const struct store_gc o = {.before = 1000, .gone = true, .dry_run = true};
    int rc = store_gc(store, &o, &freed, e);
    if (rc == 0)
        rc = store_stats(store, &n, e);
    return rc ? rc : store_each_place(store, ignore_line, NULL, e);
}

static void memory_that_runs_out_is_an_error(void **state) {
    (void)state;
    assert_true(fault_each(&fault_memory, FAULT_ONCE, work, NULL) > 1);
    assert_string_equal(list(store, ""), "a.c:1-3 One.\nb.c:1-3 Two.\n");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(what_is_young_stays, begin, end),
        cmocka_unit_test_setup_teardown(what_is_gone_goes_when_it_is_asked_for, begin, end),
        cmocka_unit_test_setup_teardown(what_is_old_goes_but_what_is_pinned, begin, end),
        cmocka_unit_test_setup_teardown(an_imported_line_is_found_but_not_active, begin, end),
        cmocka_unit_test_setup_teardown(memory_that_runs_out_is_an_error, begin, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
