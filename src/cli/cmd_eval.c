#include <stdio.h>
#include <string.h>

#include <jansson.h>

#include "base/file.h"
#include "cli/cli.h"
#include "cli/eval.h"
#include "cli/example_pool.h"
#include "cli/input_text.h"
#include "cli/model.h"
#include "eval/predict.h"
#include "summary/examples.h"
#include "summary/judge.h"

#define AT(member) offsetof(struct args, member)

enum { PROGRESS_STEP = 20 };

static const struct option saying[] = {
    {.name = "examples",
     .harmless = true,
     .type = OPTION_NUMBER,
     .offset = AT(examples),
     .argument = "N",
     .fallback = "auto",
     .automatic = true,
     .max = EXAMPLES_MOST_NEAREST,
     .help = "other items of the same repository before each item, as summarize has them; 0: "
             "built-in ones"},
    {.name = "near-by-words", .offset = AT(near_by_words), .help = "find them without embeddings"},
    {.name = "prompt",
     .type = OPTION_TEXT,
     .offset = AT(prompt),
     .argument = "P",
     .help = "instruction to the model, taken literally, instead of the built-in prompt"},
    {.name = "max-chars",
     .harmless = true,
     .type = OPTION_NUMBER,
     .offset = AT(max_chars),
     .argument = "N",
     .fallback = "120",
     .min = 32,
     .max = 1000,
     .help = "characters in a summary at most"},
    {.name = "max-new-tokens",
     .harmless = true,
     .type = OPTION_NUMBER,
     .offset = AT(max_new_tokens),
     .argument = "N",
     .fallback = "48",
     .min = 24,
     .max = 1024,
     .help = "tokens of an answer at most"},
    {.name = "output",
     .letter = 'o',
     .type = OPTION_TEXT,
     .names = NAMES_FILE,
     .offset = AT(output),
     .argument = "FILE",
     .help =
         "keep what the model (with --ab: the first) says, to be scored again by --predictions"},
    {0}};
static const struct option_group group_saying = {"Summaries", saying};

static const struct option scoring[] = {
    {.name = "predictions",
     .type = OPTION_TEXT,
     .names = NAMES_FILE,
     .offset = AT(predictions),
     .argument = "FILE",
     .help = "score these instead of asking a model; lines of JSON: {\"id\", \"summary\"}, also "
             "\"confidence\" (0 to 1) and \"grounded\""},
    {.name = "embedding-model",
     .type = OPTION_TEXT,
     .names = NAMES_MODEL,
     .offset = AT(embedding_model),
     .argument = "M",
     .help = "the encoder for cosine and embedding F1; without it: minilm, if it is here"},
    {.name = "ab",
     .type = OPTION_TEXT,
     .names = NAMES_MODEL,
     .offset = AT(ab),
     .argument = "MODEL_OR_PROMPT",
     .help = "compare with a second system: another model, prompt:TEXT (the same model with this "
             "instruction), or said:FILE (as --predictions)"},
    {.name = "samples",
     .type = OPTION_NUMBER,
     .offset = AT(rounds),
     .argument = "N",
     .fallback = "1000",
     .min = 1,
     .max = BOOTSTRAP_MOST_ROUNDS,
     .help = "of the bootstrap, for the intervals"},
    {.name = "seed",
     .harmless = true,
     .type = OPTION_NUMBER,
     .offset = AT(seed),
     .argument = "N",
     .fallback = "0",
     .max = 0x1p64,
     .help = "of the bootstrap"},
    {0}};
static const struct option_group group_scoring = {"Scoring", scoring};

static int read_items(const char *path, struct eval_items *out, struct err *e) {
    struct buf text = {0};
    int rc = input_read(path, &text, e);
    if (rc == 0)
        rc = eval_items_read(strcmp(path, "-") ? path : "standard input", text.data, text.len, out,
                             e);
    if (rc == 0 && out->n == 0) {
        eval_items_free(out);
        rc = err_set(e, PRECIS_EINPUT, "%s: no items", path);
    }
    buf_free(&text);
    return rc;
}

static int read_predictions(const char *path, const struct eval_items *items,
                            struct eval_predictions *out, struct err *e) {
    struct buf text = {0};
    int rc = input_read(path, &text, e);
    if (rc == 0)
        rc = eval_predictions_read(strcmp(path, "-") ? path : "standard input", text.data, text.len,
                                   items, out, e);
    if (rc == 0 && out->strangers) {
        char line[96];
        snprintf(line, sizeof line, "%zu predictions are of no item and are left out",
                 out->strangers);
        say_note(line);
    }
    buf_free(&text);
    return rc;
}

static void show_progress(void *user, size_t done, size_t n) {
    (void)user;
    if (done % PROGRESS_STEP == 0 || done == n) {
        char line[64];
        snprintf(line, sizeof line, "%zu of %zu items", done, n);
        say_note(line);
    }
}

/* Lets the model say something of every item. What finds examples and judges is the encoder of
 * runs, in the arithmetic of runs, which is not that of the figures. */
static int predict(const struct args *a, const struct eval_items *items,
                   struct eval_predictions *out, struct err *e) {
    struct model m = {0};
    struct embedder *em = NULL;
    struct predict_stats stats;
    const unsigned parts = MODEL_TOKENIZER | MODEL_ENGINE | (a->prompt ? (unsigned)MODEL_CHAT : 0);
    int rc = a->near_by_words
                 ? 0
                 : embedder_open_asked(a, "sentences are chosen and examples found by words alone",
                                       &(struct engine_options){.lanes = (int)a->lanes}, &em, e);
    if (rc == 0)
        rc = model_open_asked(&m, a, parts, 0, e);
    if (rc) {
        embedder_close(em);
        return rc;
    }
    struct predict_options o = {.line = {.max_chars = (int)a->max_chars,
                                         .max_new_tokens = (size_t)a->max_new_tokens,
                                         .instruction = a->prompt,
                                         .model = m.name,
                                         .best_of = (int)a->best_of,
                                         .context = (enum context)a->context_kind,
                                         .n_examples = example_count(a, engine_info(m.engine)),
                                         .embedder = em,
                                         .stop = interrupt_flag()},
                                .on_progress = show_progress};
    rc = eval_predict(items, &o, m.engine, m.tok, m.chat, out, &stats, e);
    if (rc == 0) {
        char line[400];
        snprintf(line, sizeof line,
                 "%s: %.1f s, %.1f tokens in and %.1f out an item, %zu items without a line",
                 m.name, stats.seconds, (double)stats.tokens_in / (double)items->n,
                 (double)stats.tokens_out / (double)items->n, stats.failed);
        say_note(line);
    }
    model_close(&m);
    embedder_close(em);
    return rc;
}

/* A line of --output; NULL: out of memory. The features are what the confidence is made from. */
static json_t *prediction_json(const char *id, const struct eval_prediction *p) {
    json_t *line =
        json_pack("{s:s, s:s, s:f}", "id", id, "summary", p->summary, "confidence", p->confidence);
    json_t *features = json_object();
    bool failed = !line || !features;
    for (int k = 0; !failed && p->features && k < JUDGE_FEATURES; k++)
        failed = json_object_set_new(features, judge_feature_name((enum judge_feature)k),
                                     json_real(p->features[k])) != 0;
    if (!failed && p->grounded != EVAL_GROUNDED_UNKNOWN)
        failed = json_object_set_new(line, "grounded",
                                     json_boolean(p->grounded == EVAL_GROUNDED_YES)) != 0;
    if (!failed && p->features)
        failed = json_object_set(line, "features", features) != 0;
    json_decref(features);
    if (failed) {
        json_decref(line);
        line = NULL;
    }
    return line;
}

static int write_predictions(const char *path, const struct eval_items *items,
                             const struct eval_predictions *p, struct err *e) {
    struct outfile out;
    int rc = outfile_open(&out, path, e);
    if (rc)
        return rc;
    for (size_t i = 0; rc == 0 && i < items->n; i++) {
        if (!p->v[i].summary)
            continue;
        json_t *line = prediction_json(items->v[i].id, &p->v[i]);
        if (!line || json_dumpf(line, out.f, JSON_COMPACT) != 0 || fputc('\n', out.f) == EOF)
            rc = line ? err_errno(e, path, "write") : err_nomem(e, path);
        json_decref(line);
    }
    if (rc) {
        outfile_abort(&out);
        return rc;
    }
    return outfile_commit(&out, e);
}

static int get_predictions(const struct args *a, const struct eval_items *items,
                           struct eval_predictions *out, struct err *e) {
    if (a->predictions)
        return read_predictions(a->predictions, items, out, e);
    int rc = predict(a, items, out, e);
    if (rc == 0 && a->output && (rc = write_predictions(a->output, items, out, e)) != 0)
        eval_predictions_free(out);
    return rc;
}

/* Whether the model can be asked, as far as can be told without its weights. */
static int is_there(const struct args *a, struct err *e) {
    struct model m;
    const unsigned parts = MODEL_TOKENIZER | (a->prompt ? (unsigned)MODEL_CHAT : 0);
    int rc = model_open_asked(&m, a, parts, 0, e);
    if (rc == 0)
        model_close(&m);
    return rc;
}

/* The text after a prefix, or NULL where there is another one. */
static const char *after(const char *s, const char *prefix) {
    const size_t n = strlen(prefix);
    return strncmp(s, prefix, n) == 0 ? s + n : NULL;
}

/* The command line of the second system; the first one's, but for what --ab says. */
static int second_of(const struct args *a, struct args *out, struct err *e) {
    const char *file = after(a->ab, "said:"), *prompt = after(a->ab, "prompt:");
    *out = *a;
    out->output = NULL;
    out->predictions = file;
    if (prompt)
        out->prompt = prompt;
    else if (!file)
        out->model = a->ab;
    if ((file && !*file) || (prompt && !*prompt) || !*a->ab)
        return err_set(e, PRECIS_EUSAGE, "--ab %s: names no system", a->ab);
    return 0;
}

static int check(const struct args *a, const struct args *second, struct err *e) {
    if (a->operands.n != 1)
        return err_set(e, PRECIS_EUSAGE, "eval summaries takes one file of items, not %zu",
                       a->operands.n);
    const char *const files[] = {a->operands.v[0], a->predictions,
                                 second ? second->predictions : NULL};
    size_t streams = 0;
    for (size_t i = 0; i < sizeof files / sizeof *files; i++)
        streams += files[i] && strcmp(files[i], "-") == 0;
    if (streams > 1)
        return err_set(e, PRECIS_EUSAGE,
                       "items and predictions cannot both come from standard input");
    if (a->predictions && a->output)
        return err_set(e, PRECIS_EUSAGE,
                       "--output is for what the model says: --predictions is a "
                       "file of that already");
    return 0;
}

/* What both systems say; what cannot be had of the second is known before the first is asked. */
static int ask(const struct args *a, const struct args *second, const struct eval_items *items,
               struct eval_system *systems, struct err *e) {
    int rc = 0;
    systems[0].name = a->predictions ? a->predictions : a->model;
    if (second) {
        systems[1].name = a->ab;
        rc = second->predictions ? get_predictions(second, items, &systems[1].predictions, e)
                                 : is_there(second, e);
    }
    if (rc == 0)
        rc = get_predictions(a, items, &systems[0].predictions, e);
    if (rc == 0 && second && !second->predictions)
        rc = get_predictions(second, items, &systems[1].predictions, e);
    return rc;
}

static int run_eval(const struct args *a, struct err *e) {
    struct eval_items items = {0};
    struct eval_system systems[2] = {0};
    struct eval_tools tools = {0};
    struct args with_ab;
    const struct args *second = a->ab ? &with_ab : NULL;
    int rc = second ? second_of(a, &with_ab, e) : 0;
    if (rc == 0)
        rc = check(a, second, e);
    if (rc == 0)
        rc = read_items(a->operands.v[0], &items, e);
    if (rc == 0)
        rc = eval_tools_open(a, &tools, e);
    if (rc == 0)
        rc = ask(a, second, &items, systems, e);
    if (rc == 0)
        rc = eval_summaries(a, &items, systems, second ? 2 : 1, &tools, e);
    eval_tools_close(&tools);
    for (size_t i = 0; i < 2; i++)
        eval_predictions_free(&systems[i].predictions);
    eval_items_free(&items);
    return rc == PRECIS_ECANCELLED && interrupted() ? EXIT_INTERRUPTED : rc;
}

static const struct option_group *const groups[] = {
    &group_saying,  &group_asking, &group_scoring, &group_line_model, &group_json,
    &group_general, NULL};

const struct command command_eval_summaries = {
    .name = "eval summaries",
    .operands = "DATA.jsonl",
    .needs_operand = true,
    .names = NAMES_FILE,
    .summary = "how near summaries are to their authors' sentences",
    .details =
        "Lets the model say a sentence of each item, or takes those of --predictions, and\n"
        "compares them with the \"reference\" of the items in DATA.jsonl: lines of JSON with\n"
        "\"id\", \"repo\", \"language\", \"path\", \"kind\", \"code\" and \"reference\". An item\n"
        "without a sentence counts as an empty sentence. Intervals are 95 % percentiles of the\n"
        "bootstrap.\n"
        "  bleu4                   sacrebleu's corpus BLEU, 0 to 100\n"
        "  sentence_bleu           the mean of sacrebleu's sentence BLEU, add-k 1, 0 to 100\n"
        "  bleu_cxg                CodeXGLUE's script for code-to-text, 0 to 100\n"
        "  rouge1, rouge2, rougeL  F1 of rouge-score with stemmer, 0 to 1\n"
        "  meteor                  nltk's, on words as sacrebleu makes them, 0 to 1\n"
        "  cosine                  of sentence embeddings\n"
        "  embedding_f1            BERTScore with the same model, without idf\n"
        "With confidences also ece (expected calibration error, ten bins of equal mass), auroc and "
        "brier:\n"
        "a sentence is acceptable when its cosine is at least 0.50 and it is not said to be "
        "ungrounded.\n"
        "With --ab two systems stand side by side, with the difference of each measure (the\n"
        "second less the first), its interval and p: how often a resample of the items would have\n"
        "it on the other side of 0, two-sided (paired bootstrap, Koehn 2004).",
    .groups = groups,
    .examples = "  precis eval summaries items.jsonl --model qwen2.5-coder-0.5b -o said.jsonl\n"
                "  precis eval summaries items.jsonl --predictions said.jsonl --json\n"
                "  precis eval summaries items.jsonl --model smollm2 --ab qwen2.5-coder-0.5b\n",
    .run = run_eval,
};
