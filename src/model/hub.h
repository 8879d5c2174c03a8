/* Getting models from the Hugging Face hub into its cache on this machine. */
#ifndef PRECIS_MODEL_HUB_H
#define PRECIS_MODEL_HUB_H

#include "model/catalogue.h"
#include "model/hub_http.h"
#include "model/hub_list.h"

struct hub_progress {
    const char *path;     /* the file at hand */
    uint64_t done, total; /* bytes of all files of the pull; done begins with what was here */
    uint64_t had;         /* of done, what was here before */
};

struct hub_pull_options {
    struct hub_http_options http; /* its user, stop and note serve the whole pull */
    /* A few times a second, and at the end of each file. May be NULL. */
    void (*on_progress)(void *user, const struct hub_progress *p);
    const struct catalogue_entry *entry; /* what the files must be; NULL: what the hub says */
};

struct hub_pull_result {
    struct hub_list files; /* those that make up the model are chosen */
    char path[4096];       /* what --model opens */
    uint64_t bytes, downloaded;
};

/* Downloads the files that a name means (hub_choose) unless they are here, each to blobs/ETAG, and
 * links them into the snapshot, config.json last; then the branch's ref. A file takes its name only
 * when its size and its SHA-256 (git's id where the hub gives no other) are right; what was begun
 * stays as ETAG.incomplete and is resumed by the next pull. Pulls of the
 * same file, here or there, wait for one another. *out must be given to hub_pull_free on success.
 * Errors: hub_http's and hub_choose's; PRECIS_EINPUT (sizes or hashes that differ; HF_HUB_OFFLINE),
 * PRECIS_EIO (no space, folders), PRECIS_ECANCELLED. */
int hub_pull(const struct hub_name *name, const struct hub_pull_options *o,
             struct hub_pull_result *out, struct err *e);
void hub_pull_free(struct hub_pull_result *r);

bool hub_offline(void); /* $HF_HUB_OFFLINE is 1, true, yes or on */

#endif
