/* Extended grapheme clusters (Unicode Standard Annex 29), of the Unicode version that Hugging Face
 * `tokenizers` has. */
#ifndef PRECIS_TEXT_GRAPHEME_H
#define PRECIS_TEXT_GRAPHEME_H

#include <stddef.h>
#include <stdint.h>

/* The length in bytes of the first grapheme of n > 0 bytes of valid UTF-8. */
size_t grapheme_next(const uint8_t *s, size_t n);

#endif
