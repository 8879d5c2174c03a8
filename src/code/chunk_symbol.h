/* What a range of lines is about: the symbol that tells most of it. */
#ifndef PRECIS_CODE_CHUNK_SYMBOL_H
#define PRECIS_CODE_CHUNK_SYMBOL_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "code/symbols.h"

struct chunk_symbol {
    uint32_t symbol;            /* SYMBOL_NONE: the range holds none */
    bool cut_before, cut_after; /* it begins before the range, goes on after it */
};

/* Looks at lines first..last (1-based, inclusive). Of the symbols beside each other (those of one
 * name, as a Rust type and its impls, counted together) the one with most lines in the range; a
 * function or type counts more when it is public or documented, any other symbol less. From one
 * that is not whole in the range it goes on to a symbol in it that has more than half of its lines
 * there, from a module or namespace to any. Levels of nesting that begin before the range are
 * looked at up to 64. Errors: PRECIS_ENOMEM. */
int chunk_symbol_find(const struct tree *t, const struct symbols *s, uint64_t first, uint64_t last,
                      struct chunk_symbol *out, struct err *e);

/* Appends the name of a symbol as reports show it: "Semaphore.acquire" for a member of a type, also
 * one that is defined outside of it, else "acquire". Valid UTF-8 without control characters, a long
 * name cut. */
void chunk_symbol_name(const struct tree *t, const struct symbols *s, uint32_t symbol,
                       struct buf *out);

#endif
