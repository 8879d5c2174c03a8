#include "base/pace.h"

#include <math.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <time.h>

#include "base/pool.h"

/* What is not used within this time is lost, so that an idle process saves nothing up. */
static const double KEPT_SECONDS = 0.25;
static const double SLICE_SECONDS = 0.1; /* until it is seen that nobody is to wait any more */

static double limit;
static atomic_bool released;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct {
    double left;       /* seconds of processor time that may be used; negative: too much was */
    double clock, cpu; /* when that was so */
} account;

static double process_seconds(void) {
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

void pace_limit(double cores) {
    limit = cores;
    atomic_store(&released, false);
    account.left = 0;
    account.clock = clock_seconds();
    account.cpu = process_seconds();
}

/* Seconds until there is nothing to make up for. */
static double settle(void) {
    double now = clock_seconds(), cpu = process_seconds();
    account.left += (now - account.clock) * limit - (cpu - account.cpu);
    if (account.left > KEPT_SECONDS * limit)
        account.left = KEPT_SECONDS * limit;
    account.clock = now;
    account.cpu = cpu;
    return account.left < 0 ? -account.left / limit : 0;
}

void pace_wait(void) {
    if (limit <= 0)
        return;
    pthread_mutex_lock(&lock);
    double wait = settle();
    pthread_mutex_unlock(&lock);
    const double end = clock_seconds() + wait;
    while (!atomic_load(&released) && (wait = end - clock_seconds()) > 0) {
        const struct timespec t = {.tv_nsec = (long)(fmin(wait, SLICE_SECONDS) * 1e9)};
        clock_nanosleep(CLOCK_MONOTONIC, 0, &t, NULL);
    }
}

void pace_release(void) {
    atomic_store(&released, true);
}
