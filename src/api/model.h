/* An open model: the parts of it that a command or a caller of the library asks for. */
#ifndef PRECIS_API_MODEL_H
#define PRECIS_API_MODEL_H

#include "base/hash.h"
#include "engine/engine.h"
#include "summary/summary.h"
#include "text/chat.h"
#include "text/tok.h"

enum model_parts {
    MODEL_TOKENIZER = 1,
    MODEL_CHAT = 2,
    MODEL_ENGINE = 4,
    MODEL_REVISION = 8,
    MODEL_TOKENIZER_IF_ANY = 16 /* a model may lack it: tok is NULL then */
};

struct model_options {
    const char *name;          /* of the catalogue, or a path */
    const char *chat_template; /* NULL: what the model says */
    struct engine_options engine;
};

struct model {
    char path[4096];
    char name[256]; /* the catalogue's, or the file's base name */
    char revision[HASH_HEX_SIZE];
    struct tok *tok;
    struct chat *chat; /* NULL also for a sequence-to-sequence model */
    struct engine *engine;
};

/* Opens the parts asked for (chat brings the tokenizer). On failure *m is zeroed and nothing stays
 * open. */
int model_open(struct model *m, const struct model_options *o, unsigned parts, struct err *e);
void model_close(struct model *m); /* safe on a zeroed one */

/* Fills in everything but the prompt's version. Borrows from m and its engine. */
void model_provenance(const struct model *m, const struct sampling *s, struct provenance *p);

#endif
