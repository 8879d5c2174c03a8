/* The report of an evaluation, for people and as JSON. */
#include <math.h>
#include <string.h>

#include "base/utf8.h"
#include "cli/cli.h"
#include "cli/eval.h"

enum { DIGITS = 7 };

static int decimals(enum eval_metric m) {
    return m <= EVAL_BLEU_CXG ? 2 : 4;
}

static void put_name(struct buf *out, const char *name, int width) {
    char shown[64];
    snprintf(shown, sizeof shown, "%s", name);
    utf8_blank_controls(shown);
    buf_printf(out, "%-*.*s", width, width, shown);
}

static void put_number(struct buf *out, int width, int digits, double v) {
    if (isfinite(v))
        buf_printf(out, "%*.*f", width, digits, v);
    else
        buf_printf(out, "%*s", width, "-");
}

static void put_interval(struct buf *out, const char *name, double value, struct interval i,
                         int digits) {
    buf_printf(out, "  %-15s", name);
    put_number(out, 9, digits, value);
    if (isfinite(i.low) && isfinite(i.high))
        buf_printf(out, "   %.*f .. %.*f", digits, i.low, digits, i.high);
    buf_char(out, '\n');
}

static void put_group_row(struct buf *out, const struct eval_group *g) {
    put_name(out, g->name, 12);
    buf_printf(out, "%6zu", g->n);
    for (int m = 0; m < EVAL_METRICS; m++)
        put_number(out, 8, decimals((enum eval_metric)m),
                   g->metrics[m].there ? g->metrics[m].value : (double)NAN);
    put_number(out, 9, 3, g->success_rate);
    buf_char(out, '\n');
}

static void put_groups(struct buf *out, const char *title, const struct eval_group *g, size_t n) {
    static const char *const heads[EVAL_METRICS] = {
        "bleu4", "sent.", "cxg", "rouge1", "rouge2", "rougeL", "meteor", "cosine", "emb.f1"};
    buf_printf(out, "\n%-12s%6s", title, "n");
    for (int m = 0; m < EVAL_METRICS; m++)
        buf_printf(out, "%8s", heads[m]);
    buf_printf(out, "%9s\n", "success");
    for (size_t i = 0; i < n; i++)
        put_group_row(out, &g[i]);
}

static void put_calibration(struct buf *out, const struct eval_report *r) {
    const struct eval_group *g = &r->all;
    const struct calibration *c = &g->calibration;
    if (!g->n_confident)
        return;
    buf_printf(out, "\nConfidence of %zu sentences: %.4f on average\n", g->n_confident,
               g->mean_confidence);
    if (!g->calibrated)
        return;
    buf_printf(out, "Acceptable (cosine >= %.2f%s): %.4f of them\n", EVAL_ACCEPTABLE_COSINE,
               r->grounded_known ? " and grounded" : "", c->base_rate);
    put_interval(out, "ece", c->ece, c->ece_interval, 4);
    put_interval(out, "auroc", c->auroc, c->auroc_interval, 4);
    buf_printf(out, "  %-15s%9.4f   (the base rate alone: %.4f)\n", "brier", c->brier,
               c->base_brier);
    buf_printf(out, "\n  %-17s%6s%12s%12s\n", "confidence", "n", "mean", "acceptable");
    for (size_t k = 0; k < c->n_bins; k++)
        buf_printf(out, "  %.3f .. %.3f   %6zu%12.4f%12.4f\n", c->bins[k].low, c->bins[k].high,
                   c->bins[k].n, c->bins[k].mean_confidence, c->bins[k].acceptable);
}

static void put_system(struct buf *out, char letter, const char *name, size_t missing) {
    char shown[256];
    snprintf(shown, sizeof shown, "%s", name);
    utf8_blank_controls(shown);
    buf_printf(out, "%c: %s", letter, shown);
    if (missing)
        buf_printf(out, " (%zu without a prediction)", missing);
    buf_char(out, '\n');
}

/* pair NULL: no difference is tested. */
static void put_both(struct buf *out, const char *name, double a, double b,
                     const struct bootstrap_pair *pair, int digits) {
    if (!isfinite(a) && !isfinite(b))
        return;
    buf_printf(out, "  %-15s", name);
    put_number(out, 9, digits, a);
    put_number(out, 9, digits, b);
    if (pair && isfinite(pair->interval.low) && isfinite(pair->interval.high)) {
        char range[64];
        snprintf(range, sizeof range, "%+.*f .. %+.*f", digits, pair->interval.low, digits,
                 pair->interval.high);
        buf_printf(out, "%+9.*f   %-20s   p = %.4f", digits, pair->difference, range, pair->p);
    }
    buf_char(out, '\n');
}

static void put_comparison(struct buf *out, const struct eval_report *r,
                           const struct eval_about *about) {
    const struct eval_second *second = about->second;
    const struct eval_group *a = &r->all, *b = &second->report.all;
    buf_char(out, '\n');
    put_system(out, 'A', about->name, about->missing);
    put_system(out, 'B', second->name, second->missing);
    buf_printf(out, "\n  %-15s%9s%9s%9s   95 %% interval of the difference (%zu samples)\n", "",
               "A", "B", "B - A", about->bootstrap->rounds);
    for (int m = 0; m < EVAL_METRICS; m++)
        if (second->comparison.metrics[m].there)
            put_both(out, eval_metric_name((enum eval_metric)m), a->metrics[m].value,
                     b->metrics[m].value, &second->comparison.metrics[m].pair,
                     decimals((enum eval_metric)m));
    put_both(out, "success_rate", a->success_rate, b->success_rate,
             &second->comparison.success_rate, 4);
    put_both(out, "mean_confidence", a->mean_confidence, b->mean_confidence, NULL, 4);
    if (!a->calibrated || !b->calibrated)
        return;
    put_both(out, "ece", a->calibration.ece, b->calibration.ece, NULL, 4);
    put_both(out, "auroc", a->calibration.auroc, b->calibration.auroc, NULL, 4);
    put_both(out, "brier", a->calibration.brier, b->calibration.brier, NULL, 4);
}

void eval_put_table(struct buf *out, const struct eval_report *r, const struct eval_about *about) {
    char data[256];
    snprintf(data, sizeof data, "%s", about->data);
    utf8_blank_controls(data);
    buf_printf(out, "%s: %zu items", data, r->all.n);
    if (about->missing)
        buf_printf(out, ", %zu without a prediction", about->missing);
    buf_printf(out, "\n\n  %-15s%9s   95 %% interval (%zu samples)\n", "", "",
               about->bootstrap->rounds);
    for (int m = 0; m < EVAL_METRICS; m++)
        if (r->all.metrics[m].there)
            put_interval(out, eval_metric_name((enum eval_metric)m), r->all.metrics[m].value,
                         r->all.metrics[m].interval, decimals((enum eval_metric)m));
    put_interval(out, "success_rate", r->all.success_rate, (struct interval){NAN, NAN}, 4);
    put_groups(out, "language", r->languages, r->n_languages);
    put_groups(out, "kind", r->kinds, r->n_kinds);
    put_calibration(out, r);
    if (about->second)
        put_comparison(out, r, about);
}

static void put_key(struct buf *out, const char *key) {
    json_put_string(out, key, strlen(key));
    buf_str(out, ": ");
}

static void put_member(struct buf *out, const char *key, double v) {
    put_key(out, key);
    json_put_number(out, v, DIGITS);
    buf_str(out, ", ");
}

static void put_range(struct buf *out, const char *key, struct interval i) {
    put_key(out, key);
    buf_char(out, '[');
    json_put_number(out, i.low, DIGITS);
    buf_str(out, ", ");
    json_put_number(out, i.high, DIGITS);
    buf_char(out, ']');
}

static void put_intervals(struct buf *out, const struct eval_group *g) {
    put_key(out, "intervals");
    buf_char(out, '{');
    for (int m = 0; m < EVAL_METRICS; m++) {
        if (!g->metrics[m].there)
            continue;
        if (m)
            buf_str(out, ", ");
        put_range(out, eval_metric_name((enum eval_metric)m), g->metrics[m].interval);
    }
    if (g->calibrated) {
        buf_str(out, ", ");
        put_range(out, "ece", g->calibration.ece_interval);
        buf_str(out, ", ");
        put_range(out, "auroc", g->calibration.auroc_interval);
    }
    buf_char(out, '}');
}

/* The members of an object, without its braces. */
static void put_group(struct buf *out, const struct eval_group *g) {
    const struct calibration *c = &g->calibration;
    buf_printf(out, "\"n\": %zu, ", g->n);
    for (int m = 0; m < EVAL_METRICS; m++)
        put_member(out, eval_metric_name((enum eval_metric)m),
                   g->metrics[m].there ? g->metrics[m].value : (double)NAN);
    put_member(out, "ece", g->calibrated ? c->ece : (double)NAN);
    put_member(out, "auroc", g->calibrated ? c->auroc : (double)NAN);
    put_member(out, "brier", g->calibrated ? c->brier : (double)NAN);
    put_member(out, "base_rate", g->calibrated ? c->base_rate : (double)NAN);
    put_member(out, "base_brier", g->calibrated ? c->base_brier : (double)NAN);
    put_member(out, "mean_confidence", g->mean_confidence);
    buf_printf(out, "\"n_confident\": %zu, ", g->n_confident);
    put_member(out, "success_rate", g->success_rate);
    put_intervals(out, g);
}

static void put_reliability(struct buf *out, const struct eval_group *g) {
    put_key(out, "reliability");
    buf_char(out, '[');
    for (size_t k = 0; g->calibrated && k < g->calibration.n_bins; k++) {
        const struct calibration_bin *b = &g->calibration.bins[k];
        buf_printf(out, "%s{\"n\": %zu, ", k ? ", " : "", b->n);
        put_member(out, "low", b->low);
        put_member(out, "high", b->high);
        put_member(out, "mean_confidence", b->mean_confidence);
        put_key(out, "acceptable");
        json_put_number(out, b->acceptable, DIGITS);
        buf_char(out, '}');
    }
    buf_str(out, "], ");
}

static void put_each(struct buf *out, const char *key, const struct eval_group *g, size_t n) {
    put_key(out, key);
    buf_char(out, '{');
    for (size_t i = 0; i < n; i++) {
        if (i)
            buf_str(out, ", ");
        put_key(out, g[i].name);
        buf_char(out, '{');
        put_group(out, &g[i]);
        buf_char(out, '}');
    }
    buf_char(out, '}');
}

static void put_pair(struct buf *out, const char *key, const struct bootstrap_pair *p) {
    put_key(out, key);
    buf_char(out, '{');
    put_member(out, "value", p->difference);
    put_range(out, "interval", p->interval);
    buf_str(out, ", ");
    put_key(out, "p");
    json_put_number(out, p->p, DIGITS);
    buf_char(out, '}');
}

static void put_second(struct buf *out, const struct eval_second *second) {
    put_key(out, "ab");
    buf_char(out, '{');
    put_key(out, "name");
    json_put_text(out, second->name, strlen(second->name));
    buf_str(out, ", ");
    put_group(out, &second->report.all);
    buf_printf(out, ", \"missing\": %zu, ", second->missing);
    put_key(out, "difference");
    buf_char(out, '{');
    for (int m = 0; m < EVAL_METRICS; m++)
        if (second->comparison.metrics[m].there) {
            put_pair(out, eval_metric_name((enum eval_metric)m),
                     &second->comparison.metrics[m].pair);
            buf_str(out, ", ");
        }
    put_pair(out, "success_rate", &second->comparison.success_rate);
    buf_str(out, "}}");
}

void eval_put_json(struct buf *out, const struct eval_report *r, const struct eval_about *about) {
    buf_char(out, '{');
    put_group(out, &r->all);
    buf_printf(out, ", \"missing\": %zu, ", about->missing);
    put_key(out, "acceptable");
    buf_printf(out, "\"cosine >= %.2f%s\", ", EVAL_ACCEPTABLE_COSINE,
               r->grounded_known ? " and grounded" : "");
    json_put_member(out, "embedding_model", about->embedding_model);
    buf_printf(out, ", \"samples\": %zu, \"seed\": %llu, ", about->bootstrap->rounds,
               (unsigned long long)about->bootstrap->seed);
    put_reliability(out, &r->all);
    put_each(out, "by_language", r->languages, r->n_languages);
    buf_str(out, ", ");
    put_each(out, "by_kind", r->kinds, r->n_kinds);
    if (about->second) {
        buf_str(out, ", ");
        put_second(out, about->second);
    }
    buf_str(out, "}\n");
}
