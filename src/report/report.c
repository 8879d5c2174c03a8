#include "report/report.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/utf8.h"
#include "report/format.h"

int report_format_parse(const char *name, enum report_format *out, struct err *e) {
    static const char *const names[] = {"md", "jsonl", "csv", "html"};
    for (int i = 0; i < 4; i++)
        if (strcmp(name, names[i]) == 0) {
            *out = (enum report_format)i;
            return 0;
        }
    return err_set(e, PRECIS_EUSAGE, "report format %s: not one of md, jsonl, csv, html", name);
}

const char *report_level_name(enum summary_level level) {
    static const char *const names[] = {"chunk", "file", "directory", "repository"};
    return names[level];
}

const char *report_cut_note(const struct report_row *row) {
    return !row->cut                     ? NULL
           : row->level == SUMMARY_CHUNK ? "only the first lines were read"
                                         : "only a part of what is in it was read";
}

static int check_written(const struct report *r, struct err *e) {
    return ferror(r->f) ? err_errno(e, "report", "write") : 0;
}

int report_open(FILE *f, enum report_format format, const char *title, const struct provenance *p,
                struct report **out, struct err *e) {
    *out = NULL;
    struct report *r = calloc(1, sizeof *r);
    if (r)
        r->title = strdup(title);
    if (!r || !r->title) {
        report_free(r);
        return err_nomem(e, "report");
    }
    r->f = f;
    r->format = format;
    r->p = *p;
    errno = 0;
    if (format == REPORT_CSV)
        csv_open(r);
    int rc = check_written(r, e);
    if (rc)
        report_free(r);
    else
        *out = r;
    return rc;
}

static int add(struct report *r, const struct summary *s, struct err *e) {
    int rc = 0;
    errno = 0;
    switch (r->format) {
    case REPORT_MARKDOWN:
    case REPORT_HTML:
        rc = report_tree_add(r, s, e);
        break;
    case REPORT_JSONL:
        rc = jsonl_add(r, s, e);
        break;
    case REPORT_CSV:
        csv_add(r, s);
        break;
    }
    return rc ? rc : check_written(r, e);
}

/* Reasons may quote names of files, which are bytes; reports are UTF-8. */
int report_add(struct report *r, const struct summary *s, struct err *e) {
    if (!s->error || utf8_valid(s->error, strlen(s->error)))
        return add(r, s, e);
    struct buf reason = {0};
    utf8_append_valid(&reason, s->error, strlen(s->error));
    struct summary valid = *s;
    valid.error = reason.data;
    int rc = buf_failed(&reason) ? err_nomem(e, "report") : add(r, &valid, e);
    buf_free(&reason);
    return rc;
}

int report_finish(struct report *r, const struct run_stats *stats, const struct engine_info *info,
                  struct err *e) {
    int rc = 0;
    errno = 0;
    bool html = r->format == REPORT_HTML;
    if (html || r->format == REPORT_MARKDOWN) {
        rc = report_tree_write(r, html ? &html_writer : &markdown_writer, e);
        if (rc == 0 && stats)
            report_statistics(r->f, stats, info, html ? STATISTICS_HTML : STATISTICS_MARKDOWN);
    }
    if (rc == 0 && html)
        html_close(r);
    fflush(r->f);
    return rc ? rc : check_written(r, e);
}

void report_free(struct report *r) {
    if (!r)
        return;
    report_tree_free(r);
    free(r->title);
    free(r);
}
