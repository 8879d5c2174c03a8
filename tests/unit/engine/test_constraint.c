/* Asking a constraint about few tokens has the outcome of asking about all: for the best ones, and
 * for the choice under every strategy. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/hash.h"
#include "base/rng.h"
#include "engine/sample.h"

enum { VOCAB = 5000, ROUNDS = 200 };

/* Which tokens it lowers, and how far. */
struct made_up {
    uint64_t seed;
    unsigned banned; /* of 1000 */
    float step;      /* others are lowered by a multiple of this */
    size_t asked;
};

static float lowered(const struct made_up *m, uint32_t id, float score) {
    uint64_t h = hash_mix(m->seed, id);
    if (h % 1000 < m->banned)
        return -INFINITY;
    return score - m->step * (float)(h % 4);
}

static void on_scores(void *user, const struct engine_scores *at, struct engine_candidate *c,
                      size_t n) {
    struct made_up *m = user;
    assert_int_equal(at->vocab, VOCAB);
    for (size_t i = 0; i < n; i++)
        c[i].logprob = lowered(m, c[i].id, c[i].logprob);
    m->asked += n;
}

static struct made_up make(struct rng *rng) {
    static const unsigned banned[] = {0, 10, 500, 990, 999, 1000};
    static const float steps[] = {0, 0.25f, 1, 40};
    return (struct made_up){.seed = rng_next(rng),
                            .banned = banned[rng_next(rng) % 6],
                            .step = steps[rng_next(rng) % 4]};
}

/* Few different values, so that many scores tie. */
static void fill(struct rng *rng, float *logits) {
    for (size_t i = 0; i < VOCAB; i++)
        logits[i] = (float)(rng_next(rng) % 97) * 0.25f;
}

static int best_first(const void *x, const void *y) {
    const struct engine_candidate *a = x, *b = y;
    if (a->logprob != b->logprob)
        return a->logprob > b->logprob ? -1 : 1;
    return a->id < b->id ? -1 : a->id > b->id;
}

static void the_best_are_those_of_all(void **state) {
    (void)state;
    static float logits[VOCAB];
    static struct engine_candidate want[VOCAB], got[VOCAB];
    struct rng rng = {11};
    for (int round = 0; round < ROUNDS; round++) {
        struct made_up m = make(&rng);
        struct constraint c = {.on_scores = on_scores, .user = &m, .at = {.vocab = VOCAB}};
        fill(&rng, logits);
        size_t n = 1 + rng_next(&rng) % 20, possible = 0;
        for (uint32_t i = 0; i < VOCAB; i++) {
            want[possible] = (struct engine_candidate){i, lowered(&m, i, logits[i])};
            possible += want[possible].logprob > -INFINITY;
        }
        qsort(want, possible, sizeof *want, best_first);
        size_t have = constraint_top(&c, logits, VOCAB, n, INFINITY, got);
        assert_int_equal(have, possible < n ? possible : n);
        for (size_t i = 0; i < have; i++) {
            assert_int_equal(got[i].id, want[i].id);
            assert_true(got[i].logprob == want[i].logprob);
        }
        if (m.banned == 0 && m.step == 0)
            assert_true(m.asked < VOCAB);
    }
}

static void a_choice_is_that_among_lowered_scores(void **state) {
    (void)state;
    static float logits[VOCAB], scores[VOCAB];
    struct chooser *chooser;
    struct kernel k;
    struct err e;
    struct rng rng = {12};
    assert_int_equal(kernel_select(ISA_PLAIN, DTYPE_F32, &k, &e), 0);
    assert_int_equal(chooser_new(VOCAB, &chooser, &e), 0);
    for (int round = 0; round < ROUNDS; round++) {
        struct made_up m = make(&rng);
        struct constraint c = {.on_scores = on_scores, .user = &m};
        fill(&rng, logits);
        struct sampling s = {.strategy = (enum sampling_strategy)(round % 3),
                             .temperature = 0.7f,
                             .top_k = round % 2 ? 40 : 0};
        s = sampling_complete(&s);
        struct rng one = {(uint64_t)round}, other = one;
        struct choice got, want;
        int rc = choose(chooser, &k, &s, &c, &one, NULL, 0, logits, 3, &got, &e);
        for (uint32_t i = 0; i < VOCAB; i++)
            scores[i] = lowered(&m, i, logits[i]);
        if (m.banned == 1000) {
            assert_int_equal(rc, PRECIS_EINPUT);
            continue;
        }
        assert_int_equal(rc, 0);
        assert_int_equal(choose(chooser, &k, &s, NULL, &other, NULL, 0, scores, 0, &want, &e), 0);
        assert_int_equal(got.id, want.id);
        assert_true(one.state == other.state);
        size_t best;
        double lse = k.logsumexp(logits, VOCAB, &best);
        assert_true(got.logprob == (float)((double)logits[got.id] - lse));
        assert_int_equal(got.top[0].id, best);
    }
    chooser_free(chooser);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_best_are_those_of_all),
        cmocka_unit_test(a_choice_is_that_among_lowered_scores),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
