#include <stdio.h>
#include <stdlib.h>

#include "base/file.h"
#include "base/pool.h"
#include "cli/bench.h"
#include "cli/cli.h"
#include "cli/input_text.h"
#include "cli/model.h"

#define AT(member) offsetof(struct args, member)

static const struct option work[] = {
    {.name = "rounds",
     .type = OPTION_NUMBER,
     .offset = AT(rounds),
     .argument = "N",
     .fallback = "5",
     .min = 1,
     .max = 1000,
     .help = "the median of so many counts, after one that does not"},
    {.name = "plain",
     .offset = AT(plain),
     .help = "special tokens spelled out in the text are text"},
    {0}};
static const struct option_group group_work = {"Work", work};

struct texts {
    struct buf *v;
    size_t n, bytes;
};

static void texts_free(struct texts *t) {
    for (size_t i = 0; i < t->n; i++)
        buf_free(&t->v[i]);
    free(t->v);
}

static int read_texts(const struct args *a, struct texts *t, struct err *e) {
    if (!a->operands.n)
        return err_set(e, PRECIS_EUSAGE, "bench tokenize: no FILE");
    t->v = calloc(a->operands.n, sizeof *t->v);
    if (!t->v)
        return err_nomem(e, "texts");
    for (; t->n < a->operands.n; t->n++) {
        int rc = input_read(a->operands.v[t->n], &t->v[t->n], e);
        if (rc) {
            buf_free(&t->v[t->n]);
            return rc;
        }
        t->bytes += t->v[t->n].len;
    }
    return 0;
}

static int encode_all(const struct tok *tok, const struct texts *t, unsigned flags, struct ids *ids,
                      size_t *tokens, double *seconds, struct err *e) {
    double started = clock_seconds();
    *tokens = 0;
    for (size_t i = 0; i < t->n; i++) {
        ids->n = 0;
        const char *text = t->v[i].data ? t->v[i].data : "";
        int rc = tok_encode(tok, text, t->v[i].len, flags, ids, e);
        if (rc)
            return rc;
        *tokens += ids->n;
    }
    *seconds = clock_seconds() - started;
    return 0;
}

static int measure(const struct args *a, const struct tok *tok, const struct texts *t,
                   struct err *e) {
    unsigned flags = TOK_NO_SPECIAL | (a->plain ? (unsigned)TOK_PLAIN : TOK_DEFAULT);
    double *seconds = calloc((size_t)a->rounds, sizeof *seconds), warm_up;
    if (!seconds)
        return err_nomem(e, "rounds");
    struct ids ids = {0};
    size_t tokens;
    int rc = encode_all(tok, t, flags, &ids, &tokens, &warm_up, e);
    for (size_t i = 0; rc == 0 && i < a->rounds; i++)
        rc = encode_all(tok, t, flags, &ids, &tokens, &seconds[i], e);
    ids_free(&ids);
    if (rc == 0) {
        double median = bench_median(seconds, (size_t)a->rounds);
        double tokens_s = (double)tokens / median, bytes_s = (double)t->bytes / median;
        if (a->json)
            printf("{\"files\": %zu, \"bytes\": %zu, \"tokens\": %zu, \"seconds\": %.6g, "
                   "\"tokens_per_s\": %.6g, \"bytes_per_s\": %.6g}\n",
                   t->n, t->bytes, tokens, median, tokens_s, bytes_s);
        else
            printf("%zu files, %zu bytes, %zu tokens in %.4f s: %.1f MB/s\n", t->n, t->bytes,
                   tokens, median, bytes_s / 1e6);
        rc = flush_stdout(e);
    }
    free(seconds);
    return rc;
}

static int run_tokenize(const struct args *a, struct err *e) {
    struct model m = {0};
    struct tok *own = NULL;
    struct texts t = {0};
    int rc = read_texts(a, &t, e);
    if (rc == 0)
        rc = a->tokenizer ? tok_from_json(a->tokenizer, &own, e)
                          : model_open_asked(&m, a, MODEL_TOKENIZER, 0, e);
    if (rc == 0)
        rc = measure(a, own ? own : m.tok, &t, e);
    texts_free(&t);
    tok_free(own);
    model_close(&m);
    return rc;
}

static const struct option_group *const groups[] = {&group_work, &group_json, &group_tokenizer,
                                                    &group_general, NULL};

const struct command command_bench_tokenize = {
    .name = "bench tokenize",
    .operands = "FILE...",
    .names = NAMES_FILE,
    .summary = "bytes a second of turning text into tokens",
    .details = "Times one thread that encodes the files, already in memory, one after the other.",
    .groups = groups,
    .examples = "  precis bench tokenize --model smollm2 src/main.rs --json\n",
    .run = run_tokenize,
};
