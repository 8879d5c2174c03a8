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
#include "store/entries.h"
#include "store/settled.h"
#include "store/store_impl.h"
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
    assert_int_equal(store_run_end(store, 1, &e), 0);
    const struct store_revision r = {.model_revision = "A"};
    assert_int_equal(store_pin(store, &r, &e), 0);
    assert_int_equal(gc(&all).lines, 0);
    assert_int_equal(store_unpin(store, &e), 0);
    assert_int_equal(gc(&all).lines, 2);
    assert_int_equal(store_stats(store, &n, &e), 0);
    assert_true(n.lines == 0 && n.places == 0 && n.files == 0 && n.bytes > 0);
}

/* The name on the disk has a byte there that is no UTF-8, so it cannot be looked up. */
static void what_cannot_be_looked_up_is_there(void **state) {
    (void)state;
    const struct store_origin o = origin_of("A", "line-1");
    const struct store_line l = line_of(&o, "x\xef\xbf\xbd/d.c", 1, 3, "Three.");
    tree_write(root, "x\xff/d.c", "x");
    put_file(store, l.path, "x");
    put_line(store, begin_run(store), &l);
    assert_int_equal(gc(&(struct store_gc){.before = 1000, .gone = true}).lines, 1);
    assert_string_equal(list(store, ""), "a.c:1-3 One.\nx\xef\xbf\xbd/d.c:1-3 Three.\n");
}

static size_t match_again(void) {
    struct err e = {0};
    size_t changed;
    if (store_match_summaries(store, &changed, &e) != 0)
        fail_msg("%s", e.text);
    return changed;
}

/* Searching must not show what is not there any more, though no run came since. */
static void what_went_is_no_longer_searched(void **state) {
    (void)state;
    struct err e = {0};
    const struct store_indexed f = {.file = {.path = "b.c", .language = "c", .size = 1}};
    const struct store_entry n = {
        .kind = "lines", .start_line = 1, .end_line = 3, .body = "b", .body_len = 1};
    assert_int_equal(store_put_entries(store, &f, &n, 1, NULL, &e), 0);
    put_file(store, "b.c", "x");
    assert_int_equal(match_again(), 1);
    assert_int_equal(match_again(), 0);
    gc(&(struct store_gc){.before = 1000});
    assert_int_equal(match_again(), 0);
    gc(&(struct store_gc){.before = 1000, .gone = true});
    assert_int_equal(match_again(), 1);
}

/* Another summarize may be at work: it began before, puts lines yet, and is not the newest. */
static void a_run_that_goes_on_keeps_its_lines(void **state) {
    (void)state;
    struct err e = {0};
    const struct store_gc all = {.before = INT64_MAX};
    const struct store_origin o = origin_of("A", "line-1");
    const struct store_line l = line_of(&o, "a.c", 4, 5, "More.");
    const int64_t older = begin_run(store), newer = begin_run(store);
    assert_int_equal(gc(&all).lines, 0);
    put_line(store, older, &l);
    for (int64_t run = 1; run <= newer; run++)
        assert_int_equal(store_run_end(store, run, &e), 0);
    assert_int_equal(gc(&all).lines, 3);
}

/* 64 runs whose lines are gone, beside 64 lines: each that goes costs no look at all lines. */
static void old_runs_go_without_a_look_at_all_lines(void **state) {
    (void)state;
    struct err e = {0};
    const struct store_origin o = origin_of("A", "line-1");
    int64_t run = 0;
    assert_int_equal(store_begin(store, &e), 0);
    for (uint64_t i = 0; i < 64; i++) {
        const struct store_line l = line_of(&o, "a.c", i + 10, i + 10, "Same.");
        run = begin_run(store);
        assert_int_equal(store_run_end(store, run, &e), 0);
        put_line(store, run, &l);
    }
    run = begin_run(store);
    for (uint64_t i = 0; i < 64; i++) {
        const struct store_line l = line_of(&o, "a.c", i + 10, i + 10, "Same.");
        put_line(store, run, &l);
    }
    assert_int_equal(store_commit(store, &e), 0);
    gc(&(struct store_gc){.before = INT64_MAX});
    sqlite3_stmt *st = store->prepared[QUERY_GC_RUNS];
    assert_in_range(sqlite3_stmt_status(st, SQLITE_STMTSTATUS_VM_STEP, 0), 1, 64 * 64);
}

static int64_t number_of(const char *sql) {
    sqlite3_stmt *st;
    assert_int_equal(sqlite3_prepare_v2(store->db, sql, -1, &st, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_step(st), SQLITE_ROW);
    const int64_t n = sqlite3_column_int64(st, 0);
    sqlite3_finalize(st);
    return n;
}

static void run_sql(const char *sql) {
    assert_int_equal(sqlite3_exec(store->db, sql, NULL, NULL, NULL), SQLITE_OK);
}

/* Every edit of a file leaves a row, and the lines of other chunks stay in use. */
static void notes_go_by_when_a_run_had_them(void **state) {
    (void)state;
    struct err e = {0};
    uint8_t hows[2][HASH_SHA256_SIZE], keys[HASH_SHA256_SIZE] = {1};
    const struct store_nothing n = {.why = "no sentence", .text = keys};
    for (size_t i = 0; i < 2; i++) {
        hash_of(i ? "other" : "how", hows[i]);
        assert_int_equal(store_settle(store, "a.c", hows[i], keys, 1, &e), 0);
        assert_int_equal(store_put_nothing(store, hows[i], &n, &e), 0);
    }
    run_sql("UPDATE settled SET used_at = 1000; UPDATE unanswered SET used_at = 1000");
    assert_int_equal(store_settle(store, "a.c", hows[0], keys, 1, &e), 0);
    assert_int_equal(store_put_nothing(store, hows[0], &n, &e), 0);
    assert_int_equal(gc(&(struct store_gc){.before = 2000}).unanswered, 1);
    assert_int_equal(number_of("SELECT count(*) FROM settled"), 1);
    assert_int_equal(number_of("SELECT count(*) FROM unanswered"), 1);
    assert_int_equal(number_of("SELECT count(*) FROM settled WHERE used_at > 1000"), 1);
    assert_int_equal(store_settle(store, "b.c", hows[0], keys, 1, &e), 0);
    gc(&(struct store_gc){.before = 2000, .gone = true});
    assert_int_equal(number_of("SELECT count(*) FROM settled"), 1);
}

/* The plan of a query, its steps one a line; until the next call. */
static const char *plan_of(enum query q) {
    static struct buf out;
    struct buf sql = {0};
    sqlite3_stmt *st;
    struct statement t = statement_start(store, q, "plan");
    assert_int_equal(t.rc, SQLITE_OK);
    buf_printf(&sql, "EXPLAIN QUERY PLAN %s", sqlite3_sql(t.st));
    assert_int_equal(sqlite3_prepare_v2(store->db, sql.data, -1, &st, NULL), SQLITE_OK);
    buf_clear(&out);
    while (sqlite3_step(st) == SQLITE_ROW)
        buf_printf(&out, "%s\n", (const char *)sqlite3_column_text(st, 3));
    sqlite3_finalize(st);
    statement_end(&t);
    buf_free(&sql);
    return out.data;
}

static void keys_are_looked_up_as_keys(void **state) {
    (void)state;
    if (!strstr(plan_of(QUERY_FIND_KEY_AT), "c USING INDEX chunks_by_key"))
        fail_msg("%s", plan_of(QUERY_FIND_KEY_AT));
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
        cmocka_unit_test_setup_teardown(what_cannot_be_looked_up_is_there, begin, end),
        cmocka_unit_test_setup_teardown(what_went_is_no_longer_searched, begin, end),
        cmocka_unit_test_setup_teardown(a_run_that_goes_on_keeps_its_lines, begin, end),
        cmocka_unit_test_setup_teardown(old_runs_go_without_a_look_at_all_lines, begin, end),
        cmocka_unit_test_setup_teardown(notes_go_by_when_a_run_had_them, begin, end),
        cmocka_unit_test_setup_teardown(keys_are_looked_up_as_keys, begin, end),
        cmocka_unit_test_setup_teardown(an_imported_line_is_found_but_not_active, begin, end),
        cmocka_unit_test_setup_teardown(memory_that_runs_out_is_an_error, begin, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
