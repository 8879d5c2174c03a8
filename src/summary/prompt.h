/* What the model is asked: path, language and text of a chunk, as the token ids of a chat.
 *
 * The built-in prompt ("line-1") asks after the text, since small models forget what stood before
 * it, and opens the answer with the words PROMPT_OPENING: the model goes on with a verb, and the
 * cleaning takes the words off again. A user's own instruction is used literally and the answer
 * left open.
 *
 * A sequence-to-sequence model has no chat: it is given "Summarize LANGUAGE: " and the text alone,
 * as CodeT5 was trained (Wang et al. 2021; version "plain-1"), or the user's instruction and the
 * text. */
#ifndef PRECIS_SUMMARY_PROMPT_H
#define PRECIS_SUMMARY_PROMPT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "code/lang.h"
#include "text/chat.h"
#include "text/tok.h"

#define PROMPT_VERSION "line-1"
#define PROMPT_OPENING "This code"
#define PROMPT_PLAIN_VERSION "plain-1"

enum { PROMPT_VERSION_SIZE = 16 };

/* Immutable once opened. */
struct prompt {
    const struct tok *tok;             /* borrowed */
    const struct chat *chat;           /* borrowed; NULL: sequence-to-sequence */
    char *instruction;                 /* owned */
    const char *opening;               /* of the answer; "" with an own instruction or no chat */
    const char *system;                /* static */
    bool own;                          /* the instruction is the user's */
    char version[PROMPT_VERSION_SIZE]; /* as above, or "custom-" and 8 hex digits */
    size_t limit;                      /* ids in a prompt at most */
};

struct prompt_chunk {
    const char *path;        /* shown to the model; control characters become '?' */
    const struct lang *lang; /* NULL: not said */
    uint64_t start_line, end_line;
    const char *text; /* any bytes */
    size_t len;
};

/* instruction: NULL for the built-in one, which names max_chars. chat: NULL for a
 * sequence-to-sequence model. The prompt leaves room for the answer (a source need not):
 * max_new_tokens, or a quarter of the context where that is less. Errors: PRECIS_ELIMIT
 * (the context cannot hold even the frame), PRECIS_ENOMEM. */
int prompt_open(struct prompt *p, const struct tok *tok, const struct chat *chat, size_t context,
                size_t max_new_tokens, int max_chars, const char *instruction, struct err *e);
void prompt_close(struct prompt *p); /* safe on a zeroed one */

/* Appends the ids of a chunk's prompt, at most p->limit of them. Text that does not fit is cut
 * after its last whole line that does (within a line that would take more than half of the room),
 * and in a chat a line says how many are not shown; *cut tells. The text is always tokenised as
 * plain text. Errors: PRECIS_ELIMIT (a path so long that no text fits), PRECIS_ENOMEM. */
int prompt_build(const struct prompt *p, const struct prompt_chunk *chunk, struct ids *out,
                 bool *cut, struct err *e);

#endif
