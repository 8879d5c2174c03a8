/* What temperature, top-k and top-p leave over, against transformers' warpers
 * (tests/golden/engine/filters.json): ids drawn many times have the survivors' set and frequencies.
 *
 * usage: test_filters FILTERS.json */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/rng.h"
#include "engine/sample.h"
#include "kernel/kernel.h"

enum { VOCAB = 24, DRAWS = 20000 };

static json_t *golden;

static double number(const json_t *c, const char *key) {
    return json_number_value(json_object_get(c, key));
}

static void draw(const struct sampling *s, const float logits[VOCAB], int counts[VOCAB]) {
    struct sampling complete = sampling_complete(s);
    struct chooser *chooser = NULL;
    struct kernel kernel;
    struct err e = {0};
    struct rng rng = {.state = 1};
    assert_int_equal(kernel_select(ISA_PLAIN, DTYPE_F32, &kernel, &e), 0);
    assert_int_equal(chooser_new(VOCAB, &chooser, &e), 0);
    for (int i = 0; i < DRAWS; i++) {
        struct choice choice;
        assert_int_equal(
            choose(chooser, &kernel, &complete, NULL, &rng, NULL, 0, logits, 0, &choice, &e), 0);
        assert_in_range(choice.id, 0, VOCAB - 1);
        counts[choice.id]++;
    }
    chooser_free(chooser);
}

/* The seed is fixed, so this holds on every run or on none; five standard deviations of a binomial
 * tell a wrong distribution from a drawn one. */
static void check(size_t number_of_case, const json_t *survivors, const int counts[VOCAB]) {
    double wanted[VOCAB] = {0};
    for (size_t i = 0; i < json_array_size(survivors); i++) {
        const json_t *pair = json_array_get(survivors, i);
        size_t id = (size_t)json_integer_value(json_array_get(pair, 0));
        assert_in_range(id, 0, VOCAB - 1);
        wanted[id] = json_number_value(json_array_get(pair, 1));
    }
    for (int id = 0; id < VOCAB; id++) {
        double mean = wanted[id] * DRAWS, deviation = sqrt(mean * (1 - wanted[id]));
        if (fabs(counts[id] - mean) > 5 * deviation + (wanted[id] > 0 ? 1 : 0))
            fail_msg("case %zu: id %d came %d times of %d, transformers gives it %.6f",
                     number_of_case, id, counts[id], DRAWS, wanted[id]);
    }
}

static void test_survivors(void **state) {
    (void)state;
    const json_t *cases = json_object_get(golden, "cases");
    assert_true(json_array_size(cases) >= 3);
    for (size_t i = 0; i < json_array_size(cases); i++) {
        const json_t *c = json_array_get(cases, i), *values = json_object_get(c, "logits");
        float logits[VOCAB];
        int counts[VOCAB] = {0};
        assert_int_equal(json_array_size(values), VOCAB);
        for (size_t k = 0; k < VOCAB; k++)
            logits[k] = (float)json_number_value(json_array_get(values, k));
        struct sampling s = {.strategy = SAMPLE_NUCLEUS,
                             .temperature = (float)number(c, "temperature"),
                             .top_k = (int)number(c, "top_k"),
                             .top_p = (float)number(c, "top_p")};
        draw(&s, logits, counts);
        check(i, json_object_get(c, "survivors"), counts);
    }
}

int main(int argc, char **argv) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_survivors)};
    json_error_t why;
    if (argc != 2)
        return 2;
    golden = json_load_file(argv[1], 0, &why);
    if (!golden) {
        fprintf(stderr, "%s:%d: %s\n", argv[1], why.line, why.text);
        return 1;
    }
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    json_decref(golden);
    return failed;
}
