#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/program.h"
#include "fault.h"

static int take(void *user, const char *data, size_t size, struct err *e) {
    struct buf *b = user;
    buf_append(b, data, size);
    return buf_failed(b) ? err_nomem(e, "output") : 0;
}

static int run(const char *const *arguments, struct buf *out, struct program_end *end,
               struct err *e) {
    const struct program p = {.arguments = arguments, .take = take, .user = out};
    return program_run(&p, end, e);
}

/* An argument is never looked at by a shell. */
static void test_output(void **state) {
    (void)state;
    const char *const arguments[] = {"printf", "%s|%s", "$(id); * 'x'", "a\nb", NULL};
    struct buf out = {0};
    struct program_end end;
    assert_int_equal(run(arguments, &out, &end, NULL), 0);
    assert_int_equal(end.status, 0);
    assert_string_equal(out.data, "$(id); * 'x'|a\nb");
    assert_string_equal(end.said, "");
    buf_free(&out);
}

static void test_much(void **state) {
    (void)state;
    const char *const arguments[] = {
        "sh", "-c", "head -c 3000000 /dev/zero; head -c 1000000 /dev/zero >&2", NULL};
    struct buf out = {0};
    struct program_end end;
    assert_int_equal(run(arguments, &out, &end, NULL), 0);
    assert_int_equal(out.len, 3000000);
    buf_free(&out);
}

static void test_failure(void **state) {
    (void)state;
    const char *const fails[] = {"sh", "-c", "echo; echo first >&2; echo second >&2; exit 7", NULL};
    const char *const killed[] = {"sh", "-c", "kill -9 $$", NULL};
    const char *const absent[] = {"no-such-program-of-any-kind", NULL};
    struct buf out = {0};
    struct program_end end;
    struct err e;
    assert_int_equal(run(fails, &out, &end, NULL), 0);
    assert_int_equal(end.status, 7);
    assert_string_equal(end.said, "first");
    assert_int_equal(run(killed, &out, &end, NULL), 0);
    assert_int_equal(end.status, 128 + 9);
    assert_int_equal(run(absent, &out, &end, &e), PRECIS_ENOTFOUND);
    assert_string_equal(e.text, "no-such-program-of-any-kind: there is no such program in PATH");
    buf_free(&out);
}

static void test_settings(void **state) {
    (void)state;
    const char *const arguments[] = {"sh", "-c", "echo \"$PRECIS_A-$PRECIS_AB-$HOME\"", NULL};
    const char *const settings[] = {"PRECIS_A=new", NULL};
    struct buf out = {0}, wanted = {0};
    struct program_end end;
    setenv("PRECIS_A", "old", 1);
    setenv("PRECIS_AB", "kept", 1);
    const struct program p = {
        .arguments = arguments, .settings = settings, .take = take, .user = &out};
    assert_int_equal(program_run(&p, &end, NULL), 0);
    buf_printf(&wanted, "new-kept-%s\n", getenv("HOME") ? getenv("HOME") : "");
    assert_string_equal(out.data, wanted.data);
    buf_free(&out);
    buf_free(&wanted);
}

static int refuse(void *user, const char *data, size_t size, struct err *e) {
    (void)user, (void)data, (void)size;
    return err_set(e, PRECIS_ELIMIT, "enough");
}

/* Neither waits for a program that does not end. */
static void test_ended(void **state) {
    (void)state;
    const char *const endless[] = {"sh", "-c", "echo x; exec sleep 1000", NULL};
    atomic_bool stop = true;
    struct program_end end;
    struct err e;
    struct program p = {.arguments = endless, .take = refuse};
    assert_int_equal(program_run(&p, &end, &e), PRECIS_ELIMIT);
    assert_string_equal(e.text, "enough");
    p = (struct program){.arguments = endless, .stop = &stop};
    assert_int_equal(program_run(&p, &end, &e), PRECIS_ECANCELLED);
}

static int once(void *user, struct err *e) {
    const char *const arguments[] = {"printf", "x", NULL};
    struct program_end end;
    (void)user;
    const struct program p = {.arguments = arguments};
    return program_run(&p, &end, e);
}

static void test_nomem(void **state) {
    (void)state;
    fault_each(&fault_memory, FAULT_ONCE, once, NULL);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_output),  cmocka_unit_test(test_much),
        cmocka_unit_test(test_failure), cmocka_unit_test(test_settings),
        cmocka_unit_test(test_ended),   cmocka_unit_test(test_nomem),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
