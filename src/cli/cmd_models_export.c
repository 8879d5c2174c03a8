#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/pool.h"
#include "cli/cli.h"
#include "cli/model.h"
#include "export/export.h"
#include "model/checkpoint.h"
#include "model/kind.h"

#define AT(member) offsetof(struct args, member)

static const double LIVE_EVERY = 0.1, PLAIN_EVERY = 10; /* seconds */

struct showing {
    double begun, next;
};

static bool show(void *user, uint64_t done, uint64_t total) {
    struct showing *s = user;
    double now = clock_seconds();
    char line[128];
    if (interrupted())
        return false;
    if (say_is_quiet() || now < s->next || done >= total)
        return true;
    bool live = say_is_live();
    double left = done ? (now - s->begun) * (double)(total - done) / (double)done : 0;
    snprintf(line, sizeof line, "writing %.0f of %.0f MB, %.0f s left", (double)done / 1e6,
             (double)total / 1e6, left + 0.5);
    if (live)
        say_live(line);
    else
        say_note(line);
    s->next = now + (live ? LIVE_EVERY : PLAIN_EVERY);
    return true;
}

static int print_json(const struct args *a, const struct export_result *r, struct err *e) {
    struct buf b = {0};
    buf_str(&b, "{\"folder\": ");
    json_put_string(&b, a->onnx, strlen(a->onnx));
    buf_str(&b, ", \"model\": ");
    json_put_string(&b, a->operands.v[0], strlen(a->operands.v[0]));
    static const char *const names[] = {"f32", "f16", "int8", "int4"};
    buf_printf(&b, ", \"precision\": \"%s\", \"context\": %u, \"files\": [",
               names[a->export_precision], r->context);
    for (int i = 0; i < r->n_files; i++)
        buf_printf(&b, "%s{\"name\": \"%s\", \"bytes\": %" PRIu64 "}", i ? ", " : "",
                   r->files[i].name, r->files[i].size);
    buf_str(&b, "]}\n");
    int rc = buf_failed(&b) ? err_nomem(e, "JSON") : 0;
    if (rc == 0)
        fwrite(b.data, 1, b.len, stdout);
    buf_free(&b);
    return rc ? rc : flush_stdout(e);
}

static int print_files(const struct args *a, const struct export_result *r, struct err *e) {
    for (int i = 0; i < r->n_files; i++)
        printf("%12.1f kB  %s/%s\n", (double)r->files[i].size / 1e3, a->onnx, r->files[i].name);
    return flush_stdout(e);
}

static int export_it(const struct args *a, const struct checkpoint *c, struct err *e) {
    struct export_result result;
    struct showing showing = {clock_seconds(), clock_seconds() + (say_is_live() ? 0 : PLAIN_EVERY)};
    struct export_options o = {.precision = (enum export_precision)a->export_precision,
                               .force = a->force,
                               .no_tokenizer = a->no_tokenizer,
                               .progress = show,
                               .user = &showing};
    char note[160];
    interrupt_flag();
    int rc = export_onnx(c, a->onnx, &o, &result, e);
    say_live(NULL);
    if (rc)
        return rc;
    unsigned context = checkpoint_decoder(c)->context;
    if (result.context < context) {
        snprintf(note, sizeof note,
                 "the export takes %u tokens, not %u: its graph has no rotary for longer ones",
                 result.context, context);
        say_note(note);
    }
    return a->json ? print_json(a, &result, e) : print_files(a, &result, e);
}

static int run_export(const struct args *a, struct err *e) {
    struct model m = {0};
    struct checkpoint *c = NULL;
    enum model_kind kind;
    struct args one = *a;
    one.model = a->operands.v[0];
    int rc = 0;
    if (a->operands.n != 1)
        rc = err_set(e, PRECIS_EUSAGE, "%s: only one model at a time", a->operands.v[1]);
    else if (!a->onnx || !*a->onnx)
        rc = err_set(e, PRECIS_EUSAGE, "--onnx DIR is missing: the folder to write");
    if (rc == 0)
        rc = model_open_asked(&m, &one, 0, 0, e);
    if (rc == 0)
        rc = model_kind_of(m.path, &kind, e);
    if (rc == 0 && kind == MODEL_ONNX)
        rc = err_set(e, PRECIS_EUSAGE, "%s: is an ONNX model already", m.path);
    if (rc == 0)
        rc = checkpoint_open(m.path, &c, e);
    if (rc == 0)
        rc = export_it(a, c, e);
    checkpoint_close(c);
    model_close(&m);
    return rc == PRECIS_ECANCELLED && interrupted() ? EXIT_INTERRUPTED : rc;
}

static const char *const choices_precision[] = {"f32", "f16", "int8", "int4", NULL};

static const struct option options[] = {
    {.name = "onnx",
     .type = OPTION_TEXT,
     .names = NAMES_FOLDER,
     .offset = AT(onnx),
     .argument = "DIR",
     .help = "the folder to write: it must be empty or not there"},
    {.name = "precision",
     .type = OPTION_CHOICE,
     .offset = AT(export_precision),
     .argument = "P",
     .fallback = "f32",
     .choices = choices_precision,
     .help = "f32 has the model's weights exactly; f16 is half as large, and computes so; int8 and "
             "int4 quantise the linear layers in blocks of 32 (the output layer keeps 8 bits)"},
    {.name = "no-tokenizer", .offset = AT(no_tokenizer), .help = "leave out the tokenizer's files"},
    {.name = "force", .offset = AT(force), .help = "replace an earlier export in DIR"},
    {0}};
static const struct option_group group_export = {"Export", options};
static const struct option_group *const groups[] = {&group_export, &group_json, &group_general,
                                                    NULL};

const struct command command_models_export = {
    .name = "models export",
    .operands = "MODEL",
    .needs_operand = true,
    .names = NAMES_MODEL,
    .summary = "write a decoder as an ONNX folder",
    .details =
        "Writes MODEL (a catalogue name, a .gguf file or a Hugging Face folder) as a folder that\n"
        "ONNX Runtime (1.20 or later; int8 and int4: 1.22; sliding windows: 1.24) and GenAI read:\n"
        "model.onnx, model.onnx.data, configuration and tokenizer. The graph takes input_ids,\n"
        "attention_mask and past_key_values.N.key and .value, and gives logits and\n"
        "present.N.key and .value. The folder appears only when it is whole.",
    .groups = groups,
    .examples = "  precis models export smollm2 --onnx smollm2-onnx\n"
                "  precis models export qwen.gguf --onnx qwen-int4 --precision int4\n"
                "  precis generate --model smollm2-onnx --prompt 'Hello'\n",
    .run = run_export,
};
