/* Errors: one line, cut and cleaned. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/err.h"
#include "base/utf8.h"

static void codes_and_lines(void **state) {
    (void)state;
    struct err e;
    assert_int_equal(err_set(&e, PRECIS_EINPUT, "line %d", 7), PRECIS_EINPUT);
    assert_int_equal(e.code, PRECIS_EINPUT);
    assert_string_equal(e.text, "line 7");
    assert_int_equal(err_nomem(&e, "beams"), PRECIS_ENOMEM);
    assert_string_equal(e.text, "out of memory: beams");
    errno = ENOENT;
    assert_int_equal(err_errno(&e, "a/b", "open"), PRECIS_EIO);
    assert_string_equal(e.text, "a/b: cannot open: No such file or directory");
    assert_int_equal(err_prefix(&e, "setup"), PRECIS_EIO);
    assert_string_equal(e.text, "setup: a/b: cannot open: No such file or directory");
}

static void null_takes_the_code_alone(void **state) {
    (void)state;
    assert_int_equal(err_set(NULL, PRECIS_ELIMIT, "x"), PRECIS_ELIMIT);
    assert_int_equal(err_nomem(NULL, "x"), PRECIS_ENOMEM);
    assert_int_equal(err_errno(NULL, "x", "y"), PRECIS_EIO);
    err_prefix(NULL, "x");
}

static void controls_do_not_reach_a_terminal(void **state) {
    (void)state;
    struct err e;
    err_set(&e, PRECIS_EIO,
            "a\x1b[2Jb\nc\x7f d\xc2\x9b"
            "e \xc3\xa9 \xc2\xa0");
    assert_string_equal(e.text, "a?[2Jb?c? d??e \xc3\xa9 \xc2\xa0");
}

static void a_cut_keeps_code_points_whole(void **state) {
    (void)state;
    for (int shift = 0; shift < 4; shift++) {
        char name[1024];
        int n = 0;
        while (n < shift)
            name[n++] = 'x';
        for (int i = 0; i < 200; i++)
            n += snprintf(name + n, sizeof name - (size_t)n, "\xf0\x9f\x98\x80");
        struct err e;
        err_set(&e, PRECIS_EIO, "%s", name);
        size_t len = strlen(e.text);
        assert_true(len < sizeof e.text && len + 4 >= sizeof e.text);
        assert_true(utf8_valid(e.text, len));
        assert_memory_equal(e.text, name, len);
        err_prefix(&e, "ab");
        len = strlen(e.text);
        assert_true(len + 4 >= sizeof e.text);
        assert_true(utf8_valid(e.text, len));
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(codes_and_lines),
        cmocka_unit_test(null_takes_the_code_alone),
        cmocka_unit_test(controls_do_not_reach_a_terminal),
        cmocka_unit_test(a_cut_keeps_code_points_whole),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
