/* SentencePiece's precompiled normalisation map: a double array of byte strings (Darts-clone's
 * format) and the texts that replace them, applied as Hugging Face `tokenizers` does it: to a
 * grapheme of less than 6 bytes as a whole, else to each of its characters; the shortest entry that
 * it begins with replaces all of it. */
#ifndef PRECIS_TEXT_PRECOMPILED_H
#define PRECIS_TEXT_PRECOMPILED_H

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"

struct precompiled; /* immutable: any number of threads */

/* charsmap: u32 size of the array in bytes, the array as u32, then the texts, each ended by NUL;
 * all little-endian; copied. *out is the caller's to free. Errors: PRECIS_EINPUT (cut short, an
 * empty array, texts that are no UTF-8, an entry that leads outside of the array or the texts),
 * PRECIS_ENOMEM. */
int precompiled_new(const uint8_t *charsmap, size_t n, struct precompiled **out, struct err *e);
void precompiled_free(struct precompiled *p);

/* Appends the normal form of n bytes of valid UTF-8 to out. Returns 0 or PRECIS_ENOMEM. */
int precompiled_normalize(const struct precompiled *p, const uint8_t *s, size_t n, struct buf *out);

#endif
