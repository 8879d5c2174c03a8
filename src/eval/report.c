/* Scores by group: the report of score.h. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "eval/score.h"

/* What a report is made from, and room for one group: its items, and of those with a confidence the
 * confidence and whether they are acceptable. */
struct making {
    const struct eval_items *items;
    const struct eval_predictions *predictions;
    const struct eval_scores *scores;
    const struct bootstrap *bootstrap;
    size_t *members, *all; /* [n] */
    double *confidence;
    bool *acceptable;
};

static int measure_metric(const struct making *m, enum eval_metric metric, size_t n,
                          struct eval_value *out, struct err *e) {
    *out = (struct eval_value){.there = metric == EVAL_BLEU4 || m->scores->values[metric]};
    if (!out->there)
        return 0;
    struct eval_measure measure = {m->scores, metric, m->members};
    out->value = eval_statistic(&measure, m->all, n);
    return bootstrap_interval(m->bootstrap, n, eval_statistic, &measure, &out->interval, e);
}

static int measure_confidence(const struct making *m, struct eval_group *g, struct err *e) {
    double sum = 0;
    size_t said = 0;
    for (size_t k = 0; k < g->n; k++) {
        const size_t i = m->members[k];
        const double confidence = m->predictions->v[i].confidence;
        said += m->scores->said[i];
        if (!m->scores->said[i] || isnan(confidence))
            continue;
        m->confidence[g->n_confident] = confidence;
        m->acceptable[g->n_confident++] = m->scores->acceptable && m->scores->acceptable[i];
        sum += confidence;
    }
    g->success_rate = g->n ? (double)said / (double)g->n : NAN;
    g->mean_confidence = g->n_confident ? sum / (double)g->n_confident : NAN;
    g->calibrated = m->scores->acceptable && g->n_confident > 0;
    if (!g->calibrated)
        return 0;
    return calibration_measure(m->confidence, m->acceptable, g->n_confident, m->bootstrap,
                               &g->calibration, e);
}

/* Its items are the first n of m->members. */
static int measure_group(const struct making *m, const char *name, size_t n, struct eval_group *out,
                         struct err *e) {
    *out = (struct eval_group){.name = name, .n = n};
    int rc = 0;
    for (int metric = 0; rc == 0 && metric < EVAL_METRICS; metric++)
        rc = measure_metric(m, (enum eval_metric)metric, n, &out->metrics[metric], e);
    if (rc == 0)
        rc = measure_confidence(m, out, e);
    return rc;
}

static const char *language_of(const struct eval_item *item) {
    return item->language;
}

static const char *kind_of(const struct eval_item *item) {
    return item->kind;
}

static int name_order(const void *a, const void *b) {
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static int measure_groups(const struct making *m, const char *(*of)(const struct eval_item *),
                          struct eval_group **out, size_t *n_out, struct err *e) {
    const size_t n = m->items->n;
    const char **names = malloc((n ? n : 1) * sizeof *names);
    size_t distinct = 0;
    if (!names)
        return err_nomem(e, "groups");
    int rc = 0;
    for (size_t i = 0; i < n; i++)
        names[i] = of(&m->items->v[i]);
    if (n)
        qsort(names, n, sizeof *names, name_order);
    for (size_t i = 0; i < n; i++)
        if (!distinct || strcmp(names[distinct - 1], names[i]) != 0)
            names[distinct++] = names[i];
    if (distinct > EVAL_MOST_GROUPS)
        rc = err_set(e, PRECIS_ELIMIT, "%zu languages or kinds of items: at most %d", distinct,
                     EVAL_MOST_GROUPS);
    if (rc == 0 && !(*out = calloc(distinct ? distinct : 1, sizeof **out)))
        rc = err_nomem(e, "groups");
    for (size_t g = 0; rc == 0 && g < distinct; g++) {
        size_t members = 0;
        for (size_t i = 0; i < n; i++)
            if (strcmp(of(&m->items->v[i]), names[g]) == 0)
                m->members[members++] = i;
        rc = measure_group(m, names[g], members, &(*out)[g], e);
    }
    *n_out = rc ? 0 : distinct;
    free(names);
    return rc;
}

int eval_report_make(const struct eval_items *items, const struct eval_predictions *predictions,
                     const struct eval_scores *scores, const struct bootstrap *b,
                     struct eval_report *out, struct err *e) {
    const size_t n = items->n, room = n ? n : 1;
    struct making m = {.items = items,
                       .predictions = predictions,
                       .scores = scores,
                       .bootstrap = b,
                       .members = malloc(room * sizeof *m.members),
                       .all = malloc(room * sizeof *m.all),
                       .confidence = malloc(room * sizeof *m.confidence),
                       .acceptable = malloc(room * sizeof *m.acceptable)};
    *out = (struct eval_report){.grounded_known = scores->grounded_known};
    int rc = 0;
    if (!m.members || !m.all || !m.confidence || !m.acceptable) {
        rc = err_nomem(e, "report");
        goto done;
    }
    for (size_t i = 0; i < n; i++)
        m.members[i] = m.all[i] = i;
    rc = measure_group(&m, "all", n, &out->all, e);
    if (rc == 0)
        rc = measure_groups(&m, language_of, &out->languages, &out->n_languages, e);
    if (rc == 0)
        rc = measure_groups(&m, kind_of, &out->kinds, &out->n_kinds, e);
done:
    free(m.members);
    free(m.all);
    free(m.confidence);
    free(m.acceptable);
    if (rc)
        eval_report_free(out);
    return rc;
}

void eval_report_free(struct eval_report *r) {
    free(r->languages);
    free(r->kinds);
    *r = (struct eval_report){0};
}
