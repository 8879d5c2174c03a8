#include "cli/eval.h"

#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"
#include "eval/wordnet.h"
#include "search/embed.h"

static const char default_embedder[] = "minilm";

static int open_wordnet(struct eval_tools *t, struct err *e) {
    const char *folder = getenv("WNSEARCHDIR");
    const bool asked = folder && *folder;
    int rc = wordnet_open(asked ? folder : WORDNET_FOLDER, &t->wordnet, e);
    if (rc == PRECIS_ENOTFOUND && !asked) {
        say_note("METEOR is left out: no WordNet in " WORDNET_FOLDER
                 " (install Debian's wordnet-base, or name a folder with it in WNSEARCHDIR)");
        return 0;
    }
    return rc;
}

const char *embedder_asked(const struct args *a) {
    return a->embedding_model ? a->embedding_model : default_embedder;
}

int embedder_open_asked(const struct args *a, const char *without,
                        const struct engine_options *engine, struct embedder **out, struct err *e) {
    const char *name = embedder_asked(a);
    const struct embedder_options o = {.engine = *engine};
    *out = NULL;
    int rc = embedder_open(name, &o, out, e);
    if (rc && rc != PRECIS_ENOMEM && !a->embedding_model) {
        struct buf line = {0};
        buf_printf(&line, "%s: %s", without, e->text);
        say_note(buf_failed(&line) ? without : line.data);
        buf_free(&line);
        return 0;
    }
    return rc;
}

int eval_tools_open(const struct args *a, struct eval_tools *t, struct err *e) {
    *t = (struct eval_tools){0};
    int rc = open_wordnet(t, e);
    if (rc == 0)
        rc = embedder_open_asked(
            a, "cosine, embedding F1 and calibration are left out",
            &(struct engine_options){.lanes = (int)a->lanes, .auto_is_float = true}, &t->embedder,
            e);
    if (rc) {
        eval_tools_close(t);
        return rc;
    }
    t->options = (struct eval_options){
        .wordnet = t->wordnet,
        .embedder = t->embedder,
        .stop = interrupt_flag(),
        .bootstrap = {.rounds = (size_t)a->rounds, .seed = a->seed},
    };
    return 0;
}

void eval_tools_close(struct eval_tools *t) {
    wordnet_close(t->wordnet);
    embedder_close(t->embedder);
    *t = (struct eval_tools){0};
}

static size_t count_missing(const struct eval_predictions *p) {
    size_t missing = 0;
    for (size_t i = 0; i < p->n; i++)
        missing += !p->v[i].summary;
    return missing;
}

static int measure(const struct eval_items *items, const struct eval_predictions *predictions,
                   const struct eval_tools *tools, struct eval_scores *scores,
                   struct eval_report *report, struct err *e) {
    int rc = eval_score(items, predictions, &tools->options, scores, e);
    return rc ? rc
              : eval_report_make(items, predictions, scores, &tools->options.bootstrap, report, e);
}

static int measure_second(const struct eval_items *items, const struct eval_system *system,
                          const struct eval_tools *tools, const struct eval_scores *first,
                          struct eval_second *out, struct err *e) {
    struct eval_scores scores = {0};
    out->name = system->name;
    out->missing = count_missing(&system->predictions);
    int rc = measure(items, &system->predictions, tools, &scores, &out->report, e);
    if (rc == 0)
        rc = eval_compare(first, &scores, &tools->options.bootstrap, &out->comparison, e);
    eval_scores_free(&scores);
    return rc;
}

int eval_summaries(const struct args *a, const struct eval_items *items,
                   const struct eval_system *systems, size_t n, const struct eval_tools *tools,
                   struct err *e) {
    struct eval_scores scores = {0};
    struct eval_report report = {0};
    struct eval_second second = {0};
    struct buf out = {0};
    int rc = measure(items, &systems[0].predictions, tools, &scores, &report, e);
    if (rc == 0 && n > 1)
        rc = measure_second(items, &systems[1], tools, &scores, &second, e);
    if (rc)
        goto done;
    struct eval_about about = {.data = a->operands.v[0],
                               .name = systems[0].name,
                               .missing = count_missing(&systems[0].predictions),
                               .bootstrap = &tools->options.bootstrap,
                               .second = n > 1 ? &second : NULL};
    if (tools->embedder)
        about.embedding_model = embedder_info(tools->embedder)->name;
    (a->json ? eval_put_json : eval_put_table)(&out, &report, &about);
    if (buf_failed(&out))
        rc = err_nomem(e, "report");
    else if (fwrite(out.data, 1, out.len, stdout) != out.len)
        rc = err_errno(e, "standard output", "write");
    else
        rc = flush_stdout(e);
done:
    buf_free(&out);
    eval_report_free(&second.report);
    eval_report_free(&report);
    eval_scores_free(&scores);
    return rc;
}
