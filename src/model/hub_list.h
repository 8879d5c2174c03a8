/* The files of a repository of the hub, and which of them make up a model. */
#ifndef PRECIS_MODEL_HUB_LIST_H
#define PRECIS_MODEL_HUB_LIST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "model/hub_name.h"
#include "model/kind.h"

struct hub_file {
    char *path; /* owned; hub_path_ok */
    uint64_t size;
    bool sized;      /* size is known */
    char sha256[65]; /* of a large file; "": not said */
    char git[41];    /* git's blob id of a small one; "": not said */
    bool chosen;
};

struct hub_list {
    char commit[65];
    struct hub_file *v; /* owned */
    size_t n, cap;
};

/* The hub's answer about a revision (/api/models/REPO/revision/REV?blobs=true). `what` begins the
 * message. Errors: PRECIS_EINPUT (not of that form; a commit, path, size or hash that cannot be;
 * more than 100,000 files), PRECIS_ENOMEM. */
int hub_list_parse(struct hub_list *l, const char *what, const char *json, size_t len,
                   struct err *e);
int hub_list_add(struct hub_list *l, const char *path, struct err *e); /* the last one is new */
void hub_list_free(struct hub_list *l);

struct hub_choice {
    enum model_kind kind;
    char path[HUB_PATH_SIZE]; /* what to open below the snapshot; "": the snapshot itself */
};

/* Marks the files of one model as chosen. Without a pattern: config.json with safetensors and what
 * belongs to them; else one GGUF (the only one, or the first that exists of Q4_K_M, Q4_K_S, Q5_K_M,
 * ...); else the ONNX files of full precision. A pattern is a path, a folder, a glob of either the
 * path or its last part, or the name of a quantisation ("Q8_0", "q4"). Errors: PRECIS_ENOTFOUND (no
 * model; nothing that matches), PRECIS_EINPUT (several, which are listed), PRECIS_EUNSUPPORTED
 * (pickled weights, a GGUF in parts). */
int hub_choose(struct hub_list *l, const char *what, const char *pattern, struct hub_choice *out,
               struct err *e);

#endif
