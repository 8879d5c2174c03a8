#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/file.h"
#include "base/utf8.h"
#include "cli/asked_store.h"
#include "cli/cli.h"
#include "report/derive.h"

#define AT(member) offsetof(struct args, member)

/* What is reported on. */
struct asked {
    struct store *store;
    char *name; /* in the store; owned */
};

/* A path that is not on the disk may be one that the store has. */
static int find_name(struct asked *q, const char *path, struct err *e) {
    struct stat st;
    if (!path) {
        q->name = strdup("");
        return q->name ? 0 : err_nomem(e, "report");
    }
    if (stat(path, &st) == 0)
        return store_name(store_root(q->store), path, &q->name, e);
    while (path[0] == '.' && path[1] == '/')
        path += 2;
    if (!*path || !utf8_valid(path, strlen(path)))
        return err_set(e, PRECIS_EUSAGE, "%s: is not a path", *path ? path : "\"\"");
    q->name = strdup(path);
    for (size_t n = q->name ? strlen(q->name) : 0; n > 1 && q->name[n - 1] == '/'; n--)
        q->name[n - 1] = 0;
    return q->name ? 0 : err_nomem(e, path);
}

static const char *title_of(const struct asked *q) {
    const char *whole = *q->name ? q->name : store_root(q->store);
    const char *slash = strrchr(whole, '/');
    return slash && slash[1] ? slash + 1 : whole;
}

static int write_report(const struct asked *q, const struct args *a, struct err *e) {
    struct outfile out;
    struct derived derived;
    int rc = outfile_open(&out, a->output, e);
    if (rc)
        return rc;
    interrupt_note_temp(out.temp);
    rc = report_derive(q->store, q->name, title_of(q), (enum report_format)a->format, out.f,
                       interrupt_flag(), &derived, e);
    if (rc == 0 && interrupted())
        rc = PRECIS_ECANCELLED;
    if (rc == 0 && !derived.lines) {
        struct err none;
        err_set(&none, PRECIS_ENOTFOUND, "%s: %s has no lines",
                a->operands.n ? a->operands.v[0] : ".", store_path(q->store));
        say_error(none.text);
    }
    if (rc == 0 && derived.lines)
        rc = outfile_commit(&out, e);
    else
        outfile_abort(&out);
    interrupt_note_temp(NULL);
    if (rc == 0 && derived.missing) {
        char missing[100];
        snprintf(missing, sizeof missing, "%zu places have no line: the report names them",
                 derived.missing);
        say_note(missing);
    }
    if (rc == 0 && derived.gone) {
        char gone[100];
        snprintf(gone, sizeof gone, "%zu files are not there any more: the report leaves them out",
                 derived.gone);
        say_note(gone);
    }
    if (rc == PRECIS_ECANCELLED)
        return EXIT_INTERRUPTED;
    return rc ? rc : derived.lines ? EXIT_DONE : EXIT_NOTHING;
}

static int run_report(const struct args *a, struct err *e) {
    struct asked q = {0};
    if (a->operands.n > 1)
        return err_set(e, PRECIS_EUSAGE, "%s: one path is enough (see precis report --help)",
                       a->operands.v[1]);
    interrupt_flag();
    const char *path = a->operands.n ? a->operands.v[0] : NULL;
    int rc = asked_store_open(a, path, STORE_READ, &q.store, e);
    if (rc == 0)
        rc = find_name(&q, path, e);
    if (rc == 0)
        rc = write_report(&q, a, e);
    free(q.name);
    store_close(q.store);
    return rc;
}

static const struct option reading[] = {
    {.name = "store",
     .type = OPTION_TEXT,
     .names = NAMES_FOLDER,
     .offset = AT(store),
     .argument = "DIR",
     .help = "the folder whose .precis holds the store; else that of PATH or of the work tree "
             "around it"},
    {0}};
static const struct option_group group_reading = {"Store", reading};

static const struct option_group *const groups[] = {&group_report, &group_reading, &group_general,
                                                    NULL};

const struct command command_report = {
    .name = "report",
    .operands = "[PATH]",
    .names = NAMES_FILE,
    .summary = "a report of the lines that a store has, without a model",
    .details =
        "Writes the report of the lines that precis summarize put into the store: of each place\n"
        "the newest one that is about the file's text as the last run found it. PATH is a folder\n"
        "or a file, or its name in the store; without it all of the store is reported. The lines\n"
        "are those that the run reported; a report can be made at any time, also while a run is\n"
        "going on. Places that had a line once and have none, because the file has changed since\n"
        "or the run is not done, are shown as missing; files that are not there any more, and\n"
        "folders that only had such, are left out.\n"
        "Exit code 1: there are no lines.",
    .groups = groups,
    .examples = "  precis report -o report.md\n"
                "  precis report --format csv src/ > lines.csv\n",
    .run = run_report,
};
