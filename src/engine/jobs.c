#include "engine/jobs.h"

#include "base/pool.h"

void jobs_init(struct jobs *j) {
    *j = (struct jobs){0};
    j->end = &j->first;
    pthread_mutex_init(&j->lock, NULL);
    pthread_cond_init(&j->room, NULL);
    pthread_cond_init(&j->calm, NULL);
}

void jobs_free(struct jobs *j) {
    pthread_cond_destroy(&j->room);
    pthread_cond_destroy(&j->calm);
    pthread_mutex_destroy(&j->lock);
}

int jobs_enter(struct jobs *j, int most, struct sequence *s, uint64_t *ticket, struct err *e) {
    pthread_mutex_lock(&j->lock);
    j->entering++;
    while (j->waiting >= most && !j->closing)
        pthread_cond_wait(&j->room, &j->lock);
    j->entering--;
    if (j->closing) {
        pthread_cond_broadcast(&j->calm);
        pthread_mutex_unlock(&j->lock);
        sequence_free(s, NULL);
        return err_set(e, PRECIS_ECANCELLED, "the engine is closing");
    }
    s->ticket = ++j->tickets;
    s->live = j->live;
    s->at = &j->live;
    if (j->live)
        j->live->at = &s->live;
    j->live = s;
    *j->end = s;
    j->end = &s->next;
    j->waiting++;
    if (ticket)
        *ticket = s->ticket;
    return 0;
}

struct sequence **jobs_choose(struct jobs *j, int most_passed) {
    struct sequence **best = &j->first;
    for (struct sequence **at = best; *at; at = &(*at)->next) {
        if (atomic_load(&(*at)->cancelled))
            return at;
        if (sequence_length(*at) > sequence_length(*best))
            best = at;
    }
    if (j->first && j->first->passed >= most_passed)
        return &j->first;
    return best;
}

void jobs_start(struct jobs *j, struct sequence **at) {
    struct sequence *s = *at;
    for (struct sequence *older = j->first; older != s; older = older->next)
        older->passed++;
    *at = s->next;
    if (!s->next)
        j->end = at;
    j->waiting--;
    if (++j->running > j->most_running)
        j->most_running = j->running;
    s->started = clock_seconds();
    pthread_cond_signal(&j->room);
}

static void forget(struct sequence *s) {
    *s->at = s->live;
    if (s->live)
        s->live->at = s->at;
}

void jobs_finish(struct jobs *j, struct sequence *s) {
    forget(s);
    if (--j->running == 0 && j->waiting == 0)
        pthread_cond_broadcast(&j->calm);
}

void jobs_cancel(struct jobs *j, uint64_t ticket) {
    for (struct sequence *s = j->live; s; s = s->live)
        if (ticket == 0 || s->ticket == ticket)
            atomic_store(&s->cancelled, true);
}

void jobs_drain(struct jobs *j) {
    while (j->waiting > 0 || j->running > 0)
        pthread_cond_wait(&j->calm, &j->lock);
}

void jobs_close(struct jobs *j) {
    j->closing = true; /* with the cancelling: nothing comes in after it */
    jobs_cancel(j, 0);
    pthread_cond_broadcast(&j->room);
}

void jobs_leave(struct jobs *j) {
    while (j->entering > 0)
        pthread_cond_wait(&j->calm, &j->lock);
}

void jobs_report_waiting(struct jobs *j) {
    for (struct sequence *s = j->first, *next; s; s = next) {
        next = s->next;
        s->started = clock_seconds(); /* it only waited */
        sequence_end(s, FINISH_CANCELLED, NULL);
        sequence_report(s);
        pthread_mutex_lock(&j->lock); /* a later callback may look for it, to cancel it */
        forget(s);
        pthread_mutex_unlock(&j->lock);
        sequence_free(s, NULL);
    }
}
