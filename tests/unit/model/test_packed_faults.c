/* Memory and the operating system fail at every call in turn while a file is packed and opened: an
 * error, nothing left in the folder or leaked (the sanitizer build sees that), and the old file
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
#include <sys/stat.h>
#include <unistd.h>

#include "fault.h"
#include "model/packed.h"
#include "tree.h"

static char folder[] = "/tmp/precis-packed-XXXXXX";
static char path[256];
static bool nameless = true; /* the file system has O_TMPFILE */
FAULT_WRAP(&fault_memory, void *, mmap64,
           (void *at, size_t n, int prot, int flags, int fd, off_t from),
           (at, n, prot, flags, fd, from), MAP_FAILED)
FAULT_WRAP(&fault_memory, int, mprotect, (void *at, size_t n, int prot), (at, n, prot), -1)
FAULT_WRAP(&fault_memory, int, fsync, (int fd), (fd), -1)
FAULT_WRAP(&fault_memory, int, rename, (const char *from, const char *to), (from, to), -1)
FAULT_WRAP(&fault_memory, int, linkat, (int a, const char *from, int b, const char *to, int flags),
           (a, from, b, to, flags), -1)
FAULT_WRAP(&fault_memory, int, posix_fallocate64, (int fd, off_t from, off_t n), (fd, from, n),
           fault_error)
FAULT_WRAP(&fault_memory, int, fstat64, (int fd, struct stat *st), (fd, st), -1)

int __real_open64(const char *name, int flags, mode_t mode);
int __wrap_open64(const char *name, int flags, mode_t mode);
int __wrap_open64(const char *name, int flags, mode_t mode) {
    if (fault_due(&fault_memory, "open"))
        return -1;
    if ((flags & O_TMPFILE) == O_TMPFILE && !nameless)
        return errno = EOPNOTSUPP, -1;
    return __real_open64(name, flags, mode);
}

static int make_folder(void **state) {
    (void)state;
    bool ok = mkdtemp(folder) != NULL;
    snprintf(path, sizeof path, "%s/file", folder);
    return ok ? 0 : -1;
}

static int drop_folder(void **state) {
    (void)state;
    return rmdir(folder);
}

static int pack(const char *to, char content, struct err *e) {
    const struct packed_section sections[] = {{"one", 100}, {"two", 5 << 20}};
    struct packed_writer *w;
    struct packed *p;
    int rc = packed_writer_open(to, "key", sections, 2, &w, e);
    if (rc) {
        assert_null(w);
        return rc;
    }
    memset(packed_writer_section(w, "one"), content, 100);
    rc = packed_writer_commit(w, 2, &p, e);
    assert_true((rc == 0) == (p != NULL));
    packed_close(p);
    return rc;
}

/* The first byte of the section, or 0 when the file cannot be opened. */
static char content(int *rc, struct err *e) {
    struct packed *p;
    size_t size;
    *rc = packed_open(path, "key", 2, &p, e);
    assert_true((*rc == 0) == (p != NULL));
    char c = p ? *(const char *)packed_find(p, "one", &size) : 0;
    packed_close(p);
    return c;
}

static bool is_memory(const char *call) {
    return strcmp(call, "malloc") == 0 || strcmp(call, "calloc") == 0 ||
           strcmp(call, "strdup") == 0;
}

static void packing_fails_cleanly(bool over_old, const char *to) {
    int rc, ignored;
    for (long n = 0;; n++) {
        struct err e = {0};
        assert_true(n < 60);
        if (over_old)
            assert_int_equal(pack(path, 'o', NULL), 0);
        fault_begin(&fault_memory, n, FAULT_ONCE);
        rc = pack(to, 'n', &e);
        const char *failed = fault_end(&fault_memory);
        assert_int_equal(e.code, rc);
        if (rc == 0) {
            /* Nothing was to fail any more, or it was something that can be done without. */
            assert_int_equal(content(&ignored, NULL), to ? 'n' : 0);
        } else {
            assert_int_equal(rc, is_memory(failed) || !to ? PRECIS_ENOMEM : PRECIS_EIO);
            assert_int_equal(tree_count(folder), over_old);
            assert_int_equal(content(&ignored, NULL), over_old ? 'o' : 0);
        }
        unlink(path);
        assert_int_equal(tree_count(folder), 0);
        if (!failed)
            return;
        errno = 0;
    }
}

static void packing_fails_cleanly_everywhere(void **state) {
    (void)state;
    for (int i = 0; i < 4; i++) {
        nameless = i & 1;
        fault_error = i & 2 ? ENOSPC : EACCES;
        packing_fails_cleanly(true, path);
        packing_fails_cleanly(false, path);
    }
    packing_fails_cleanly(false, NULL);
    nameless = true;
}

static void opening_fails_cleanly(void **state) {
    (void)state;
    assert_int_equal(pack(path, 'x', NULL), 0);
    fault_error = EIO;
    for (long n = 0;; n++) {
        struct err e = {0};
        int rc;
        assert_true(n < 20);
        fault_begin(&fault_memory, n, FAULT_ONCE);
        char c = content(&rc, &e);
        const char *failed = fault_end(&fault_memory);
        assert_int_equal(e.code, rc);
        assert_int_equal(c, rc ? 0 : 'x');
        if (!failed)
            break;
        if (rc)
            assert_int_equal(rc, is_memory(failed) ? PRECIS_ENOMEM : PRECIS_EIO);
    }
    unlink(path);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(packing_fails_cleanly_everywhere),
        cmocka_unit_test(opening_fails_cleanly),
    };
    return cmocka_run_group_tests(tests, make_folder, drop_folder);
}
