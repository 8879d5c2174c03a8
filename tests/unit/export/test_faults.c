/* Memory and the operating system fail at every call in turn while a model is exported: an error,
 * nothing left beside the folder or leaked (the sanitizer build sees that), and an earlier export
 * still there. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "export/export.h"
#include "fault.h"
#include "tree.h"

static char folder[] = "/tmp/precis-export-XXXXXX";
static char target[256];
static bool can_exchange = true;
static struct checkpoint *model;

FAULT_WRAP(&fault_memory, void *, mmap64,
           (void *at, size_t n, int prot, int flags, int fd, off_t from),
           (at, n, prot, flags, fd, from), MAP_FAILED)
FAULT_WRAP(&fault_memory, int, fsync, (int fd), (fd), -1)
FAULT_WRAP(&fault_memory, ssize_t, write, (int fd, const void *data, size_t n), (fd, data, n), -1)
FAULT_WRAP(&fault_memory, int, rename, (const char *from, const char *to), (from, to), -1)
FAULT_WRAP(&fault_memory, int, posix_fallocate64, (int fd, off_t from, off_t n), (fd, from, n),
           fault_error)
FAULT_WRAP(&fault_memory, int, open64, (const char *name, int flags, mode_t mode),
           (name, flags, mode), -1)
FAULT_WRAP(&fault_memory, int, mkdir, (const char *name, mode_t mode), (name, mode), -1)
FAULT_WRAP(&fault_memory, ssize_t, getrandom, (void *data, size_t n, unsigned flags),
           (data, n, flags), -1)

int __real_renameat2(int a, const char *from, int b, const char *to, unsigned flags);
int __wrap_renameat2(int a, const char *from, int b, const char *to, unsigned flags);
int __wrap_renameat2(int a, const char *from, int b, const char *to, unsigned flags) {
    if (fault_due(&fault_memory, "renameat2"))
        return -1;
    return can_exchange ? __real_renameat2(a, from, b, to, flags) : (errno = EINVAL, -1);
}

static int open_model(void **state) {
    (void)state;
    struct err e;
    fault_error = ENOSPC;
    bool ok = mkdtemp(folder) != NULL;
    snprintf(target, sizeof target, "%s/out", folder);
    return ok && checkpoint_open(GOLDEN_DIR "/tiny-llama.gguf", &model, &e) == 0 ? 0 : -1;
}

static int close_model(void **state) {
    (void)state;
    checkpoint_close(model);
    return rmdir(folder);
}

static void drop(void) {
    char command[300];
    snprintf(command, sizeof command, "rm -rf '%s'", target);
    assert_int_equal(system(command), 0);
}

static long first_byte(const char *name) {
    char path[512];
    snprintf(path, sizeof path, "%s/%s", target, name);
    FILE *f = fopen(path, "r");
    if (!f)
        return -1;
    int c = fgetc(f);
    fclose(f);
    return c;
}

static int run(const struct export_options *o, struct export_result *result, struct err *e) {
    *e = (struct err){0};
    return export_onnx(model, target, o, result, e);
}

static void writes_a_folder(void **state) {
    (void)state;
    static const char *const names[] = {"tokenizer.json",    "tokenizer_config.json",
                                        "config.json",       "generation_config.json",
                                        "genai_config.json", "model.onnx",
                                        "model.onnx.data"};
    struct export_result result;
    struct err e;
    for (int precision = EXPORT_F32; precision <= EXPORT_INT4; precision++) {
        const struct export_options o = {.precision = (enum export_precision)precision,
                                         .threads = 2};
        assert_int_equal(run(&o, &result, &e), 0);
        assert_int_equal(result.n_files, 7);
        assert_int_equal(result.context, 1024);
        assert_int_equal(tree_count(target), 7);
        assert_int_equal(tree_count(folder), 1);
        for (int i = 0; i < 7; i++) {
            char path[512];
            struct stat st;
            assert_string_equal(result.files[i].name, names[i]);
            snprintf(path, sizeof path, "%s/%s", target, names[i]);
            assert_int_equal(stat(path, &st), 0);
            assert_int_equal(st.st_size, result.files[i].size);
        }
        assert_int_equal(run(&o, &result, &e), PRECIS_EUSAGE); /* not empty */
        drop();
    }
    const struct export_options bare = {.no_tokenizer = true};
    assert_int_equal(mkdir(target, 0777), 0); /* an empty folder is as good as none */
    assert_int_equal(run(&bare, &result, &e), 0);
    assert_int_equal(result.n_files, 5);
    drop();
}

static void every_failure_leaves_nothing(void **state) {
    (void)state;
    struct export_result result;
    struct err e;
    const struct export_options o = {.threads = 1};
    int rc = -1;
    long n = 0;
    for (; rc && n < 5000; n++) {
        fault_begin(&fault_memory, n, FAULT_ONCE);
        rc = run(&o, &result, &e);
        fault_end(&fault_memory);
        if (rc == 0)
            break;
        assert_true(rc == PRECIS_ENOMEM || rc == PRECIS_EIO);
        assert_true(e.text[0]);
        assert_int_equal(tree_count(folder), 0);
    }
    assert_int_equal(rc, 0);
    assert_true(n > 50);
    drop();
}

/* An export as precis writes it, with a LICENSE, which one from a GGUF file does not have. */
static void old_export(void) {
    static const struct export_options o = {.threads = 1};
    struct export_result result;
    struct err e;
    if (run(&o, &result, &e) != 0)
        fail_msg("%s", e.text);
    tree_write(target, "LICENSE", "old");
}

static void every_failure_keeps_the_old_folder(void **state) {
    (void)state;
    struct export_result result;
    struct err e;
    const struct export_options o = {.threads = 1, .force = true};
    for (int way = 0; way < 2; way++) {
        can_exchange = way == 0;
        old_export();
        int rc = -1;
        for (long n = 0; rc; n++) {
            fault_begin(&fault_memory, n, FAULT_ONCE);
            rc = run(&o, &result, &e);
            fault_end(&fault_memory);
            assert_int_equal(tree_count(folder), 1);
            if (rc) {
                assert_true(rc == PRECIS_ENOMEM || rc == PRECIS_EIO || rc == PRECIS_EUSAGE);
                assert_int_equal(first_byte("LICENSE"), 'o');
                assert_int_equal(tree_count(target), 8);
            }
        }
        assert_int_equal(first_byte("LICENSE"), -1);
        assert_int_equal(tree_count(target), 7);
        assert_int_equal(first_byte("model.onnx"), 8);
        drop();
    }
    can_exchange = true;
}

static void not_replaced(const char *why) {
    static const struct export_options o = {.force = true};
    struct export_result result;
    struct err e;
    const int before = tree_count(target);
    assert_int_equal(run(&o, &result, &e), PRECIS_EUSAGE);
    if (!strstr(e.text, why))
        fail_msg("'%s' does not say '%s'", e.text, why);
    assert_int_equal(tree_count(target), before);
    assert_int_equal(tree_count(folder), 1);
}

static void remove_file(const char *name) {
    char path[512];
    snprintf(path, sizeof path, "%s/%s", target, name);
    assert_int_equal(remove(path), 0);
}

static void refuses_what_is_no_export(void **state) {
    (void)state;
    struct export_result result;
    struct err e;
    const struct export_options o = {.force = true};
    tree_write(folder, "out/model.onnx", "x");
    not_replaced("no export of precis");
    tree_write(target, "notes.txt", "mine");
    not_replaced("an export has no notes.txt");
    drop();
    tree_write(folder, "out/config.json", "{}");
    not_replaced("no export of precis");
    drop();
    old_export();
    tree_mkdir(target, "inner");
    not_replaced("an export has no inner");
    remove_file("inner");
    tree_link(target, "vocab.json", "LICENSE");
    not_replaced("an export has no vocab.json");
    remove_file("vocab.json");
    char path[512];
    snprintf(path, sizeof path, "%s/model.onnx", target);
    FILE *f = fopen(path, "r+"); /* another program's: the first field that is a text */
    assert_non_null(f);
    assert_int_equal(fseek(f, 4, SEEK_SET), 0);
    assert_int_equal(fgetc(f), 'p');
    fseek(f, 4, SEEK_SET);
    fputc('q', f);
    fclose(f);
    not_replaced("no export of precis");
    drop();
    f = fopen(target, "w");
    fclose(f);
    assert_int_equal(run(&o, &result, &e), PRECIS_EUSAGE);
    drop();
    assert_int_equal(export_onnx(model, "/tmp/..", &o, &result, &e), PRECIS_EUSAGE);
    assert_int_equal(export_onnx(model, "/", &o, &result, &e), PRECIS_EUSAGE);
    assert_int_equal(export_onnx(model, "/tmp/precis-no-such/x", &o, &result, &e), PRECIS_EIO);
}

static bool no(void *user, uint64_t done, uint64_t total) {
    (void)user;
    (void)done;
    (void)total;
    return false;
}

static void cancelling_leaves_nothing(void **state) {
    (void)state;
    struct export_result result;
    struct err e;
    const struct export_options o = {.progress = no, .threads = 2};
    assert_int_equal(run(&o, &result, &e), PRECIS_ECANCELLED);
    assert_int_equal(tree_count(folder), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(writes_a_folder),
        cmocka_unit_test(every_failure_leaves_nothing),
        cmocka_unit_test(every_failure_keeps_the_old_folder),
        cmocka_unit_test(refuses_what_is_no_export),
        cmocka_unit_test(cancelling_leaves_nothing),
    };
    return cmocka_run_group_tests(tests, open_model, close_model);
}
