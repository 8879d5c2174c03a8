/* The engine in f32 against what transformers computes on the same weights (tests/golden/engine/,
 * written by tools/golden/make_logits.py).
 *
 * usage: test_golden FOLDER MODEL   MODEL.gguf is taken from FOLDER, else from the models folder.
 * Exit code 77: the model is not there. With PRECIS_TEST_SHORT set (sanitizers), models that are
 * not in FOLDER answer only their short prompts. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <jansson.h>
#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "engine/engine.h"
#include "kernel/kernel.h"
#include "model/catalogue.h"

enum { TOP = 20, NEW = 32, MOST_JOBS = 16, SHORT = 100, SKIPPED = 77 };
static const double TOLERANCE_LOGPROB = 2e-3, TOLERANCE_NLL = 1e-3;

static struct {
    struct engine *engine;
    json_t *golden;
    bool brief; /* only short prompts */
} t;

struct answer {
    uint32_t *prompt;
    size_t n_prompt;
    uint32_t ids[NEW];
    float logprobs[NEW];
    size_t n;
    enum engine_finish finish;
    struct err err;
    struct engine_candidate top[TOP]; /* at the prompt's last position */
    int n_top;
    double nll;
    size_t scored;
    int dones;
};

static void fill_ids(struct answer *a, const json_t *ids) {
    a->n_prompt = json_array_size(ids);
    a->prompt = calloc(a->n_prompt, sizeof *a->prompt);
    assert_non_null(a->prompt);
    for (size_t i = 0; i < a->n_prompt; i++)
        a->prompt[i] = (uint32_t)json_integer_value(json_array_get(ids, i));
}

static int on_token(void *user, const struct engine_token *token) {
    struct answer *a = user;
    if (token->index == 0) {
        a->n_top = token->n_top;
        memcpy(a->top, token->top,
               sizeof *a->top * (size_t)(token->n_top < TOP ? token->n_top : TOP));
    }
    return 0;
}

static void on_logits(void *user, size_t position, const float *logits) {
    struct answer *a = user;
    if (position + 1 >= a->n_prompt)
        return;
    size_t vocab = engine_info(t.engine)->vocab;
    double most = -INFINITY, sum = 0;
    for (size_t i = 0; i < vocab; i++)
        most = fmax(most, (double)logits[i]);
    for (size_t i = 0; i < vocab; i++)
        sum += exp((double)logits[i] - most);
    a->nll += most + log(sum) - (double)logits[a->prompt[position + 1]];
    a->scored++;
}

static void on_done(void *user, const struct engine_result *r) {
    struct answer *a = user;
    a->finish = r->finish;
    a->err = r->err;
    a->n = r->n < NEW ? r->n : NEW;
    if (r->n) {
        memcpy(a->ids, r->ids, a->n * sizeof *a->ids);
        memcpy(a->logprobs, r->logprobs, a->n * sizeof *a->logprobs);
    }
    a->dones++;
}

static struct engine_job job_of(struct answer *a, size_t max_new) {
    return (struct engine_job){.ids = a->prompt,
                               .n_ids = a->n_prompt,
                               .max_new_tokens = max_new,
                               .on_done = on_done,
                               .user = a};
}

static void submit(const struct engine_job *job) {
    struct err e = {0};
    if (engine_submit(t.engine, job, NULL, &e))
        fail_msg("submit: %s", e.text);
}

static void check_finish(const struct answer *a, const char *name, enum engine_finish wanted) {
    if (a->finish == FINISH_FAILED)
        fail_msg("%s: %s", name, a->err.text);
    if (a->finish != wanted)
        fail_msg("%s: finished by %s, not %s", name, engine_finish_name(a->finish),
                 engine_finish_name(wanted));
    assert_int_equal(a->dones, 1);
}

static void check_ids(const struct answer *a, const json_t *wanted, const char *name) {
    for (size_t i = 0; i < json_array_size(wanted); i++) {
        uint32_t id = (uint32_t)json_integer_value(json_array_get(wanted, i));
        if (i >= a->n || a->ids[i] != id)
            fail_msg("%s: generated id %zu of %zu is %ld, transformers' is %u", name, i, a->n,
                     i < a->n ? (long)a->ids[i] : -1L, id);
    }
    assert_int_equal(a->n, json_array_size(wanted));
}

/* Every candidate of the reference has its log-probability here; the set may differ at its end only
 * by what is as good within the tolerance. Returns the largest difference. */
static double check_top(const struct answer *a, const json_t *wanted, const char *name) {
    double worst = 0;
    assert_int_equal(a->n_top, TOP);
    for (size_t i = 0; i < TOP; i++) {
        const json_t *pair = json_array_get(wanted, i);
        uint32_t id = (uint32_t)json_integer_value(json_array_get(pair, 0));
        double logprob = json_number_value(json_array_get(pair, 1));
        double here = a->top[TOP - 1].logprob;
        for (int k = 0; k < TOP; k++)
            if (a->top[k].id == id)
                here = a->top[k].logprob;
        if (!(fabs(here - logprob) <= TOLERANCE_LOGPROB))
            fail_msg("%s: candidate %zu (id %u) has log-probability %.6f, transformers' is %.6f",
                     name, i, id, here, logprob);
        worst = fmax(worst, fabs(here - logprob));
    }
    return worst;
}

static double check_logprobs(const struct answer *a, const json_t *wanted, const char *name) {
    double worst = 0;
    for (size_t i = 0; i < a->n; i++) {
        double difference =
            fabs((double)a->logprobs[i] - json_number_value(json_array_get(wanted, i)));
        if (!(difference <= TOLERANCE_LOGPROB))
            fail_msg("%s: log-probability of token %zu differs by %.6f", name, i, difference);
        worst = fmax(worst, difference);
    }
    return worst;
}

static bool too_long(size_t n) {
    return t.brief && n > SHORT;
}

/* All prompts are in flight together, so that they share tiles and steps. */
static void test_logits_and_greedy(void **state) {
    (void)state;
    const json_t *prompts = json_object_get(t.golden, "prompts");
    struct answer answers[MOST_JOBS] = {0};
    double worst = 0;
    size_t n = json_array_size(prompts);
    assert_in_range(n, 1, MOST_JOBS);
    for (size_t i = 0; i < n; i++) {
        fill_ids(&answers[i], json_object_get(json_array_get(prompts, i), "ids"));
        struct engine_job job = job_of(&answers[i], NEW);
        job.top = TOP;
        job.on_token = on_token;
        if (!too_long(job.n_ids))
            submit(&job);
    }
    engine_drain(t.engine);
    for (size_t i = 0; i < n; i++) {
        const json_t *p = json_array_get(prompts, i);
        const char *name = json_string_value(json_object_get(p, "name"));
        if (!too_long(answers[i].n_prompt)) {
            check_finish(&answers[i], name, FINISH_LENGTH);
            worst = fmax(worst, check_top(&answers[i], json_object_get(p, "top"), name));
            check_ids(&answers[i], json_object_get(p, "greedy"), name);
            worst = fmax(worst,
                         check_logprobs(&answers[i], json_object_get(p, "greedy_logprobs"), name));
        }
        free(answers[i].prompt);
    }
    print_message("largest difference of a log-probability: %.6f\n", worst);
}

static void test_penalties(void **state) {
    (void)state;
    const json_t *cases = json_object_get(t.golden, "penalties");
    struct answer answers[MOST_JOBS] = {0};
    size_t n = json_array_size(cases);
    assert_in_range(n, 1, MOST_JOBS);
    for (size_t i = 0; i < n; i++) {
        const json_t *c = json_array_get(cases, i);
        fill_ids(&answers[i], json_object_get(c, "ids"));
        struct engine_job job = job_of(&answers[i], NEW);
        job.sampling.repetition_penalty =
            (float)json_number_value(json_object_get(c, "repetition_penalty"));
        job.sampling.no_repeat_ngram =
            (int)json_integer_value(json_object_get(c, "no_repeat_ngram"));
        submit(&job);
    }
    engine_drain(t.engine);
    for (size_t i = 0; i < n; i++) {
        char name[32];
        snprintf(name, sizeof name, "penalties[%zu]", i);
        check_finish(&answers[i], name, FINISH_LENGTH);
        check_ids(&answers[i], json_object_get(json_array_get(cases, i), "greedy"), name);
        free(answers[i].prompt);
    }
}

static void test_beams(void **state) {
    (void)state;
    const json_t *cases = json_object_get(t.golden, "beam");
    struct answer answers[MOST_JOBS] = {0};
    size_t n = json_array_size(cases);
    assert_in_range(n, 1, MOST_JOBS);
    for (size_t i = 0; i < n; i++) {
        const json_t *c = json_array_get(cases, i), *eos = json_object_get(c, "eos");
        fill_ids(&answers[i], json_object_get(c, "ids"));
        struct engine_job job =
            job_of(&answers[i], (size_t)json_integer_value(json_object_get(c, "max_new_tokens")));
        job.sampling.strategy = SAMPLE_BEAM;
        job.sampling.beams = (int)json_integer_value(json_object_get(c, "beams"));
        if (json_is_integer(eos)) {
            job.stops[0] = (uint32_t)json_integer_value(eos);
            job.n_stops = 1;
        }
        submit(&job);
    }
    engine_drain(t.engine);
    for (size_t i = 0; i < n; i++) {
        const json_t *c = json_array_get(cases, i);
        bool ends = json_is_integer(json_object_get(c, "eos"));
        char name[32];
        snprintf(name, sizeof name, "beam[%zu]", i);
        check_finish(&answers[i], name, ends ? FINISH_STOP : FINISH_LENGTH);
        check_ids(&answers[i], json_object_get(c, "best"), name);
        free(answers[i].prompt);
    }
}

static void test_likelihood(void **state) {
    (void)state;
    const json_t *l = json_object_get(t.golden, "likelihood");
    struct answer a = {0};
    if (too_long(json_array_size(json_object_get(l, "ids"))))
        skip();
    fill_ids(&a, json_object_get(l, "ids"));
    struct engine_job job = job_of(&a, 0);
    job.on_logits = on_logits;
    submit(&job);
    engine_drain(t.engine);
    check_finish(&a, "likelihood", FINISH_LENGTH);
    assert_int_equal(a.scored, a.n_prompt - 1);
    double nll = a.nll / (double)a.scored, wanted = json_number_value(json_object_get(l, "nll"));
    free(a.prompt);
    print_message("mean negative log-likelihood %.6f, transformers' %.6f\n", nll, wanted);
    if (!(fabs(nll - wanted) <= TOLERANCE_NLL))
        fail_msg("mean negative log-likelihood is %.6f, transformers' is %.6f", nll, wanted);
}

/* False: the model is nowhere. */
static bool find_model(const char *folder, const char *name, char *path, size_t size) {
    struct err e = {0};
    snprintf(path, size, "%s/%s.gguf", folder, name);
    if (access(path, R_OK) == 0)
        return true;
    t.brief = getenv("PRECIS_TEST_SHORT") != NULL;
    return catalogue_resolve(name, path, size, &e) == 0;
}

static json_t *load_golden(const char *folder, const char *name) {
    char path[4096];
    json_error_t why;
    snprintf(path, sizeof path, "%s/%s.json", folder, name);
    json_t *golden = json_load_file(path, 0, &why);
    if (!golden)
        fprintf(stderr, "%s:%d: %s\n", path, why.line, why.text);
    return golden;
}

int main(int argc, char **argv) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_logits_and_greedy),
        cmocka_unit_test(test_penalties),
        cmocka_unit_test(test_beams),
        cmocka_unit_test(test_likelihood),
    };
    const struct engine_options options = {.precision = PRECISION_F32};
    char path[4096];
    struct err e = {0};
    if (argc != 3)
        return 2;
    enum isa isa;
    if (isa_detect(&isa, &e) != 0) {
        printf("SKIPPED: %s\n", e.text);
        return SKIPPED;
    }
    if (!find_model(argv[1], argv[2], path, sizeof path)) {
        printf("SKIPPED: %s is not in the models folder (tools/fetch-model.sh %s)\n", argv[2],
               argv[2]);
        return SKIPPED;
    }
    int failed = 1;
    t.golden = load_golden(argv[1], argv[2]);
    if (t.golden && engine_open(path, &options, &t.engine, &e) == 0)
        failed = cmocka_run_group_tests_name(argv[2], tests, NULL, NULL);
    else
        fprintf(stderr, "%s\n", e.text);
    engine_close(t.engine);
    json_decref(t.golden);
    return failed;
}
