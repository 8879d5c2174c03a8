/* Numbers that read back as they were, the header of a .npy file, the line of progress. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/rng.h"
#include "cli/embed_output.h"

static void expect_same(float v) {
    struct buf b = {0};
    embed_put_float(&b, v);
    assert_false(buf_failed(&b));
    char *end;
    float back = strtof(b.data, &end);
    if (*end || back != v || b.len > 16)
        fail_msg("%.9g is written as %s", (double)v, b.data);
    buf_free(&b);
}

static void numbers_read_back(void **state) {
    (void)state;
    struct rng rng = {1};
    static const float odd[] = {
        0,     1,       -1,    0.1f,        -0.1f,  0.5f,  1e-4f,    9.9999994e-5f,
        1e-9f, -3e-30f, 1e30f, 0.99999994f, 0.001f, 0.01f, 123456.7f};
    for (size_t i = 0; i < sizeof odd / sizeof *odd; i++)
        expect_same(odd[i]);
    for (int i = 0; i < 200000; i++) {
        double size = pow(10, -5 * rng_uniform(&rng));
        expect_same((float)((rng_uniform(&rng) - 0.5) * 2 * size));
    }
}

static void expect_text(float v, const char *text) {
    struct buf b = {0};
    embed_put_float(&b, v);
    assert_string_equal(b.data, text);
    buf_free(&b);
}

static void numbers_as_json(void **state) {
    (void)state;
    expect_text(0.5f, "0.5");
    expect_text(-0.0625f, "-0.0625");
    expect_text(0.1f, "0.100000001");
    expect_text(0.001f, "0.00100000005");
    expect_text(0, "0");
    expect_text(NAN, "null");
}

static void header_of_an_array(void **state) {
    (void)state;
    char got[2 * NPY_HEADER];
    struct err e;
    FILE *f = tmpfile();
    assert_non_null(f);
    assert_int_equal(npy_write_header(f, "x", 0, 384, &e), 0);
    assert_int_equal(fwrite("rows", 1, 4, f), 4);
    assert_int_equal(npy_write_header(f, "x", UINT64_MAX, 384, &e), 0);
    assert_int_equal(ftell(f), NPY_HEADER + 4);
    rewind(f);
    assert_int_equal(fread(got, 1, sizeof got, f), NPY_HEADER + 4);
    assert_memory_equal(got, "\x93NUMPY\x01\x00\x76\x00{'descr': '<f4', ", 27);
    got[NPY_HEADER] = 0;
    assert_non_null(strstr(got + 10, "'shape': (18446744073709551615, 384), }   "));
    assert_int_equal(got[NPY_HEADER - 1], '\n');
    fclose(f);
}

static void line_of_progress(void **state) {
    (void)state;
    struct embed_progress p = {.texts = 2048, .tokens = 20000, .bytes = 250};
    char line[128];
    embed_progress_line(&p, 2, 10, line, sizeof line);
    assert_string_equal(line, "2050 texts  2000 tokens/s  elapsed 10 s");
    p.all = 1000;
    embed_progress_line(&p, 0, 0, line, sizeof line);
    assert_string_equal(line, "2048 texts  0 tokens/s  25 % read  elapsed 0 s");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_read_back),
        cmocka_unit_test(numbers_as_json),
        cmocka_unit_test(header_of_an_array),
        cmocka_unit_test(line_of_progress),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
