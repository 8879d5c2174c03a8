#include <stdio.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/model.h"
#include "model/checkpoint.h"

static const struct option_group *const show_groups[] = {&group_general, NULL};
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
