/* JSON is whole, or its buffer has failed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/json.h"
#include "fault.h"

static void values_are_appended(void **state) {
    (void)state;
    struct buf b = {0};
    json_t *v = json_pack("{s:i, s:[s, n]}", "a", 1, "b", "x\"y");
    assert_non_null(v);
    buf_str(&b, "> ");
    json_append(&b, v, JSON_COMPACT);
    assert_false(buf_failed(&b));
    assert_string_equal(b.data, "> {\"a\":1,\"b\":[\"x\\\"y\",null]}");
    json_append(&b, json_array_get(json_object_get(v, "b"), 0), 0);
    assert_string_equal(b.data, "> {\"a\":1,\"b\":[\"x\\\"y\",null]}\"x\\\"y\"");
    json_append(&b, NULL, 0);
    assert_true(buf_failed(&b));
    json_decref(v);
    buf_free(&b);
}

static int append_once(void *user, struct err *e) {
    struct buf b = {0};
    json_append(&b, user, JSON_COMPACT);
    int rc = buf_failed(&b) ? err_nomem(e, "test") : 0;
    if (rc == 0) {
        json_t *again = json_loadb(b.data, b.len, 0, NULL);
        assert_true(json_equal(again, user));
        json_decref(again);
    }
    buf_free(&b);
    return rc;
}

static void without_memory_it_fails(void **state) {
    (void)state;
    json_t *v = json_object();
    for (int i = 0; i < 40; i++) {
        char name[100];
        memset(name, 'a' + i % 26, sizeof name);
        snprintf(name + 60, sizeof name - 60, "%d", i);
        assert_int_equal(json_object_set_new(v, name, json_integer(i)), 0);
    }
    assert_true(fault_each(&fault_memory, FAULT_ONCE, append_once, v) > 3);
    fault_each(&fault_memory, FAULT_LASTING, append_once, v);
    json_decref(v);
}

static long allowed; /* allocations of Jansson; then they fail */

static void *allocate(size_t size) {
    return allowed-- > 0 ? malloc(size) : NULL;
}

static void lack_of_memory_is_told_from_bad_text(void **state) {
    (void)state;
    static const char text[] = "{\"name\": [1, 2.5, \"a text\", {\"inner\": null}]}";
    json_error_t why;
    json_t *v = NULL;
    int told = 0;
    json_set_alloc_funcs(allocate, free);
    for (long n = 0; !v; n++) {
        allowed = n;
        v = json_read(text, strlen(text), 0, &why);
        told += json_lacked_memory(v, &why);
        assert_true(n < 200);
    }
    assert_true(told > 5);
    json_decref(v);
    allowed = 200;
    v = json_read("{\"name\": }", 10, 0, &why);
    assert_null(v);
    assert_false(json_lacked_memory(v, &why));
    json_set_alloc_funcs(malloc, free);
}

static int read_once(void *user, struct err *e) {
    json_error_t why;
    json_t *v = json_read(user, strlen(user), 0, &why);
    int rc = v ? 0 : err_nomem(e, "test");
    assert_int_equal(json_lacked_memory(v, &why), v == NULL);
    assert_true(v || strcmp(why.text, "out of memory") == 0);
    json_decref(v);
    return rc;
}

/* The last test: Jansson's allocator is another from here on. */
static void a_guarded_reading_ends_well(void **state) {
    (void)state;
    static char text[] =
        "{\"a name with \\u00e4\": [1, 2.5, \"a text of more than sixteen \\n bytes\", "
        "{\"inner\": null, \"b\": {\"c\": \"\\\\\"}}, 123456789012345678, 0.12345678901234567]}";
    json_error_t why;
    json_guard();
    assert_true(fault_each(&fault_memory, FAULT_ONCE, read_once, text) > 10);
    fault_each(&fault_memory, FAULT_LASTING, read_once, text);
    assert_null(json_read("{\"name\": }", 10, 0, &why));
    assert_false(json_lacked_memory(NULL, &why));
    assert_null(json_read("[", 1, 0, NULL));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_are_appended),
        cmocka_unit_test(without_memory_it_fails),
        cmocka_unit_test(lack_of_memory_is_told_from_bad_text),
        cmocka_unit_test(a_guarded_reading_ends_well),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
