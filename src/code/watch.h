/* Tells when the source files below a folder change.
 *
 * inotify(7) says that something happened in a folder that walk.h enters; a new walk says what.
 * So the ignore rules are those of walk.h, a queue that overflowed loses nothing, and what was
 * written and is as before again is no change. Not noticed by themselves: ignore files above the
 * root, .git/info/exclude, and changes through a mapping or by another machine of a network file
 * system; the next change brings them in. */
#ifndef PRECIS_CODE_WATCH_H
#define PRECIS_CODE_WATCH_H

#include <stdatomic.h>
#include <stddef.h>

#include "code/walk.h"

struct watch;

struct watch_options {
    struct walk_options files; /* on_folder and user are the watch's */
    int quiet_ms;              /* looks when nothing happened for so long; 0: 300 */
    int most_ms;               /* but at most so long after what happened first; 0: 2,000 */
};

/* Files, since the last look. */
struct watch_change {
    size_t added, changed, removed; /* changed: another size, time of change or inode */
};

/* Watches a folder, and looks at it once. root and what options point to: borrowed until
 * watch_close. Errors: those of walk_tree; PRECIS_EUSAGE (root is a file); PRECIS_ELIMIT (the
 * limit of watches or of instances, with the file of /proc that sets it); PRECIS_EUNSUPPORTED
 * (there is no inotify). */
int watch_open(const char *root, const struct watch_options *options, struct watch **out,
               struct err *e);
void watch_close(struct watch *w); /* NULL is fine */

/* The files as of the last look; valid until the next one. */
const struct walk *watch_files(const struct watch *w);

/* Waits until files have changed, looks, and says how many; what happened since the last look
 * counts, so nothing is missed between calls. stop: ends it with PRECIS_ECANCELLED within a
 * moment; may be NULL. Other errors are those of watch_open (also when the root is gone); then the
 * watch can only be closed. */
int watch_next(struct watch *w, const atomic_bool *stop, struct watch_change *c, struct err *e);

#endif
