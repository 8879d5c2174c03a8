#include "cli/transfer.h"

#include <stdio.h>
#include <string.h>

#include "base/pool.h"
#include "cli/cli.h"

static const double PLAIN_EVERY = 5, MARK_EVERY = 4; /* seconds */
enum { BAR_MOST = 40, BAR_LEAST = 8 };

void transfer_start(struct transfer *t) {
    double now = clock_seconds();
    *t = (struct transfer){.quiet = say_is_quiet(),
                           .live = say_is_live(),
                           .next = now + PLAIN_EVERY,
                           .marks = {{.at = now}, {.at = now}}};
}

static double rate_now(struct transfer *t, double now, uint64_t bytes) {
    if (bytes < t->marks[1].bytes) /* what came was wrong and is got again */
        t->marks[0].bytes = t->marks[1].bytes = bytes;
    if (now - t->marks[1].at >= MARK_EVERY) {
        t->marks[0] = t->marks[1];
        t->marks[1].at = now;
        t->marks[1].bytes = bytes;
    }
    double seconds = now - t->marks[0].at;
    return seconds > 0 ? (double)(bytes - t->marks[0].bytes) / seconds : 0;
}

size_t transfer_bytes(char *out, size_t size, double bytes) {
    static const char *const units[] = {"B", "kB", "MB", "GB", "TB"};
    int u = 0;
    while (bytes >= 999.95 && u < 4)
        bytes /= 1000, u++;
    int n = snprintf(out, size, u ? "%.1f %s" : "%.0f %s", bytes, units[u]);
    return n > 0 && (size_t)n < size ? (size_t)n : 0;
}

static void put_left(char *out, size_t size, const struct transfer_view *v) {
    double left = v->rate > 0 ? (double)(v->total - v->done) / v->rate : -1;
    if (left < 0 || left > 360000)
        snprintf(out, size, "--:--");
    else if (left >= 3600)
        snprintf(out, size, "%d:%02d:%02d", (int)left / 3600, (int)left / 60 % 60, (int)left % 60);
    else
        snprintf(out, size, "%d:%02d", (int)left / 60, (int)left % 60);
}

static const char *base_name(const char *path) {
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

/* Bytes of names from outside are ASCII on the screen. */
static void put_name(char *out, size_t size, const char *path) {
    snprintf(out, size, "%s", base_name(path));
    for (char *p = out; *p; p++)
        if (*p < 0x20 || *p > 0x7e)
            *p = '?';
}

size_t transfer_bar(const struct transfer_view *v, int width, char *out, size_t size) {
    char name[40], done[32], total[32], rate[32], left[32], parts[4][80], bar[BAR_MOST + 6] = "";
    put_name(name, sizeof name, v->name);
    transfer_bytes(done, sizeof done, (double)v->done);
    transfer_bytes(total, sizeof total, (double)v->total);
    transfer_bytes(rate, sizeof rate, v->rate);
    put_left(left, sizeof left, v);
    snprintf(parts[0], sizeof parts[0], "%s  ", name);
    snprintf(parts[1], sizeof parts[1], "%s/%s", done, total);
    snprintf(parts[2], sizeof parts[2], "  %s/s", rate);
    snprintf(parts[3], sizeof parts[3], "  ETA %s", left);
    size_t limit = width > 1 ? (size_t)width : 1, used = 0, at = 0;
    for (int i = 0; i < 4; i++)
        used += strlen(parts[i]);
    if (used + BAR_LEAST + 4 <= limit && v->total > 0) {
        size_t room = limit - used - 4, cells = room < BAR_MOST ? room : BAR_MOST;
        size_t full = v->done >= v->total
                          ? cells
                          : (size_t)((double)cells * (double)v->done / (double)v->total);
        bar[0] = '[';
        memset(bar + 1, '#', full);
        memset(bar + 1 + full, '-', cells - full);
        memcpy(bar + 1 + cells, "]  ", 4);
    }
    const char *const order[] = {parts[0], bar, parts[1], parts[2], parts[3]};
    out[0] = 0;
    for (int i = 0; i < 5; i++) {
        size_t n = strlen(order[i]);
        if (at + n > limit || at + n >= size)
            continue;
        memcpy(out + at, order[i], n + 1);
        at += n;
    }
    return at;
}

size_t transfer_plain(const struct transfer_view *v, char *out, size_t size) {
    char name[80], done[32], total[32], rate[32], left[32];
    put_name(name, sizeof name, v->name);
    transfer_bytes(done, sizeof done, (double)v->done);
    transfer_bytes(total, sizeof total, (double)v->total);
    transfer_bytes(rate, sizeof rate, v->rate);
    put_left(left, sizeof left, v);
    int n = snprintf(out, size, "%s: %s of %s, %s/s, ETA %s", name, done, total, rate, left);
    return n > 0 && (size_t)n < size ? (size_t)n : 0;
}

void transfer_show(struct transfer *t, const char *name, uint64_t done, uint64_t total,
                   uint64_t had) {
    char line[512];
    double now = clock_seconds(), rate = rate_now(t, now, done > had ? done - had : 0);
    if (t->quiet || (!t->live && now < t->next))
        return;
    t->next = now + PLAIN_EVERY;
    struct transfer_view v = {
        .name = name, .done = done, .total = total < done ? done : total, .rate = rate};
    if (t->live) {
        transfer_bar(&v, say_width() - 1, line, sizeof line); /* the last column may wrap */
        say_live(line);
    } else if (transfer_plain(&v, line, sizeof line)) {
        say_note(line);
    }
}

void transfer_end(struct transfer *t) {
    if (!t->quiet && t->live)
        say_live(NULL);
}
