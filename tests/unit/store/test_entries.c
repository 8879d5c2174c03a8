/* The index of a store: how a file of version 1 gets it, what enters and leaves, and what is found.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/file.h"
#include "lines.h"
#include "store/entries.h"
#include "store/store_impl.h"
#include "tree.h"

static void outside(const char *sql) {
    char *path = file_join(root, STORE_FOLDER "/" STORE_FILE), *why = NULL;
    sqlite3 *db;
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    assert_int_equal(fts_register(db), SQLITE_OK);
    if (sqlite3_exec(db, sql, NULL, NULL, &why) != SQLITE_OK)
        fail_msg("%s: %s", sql, why);
    sqlite3_close(db);
    free(path);
}

static void check(int rc, const struct err *e) {
    if (rc)
        fail_msg("%s", e->text);
}

static struct store_entry entry(const char *symbol, uint64_t first, uint64_t last,
                                const char *body) {
    struct store_entry n = {.kind = "function",
                            .symbol = symbol,
                            .start_line = first,
                            .end_line = last,
                            .body = body,
                            .body_len = strlen(body)};
    hash_of(body, n.text);
    return n;
}

static void put(struct store *s, const char *path, const struct store_entry *entries, size_t n,
                int64_t *ids) {
    struct err e = {0};
    struct store_indexed f = {.file = {.path = path, .language = "c", .size = 3, .mtime_ns = 5}};
    hash_of("file", f.file.hash);
    hash_of("file", f.entered);
    check(store_put_entries(s, &f, entries, n, ids, &e), &e);
}

static int spell(void *user, const struct store_found *f, struct err *e) {
    (void)e;
    buf_printf(user, "%s %s %d-%d %s\n", f->path, f->e.symbol, (int)f->e.start_line,
               (int)f->e.end_line, f->summary ? f->summary : "-");
    return 0;
}

/* What matches, spelled; until the next call. */
static const char *match(struct store *s, const char *expression) {
    static struct buf b;
    static const struct store_weights even = {1, 1, 1, 1};
    struct store_hit hits[8];
    size_t n;
    struct err e = {0};
    check(store_match(s, expression, &even, NULL, 0, hits, 8, &n, &e), &e);
    buf_clear(&b);
    for (size_t i = 0; i < n; i++)
        check(store_entry(s, hits[i].entry, spell, &b, &e), &e);
    buf_str(&b, "");
    return b.data;
}

static void a_store_of_version_1_gets_an_index_and_keeps_its_lines(void **state) {
    (void)state;
    struct err e = {0};
    struct store_origin o = origin_of("A", "line-1");
    struct store_line l = line_of(&o, "a.c", 1, 3, "Line.");
    struct store *s = open_store(root, STORE_CREATE);
    put_file(s, "a.c", "x");
    put_line(s, begin_run(s), &l);
    store_close(s);
    outside("DROP INDEX files_by_hash; ALTER TABLE chunks DROP COLUMN renamed_from; "
            "DROP INDEX chunks_by_seen; ALTER TABLE summaries DROP COLUMN context; DROP TABLE "
            "unanswered; DROP TABLE settled; "
            "DROP TABLE asked; DROP TABLE words; DROP TABLE stale; DROP TABLE index_state; "
            "DROP TABLE entries; DROP TABLE indexed; "
            "DROP TABLE vectors; DROP TABLE embedders; DELETE FROM sqlite_sequence;");
    /* what AUTOINCREMENT made cannot be dropped otherwise */
    outside("PRAGMA writable_schema = ON; DELETE FROM sqlite_schema WHERE name = "
            "'sqlite_sequence'; PRAGMA user_version = 1; VACUUM;");
    assert_int_equal(store_open(root, STORE_READ, &s, &e), PRECIS_EUNSUPPORTED);
    assert_non_null(strstr(e.text, "is of version 1"));
    s = open_store(root, STORE_WRITE);
    assert_string_equal(list(s, ""), "a.c:1-3 Line.\n");
    struct store_index index;
    assert_int_equal(store_index(s, &index, &e), PRECIS_ENOTFOUND);
    struct store_entry n = entry("f", 1, 3, "int f");
    put(s, "a.c", &n, 1, NULL);
    assert_string_equal(match(s, "f"), "a.c f 1-3 -\n"); /* the line is of another text */
    store_close(s);
    store_close(open_store(root, STORE_READ));
}

static void words_are_split_and_their_ends_do_not_count(void **state) {
    (void)state;
    struct store *s = open_store(root, STORE_CREATE);
    struct store_entry n[] = {entry("HTTPServer.getName2", 1, 2, "wake_idleWorkers(x17)"),
                              entry("other", 4, 9, "\xc3\x84rger \xe8\xaa\x9e waking")};
    put(s, "src/net-core/a.c", n, 2, NULL);
    static const char *const first[] = {"http",         "server", "getting", "names",
                                        "woke OR idle", "worker", "17",      "x"};
    for (size_t i = 0; i < sizeof first / sizeof *first; i++)
        if (strcmp(match(s, first[i]), "src/net-core/a.c HTTPServer.getName2 1-2 -\n") != 0)
            fail_msg("%s: %s", first[i], match(s, first[i]));
    assert_string_equal(match(s, "\"\xc3\xa4rger\""), "src/net-core/a.c other 4-9 -\n");
    assert_string_equal(match(s, "\"\xe8\xaa\x9e\""), "src/net-core/a.c other 4-9 -\n");
    assert_non_null(strstr(match(s, "core"), "other"));
    assert_string_equal(match(s, "nothing"), "");
    /* what the parts spell together; the last part is what is marked */
    static const char *const whole[] = {"httpserver", "getname2", "wakeidleworkers", "x17"};
    for (size_t i = 0; i < sizeof whole / sizeof *whole; i++)
        if (strcmp(match(s, whole[i]), "src/net-core/a.c HTTPServer.getName2 1-2 -\n") != 0)
            fail_msg("%s: %s", whole[i], match(s, whole[i]));
    assert_string_equal(match(s, "serverget OR idleworkers OR netcore"), "");
    struct buf marked = {0};
    assert_int_equal(store_marked(s, 1, "workers", &marked, NULL), 0);
    assert_string_equal(marked.data, "wake_idle\001Workers\002(x17)");
    buf_clear(&marked);
    assert_int_equal(store_marked(s, 1, "wakeidleworkers", &marked, NULL), 0);
    assert_string_equal(marked.data, "wake_idle\001Workers\002(x17)");
    buf_free(&marked);
    store_close(s);
}

/* Its words are those of its text without what identifiers spell together. */
static void an_index_of_version_3_gets_its_words_anew(void **state) {
    (void)state;
    struct store *s = open_store(root, STORE_CREATE);
    struct store_entry n = entry("f", 1, 2, "x");
    put(s, "a.c", &n, 1, NULL);
    store_close(s);
    outside("DROP INDEX files_by_hash; ALTER TABLE chunks DROP COLUMN renamed_from; "
            "DROP INDEX chunks_by_seen; ALTER TABLE summaries DROP COLUMN context; DROP TABLE "
            "unanswered; DROP TABLE settled; "
            "DROP TABLE asked; UPDATE words_content SET c3 = 'wake_worker'; "
            "PRAGMA user_version = 3");
    s = open_store(root, STORE_WRITE);
    assert_string_equal(match(s, "wakeworker"), "a.c f 1-2 -\n");
    assert_string_equal(match(s, "x"), "");
    store_close(s);
}

static void a_file_enters_whole_and_leaves_whole(void **state) {
    (void)state;
    struct err e = {0};
    struct store_index index;
    struct store *s = open_store(root, STORE_CREATE);
    struct store_entry n[] = {entry("f", 1, 2, "alpha"), entry("g", 4, 5, "beta")};
    int64_t ids[2], again[1];
    put(s, "a.c", n, 2, ids);
    put(s, "b.c", n, 1, NULL);
    put(s, "a.c", n + 1, 1, again);
    assert_true(again[0] > ids[0] && again[0] > ids[1] + 1);
    assert_string_equal(match(s, "alpha"), "b.c f 1-2 -\n");
    assert_string_equal(match(s, "beta"), "a.c g 4-5 -\n");
    check(store_index(s, &index, &e), &e);
    assert_int_equal(index.files, 2);
    assert_int_equal(index.entries, 2);
    check(store_remove_indexed(s, "a.c", &e), &e);
    check(store_remove_indexed(s, "never.c", &e), &e);
    assert_string_equal(match(s, "beta"), "");
    struct store_file f;
    assert_int_equal(store_file(s, "a.c", &f, &e), PRECIS_ENOTFOUND);
    n[0].body = "\xff";
    n[0].body_len = 1;
    struct store_indexed bad = {.file.path = "c.c"};
    assert_int_equal(store_put_entries(s, &bad, n, 1, NULL, &e), PRECIS_EUSAGE);
    assert_int_equal(store_file(s, "c.c", &f, &e), PRECIS_ENOTFOUND);
    store_close(s);
}

static int add_up(void *user, int64_t id, const float *v, struct err *e) {
    double *sum = user;
    (void)e;
    *sum += (double)id * (double)v[1];
    return 0;
}

static void a_vector_is_kept_once_while_it_is_needed(void **state) {
    (void)state;
    struct err e = {0};
    struct store *s = open_store(root, STORE_CREATE);
    int64_t id = 0, same = 0, dropped;
    static const int8_t numbers[] = {127, -2, 3};
    float v[3];
    check(store_embedder(s, "rev", "tiny", 3, &id, &e), &e);
    check(store_embedder(s, "rev", "tiny", 3, &same, &e), &e);
    assert_int_equal(id, same);
    struct store_entry n = entry("f", 1, 2, "alpha");
    struct store_vector of = {.scale = 0.5, .v = numbers, .width = 3};
    static const char *const texts[] = {"alpha", "beta", "gamma"};
    for (int i = 0; i < 3; i++) {
        hash_of(texts[i], of.text);
        check(store_put_vector(s, id, &of, &e), &e);
        check(store_put_vector(s, id, &of, &e), &e);
    }
    put(s, "a.c", &n, 1, NULL);
    check(store_find_vector(s, id, n.text, v, 3, &e), &e);
    assert_true(v[0] == 63.5f && v[1] == -1 && v[2] == 1.5f);
    assert_int_equal(store_find_vector(s, id, n.text, v, 2, &e), PRECIS_EINPUT);
    double sum = 0;
    check(store_each_vector(s, id, 3, add_up, &sum, &e), &e);
    assert_true(sum == -1);
    check(store_drop_vectors(s, &dropped, &e), &e); /* two of three are no one's */
    assert_int_equal(dropped, 2);
    check(store_drop_vectors(s, &dropped, &e), &e);
    assert_int_equal(dropped, 0);
    check(store_find_vector(s, id, n.text, v, 3, &e), &e);
    store_close(s);
}

static void lines_of_summaries_are_found_with_their_entries(void **state) {
    (void)state;
    struct err e = {0};
    struct store_origin o = origin_of("A", "line-1");
    struct store *s = open_store(root, STORE_CREATE);
    struct store_entry n[] = {entry("f", 1, 10, "alpha"), entry("g", 12, 40, "beta")};
    size_t changed;
    put(s, "a.c", n, 2, NULL);
    put_file(s, "a.c", "file");
    int64_t run = begin_run(s);
    struct store_line l = line_of(&o, "a.c", 1, 11, "Wakes sleepers.");
    put_line(s, run, &l);
    l = line_of(&o, "a.c", 12, 60, "Parses headers."); /* 29 of 49 lines */
    put_line(s, run, &l);
    assert_string_equal(match(s, "sleeper"), "");
    check(store_match_summaries(s, &changed, &e), &e);
    assert_int_equal(changed, 2);
    assert_string_equal(match(s, "sleeper"), "a.c f 1-10 Wakes sleepers.\n");
    assert_string_equal(match(s, "header"), "a.c g 12-40 Parses headers.\n");
    check(store_match_summaries(s, &changed, &e), &e);
    assert_int_equal(changed, 0);
    /* a newer run has another line; those of an entry that comes later are there at once */
    run = begin_run(s);
    l = line_of(&o, "a.c", 1, 11, "Rouses sleepers.");
    put_line(s, run, &l);
    check(store_match_summaries(s, &changed, &e), &e);
    assert_int_equal(changed, 1);
    put(s, "a.c", n, 1, NULL);
    assert_string_equal(match(s, "rouse"), "a.c f 1-10 Rouses sleepers.\n");
    store_close(s);
}

int main(void) {
#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(a_store_of_version_1_gets_an_index_and_keeps_its_lines),
        TEST(words_are_split_and_their_ends_do_not_count),
        TEST(an_index_of_version_3_gets_its_words_anew),
        TEST(a_file_enters_whole_and_leaves_whole),
        TEST(a_vector_is_kept_once_while_it_is_needed),
        TEST(lines_of_summaries_are_found_with_their_entries),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
