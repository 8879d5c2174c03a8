/* From what a model answered to one clean line. */
#ifndef PRECIS_SUMMARY_CLEAN_H
#define PRECIS_SUMMARY_CLEAN_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "base/err.h"
#include "summary/sentence.h"

enum { CLEAN_MIN_CHARS = 16 };

struct clean_options {
    int max_chars;   /* of the line, in code points, >= CLEAN_MIN_CHARS */
    bool unfinished; /* generation ended by length: a sentence without an end is cut back */
    const char *const *echoes; /* texts of the prompt that are no answer; NULL-ended; may be NULL */
};

/* Appends the first sentence of the text to `out` (empty before): plain text, one line of valid
 * UTF-8 without control characters, at most max_chars code points, that begins with a verb where it
 * can (see rephrase.h) and ends with a period ("..." where it had to be cut within a clause). *from
 * (may be NULL) says which bytes of the text the line was made from. Errors: PRECIS_ENOTFOUND with
 * the reason when there is nothing usable (no sentence, code, a refusal, an echo of the prompt, a
 * question, one word, words that go round in circles); PRECIS_EUSAGE; PRECIS_ENOMEM. */
int clean_line(const char *text, size_t len, const struct clean_options *options, struct buf *out,
               struct sentence *from, struct err *e);

#endif
