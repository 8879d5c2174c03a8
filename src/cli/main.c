/* precis: finds the command, parses its options, runs it, and turns errors into one line and a
 * code. */
#include <locale.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/file.h"
#include "base/json.h"
#include "base/pace.h"
#include "cli/cli.h"
#include "cli/commands.h"
#include "cli/config.h"
#include "cli/runlog.h"

enum { HELP_WIDTH = 96 };

static int write_failed(void) {
    struct err e = {0};
    if (flush_stdout(&e) == 0)
        return EXIT_DONE;
    say_error(e.text);
    return EXIT_BAD;
}

static int print_overview(void) {
    puts("precis: one-line summaries for whole code bases, by small models, on this machine.\n\n"
         "Usage: precis COMMAND [OPTION]...\n");
    for (size_t i = 0; commands[i]; i++)
        printf("  %-20s %s\n", commands[i]->name, commands[i]->summary);
    puts("\nTry it:\n"
         "  precis summarize src/                 a Markdown report on standard output\n"
         "  precis summarize src/ -o report.md    the same into a file\n\n"
         "`precis COMMAND --help` explains a command and its options, `precis config show` says\n"
         "which of them are set here.");
    return write_failed();
}

static int print_help(const struct command *c) {
    bool alone = command_is_program(c);
    printf("Usage: %s%s [OPTION]...%s%s\n\n%s\n", alone ? "" : "precis ", c->name,
           c->operands ? " " : "", c->operands ? c->operands : "", c->details);
    options_print(stdout, c, HELP_WIDTH);
    if (c->examples)
        printf("\nExamples\n%s", c->examples);
    putchar('\n');
    options_wrap(stdout, commands_environment, 0, HELP_WIDTH);
    struct buf codes = {0};
    commands_exit_codes(&codes);
    options_wrap(stdout, codes.data ? codes.data : "", 0, HELP_WIDTH);
    buf_free(&codes);
    return write_failed();
}

/* "bench" alone, or "bench --help": what can follow. */
static void print_family(FILE *f, const char *word) {
    fprintf(f, "Usage: precis %s COMMAND [OPTION]...\n\n", word);
    for (size_t i = 0; commands[i]; i++)
        if (command_second(commands[i], word))
            fprintf(f, "  %-20s %s\n", commands[i]->name, commands[i]->summary);
}

static int unknown_command(int argc, char **argv) {
    struct err e;
    char both[80];
    bool two = false;
    for (size_t i = 0; commands[i]; i++)
        two |= command_second(commands[i], argv[0]) != NULL;
    bool option = argc > 1 && argv[1][0] == '-';
    if (two && (argc == 1 || option)) {
        bool help = option && (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0);
        print_family(help ? stdout : stderr, argv[0]);
        return help ? write_failed() : EXIT_BAD;
    }
    snprintf(both, sizeof both, "%s%s%s", argv[0], two ? " " : "", two ? argv[1] : "");
    const char *near = command_nearest(commands, both);
    if (near)
        err_set(&e, PRECIS_EUSAGE, "unknown command %s (did you mean %s?)", both, near);
    else
        err_set(&e, PRECIS_EUSAGE, "unknown command %s (`precis` alone lists the commands)", both);
    say_error(e.text);
    return EXIT_BAD;
}

static int print_version(void) {
    printf("precis %s\n", PRECIS_VERSION);
    return write_failed();
}

/* Which project's configuration is asked for: that of the first operand that is there, where
 * operands are files and folders, else that of the current folder. */
static const char *place_of(const struct command *c, const struct args *a) {
    struct stat st;
    if (a->file && stat(a->file, &st) == 0)
        return a->file;
    for (size_t i = 0; c->names == NAMES_FILE && i < a->operands.n; i++)
        if (stat(a->operands.v[i], &st) == 0)
            return a->operands.v[i];
    return ".";
}

/* Reads the command line twice: the first time for which configuration counts. */
static int read_options(const struct command *c, int argc, char **argv, struct config *files,
                        struct args *a, struct err *e) {
    struct args typed = {0};
    int rc = options_parse(c, NULL, argc, argv, &typed, e);
    bool asked = typed.help || typed.version;
    if (rc == 0 && !asked && !c->unconfigured)
        rc = config_find(&typed, place_of(c, &typed), commands, files, e);
    args_free(&typed);
    return rc ? rc : options_parse(c, &(struct options_from){.files = files}, argc, argv, a, e);
}

/* The log is open by now, so that two ways to say its name are the same file. */
static int check_log(const struct args *a, struct err *e) {
    if (a->log && ((a->output && file_is_same(a->output, a->log)) ||
                   (a->results && file_is_same(a->results, a->log))))
        return err_set(e, PRECIS_EUSAGE, "%s: cannot be both --log and another output", a->log);
    return 0;
}

static int run_command(const struct command *c, int argc, char **argv) {
    struct config files = {0};
    struct args a = {0};
    struct err e = {0};
    int rc = read_options(c, argc, argv, &files, &a, &e);
    if (rc == 0 && a.help) {
        rc = print_help(c);
    } else if (rc == 0 && a.version) {
        rc = print_version();
    } else if (rc == 0 && a.log && runlog_open(a.log, &e) != 0) {
        rc = e.code;
    } else if (rc == 0) {
        say_start(&(struct say_options){.program = command_is_program(c) ? c->name : "precis",
                                        .quiet = a.quiet,
                                        .no_color = a.no_color,
                                        .verbose = (int)(a.verbose > 2 ? 2 : a.verbose),
                                        .log = a.log ? runlog_message : NULL});
        if (a.log)
            runlog_start(c->name, argc, argv);
        pace_limit(a.cpu_limit / 100);
        rc = check_log(&a, &e);
        if (rc == 0)
            rc = c->run(&a, &e);
    }
    if (rc < 0) {
        say_error(e.text[0] ? e.text : "failed without a reason");
        rc = EXIT_BAD;
    }
    runlog_end(rc);
    args_free(&a);
    config_free(&files);
    return rc;
}

static const char *base_name(const char *path) {
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

int main(int argc, char **argv) {
    setlocale(LC_CTYPE, "");
    /* a reader that goes away, or a file that may not grow, is a write error with a message, not a
     * silent death */
    signal(SIGPIPE, SIG_IGN);
    signal(SIGXFSZ, SIG_IGN);
    json_guard();
    if (argc > 0 && strcmp(base_name(argv[0]), command_parallel.name) == 0) {
        say_start(&(struct say_options){.program = command_parallel.name});
        return run_command(&command_parallel, argc - 1, argv + 1);
    }
    say_start(&(struct say_options){.program = "precis"});
    argc--, argv++;
    if (argc <= 0 || strcmp(argv[0], "--help") == 0 || strcmp(argv[0], "-h") == 0)
        return print_overview();
    if (strcmp(argv[0], "--version") == 0 || strcmp(argv[0], "-V") == 0)
        return print_version();
    bool help = strcmp(argv[0], "help") == 0;
    if (help && argc == 1)
        return print_overview();
    argc -= help, argv += help;
    int used;
    const struct command *c = commands_find(argc, (const char *const *)argv, &used);
    if (!c) {
        char *family_help[] = {argv[0], (char[]){"--help"}};
        return help && argc == 1 ? unknown_command(2, family_help) : unknown_command(argc, argv);
    }
    return help ? print_help(c) : run_command(c, argc - used, argv + used);
}
