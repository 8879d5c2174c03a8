#include "cli/completion.h"

#include <string.h>

#include "cli/commands.h"
#include "model/catalogue.h"

const char *const completion_shells[] = {"bash", "zsh", "fish", NULL};

void completion_brief(const char *help, char *out, size_t size) {
    size_t len = strlen(help);
    for (size_t i = 0; i < len; i++)
        if (strchr(";:.,(", help[i]) && (help[i] == '(' || help[i + 1] == ' ') && i > 12)
            len = i;
    while (len && help[len - 1] == ' ')
        len--;
    if (len >= size) {
        len = size - 1;
        while (len && help[len] != ' ')
            len--;
    }
    memcpy(out, help, len);
    out[len] = 0;
}

bool completion_family(size_t i, char *out, size_t size) {
    const char *name = commands[i]->name, *space = strchr(name, ' ');
    if (!space || (size_t)(space - name) >= size)
        return false;
    size_t len = (size_t)(space - name);
    for (size_t j = 0; j < i; j++)
        if (strncmp(commands[j]->name, name, len + 1) == 0)
            return false;
    memcpy(out, name, len);
    out[len] = 0;
    return true;
}

void completion_words(struct buf *b, const char *const *words) {
    for (size_t i = 0; words[i]; i++)
        buf_printf(b, "%s%s", i ? " " : "", words[i]);
}

void completion_models(struct buf *b) {
    for (size_t i = 0; catalogue[i].name; i++)
        buf_printf(b, "%s%s", i ? " " : "", catalogue[i].name);
}

void completion_commands(struct buf *b, const char *family) {
    const char *between = "";
    for (size_t i = 0; commands[i]; i++) {
        char first[32];
        const char *word = commands[i]->name;
        if (family)
            word = command_second(commands[i], family);
        else if (strchr(word, ' '))
            word = completion_family(i, first, sizeof first) ? first : NULL;
        if (!word)
            continue;
        buf_printf(b, "%s%s", between, word);
        between = " ";
    }
}
