/* What a run may know without asking: models, files and questions without an answer. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include <sqlite3.h>

#include "base/file.h"
#include "fault.h"
#include "lines.h"
#include "store/settled.h"
#include "tree.h"

static struct store *store;
static uint8_t how[HASH_SHA256_SIZE], other[HASH_SHA256_SIZE], version[HASH_SHA256_SIZE];

static int begin(void **state) {
    set_up(state);
    store = open_store(root, STORE_CREATE);
    hash_of("how", how);
    hash_of("other", other);
    hash_of("x", version);
    return 0;
}

static int end(void **state) {
    store_close(store);
    return tear_down(state);
}

static struct store_asked asked_of(const struct store_origin *o) {
    return (struct store_asked){.made = *o,
                                .judged_by = "minilm",
                                .seq2seq = true,
                                .context = 2048,
                                .sequences = 20,
                                .lanes = 2};
}

static int same_asked(void *user, const struct store_asked *a, struct err *e) {
    const struct store_asked *b = user;
    (void)e;
    assert_string_equal(a->made.model_revision, b->made.model_revision);
    assert_string_equal(a->made.parameters, b->made.parameters);
    assert_string_equal(a->judged_by, b->judged_by);
    assert_int_equal(a->made.seed, b->made.seed);
    assert_int_equal(a->seq2seq, b->seq2seq);
    assert_int_equal(a->context, b->context);
    assert_int_equal(a->sequences, b->sequences);
    assert_int_equal(a->lanes, b->lanes);
    return 0;
}

static void what_was_asked_is_found_again(void **state) {
    (void)state;
    struct err e = {0};
    const struct store_origin o = origin_of("A", "line-1"), p = origin_of("B", "line-1");
    struct store_asked a = asked_of(&o);
    assert_int_equal(store_asked(store, how, same_asked, &a, &e), PRECIS_ENOTFOUND);
    assert_int_equal(store_put_asked(store, how, &a, &e), 0);
    assert_int_equal(store_asked(store, how, same_asked, &a, &e), 0);
    assert_int_equal(store_asked(store, other, same_asked, &a, &e), PRECIS_ENOTFOUND);
    a = asked_of(&p);
    a.seq2seq = false;
    assert_int_equal(store_put_asked(store, how, &a, &e), 0);
    assert_int_equal(store_asked(store, how, same_asked, &a, &e), 0);
}

static int spell_nothing(void *user, const uint8_t key[HASH_SHA256_SIZE],
                         const struct store_nothing *n, struct err *e) {
    (void)e;
    buf_printf(user, "%02x %s, %s, %d in, %d out%s\n", key[0], n->why, n->symbol ? n->symbol : "-",
               (int)n->tokens_in, (int)n->tokens_out, n->cut ? ", cut" : "");
    assert_memory_equal(n->text, version, sizeof version);
    return 0;
}

static const char *settled(const char *path, const uint8_t *of, const uint8_t *hash) {
    static struct buf out;
    struct err e = {0};
    buf_free(&out);
    int rc = store_settled(store, path, of, hash, spell_line, spell_nothing, &out, &e);
    assert_true(rc == 0 || rc == PRECIS_ENOTFOUND);
    return rc ? NULL : out.data;
}

/* Two lines of a.c, settled. */
static void settle_two(const struct store_origin *o) {
    struct err e = {0};
    uint8_t keys[2 * HASH_SHA256_SIZE];
    const struct store_line one = line_of(o, "a.c", 1, 3, "One."),
                            two = line_of(o, "a.c", 4, 5, "Two.");
    const int64_t run = begin_run(store);
    put_file(store, "a.c", "x");
    put_line(store, run, &two);
    put_line(store, run, &one);
    memcpy(keys, one.key, sizeof one.key);
    memcpy(keys + sizeof one.key, two.key, sizeof two.key);
    assert_int_equal(store_settle(store, "a.c", how, keys, 2, &e), 0);
}

static void a_file_has_its_lines_as_long_as_it_is_the_same(void **state) {
    (void)state;
    const struct store_origin o = origin_of("A", "line-1");
    uint8_t changed[HASH_SHA256_SIZE];
    hash_of("y", changed);
    assert_null(settled("a.c", how, version));
    settle_two(&o);
    assert_string_equal(settled("a.c", how, version), "a.c:1-3 One.\na.c:4-5 Two.\n");
    assert_null(settled("a.c", other, version));
    assert_null(settled("a.c", how, changed));
    assert_null(settled("b.c", how, version));
    put_file(store, "a.c", "y");
    assert_null(settled("a.c", how, changed));
    put_file(store, "a.c", "x"); /* and back */
    assert_non_null(settled("a.c", how, version));
}

static void a_line_that_is_gone_is_a_miss(void **state) {
    (void)state;
    const struct store_origin o = origin_of("A", "line-1");
    settle_two(&o);
    char *path = file_join(root, STORE_FOLDER "/" STORE_FILE);
    sqlite3 *db;
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, "DELETE FROM chunks WHERE start_line = 4", NULL, NULL, NULL),
                     SQLITE_OK);
    assert_null(settled("a.c", how, version));
    assert_int_equal(sqlite3_exec(db, "UPDATE settled SET keys = x''", NULL, NULL, NULL),
                     SQLITE_OK);
    assert_null(settled("a.c", how, version));
    sqlite3_close(db);
    free(path);
}

/* What is noted of a key, spelled; NULL: nothing. Until the next call. */
static const char *nothing_of(const uint8_t *key) {
    static struct buf out;
    struct err e = {0};
    buf_free(&out);
    int rc = store_find_nothing(store, key, spell_nothing, &out, &e);
    assert_true(rc == 0 || rc == PRECIS_ENOTFOUND);
    return rc ? NULL : out.data + 3;
}

static const struct store_nothing silent = {
    .why = "no sentence", .text = version, .tokens_in = 9, .tokens_out = 3};

static void what_has_no_answer_says_why(void **state) {
    (void)state;
    struct err e = {0};
    struct store_nothing n = silent;
    assert_null(nothing_of(how));
    n.cut = true;
    assert_int_equal(store_put_nothing(store, how, &n, &e), 0);
    assert_string_equal(nothing_of(how), "no sentence, -, 9 in, 3 out, cut\n");
    n.symbol = "f";
    assert_int_equal(store_put_nothing(store, how, &n, &e), 0);
    assert_string_equal(nothing_of(how), "no sentence, f, 9 in, 3 out, cut\n");
    n.symbol = "two\nlines";
    assert_int_equal(store_put_nothing(store, other, &n, &e), PRECIS_EUSAGE);
    n.symbol = NULL;
    n.why = "two\nlines";
    assert_int_equal(store_put_nothing(store, other, &n, &e), PRECIS_EUSAGE);
}

/* A key has a line or a note that there is none. */
static void what_has_a_line_has_an_answer(void **state) {
    (void)state;
    struct err e = {0};
    const struct store_origin o = origin_of("A", "line-1");
    struct store_line l = line_of(&o, "a.c", 1, 3, "One.");
    struct store_nothing n = silent;
    put_file(store, "a.c", "x");
    assert_int_equal(store_put_nothing(store, l.key, &n, &e), 0);
    put_line(store, begin_run(store), &l);
    assert_null(nothing_of(l.key));
    assert_int_equal(store_put_nothing(store, l.key, &n, &e), 0);
    assert_null(nothing_of(l.key));
    n.replace = true;
    assert_int_equal(store_put_nothing(store, l.key, &n, &e), 0);
    assert_non_null(nothing_of(l.key));
    assert_string_equal(list(store, ""), "");
}

static void a_file_may_have_chunks_without_a_line(void **state) {
    (void)state;
    struct err e = {0};
    uint8_t keys[2 * HASH_SHA256_SIZE];
    const struct store_origin o = origin_of("A", "line-1");
    const struct store_line l = line_of(&o, "a.c", 1, 3, "One.");
    put_file(store, "a.c", "x");
    put_line(store, begin_run(store), &l);
    memcpy(keys, other, sizeof other);
    memcpy(keys + sizeof other, l.key, sizeof l.key);
    assert_int_equal(store_settle(store, "a.c", how, keys, 2, &e), 0);
    assert_null(settled("a.c", how, version));
    assert_int_equal(store_put_nothing(store, other, &silent, &e), 0);
    char expected[100];
    snprintf(expected, sizeof expected, "%02x no sentence, -, 9 in, 3 out\na.c:1-3 One.\n",
             other[0]);
    assert_string_equal(settled("a.c", how, version), expected);
}

static int count_line(void *user, const struct store_line *l, struct err *e) {
    (void)l;
    (void)e;
    ++*(size_t *)user;
    return 0;
}

static int count_nothing(void *user, const uint8_t key[HASH_SHA256_SIZE],
                         const struct store_nothing *n, struct err *e) {
    (void)key, (void)n, (void)e;
    ++*(size_t *)user;
    return 0;
}

static int read_all(void *user, struct err *e) {
    (void)user;
    const struct store_origin o = origin_of("A", "line-1");
    struct store_asked a = asked_of(&o);
    size_t lines = 0;
    int rc = store_asked(store, how, same_asked, &a, e);
    if (rc == 0)
        rc = store_settled(store, "a.c", how, version, count_line, count_nothing, &lines, e);
    if (rc == 0)
        rc = store_find_nothing(store, how, count_nothing, &lines, e);
    return rc;
}

static void memory_that_runs_out_is_an_error(void **state) {
    (void)state;
    struct err e = {0};
    const struct store_origin o = origin_of("A", "line-1");
    const struct store_asked a = asked_of(&o);
    settle_two(&o);
    assert_int_equal(store_put_asked(store, how, &a, &e), 0);
    assert_int_equal(store_put_nothing(store, how, &silent, &e), 0);
    assert_true(fault_each(&fault_memory, FAULT_ONCE, read_all, NULL) > 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(what_was_asked_is_found_again, begin, end),
        cmocka_unit_test_setup_teardown(a_file_has_its_lines_as_long_as_it_is_the_same, begin, end),
        cmocka_unit_test_setup_teardown(a_line_that_is_gone_is_a_miss, begin, end),
        cmocka_unit_test_setup_teardown(what_has_no_answer_says_why, begin, end),
        cmocka_unit_test_setup_teardown(what_has_a_line_has_an_answer, begin, end),
        cmocka_unit_test_setup_teardown(a_file_may_have_chunks_without_a_line, begin, end),
        cmocka_unit_test_setup_teardown(memory_that_runs_out_is_an_error, begin, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
