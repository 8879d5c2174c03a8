/* The lines of a run in the store, each committed before it counts as done. */
#ifndef PRECIS_CLI_KEEP_H
#define PRECIS_CLI_KEEP_H

#include "base/err.h"
#include "cli/args.h"
#include "cli/asked.h"
#include "code/walk.h"
#include "engine/engine.h"
#include "store/store.h"
#include "summary/known.h"
#include "summary/summary.h"

struct keep; /* NULL stands for a run without a store; every function takes it */

/* What the store of such a run knows of the model that is asked (below for which store that is).
 * false: nothing, or none of it may be used (a->no_cache). *out is for asked_model_free then, too.
 * *seen: that store, to read, for keep_known or store_close; NULL: it has nothing for this run. */
bool keep_find_model(const struct args *a, const char *path, const struct asked *asked,
                     struct asked_model *out, struct store **seen);

/* Where a run's lines go: nowhere with a->no_store; else to a->store, which is made where there is
 * none; else to the store that belongs to `path` (store_find_root), if any. *out is NULL for none.
 * A store that was not asked for and cannot be opened is a warning, one that was is an error. All
 * but the options is borrowed until keep_close. asked: what to note files that are done under;
 * NULL: they are not noted; nor where keep_model says. */
int keep_open(const struct args *a, const char *path, const struct walk *files,
              const struct provenance *made, const struct sampling *sampling,
              const struct asked *asked, struct keep **out, struct err *e);

/* Notes what the model that was asked for is, for keep_find_model; not where the encoder that is to
 * judge is known and could not be opened. A failure is a warning. */
void keep_model(struct keep *k, const struct engine_info *info);

/* What the store has already, by a second handle on it, which is opened where `seen` is NULL;
 * nothing with a->no_cache, and of chunks nothing with a->refresh_examples, whose new lines, or
 * that there is none, take the place of old ones. The first failure of that handle is a warning,
 * and nothing is found from there on. Valid until keep_close, which closes `seen`, too. */
void keep_known(struct keep *k, struct store *seen, struct known *out);

/* Commits a line; a failed chunk has none, but it may be known that there is none to be had. A
 * known line, which is in the store, is put to say that it stands at its place in this run, and
 * what no model was asked for is soon made again: many of them share a commit, with the next other
 * line or with keep_commit. The first failure of the store is a warning, and the lines from there
 * on are not kept. */
void keep_line(struct keep *k, const struct summary *s);

/* To be called a few times a second: nobody else writes to the store before. */
void keep_commit(struct keep *k);

/* Ends the run; ended: it was not interrupted. Says how many lines could not be kept. Nothing may
 * be put from there on. NULL is fine, as it is to keep_close. */
void keep_end(struct keep *k, bool ended);

/* After keep_end, when nobody asks for known lines any more: not while a lane hangs. */
void keep_close(struct keep *k);

#endif
