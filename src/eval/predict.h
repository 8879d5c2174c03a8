/* What precis itself says of an evaluation's items: the way from a piece of code to its line, as in
 * a run over files. Examples are the other items' references of the same repository, never of the
 * item's own file. */
#ifndef PRECIS_EVAL_PREDICT_H
#define PRECIS_EVAL_PREDICT_H

#include "engine/engine.h"
#include "eval/items.h"
#include "search/embed.h"
#include "summary/run.h"

struct predict_options {
    /* loc does not matter; the pool is made of the other items; n_examples 0: the built-in ones.
     * embedder: finds the nearest and judges, NULL: by words alone. */
    struct run_options line;
    /* After each item, on the caller's thread. May be NULL. */
    void (*on_progress)(void *user, size_t done, size_t n);
    void *user;
};

struct predict_stats {
    uint64_t tokens_in, tokens_out;
    double seconds; /* from the first prompt to the last line, the search for examples included */
    size_t failed;  /* items without a line */
};

/* en, tok and chat (may be NULL, see run_prepare) are borrowed for the call. Items that get no line
 * have no prediction. stats may be NULL. Errors: prompt_open's, the embedder's, PRECIS_ECANCELLED
 * (options->line.stop), PRECIS_ENOMEM. On failure *out is zeroed. */
int eval_predict(const struct eval_items *items, const struct predict_options *options,
                 struct engine *en, const struct tok *tok, const struct chat *chat,
                 struct eval_predictions *out, struct predict_stats *stats, struct err *e);

#endif
