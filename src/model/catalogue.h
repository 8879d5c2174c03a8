/* Model names and the files behind them. */
#ifndef PRECIS_MODEL_CATALOGUE_H
#define PRECIS_MODEL_CATALOGUE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "model/hub_name.h"

struct catalogue_file {
    const char *name; /* below the model's folder; NULL ends a list */
    unsigned long long size;
    const char *sha256; /* 64 hex digits */
};

struct catalogue_entry {
    const char *name;        /* "smollm2" */
    const char *title;       /* "SmolLM2-135M-Instruct" */
    const char *file;        /* a file or folder below the models folder */
    const char *sha256;      /* of that file, or of the folder's weights; 64 hex digits */
    unsigned long long size; /* bytes in all */
    const char *licence;
    const char *setup;                  /* the argument of tools/fetch-model.sh */
    const char *hub;                    /* its repository on the hub, "org/name" */
    const char *hub_file;               /* the file there; NULL: a folder */
    const struct catalogue_file *files; /* of a folder: those that must be there; NULL: a file */
};

extern const struct catalogue_entry catalogue[]; /* ends with a NULL name */

const struct catalogue_entry *catalogue_find(const char *name); /* NULL: there is none */

/* $PRECIS_MODELS, else $XDG_CACHE_HOME/precis/models, else ~/.cache/precis/models. */
int catalogue_folder(char *out, size_t size, struct err *e);

/* Where a model of the catalogue would lie below the models folder; *here: it does, whole, as far
 * as sizes say. Errors: PRECIS_EINPUT (path too long; it is there, but of another size or kind). */
int catalogue_path(const struct catalogue_entry *c, char *out, size_t size, bool *here,
                   struct err *e);

/* What it is called on the hub. */
void catalogue_hub_name(const struct catalogue_entry *c, struct hub_name *out);

/* What --model says to a path that exists, into out: a catalogue name (below the models folder,
 * else in the hub's cache), a path of one of the kinds of model/kind.h, or "hf:org/name[:file]
 * [@revision]" once it was pulled. A catalogue name wins over a file of that name (write ./NAME for
 * the file). Nothing is downloaded. Errors: PRECIS_ENOTFOUND names what was looked for and how to
 * get it; a near name is suggested. PRECIS_EINPUT: it is no model, or a catalogue model's file has
 * another size than it should. Else model_kind_of's. */
int catalogue_resolve(const char *model, char *out, size_t size, struct err *e);

#endif
