#include "base/err.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/utf8.h"

/* A line that fills its place may have been cut within a code point: that goes too. */
static void clean(struct err *e) {
    size_t n = strlen(e->text);
    for (size_t back = 1; n + 1 == sizeof e->text && back <= 3; back++)
        if (utf8_scan((const uint8_t *)e->text + n - back, back) == 0) {
            e->text[n - back] = 0;
            break;
        }
    utf8_blank_controls(e->text);
}

int(err_set)(struct err *e, int code, const char *format, ...) {
    if (!e)
        return code;
    e->code = code;
    va_list ap;
    va_start(ap, format);
    vsnprintf(e->text, sizeof e->text, format, ap);
    va_end(ap);
    clean(e);
    return code;
}

int(err_nomem)(struct err *e, const char *what) {
    return err_set(e, PRECIS_ENOMEM, "out of memory: %s", what);
}

int(err_errno)(struct err *e, const char *path, const char *action) {
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
    clean(e);
    return e->code;
}
