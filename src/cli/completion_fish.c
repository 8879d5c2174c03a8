#include "cli/completion.h"

#include <string.h>

#include "cli/commands.h"

static const char head[] =
    "# Completion of precis for fish; made by `precis completion fish`.\n"
    "\n"
    "# The words so far, without the program and without `help` or `man` before a command.\n"
    "function __precis_words\n"
    "    set -l words (commandline -opc)\n"
    "    set -e words[1]\n"
    "    if contains -- \"$words[1]\" help man\n"
    "        set -e words[1]\n"
    "    end\n"
    "    printf '%s\\n' $words\n"
    "end\n"
    "\n"
    "# Whether these are all of the words so far.\n"
    "function __precis_after\n"
    "    set -l words (__precis_words)\n"
    "    test \"$words\" = \"$argv\"\n"
    "end\n"
    "\n"
    "# Whether the command line begins with these words.\n"
    "function __precis_at\n"
    "    set -l words (commandline -opc)\n"
    "    set -e words[1]\n"
    "    set -l first $words[1..(count $argv)]\n"
    "    test \"$first\" = \"$argv\"\n"
    "end\n"
    "\n";

static void put_quoted(struct buf *b, const char *s) {
    buf_char(b, '\'');
    for (; *s; s++) {
        if (*s == '\'' || *s == '\\')
            buf_char(b, '\\');
        buf_char(b, *s);
    }
    buf_char(b, '\'');
}

/* What an operand or an option's value may be. */
static void put_values(struct buf *b, enum named n, const char *const *choices) {
    if (choices) {
        buf_str(b, " -f -a '");
        completion_words(b, choices);
        buf_char(b, '\'');
    } else if (n == NAMES_FILE) {
        buf_str(b, " -F");
    } else if (n == NAMES_FOLDER) {
        buf_str(b, " -f -a '(__fish_complete_directories)'");
    } else if (n == NAMES_MODEL) {
        buf_str(b, " -F -a '");
        completion_models(b);
        buf_char(b, '\'');
    } else {
        buf_str(b, " -f");
    }
}

static void put_command(struct buf *b, const struct command *c, bool alone) {
    char start[96], brief[64];
    if (alone)
        snprintf(start, sizeof start, "complete -c %s", c->name);
    else
        snprintf(start, sizeof start, "complete -c precis -n '__precis_at %s'", c->name);
    buf_printf(b, "\n%s", start);
    put_values(b, c->names, c->choices);
    buf_char(b, '\n');
    for (const struct option_group *const *g = c->groups; *g; g++) {
        for (const struct option *o = (*g)->options; o->name; o++) {
            completion_brief(o->help, brief, sizeof brief);
            buf_printf(b, "%s -l %s", start, o->name);
            if (o->letter)
                buf_printf(b, " -s %c", o->letter);
            if (option_takes_value(o)) {
                buf_str(b, " -r");
                put_values(b, o->names, o->choices);
            }
            buf_str(b, " -d ");
            put_quoted(b, brief);
            buf_char(b, '\n');
        }
    }
}

static void put_word(struct buf *b, const char *after, const char *word, const char *about) {
    buf_printf(b, "complete -c precis -n '__precis_after%s%s' -f -a %s -d ", *after ? " " : "",
               after, word);
    put_quoted(b, about);
    buf_char(b, '\n');
}

void completion_fish(struct buf *b) {
    char family[32];
    buf_str(b, head);
    for (size_t i = 0; commands[i]; i++) {
        const char *name = commands[i]->name, *space = strchr(name, ' ');
        if (!space) {
            put_word(b, "", name, commands[i]->summary);
            continue;
        }
        if (completion_family(i, family, sizeof family)) {
            struct buf second = {0};
            completion_commands(&second, family);
            put_word(b, "", family, second.data ? second.data : "");
            b->failed |= buf_failed(&second);
            buf_free(&second);
        }
        snprintf(family, sizeof family, "%.*s", (int)(space - name), name);
        put_word(b, family, space + 1, commands[i]->summary);
    }
    put_word(b, "", "help", "what a command does, and its options");
    for (size_t i = 0; commands[i]; i++) {
        put_command(b, commands[i], false);
        if (command_is_program(commands[i]))
            put_command(b, commands[i], true);
    }
}
