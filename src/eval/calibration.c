#include "eval/calibration.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

struct graded {
    double confidence;
    bool acceptable;
};

static int order(const void *a, const void *b) {
    const double x = ((const struct graded *)a)->confidence;
    const double y = ((const struct graded *)b)->confidence;
    return (x > y) - (x < y);
}

/* Bins of sorted items: the border after every tenth of them, moved up to where a tie ends. */
static size_t make_bins(const struct graded *v, size_t n, struct calibration_bin *bins) {
    size_t n_bins = 0, begin = 0;
    for (size_t k = 1; k <= CALIBRATION_BINS; k++) {
        size_t end = k * n / CALIBRATION_BINS;
        while (end > 0 && end < n && v[end].confidence == v[end - 1].confidence)
            end++;
        if (end <= begin)
            continue;
        struct calibration_bin *b = &bins[n_bins++];
        *b =
            (struct calibration_bin){end - begin, v[begin].confidence, v[end - 1].confidence, 0, 0};
        size_t acceptable = 0;
        for (size_t i = begin; i < end; i++) {
            b->mean_confidence += v[i].confidence / (double)b->n;
            acceptable += v[i].acceptable;
        }
        b->acceptable = (double)acceptable / (double)b->n;
        begin = end;
    }
    return n_bins;
}

static double ece_of(const struct calibration_bin *bins, size_t n_bins, size_t n) {
    double sum = 0;
    for (size_t k = 0; k < n_bins; k++)
        sum += (double)bins[k].n * fabs(bins[k].mean_confidence - bins[k].acceptable);
    return n ? sum / (double)n : NAN;
}

/* From sorted items: the sum of the ranks of the acceptable ones, ties sharing their mean rank. */
static double auroc_of(const struct graded *v, size_t n) {
    double ranks = 0, good = 0;
    for (size_t begin = 0, end; begin < n; begin = end) {
        double tied = 0;
        for (end = begin; end < n && v[end].confidence == v[begin].confidence; end++)
            tied += v[end].acceptable;
        ranks += tied * (double)(begin + 1 + end) / 2;
        good += tied;
    }
    const double bad = (double)n - good;
    return good > 0 && bad > 0 ? (ranks - good * (good + 1) / 2) / (good * bad) : NAN;
}

/* What is resampled: sorted items are drawn by counting how often each is in the sample, so that
 * the sample is sorted without a sort. */
struct resampled {
    const struct graded *sorted;
    struct graded *sample; /* [n] */
    size_t *times;         /* [n] */
};

static void draw(const struct resampled *r, const size_t *sample, size_t n) {
    memset(r->times, 0, n * sizeof *r->times);
    for (size_t i = 0; i < n; i++)
        r->times[sample[i]]++;
    for (size_t i = 0, at = 0; i < n; i++)
        for (size_t k = 0; k < r->times[i]; k++)
            r->sample[at++] = r->sorted[i];
}

static double sample_ece(void *user, const size_t *sample, size_t n) {
    const struct resampled *r = user;
    struct calibration_bin bins[CALIBRATION_BINS];
    draw(r, sample, n);
    return ece_of(bins, make_bins(r->sample, n, bins), n);
}

static double sample_auroc(void *user, const size_t *sample, size_t n) {
    const struct resampled *r = user;
    draw(r, sample, n);
    return auroc_of(r->sample, n);
}

static void measure(const struct graded *v, size_t n, struct calibration *out) {
    double confidence = 0, good = 0, brier = 0;
    for (size_t i = 0; i < n; i++) {
        const double miss = v[i].confidence - (v[i].acceptable ? 1 : 0);
        confidence += v[i].confidence;
        good += v[i].acceptable;
        brier += miss * miss;
    }
    out->n = n;
    out->mean_confidence = confidence / (double)n;
    out->base_rate = good / (double)n;
    out->brier = brier / (double)n;
    out->base_brier = out->base_rate * (1 - out->base_rate);
    out->n_bins = make_bins(v, n, out->bins);
    out->ece = ece_of(out->bins, out->n_bins, n);
    out->auroc = auroc_of(v, n);
}

int calibration_measure(const double *confidence, const bool *acceptable, size_t n,
                        const struct bootstrap *b, struct calibration *out, struct err *e) {
    *out = (struct calibration){.mean_confidence = NAN,
                                .base_rate = NAN,
                                .ece = NAN,
                                .ece_interval = {NAN, NAN},
                                .auroc = NAN,
                                .auroc_interval = {NAN, NAN},
                                .brier = NAN,
                                .base_brier = NAN};
    if (!n)
        return 0;
    struct graded *v = malloc(n * sizeof *v), *sample = malloc(n * sizeof *sample);
    size_t *times = malloc(n * sizeof *times);
    int rc = 0;
    if (!v || !sample || !times) {
        rc = err_nomem(e, "calibration");
        goto done;
    }
    for (size_t i = 0; rc == 0 && i < n; i++) {
        if (!(confidence[i] >= 0 && confidence[i] <= 1))
            rc = err_set(e, PRECIS_EUSAGE, "confidence %zu is %g: it must be in 0..1", i,
                         confidence[i]);
        v[i] = (struct graded){confidence[i], acceptable[i]};
    }
    if (rc == 0) {
        qsort(v, n, sizeof *v, order);
        measure(v, n, out);
        struct resampled r = {v, sample, times};
        rc = bootstrap_interval(b, n, sample_ece, &r, &out->ece_interval, e);
        if (rc == 0)
            rc = bootstrap_interval(b, n, sample_auroc, &r, &out->auroc_interval, e);
    }
done:
    free(v);
    free(sample);
    free(times);
    return rc;
}
