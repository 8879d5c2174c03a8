#include "code/sniff.h"

#include <errno.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

#include "code/chunk.h"

enum { MARK_LINES = 20, AVERAGE_MAX = 500 };

static ssize_t read_at(int fd, char *data, size_t size, size_t offset) {
    size_t got = 0;
    while (got < size) {
        ssize_t n = pread(fd, data + got, size - got, (off_t)(offset + got));
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -1;
        if (n == 0)
            break;
        got += (size_t)n;
    }
    return (ssize_t)got;
}

int sniff_read(int fd, struct sniff *s) {
    ssize_t n = read_at(fd, s->head, sizeof s->head, 0);
    s->n = n < 0 ? 0 : (size_t)n;
    return n < 0 ? -1 : 0;
}

bool sniff_is_binary(const struct sniff *s) {
    return memchr(s->head, 0, s->n) != NULL;
}

static char lower(char c) {
    return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

/* Where `word` (lower case) is in the line, or NULL. */
static const char *find_word(const char *line, size_t len, const char *word) {
    size_t n = strlen(word);
    for (size_t at = 0; at + n <= len; at++) {
        size_t i = 0;
        while (i < n && lower(line[at + i]) == word[i])
            i++;
        if (i == n)
            return line + at;
    }
    return NULL;
}

static bool is_quoted(const char *line, const char *mark) {
    for (const char *s = line; s < mark; s++)
        if (*s == '"' || *s == '\'' || *s == '`')
            return true;
    return false;
}

static bool is_mark(const char *line, size_t len) {
    const char *mark = find_word(line, len, "@generated");
    if (!mark)
        mark = find_word(line, len, "linguist-generated");
    if (!mark && find_word(line, len, "do not edit"))
        mark = find_word(line, len, "generated");
    return mark && !is_quoted(line, mark);
}

bool sniff_is_marked(const struct sniff *s) {
    size_t at = 0;
    for (int i = 0; i < MARK_LINES && at < s->n; i++) {
        const char *line = s->head + at;
        const char *newline = memchr(line, '\n', s->n - at);
        size_t len = newline ? (size_t)(newline - line) : s->n - at;
        if (is_mark(line, len))
            return true;
        at += len + 1;
    }
    return false;
}

int sniff_is_minified(const struct sniff *s, int fd, size_t size) {
    char block[1 << 16];
    size_t at = s->n;
    uint64_t lines = chunk_count_newlines(s->head, s->n);
    char last = s->n ? s->head[s->n - 1] : '\n';
    /* Enough newlines so far: the rest cannot bring the average over the limit. */
    while (at < size && lines * AVERAGE_MAX < size) {
        ssize_t n = read_at(fd, block, sizeof block, at);
        if (n < 0)
            return -1;
        if (n == 0)
            break;
        lines += chunk_count_newlines(block, (size_t)n);
        last = block[n - 1];
        at += (size_t)n;
    }
    if (lines * AVERAGE_MAX >= size)
        return 0;
    lines += last != '\n';
    return lines * AVERAGE_MAX < at;
}
