#include "cli/completion.h"

#include "cli/commands.h"

static const char head[] = "# Completion of precis for bash; made by `precis completion bash`.\n"
                           "\n"
                           "# For a command and the option before the word: what may come.\n"
                           "_precis_table() {\n"
                           "    case $1 in\n";

static const char tail[] =
    "    esac\n"
    "}\n"
    "\n"
    "_precis_offer() {\n"
    "    mapfile -t COMPREPLY < <(compgen -W \"$1\" -- \"$cur\")\n"
    "}\n"
    "\n"
    "_precis() {\n"
    "    local cur=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD-1]}\n"
    "    local i=1 j helps='' ended='' command='' options='' kind='' words='' operand=nothing "
    "choices=''\n"
    "    COMPREPLY=()\n"
    "    if [[ $cur == '=' ]]; then\n"
    "        cur=''\n"
    "    elif [[ $before == '=' ]]; then\n"
    "        before=${COMP_WORDS[COMP_CWORD-2]}\n"
    "    fi\n"
    "    if [[ ${COMP_WORDS[0]##*/} == parallel_summarizer ]]; then\n"
    "        command=parallel_summarizer\n"
    "    else\n"
    "        if [[ ${COMP_WORDS[1]} == help || ${COMP_WORDS[1]} == man ]] && ((COMP_CWORD > 1)); "
    "then\n"
    "            helps=1 i=2\n"
    "        fi\n"
    "        if ((COMP_CWORD == i)); then\n"
    "            if [[ $cur == -* ]]; then\n"
    "                _precis_offer '--help --version'\n"
    "            else\n"
    "                _precis_offer \"$_precis_commands\"\n"
    "            fi\n"
    "            return\n"
    "        fi\n"
    "        command=${COMP_WORDS[i]}\n"
    "        _precis_family \"$command\"\n"
    "        if [[ $words ]]; then\n"
    "            ((i++))\n"
    "            if ((COMP_CWORD == i)); then\n"
    "                _precis_offer \"$words\"\n"
    "                return\n"
    "            fi\n"
    "            command+=\" ${COMP_WORDS[i]}\" words=''\n"
    "        fi\n"
    "        if [[ $helps ]]; then\n"
    "            return\n"
    "        fi\n"
    "    fi\n"
    "    for ((j = 1; j < COMP_CWORD; j++)); do\n"
    "        if [[ ${COMP_WORDS[j]} == -- ]]; then\n"
    "            before='' ended=1\n"
    "        fi\n"
    "    done\n"
    "    _precis_table \"$command\" \"$before\"\n"
    "    if [[ ! $kind && ! $ended && $cur == -* ]]; then\n"
    "        _precis_offer \"$options\"\n"
    "        return\n"
    "    fi\n"
    "    if [[ ! $kind ]]; then\n"
    "        kind=$operand words=$choices\n"
    "    fi\n"
    "    case $kind in\n"
    "    words) _precis_offer \"$words\" ;;\n"
    "    folder) compopt -o dirnames 2>/dev/null ;;\n"
    "    model)\n"
    "        _precis_offer \"$_precis_models\"\n"
    "        compopt -o default 2>/dev/null\n"
    "        ;;\n"
    "    file) compopt -o bashdefault -o default 2>/dev/null ;;\n"
    "    esac\n"
    "}\n"
    "\n"
    "complete -F _precis precis parallel_summarizer\n";

/* "--name", or "-o|--name" as the pattern of a case. */
static void put_names(struct buf *b, const struct option *o, const char *between) {
    if (o->letter)
        buf_printf(b, "-%c%s", o->letter, between);
    buf_printf(b, "--%s", o->name);
}

static const char *const kinds[] = {"nothing", "file", "folder", "model"}; /* of enum named */

/* The options that take such a value, as one pattern. */
static void put_kind(struct buf *b, const struct command *c, enum named kind) {
    bool any = false;
    for (const struct option_group *const *g = c->groups; *g; g++) {
        for (const struct option *o = (*g)->options; o->name; o++) {
            if (!option_takes_value(o) || o->choices || o->names != kind)
                continue;
            buf_str(b, any ? " | " : "        ");
            put_names(b, o, " | ");
            any = true;
        }
    }
    if (any)
        buf_printf(b, ") kind=%s ;;\n", kinds[kind]);
}

static void put_command(struct buf *b, const struct command *c) {
    const char *between = "";
    buf_printf(b, "    '%s')\n        options='", c->name);
    for (const struct option_group *const *g = c->groups; *g; g++) {
        for (const struct option *o = (*g)->options; o->name; o++) {
            buf_str(b, between);
            put_names(b, o, " ");
            between = " ";
        }
    }
    buf_printf(b, "'\n        operand=%s", c->choices ? "words" : kinds[c->names]);
    if (c->choices) {
        buf_str(b, " choices='");
        completion_words(b, c->choices);
        buf_char(b, '\'');
    }
    buf_str(b, "\n        case $2 in\n");
    for (size_t k = 0; k < sizeof kinds / sizeof kinds[0]; k++)
        put_kind(b, c, (enum named)k);
    for (const struct option_group *const *g = c->groups; *g; g++) {
        for (const struct option *o = (*g)->options; o->name; o++) {
            if (!o->choices)
                continue;
            buf_str(b, "        ");
            put_names(b, o, " | ");
            buf_str(b, ") kind=words words='");
            completion_words(b, o->choices);
            buf_str(b, "' ;;\n");
        }
    }
    buf_str(b, "        esac\n        ;;\n");
}

void completion_bash(struct buf *b) {
    char family[32];
    buf_str(b, head);
    for (size_t i = 0; commands[i]; i++)
        put_command(b, commands[i]);
    buf_str(b, "    esac\n}\n\n_precis_commands='help ");
    completion_commands(b, NULL);
    buf_str(b, "'\n_precis_models='");
    completion_models(b);
    buf_str(b,
            "'\n\n# What comes after the first word of two.\n_precis_family() {\n    case $1 in\n");
    for (size_t i = 0; commands[i]; i++) {
        if (!completion_family(i, family, sizeof family))
            continue;
        buf_printf(b, "    %s) words='", family);
        completion_commands(b, family);
        buf_str(b, "' ;;\n");
    }
    buf_str(b, tail);
}
