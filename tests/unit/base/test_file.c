/* Inputs read or mapped, outputs whole or absent. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/file.h"
#include "tree.h"

static char folder[] = "/tmp/precis-file-XXXXXX";
static char path_space[4][256];

static const char *in_folder(int i, const char *name) {
    snprintf(path_space[i], sizeof path_space[i], "%s/%s", folder, name);
    return path_space[i];
}

static int make_folder(void **state) {
    (void)state;
    return mkdtemp(folder) ? 0 : -1;
}

static int drop_folder(void **state) {
    (void)state;
    return rmdir(folder);
}

static void put(const char *path, size_t size) {
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    for (size_t i = 0; i < size; i++)
        fputc((int)(i * 31 % 251), f);
    assert_int_equal(fclose(f), 0);
}

static void files_are_read_or_mapped(void **state) {
    (void)state;
    static const size_t sizes[] = {0, 1, 4096, (1 << 20) - 1, 1 << 20, (1 << 20) + 5};
    const char *path = in_folder(0, "in");
    for (size_t s = 0; s < sizeof sizes / sizeof sizes[0]; s++) {
        struct mapping m;
        struct err e;
        put(path, sizes[s]);
        assert_int_equal(file_map(path, &m, &e), 0);
        assert_int_equal(m.size, sizes[s]);
        assert_non_null(m.data);
        assert_true(m.mtime_ns > 0);
        file_release(&m);
        for (size_t i = 0; i < m.size; i++)
            if (m.data[i] != i * 31 % 251)
                fail_msg("size %zu: byte %zu", sizes[s], i);
        file_unmap(&m);
        file_unmap(&m);
    }
    unlink(path);
}

static void a_file_that_is_read_may_be_cut(void **state) {
    (void)state;
    const char *path = in_folder(0, "in");
    struct mapping m;
    struct err e;
    put(path, (1 << 20) + 5);
    assert_int_equal(file_read(path, &m, &e), 0);
    assert_int_equal(truncate(path, 0), 0);
    assert_int_equal(m.size, (1 << 20) + 5);
    for (size_t i = 0; i < m.size; i++)
        assert_int_equal(m.data[i], i * 31 % 251);
    file_unmap(&m);
    unlink(path);
}

static void what_is_no_file_is_refused(void **state) {
    (void)state;
    struct mapping m;
    struct err e;
    const char *pipe = in_folder(0, "pipe");
    assert_int_equal(mkfifo(pipe, 0600), 0);
    const char *const bad[] = {in_folder(1, "missing"), folder, pipe, "/dev/null"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        m.size = 1;
        assert_int_equal(file_map(bad[i], &m, &e), PRECIS_EIO);
        assert_non_null(strstr(e.text, bad[i]));
        assert_null(m.data);
        assert_int_equal(m.size, 0);
    }
    unlink(pipe);
}

static void links_to_nothing_are_told(void **state) {
    (void)state;
    struct mapping m;
    struct err e;
    bool there = true;
    const char *link = in_folder(0, "link");
    assert_int_equal(symlink("nothing", link), 0);
    assert_int_equal(file_map(link, &m, &e), PRECIS_EIO);
    assert_non_null(strstr(e.text, "is a link to a file that is not there"));
    assert_int_equal(file_exists(link, &there, &e), PRECIS_ENOTFOUND);
    assert_non_null(strstr(e.text, link));
    assert_false(there);
    assert_int_equal(file_exists(in_folder(1, "missing"), &there, &e), 0);
    assert_false(there);
    put(in_folder(1, "nothing"), 3);
    assert_int_equal(file_exists(link, &there, &e), 0);
    assert_true(there);
    assert_int_equal(file_exists(in_folder(2, "nothing/below"), &there, &e), 0);
    assert_false(there);
    unlink(link);
    unlink(in_folder(1, "nothing"));
}

static void two_names_are_of_one_file(void **state) {
    (void)state;
    const char *one = in_folder(0, "one"), *link = in_folder(1, "link"),
               *hard = in_folder(2, "hard"), *other = in_folder(3, "other");
    put(one, 3);
    put(other, 3);
    assert_int_equal(symlink("one", link), 0);
    assert_false(file_is_same(one, hard));
    assert_int_equal(linkat(AT_FDCWD, one, AT_FDCWD, hard, 0), 0);
    assert_true(file_is_same(one, link) && file_is_same(one, hard) && !file_is_same(one, other));
    assert_true(file_is_same("/no/such", "/no/such") && !file_is_same("/dev/null", "/dev/./null"));
    unlink(one);
    unlink(link);
    unlink(hard);
    unlink(other);
}

static void names_are_joined(void **state) {
    (void)state;
    static const char *const cases[][3] = {
        {"a", "b", "a/b"}, {"a/", "b", "a/b"}, {"/", "b", "/b"}, {".", "b", "./b"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char *path = file_join(cases[i][0], cases[i][1]);
        assert_string_equal(path, cases[i][2]);
        free(path);
    }
    assert_true(file_ends("a.gguf", ".gguf"));
    assert_false(file_ends("gguf", ".gguf"));
    assert_true(file_is_dots(".") && file_is_dots(".."));
    assert_false(file_is_dots("...") || file_is_dots(""));
}

static void temporary_names_are_new(void **state) {
    (void)state;
    struct stat st;
    char path[4][300];
    mode_t before = umask(027);
    for (int i = 0; i < 4; i++) {
        snprintf(path[i], sizeof path[i], "%s/t.XXXXXX", folder);
        int fd = file_create_temp(path[i], i % 2 ? S_IFDIR | 0777 : 0666);
        assert_true(fd >= 0);
        if (i % 2 == 0)
            close(fd);
        assert_int_equal(stat(path[i], &st), 0);
        assert_int_equal(st.st_mode, i % 2 ? S_IFDIR | 0750 : S_IFREG | 0640);
    }
    assert_int_equal(umask(before), 027);
    assert_int_equal(tree_count(folder), 4);
    for (int i = 0; i < 4; i++)
        assert_int_equal(remove(path[i]), 0);
    snprintf(path[0], sizeof path[0], "%s/no/such.XXXXXX", folder);
    assert_int_equal(file_create_temp(path[0], 0666), -1);
    assert_int_equal(errno, ENOENT);
}

static void outputs_appear_whole(void **state) {
    (void)state;
    struct outfile o;
    struct err e;
    const char *path = in_folder(0, "out");
    put(path, 10);
    assert_int_equal(chmod(path, 0640), 0);
    assert_int_equal(outfile_open(&o, path, &e), 0);
    fputs("the new one", o.f);
    fflush(o.f);
    struct stat st;
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_size, 10); /* still the old one */
    assert_int_equal(outfile_commit(&o, &e), 0);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_size, 11);
    assert_int_equal(st.st_mode & 0777, 0640);
    assert_int_equal(tree_count(folder), 1);
    assert_int_equal(outfile_open(&o, path, &e), 0);
    fputs("never", o.f);
    outfile_abort(&o);
    outfile_abort(&o);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_size, 11);
    assert_int_equal(tree_count(folder), 1);
    unlink(path);
}

static void new_outputs_obey_the_umask(void **state) {
    (void)state;
    struct outfile o;
    struct err e;
    struct stat st;
    const char *path = in_folder(0, "fresh");
    mode_t before = umask(027);
    assert_int_equal(outfile_open(&o, path, &e), 0);
    assert_int_equal(outfile_commit(&o, &e), 0);
    assert_int_equal(umask(before), 027);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0640);
    unlink(path);
}

static void a_full_device_is_an_error(void **state) {
    (void)state;
    struct outfile o;
    struct err e;
    for (size_t n = 1; n <= 1 << 20; n <<= 10) { /* within and beyond the stream's buffer */
        assert_int_equal(outfile_open(&o, "/dev/full", &e), 0);
        assert_null(o.temp);
        for (size_t i = 0; i < n; i++)
            fputc('x', o.f);
        assert_int_equal(outfile_commit(&o, &e), PRECIS_EIO);
        assert_string_equal(e.text, "/dev/full: cannot write: No space left on device");
    }
    struct stat st;
    assert_int_equal(stat("/dev/full", &st), 0);
    assert_true(S_ISCHR(st.st_mode));
}

/* Writing beyond the process's limit fails as a full disk does. */
static void a_failed_write_leaves_nothing(void **state) {
    (void)state;
    struct outfile o;
    struct err e;
    struct rlimit before, small;
    signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    small = before;
    small.rlim_cur = 1000;
    assert_int_equal(outfile_open(&o, in_folder(0, "big"), &e), 0);
    setrlimit(RLIMIT_FSIZE, &small);
    for (int i = 0; i < 20000; i++)
        fputc('x', o.f);
    int rc = outfile_commit(&o, &e);
    setrlimit(RLIMIT_FSIZE, &before);
    assert_int_equal(rc, PRECIS_EIO);
    assert_non_null(strstr(e.text, "File too large"));
    assert_int_equal(tree_count(folder), 0);
}

static void a_failed_rename_leaves_nothing(void **state) {
    (void)state;
    struct outfile o;
    struct err e;
    const char *path = in_folder(0, "taken");
    assert_int_equal(outfile_open(&o, path, &e), 0);
    assert_int_equal(tree_count(folder), 1);
    assert_int_equal(mkdir(path, 0700), 0);
    assert_int_equal(outfile_commit(&o, &e), PRECIS_EIO);
    assert_int_equal(tree_count(folder), 1);
    assert_int_equal(outfile_open(&o, path, &e), PRECIS_EIO);
    assert_non_null(strstr(e.text, "is a folder"));
    rmdir(path);
}

static void places_that_cannot_be_written(void **state) {
    (void)state;
    struct outfile o;
    struct err e;
    const char *const bad[] = {in_folder(0, "no/such/folder"), "/proc/precis-out"};
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(outfile_open(&o, bad[i], &e), PRECIS_EIO);
        assert_non_null(strstr(e.text, bad[i]));
        assert_null(o.f);
        outfile_abort(&o);
    }
    if (geteuid() == 0)
        return; /* to whom every folder is open */
    assert_int_equal(chmod(folder, 0500), 0);
    int rc = outfile_open(&o, in_folder(1, "out"), &e);
    chmod(folder, 0700);
    assert_int_equal(rc, PRECIS_EIO);
}

static void streams_are_read_to_a_limit(void **state) {
    (void)state;
    const char *path = in_folder(0, "stream");
    put(path, 200000);
    struct err e;
    for (int limit = 199999; limit <= 200000; limit++) {
        struct buf b = {0};
        FILE *f = fopen(path, "r");
        assert_non_null(f);
        int rc = file_read_stream(f, "stdin", (size_t)limit, &b, &e);
        assert_int_equal(rc, limit < 200000 ? PRECIS_ELIMIT : 0);
        if (rc == 0) {
            assert_int_equal(b.len, 200000);
            assert_int_equal((uint8_t)b.data[199999], 199999 * 31 % 251);
        }
        fclose(f);
        buf_free(&b);
    }
    struct buf b = {0};
    FILE *f = fopen(folder, "r"); /* opens, but cannot be read */
    assert_non_null(f);
    assert_int_equal(file_read_stream(f, "stdin", 100, &b, &e), PRECIS_EIO);
    fclose(f);
    buf_free(&b);
    unlink(path);
}

static void folders_are_made(void **state) {
    (void)state;
    struct err e;
    struct stat st;
    const char *deep = in_folder(0, "a/b//c/");
    assert_int_equal(file_make_dirs(deep, &e), 0);
    assert_int_equal(file_make_dirs(deep, &e), 0);
    assert_int_equal(stat(deep, &st), 0);
    assert_true(S_ISDIR(st.st_mode));
    assert_int_equal(file_make_dirs("/", &e), 0);
    assert_int_equal(file_make_dirs("", &e), PRECIS_EIO);
    const char *file = in_folder(1, "a/file");
    put(file, 1);
    assert_int_equal(file_make_dirs(file, &e), PRECIS_EIO);
    assert_int_equal(file_make_dirs(in_folder(2, "a/file/below"), &e), PRECIS_EIO);
    unlink(file);
    rmdir(in_folder(1, "a/b/c"));
    rmdir(in_folder(1, "a/b"));
    assert_int_equal(rmdir(in_folder(1, "a")), 0);
}

static void standard_folders(void **state) {
    (void)state;
    char out[64];
    struct err e;
    setenv("PRECIS_TEST_HOME", "/data", 1);
    assert_int_equal(file_xdg_dir("PRECIS_TEST_HOME", ".x", out, sizeof out, &e), 0);
    assert_string_equal(out, "/data/precis");
    setenv("HOME", "/home/me", 1);
    setenv("PRECIS_TEST_HOME", "relative", 1);
    assert_int_equal(file_xdg_dir("PRECIS_TEST_HOME", ".x", out, sizeof out, &e), 0);
    assert_string_equal(out, "/home/me/.x/precis");
    assert_int_equal(file_xdg_dir("PRECIS_TEST_HOME", ".x", out, 10, &e), PRECIS_EINPUT);
    unsetenv("HOME");
    assert_int_equal(file_xdg_dir("PRECIS_TEST_HOME", ".x", out, sizeof out, &e), PRECIS_EINPUT);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(files_are_read_or_mapped),
        cmocka_unit_test(a_file_that_is_read_may_be_cut),
        cmocka_unit_test(what_is_no_file_is_refused),
        cmocka_unit_test(links_to_nothing_are_told),
        cmocka_unit_test(two_names_are_of_one_file),
        cmocka_unit_test(names_are_joined),
        cmocka_unit_test(temporary_names_are_new),
        cmocka_unit_test(outputs_appear_whole),
        cmocka_unit_test(new_outputs_obey_the_umask),
        cmocka_unit_test(a_full_device_is_an_error),
        cmocka_unit_test(a_failed_write_leaves_nothing),
        cmocka_unit_test(a_failed_rename_leaves_nothing),
        cmocka_unit_test(places_that_cannot_be_written),
        cmocka_unit_test(streams_are_read_to_a_limit),
        cmocka_unit_test(folders_are_made),
        cmocka_unit_test(standard_folders),
    };
    return cmocka_run_group_tests(tests, make_folder, drop_folder);
}
