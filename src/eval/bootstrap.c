#include "eval/bootstrap.h"

#include <math.h>
#include <stdlib.h>

#include "base/rng.h"

static int order(const void *a, const void *b) {
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Sorted values, [n]; as numpy's default. */
static double percentile(const double *v, size_t n, double q) {
    if (!n)
        return NAN;
    const double at = q * (double)(n - 1);
    const size_t below = (size_t)at;
    if (below + 1 >= n)
        return v[n - 1];
    return v[below] + (at - (double)below) * (v[below + 1] - v[below]);
}

static int check(const struct bootstrap *b, size_t *rounds, double *level, struct err *e) {
    *rounds = b->rounds ? b->rounds : BOOTSTRAP_ROUNDS;
    *level = b->level != 0 ? b->level : 0.95;
    if (*rounds > BOOTSTRAP_MOST_ROUNDS)
        return err_set(e, PRECIS_EUSAGE, "%zu rounds of the bootstrap: at most %d", *rounds,
                       BOOTSTRAP_MOST_ROUNDS);
    if (!(*level > 0 && *level < 1))
        return err_set(e, PRECIS_EUSAGE, "the level of an interval is between 0 and 1, not %g",
                       *level);
    return 0;
}

/* One statistic, or with two users the difference of the second less the first. */
struct rounds {
    bootstrap_statistic *statistic;
    void *a, *b; /* b NULL: one system */
};

static double value(const struct rounds *r, const size_t *sample, size_t n) {
    const double first = r->statistic(r->a, sample, n);
    return r->b ? r->statistic(r->b, sample, n) - first : first;
}

/* out: [*rounds], sorted; *rounds becomes how many have a value. *all: that of all items. */
static int resample(const struct rounds *r, uint64_t seed, size_t n, double *out, size_t *rounds,
                    double *all, struct err *e) {
    size_t *sample = calloc(n ? n : 1, sizeof *sample);
    if (!sample)
        return err_nomem(e, "bootstrap");
    for (size_t i = 0; i < n; i++)
        sample[i] = i;
    *all = value(r, sample, n);
    struct rng rng = {seed};
    size_t kept = 0;
    for (size_t round = 0; n && round < *rounds; round++) {
        for (size_t i = 0; i < n; i++)
            sample[i] = (size_t)(rng_uniform(&rng) * (double)n);
        const double v = value(r, sample, n);
        if (!isnan(v))
            out[kept++] = v;
    }
    free(sample);
    *rounds = kept;
    if (kept)
        qsort(out, kept, sizeof *out, order);
    return 0;
}

int bootstrap_interval(const struct bootstrap *b, size_t n, bootstrap_statistic *statistic,
                       void *user, struct interval *out, struct err *e) {
    size_t rounds;
    double level, all;
    *out = (struct interval){NAN, NAN};
    int rc = check(b, &rounds, &level, e);
    if (rc)
        return rc;
    double *v = calloc(rounds, sizeof *v);
    if (!v)
        return err_nomem(e, "bootstrap");
    rc = resample(&(struct rounds){statistic, user, NULL}, b->seed, n, v, &rounds, &all, e);
    if (rc == 0) {
        out->low = percentile(v, rounds, (1 - level) / 2);
        out->high = percentile(v, rounds, (1 + level) / 2);
    }
    free(v);
    return rc;
}

static double mean(void *user, const size_t *sample, size_t n) {
    const double *v = user;
    double sum = 0;
    for (size_t i = 0; i < n; i++)
        sum += v[sample[i]];
    return n ? sum / (double)n : NAN;
}

int bootstrap_mean(const struct bootstrap *b, const double *v, size_t n, struct interval *out,
                   struct err *e) {
    return bootstrap_interval(b, n, mean, (void *)v, out, e);
}

int bootstrap_compare(const struct bootstrap *b, size_t n, bootstrap_statistic *statistic,
                      void *user_a, void *user_b, struct bootstrap_pair *out, struct err *e) {
    size_t rounds;
    double level;
    *out = (struct bootstrap_pair){NAN, {NAN, NAN}, 1};
    int rc = check(b, &rounds, &level, e);
    if (rc)
        return rc;
    double *v = calloc(rounds, sizeof *v);
    if (!v)
        return err_nomem(e, "bootstrap");
    rc = resample(&(struct rounds){statistic, user_a, user_b}, b->seed, n, v, &rounds,
                  &out->difference, e);
    if (rc == 0) {
        size_t not_above = 0, not_below = 0;
        for (size_t i = 0; i < rounds; i++) {
            not_above += v[i] <= 0;
            not_below += v[i] >= 0;
        }
        const size_t other = not_above < not_below ? not_above : not_below;
        out->interval.low = percentile(v, rounds, (1 - level) / 2);
        out->interval.high = percentile(v, rounds, (1 + level) / 2);
        out->p = fmin(1, 2 * (double)(other + 1) / (double)(rounds + 1));
    }
    free(v);
    return rc;
}

int bootstrap_compare_means(const struct bootstrap *b, const double *va, const double *vb, size_t n,
                            struct bootstrap_pair *out, struct err *e) {
    return bootstrap_compare(b, n, mean, (void *)va, (void *)vb, out, e);
}
