/* Sentences made of a verb and lists of names, in as much detail as fits. */
#ifndef PRECIS_SUMMARY_PHRASING_H
#define PRECIS_SUMMARY_PHRASING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "code/symbols.h"

enum { PHRASING_NAMES = 4, PHRASING_PARTS = 3, PHRASING_SEEN = 64 };

/* The names that tell most of many, best first. */
struct naming {
    struct span v[PHRASING_NAMES];
    uint64_t rank[PHRASING_NAMES];
    uint32_t n;
    uint32_t total;               /* different ones, also those that are not among them; beyond
                                     PHRASING_SEEN each as often as it comes */
    uint64_t seen[PHRASING_SEEN]; /* hashes of the first of them */
};

/* Counts a name unless it came before, and takes it in unless it is too long to be shown or no
 * text; higher ranks come first, the same ranks as they come. */
void naming_add(struct naming *names, const char *text, struct span name, uint64_t rank);

/* "the functions a, b and 3 more"; without an article the names alone, "one function" or "12
 * functions" where no name fits. */
struct part {
    const char *joint;      /* before it, unless it is the first: ", and " */
    const char *article;    /* NULL: names alone */
    const char *one, *many; /* nouns */
    const struct naming *names;
};

struct phrasing {
    const char *verb;
    const char *text; /* that the names are of */
    struct part parts[PHRASING_PARTS];
    size_t n;
};

/* Appends the sentence with its period to `out`, empty before, such that it has at most max_chars
 * code points: with fewer names, then with fewer parts. False: not even one part without names
 * fits; out is empty then. Check buf_failed. */
bool phrasing_write(const struct phrasing *p, int max_chars, struct buf *out);

/* Appends what can be shown of text: valid UTF-8, blanks joined, no controls, nothing invisible. */
void phrasing_shown(struct buf *out, const char *s, size_t n);

#endif
