/* The HTML report: one page of nested lists in details elements, so that it is a tree without any
 * script; the script adds the search. Every text goes through html_text, and the page's
 * Content-Security-Policy lets nothing run or be loaded but the style and script that are in it. */
#include "report/format.h"

#include <inttypes.h>
#include <string.h>

#include "report/page.h"
#include "summary/folders.h"

enum { OPEN_FILES = 400 /* more of them are shown once a reader opens their folder */ };

void html_text(FILE *f, const char *s) {
    for (; *s; s++)
        switch (*s) {
        case '&':
            fputs("&amp;", f);
            break;
        case '<':
            fputs("&lt;", f);
            break;
        case '>':
            fputs("&gt;", f);
            break;
        case '"':
            fputs("&quot;", f);
            break;
        case '\'':
            fputs("&#39;", f);
            break;
        default:
            fputc((unsigned char)*s < 0x20 || *s == 0x7f ? ' ' : *s, f);
        }
}

static void element(FILE *f, const char *open, const char *text, const char *close) {
    fputs(open, f);
    html_text(f, text);
    fputs(close, f);
}

/* How a line was made: what a reader sees who points at its confidence or tabs to it. */
static void provenance(FILE *f, const struct report_row *row) {
    static const char *const sources[] = {"Written by the model", "From a doc comment", "By rule"};
    const struct provenance *p = row->made;
    char revision[13]; /* enough to tell it from others; all of it is at the end of the page */
    fputs("<span class=p role=tooltip>", f);
    fprintf(f, "%s.\n%s: ", sources[row->source],
            row->source == ROW_MODEL ? "Model" : "Model of the run");
    html_text(f, p->model);
    fputs("\nRevision: ", f);
    snprintf(revision, sizeof revision, "%s", p->model_revision);
    html_text(f, revision);
    fputs("\nPrecision: ", f);
    html_text(f, p->precision);
    fputs(", weights ", f);
    html_text(f, p->file_type);
    fputs("\nPrompt: ", f);
    html_text(f, p->prompt_version);
    fputs(", ", f);
    html_text(f, p->sampling);
    fprintf(f, "\nTokens: %zu in, %zu out\nTime: %.2f s</span>", row->tokens_in, row->tokens_out,
            row->elapsed_ms / 1e3);
}

/* The line with its confidence, or why there is none. */
static void said(FILE *f, const struct report_row *row) {
    if (row->failed) {
        element(f, " <span class=w>no line: ", row->text, "</span>");
        return;
    }
    static const char *const sources[] = {"", "doc comment", "by rule"};
    element(f, " <span class=l>", row->text, "");
    if (row->source != ROW_MODEL)
        fprintf(f, " <span class=g>%s</span>", sources[row->source]);
    if (row->cut)
        fprintf(f, " <span class=g>%s</span>", report_cut_note(row));
    if (row->renamed_from)
        element(f, " <span class=g>renamed from ", row->renamed_from, "</span>");
    int tenths = (int)(row->confidence * 10 + 0.5);
    fprintf(f, "</span> <span class=\"q q%d\" tabindex=0>%.2f", tenths, row->confidence);
    provenance(f, row);
    fputs("</span>", f);
}

static void write_policy(FILE *f) {
    fprintf(f,
            "<meta http-equiv=Content-Security-Policy content=\"default-src 'none'; style-src "
            "'%s'; script-src '%s'; base-uri 'none'; form-action 'none'\">\n",
            page_style_hash, page_script_hash);
}

static void write_about(const struct report *r, const struct tree_top *top) {
    FILE *f = r->f;
    if (top->empty) {
        fputs("<p class=about>There is no line in this report.</p>\n", f);
        return;
    }
    fputs("<p class=about>One line for each chunk of code, by small language models on one machine "
          "(precis " PRECIS_VERSION "). The number after a line is the estimated probability that "
          "it is acceptable: that its author would have said about the same, and nothing is "
          "invented. Point at it, or tab to it, to see how the line was made.",
          f);
    if (top->rolled_up)
        fputs(" Lines of files and folders are made from the lines of what is in them.", f);
    fputs("</p>\n", f);
}

static void write_head(struct report *r, const struct tree_top *top) {
    FILE *f = r->f;
    r->many = top->files > OPEN_FILES;
    fputs("<!doctype html>\n<html lang=en>\n<meta charset=utf-8>\n", f);
    write_policy(f);
    fputs("<meta name=viewport content=\"width=device-width, initial-scale=1\">\n"
          "<meta name=referrer content=no-referrer>\n",
          f);
    element(f, "<title>", r->title, "</title>\n<style>");
    fprintf(f, "%s</style>\n<body>\n<header>\n", page_style);
    element(f, "<h1>", r->title, "</h1>\n");
    if (top->whole) {
        fputs("<div class=lead>", f);
        said(f, top->whole);
        fputs("</div>\n", f);
    }
    write_about(r, top);
    fputs("</header>\n<form id=find role=search hidden>"
          "<input id=words type=search placeholder=\"Search names and lines  ( / )\" "
          "aria-label=\"Search names and lines\" autocomplete=off spellcheck=false>"
          "<output id=said for=words></output>"
          "<button id=open type=button>Open all</button>"
          "<button id=close type=button>Close all</button></form>\n"
          "<main>\n<ul class=tree id=tree>\n",
          f);
}

static void close_folders(struct report *r, size_t depth) {
    for (; r->depth > depth; r->depth--)
        fputs("</ul></details>\n", r->f);
}

static void write_folder(struct report *r, const struct tree_folder *folder) {
    FILE *f = r->f;
    close_folders(r, folder->depth - 1);
    r->depth++;
    fprintf(f, "<li class=d><details%s><summary class=r>",
            r->many && folder->depth > 1 ? "" : " open");
    element(f, "<span class=n>", folder->name, "/</span>");
    if (folder->row)
        said(f, folder->row);
    fputs("</summary><ul>\n", f);
}

static void write_place(FILE *f, const struct report_row *row) {
    if (row->start_line == 0)
        fputs("no lines", f);
    else if (row->start_line == row->end_line)
        fprintf(f, "%" PRIu64, row->start_line);
    else
        fprintf(f, "%" PRIu64 "\xe2\x80\x93%" PRIu64, row->start_line, row->end_line);
    if (row->symbol)
        element(f, " <code>", row->symbol, "</code>");
}

static void write_name(FILE *f, const struct report_row *chunk) {
    element(f, "<span class=n>", folders_base(chunk->path), "");
    if (chunk->lang)
        element(f, " <span class=g>", chunk->lang->title, "</span>");
}

/* A file of one chunk is one entry: it has one line. */
static void write_file(struct report *r, const struct report_row *row,
                       const struct report_row *chunks, size_t n) {
    FILE *f = r->f;
    if (n == 1 && !report_is_part(row, chunks, n)) {
        fputs("<li class=f><div class=r>", f);
        write_name(f, chunks);
        fputs(" <span class=s>", f);
        write_place(f, chunks);
        fputs("</span></span>", f);
        said(f, chunks);
        fputs("</div>\n", f);
        return;
    }
    fputs("<li class=f><details><summary class=r>", f);
    write_name(f, chunks);
    fputs("</span>", f);
    if (row)
        said(f, row);
    else
        fprintf(f, " <span class=w>%zu chunks</span>", n);
    fputs("</summary><ul>\n", f);
    for (size_t i = 0; i < n; i++) {
        fputs("<li class=c><div class=r><span class=n>", f);
        write_place(f, &chunks[i]);
        fputs("</span>", f);
        said(f, &chunks[i]);
        fputs("</div>\n", f);
    }
    fputs("</ul></details>\n", f);
}

static void write_origin(FILE *f, const struct provenance *p) {
    const char *const cells[] = {p->model,     p->model_revision, p->precision, p->isa,
                                 p->file_type, p->prompt_version, p->sampling};
    fputs("<tr>", f);
    for (size_t i = 0; i < sizeof cells / sizeof *cells; i++)
        element(f, "<td>", cells[i], "");
    fprintf(f, "<td>%" PRIu64 "\n", p->seed);
}

static void write_origins(FILE *f, const struct tree_top *top) {
    fputs("<h2>How the lines were made</h2>\n<div class=scroll><table>\n<tr><th>Model<th>Revision "
          "(SHA-256)<th>Precision<th>Instructions<th>Weights<th>Prompt<th>Decoding<th>Seed\n",
          f);
    for (size_t i = 0; i < top->n_origins; i++)
        write_origin(f, top->origins[i].made);
    fputs("</table></div>\n", f);
}

static void write_end(struct report *r, const struct tree_top *top) {
    close_folders(r, 0);
    fputs("</ul>\n</main>\n<footer>\n", r->f);
    if (!top->empty)
        write_origins(r->f, top);
}

void html_close(struct report *r) {
    fprintf(r->f, "</footer>\n<script>%s</script>\n", page_script);
}

const struct tree_writer html_writer = {
    .head = write_head, .folder = write_folder, .file = write_file, .end = write_end};
