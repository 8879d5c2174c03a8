#include <math.h>
#include <stdlib.h>

#include "base/pool.h"
#include "cli/cli.h"
#include "cli/input_text.h"
#include "cli/model.h"

#define AT(member) offsetof(struct args, member)

static const char *const choices_reference[] = {"none", "f32", "bf16", "int8", NULL};

static const struct option scoring[] = {
    {.name = "window",
     .type = OPTION_NUMBER,
     .offset = AT(window),
     .argument = "N",
     .fallback = "512",
     .min = 2,
     .max = 1000000,
     .help = "tokens that are scored together, each from its window's second on"},
    {.name = "reference",
     .type = OPTION_CHOICE,
     .offset = AT(reference),
     .argument = "P",
     .fallback = "none",
     .choices = choices_reference,
     .help = "also the divergence from this precision and how often the likeliest token agrees"},
    {0}};
static const struct option_group group_scoring = {"Scoring", scoring};

/* Logits of the reference that are kept at a time, in bytes, over all windows in work. */
static const size_t MOST_KEPT = (size_t)256 << 20;

struct score {
    double nll, kl;
    size_t tokens, same;
};

/* A window in work. on_logits fills it, on one lane at a time. */
struct window {
    const uint32_t *ids; /* as they are fed */
    size_t n;            /* positions 0 .. n - 2 predict ids[1 .. n - 1] */
    size_t vocab, from;
    float *kept; /* [positions from `from` on, vocab] of the reference; NULL: none */
    struct score score;
    struct err err;
    bool failed;
};

struct distribution {
    double log_sum; /* log of the sum of exp(logits) */
    size_t best;
};

static struct distribution distribution_of(const float *logits, size_t vocab) {
    size_t best = 0;
    for (size_t i = 1; i < vocab; i++)
        if (logits[i] > logits[best])
            best = i;
    double most = (double)logits[best], sum = 0;
    for (size_t i = 0; i < vocab; i++)
        sum += exp((double)logits[i] - most);
    return (struct distribution){most + log(sum), best};
}

/* Kullback-Leibler divergence of the logits' distribution from the reference's, in nats. */
static double divergence(const float *reference, const struct distribution *r, const float *logits,
                         const struct distribution *d, size_t vocab) {
    double kl = 0, shift = d->log_sum - r->log_sum;
    for (size_t i = 0; i < vocab; i++) {
        double p = exp((double)reference[i] - r->log_sum);
        if (p > 0)
            kl += p * ((double)reference[i] - (double)logits[i] + shift);
    }
    return kl;
}

static void score_logits(void *user, size_t position, const float *logits) {
    struct window *w = user;
    if (position + 1 >= w->n)
        return;
    struct distribution d = distribution_of(logits, w->vocab);
    w->score.nll += d.log_sum - (double)logits[w->ids[position + 1]];
    w->score.tokens++;
    if (w->kept) {
        const float *reference = w->kept + (position - w->from) * w->vocab;
        struct distribution r = distribution_of(reference, w->vocab);
        w->score.kl += divergence(reference, &r, logits, &d, w->vocab);
        w->score.same += r.best == d.best;
    }
}

static void keep_logits(void *user, size_t position, const float *logits) {
    struct window *w = user;
    if (position >= w->from && position + 1 < w->n)
        for (size_t i = 0; i < w->vocab; i++)
            w->kept[(position - w->from) * w->vocab + i] = logits[i];
}

static void window_done(void *user, const struct engine_result *r) {
    struct window *w = user;
    if (r->finish == FINISH_FAILED)
        w->failed = true, w->err = r->err;
}

/* Feeds the first `end` tokens of each window; logits from w->from on go to `on_logits`. */
static int feed(struct engine *engine, struct window *windows, size_t n, size_t end,
                void (*on_logits)(void *, size_t, const float *), struct err *e) {
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < n; i++) {
        struct window *w = &windows[i];
        if (w->from + 1 >= w->n)
            continue;
        struct engine_job job = {.ids = w->ids,
                                 .n_ids = end < w->n - 1 ? end : w->n - 1,
                                 .on_logits = on_logits,
                                 .logits_from = w->from,
                                 .on_done = window_done,
                                 .user = w};
        rc = engine_submit(engine, &job, NULL, e);
    }
    engine_drain(engine);
    for (size_t i = 0; rc == 0 && i < n; i++) {
        if (windows[i].failed) {
            *e = windows[i].err;
            rc = e->code ? e->code : PRECIS_EINPUT;
        }
    }
    return rc;
}

struct scorer {
    struct model model;
    struct engine *reference;
    size_t vocab, parallel; /* windows in work at a time */
    size_t tile;            /* positions whose reference logits are kept for each of them */
    float *kept;            /* [parallel, tile, vocab] */
    struct score total;
    size_t windows_done, windows_all;
    double shown;
};

/* Attention is causal, so feeding a prefix gives the logits of its positions: with a reference the
 * windows are fed once for each tile of positions, and only a tile's logits are kept. */
static int score_group(struct scorer *s, struct window *windows, size_t n, struct err *e) {
    size_t longest = 0;
    for (size_t i = 0; i < n; i++)
        longest = windows[i].n > longest ? windows[i].n : longest;
    int rc = 0;
    if (!s->reference)
        rc = feed(s->model.engine, windows, n, longest, score_logits, e);
    for (size_t from = 0; s->reference && rc == 0 && from + 1 < longest; from += s->tile) {
        for (size_t i = 0; i < n; i++) {
            windows[i].from = from;
            windows[i].kept = s->kept + i * s->tile * s->vocab;
        }
        rc = feed(s->reference, windows, n, from + s->tile, keep_logits, e);
        if (rc == 0)
            rc = feed(s->model.engine, windows, n, from + s->tile, score_logits, e);
    }
    for (size_t i = 0; i < n; i++) {
        s->total.nll += windows[i].score.nll;
        s->total.kl += windows[i].score.kl;
        s->total.tokens += windows[i].score.tokens;
        s->total.same += windows[i].score.same;
    }
    s->windows_done += n;
    if (clock_seconds() - s->shown > 10) {
        char line[80];
        snprintf(line, sizeof line, "%zu of %zu windows", s->windows_done, s->windows_all);
        say_note(line);
        s->shown = clock_seconds();
    }
    return rc;
}

/* A BOS that the tokenizer would put before a text begins each window, and is not scored. */
static int window_start(const struct tok *tok, struct ids *out, struct err *e) {
    int rc = tok_encode(tok, "", 0, TOK_DEFAULT, out, e);
    if (rc == 0 && (out->n != 1 || tok_bos(tok) != (int64_t)out->v[0]))
        out->n = 0;
    return rc;
}

/* The ids of all windows are one behind the other. */
struct windows {
    struct ids ids;
    struct window *v;
    size_t n, cap;
};

static int cut_file(struct windows *all, const struct ids *start, const struct ids *ids,
                    size_t size, struct err *e) {
    size_t room = size - start->n;
    for (size_t at = 0; at < ids->n; at += room) {
        size_t n = ids->n - at < room ? ids->n - at : room;
        if (start->n + n < 2)
            break;
        if (!array_grow((void **)&all->v, all->n, &all->cap, sizeof *all->v))
            return err_nomem(e, "windows");
        all->v[all->n++] = (struct window){.n = start->n + n};
        ids_append(&all->ids, start->v, start->n);
        ids_append(&all->ids, ids->v + at, n);
    }
    return all->ids.failed ? err_nomem(e, "tokens") : 0;
}

static int read_windows(const struct args *a, const struct model *m, struct windows *all,
                        struct err *e) {
    struct ids start = {0}, ids = {0};
    struct buf text = {0};
    size_t size = (size_t)a->window, vocab = engine_info(m->engine)->vocab;
    int rc = window_start(m->tok, &start, e);
    if (rc == 0 && size < start.n + 2)
        size = start.n + 2;
    for (size_t i = 0; rc == 0 && i < a->operands.n; i++) {
        buf_clear(&text);
        ids.n = 0;
        rc = input_read(a->operands.v[i], &text, e);
        if (rc == 0 && text.len == 0)
            rc = err_set(e, PRECIS_EINPUT, "%s: is empty", a->operands.v[i]);
        if (rc == 0)
            rc = tok_encode(m->tok, text.data, text.len, TOK_PLAIN | TOK_NO_SPECIAL, &ids, e);
        if (rc == 0)
            rc = cut_file(all, &start, &ids, size, e);
    }
    const uint32_t *at = all->ids.v;
    for (size_t i = 0; rc == 0 && i < all->n; i++) {
        all->v[i].ids = at;
        all->v[i].vocab = vocab;
        at += all->v[i].n;
    }
    if (rc == 0 && all->n == 0)
        rc = err_set(e, PRECIS_EINPUT, "%s: too short to score: it takes two tokens",
                     a->operands.v[0]);
    buf_free(&text);
    ids_free(&start);
    ids_free(&ids);
    return rc;
}

static int open_reference(struct scorer *s, const struct args *a, struct err *e) {
    const struct engine_info *info = engine_info(s->model.engine);
    s->vocab = info->vocab;
    s->parallel = info->lanes > 0 ? (size_t)info->lanes : 1;
    if (!a->reference)
        return 0;
    struct engine_options o = model_engine_options(a, info->max_sequences);
    o.precision = (enum precision)a->reference;
    o.memory_limit = 0; /* which is for the engine that is compared */
    int rc = engine_open(s->model.path, &o, &s->reference, e);
    if (rc)
        return rc;
    if (s->vocab == 0)
        return err_set(e, PRECIS_EINPUT, "%s: has no vocabulary", s->model.path);
    s->tile = MOST_KEPT / s->parallel / (s->vocab * sizeof *s->kept);
    if (s->tile < 1)
        s->tile = 1;
    if (s->tile > a->window)
        s->tile = (size_t)a->window;
    size_t bytes = s->parallel * s->tile * s->vocab * sizeof *s->kept;
    s->kept = malloc(bytes > 0 ? bytes : 1);
    return s->kept ? 0 : err_nomem(e, "reference logits");
}

static int print_score(const struct args *a, const struct scorer *s, struct err *e) {
    const struct score *t = &s->total;
    double n = (double)t->tokens, nll = t->nll / n;
    const char *precision = engine_info(s->model.engine)->arithmetic;
    char packed[HASH_HEX_SIZE + 2];
    int rc = model_packed_sha256(s->model.engine, packed, e);
    if (rc)
        return rc;
    if (a->json) {
        struct buf b = {0};
        buf_printf(&b, "{\"tokens\": %zu, \"nll\": ", t->tokens);
        json_put_number(&b, nll, 12);
        buf_str(&b, ", \"ppl\": ");
        json_put_number(&b, exp(nll), 12);
        if (s->reference) {
            buf_str(&b, ", \"kl\": ");
            json_put_number(&b, t->kl / n, 9);
            buf_str(&b, ", \"top1_same\": ");
            json_put_number(&b, (double)t->same / n, 9);
        }
        buf_printf(&b, ", \"precision\": \"%s\", \"packed_sha256\": %s}\n", precision, packed);
        if (buf_failed(&b))
            return err_nomem(e, "JSON");
        fwrite(b.data, 1, b.len, stdout);
        buf_free(&b);
    } else {
        printf("tokens scored        %zu\n"
               "nats a token         %.6f\n"
               "perplexity           %.4f\n"
               "precision            %s\n"
               "packed weights       %s\n",
               t->tokens, nll, exp(nll), precision, packed);
        if (s->reference)
            printf("divergence           %.6f nats a token (from %s)\n"
                   "likeliest token same %.2f %%\n",
                   t->kl / n, precision_name((enum precision)a->reference),
                   100 * (double)t->same / n);
    }
    return flush_stdout(e);
}

static int run_perplexity(const struct args *a, struct err *e) {
    struct scorer s = {.shown = clock_seconds()};
    struct windows all = {0};
    interrupt_flag();
    int rc = model_open_asked(&s.model, a, MODEL_TOKENIZER | MODEL_ENGINE, 0, e);
    if (rc == 0)
        rc = read_windows(a, &s.model, &all, e);
    if (rc == 0)
        rc = open_reference(&s, a, e);
    s.windows_all = all.n;
    for (size_t i = 0; rc == 0 && i < all.n; i += s.parallel)
        if (interrupted())
            rc = EXIT_INTERRUPTED;
        else
            rc = score_group(&s, all.v + i, all.n - i < s.parallel ? all.n - i : s.parallel, e);
    if (rc == 0)
        rc = print_score(a, &s, e);
    free(s.kept);
    engine_close(s.reference);
    model_close(&s.model);
    ids_free(&all.ids);
    free(all.v);
    return rc;
}

static const struct option_group *const groups[] = {&group_scoring, &group_json, &group_model,
                                                    &group_general, NULL};

const struct command command_perplexity = {
    .name = "perplexity",
    .operands = "FILE...",
    .needs_operand = true,
    .names = NAMES_FILE,
    .summary = "how well a model predicts a text, and how far a precision strays",
    .details =
        "Scores the files' text in windows of tokens: the mean negative log-likelihood of a\n"
        "token and its exponential. -: standard input.",
    .groups = groups,
    .examples = "  precis perplexity --window 1024 src/main.c\n"
                "  precis perplexity --precision bf16 --reference f32 --json src/*.c\n",
    .run = run_perplexity,
};
