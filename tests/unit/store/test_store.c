#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

#include <sqlite3.h>

#include "base/file.h"
#include "lines.h"
#include "tree.h"

/* SQL on the file from outside; "" or the first column of the first row. */
static const char *outside(const char *sql) {
    static char text[512];
    char *path = file_join(root, STORE_FOLDER "/" STORE_FILE);
    sqlite3 *db;
    sqlite3_stmt *st;
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    if (sqlite3_prepare_v2(db, sql, -1, &st, NULL) != SQLITE_OK)
        fail_msg("%s: %s", sql, sqlite3_errmsg(db));
    int rc = sqlite3_step(st);
    const void *value = rc == SQLITE_ROW ? sqlite3_column_text(st, 0) : NULL;
    snprintf(text, sizeof text, "%s", value ? (const char *)value : "");
    if (rc != SQLITE_ROW && rc != SQLITE_DONE)
        fail_msg("%s: %s", sql, sqlite3_errmsg(db));
    sqlite3_finalize(st);
    sqlite3_close(db);
    free(path);
    return text;
}

static void refused(enum store_mode mode, int code, const char *why) {
    struct store *s;
    struct err e = {0};
    assert_int_equal(store_open(root, mode, &s, &e), code);
    assert_null(s);
    if (!strstr(e.text, why) || strchr(e.text, '\n'))
        fail_msg("no \"%s\" in: %s", why, e.text);
    assert_non_null(strstr(e.text, root));
}

static void is_made_only_when_asked(void **state) {
    (void)state;
    refused(STORE_READ, PRECIS_ENOTFOUND, "there is no store");
    refused(STORE_WRITE, PRECIS_ENOTFOUND, "there is no store");
    assert_int_equal(tree_count(root), 0);
    struct store *s = open_store(root, STORE_CREATE);
    assert_string_equal(store_root(s), root);
    assert_true(file_ends(store_path(s), "/.precis/precis.db"));
    store_close(s);
    assert_string_equal(outside("PRAGMA journal_mode"), "wal");
    assert_string_equal(outside("PRAGMA application_id"), "1886545251");
    assert_string_equal(outside("PRAGMA user_version"), "7");
    assert_string_equal(outside("PRAGMA integrity_check"), "ok");
    char *folder = file_join(root, STORE_FOLDER);
    assert_int_equal(tree_count(folder), 2); /* and .gitignore; no log stays */
    store_close(open_store(root, STORE_WRITE));
    store_close(open_store(root, STORE_READ));
    assert_int_equal(tree_count(folder), 2);
    free(folder);
}

/* The folder may be there before the store: for a configuration. What is in it is kept. */
static void is_ignored_by_git(void **state) {
    (void)state;
    char *folder = file_join(root, STORE_FOLDER);
    tree_write(root, STORE_FOLDER "/config", "loc = 100\n");
    store_close(open_store(root, STORE_CREATE));
    assert_int_equal(tree_count(folder), 3);
    char *ignore = file_join(folder, ".gitignore");
    assert_int_equal(unlink(ignore), 0); /* somebody shares the store, too */
    store_close(open_store(root, STORE_CREATE));
    assert_int_equal(tree_count(folder), 2);
    free(ignore);
    free(folder);
}

static int check_all(void *user, const struct store_line *l, struct err *e) {
    const struct store_line *x = user;
    (void)e;
    assert_memory_equal(l->key, x->key, sizeof x->key);
    assert_int_equal(l->level, x->level);
    assert_string_equal(l->path, x->path);
    assert_string_equal(l->language, "c");
    assert_int_equal(l->start_line, x->start_line);
    assert_int_equal(l->end_line, x->end_line);
    assert_string_equal(l->symbol, x->symbol);
    assert_memory_equal(l->text, x->text, sizeof x->text);
    assert_string_equal(l->line, x->line);
    assert_true(l->confidence == x->confidence);
    assert_string_equal(l->source, x->source);
    assert_int_equal(l->tokens_in, x->tokens_in);
    assert_int_equal(l->tokens_out, x->tokens_out);
    assert_true(l->elapsed_ms == x->elapsed_ms);
    assert_int_equal(l->cut, x->cut);
    assert_true(l->made_at > 1700000000);
    assert_string_equal(l->made->model, x->made->model);
    assert_string_equal(l->made->model_revision, x->made->model_revision);
    assert_string_equal(l->made->file_type, x->made->file_type);
    assert_string_equal(l->made->precision, x->made->precision);
    assert_string_equal(l->made->isa, x->made->isa);
    assert_string_equal(l->made->prompt_version, x->made->prompt_version);
    assert_string_equal(l->made->decoder_version, x->made->decoder_version);
    assert_string_equal(l->made->parameters, x->made->parameters);
    assert_int_equal(l->made->seed, x->made->seed);
    return 0;
}

static void gives_back_what_was_put(void **state) {
    (void)state;
    struct store *s = open_store(root, STORE_CREATE);
    struct store_origin o = origin_of("A", "line-1");
    o.seed = UINT64_MAX;
    struct store_line l = line_of(&o, "src/a.c", 3, 8, "Adds \"two\" numbers; \xc3\xa9.");
    l.symbol = "add";
    l.cut = true;
    put_file(s, "src/a.c", "text");
    put_line(s, begin_run(s), &l);
    struct err e = {0};
    assert_int_equal(store_find(s, l.key, check_all, &l, &e), 0);
    assert_int_equal(store_lines(s, "src/a.c", STORE_CHUNK, 3, 3, check_all, &l, &e), 0);
    store_close(s);
    s = open_store(root, STORE_READ);
    assert_int_equal(store_find(s, l.key, check_all, &l, &e), 0);
    struct store_file f;
    assert_int_equal(store_file(s, "src/a.c", &f, &e), 0);
    assert_string_equal(f.language, "c");
    assert_int_equal(f.size, 4);
    assert_int_equal(f.mtime_ns, 5);
    assert_int_equal(f.inode, 9);
    assert_int_equal(store_file(s, "src/b.c", &f, &e), PRECIS_ENOTFOUND);
    l.key[0] ^= 1;
    assert_int_equal(store_find(s, l.key, check_all, &l, &e), PRECIS_ENOTFOUND);
    assert_int_equal(store_rate(s, 1, &(struct store_rating){.verdict = "good", .who = "me"}, &e),
                     PRECIS_EIO);
    store_close(s);
}

static void keeps_the_first_line_of_a_key(void **state) {
    (void)state;
    struct store *s = open_store(root, STORE_CREATE);
    struct store_origin o = origin_of("A", "line-1");
    struct store_line l = line_of(&o, "a.c", 1, 9, "First.");
    bool added;
    struct err e = {0};
    put_file(s, "a.c", "text");
    assert_int_equal(store_put(s, begin_run(s), &l, &added, &e), 0);
    assert_true(added);
    l.line = "Second.";
    assert_int_equal(store_put(s, begin_run(s), &l, &added, &e), 0);
    assert_false(added);
    assert_string_equal(list(s, ""), "a.c:1-9 First.\n");
    /* the same key at another place: two copies of one text */
    l.start_line = 10, l.end_line = 18;
    assert_int_equal(store_put(s, begin_run(s), &l, &added, &e), 0);
    assert_false(added);
    assert_string_equal(list(s, ""), "a.c:1-9 First.\na.c:10-18 First.\n");
    store_close(s);
    assert_string_equal(outside("SELECT count(*) FROM summaries"), "1");
    assert_string_equal(outside("SELECT count(*) FROM provenance"), "1");
}

static void refuses_what_is_no_line(void **state) {
    (void)state;
    struct store *s = open_store(root, STORE_CREATE);
    struct store_origin o = origin_of("A", "line-1");
    const struct store_line good = line_of(&o, "a.c", 1, 9, "Fine.");
    struct store_line bad[12];
    for (size_t i = 0; i < 12; i++)
        bad[i] = good;
    bad[0].line = "Two\nlines.";
    bad[1].line = "";
    bad[2].line = "Not \xff text.";
    bad[3].line = "\xc2\x9b";
    bad[4].confidence = 1.01;
    bad[5].confidence = (double)NAN;
    bad[6].start_line = 10;
    bad[7].end_line = UINT64_MAX;
    bad[8].path = "b.c"; /* no such file */
    bad[9].path = "\xff.c";
    bad[10].level = (enum store_level)4;
    bad[11].symbol = "a\tb";
    put_file(s, "a.c", "text");
    int64_t run = begin_run(s);
    for (size_t i = 0; i < 12; i++) {
        struct err e = {0};
        if (store_put(s, run, &bad[i], NULL, &e) != PRECIS_EUSAGE || !e.text[0])
            fail_msg("%zu: %s", i, e.text);
    }
    struct err e = {0};
    assert_int_not_equal(store_put(s, run + 1, &good, NULL, &e), 0); /* no such run */
    assert_string_equal(list(s, ""), "");
    assert_int_equal(store_put(s, run, &good, NULL, &e), 0);
    store_close(s);
}

static void the_newest_lines_of_the_present_text_are_active(void **state) {
    (void)state;
    struct store *s = open_store(root, STORE_CREATE);
    struct store_origin a = origin_of("A", "line-1"), b = origin_of("B", "line-1");
    struct store_line a1 = line_of(&a, "a.c", 1, 10, "A1."), a2 = line_of(&a, "a.c", 11, 20, "A2."),
                      b1 = line_of(&b, "a.c", 1, 10, "B1."), b2 = line_of(&b, "a.c", 11, 15, "B2.");
    put_file(s, "a.c", "text");
    int64_t run = begin_run(s);
    put_line(s, run, &a2);
    put_line(s, run, &a1);
    assert_string_equal(list(s, ""), "a.c:1-10 A1.\na.c:11-20 A2.\n");
    run = begin_run(s);
    put_line(s, run, &b1);
    assert_string_equal(list(s, ""), "a.c:1-10 B1.\na.c:11-20 A2.\n");
    put_line(s, run, &b2);
    assert_string_equal(list(s, ""), "a.c:1-10 B1.\na.c:11-15 B2.\n");
    assert_string_equal(at(s, "a.c", 10), "a.c:1-10 B1.\n");
    assert_string_equal(at(s, "a.c", 11), "a.c:11-15 B2.\n");
    assert_string_equal(at(s, "a.c", 21), "");
    assert_string_equal(at(s, "a.c", UINT64_MAX), "");
    /* an older line that a new run has again is new again */
    run = begin_run(s);
    put_line(s, run, &a1);
    assert_string_equal(list(s, ""), "a.c:1-10 A1.\na.c:11-15 B2.\n");
    /* the text changes, and back */
    put_file(s, "a.c", "text!");
    assert_string_equal(list(s, ""), "");
    put_line(s, begin_run(s), &b1);
    assert_string_equal(list(s, ""), "a.c:1-10 B1.\n");
    put_file(s, "a.c", "text");
    assert_string_equal(list(s, ""), "a.c:1-10 A1.\na.c:11-15 B2.\n");
    store_close(s);
}

static int count_revision(void *user, const struct store_revision *r, struct err *e) {
    (void)e;
    buf_printf(user, "%s %s %s %d\n", r->model, r->model_revision, r->prompt_version,
               (int)r->lines);
    assert_true(r->first_at > 1700000000 && r->last_at >= r->first_at);
    return 0;
}

static void a_pinned_revision_is_read_until_the_pin_is_taken_back(void **state) {
    (void)state;
    struct store *s = open_store(root, STORE_CREATE);
    struct store_origin a = origin_of("A", "line-1"), a2 = origin_of("A", "line-2"),
                        b = origin_of("B", "line-2");
    struct store_line of_a = line_of(&a, "a.c", 1, 10, "A, 1."),
                      of_a2 = line_of(&a2, "a.c", 1, 10, "A, 2."),
                      of_b = line_of(&b, "a.c", 1, 10, "B, 2.");
    put_file(s, "a.c", "text");
    put_line(s, begin_run(s), &of_a);
    put_line(s, begin_run(s), &of_a2);
    put_line(s, begin_run(s), &of_b);
    struct store_revision r;
    struct err e = {0};
    assert_int_equal(store_active(s, &r, &e), PRECIS_ENOTFOUND);
    assert_string_equal(list(s, ""), "a.c:1-10 B, 2.\n");
    r = (struct store_revision){.model_revision = "A"};
    assert_int_equal(store_pin(s, &r, &e), 0);
    assert_string_equal(list(s, ""), "a.c:1-10 A, 2.\n");
    assert_string_equal(at(s, "a.c", 5), "a.c:1-10 A, 2.\n");
    r.prompt_version = "line-1";
    assert_int_equal(store_pin(s, &r, &e), 0);
    assert_string_equal(list(s, ""), "a.c:1-10 A, 1.\n");
    assert_int_equal(store_active(s, &r, &e), 0);
    assert_string_equal(r.model_revision, "A");
    assert_string_equal(r.prompt_version, "line-1");
    assert_int_equal(
        store_pin(s, &(struct store_revision){.model_revision = "B", .prompt_version = "line-1"},
                  &e),
        PRECIS_ENOTFOUND);
    assert_int_equal(store_unpin(s, &e), 0);
    assert_string_equal(list(s, ""), "a.c:1-10 A, 2.\n");
    assert_int_equal(store_unpin(s, &e), 0);
    assert_string_equal(list(s, ""), "a.c:1-10 B, 2.\n");
    assert_int_equal(store_unpin(s, &e), PRECIS_ENOTFOUND);
    struct buf all = {0};
    assert_int_equal(store_revisions(s, count_revision, &all, &e), 0);
    assert_string_equal(all.data, "tiny A line-1 1\ntiny A line-2 1\ntiny B line-2 1\n");
    buf_free(&all);
    store_close(s);
}

static void lists_what_is_below_a_path_in_order(void **state) {
    (void)state;
    struct store *s = open_store(root, STORE_CREATE);
    struct store_origin o = origin_of("A", "line-1");
    static const char *const paths[] = {"src/b.c", "src/a.c", "src-old/a.c", "src.c", "src/in/c.c"};
    int64_t run = begin_run(s);
    assert_int_equal(store_begin(s, NULL), 0);
    for (size_t i = 0; i < 5; i++) {
        put_file(s, paths[i], "text");
        struct store_line l = line_of(&o, paths[i], 2, 2, "Two.");
        put_line(s, run, &l);
        l = line_of(&o, paths[i], 1, 1, "One.");
        put_line(s, run, &l);
    }
    static const char *const folders[] = {"src", "", "src/in"};
    for (size_t i = 0; i < 3; i++) {
        struct store_line l = line_of(&o, folders[i], 0, 0, "Folder.");
        l.level = *folders[i] ? STORE_DIRECTORY : STORE_REPOSITORY;
        put_line(s, run, &l);
    }
    struct store_line whole = line_of(&o, "src/a.c", 1, 2, "File.");
    whole.level = STORE_WHOLE_FILE;
    put_line(s, run, &whole);
    assert_int_equal(store_commit(s, NULL), 0);
    assert_string_equal(list(s, "src"), "src:0-0 Folder.\n"
                                        "src/a.c:1-2 File.\nsrc/a.c:1-1 One.\nsrc/a.c:2-2 Two.\n"
                                        "src/b.c:1-1 One.\nsrc/b.c:2-2 Two.\n"
                                        "src/in:0-0 Folder.\n"
                                        "src/in/c.c:1-1 One.\nsrc/in/c.c:2-2 Two.\n");
    assert_string_equal(list(s, "src.c"), "src.c:1-1 One.\nsrc.c:2-2 Two.\n");
    assert_string_equal(list(s, "s"), "");
    assert_non_null(strstr(list(s, ""), ":0-0 Folder.\nsrc:0-0 Folder.\nsrc-old/a.c"));
    store_close(s);
}

static void what_is_abandoned_was_never_there(void **state) {
    (void)state;
    struct store *s = open_store(root, STORE_CREATE);
    struct store_origin o = origin_of("A", "line-1");
    struct store_line l = line_of(&o, "a.c", 1, 1, "One.");
    put_file(s, "a.c", "text");
    int64_t run = begin_run(s);
    assert_int_equal(store_begin(s, NULL), 0);
    put_line(s, run, &l);
    store_abandon(s);
    store_abandon(s);
    assert_string_equal(list(s, ""), "");
    assert_int_equal(store_begin(s, NULL), 0);
    put_line(s, run, &l);
    store_close(s);
    s = open_store(root, STORE_READ);
    assert_string_equal(list(s, ""), "");
    store_close(s);
}

static int keep_rating(void *user, const struct store_line *l, const struct store_rating *r,
                       struct err *e) {
    (void)e;
    buf_printf(user, "%s | %s | %s | %s | %s\n", l->line, r->verdict, r->note ? r->note : "-",
               r->corrected ? r->corrected : "-", r->who);
    assert_true(r->rated_at > 1700000000);
    return 0;
}

static int keep_place(void *user, const struct store_line *l, struct err *e) {
    (void)e;
    *(int64_t *)user = l->place;
    return 0;
}

static void ratings_stay_with_their_lines(void **state) {
    (void)state;
    struct store *s = open_store(root, STORE_CREATE);
    struct store_origin o = origin_of("A", "line-1");
    struct store_line l = line_of(&o, "a.c", 1, 1, "One.");
    struct err e = {0};
    int64_t place = 0;
    put_file(s, "a.c", "text");
    put_line(s, begin_run(s), &l);
    assert_int_equal(store_lines(s, "a.c", STORE_CHUNK, 1, 1, keep_place, &place, &e), 0);
    struct store_rating r = {.verdict = "bad", .note = "No:\nit\tdoes not.", .who = "me"};
    assert_int_equal(store_rate(s, place, &r, &e), 0);
    r = (struct store_rating){.verdict = "5", .corrected = "Returns one.", .who = "you"};
    assert_int_equal(store_rate(s, place, &r, &e), 0);
    assert_int_equal(store_rate(s, place + 1, &r, &e), PRECIS_ENOTFOUND);
    r.verdict = "6";
    assert_int_equal(store_rate(s, place, &r, &e), PRECIS_EUSAGE);
    r.verdict = "good", r.corrected = "a\nb";
    assert_int_equal(store_rate(s, place, &r, &e), PRECIS_EUSAGE);
    put_file(s, "a.c", "other text"); /* ratings of lines of an older text are read all the same */
    struct buf all = {0};
    assert_int_equal(store_ratings(s, keep_rating, &all, &e), 0);
    assert_string_equal(all.data, "One. | bad | No:\nit\tdoes not. | - | me\n"
                                  "One. | 5 | - | Returns one. | you\n");
    buf_free(&all);
    store_close(s);
}

/* What was said of a line is never said of the one that takes its key. */
static void a_rated_line_stays_beside_the_one_that_replaces_it(void **state) {
    (void)state;
    struct store *s = open_store(root, STORE_CREATE);
    struct store_origin o = origin_of("A", "line-1");
    struct store_line l = line_of(&o, "a.c", 1, 1, "One.");
    const struct store_rating bad = {.verdict = "bad", .who = "me"};
    struct err e = {0};
    struct buf all = {0};
    int64_t place = 0;
    put_file(s, "a.c", "text");
    put_line(s, begin_run(s), &l);
    assert_int_equal(store_find(s, l.key, keep_place, &place, &e), 0);
    assert_int_equal(store_rate(s, place, &bad, &e), 0);
    l.replace = true;
    put_line(s, begin_run(s), &l); /* the same again */
    l.line = "Two.";
    put_line(s, begin_run(s), &l);
    assert_string_equal(list(s, ""), "a.c:1-1 Two.\n");
    assert_int_equal(store_find(s, l.key, keep_place, &place, &e), 0);
    assert_int_equal(store_rate(s, place, &(struct store_rating){.verdict = "5", .who = "me"}, &e),
                     0);
    l.line = "Three.";
    put_line(s, begin_run(s), &l);
    l.line = "Four."; /* which nobody rated */
    put_line(s, begin_run(s), &l);
    assert_string_equal(list(s, ""), "a.c:1-1 Four.\n");
    assert_int_equal(store_ratings(s, keep_rating, &all, &e), 0);
    assert_string_equal(all.data, "One. | bad | - | - | me\nTwo. | 5 | - | - | me\n");
    buf_free(&all);
    store_close(s);
    assert_string_equal(outside("SELECT count(*) FROM summaries"), "3");
    assert_string_equal(outside("SELECT count(*) FROM pragma_foreign_key_check"), "0");
}

/* Lines of stores before version 5 have none. */
static void a_context_that_was_not_known_is_filled_in(void **state) {
    (void)state;
    struct store *s = open_store(root, STORE_CREATE);
    struct store_origin o = origin_of("A", "line-1");
    struct store_line l = line_of(&o, "a.c", 1, 1, "One.");
    const uint8_t first[HASH_SHA256_SIZE] = {1}, second[HASH_SHA256_SIZE] = {2};
    struct err e = {0};
    bool added;
    put_file(s, "a.c", "text");
    put_line(s, begin_run(s), &l);
    l.context = first;
    assert_int_equal(store_put(s, begin_run(s), &l, &added, &e), 0);
    assert_false(added);
    l.context = second;
    put_line(s, begin_run(s), &l);
    store_close(s);
    assert_string_equal(outside("SELECT hex(substr(context, 1, 1)) FROM summaries"), "01");
}

static int end_early(void *user, const struct store_line *l, struct err *e) {
    (void)l;
    return ++*(int *)user == 2 ? err_set(e, PRECIS_ECANCELLED, "enough") : 0;
}

static void a_reader_can_end_early(void **state) {
    (void)state;
    struct store *s = open_store(root, STORE_CREATE);
    struct store_origin o = origin_of("A", "line-1");
    put_file(s, "a.c", "text");
    int64_t run = begin_run(s);
    for (uint64_t i = 1; i < 5; i++) {
        struct store_line l = line_of(&o, "a.c", i, i, "Line.");
        put_line(s, run, &l);
    }
    struct err e = {0};
    int n = 0;
    assert_int_equal(store_list(s, "", end_early, &n, &e), PRECIS_ECANCELLED);
    assert_string_equal(e.text, "enough");
    assert_int_equal(n, 2);
    n = 10;
    assert_int_equal(store_list(s, "", end_early, &n, &e), 0);
    assert_int_equal(n, 14);
    assert_int_equal(store_run_end(s, run, &e), 0);
    store_close(s);
}

static void refuses_what_precis_did_not_make(void **state) {
    (void)state;
    char *folder = file_join(root, STORE_FOLDER), *path = file_join(folder, STORE_FILE);
    tree_write(root, ".precis/precis.db", "this is a text, and rather a long one, of no database");
    refused(STORE_CREATE, PRECIS_EINPUT, "not a SQLite database");
    refused(STORE_READ, PRECIS_EINPUT, "not a SQLite database");
    unlink(path);
    outside("CREATE TABLE cookies(x)");
    refused(STORE_CREATE, PRECIS_EINPUT, "another application (id 0)");
    assert_string_equal(outside("PRAGMA journal_mode"), "delete"); /* untouched */
    unlink(path);
    outside("PRAGMA application_id = 42");
    refused(STORE_CREATE, PRECIS_EINPUT, "another application (id 42)");
    unlink(path);
    store_close(open_store(root, STORE_CREATE));
    outside("PRAGMA user_version = 8");
    refused(STORE_CREATE, PRECIS_EUNSUPPORTED, "version 8, this precis reads up to version 7");
    refused(STORE_READ, PRECIS_EUNSUPPORTED, "version 7");
    outside("PRAGMA user_version = -1");
    refused(STORE_WRITE, PRECIS_EINPUT, "version -1");
    outside("PRAGMA user_version = 7");
    outside("CREATE TRIGGER evil AFTER INSERT ON summaries BEGIN DELETE FROM summaries; END");
    refused(STORE_WRITE, PRECIS_EINPUT, "its schema differs at evil");
    refused(STORE_READ, PRECIS_EINPUT, "its schema differs at evil");
    outside("DROP TRIGGER evil");
    outside("DROP TABLE pins");
    refused(STORE_WRITE, PRECIS_EINPUT, "its schema differs at");
    outside("CREATE TABLE pins(id INTEGER PRIMARY KEY)");
    refused(STORE_WRITE, PRECIS_EINPUT, "its schema differs at pins");
    free(path);
    free(folder);
}

static void refuses_links_and_folders(void **state) {
    (void)state;
    tree_mkdir(root, "real");
    tree_link(root, ".precis", "real");
    refused(STORE_CREATE, PRECIS_EIO, "symbolic link");
    char *link = file_join(root, ".precis");
    unlink(link);
    tree_mkdir(root, ".precis");
    tree_link(root, ".precis/precis.db", "../real/target.db");
    refused(STORE_CREATE, PRECIS_EIO, "symbolic link");
    refused(STORE_READ, PRECIS_EIO, "symbolic link");
    char *path = file_join(link, "precis.db");
    unlink(path);
    tree_mkdir(root, ".precis/precis.db");
    refused(STORE_CREATE, PRECIS_EIO, "cannot open");
    refused(STORE_READ, PRECIS_EIO, "cannot open");
    free(path);
    free(link);
    struct store *s;
    struct err e = {0};
    assert_int_equal(store_open("/nowhere/at/all", STORE_CREATE, &s, &e), PRECIS_EIO);
    assert_non_null(strstr(e.text, "/nowhere/at/all"));
}

/* Rows that fit the schema as SQLite sees it, but that precis would not write. */
static void says_which_rows_are_damaged(void **state) {
    (void)state;
    static const char *const damages[] = {
        "UPDATE summaries SET line = 'two' || char(10) || 'lines'",
        "UPDATE summaries SET line = CAST(x'ff' AS TEXT)",
        "UPDATE summaries SET line = 'a' || char(0) || 'b'",
        "UPDATE summaries SET tokens_in = -1",
        "UPDATE summaries SET key = zeroblob(31)",
        "UPDATE summaries SET confidence = 2",
        "UPDATE chunks SET level = 4",
        "UPDATE chunks SET start_line = -1",
        "UPDATE chunks SET end_line = 0",
    };
    for (size_t i = 0; i < sizeof damages / sizeof *damages; i++) {
        struct store *s = open_store(root, STORE_CREATE);
        struct store_origin o = origin_of("A", "line-1");
        struct store_line l = line_of(&o, "a.c", 1, 1, "One.");
        struct err e = {0};
        put_file(s, "a.c", "text");
        put_line(s, begin_run(s), &l);
        store_close(s);
        char sql[512];
        snprintf(sql, sizeof sql, "PRAGMA ignore_check_constraints = ON; %s", damages[i]);
        char *path = file_join(root, STORE_FOLDER "/" STORE_FILE);
        sqlite3 *db;
        assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
        if (sqlite3_exec(db, sql, NULL, NULL, NULL) != SQLITE_OK)
            fail_msg("%s: %s", sql, sqlite3_errmsg(db));
        sqlite3_close(db);
        s = open_store(root, STORE_READ);
        struct buf out = {0};
        int rc = store_list(s, "", spell_line, &out, &e);
        /* a key that no chunk has leaves no line to read */
        if (strstr(damages[i], "zeroblob") ? rc != 0
                                           : rc != PRECIS_EINPUT || !strstr(e.text, "is damaged"))
            fail_msg("%s: %d: %s", damages[i], rc, e.text);
        buf_free(&out);
        store_close(s);
        unlink(path);
        free(path);
    }
}

static void finds_the_root_of_a_work_tree(void **state) {
    (void)state;
    struct err e = {0};
    char *found;
    tree_mkdir(root, ".precis"); /* above the work tree: not its store */
    tree_write(root, "repo/.git/HEAD", "ref\n");
    tree_write(root, "repo/src/in/a.c", "int x;\n");
    char *repo = file_join(root, "repo"), *in = file_join(root, "repo/src/in"),
         *file = file_join(root, "repo/src/in/a.c");
    assert_int_equal(store_find_root(file, &found, &e), PRECIS_ENOTFOUND);
    assert_null(found);
    tree_mkdir(root, "repo/.precis");
    assert_int_equal(store_find_root(file, &found, &e), 0);
    assert_string_equal(found, repo);
    free(found);
    assert_int_equal(store_find_root(repo, &found, &e), 0);
    assert_string_equal(found, repo);
    free(found);
    tree_mkdir(root, "repo/src/in/.precis"); /* the nearest */
    assert_int_equal(store_find_root(in, &found, &e), 0);
    assert_string_equal(found, in);
    free(found);
    assert_int_equal(store_find_root(root, &found, &e), 0); /* outside of one: itself */
    assert_string_equal(found, root);
    free(found);
    tree_write(root, "loose/a.c", "int x;\n");
    char *loose = file_join(root, "loose/a.c");
    assert_int_equal(store_find_root(loose, &found, &e), PRECIS_ENOTFOUND);
    assert_int_equal(store_find_root("/nowhere/at/all", &found, &e), PRECIS_EIO);
    free(repo);
    free(in);
    free(file);
    free(loose);
}

static int list_path(void *user, const char *path, struct err *e) {
    struct buf *b = user;
    buf_printf(b, "%s ", path);
    return buf_failed(b) ? err_nomem(e, "test") : 0;
}

static int check_renamed(void *user, const struct store_line *l, struct err *e) {
    (void)e;
    const char *wanted = user;
    if (wanted)
        assert_string_equal(l->renamed_from, wanted);
    else
        assert_null(l->renamed_from);
    return 0;
}

static void expect_before(struct store *s, const char *path, const uint8_t *hash,
                          const char *wanted) {
    struct buf found = {0};
    buf_str(&found, "");
    assert_int_equal(store_renamed(s, path, hash, list_path, &found, NULL), 0);
    assert_string_equal(found.data, wanted);
    buf_free(&found);
}

static void knows_what_a_file_was_called(void **state) {
    (void)state;
    struct store *s = open_store(root, STORE_CREATE);
    struct store_origin o = origin_of("A", "line-1");
    struct store_line l = line_of(&o, "old.c", 1, 9, "First.");
    struct store_file f;
    put_file(s, "old.c", "text");
    put_file(s, "new.c", "text");
    put_file(s, "other.c", "another");
    assert_int_equal(store_file(s, "old.c", &f, NULL), 0);
    assert_int_equal(store_put(s, begin_run(s), &l, NULL, NULL), 0);
    tree_write(root, "old.c", "text");
    expect_before(s, "new.c", f.hash, ""); /* it would be a copy */
    char *path = file_join(root, "old.c");
    assert_int_equal(unlink(path), 0);
    free(path);
    expect_before(s, "new.c", f.hash, "old.c ");
    expect_before(s, "old.c", f.hash, ""); /* new.c never had a line */
    l.path = "new.c";
    l.renamed_from = "old.c";
    assert_int_equal(store_put(s, begin_run(s), &l, NULL, NULL), 0);
    assert_int_equal(store_lines(s, "new.c", STORE_CHUNK, 1, 9, check_renamed, "old.c", NULL), 0);
    assert_int_equal(store_lines(s, "old.c", STORE_CHUNK, 1, 9, check_renamed, NULL, NULL), 0);
    expect_before(s, "newer.c", f.hash, "new.c old.c old.c "); /* the newest first */
    const uint8_t other[HASH_SHA256_SIZE] = {1};
    expect_before(s, "new.c", other, "old.c "); /* whatever is in it now */
    assert_int_equal(store_put(s, begin_run(s), &l, NULL, NULL), 0);
    l.renamed_from = "\xff";
    assert_int_equal(store_check_line(&l, NULL), PRECIS_EUSAGE);
    store_close(s);
}

int main(void) {
#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(is_made_only_when_asked),
        TEST(is_ignored_by_git),
        TEST(gives_back_what_was_put),
        TEST(keeps_the_first_line_of_a_key),
        TEST(refuses_what_is_no_line),
        TEST(the_newest_lines_of_the_present_text_are_active),
        TEST(a_pinned_revision_is_read_until_the_pin_is_taken_back),
        TEST(lists_what_is_below_a_path_in_order),
        TEST(what_is_abandoned_was_never_there),
        TEST(ratings_stay_with_their_lines),
        TEST(a_rated_line_stays_beside_the_one_that_replaces_it),
        TEST(a_context_that_was_not_known_is_filled_in),
        TEST(a_reader_can_end_early),
        TEST(refuses_what_precis_did_not_make),
        TEST(refuses_links_and_folders),
        TEST(says_which_rows_are_damaged),
        TEST(finds_the_root_of_a_work_tree),
        TEST(knows_what_a_file_was_called),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
