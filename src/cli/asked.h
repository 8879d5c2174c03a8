/* What a command line asks of a model, and what that came to before: with both a run can tell what
 * is known without opening the model.
 *
 * The digest is over everything that decides over a line beside the chunk: the revision of the
 * model and of the encoder (their SHA-256, which are remembered), options, the instruction set, and
 * this build of precis, so that an answer of other code is never taken. Examples are no part of it.
 */
#ifndef PRECIS_CLI_ASKED_H
#define PRECIS_CLI_ASKED_H

#include "base/buf.h"
#include "base/hash.h"
#include "cli/args.h"
#include "engine/engine.h"
#include "store/settled.h"
#include "summary/summary.h"

/* Raise it when the same prompt may be answered by another line: arithmetic, sampling, cleaning. */
#define DECODER_VERSION "decode-2"

struct asked {
    bool whole;                    /* else the digest does not say everything, and is not used */
    uint8_t how[HASH_SHA256_SIZE]; /* the digest */
    char judge_revision[HASH_HEX_SIZE]; /* of the encoder that judges; "": there is none */
};

/* Errors: model_open's, of a model that is not there or cannot be read; PRECIS_ENOMEM. */
int asked_make(const struct args *a, struct asked *out, struct err *e);

/* What decides over an answer besides the prompt and the model, as canonical JSON. made: judged_by
 * and judge_revision are read. PRECIS_ENOMEM. */
int asked_parameters(struct buf *b, const struct args *a, const struct sampling *s,
                     const struct provenance *made, struct err *e);

/* What an open model is known to be; zeroed at birth. */
struct asked_model {
    struct provenance made; /* borrows from texts, and judge_revision from struct asked */
    bool seq2seq;
    size_t context;
    int sequences, lanes;
    struct buf texts; /* owned */
};

/* store_asked's callback; user is the struct asked_model. PRECIS_EINPUT: no engine is like that. */
int asked_take(void *user, const struct store_asked *from, struct err *e);
void asked_model_free(struct asked_model *m); /* safe on a zeroed one */

#endif
