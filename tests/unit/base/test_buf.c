/* Growable buffers: what is appended is there; a failure stays. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"
#include "fault.h"

static void appends_are_there(void **state) {
    (void)state;
    struct buf b = {0};
    char want[3000];
    size_t n = 0;
    for (int i = 0; n < 2900; i++) {
        char piece[16];
        size_t len = (size_t)(i % 7);
        memset(piece, 'a' + i % 26, len);
        buf_append(&b, piece, len);
        memcpy(want + n, piece, len);
        n += len;
        assert_int_equal(b.len, n);
        if (b.data) {
            assert_int_equal(b.data[n], 0);
            assert_memory_equal(b.data, want, n);
        }
    }
    buf_clear(&b);
    assert_int_equal(b.len, 0);
    buf_str(&b, "x");
    buf_char(&b, '-');
    buf_printf(&b, "%d %s", 42, "answer");
    assert_string_equal(b.data, "x-42 answer");
    char longer[500];
    memset(longer, 'y', 499);
    longer[499] = 0;
    buf_printf(&b, "%s%s", longer, longer);
    assert_int_equal(b.len, 11 + 998);
    assert_false(buf_failed(&b));
    buf_free(&b);
    buf_free(&b);
    assert_null(b.data);
}

static void failure_stays(void **state) {
    (void)state;
    struct buf b = {0};
    buf_str(&b, "kept");
    fault_begin(&fault_memory, 0, FAULT_LASTING);
    char more[200] = {0};
    buf_append(&b, more, sizeof more);
    fault_end(&fault_memory);
    assert_true(buf_failed(&b));
    buf_str(&b, "lost");
    buf_char(&b, 'c');
    buf_printf(&b, "%d", 1);
    assert_string_equal(b.data, "kept");
    buf_clear(&b);
    buf_str(&b, "again");
    assert_string_equal(b.data, "again");
    assert_false(buf_reserve(&b, SIZE_MAX - 3));
    assert_true(buf_failed(&b));
    buf_free(&b);
    fault_begin(&fault_memory, 0, FAULT_LASTING);
    struct buf empty = {0};
    buf_str(&empty, "x");
    fault_end(&fault_memory);
    assert_true(buf_failed(&empty));
    assert_null(empty.data);
}

static void ids_grow(void **state) {
    (void)state;
    struct ids ids = {0};
    for (uint32_t i = 0; i < 1000; i++)
        ids_push(&ids, i * 3);
    uint32_t more[] = {7, 8, 9};
    ids_append(&ids, more, 3);
    ids_append(&ids, NULL, 0);
    assert_int_equal(ids.n, 1003);
    for (uint32_t i = 0; i < 1000; i++)
        assert_int_equal(ids.v[i], i * 3);
    assert_memory_equal(ids.v + 1000, more, sizeof more);
    fault_begin(&fault_memory, 0, FAULT_LASTING);
    assert_false(ids_reserve(&ids, 100000));
    fault_end(&fault_memory);
    ids_push(&ids, 1);
    assert_true(ids.failed);
    assert_int_equal(ids.n, 1003);
    ids_free(&ids);
    assert_false(ids_reserve(&ids, SIZE_MAX / 2));
    ids_free(&ids);
}

static void arrays_grow(void **state) {
    (void)state;
    struct item {
        uint64_t a, b, c;
    } *items = NULL;
    size_t n = 0, cap = 0;
    for (; n < 1000; n++) {
        assert_true(array_grow((void **)&items, n, &cap, sizeof *items));
        assert_true(cap > n);
        items[n] = (struct item){n, n + 1, n + 2};
    }
    for (size_t i = 0; i < n; i++)
        assert_int_equal(items[i].c, i + 2);
    fault_begin(&fault_memory, 0, FAULT_LASTING);
    struct item *before = items;
    size_t cap_before = cap;
    assert_false(array_grow((void **)&items, cap, &cap, sizeof *items));
    fault_end(&fault_memory);
    assert_ptr_equal(items, before);
    assert_int_equal(cap, cap_before);
    size_t huge = SIZE_MAX / 64;
    assert_false(array_grow((void **)&items, huge, &huge, sizeof *items));
    free(items);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(appends_are_there),
        cmocka_unit_test(failure_stays),
        cmocka_unit_test(ids_grow),
        cmocka_unit_test(arrays_grow),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
