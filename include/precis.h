/* precis: one-line summaries and embeddings for whole code bases, by small models, on this machine.
 *
 * This is the only public header. Handles are opaque; strings are NUL-terminated UTF-8. */
#ifndef PRECIS_H
#define PRECIS_H

#ifdef __cplusplus
extern "C" {
#endif

/* What a function that can fail returns: 0, or one of these. */
enum precis_error {
    PRECIS_OK = 0,
    PRECIS_ENOMEM = -1,       /* memory or threads ran out */
    PRECIS_EIO = -2,          /* the operating system refused: the line says what and why */
    PRECIS_EINPUT = -3,       /* bytes from outside are not what they claim to be */
    PRECIS_EUSAGE = -4,       /* an argument is out of its range */
    PRECIS_EUNSUPPORTED = -5, /* well-formed, but not something precis can run */
    PRECIS_ELIMIT = -6,       /* a context, memory or size limit would be exceeded */
    PRECIS_ECANCELLED = -7,
    PRECIS_ENOTFOUND = -8
};

const char *precis_version(void); /* "MAJOR.MINOR.PATCH" */

#ifdef __cplusplus
}
#endif

#endif
