#include "cli/failed.h"

#include <inttypes.h>

#include "base/utf8.h"

enum { MOST = 20 };

void failed_note(struct failed *f, const struct summary *s) {
    if (!s->error || s->level != SUMMARY_CHUNK)
        return;
    if (f->n++ >= MOST)
        return;
    size_t before = f->text.len;
    buf_printf(&f->text, "  %s:%" PRIu64 "-%" PRIu64 ": %s", s->file_path, s->start_line,
               s->end_line, s->error);
    if (!buf_failed(&f->text))
        utf8_blank_controls(f->text.data + before);
    buf_char(&f->text, '\n');
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
