/* A Hugging Face folder's files: config.json and model.safetensors, or the shards that
 * model.safetensors.index.json names. */
#ifndef PRECIS_MODEL_FOLDER_H
#define PRECIS_MODEL_FOLDER_H

#include <jansson.h>

#include "base/hash.h"
#include "model/safetensors.h"

struct folder {
    char *path;                 /* owned */
    char *config_path;          /* owned */
    json_t *config;             /* owned */
    struct safetensors **files; /* owned; sorted by name */
    size_t count;
};

/* Into a zeroed struct; on failure the caller frees it. Shards are plain names of files beside the
 * index; every tensor that the index lists must be in its shard, and none besides. Errors name the
 * file: PRECIS_ENOTFOUND (no weights), PRECIS_EIO, PRECIS_EINPUT, PRECIS_EUNSUPPORTED (types of
 * tensors), PRECIS_ENOMEM.
 */
int folder_open(struct folder *f, const char *path, struct err *e);
void folder_free(struct folder *f); /* safe on a zeroed one */
void folder_release(const struct folder *f);

/* SHA-256 of the lines "DIGEST  NAME\n" of config.json and then of the weight files, as
 * `sha256sum config.json *.safetensors` prints them. */
int folder_revision(const struct folder *f, char out[HASH_HEX_SIZE], struct err *e);

#endif
