/* Synonyms from WordNet 3.0's database files (Princeton; wndb(5WN), morphy(7WN)), which Debian has
 * in wordnet-base. Its counts of words and synsets are those of the corpus "wordnet" of nltk. */
#ifndef PRECIS_EVAL_WORDNET_H
#define PRECIS_EVAL_WORDNET_H

#include <stddef.h>

#include "base/err.h"
#include "eval/python_text.h"

#define WORDNET_FOLDER "/usr/share/wordnet"

struct wordnet;

/* folder: with index.*, data.* and *.exc. The files are mapped. Errors: PRECIS_ENOTFOUND (the
 * folder has no WordNet), PRECIS_EIO, PRECIS_ENOMEM. */
int wordnet_open(const char *folder, struct wordnet **out, struct err *e);
void wordnet_close(struct wordnet *w); /* NULL is fine */

/* Appends the single words of all synsets of a word in lower case, in any order, some of them more
 * than once: those that nltk's wordnet.synsets(word) finds, that is of the word and of what
 * morphology makes of it, in each part of speech. Errors: PRECIS_EINPUT (damaged files),
 * PRECIS_ENOMEM. */
int wordnet_synonyms(const struct wordnet *w, const char *word, size_t len, struct words *out,
                     struct err *e);

#endif
