#include <string.h>

#include "cli/cli.h"
#include "cli/eval.h"
#include "cli/input_text.h"
#include "engine/engine.h"

#define AT(member) offsetof(struct args, member)

static const struct option scoring[] = {
    {.name = "predictions",
     .type = OPTION_TEXT,
     .offset = AT(predictions),
     .argument = "FILE",
     .help = "lines of JSON: {\"id\", \"summary\"}, also \"confidence\" (0 to 1) and \"grounded\""},
    {.name = "embedding-model",
     .type = OPTION_TEXT,
     .offset = AT(embedding_model),
     .argument = "M",
     .help = "the encoder for cosine and embedding F1; without it: minilm, if it is here"},
    {.name = "samples",
     .type = OPTION_NUMBER,
     .offset = AT(rounds),
     .argument = "N",
     .fallback = "1000",
     .min = 1,
     .max = BOOTSTRAP_MOST_ROUNDS,
     .help = "of the bootstrap, for the intervals"},
    {.name = "seed",
     .type = OPTION_NUMBER,
     .offset = AT(seed),
     .argument = "N",
     .fallback = "0",
     .max = 0x1p64,
     .help = "of the bootstrap"},
    {.name = "lanes",
     .type = OPTION_NUMBER,
     .offset = AT(lanes),
     .argument = "N",
     .fallback = "0",
     .max = ENGINE_MOST_LANES,
     .help = "threads of the encoder; 0: one for each core"},
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

static int run_eval(const struct args *a, struct err *e) {
    struct eval_items items = {0};
    struct eval_predictions predictions = {0};
    if (a->operands.n != 1)
        return err_set(e, PRECIS_EUSAGE, "eval summaries takes one file of items, not %zu",
                       a->operands.n);
    const char *data = a->operands.v[0];
    if (!a->predictions)
        return err_set(e, PRECIS_EUSAGE, "eval summaries needs --predictions FILE");
    if (strcmp(data, "-") == 0 && strcmp(a->predictions, "-") == 0)
        return err_set(e, PRECIS_EUSAGE,
                       "items and predictions cannot both come from standard input");
    int rc = read_items(data, &items, e);
    if (rc == 0)
        rc = read_predictions(a->predictions, &items, &predictions, e);
    if (rc == 0)
        rc = eval_summaries(a, &items, &predictions, e);
    eval_predictions_free(&predictions);
    eval_items_free(&items);
    return rc;
}

static const struct option_group *const groups[] = {&group_scoring, &group_json, &group_general,
                                                    NULL};

const struct command command_eval_summaries = {
    .name = "eval summaries",
    .operands = "DATA.jsonl",
    .needs_operand = true,
    .summary = "how near summaries are to their authors' sentences",
    .details =
        "Compares sentences with the \"reference\" of the items in DATA.jsonl: lines of JSON with "
        "\"id\",\n"
        "\"repo\", \"language\", \"path\", \"kind\", \"code\" and \"reference\". An item without "
        "a\n"
        "prediction counts as an empty sentence. Intervals are 95 % percentiles of the bootstrap.\n"
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
        "ungrounded.",
    .groups = groups,
    .examples = "  precis eval summaries items.jsonl --predictions said.jsonl\n",
    .run = run_eval,
};
