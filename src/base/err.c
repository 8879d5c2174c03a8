#include "base/err.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* Terminal safety: C0 controls and DEL become '?'. */
static void clean(char *s) {
    for (; *s; s++)
        if ((unsigned char)*s < 0x20 || *s == 0x7f)
            *s = '?';
}

int err_set(struct err *e, int code, const char *format, ...) {
    if (!e)
        return code;
    e->code = code;
    va_list ap;
    va_start(ap, format);
    vsnprintf(e->text, sizeof e->text, format, ap);
    va_end(ap);
    clean(e->text);
    return code;
}

int err_nomem(struct err *e, const char *what) {
    return err_set(e, PRECIS_ENOMEM, "out of memory: %s", what);
}

int err_errno(struct err *e, const char *path, const char *action) {
    int saved = errno;
    return err_set(e, PRECIS_EIO, "%s: cannot %s: %s", path, action, strerror(saved));
}

int err_prefix(struct err *e, const char *prefix) {
    if (!e)
        return 0;
    char old[sizeof e->text];
    memcpy(old, e->text, sizeof old);
    size_t room = sizeof e->text;
    int n = snprintf(e->text, room, "%s: ", prefix);
    if (n > 0 && (size_t)n < room)
        snprintf(e->text + n, room - (size_t)n, "%.*s", (int)(room - (size_t)n - 1), old);
    clean(e->text);
    return e->code;
}
