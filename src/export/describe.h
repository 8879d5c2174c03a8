/* The files of an export that say what its model is: configuration and tokenizer. From a Hugging
 * Face folder they are copied; from a GGUF's metadata they are written. */
#ifndef PRECIS_EXPORT_DESCRIBE_H
#define PRECIS_EXPORT_DESCRIBE_H

#include <stdbool.h>

#include "base/buf.h"
#include "base/err.h"
#include "model/checkpoint.h"

enum { DESCRIBED_MOST = 20 };

struct described { /* zeroed at birth */
    struct {
        const char *name;
        struct buf text;
    } v[DESCRIBED_MOST];
    size_t n;
};

/* model_file: the graph's name. Errors: PRECIS_EUNSUPPORTED (a tokenizer that cannot be written, by
 * name), PRECIS_EINPUT, PRECIS_EIO, PRECIS_ENOMEM. */
int describe(const struct checkpoint *c, const char *model_file, bool tokenizer,
             struct described *out, struct err *e);
/* Whether a file of this name may be among them. */
bool describes(const char *name);
void described_free(struct described *d);

#endif
