#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/file.h"
#include "base/utf8.h"
#include "cli/asked_store.h"
#include "cli/cli.h"
#include "cli/rated.h"

#define AT(member) offsetof(struct args, member)

/* PATH, PATH:LINE or PATH:LINE-LINE, as reports and compilers write places. */
struct place {
    char *path; /* owned */
    uint64_t line;
};

static bool read_number(const char **p, uint64_t *out) {
    char *end;
    if (!isdigit((unsigned char)**p))
        return false;
    errno = 0;
    *out = strtoull(*p, &end, 10);
    *p = end;
    return errno == 0 && *out > 0;
}

static int parse_place(const char *asked, struct place *out, struct err *e) {
    struct stat st;
    const char *colon = strrchr(asked, ':');
    *out = (struct place){0};
    if (!*asked)
        return err_set(e, PRECIS_EUSAGE, "\"\": is not a path");
    bool bare = !colon || lstat(asked, &st) == 0; /* a name may have a colon in it */
    if (!bare) {
        uint64_t last = 0;
        const char *p = colon + 1;
        bool good = read_number(&p, &out->line);
        last = out->line;
        if (good && *p == '-') {
            p++;
            good = read_number(&p, &last);
        }
        if (!good || *p || last < out->line || colon == asked)
            return err_set(e, PRECIS_EUSAGE, "%s: is not PATH:LINE", asked);
    }
    out->path = bare ? strdup(asked) : strndup(asked, (size_t)(colon - asked));
    return out->path ? 0 : err_nomem(e, asked);
}

/* ---- One rating ---- */

struct found_line {
    int64_t place; /* 0: none */
    uint64_t start_line, end_line;
    char *line, *path; /* owned */
};

static int keep_found(void *user, const struct store_line *l, struct err *e) {
    struct found_line *f = user;
    if (f->place)
        return 0;
    f->line = strdup(l->line);
    f->path = strdup(l->path);
    if (!f->line || !f->path)
        return err_nomem(e, "line");
    f->place = l->place;
    f->start_line = l->start_line;
    f->end_line = l->end_line;
    return 0;
}

static int find_as(struct store *s, const char *name, uint64_t line, struct found_line *f,
                   struct err *e) {
    if (line)
        return store_lines(s, name, STORE_CHUNK, line, line, keep_found, f, e);
    int rc = 0;
    for (int level = STORE_WHOLE_FILE; rc == 0 && level <= STORE_REPOSITORY && !f->place; level++)
        rc = store_lines(s, name, (enum store_level)level, 0, UINT64_MAX, keep_found, f, e);
    return rc;
}

/* As the file that the path leads to, else as the name that the store (and a report) has. */
static int find_line(struct store *s, const struct place *p, struct found_line *f, struct err *e) {
    char *name = NULL;
    const char *as_given = p->path;
    int rc = store_name(store_root(s), p->path, &name, NULL);
    if (rc == PRECIS_ENOMEM)
        return err_nomem(e, p->path);
    rc = name ? find_as(s, name, p->line, f, e) : 0;
    free(name);
    while (as_given[0] == '.' && as_given[1] == '/')
        as_given += 2;
    if (rc == 0 && !f->place && utf8_valid(as_given, strlen(as_given)))
        rc = find_as(s, as_given, p->line, f, e);
    return rc;
}

/* Who it is that rates: the name of the user, else its number. */
static void user_name(char *out, size_t size) {
    struct passwd entry, *found = NULL;
    char room[4096];
    int rc = getpwuid_r(geteuid(), &entry, room, sizeof room, &found);
    if (rc == 0 && found && *found->pw_name && utf8_valid(found->pw_name, strlen(found->pw_name)))
        snprintf(out, size, "%s", found->pw_name);
    else
        snprintf(out, size, "%u", (unsigned)geteuid());
    utf8_blank_controls(out);
}

static void print_rated(const struct found_line *f, const struct store_rating *r) {
    char *shown = strdup(*f->path ? f->path : ".");
    if (!shown)
        return; /* it is kept all the same */
    utf8_blank_controls(shown);
    if (f->start_line)
        printf("%s:%" PRIu64 "-%" PRIu64 ": ", shown, f->start_line, f->end_line);
    else
        printf("%s: ", shown);
    printf("%s: %s\n", r->verdict, f->line);
    if (r->corrected)
        printf("  better: %s\n", r->corrected);
    free(shown);
}

static int check_rating(const struct args *a, struct err *e) {
    if (a->corrected && !*a->corrected)
        return err_set(e, PRECIS_EUSAGE, "--line: is empty");
    if (a->note && !*a->note)
        return err_set(e, PRECIS_EUSAGE, "--note: is empty");
    if (a->json || a->jsonl)
        return err_set(e, PRECIS_EUSAGE, "--%s: goes with --list", a->json ? "json" : "jsonl");
    if (a->operands.n != 2)
        return err_set(e, PRECIS_EUSAGE,
                       "rate: needs PATH:LINE and a verdict (see precis rate --help)");
    return 0;
}

static int rate_one(const struct args *a, struct err *e) {
    struct place place = {0};
    struct store *s = NULL;
    struct found_line f = {0};
    char who[256];
    user_name(who, sizeof who);
    struct store_rating rating = {.note = a->note, .corrected = a->corrected, .who = who};
    int rc = check_rating(a, e);
    if (rc)
        return rc;
    rating.verdict = a->operands.v[1];
    rc = store_check_rating(&rating, e);
    if (rc == 0)
        rc = parse_place(a->operands.v[0], &place, e);
    if (rc == 0)
        rc = asked_store_open(a, place.path, STORE_WRITE, &s, e);
    if (rc == 0)
        rc = find_line(s, &place, &f, e);
    if (rc == 0 && !f.place) {
        struct err none;
        err_set(&none, PRECIS_ENOTFOUND, "%s: %s has no line there", a->operands.v[0],
                store_path(s));
        say_error(none.text);
        rc = EXIT_NOTHING;
    }
    if (rc == 0)
        rc = store_rate(s, f.place, &rating, e);
    if (rc == 0) {
        print_rated(&f, &rating);
        rc = flush_stdout(e);
    }
    free(f.line);
    free(f.path);
    store_close(s);
    free(place.path);
    return rc;
}

/* ---- All ratings ---- */

static int print_all(const struct args *a, struct err *e) {
    struct store *s;
    size_t n = 0;
    int rc = asked_store_open(a, NULL, STORE_READ, &s, e);
    if (rc)
        return rc;
    if (a->export)
        rc = rated_export(s, &n, e);
    else
        rc = rated_list(s, a->json ? RATED_JSON : a->jsonl ? RATED_JSONL : RATED_TEXT, &n, e);
    store_close(s);
    if (rc == 0)
        rc = flush_stdout(e);
    return rc ? rc : n ? EXIT_DONE : EXIT_NOTHING;
}

static int run_rate(const struct args *a, struct err *e) {
    if (!a->list && !a->export)
        return rate_one(a, e);
    if (a->operands.n || a->note || a->corrected)
        return err_set(e, PRECIS_EUSAGE, "--%s: takes no place and no judgement",
                       a->list ? "list" : "export");
    if (a->list && a->export)
        return err_set(e, PRECIS_EUSAGE, "--list and --export: one of them");
    if (a->json && (a->jsonl || a->export))
        return err_set(e, PRECIS_EUSAGE, "--json: not with --%s", a->export ? "export" : "jsonl");
    return print_all(a, e);
}

static const struct option rating[] = {
    {.name = "note",
     .typed = true,
     .type = OPTION_TEXT,
     .offset = AT(note),
     .argument = "TEXT",
     .help = "why"},
    {.name = "line",
     .typed = true,
     .type = OPTION_TEXT,
     .offset = AT(corrected),
     .argument = "TEXT",
     .help = "the sentence as it should be"},
    {.name = "store",
     .type = OPTION_TEXT,
     .names = NAMES_FOLDER,
     .offset = AT(store),
     .argument = "DIR",
     .help = "the folder whose .precis holds the store; else that of the work tree"},
    {0}};
static const struct option_group group_rating = {"Rating", rating};

static const struct option listing[] = {
    {.name = "list", .typed = true, .offset = AT(list), .help = "what was rated, oldest first"},
    {.name = "json", .harmless = true, .offset = AT(json), .help = "as one JSON array"},
    {.name = "jsonl", .harmless = true, .offset = AT(jsonl), .help = "as JSON Lines"},
    {.name = "export",
     .typed = true,
     .offset = AT(export),
     .help = "the corrected lines with their code, as items for precis eval summaries"},
    {0}};
static const struct option_group group_listing = {"Listing", listing};

static const struct option_group *const groups[] = {&group_rating, &group_listing, &group_general,
                                                    NULL};

const struct command command_rate = {
    .name = "rate",
    .operands = "PATH[:LINE] good|bad|1..5",
    .names = NAMES_FILE,
    .summary = "say how good a line is; list and export such judgements",
    .details =
        "Keeps your judgement of the line that covers LINE of the file PATH, or without LINE of\n"
        "the line about the whole file or folder, in the store that precis summarize --store\n"
        "filled. PATH is a file, or its name as a report has it; 5 is the best. --line says what\n"
        "the sentence should have been: --export turns these into references to evaluate with,\n"
        "the last one of each place, as far as the code still is what it was.\n"
        "Exit code 1: there is no line at that place, or nothing to list.",
    .groups = groups,
    .examples = "  precis rate src/pool.c:120 good\n"
                "  precis rate src/pool.c:1-300 2 --note 'names no signal' \\\n"
                "      --line 'Starts and joins threads that have all signals blocked.'\n"
                "  precis rate --list --json\n"
                "  precis rate --export > rated.jsonl\n",
    .run = run_rate,
};
