#include "cli/completion.h"

#include <string.h>

#include "cli/commands.h"

static const char head[] = "#compdef precis parallel_summarizer\n"
                           "# Completion of precis for zsh; made by `precis completion zsh`.\n"
                           "\n"
                           "_precis_model() {\n"
                           "    _alternative 'models:model:(";

static const char tail[] =
    "\n"
    "_precis() {\n"
    "    local line\n"
    "    if [[ $service == parallel_summarizer ]]; then\n"
    "        _precis_parallel_summarizer\n"
    "        return\n"
    "    fi\n"
    "    if (( CURRENT == 2 )); then\n"
    "        _describe -t commands command _precis_commands\n"
    "        return\n"
    "    fi\n"
    "    shift words\n"
    "    (( CURRENT-- ))\n"
    "    local first=$words[1] family\n"
    "    if [[ $first == help || $first == man ]]; then\n"
    "        if (( CURRENT == 2 )); then\n"
    "            _describe -t commands command _precis_commands\n"
    "            return\n"
    "        fi\n"
    "        shift words\n"
    "        (( CURRENT-- ))\n"
    "    fi\n"
    "    family=_precis_family_$words[1]\n"
    "    if (( ${(P)+family} )); then\n"
    "        if (( CURRENT == 2 )); then\n"
    "            _describe -t commands command $family\n"
    "            return\n"
    "        fi\n"
    "        line=_precis_$words[1]_$words[2]\n"
    "        shift words\n"
    "        (( CURRENT-- ))\n"
    "    else\n"
    "        line=_precis_$words[1]\n"
    "    fi\n"
    "    if [[ $first != help && $first != man ]] && (( $+functions[$line] )); then\n"
    "        $line\n"
    "    fi\n"
    "}\n"
    "\n"
    "if [[ $zsh_eval_context[-1] == loadautofunc ]]; then\n"
    "    _precis \"$@\"\n"
    "else\n"
    "    compdef _precis precis parallel_summarizer\n"
    "fi\n";

/* Within quotes of the shell, and the brackets or colons of _arguments and _describe. */
static void put_quoted(struct buf *b, const char *s) {
    for (; *s; s++) {
        if (*s == '\'')
            buf_str(b, "'\\''");
        else if (strchr("[]:\\", *s))
            buf_printf(b, "\\%c", *s);
        else
            buf_char(b, *s);
    }
}

/* ":WHAT:WHERE FROM" */
static void put_values(struct buf *b, const char *what, enum named n, const char *const *choices) {
    static const char *const actions[] = {" ", "_files", "_files -/", "_precis_model"};
    buf_char(b, ':');
    put_quoted(b, what);
    buf_str(b, choices ? ":(" : ":");
    if (choices)
        completion_words(b, choices);
    buf_str(b, choices ? ")" : actions[n]);
}

static void put_option(struct buf *b, const struct option *o) {
    char brief[64];
    bool value = option_takes_value(o), again = o->type == OPTION_LIST || o->type == OPTION_COUNT;
    completion_brief(o->help, brief, sizeof brief);
    buf_str(b, " \\\n        ");
    if (o->letter && !again)
        buf_printf(b, "'(-%c --%s)'", o->letter, o->name);
    if (o->letter)
        buf_printf(b, "%s{-%c%s,--%s%s}'[", again ? "'*'" : "", o->letter, value ? "+" : "",
                   o->name, value ? "=" : "");
    else
        buf_printf(b, "'%s--%s%s[", again ? "*" : "", o->name, value ? "=" : "");
    put_quoted(b, brief);
    buf_char(b, ']');
    if (value)
        put_values(b, o->argument, o->names, o->choices);
    buf_char(b, '\'');
}

static void put_command(struct buf *b, const struct command *c) {
    buf_str(b, "\n_precis_");
    for (const char *p = c->name; *p; p++)
        buf_char(b, *p == ' ' ? '_' : *p);
    buf_str(b, "() {\n    _arguments -s -S :");
    for (const struct option_group *const *g = c->groups; *g; g++)
        for (const struct option *o = (*g)->options; o->name; o++)
            put_option(b, o);
    if (c->operands) {
        buf_str(b, " \\\n        '*");
        put_values(b, c->operands, c->names, c->choices);
        buf_char(b, '\'');
    }
    buf_str(b, "\n}\n");
}

/* 'name:what it does' */
static void put_described(struct buf *b, const char *name, const char *about) {
    buf_printf(b, "    '%s:", name);
    put_quoted(b, about);
    buf_str(b, "'\n");
}

static void put_family(struct buf *b, const char *family) {
    buf_printf(b, "typeset -ga _precis_family_%s=(\n", family);
    for (size_t i = 0; commands[i]; i++) {
        const char *second = command_second(commands[i], family);
        if (second)
            put_described(b, second, commands[i]->summary);
    }
    buf_str(b, ")\n");
}

void completion_zsh(struct buf *b) {
    char family[32];
    buf_str(b, head);
    completion_models(b);
    buf_str(b, ")' 'files:file:_files'\n}\n\ntypeset -ga _precis_commands=(\n");
    for (size_t i = 0; commands[i]; i++) {
        if (!strchr(commands[i]->name, ' ')) {
            put_described(b, commands[i]->name, commands[i]->summary);
        } else if (completion_family(i, family, sizeof family)) {
            struct buf second = {0};
            completion_commands(&second, family);
            put_described(b, family, second.data ? second.data : "");
            b->failed |= buf_failed(&second);
            buf_free(&second);
        }
    }
    put_described(b, "help", "what a command does, and its options");
    buf_str(b, ")\n");
    for (size_t i = 0; commands[i]; i++)
        if (completion_family(i, family, sizeof family))
            put_family(b, family);
    for (size_t i = 0; commands[i]; i++)
        put_command(b, commands[i]);
    buf_str(b, tail);
}
