/* The store: every finished line, what it was made from and what people said of it, in one SQLite
 * file, ROOT/.precis/precis.db.
 *
 * A line is kept under its key (store_key), which is a digest of all that it depends on, and is
 * never changed afterwards. Where another is to take its key (store_line.replace), it goes, or,
 * when people rated it, stays where it is with their ratings, under a key that nothing has. It
 * stands at a place: a range of lines of a file, or a file, a folder or the whole tree. Runs with
 * other models or prompts put other lines at the same place; none is lost. Which one is read is
 * said by the pin (store_pin) and by age: a line is *active* when it is of the file's present text
 * and of the pinned revision, and no newer such line of its level overlaps it. Age is that of the
 * last run that put the line there.
 *
 * Writes are durable when the call that made them returns (write-ahead log, synchronous=FULL: a
 * commit is on the disk, so neither kill -9 nor a power failure takes it back; at a few lines a
 * second the fsync does not count). Many puts between store_begin and store_commit share one.
 *
 * Any number of processes may have a store open. A writer waits up to 10 s for another's
 * transaction. A handle is one thread's at a time, and not to be used after fork in the child.
 *
 * The file may come from strangers, with a clone. So one of another application, of a newer
 * version, or with any object in its schema that precis did not make (a trigger, a view) is
 * refused, symbolic links are not followed, and what is read is checked again: text is valid UTF-8
 * without control characters.
 *
 * Errors: PRECIS_EIO (the disk is full, no permission, another process keeps it locked),
 * PRECIS_EINPUT (damaged, or no store of precis), PRECIS_EUNSUPPORTED (a newer version),
 * PRECIS_ENOTFOUND, PRECIS_EUSAGE, PRECIS_ENOMEM; the line begins with the path of the file. */
#ifndef PRECIS_STORE_STORE_H
#define PRECIS_STORE_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/hash.h"

#define STORE_FOLDER ".precis"
#define STORE_FILE "precis.db"

enum {
    STORE_VERSION = 7,              /* of the schema: user_version */
    STORE_APPLICATION = 0x70726563, /* application_id: "prec" */
};

struct store;

enum store_mode {
    STORE_READ,  /* it must exist; what it holds is not changed */
    STORE_WRITE, /* it must exist */
    STORE_CREATE /* made when it does not exist, with a .gitignore for itself */
};

/* On failure *out is NULL. PRECIS_ENOTFOUND: there is none (STORE_READ, STORE_WRITE). */
int store_open(const char *root, enum store_mode mode, struct store **out, struct err *e);
void store_close(struct store *s); /* NULL is fine; an open transaction is taken back */

const char *store_root(const struct store *s); /* absolute, without symbolic links */
const char *store_path(const struct store *s); /* of the file */

/* The folder whose store belongs to `path` (a file or folder that exists): the nearest one at or
 * above it that has a .precis folder, looking no higher than the top of the git work tree that it
 * is in, or than itself (a file: its folder) outside of one. *root is the caller's.
 * PRECIS_ENOTFOUND: none. */
int store_find_root(const char *path, char **root, struct err *e);

/* The name that the store whose root is `root` has for what lies at `path`: relative to the root
 * where it is below it, else absolute; valid UTF-8. It is the caller's. PRECIS_EIO: nothing is
 * there. */
int store_name(const char *root, const char *path, char **name, struct err *e);

/* ---- What a line is made from ---- */

enum store_level { STORE_CHUNK, STORE_WHOLE_FILE, STORE_DIRECTORY, STORE_REPOSITORY };
const char *store_level_name(enum store_level level); /* "chunk", "file", ... */

/* How a line was made. No string is NULL. */
struct store_origin {
    const char *model; /* its name, for people */
    const char *model_revision;
    const char *file_type; /* of the weights */
    const char *precision, *isa;
    const char *prompt_version, *decoder_version;
    const char *parameters; /* canonical JSON: keys in order, no spaces */
    uint64_t seed;
};

struct store_subject {
    enum store_level level;
    const char *path;                /* as in struct store_line */
    uint8_t text[HASH_SHA256_SIZE];  /* SHA-256 of the chunk's bytes, or of the lines rolled up */
    const uint8_t *context;          /* [32] of the bytes in the prompt beside them; NULL: none */
    const struct store_origin *made; /* model and file_type are no part of the key */
    const char *source;              /* as in struct store_line; NULL: "model" */
};

/* SHA-256 of these fields in order, each as its length in bytes (8 bytes, little-endian) and its
 * bytes: "precis-line-1"; level (1 byte); text (32); path; context (32, or none); model_revision;
 * precision; isa; prompt_version; decoder_version; parameters; seed (8, little-endian); and, of a
 * line that is not the model's, its source, so that it never takes the place of one that is. Test
 * vectors are in tests/unit/store/test_key.c. */
int store_key(const struct store_subject *subject, uint8_t key[HASH_SHA256_SIZE], struct err *e);

/* ---- Writing ---- */

/* A file as it was read. */
struct store_file {
    const char *path;     /* relative to the root, '/' between parts; an absolute one: outside it */
    const char *language; /* NULL: unknown */
    uint64_t size;
    int64_t mtime_ns;
    uint64_t inode;
    uint8_t hash[HASH_SHA256_SIZE]; /* of its bytes */
};

/* A line with its place. No string but language and symbol may be NULL. */
struct store_line {
    uint8_t key[HASH_SHA256_SIZE];
    enum store_level level;
    const char *path;              /* of the file; a folder's has no '/' at its end; "": the tree */
    uint64_t start_line, end_line; /* both 0 for a folder and the tree */
    const char *symbol;
    /* The path that its key has instead: of the file when it was made. NULL: this one. */
    const char *renamed_from;
    uint8_t text[HASH_SHA256_SIZE];

    const char *line;
    double confidence;
    const char *source; /* "model", "doc", "rule" */
    uint64_t tokens_in, tokens_out;
    double elapsed_ms;
    bool cut;
    const struct store_origin *made;
    const uint8_t *context; /* [32] as in struct store_subject; NULL: none, or not known */
    bool replace;           /* where it is put: instead of a line of its key */

    /* filled in when it is read, ignored when it is put */
    int64_t place;        /* its number in the store */
    const char *language; /* of the file */
    int64_t made_at;      /* Unix time */
};

/* Several writes as one; without it each is one of its own. After a failure of a write within,
 * nothing is left to do but store_abandon. */
int store_begin(struct store *s, struct err *e);
int store_commit(struct store *s, struct err *e);
void store_abandon(struct store *s); /* fine when nothing is open */

/* A run, for the age of lines. *run is its number. */
int store_run_begin(struct store *s, int64_t *run, struct err *e);
int store_run_end(struct store *s, int64_t run, struct err *e);

/* The file is what it says from now on: lines of another text of it are active no longer. */
int store_put_file(struct store *s, const struct store_file *file, struct err *e);

/* PRECIS_EUSAGE: it could not be put, for what it says of itself (a text with control characters,
 * an empty line, no such place). */
int store_check_line(const struct store_line *line, struct err *e);

/* Puts a line unless one has its key (or line->replace), and in either case notes that it stands at
 * its place in this run. The file of a chunk or a file's line must have been put. *added (may be
 * NULL): whether the line was new. */
int store_put(struct store *s, int64_t run, const struct store_line *line, bool *added,
              struct err *e);

/* ---- Reading ---- */

/* Until store_read_end all reads see the store as it was at the first of them, whatever others
 * write meanwhile. There is no writing in between. */
int store_read_begin(struct store *s, struct err *e);
void store_read_end(struct store *s);

/* Given each line; its strings live until it returns. Non-zero ends the reading with that code. It
 * may read the store by another function than the one that called it. */
typedef int store_each(void *user, const struct store_line *line, struct err *e);

/* The line of a key, at the place where it was seen last. PRECIS_ENOTFOUND: none. */
int store_find(struct store *s, const uint8_t key[HASH_SHA256_SIZE], store_each *each, void *user,
               struct err *e);

/* The active lines of a level at a path that overlap first .. last, in order of their places. */
int store_lines(struct store *s, const char *path, enum store_level level, uint64_t first,
                uint64_t last, store_each *each, void *user, struct err *e);

/* All active lines of a path and of what is below it ("": of everything), in byte order of their
 * paths, then by level from the tree to the chunk, then by place. */
int store_list(struct store *s, const char *path, store_each *each, void *user, struct err *e);

/* The files of a path and of what is below it ("": all) that had a line once, active or not, in
 * byte order of their paths. The strings live until each returns, which may ask for lines. */
int store_files(struct store *s, const char *path,
                int (*each)(void *user, const struct store_file *f, struct err *e), void *user,
                struct err *e);

/* What the store knows of a file. The strings of *file are path and, until the next call,
 * language. PRECIS_ENOTFOUND: nothing. */
int store_file(struct store *s, const char *path, struct store_file *file, struct err *e);

/* The paths that a file of that content may have had before, the likeliest first: those that lines
 * at `path` were made for, then those of files with that content that are gone, and what lines
 * there were made for. One may come twice. The string lives
 * until each returns, which may read other things of the store. */
int store_renamed(struct store *s, const char *path, const uint8_t hash[HASH_SHA256_SIZE],
                  int (*each)(void *user, const char *before, struct err *e), void *user,
                  struct err *e);

/* ---- Revisions ---- */

struct store_revision {
    const char *model; /* ignored by store_pin */
    const char *model_revision;
    const char *prompt_version; /* NULL: any */
    uint64_t lines;             /* in the store */
    int64_t first_at, last_at;  /* Unix time of the oldest and the newest */
};

/* What the store's lines were made with, oldest first. */
int store_revisions(struct store *s,
                    int (*each)(void *user, const struct store_revision *r, struct err *e),
                    void *user, struct err *e);

/* From now on only lines of that revision are active. PRECIS_ENOTFOUND: the store has none. */
int store_pin(struct store *s, const struct store_revision *r, struct err *e);
/* Takes the last pin back, so that the one before it counts again. PRECIS_ENOTFOUND: none is. */
int store_unpin(struct store *s, struct err *e);
/* Which revision is pinned: model_revision and prompt_version of *r, until the next call on s.
 * PRECIS_ENOTFOUND: none, so that the newest lines are active. */
int store_active(struct store *s, struct store_revision *r, struct err *e);

/* ---- Ratings ---- */

struct store_rating {
    const char *verdict;   /* "good", "bad", "1" .. "5" */
    const char *note;      /* NULL: none */
    const char *corrected; /* the line as it should be; NULL: none */
    const char *who;
    int64_t rated_at; /* Unix time; store_rate sets it */
};

/* PRECIS_EUSAGE: the verdict is none of these, or a text is not UTF-8 (but the note: on one line).
 */
int store_check_rating(const struct store_rating *r, struct err *e);

/* Keeps a judgement of the line at a place (store_line.place); several may be of one line.
 * PRECIS_EUSAGE: as above. PRECIS_ENOTFOUND: no such place. */
int store_rate(struct store *s, int64_t place, const struct store_rating *r, struct err *e);

/* Every rating with its line, active or not, oldest first. */
int store_ratings(struct store *s,
                  int (*each)(void *user, const struct store_line *line,
                              const struct store_rating *r, struct err *e),
                  void *user, struct err *e);

#endif
