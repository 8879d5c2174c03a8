#include "cli/progress.h"

#include <stdio.h>
#include <string.h>

#include "cli/cli.h"

static const double LIVE_EVERY = 0.1, PLAIN_EVERY = 10; /* seconds */
static const double BYTES_A_TOKEN = 3; /* of source code; only until a chunk has finished */
enum { BAR_MOST = 40, BAR_LEAST = 8, PARTS = 6 };

static uint64_t tokens_of(struct engine *engine) {
    struct engine_stats es = {0};
    if (engine)
        engine_get_stats(engine, &es);
    return es.tokens_in + es.tokens_shared + es.tokens_out;
}

void progress_start(struct progress *p, struct engine *engine) {
    *p = (struct progress){.engine = engine, .quiet = say_is_quiet(), .live = say_is_live()};
    p->tokens_before = tokens_of(engine);
    p->next = p->live ? 0 : PLAIN_EVERY;
}

void progress_finished(struct progress *p, const struct summary *s) {
    if (s->known || s->level != SUMMARY_CHUNK)
        return;
    if (s->end_line >= s->start_line)
        p->lines_done += s->end_line - s->start_line + 1;
    p->tokens_done += s->tokens_in + s->tokens_out;
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
                              .left = -1};
    double had = (double)(tokens_live > p->tokens_done ? tokens_live : p->tokens_done);
    if (v.seconds > 0)
        v.tokens_per_second = had / v.seconds;
    double asked = (double)(stats->lines - stats->lines_known);
    double all = (double)stats->bytes / BYTES_A_TOKEN;
    if (p->lines_done > 0 && p->tokens_done > 0)
        all = (double)p->tokens_done / (double)p->lines_done * asked;
    else if (stats->lines > 0)
        all *= asked / (double)stats->lines;
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
    if (v->left >= 0)
        put_time(left, sizeof left, v->left);
    put_time(elapsed, sizeof elapsed, v->seconds);
    put_count(rate, sizeof rate, v->tokens_per_second);
    if (v->known)
        snprintf(known, sizeof known, " (%zu from the store)", v->known);
    if (v->to_roll)
        snprintf(rolled, sizeof rolled, ", %zu/%zu roll-ups", v->rolled, v->to_roll);
    int n = snprintf(out, size, "%zu/%zu chunks%s, %zu failed%s, %s tokens/s, ETA %s, elapsed %s",
                     v->done + v->failed, v->total, known, v->failed, rolled, rate, left, elapsed);
    return n > 0 && (size_t)n < size ? (size_t)n : 0;
}

static struct progress_view view_now(struct progress *p, const struct run_stats *stats) {
    return progress_view(p, stats, tokens_of(p->engine) - p->tokens_before);
}

static void plain_now(struct progress *p, const struct run_stats *stats) {
    char line[256];
    struct progress_view v = view_now(p, stats);
    if (progress_plain(&v, line, sizeof line))
        say_note(line);
}

void progress_show(struct progress *p, const struct run_stats *stats) {
    double now = stats->seconds + stats->rollup_seconds;
    if (p->quiet || now < p->next)
        return;
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
    if (p->quiet)
        return;
    if (p->live)
        say_live(NULL);
    plain_now(p, stats);
}
