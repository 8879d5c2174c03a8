#include "eval/compare.h"

#include <math.h>

static int compare_metric(const struct eval_scores *a, const struct eval_scores *b,
                          enum eval_metric metric, const struct bootstrap *bootstrap,
                          struct eval_difference *out, struct err *e) {
    out->there = metric == EVAL_BLEU4 || (a->values[metric] && b->values[metric]);
    if (!out->there)
        return 0;
    struct eval_measure of_a = {.scores = a, .metric = metric};
    struct eval_measure of_b = {.scores = b, .metric = metric};
    return bootstrap_compare(bootstrap, a->n, eval_statistic, &of_a, &of_b, &out->pair, e);
}

static double share_said(void *user, const size_t *sample, size_t n) {
    const struct eval_scores *s = user;
    size_t said = 0;
    for (size_t k = 0; k < n; k++)
        said += s->said[sample[k]];
    return n ? (double)said / (double)n : NAN;
}

int eval_compare(const struct eval_scores *a, const struct eval_scores *b,
                 const struct bootstrap *bootstrap, struct eval_comparison *out, struct err *e) {
    *out = (struct eval_comparison){0};
    if (a->n != b->n)
        return err_set(e, PRECIS_EUSAGE, "%zu items cannot be compared with %zu", a->n, b->n);
    int rc = 0;
    for (int m = 0; rc == 0 && m < EVAL_METRICS; m++)
        rc = compare_metric(a, b, (enum eval_metric)m, bootstrap, &out->metrics[m], e);
    return rc ? rc
              : bootstrap_compare(bootstrap, a->n, share_said, (void *)a, (void *)b,
                                  &out->success_rate, e);
}
