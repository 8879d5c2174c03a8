/* `bench kernels`: the roofline. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/bench.h"
#include "cli/cli.h"
#include "engine/roofline.h"
#include "model/catalogue.h"
#include "model/checkpoint.h"

#define AT(member) offsetof(struct args, member)

static const struct option work[] = {
    {.name = "model",
     .type = OPTION_TEXT,
     .names = NAMES_MODEL,
     .offset = AT(model),
     .argument = "M",
     .help = "a catalogue name or the path of a .gguf file whose shapes are taken; SmolLM2's when "
             "not given, without its file"},
    {.name = "tokens",
     .type = OPTION_NUMBER,
     .offset = AT(tokens),
     .argument = "N",
     .fallback = "3000",
     .min = 512,
     .max = 1000000,
     .help = "attention over prompts of 512, 1,024 and 3,000 tokens, up to N"},
    {.name = "rounds",
     .type = OPTION_NUMBER,
     .offset = AT(rounds),
     .argument = "N",
     .fallback = "9",
     .min = 1,
     .max = 1000,
     .help = "medians of so many; in each every kernel is measured once, its peak before and "
             "after it"},
    {0}};
static const struct option_group group_work = {"Work", work};

/* SmolLM2-135M. */
static const struct decoder_config smollm2 = {
    .heads = 9, .kv_heads = 3, .head_dim = 64, .hidden = 576, .intermediate = 1536, .vocab = 49152};

static int read_config(const char *name, struct decoder_config *c, struct err *e) {
    char path[4096];
    struct checkpoint *cp = NULL;
    int rc = catalogue_resolve(name, path, sizeof path, e);
    if (rc == 0)
        rc = checkpoint_open(path, &cp, e);
    if (rc == 0 && !checkpoint_decoder(cp))
        rc = err_set(e, PRECIS_EUNSUPPORTED, "%s: is no decoder", path);
    if (rc == 0)
        *c = *checkpoint_decoder(cp);
    checkpoint_close(cp);
    return rc;
}

/* The figures of one kernel in every round, each part apart, as medians are taken. */
struct series {
    double *seconds, *speed, *peak, *share;
};

static struct series series_at(double *figures, size_t i, size_t rounds) {
    double *at = figures + i * 4 * rounds;
    return (struct series){at, at + rounds, at + 2 * rounds, at + 3 * rounds};
}

static void measure(struct roofline *r, double *figures, size_t rounds) {
    for (size_t round = 0; round < rounds; round++)
        for (size_t i = 0; i < roofline_count(r); i++) {
            struct series s = series_at(figures, i, rounds);
            struct roofline_figure f;
            roofline_measure(r, i, &f);
            s.seconds[round] = f.seconds;
            s.speed[round] = f.speed;
            s.peak[round] = f.peak;
            s.share[round] = f.peak > 0 ? f.speed / f.peak : 0;
        }
}

static const char *type_name(enum dtype t) {
    return t == DTYPE_INT8 ? "int8" : t == DTYPE_BF16 ? "bf16" : "f32";
}

/* "960x576", "9x64" (heads), "576". */
static void shape_name(const struct roofline_case *k, char out[32]) {
    if (k->n)
        snprintf(out, 32, "%dx%d", k->n, k->k);
    else
        snprintf(out, 32, "%d", k->k);
}

struct medians {
    double us_per_row, gops, peak, share;
};

static struct medians medians_of(const struct roofline_case *k, struct series s, size_t rounds) {
    return (struct medians){.us_per_row = bench_median(s.seconds, rounds) * 1e6 / k->rows,
                            .gops = bench_median(s.speed, rounds) / 1e9,
                            .peak = bench_median(s.peak, rounds) / 1e9,
                            .share = bench_median(s.share, rounds)};
}

static void print_json_row(const struct roofline_case *k, struct medians m) {
    bool attention = strcmp(k->kernel, "attention") == 0;
    char shape[32];
    shape_name(k, shape);
    printf("{\"kernel\": \"%s\", ", k->kernel);
    if (k->layer)
        printf("\"layer\": \"%s\", ", k->layer);
    printf("\"type\": \"%s\", \"shape\": \"%s\", \"%s\": %d, \"us_per_row\": %.4g",
           type_name(k->type), shape, attention ? "tokens" : "rows", k->rows, m.us_per_row);
    if (k->operations > 0)
        printf(", \"gops\": %.4g", m.gops);
    if (k->instruction)
        printf(", \"peak\": %.4g, \"share\": %.4f, \"instruction\": \"%s\"", m.peak, m.share,
               k->instruction);
    putchar('}');
}

static void print_row(const struct roofline_case *k, struct medians m) {
    char shape[32], what[64];
    shape_name(k, shape);
    snprintf(what, sizeof what, "%s%s%s", k->kernel, k->layer ? " " : "", k->layer ? k->layer : "");
    printf("%-22s %-5s %-12s %5d %10.3f", what, type_name(k->type), shape, k->rows, m.us_per_row);
    if (k->operations > 0)
        printf(" %8.1f", m.gops);
    if (k->instruction)
        printf(" %8.1f %5.1f %%  %s", m.peak, 100 * m.share, k->instruction);
    putchar('\n');
}

static int print_all(const struct args *a, const struct roofline *r, double *figures,
                     struct err *e) {
    size_t rounds = (size_t)a->rounds;
    if (a->json)
        printf("{\"isa\": \"%s\", \"rounds\": %zu, \"rows\": [", isa_name(roofline_isa(r)), rounds);
    else
        printf("%s, one thread, medians of %zu rounds\n%-22s %-5s %-12s %5s %10s %8s %8s\n",
               isa_name(roofline_isa(r)), rounds, "kernel", "type", "shape", "rows", "us a row",
               "G/s", "peak G/s");
    for (size_t i = 0; i < roofline_count(r); i++) {
        const struct roofline_case *k = roofline_at(r, i);
        struct medians m = medians_of(k, series_at(figures, i, rounds), rounds);
        if (a->json) {
            fputs(i ? ", " : "", stdout);
            print_json_row(k, m);
        } else {
            print_row(k, m);
        }
    }
    if (a->json)
        puts("]}");
    return flush_stdout(e);
}

static int run_kernels(const struct args *a, struct err *e) {
    struct decoder_config c = smollm2;
    struct roofline *r = NULL;
    double *figures = NULL;
    int rc = a->model && *a->model ? read_config(a->model, &c, e) : 0;
    if (rc == 0)
        rc = roofline_new(&c, (size_t)a->tokens, &r, e);
    if (rc == 0) {
        figures = calloc(roofline_count(r) * 4 * (size_t)a->rounds, sizeof *figures);
        if (!figures)
            rc = err_nomem(e, "rounds");
    }
    if (figures) {
        measure(r, figures, (size_t)a->rounds);
        rc = print_all(a, r, figures, e);
    }
    free(figures);
    roofline_free(r);
    return rc;
}

static const struct option_group *const groups[] = {&group_work, &group_json, &group_general, NULL};

const struct command command_bench_kernels = {
    .name = "bench kernels",
    .summary = "how near each kernel comes to the peak of its instruction",
    .details =
        "Times the kernels of int8 models in a decoder's shapes, on one thread and with operands\n"
        "that are in the caches as far as they fit: the linear layers and attention in operations\n"
        "a second (two to a multiply-add; of attention only what a causal prompt needs), beside\n"
        "the peak of the instruction that they are made of, measured in turn with them; the\n"
        "others in microseconds a row. Attention is measured with keys and values in int8, and in\n"
        "bf16 or f32. PRECIS_ISA names a lower class of instructions.",
    .groups = groups,
    .examples = "  precis bench kernels --model qwen2.5-coder-0.5b --json\n"
                "  PRECIS_ISA=avx2 precis bench kernels\n",
    .run = run_kernels,
};
