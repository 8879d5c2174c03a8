/* precis: finds the command, parses its options, runs it, and turns errors into one line and a
 * code. */
#include <locale.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "base/json.h"
#include "cli/cli.h"

static const struct command *const commands[] = {
    &command_summarize,      &command_parallel,
    &command_generate,       &command_tokenize,
    &command_detokenize,     &command_perplexity,
    &command_bench_prefill,  &command_bench_decode,
    &command_bench_chunk,    &command_bench_embed,
    &command_bench_search,   &command_bench_tokenize,
    &command_bench_kernels,  &command_bench_contracts,
    &command_models_list,    &command_models_pull,
    &command_models_rm,      &command_models_show,
    &command_models_export,  &command_rate,
    &command_eval_summaries, &command_eval_search,
    &command_embed,          &command_metrics,
    &command_index,          &command_search,
    &command_report,         &command_cache_stats,
    &command_cache_gc,       &command_cache_export,
    &command_cache_import,
};
enum { COMMANDS = sizeof commands / sizeof commands[0] };

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
    for (int i = 0; i < COMMANDS; i++)
        printf("  %-20s %s\n", commands[i]->name, commands[i]->summary);
    puts("\nTry it:\n"
         "  precis summarize src/                 a Markdown report on standard output\n"
         "  precis summarize src/ -o report.md    the same into a file\n\n"
         "`precis COMMAND --help` explains a command and its options.");
    return write_failed();
}

static int print_help(const struct command *c) {
    bool alone = c == &command_parallel;
    printf("Usage: %s%s [OPTION]...%s%s\n\n%s\n", alone ? "" : "precis ", c->name,
           c->operands ? " " : "", c->operands ? c->operands : "", c->details);
    options_print(stdout, c, 96);
    if (c->examples)
        printf("\nExamples\n%s", c->examples);
    puts("\nOptions are also read from the environment: PRECIS_MODEL for --model, "
         "PRECIS_NO_COLOR\n"
         "for --no-color; the command line wins.\n"
         "Exit codes: 0 done, 1 nothing found or a contract missed, 2 bad use or bad input,\n"
         "3 finished with failed chunks, 130 interrupted.");
    return write_failed();
}

/* The first one or two words name the command; *used says how many. */
static const struct command *find_command(int argc, char **argv, int *used) {
    for (int i = 0; i < COMMANDS; i++) {
        const char *name = commands[i]->name;
        const char *space = strchr(name, ' ');
        *used = space ? 2 : 1;
        if (!space && strcmp(argv[0], name) == 0)
            return commands[i];
        if (space && argc > 1 && strncmp(argv[0], name, (size_t)(space - name)) == 0 &&
            argv[0][space - name] == 0 && strcmp(argv[1], space + 1) == 0)
            return commands[i];
    }
    return NULL;
}

/* "bench" alone, or "bench --help": what can follow. Returns how many commands begin so. */
static int print_family(FILE *f, const char *word) {
    int n = 0;
    size_t len = strlen(word);
    for (int i = 0; i < COMMANDS; i++) {
        const char *name = commands[i]->name;
        if (strncmp(name, word, len) != 0 || name[len] != ' ')
            continue;
        if (n++ == 0)
            fprintf(f, "Usage: precis %s COMMAND [OPTION]...\n\n", word);
        fprintf(f, "  %-20s %s\n", name, commands[i]->summary);
    }
    return n;
}

static int unknown_command(int argc, char **argv) {
    const char *names[COMMANDS];
    struct err e;
    char both[80];
    bool two = false;
    for (int i = 0; i < COMMANDS; i++) {
        size_t len = strlen(argv[0]);
        names[i] = commands[i]->name;
        two |= strncmp(names[i], argv[0], len) == 0 && names[i][len] == ' ';
    }
    bool option = argc > 1 && argv[1][0] == '-';
    if (two && (argc == 1 || option)) {
        bool help = option && (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0);
        print_family(help ? stdout : stderr, argv[0]);
        return help ? write_failed() : EXIT_BAD;
    }
    snprintf(both, sizeof both, "%s%s%s", argv[0], two ? " " : "", two ? argv[1] : "");
    const char *near = options_nearest(both, names, COMMANDS);
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

static int run_command(const struct command *c, int argc, char **argv) {
    struct args a = {0};
    struct err e = {0};
    int rc = options_parse(c, argc, argv, &a, &e);
    if (rc == 0 && a.help) {
        rc = print_help(c);
    } else if (rc == 0 && a.version) {
        rc = print_version();
    } else if (rc == 0) {
        say_start(&(struct say_options){.program = c == &command_parallel ? c->name : "precis",
                                        .quiet = a.quiet,
                                        .no_color = a.no_color,
                                        .verbose = (int)(a.verbose > 2 ? 2 : a.verbose)});
        rc = c->run(&a, &e);
    }
    if (rc < 0) {
        say_error(e.text[0] ? e.text : "failed without a reason");
        rc = EXIT_BAD;
    }
    args_free(&a);
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
    const struct command *c = find_command(argc, argv, &used);
    if (!c) {
        char *family_help[] = {argv[0], (char[]){"--help"}};
        return help && argc == 1 ? unknown_command(2, family_help) : unknown_command(argc, argv);
    }
    return help ? print_help(c) : run_command(c, argc - used, argv + used);
}
