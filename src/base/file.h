/* Files: read-only views of inputs, and outputs that are whole or absent. */
#ifndef PRECIS_BASE_FILE_H
#define PRECIS_BASE_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>

#include "base/err.h"

/* A file's bytes, read-only. Small files are read, large ones mapped; either way the view stays
 * valid until file_unmap. An empty file has size 0 and a data pointer that is not NULL. */
struct mapping {
    const uint8_t *data;
    size_t size;
    int64_t mtime_ns; /* of the file when it was opened */
    bool mapped;      /* munmap rather than free */
};

/* Opens a regular file (symlinks are followed). Errors: PRECIS_EIO with the path and the cause,
 * also for directories and other things that are not regular files. On failure *m is zeroed. */
int file_map(const char *path, struct mapping *m, struct err *e);
/* The same for files that others may write to meanwhile: up to 16 MiB, the most that walk_tree
 * lists, are read and never mapped, for who touches a mapping of a file that has been cut dies of
 * SIGBUS. */
int file_read(const char *path, struct mapping *m, struct err *e);
void file_unmap(struct mapping *m); /* safe on a zeroed mapping; leaves it zeroed */
/* Lets the system drop the pages of a mapped file; they are read again when they are touched. */
void file_release(const struct mapping *m);

bool file_is_dots(const char *name);                   /* "." or ".." */
bool file_ends(const char *path, const char *end);     /* in these characters */
char *file_join(const char *folder, const char *name); /* the caller's; NULL: out of memory */

/* Whether both are the same name, or names of the same regular file. */
bool file_is_same(const char *a, const char *b);

/* Whether anything has this name. A link to what is not there is an error (PRECIS_ENOTFOUND), and
 * so is a folder that cannot be searched (PRECIS_EIO). */
int file_exists(const char *path, bool *there, struct err *e);

/* Creates a file, or where `mode` has S_IFDIR a folder, with `mode`'s permissions less the umask
 * under a name that nothing had: path's last 6 characters are chosen anew. Returns the descriptor
 * of the file, open for writing (of a folder: 0), or -1 with errno. */
int file_create_temp(char *path, mode_t mode);

/* An output file. The bytes go to a temporary file beside `path`, which takes its name on commit: a
 * reader sees the old file or the whole new one. path "-" is standard output, written directly; so
 * are things that exist and are not regular files (a device, a pipe). */
struct outfile {
    FILE *f;
    char *path; /* owned */
    char *temp; /* owned; NULL when written directly */
    bool is_stdout;
};

int outfile_open(struct outfile *o, const char *path, struct err *e);
/* Flushes, syncs and renames; any write error since the opening shows here. *o is closed either
 * way, and on failure nothing of the new file remains. */
int outfile_commit(struct outfile *o, struct err *e);
void outfile_abort(
    struct outfile *o); /* drops the temporary file; safe when never opened or closed */

/* Appends all of a stream to a buffer, up to `limit` bytes (more is PRECIS_ELIMIT). */
struct buf;
int file_read_stream(FILE *f, const char *name, size_t limit, struct buf *out, struct err *e);

/* Creates a folder and its parents (0777 less umask); fine when it exists. */
int file_make_dirs(const char *path, struct err *e);

/* $VAR/precis when VAR is set to an absolute path, else $HOME/fallback/precis, into out. XDG Base
 * Directory Specification: relative values are ignored. */
int file_xdg_dir(const char *variable, const char *fallback, char *out, size_t size, struct err *e);

#endif
