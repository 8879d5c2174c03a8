#include "cli/failed.h"

#include <inttypes.h>

enum { MOST = 20 };

void failed_note(struct failed *f, const struct summary *s) {
    if (!s->error || s->level != SUMMARY_CHUNK)
        return;
    if (f->n++ < MOST)
        buf_printf(&f->text, "  %s:%" PRIu64 "-%" PRIu64 ": %s\n", s->file_path, s->start_line,
                   s->end_line, s->error);
}

void failed_write(const struct failed *f, FILE *out) {
    if (!f->n)
        return;
    fputs("Failed\n", out);
    if (!buf_failed(&f->text))
        fwrite(f->text.data, 1, f->text.len, out);
    if (f->n > MOST)
        fprintf(out, "  and %zu more\n", f->n - MOST);
}

void failed_free(struct failed *f) {
    buf_free(&f->text);
}
