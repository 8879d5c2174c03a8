#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "api/inputs.h"
#include "base/file.h"
#include "base/utf8.h"
#include "cli/cli.h"
#include "code/chunk.h"
#include "code/metrics.h"

#define AT(member) offsetof(struct args, member)

/* What is known of a file. */
struct figures {
    const struct walk_file *file;
    struct metrics all;
    bool parsed; /* else lines and blank lines are all */
    struct metrics_functions functions;
    struct chunks chunks;  /* none, unless they are wanted */
    struct metrics *chunk; /* [chunks.n], owned */
    const char *text;      /* borrowed */
};

/* A function of the list of those with the highest complexity. */
struct worst {
    char *name; /* owned */
    const struct walk_file *file;
    struct metrics_function f;
};

struct sums {
    struct metrics all;
    size_t files, parsed, failed;
    struct worst *worst; /* [top] owned; highest first */
    size_t n, top;
};

/* ---- Measuring ---- */

static int measure_tree(const struct walk_file *file, const struct mapping *m, struct figures *f,
                        struct err *e) {
    struct tree t = {0};
    struct symbols s = {0};
    int rc = tree_parse(file->lang, (const char *)m->data, m->size, &t, e);
    if (rc == PRECIS_EUNSUPPORTED || rc == PRECIS_ELIMIT || rc == PRECIS_EINPUT)
        return 0;
    if (rc == 0)
        rc = symbols_find(&t, &s, e);
    if (rc == 0)
        rc = metrics_functions(&t, &s, &f->functions, e);
    if (rc == 0)
        rc = metrics_of_range(&t, &s, 1, UINT32_MAX, &f->all, e);
    for (size_t i = 0; rc == 0 && i < f->chunks.n; i++)
        rc = metrics_of_range(&t, &s, (uint32_t)f->chunks.v[i].start_line,
                              (uint32_t)f->chunks.v[i].end_line, &f->chunk[i], e);
    f->parsed = rc == 0;
    symbols_free(&s);
    tree_free(&t);
    return rc;
}

static void figures_free(struct figures *f) {
    metrics_functions_free(&f->functions);
    chunks_free(&f->chunks);
    free(f->chunk);
}

/* loc: lines in a chunk; 0: no chunks. */
static int measure(const struct walk_file *file, const struct mapping *m, uint64_t loc,
                   struct figures *f, struct err *e) {
    *f = (struct figures){.file = file, .text = (const char *)m->data};
    if (loc) {
        int rc = chunk_lines(m->data, m->size, loc, &f->chunks, e);
        if (rc == 0 && !(f->chunk = calloc(f->chunks.n + 1, sizeof *f->chunk)))
            rc = err_nomem(e, "metrics");
        if (rc)
            return rc;
    }
    if (file->lang && tree_knows(file->lang)) {
        int rc = measure_tree(file, m, f, e);
        if (rc || f->parsed)
            return rc;
    }
    metrics_of_text(f->text, m->size, &f->all);
    for (size_t i = 0; i < f->chunks.n; i++)
        metrics_of_text(f->text + f->chunks.v[i].offset, f->chunks.v[i].length, &f->chunk[i]);
    return 0;
}

static int keep_worst(struct sums *sums, const struct figures *f, const struct metrics_function *v,
                      struct err *e) {
    size_t at = sums->n;
    while (at > 0 && sums->worst[at - 1].f.complexity < v->complexity)
        at--;
    if (at == sums->top)
        return 0;
    char *name = v->name.end > v->name.start
                     ? strndup(f->text + v->name.start, v->name.end - v->name.start)
                     : strdup("(anonymous)");
    if (!name)
        return err_nomem(e, "metrics");
    utf8_blank_controls(name);
    if (sums->n == sums->top)
        free(sums->worst[--sums->n].name);
    memmove(sums->worst + at + 1, sums->worst + at, (sums->n - at) * sizeof *sums->worst);
    sums->worst[at] = (struct worst){.name = name, .file = f->file, .f = *v};
    sums->n++;
    return 0;
}

static int add(struct sums *sums, const struct figures *f, struct err *e) {
    struct metrics *all = &sums->all;
    int rc = 0;
    sums->files++;
    sums->parsed += f->parsed;
    all->lines += f->all.lines;
    all->code_lines += f->all.code_lines;
    all->comment_lines += f->all.comment_lines;
    all->blank_lines += f->all.blank_lines;
    all->functions += f->all.functions;
    all->complexity += f->all.complexity;
    if (f->all.nesting > all->nesting)
        all->nesting = f->all.nesting;
    if (f->all.max_complexity > all->max_complexity)
        all->max_complexity = f->all.max_complexity;
    for (size_t i = 0; i < f->functions.n && rc == 0; i++)
        rc = keep_worst(sums, f, &f->functions.v[i], e);
    return rc;
}

/* ---- JSON ---- */

static void json_count(struct buf *b, const char *name, uint32_t n, bool known) {
    if (known)
        buf_printf(b, ", \"%s\": %" PRIu32, name, n);
    else
        buf_printf(b, ", \"%s\": null", name);
}

/* What is not known of a file without a tree is null. */
static void json_metrics(struct buf *b, const struct metrics *m, bool known) {
    json_count(b, "lines", m->lines, true);
    json_count(b, "blank_lines", m->blank_lines, true);
    json_count(b, "code_lines", m->code_lines, known);
    json_count(b, "comment_lines", m->comment_lines, known);
    buf_str(b, ", \"comment_share\": ");
    if (known)
        json_put_number(b, metrics_comment_share(m), 4);
    else
        buf_str(b, "null");
    json_count(b, "function_count", m->functions, known);
    json_count(b, "nesting", m->nesting, known);
    json_count(b, "complexity", m->complexity, known);
    json_count(b, "max_complexity", m->max_complexity, known);
}

static void json_function(struct buf *b, const struct figures *f,
                          const struct metrics_function *v) {
    buf_str(b, "{\"name\": ");
    if (v->name.end > v->name.start)
        json_put_text(b, f->text + v->name.start, v->name.end - v->name.start);
    else
        buf_str(b, "null");
    buf_printf(
        b,
        ", \"start_line\": %" PRIu32 ", \"end_line\": %" PRIu32 ", \"complexity\": %" PRIu32
        ", \"code_lines\": %" PRIu32 ", \"parameters\": %" PRIu32 ", \"nesting\": %" PRIu32 "}",
        v->first_line, v->last_line, v->complexity, v->code_lines, v->parameters, v->nesting);
}

static void json_file(struct buf *b, const struct figures *f, bool first) {
    buf_str(b, first ? "{\"files\": [\n  {\"file_path\": " : ",\n  {\"file_path\": ");
    json_put_text(b, f->file->name, strlen(f->file->name));
    buf_str(b, ", ");
    json_put_member(b, "language", f->file->lang ? f->file->lang->name : NULL);
    buf_printf(b, ", \"parsed\": %s", f->parsed ? "true" : "false");
    json_metrics(b, &f->all, f->parsed);
    buf_str(b, ", \"functions\": [");
    for (size_t i = 0; i < f->functions.n; i++) {
        buf_str(b, i ? ",\n    " : "\n    ");
        json_function(b, f, &f->functions.v[i]);
    }
    buf_char(b, ']');
    for (size_t i = 0; i < f->chunks.n; i++) {
        buf_str(b, i ? ",\n    " : ", \"chunks\": [\n    ");
        buf_printf(b, "{\"start_line\": %" PRIu64 ", \"end_line\": %" PRIu64,
                   f->chunks.v[i].start_line, f->chunks.v[i].end_line);
        json_metrics(b, &f->chunk[i], f->parsed);
        buf_char(b, '}');
    }
    buf_str(b, f->chunks.n ? "]}" : "}");
}

/* ---- The table ---- */

static const char heading[] =
    "  lines    code comment  blank  functions nesting complexity  max  file\n";

static void table_row(struct buf *b, const struct metrics *m, bool parsed, const char *name) {
    char *shown = strdup(name);
    if (!shown) {
        b->failed = true;
        return;
    }
    utf8_blank_controls(shown);
    if (parsed)
        buf_printf(b,
                   "%7" PRIu32 " %7" PRIu32 " %6.1f%% %6" PRIu32 " %10" PRIu32 " %7" PRIu32
                   " %10" PRIu32 " %4" PRIu32 "  %s\n",
                   m->lines, m->code_lines, 100 * metrics_comment_share(m), m->blank_lines,
                   m->functions, m->nesting, m->complexity, m->max_complexity, shown);
    else
        buf_printf(b, "%7" PRIu32 " %7s %7s %6" PRIu32 " %10s %7s %10s %4s  %s\n", m->lines, "-",
                   "-", m->blank_lines, "-", "-", "-", "-", shown);
    free(shown);
}

static void table_chunks(struct buf *b, const struct figures *f) {
    char lines[64];
    for (size_t i = 0; i < f->chunks.n; i++) {
        snprintf(lines, sizeof lines, "  lines %" PRIu64 "-%" PRIu64, f->chunks.v[i].start_line,
                 f->chunks.v[i].end_line);
        table_row(b, &f->chunk[i], f->parsed, lines);
    }
}

static void table_worst(struct buf *b, const struct sums *sums) {
    if (sums->n)
        buf_str(b, "\ncomplexity    code parameters nesting  function\n");
    for (size_t i = 0; i < sums->n; i++) {
        const struct worst *v = &sums->worst[i];
        char *shown = strdup(v->file->name);
        if (!shown) {
            b->failed = true;
            return;
        }
        utf8_blank_controls(shown);
        buf_printf(b, "%10" PRIu32 " %7" PRIu32 " %10" PRIu32 " %7" PRIu32 "  %s  %s:%" PRIu32 "\n",
                   v->f.complexity, v->f.code_lines, v->f.parameters, v->f.nesting, v->name, shown,
                   v->f.first_line);
        free(shown);
    }
}

/* ---- The command ---- */

static int put(struct buf *b, struct err *e) {
    if (buf_failed(b))
        return err_nomem(e, "metrics");
    fwrite(b->data, 1, b->len, stdout);
    buf_clear(b);
    return 0;
}

static int put_file(const struct args *a, const struct walk_file *file, struct sums *sums,
                    struct buf *b, struct err *e) {
    struct mapping m;
    struct figures f;
    if (file_read(file->path, &m, e)) {
        say_error(e->text); /* went away since it was listed */
        sums->failed++;
        return 0;
    }
    int rc = measure(file, &m, a->loc, &f, e);
    if (rc == 0 && a->json) {
        json_file(b, &f, sums->files == 0);
    } else if (rc == 0) {
        table_row(b, &f.all, f.parsed, file->name);
        table_chunks(b, &f);
    }
    if (rc == 0)
        rc = add(sums, &f, e);
    figures_free(&f);
    file_unmap(&m);
    return rc ? rc : put(b, e);
}

static void put_sums(const struct args *a, const struct sums *sums, struct buf *b) {
    char title[64];
    if (a->json) {
        buf_str(b, sums->files ? "\n], \"total\": {" : "{\"files\": [], \"total\": {");
        buf_printf(b, "\"files\": %zu, \"parsed\": %zu", sums->files, sums->parsed);
        json_metrics(b, &sums->all, true);
        buf_str(b, "}}\n");
        return;
    }
    snprintf(title, sizeof title, "%zu file%s", sums->files, sums->files == 1 ? "" : "s");
    table_row(b, &sums->all, sums->parsed > 0, title);
    table_worst(b, sums);
}

static int run_metrics(const struct args *a, struct err *e) {
    struct walk_options options = args_files(a);
    struct walk w = {0};
    struct sums sums = {.top = a->json ? 0 : (size_t)a->top};
    struct buf b = {0};
    interrupt_flag();
    int rc = inputs_find(a->operands.v, a->operands.n, &options, &w, e);
    if (rc == 0 && sums.top) {
        sums.worst = calloc(sums.top + 1, sizeof *sums.worst);
        rc = sums.worst ? 0 : err_nomem(e, "metrics");
    }
    if (rc == 0 && !a->json)
        buf_str(&b, heading);
    for (size_t i = 0; i < w.n && rc == 0; i++)
        rc = interrupted() ? EXIT_INTERRUPTED : put_file(a, &w.files[i], &sums, &b, e);
    if (rc == 0) {
        put_sums(a, &sums, &b);
        rc = put(&b, e);
    }
    if (rc == 0)
        rc = flush_stdout(e);
    for (size_t i = 0; i < sums.n; i++)
        free(sums.worst[i].name);
    free(sums.worst);
    buf_free(&b);
    walk_free(&w);
    return rc ? rc : sums.failed ? EXIT_PARTIAL : EXIT_DONE;
}

static const struct option output[] = {{.name = "json",
                                        .harmless = true,
                                        .offset = AT(json),
                                        .help = "one JSON value with all files and functions"},
                                       {.name = "top",
                                        .harmless = true,
                                        .type = OPTION_NUMBER,
                                        .offset = AT(top),
                                        .argument = "N",
                                        .fallback = "10",
                                        .max = 100000,
                                        .help = "functions of the highest complexity to list"},
                                       {.name = "loc",
                                        .harmless = true,
                                        .type = OPTION_NUMBER,
                                        .offset = AT(loc),
                                        .argument = "N",
                                        .max = 1000000,
                                        .help = "of each chunk of N lines, too; 0: only of files"},
                                       {0}};
static const struct option_group group_output = {"Output", output};

static const struct option_group *const groups[] = {&group_output, &group_files, &group_general,
                                                    NULL};

const struct command command_metrics = {
    .name = "metrics",
    .operands = "PATH...",
    .needs_operand = true,
    .names = NAMES_FILE,
    .summary = "lines, comments, nesting and cyclomatic complexity of files and functions",
    .details =
        "Counts, for each source file below PATH, lines of code, of comments (also as a share of\n"
        "those that are not blank) and blank lines, functions, how deep control structures are\n"
        "nested, and the functions' cyclomatic complexity: their sum and the highest. Complexity\n"
        "is counted by the rules of lizard. Then the functions of the highest complexity follow.\n"
        "A file whose language has no grammar here, or that does not parse, has lines only.",
    .groups = groups,
    .examples =
        "  precis metrics src/\n"
        "  precis metrics --loc 300 --json src/ | jq '.files[].chunks[]'\n"
        "  precis metrics --top 30 --include '*.py' .\n"
        "  precis metrics --json src/ | jq '.files[].functions[] | select(.complexity > 15)'\n",
    .run = run_metrics,
};
