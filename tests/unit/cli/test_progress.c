#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "cli/progress.h"

static void bar_fits_every_width(void **state) {
    (void)state;
    const struct progress_view v = {.done = 310,
                                    .failed = 2,
                                    .total = 1131,
                                    .tokens_per_second = 3412.4,
                                    .seconds = 123,
                                    .left = 4000};
    char line[512];
    for (int width = 1; width < 300; width++) {
        size_t n = progress_bar(&v, width, line, sizeof line);
        assert_int_equal(n, strlen(line));
        assert_true(n <= (size_t)width);
    }
    assert_non_null(strstr(line, "312/1131 chunks  2 failed  ETA 1:06:40  3,412 tokens/s"));
    assert_int_equal(line[0], '[');
    progress_bar(&v, 20, line, sizeof line);
    assert_string_equal(line, "312/1131 chunks");
}

static void bar_is_full_only_at_the_end(void **state) {
    (void)state;
    struct progress_view v = {.done = 999, .total = 1000, .left = -1};
    char line[512];
    progress_bar(&v, 120, line, sizeof line);
    assert_non_null(strstr(line, "-]"));
    assert_non_null(strstr(line, "ETA --:--"));
    v.done = 1000;
    progress_bar(&v, 120, line, sizeof line);
    assert_null(strstr(line, "-]"));
}

/* 1,000 lines, 100 of them done with 1,000 tokens; chunks in flight have had another 500. */
static void time_left_follows_tokens(void **state) {
    (void)state;
    struct progress p = {.lines_done = 100, .tokens_done = 1000};
    struct run_stats stats = {.chunks_total = 10, .chunks_done = 1, .lines = 1000, .seconds = 15};
    struct progress_view v = progress_view(&p, &stats, 1500);
    assert_true(v.tokens_per_second == 100);
    assert_true(v.left == 85);
    p.lines_done = 0;
    assert_true(progress_view(&p, &stats, 1500).left < 0);
    stats.bytes = 30000;
    assert_true(progress_view(&p, &stats, 1500).left == 85);
    assert_true(progress_view(&p, &stats, 15000).left == 1);
    stats.chunks_done = 10;
    assert_true(progress_view(&p, &stats, 1500).left == 0);
}

/* Half of the lines came from the store, at no cost; of the others 100 took 1,000 tokens. */
static void known_lines_take_no_time(void **state) {
    (void)state;
    static const struct lang c = {"c", "C", LANG_CODE};
    struct progress p = {0};
    progress_finished(
        &p, &(struct summary){
                .start_line = 1, .end_line = 500, .lang = &c, .tokens_in = 5000, .known = true});
    progress_finished(&p, &(struct summary){.start_line = 501, .end_line = 600, .tokens_in = 1000});
    const struct run_stats stats = {.chunks_total = 10,
                                    .chunks_done = 6,
                                    .chunks_known = 5,
                                    .lines = 1000,
                                    .lines_known = 500,
                                    .seconds = 10};
    const struct progress_view v = progress_view(&p, &stats, 1000);
    assert_true(v.tokens_per_second == 100 && v.left == 40);
    char line[512];
    progress_bar(&v, 200, line, sizeof line);
    assert_non_null(strstr(line, "elapsed 0:10  5 from the store"));
    progress_plain(&v, line, sizeof line);
    assert_string_equal(line, "6/10 chunks (5 from the store), 0 failed, 100 tokens/s, ETA 0:40, "
                              "elapsed 0:10");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bar_fits_every_width),
        cmocka_unit_test(bar_is_full_only_at_the_end),
        cmocka_unit_test(time_left_follows_tokens),
        cmocka_unit_test(known_lines_take_no_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
