#include "code/lang.h"

#include <stdbool.h>
#include <string.h>

#include "code/lang_header.h"
#include "code/lang_table.h"

#define COUNT(table) (sizeof(table) / sizeof *(table))

/* Longest key there is, and some more: longer candidates cannot be in a table. */
enum { KEY_MAX = 32 };

static const struct lang *look_up(const struct lang_key *table, size_t n, const char *key) {
    size_t low = 0;
    while (low < n) {
        size_t middle = low + (n - low) / 2;
        int order = strcmp(key, table[middle].key);
        if (order == 0)
            return &langs[table[middle].id];
        if (order < 0)
            n = middle;
        else
            low = middle + 1;
    }
    return NULL;
}

static const struct lang *by_extension_of(const char *base) {
    const char *dot = strrchr(base, '.');
    char key[KEY_MAX];
    if (!dot || strlen(dot + 1) >= sizeof key)
        return NULL;
    /* The one extension whose case tells languages apart. */
    if (strcmp(dot, ".C") == 0)
        return &langs[L_CPP];
    size_t i = 0;
    for (const char *s = dot + 1; *s; s++)
        key[i++] = *s >= 'A' && *s <= 'Z' ? (char)(*s - 'A' + 'a') : *s;
    key[i] = 0;
    return look_up(by_extension, COUNT(by_extension), key);
}

/* "Dockerfile.dev", "Makefile.linux": the part before the first dot is a known name. */
static const struct lang *by_stem_of(const char *base) {
    size_t len = strcspn(base, ".");
    char key[KEY_MAX];
    if (len == 0 || len >= sizeof key || base[len] == 0)
        return NULL;
    memcpy(key, base, len);
    key[len] = 0;
    const struct lang *lang = look_up(by_name, COUNT(by_name), key);
    return lang == &langs[L_DOCKERFILE] || lang == &langs[L_MAKE] ? lang : NULL;
}

static bool is_blank(char c) {
    return c == ' ' || c == '\t';
}

/* The next word of the line [*s, end); its length, 0 at the end. */
static size_t next_word(const char **s, const char *end) {
    while (*s < end && is_blank(**s))
        (*s)++;
    const char *from = *s;
    while (from < end && !is_blank(*from) && *from != '\r' && *from != 0)
        from++;
    return (size_t)(from - *s);
}

/* Word without its folders: "/usr/bin/python3" is "python3". */
static void strip_folders(const char **s, size_t *len) {
    const char *slash = memrchr(*s, '/', *len);
    if (slash) {
        *len -= (size_t)(slash + 1 - *s);
        *s = slash + 1;
    }
}

static const struct lang *by_shebang_of(const char *head, size_t len) {
    if (len < 2 || head[0] != '#' || head[1] != '!')
        return NULL;
    const char *end = memchr(head, '\n', len);
    end = end ? end : head + len;
    const char *s = head + 2;
    size_t n = next_word(&s, end);
    const char *word = s;
    strip_folders(&word, &n);
    if (n == 3 && memcmp(word, "env", 3) == 0) {
        /* Its options and assignments come before the program. */
        s = word + n;
        while ((n = next_word(&s, end)) > 0 && (*s == '-' || memchr(s, '=', n)))
            s += n;
        word = s;
        strip_folders(&word, &n);
    }
    char key[KEY_MAX];
    if (n == 0 || n >= sizeof key)
        return NULL;
    memcpy(key, word, n);
    key[n] = 0;
    const struct lang *lang = look_up(by_interpreter, COUNT(by_interpreter), key);
    if (lang)
        return lang;
    while (n > 0 &&
           ((key[n - 1] >= '0' && key[n - 1] <= '9') || key[n - 1] == '.' || key[n - 1] == '-'))
        key[--n] = 0;
    return look_up(by_interpreter, COUNT(by_interpreter), key);
}

static bool is_header(const char *base) {
    const char *dot = strrchr(base, '.');
    return dot && (strcmp(dot, ".h") == 0 || strcmp(dot, ".H") == 0);
}

static const struct lang *by_header_of(const char *head, size_t len) {
    static const enum lang_id of[] = {[LANG_HEADER_C] = L_C,
                                      [LANG_HEADER_CPP] = L_CPP,
                                      [LANG_HEADER_OBJECTIVE_C] = L_OBJECTIVE_C};
    return &langs[of[lang_header_of(head, len)]];
}

const struct lang *lang_of(const char *path, const char *head, size_t head_len) {
    const char *slash = strrchr(path, '/');
    const char *base = slash ? slash + 1 : path;
    const struct lang *lang = look_up(by_name, COUNT(by_name), base);
    if (!lang)
        lang = by_extension_of(base);
    if (!lang)
        lang = by_stem_of(base);
    if (!lang && head)
        lang = by_shebang_of(head, head_len);
    return lang == &langs[L_C] && head && is_header(base) ? by_header_of(head, head_len) : lang;
}

const struct lang *lang_by_name(const char *name) {
    size_t low = 0;
    size_t n = L_COUNT;
    while (low < n) {
        size_t middle = low + (n - low) / 2;
        int order = strcmp(name, langs[middle].name);
        if (order == 0)
            return &langs[middle];
        if (order < 0)
            n = middle;
        else
            low = middle + 1;
    }
    return NULL;
}
