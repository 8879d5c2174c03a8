#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "cli/cli.h"
#include "cli/model.h"
#include "model/catalogue.h"
#include "model/checkpoint.h"

#define AT(member) offsetof(struct args, member)

/* Here: whole, as far as the size says. */
static bool is_here(const struct catalogue_entry *c, const char *folder) {
    char path[4096];
    struct stat st;
    int n = snprintf(path, sizeof path, "%s/%s", folder, c->file);
    return n > 0 && (size_t)n < sizeof path && stat(path, &st) == 0 && S_ISREG(st.st_mode) &&
           (unsigned long long)st.st_size == c->size;
}

static int run_list(const struct args *a, struct err *e) {
    char folder[3500];
    int rc = catalogue_folder(folder, sizeof folder, e);
    if (rc)
        return rc;
    if (a->json)
        putchar('[');
    for (const struct catalogue_entry *c = catalogue; c->name; c++) {
        bool here = is_here(c, folder);
        if (a->json)
            printf("%s{\"name\": \"%s\", \"title\": \"%s\", \"file\": \"%s\", \"bytes\": %llu, "
                   "\"licence\": \"%s\", \"sha256\": \"%s\", \"here\": %s}",
                   c == catalogue ? "" : ", ", c->name, c->title, c->file, c->size, c->licence,
                   c->sha256, here ? "true" : "false");
        else
            printf("%-20s %-32s %7.1f MB  %-12s %s\n", c->name, c->title, (double)c->size / 1e6,
                   c->licence, here ? "here" : "-");
    }
    if (a->json)
        puts("]");
    return flush_stdout(e);
}

static void print_types(const struct gguf *g) {
    size_t counts[256] = {0};
    for (size_t i = 0; i < gguf_tensor_count(g); i++)
        counts[(unsigned)gguf_tensor_at(g, i)->type & 255]++;
    const char *between = "";
    for (unsigned t = 0; t < 256; t++) {
        const struct quant_format *f = counts[t] ? quant_format(t) : NULL;
        if (f) {
            printf("%s%zu %s", between, counts[t], f->name);
            between = ", ";
        }
    }
    putchar('\n');
}

static int run_show(const struct args *a, struct err *e) {
    struct model m = {0};
    struct checkpoint *cp = NULL;
    struct args one = *a;
    one.model = a->operands.v[0];
    int rc = a->operands.n == 1
                 ? model_open_asked(&m, &one, MODEL_REVISION, 0, e)
                 : err_set(e, PRECIS_EUSAGE, "%s: only one model at a time", a->operands.v[1]);
    if (rc == 0)
        rc = checkpoint_open(m.path, &cp, e);
    if (rc == 0) {
        const struct gguf *g = checkpoint_gguf(cp);
        const struct decoder_config c = *checkpoint_decoder(cp);
        printf("name          %s\narchitecture  %s\nfile          %s\nbytes         %zu\n"
               "sha256        %s\nweights       %s\nparameters    %llu\n",
               c.name, c.architecture, m.path, gguf_size(g), m.revision, c.file_type,
               (unsigned long long)c.parameters);
        printf("layers        %u\nheads         %u (%u for keys and values) of %u\n"
               "hidden        %u\nintermediate  %u\nvocabulary    %u%s\ncontext       %u tokens\n",
               c.layers, c.heads, c.kv_heads, c.head_dim, c.hidden, c.intermediate, c.vocab,
               c.tied ? " (tied)" : "", c.context);
        printf("tensors       ");
        print_types(g);
        rc = flush_stdout(e);
    }
    checkpoint_close(cp);
    model_close(&m);
    return rc;
}

static const struct option_group *const list_groups[] = {&group_json, &group_general, NULL};
static const struct option_group *const show_groups[] = {&group_general, NULL};

const struct command command_models_list = {
    .name = "models list",
    .summary = "the models that have names, and which are here",
    .details = "The catalogue: name, model, size, licence, and whether its file is in the models\n"
               "folder ($PRECIS_MODELS, else the user's cache).",
    .groups = list_groups,
    .run = run_list,
};

const struct command command_models_show = {
    .name = "models show",
    .operands = "MODEL",
    .needs_operand = true,
    .summary = "what a model file holds",
    .details = "Architecture, shapes, encodings and hash of a catalogue name or a .gguf file.",
    .groups = show_groups,
    .examples = "  precis models show smollm2\n",
    .run = run_show,
};
