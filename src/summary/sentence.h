/* Finds the first sentence of prose in what a model answered. */
#ifndef PRECIS_SUMMARY_SENTENCE_H
#define PRECIS_SUMMARY_SENTENCE_H

#include <stdbool.h>
#include <stddef.h>

/* Bytes [begin, end) of the text, marks of Markdown included. */
struct sentence {
    size_t begin, end;
    bool ended;   /* by its own full stop, or by the end of its line */
    bool certain; /* no further text could change it: generation may end */
};

/* Passes over blank lines, headings, code fences, lines of code, labels ("Summary:"), openings
 * ("Sure!", "Here is a summary of the code:") and lines that only announce others (ending with
 * ':'). A line that breaks within a sentence goes on when the next one begins with a lower-case
 * letter. Full stops of abbreviations, numbers, file names and code spans do not end a sentence.
 * Any bytes; false: none. */
bool sentence_find(const char *text, size_t len, struct sentence *out);

/* Whether a line of its own reads as source code rather than prose. */
bool sentence_is_code(const char *line, size_t n);

#endif
