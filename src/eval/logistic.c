/* The logistic regression of calibration.h. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "eval/calibration.h"

enum { MOST_STEPS = 200, MOST_HALVINGS = 60, SIZE = 1 + CALIBRATION_MOST_FEATURES };

struct fit {
    const double *x;
    const bool *acceptable;
    size_t n, features;
    double l2;
};

struct newton {
    double gradient[SIZE], hessian[SIZE][SIZE], step[SIZE];
};

static double feature(const struct fit *f, size_t item, size_t k) {
    return k ? f->x[item * f->features + k - 1] : 1;
}

static double score(const struct fit *f, const double *w, size_t item) {
    double z = 0;
    for (size_t k = 0; k <= f->features; k++)
        z += w[k] * feature(f, item, k);
    return z;
}

/* log(1 + exp(-z)), without overflow. */
static double loss_of(double z) {
    return z > 0 ? log1p(exp(-z)) : log1p(exp(z)) - z;
}

static double loss(const struct fit *f, const double *w) {
    double sum = 0;
    for (size_t i = 0; i < f->n; i++) {
        const double z = score(f, w, i);
        sum += loss_of(f->acceptable[i] ? z : -z);
    }
    for (size_t k = 1; k <= f->features; k++)
        sum += f->l2 / 2 * w[k] * w[k];
    return sum;
}

static double probability(double z) {
    return z >= 0 ? 1 / (1 + exp(-z)) : exp(z) / (1 + exp(z));
}

static void derive(const struct fit *f, const double *w, struct newton *s) {
    *s = (struct newton){0};
    for (size_t i = 0; i < f->n; i++) {
        const double p = probability(score(f, w, i));
        const double miss = p - (f->acceptable[i] ? 1 : 0), weight = p * (1 - p);
        for (size_t k = 0; k <= f->features; k++) {
            const double a = feature(f, i, k);
            s->gradient[k] += miss * a;
            for (size_t m = 0; m <= k; m++)
                s->hessian[k][m] += weight * a * feature(f, i, m);
        }
    }
    for (size_t k = 1; k <= f->features; k++) {
        s->gradient[k] += f->l2 * w[k];
        s->hessian[k][k] += f->l2;
    }
}

/* step = hessian^-1 gradient by Cholesky's decomposition, in place. False: not positive definite.
 */
static bool solve(struct newton *s, size_t n) {
    double(*h)[SIZE] = s->hessian;
    for (size_t k = 0; k < n; k++) {
        for (size_t m = 0; m <= k; m++) {
            double sum = h[k][m];
            for (size_t j = 0; j < m; j++)
                sum -= h[k][j] * h[m][j];
            if (m == k && !(sum > 1e-300))
                return false;
            h[k][m] = m == k ? sqrt(sum) : sum / h[m][m];
        }
    }
    for (size_t k = 0; k < n; k++) {
        double sum = s->gradient[k];
        for (size_t j = 0; j < k; j++)
            sum -= h[k][j] * s->step[j];
        s->step[k] = sum / h[k][k];
    }
    for (size_t k = n; k-- > 0;) {
        double sum = s->step[k];
        for (size_t j = k + 1; j < n; j++)
            sum -= h[j][k] * s->step[j];
        s->step[k] = sum / h[k][k];
    }
    return true;
}

/* Goes along the step as far as the loss falls. False: it does not fall. */
static bool descend(const struct fit *f, const struct newton *s, double *w, double *at) {
    double tried[SIZE], scale = 1;
    for (int i = 0; i < MOST_HALVINGS; i++) {
        for (size_t k = 0; k <= f->features; k++)
            tried[k] = w[k] - scale * s->step[k];
        const double now = loss(f, tried);
        if (now < *at) {
            memcpy(w, tried, sizeof tried);
            *at = now;
            return true;
        }
        scale /= 2;
    }
    return false;
}

static double steepest(const struct newton *s, size_t n) {
    double most = 0;
    for (size_t k = 0; k < n; k++)
        most = fmax(most, fabs(s->gradient[k]));
    return most;
}

static int check(const struct fit *f, struct err *e) {
    if (!f->n || f->features > CALIBRATION_MOST_FEATURES || !(f->l2 > 0) || !isfinite(f->l2))
        return err_set(e, PRECIS_EUSAGE,
                       "logistic fit: %zu items of %zu features (at most %d), l2 %g", f->n,
                       f->features, CALIBRATION_MOST_FEATURES, f->l2);
    size_t good = 0;
    for (size_t i = 0; i < f->n; i++) {
        good += f->acceptable[i];
        for (size_t k = 1; k <= f->features; k++)
            if (!isfinite(feature(f, i, k)))
                return err_set(e, PRECIS_EUSAGE, "logistic fit: feature %zu of item %zu is %g",
                               k - 1, i, feature(f, i, k));
    }
    if (good == 0 || good == f->n) /* the constant is not bound, so it would grow for ever */
        return err_set(e, PRECIS_EUSAGE, "logistic fit: %zu of %zu items are acceptable", good,
                       f->n);
    return 0;
}

int calibration_fit_logistic(const double *x, const bool *acceptable, size_t n, size_t features,
                             double l2, struct logistic *out, struct err *e) {
    const struct fit f = {x, acceptable, n, features, l2};
    *out = (struct logistic){.features = features};
    int rc = check(&f, e);
    if (rc)
        return rc;
    struct newton *s = malloc(sizeof *s);
    if (!s)
        return err_nomem(e, "logistic fit");
    double w[SIZE] = {0};
    double at = loss(&f, w);
    bool found = false;
    for (int i = 0; i < MOST_STEPS && !found; i++) {
        derive(&f, w, s);
        const double gradient = steepest(s, features + 1);
        found = gradient < 1e-9 * (double)n;
        if (found || !solve(s, features + 1) || !descend(&f, s, w, &at)) {
            /* where the loss cannot fall any more because of rounding, it is the minimum too */
            found |= gradient < 1e-6 * (double)n;
            break;
        }
    }
    free(s);
    if (!found)
        return err_set(e, PRECIS_EUSAGE, "logistic fit: no minimum in %d steps (l2 %g)", MOST_STEPS,
                       l2);
    memcpy(out->weights, w, sizeof out->weights);
    return 0;
}

double calibration_predict(const struct logistic *m, const double *x) {
    double z = m->weights[0];
    for (size_t k = 0; k < m->features; k++)
        z += m->weights[1 + k] * x[k];
    return probability(z);
}
