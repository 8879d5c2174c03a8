/* What the model is asked: examples of the same kind, then path and text of a chunk, as token ids.
 *
 * The built-in prompt ("line-4") is a document that the model goes on with, not a conversation: a
 * few pieces of code, each with the sentence that says what it does, then the chunk and the words
 * that such a sentence follows. Small models keep to the style of what stands before much better
 * than to an instruction (docs/summaries.md has the figures). Any decoder can do that, also one
 * without a chat format. The examples are documented pieces of the same repository, nearest last,
 * or built-in ones, which are the same in every prompt and so are computed once in a run.
 *
 * A user's own instruction is put after the chunk's text in a chat, literally.
 *
 * A sequence-to-sequence model is given "Summarize LANGUAGE: " and the text alone, as CodeT5 was
 * trained (Wang et al. 2021; version "plain-1"), or the user's instruction and the text. */
#ifndef PRECIS_SUMMARY_PROMPT_H
#define PRECIS_SUMMARY_PROMPT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "code/lang.h"
#include "summary/constrain.h"
#include "summary/examples.h"
#include "text/chat.h"
#include "text/tok.h"

#define PROMPT_VERSION "line-4"
#define PROMPT_PLAIN_VERSION "plain-1"

enum { PROMPT_VERSION_SIZE = 16 };

enum prompt_form { PROMPT_DOCUMENT, PROMPT_CHAT, PROMPT_SOURCE };

/* Immutable once opened. */
struct prompt {
    enum prompt_form form;
    const struct tok *tok;             /* borrowed */
    const struct chat *chat;           /* borrowed; PROMPT_CHAT only */
    char *instruction;                 /* owned; "" in a document */
    const char *system;                /* static; PROMPT_CHAT only, else "" */
    bool own;                          /* the instruction is the user's */
    char version[PROMPT_VERSION_SIZE]; /* as above, or "custom-" and 8 hex digits */
    size_t limit;                      /* ids in a prompt at most */
    /* owned; of answers to a document. NULL: none, also where the vocabulary allows none */
    struct constrain *constrain;
};

struct prompt_options {
    const struct chat *chat; /* borrowed; needed for an own instruction to a decoder */
    bool seq2seq;
    size_t context;          /* tokens */
    size_t max_new_tokens;   /* room is left for so many, or a quarter of the context if less (a
                                source need not leave any) */
    const char *instruction; /* NULL: the built-in prompt */
};

/* What a documented piece of code looks like. Borrowed for the call. */
struct prompt_example {
    const char *path, *symbol; /* symbol NULL: a whole file */
    const char *code;          /* its beginning is shown */
    size_t len;
    const char *sentence; /* one line */
};

struct prompt_example prompt_example_of(const struct example *x); /* borrows */

struct prompt_chunk {
    const char *path;        /* shown to the model; control characters become '?' */
    const struct lang *lang; /* NULL: not said */
    uint64_t start_line, end_line;
    const char *text; /* any bytes */
    size_t len;
    const char *outline; /* what the model sees instead (summary/context.h); NULL: the text */
    const char *symbol;  /* what the text defines; NULL: lines of a file */
    bool whole;          /* the text is all of the file */
    /* Nearest first; those that would take more than half of the room are left out from the end. 0:
     * the built-in ones. For documents only. */
    const struct prompt_example *examples;
    size_t n_examples;
};

/* What can be said of the prompt before its tokenizer is there: form, version and limit of *p, as
 * prompt_open sets them; nothing is owned. PRECIS_ENOMEM. */
int prompt_describe(struct prompt *p, const struct prompt_options *options, struct err *e);

/* Errors: PRECIS_EUNSUPPORTED (an own instruction without a chat format), PRECIS_ELIMIT (the
 * context cannot hold even the frame), PRECIS_ENOMEM. */
int prompt_open(struct prompt *p, const struct tok *tok, const struct prompt_options *options,
                struct err *e);
void prompt_close(struct prompt *p); /* safe on a zeroed one */

/* Appends the ids of a chunk's prompt, at most p->limit of them. Text that does not fit is cut
 * after its last whole line that does (within a line that would take more than half of the room),
 * and but for a source a line says how many are not shown; *cut tells. The text is always tokenised
 * as plain text. Errors: PRECIS_ELIMIT (a path so long that no text fits), PRECIS_ENOMEM. */
int prompt_build(const struct prompt *p, const struct prompt_chunk *chunk, struct ids *out,
                 bool *cut, struct err *e);

#endif
