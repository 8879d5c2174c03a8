#include <fcntl.h>
#include <limits.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "cli/cli.h"
#include "cli/commands.h"
#include "cli/config.h"
#include "store/store.h"

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

/* One line; note: what stands after it, or NULL. */
static void put_line(struct buf *b, bool comment, const char *name, const char *value,
                     const char *note) {
    size_t start = b->len;
    buf_printf(b, "%s%s = ", comment ? "# " : "", name);
    put_value(b, value);
    size_t width = b->len - start;
    if (note)
        buf_printf(b, "%*s  # %s", width < 30 ? (int)(30 - width) : 0, "", note);
    buf_char(b, '\n');
}

/* What is built in is a comment: a file that was made of this follows later versions of precis. */
static void put_shown(struct shown *s, const char *value, const char *from) {
    bool built_in = strcmp(from, "built in") == 0;
    put_line(&s->lines, built_in, s->option->name, value, built_in ? NULL : from);
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

static const struct option_group *const show_groups[] = {&group_general, NULL};

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
    .groups = show_groups,
    .examples = "  precis config show\n"
                "  precis config show search\n"
                "  precis config show > ~/.config/precis/config\n",
    .run = run_show,
};

/* Each option of summarize that a project's file may say, as a comment. */
static void put_choices(struct buf *b) {
    buf_str(
        b, "# What precis is to do in this project: each line is an option, with what is built in; "
           "without\n# its first \"# \" it counts. `precis config show --help` says more.\n");
    for (const struct option_group *const *g = command_summarize.groups; *g; g++) {
        const char *title = (*g)->title;
        for (const struct option *o = (*g)->options; o->name; o++) {
            struct buf help = {0};
            if (!o->harmless || o->typed || o->outside)
                continue;
            if (title)
                buf_printf(b, "\n## %s\n", title);
            title = NULL;
            option_describe(o, &help);
            const char *none = o->type == OPTION_COUNT ? "0"
                               : option_takes_value(o) ? o->argument
                                                       : "false";
            put_line(b, true, o->name, o->fallback ? o->fallback : none, help.data);
            b->failed |= buf_failed(&help);
            buf_free(&help);
        }
    }
}

static int write_choices(const char *path, bool replace, struct err *e) {
    struct outfile out = {0};
    struct buf b = {0};
    bool there;
    put_choices(&b);
    int rc = buf_failed(&b) ? err_nomem(e, path) : file_exists(path, &there, e);
    if (rc == 0 && there && !replace)
        rc = err_set(e, PRECIS_EINPUT, "%s: is there already (--force replaces it)", path);
    if (rc == 0)
        rc = outfile_open(&out, path, e);
    if (rc == 0) {
        interrupt_note_temp(out.temp);
        fwrite(b.data, 1, b.len, out.f);
        rc = outfile_commit(&out, e);
        interrupt_note_temp(NULL);
    }
    buf_free(&b);
    return rc;
}

/* A link would not be read, and might be to anything. */
static int make_folder(const char *folder, struct err *e) {
    int rc = file_make_dirs(folder, e);
    int fd = rc ? -1 : open(folder, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (rc == 0 && fd < 0)
        rc = err_errno(e, folder, "open");
    if (fd >= 0)
        close(fd);
    return rc;
}

static int run_init(const struct args *a, struct err *e) {
    if (a->operands.n > 1)
        return err_set(e, PRECIS_EUSAGE, "%s: only one folder at a time", a->operands.v[1]);
    const char *at = a->operands.n ? a->operands.v[0] : ".";
    struct stat st;
    if (stat(at, &st) != 0)
        return err_errno(e, at, "open");
    char *folder = file_join(at, STORE_FOLDER), *path = folder ? file_join(folder, "config") : NULL;
    int rc = path ? make_folder(folder, e) : err_nomem(e, at);
    if (rc == 0)
        rc = write_choices(path, a->force, e);
    if (rc == 0) {
        char line[PATH_MAX + 16];
        snprintf(line, sizeof line, "wrote %s", path);
        say_note(line);
    }
    free(path);
    free(folder);
    return rc;
}

static const struct option init_options[] = {{.name = "force",
                                              .letter = 'f',
                                              .offset = offsetof(struct args, force),
                                              .help = "replace a configuration"},
                                             {0}};
static const struct option_group group_init = {"Configuration", init_options};
static const struct option_group *const init_groups[] = {&group_init, &group_general, NULL};

const struct command command_config_init = {
    .name = "config init",
    .operands = "[DIR]",
    .names = NAMES_FOLDER,
    .unconfigured = true,
    .summary = "begin the configuration of a project",
    .details =
        "Writes DIR/.precis/config (of the current folder) with each option that a project may\n"
        "set, what it does and its built-in value, all as comments: nothing changes until a\n"
        "line is made to count. With the folder .precis, summaries are kept there, too, as\n"
        "`precis summarize --store DIR` does.",
    .groups = init_groups,
    .examples = "  precis config init\n"
                "  precis config init --force ~/src/tokio\n",
    .run = run_init,
};
