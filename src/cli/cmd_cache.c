/* precis cache: the store as a cache that is looked at, tidied and shared. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/file.h"
#include "base/utf8.h"
#include "cli/asked_store.h"
#include "cli/cli.h"
#include "cli/input_text.h"
#include "cli/shared.h"
#include "store/cache.h"
#include "store/entries.h"

#define AT(member) offsetof(struct args, member)

enum { DAY = 86400 };

/* ---- stats ---- */

static int add_source(void *user, const char *source, uint64_t lines, struct err *e) {
    struct buf *b = user;
    buf_str(b, b->len > 1 ? ", " : "");
    json_put_string(b, source, strlen(source));
    buf_printf(b, ": %" PRIu64, lines);
    return buf_failed(b) ? err_nomem(e, source) : 0;
}

static int say_source(void *user, const char *source, uint64_t lines, struct err *e) {
    struct buf *b = user;
    buf_printf(b, "  by %-20s %" PRIu64 "\n", source, lines);
    return buf_failed(b) ? err_nomem(e, source) : 0;
}

static int add_revision(void *user, const struct store_revision *r, struct err *e) {
    struct buf *b = user;
    buf_str(b, b->len > 1 ? ", " : "");
    buf_str(b, "{\"model\": ");
    json_put_string(b, r->model, strlen(r->model));
    buf_str(b, ", \"model_revision\": ");
    json_put_string(b, r->model_revision, strlen(r->model_revision));
    buf_str(b, ", \"prompt_version\": ");
    json_put_string(b, r->prompt_version, strlen(r->prompt_version));
    buf_printf(b, ", \"lines\": %" PRIu64 ", \"first_at\": %" PRId64 ", \"last_at\": %" PRId64 "}",
               r->lines, r->first_at, r->last_at);
    return buf_failed(b) ? err_nomem(e, r->model) : 0;
}

static int say_revision(void *user, const struct store_revision *r, struct err *e) {
    struct buf *b = user;
    buf_printf(b, "  %s, revision %.12s, prompt %s: %" PRIu64 "\n", r->model, r->model_revision,
               r->prompt_version, r->lines);
    return buf_failed(b) ? err_nomem(e, r->model) : 0;
}

static void put_day(struct buf *b, const char *label, int64_t at) {
    char text[32] = "-";
    struct tm tm;
    const time_t t = (time_t)at;
    if (at && gmtime_r(&t, &tm))
        strftime(text, sizeof text, "%Y-%m-%d", &tm);
    buf_printf(b, "%-25s%s\n", label, text);
}

static int put_stats(struct store *s, const struct store_stats *n, struct buf *b, struct err *e) {
    char *path = strdup(store_path(s));
    if (!path)
        return err_nomem(e, store_path(s));
    utf8_blank_controls(path);
    buf_printf(b, "%-25s%s\n", "Store", path);
    free(path);
    buf_printf(b, "%-25s%.1f MB\n", "Size", (double)n->bytes / 1e6);
    buf_printf(b, "%-25s%" PRIu64 " at %" PRIu64 " places of %" PRIu64 " files and folders\n",
               "Lines", n->lines, n->places, n->files);
    int rc = store_sources(s, say_source, b, e);
    if (rc == 0)
        rc = store_revisions(s, say_revision, b, e);
    buf_printf(b, "%-25s%" PRIu64 "\n", "Asked in vain", n->unanswered);
    buf_printf(b, "%-25s%" PRIu64 "\n", "Runs", n->runs);
    put_day(b, "Oldest line", n->first_at);
    put_day(b, "Newest line", n->last_at);
    return rc;
}

static int put_json(struct store *s, const struct store_stats *n, struct buf *b, struct err *e) {
    struct buf sources = {0}, revisions = {0};
    buf_char(&sources, '{');
    buf_char(&revisions, '[');
    int rc = store_sources(s, add_source, &sources, e);
    if (rc == 0)
        rc = store_revisions(s, add_revision, &revisions, e);
    if (rc == 0 && (buf_failed(&sources) || buf_failed(&revisions)))
        rc = err_nomem(e, "statistics");
    if (rc == 0)
        buf_printf(b,
                   "{\"lines\": %" PRIu64 ", \"places\": %" PRIu64 ", \"files\": %" PRIu64
                   ", \"unanswered\": %" PRIu64 ", \"runs\": %" PRIu64 ", \"bytes\": %" PRIu64
                   ", \"first_at\": %" PRId64 ", \"last_at\": %" PRId64
                   ", \"sources\": %s}, \"revisions\": %s]}\n",
                   n->lines, n->places, n->files, n->unanswered, n->runs, n->bytes, n->first_at,
                   n->last_at, sources.data, revisions.data);
    buf_free(&sources);
    buf_free(&revisions);
    return rc;
}

static int run_stats(const struct args *a, struct err *e) {
    struct store *s;
    struct store_stats n;
    struct buf b = {0};
    int rc = asked_store_open(a, NULL, STORE_READ, &s, e);
    if (rc == 0)
        rc = store_read_begin(s, e); /* of one moment: others may write */
    if (rc == 0)
        rc = store_stats(s, &n, e);
    if (rc == 0)
        rc = a->json ? put_json(s, &n, &b, e) : put_stats(s, &n, &b, e);
    if (rc == 0 && buf_failed(&b))
        rc = err_nomem(e, "statistics");
    if (rc == 0) {
        fwrite(b.data, 1, b.len, stdout);
        rc = flush_stdout(e);
    }
    buf_free(&b);
    store_close(s);
    return rc;
}

/* ---- gc ---- */

static int run_gc(const struct args *a, struct err *e) {
    struct store *s;
    struct store_freed freed;
    struct store_gc o = {.gone = a->gone, .dry_run = a->dry_run};
    size_t matched;
    int rc = asked_store_open(a, NULL, STORE_WRITE, &s, e);
    o.before = (int64_t)time(NULL) - (int64_t)a->days * DAY;
    if (rc == 0)
        rc = store_gc(s, &o, &freed, e);
    if (rc == 0 && !a->dry_run)
        rc = store_match_summaries(s, &matched, e);
    if (rc == 0) {
        printf("%s %" PRIu64 " lines at %" PRIu64 " places and %" PRIu64 " notes of no answer",
               a->dry_run ? "would remove" : "removed", freed.lines, freed.places,
               freed.unanswered);
        if (!a->dry_run)
            printf("; %.1f MB, before %.1f MB", (double)freed.bytes_after / 1e6,
                   (double)freed.bytes_before / 1e6);
        putchar('\n');
        rc = flush_stdout(e);
    }
    store_close(s);
    return rc;
}

/* ---- export, import ---- */

static int run_export(const struct args *a, struct err *e) {
    struct store *s;
    struct outfile out;
    struct shared_count n;
    int rc = asked_store_open(a, NULL, STORE_READ, &s, e);
    if (rc)
        return rc;
    interrupt_flag();
    rc = outfile_open(&out, a->operands.v[0], e);
    if (rc == 0) {
        interrupt_note_temp(out.temp);
        rc = shared_write(s, out.f, &n, e);
        if (rc == 0 && interrupted())
            rc = EXIT_INTERRUPTED;
        if (rc == 0)
            rc = outfile_commit(&out, e);
        else
            outfile_abort(&out);
        interrupt_note_temp(NULL);
    }
    store_close(s);
    if (rc)
        return rc;
    char line[160];
    snprintf(line, sizeof line,
             "%zu lines; %zu left out, of files outside of the root, of an older precis, or rated "
             "and replaced",
             n.lines, n.left);
    say_note(line);
    return 0;
}

static int run_import(const struct args *a, struct err *e) {
    struct store *s = NULL;
    struct buf text = {0};
    struct shared_lines lines = {0};
    struct shared_count n;
    const char *path = a->operands.v[0];
    int rc = input_read(path, &text, e);
    if (rc == 0)
        rc = shared_parse(strcmp(path, "-") == 0 ? "standard input" : path, &text, &lines, e);
    buf_free(&text);
    if (rc == 0)
        rc = asked_store_open(a, NULL, STORE_CREATE, &s, e);
    if (rc == 0)
        rc = shared_put(s, &lines, &n, e);
    if (rc == 0) {
        printf("%zu lines, %zu of them new\n", n.lines, n.added);
        rc = flush_stdout(e);
    }
    store_close(s);
    shared_lines_free(&lines);
    return rc;
}

static const struct option where[] = {
    {.name = "store",
     .type = OPTION_TEXT,
     .names = NAMES_FOLDER,
     .offset = AT(store),
     .argument = "DIR",
     .help = "the folder whose .precis has the store; without it: the nearest at or above the "
             "current one, within its git work tree"},
    {0}};
static const struct option_group group_where = {"Store", where};

static const struct option removing[] = {
    {.name = "days",
     .type = OPTION_NUMBER,
     .offset = AT(days),
     .argument = "N",
     .fallback = "30",
     .max = 100000,
     .help = "lines stay that a run of the last N days had"},
    {.name = "gone",
     .offset = AT(gone),
     .help = "remove at once what belongs to files that are not there any more; else it stays as "
             "long as other lines, for another branch may have them"},
    {.name = "dry-run", .offset = AT(dry_run), .help = "remove nothing, say what would be"},
    {0}};
static const struct option_group group_removing = {"Removing", removing};

static const struct option_group *const stats_groups[] = {&group_where, &group_json, &group_general,
                                                          NULL};
static const struct option_group *const gc_groups[] = {&group_where, &group_removing,
                                                       &group_general, NULL};
static const struct option_group *const file_groups[] = {&group_where, &group_general, NULL};

const struct command command_cache_stats = {
    .name = "cache stats",
    .summary = "what the store has: lines by model, prompt and source, size, age",
    .details = "Counts the lines of the store, by their source and by what they were made with.",
    .groups = stats_groups,
    .run = run_stats,
};

const struct command command_cache_gc = {
    .name = "cache gc",
    .summary = "remove lines that no run has had for long",
    .details =
        "Removes lines that no run of the last 30 days had (--days), and gives their room back\n"
        "to the disk. Rated lines stay, and lines of the pinned revision. Says what went.",
    .groups = gc_groups,
    .run = run_gc,
};

const struct command command_cache_export = {
    .name = "cache export",
    .operands = "FILE",
    .needs_operand = true,
    .names = NAMES_FILE,
    .summary = "write the lines of the store into a file, to share them",
    .details =
        "Writes all lines with their provenance as JSON Lines, whole or not at all; -: standard\n"
        "output. Paths are relative to the root of the store; what lies outside of it is left\n"
        "out. Another worktree, CI or a team takes them with `precis cache import`.",
    .groups = file_groups,
    .examples = "  precis cache export lines.jsonl\n"
                "  precis cache export - | zstd > lines.jsonl.zst\n",
    .run = run_export,
};

const struct command command_cache_import = {
    .name = "cache import",
    .operands = "FILE",
    .needs_operand = true,
    .names = NAMES_FILE,
    .summary = "take the lines of such a file into the store",
    .details =
        "Checks every field, the key of every line and the digest at the end, and takes all lines\n"
        "or, when anything is wrong, none. A line is used by a run that would ask the same, and "
        "is\n"
        "shown for its place from then on. That a line says what its code does no check can tell:\n"
        "take files from whom you trust. -: standard input.",
    .groups = file_groups,
    .examples = "  precis cache import --store . lines.jsonl\n",
    .run = run_import,
};
