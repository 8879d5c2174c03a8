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

static void finish(struct progress *p, size_t lines, size_t tokens) {
    progress_finished(p, &(struct summary){.file_path = "a.c",
                                           .start_line = 1,
                                           .end_line = lines,
                                           .elapsed_ms = (double)tokens,
                                           .tokens_in = tokens});
}

/* 1,000 lines, 400 of them done with 4,000 tokens; chunks in flight have had another 500. */
static void time_left_follows_tokens(void **state) {
    (void)state;
    struct progress p = {0};
    struct run_stats stats = {.chunks_total = 10, .chunks_done = 4, .lines = 1000, .seconds = 45};
    assert_true(progress_view(&p, &stats, 4500).left < 0);
    for (int i = 0; i < 4; i++)
        finish(&p, 100, 1000);
    struct progress_view v = progress_view(&p, &stats, 4500);
    assert_true(v.tokens_per_second == 100);
    assert_true(v.left == 55);
    assert_true(progress_view(&p, &stats, 15000).left == 1);
    stats.chunks_done = 10;
    assert_true(progress_view(&p, &stats, 4500).left == 0);
}

/* Until a few chunks have finished, the size of the files says more than those few. */
static void first_chunks_say_little(void **state) {
    (void)state;
    struct progress p = {0};
    const struct run_stats stats = {
        .chunks_total = 10, .chunks_done = 1, .lines = 1000, .bytes = 30000, .seconds = 15};
    finish(&p, 1, 900);
    assert_true(progress_view(&p, &stats, 1500).left == 85);
}

/* Chunks of 100 and of 10 lines: 500 tokens for each and 5 for a line. */
static void short_chunks_cost_their_prompts(void **state) {
    (void)state;
    struct progress p = {0};
    const struct run_stats stats = {
        .chunks_total = 10, .chunks_done = 4, .lines = 220 + 600, .bytes = 1, .seconds = 10};
    for (int i = 0; i < 2; i++) {
        finish(&p, 100, 1000);
        finish(&p, 10, 550);
    }
    const struct progress_view v = progress_view(&p, &stats, 3100);
    const double left = (6 * 500 + 600 * 5) / 310.0;
    assert_true(v.left > left - 1e-6 && v.left < left + 1e-6);
    assert_string_equal(v.slowest, "a.c:1-100");
    assert_true(v.slowest_ms == 1000);
}

/* The time is of the chunk that is named, and the next slow one takes its place. */
static void a_long_name_gives_way_to_a_number(void **state) {
    (void)state;
    struct progress p = {0};
    char path[400];
    memset(path, 'a', sizeof path - 1);
    path[sizeof path - 1] = 0;
    progress_finished(&p, &(struct summary){.file_path = "a.c", .elapsed_ms = 10});
    progress_finished(&p, &(struct summary){.file_path = path, .index = 6, .elapsed_ms = 30});
    progress_finished(&p, &(struct summary){.file_path = "b.c", .elapsed_ms = 20});
    assert_string_equal(p.slowest, "chunk 7");
    assert_true(p.slowest_ms == 30);
}

/* Half of the lines came from the store, at no cost; of the others 400 took 4,000 tokens. */
static void known_lines_take_no_time(void **state) {
    (void)state;
    static const struct lang c = {"c", "C", LANG_CODE};
    struct progress p = {0};
    progress_finished(
        &p, &(struct summary){
                .start_line = 1, .end_line = 500, .lang = &c, .tokens_in = 5000, .known = true});
    for (int i = 0; i < 4; i++)
        finish(&p, 100, 1000);
    struct run_stats stats = {.chunks_total = 20,
                              .chunks_done = 9,
                              .chunks_known = 5,
                              .lines = 2000,
                              .lines_known = 1000,
                              .seconds = 40};
    p.slowest[0] = 0;
    struct progress_view v = progress_view(&p, &stats, 4000);
    assert_true(v.tokens_per_second == 100 && v.left == 60);
    char line[512];
    progress_bar(&v, 200, line, sizeof line);
    assert_non_null(strstr(line, "elapsed 0:40  5 from the store"));
    progress_plain(&v, line, sizeof line);
    assert_string_equal(line, "9/20 chunks (5 from the store), 0 failed, 100 tokens/s, ETA 1:00, "
                              "elapsed 0:40");
    v.memory = 412000000;
    v.slowest = "a.c:1-100";
    v.slowest_ms = 2340;
    progress_plain(&v, line, sizeof line);
    assert_non_null(strstr(line, "elapsed 0:40, 412 MB, slowest 2.3 s (a.c:1-100)"));
    /* reading them took 20 seconds in which nothing was computed */
    stats.seconds = 60;
    p.idle = 20;
    v = progress_view(&p, &stats, 4000);
    assert_true(v.tokens_per_second == 100 && v.left == 60);
}

/* Nothing is shown, and the clock of the rate does not run while the model has nothing to do. */
static void the_rate_begins_with_the_first_token(void **state) {
    (void)state;
    struct progress p;
    progress_start(&p, NULL, PROGRESS_NONE);
    progress_show(&p, &(struct run_stats){.chunks_total = 2, .seconds = 20});
    assert_true(p.idle == 20 && !p.began);
}

static void json_is_one_line(void **state) {
    (void)state;
    struct buf b = {0};
    const struct progress_view v = {.done = 4,
                                    .known = 1,
                                    .failed = 1,
                                    .total = 9,
                                    .seconds = 1.5,
                                    .left = -1,
                                    .slowest = "a\n\"b\":1-2",
                                    .slowest_ms = 20};
    progress_put_view(&b, "progress", &v);
    assert_string_equal(
        b.data,
        "\"event\": \"progress\", \"seconds\": 1.5, \"chunks\": {\"total\": 9, \"done\": 4, "
        "\"cached\": 1, \"failed\": 1, \"left\": 4}, \"rollups\": {\"total\": 0, "
        "\"finished\": 0}, \"tokens_per_second\": 0, \"eta_seconds\": null, "
        "\"memory_bytes\": null, \"slowest\": {\"place\": \"a\\n\\\"b\\\":1-2\", "
        "\"elapsed_ms\": 20}");
    buf_clear(&b);
    progress_put_summary(&b, &(struct summary){.level = SUMMARY_FILE,
                                               .file_path = "a.c",
                                               .start_line = 1,
                                               .end_line = 9,
                                               .summary = "Adds.",
                                               .source = "model",
                                               .confidence = 0.5,
                                               .known = true});
    assert_string_equal(
        b.data,
        "\"event\": \"line\", \"kind\": \"file\", \"path\": \"a.c\", \"start_line\": 1, "
        "\"end_line\": 9, \"summary\": \"Adds.\", \"source\": \"model\", \"confidence\": 0.5, "
        "\"cached\": true, \"error\": null, \"elapsed_ms\": 0, \"tokens_in\": 0, \"tokens_out\": "
        "0");
    buf_clear(&b);
    progress_put_summary(&b, &(struct summary){.file_path = "a.c", .summary = "", .error = "no"});
    assert_non_null(strstr(b.data, "\"summary\": null, \"source\": null"));
    assert_non_null(strstr(b.data, "\"error\": \"no\""));
    buf_free(&b);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bar_fits_every_width),
        cmocka_unit_test(bar_is_full_only_at_the_end),
        cmocka_unit_test(time_left_follows_tokens),
        cmocka_unit_test(first_chunks_say_little),
        cmocka_unit_test(short_chunks_cost_their_prompts),
        cmocka_unit_test(a_long_name_gives_way_to_a_number),
        cmocka_unit_test(known_lines_take_no_time),
        cmocka_unit_test(the_rate_begins_with_the_first_token),
        cmocka_unit_test(json_is_one_line),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
