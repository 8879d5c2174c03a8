#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "cli/transfer.h"

static const struct transfer_view half = {
    .name = "a/b/model.gguf", .done = 50000000, .total = 98362432, .rate = 2500000};

static void bar_fits_every_width(void **state) {
    (void)state;
    char line[512];
    for (int width = 1; width < 300; width++) {
        size_t n = transfer_bar(&half, width, line, sizeof line);
        assert_int_equal(n, strlen(line));
        assert_true(n <= (size_t)width);
    }
    assert_string_equal(line, "model.gguf  [####################--------------------]  "
                              "50.0 MB/98.4 MB  2.5 MB/s  ETA 0:19");
    transfer_bar(&half, 30, line, sizeof line);
    assert_string_equal(line, "model.gguf  50.0 MB/98.4 MB");
    assert_true(transfer_bar(&half, 300, line, 20) < 20);
}

static void names_are_plain_on_a_terminal(void **state) {
    (void)state;
    char line[512];
    struct transfer_view v = half;
    v.name = "x/\x1b[31m\xc3\xa4.gguf";
    transfer_plain(&v, line, sizeof line);
    assert_string_equal(line, "?[31m??.gguf: 50.0 MB of 98.4 MB, 2.5 MB/s, ETA 0:19");
}

static void unknown_rates_have_no_end(void **state) {
    (void)state;
    char line[512];
    struct transfer_view v = half;
    v.rate = 0;
    transfer_plain(&v, line, sizeof line);
    assert_non_null(strstr(line, "ETA --:--"));
    v.rate = 5000;
    transfer_plain(&v, line, sizeof line);
    assert_non_null(strstr(line, "ETA 2:41:12"));
    v.total = v.done = 0;
    transfer_bar(&v, 80, line, sizeof line);
    assert_null(strchr(line, '['));
}

static void bytes_in_words(void **state) {
    (void)state;
    static const struct {
        double bytes;
        const char *text;
    } cases[] = {
        {0, "0 B"},         {612, "612 B"},         {1000, "1.0 kB"},   {98362432, "98.4 MB"},
        {999950, "1.0 MB"}, {1117320768, "1.1 GB"}, {5e15, "5000.0 TB"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char out[32];
        assert_int_equal(transfer_bytes(out, sizeof out, cases[i].bytes), strlen(cases[i].text));
        assert_string_equal(out, cases[i].text);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bar_fits_every_width),
        cmocka_unit_test(names_are_plain_on_a_terminal),
        cmocka_unit_test(unknown_rates_have_no_end),
        cmocka_unit_test(bytes_in_words),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
