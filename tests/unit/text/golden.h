/* Golden files of JSON lines, and the models they were made with. */
#ifndef PRECIS_TESTS_TEXT_GOLDEN_H
#define PRECIS_TESTS_TEXT_GOLDEN_H

#include <jansson.h>

#include "text/tok.h"

/* The tokenizer of a catalogue's model; skips the test, saying why, when the model is not here. */
struct tok *golden_tok(const char *model);

/* Calls for each line of tests/golden/text/NAME; fails the test when it cannot be read. */
void golden_each(const char *name, void (*call)(void *user, const json_t *line), void *user);

/* A string member, with its length. */
const char *golden_string(const json_t *line, const char *key, size_t *len);

/* Appends the text of a line: "t" repeated "r" times, or "x" in hex. */
void golden_text(const json_t *line, struct buf *text);

/* Fails the test unless ids are those of the array. what: of the message. */
void golden_ids(const struct ids *ids, const json_t *want, const char *what);

#endif
