#include "engine/waiting.h"

void waiting_init(struct waiting *w) {
    *w = (struct waiting){0};
    w->end = &w->first;
}

void waiting_add(struct waiting *w, struct sequence *s) {
    s->ticket = ++w->tickets;
    s->live = w->live;
    s->at = &w->live;
    if (w->live)
        w->live->at = &s->live;
    w->live = s;
    *w->end = s;
    w->end = &s->next;
    w->n++;
}

struct sequence **waiting_choose(struct waiting *w, int most_passed) {
    struct sequence **best = &w->first;
    for (struct sequence **at = best; *at; at = &(*at)->next) {
        if (atomic_load(&(*at)->cancelled))
            return at;
        if (sequence_length(*at) > sequence_length(*best))
            best = at;
    }
    if (w->first && w->first->passed >= most_passed)
        return &w->first;
    return best;
}

void waiting_take(struct waiting *w, struct sequence **at) {
    struct sequence *s = *at;
    for (struct sequence *older = w->first; older != s; older = older->next)
        older->passed++;
    *at = s->next;
    if (!s->next)
        w->end = at;
    w->n--;
}

void waiting_forget(struct sequence *s) {
    *s->at = s->live;
    if (s->live)
        s->live->at = s->at;
}

void waiting_cancel(struct waiting *w, uint64_t ticket) {
    for (struct sequence *s = w->live; s; s = s->live)
        if (ticket == 0 || s->ticket == ticket)
            atomic_store(&s->cancelled, true);
}
