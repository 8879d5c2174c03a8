/* Keeps the processor time of this process within a limit: those who compute call pace_wait before
 * each piece of work, and sleep while the process is ahead of what it may have. A piece may be a
 * second long, so the limit holds over some seconds, not within each. */
#ifndef PRECIS_BASE_PACE_H
#define PRECIS_BASE_PACE_H

/* cores: seconds of processor time for each second, of all threads together; 0: no limit. For
 * programs, before there are threads: processor time is that of the whole process. */
void pace_limit(double cores);

/* No lock may be held. */
void pace_wait(void);

/* From here on nobody waits: what is under way ends. Safe in a signal handler. */
void pace_release(void);

#endif
