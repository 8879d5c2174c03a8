/* UTF-8 at the edges: foreign bytes become valid text before they reach JSON or a terminal. */
#ifndef PRECIS_BASE_UTF8_H
#define PRECIS_BASE_UTF8_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct buf;

/* Length in bytes (1..4) of the valid sequence at s, with its code point; 0 when the bytes there
 * are not valid UTF-8 (overlong, surrogate, beyond U+10FFFF, cut short). n > 0. */
int utf8_decode(const uint8_t *s, size_t n, uint32_t *code_point);
/* What is at s (n > 0 bytes): 1..4: a valid sequence of that many bytes; 0: all n bytes are the
 * beginning of one; -1..-3: as many bytes are ill-formed and become one U+FFFD in a decoder that
 * replaces maximal subparts (Unicode 3.9, table 3-8), as Python's and Rust's do. */
int utf8_scan(const uint8_t *s, size_t n);
bool utf8_valid(const void *s, size_t n);
/* Appends s with every invalid byte replaced by U+FFFD. */
void utf8_append_valid(struct buf *out, const void *s, size_t n);
/* Bytes (0..2) of the C0 or C1 control or DEL that the n > 0 bytes at s begin with. */
int utf8_control(const char *s, size_t n);
/* Terminal safety, in place: C0 controls and DEL become '?', C1 controls "??". */
void utf8_blank_controls(char *s);
/* Whether there is a C0 or C1 control or DEL. s: valid UTF-8. */
bool utf8_has_controls(const char *s, size_t n);
size_t utf8_length(const char *s, size_t n); /* code points; an invalid byte counts as one */

#endif
