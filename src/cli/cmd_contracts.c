/* `bench contracts`: the performance contracts as measurements with a bar. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "api/inputs.h"
#include "base/pool.h"
#include "cli/bench.h"
#include "cli/cli.h"
#include "cli/model.h"
#include "summary/run.h"

#define AT(member) offsetof(struct args, member)

enum { CONTRACT_LINES = 152388, CONTRACT_CHUNKS = 508, LOC = 300, MOST_CONTRACTS = 16 };

static const struct option work[] = {
    {.name = "chunks",
     .type = OPTION_NUMBER,
     .offset = AT(chunks),
     .argument = "N",
     .fallback = "8",
     .min = 1,
     .max = 100000,
     .help = "whole files are taken until they have so many chunks; three runs are over these"},
    {.name = "agent-count",
     .harmless = true,
     .type = OPTION_NUMBER,
     .offset = AT(agents),
     .argument = "N",
     .fallback = "20",
     .min = 1,
     .max = 100,
     .help = "chunks in flight at most"},
    {.name = "max-new-tokens",
     .harmless = true,
     .type = OPTION_NUMBER,
     .offset = AT(max_new_tokens),
     .argument = "N",
     .fallback = "48",
     .min = 1,
     .max = 4096,
     .help = "tokens in a summary"},
    {0}};
static const struct option_group group_work = {"Work", work};

enum verdict { MISSED, MET, NOT_MEASURED };

struct contract {
    const char *name, *unit, *relation; /* relation: how the bar is read, ">=", "<=" or "=" */
    double figure, bar;
    enum verdict verdict;
};

struct contracts {
    const struct args *args;
    struct contract v[MOST_CONTRACTS];
    size_t n;
    struct walk walk;
};

static void judge(struct contracts *c, const char *name, double figure, const char *relation,
                  double bar, const char *unit) {
    bool met = relation[0] == '>'   ? figure >= bar
               : relation[0] == '<' ? figure <= bar
                                    : figure == bar;
    c->v[c->n++] = (struct contract){name, unit, relation, figure, bar, met ? MET : MISSED};
}

/* What one run over the chosen files gave. */
struct outcome {
    double start_seconds; /* from nothing to a model that takes work */
    double seconds;
    uint64_t lines;
    size_t done, failed;
    int lanes;
    struct buf lines_out; /* every chunk's place, line and error, in order */
};

static int keep_line(void *user, const struct summary *s, struct err *e) {
    struct outcome *o = user;
    if (interrupted())
        return err_set(e, PRECIS_ECANCELLED, "interrupted");
    buf_printf(&o->lines_out, "%s:%llu %s%s\n", s->file_path, (unsigned long long)s->start_line,
               s->summary, s->error ? s->error : "");
    return buf_failed(&o->lines_out) ? err_nomem(e, "summaries") : 0;
}

static int run_once(const struct contracts *c, int agents, uint64_t lanes, struct outcome *o,
                    struct err *e) {
    struct args a = *c->args;
    a.lanes = lanes;
    struct model m = {0};
    struct run *run = NULL;
    double started = clock_seconds();
    int rc = model_open_asked(&m, &a, MODEL_TOKENIZER | MODEL_ENGINE | MODEL_REVISION, agents, e);
    if (rc)
        return rc;
    o->start_seconds = clock_seconds() - started;
    o->lanes = engine_info(m.engine)->lanes;
    struct run_options options = {.loc = LOC,
                                  .max_chars = 120,
                                  .max_new_tokens = (size_t)a.max_new_tokens,
                                  .stop = interrupt_flag()};
    model_sampling(&a, &options.sampling);
    struct run_events events = {.on_summary = keep_line, .user = o};
    rc = run_prepare(&c->walk, &options, m.engine, m.tok, m.chat, &run, e);
    if (rc == 0)
        rc = run_execute(run, &events, e);
    if (rc == 0) {
        const struct run_stats *s = run_stats(run);
        o->seconds = s->seconds;
        o->lines = s->lines;
        o->done = s->chunks_done;
        o->failed = s->chunks_failed;
        if (s->interrupted)
            rc = err_set(e, PRECIS_ECANCELLED, "interrupted");
    }
    run_free(run);
    model_close(&m);
    return rc;
}

/* Keeps whole files until they have enough chunks. */
static int choose_files(struct contracts *c, struct err *e) {
    size_t chunks = 0, kept = 0;
    for (; kept < c->walk.n && chunks < c->args->chunks; kept++) {
        struct bench_chunk cut = {0};
        int rc = c->walk.files[kept].size
                     ? bench_chunk(c->walk.files[kept].path, 0, LOC, 1, &cut, e)
                     : 0;
        if (rc)
            return rc;
        chunks += cut.chunks;
    }
    for (size_t i = kept; i < c->walk.n; i++) {
        free(c->walk.files[i].path);
        free(c->walk.files[i].name);
    }
    c->walk.n = kept;
    return 0;
}

static int measure_chunking(struct contracts *c, struct err *e) {
    struct buf text = {0};
    struct bench_chunk cut;
    char path[] = "/tmp/precis-contracts-XXXXXX";
    int rc = bench_code(CONTRACT_LINES, &text, e);
    int fd = rc == 0 ? mkstemp(path) : -1;
    if (rc == 0 && fd < 0)
        rc = err_errno(e, path, "create");
    if (rc == 0 && write(fd, text.data, text.len) != (ssize_t)text.len)
        rc = err_errno(e, path, "write");
    if (rc == 0)
        rc = bench_chunk(path, 0, LOC, 9, &cut, e);
    if (fd >= 0) {
        close(fd);
        unlink(path);
    }
    buf_free(&text);
    if (rc)
        return rc;
    judge(c, "chunks of 152,388 lines", (double)cut.chunks, "=", CONTRACT_CHUNKS, "");
    judge(c, "cutting 1 MB", cut.seconds * 1e3 * 1e6 / (double)cut.bytes, "<=", 100, "ms");
    judge(c, "cutting speed", (double)cut.bytes / cut.seconds / 1e9, ">=", 1, "GB/s");
    return 0;
}

static int measure_runs(struct contracts *c, struct err *e) {
    struct outcome all = {0}, one_lane = {0}, one_agent = {0};
    int agents = (int)c->args->agents;
    int rc = run_once(c, agents, c->args->lanes, &all, e);
    if (rc == 0 && all.done + all.failed == 0)
        rc = err_set(e, PRECIS_EINPUT, "no lines to summarise");
    /* before the other runs, which the most there ever was would include */
    double peak = (double)memory_peak() / 1e9;
    if (rc == 0)
        rc = run_once(c, 1, c->args->lanes, &one_agent, e);
    if (rc == 0 && all.lanes > 1)
        rc = run_once(c, agents, 1, &one_lane, e);
    if (rc == 0) {
        double chunks = (double)(all.done + all.failed);
        judge(c, "start", all.start_seconds, "<=", 30, "s");
        judge(c, "300 lines, on average", all.seconds / (double)all.lines * LOC, "<=", 2, "s");
        judge(c, "chunks a minute", 60 * chunks / all.seconds, ">=", 20, "");
        judge(c, "chunks with a line", 100 * (double)all.done / chunks, ">=", 95, "%");
        judge(c, "memory, most resident", peak, "<=", 4, "GB");
        judge(c, "memory for each agent", peak / agents * 1e3, "<=", 512, "MB");
        judge(c, "outputs that differ, 1 agent",
              all.lines_out.len != one_agent.lines_out.len ||
                  memcmp(all.lines_out.data, one_agent.lines_out.data, all.lines_out.len) != 0,
              "=", 0, "");
        judge(c, "efficiency against 1 lane", 0, ">=", 80, "%");
        struct contract *last = &c->v[c->n - 1];
        if (all.lanes > 1) {
            last->figure = 100 * one_lane.seconds / (all.seconds * all.lanes);
            last->verdict = last->figure >= last->bar ? MET : MISSED;
        } else {
            last->verdict = NOT_MEASURED;
        }
    }
    buf_free(&all.lines_out);
    buf_free(&one_lane.lines_out);
    buf_free(&one_agent.lines_out);
    return rc;
}

static int print_contracts(const struct contracts *c, struct err *e) {
    static const char *const words[] = {"MISSED", "met", "not measured (one core)"};
    bool missed = false;
    if (c->args->json)
        putchar('[');
    for (size_t i = 0; i < c->n; i++) {
        const struct contract *k = &c->v[i];
        missed |= k->verdict == MISSED;
        if (c->args->json)
            printf("%s{\"contract\": \"%s\", \"figure\": %.6g, \"relation\": \"%s\", \"bar\": %g, "
                   "\"unit\": \"%s\", \"met\": %s}",
                   i ? ", " : "", k->name, k->figure, k->relation, k->bar, k->unit,
                   k->verdict == MET      ? "true"
                   : k->verdict == MISSED ? "false"
                                          : "null");
        else if (k->verdict == NOT_MEASURED)
            printf("%-30s %10s       %2s %5g %-5s %s\n", k->name, "-", k->relation, k->bar, k->unit,
                   words[k->verdict]);
        else
            printf("%-30s %10.4g %-5s %2s %5g %-5s %s\n", k->name, k->figure, k->unit, k->relation,
                   k->bar, k->unit, words[k->verdict]);
    }
    if (c->args->json)
        puts("]");
    int rc = flush_stdout(e);
    return rc ? rc : missed ? EXIT_NOTHING : EXIT_DONE;
}

/* A file of made-up code with as many chunks as were asked for. */
static int make_file(const struct args *a, char *path, struct err *e) {
    struct buf text = {0};
    int rc = bench_code((size_t)a->chunks * LOC, &text, e);
    int fd = rc == 0 ? mkstemps(path, 2) : -1;
    if (rc == 0 && fd < 0)
        rc = err_errno(e, path, "create");
    if (rc == 0 && write(fd, text.data, text.len) != (ssize_t)text.len)
        rc = err_errno(e, path, "write");
    if (fd >= 0)
        close(fd);
    buf_free(&text);
    return rc;
}

static int run_contracts(const struct args *a, struct err *e) {
    struct contracts c = {.args = a};
    struct walk_options files = args_files(a);
    char made[] = "/tmp/precis-contracts-XXXXXX.c";
    const char *path = a->operands.n ? a->operands.v[0] : made;
    int rc = 0;
    if (a->operands.n > 1)
        return err_set(e, PRECIS_EUSAGE, "%s: only one path at a time", a->operands.v[1]);
    interrupt_flag();
    if (path == made) {
        interrupt_note_temp(made);
        rc = make_file(a, made, e);
    }
    if (rc == 0)
        rc = inputs_find(&path, 1, &files, &c.walk, e);
    if (rc == 0)
        rc = choose_files(&c, e);
    if (rc == 0)
        rc = measure_chunking(&c, e);
    if (rc == 0)
        rc = measure_runs(&c, e);
    if (rc == 0)
        rc = print_contracts(&c, e);
    if (path == made)
        unlink(made);
    interrupt_note_temp(NULL);
    walk_free(&c.walk);
    return rc == PRECIS_ECANCELLED && interrupted() ? EXIT_INTERRUPTED : rc;
}

static const struct option_group *const groups[] = {&group_work,  &group_files,   &group_json,
                                                    &group_model, &group_general, NULL};

const struct command command_bench_contracts = {
    .name = "bench contracts",
    .operands = "[PATH]",
    .names = NAMES_FILE,
    .summary = "the performance contracts, measured: met or missed",
    .details =
        "Measures cutting, start, time, throughput, memory, success and efficiency, and that\n"
        "the number of agents does not change the output; without PATH over made-up code.\n"
        "Exits with 1 when a contract is missed.",
    .groups = groups,
    .examples = "  precis bench contracts src/ --chunks 20\n",
    .run = run_contracts,
};
