/* Against a key that tools/golden/make_store_key.py computed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "lines.h"

static const struct store_origin origin = {
    .model = "smollm2",
    .model_revision = "b179c952",
    .file_type = "Q4_1",
    .precision = "int8",
    .isa = "avx512-vnni",
    .prompt_version = "line-1",
    .decoder_version = "1",
    .parameters = "{\"max_new_tokens\":48}",
    .seed = 0x0102030405060708,
};

static void key_hex(const struct store_subject *subject, char out[HASH_HEX_SIZE]) {
    uint8_t key[HASH_SHA256_SIZE];
    assert_int_equal(store_key(subject, key, NULL), 0);
    for (size_t i = 0; i < sizeof key; i++)
        snprintf(out + 2 * i, 3, "%02x", key[i]);
}

static struct store_subject subject_of(const uint8_t *context) {
    struct store_subject s = {
        .level = STORE_WHOLE_FILE, .path = "src/a.c", .context = context, .made = &origin};
    hash_of("int x;\n", s.text);
    return s;
}

static void is_as_documented(void **state) {
    (void)state;
    char hex[HASH_HEX_SIZE];
    uint8_t context[HASH_SHA256_SIZE];
    hash_of("outline", context);
    struct store_subject s = subject_of(context);
    key_hex(&s, hex);
    assert_string_equal(hex, "6e672104817a6da5951aa0dd53366b016681fa349f6c0a188853e5237817e1ae");
    s = subject_of(NULL);
    key_hex(&s, hex);
    assert_string_equal(hex, "3507b8a6122572688c5457655bb11f5cd02d8157fe579c6203b1c98cdf88b94e");
    s.source = "model";
    key_hex(&s, hex);
    assert_string_equal(hex, "3507b8a6122572688c5457655bb11f5cd02d8157fe579c6203b1c98cdf88b94e");
    s.source = "rule";
    key_hex(&s, hex);
    assert_string_equal(hex, "5e1158543ad6ca1fa14096f5e19c22774c9360b97568556ae93739dd8212cd6b");
}

static void each_field_counts_but_names(void **state) {
    (void)state;
    char hexes[12][HASH_HEX_SIZE], again[HASH_HEX_SIZE];
    uint8_t context[HASH_SHA256_SIZE];
    hash_of("outline", context);
    struct store_origin o[9];
    size_t n = 0;
    struct store_subject s = subject_of(context);
    key_hex(&s, hexes[n++]);
    s.path = "src/b.c";
    key_hex(&s, hexes[n++]);
    s = subject_of(context);
    s.level = STORE_CHUNK;
    key_hex(&s, hexes[n++]);
    s = subject_of(context);
    hash_of("int y;\n", s.text);
    key_hex(&s, hexes[n++]);
    s = subject_of(context);
    s.context = s.text;
    key_hex(&s, hexes[n++]);
    for (size_t i = 0; i < 9; i++)
        o[i] = origin;
    o[0].model_revision = o[1].precision = o[2].isa = o[3].prompt_version = o[4].decoder_version =
        o[5].parameters = "other";
    o[6].seed++;
    for (size_t i = 0; i < 7; i++) {
        s = subject_of(context);
        s.made = &o[i];
        key_hex(&s, hexes[n++]);
    }
    assert_int_equal(n, 12);
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < i; j++)
            assert_string_not_equal(hexes[i], hexes[j]);
    o[7].model = o[8].file_type = "other";
    for (size_t i = 7; i < 9; i++) {
        s = subject_of(context);
        s.made = &o[i];
        key_hex(&s, again);
        assert_string_equal(again, hexes[0]);
    }
}

/* "ab" + "c" and "a" + "bc" are not the same. */
static void fields_cannot_run_together(void **state) {
    (void)state;
    char a[HASH_HEX_SIZE], b[HASH_HEX_SIZE];
    struct store_origin o = origin;
    struct store_subject s = subject_of(NULL);
    s.made = &o;
    o.precision = "ab", o.isa = "c";
    key_hex(&s, a);
    o.precision = "a", o.isa = "bc";
    key_hex(&s, b);
    assert_string_not_equal(a, b);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(is_as_documented),
        cmocka_unit_test(each_field_counts_but_names),
        cmocka_unit_test(fields_cannot_run_together),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
