/* Tiny models of every family against what transformers computes on them (tests/golden/engine/
 * families, written by tools/golden/make_families.py): f32 within rounding, bf16 and int8 near, all
 * the same whatever else runs.
 *
 * usage: test_families MODEL GOLDEN.json */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>

#include "engine/engine.h"
#include "kernel/kernel.h"

enum { MOST_PROMPTS = 8, NEW = 16, COPIES = 3, PAGE = KV_BLOCK };
static const double TOLERANCE = 1e-4;
/* Means of KL to f32 over the positions of all prompts; measured up to 0.0012 and 0.015. */
static const double MOST_KL_BF16 = 2e-3, MOST_KL_INT8 = 0.025;

struct prompt {
    uint32_t *ids;
    size_t n;
    const json_t *golden;
};

static struct {
    const char *path;
    json_t *golden;
    struct prompt prompts[MOST_PROMPTS], beam;
    size_t n;
} t;

struct answer {
    const struct prompt *prompt;
    size_t vocab;
    float *logits; /* [n, vocab] after each position of the prompt */
    uint32_t ids[NEW];
    float logprobs[NEW];
    size_t n;
    enum engine_finish finish;
    struct err err;
};

static void keep_logits(void *user, size_t position, const float *logits) {
    struct answer *a = user;
    memcpy(a->logits + position * a->vocab, logits, a->vocab * sizeof *logits);
}

static void keep_result(void *user, const struct engine_result *r) {
    struct answer *a = user;
    a->finish = r->finish;
    a->err = r->err;
    a->n = r->n;
    memcpy(a->ids, r->ids, r->n * sizeof *r->ids);
    memcpy(a->logprobs, r->logprobs, r->n * sizeof *r->logprobs);
}

/* NULL: this precision is not for this class of instruction sets or model; why is in *e. */
static struct engine *open_model(enum precision p, int lanes, int agents, struct err *e) {
    struct engine *en = NULL;
    const struct engine_options o = {.precision = p, .lanes = lanes, .max_sequences = agents};
    if (engine_open(t.path, &o, &en, e) != 0 && e->code != PRECIS_EUNSUPPORTED)
        fail_msg("%s", e->text);
    return en;
}

/* Logits are kept from position `from` on. */
static void submit(struct engine *en, const struct prompt *p, size_t from, struct answer *a) {
    *a = (struct answer){.prompt = p, .vocab = engine_info(en)->vocab};
    a->logits = calloc(p->n * a->vocab, sizeof *a->logits);
    assert_non_null(a->logits);
    struct engine_job job = {.ids = p->ids,
                             .n_ids = p->n,
                             .max_new_tokens = NEW,
                             .on_logits = keep_logits,
                             .logits_from = from,
                             .on_done = keep_result,
                             .user = a};
    struct err e;
    if (engine_submit(en, &job, NULL, &e) != 0)
        fail_msg("%s", e.text);
}

static void check_finished(const struct answer *a) {
    if (a->finish == FINISH_FAILED)
        fail_msg("%s", a->err.text);
    assert_int_equal(a->finish, FINISH_LENGTH);
    assert_int_equal(a->n, NEW);
}

static double log_total(const float *logits, size_t n) {
    double most = -INFINITY, sum = 0;
    for (size_t i = 0; i < n; i++)
        most = fmax(most, (double)logits[i]);
    for (size_t i = 0; i < n; i++)
        sum += exp((double)logits[i] - most);
    return most + log(sum);
}

static double number_at(const json_t *list, size_t i) {
    return json_number_value(json_array_get(list, i));
}

static double check_near(const char *what, size_t prompt, double got, double want) {
    if (!(fabs(got - want) <= TOLERANCE))
        fail_msg("prompt of %zu tokens: %s is %.6f, transformers' is %.6f", prompt, what, got,
                 want);
    return fabs(got - want);
}

static double check_reference(const struct answer *a) {
    const struct prompt *p = a->prompt;
    const json_t *logits = json_object_get(p->golden, "logits");
    const json_t *greedy = json_object_get(p->golden, "greedy");
    const json_t *last = json_object_get(p->golden, "last_logits");
    double worst = 0, nll = 0, total = 0;
    check_finished(a);
    assert_int_equal(json_array_size(logits), a->vocab);
    for (size_t i = 0; i < a->vocab; i++)
        worst =
            fmax(worst, check_near("a logit", p->n, (double)a->logits[(p->n - 1) * a->vocab + i],
                                   number_at(logits, i)));
    for (size_t i = 0; i + 1 < p->n; i++) {
        const float *row = a->logits + i * a->vocab;
        nll += (log_total(row, a->vocab) - (double)row[p->ids[i + 1]]) / (double)(p->n - 1);
    }
    worst = fmax(worst, check_near("the negative log-likelihood", p->n, nll,
                                   json_number_value(json_object_get(p->golden, "nll"))));
    for (size_t i = 0; i < NEW; i++)
        if (a->ids[i] != (uint32_t)json_integer_value(json_array_get(greedy, i)))
            fail_msg("prompt of %zu tokens: generated token %zu is %u, not %lld", p->n, i,
                     a->ids[i], (long long)json_integer_value(json_array_get(greedy, i)));
    for (size_t i = 0; i < a->vocab; i++)
        total += exp(number_at(last, i));
    return fmax(worst, check_near("the last log-probability", p->n, (double)a->logprobs[NEW - 1],
                                  number_at(last, a->ids[NEW - 1]) - log(total)));
}

/* Several of each in flight, so that tiles mix them. */
static void f32_is_transformers(void **state) {
    (void)state;
    struct err e = {0};
    struct engine *en = open_model(PRECISION_F32, 2, MOST_PROMPTS, &e);
    if (!en)
        fail_msg("%s", e.text);
    struct answer a[COPIES * MOST_PROMPTS];
    double worst = 0;
    for (size_t i = 0; i < COPIES * t.n; i++)
        submit(en, &t.prompts[i % t.n], 0, &a[i]);
    engine_drain(en);
    for (size_t i = 0; i < COPIES * t.n; i++) {
        worst = fmax(worst, check_reference(&a[i]));
        free(a[i].logits);
    }
    print_message("largest difference: %.6f\n", worst);
    engine_close(en);
}

static void beams_are_transformers(void **state) {
    (void)state;
    struct err e = {0};
    struct engine *en = open_model(PRECISION_F32, 1, MOST_PROMPTS, &e);
    assert_non_null(en);
    const json_t *best = json_object_get(t.beam.golden, "best");
    struct answer a[COPIES];
    for (int i = 0; i < COPIES; i++) {
        a[i] = (struct answer){0};
        struct engine_job job = {.ids = t.beam.ids,
                                 .n_ids = t.beam.n,
                                 .max_new_tokens = NEW,
                                 .sampling = {.strategy = SAMPLE_BEAM, .beams = 4},
                                 .on_done = keep_result,
                                 .user = &a[i]};
        assert_int_equal(engine_submit(en, &job, NULL, &e), 0);
    }
    engine_drain(en);
    for (int i = 0; i < COPIES; i++) {
        check_finished(&a[i]);
        for (size_t k = 0; k < NEW; k++)
            if (a[i].ids[k] != (uint32_t)json_integer_value(json_array_get(best, k)))
                fail_msg("beams: token %zu is %u, not %lld", k, a[i].ids[k],
                         (long long)json_integer_value(json_array_get(best, k)));
    }
    engine_close(en);
}

/* The beginning of a long prompt shares its pages, unless the longer one is rotated otherwise;
 * either way each has the reference's result, in either order. */
static void prefixes_are_shared_within_a_kind(void **state) {
    (void)state;
    struct prompt *whole = &t.prompts[t.n - 1], part = *whole;
    part.n = PAGE + 1;
    struct err e = {0};
    for (int first = 0; first < 2; first++) {
        struct engine *en = open_model(PRECISION_F32, 1, 1, &e);
        assert_non_null(en);
        struct answer a[2], again;
        submit(en, first ? &part : whole, whole->n - 1, &a[0]);
        engine_drain(en);
        submit(en, first ? whole : &part, part.n - 1, &a[1]);
        engine_drain(en);
        struct engine_stats st;
        engine_get_stats(en, &st);
        bool apart = strstr(t.path, "phi3") && !strstr(t.path, "window");
        assert_int_equal(st.tokens_shared, apart ? 0 : PAGE);
        engine_close(en);
        en = open_model(PRECISION_F32, 1, 1, &e);
        submit(en, first ? whole : &part, part.n - 1, &again);
        engine_drain(en);
        engine_close(en);
        check_finished(&a[0]);
        check_finished(&a[1]);
        assert_memory_equal(a[1].ids, again.ids, sizeof again.ids);
        assert_memory_equal(a[1].logprobs, again.logprobs, sizeof again.logprobs);
        free(a[0].logits);
        free(a[1].logits);
        free(again.logits);
    }
}

/* Each alone in an engine of one lane. */
static void run_alone(enum precision p, struct answer *a) {
    struct err e = {0};
    for (size_t i = 0; i < t.n; i++) {
        struct engine *en = open_model(p, 1, 1, &e);
        assert_non_null(en);
        submit(en, &t.prompts[i], 0, &a[i]);
        engine_drain(en);
        check_finished(&a[i]);
        engine_close(en);
    }
}

static void outputs_depend_on_the_job_alone(void **state) {
    (void)state;
    static const int lanes[] = {1, 3};
    for (enum precision p = PRECISION_F32; p <= PRECISION_INT8; p++) {
        struct answer alone[MOST_PROMPTS], mixed[COPIES * MOST_PROMPTS];
        struct err e = {0};
        struct engine *en = open_model(p, 1, 1, &e);
        if (!en)
            continue;
        engine_close(en);
        run_alone(p, alone);
        for (size_t l = 0; l < sizeof lanes / sizeof lanes[0]; l++) {
            en = open_model(p, lanes[l], MOST_PROMPTS, &e);
            for (size_t i = 0; i < COPIES * t.n; i++)
                submit(en, &t.prompts[i % t.n], 0, &mixed[i]);
            engine_drain(en);
            engine_close(en);
            for (size_t i = 0; i < COPIES * t.n; i++) {
                const struct answer *a = &alone[i % t.n], *m = &mixed[i];
                check_finished(m);
                if (memcmp(a->ids, m->ids, sizeof a->ids) != 0 ||
                    memcmp(a->logprobs, m->logprobs, sizeof a->logprobs) != 0 ||
                    memcmp(a->logits, m->logits, a->prompt->n * a->vocab * sizeof(float)) != 0)
                    fail_msg("%s, %d lanes: the prompt of %zu tokens has another result",
                             precision_name(p), lanes[l], a->prompt->n);
                free(m->logits);
            }
        }
        for (size_t i = 0; i < t.n; i++)
            free(alone[i].logits);
    }
}

static double divergence(const float *p, const float *q, size_t n) {
    double kl = 0, total_p = log_total(p, n), total_q = log_total(q, n);
    for (size_t i = 0; i < n; i++)
        kl += exp((double)p[i] - total_p) * ((double)p[i] - total_p - ((double)q[i] - total_q));
    return kl;
}

static void fewer_bits_are_near(void **state) {
    (void)state;
    struct answer exact[MOST_PROMPTS], rough[MOST_PROMPTS];
    run_alone(PRECISION_F32, exact);
    for (enum precision p = PRECISION_BF16; p <= PRECISION_INT8; p++) {
        struct err e = {0};
        struct engine *en = open_model(p, 2, MOST_PROMPTS, &e);
        if (!en) {
            print_message("%s\n", e.text);
            assert_non_null(strstr(e.text, precision_name(p)));
            continue;
        }
        double kl = 0;
        size_t positions = 0;
        for (size_t i = 0; i < t.n; i++)
            submit(en, &t.prompts[i], 0, &rough[i]);
        engine_drain(en);
        for (size_t i = 0; i < t.n; i++) {
            check_finished(&rough[i]);
            for (size_t k = 0; k < t.prompts[i].n; k++, positions++)
                kl += divergence(exact[i].logits + k * exact[i].vocab,
                                 rough[i].logits + k * exact[i].vocab, exact[i].vocab);
            free(rough[i].logits);
        }
        engine_close(en);
        kl /= (double)positions;
        print_message("%s: KL %.6f\n", precision_name(p), kl);
        if (!(kl <= (p == PRECISION_BF16 ? MOST_KL_BF16 : MOST_KL_INT8)))
            fail_msg("%s: KL %g", precision_name(p), kl);
    }
    for (size_t i = 0; i < t.n; i++)
        free(exact[i].logits);
}

static void read_prompt(const json_t *golden, struct prompt *p) {
    const json_t *ids = json_object_get(golden, "ids");
    *p = (struct prompt){.n = json_array_size(ids), .golden = golden};
    p->ids = calloc(p->n + 1, sizeof *p->ids);
    for (size_t i = 0; p->ids && i < p->n; i++)
        p->ids[i] = (uint32_t)json_integer_value(json_array_get(ids, i));
}

int main(int argc, char **argv) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(f32_is_transformers),
        cmocka_unit_test(beams_are_transformers),
        cmocka_unit_test(prefixes_are_shared_within_a_kind),
        cmocka_unit_test(outputs_depend_on_the_job_alone),
        cmocka_unit_test(fewer_bits_are_near),
    };
    enum isa isa;
    struct err e;
    json_error_t why;
    if (argc != 3)
        return 2;
    if (isa_detect(&isa, &e) != 0) {
        printf("SKIPPED: %s\n", e.text);
        return 77;
    }
    t.path = argv[1];
    t.golden = json_load_file(argv[2], 0, &why);
    const json_t *prompts = json_object_get(t.golden, "prompts");
    t.n = json_array_size(prompts);
    if (t.n == 0 || t.n > MOST_PROMPTS) {
        fprintf(stderr, "%s: %s\n", argv[2], t.golden ? "no prompts" : why.text);
        return 1;
    }
    for (size_t i = 0; i < t.n; i++)
        read_prompt(json_array_get(prompts, i), &t.prompts[i]);
    read_prompt(json_object_get(t.golden, "beam"), &t.beam);
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    for (size_t i = 0; i < t.n; i++)
        free(t.prompts[i].ids);
    free(t.beam.ids);
    json_decref(t.golden);
    return failed;
}
