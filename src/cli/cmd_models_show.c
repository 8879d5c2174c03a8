#include <stdio.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/models_card.h"
#include "model/catalogue.h"
#include "model/kind.h"

/* The commit of a snapshot of the hub's cache. */
static void put_commit(struct card *c, const char *path) {
    char commit[65];
    const char *at = strstr(path, "/snapshots/");
    size_t n = at ? strcspn(at + 11, "/") : 0;
    if (n == 0 || n >= sizeof commit)
        return;
    memcpy(commit, at + 11, n);
    commit[n] = 0;
    if (hub_is_commit(commit))
        card_string(c, "commit", "commit", commit);
}

static int show(struct card *c, const char *asked, struct err *e) {
    static const char *const kinds[] = {"gguf", "folder", "onnx"};
    const struct catalogue_entry *entry = catalogue_find(asked);
    enum model_kind kind;
    char path[4096];
    int rc = catalogue_resolve(asked, path, sizeof path, e);
    if (rc == 0)
        rc = model_kind_of(path, &kind, e);
    if (rc)
        return rc;
    c->known_licence = entry ? entry->licence : NULL;
    card_string(c, NULL, "model", asked);
    card_string(c, NULL, "kind", kinds[kind]);
    rc =
        kind == MODEL_ONNX ? card_onnx(c, path, e) : card_weights(c, path, kind == MODEL_FOLDER, e);
    if (rc == 0)
        put_commit(c, path);
    return rc;
}

static int run_show(const struct args *a, struct err *e) {
    struct card c = {0};
    if (a->operands.n != 1)
        return err_set(e, PRECIS_EUSAGE, "%s: only one model at a time", a->operands.v[1]);
    int rc = show(&c, a->operands.v[0], e);
    if (rc == 0 && (buf_failed(&c.text) || buf_failed(&c.json)))
        rc = err_nomem(e, "models show");
    if (rc == 0 && a->json)
        printf("%s}\n", c.json.data);
    else if (rc == 0)
        fputs(c.text.data, stdout);
    card_free(&c);
    return rc ? rc : flush_stdout(e);
}

static const struct option_group *const groups[] = {&group_json, &group_general, NULL};

const struct command command_models_show = {
    .name = "models show",
    .operands = "MODEL",
    .needs_operand = true,
    .names = NAMES_MODEL,
    .summary = "what a model holds",
    .details =
        "MODEL is a catalogue name, a .gguf or .onnx file, a folder, or hf:org/name. "
        "Architecture,\n"
        "shapes, tensor types, context, memory of a sequence, tokenizer, chat template, licence,\n"
        "files and hash; of ONNX graphs inputs and outputs, opsets and external data.\n"
        "--json has the chat template in full.",
    .groups = groups,
    .examples = "  precis models show smollm2\n"
                "  precis models show hf:org/name:onnx/model_q4.onnx --json\n",
    .run = run_show,
};
