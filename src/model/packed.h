/* Packed weights: named, aligned sections of bytes in one file of the cache, mapped read-only.
 *
 * A file belongs to a key, a text that says everything its contents were made from, such as
 * "weights-v1 model=SHA256 precision=int8 isa=avx512-vnni". Its bytes depend on the key and on the
 * names, sizes and contents of the sections, on nothing else: no times, no order of writing.
 * Everything is checked when it is opened, bytes by checksums against damage, not against forgery:
 * whoever uses a section checks its size, and takes its values for hostile.
 *
 * Files of other keys stay where they are; nothing here deletes a file that it did not make.
 * Somebody who truncates a file while it is mapped makes its readers die of SIGBUS; replacing or
 * removing it is harmless. */
#ifndef PRECIS_MODEL_PACKED_H
#define PRECIS_MODEL_PACKED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/hash.h"

enum { PACKED_NAME_SIZE = 80 }; /* bytes of a section's name, its NUL included */

struct packed;
struct packed_writer;

struct packed_section {
    const char *name; /* not empty, shorter than PACKED_NAME_SIZE */
    size_t size;      /* bytes; 0 is fine */
};

/* The path of a key's file below $XDG_CACHE_HOME/precis/packed (or ~/.cache). Errors: PRECIS_EINPUT
 * (neither variable is set, path too long). */
int packed_path(const char *key, char *out, size_t size, struct err *e);

/* Maps and checks the whole file, with up to `threads` threads (1: the caller's alone). Errors:
 * PRECIS_ENOTFOUND when there is no such file or it is no file of this key, format version and byte
 * order, whole and undamaged: the line says which, and the caller packs again; PRECIS_EIO (it
 * cannot be read), PRECIS_ENOMEM. */
int packed_open(const char *path, const char *key, int threads, struct packed **out, struct err *e);
/* The same over bytes that the caller keeps until packed_close, 64-byte aligned (PRECIS_EUSAGE).
 * `name` stands for the path in messages. */
int packed_open_memory(const char *name, const char *key, const uint8_t *bytes, size_t size,
                       struct packed **out, struct err *e);
void packed_close(struct packed *p); /* NULL is fine */

/* A section's bytes, 64-byte aligned, borrowed until packed_close; NULL: absent. */
const void *packed_find(const struct packed *p, const char *name, size_t *size);
size_t packed_size(const struct packed *p); /* bytes of the file */
/* SHA-256 of the file's bytes, computed now (about 0.1 s for each 100 MB), equal for a file and for
 * the same sections held in memory only. */
int packed_sha256(const struct packed *p, char out[HASH_HEX_SIZE], struct err *e);

/* Makes room for all sections, zeroed, whatever their order. The file is beside `path` under
 * another name or none until the commit; the folder is created, and the space taken on the disk.
 * path NULL: in memory only. Errors: PRECIS_EUSAGE (names, a key beyond 4095 bytes, more
 * than 2^20 sections), PRECIS_ENOMEM, PRECIS_EIO (no space, a read-only folder and so on: the
 * caller may go on with path NULL). Several writers of one path do not disturb one another; the
 * last to commit wins. */
int packed_writer_open(const char *path, const char *key, const struct packed_section *sections,
                       size_t n, struct packed_writer **out, struct err *e);
/* Where to put a section's bytes, 64-byte aligned, borrowed until commit or abort; NULL: no such
 * name. May be called, and the bytes written, from several threads. */
void *packed_writer_section(struct packed_writer *w, const char *name);
/* Checksums, syncs and names the file, and opens it without reading it again. Frees w either way.
 * Errors: PRECIS_EIO; nothing of the file remains then, and what was at `path` before is still
 * there. */
int packed_writer_commit(struct packed_writer *w, int threads, struct packed **out, struct err *e);
void packed_writer_abort(struct packed_writer *w); /* NULL is fine */

#endif
