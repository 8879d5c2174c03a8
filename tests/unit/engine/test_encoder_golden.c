/* Hidden states of encoders against what transformers computes on the same weights
 * (tests/golden/encoder/, written by tools/golden/make_encoders.py).
 *
 * usage: test_encoder_golden FOLDER MODEL   the weights are in FOLDER/MODEL, else in the models
 * folder. Exit code 77: the model is not there. */
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
#include <unistd.h>

#include "engine/engine.h"
#include "kernel/kernel.h"
#include "model/catalogue.h"

enum { MOST_JOBS = 16, SKIPPED = 77 };
static const double TOLERANCE = 1e-4 /* of a value */;
/* Of the mean of a prompt's states, by precision. int8's bar of 0.999 is one of many texts' mean:
 * unit/search/embed_golden. */
static const double LEAST_COSINE[] = {
    [PRECISION_F32] = 0.9999, [PRECISION_BF16] = 0.9999, [PRECISION_INT8] = 0.998};

static char path[4096];
static json_t *golden;

struct answer {
    uint32_t *ids;
    size_t n, width;
    float *states;
    struct engine_result result;
};

static void on_hidden(void *user, const float *states, size_t n, size_t width) {
    struct answer *a = user;
    assert_int_equal(n, a->n);
    assert_null(a->states);
    a->width = width;
    a->states = malloc(n * width * sizeof *states);
    assert_non_null(a->states);
    memcpy(a->states, states, n * width * sizeof *states);
}

static void on_done(void *user, const struct engine_result *r) {
    ((struct answer *)user)->result = *r;
}

static void submit(struct engine *en, struct answer *a, const json_t *ids) {
    *a = (struct answer){.n = json_array_size(ids)};
    a->ids = calloc(a->n, sizeof *a->ids);
    assert_non_null(a->ids);
    for (size_t i = 0; i < a->n; i++)
        a->ids[i] = (uint32_t)json_integer_value(json_array_get(ids, i));
    struct engine_job job = {
        .ids = a->ids, .n_ids = a->n, .on_hidden = on_hidden, .on_done = on_done, .user = a};
    struct err e;
    if (engine_submit(en, &job, NULL, &e) != 0)
        fail_msg("%s", e.text);
}

/* The largest difference of a value of the positions that the golden file has. */
static double check_states(const struct answer *a, const json_t *prompt) {
    const char *position;
    const json_t *values;
    double worst = 0;
    json_object_foreach(json_object_get(prompt, "states"), position, values) {
        assert_int_equal(json_array_size(values), a->width);
        for (size_t i = 0; i < a->width; i++) {
            double want = json_number_value(json_array_get(values, i));
            double got = a->states[(size_t)atoi(position) * a->width + i];
            if (!(fabs(got - want) <= TOLERANCE))
                fail_msg("%zu tokens, position %s, value %zu: %.6f, transformers' is %.6f", a->n,
                         position, i, got, want);
            worst = fmax(worst, fabs(got - want));
        }
    }
    return worst;
}

static double cosine_of_mean(const struct answer *a, const json_t *prompt) {
    double dot = 0, here = 0, there = 0;
    for (size_t i = 0; i < a->width; i++) {
        double sum = 0,
               want = json_number_value(json_array_get(json_object_get(prompt, "mean"), i));
        for (size_t t = 0; t < a->n; t++)
            sum += (double)a->states[t * a->width + i];
        sum /= (double)a->n;
        dot += sum * want;
        here += sum * sum;
        there += want * want;
    }
    return dot / sqrt(here * there);
}

/* All prompts are in flight together, so that they share passes. */
static void check(enum precision p) {
    struct engine *en;
    struct err e;
    const json_t *prompts = json_object_get(golden, "prompts");
    struct answer answers[MOST_JOBS];
    size_t n = json_array_size(prompts);
    double worst = 0, least = 1;
    assert_in_range(n, 1, MOST_JOBS);
    if (engine_open(path, &(struct engine_options){.precision = p, .lanes = 2}, &en, &e) != 0)
        fail_msg("%s", e.text);
    for (size_t i = 0; i < n; i++)
        submit(en, &answers[i], json_object_get(json_array_get(prompts, i), "ids"));
    engine_drain(en);
    engine_close(en);
    for (size_t i = 0; i < n; i++) {
        if (answers[i].result.finish != FINISH_LENGTH)
            fail_msg("%s: %s", engine_finish_name(answers[i].result.finish),
                     answers[i].result.err.text);
        assert_int_equal(answers[i].result.tokens_in, answers[i].n);
        const json_t *prompt = json_array_get(prompts, i);
        if (p == PRECISION_F32)
            worst = fmax(worst, check_states(&answers[i], prompt));
        least = fmin(least, cosine_of_mean(&answers[i], prompt));
        free(answers[i].states);
        free(answers[i].ids);
    }
    print_message("%s: largest difference %.2e, least cosine of a mean %.7f\n", precision_name(p),
                  worst, least);
    if (!(least >= LEAST_COSINE[p]))
        fail_msg("the least cosine of a mean is %.7f", least);
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
    check(PRECISION_BF16);
}

static void test_int8(void **state) {
    (void)state;
    check(PRECISION_INT8);
}

int main(int argc, char **argv) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_f32), cmocka_unit_test(test_bf16),
                                       cmocka_unit_test(test_int8)};
    char file[4200];
    json_error_t why;
    struct err e;
    enum isa isa;
    if (argc != 3)
        return 2;
    if (isa_detect(&isa, &e) != 0) {
        printf("SKIPPED: %s\n", e.text);
        return SKIPPED;
    }
    snprintf(path, sizeof path, "%s/%s", argv[1], argv[2]);
    snprintf(file, sizeof file, "%s/golden.json", path);
    golden = json_load_file(file, 0, &why);
    if (!golden) {
        fprintf(stderr, "%s:%d: %s\n", file, why.line, why.text);
        return 1;
    }
    snprintf(file, sizeof file, "%s/config.json", path);
    int failed = SKIPPED;
    if (access(file, R_OK) == 0 || catalogue_resolve(argv[2], path, sizeof path, &e) == 0)
        failed = cmocka_run_group_tests_name(argv[2], tests, NULL, NULL);
    else
        printf("SKIPPED: %s\n", e.text);
    json_decref(golden);
    return failed;
}
