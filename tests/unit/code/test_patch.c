/* Patches as git prints them, in pieces of every size, and such as it never does. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <inttypes.h>
#include <string.h>

#include "code/patch.h"
#include "fault.h"

static int on_file(void *user, const char *path, struct err *e) {
    struct buf *b = user;
    buf_printf(b, "[%s]", path);
    return buf_failed(b) ? err_nomem(e, "test") : 0;
}

static int on_hunk(void *user, const struct hunk *h, struct err *e) {
    struct buf *b = user;
    buf_printf(b, " %" PRIu64 ",%" PRIu64 ">%" PRIu64 ",%" PRIu64, h->old_first, h->old_lines,
               h->new_first, h->new_lines);
    return buf_failed(b) ? err_nomem(e, "test") : 0;
}

static int read_in(const char *text, size_t size, size_t piece, struct buf *seen, struct err *e) {
    struct patch p = {.on_file = on_file, .on_hunk = on_hunk, .user = seen};
    int rc = 0;
    for (size_t at = 0; rc == 0 && at < size; at += piece)
        rc = patch_read(&p, text + at, size - at < piece ? size - at : piece, e);
    if (rc == 0)
        rc = patch_end(&p, e);
    patch_free(&p);
    return rc;
}

static const char several[] =
    "diff --git a/x.c b/x.c\nindex 1..2 100644\n--- a/x.c\n+++ b/x.c\n"
    "@@ -3 +3,2 @@ int f(void)\n-+++ b/no.c\n+@@ -1 +1 @@\n++++ b/no.c\n\\ No newline at end of "
    "file\n"
    "@@ -9,2 +10,0 @@\n-a\n-diff --git a/q b/q\n"
    "diff --git a/gone.c b/gone.c\n--- a/gone.c\n+++ /dev/null\n@@ -1 +0,0 @@\n-x\n"
    "diff --git a/mode.c b/mode.c\nold mode 100644\nnew mode 100755\n"
    "diff --git a/my file.c b/my file.c\n--- a/my file.c\t\n+++ b/my file.c\t\n@@ -0,0 +1 @@\n+x\n"
    "diff --git \"a/\\303\\244\\n\\\".c\" \"b/\\303\\244\\n\\\".c\"\n--- "
    "\"a/\\303\\244\\n\\\".c\"\n"
    "+++ \"b/\\303\\244\\n\\\".c\"\n@@ -1 +1 @@\n-\n\\ No newline at end of file\n"
    "+++ b/no.c\n\\ No newline at end of file\n@@ -9 +9 @@\n-\\ x\n+\\ x\n";

static void test_pieces(void **state) {
    (void)state;
    for (size_t piece = 1; piece < sizeof several; piece++) {
        struct buf seen = {0};
        assert_int_equal(read_in(several, sizeof several - 1, piece, &seen, NULL), 0);
        assert_string_equal(seen.data, "[x.c] 3,1>3,2 9,2>10,0[my file.c] 0,0>1,1[\xc3\xa4\n\".c] "
                                       "1,1>1,1 9,1>9,1");
        buf_free(&seen);
    }
}

static void test_refused(void **state) {
    (void)state;
    static const char *const patches[] = {
        "+++ c/x.c\n",
        "+++ b/\n",
        "+++ \"b/x\n",
        "+++ \"b/\\9\"\n",
        "+++ \"b/\\000\"\n",
        "@@ -1 1 @@\n",
        "@@ -1,99999999999999999999 +1 @@\n",
        "@@ -1 +1 @@\n-x\n",
        "diff --git",
    };
    for (size_t i = 0; i < sizeof patches / sizeof *patches; i++) {
        struct buf seen = {0};
        struct err e = {0};
        assert_int_equal(read_in(patches[i], strlen(patches[i]), 1000, &seen, &e), PRECIS_EINPUT);
        assert_non_null(strstr(e.text, "a patch that cannot be read: "));
        buf_free(&seen);
    }
}

static int once(void *user, struct err *e) {
    struct buf seen = {0};
    (void)user;
    int rc = read_in(several, sizeof several - 1, 7, &seen, e);
    buf_free(&seen);
    return rc;
}

static void test_nomem(void **state) {
    (void)state;
    fault_each(&fault_memory, FAULT_ONCE, once, NULL);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pieces),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_nomem),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
