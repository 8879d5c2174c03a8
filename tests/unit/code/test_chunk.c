#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "base/rng.h"
#include "code/chunk.h"
#include "code/scan.h"

static uint64_t naive_lines(const uint8_t *s, size_t n) {
    uint64_t lines = 0;
    for (size_t i = 0; i < n; i++)
        lines += s[i] == '\n' || i + 1 == n;
    return lines;
}

/* Every byte once, in order, whole lines, `loc` of them in each chunk but the last. */
static void check(const uint8_t *s, size_t n, uint64_t loc) {
    struct chunks c;
    struct err e = {0};
    assert_int_equal(chunk_lines(s, n, loc, &c, &e), 0);
    uint64_t at = 0;
    uint64_t line = 0;
    for (size_t i = 0; i < c.n; i++) {
        const struct chunk *k = &c.v[i];
        assert_int_equal(k->offset, at);
        assert_true(k->length > 0);
        assert_int_equal(k->start_line, line + 1);
        uint64_t lines = naive_lines(s + k->offset, (size_t)k->length);
        assert_int_equal(k->end_line, line + lines);
        if (i + 1 < c.n) {
            assert_int_equal(lines, loc);
            assert_int_equal(s[k->offset + k->length - 1], '\n');
        } else {
            assert_in_range(lines, 1, loc);
        }
        at += k->length;
        line += lines;
    }
    assert_int_equal(at, n);
    assert_int_equal(line, c.lines);
    assert_int_equal(c.lines, naive_lines(s, n));
    chunks_free(&c);
    assert_null(c.v);
}

static void check_text(const char *s, uint64_t loc, size_t want_chunks, uint64_t want_lines) {
    struct chunks c;
    assert_int_equal(chunk_lines(s, strlen(s), loc, &c, NULL), 0);
    assert_int_equal(c.n, want_chunks);
    assert_int_equal(c.lines, want_lines);
    chunks_free(&c);
    check((const uint8_t *)s, strlen(s), loc);
}

static void cuts_small_texts(void **state) {
    (void)state;
    check_text("", 300, 0, 0);
    check_text("\n", 300, 1, 1);
    check_text("a", 300, 1, 1);
    check_text("a\n", 1, 1, 1);
    check_text("a\nb", 1, 2, 2);
    check_text("a\nb\n", 1, 2, 2);
    check_text("\n\n\n\n\n", 2, 3, 5);
    check_text("a\r\nb\r\nc", 2, 2, 3);
    check_text("a\rb\rc\r", 1, 1, 1);
    check_text("a\nb\nc\n", UINT64_MAX, 1, 3);
    check((const uint8_t *)"a\0\n\0b\n\0", 7, 1);
}

static void refuses_no_lines(void **state) {
    (void)state;
    struct chunks c;
    struct err e = {0};
    assert_int_equal(chunk_lines("a\n", 2, 0, &c, &e), PRECIS_EUSAGE);
    assert_null(c.v);
    assert_int_equal(c.n, 0);
}

static void takes_no_text(void **state) {
    (void)state;
    struct chunks c;
    assert_int_equal(chunk_lines(NULL, 0, 300, &c, NULL), 0);
    assert_int_equal(c.n, 0);
    chunks_free(&c);
    chunks_free(&c);
    assert_int_equal(chunk_count_newlines(NULL, 0), 0);
}

static void cuts_152388_lines_into_508(void **state) {
    (void)state;
    enum { LINES = 152388 };
    struct rng rng = {1};
    char *text = malloc((size_t)LINES * 81);
    size_t n = 0;
    assert_non_null(text);
    for (int i = 0; i < LINES; i++) {
        size_t len = (size_t)(rng_next(&rng) % 80);
        memset(text + n, 'x', len);
        n += len;
        text[n++] = '\n';
    }
    struct chunks c;
    assert_int_equal(chunk_lines(text, n, 300, &c, NULL), 0);
    assert_int_equal(c.n, 508);
    assert_int_equal(c.lines, LINES);
    assert_int_equal(c.v[507].start_line, 152101);
    assert_int_equal(c.v[507].end_line, LINES);
    assert_int_equal(chunk_count_newlines(text, n), LINES);
    chunks_free(&c);
    free(text);
}

/* Sizes around the 64-byte blocks, at every alignment, in buffers that end where the text ends. */
static void random_texts_are_covered(void **state) {
    (void)state;
    struct rng rng = {2};
    static const uint64_t locs[] = {1, 2, 3, 7, 63, 64, 65, 300, 1000000, UINT64_MAX};
    for (int i = 0; i < 3000; i++) {
        size_t n = (size_t)(rng_next(&rng) % (i % 10 ? 400 : 20000));
        uint64_t every = 1 + rng_next(&rng) % 60;
        uint8_t *s = malloc(n + 1);
        assert_non_null(s);
        for (size_t j = 0; j < n; j++)
            s[j] = rng_next(&rng) % every == 0 ? '\n' : (uint8_t)(rng_next(&rng) % 256);
        check(s, n, locs[rng_next(&rng) % (sizeof locs / sizeof *locs)]);
        free(s);
    }
}

static void all_scans_are_equal(void **state) {
    (void)state;
    struct scan all[SCAN_MAX];
    size_t scans = scan_list(all);
    struct rng rng = {3};
    assert_in_range(scans, 1, SCAN_MAX);
    for (int i = 0; i < 4000; i++) {
        size_t n = (size_t)(rng_next(&rng) % 700);
        uint64_t every = 1 + rng_next(&rng) % 50;
        uint64_t k = 1 + rng_next(&rng) % 80;
        uint8_t *s = malloc(n + 1);
        assert_non_null(s);
        for (size_t j = 0; j < n; j++)
            s[j] = rng_next(&rng) % every == 0 ? '\n' : (uint8_t)(rng_next(&rng) % 256);
        uint64_t count = 0;
        size_t end = 0;
        while (end < n && count < k)
            count += s[end++] == '\n';
        for (size_t j = 0; j < scans; j++) {
            uint64_t seen = UINT64_MAX;
            if (all[j].find(s, n, k, &seen) != end || seen != count)
                fail_msg("%s: %zu bytes, newline %llu", all[j].name, n, (unsigned long long)k);
        }
        free(s);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cuts_small_texts),
        cmocka_unit_test(refuses_no_lines),
        cmocka_unit_test(takes_no_text),
        cmocka_unit_test(cuts_152388_lines_into_508),
        cmocka_unit_test(random_texts_are_covered),
        cmocka_unit_test(all_scans_are_equal),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
