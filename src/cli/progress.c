#include "cli/progress.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/pool.h"
#include "cli/cli.h"
#include "cli/runlog.h"

static const double LIVE_EVERY = 0.1, JSON_EVERY = 1, PLAIN_EVERY = 10; /* seconds */
static const double BYTES_A_TOKEN = 3; /* of source code; only until a few chunks have finished */
static const double FEW = 4;
enum { BAR_MOST = 40, BAR_LEAST = 8, PARTS = 7 };

static uint64_t tokens_of(struct engine *engine) {
    struct engine_stats es = {0};
    if (engine)
        engine_get_stats(engine, &es);
    return es.tokens_in + es.tokens_shared + es.tokens_out;
}

/* Of this run: the engine may have had others before. */
static uint64_t tokens_now(const struct progress *p) {
    return tokens_of(p->engine) - p->tokens_before;
}

void progress_start(struct progress *p, struct engine *engine, enum progress_mode mode) {
    bool json = mode == PROGRESS_JSON; /* asked for by name, so it comes with --quiet, too */
    *p = (struct progress){.engine = engine,
                           .tokens_before = tokens_of(engine),
                           .mode = mode,
                           .quiet = mode == PROGRESS_NONE || (say_is_quiet() && !json),
                           .live = mode == PROGRESS_AUTO && say_is_live()};
    p->next = p->live || json ? 0 : PLAIN_EVERY;
}

static void note_slowest(struct progress *p, const struct summary *s) {
    if (s->elapsed_ms <= p->slowest_ms)
        return;
    int n = snprintf(p->slowest, sizeof p->slowest, "%s:%llu-%llu", s->file_path,
                     (unsigned long long)s->start_line, (unsigned long long)s->end_line);
    if (n < 0 || (size_t)n >= sizeof p->slowest) /* a name that would be cut */
        snprintf(p->slowest, sizeof p->slowest, "chunk %zu", s->index + 1);
    p->slowest_ms = s->elapsed_ms;
}

static void put_line(const struct summary *s, bool json) {
    struct buf b = {0};
    progress_put_summary(&b, s);
    if (!buf_failed(&b)) {
        runlog_put(s->error ? LOG_WARN : LOG_INFO, b.data);
        if (json)
            say_json(b.data);
    }
    buf_free(&b);
}

void progress_finished(struct progress *p, const struct summary *s) {
    bool json = p->mode == PROGRESS_JSON;
    if (json || runlog_is_open())
        put_line(s, json);
    if (s->known || s->level != SUMMARY_CHUNK)
        return;
    double lines = s->end_line >= s->start_line ? (double)(s->end_line - s->start_line + 1) : 0;
    double tokens = (double)(s->tokens_in + s->tokens_out);
    p->asked++;
    p->lines_done += lines;
    p->tokens_done += tokens;
    p->squares += lines * lines;
    p->products += lines * tokens;
    note_slowest(p, s);
}

/* Tokens of so many chunks with so many lines in all, at those of the finished ones: an examples'
 * prompt costs the same for a short chunk as for a long one. */
static double expect_tokens(const struct progress *p, double chunks, double lines) {
    double n = p->asked, spread = n * p->squares - p->lines_done * p->lines_done;
    double a = 0, b = p->lines_done > 0 ? p->tokens_done / p->lines_done : 0;
    if (spread > 0.5) { /* whole numbers: else all are equally long */
        b = (n * p->products - p->lines_done * p->tokens_done) / spread;
        b = fmin(fmax(b, 0), p->tokens_done / p->lines_done); /* neither part is negative */
        a = (p->tokens_done - b * p->lines_done) / n;
    }
    return a * chunks + b * lines;
}

struct progress_view progress_view(const struct progress *p, const struct run_stats *stats,
                                   uint64_t tokens_live) {
    struct progress_view v = {.done = stats->chunks_done,
                              .failed = stats->chunks_failed,
                              .total = stats->chunks_total,
                              .known = stats->chunks_known,
                              .rolled = stats->rollups_done + stats->rollups_failed,
                              .to_roll = stats->rollups_total,
                              .seconds = stats->seconds + stats->rollup_seconds,
                              .left = -1,
                              .slowest = p->slowest[0] ? p->slowest : NULL,
                              .slowest_ms = p->slowest_ms};
    double had = fmax((double)tokens_live, p->tokens_done);
    if (v.seconds > p->idle)
        v.tokens_per_second = had / (v.seconds - p->idle);
    double lines = (double)(stats->lines - stats->lines_known);
    double all = 0;
    if (p->tokens_done > 0 && (p->asked >= FEW || stats->bytes == 0))
        all = expect_tokens(p, (double)(v.total - v.known), lines);
    else if (stats->lines > 0)
        all = (double)stats->bytes / BYTES_A_TOKEN * lines / (double)stats->lines;
    if (v.done + v.failed >= v.total)
        v.left = 0;
    else if (all > 0 && v.tokens_per_second > 0)
        v.left = all > had + v.tokens_per_second ? (all - had) / v.tokens_per_second : 1;
    return v;
}

static void put_time(char *out, size_t size, double seconds) {
    unsigned long s = seconds < 1e9 ? (unsigned long)(seconds + 0.5) : 999999999;
    if (s >= 3600)
        snprintf(out, size, "%lu:%02lu:%02lu", s / 3600, s / 60 % 60, s % 60);
    else
        snprintf(out, size, "%lu:%02lu", s / 60, s % 60);
}

/* 3,412 */
static void put_count(char *out, size_t size, double v) {
    unsigned long n = v < 1e15 ? (unsigned long)(v + 0.5) : 0;
    char digits[32];
    size_t len = (size_t)snprintf(digits, sizeof digits, "%lu", n), at = 0;
    for (size_t i = 0; i < len && at + 2 < size; i++) {
        if (i && (len - i) % 3 == 0)
            out[at++] = ',';
        out[at++] = digits[i];
    }
    out[at] = 0;
}

static size_t add(char *out, size_t size, size_t at, size_t limit, const char *text) {
    size_t n = strlen(text);
    if (at + n > limit || at + n >= size)
        return at;
    memcpy(out + at, text, n + 1);
    return at + n;
}

size_t progress_bar(const struct progress_view *v, int width, char *out, size_t size) {
    size_t limit = width > 1 ? (size_t)width : 1, finished = v->done + v->failed;
    char parts[PARTS][64] = {{0}}, value[32];
    snprintf(parts[0], sizeof parts[0], "%zu/%zu chunks", finished, v->total);
    if (v->failed)
        snprintf(parts[1], sizeof parts[1], "  %zu failed", v->failed);
    if (v->to_roll) {
        snprintf(parts[2], sizeof parts[2], "  %zu/%zu roll-ups", v->rolled, v->to_roll);
    } else if (v->left >= 0) {
        put_time(value, sizeof value, v->left);
        snprintf(parts[2], sizeof parts[2], "  ETA %s", value);
    } else {
        snprintf(parts[2], sizeof parts[2], "  ETA --:--");
    }
    put_count(value, sizeof value, v->tokens_per_second);
    snprintf(parts[3], sizeof parts[3], "  %s tokens/s", value);
    put_time(value, sizeof value, v->seconds);
    snprintf(parts[4], sizeof parts[4], "  elapsed %s", value);
    if (v->known)
        snprintf(parts[5], sizeof parts[5], "  %zu from the store", v->known);
    if (v->memory)
        snprintf(parts[6], sizeof parts[6], "  %zu MB", v->memory / 1000000);
    size_t used = 0, at = 0;
    for (int i = 0; i < PARTS; i++)
        used += strlen(parts[i]);
    out[0] = 0;
    if (used + BAR_LEAST + 4 <= limit && v->total > 0) {
        size_t room = limit - used - 4, cells = room < BAR_MOST ? room : BAR_MOST;
        size_t full = finished >= v->total ? cells : cells * finished / v->total;
        char bar[BAR_MOST + 5] = "[";
        memset(bar + 1, '#', full);
        memset(bar + 1 + full, '-', cells - full);
        memcpy(bar + 1 + cells, "]  ", 4);
        at = add(out, size, at, limit, bar);
    }
    for (int i = 0; i < PARTS; i++)
        at = add(out, size, at, limit, parts[i]);
    return at;
}

size_t progress_plain(const struct progress_view *v, char *out, size_t size) {
    char left[32] = "unknown", elapsed[32], rate[32], known[48] = "", rolled[64] = "";
    char memory[32] = "", slowest[300] = "";
    if (v->left >= 0)
        put_time(left, sizeof left, v->left);
    put_time(elapsed, sizeof elapsed, v->seconds);
    put_count(rate, sizeof rate, v->tokens_per_second);
    if (v->known)
        snprintf(known, sizeof known, " (%zu from the store)", v->known);
    if (v->to_roll)
        snprintf(rolled, sizeof rolled, ", %zu/%zu roll-ups", v->rolled, v->to_roll);
    if (v->memory)
        snprintf(memory, sizeof memory, ", %zu MB", v->memory / 1000000);
    if (v->slowest)
        snprintf(slowest, sizeof slowest, ", slowest %.1f s (%s)", v->slowest_ms / 1000,
                 v->slowest);
    int n =
        snprintf(out, size, "%zu/%zu chunks%s, %zu failed%s, %s tokens/s, ETA %s, elapsed %s%s%s",
                 v->done + v->failed, v->total, known, v->failed, rolled, rate, left, elapsed,
                 memory, slowest);
    return n > 0 && (size_t)n < size ? (size_t)n : 0;
}

static struct progress_view view_now(struct progress *p, const struct run_stats *stats) {
    struct progress_view v = progress_view(p, stats, tokens_now(p));
    v.memory = memory_resident();
    return v;
}

static void plain_now(struct progress *p, const struct run_stats *stats) {
    char line[640];
    struct progress_view v = view_now(p, stats);
    if (progress_plain(&v, line, sizeof line))
        say_progress(line);
}

static void json_now(struct progress *p, const struct run_stats *stats, const char *event,
                     bool json) {
    struct buf b = {0};
    struct progress_view v = view_now(p, stats);
    progress_put_view(&b, event, &v);
    if (stats->interrupted)
        buf_str(&b, ", \"interrupted\": true");
    if (!buf_failed(&b) && json)
        say_json(b.data);
    else if (!buf_failed(&b))
        runlog_put(LOG_INFO, b.data);
    buf_free(&b);
}

void progress_show(struct progress *p, const struct run_stats *stats) {
    double now = stats->seconds + stats->rollup_seconds;
    if (!p->began) {
        p->began = tokens_now(p) > 0;
        p->idle = p->began ? p->idle : now;
    }
    if (p->quiet || now < p->next)
        return;
    if (p->mode == PROGRESS_JSON) {
        p->next = now + JSON_EVERY;
        json_now(p, stats, "progress", true);
        return;
    }
    if (!p->live) {
        p->next = now + PLAIN_EVERY;
        plain_now(p, stats);
        return;
    }
    p->next = now + LIVE_EVERY;
    char line[512];
    struct progress_view v = view_now(p, stats);
    progress_bar(&v, say_width() - 1, line, sizeof line); /* the last column may wrap */
    say_live(line);
}

void progress_end(struct progress *p, const struct run_stats *stats) {
    if (runlog_is_open())
        json_now(p, stats, "run", false);
    if (p->quiet)
        return;
    if (p->mode == PROGRESS_JSON) {
        json_now(p, stats, "run", true);
        return;
    }
    if (p->live)
        say_live(NULL);
    plain_now(p, stats);
}
