/* The watcher sees what walk.h lists, and that alone. It is waited for by the events themselves:
 * what must not be seen is followed by a flag that a timer sets. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <unistd.h>

#include "base/file.h"
#include "code/watch.h"
#include "fault.h"
#include "tree.h"

/* Nothing here makes threads, so their counter is free for the calls of inotify. */
#define fault_watches fault_threads
FAULT_WRAP(&fault_watches, int, inotify_add_watch, (int fd, const char *path, uint32_t mask),
           (fd, path, mask), -1)
FAULT_WRAP(&fault_watches, int, inotify_init1, (int flags), (flags), -1)

static atomic_bool stop;

static void on_alarm(int number) {
    (void)number;
    atomic_store(&stop, true);
}

static int setup(void **state) {
    *state = tree_new();
    tree_write(*state, "a.c", "int a;\n");
    tree_write(*state, "src/b.c", "int b;\n");
    tree_write(*state, ".gitignore", "*.gen.c\nbuild/\n");
    tree_mkdir(*state, "build");
    tree_mkdir(*state, ".precis");
    tree_mkdir(*state, ".git");
    atomic_store(&stop, false);
    return 0;
}

static int teardown(void **state) {
    tree_remove(*state);
    return 0;
}

static const struct watch_options soon = {.quiet_ms = 20, .most_ms = 500};

static struct watch *watch(const char *root, const struct watch_options *o) {
    struct watch *w = NULL;
    struct err e = {0};
    if (watch_open(root, o, &w, &e) != 0)
        fail_msg("%s", e.text);
    return w;
}

static size_t sum_of(const struct watch_change *c) {
    return c->added + c->changed + c->removed;
}

/* All of it has happened, so one look sees it. */
static void expect(struct watch *w, size_t added, size_t changed, size_t removed) {
    struct watch_change c;
    struct err e = {0};
    if (watch_next(w, NULL, &c, &e) != 0)
        fail_msg("%s", e.text);
    assert_int_equal(c.added, added);
    assert_int_equal(c.changed, changed);
    assert_int_equal(c.removed, removed);
}

static void expect_nothing(struct watch *w) {
    struct watch_change c;
    struct err e = {0};
    struct sigaction action = {.sa_handler = on_alarm, .sa_flags = SA_RESTART};
    assert_int_equal(sigaction(SIGALRM, &action, NULL), 0);
    const struct itimerval soon_enough = {.it_value = {.tv_usec = 300000}};
    atomic_store(&stop, false);
    assert_int_equal(setitimer(ITIMER_REAL, &soon_enough, NULL), 0);
    assert_int_equal(watch_next(w, &stop, &c, &e), PRECIS_ECANCELLED);
    assert_int_equal(sum_of(&c), 0);
}

static void rename_below(const char *root, const char *from, const char *to) {
    char *a = file_join(root, from), *b = file_join(root, to);
    assert_int_equal(rename(a, b), 0);
    free(a);
    free(b);
}

static void unlink_below(const char *root, const char *name) {
    char *path = file_join(root, name);
    assert_int_equal(unlink(path), 0);
    free(path);
}

static void expect_listed(const struct watch *w, const char *name, bool wanted) {
    bool found = false;
    for (size_t i = 0; i < watch_files(w)->n; i++)
        found |= strcmp(watch_files(w)->files[i].name, name) == 0;
    if (found != wanted)
        fail_msg("%s is %s", name, found ? "listed" : "missing");
}

static void sees_files(void **state) {
    const char *root = *state;
    struct watch *w = watch(root, &soon);
    assert_int_equal(watch_files(w)->n, 2);
    tree_write(root, "src/new.c", "int n;\n");
    expect(w, 1, 0, 0);
    expect_listed(w, "src/new.c", true);
    tree_write(root, "src/new.c", "int other;\n");
    expect(w, 0, 1, 0);
    unlink_below(root, "src/new.c");
    expect(w, 0, 0, 1);
    expect_listed(w, "src/new.c", false);
    watch_close(w);
}

/* As editors do, and here with the size and the time of the file that it replaces. */
static void sees_a_file_renamed_over_another(void **state) {
    const char *root = *state;
    struct watch *w = watch(root, &soon);
    struct stat st;
    char *old = file_join(root, "a.c"), *temp = file_join(root, ".a.c.swp");
    assert_int_equal(stat(old, &st), 0);
    tree_write(root, ".a.c.swp", "int z;\n");
    const struct timespec times[] = {st.st_atim, st.st_mtim};
    assert_int_equal(utimensat(AT_FDCWD, temp, times, 0), 0);
    rename_below(root, ".a.c.swp", "a.c");
    expect(w, 0, 1, 0);
    free(old);
    free(temp);
    watch_close(w);
}

static void follows_folders(void **state) {
    const char *root = *state;
    struct watch *w = watch(root, &soon);
    tree_write(root, "lib/deep/er/c.c", "int c;\n");
    tree_write(root, "lib/d.c", "int d;\n");
    expect(w, 2, 0, 0);
    tree_write(root, "lib/deep/er/c.c", "int changed;\n");
    expect(w, 0, 1, 0);
    rename_below(root, "lib", "moved");
    expect(w, 2, 0, 2);
    tree_write(root, "moved/d.c", "int in_its_new_place;\n");
    expect(w, 0, 1, 0);
    unlink_below(root, "moved/deep/er/c.c");
    unlink_below(root, "moved/d.c");
    rename_below(root, "moved", "build/moved");
    expect(w, 0, 0, 2);
    tree_write(root, "build/moved/e.c", "int e;\n");
    expect_nothing(w);
    watch_close(w);
}

static void ignores_what_is_ignored(void **state) {
    const char *root = *state;
    struct watch *w = watch(root, &soon);
    tree_write(root, "x.gen.c", "int x;\n");
    tree_write(root, "build/y.c", "int y;\n");
    tree_write(root, ".precis/precis.db-wal", "z");
    tree_write(root, ".git/index", "z");
    tree_write(root, "notes.txt", "no code\n");
    expect_nothing(w);
    /* What is ignored follows the ignore files as they are now. */
    tree_write(root, ".gitignore", "build/\n");
    expect(w, 1, 0, 0);
    expect_listed(w, "x.gen.c", true);
    watch_close(w);
}

/* Between two calls more happens than the queue holds. */
static void survives_an_overflow(void **state) {
    const char *root = *state;
    struct watch *w = watch(root, &soon);
    FILE *f = fopen("/proc/sys/fs/inotify/max_queued_events", "r");
    long most = 0;
    if (!f || fscanf(f, "%ld", &most) != 1 || most > 200000)
        skip();
    fclose(f);
    char *names[] = {file_join(root, "a.c"), file_join(root, "src/b.c")};
    int fds[] = {open(names[0], O_WRONLY | O_APPEND), open(names[1], O_WRONLY | O_APPEND)};
    /* One event twice in a row is one. */
    for (long i = 0; i < most + 100; i++)
        assert_int_equal(write(fds[i % 2], "\n", 1), 1);
    tree_write(root, "late/new.c", "int n;\n");
    expect(w, 1, 2, 0);
    for (int i = 0; i < 2; i++) {
        close(fds[i]);
        free(names[i]);
    }
    watch_close(w);
}

/* A file that is written all the time is looked at nevertheless. */
static void does_not_wait_for_ever(void **state) {
    const char *root = *state;
    struct watch *w = watch(root, &(struct watch_options){.quiet_ms = 100000000, .most_ms = 30});
    tree_write(root, "src/new.c", "int n;\n");
    expect(w, 1, 0, 0);
    watch_close(w);
}

static void stops(void **state) {
    struct watch *w = watch(*state, &soon);
    struct watch_change c;
    struct err e = {0};
    tree_write(*state, "src/new.c", "int n;\n");
    atomic_store(&stop, true);
    assert_int_equal(watch_next(w, &stop, &c, &e), PRECIS_ECANCELLED);
    atomic_store(&stop, false);
    expect(w, 1, 0, 0);
    watch_close(w);
}

static void ends_when_the_root_is_gone(void **state) {
    const char *root = *state;
    char *sub = file_join(root, "src");
    struct watch *w = watch(sub, &soon);
    struct watch_change c;
    struct err e = {0};
    rename_below(root, "src", "elsewhere");
    assert_int_equal(watch_next(w, NULL, &c, &e), PRECIS_EIO);
    assert_non_null(strstr(e.text, sub));
    watch_close(w);
    free(sub);
}

static void expect_refused(const char *root, int code, const char *said) {
    struct watch *w = NULL;
    struct err e = {0};
    int rc = watch_open(root, &soon, &w, &e);
    fault_end(&fault_watches);
    assert_int_equal(rc, code);
    assert_null(w);
    if (!strstr(e.text, said))
        fail_msg("%s", e.text);
}

static void says_what_is_in_the_way(void **state) {
    const char *root = *state;
    char *file = file_join(root, "a.c");
    expect_refused(file, PRECIS_EUSAGE, "is not a folder");
    free(file);
    fault_error = ENOSPC; /* call 0 is inotify_init1 */
    fault_begin(&fault_watches, 2, FAULT_ONCE);
    expect_refused(root, PRECIS_ELIMIT, "/proc/sys/fs/inotify/max_user_watches");
    fault_error = EMFILE;
    fault_begin(&fault_watches, 0, FAULT_ONCE);
    expect_refused(root, PRECIS_ELIMIT, "/proc/sys/fs/inotify/max_user_instances");
    fault_error = ENOSYS;
    fault_begin(&fault_watches, 0, FAULT_ONCE);
    expect_refused(root, PRECIS_EUNSUPPORTED, "there is no inotify");
    fault_error = ENOMEM;
}

/* A file grows with each run. */
static int work(void *user, struct err *e) {
    struct watch *w;
    struct watch_change c;
    int rc = watch_open(user, &soon, &w, e);
    if (rc) {
        assert_null(w);
        return rc;
    }
    char *path = file_join(user, "src/b.c");
    if (path) {
        int fd = open(path, O_WRONLY | O_APPEND);
        assert_int_equal(write(fd, "\n", 1), 1);
        close(fd);
        rc = watch_next(w, NULL, &c, e);
    } else {
        rc = err_nomem(e, "path");
    }
    free(path);
    watch_close(w);
    return rc;
}

static void fails_cleanly(void **state) {
    fault_each(&fault_memory, FAULT_ONCE, work, *state);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(sees_files, setup, teardown),
        cmocka_unit_test_setup_teardown(sees_a_file_renamed_over_another, setup, teardown),
        cmocka_unit_test_setup_teardown(follows_folders, setup, teardown),
        cmocka_unit_test_setup_teardown(ignores_what_is_ignored, setup, teardown),
        cmocka_unit_test_setup_teardown(survives_an_overflow, setup, teardown),
        cmocka_unit_test_setup_teardown(does_not_wait_for_ever, setup, teardown),
        cmocka_unit_test_setup_teardown(stops, setup, teardown),
        cmocka_unit_test_setup_teardown(ends_when_the_root_is_gone, setup, teardown),
        cmocka_unit_test_setup_teardown(says_what_is_in_the_way, setup, teardown),
        cmocka_unit_test_setup_teardown(fails_cleanly, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
