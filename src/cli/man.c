#include "cli/man.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "cli/commands.h"

enum form { PROSE, CODE };

/* One character, so that neither roff nor what shows its output takes it for anything else: a
 * copied example must work. */
static void put_char(struct buf *b, char c, bool code, bool first) {
    switch (c) {
    case '\\':
        buf_str(b, "\\e");
        return;
    case '-':
        buf_str(b, code ? "\\-" : "-");
        return;
    case '\'':
        buf_str(b, "\\(aq");
        return;
    case '`':
        buf_str(b, "\\(ga");
        return;
    case '^':
        buf_str(b, "\\(ha");
        return;
    case '~':
        buf_str(b, "\\(ti");
        return;
    case '"':
        buf_str(b, "\\(dq");
        return;
    default:
        if (first && c == '.')
            buf_str(b, "\\&");
        buf_char(b, c);
    }
}

/* Whether the word there is an option, whose dashes are no hyphens. */
static bool begins_option(const char *s, size_t at) {
    return s[at] == '-' && (at == 0 || strchr(" (/[", s[at - 1]));
}

/* In prose, what stands between backquotes is bold and without them. */
static void put_text(struct buf *b, const char *s, size_t len, enum form form) {
    bool bold = false, option = false;
    for (size_t i = 0; i < len; i++) {
        if (form == PROSE && s[i] == '`') {
            bold = !bold;
            buf_str(b, bold ? "\\fB" : "\\fR");
            continue;
        }
        if (begins_option(s, i))
            option = true;
        else if (s[i] == ' ')
            option = false;
        put_char(b, s[i], form == CODE || bold || option, i == 0);
    }
}

static void put_line(struct buf *b, const char *s, enum form form) {
    put_text(b, s, strlen(s), form);
    buf_char(b, '\n');
}

/* Lines as they are, less `indent` blanks. */
static void put_block(struct buf *b, const char *s, size_t len, size_t indent) {
    buf_str(b, ".RS 4\n.EX\n");
    for (const char *end = s + len; s < end;) {
        const char *newline = memchr(s, '\n', (size_t)(end - s));
        const char *stop = newline ? newline : end;
        size_t blanks = strspn(s, " ");
        s += blanks < indent ? blanks : indent;
        if (stop > s)
            put_text(b, s, (size_t)(stop - s), CODE);
        buf_char(b, '\n');
        s = newline ? newline + 1 : end;
    }
    buf_str(b, ".EE\n.RE\n");
}

static void put_paragraph(struct buf *b) {
    static const char mark[] = ".PP\n";
    size_t n = sizeof mark - 1;
    if (b->len < n || memcmp(b->data + b->len - n, mark, n) != 0)
        buf_str(b, mark);
}

/* Indented lines stay as they are, others are filled. */
static void put_details(struct buf *b, const char *s) {
    while (*s) {
        bool block = *s == ' ';
        const char *end = s;
        while (*end && (*end == ' ') == block) {
            end += strcspn(end, "\n");
            end += *end == '\n';
        }
        if (block) {
            put_paragraph(b);
            put_block(b, s, (size_t)(end - s), 2);
            if (*end)
                put_paragraph(b);
            s = end;
            continue;
        }
        while (s < end) {
            size_t len = strcspn(s, "\n");
            if (len) {
                put_text(b, s, len, PROSE);
                buf_char(b, '\n');
            } else {
                put_paragraph(b);
            }
            s += len + (s[len] == '\n');
        }
    }
}

void man_name(const struct command *c, char *out, size_t size) {
    bool alone = c && command_is_program(c);
    snprintf(out, size, "%s%s%s", alone ? "" : "precis", c && !alone ? "-" : "", c ? c->name : "");
    for (char *p = out; *p; p++)
        if (*p == ' ')
            *p = '-';
}

static void put_head(struct buf *b, const struct command *c, const char *about) {
    char name[80], date[16] = "";
    man_name(c, name, sizeof name);
    const char *epoch = getenv("SOURCE_DATE_EPOCH");
    char *end = NULL;
    errno = 0;
    long long seconds = epoch ? strtoll(epoch, &end, 10) : 0;
    time_t when = (time_t)seconds;
    struct tm tm;
    if (epoch && *epoch && *end == 0 && errno == 0 && seconds >= 0 && gmtime_r(&when, &tm))
        strftime(date, sizeof date, "%Y-%m-%d", &tm);
    buf_str(b, ".TH \"");
    for (const char *p = name; *p; p++)
        put_char(b, (char)(*p >= 'a' && *p <= 'z' ? *p - 'a' + 'A' : *p), true, false);
    buf_printf(b, "\" 1 \"%s\" \"precis %s\" \"precis\"\n.SH NAME\n", date, PRECIS_VERSION);
    put_text(b, name, strlen(name), CODE);
    buf_str(b, " \\- ");
    put_line(b, about, PROSE);
}

/* "[PATH]", with what stands for something else in italics. */
static void put_operands(struct buf *b, const char *s) {
    bool italic = false;
    for (; *s; s++) {
        bool is = (*s >= 'A' && *s <= 'Z') || *s == '_';
        if (is != italic)
            buf_str(b, is ? "\\fI" : "\\fR");
        italic = is;
        put_char(b, *s, true, false);
    }
    buf_str(b, italic ? "\\fR\n" : "\n");
}

static void put_option(struct buf *b, const struct option *o) {
    buf_str(b, ".TP\n");
    if (o->letter)
        buf_printf(b, "\\fB\\-%c\\fR, ", o->letter);
    buf_str(b, "\\fB\\-\\-");
    put_text(b, o->name, strlen(o->name), CODE);
    buf_str(b, "\\fR");
    if (option_takes_value(o)) {
        buf_str(b, " \\fI");
        put_text(b, o->argument, strlen(o->argument), CODE);
        buf_str(b, "\\fR");
    }
    buf_char(b, '\n');
    struct buf said = {0};
    option_describe(o, &said);
    put_line(b, said.data ? said.data : o->help, PROSE);
    b->failed |= buf_failed(&said);
    buf_free(&said);
}

static void put_list(struct buf *b, const struct named_text *list) {
    for (; list->name; list++) {
        buf_str(b, ".TP\n.B ");
        put_line(b, list->name, CODE);
        put_line(b, list->text, PROSE);
    }
}

static void put_tail(struct buf *b, const struct command *c) {
    buf_str(b, ".SH ENVIRONMENT\n");
    put_line(b, commands_environment, PROSE);
    if (!c)
        put_list(b, commands_variables);
    if (!c) {
        buf_str(b, ".SH FILES\n");
        put_list(b, commands_files);
    }
    buf_str(b, ".SH EXIT STATUS\n");
    put_list(b, commands_exits);
    buf_str(b, ".SH SEE ALSO\n");
    if (c) {
        buf_str(b, ".BR precis (1)\n");
        return;
    }
    for (size_t i = 0; commands[i]; i++) {
        char name[80];
        man_name(commands[i], name, sizeof name);
        buf_str(b, ".BR \\%");
        put_text(b, name, strlen(name), CODE);
        buf_printf(b, " (1)%s\n", commands[i + 1] ? "," : "");
    }
}

static void put_program(struct buf *b) {
    put_head(b, NULL, commands_about);
    buf_str(b, ".SH SYNOPSIS\n.B precis\n\\fICOMMAND\\fR [\\fIOPTION\\fR]...\n.SH DESCRIPTION\n");
    buf_str(b, "Each command has a page of its own, and explains itself with \\fB\\-\\-help\\fR.\n"
               ".SH COMMANDS\n");
    for (size_t i = 0; commands[i]; i++) {
        buf_str(b, ".TP\n.B ");
        put_line(b, commands[i]->name, CODE);
        put_line(b, commands[i]->summary, PROSE);
    }
}

void man_page(const struct command *c, struct buf *b) {
    if (!c) {
        put_program(b);
        put_tail(b, c);
        return;
    }
    put_head(b, c, c->summary);
    buf_str(b, ".SH SYNOPSIS\n.B ");
    if (!command_is_program(c))
        buf_str(b, "precis ");
    put_line(b, c->name, CODE);
    buf_str(b, "[\\fIOPTION\\fR]...\n");
    if (c->operands)
        put_operands(b, c->operands);
    buf_str(b, ".SH DESCRIPTION\n");
    put_details(b, c->details);
    buf_str(b, ".SH OPTIONS\n");
    for (const struct option_group *const *g = c->groups; *g; g++) {
        buf_str(b, ".SS ");
        put_line(b, (*g)->title, PROSE);
        for (const struct option *o = (*g)->options; o->name; o++)
            put_option(b, o);
    }
    if (c->examples) {
        buf_str(b, ".SH EXAMPLES\n");
        put_block(b, c->examples, strlen(c->examples), 2);
    }
    put_tail(b, c);
}
