#include "report/report.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "base/pool.h"
#include "report/format.h"

static const char not_measured[] = "not measured here: precis bench contracts";

/* Two or three columns of a table, kept until their widths are known. */
struct row {
    const char *label;
    char value[112];
    const char *verdict; /* NULL in tables of two columns */
};
struct table {
    struct row rows[32];
    size_t n;
};

static void add(struct table *t, const char *label, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static void add(struct table *t, const char *label, const char *format, ...) {
    struct row *row = &t->rows[t->n++];
    row->label = label;
    row->verdict = NULL;
    va_list ap;
    va_start(ap, format);
    vsnprintf(row->value, sizeof row->value, format, ap);
    va_end(ap);
}

static void judge(struct table *t, bool known, bool met) {
    t->rows[t->n - 1].verdict = !known ? "not known" : met ? "met" : "missed";
}

/* Digits in groups of three. */
static const char *grouped(uint64_t v, char out[32]) {
    char digits[24];
    int n = snprintf(digits, sizeof digits, "%" PRIu64, v);
    size_t o = 0;
    for (int i = 0; i < n; i++) {
        if (i && (n - i) % 3 == 0)
            out[o++] = ',';
        out[o++] = digits[i];
    }
    out[o] = 0;
    return out;
}

static double per(double a, double b) {
    return b > 0 ? a / b : 0;
}

static int ascending(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Nearest rank: the smallest value that at least p of them do not exceed. */
static double percentile(const double *sorted, size_t n, double p) {
    double exact = p * (double)n;
    size_t rank = (size_t)exact;
    rank += (double)rank < exact;
    return sorted[rank ? rank - 1 : 0];
}

static void add_latencies(struct table *t, const struct run_stats *s) {
    size_t n = s->n_latencies;
    double *sorted = n ? malloc(n * sizeof *sorted) : NULL;
    if (!sorted) {
        add(t, "Latency of a chunk", "not known");
        return;
    }
    memcpy(sorted, s->latencies_ms, n * sizeof *sorted);
    qsort(sorted, n, sizeof *sorted, ascending);
    add(t, "Latency of a chunk, from its prefill", "p50 %.2f s, p90 %.2f s, p99 %.2f s, max %.2f s",
        percentile(sorted, n, 0.50) / 1e3, percentile(sorted, n, 0.90) / 1e3,
        percentile(sorted, n, 0.99) / 1e3, sorted[n - 1] / 1e3);
    free(sorted);
}

/* Why chunks are left. */
static const char *ended_by(const struct run_stats *s) {
    return s->hung ? "the model hung" : "interrupted";
}

static void add_amounts(struct table *t, const struct run_stats *s) {
    char a[32], b[32];
    add(t, "Lines", "%s in %s files", grouped(s->lines, a), grouped(s->files, b));
    size_t left = s->chunks_total - s->chunks_done - s->chunks_failed;
    char done[32], failed[32];
    if (left)
        add(t, "Chunks", "%s: %s done, %s failed, %s not done (%s)", grouped(s->chunks_total, a),
            grouped(s->chunks_done, done), grouped(s->chunks_failed, failed), grouped(left, b),
            ended_by(s));
    else
        add(t, "Chunks", "%s: %s done, %s failed", grouped(s->chunks_total, a),
            grouped(s->chunks_done, done), grouped(s->chunks_failed, failed));
    if (s->chunks_known > s->chunks_first)
        add(t, "From the store", "%s of %s chunks", grouped(s->chunks_known - s->chunks_first, a),
            grouped(s->chunks_total, b));
    if (s->chunks_first)
        add(t, "By the small model", "%s of %s chunks", grouped(s->chunks_first, a),
            grouped(s->chunks_total, b));
    if (s->chunks_doc + s->chunks_rule)
        add(t, "Without the model", "%s by doc comment, %s by rule", grouped(s->chunks_doc, a),
            grouped(s->chunks_rule, b));
    if (s->retries + s->timeouts)
        add(t, "Attempts", "%s repeated after failures, %s timed out", grouped(s->retries, a),
            grouped(s->timeouts, b));
    if (s->breaker_opened)
        add(t, "Circuit breaker of the model", "%s; opened %s times, %s chunks went by it",
            breaker_state_name(s->breaker), grouped(s->breaker_opened, a),
            grouped(s->breaker_passed, b));
    if (s->by_lines)
        add(t, "Cut by lines, not by structure", "%s of %s files", grouped(s->by_lines, a),
            grouped(s->files, b));
    add(t, "Cut to the context window", "%s", grouped(s->cut, a));
}

/* Chunks that the model was asked about: what speed is measured on. */
static double generated(const struct run_stats *s) {
    return (double)(s->chunks_done - s->chunks_known + s->chunks_failed);
}

static void add_speed(struct table *t, const struct run_stats *s) {
    char a[32];
    double sec = s->seconds;
    double chunks = generated(s), lines = (double)(s->lines - s->lines_known);
    bool whole = s->chunks_total == s->chunks_done + s->chunks_failed;
    add(t, "Time", "%.1f s", sec);
    add(t, "Chunks per minute", "%.1f", per(60 * chunks, sec));
    if (whole) {
        add(t, "Lines per second", "%.0f", per(lines, sec));
        add(t, "Time for 300 lines", "%.2f s", per(300 * sec, lines));
    } else {
        add(t, "Lines per second", "not known (%s)", ended_by(s));
        add(t, "Time for 300 lines", "not known (%s)", ended_by(s));
    }
    add(t, "Tokens in", "%s (%.0f/s)", grouped(s->tokens_in, a), per((double)s->tokens_in, sec));
    add(t, "Tokens out", "%s (%.0f/s)", grouped(s->tokens_out, a), per((double)s->tokens_out, sec));
    add_latencies(t, s);
}

static double by_model(const struct run_stats *s) {
    return (double)(s->chunks_done - s->chunks_doc - s->chunks_rule);
}

static void add_quality(struct table *t, const struct run_stats *s) {
    double done = (double)s->chunks_done;
    add(t, "Success rate", "%.1f %%", 100 * per(done, done + (double)s->chunks_failed));
    add(t, "Mean confidence of the model's lines", "%.2f", per(s->confidence_sum, by_model(s)));
    add(t, "Different lines", "%.1f %%", 100 * per((double)s->distinct, done));
    add(t, "Longest line", "%zu characters", s->longest);
}

/* They have a time of their own, so that figures of chunks stay comparable. */
static void add_rollups(struct table *t, const struct run_stats *s) {
    char a[32], b[32];
    if (s->rollups_total)
        add(t, "Lines of files and folders", "%s done, %s failed, in %.1f s",
            grouped(s->rollups_done, a), grouped(s->rollups_failed, b), s->rollup_seconds);
}

static void add_machine(struct table *t, const struct run_stats *s, const struct engine_info *info,
                        const struct statistics_moment *m) {
    add(t, "Agents, lanes", "%d, %d (at most %d running together)", info->max_sequences,
        info->lanes, s->most_running);
    add(t, "Efficiency of the lanes", "%s", not_measured);
    if (m->memory_peak)
        add(t, "Most memory", "%.2f GB", (double)m->memory_peak / 1e9);
    else
        add(t, "Most memory", "not known");
    struct tm tm;
    char when[40] = "not known";
    if (gmtime_r(&m->when, &tm))
        strftime(when, sizeof when, "%Y-%m-%d %H:%M UTC", &tm);
    add(t, "Finished", "%s", when);
}

/* REQUIREMENTS A2, A5, A6 as far as a run can tell. */
static void contracts(struct table *t, const struct run_stats *s,
                      const struct statistics_moment *m) {
    double done = (double)s->chunks_done, chunks = done + (double)s->chunks_failed;
    double success = per(by_model(s), chunks), mean = per(s->confidence_sum, by_model(s));
    double asked = generated(s);
    double each = per(s->seconds, asked), rate = per(60 * asked, s->seconds);
    add(t, ">= 95 % of the chunks have a line by the model", "%.1f %%", 100 * success);
    judge(t, chunks > 0, success >= 0.95);
    add(t, "<= 120 characters in a line", "%zu", s->longest);
    judge(t, done > 0, s->longest <= 120);
    add(t, "mean confidence >= 0.60", "%.2f", mean);
    judge(t, done > 0, mean >= 0.60);
    add(t, "<= 2 s a chunk on average", "%.2f s", each);
    judge(t, asked > 0, each <= 2);
    add(t, ">= 20 chunks a minute", "%.1f", rate);
    judge(t, asked > 0 && s->seconds > 0, rate >= 20);
    add(t, "< 4 GB of memory", "%.2f GB", (double)m->memory_peak / 1e9);
    judge(t, m->memory_peak > 0, (double)m->memory_peak < 4e9);
    add(t, ">= 80 % of linear with more lanes", "%s", not_measured);
    judge(t, false, false);
}

static void write_text_table(FILE *f, const struct table *t) {
    int label = 0, value = 0;
    for (size_t i = 0; i < t->n; i++) {
        int a = (int)strlen(t->rows[i].label), b = (int)strlen(t->rows[i].value);
        label = a > label ? a : label;
        value = b > value ? b : value;
    }
    for (size_t i = 0; i < t->n; i++) {
        const struct row *r = &t->rows[i];
        if (r->verdict)
            fprintf(f, "  %-*s  %-*s  %s\n", label, r->label, value, r->value, r->verdict);
        else
            fprintf(f, "  %-*s  %s\n", label, r->label, r->value);
    }
}

static void write_markdown_table(FILE *f, const struct table *t, const char *head) {
    fputs(head, f);
    for (size_t i = 0; i < t->n; i++) {
        const struct row *r = &t->rows[i];
        if (r->verdict)
            fprintf(f, "| %s | %s | %s |\n", r->label, r->value, r->verdict);
        else
            fprintf(f, "| %s | %s |\n", r->label, r->value);
    }
}

static void write_html_table(FILE *f, const struct table *t) {
    fputs("<div class=scroll><table>\n", f);
    for (size_t i = 0; i < t->n; i++) {
        const char *const cells[] = {t->rows[i].label, t->rows[i].value, t->rows[i].verdict};
        fputs("<tr>", f);
        for (size_t k = 0; k < 3 && cells[k]; k++) {
            fputs(k ? "<td>" : "<th scope=row>", f);
            html_text(f, cells[k]);
        }
        fputc('\n', f);
    }
    fputs("</table></div>\n", f);
}

static void write_table(FILE *f, const struct table *t, enum statistics_form form,
                        const char *head) {
    if (form == STATISTICS_HTML)
        write_html_table(f, t);
    else if (form == STATISTICS_MARKDOWN)
        write_markdown_table(f, t, head);
    else
        write_text_table(f, t);
}

void statistics_write(FILE *f, const struct run_stats *stats, const struct engine_info *info,
                      const struct statistics_moment *moment, enum statistics_form form) {
    static const char *const figures[] = {"Statistics\n", "\n## Statistics\n\n",
                                          "<h2>Statistics</h2>\n"};
    static const char *const kept[] = {"Contracts\n", "\n### Contracts\n\n",
                                       "<h3>Contracts</h3>\n"};
    struct table t = {.n = 0};
    add_amounts(&t, stats);
    add_speed(&t, stats);
    add_quality(&t, stats);
    add_rollups(&t, stats);
    add_machine(&t, stats, info, moment);
    fputs(figures[form], f);
    write_table(f, &t, form, "| Figure | Value |\n|:--|:--|\n");
    t.n = 0;
    contracts(&t, stats, moment);
    fputs(kept[form], f);
    write_table(f, &t, form, "| Contract | Measured | |\n|:--|:--|:--|\n");
}

void report_statistics(FILE *f, const struct run_stats *stats, const struct engine_info *info,
                       enum statistics_form form) {
    struct statistics_moment moment = {memory_peak(), time(NULL)};
    /* reproducible-builds.org: the moment to print instead of now */
    const char *fixed = getenv("SOURCE_DATE_EPOCH");
    if (fixed && *fixed)
        moment.when = (time_t)strtoll(fixed, NULL, 10);
    statistics_write(f, stats, info, &moment, form);
}
