#include "base/queue.h"

#include <pthread.h>
#include <stdlib.h>

#include "base/pool.h"

struct queue {
    pthread_mutex_t lock;
    pthread_cond_t room, filled;
    size_t capacity, head, count;
    bool closed;
    void *items[];
};

int queue_new(struct queue **out, size_t capacity, struct err *e) {
    struct queue *q = calloc(1, sizeof *q + capacity * sizeof *q->items);
    *out = q;
    if (!q)
        return err_nomem(e, "queue");
    q->capacity = capacity;
    pthread_mutex_init(&q->lock, NULL);
    pthread_cond_init(&q->room, NULL);
    clock_cond_init(&q->filled);
    return 0;
}

void queue_free(struct queue *q) {
    if (!q)
        return;
    pthread_mutex_destroy(&q->lock);
    pthread_cond_destroy(&q->room);
    pthread_cond_destroy(&q->filled);
    free(q);
}

bool queue_push(struct queue *q, void *item) {
    pthread_mutex_lock(&q->lock);
    while (!q->closed && q->count == q->capacity)
        pthread_cond_wait(&q->room, &q->lock);
    bool taken = !q->closed;
    if (taken) {
        q->items[(q->head + q->count++) % q->capacity] = item;
        pthread_cond_signal(&q->filled);
    }
    pthread_mutex_unlock(&q->lock);
    return taken;
}

void *queue_pop(struct queue *q, double seconds) {
    double until = clock_seconds() + seconds;
    pthread_mutex_lock(&q->lock);
    int timed_out = 0;
    while (q->count == 0 && !q->closed && !timed_out)
        timed_out = seconds < 0 ? pthread_cond_wait(&q->filled, &q->lock)
                                : clock_cond_wait(&q->filled, &q->lock, until);
    void *item = NULL;
    if (q->count) {
        item = q->items[q->head];
        q->head = (q->head + 1) % q->capacity;
        q->count--;
        pthread_cond_signal(&q->room);
    }
    pthread_mutex_unlock(&q->lock);
    return item;
}

void queue_close(struct queue *q) {
    pthread_mutex_lock(&q->lock);
    q->closed = true;
    pthread_cond_broadcast(&q->room);
    pthread_cond_broadcast(&q->filled);
    pthread_mutex_unlock(&q->lock);
}

bool queue_finished(struct queue *q) {
    pthread_mutex_lock(&q->lock);
    bool finished = q->closed && q->count == 0;
    pthread_mutex_unlock(&q->lock);
    return finished;
}
