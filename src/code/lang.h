/* Languages, told by file name. */
#ifndef PRECIS_CODE_LANG_H
#define PRECIS_CODE_LANG_H

#include <stddef.h>

enum lang_kind {
    LANG_CODE,   /* programming languages: summarised by default */
    LANG_MARKUP, /* Markdown, HTML, ...: only when asked for by name */
    LANG_DATA    /* JSON, TOML, lock files, ...: likewise */
};

struct lang {
    const char *name; /* "rust", "c", "python", ...: as it stands in prompts, reports and filters */
    const char *title; /* "Rust", "C", "Python": as people write it */
    enum lang_kind kind;
};

/* The language of a path by its name or extension, then by `#!` in its first bytes (head may be
 * NULL); of a .h file by what they hold. NULL: unknown. The result is static. */
const struct lang *lang_of(const char *path, const char *head, size_t head_len);

/* The language of that name ("rust"); NULL: none. For filters that users write. */
const struct lang *lang_by_name(const char *name);

#endif
