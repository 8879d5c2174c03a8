/* UTF-8: every code point, and a table of what is not one (Unicode 15, tables 3-7 and 3-8). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/utf8.h"

static int encode(uint32_t c, uint8_t out[4]) {
    if (c < 0x80)
        return out[0] = (uint8_t)c, 1;
    int n = c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
    for (int i = n - 1; i > 0; i--, c >>= 6)
        out[i] = (uint8_t)(0x80 | (c & 0x3f));
    out[0] = (uint8_t)((0xf00 >> n & 0xff) | c);
    return n;
}

static void every_code_point(void **state) {
    (void)state;
    for (uint32_t c = 0; c < 0x120000; c++) {
        uint8_t s[4];
        uint32_t got = 0;
        int n = encode(c, s);
        bool valid = c < 0xd800 || (c > 0xdfff && c <= 0x10ffff);
        assert_int_equal(utf8_decode(s, (size_t)n, &got), valid ? n : 0);
        if (valid) {
            assert_int_equal(got, c);
            assert_int_equal(utf8_scan(s, (size_t)n), n);
            for (int cut = 1; cut < n; cut++) {
                assert_int_equal(utf8_decode(s, (size_t)cut, &got), 0);
                assert_int_equal(utf8_scan(s, (size_t)cut), 0);
            }
        } else {
            assert_int_equal(utf8_scan(s, (size_t)n), -1);
        }
    }
}

static void what_is_not_valid(void **state) {
    (void)state;
    static const char *const bad[] = {
        "\x80",
        "\xbf",
        "\xc0\x80",
        "\xc1\xbf",
        "\xc2",
        "\xc2\x41",
        "\xe0\x80\x80",
        "\xe0\x9f\xbf",
        "\xe1\x80",
        "\xe1\x80\x41",
        "\xed\xa0\x80",
        "\xed\xbf\xbf",
        "\xf0\x8f\xbf\xbf",
        "\xf0\x90\x80",
        "\xf4\x90\x80\x80",
        "\xf5\x80",
        "\xfe",
        "\xff",
        "\xf0\x80\x80\x80",
        "ab\xe2\x82",
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        if (utf8_valid(bad[i], strlen(bad[i])))
            fail_msg("case %zu is taken for valid", i);
    static const char good[] = "plain \xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80 \xf4\x8f\xbf\xbf";
    assert_true(utf8_valid(good, sizeof good)); /* with its NUL */
    assert_true(utf8_valid("", 0));
}

/* Table 3-8: maximal subparts. */
static void ill_formed_bytes_are_counted_as_decoders_do(void **state) {
    (void)state;
    static const struct {
        const char *bytes;
        int steps[12];
    } cases[] = {
        {"\xf1\x80\x80\xe1\x80\xc2\x62\x80\x63\x80\xbf\x64", {-3, -2, -1, 1, -1, 1, -1, -1, 1}},
        {"\xc0\xaf\xe0\x80\xbf\xf0\x81\x82\x41", {-1, -1, -1, -1, -1, -1, -1, -1, 1}},
        {"\xed\xa0\x80\xed\xbf\xbf\xed\xaf\x41", {-1, -1, -1, -1, -1, -1, -1, -1, 1}},
        {"\xf4\x91\x92\x93\xff\x41\x80\xbf\x42", {-1, -1, -1, -1, -1, 1, -1, -1, 1}},
        {"\xe1\x80\xe2\xf0\x91\x92\xf1\xbf\x41", {-2, -1, -3, -2, 1}},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const uint8_t *s = (const uint8_t *)cases[i].bytes;
        size_t n = strlen(cases[i].bytes);
        for (int k = 0; n > 0; k++) {
            int step = utf8_scan(s, n), len = step < 0 ? -step : step;
            assert_int_equal(step, cases[i].steps[k]);
            s += len;
            n -= (size_t)len;
        }
    }
}

static void text_is_made_valid(void **state) {
    (void)state;
    struct buf b = {0};
    utf8_append_valid(&b,
                      "a\xff"
                      "b\xe2\x82"
                      "c\xe2\x82\xac",
                      9);
    assert_string_equal(b.data, "a\xef\xbf\xbd"
                                "b\xef\xbf\xbd\xef\xbf\xbd"
                                "c\xe2\x82\xac");
    buf_free(&b);
    assert_int_equal(utf8_length("a\xff"
                                 "b\xe2\x82"
                                 "c\xe2\x82\xac",
                                 9),
                     7);
    assert_int_equal(utf8_length("", 0), 0);
}

static void controls_are_blanked(void **state) {
    (void)state;
    char s[] = "\x01"
               "a\x1f\x7f\xc2\x80z\xc2\x9f\xc2\xa0\xc3\x80\xc2";
    utf8_blank_controls(s);
    assert_string_equal(s, "?a????z??\xc2\xa0\xc3\x80\xc2");
    static const char *const with[] = {"\x1f", "a\x7f", "\xc2\x80", "a\xc2\x9f z"};
    for (size_t i = 0; i < sizeof with / sizeof *with; i++)
        assert_true(utf8_has_controls(with[i], strlen(with[i])));
    static const char plain[] = " ~\xc2\xa0\xc3\x80\xe2\x80\xa8";
    assert_false(utf8_has_controls(plain, strlen(plain)));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_code_point),
        cmocka_unit_test(what_is_not_valid),
        cmocka_unit_test(ill_formed_bytes_are_counted_as_decoders_do),
        cmocka_unit_test(text_is_made_valid),
        cmocka_unit_test(controls_are_blanked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
