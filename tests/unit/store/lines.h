/* Lines to put, and lists of what was read, for the tests of the store. Every function fails the
 * test when it cannot do its work. */
#ifndef PRECIS_TESTS_STORE_LINES_H
#define PRECIS_TESTS_STORE_LINES_H

#include "base/buf.h"
#include "store/store.h"

extern char *root; /* a folder of the test, from set_up to tear_down */
int set_up(void **state);
int tear_down(void **state);

/* An origin like those of runs; revisions are told by one letter. */
struct store_origin origin_of(const char *revision, const char *prompt);

/* SHA-256 of a text. */
void hash_of(const char *text, uint8_t out[HASH_SHA256_SIZE]);

/* A line "LINE" of path, first .. last, whose key comes from all of these and the origin. */
struct store_line line_of(const struct store_origin *o, const char *path, uint64_t first,
                          uint64_t last, const char *line);

struct store *open_store(const char *folder, enum store_mode mode);
int64_t begin_run(struct store *s);
void put_file(struct store *s, const char *path, const char *content);
void put_line(struct store *s, int64_t run, const struct store_line *l);

/* store_each into a struct buf: "path:first-last line\n". */
int spell_line(void *user, const struct store_line *l, struct err *e);
/* All active lines below path, spelled; until the next call. */
const char *list(struct store *s, const char *path);
/* Those of a file at a line. */
const char *at(struct store *s, const char *path, uint64_t line);

#endif
