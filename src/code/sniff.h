/* What the bytes of a file say about it: text or not, written by hand or by a program. */
#ifndef PRECIS_CODE_SNIFF_H
#define PRECIS_CODE_SNIFF_H

#include <stdbool.h>
#include <stddef.h>

enum { SNIFF_HEAD = 8192 };

struct sniff {
    char head[SNIFF_HEAD]; /* the first bytes of the file */
    size_t n;
};

/* Reads the head of an open regular file. 0, or -1 with errno. */
int sniff_read(int fd, struct sniff *s);

bool sniff_is_binary(const struct sniff *s); /* there is a NUL byte */

/* One of the first lines says that a program wrote it: "@generated", "linguist-generated", or
 * "generated" and "do not edit" in one line, in any case. A mark behind a quote is a string of
 * source code and does not count. */
bool sniff_is_marked(const struct sniff *s);

/* The lines of the file are over 500 bytes long on average. Reads on only while the head does not
 * settle it. 1: yes, 0: no, -1: cannot read, with errno. */
int sniff_is_minified(const struct sniff *s, int fd, size_t size);

#endif
