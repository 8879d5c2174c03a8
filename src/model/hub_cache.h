/* The Hugging Face cache on this machine, in huggingface_hub's layout:
 *
 *   CACHE/models--org--name/blobs/ETAG                  bytes, by their hash; ETAG.incomplete:
 * begun refs/main                   the commit that a branch was at snapshots/COMMIT/PATH       ->
 * ../../blobs/ETAG CACHE/.locks/models--org--name/ETAG.lock            held (flock) while a blob is
 * written
 *
 * so that what either program downloaded is the other's too. */
#ifndef PRECIS_MODEL_HUB_CACHE_H
#define PRECIS_MODEL_HUB_CACHE_H

#include <stdatomic.h>

#include "model/hub_list.h"

enum { HUB_CACHE_SIZE = 4096 /* of a path, NUL included */ };

/* $HF_HUB_CACHE, else $HUGGINGFACE_HUB_CACHE, else $HF_HOME/hub, else
 * $XDG_CACHE_HOME/huggingface/hub, else ~/.cache/huggingface/hub; a leading ~ is the home. Errors:
 * PRECIS_EINPUT. */
int hub_cache_folder(char out[HUB_CACHE_SIZE], struct err *e);
/* CACHE/models--org--name, whether or not it exists. */
int hub_cache_repo(const char *repo, char out[HUB_CACHE_SIZE], struct err *e);
/* FOLDER/BELOW; PRECIS_EINPUT when it does not fit. */
int hub_cache_join(char out[HUB_CACHE_SIZE], const char *folder, const char *below, struct err *e);

/* The commit that a revision stood at when it was pulled. PRECIS_ENOTFOUND: it was not. */
int hub_cache_commit(const char *repo_folder, const char *revision, char out[65], struct err *e);
/* The files of SNAPSHOT that are there with their bytes (sizes; no hashes). */
int hub_cache_list(const char *snapshot, struct hub_list *out, struct err *e);

/* What --model opens for a name that was pulled before. Errors: PRECIS_ENOTFOUND (with the command
 * that pulls it), hub_choose's. */
int hub_cache_find(const struct hub_name *name, char *out, size_t size, struct err *e);

/* snapshots/COMMIT/PATH -> blobs/BLOB, relative. An existing entry is replaced in one step. */
int hub_cache_link(const char *repo_folder, const char *commit, const char *path, const char *blob,
                   struct err *e);
int hub_cache_write_ref(const char *repo_folder, const char *revision, const char *commit,
                        struct err *e);

struct hub_lock {
    int fd; /* -1: none */
};
/* Waits for the lock of a blob; *waited says that another had it. Errors: PRECIS_ECANCELLED when
 * stop says so meanwhile, PRECIS_EIO. */
int hub_cache_lock(const char *repo, const char *blob, bool (*stop)(void *user), void *user,
                   struct hub_lock *out, struct err *e);
void hub_cache_unlock(struct hub_lock *l); /* fine when none is held */

/* A repository in the cache. */
struct hub_pulled {
    char *repo;                   /* owned */
    uint64_t bytes;               /* of its blobs */
    size_t revisions, unfinished; /* snapshots; .incomplete blobs */
};
struct hub_pulled_list {
    struct hub_pulled *v; /* owned, by name */
    size_t n, cap;
};
int hub_cache_scan(struct hub_pulled_list *out, struct err *e); /* no cache: an empty list */
void hub_cache_scan_free(struct hub_pulled_list *l);

struct hub_removed {
    size_t files;
    uint64_t bytes; /* of blobs that are gone */
};
/* A file, a symbolic link (not what it leads to) or a folder with all that is in it; adds to *out.
 * What is not there is no error. */
int hub_remove_path(const char *path, struct hub_removed *out, struct err *e);
/* Removes what a name means: without pattern and revision the whole repository, with a revision
 * its snapshot, with a pattern the weights that match; then the blobs that no
 * snapshot refers to any more, and a snapshot without weights. Nothing outside of the repository's
 * folder is touched: symbolic links are removed, never followed. Errors: PRECIS_ENOTFOUND;
 * PRECIS_EIO. */
int hub_cache_remove(const struct hub_name *name, struct hub_removed *out, struct err *e);

#endif
