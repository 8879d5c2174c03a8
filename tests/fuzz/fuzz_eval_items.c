/* Foreign files of an evaluation: what comes before a line of three dashes is items, what comes
 * after it predictions. What is read can be scored and reported. */
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/utf8.h"
#include "eval/score.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_items(const struct eval_items *items) {
    for (size_t i = 0; i < items->n; i++) {
        const struct eval_item *v = &items->v[i];
        if (!v->id[0] || !v->reference[0] || !utf8_valid(v->code, strlen(v->code)) ||
            strlen(v->reference) > EVAL_MOST_TEXT || v->end_line < 0)
            abort();
        if (eval_items_find(items, v->id) != i)
            abort();
    }
}

static void check_report(const struct eval_items *items, const struct eval_predictions *p) {
    const struct eval_options o = {.bootstrap = {.rounds = 2}};
    struct eval_scores scores;
    struct eval_report report;
    struct err e;
    if (eval_score(items, p, &o, &scores, &e) != 0)
        return;
    for (size_t i = 0; i < items->n; i++)
        for (int m = 0; m < EVAL_METRICS; m++)
            if (scores.values[m] && !(scores.values[m][i] >= 0 && scores.values[m][i] < 100.001))
                abort();
    if (eval_report_make(items, p, &scores, &o.bootstrap, &report, &e) == 0) {
        if (report.all.n != items->n || !(report.all.metrics[EVAL_BLEU4].value >= 0))
            abort();
        eval_report_free(&report);
    }
    eval_scores_free(&scores);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static const char border[] = "\n---\n";
    const char *text = (const char *)data;
    const char *cut = memmem(text, size, border, sizeof border - 1);
    const size_t len = cut ? (size_t)(cut - text) : size;
    const char *rest = cut ? cut + sizeof border - 1 : text + size;
    struct eval_items items;
    struct eval_predictions predictions;
    struct err e = {0};
    if (eval_items_read("items", text, len, &items, &e) != 0) {
        if (!e.text[0] || items.v)
            abort();
        return 0;
    }
    check_items(&items);
    const size_t rest_len = (size_t)(text + size - rest);
    if (eval_predictions_read("said", rest, rest_len, &items, &predictions, &e) == 0) {
        check_report(&items, &predictions);
        eval_predictions_free(&predictions);
    } else if (!e.text[0] || predictions.v) {
        abort();
    }
    eval_items_free(&items);
    return 0;
}
