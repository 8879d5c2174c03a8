#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/cli.h"
#include "cli/commands.h"
#include "cli/config.h"

/* What is in effect of an option; of a list, all of it. */
struct shown {
    struct buf lines;
    const struct option *option;
    const char *value; /* of one that has one value; NULL: a list */
    char from[600];
};

/* As a configuration file has it. */
static void put_value(struct buf *b, const char *value) {
    bool bare = *value && !strpbrk(value, "\"'#\\[]{}\t\n") && *value != ' ' &&
                value[strlen(value) - 1] != ' ';
    if (bare) {
        buf_str(b, value);
        return;
    }
    buf_char(b, '"');
    for (; *value; value++) {
        const char *escaped = *value == '\n' ? "\\n" : *value == '\t' ? "\\t" : NULL;
        if (escaped) {
            buf_str(b, escaped);
            continue;
        }
        if (*value == '"' || *value == '\\')
            buf_char(b, '\\');
        buf_char(b, *value);
    }
    buf_char(b, '"');
}

/* What is built in is a comment: a file that was made of this follows later versions of precis. */
static void put_shown(struct shown *s, const char *value, const char *from) {
    bool built_in = strcmp(from, "built in") == 0;
    size_t start = s->lines.len;
    buf_printf(&s->lines, "%s%s = ", built_in ? "# " : "", s->option->name);
    put_value(&s->lines, value);
    size_t width = s->lines.len - start;
    if (!built_in)
        buf_printf(&s->lines, "%*s  # %s", width < 30 ? (int)(30 - width) : 0, "", from);
    buf_char(&s->lines, '\n');
}

static void said(void *user, const struct option *o, const char *value, const char *from) {
    struct shown *s = user;
    if (s->option && s->option != o && s->value)
        put_shown(s, s->value, s->from);
    s->option = o;
    s->value = o->type == OPTION_LIST ? NULL : value;
    if (o->type == OPTION_LIST)
        put_shown(s, value, from);
    snprintf(s->from, sizeof s->from, "%s", from);
}

/* "FILE", "FILE (not there)", ... for the head. */
static void put_files(struct buf *b, const struct args *a, const struct config *files) {
    char user[PATH_MAX];
    if (a->no_config) {
        buf_str(b, "# no file is read: --no-config\n");
        return;
    }
    bool has_user = false;
    for (size_t i = 0; i < files->n; i++)
        has_user |= !files->v[i].project;
    if (!has_user && config_user_path(user, sizeof user, NULL) == 0)
        buf_printf(b, "# %s is not there\n", user);
    for (size_t i = 0; i < files->n; i++)
        buf_printf(b, "# %s%s\n", files->v[i].path, files->v[i].project ? " (the project's)" : "");
}

static int show(const struct args *a, const struct command *c, const struct config *files,
                struct shown *s, struct err *e) {
    struct args values = {0};
    put_files(&s->lines, a, files);
    buf_printf(&s->lines, "\n[%s]\n", c->name);
    int rc = options_values(c, &(struct options_from){.files = files, .said = said, .user = s},
                            &values, e);
    args_free(&values);
    if (rc == 0 && s->option && s->value)
        put_shown(s, s->value, s->from);
    if (rc == 0 && buf_failed(&s->lines))
        rc = err_nomem(e, "configuration");
    return rc;
}

static int run_show(const struct args *a, struct err *e) {
    struct config files = {0};
    struct shown s = {0};
    const struct command *c = &command_summarize;
    int rc = 0;
    if (a->operands.n)
        rc = commands_named("config show", &a->operands, &c, e);
    if (rc == 0)
        rc = config_find(a, ".", commands, &files, e);
    if (rc == 0)
        rc = show(a, c, &files, &s, e);
    if (rc == 0) {
        fwrite(s.lines.data, 1, s.lines.len, stdout);
        rc = flush_stdout(e);
    }
    buf_free(&s.lines);
    config_free(&files);
    return rc;
}

static const struct option_group *const groups[] = {&group_general, NULL};

const struct command command_config_show = {
    .name = "config show",
    .operands = "[COMMAND]",
    .summary = "the options in effect here, and where each is from",
    .details =
        "Shows the options of COMMAND (summarize) as a configuration file has them, each with the\n"
        "file and line or the variable that it is from; what is built in is a comment.\n"
        "\n"
        "Read are, the stronger last, $XDG_CONFIG_HOME/precis/config (~/.config/precis/config) of\n"
        "the user and .precis/config of the project: of the PATH that a command is about, or of\n"
        "the git work tree around it, else of the current folder. `--config FILE` stands in for\n"
        "both. The environment and the command line are stronger than files; options that are\n"
        "repeatable have the values of all of these. A line is NAME = VALUE:\n"
        "\n"
        "  # of all commands that have the option\n"
        "  agent-count = 8\n"
        "  include = \"*.rs\"       # repeatable: a line for each value\n"
        "  include = \"*.toml\"\n"
        "  [summarize]            # of this command alone\n"
        "  loc = 200\n"
        "  no-rollup = true       # on the command line --no-rollup, or --no-rollup=false\n"
        "\n"
        "Values with a # or blanks at their ends need quotes: \"...\" with \\\" \\\\ \\n \\t, or "
        "'...'\n"
        "as it is. A project's file comes with its code: it may say how code is cut, which files\n"
        "count, how lines are made and shown, but not name models, stores or files to write.",
    .groups = groups,
    .examples = "  precis config show\n"
                "  precis config show search\n"
                "  precis config show > ~/.config/precis/config\n",
    .run = run_show,
};
