#include "report/format.h"

#include <inttypes.h>
#include <string.h>

#include "base/utf8.h"
#include "summary/folders.h"

enum { HEADING_MOST = 6 };

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
        int control = utf8_control(s + i, 2);
        if (control) {
            c = ' ';
            i += (size_t)control - 1;
        }
        if (special)
            fputc('\\', f);
        fputc(c, f);
    }
}

/* A code span: fenced by more backticks than there are together inside (CommonMark 6.1). What comes
 * after the text is plain. */
static void code_span_of(FILE *f, const char *s, const char *after) {
    int longest = 0, run = 0;
    for (const char *p = s; *p; p++) {
        run = *p == '`' ? run + 1 : 0;
        longest = run > longest ? run : longest;
    }
    const char *pad = longest ? " " : "";
    for (int i = 0; i <= longest; i++)
        fputc('`', f);
    fputs(pad, f);
    for (const char *p = s; *p; p++) {
        int control = utf8_control(p, 2);
        fputc(control ? '?' : *p, f);
        p += control ? control - 1 : 0;
    }
    fputs(after, f);
    fputs(pad, f);
    for (int i = 0; i <= longest; i++)
        fputc('`', f);
}

static void code_span(FILE *f, const char *s) {
    code_span_of(f, s, "");
}

/* With a '/' after it, so that it is not taken for a file. */
static void folder_name(FILE *f, const char *path) {
    code_span_of(f, path, "/");
}

/* A line with its confidence. */
static void said(FILE *f, const struct report_row *row) {
    if (row->failed) {
        fputs("*no summary* (why: see the end)", f);
        return;
    }
    const char *note = report_cut_note(row);
    markdown_text(f, row->text);
    fprintf(f, " (%.2f%s%s", row->confidence, note ? "; " : "", note ? note : "");
    if (row->renamed_from) {
        fputs("; renamed from ", f);
        code_span(f, row->renamed_from);
    }
    fputc(')', f);
}

/* The model is named here where the first sentence does not. */
static void write_origin(FILE *f, const struct tree_origin *o, bool named) {
    const struct provenance *p = o->made;
    fputs("\nModel", f);
    if (named) {
        fputc(' ', f);
        code_span(f, p->model);
        fprintf(f, " (%zu line%s)", o->lines, o->lines == 1 ? "" : "s");
    }
    fputs(": ", f);
    code_span(f, p->model_revision);
    fputs(" (SHA-256), weights ", f);
    markdown_text(f, p->file_type);
    fputs(", computed in ", f);
    markdown_text(f, p->precision);
    fputs(" on ", f);
    markdown_text(f, p->isa);
    fputs(". Decoding: ", f);
    markdown_text(f, p->sampling);
    fprintf(f, ", seed %" PRIu64 ". Prompt: ", p->seed);
    code_span(f, p->prompt_version);
    fputs(".\n", f);
}

static void write_head(struct report *r, const struct tree_top *top) {
    bool one = top->n_origins == 1;
    FILE *f = r->f;
    fputs("# ", f);
    markdown_text(f, r->title);
    if (top->whole) {
        fputs("\n\n", f);
        said(f, top->whole);
    }
    if (top->empty) {
        fputs("\n\nThere is no line in this report.\n", f);
        return;
    }
    fputs("\n\nOne line for each chunk of code, written by ", f);
    fputs(one ? "the model " : "small language models", f);
    if (one)
        code_span(f, top->origins->made->model);
    fputs(" with precis " PRECIS_VERSION
          ". The number after a line is the estimated\nprobability that it is acceptable: "
          "that its author would have said about the same, and nothing is invented.\n",
          f);
    if (top->rolled_up)
        fputs("Lines of files and folders are made from the lines of what is in them.\n", f);
    for (size_t i = 0; i < top->n_origins; i++)
        write_origin(f, &top->origins[i], !one);
}

static void place(FILE *f, const struct report_row *row) {
    if (row->start_line == 0)
        fputs("no lines", f); /* it could not even be read */
    else if (row->start_line == row->end_line)
        fprintf(f, "line %" PRIu64, row->start_line);
    else
        fprintf(f, "lines %" PRIu64 "-%" PRIu64, row->start_line, row->end_line);
    if (row->symbol) {
        fputs(", ", f);
        code_span(f, row->symbol);
    }
}

static void write_folder(struct report *r, const struct tree_folder *folder) {
    FILE *f = r->f;
    fputc('\n', f);
    for (size_t i = 0; i <= folder->depth && i < HEADING_MOST; i++)
        fputc('#', f);
    fputc(' ', f);
    folder_name(f, folder->path);
    fputc('\n', f);
    if (folder->row) {
        fputc('\n', f);
        said(f, folder->row);
        fputc('\n', f);
    }
}

static void begin_files(struct report *r) {
    fputc('\n', r->f);
}

/* A file of one chunk is one entry: it has one line. */
static void write_file(struct report *r, const struct report_row *row,
                       const struct report_row *chunks, size_t n) {
    FILE *f = r->f;
    fputs("- ", f);
    code_span(f, folders_base(chunks->path));
    if (chunks->lang)
        fprintf(f, " (%s)", chunks->lang->title);
    bool nested = n > 1 || report_is_part(row, chunks, n);
    if (nested && row) {
        fputs(": ", f);
        said(f, row);
    }
    for (size_t i = 0; i < n; i++) {
        fputs(nested ? "\n  - " : ", ", f);
        place(f, &chunks[i]);
        fputs(": ", f);
        said(f, &chunks[i]);
    }
    fputc('\n', f);
}

static void write_failures(struct report *r, const struct tree_top *top) {
    (void)top;
    bool any = false;
    for (size_t i = 0; i < r->n_rows; i++) {
        const struct report_row *x = &r->rows[i];
        if (!x->failed)
            continue;
        fputs(any ? "- " : "\n## Without a summary\n\n- ", r->f);
        any = true;
        if (x->level == SUMMARY_REPOSITORY)
            markdown_text(r->f, r->title);
        else if (x->level == SUMMARY_DIRECTORY)
            folder_name(r->f, x->path);
        else
            code_span(r->f, x->path);
        if (x->level == SUMMARY_CHUNK) {
            fputs(", ", r->f);
            place(r->f, x);
        }
        fputs(": ", r->f);
        markdown_text(r->f, x->text);
        fputc('\n', r->f);
    }
}

const struct tree_writer markdown_writer = {.head = write_head,
                                            .folder = write_folder,
                                            .files = begin_files,
                                            .file = write_file,
                                            .end = write_failures};
