#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/pool.h"
#include "cli/bench.h"
#include "cli/cli.h"
#include "cli/model.h"

#define AT(member) offsetof(struct args, member)

#define ROUNDS                                                                                     \
    {                                                                                              \
        .name = "rounds", .type = OPTION_NUMBER, .offset = AT(rounds), .argument = "N",            \
        .fallback = "5", .min = 1, .max = 1000,                                                    \
        .help = "the median of so many counts, after one that does not"                            \
    }

static const struct option prefill[] = {{.name = "tokens",
                                         .type = OPTION_NUMBER,
                                         .offset = AT(tokens),
                                         .argument = "N",
                                         .fallback = "512",
                                         .min = 1,
                                         .max = 1000000,
                                         .help = "random tokens in the prompt"},
                                        ROUNDS,
                                        {0}};
static const struct option decode[] = {{.name = "sequences",
                                        .type = OPTION_NUMBER,
                                        .offset = AT(sequences),
                                        .argument = "S",
                                        .fallback = "20",
                                        .min = 1,
                                        .max = 100,
                                        .help = "that decode at the same time"},
                                       {.name = "context",
                                        .harmless = true,
                                        .type = OPTION_NUMBER,
                                        .offset = AT(context),
                                        .argument = "N",
                                        .fallback = "300",
                                        .min = 1,
                                        .max = 1000000,
                                        .help = "random tokens before the first that is decoded"},
                                       {.name = "steps",
                                        .type = OPTION_NUMBER,
                                        .offset = AT(steps),
                                        .argument = "N",
                                        .fallback = "20",
                                        .min = 1,
                                        .max = 100000,
                                        .help = "tokens of each sequence that are timed"},
                                       {0}};
static const struct option chunk[] = {{.name = "bytes",
                                       .type = OPTION_SIZE,
                                       .offset = AT(bytes),
                                       .argument = "SIZE",
                                       .fallback = "64M",
                                       .min = 1,
                                       .max = 0x1p40,
                                       .help = "of made-up text, when no file is given"},
                                      {.name = "loc",
                                       .harmless = true,
                                       .type = OPTION_NUMBER,
                                       .offset = AT(loc),
                                       .argument = "N",
                                       .fallback = "300",
                                       .min = 1,
                                       .max = 1000000,
                                       .help = "lines in a chunk"},
                                      ROUNDS,
                                      {0}};
static const struct option_group group_prefill = {"Work", prefill};
static const struct option_group group_decode = {"Work", decode};
static const struct option_group group_chunk = {"Work", chunk};

static void keep_result(void *user, const struct engine_result *r) {
    struct engine_result *to = user;
    *to = *r;
}

/* One prompt, alone in the engine. */
static int prefill_once(struct engine *engine, const struct ids *ids, double *seconds,
                        struct err *e) {
    struct engine_result result = {0};
    struct engine_job job = {
        .ids = ids->v, .n_ids = ids->n, .on_done = keep_result, .user = &result};
    double started = clock_seconds();
    int rc = engine_submit(engine, &job, NULL, e);
    if (rc)
        return rc;
    engine_drain(engine);
    *seconds = clock_seconds() - started;
    if (result.finish == FINISH_FAILED) {
        *e = result.err;
        return e->code ? e->code : PRECIS_EINPUT;
    }
    return 0;
}

static int print_speed(const struct args *a, const struct engine *engine, const char *extra,
                       uint64_t tokens, double seconds, struct err *e) {
    const struct engine_info *info = engine_info(engine);
    const char *precision = info->arithmetic;
    double speed = (double)tokens / seconds;
    char packed[HASH_HEX_SIZE + 2];
    int rc = model_packed_sha256(engine, packed, e);
    if (rc)
        return rc;
    if (a->json)
        printf("{\"tokens\": %llu, %s\"seconds\": %.6g, \"tokens_per_s\": %.6g, \"precision\": "
               "\"%s\", \"lanes\": %d, \"isa\": \"%s\", \"packed_sha256\": %s}\n",
               (unsigned long long)tokens, extra, seconds, speed, precision, info->lanes, info->isa,
               packed);
    else
        printf("%llu tokens in %.4f s: %.1f tokens/s (%s, %d lanes, %s)\n",
               (unsigned long long)tokens, seconds, speed, precision, info->lanes, info->isa);
    return flush_stdout(e);
}

static int run_prefill(const struct args *a, struct err *e) {
    struct model m = {0};
    struct ids ids = {0};
    double *seconds = calloc((size_t)a->rounds, sizeof *seconds), warm_up;
    if (!seconds)
        return err_nomem(e, "rounds");
    int rc = model_open_asked(&m, a, MODEL_ENGINE, 1, e);
    /* other tokens in every round: a prompt that begins as an earlier one is not computed again */
    for (size_t i = 0; rc == 0 && i <= a->rounds; i++) {
        rc = bench_ids((size_t)a->tokens, engine_info(m.engine)->vocab, i + 1, &ids, e);
        if (rc == 0)
            rc = prefill_once(m.engine, &ids, i ? &seconds[i - 1] : &warm_up, e);
    }
    if (rc == 0)
        rc = print_speed(a, m.engine, "", a->tokens, bench_median(seconds, (size_t)a->rounds), e);
    ids_free(&ids);
    model_close(&m);
    free(seconds);
    return rc;
}

/* Time runs from when every sequence has its first token until `want` more tokens have come, all
 * sequences still decoding. */
struct decoding {
    struct engine *engine;
    size_t sequences;
    uint64_t want;
    atomic_size_t started;
    atomic_ullong tokens; /* since then */
    _Atomic double from, until;
    atomic_bool failed, short_of;
    struct err err;
};

static int count_token(void *user, const struct engine_token *t) {
    struct decoding *d = user;
    if (t->index == 0) {
        if (atomic_fetch_add(&d->started, 1) + 1 == d->sequences)
            atomic_store(&d->from, clock_seconds());
        return 0;
    }
    if (atomic_load(&d->from) <= 0 || atomic_load(&d->until) > 0)
        return 0;
    if (atomic_fetch_add(&d->tokens, 1) + 1 == d->want) {
        atomic_store(&d->until, clock_seconds());
        engine_cancel(d->engine, 0);
    }
    return 0;
}

static void decode_done(void *user, const struct engine_result *r) {
    struct decoding *d = user;
    if (r->finish == FINISH_FAILED) {
        if (!atomic_exchange(&d->failed, true))
            d->err = r->err;
        engine_cancel(d->engine, 0);
    } else if (r->finish != FINISH_CANCELLED && atomic_load(&d->until) <= 0) {
        atomic_store(&d->short_of, true);
    }
}

static int decode_all(const struct args *a, struct decoding *d, struct err *e) {
    struct ids ids = {0};
    const struct engine_info *info = engine_info(d->engine);
    /* those that start first go on while the others are prefilled */
    size_t most = (size_t)a->steps * 4 + 16 * d->sequences + 1024, context = (size_t)a->context;
    int rc = 0;
    if (context + a->steps + 1 > info->context)
        rc = err_set(e, PRECIS_ELIMIT, "--context %zu: with %llu steps beyond the model's %zu",
                     context, (unsigned long long)a->steps, info->context);
    for (size_t i = 0; rc == 0 && i < d->sequences; i++) {
        rc = bench_ids(context, info->vocab, i + 1, &ids, e);
        struct engine_job job = {.ids = ids.v,
                                 .n_ids = ids.n,
                                 .max_new_tokens = most,
                                 .key = i,
                                 .on_token = count_token,
                                 .on_done = decode_done,
                                 .user = d};
        if (rc == 0)
            rc = engine_submit(d->engine, &job, NULL, e);
    }
    if (rc)
        engine_cancel(d->engine, 0);
    engine_drain(d->engine);
    if (rc == 0 && atomic_load(&d->failed)) {
        *e = d->err;
        rc = e->code ? e->code : PRECIS_EINPUT;
    }
    if (rc == 0 && (atomic_load(&d->until) <= 0 || atomic_load(&d->short_of)))
        rc = err_set(e, PRECIS_ELIMIT,
                     "--sequences %zu: were not all in flight together (raise --memory-limit or "
                     "--steps)",
                     d->sequences);
    ids_free(&ids);
    return rc;
}

static int run_decode(const struct args *a, struct err *e) {
    struct model m = {0};
    int rc = model_open_asked(&m, a, MODEL_ENGINE, (int)a->sequences, e);
    if (rc == 0) {
        struct decoding d = {
            .engine = m.engine, .sequences = (size_t)a->sequences, .want = a->sequences * a->steps};
        rc = decode_all(a, &d, e);
        if (rc == 0) {
            char extra[80];
            snprintf(extra, sizeof extra, "\"sequences\": %llu, \"context\": %llu, ",
                     (unsigned long long)a->sequences, (unsigned long long)a->context);
            rc = print_speed(a, m.engine, extra, d.want, d.until - d.from, e);
        }
    }
    model_close(&m);
    return rc;
}

static int run_chunk(const struct args *a, struct err *e) {
    struct bench_chunk c = {0};
    if (a->operands.n > 1)
        return err_set(e, PRECIS_EUSAGE, "%s: only one file at a time", a->operands.v[1]);
    int rc = bench_chunk(a->operands.n ? a->operands.v[0] : NULL, (size_t)a->bytes, a->loc,
                         (size_t)a->rounds, &c, e);
    if (rc)
        return rc;
    double speed = (double)c.bytes / c.seconds;
    if (a->json)
        printf("{\"bytes\": %zu, \"lines\": %llu, \"chunks\": %zu, \"seconds\": %.6g, "
               "\"bytes_per_s\": %.6g}\n",
               c.bytes, (unsigned long long)c.lines, c.chunks, c.seconds, speed);
    else
        printf("%zu bytes, %llu lines, %zu chunks in %.6f s: %.2f GB/s\n", c.bytes,
               (unsigned long long)c.lines, c.chunks, c.seconds, speed / 1e9);
    return flush_stdout(e);
}

static const struct option_group *const prefill_groups[] = {&group_prefill, &group_json,
                                                            &group_model, &group_general, NULL};
static const struct option_group *const decode_groups[] = {&group_decode, &group_json, &group_model,
                                                           &group_general, NULL};
static const struct option_group *const chunk_groups[] = {&group_chunk, &group_json, &group_general,
                                                          NULL};

const struct command command_bench_prefill = {
    .name = "bench prefill",
    .summary = "tokens a second of one prompt",
    .details = "Times one prompt of random tokens, alone, from its submission to its end.",
    .groups = prefill_groups,
    .examples = "  precis bench prefill --tokens 512 --precision bf16 --json\n",
    .run = run_prefill,
};

const struct command command_bench_decode = {
    .name = "bench decode",
    .summary = "tokens a second of many sequences decoding together",
    .details = "Times greedy decoding, summed over the sequences, once all of them decode.",
    .groups = decode_groups,
    .examples = "  precis bench decode --sequences 32 --context 300 --json\n",
    .run = run_decode,
};

const struct command command_bench_chunk = {
    .name = "bench chunk",
    .operands = "[FILE]",
    .names = NAMES_FILE,
    .summary = "bytes a second of cutting text into chunks",
    .details =
        "Times opening a file that is in the page cache and cutting it into chunks of lines;\n"
        "without FILE, cutting made-up text in memory.",
    .groups = chunk_groups,
    .examples = "  precis bench chunk big.rs --json\n",
    .run = run_chunk,
};
