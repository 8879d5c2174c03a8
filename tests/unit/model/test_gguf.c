#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "gguf_build.h"

static const uint8_t number_bytes[] = {0xf0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff};

/* A value of every type, an array of each, and two tensors. */
static void put_small(struct buf *b, uint32_t version) {
    static const size_t sizes[] = {1, 1, 2, 2, 4, 4, 4, 1, 0, 0, 8, 8, 8};
    char key[32];
    put_head(b, version, 2, 24);
    for (uint32_t t = GGUF_U8; t <= GGUF_F64; t++) {
        if (t == GGUF_ARRAY)
            continue;
        snprintf(key, sizeof key, "one.%u", t);
        put_key(b, key, t);
        for (int i = 0; i < 3; i++) {
            if (i == 1) {
                snprintf(key, sizeof key, "many.%u", t);
                put_key_array(b, key, t, 2);
            }
            if (t == GGUF_STRING)
                put_string(b, i == 2 ? "second" : "f\xc3\xbcr");
            else if (t == GGUF_BOOL)
                buf_char(b, i != 2);
            else if (t == GGUF_F32)
                put_u32(b, 0x3fc00000);
            else if (t == GGUF_F64)
                put_u64(b, 0x3ff8000000000000);
            else
                buf_append(b, number_bytes, sizes[t]);
        }
    }
    put_tensor(b, "a", (const uint64_t[]){32, 3, 0}, QUANT_Q4_1, 0);
    put_tensor(b, "b", (const uint64_t[]){2, 1, 3, 1, 0}, QUANT_F32, 64);
    put_padding(b, 32);
    put_zeros(b, 64 + 24);
}

static struct gguf *open_good(const struct buf *b, uint8_t **copy) {
    struct gguf *g;
    struct err e;
    if (open_exact(b, b->len, copy, &g, &e) != 0)
        fail_msg("%s", e.text);
    return g;
}

/* Expects a refusal with this code, whose line begins with the path and holds `part`. Frees b. */
static void refused(struct buf *b, int code, const char *part) {
    struct gguf *g = (struct gguf *)b;
    uint8_t *copy;
    struct err e = {0};
    int rc = open_exact(b, b->len, &copy, &g, &e);
    if (rc != code || e.code != code || strncmp(e.text, "m.gguf: ", 8) != 0 ||
        !strstr(e.text, part))
        fail_msg("%d wanted with '%s'; got %d: %s", code, part, rc, e.text);
    assert_null(g);
    free(copy);
    buf_free(b);
}

static void reads_every_type(void **state) {
    (void)state;
    static const double integers[] = {240, -16, 65520, -16, 4294967280, -16};
    for (uint32_t version = 2; version <= 3; version++) {
        struct buf b = {0};
        uint8_t *copy;
        put_small(&b, version);
        struct gguf *g = open_good(&b, &copy);
        assert_string_equal(gguf_path(g), "m.gguf");
        assert_int_equal(gguf_size(g), b.len);
        assert_ptr_equal(gguf_bytes(g), copy);
        for (uint32_t t = GGUF_U8; t <= GGUF_F64; t++) {
            char one[32], many[32];
            uint64_t u = 7;
            double d = 7, want = t <= GGUF_I32 ? integers[t] : 1.5;
            bool truth = false;
            struct str s = {0};
            enum gguf_type item;
            size_t count;
            snprintf(one, sizeof one, "one.%u", t);
            snprintf(many, sizeof many, "many.%u", t);
            if (t == GGUF_U64)
                want = 18446744073709551600.0;
            if (t == GGUF_I64)
                want = -16;
            bool number = t != GGUF_ARRAY && t != GGUF_STRING && t != GGUF_BOOL;
            assert_int_equal(gguf_has(g, one), t != GGUF_ARRAY);
            assert_int_equal(gguf_f64(g, one, &d), number);
            assert_true(d == (number ? want : 7));
            bool whole = number && want >= 0 && t != GGUF_F32 && t != GGUF_F64;
            assert_int_equal(gguf_u64(g, one, &u), whole);
            assert_true((double)u == (whole ? want : 7));
            assert_int_equal(gguf_bool(g, one, &truth), t == GGUF_BOOL);
            assert_int_equal(gguf_string(g, one, &s), t == GGUF_STRING);
            assert_false(gguf_array(g, one, &item, &count));
            if (t == GGUF_ARRAY)
                continue;
            assert_true(gguf_array(g, many, &item, &count));
            assert_int_equal(item, t);
            assert_int_equal(count, 2);
            d = 7;
            assert_int_equal(gguf_array_f64(g, many, 1, &d), number);
            assert_true(d == (number ? want : 7));
            assert_false(gguf_array_f64(g, many, 2, &d));
            assert_int_equal(gguf_array_string(g, many, 1, &s), t == GGUF_STRING);
            assert_false(gguf_array_string(g, many, 2, &s));
            if (t == GGUF_STRING) {
                assert_int_equal(s.len, 6);
                assert_memory_equal(s.s, "second", 6);
            }
        }
        gguf_close(g);
        free(copy);
        buf_free(&b);
    }
}

static void reads_tensors(void **state) {
    (void)state;
    struct buf b = {0};
    uint8_t *copy;
    put_small(&b, 3);
    struct gguf *g = open_good(&b, &copy);
    assert_int_equal(gguf_tensor_count(g), 2);
    const struct tensor *a = gguf_find_tensor(g, "a"), *t = gguf_find_tensor(g, "b");
    assert_ptr_equal(a, gguf_tensor_at(g, 0));
    assert_ptr_equal(t, gguf_tensor_at(g, 1));
    assert_null(gguf_tensor_at(g, 2));
    assert_null(gguf_find_tensor(g, "c"));
    assert_null(gguf_find_tensor(g, ""));
    assert_int_equal(a->type, QUANT_Q4_1);
    assert_int_equal(a->n_dims, 2);
    assert_int_equal(a->elements, 96);
    assert_int_equal(a->size, 60);
    assert_int_equal(t->n_dims, 4);
    assert_int_equal(t->dims[2], 3);
    assert_ptr_equal(t->data, a->data + 64);
    assert_ptr_equal(t->data + t->size, copy + b.len);
    gguf_close(g);
    gguf_close(NULL);
    free(copy);
    buf_free(&b);
}

static void finds_among_many(void **state) {
    (void)state;
    enum { N = 1000 };
    struct buf b = {0};
    uint8_t *copy;
    char name[32];
    put_head(&b, 3, N, N);
    for (uint32_t i = 0; i < N; i++) {
        snprintf(name, sizeof name, "key.%u", i);
        put_key_u32(&b, name, i);
    }
    for (uint32_t i = 0; i < N; i++) {
        snprintf(name, sizeof name, "tensor.%u", i);
        put_tensor(&b, name, (const uint64_t[]){1, 0}, QUANT_F32, 32 * (uint64_t)(N - 1 - i));
    }
    put_padding(&b, 32);
    put_zeros(&b, (size_t)32 * N);
    struct gguf *g = open_good(&b, &copy);
    for (uint32_t i = 0; i < N; i++) {
        uint64_t v = 0;
        snprintf(name, sizeof name, "key.%u", i);
        assert_true(gguf_u64(g, name, &v));
        assert_int_equal(v, i);
        snprintf(name, sizeof name, "tensor.%u", i);
        assert_ptr_equal(gguf_find_tensor(g, name), gguf_tensor_at(g, i));
    }
    assert_false(gguf_has(g, "key.1000"));
    gguf_close(g);
    free(copy);
    buf_free(&b);
}

static void refuses_every_prefix(void **state) {
    (void)state;
    struct buf b = {0};
    put_small(&b, 3);
    for (size_t n = 0; n < b.len; n++) {
        struct gguf *g;
        uint8_t *copy;
        struct err e = {0};
        int rc = open_exact(&b, n, &copy, &g, &e);
        if (rc != PRECIS_EINPUT || g || !e.text[0])
            fail_msg("the first %zu of %zu bytes: %d %s", n, b.len, rc, e.text);
        free(copy);
    }
    buf_free(&b);
}

/* One byte wrong at a time: it opens or is refused with a line, and an error needs no struct err.
 */
static void survives_every_wrong_byte(void **state) {
    (void)state;
    static const unsigned char wrong[] = {0x00, 0x01, 0x09, 0x7f, 0x80, 0xff};
    struct buf b = {0};
    put_small(&b, 3);
    for (size_t n = 0; n < b.len * sizeof wrong; n++) {
        struct gguf *g;
        uint8_t *copy;
        struct err e = {0};
        char right = b.data[n / sizeof wrong];
        b.data[n / sizeof wrong] = (char)wrong[n % sizeof wrong];
        int rc = open_exact(&b, b.len, &copy, &g, n % 2 ? &e : NULL);
        assert_true(rc == 0 ? g != NULL : !g && (n % 2 == 0 || e.text[0]));
        gguf_close(g);
        free(copy);
        b.data[n / sizeof wrong] = right;
    }
    buf_free(&b);
}

static void refuses_other_files(void **state) {
    (void)state;
    struct buf b = {0};
    refused(&b, PRECIS_EINPUT, "is empty");
    buf_str(&b, "GGU");
    refused(&b, PRECIS_EINPUT, "begins with 'GGU'");
    buf_str(&b, "\x1b[2J{\"a\": 1}");
    refused(&b, PRECIS_EINPUT, "begins with '?[2J'");
    put_head(&b, 1, 0, 0);
    refused(&b, PRECIS_EUNSUPPORTED, "version 1 is");
    put_head(&b, 4, 0, 0);
    refused(&b, PRECIS_EUNSUPPORTED, "version 4 is");
    put_head(&b, 0, 0, 0);
    refused(&b, PRECIS_EUNSUPPORTED, "version 0 is");
    put_head(&b, 0x03000000, 0, 0);
    refused(&b, PRECIS_EUNSUPPORTED, "big-endian");
}

static void refuses_absurd_counts(void **state) {
    (void)state;
    static const uint64_t counts[] = {3, 1000, 1u << 31, 1ull << 61, UINT64_MAX};
    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++) {
        struct buf b = {0};
        char number[32];
        snprintf(number, sizeof number, "%llu", (unsigned long long)counts[i]);
        put_head(&b, 3, 0, counts[i]);
        put_zeros(&b, 30);
        refused(&b, PRECIS_EINPUT, number);
        put_head(&b, 3, counts[i], 0);
        put_zeros(&b, 60);
        refused(&b, PRECIS_EINPUT, number);
        put_head(&b, 3, 0, 1);
        put_key_array(&b, "k", GGUF_U64, counts[i]);
        put_zeros(&b, 20);
        refused(&b, PRECIS_EINPUT, number);
        put_head(&b, 3, 0, 1);
        put_key_array(&b, "k", GGUF_STRING, counts[i]);
        put_zeros(&b, 20);
        refused(&b, PRECIS_EINPUT, number);
    }
    /* More than any model has, though the file is large enough. */
    struct buf b = {0};
    put_head(&b, 3, 0, 70000);
    put_zeros(&b, 1 << 20);
    refused(&b, PRECIS_EINPUT, "65536 are allowed");
}

static void refuses_bad_strings(void **state) {
    (void)state;
    static const uint64_t lengths[] = {100, 1ull << 32, 1ull << 63, UINT64_MAX, UINT64_MAX - 7};
    for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
        struct buf b = {0};
        put_head(&b, 3, 0, 1);
        put_u64(&b, lengths[i]);
        put_zeros(&b, 20);
        refused(&b, PRECIS_EINPUT, "a key at byte 32 needs");
        put_head(&b, 3, 0, 1);
        put_key(&b, "k", GGUF_STRING);
        put_u64(&b, lengths[i]);
        refused(&b, PRECIS_EINPUT, "truncated?");
        put_head(&b, 3, 0, 1);
        put_key_array(&b, "k", GGUF_STRING, 2);
        put_string(&b, "whole");
        put_u64(&b, lengths[i]);
        refused(&b, PRECIS_EINPUT, "truncated?");
    }
    struct buf b = {0};
    put_head(&b, 3, 0, 1);
    put_key_u32(&b, "", 1);
    refused(&b, PRECIS_EINPUT, "a key at byte 24 has 0 bytes");
    put_head(&b, 3, 0, 1);
    put_u64(&b, 1025);
    put_zeros(&b, 1040);
    refused(&b, PRECIS_EINPUT, "has 1025 bytes");
}

static void refuses_bad_values(void **state) {
    (void)state;
    struct buf b = {0};
    put_head(&b, 3, 0, 1);
    put_key(&b, "k", 13);
    put_zeros(&b, 8);
    refused(&b, PRECIS_EINPUT, "key 'k': no such value type: 13");
    put_head(&b, 3, 0, 1);
    put_key_array(&b, "k", 0xffffffff, 1);
    put_zeros(&b, 8);
    refused(&b, PRECIS_EINPUT, "no such value type: 4294967295");
    put_head(&b, 3, 0, 1);
    put_key_array(&b, "k", GGUF_ARRAY, 1);
    for (int i = 0; i < 10000; i++) {
        put_u32(&b, GGUF_ARRAY);
        put_u64(&b, 1);
    }
    refused(&b, PRECIS_EUNSUPPORTED, "key 'k': arrays of arrays");
    put_head(&b, 3, 0, 1);
    put_key_bool(&b, "k", 2);
    refused(&b, PRECIS_EINPUT, "key 'k': 2 is not a truth value");
    put_head(&b, 3, 0, 1);
    put_key_array(&b, "k", GGUF_BOOL, 3);
    buf_append(&b, "\1\0\xff", 3);
    refused(&b, PRECIS_EINPUT, "255 is not a truth value");
    put_head(&b, 3, 0, 3);
    put_key_u32(&b, "k", 1);
    put_key_u32(&b, "l", 1);
    put_key_u32(&b, "k", 1);
    refused(&b, PRECIS_EINPUT, "key 'k' is there twice");
}

static void alignment_is_a_power_of_two(void **state) {
    (void)state;
    static const uint32_t bad[] = {0, 1, 4, 24, 33, 1u << 21, UINT32_MAX};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct buf b = {0};
        put_head(&b, 3, 0, 1);
        put_key_u32(&b, "general.alignment", bad[i]);
        refused(&b, PRECIS_EINPUT, "general.alignment is");
    }
    struct buf b = {0};
    put_head(&b, 3, 0, 1);
    put_key_string(&b, "general.alignment", "32");
    refused(&b, PRECIS_EINPUT, "general.alignment is");
    put_head(&b, 3, 1, 1);
    put_key_u32(&b, "general.alignment", 8);
    put_tensor(&b, "t", (const uint64_t[]){2, 0}, QUANT_F16, 8);
    put_padding(&b, 8);
    put_zeros(&b, 12);
    uint8_t *copy;
    struct gguf *g = open_good(&b, &copy);
    assert_ptr_equal(gguf_tensor_at(g, 0)->data, copy + b.len - 4);
    gguf_close(g);
    free(copy);
    buf_free(&b);
}

/* A file of one tensor and `bytes` of data. */
static void one_tensor(struct buf *b, const uint64_t *dims, uint32_t type, uint64_t offset,
                       size_t bytes) {
    put_head(b, 3, 1, 0);
    put_tensor(b, "t", dims, type, offset);
    put_padding(b, 32);
    put_zeros(b, bytes);
}

static void refuses_bad_tensors(void **state) {
    (void)state;
    struct buf b = {0};
    one_tensor(&b, (const uint64_t[]){0}, QUANT_F32, 0, 64);
    refused(&b, PRECIS_EINPUT, "tensor 't': number of dimensions 0");
    one_tensor(&b, (const uint64_t[]){1, 1, 1, 1, 1, 0}, QUANT_F32, 0, 64);
    refused(&b, PRECIS_EINPUT, "number of dimensions 5");
    one_tensor(&b, (const uint64_t[]){1ull << 32, 1ull << 32, 0}, QUANT_F32, 0, 64);
    refused(&b, PRECIS_EINPUT, "makes the number of elements overflow");
    one_tensor(&b, (const uint64_t[]){1ull << 63, 0}, QUANT_F32, 0, 64);
    refused(&b, PRECIS_EINPUT, "number of elements 9223372036854775808 is absurd");
    one_tensor(&b, (const uint64_t[]){1ull << 61, 0}, QUANT_F32, 0, 64);
    refused(&b, PRECIS_EINPUT, "past the end");
    one_tensor(&b, (const uint64_t[]){48, 2, 0}, QUANT_Q4_0, 0, 64);
    refused(&b, PRECIS_EINPUT, "rows of 48 are not whole blocks of Q4_0 (32 values)");
    one_tensor(&b, (const uint64_t[]){32, 0}, 16, 0, 64);
    refused(&b, PRECIS_EUNSUPPORTED, "type 16 (IQ2_XXS)");
    one_tensor(&b, (const uint64_t[]){32, 0}, 99, 0, 64);
    refused(&b, PRECIS_EUNSUPPORTED, "type 99 (unknown)");
    one_tensor(&b, (const uint64_t[]){16, 0}, QUANT_F32, 0, 60);
    refused(&b, PRECIS_EINPUT,
            "tensor 't': offset 0 + 64 bytes is past the end of the data (60 bytes)");
    one_tensor(&b, (const uint64_t[]){1, 0}, QUANT_F32, 12, 64);
    refused(&b, PRECIS_EINPUT, "offset 12 is not a multiple of the alignment 32");
    one_tensor(&b, (const uint64_t[]){1, 0}, QUANT_F32, 0xffffffffffffffe0, 64);
    refused(&b, PRECIS_EINPUT, "offset 18446744073709551584 + 4 bytes");
    one_tensor(&b, (const uint64_t[]){1, 0}, QUANT_F32, 64, 64);
    refused(&b, PRECIS_EINPUT, "past the end");
    put_head(&b, 3, 1, 0);
    put_string(&b, "t");
    put_u32(&b, 2);
    put_u64(&b, 3);
    put_u64(&b, 0);
    put_zeros(&b, 64);
    refused(&b, PRECIS_EINPUT, "tensor 't': dimension 0");
}

static void refuses_tensors_that_clash(void **state) {
    (void)state;
    struct buf b = {0};
    put_head(&b, 3, 2, 0);
    put_tensor(&b, "t", (const uint64_t[]){1, 0}, QUANT_F32, 0);
    put_tensor(&b, "t", (const uint64_t[]){1, 0}, QUANT_F32, 32);
    put_padding(&b, 32);
    put_zeros(&b, 64);
    refused(&b, PRECIS_EINPUT, "tensor 't' is there twice");
    put_head(&b, 3, 3, 0);
    put_tensor(&b, "x", (const uint64_t[]){8, 0}, QUANT_F32, 64);
    put_tensor(&b, "y", (const uint64_t[]){9, 0}, QUANT_F32, 32);
    put_tensor(&b, "z", (const uint64_t[]){8, 0}, QUANT_F32, 0);
    put_padding(&b, 32);
    put_zeros(&b, 96);
    refused(&b, PRECIS_EINPUT, "tensors 'y' and 'x' overlap");
    put_head(&b, 3, 2, 0);
    put_tensor(&b, "x", (const uint64_t[]){1, 0}, QUANT_F32, 0);
    put_tensor(&b, "y", (const uint64_t[]){1, 0}, QUANT_F32, 0);
    put_padding(&b, 32);
    put_zeros(&b, 32);
    refused(&b, PRECIS_EINPUT, "overlap at byte");
}

static void opens_files(void **state) {
    (void)state;
    struct err e;
    struct gguf *g;
    char path[] = "/tmp/precis-gguf-XXXXXX";
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    struct buf b = {0};
    put_small(&b, 3);
    /* Large enough to be mapped rather than read. */
    for (int large = 0; large < 2; large++) {
        if (large)
            put_zeros(&b, 2 << 20);
        assert_int_equal(pwrite(fd, b.data, b.len, 0), b.len);
        assert_int_equal(gguf_open(path, &g, &e), 0);
        assert_string_equal(gguf_path(g), path);
        assert_int_equal(gguf_size(g), b.len);
        assert_non_null(gguf_find_tensor(g, "b"));
        gguf_close(g);
    }
    assert_int_equal(ftruncate(fd, 100), 0);
    assert_int_equal(gguf_open(path, &g, &e), PRECIS_EINPUT);
    assert_non_null(strstr(e.text, path));
    assert_null(g);
    close(fd);
    unlink(path);
    assert_int_equal(gguf_open(path, &g, &e), PRECIS_EIO);
    assert_non_null(strstr(e.text, "No such file"));
    assert_int_equal(gguf_open("/tmp", &g, &e), PRECIS_EIO);
    assert_null(g);
    buf_free(&b);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_every_type),
        cmocka_unit_test(reads_tensors),
        cmocka_unit_test(finds_among_many),
        cmocka_unit_test(refuses_every_prefix),
        cmocka_unit_test(survives_every_wrong_byte),
        cmocka_unit_test(refuses_other_files),
        cmocka_unit_test(refuses_absurd_counts),
        cmocka_unit_test(refuses_bad_strings),
        cmocka_unit_test(refuses_bad_values),
        cmocka_unit_test(alignment_is_a_power_of_two),
        cmocka_unit_test(refuses_bad_tensors),
        cmocka_unit_test(refuses_tensors_that_clash),
        cmocka_unit_test(opens_files),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
