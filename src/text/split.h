/* Pre-tokenisers: where a text comes apart before byte-pair merging. Hand-written scanners for the
 * two patterns; no piece looks back before its first byte. */
#ifndef PRECIS_TEXT_SPLIT_H
#define PRECIS_TEXT_SPLIT_H

#include <stddef.h>
#include <stdint.h>

/* Length of the first piece of s: n > 0 bytes of valid UTF-8, the whole of what is left. */
typedef size_t split_fn(const uint8_t *s, size_t n);

/* Digits(individual_digits), then GPT-2's pattern in what lies between them:
 * 's|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+ */
split_fn split_smollm;

/* (?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|
 * \s*[\r\n]+|\s+(?!\S)|\s+ */
split_fn split_qwen2;

#endif
