#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "safetensors_build.h"
#include "model/safetensors.h"

/* Exactly sized, so that the sanitizer sees every byte read beyond it. */
static int open_copy(const struct buf *b, size_t size, uint8_t **copy, struct safetensors **s,
                     struct err *e) {
    *copy = malloc(size ? size : 1);
    assert_non_null(*copy);
    if (size)
        memcpy(*copy, b->data, size);
    return safetensors_open_memory("m.safetensors", *copy, size, s, e);
}

static void refused(const char *header, size_t data, const char *part) {
    struct buf b = {0};
    struct safetensors *s;
    struct err e = {0};
    uint8_t *copy;
    put_raw(&b, header, data);
    int rc = open_copy(&b, b.len, &copy, &s, &e);
    if (rc != PRECIS_EINPUT || e.code != rc || s || !strstr(e.text, part) ||
        strncmp(e.text, "m.safetensors: ", 15) != 0)
        fail_msg("'%s' wanted of %s; got %d: %s", part, header, rc, e.text);
    free(copy);
    buf_free(&b);
}

static void reads_tensors(void **state) {
    (void)state;
    static const char header[] =
        "{\"__metadata__\":{\"format\":\"pt\"},"
        "\"b\":{\"dtype\":\"BF16\",\"shape\":[3,2],\"data_offsets\":[4,16]},"
        "\"a\":{\"dtype\":\"F32\",\"shape\":[],\"data_offsets\":[0,4]},"
        "\"i\":{\"dtype\":\"I64\",\"shape\":[1,1],\"data_offsets\":[16,24]},"
        "\"none\":{\"dtype\":\"F16\",\"shape\":[7,0],\"data_offsets\":[24,24]},"
        "\"deep\":{\"dtype\":\"F16\",\"shape\":[1,1,1,2,1],\"data_offsets\":[24,28]}}   ";
    struct buf b = {0};
    struct safetensors *s;
    struct err e;
    uint8_t *copy;
    put_raw(&b, header, 28);
    if (open_copy(&b, b.len, &copy, &s, &e) != 0)
        fail_msg("%s", e.text);
    assert_int_equal(safetensors_count(s), 5);
    assert_null(safetensors_at(s, 5));
    assert_int_equal(safetensors_size(s), b.len);
    assert_string_equal(safetensors_path(s), "m.safetensors");
    const struct safetensor *a = safetensors_at(s, 0), *m = safetensors_at(s, 1);
    assert_string_equal(a->tensor.name.s, "a");
    assert_true(a->readable && a->tensor.elements == 1 && a->tensor.dims[0] == 1);
    assert_true(m->readable && m->tensor.type == QUANT_BF16);
    assert_string_equal(m->dtype, "BF16");
    assert_true(m->tensor.n_dims == 2 && m->tensor.dims[0] == 2 && m->tensor.dims[1] == 3);
    assert_true(m->tensor.dims[2] == 1 && m->tensor.elements == 6 && m->tensor.size == 12);
    assert_ptr_equal(m->tensor.data, copy + 8 + strlen(header) + 4);
    assert_false(safetensors_at(s, 2)->readable);
    assert_string_equal(safetensors_at(s, 3)->tensor.name.s, "none");
    assert_string_equal(safetensors_at(s, 4)->tensor.name.s, "deep");
    assert_false(safetensors_at(s, 4)->readable);
    safetensors_release(s);
    safetensors_close(s);
    safetensors_close(NULL);
    free(copy);
    buf_free(&b);
}

static void refuses_every_cut(void **state) {
    (void)state;
    struct buf b = {0};
    put_raw(&b, "{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]}}", 8);
    for (size_t n = 0; n < b.len; n++) {
        struct safetensors *s;
        struct err e = {0};
        uint8_t *copy;
        assert_int_equal(open_copy(&b, n, &copy, &s, &e), PRECIS_EINPUT);
        assert_null(s);
        free(copy);
    }
    buf_free(&b);
}

static void refuses_hostile_headers(void **state) {
    (void)state;
#define T(dtype, shape, offsets)                                                                   \
    "{\"a\":{\"dtype\":" dtype ",\"shape\":" shape ",\"data_offsets\":" offsets "}}"
    static const struct {
        const char *header;
        size_t data;
        const char *part;
    } cases[] = {
        {"", 0, "not a JSON object"},
        {"[]", 0, "not a JSON object"},
        {" {}", 0, "not a JSON object"},
        {"{\"a\":", 0, "not valid JSON"},
        {"{\"a\":1}", 0, "its entry is not an object"},
        {"{\"__metadata__\":1}", 0, "__metadata__ is not an object"},
        {"{\"__metadata__\":{\"a\":1}}", 0, "'a' is not a string"},
        {"{\"a\":{},\"a\":{}}", 0, "not valid JSON: duplicate object key"},
        {"{\"\":{}}", 0, "has 0 bytes"},
        {T("7", "[1]", "[0,4]"), 4, "'dtype' is missing"},
        {T("\"F31\"", "[1]", "[0,4]"), 4, "no such type: 'F31'"},
        {T("\"F32\"", "1", "[0,4]"), 4, "'shape' is missing"},
        {T("\"F32\"", "[1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1]", "[0,4]"), 4, "16 dimensions"},
        {T("\"F32\"", "[-1]", "[0,4]"), 4, "not a whole number"},
        {T("\"F32\"", "[1.0]", "[0,4]"), 4, "not a whole number"},
        {T("\"F32\"", "[4294967296,4294967296]", "[0,4]"), 4, "overflows"},
        {T("\"F32\"", "[4611686018427387904]", "[0,4]"), 4, "do not take 4 bytes"},
        {T("\"F32\"", "[99999999999999999999]", "[0,4]"), 4, "not valid JSON"},
        {T("\"F32\"", "[2]", "[0,4]"), 4, "2 elements of F32 do not take 4 bytes"},
        {T("\"F32\"", "[1]", "[0,8]"), 8, "1 elements of F32 do not take 8 bytes"},
        {T("\"F4\"", "[3]", "[0,2]"), 2, "do not take"},
        {T("\"F32\"", "[1]", "4"), 4, "rising whole numbers"},
        {T("\"F32\"", "[1]", "[0,4,8]"), 4, "rising whole numbers"},
        {T("\"F32\"", "[1]", "[4,0]"), 4, "rising whole numbers"},
        {T("\"F32\"", "[1]", "[-4,0]"), 4, "rising whole numbers"},
        {T("\"F32\"", "[1]", "[0,9223372036854775807]"), 4, "truncated?"},
        {T("\"F32\"", "[1]", "[1,5]"), 5, "begins at 1, with a gap"},
        {T("\"F32\"", "[1]", "[0,4]"), 5, "1 bytes at its end belong to no tensor"},
        {"{}", 1, "1 bytes at its end"},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]},"
         "\"b\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[4,8]}}",
         8, "'b' begins at 4, inside the one before"},
        {"{\"a\":{\"dtype\":\"U8\",\"shape\":[2],\"data_offsets\":[0,2]},"
         "\"b\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[3,4]}}",
         4, "'b' begins at 3, with a gap"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        refused(cases[i].header, cases[i].data, cases[i].part);
}

static void refuses_absurd_lengths(void **state) {
    (void)state;
    static const uint64_t lengths[] = {0, 1, 3, 99999999, 100000001, UINT64_MAX, UINT64_MAX - 7};
    for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
        struct buf b = {0};
        struct safetensors *s;
        struct err e = {0};
        uint8_t *copy;
        buf_append(&b, &lengths[i], 8);
        buf_str(&b, "{}");
        assert_int_equal(open_copy(&b, b.len, &copy, &s, &e), PRECIS_EINPUT);
        free(copy);
        buf_free(&b);
    }
}

static void refuses_long_names(void **state) {
    (void)state;
    char name[1026], header[1200];
    memset(name, 'x', sizeof name - 1);
    name[sizeof name - 1] = 0;
    snprintf(header, sizeof header,
             "{\"%s\":{\"dtype\":\"U8\",\"shape\":[0],\"data_offsets\":[0,0]}}", name);
    refused(header, 0, "has 1025 bytes");
}

static void missing_file_is_named(void **state) {
    (void)state;
    struct safetensors *s;
    struct err e;
    assert_int_equal(safetensors_open("/nowhere/a.safetensors", &s, &e), PRECIS_EIO);
    assert_non_null(strstr(e.text, "/nowhere/a.safetensors"));
    assert_null(s);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_tensors),           cmocka_unit_test(refuses_every_cut),
        cmocka_unit_test(refuses_hostile_headers), cmocka_unit_test(refuses_absurd_lengths),
        cmocka_unit_test(refuses_long_names),      cmocka_unit_test(missing_file_is_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
