/* The scores of a Unigram vocabulary as `tokenizers` reads them. Its JSON reader (serde_json, built
 * without float_roundtrip) does not round correctly: it takes the digits as one 64-bit number and
 * multiplies or divides it once by a power of ten. The last bit can differ from strtod's, and it
 * decides between ways of equal score. */
#ifndef PRECIS_TEXT_SCORE_TEXT_H
#define PRECIS_TEXT_SCORE_TEXT_H

#include <stddef.h>

/* Fills in scores[n] from the pairs of "model" -> "vocab" in a tokenizer.json (valid JSON, len
 * bytes) and returns how many there are, which may be more than n. */
size_t score_text_read(const char *json, size_t len, double *scores, size_t n);

#endif
