/* The ONNX engine against what transformers or ONNX Runtime's own Python loop say of the same tiny
 * models (tests/golden/onnx/, written by tools/golden/make_onnx.py).
 *
 * usage: test_onnx FOLDER   Exit code 77: ONNX Runtime, or its header at build time, is missing. */
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

#include "engine/engine.h"

enum { NEW = 64, MOST_JOBS = 40, AGENTS = 20, SKIPPED = 77, MOST_PATH = 4096 };
static const double TOLERANCE = 2e-3;

static struct {
    const char *folder;
    char path[MOST_PATH];
    json_t *golden;
} t;

struct answer {
    uint32_t *prompt;
    size_t n_prompt, n, tokens_in;
    uint32_t ids[NEW];
    float logprobs[NEW];
    enum engine_finish finish;
    struct err err;
    float *states; /* [n_prompt, width] */
    size_t width;
    double nll;
    size_t scored, vocab;
};

static void answer_free(struct answer *a) {
    free(a->prompt);
    free(a->states);
    *a = (struct answer){0};
}

static void on_done(void *user, const struct engine_result *r) {
    struct answer *a = user;
    a->finish = r->finish;
    a->err = r->err;
    a->tokens_in = r->tokens_in;
    a->n = r->n < NEW ? r->n : NEW;
    if (a->n) {
        memcpy(a->ids, r->ids, a->n * sizeof *a->ids);
        memcpy(a->logprobs, r->logprobs, a->n * sizeof *a->logprobs);
    }
}

static void on_hidden(void *user, const float *states, size_t n, size_t width) {
    struct answer *a = user;
    a->states = malloc(n * width * sizeof *states);
    assert_non_null(a->states);
    memcpy(a->states, states, n * width * sizeof *states);
    a->width = width;
}

static void on_logits(void *user, size_t position, const float *logits) {
    struct answer *a = user;
    if (position + 1 >= a->n_prompt)
        return;
    double most = -INFINITY, sum = 0;
    for (size_t i = 0; i < a->vocab; i++)
        most = fmax(most, (double)logits[i]);
    for (size_t i = 0; i < a->vocab; i++)
        sum += exp((double)logits[i] - most);
    a->nll += most + log(sum) - (double)logits[a->prompt[position + 1]];
    a->scored++;
}

static void fill(struct answer *a, const json_t *ids) {
    *a = (struct answer){.n_prompt = json_array_size(ids)};
    a->prompt = calloc(a->n_prompt, sizeof *a->prompt);
    assert_non_null(a->prompt);
    for (size_t i = 0; i < a->n_prompt; i++)
        a->prompt[i] = (uint32_t)json_integer_value(json_array_get(ids, i));
}

static struct engine *open_engine(int lanes, int agents) {
    struct engine *en;
    struct err e = {0};
    struct engine_options o = {.lanes = lanes, .max_sequences = agents, .device = DEVICE_CPU};
    if (engine_open(t.path, &o, &en, &e))
        fail_msg("%s", e.text);
    return en;
}

static const json_t *cases(size_t *n) {
    const json_t *list = json_object_get(t.golden, "cases");
    *n = json_array_size(list);
    assert_true(*n > 0 && *n <= MOST_JOBS);
    return list;
}

/* Even ids alone; of sequence-to-sequence models as of others. */
static void even_only(void *user, const struct engine_scores *at, struct engine_candidate *c,
                      size_t n) {
    (void)user;
    (void)at;
    for (size_t i = 0; i < n; i++)
        if (c[i].id % 2)
            c[i].logprob = -INFINITY;
}

/* Submits every case and waits for all. */
static void run_cases(struct engine *en, enum sampling_strategy strategy, bool even,
                      struct answer *a) {
    size_t n;
    const json_t *list = cases(&n);
    const json_t *stop = json_object_get(t.golden, "stop");
    for (size_t i = 0; i < n; i++) {
        const json_t *c = json_array_get(list, i);
        fill(&a[i], json_object_get(c, "prompt"));
        struct engine_job job = {.ids = a[i].prompt,
                                 .n_ids = a[i].n_prompt,
                                 .max_new_tokens = (size_t)json_integer_value(
                                     json_object_get(t.golden, "max_new_tokens")),
                                 .sampling = {.strategy = strategy, .temperature = 0.9f, .seed = 7},
                                 .key = i,
                                 .on_scores = even ? even_only : NULL,
                                 .on_done = on_done,
                                 .user = &a[i]};
        if (stop) {
            job.stops[0] = (uint32_t)json_integer_value(stop);
            job.n_stops = 1;
        }
        if (engine_info(en)->capabilities & ENGINE_EMBED) {
            job.max_new_tokens = 0;
            job.on_hidden = on_hidden;
        }
        struct err e = {0};
        if (engine_submit(en, &job, NULL, &e))
            fail_msg("case %zu: %s", i, e.text);
    }
    engine_drain(en);
    for (size_t i = 0; i < n; i++) {
        if (a[i].finish == FINISH_FAILED)
            fail_msg("case %zu: %s", i, a[i].err.text);
        assert_int_equal(a[i].tokens_in, a[i].n_prompt);
    }
}

static void free_cases(struct answer *a) {
    for (size_t i = 0; i < MOST_JOBS; i++)
        answer_free(&a[i]);
}

static void check_ids(const struct answer *a, const json_t *wanted, const char *kind, size_t at) {
    size_t n = json_array_size(wanted);
    for (size_t i = 0; i < n; i++) {
        json_int_t id = json_integer_value(json_array_get(wanted, i));
        if (i >= a->n || a->ids[i] != id)
            fail_msg("%s, case %zu of %zu tokens: id %zu is %ld, the reference's %ld", kind, at,
                     a->n_prompt, i, i < a->n ? (long)a->ids[i] : -1L, (long)id);
    }
    assert_int_equal(a->n, n);
}

static void check_states(const struct answer *a, const json_t *wanted, size_t at) {
    assert_int_equal(json_array_size(wanted), a->n_prompt);
    for (size_t i = 0; i < a->n_prompt; i++) {
        const json_t *row = json_array_get(wanted, i);
        assert_int_equal(json_array_size(row), a->width);
        for (size_t k = 0; k < a->width; k++) {
            double v = json_number_value(json_array_get(row, k));
            if (!(fabs(v - (double)a->states[i * a->width + k]) <= TOLERANCE))
                fail_msg("case %zu: state [%zu, %zu] is %g, the reference's %g", at, i, k,
                         (double)a->states[i * a->width + k], v);
        }
    }
}

static void test_greedy(void **state) {
    (void)state;
    struct engine *en = open_engine(2, AGENTS);
    struct answer a[MOST_JOBS] = {0};
    size_t n;
    const json_t *list = cases(&n);
    run_cases(en, SAMPLE_GREEDY, false, a);
    for (size_t i = 0; i < n; i++) {
        const json_t *c = json_array_get(list, i);
        if (a[i].states) {
            check_states(&a[i], json_object_get(c, "states"), i);
            continue;
        }
        check_ids(&a[i], json_object_get(c, "greedy"), "greedy", i);
        const json_t *first = json_object_get(c, "logprob");
        if (first && fabs(json_number_value(first) - (double)a[i].logprobs[0]) > TOLERANCE)
            fail_msg("case %zu: log-probability %g, the reference's %g", i,
                     (double)a[i].logprobs[0], json_number_value(first));
    }
    free_cases(a);
    engine_close(en);
}

static void test_beam(void **state) {
    (void)state;
    struct engine *en = open_engine(2, AGENTS);
    struct answer a[MOST_JOBS] = {0};
    size_t n;
    const json_t *list = cases(&n);
    if (!json_object_get(json_array_get(list, 0), "beam")) {
        engine_close(en);
        skip();
    }
    run_cases(en, SAMPLE_BEAM, false, a);
    for (size_t i = 0; i < n; i++)
        check_ids(&a[i], json_object_get(json_array_get(list, i), "beam"), "beam", i);
    free_cases(a);
    engine_close(en);
}

static bool same(const struct answer *a, const struct answer *b) {
    return a->n == b->n && memcmp(a->ids, b->ids, a->n * sizeof *a->ids) == 0 &&
           memcmp(a->logprobs, b->logprobs, a->n * sizeof *a->logprobs) == 0 &&
           a->width == b->width &&
           (!a->states ||
            memcmp(a->states, b->states, a->n_prompt * a->width * sizeof *a->states) == 0);
}

/* Twenty agents on three lanes, and one on one: the same bytes, for every way of choosing, also
 * under a constraint. */
static void test_agents(void **state) {
    (void)state;
    static const enum sampling_strategy kinds[] = {SAMPLE_GREEDY, SAMPLE_NUCLEUS, SAMPLE_BEAM};
    struct engine *many = open_engine(3, AGENTS), *one = open_engine(1, 1);
    struct answer a[MOST_JOBS] = {0}, b[MOST_JOBS] = {0};
    size_t n;
    cases(&n);
    for (int k = 0; k < 6; k++) {
        bool even = k >= 3;
        run_cases(many, kinds[k % 3], even, a);
        run_cases(one, kinds[k % 3], even, b);
        for (size_t i = 0; i < n; i++) {
            if (!same(&a[i], &b[i]))
                fail_msg("%s, case %zu: 20 agents give other bytes than one",
                         sampling_name(kinds[k % 3]), i);
            for (size_t j = 0; even && j < a[i].n; j++)
                assert_int_equal(a[i].ids[j] % 2, 0);
        }
        free_cases(a);
        free_cases(b);
    }
    struct engine_stats s;
    engine_get_stats(many, &s);
    assert_int_equal(s.kv_bytes, 0);
    assert_int_equal(s.running, 0);
    engine_close(many);
    engine_close(one);
}

static void test_score(void **state) {
    (void)state;
    struct engine *en = open_engine(1, 1);
    size_t n;
    const json_t *list = cases(&n);
    struct err e = {0};
    for (size_t i = 0; i < n; i++) {
        struct answer a;
        const json_t *c = json_array_get(list, i), *wanted = json_object_get(c, "nll");
        fill(&a, json_object_get(c, "prompt"));
        a.vocab = engine_info(en)->vocab;
        struct engine_job job = {.ids = a.prompt,
                                 .n_ids = a.n_prompt,
                                 .on_logits = on_logits,
                                 .on_done = on_done,
                                 .user = &a};
        int rc = engine_submit(en, &job, NULL, &e);
        if (!(engine_info(en)->capabilities & ENGINE_GENERATE)) {
            assert_int_equal(rc,
                             PRECIS_EUNSUPPORTED); /* it generates from a source, or not at all */
        } else if (rc == 0 && !wanted) {
            engine_drain(en);
            assert_int_equal(a.scored, a.n_prompt - 1);
        } else {
            assert_int_equal(rc, 0);
            engine_drain(en);
            if (a.finish == FINISH_FAILED)
                fail_msg("case %zu: %s", i, a.err.text);
            assert_int_equal(a.scored, a.n_prompt - 1);
            if (fabs(a.nll - json_number_value(wanted)) > TOLERANCE * (double)a.n_prompt)
                fail_msg("case %zu: negative log-likelihood %g, the reference's %g", i, a.nll,
                         json_number_value(wanted));
        }
        answer_free(&a);
    }
    engine_close(en);
}

static void test_info(void **state) {
    (void)state;
    struct engine *en = open_engine(1, 1);
    const struct engine_info *i = engine_info(en);
    const json_t *wanted = json_object_get(t.golden, "info");
    assert_string_equal(i->engine, "onnx");
    assert_string_equal(i->device, "cpu");
    assert_string_equal(i->architecture,
                        json_string_value(json_object_get(wanted, "architecture")));
    assert_string_equal(i->arithmetic, json_string_value(json_object_get(wanted, "arithmetic")));
    assert_int_equal(i->capabilities, json_integer_value(json_object_get(wanted, "capabilities")));
    assert_true(i->weight_bytes > 0);
    engine_close(en);
}

static int run_model(const char *name) {
    char file[MOST_PATH];
    json_error_t why;
    snprintf(file, sizeof file, "%s/%s.json", t.folder, name);
    t.golden = json_load_file(file, 0, &why);
    if (!t.golden) {
        fprintf(stderr, "%s: %s\n", file, why.text);
        return 1;
    }
    snprintf(t.path, sizeof t.path, "%s/%s", t.folder,
             json_string_value(json_object_get(t.golden, "path")));
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_info), cmocka_unit_test(test_greedy),
                                       cmocka_unit_test(test_beam), cmocka_unit_test(test_agents),
                                       cmocka_unit_test(test_score)};
    int failed = cmocka_run_group_tests_name(name, tests, NULL, NULL);
    json_decref(t.golden);
    return failed;
}

/* Is there a library? The first model's opening tells. */
static bool available(const char *name) {
    char path[MOST_PATH];
    struct engine *en;
    struct err e = {0};
    snprintf(path, sizeof path, "%s/%s", t.folder, name);
    int rc = engine_open(path, &(struct engine_options){.lanes = 1}, &en, &e);
    bool missing = (rc == PRECIS_ENOTFOUND && strstr(e.text, "setup.sh --onnx")) ||
                   (rc == PRECIS_EUNSUPPORTED && strstr(e.text, "this build cannot"));
    engine_close(en);
    if (missing)
        fprintf(stderr, "skipped: %s\n", e.text);
    return !missing;
}

int main(int argc, char **argv) {
    if (argc < 3)
        return 2;
    t.folder = argv[1];
    if (!available(argv[2]))
        return SKIPPED;
    int failed = 0;
    for (int i = 2; i < argc; i++)
        failed += run_model(argv[i]);
    return failed ? 1 : 0;
}
