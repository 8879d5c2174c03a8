#include "report/format.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

static bool alphanumeric(char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
           (unsigned char)c >= 0x80;
}

/* Only what would change the look is escaped, so that the source stays pleasant to read: an
 * underscore within a word is no emphasis (CommonMark 6.2), and most marks count only at the start
 * of a line. */
void markdown_text(FILE *f, const char *s) {
    for (size_t i = 0; s[i]; i++) {
        char c = s[i], before = i ? s[i - 1] : ' ', after = s[i + 1] ? s[i + 1] : ' ';
        bool within = alphanumeric(before) && alphanumeric(after);
        bool special = strchr("\\`*<[]|~$", c) != NULL || (c == '_' && !within) ||
                       (c == '&' && after != ' ') || (i == 0 && strchr("#>-+", c));
        if ((unsigned char)c < 0x20 || c == 0x7f)
            c = ' ';
        if (special)
            fputc('\\', f);
        fputc(c, f);
    }
}

/* A code span: fenced by more backticks than there are together inside (CommonMark 6.1). */
static void code_span(FILE *f, const char *s) {
    int longest = 0, run = 0;
    for (const char *p = s; *p; p++) {
        run = *p == '`' ? run + 1 : 0;
        longest = run > longest ? run : longest;
    }
    const char *pad = longest ? " " : "";
    for (int i = 0; i <= longest; i++)
        fputc('`', f);
    fputs(pad, f);
    for (const char *p = s; *p; p++)
        fputc((unsigned char)*p < 0x20 || *p == 0x7f ? '?' : *p, f);
    fputs(pad, f);
    for (int i = 0; i <= longest; i++)
        fputc('`', f);
}

void markdown_open(struct report *r) {
    const struct provenance *p = &r->p;
    FILE *f = r->f;
    fputs("# ", f);
    markdown_text(f, r->title);
    fputs("\n\nOne line for each chunk of code, written by the model ", f);
    code_span(f, p->model);
    fputs(
        " with precis " PRECIS_VERSION
        ". The number after a line is the mean\nprobability that the "
        "model gave to its words; it is not calibrated to that of the line being right.\n\nModel: ",
        f);
    code_span(f, p->model_revision);
    fputs(" (SHA-256), weights ", f);
    markdown_text(f, p->file_type);
    fputs(", computed in ", f);
    markdown_text(f, p->precision);
    fputs(" on ", f);
    markdown_text(f, p->isa);
    fprintf(f, ". Decoding: %s, seed %" PRIu64 ". Prompt: ", p->sampling, p->seed);
    code_span(f, p->prompt_version);
    fputs(".\n", f);
}

static int keep_failure(struct report *r, const struct summary *s, struct err *e) {
    void *grown = r->failures;
    bool room = array_grow(&grown, r->n_failures, &r->cap_failures, sizeof *r->failures);
    r->failures = grown;
    struct report_failure f = {
        .start_line = s->start_line, .end_line = s->end_line, .path = strdup(s->file_path)};
    f.error = strdup(s->error);
    if (!room || !f.path || !f.error) {
        free(f.path);
        free(f.error);
        return err_nomem(e, "report");
    }
    r->failures[r->n_failures++] = f;
    return 0;
}

static int heading(struct report *r, const struct summary *s, struct err *e) {
    if (r->path && strcmp(r->path, s->file_path) == 0)
        return 0;
    free(r->path);
    r->path = strdup(s->file_path);
    if (!r->path)
        return err_nomem(e, "report");
    fputs("\n## ", r->f);
    code_span(r->f, s->file_path);
    if (s->lang)
        fprintf(r->f, " (%s)", s->lang->title);
    fputs("\n\n", r->f);
    return 0;
}

static void lines(FILE *f, uint64_t first, uint64_t last) {
    if (first == 0)
        fputs("no lines", f); /* it could not even be read */
    else if (first == last)
        fprintf(f, "line %" PRIu64, first);
    else
        fprintf(f, "lines %" PRIu64 "-%" PRIu64, first, last);
}

int markdown_add(struct report *r, const struct summary *s, struct err *e) {
    int rc = heading(r, s, e);
    if (rc)
        return rc;
    fputs("- ", r->f);
    lines(r->f, s->start_line, s->end_line);
    fputs(": ", r->f);
    if (s->error) {
        fputs("*no summary* (why: see the end)\n", r->f);
        return keep_failure(r, s, e);
    }
    markdown_text(r->f, s->summary);
    fprintf(r->f, " (%.2f%s)\n", s->confidence, s->cut ? "; only the first lines were read" : "");
    return 0;
}

void markdown_failures(const struct report *r) {
    if (!r->n_failures)
        return;
    fputs("\n## Chunks without a summary\n\n", r->f);
    for (size_t i = 0; i < r->n_failures; i++) {
        const struct report_failure *x = &r->failures[i];
        fputs("- ", r->f);
        code_span(r->f, x->path);
        fputs(", ", r->f);
        lines(r->f, x->start_line, x->end_line);
        fputs(": ", r->f);
        markdown_text(r->f, x->error);
        fputc('\n', r->f);
    }
}
