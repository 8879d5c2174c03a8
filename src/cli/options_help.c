#include "cli/options.h"

#include <string.h>

void option_describe(const struct option *o, struct buf *b) {
    buf_str(b, o->help);
    if (o->type == OPTION_CHOICE) {
        buf_str(b, ": ");
        for (int i = 0; o->choices[i]; i++)
            buf_printf(b, "%s%s", i ? ", " : "", o->choices[i]);
    } else if (option_takes_value(o) && o->max > 0 && o->max < 0x1p63) {
        char low[32], high[32];
        option_limit(o, o->min, low, sizeof low);
        option_limit(o, o->max, high, sizeof high);
        buf_printf(b, o->above_min ? " (above %s, to %s)" : " (%s..%s)", low, high);
    }
    if (o->type == OPTION_LIST)
        buf_str(b, "; repeatable");
    if (o->fallback && option_takes_value(o) && *o->fallback)
        buf_printf(b, " [%s]", o->fallback);
}

enum { HELP_COLUMN = 32 };

void options_wrap(FILE *f, const char *text, int column, int width) {
    int at = column;
    while (*text) {
        int word = (int)strcspn(text, " ");
        if (at > column && at + 1 + word > width) {
            fprintf(f, "\n%*s", column, "");
            at = column;
        }
        at += fprintf(f, "%s%.*s", at > column ? " " : "", word, text);
        text += word;
        text += strspn(text, " ");
    }
    fputc('\n', f);
}

static void print_option(FILE *f, const struct option *o, int width) {
    char left[80];
    int n;
    if (o->letter)
        n = snprintf(left, sizeof left, "  -%c, --%s", o->letter, o->name);
    else
        n = snprintf(left, sizeof left, "      --%s", o->name);
    if (option_takes_value(o) && n > 0 && (size_t)n < sizeof left)
        n += snprintf(left + n, sizeof left - (size_t)n, " %s", o->argument);
    fputs(left, f);
    if (n > HELP_COLUMN - 2)
        fprintf(f, "\n%*s", HELP_COLUMN, "");
    else
        fprintf(f, "%*s", HELP_COLUMN - n, "");
    struct buf b = {0};
    option_describe(o, &b);
    options_wrap(f, b.data ? b.data : o->help, HELP_COLUMN, width);
    buf_free(&b);
}

void options_print(FILE *f, const struct command *c, int width) {
    for (const struct option_group *const *g = c->groups; *g; g++) {
        fprintf(f, "\n%s\n", (*g)->title);
        for (const struct option *o = (*g)->options; o->name; o++)
            print_option(f, o, width);
    }
}
