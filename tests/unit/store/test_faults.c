/* Memory that runs out and a disk that fails, at every call; two processes at once; kill -9. */
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

#include <sqlite3.h>

#include "base/file.h"
#include "base/rng.h"
#include "fault.h"
#include "lines.h"
#include "store/entries.h"
#include "tree.h"

/* ---- SQLite's memory is this program's, whose malloc fails when a test says so ---- */

/* The size stands before each block, since SQLite asks for it. */
enum { BEFORE = 16 };

/* Where SQLite goes on without what it asks for (a larger hash table, say), it says so. */
static _Thread_local int benign;

static void benign_begin(void) {
    benign++;
}

static void benign_end(void) {
    benign--;
}

void *__real_malloc(size_t size);
void *__real_realloc(void *old, size_t size);

static void *take(int n) {
    size_t size = (size_t)n + BEFORE;
    char *p = benign ? __real_malloc(size) : malloc(size);
    if (!p)
        return NULL;
    memcpy(p, &n, sizeof n);
    return p + BEFORE;
}

static void give(void *p) {
    free(p ? (char *)p - BEFORE : NULL);
}

static void *change(void *p, int n) {
    char *old = (char *)p - BEFORE;
    size_t size = (size_t)n + BEFORE;
    char *q = benign ? __real_realloc(old, size) : realloc(old, size);
    if (!q)
        return NULL;
    memcpy(q, &n, sizeof n);
    return q + BEFORE;
}

static int size_of(void *p) {
    int n;
    memcpy(&n, (char *)p - BEFORE, sizeof n);
    return n;
}

static int round_up(int n) {
    return (n + 7) & ~7;
}

static int memory_begin(void *user) {
    (void)user;
    return SQLITE_OK;
}

static void memory_end(void *user) {
    (void)user;
}

static sqlite3_mem_methods memory = {take,     give,         change,     size_of,
                                     round_up, memory_begin, memory_end, NULL};

/* ---- a disk that fails at a call: SQLite's own, with its methods wrapped ---- */

static struct {
    atomic_long calls, fail_at; /* fail_at -1: never */
    bool lasting;
    int code;
    bool failed;
} disk = {.fail_at = -1};

static int disk_call(void) {
    long n = atomic_fetch_add(&disk.calls, 1), at = atomic_load(&disk.fail_at);
    if (at < 0 || n < at || (n > at && !disk.lasting))
        return SQLITE_OK;
    disk.failed = true;
    return disk.code;
}

/* Kinds of files differ in their locks, so each kind has its own wrapped methods. */
static struct wrapped {
    sqlite3_io_methods failing; /* first: a file leads to it */
    const sqlite3_io_methods *real;
} kinds[4];
static sqlite3_vfs *real_vfs, failing_vfs;

static const sqlite3_io_methods *real_of(const sqlite3_file *f) {
    return ((const struct wrapped *)(const void *)f->pMethods)->real;
}

#define FAILING(name, parameters, arguments)                                                       \
    static int failing_##name parameters {                                                         \
        int rc = disk_call();                                                                      \
        return rc ? rc : real_of(f)->name arguments;                                               \
    }
FAILING(xRead, (sqlite3_file * f, void *p, int n, sqlite3_int64 at), (f, p, n, at))
FAILING(xWrite, (sqlite3_file * f, const void *p, int n, sqlite3_int64 at), (f, p, n, at))
FAILING(xTruncate, (sqlite3_file * f, sqlite3_int64 n), (f, n))
FAILING(xSync, (sqlite3_file * f, int flags), (f, flags))

static const sqlite3_io_methods *wrap(const sqlite3_io_methods *real) {
    size_t i = 0;
    while (kinds[i].real && kinds[i].real != real)
        assert_true(++i < sizeof kinds / sizeof *kinds);
    struct wrapped *w = &kinds[i];
    w->real = real;
    w->failing = *real;
    w->failing.iVersion = 2; /* without mmap */
    w->failing.xRead = failing_xRead;
    w->failing.xWrite = failing_xWrite;
    w->failing.xTruncate = failing_xTruncate;
    w->failing.xSync = failing_xSync;
    return &w->failing;
}

static int failing_open(sqlite3_vfs *vfs, const char *name, sqlite3_file *f, int flags,
                        int *out_flags) {
    (void)vfs;
    f->pMethods = NULL;
    if (disk_call())
        return SQLITE_CANTOPEN;
    int rc = real_vfs->xOpen(real_vfs, name, f, flags, out_flags);
    if (rc == SQLITE_OK)
        f->pMethods = wrap(f->pMethods);
    return rc;
}

static struct store_origin origin;
static struct store_line three[3]; /* made before anything fails */

static int begin_all(void **state) {
    (void)state;
    if (sqlite3_test_control(SQLITE_TESTCTRL_BENIGN_MALLOC_HOOKS, benign_begin, benign_end) !=
            SQLITE_OK ||
        sqlite3_config(SQLITE_CONFIG_MALLOC, &memory) != SQLITE_OK ||
        sqlite3_config(SQLITE_CONFIG_LOOKASIDE, 0, 0) != SQLITE_OK)
        return -1;
    origin = origin_of("A", "line-1");
    for (uint64_t i = 0; i < 3; i++)
        three[i] = line_of(&origin, "a.c", i + 1, i + 1, "Line.");
    real_vfs = sqlite3_vfs_find(NULL);
    failing_vfs = *real_vfs;
    failing_vfs.zName = "failing";
    failing_vfs.xOpen = failing_open;
    return sqlite3_vfs_register(&failing_vfs, 1);
}

/* ---- what is done while things fail ---- */

static int ignore_line(void *user, const struct store_line *l, struct err *e) {
    (void)e;
    assert_true(strncmp(l->line, "Line", 4) == 0);
    ++*(int *)user;
    return 0;
}

static int count_stale(void *user, int64_t id, const float *v, struct err *e) {
    (void)id;
    (void)e;
    *(size_t *)user += v != NULL;
    return 0;
}

static int work_on_index(struct store *s, struct err *e) {
    static const struct store_indexed file = {.file = {.path = "b.c"}};
    static const struct store_entry entry = {.kind = "lines",
                                             .start_line = 1,
                                             .end_line = 2,
                                             .body = "wake the workers",
                                             .body_len = 16};
    static const struct store_weights even = {1, 1, 1, 1};
    const struct store_vector v = {.scale = 0.5, .v = (const int8_t[]){1, 2}, .width = 2};
    struct store_index index;
    struct store_hit hit;
    int64_t encoder = 0;
    size_t n = 0, stale = 0;
    uint8_t generation[HASH_SHA256_SIZE];
    float found[2];
    int rc = store_embedder(s, "rev", "tiny", 2, &encoder, e);
    if (rc == 0)
        rc = store_begin(s, e);
    if (rc == 0)
        rc = store_put_vector(s, encoder, &v, e);
    if (rc == 0)
        rc = store_new_side_file(s, encoder, generation, e);
    if (rc == 0)
        rc = store_put_entries(s, &file, &entry, 1, NULL, e);
    if (rc == 0)
        rc = store_commit(s, e);
    else
        store_abandon(s);
    if (rc == 0)
        rc = store_match_summaries(s, &n, e);
    if (rc == 0)
        rc = store_match(s, "waking", &even, NULL, 0, &hit, 1, &n, e);
    if (rc == 0 && n != 1)
        rc = err_set(e, PRECIS_EINPUT, "nothing matches");
    if (rc == 0)
        rc = store_find_vector(s, encoder, entry.text, found, 2, e);
    if (rc == 0)
        rc = store_index(s, &index, e);
    if (rc == 0)
        rc = store_each_stale(s, encoder, 2, count_stale, &stale, e);
    if (rc == 0 && stale != 1)
        rc = err_set(e, PRECIS_EINPUT, "nothing is stale");
    return rc ? rc : store_remove_indexed(s, "b.c", e);
}

/* Everything that a run and a reader do. */
static int work(void *user, struct err *e) {
    struct store *s = NULL;
    struct store_file f = {.path = "a.c"}, known;
    int64_t run = 0;
    int n = 0;
    (void)user;
    uint8_t key[HASH_SHA256_SIZE];
    struct store_subject subject = {.path = "a.c", .made = &origin};
    struct store_line instead = three[0]; /* of one that was rated */
    instead.line = "Line, again.";
    instead.replace = true;
    int rc = store_key(&subject, key, e);
    if (rc == 0)
        rc = store_open(root, STORE_CREATE, &s, e);
    if (rc == 0)
        rc = store_run_begin(s, &run, e);
    if (rc == 0)
        rc = store_put_file(s, &f, e);
    if (rc == 0)
        rc = store_begin(s, e);
    for (size_t i = 0; rc == 0 && i < 3; i++)
        rc = store_put(s, run, &three[i], NULL, e);
    if (rc == 0)
        rc = store_commit(s, e);
    else if (s)
        store_abandon(s);
    if (rc == 0)
        rc = store_list(s, "", ignore_line, &n, e);
    if (rc == 0)
        rc = store_rate(s, 1, &(struct store_rating){.verdict = "good", .who = "me"}, e);
    if (rc == 0)
        rc = store_put(s, run, &instead, NULL, e);
    if (rc == 0)
        rc = store_pin(s, &(struct store_revision){.model_revision = "A"}, e);
    if (rc == 0)
        rc = store_lines(s, "a.c", STORE_CHUNK, 2, 2, ignore_line, &n, e);
    if (rc == 0)
        rc = store_unpin(s, e);
    if (rc == 0)
        rc = store_file(s, "a.c", &known, e);
    if (rc == 0)
        rc = store_run_end(s, run, e);
    store_close(s);
    if (rc == 0)
        assert_int_equal(n, 4);
    return rc;
}

/* What is there is whole: all three lines or none, as sound as SQLite can tell. */
static void check_whole(const char *when) {
    struct store *s;
    struct err e = {0};
    int n = 0;
    int rc = store_open(root, STORE_READ, &s, &e);
    if (rc == 0)
        rc = store_list(s, "", ignore_line, &n, &e);
    store_close(s);
    if (rc != 0 && rc != PRECIS_ENOTFOUND)
        fail_msg("%s: afterwards: %s", when, e.text);
    if (n != 0 && n != 3)
        fail_msg("%s: %d lines of 3", when, n);
    char *path = file_join(root, STORE_FOLDER "/" STORE_FILE);
    sqlite3 *db;
    sqlite3_stmt *st;
    if (access(path, F_OK) != 0) { /* it failed before there was one */
        free(path);
        return;
    }
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_prepare_v2(db, "PRAGMA integrity_check", -1, &st, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_step(st), SQLITE_ROW);
    assert_string_equal((const char *)sqlite3_column_text(st, 0), "ok");
    sqlite3_finalize(st);
    sqlite3_close(db);
    free(path);
}

static void memory_that_runs_out_is_an_error(void **state) {
    (void)state;
    long step = getenv("PRECIS_TEST_SHORT") ? 13 : 1;
    for (int kind = FAULT_ONCE; kind <= FAULT_LASTING; kind++) {
        long calls = 0;
        for (bool failed = true; failed; calls += step) {
            struct err e = {0};
            fault_begin(&fault_memory, calls, (enum fault_kind)kind);
            int rc = work(NULL, &e);
            failed = fault_end(&fault_memory) != NULL;
            /* SQLite does without some of its memory (caches), so that a failure may not show */
            if (rc && (!failed || rc != PRECIS_ENOMEM || e.code != rc || !e.text[0]))
                fail_msg("call %ld: %d: %s", calls, rc, e.text);
            if (calls % 16 == 0 || !failed) { /* a new one each time would take minutes */
                check_whole("memory");
                tree_remove(root);
                root = tree_new();
            }
        }
        print_message("%ld allocations\n", calls);
        assert_true(calls > 100);
    }
}

static void each_disk_failure(int code, bool lasting, const char *expected) {
    long calls = 0, reported = 0;
    for (bool failed = true; failed; calls++) {
        struct err e = {0};
        tree_remove(root);
        root = tree_new();
        disk.failed = false;
        disk.lasting = lasting;
        disk.code = code;
        atomic_store(&disk.calls, 0);
        atomic_store(&disk.fail_at, calls);
        int rc = work(NULL, &e);
        atomic_store(&disk.fail_at, -1);
        failed = disk.failed;
        char when[64];
        snprintf(when, sizeof when, "disk call %ld", calls);
        if (rc && (!failed || rc != PRECIS_EIO || !strstr(e.text, root) || strchr(e.text, '\n')))
            fail_msg("%s: %d: %s", when, rc, e.text);
        reported += rc != 0;
        if (rc && !strstr(e.text, expected) && !strstr(e.text, "cannot open") &&
            !strstr(e.text, "unable to open"))
            fail_msg("%s: no \"%s\" in: %s", when, expected, e.text);
        check_whole(when);
    }
    print_message("%ld calls, %ld failures reported\n", calls, reported);
    assert_true(calls > 20 && reported > 20);
}

/* Every 11th call: each takes some commits, and the others' kind is among them. */
static void memory_that_runs_out_is_an_error_of_the_index(void **state) {
    (void)state;
    bool failed = true;
    for (long call = 0; failed; call += 11) {
        struct err e = {0};
        struct store *s = open_store(root, STORE_CREATE);
        fault_begin(&fault_memory, call, FAULT_ONCE);
        int rc = work_on_index(s, &e);
        failed = fault_reported(&fault_memory, rc, &e);
        store_close(s);
    }
    check_whole("the index");
}

static void a_full_disk_is_an_error(void **state) {
    (void)state;
    each_disk_failure(SQLITE_FULL, true, "no space left on device");
}

static void a_failing_disk_is_an_error(void **state) {
    (void)state;
    each_disk_failure(SQLITE_IOERR_WRITE, false, "disk I/O error");
    each_disk_failure(SQLITE_IOERR_FSYNC, true, "disk I/O error");
}

/* ---- two processes ---- */

enum { LINES = 40, WRITERS = 4, ROUNDS = 5 };

/* A child that puts the same lines as its siblings and exits with the number that it added. */
static pid_t start_writer(void) {
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid)
        return pid;
    struct store *s;
    struct store_origin o = origin_of("A", "line-1");
    struct store_file f = {.path = "a.c"};
    int64_t run;
    int n = 0;
    struct err e = {0};
    if (store_open(root, STORE_CREATE, &s, &e) || store_run_begin(s, &run, &e) ||
        store_put_file(s, &f, &e)) {
        print_error("%s\n", e.text);
        _exit(255);
    }
    for (uint64_t at = 1; at <= LINES; at++) {
        bool added = false;
        struct store_line l = line_of(&o, "a.c", at, at, "Line.");
        if (store_put(s, run, &l, &added, &e)) {
            print_error("%s\n", e.text);
            _exit(254);
        }
        n += added;
    }
    store_close(s);
    _exit(n);
}

static void writers_at_once_add_each_line_once(void **state) {
    (void)state;
    for (int round = 0; round < ROUNDS; round++) {
        pid_t pids[WRITERS];
        int sum = 0, n = 0;
        tree_remove(root);
        root = tree_new();
        for (int i = 0; i < WRITERS; i++)
            pids[i] = start_writer(); /* they create it at once, too */
        for (int i = 0; i < WRITERS; i++) {
            int status;
            assert_int_equal(waitpid(pids[i], &status, 0), pids[i]);
            if (!WIFEXITED(status) || WEXITSTATUS(status) > LINES)
                fail_msg("writer %d ended with %x", i, (unsigned)status);
            sum += WEXITSTATUS(status);
        }
        assert_int_equal(sum, LINES);
        struct store *s = open_store(root, STORE_READ);
        assert_int_equal(store_list(s, "", ignore_line, &n, NULL), 0);
        assert_int_equal(n, LINES);
        store_close(s);
    }
}

/* ---- kill -9 ---- */

static int put_one(struct store *s, int64_t run, uint64_t at, struct err *e) {
    struct store_origin o = origin_of("A", "line-1");
    struct store_line l = line_of(&o, "a.c", at, at, "Line.");
    return store_put(s, run, &l, NULL, e);
}

/* A child that says through the pipe how many lines are committed, one byte for each. */
static pid_t start_endless_writer(uint64_t first, int out) {
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid)
        return pid;
    struct store *s;
    struct store_file f = {.path = "a.c"};
    int64_t run;
    if (store_open(root, STORE_CREATE, &s, NULL) || store_run_begin(s, &run, NULL) ||
        store_put_file(s, &f, NULL))
        _exit(255);
    for (uint64_t at = first;; at++)
        if (put_one(s, run, at, NULL) || write(out, "+", 1) != 1)
            _exit(254);
}

static int check_next(void *user, const struct store_line *l, struct err *e) {
    uint64_t *next = user;
    (void)e;
    assert_int_equal(l->start_line, (*next)++);
    return 0;
}

static void what_was_committed_survives_a_kill(void **state) {
    (void)state;
    struct rng rng = {.state = 1};
    uint64_t stored = 0;
    for (int round = 0; round < 12; round++) {
        int ends[2];
        char bytes[64];
        assert_int_equal(pipe(ends), 0);
        pid_t pid = start_endless_writer(stored + 1, ends[1]);
        close(ends[1]);
        /* after so many lines, and then at any moment of the next */
        uint64_t acknowledged = 0, enough = rng_next(&rng) % 20;
        while (acknowledged < enough) {
            assert_int_equal(read(ends[0], bytes, 1), 1);
            acknowledged++;
        }
        usleep((useconds_t)(rng_next(&rng) % 3000));
        kill(pid, SIGKILL);
        assert_int_equal(waitpid(pid, NULL, 0), pid);
        for (ssize_t n; (n = read(ends[0], bytes, sizeof bytes)) > 0;)
            acknowledged += (uint64_t)n;
        close(ends[0]);
        uint64_t next = 1;
        struct store *s;
        struct err e = {0};
        int rc = store_open(root, STORE_WRITE, &s, &e);
        if (rc == PRECIS_ENOTFOUND && acknowledged == 0 && stored == 0)
            continue; /* killed before there was a store */
        if (rc)
            fail_msg("%s", e.text);
        assert_int_equal(store_list(s, "", check_next, &next, NULL), 0);
        store_close(s);
        /* all that was said to be there, and at most the one that was not said any more */
        assert_in_range(next - 1, stored + acknowledged, stored + acknowledged + 1);
        stored = next - 1;
    }
    assert_true(stored > 50);
}

int main(void) {
#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(memory_that_runs_out_is_an_error),
        TEST(memory_that_runs_out_is_an_error_of_the_index),
        TEST(a_full_disk_is_an_error),
        TEST(a_failing_disk_is_an_error),
        TEST(writers_at_once_add_each_line_once),
        TEST(what_was_committed_survives_a_kill),
    };
    return cmocka_run_group_tests(tests, begin_all, NULL);
}
