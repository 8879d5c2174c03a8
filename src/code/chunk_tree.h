/* Cuts text into chunks of whole lines between what it consists of: functions, types, statements.
 */
#ifndef PRECIS_CODE_CHUNK_TREE_H
#define PRECIS_CODE_CHUNK_TREE_H

#include "code/chunk.h"
#include "code/symbols.h"

/* Chunks of at most `loc` lines that cover every line once and keep the order, as those of
 * chunk_lines.
 *
 * Things are the symbols of a file, with their attributes, and what stands outside of symbols
 * (statements, imports, directives). A thing of more than loc lines consists of further things:
 * methods, fields, statements. A boundary is a line that a thing begins, together with the blank
 * lines and comments before it. It is as deep as there are things around it; of several in a row
 * that are no symbols those after the first are one deeper. The beginning of a thing and the first
 * one in it are not parted, unless that one fits into a chunk and both together do not.
 *
 * A chunk that cannot take all lines that are left ends
 *  1. where it is at least half full: before the least deep boundary there, of several the last;
 *  2. else before the last boundary that it has, if what begins there has no more than loc lines;
 *  3. else when it is full.
 * So no thing of at most loc lines is parted (unless it shares its first line), and two chunks in a
 * row have more than loc lines together, or the first is at least half full.
 *
 * loc >= 1. Errors: PRECIS_ENOMEM, PRECIS_EUSAGE for loc 0; on failure *out is zeroed. */
int chunk_tree(const struct tree *t, const struct symbols *s, uint64_t loc, struct chunks *out,
               struct err *e);

#endif
