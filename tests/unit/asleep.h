#ifndef PRECIS_TESTS_ASLEEP_H
#define PRECIS_TESTS_ASLEEP_H

#include <stdbool.h>
#include <stdio.h>

/* Whether a thread of this process (its gettid, or 0: not yet there) waits for something. */
static inline bool is_asleep(int thread) {
    char path[64], state = 0;
    snprintf(path, sizeof path, "/proc/self/task/%d/stat", thread);
    FILE *f = fopen(path, "r");
    if (f && fscanf(f, "%*d %*s %c", &state) != 1)
        state = 0;
    if (f)
        fclose(f);
    return state == 'S';
}

#endif
