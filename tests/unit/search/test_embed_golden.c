/* Embeddings against those of sentence-transformers (tests/golden/search/, written by
 * tools/golden/make_embeddings.py).
 *
 * usage: test_embed_golden GOLDEN_FILE TEXT_FOLDER MODEL   the slices are of files in TEXT_FOLDER.
 * Exit code 77: the model is not there. With PRECIS_TEST_SHORT set (sanitizers) every eighth text
 * is embedded. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/utf8.h"
#include "kernel/kernel.h"
#include "model/catalogue.h"
#include "search/embed.h"

enum { MOST_TEXTS = 1000, WIDTH = 384, SKIPPED = 77 };
static const double LEAST_COSINE = 0.9999, LEAST_COSINE_INT8 = 0.999 /* of the mean */;

static const char *model;
static size_t n;
static struct text {
    struct buf text;
    size_t tokens;
    double want[WIDTH];
} texts[MOST_TEXTS];

/* Python decoded the slice with errors="replace". */
static void take_text(struct text *t, const json_t *row, const char *folder) {
    const char *file = json_string_value(json_object_get(row, "file"));
    char path[4096];
    struct mapping m;
    struct err e;
    if (!file) {
        const json_t *text = json_object_get(row, "text");
        buf_append(&t->text, json_string_value(text), json_string_length(text));
        return;
    }
    size_t begin = (size_t)json_integer_value(json_object_get(row, "begin"));
    size_t end = (size_t)json_integer_value(json_object_get(row, "end"));
    snprintf(path, sizeof path, "%s/%s", folder, file);
    if (file_map(path, &m, &e) != 0)
        fail_msg("%s", e.text);
    assert_true(begin <= end && end <= m.size);
    buf_append(&t->text, m.data + begin, end - begin);
    file_unmap(&m);
}

static int digit(char c) {
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const char *at = strchr(digits, c);
    assert_true(c && at);
    return (int)(at - digits);
}

/* base64 of WIDTH little-endian int16: no padding is needed. */
static void take_vector(struct text *t, const char *s) {
    uint8_t bytes[2 * WIDTH];
    assert_int_equal(strlen(s), sizeof bytes / 3 * 4);
    for (size_t i = 0; i < sizeof bytes / 3; i++, s += 4) {
        int v = digit(s[0]) << 18 | digit(s[1]) << 12 | digit(s[2]) << 6 | digit(s[3]);
        bytes[3 * i] = (uint8_t)(v >> 16);
        bytes[3 * i + 1] = (uint8_t)(v >> 8);
        bytes[3 * i + 2] = (uint8_t)v;
    }
    for (size_t i = 0; i < WIDTH; i++)
        t->want[i] = (int16_t)(bytes[2 * i] | bytes[2 * i + 1] << 8) / 32767.0;
}

static void read_golden(const char *path, const char *folder) {
    FILE *f = fopen(path, "r");
    json_error_t why;
    json_t *row;
    size_t step = getenv("PRECIS_TEST_SHORT") ? 8 : 1;
    assert_non_null(f);
    for (size_t i = 0; (row = json_loadf(f, JSON_DISABLE_EOF_CHECK | JSON_ALLOW_NUL, &why)); i++) {
        if (i % step == 0) {
            assert_true(n < MOST_TEXTS);
            take_text(&texts[n], row, folder);
            take_vector(&texts[n], json_string_value(json_object_get(row, "vector")));
            texts[n].tokens = (size_t)json_integer_value(json_object_get(row, "tokens"));
            n++;
        }
        json_decref(row);
    }
    fclose(f);
}

static double cosine(const float *got, const double *want) {
    double dot = 0, here = 0, there = 0;
    for (size_t i = 0; i < WIDTH; i++) {
        dot += (double)got[i] * want[i];
        here += (double)got[i] * (double)got[i];
        there += want[i] * want[i];
    }
    if (!(fabs(here - 1) < 1e-4))
        fail_msg("a vector's length is %.6f", sqrt(here));
    return dot / sqrt(here * there);
}

static double check(enum precision p) {
    struct embedder *em;
    struct err e;
    struct embed_text list[MOST_TEXTS];
    struct embed_note *notes = calloc(n, sizeof *notes);
    float *got = calloc(n, WIDTH * sizeof *got);
    double least = 1, sum = 0;
    assert_true(notes && got);
    struct embedder_options options = {.engine = {.precision = p, .lanes = 2}};
    if (embedder_open(model, &options, &em, &e) != 0)
        fail_msg("%s", e.text);
    assert_int_equal(embedder_info(em)->width, WIDTH);
    for (size_t i = 0; i < n; i++)
        list[i] =
            (struct embed_text){texts[i].text.data ? texts[i].text.data : "", texts[i].text.len};
    if (embedder_embed(em, list, n, NULL, got, notes, &e) != 0)
        fail_msg("%s", e.text);
    for (size_t i = 0; i < n; i++) {
        double c = cosine(got + i * WIDTH, texts[i].want);
        if (notes[i].tokens != texts[i].tokens)
            fail_msg("text %zu: %zu tokens, sentence-transformers takes %zu", i, notes[i].tokens,
                     texts[i].tokens);
        if (p == PRECISION_F32 && !(c >= LEAST_COSINE))
            fail_msg("text %zu of %zu tokens: cosine %.7f", i, notes[i].tokens, c);
        least = fmin(least, c);
        sum += c;
    }
    print_message("%s: %zu texts, least cosine %.7f, mean %.7f\n", precision_name(p), n, least,
                  sum / (double)n);
    embedder_close(em);
    free(notes);
    free(got);
    return sum / (double)n;
}

static void test_f32(void **state) {
    (void)state;
    check(PRECISION_F32);
}

static void test_bf16(void **state) {
    (void)state;
    enum isa isa;
    if (isa_detect(&isa, NULL) != 0 || isa < ISA_AVX512_BF16)
        skip();
    assert_true(check(PRECISION_BF16) >= LEAST_COSINE);
}

static void test_int8(void **state) {
    (void)state;
    assert_true(check(PRECISION_INT8) >= LEAST_COSINE_INT8);
}

int main(int argc, char **argv) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_f32), cmocka_unit_test(test_bf16),
                                       cmocka_unit_test(test_int8)};
    char path[4096];
    struct err e;
    if (argc != 4)
        return 2;
    model = argv[3];
    if (catalogue_resolve(model, path, sizeof path, &e) != 0) {
        printf("SKIPPED: %s\n", e.text);
        return SKIPPED;
    }
    read_golden(argv[1], argv[2]);
    int failed = cmocka_run_group_tests_name(model, tests, NULL, NULL);
    for (size_t i = 0; i < n; i++)
        buf_free(&texts[i].text);
    return failed;
}
