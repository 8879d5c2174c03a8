/* From "This code is used to create a queue." to "Creates a queue.": what the sentence is about is
 * known, so it need not say so. */
#ifndef PRECIS_SUMMARY_REPHRASE_H
#define PRECIS_SUMMARY_REPHRASE_H

#include "base/buf.h"

/* Takes "This code ...", "The provided Rust module ...", "It ..." and their like off the sentence
 * when what follows is a verb in the third person, or can be turned into one by its ending alone
 * ("is used to create", "aims to"), or is "is a(n) ...". Verbs in the base form at the start
 * ("Create a queue") get their ending. Otherwise the sentence stays as it is: no word is ever made
 * up. A subject without a predicate ("This code") leaves nothing. The sentence has no final period.
 */
void rephrase(struct buf *sentence);

#endif
