/* One forward pass over a tile: rows (tokens) packed from many sequences without padding.
 *
 * A step is run by one lane, or by a team of lanes that split its rows and its attention and meet
 * at barriers; every row's arithmetic is the same either way. */
#ifndef PRECIS_ENGINE_FORWARD_H
#define PRECIS_ENGINE_FORWARD_H

#include <stdatomic.h>

#include "engine/weights.h"

enum {
    TILE_ROWS = 512, /* most rows in a step */
    LOGIT_ROWS = 32, /* rows of logits computed at once */
    TEAM_FROM = 64,  /* rows below which a team does not pay */
    TEAM_MOST = 64   /* lanes in a team */
};

/* Consecutive tokens of one sequence: rows row .. row + n - 1 of the tile, positions position ...
 */
struct span {
    const uint32_t *ids;    /* [n] */
    uint8_t *const *blocks; /* the sequence's KV pages, already extended over these positions */
    int row, n, position;
    bool far; /* rotated by the frequencies of long sequences */
};

/* What a lane owns: scratch for row blocks, and a tile for the steps that it leads. */
struct workspace;
int workspace_new(const struct weights *w, struct workspace **out,
                  struct err *e); /* in its thread */
void workspace_free(struct workspace *ws);
/* Needs the configuration, the types and fours only. */
size_t workspace_bytes(const struct weights *w);

struct step {
    const struct weights *w;
    const struct kernel *kernel;
    struct workspace *tile; /* the leader's */
    const struct span *spans;
    int n_spans, rows;
    const int *logit_rows; /* rows whose logits are wanted, ascending */
    int n_logits;
    /* logits ([vocab] f32) may be written to; own is what the calling lane gave to step_run. Called
     * by the leader, in order; when apart says that the rows do not depend on one another, by every
     * lane for some of the rows. */
    void (*on_logits)(void *user, void *own, int index, float *logits);
    void *user;
    bool apart;
    int team;                 /* lanes that run it: 1 .. */
    struct step_clock *clock; /* the leader's, touched after each layer; NULL: none */
    struct err err;

    /* Private. */
    atomic_int arrived, generation, failed, left;
    atomic_int *next_item; /* [layers] */
    int n_items;
    float *team_logits[TEAM_MOST];
};

/* Leader: prepares the tile (rows <= TILE_ROWS). Then each of the team calls step_run with its own
 * workspace and rank; rank 0 is the leader. When it returns the step is no longer touched by that
 * rank, and the leader returns last. err (leader) says whether it failed. */
void step_prepare(struct step *s);
void step_run(struct step *s, struct workspace *own, int rank, void *own_user);

#endif
