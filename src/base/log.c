#include "base/log.h"

#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>

#include "base/utf8.h"

static log_sink *the_sink;
static void *the_user;
static enum log_level the_most;
static pthread_mutex_t the_lock = PTHREAD_MUTEX_INITIALIZER;

void log_set_sink(log_sink *sink, void *user, enum log_level most) {
    the_sink = sink;
    the_user = user;
    the_most = most;
}

void log_say(enum log_level level, const char *format, ...) {
    if (!the_sink || level > the_most)
        return;
    char line[1024];
    va_list ap;
    va_start(ap, format);
    vsnprintf(line, sizeof line, format, ap);
    va_end(ap);
    utf8_blank_controls(line);
    pthread_mutex_lock(&the_lock);
    the_sink(the_user, level, line);
    pthread_mutex_unlock(&the_lock);
}
