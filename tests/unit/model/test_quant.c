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

#include <openssl/evp.h>

#include "base/rng.h"
#include "model/catalogue.h"
#include "model/gguf.h"

enum { STEP = 1 << 18 }; /* a multiple of every block */

static const struct quant_format *format_of(const char *name, enum quant_type *type) {
    for (uint32_t t = 0; t < 64; t++) {
        const struct quant_format *f = quant_format(t);
        if (f && strcmp(f->name, name) == 0) {
            *type = (enum quant_type)t;
            return f;
        }
    }
    fail_msg("no type %s", name);
    return NULL;
}

static uint32_t bits_of(float f) {
    uint32_t u;
    memcpy(&u, &f, sizeof u);
    return u;
}

/* The goldens count every NaN as this one. */
static void same_nan(float *v, size_t n) {
    static const uint32_t nan_bits = 0x7fc00000;
    for (size_t i = 0; i < n; i++)
        if (isnan(v[i]))
            memcpy(&v[i], &nan_bits, sizeof nan_bits);
}

static FILE *golden(const char *name) {
    char path[4096];
    snprintf(path, sizeof path, "%s/%s", GOLDEN_DIR, name);
    FILE *f = fopen(path, "r");
    if (!f)
        fail_msg("%s: cannot be opened", path);
    return f;
}

static uint8_t unhex(const char *s) {
    const char two[] = {s[0], s[1], '\0'};
    char *end;
    unsigned long v = strtoul(two, &end, 16);
    assert_ptr_equal(end, two + 2);
    return (uint8_t)v;
}

/* Every block at every offset from an aligned address. */
static void blocks_match(void **state) {
    (void)state;
    static char line[16384];
    FILE *f = golden("blocks.txt");
    int lines = 0;
    for (; fgets(line, sizeof line, f); lines++) {
        char *name = strtok(line, " "), *block = strtok(NULL, " "), *values = strtok(NULL, " \n");
        enum quant_type type;
        const struct quant_format *format = format_of(name, &type);
        assert_int_equal(strlen(block), 2 * format->block_size);
        assert_int_equal(strlen(values), 8 * format->block);
        for (size_t shift = 0; shift < 4; shift++) {
            uint8_t *src = malloc(shift + format->block_size);
            float out[256];
            assert_non_null(src);
            for (size_t i = 0; i < format->block_size; i++)
                src[shift + i] = unhex(block + 2 * i);
            quant_to_f32(type, src + shift, format->block, out);
            same_nan(out, format->block);
            for (size_t i = 0; i < format->block; i++) {
                uint32_t want = 0;
                for (size_t j = 0; j < 4; j++)
                    want |= (uint32_t)unhex(values + 8 * i + 2 * j) << 8 * j;
                if (bits_of(out[i]) != want)
                    fail_msg("%s, golden line %d, value %zu: %08x instead of %08x", name, lines + 1,
                             i, bits_of(out[i]), want);
            }
            free(src);
        }
    }
    fclose(f);
    assert_true(lines > 100);
}

static void hex_digest(EVP_MD_CTX *sha, char out[65]) {
    unsigned char digest[32];
    assert_int_equal(EVP_DigestFinal_ex(sha, digest, NULL), 1);
    for (size_t i = 0; i < 32; i++)
        snprintf(out + 2 * i, 3, "%02x", digest[i]);
}

/* SHA-256 of all values, a step at a time: a model's largest tensor would take half a gigabyte. */
static void digest_of(enum quant_type type, const uint8_t *src, size_t n, char out[65]) {
    const struct quant_format *format = quant_format(type);
    float *values = malloc(STEP * sizeof *values);
    EVP_MD_CTX *sha = EVP_MD_CTX_new();
    assert_true(values && sha);
    assert_int_equal(EVP_DigestInit_ex(sha, EVP_sha256(), NULL), 1);
    for (size_t at = 0; at < n; at += STEP) {
        size_t count = n - at < STEP ? n - at : STEP;
        quant_to_f32(type, src + at / format->block * format->block_size, count, values);
        same_nan(values, count);
        assert_int_equal(EVP_DigestUpdate(sha, values, count * sizeof *values), 1);
    }
    hex_digest(sha, out);
    EVP_MD_CTX_free(sha);
    free(values);
}

static void random_blocks_match(void **state) {
    (void)state;
    FILE *f = golden("random.txt");
    char name[16], want[65], got[65];
    unsigned seed, lines = 0;
    size_t blocks;
    for (; fscanf(f, "%15s %u %zu %64s", name, &seed, &blocks, want) == 4; lines++) {
        enum quant_type type;
        const struct quant_format *format = format_of(name, &type);
        size_t size = blocks * format->block_size;
        uint8_t *src = malloc(size + 8);
        struct rng rng = {.state = seed};
        assert_non_null(src);
        for (size_t i = 0; i < size; i += 8) {
            uint64_t v = rng_next(&rng);
            memcpy(src + i, &v, sizeof v);
        }
        digest_of(type, src, blocks * format->block, got);
        if (strcmp(got, want) != 0)
            fail_msg("%s: SHA-256 %s instead of %s", name, got, want);
        free(src);
    }
    fclose(f);
    assert_int_equal(lines, 13);
}

/* Each half by its definition. */
static void every_half_is_exact(void **state) {
    (void)state;
    for (uint32_t h = 0; h < 65536; h++) {
        int exponent = h >> 10 & 31, fraction = h & 1023;
        float got = quant_f16_to_f32((uint16_t)h);
        if (exponent == 31 && fraction) {
            assert_true(isnan(got));
            continue;
        }
        double want = exponent == 31 ? (double)INFINITY
                      : exponent     ? ldexp(1024 + fraction, exponent - 25)
                                     : ldexp(fraction, -24);
        if (h & 0x8000)
            want = -want;
        if (bits_of(got) != bits_of((float)want))
            fail_msg("half %04x is %a, not %a", h, (double)got, want);
    }
}

static void bf16_rounds_to_even(void **state) {
    (void)state;
    static const uint32_t cases[][2] = {
        {0x3f800000, 0x3f80}, {0x3f808000, 0x3f80}, {0x3f808001, 0x3f81}, {0x3f818000, 0x3f82},
        {0x3f817fff, 0x3f81}, {0x7f7fffff, 0x7f80}, {0x7f800000, 0x7f80}, {0xff800000, 0xff80},
        {0x80000000, 0x8000}, {0x00008000, 0x0000}, {0x00018000, 0x0002}, {0x7f800001, 0x7fc0},
        {0xffffffff, 0xffff}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        float f;
        memcpy(&f, &cases[i][0], sizeof f);
        assert_int_equal(quant_f32_to_bf16(f), cases[i][1]);
    }
    for (uint32_t h = 0; h < 65536; h++)
        if ((h & 0x7fff) <= 0x7f80)
            assert_int_equal(quant_f32_to_bf16(quant_bf16_to_f32((uint16_t)h)), h);
}

static void names_types(void **state) {
    (void)state;
    assert_string_equal(quant_ggml_name(QUANT_Q6_K), "Q6_K");
    assert_string_equal(quant_ggml_name(QUANT_BF16), "BF16");
    assert_string_equal(quant_ggml_name(16), "IQ2_XXS");
    assert_string_equal(quant_ggml_name(39), "MXFP4");
    assert_null(quant_ggml_name(1000));
    assert_null(quant_ggml_name(UINT32_MAX));
    assert_null(quant_format(4)); /* removed from ggml */
    assert_null(quant_format(9));
    assert_null(quant_format(31));
    assert_null(quant_format(UINT32_MAX));
    for (uint32_t t = 0; t < 64; t++)
        if (quant_format(t))
            assert_string_equal(quant_format(t)->name, quant_ggml_name(t));
}

/* Every tensor of a model against the golden list. */
static void model_matches(const char *model) {
    char path[4096], file[128], want[65], got[65], name[256], type[16];
    struct err e;
    struct gguf *g;
    size_t elements, n = 0;
    if (catalogue_resolve(model, path, sizeof path, &e) != 0) {
        print_message("%s\n", e.text);
        skip();
    }
    if (gguf_open(path, &g, &e) != 0)
        fail_msg("%s", e.text);
    snprintf(file, sizeof file, "%s.txt", model);
    FILE *f = golden(file);
    for (; fscanf(f, "%15s %zu %64s %255s", type, &elements, want, name) == 4; n++) {
        const struct tensor *t = gguf_find_tensor(g, name);
        if (!t)
            fail_msg("%s: no tensor %s", path, name);
        assert_string_equal(quant_format(t->type)->name, type);
        assert_int_equal(t->elements, elements);
        digest_of(t->type, t->data, t->elements, got);
        if (strcmp(got, want) != 0)
            fail_msg("%s (%s): SHA-256 %s instead of %s", name, type, got, want);
    }
    assert_int_equal(n, gguf_tensor_count(g));
    fclose(f);
    gguf_close(g);
}

static void smollm2_matches(void **state) {
    (void)state;
    model_matches("smollm2");
}

static void qwen_matches(void **state) {
    (void)state;
    model_matches("qwen2.5-coder-0.5b");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(blocks_match),        cmocka_unit_test(random_blocks_match),
        cmocka_unit_test(every_half_is_exact), cmocka_unit_test(bf16_rounds_to_even),
        cmocka_unit_test(names_types),         cmocka_unit_test(smollm2_matches),
        cmocka_unit_test(qwen_matches),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
