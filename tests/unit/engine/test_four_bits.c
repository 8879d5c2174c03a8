/* Weights in 4 bits: when the engine takes them, what they cost, and that they compute the same
 * whatever the lanes, and nearly what f32 does. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "engine/engine.h"
#include "engine/forward.h"
#include "engine/sample.h"
#include "kernel/kernel.h"

static const char model[] = GOLDEN_DIR "/engine/tiny-llama-3to1.gguf";
enum { PROMPT = 150, NEW = 8, MOST_VOCAB = 1024 };

/* Qwen2.5-7B: 7.6 billion weights. */
static struct weights seven_billion(bool fours) {
    return (struct weights){.config = {.hidden = 3584,
                                       .layers = 28,
                                       .heads = 28,
                                       .kv_heads = 4,
                                       .head_dim = 128,
                                       .intermediate = 18944,
                                       .vocab = 152064,
                                       .qkv_bias = true},
                            .dim = 128,
                            .type = DTYPE_INT8,
                            .kv_type = DTYPE_BF16,
                            .fours = fours};
}

static void seven_billion_weights_fit_in_5_gb(void **state) {
    (void)state;
    struct weights w = seven_billion(true), eight = seven_billion(false);
    size_t packed = weights_estimate(&w), lane = workspace_bytes(&w) + chooser_bytes(152064);
    size_t kv = 2 * 28 * 4 * kv_block_bytes(128, DTYPE_BF16) * (4096 / KV_BLOCK);
    print_message("weights %zu MB (int8: %zu MB), 2 lanes %zu MB, 4,096 tokens %zu MB\n",
                  packed / 1000000, weights_estimate(&eight) / 1000000, 2 * lane / 1000000,
                  kv / 1000000);
    assert_true(packed + 2 * lane + kv < 5000000000);
    assert_true(weights_estimate(&eight) > 7000000000);
}

struct outcome {
    enum engine_finish finish;
    size_t n, vocab;
    uint32_t ids[NEW];
    float logprobs[NEW], logits[MOST_VOCAB]; /* after the prompt */
};

static void on_logits(void *user, size_t position, const float *logits) {
    struct outcome *o = user;
    if (position == PROMPT - 1)
        memcpy(o->logits, logits, o->vocab * sizeof *logits);
}

static void on_done(void *user, const struct engine_result *r) {
    struct outcome *o = user;
    o->finish = r->finish;
    o->n = r->n;
    memcpy(o->ids, r->ids, r->n * sizeof *r->ids);
    memcpy(o->logprobs, r->logprobs, r->n * sizeof *r->logprobs);
}

static struct engine *open_with(struct engine_options o) {
    struct engine *en;
    struct err e;
    if (engine_open(model, &o, &en, &e) != 0)
        fail_msg("%s", e.text);
    return en;
}

static struct outcome run(struct engine *en) {
    struct outcome o = {.vocab = engine_info(en)->vocab};
    uint32_t ids[PROMPT];
    for (size_t i = 0; i < PROMPT; i++)
        ids[i] = (uint32_t)((i * i + 7) % o.vocab);
    assert_true(o.vocab <= MOST_VOCAB);
    struct engine_job job = {.ids = ids,
                             .n_ids = PROMPT,
                             .max_new_tokens = NEW,
                             .on_logits = on_logits,
                             .logits_from = PROMPT - 1,
                             .on_done = on_done,
                             .user = &o};
    struct err e;
    assert_int_equal(engine_submit(en, &job, NULL, &e), 0);
    engine_drain(en);
    assert_int_equal(o.finish, FINISH_LENGTH);
    assert_int_equal(o.n, NEW);
    return o;
}

/* What int8 weights need at least. */
static size_t need_of(int lanes, size_t *page) {
    struct engine *en = open_with(
        (struct engine_options){.precision = PRECISION_INT8, .lanes = lanes, .max_sequences = 1});
    const struct engine_info *i = engine_info(en);
    assert_string_equal(i->arithmetic, "int8");
    *page = i->kv_bytes_per_token * KV_BLOCK;
    size_t need = i->weight_bytes + i->scratch_bytes + *page;
    engine_close(en);
    return need;
}

static void the_limit_chooses(void **state) {
    (void)state;
    for (int lanes = 1; lanes <= 3; lanes++) {
        size_t page, need = need_of(lanes, &page);
        struct engine_options o = {
            .precision = PRECISION_INT8, .lanes = lanes, .max_sequences = 1, .memory_limit = need};
        struct engine *en = open_with(o);
        assert_string_equal(engine_info(en)->arithmetic, "int8");
        engine_close(en);
        o.memory_limit--;
        en = open_with(o);
        const struct engine_info *i = engine_info(en);
        assert_string_equal(i->arithmetic, "int8 with 4-bit weights");
        assert_int_equal(i->precision, PRECISION_INT8);
        size_t least = i->weight_bytes + i->scratch_bytes + page;
        assert_true(least < need);
        engine_close(en);
        o.memory_limit = least;
        engine_close(open_with(o));
        struct err e;
        o.memory_limit--;
        assert_int_equal(engine_open(model, &o, &en, &e), PRECIS_ELIMIT);
        assert_non_null(strstr(e.text, "4-bit"));
        o.precision = PRECISION_F32; /* keeps what was asked for */
        o.memory_limit = need;
        assert_int_equal(engine_open(model, &o, &en, &e), PRECIS_ELIMIT);
    }
}

static double distance(const float *a, const float *b, size_t n) {
    double apart = 0, size = 0;
    for (size_t i = 0; i < n; i++) {
        apart += pow((double)a[i] - (double)b[i], 2);
        size += (double)b[i] * (double)b[i];
    }
    return sqrt(apart / size);
}

static void lanes_compute_the_same_near_f32(void **state) {
    (void)state;
    struct engine *en = open_with(
        (struct engine_options){.precision = PRECISION_F32, .lanes = 1, .max_sequences = 1});
    struct outcome exact = run(en), one = {0};
    engine_close(en);
    for (int lanes = 1; lanes <= 3; lanes++) {
        size_t page, need = need_of(lanes, &page);
        en = open_with((struct engine_options){.precision = PRECISION_INT8,
                                               .lanes = lanes,
                                               .max_sequences = 1,
                                               .memory_limit = need - 1});
        assert_string_equal(engine_info(en)->arithmetic, "int8 with 4-bit weights");
        struct outcome o = run(en);
        engine_close(en);
        double d = distance(o.logits, exact.logits, o.vocab);
        if (!(d > 0.05 && d < 0.3))
            fail_msg("logits in 4 bits are %g from those in f32", d);
        if (lanes == 1)
            one = o;
        assert_memory_equal(o.ids, one.ids, sizeof o.ids);
        assert_memory_equal(o.logprobs, one.logprobs, sizeof o.logprobs);
        assert_memory_equal(o.logits, one.logits, sizeof o.logits);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(seven_billion_weights_fit_in_5_gb),
        cmocka_unit_test(the_limit_chooses),
        cmocka_unit_test(lanes_compute_the_same_near_f32),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
