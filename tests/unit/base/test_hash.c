/* SHA-256 against the examples of FIPS 180-4; the table hash. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/hash.h"

static void sha256_of_known_messages(void **state) {
    (void)state;
    static const struct {
        const char *text, *hex;
    } known[] = {
        {"", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
        {"abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"},
        {"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
         "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"},
    };
    struct err e;
    char hex[HASH_HEX_SIZE];
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        assert_int_equal(hash_sha256_hex(known[i].text, strlen(known[i].text), hex, &e), 0);
        assert_string_equal(hex, known[i].hex);
    }
    size_t million = 1000000;
    char *a = malloc(million);
    assert_non_null(a);
    memset(a, 'a', million);
    assert_int_equal(hash_sha256_hex(a, million, hex, &e), 0);
    assert_string_equal(hex, "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
    uint8_t raw[HASH_SHA256_SIZE];
    assert_int_equal(hash_sha256(a, million, raw, &e), 0);
    assert_int_equal(raw[0], 0xcd);
    assert_int_equal(raw[31], 0xd0);
    free(a);
}

static void digits_go_both_ways(void **state) {
    (void)state;
    uint8_t bytes[HASH_SHA256_SIZE], again[HASH_SHA256_SIZE];
    char hex[HASH_HEX_SIZE + 1];
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (uint8_t)(i * 0x11 + (i > 15));
    hash_hex(bytes, sizeof bytes, hex);
    assert_string_equal(hex, "00112233445566778899aabbccddeeff112233445566778899aabbccddeeff10");
    assert_true(hash_unhex(hex, again));
    assert_memory_equal(bytes, again, sizeof bytes);
    hex[64] = '0';
    hex[65] = 0;
    assert_false(hash_unhex(hex, again));
    hex[63] = 0;
    assert_false(hash_unhex(hex, again));
    hex[63] = 'A';
    hex[64] = 0;
    assert_false(hash_unhex(hex, again));
}

/* Each bit of each byte, and the length, matter. */
static void every_bit_matters(void **state) {
    (void)state;
    uint8_t data[40];
    for (size_t i = 0; i < sizeof data; i++)
        data[i] = (uint8_t)(i * 37);
    for (size_t n = 0; n <= sizeof data; n++) {
        uint64_t h = hash_bytes(data, n, 5);
        assert_true(h == hash_bytes(data, n, 5));
        assert_true(h != hash_bytes(data, n, 6));
        for (size_t bit = 0; bit < n * 8; bit++) {
            data[bit / 8] ^= (uint8_t)(1u << bit % 8);
            assert_true(h != hash_bytes(data, n, 5));
            data[bit / 8] ^= (uint8_t)(1u << bit % 8);
        }
        if (n > 0)
            assert_true(h != hash_bytes(data, n - 1, 5));
    }
    assert_true(hash_bytes(NULL, 0, 1) != hash_bytes(NULL, 0, 2));
}

/* A word that makes the product 0 must not make what was before it, and the seed, forgotten: such
 * names would all meet in a table. */
static void no_word_erases_the_rest(void **state) {
    (void)state;
    uint64_t zero = 0xd1b54a32d192ed03u;
    for (size_t n = 16; n <= 32; n += 16) {
        uint8_t a[32] = "first name 01234", b[32] = "other name 01234";
        uint64_t last = n == 16 ? zero ^ n : zero; /* the size is mixed into the last word */
        memcpy(a + 8, &last, 8);
        memcpy(b + 8, &last, 8);
        assert_true(hash_bytes(a, n, 1) != hash_bytes(b, n, 1));
        assert_true(hash_bytes(a, n, 1) != hash_bytes(a, n, 2));
    }
}

/* Around the length of a step, and in each of its chains. */
static void every_bit_matters_in_bulk(void **state) {
    (void)state;
    uint8_t data[150];
    for (size_t i = 0; i < sizeof data; i++)
        data[i] = (uint8_t)(i * 37);
    for (size_t n = 0; n <= sizeof data; n++) {
        uint64_t h = hash_bulk(data, n, 5);
        assert_true(h == hash_bulk(data, n, 5));
        assert_true(h != hash_bulk(data, n, 6));
        for (size_t bit = 0; bit < n * 8; bit++) {
            data[bit / 8] ^= (uint8_t)(1u << bit % 8);
            assert_true(h != hash_bulk(data, n, 5));
            data[bit / 8] ^= (uint8_t)(1u << bit % 8);
        }
        if (n > 0)
            assert_true(h != hash_bulk(data, n - 1, 5));
    }
    /* Files that are alike in their words, but not in the order of those. */
    uint64_t h = hash_bulk(data, 128, 5);
    for (size_t i = 0; i < 16; i++)
        for (size_t j = 0; j < i; j++) {
            uint8_t other[128];
            memcpy(other, data, sizeof other);
            memcpy(other + 8 * i, data + 8 * j, 8);
            memcpy(other + 8 * j, data + 8 * i, 8);
            assert_true(h != hash_bulk(other, 128, 5));
        }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sha256_of_known_messages),  cmocka_unit_test(digits_go_both_ways),
        cmocka_unit_test(every_bit_matters),         cmocka_unit_test(no_word_erases_the_rest),
        cmocka_unit_test(every_bit_matters_in_bulk),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
