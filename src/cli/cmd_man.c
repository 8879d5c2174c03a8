#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "cli/cli.h"
#include "cli/commands.h"
#include "cli/man.h"

static const struct option pages[] = {
    {.name = "write",
     .typed = true,
     .type = OPTION_TEXT,
     .names = NAMES_FOLDER,
     .offset = offsetof(struct args, pages),
     .argument = "DIR",
     .help = "instead put the pages of all commands into this folder, which must be there"},
    {0}};
static const struct option_group group_pages = {"Pages", pages};
static const struct option_group *const groups[] = {&group_pages, &group_general, NULL};

/* c NULL: the program's. */
static int write_page(const struct command *c, const char *folder, struct err *e) {
    char name[96];
    struct outfile out = {0};
    struct buf b = {0};
    man_page(c, &b);
    man_name(c, name, sizeof name - 2);
    snprintf(name + strlen(name), sizeof name - strlen(name), ".1");
    char *path = folder ? file_join(folder, name) : NULL;
    int rc = buf_failed(&b) || (folder && !path) ? err_nomem(e, "manual page") : 0;
    if (rc == 0)
        rc = outfile_open(&out, path ? path : "-", e);
    if (rc == 0) {
        interrupt_note_temp(out.temp);
        fwrite(b.data, 1, b.len, out.f);
        rc = outfile_commit(&out, e);
        interrupt_note_temp(NULL);
    }
    free(path);
    buf_free(&b);
    return rc;
}

static int run_man(const struct args *a, struct err *e) {
    const struct command *c = NULL;
    int rc = 0;
    if (a->pages && a->operands.n)
        return err_set(e, PRECIS_EUSAGE, "--write: writes all pages; leave out %s",
                       a->operands.v[0]);
    if (a->operands.n)
        rc = commands_named("man", &a->operands, &c, e);
    if (rc == 0)
        rc = write_page(c, a->pages, e);
    for (size_t i = 0; rc == 0 && a->pages && commands[i]; i++)
        rc = write_page(commands[i], a->pages, e);
    return rc;
}

const struct command command_man = {
    .name = "man",
    .operands = "[COMMAND]",
    .unconfigured = true,
    .summary = "the manual page of a command, or of the program",
    .details = "Writes the page as man(1) reads it, from what --help is made of.",
    .groups = groups,
    .examples = "  precis man summarize | man -l -\n"
                "  precis man --write /usr/local/share/man/man1\n",
    .run = run_man,
};
