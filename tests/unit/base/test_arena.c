/* Strings that are kept together: each is there, and a failure leaves the others. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/arena.h"
#include "fault.h"

enum { N = 300 };

/* Short ones, none at all, and longer ones than a block has room for. */
static size_t length_of(size_t i) {
    return i % 50 == 49 ? 100000 + i : i * i % 5000;
}

static void strings_are_there(void **state) {
    (void)state;
    struct arena a = {0};
    char *kept[N], *text = malloc(100000 + N + 1);
    assert_non_null(text);
    for (size_t i = 0; i < N; i++) {
        memset(text, 'a' + (int)(i % 26), length_of(i));
        text[length_of(i)] = 0;
        kept[i] = arena_copy(&a, text);
        assert_non_null(kept[i]);
        assert_ptr_not_equal(kept[i], text);
    }
    for (size_t i = 0; i < N; i++) {
        assert_int_equal(strlen(kept[i]), length_of(i));
        for (size_t k = 0; k < length_of(i); k++)
            assert_int_equal(kept[i][k], 'a' + (int)(i % 26));
    }
    free(text);
    arena_free(&a);
    assert_null(a.blocks);
    assert_string_equal(arena_copy(&a, "again"), "again");
    arena_free(&a);
}

static void memory_that_runs_out_is_told(void **state) {
    (void)state;
    struct arena a = {0};
    char *longer = calloc(1, 200001);
    assert_non_null(longer);
    memset(longer, 'x', 200000);
    fault_begin(&fault_memory, 0, FAULT_LASTING);
    assert_null(arena_copy(&a, "first"));
    fault_end(&fault_memory);
    const char *first = arena_copy(&a, "first");
    fault_begin(&fault_memory, 0, FAULT_LASTING);
    assert_null(arena_copy(&a, longer));
    assert_string_equal(arena_copy(&a, "second"), "second"); /* there is room */
    fault_end(&fault_memory);
    assert_string_equal(first, "first");
    arena_free(&a);
    free(longer);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(strings_are_there),
                                       cmocka_unit_test(memory_that_runs_out_is_told)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
