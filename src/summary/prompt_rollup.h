/* What the model is asked about a file, a folder or the repository: what it does, given what its
 * parts do. Like the chunks' prompt (prompt.h) a document that the model goes on with:
 *
 *   // Folder: storage
 *   // - journal.c: Appends changes to the journal and replays them after a crash.
 *   // - index/: Finds keys in sorted blocks.
 *   // What the folder `storage` does, in one sentence:
 *
 * after a few of the same form, which are the same in every such prompt and so are computed once in
 * a run. */
#ifndef PRECIS_SUMMARY_PROMPT_ROLLUP_H
#define PRECIS_SUMMARY_PROMPT_ROLLUP_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "base/err.h"
#include "summary/prompt.h"
#include "summary/summary.h"

/* Borrowed for the call. */
struct rollup_part {
    const char *name, *line;
    double confidence;
};

struct rollup_question {
    enum summary_level level; /* not SUMMARY_CHUNK */
    const char *name;         /* a path, or what the repository is called */
    const struct rollup_part *parts;
    size_t n; /* >= 1 */
};

/* Puts the document into text and appends its ids to out, at most p->limit of them. p is of the
 * form PROMPT_DOCUMENT. When the parts take too many tokens (1,200, or the room that there is) they
 * are cut into as many equal groups as fit and the one of each with the most confidence is shown,
 * in order, then how many are not; *cut tells. Errors: PRECIS_ELIMIT (not even one fits),
 * PRECIS_ENOMEM. */
int prompt_rollup_build(const struct prompt *p, const struct rollup_question *q, struct buf *text,
                        struct ids *out, bool *cut, struct err *e);

#endif
