#include "code/lang_header.h"

#include <stdbool.h>
#include <string.h>

/* Where a header is being read. */
struct reading {
    bool comment;  /* inside of a block comment */
    size_t hidden; /* conditions open since one on __cplusplus; 0: none */
};

static bool is_blank(char c) {
    return c == ' ' || c == '\t' || c == '\r';
}

static bool is_word(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

static bool has(const char *s, size_t n, const char *what) {
    return memmem(s, n, what, strlen(what)) != NULL;
}

/* [*s, *s + *n) begins with this word: goes behind it and the blanks after it. */
static bool take(const char **s, size_t *n, const char *word) {
    size_t len = strlen(word);
    if (*n < len || memcmp(*s, word, len) != 0 || (*n > len && is_word((*s)[len])))
        return false;
    while (len < *n && is_blank((*s)[len]))
        len++;
    *s += len;
    *n -= len;
    return true;
}

/* "#include <vector>": the names of C's headers have a dot. */
static bool includes_cpp(const char *s, size_t n) {
    if (n == 0 || *s != '<')
        return false;
    const char *end = memchr(s, '>', n);
    return end && !memchr(s, '.', (size_t)(end - s)) && !memchr(s, '/', (size_t)(end - s));
}

/* After the '#'. */
static enum lang_header read_directive(struct reading *r, const char *s, size_t n) {
    if (take(&s, &n, "if") || take(&s, &n, "ifdef") || take(&s, &n, "ifndef")) {
        if (r->hidden || has(s, n, "__cplusplus"))
            r->hidden++;
    } else if (take(&s, &n, "endif")) {
        if (r->hidden)
            r->hidden--;
    } else if (!r->hidden && take(&s, &n, "include")) {
        return includes_cpp(s, n) ? LANG_HEADER_CPP : LANG_HEADER_C;
    } else if (!r->hidden && take(&s, &n, "import")) {
        return LANG_HEADER_OBJECTIVE_C;
    }
    return LANG_HEADER_C;
}

static enum lang_header read_code(const char *s, size_t n) {
    static const char *const objective[] = {"@interface", "@protocol", "@class", "@import"};
    for (size_t i = 0; i < sizeof objective / sizeof *objective; i++)
        if (take(&s, &n, objective[i]))
            return LANG_HEADER_OBJECTIVE_C;
    if (take(&s, &n, "template"))
        return n && *s == '<' ? LANG_HEADER_CPP : LANG_HEADER_C;
    if (take(&s, &n, "public") || take(&s, &n, "private") || take(&s, &n, "protected"))
        return n && *s == ':' ? LANG_HEADER_CPP : LANG_HEADER_C;
    if (take(&s, &n, "namespace") || take(&s, &n, "class") || take(&s, &n, "using"))
        return n && (is_word(*s) || *s == '{') ? LANG_HEADER_CPP : LANG_HEADER_C;
    return has(s, n, "std::") ? LANG_HEADER_CPP : LANG_HEADER_C;
}

/* A line without its end; what stands behind a comment in it is not looked at. */
static enum lang_header read_line(struct reading *r, const char *s, size_t n) {
    if (r->comment) {
        r->comment = !has(s, n, "*/");
        return LANG_HEADER_C;
    }
    while (n && is_blank(*s))
        s++, n--;
    const char *block = memmem(s, n, "/*", 2), *line = memmem(s, n, "//", 2);
    if (line && (!block || line < block)) {
        n = (size_t)(line - s);
    } else if (block) {
        size_t before = (size_t)(block - s);
        r->comment = !has(block + 2, n - before - 2, "*/");
        n = before;
    }
    if (n && *s == '#') {
        do
            s++, n--;
        while (n && is_blank(*s));
        return read_directive(r, s, n);
    }
    return r->hidden ? LANG_HEADER_C : read_code(s, n);
}

enum lang_header lang_header_of(const char *head, size_t len) {
    struct reading r = {0};
    for (const char *s = head, *end = head + len; s < end;) {
        const char *eol = memchr(s, '\n', (size_t)(end - s));
        enum lang_header is = read_line(&r, s, (size_t)((eol ? eol : end) - s));
        if (is != LANG_HEADER_C)
            return is;
        s = eol ? eol + 1 : end;
    }
    return LANG_HEADER_C;
}
