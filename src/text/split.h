/* Pre-tokenisers: where a text comes apart before byte-pair merging. Hand-written scanners for the
 * common patterns; no piece looks back before its first byte. */
#ifndef PRECIS_TEXT_SPLIT_H
#define PRECIS_TEXT_SPLIT_H

#include <stddef.h>
#include <stdint.h>

/* The patterns, as a tokenizer.json spells them. */
#define SPLIT_GPT2                                                                                 \
    "'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)|\\s+"
#define SPLIT_CL100K(numbers)                                                                      \
    "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|" numbers                          \
    "| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+"
#define SPLIT_QWEN2 SPLIT_CL100K("\\p{N}")
#define SPLIT_LLAMA3 SPLIT_CL100K("\\p{N}{1,3}")
#define SPLIT_O200K_UPPER "[\\p{Lu}\\p{Lt}\\p{Lm}\\p{Lo}\\p{M}]"
#define SPLIT_O200K_LOWER "[\\p{Ll}\\p{Lm}\\p{Lo}\\p{M}]"
#define SPLIT_O200K_SHORT "(?i:'s|'t|'re|'ve|'m|'ll|'d)?"
#define SPLIT_O200K                                                                                \
    "[^\\r\\n\\p{L}\\p{N}]?" SPLIT_O200K_UPPER "*" SPLIT_O200K_LOWER "+" SPLIT_O200K_SHORT         \
    "|[^\\r\\n\\p{L}\\p{N}]?" SPLIT_O200K_UPPER "+" SPLIT_O200K_LOWER "*" SPLIT_O200K_SHORT        \
    "|\\p{N}{1,3}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n/]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+"

/* Length of the first piece of s: n > 0 bytes of valid UTF-8, the whole of what is left. */
typedef size_t split_fn(const uint8_t *s, size_t n);

split_fn split_gpt2;
/* Digits(individual_digits), then GPT-2's pattern in what lies between them. */
split_fn split_smollm;
split_fn split_qwen2;
split_fn split_llama3;
split_fn split_o200k;

/* The scanner that does what a pattern does; NULL: none is written for it. */
split_fn *split_of_pattern(const char *pattern, size_t len);

#endif
