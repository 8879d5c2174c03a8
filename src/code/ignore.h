/* .gitignore patterns, as gitignore(5) and git's wildmatch say. */
#ifndef PRECIS_CODE_IGNORE_H
#define PRECIS_CODE_IGNORE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

struct ignore; /* the patterns of one file, in order */

enum ignore_verdict { IGNORE_NONE, IGNORE_YES, IGNORE_NO /* "!": taken back */ };

/* Parses the text of one ignore file (any bytes). */
int ignore_parse(const char *text, size_t len, struct ignore **out, struct err *e);
/* The same from a NULL-ended list, one pattern each; '#' and spaces at the end are ordinary here.
 */
int ignore_from_list(const char *const *patterns, struct ignore **out, struct err *e);
void ignore_free(struct ignore *ig);

/* The last pattern that matches decides. path: relative to the folder that holds the ignore file,
 * '/' between parts, no leading or trailing one. */
enum ignore_verdict ignore_match(const struct ignore *ig, const char *path, bool is_dir);

#endif
