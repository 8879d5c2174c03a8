/* Model names and the files behind them. */
#ifndef PRECIS_MODEL_CATALOGUE_H
#define PRECIS_MODEL_CATALOGUE_H

#include <stddef.h>

#include "base/err.h"

struct catalogue_entry {
    const char *name;   /* "smollm2" */
    const char *title;  /* "SmolLM2-135M-Instruct" */
    const char *file;   /* below the models folder: "smollm2-135m-instruct-q4_1.gguf" */
    const char *sha256; /* of that file, 64 hex digits */
    unsigned long long size;
    const char *licence;
    const char *setup; /* how to get it: the argument of tools/fetch-model.sh */
};

extern const struct catalogue_entry catalogue[]; /* ends with a NULL name */

/* $PRECIS_MODELS, else $XDG_CACHE_HOME/precis/models, else ~/.cache/precis/models. */
int catalogue_folder(char *out, size_t size, struct err *e);

/* What --model says (a catalogue name, or a path to a .gguf) to a path that exists, into out.
 * A catalogue name wins over a file of that name (write ./NAME for the file).
 * Errors: PRECIS_ENOTFOUND names what was looked for and how to get it; a near name is suggested.
 * PRECIS_EINPUT: it is no regular file, or a catalogue model's file has another size than it
 * should. */
int catalogue_resolve(const char *model, char *out, size_t size, struct err *e);

#endif
