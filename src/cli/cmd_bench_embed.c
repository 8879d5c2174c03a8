#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/pool.h"
#include "cli/bench.h"
#include "cli/cli.h"
#include "cli/input_text.h"
#include "code/chunk.h"
#include "search/embed.h"

#define AT(member) offsetof(struct args, member)

static const struct option work[] = {
    {.name = "model",
     .type = OPTION_TEXT,
     .names = NAMES_MODEL,
     .offset = AT(embedding_model),
     .argument = "M",
     .fallback = "minilm",
     .help = "the encoder: a catalogue name, a folder, a .onnx file or hf:org/name"},
    {.name = "loc",
     .harmless = true,
     .type = OPTION_NUMBER,
     .offset = AT(loc),
     .argument = "N",
     .fallback = "40",
     .min = 1,
     .max = 1000000,
     .help = "lines in a text"},
    {.name = "jsonl",
     .harmless = true,
     .offset = AT(jsonl),
     .help = "the texts are lines of JSON: {\"text\": ...}"},
    {.name = "rounds",
     .type = OPTION_NUMBER,
     .offset = AT(rounds),
     .argument = "N",
     .fallback = "5",
     .min = 1,
     .max = 1000,
     .help = "the median of so many counts, after one that does not"},
    {0}};
static const struct option_group group_work = {"Work", work};

/* What the latency of one text is measured with. */
static const char query[] = "where are idle workers woken?";
enum { QUERIES = 21 };

struct texts {
    struct buf file, jsonl; /* jsonl: the texts of its lines end to end */
    size_t *ends;           /* [n] of each in what they borrow from */
    size_t n, cap;
};

static int end_text(struct texts *t, size_t end, struct err *e) {
    if (t->n == t->cap) {
        size_t cap = t->cap ? 2 * t->cap : 256;
        size_t *ends = realloc(t->ends, cap * sizeof *ends);
        if (!ends)
            return err_nomem(e, "texts");
        t->ends = ends;
        t->cap = cap;
    }
    t->ends[t->n++] = end;
    return 0;
}

static int take_line(void *user, const char *line, size_t len, size_t number, struct err *e) {
    struct texts *t = user;
    json_error_t why;
    json_t *root = json_read(line, len, JSON_ALLOW_NUL | JSON_REJECT_DUPLICATES, &why);
    const json_t *text = json_object_get(root, "text");
    int rc = 0;
    if (!json_is_string(text))
        rc = err_set(e, PRECIS_EINPUT, "line %zu: {\"text\": string} is wanted", number);
    else
        buf_append(&t->jsonl, json_string_value(text), json_string_length(text));
    if (rc == 0 && buf_failed(&t->jsonl))
        rc = err_nomem(e, "texts");
    json_decref(root);
    return rc ? rc : end_text(t, t->jsonl.len, e);
}

static int cut(struct texts *t, uint64_t loc, struct err *e) {
    struct chunks c = {0};
    int rc = chunk_lines(t->file.data ? t->file.data : "", t->file.len, loc, &c, e);
    for (size_t i = 0; rc == 0 && i < c.n; i++)
        rc = end_text(t, c.v[i].offset + c.v[i].length, e);
    chunks_free(&c);
    return rc;
}

static int read_texts(const struct args *a, struct texts *t, struct err *e) {
    const char *path = a->operands.v[0];
    int rc = input_read(path, &t->file, e);
    if (rc == 0)
        rc = a->jsonl ? input_lines(&t->file, take_line, t, e) : cut(t, a->loc, e);
    if (rc == 0 && t->n == 0)
        rc = err_set(e, PRECIS_EINPUT, "%s: has no texts", path);
    return rc;
}

struct figures {
    size_t tokens, bytes;
    double seconds, query; /* medians */
};

/* The texts of one round; x->seconds of that round. */
static int embed_all(struct embedder *em, const struct embed_text *list, size_t n, float *vectors,
                     struct embed_note *notes, double *seconds, struct err *e) {
    const struct embed_call call = {.stop = interrupt_flag()};
    double started = clock_seconds();
    int rc = embedder_embed(em, list, n, &call, vectors, notes, e);
    *seconds = clock_seconds() - started;
    return rc;
}

static int measure(const struct args *a, struct embedder *em, const struct texts *t,
                   struct figures *f, struct err *e) {
    size_t most = (size_t)a->rounds > QUERIES ? (size_t)a->rounds : QUERIES;
    struct embed_text *list = calloc(t->n, sizeof *list);
    struct embed_note *notes = calloc(t->n, sizeof *notes);
    float *vectors = malloc(t->n * embedder_info(em)->width * sizeof *vectors);
    double *seconds = calloc(most, sizeof *seconds), warm_up;
    const char *from = a->jsonl ? t->jsonl.data : t->file.data;
    int rc = list && notes && vectors && seconds ? 0 : err_nomem(e, "rounds");
    for (size_t i = 0, at = 0; rc == 0 && i < t->n; at = t->ends[i++])
        list[i] = (struct embed_text){from ? from + at : "", t->ends[i] - at};
    if (rc == 0)
        rc = embed_all(em, list, t->n, vectors, notes, &warm_up, e);
    for (size_t i = 0; rc == 0 && i < a->rounds; i++)
        rc = embed_all(em, list, t->n, vectors, notes, &seconds[i], e);
    for (size_t i = 0; rc == 0 && i < t->n; i++)
        f->tokens += notes[i].tokens;
    if (rc == 0) {
        f->bytes = t->ends[t->n - 1];
        f->seconds = bench_median(seconds, (size_t)a->rounds);
    }
    const struct embed_text one = {query, sizeof query - 1};
    for (size_t i = 0; rc == 0 && i < QUERIES; i++)
        rc = embed_all(em, &one, 1, vectors, NULL, &seconds[i], e);
    if (rc == 0)
        f->query = bench_median(seconds, QUERIES);
    free(list);
    free(notes);
    free(vectors);
    free(seconds);
    return rc;
}

static int print_figures(const struct args *a, const struct embedder *em, size_t texts,
                         const struct figures *f, struct err *e) {
    const struct engine_info *i = embedder_info(em)->engine;
    double tokens_s = (double)f->tokens / f->seconds, bytes_s = (double)f->bytes / f->seconds;
    double query_ms = f->query * 1e3;
    if (a->json)
        printf("{\"texts\": %zu, \"bytes\": %zu, \"tokens\": %zu, \"seconds\": %.6g, "
               "\"tokens_per_s\": %.6g, \"bytes_per_s\": %.6g, \"texts_per_s\": %.6g, "
               "\"query_ms\": %.4g, \"precision\": \"%s\", \"lanes\": %d, \"isa\": \"%s\"}\n",
               texts, f->bytes, f->tokens, f->seconds, tokens_s, bytes_s,
               (double)texts / f->seconds, query_ms, i->arithmetic, i->lanes, i->isa);
    else
        printf("%zu texts, %zu tokens in %.4f s: %.1f tokens/s; one query %.2f ms (%s, %d lanes, "
               "%s)\n",
               texts, f->tokens, f->seconds, tokens_s, query_ms, i->arithmetic, i->lanes, i->isa);
    return flush_stdout(e);
}

static int run_bench_embed(const struct args *a, struct err *e) {
    struct texts t = {0};
    struct figures f = {0};
    struct embedder *em = NULL;
    const struct embedder_options o = {.engine = {.precision = (enum precision)a->precision,
                                                  .lanes = (int)a->lanes,
                                                  .memory_limit = (size_t)a->memory_limit,
                                                  .device = (enum device)a->device}};
    int rc = read_texts(a, &t, e);
    if (rc == 0)
        rc = embedder_open(a->embedding_model, &o, &em, e);
    if (rc == 0)
        rc = measure(a, em, &t, &f, e);
    if (rc == 0)
        rc = print_figures(a, em, t.n, &f, e);
    embedder_close(em);
    buf_free(&t.file);
    buf_free(&t.jsonl);
    free(t.ends);
    return rc == PRECIS_ECANCELLED && interrupted() ? EXIT_INTERRUPTED : rc;
}

static const struct option_group *const groups[] = {&group_work, &group_json, &group_engine,
                                                    &group_general, NULL};

const struct command command_bench_embed = {
    .name = "bench embed",
    .operands = "FILE",
    .needs_operand = true,
    .names = NAMES_FILE,
    .summary = "tokens a second of embedding texts",
    .details = "Times the vectors of all texts of a file, from text to vector, and then those of\n"
               "one short query alone. Texts are cut to what the model takes.",
    .groups = groups,
    .examples = "  precis bench embed src/main.rs --loc 40 --json\n"
                "  precis bench embed texts.jsonl --jsonl --precision f32\n",
    .run = run_bench_embed,
};
