/* Regular expressions as Hugging Face `tokenizers` runs them: Oniguruma's syntax (Ruby's) over
 * UTF-8 and the Unicode of that library. The pattern is translated and handed to PCRE2; every class
 * of characters becomes ranges from our own tables. A construct on which the two engines differ, or
 * that no tokenizer uses, is refused by name. */
#ifndef PRECIS_TEXT_REGEX_H
#define PRECIS_TEXT_REGEX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"

struct regex;

/* Errors: PRECIS_EUNSUPPORTED naming the construct, PRECIS_EINPUT, PRECIS_ENOMEM. */
int regex_new(const char *pattern, size_t len, struct regex **out, struct err *e);
void regex_free(struct regex *re); /* NULL is fine */

/* What one thread searches with; kept between calls. */
struct regex_work {
    void *match; /* pcre2_match_data, owned */
    int failed;  /* why regex_next gave -1 last: PRECIS_ENOMEM or PRECIS_ELIMIT; else 0 */
    const struct regex *of; /* whose limit was reached */
};
void regex_work_free(struct regex_work *w);

/* All matches of one text, from its beginning; empty ones right after another are left out. */
struct regex_search {
    const struct regex *re;
    const uint8_t *s;
    size_t n;
    size_t from, last_end;
    bool matched; /* last_end is of a match */
};
void regex_start(struct regex_search *q, const struct regex *re, const uint8_t *s, size_t n);
/* 1: a match [*begin, *end); 0: no more; -1: out of memory, or the engine's limits are reached (w
 * says which). */
int regex_next(struct regex_search *q, struct regex_work *w, size_t *begin, size_t *end);
/* Sets the error of what w failed with, PRECIS_ENOMEM (of `what`) where it did not: the code. */
int regex_failure(const struct regex_work *w, const char *what, struct err *e);

/* The pattern in PCRE2's syntax, appended to out; regex_translate.c. */
int regex_translate(const char *pattern, size_t len, struct buf *out, struct err *e);

#endif
