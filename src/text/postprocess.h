/* What comes around the ids of a text: the post-processor of a tokenizer.json (for one text, not
 * for pairs) and its truncation. */
#ifndef PRECIS_TEXT_POSTPROCESS_H
#define PRECIS_TEXT_POSTPROCESS_H

#include "base/buf.h"

#define POST_TEXT UINT32_MAX /* in a template: the ids of the text */

struct postprocess {
    uint32_t *items; /* owned: ids and POST_TEXT, in their order; n 0: the text alone */
    size_t n;
    size_t added;      /* how many of them are ids */
    bool truncate;     /* to max_length ids in all */
    bool from_left;    /* the text's beginning is cut, not its end */
    size_t max_length; /* >= added */
};
void postprocess_free(struct postprocess *p);

/* The ids from `begin` on in out are those of the text: cuts them, such that there are at most
 * `most` (>= added) in all, and puts the others around them. special: with the template's ids.
 * False: out of memory. */
bool postprocess(const struct postprocess *p, size_t begin, bool special, size_t most,
                 struct ids *out);

#endif
