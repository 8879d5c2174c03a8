/* Messages for people. The library only hands them to the sink that the program set. */
#ifndef PRECIS_BASE_LOG_H
#define PRECIS_BASE_LOG_H

enum log_level { LOG_ERROR, LOG_WARN, LOG_INFO, LOG_DEBUG };

typedef void log_sink(void *user, enum log_level level, const char *line);

/* Set once, before threads start. Without a sink nothing is said. The sink may be called from any
 * thread, one call at a time. */
void log_set_sink(log_sink *sink, void *user, enum log_level most);
void log_say(enum log_level level, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
