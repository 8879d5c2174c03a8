/* RFC 4180: CRLF ends a record; fields that hold a comma, a quote or a line break are quoted,
 * quotes doubled. What is null in JSON is empty here. */
#include "report/format.h"

#include <inttypes.h>
#include <string.h>

static void field(FILE *f, const char *s) {
    size_t n = s ? strlen(s) : 0;
    if (!n)
        return;
    if (!strpbrk(s, ",\"\r\n") && s[0] != ' ' && s[n - 1] != ' ') {
        fputs(s, f);
        return;
    }
    fputc('"', f);
    for (; *s; s++) {
        if (*s == '"')
            fputc('"', f);
        fputc(*s, f);
    }
    fputc('"', f);
}

void csv_open(struct report *r) {
    static const char *const names[] = {REPORT_COLUMNS};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        fprintf(r->f, "%s%s", i ? "," : "", names[i]);
    fputs("\r\n", r->f);
}

static void fields(FILE *f, const char *const *values, size_t n) {
    for (size_t i = 0; i < n; i++) {
        fputc(',', f);
        field(f, values[i]);
    }
}

void csv_add(struct report *r, const struct summary *s) {
    const struct provenance *p = s->made ? s->made : &r->p;
    FILE *f = r->f;
    field(f, s->file_path);
    fprintf(f, ",%" PRIu64 ",%" PRIu64, s->start_line, s->end_line);
    const char *what[] = {s->lang ? s->lang->name : NULL, s->symbol, s->summary};
    fields(f, what, 3);
    fprintf(f, ",%.4f", s->confidence);
    const char *made[] = {s->source, p->model, p->model_revision, p->precision, p->prompt_version};
    fields(f, made, 5);
    fprintf(f, ",%zu,%zu,%.1f", s->tokens_in, s->tokens_out, s->elapsed_ms);
    const char *rest[] = {s->sha256, NULL, s->error, p->file_type, p->sampling};
    fields(f, rest, 5);
    fprintf(f, ",%" PRIu64 ",%s,%s,", p->seed, s->cut ? "true" : "false",
            report_level_name(s->level));
    field(f, s->renamed_from);
    fputs("\r\n", f);
}
