/* Errors: a code and one line for a person.
 *
 * Functions that can fail return 0 or a negative enum precis_error and fill a `struct err` that the
 * caller owns. The line names the path, the position and the offending value; control characters in
 * it are replaced, so that hostile names cannot write to a terminal. A NULL err is allowed: then
 * only the code is returned. */
#ifndef PRECIS_BASE_ERR_H
#define PRECIS_BASE_ERR_H

#include "precis.h"

struct err {
    int code;       /* 0, or enum precis_error */
    char text[496]; /* one line, no final newline, valid UTF-8 where the input was */
};

/* Fills e (unless NULL) and returns code, so that `return err_set(...)` reads well. */
int err_set(struct err *e, int code, const char *format, ...) __attribute__((format(printf, 3, 4)));

/* PRECIS_ENOMEM: "out of memory: WHAT". */
int err_nomem(struct err *e, const char *what);

/* PRECIS_EIO from errno: "PATH: cannot ACTION: strerror". */
int err_errno(struct err *e, const char *path, const char *action);

#ifdef __clang_analyzer__ /* which does not look into err.c: none of them returns 0 */
static inline int err_returns(int rc, int code) {
    (void)rc;
    return code;
}
#define err_set(e, code, ...) err_returns((err_set)((e), (code), __VA_ARGS__), (code))
#define err_nomem(e, what) err_returns((err_nomem)((e), (what)), PRECIS_ENOMEM)
#define err_errno(e, path, action) err_returns((err_errno)((e), (path), (action)), PRECIS_EIO)
#endif

/* Puts "PREFIX: " before the line that is there (cut to fit). Returns the code that is there. */
int err_prefix(struct err *e, const char *prefix);

#endif
