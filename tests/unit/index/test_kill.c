/* kill -9 while a tree is indexed, 50 times: the file opens and is sound, what was committed is
 * there, and the next run makes of it what one run makes. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

#include <sqlite3.h>

#include "base/file.h"
#include "base/rng.h"
#include "index/build.h"
#include "store/entries.h"
#include "tree.h"

enum { FILES = 60, KILLS = 50 };

static void write_tree(const char *root, int version) {
    char name[64], text[256];
    for (int i = 0; i < FILES; i++) {
        snprintf(name, sizeof name, "src/part%d/file%d.c", i % 5, i);
        snprintf(
            text, sizeof text,
            "int make_%d(void) {\n    return %d;\n}\n\nint drop_%d(int n) {\n    return n;\n}\n", i,
            version, i);
        tree_write(root, name, text);
    }
}

static void acknowledge(void *user, const struct index_stats *r, size_t done, size_t n) {
    (void)r;
    (void)done;
    (void)n;
    if (write(*(const int *)user, "+", 1) != 1)
        _exit(1);
}

/* A batch is a file, so there are many moments between commits. */
static int build(const char *root, int out) {
    struct store *s = NULL;
    struct walk w = {0};
    struct index_stats stats;
    const struct index_options o = {
        .threads = 2, .batch_bytes = 1, .on_progress = out >= 0 ? acknowledge : NULL, .user = &out};
    int rc = store_open(root, STORE_CREATE, &s, NULL);
    if (rc == 0)
        rc = walk_tree(root, &(struct walk_options){0}, &w, NULL);
    if (rc == 0)
        rc = index_build(s, root, &w, &o, &stats, NULL);
    walk_free(&w);
    store_close(s);
    return rc;
}

static int count(void *user, const struct store_indexed *f, struct err *e) {
    size_t *n = user;
    (void)f;
    (void)e;
    ++*n;
    return 0;
}

/* How many files are in; 0: there is no store yet. */
static size_t files_in(const char *root) {
    struct store *s;
    struct err e = {0};
    size_t n = 0;
    int rc = store_open(root, STORE_WRITE, &s, &e);
    if (rc == PRECIS_ENOTFOUND)
        return 0;
    if (rc)
        fail_msg("%s", e.text);
    assert_int_equal(store_each_indexed(s, "", 0, count, &n, &e), 0);
    store_close(s);
    return n;
}

/* The first column of all rows, one after another; the caller's. */
static char *outside(const char *root, const char *sql) {
    struct buf b = {0};
    char *path = file_join(root, STORE_FOLDER "/" STORE_FILE);
    sqlite3 *db;
    sqlite3_stmt *st;
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_prepare_v2(db, sql, -1, &st, NULL), SQLITE_OK);
    while (sqlite3_step(st) == SQLITE_ROW)
        buf_printf(&b, "%s\n", (const char *)sqlite3_column_text(st, 0));
    sqlite3_finalize(st);
    sqlite3_close(db);
    free(path);
    buf_str(&b, "");
    return b.data;
}

static char *all_of(const char *root) {
    return outside(root,
                   "SELECT f.path || ' ' || e.kind || ' ' || coalesce(e.symbol, '') || ' ' || "
                   "e.start_line || '-' || e.end_line || ' ' || hex(e.text) || ' ' || "
                   "(SELECT c3 FROM words_content w WHERE w.id = e.id) "
                   "FROM entries e JOIN files f ON f.id = e.file ORDER BY f.path, e.start_line");
}

static size_t run_and_kill(const char *root, struct rng *r) {
    int ends[2];
    char bytes[64];
    size_t acknowledged = 0;
    assert_int_equal(pipe(ends), 0);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0)
        _exit(build(root, ends[1]) ? 2 : 0);
    close(ends[1]);
    size_t enough = rng_next(r) % 8;
    while (acknowledged < enough && read(ends[0], bytes, 1) == 1)
        acknowledged++;
    usleep((useconds_t)(rng_next(r) % 4000));
    kill(pid, SIGKILL);
    assert_int_equal(waitpid(pid, NULL, 0), pid);
    for (ssize_t n; (n = read(ends[0], bytes, sizeof bytes)) > 0;)
        acknowledged += (size_t)n;
    close(ends[0]);
    return acknowledged;
}

static void what_was_committed_survives_a_kill(void **state) {
    (void)state;
    struct rng r = {.state = 1};
    char *root = tree_new(), *fresh = tree_new();
    size_t before = 0;
    int version = 1, whole = 0;
    write_tree(root, version);
    for (int k = 0; k < KILLS; k++) {
        size_t acknowledged = run_and_kill(root, &r);
        size_t now = files_in(root);
        assert_in_range(now, before, FILES);
        if (whole == 0)
            assert_true(now >= before + acknowledged);
        before = now;
        if (now) {
            char *sound = outside(root, "PRAGMA integrity_check");
            assert_string_equal(sound, "ok\n");
            free(sound);
        }
        if (now == FILES && k % 3 == 0) { /* then all files are others */
            write_tree(root, ++version);
            whole++;
        }
    }
    assert_true(whole > 0);
    write_tree(root, 99);
    write_tree(fresh, 99);
    assert_int_equal(build(root, -1), 0);
    assert_int_equal(build(fresh, -1), 0);
    char *a = all_of(root), *b = all_of(fresh);
    assert_string_equal(a, b);
    assert_true(strlen(a) > 1000);
    free(a);
    free(b);
    tree_remove(root);
    tree_remove(fresh);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(what_was_committed_survives_a_kill)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
