/* The data file of an export: half floats, blocks of codes, the order of rows, alignment. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/rng.h"
#include "export/blob.h"

static char folder[] = "/tmp/precis-blob-XXXXXX";
static struct checkpoint *model;

static int open_model(void **state) {
    (void)state;
    struct err e;
    return mkdtemp(folder) && checkpoint_open(GOLDEN_DIR "/tiny-llama.gguf", &model, &e) == 0 ? 0
                                                                                              : -1;
}

static int close_model(void **state) {
    (void)state;
    checkpoint_close(model);
    return rmdir(folder);
}

static void halves_are_the_nearest(void **state) {
    (void)state;
    for (uint32_t h = 0; h < 0x10000; h++) { /* every half comes back */
        float f = quant_f16_to_f32((uint16_t)h);
        if (!isnan(f))
            assert_int_equal(blob_f16(f), h);
    }
    struct rng r = {1};
    for (int i = 0; i < 200000; i++) { /* no half is nearer than the one chosen */
        float f = (float)((rng_uniform(&r) - 0.5) * exp2((double)(rng_next(&r) % 44) - 28));
        uint16_t h = blob_f16(f);
        float off = fabsf(quant_f16_to_f32(h) - f);
        assert_true(off <= fabsf(quant_f16_to_f32((uint16_t)(h + 1)) - f));
        if (h & 0x7fff)
            assert_true(off <= fabsf(quant_f16_to_f32((uint16_t)(h - 1)) - f));
    }
    assert_int_equal(blob_f16(2049.0f), blob_f16(2048.0f)); /* ties go to even */
    assert_int_equal(blob_f16(2051.0f), blob_f16(2052.0f));
    assert_int_equal(blob_f16(65519.0f), 0x7bff);
    assert_int_equal(blob_f16(65520.0f), 0x7c00);
    assert_int_equal(blob_f16(-INFINITY), 0xfc00);
    assert_true(isnan(quant_f16_to_f32(blob_f16(NAN))));
}

static double square_error(const float *x, const uint8_t *codes, int bits, float scale,
                           float offset) {
    double sum = 0;
    for (int i = 0; i < BLOB_BLOCK; i++) {
        int code = bits == 8 ? codes[i] : codes[i / 2] >> i % 2 * 4 & 15;
        double off = (code - (1 << (bits - 1))) * (double)scale + (double)offset - (double)x[i];
        sum += off * off;
    }
    return sum;
}

static void codes_are_no_worse_than_plain_rounding(void **state) {
    (void)state;
    struct rng r = {2};
    double ours = 0, plain = 0;
    for (int round = 0; round < 2000; round++) {
        float x[BLOB_BLOCK], largest = 0, offset;
        uint8_t codes[BLOB_BLOCK];
        for (int i = 0; i < BLOB_BLOCK; i++) {
            double sum = 0;
            for (int k = 0; k < 6; k++)
                sum += rng_uniform(&r) - 0.5;
            x[i] = (float)sum;
            largest = fabsf(x[i]) > fabsf(largest) ? x[i] : largest;
        }
        float scale = blob_quantize4(x, codes, &offset);
        ours += square_error(x, codes, 4, scale, offset);
        scale = largest / -8;
        for (int i = 0; i < BLOB_BLOCK; i++) {
            float q = rintf(x[i] / scale);
            q = (q > 7 ? 7 : q) * scale - x[i];
            plain += (double)q * (double)q;
        }
        scale = blob_quantize8(x, codes);
        assert_true(square_error(x, codes, 8, scale, 0) <
                    BLOB_BLOCK * (double)(largest * largest) / 127 / 127 / 4);
    }
    assert_true(ours < 0.8 * plain);
}

/* Blocks of up to 16 different values at equal steps, as Q4_0, Q4_1 and Q4_K have them. */
static void codes_of_a_grid_are_exact(void **state) {
    (void)state;
    struct rng r = {3};
    for (unsigned steps = 1; steps <= 16; steps++) {
        float x[BLOB_BLOCK], offset;
        uint8_t codes[BLOB_BLOCK / 2];
        for (int i = 0; i < BLOB_BLOCK; i++)
            x[i] = -1.3f + 0.25f * (float)(rng_next(&r) % steps);
        float scale = blob_quantize4(x, codes, &offset);
        assert_true(square_error(x, codes, 4, scale, offset) < 1e-10);
    }
    const float zeros[BLOB_BLOCK] = {0};
    uint8_t codes[BLOB_BLOCK];
    float offset, scale = blob_quantize4(zeros, codes, &offset);
    assert_true(square_error(zeros, codes, 4, scale, offset) < 1e-30);
    scale = blob_quantize8(zeros, codes);
    assert_true(square_error(zeros, codes, 8, scale, 0) < 1e-30);
}

/* The file of a blob, as floats; the caller frees. */
static float *written(const struct blob *b) {
    char path[256];
    struct err e = {0};
    struct mapping m;
    snprintf(path, sizeof path, "%s/data", folder);
    if (blob_write(b, model, path, 3, NULL, NULL, &e) || file_map(path, &m, &e))
        fail_msg("%s", e.text);
    assert_int_equal(m.size, b->size);
    float *copy = malloc(m.size);
    assert_non_null(copy);
    memcpy(copy, m.data, m.size);
    file_unmap(&m);
    unlink(path);
    return copy;
}

static void constants_are_aligned(void **state) {
    (void)state;
    struct blob b = {0};
    struct err e;
    struct blob_item x = {.form = BLOB_ROWS, .type = ONNX_F32, .rows = 3, .columns = 5}, out;
    assert_int_equal(blob_add(&b, &x, &out, &e), 0);
    assert_int_equal(out.offset, 0);
    assert_int_equal(out.size, 60);
    x.type = ONNX_F16;
    assert_int_equal(blob_add(&b, &x, &out, &e), 0);
    assert_int_equal(out.offset, 64);
    assert_int_equal(out.size, 30);
    x.rows = 4096;
    assert_int_equal(blob_add(&b, &x, &out, &e), 0);
    assert_int_equal(out.offset, 4096);
    x = (struct blob_item){.form = BLOB_4_BITS, .rows = 2, .columns = 64};
    assert_int_equal(blob_add(&b, &x, &out, &e), 0);
    assert_int_equal(out.size, 2 * 2 * 16);
    assert_int_equal(out.scales_size, 2 * 2 * 4);
    assert_int_equal(out.scales_offset % 64, 0);
    assert_int_equal(out.shifts_size, 2 * 2 * 2);
    assert_int_equal(out.shifts_offset % 64, 0);
    x.rows = UINT64_C(1) << 40;
    x.columns = UINT64_C(1) << 30;
    assert_int_equal(blob_add(&b, &x, &out, &e), PRECIS_ELIMIT);
    assert_int_equal(b.n, 4);
    blob_free(&b);
}

/* Of the two heads of k in tiny-llama, 16 rows each: rows for rotary over two halves are the even
 * rows of the file, then the odd ones. */
static void rows_are_put_in_order(void **state) {
    (void)state;
    const struct tensor *v = checkpoint_tensor(model, "blk.0.attn_v.weight");
    const struct tensor *k = checkpoint_tensor(model, "blk.0.attn_k.weight");
    struct blob b = {0};
    struct blob_item x = {.parts = {{v, 0}, {k, 2}},
                          .n_parts = 2,
                          .form = BLOB_TRANSPOSED,
                          .type = ONNX_F32,
                          .rows = 64,
                          .columns = 64};
    struct err e;
    assert_int_equal(k->dims[1], 32);
    assert_int_equal(blob_add(&b, &x, NULL, &e), 0);
    float *file = written(&b), source[32 * 64];
    quant_to_f32(v->type, v->data, 32 * 64, source);
    for (int row = 0; row < 32; row++)
        for (int c = 0; c < 64; c++)
            assert_true(file[c * 64 + row] == source[row * 64 + c]);
    quant_to_f32(k->type, k->data, 32 * 64, source);
    for (int row = 0; row < 32; row++)
        for (int c = 0; c < 64; c++) {
            int at = row % 16, from = row - at + (at < 8 ? 2 * at : 2 * (at - 8) + 1);
            assert_true(file[c * 64 + 32 + row] == source[from * 64 + c]);
        }
    free(file);
    blob_free(&b);
}

static void angles_follow_the_rope(void **state) {
    (void)state;
    const struct rope *rope = &checkpoint_decoder(model)->rope;
    struct blob b = {0};
    struct err e;
    struct blob_item x = {
        .rope = rope, .form = BLOB_COS, .type = ONNX_F32, .rows = 100, .columns = rope->dims / 2};
    assert_int_equal(blob_add(&b, &x, NULL, &e), 0);
    x.form = BLOB_SIN;
    assert_int_equal(blob_add(&b, &x, &x, &e), 0);
    float *file = written(&b), *sines = file + x.offset / sizeof *file;
    for (unsigned position = 0; position < 100; position++)
        for (unsigned i = 0; i < x.columns; i++) {
            float angle = (float)position * rope->frequencies[0][i];
            assert_true(file[position * x.columns + i] == cosf(angle));
            assert_true(sines[position * x.columns + i] == sinf(angle));
        }
    free(file);
    blob_free(&b);
}

static bool give_up(void *user, uint64_t done, uint64_t total) {
    (void)done;
    (void)total;
    return ++*(int *)user < 2;
}

static void can_be_cancelled(void **state) {
    (void)state;
    char path[256];
    int calls = 0;
    struct blob b = {0};
    struct err e;
    struct blob_item x = {.parts = {{checkpoint_tensor(model, "token_embd.weight"), 0}},
                          .n_parts = 1,
                          .form = BLOB_ROWS,
                          .type = ONNX_F32,
                          .rows = 512,
                          .columns = 64};
    snprintf(path, sizeof path, "%s/data", folder);
    assert_int_equal(blob_add(&b, &x, NULL, &e), 0);
    assert_int_equal(blob_write(&b, model, path, 1, give_up, &calls, &e), PRECIS_ECANCELLED);
    assert_int_equal(calls, 2);
    assert_int_equal(blob_write(&b, model, path, 1, NULL, NULL, &e), PRECIS_EIO); /* it exists */
    unlink(path);
    blob_free(&b);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(halves_are_the_nearest),
        cmocka_unit_test(codes_are_no_worse_than_plain_rounding),
        cmocka_unit_test(codes_of_a_grid_are_exact),
        cmocka_unit_test(constants_are_aligned),
        cmocka_unit_test(rows_are_put_in_order),
        cmocka_unit_test(angles_follow_the_rope),
        cmocka_unit_test(can_be_cancelled),
    };
    return cmocka_run_group_tests(tests, open_model, close_model);
}
