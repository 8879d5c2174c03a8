#include "base/pool.h"

#include <malloc.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "base/pace.h"

struct worker {
    pthread_t thread;
    void (*work)(void *user, int index);
    void *user;
    int index;
};

struct pool {
    int n;
    struct worker workers[];
};

static void *run(void *arg) {
    struct worker *w = arg;
    w->work(w->user, w->index);
    return NULL;
}

int pool_start(struct pool **pool, int n, void (*work)(void *user, int index), void *user,
               struct err *e) {
    *pool = NULL;
    struct pool *p = calloc(1, sizeof *p + (size_t)n * sizeof *p->workers);
    if (!p)
        return err_nomem(e, "threads");
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int failed = 0;
    for (; p->n < n; p->n++) {
        struct worker *w = &p->workers[p->n];
        *w = (struct worker){.work = work, .user = user, .index = p->n};
        if ((failed = pthread_create(&w->thread, NULL, run, w)) != 0)
            break;
    }
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (p->n == 0) {
        free(p);
        p = NULL;
    }
    *pool = p;
    if (!failed)
        return 0;
    return err_set(e, PRECIS_ENOMEM, "cannot start thread %d of %d: %s", p ? p->n + 1 : 1, n,
                   strerror(failed));
}

void pool_name_thread(const char *what, int index) {
    char name[16]; /* the kernel's limit, prctl(2) */
    snprintf(name, sizeof name, "%s %d", what, index);
    pthread_setname_np(pthread_self(), name);
}

void pool_join(struct pool *pool) {
    if (!pool)
        return;
    for (int i = 0; i < pool->n; i++)
        pthread_join(pool->workers[i].thread, NULL);
    free(pool);
}

void start_gate_init(struct start_gate *g) {
    *g = (struct start_gate){0};
    pthread_mutex_init(&g->lock, NULL);
    pthread_cond_init(&g->came, NULL);
}

void start_gate_free(struct start_gate *g) {
    pthread_cond_destroy(&g->came);
    pthread_mutex_destroy(&g->lock);
}

void start_gate_say(struct start_gate *g, int rc, const struct err *e) {
    pthread_mutex_lock(&g->lock);
    if (rc && !g->first.code)
        g->first = *e;
    g->n++;
    pthread_cond_signal(&g->came);
    pthread_mutex_unlock(&g->lock);
}

int start_gate_wait(struct start_gate *g, int n, struct err *e) {
    pthread_mutex_lock(&g->lock);
    while (g->n < n)
        pthread_cond_wait(&g->came, &g->lock);
    int rc = g->first.code;
    if (rc && e)
        *e = g->first;
    pthread_mutex_unlock(&g->lock);
    return rc;
}

struct pool_items {
    int n;
    atomic_int next;
    atomic_bool failed;
    int (*work)(void *user, struct pool_items *items, struct err *e);
    void *user;
    struct start_gate words; /* those that threads end with */
};

int pool_next(struct pool_items *items) {
    pace_wait();
    int i = atomic_load(&items->failed) ? items->n : atomic_fetch_add(&items->next, 1);
    return i < items->n ? i : -1;
}

static void run_items(void *user, int index) {
    (void)index;
    struct pool_items *items = user;
    struct err e = {0};
    int rc = items->work(items->user, items, &e);
    if (rc)
        atomic_store(&items->failed, true);
    start_gate_say(&items->words, rc, &e);
}

int pool_run(int threads, int n, int (*work)(void *user, struct pool_items *items, struct err *e),
             void *user, struct err *e) {
    struct pool_items items = {.n = n, .work = work, .user = user};
    struct pool *pool;
    start_gate_init(&items.words);
    int rc = pool_start(&pool, threads, run_items, &items, e);
    if (rc)
        atomic_store(&items.failed, true); /* those that were started need not go on */
    pool_join(pool);
    if (rc == 0)
        rc = start_gate_wait(&items.words, threads, e);
    start_gate_free(&items.words);
    return rc;
}

/* cgroup v2 cpu.max: "QUOTA PERIOD" or "max PERIOD", in microseconds. */
static int cgroup_cores(int most) {
    FILE *f = fopen("/sys/fs/cgroup/cpu.max", "re");
    if (!f)
        return most;
    long quota = 0, period = 0;
    int n = fscanf(f, "%ld %ld", &quota, &period);
    fclose(f);
    if (n != 2 || quota <= 0 || period <= 0)
        return most;
    long cores = (quota + period - 1) / period;
    return cores < most ? (int)cores : most;
}

int pool_cores(void) {
    cpu_set_t set;
    int n = sched_getaffinity(0, sizeof set, &set) == 0 ? CPU_COUNT(&set) : 1;
    n = cgroup_cores(n < 1 ? 1 : n);
    return n < 1 ? 1 : n;
}

static double read_clock(clockid_t clock) {
    struct timespec t;
    clock_gettime(clock, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

double clock_seconds(void) {
    return read_clock(CLOCK_MONOTONIC);
}

double clock_thread_seconds(void) {
    return read_clock(CLOCK_THREAD_CPUTIME_ID);
}

void clock_cond_init(pthread_cond_t *c) {
    pthread_condattr_t monotonic;
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(c, &monotonic);
    pthread_condattr_destroy(&monotonic);
}

int clock_cond_wait(pthread_cond_t *c, pthread_mutex_t *lock, double until) {
    struct timespec at = {.tv_sec = (time_t)until};
    at.tv_nsec = (long)((until - (double)at.tv_sec) * 1e9);
    return pthread_cond_timedwait(c, lock, &at);
}

size_t memory_resident(void) {
    FILE *f = fopen("/proc/self/statm", "re");
    if (!f)
        return 0;
    unsigned long total = 0, resident = 0;
    int n = fscanf(f, "%lu %lu", &total, &resident);
    fclose(f);
    return n == 2 ? resident * (size_t)sysconf(_SC_PAGESIZE) : 0;
}

void memory_share_arena(void) {
#ifdef M_ARENA_MAX
    mallopt(M_ARENA_MAX, 1);
#endif
}

size_t memory_peak(void) {
    struct rusage u;
    return getrusage(RUSAGE_SELF, &u) == 0 ? (size_t)u.ru_maxrss * 1024 : 0;
}
