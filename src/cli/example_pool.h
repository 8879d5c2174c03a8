/* The documented pieces that a run takes its examples from, as the command line asks. */
#ifndef PRECIS_CLI_EXAMPLE_POOL_H
#define PRECIS_CLI_EXAMPLE_POOL_H

#include "cli/args.h"
#include "engine/engine.h"
#include "summary/examples.h"

/* --examples, for a model. */
size_t example_count(const struct args *a, const struct engine_info *info);

/* em (may be NULL) is borrowed until examples_free. From --examples-from (JSON Lines, or a folder),
 * else from the files that are summarised. NULL where none are wanted: --examples 0, or an own
 * instruction. Errors: those of examples_read and examples_add_walk. */
int example_pool_open(const struct args *a, const struct walk *w, struct embedder *em,
                      struct examples **out, struct err *e);

/* --context and --best-of. */
extern const struct option_group group_examples, group_asking;

#endif
