/* Text as Python's str sees it: the programs that the metrics must equal are written in Python, and
 * what they call a space, a word or lower case is that of its str methods. Text is valid UTF-8. */
#ifndef PRECIS_EVAL_PYTHON_TEXT_H
#define PRECIS_EVAL_PYTHON_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

/* A list of words, as ranges of one buffer. A failed allocation is sticky: words_failed. */
struct words {
    struct buf text;
    size_t *ends; /* owned, [n]: where word i ends in text; it begins where the one before ends */
    size_t n, cap;
    bool failed;
};

void words_free(struct words *w);  /* safe on a zeroed list; leaves it zeroed */
void words_clear(struct words *w); /* no words, failure forgotten; the memory is kept */
void words_push(struct words *w, const char *s, size_t len);
static inline const char *words_at(const struct words *w, size_t i, size_t *len) {
    const size_t begin = i ? w->ends[i - 1] : 0;
    *len = w->ends[i] - begin;
    return w->text.data + begin;
}
static inline bool words_failed(const struct words *w) {
    return w->failed || buf_failed(&w->text);
}

/* ids[a->n + b->n]: first those of a's words, then those of b's; two are equal when the words'
 * bytes are. They are below the number of words. False: out of memory. */
bool words_number(const struct words *a, const struct words *b, uint32_t *ids);

bool python_is_space(uint32_t code_point); /* str.isspace, and \s */
bool python_is_alnum(uint32_t code_point); /* str.isalnum: \w less the underscore */
/* Appends s.lower(): with the mappings to several characters and the final sigma. */
void python_lower(struct buf *out, const char *s, size_t len);
size_t python_rstrip(const char *s, size_t len); /* the length that is left */
/* Appends the words of s.split(). */
void python_split(struct words *out, const char *s, size_t len);

#endif
