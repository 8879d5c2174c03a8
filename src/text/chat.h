/* Chat templates: how a model wants a conversation spelled. precis recognises the common formats
 * rather than running Jinja; content is always plain text, so a file that contains "<|im_end|>"
 * cannot end the message. */
#ifndef PRECIS_TEXT_CHAT_H
#define PRECIS_TEXT_CHAT_H

#include <stddef.h>

#include "text/tok.h"

struct chat; /* a format bound to a tokenizer */

struct chat_message {
    const char *role; /* "system", "user", "assistant" */
    const char *text;
    size_t len;
};

/* name: "chatml", "llama3", "phi3", "mistral", "gemma", or NULL: recognised from the model's
 * template. A default system message in the template's text is kept and used when none is given.
 * Errors: PRECIS_EUNSUPPORTED: not recognised (says to give --chat-template, and the names there
 * are), or the tokenizer lacks the format's special tokens. */
int chat_open(const struct tok *t, const char *name, struct chat **out, struct err *e);
void chat_free(struct chat *c);
const char *chat_name(const struct chat *c);

/* Appends the ids of the messages and of the opening of the assistant's turn. Equal to
 * transformers' apply_chat_template(add_generation_prompt=True) for messages without special
 * tokens. */
int chat_encode(const struct chat *c, const struct chat_message *messages, size_t n,
                struct ids *out, struct err *e);

#endif
