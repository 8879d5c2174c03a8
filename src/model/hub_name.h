/* Names of models on the hub, and what a name from outside may be before it becomes a path. */
#ifndef PRECIS_MODEL_HUB_NAME_H
#define PRECIS_MODEL_HUB_NAME_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "base/err.h"

enum { HUB_PATH_SIZE = 1024 /* of a file below its repository, NUL included */ };

struct hub_name {
    char repo[100];              /* "org/name", or "name" */
    char pattern[HUB_PATH_SIZE]; /* a file, a folder, a glob, a quantisation; "": precis chooses */
    char revision[200];          /* branch, tag or commit; "main" when none was given */
    bool has_revision;           /* one was given */
};

bool hub_is_name(const char *text); /* begins with "hf:" */
/* "hf:org/name[:pattern][@revision]". Errors: PRECIS_EINPUT with the text. */
int hub_name_parse(const char *text, struct hub_name *out, struct err *e);

/* A relative path of plain components: no "", ".", "..", '\\', control characters; valid UTF-8,
 * shorter than HUB_PATH_SIZE and 256 bytes a component. */
bool hub_path_ok(const char *path);
bool hub_is_commit(const char *s); /* 40 or 64 lower-case hexadecimal digits */
/* What may name a file of blobs/: 1 to 128 of A-Z a-z 0-9 . _ - that begin with a letter or
 * digit. */
bool hub_blob_ok(const char *s);
/* Percent-encodes all but RFC 3986's unreserved characters and those of `keep`. */
void hub_encode(struct buf *out, const char *s, const char *keep);

#endif
