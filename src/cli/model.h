/* What the command line says about the model and how to sample from it. */
#ifndef PRECIS_CLI_MODEL_H
#define PRECIS_CLI_MODEL_H

#include "api/model.h"
#include "cli/args.h"

/* max_sequences: 0 is the engine's default. */
struct engine_options model_engine_options(const struct args *a, int max_sequences);
void model_sampling(const struct args *a, struct sampling *s);

/* model_open as the command line asks for it. */
int model_open_asked(struct model *m, const struct args *a, unsigned parts, int max_sequences,
                     struct err *e);

/* The SHA-256 of the weights an engine computes with as a JSON value: a string, or null when they
 * are not packed into a file. */
int model_packed_sha256(const struct engine *engine, char out[HASH_HEX_SIZE + 2], struct err *e);

#endif
