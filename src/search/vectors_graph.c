/* Opening a graph and walking it (Malkov and Yashunin 2018, algorithms 2 and 5). Links are places
 * that were checked when it was opened, so a graph of any content is walked within its arrays. */
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/pool.h"
#include "search/hnsw.h"
#include "search/vectors_impl.h"

enum {
    /* Nodes that are kept between the upper levels. HNSW keeps one, which with thousands of
     * clusters that have nothing in common too often ends in a wrong one. */
    UPPER_BEAM = 48,
    MOST_DEGREE = VECTORS_LINKS0
};

size_t vectors_level_bytes(size_t level, size_t n) {
    if (level == 0)
        return n * VECTORS_LINKS0 * sizeof(uint32_t);
    return 2 * vectors_round(n * sizeof(uint32_t)) + n * VECTORS_LINKS * sizeof(uint32_t);
}

bool vectors_graph_supported(void) {
    return hnsw_supported();
}

bool vectors_has_graph(const struct vectors *m) {
    return m->graph.levels > 0;
}

void vectors_graph_close(struct vectors_graph *g) {
    vectors_unmap(&g->bytes);
    *g = (struct vectors_graph){0};
}

/* ---- Opening ---- */

/* The levels' places, from their counts; their size. */
static size_t lay_out(const struct vectors_graph_header *h, const uint8_t *at,
                      struct vectors_graph *g) {
    size_t size = 0;
    g->levels = h->levels;
    for (size_t i = 0; i < h->levels; i++) {
        size_t n = h->n[i], rows = i ? vectors_round(n * sizeof(uint32_t)) : 0;
        const uint8_t *level = at + size;
        g->level[i] = (struct vectors_level){.n = n,
                                             .degree = i ? VECTORS_LINKS : VECTORS_LINKS0,
                                             .rows = i ? (const void *)level : NULL,
                                             .down = i ? (const void *)(level + rows) : NULL,
                                             .links = (const void *)(level + 2 * rows)};
        size += vectors_level_bytes(i, n);
    }
    return size;
}

static const char *fault_of_header(const struct vectors_graph_header *h, size_t size) {
    if (memcmp(h->magic, VECTORS_GRAPH_MAGIC, sizeof h->magic) != 0)
        return "is not a graph of vectors";
    if (h->order != VECTORS_ORDER)
        return "was written on a machine of another byte order";
    if (h->version != VECTORS_VERSION)
        return "is of another version of the format";
    if (h->file_size != size)
        return "has not the length that it says";
    if (h->levels == 0 || h->levels > VECTORS_LEVELS)
        return "has a damaged header";
    size_t levels = 0;
    for (size_t i = 0; i < VECTORS_LEVELS; i++) {
        if (i < h->levels ? h->n[i] == 0 || (i && h->n[i] > h->n[i - 1]) : h->n[i] != 0)
            return "has damaged levels";
        if (i < h->levels)
            levels += vectors_level_bytes(i, h->n[i]);
    }
    size_t pieces = (levels + VECTORS_PIECE - 1) / VECTORS_PIECE;
    if (size - VECTORS_PAGE != levels + pieces * sizeof(uint64_t))
        return "has not the length of its levels";
    return NULL;
}

/* Nodes [from, to) of a level: links are places of it, none after the first that is missing. */
static bool links_are_sound(const struct vectors_level *l, size_t from, size_t to) {
    for (size_t i = from; i < to; i++) {
        const uint32_t *links = l->links + i * l->degree;
        bool ended = false;
        for (size_t j = 0; j < l->degree; j++) {
            ended = ended || links[j] == VECTORS_NO_LINK;
            if (ended ? links[j] != VECTORS_NO_LINK : links[j] >= l->n)
                return false;
        }
    }
    return true;
}

/* A level's rows ascend, and each is in the level below where it says. */
static bool rows_are_sound(const struct vectors_level *l, const struct vectors_level *below,
                           size_t count) {
    for (size_t i = 0; i < l->n; i++) {
        if (l->rows[i] >= count || (i && l->rows[i] <= l->rows[i - 1]) || l->down[i] >= below->n)
            return false;
        if (l->rows[i] != (below->rows ? below->rows[l->down[i]] : l->down[i]))
            return false;
    }
    return true;
}

struct checking {
    const struct vectors_graph *g;
    const char *name;
    const uint8_t *at; /* the levels */
    size_t size, pieces;
    const uint64_t *sums;
};

enum { NODES = 1 << 16 }; /* of level 0 in one item */

static int check_items(void *user, struct pool_items *items, struct err *e) {
    const struct checking *c = user;
    for (int i; (i = pool_next(items)) >= 0;) {
        size_t at = (size_t)i;
        if (at < c->pieces) {
            size_t from = at * VECTORS_PIECE, left = c->size - from;
            size_t size = left < VECTORS_PIECE ? left : VECTORS_PIECE;
            if (hash_bulk(c->at + from, size, at) != c->sums[at])
                return err_set(e, PRECIS_ENOTFOUND, "%s: is damaged after byte %zu", c->name,
                               from + VECTORS_PAGE);
            continue;
        }
        size_t from = (at - c->pieces) * NODES, n = c->g->level[0].n;
        if (!links_are_sound(&c->g->level[0], from, n - from < NODES ? n : from + NODES))
            return err_set(e, PRECIS_ENOTFOUND, "%s: has damaged links", c->name);
    }
    return 0;
}

static int check(const struct vectors *m, const char *name, struct vectors_graph *g, int threads,
                 struct err *e) {
    const struct vectors_graph_header *h = (const void *)g->bytes.data;
    const char *fault = g->bytes.size < VECTORS_PAGE ? "is not a graph of vectors"
                                                     : fault_of_header(h, g->bytes.size);
    if (fault)
        return err_set(e, PRECIS_ENOTFOUND, "%s: %s", name, fault);
    struct checking c = {.g = g, .name = name, .at = g->bytes.data + VECTORS_PAGE};
    c.size = lay_out(h, c.at, g);
    c.pieces = (c.size + VECTORS_PIECE - 1) / VECTORS_PIECE;
    c.sums = (const void *)(c.at + c.size);
    if (vectors_sum_head(g->bytes.data, offsetof(struct vectors_graph_header, sum), c.sums,
                         c.pieces) != h->sum)
        return err_set(e, PRECIS_ENOTFOUND, "%s: has a damaged header", name);
    if (memcmp(h->generation, m->generation, sizeof m->generation) != 0 || h->matrix != m->sum ||
        h->n[0] != m->count)
        return err_set(e, PRECIS_ENOTFOUND, "%s: is the graph of another matrix", name);
    size_t items = c.pieces + (m->count + NODES - 1) / NODES;
    int rc = pool_run(c.size > (size_t)32 << 20 ? threads : 1, (int)items, check_items, &c, e);
    for (size_t i = 1; rc == 0 && i < g->levels; i++)
        if (!links_are_sound(&g->level[i], 0, g->level[i].n) ||
            !rows_are_sound(&g->level[i], &g->level[i - 1], m->count))
            rc = err_set(e, PRECIS_ENOTFOUND, "%s: has damaged levels", name);
    return rc;
}

static int open_bytes(struct vectors *m, const char *name, struct vectors_graph *g, int threads,
                      struct err *e) {
    int rc = check(m, name, g, threads, e);
    if (rc) {
        vectors_graph_close(g);
        return rc;
    }
    vectors_graph_close(&m->graph);
    m->graph = *g;
    return 0;
}

int vectors_graph_open(struct vectors *m, const char *path, struct err *e) {
    struct vectors_graph g = {0};
    int rc = vectors_map(path, &g.bytes, e);
    return rc ? rc : open_bytes(m, path, &g, pool_cores(), e);
}

int vectors_graph_open_memory(struct vectors *m, const char *name, const uint8_t *bytes,
                              size_t size, struct err *e) {
    struct vectors_graph g = {.bytes = {.data = bytes, .size = size}};
    return open_bytes(m, name, &g, 1, e);
}

/* ---- Walking ---- */

struct near {
    float score;
    uint32_t place;
    bool walked; /* its links were followed */
};

/* The nodes of a level that were seen: a table of places + 1, open addressing. */
struct seen {
    uint32_t *slots; /* owned, [mask + 1] */
    size_t n, mask;
};

struct walking {
    const struct vectors *m;
    const struct vectors_fixed *f;
    struct near *beam; /* [most] best first */
    size_t n, most;
    struct seen seen;
};

static size_t slot_of(const struct seen *s, uint32_t place) {
    size_t at = (size_t)(place * 0x9e3779b97f4a7c15u >> 32) & s->mask;
    while (s->slots[at] && s->slots[at] != place + 1)
        at = (at + 1) & s->mask;
    return at;
}

/* Twice as many slots, or the first ones. */
static int grow(struct seen *s, size_t slots, struct err *e) {
    struct seen to = {.slots = calloc(slots, sizeof *to.slots), .n = s->n, .mask = slots - 1};
    if (!to.slots)
        return err_nomem(e, "search");
    for (size_t i = 0; s->slots && i <= s->mask; i++)
        if (s->slots[i])
            to.slots[slot_of(&to, s->slots[i] - 1)] = s->slots[i];
    free(s->slots);
    *s = to;
    return 0;
}

/* Adds those of places [*n] that were not seen, and leaves only them. */
static int see(struct seen *s, uint32_t *places, size_t *n, struct err *e) {
    size_t fresh = 0;
    if ((s->n + *n) * 2 > s->mask) {
        int rc = grow(s, (s->mask + 1) * 2, e);
        if (rc)
            return rc;
    }
    for (size_t i = 0; i < *n; i++) {
        size_t at = slot_of(s, places[i]);
        if (s->slots[at])
            continue;
        s->slots[at] = places[i] + 1;
        places[fresh++] = places[i];
    }
    s->n += fresh;
    *n = fresh;
    return 0;
}

static uint32_t row_of(const struct vectors_level *l, uint32_t place) {
    return l->rows ? l->rows[place] : place;
}

/* The rows' bytes lie anywhere: all are asked for before the first is needed. */
static void score_places(const struct walking *w, const struct vectors_level *l,
                         const uint32_t *places, size_t n, float *scores) {
    const int8_t *rows[MOST_DEGREE] = {NULL};
    const float *scales[MOST_DEGREE];
    int32_t dots[MOST_DEGREE];
    for (size_t i = 0; i < n; i++) {
        uint32_t row = row_of(l, places[i]);
        rows[i] = vectors_high(w->m, row);
        scales[i] = vectors_scale(w->m, row);
        __builtin_prefetch(scales[i]);
        for (size_t b = 0; b < w->m->stride; b += 64)
            __builtin_prefetch(rows[i] + b);
    }
    w->m->kernel->dots(rows, n, &w->f->q, dots);
    for (size_t i = 0; i < n; i++)
        scores[i] = (float)dots[i] * *scales[i];
}

/* Where it was put in the beam; `most` when it is not among the best. Ties by place. */
static size_t insert(struct walking *w, float score, uint32_t place) {
    size_t at = w->n;
    if (at == w->most) {
        const struct near *last = &w->beam[at - 1];
        if (!(score > last->score || (score == last->score && place < last->place)))
            return w->most;
        at--;
    } else {
        w->n++;
    }
    for (; at; at--) {
        const struct near *before = &w->beam[at - 1];
        if (before->score > score || (before->score == score && before->place < place))
            break;
        w->beam[at] = *before;
    }
    w->beam[at] = (struct near){score, place, false};
    return at;
}

/* From the nodes that are in the beam, none of them walked, to the nearest of the level. */
static int walk_level(struct walking *w, const struct vectors_level *l, struct err *e) {
    for (size_t at = 0; at < w->n;) {
        uint32_t places[MOST_DEGREE];
        float scores[MOST_DEGREE];
        size_t n = 0, first = w->most;
        if (w->beam[at].walked) {
            at++;
            continue;
        }
        w->beam[at].walked = true;
        const uint32_t *links = l->links + (size_t)w->beam[at].place * l->degree;
        for (; n < l->degree && links[n] != VECTORS_NO_LINK; n++)
            places[n] = links[n];
        int rc = see(&w->seen, places, &n, e);
        if (rc)
            return rc;
        score_places(w, l, places, n, scores);
        for (size_t i = 0; i < n; i++) {
            size_t put = insert(w, scores[i], places[i]);
            first = put < first ? put : first;
        }
        if (first <= at)
            at = first;
    }
    return 0;
}

/* Makes places `places` [n] of a level the beam. */
static int begin(struct walking *w, const struct vectors_level *l, uint32_t *places, size_t n,
                 struct err *e) {
    memset(w->seen.slots, 0, (w->seen.mask + 1) * sizeof *w->seen.slots);
    w->seen.n = 0;
    w->n = 0;
    for (size_t from = 0; from < n; from += MOST_DEGREE) {
        float scores[MOST_DEGREE];
        size_t more = n - from < MOST_DEGREE ? n - from : MOST_DEGREE;
        int rc = see(&w->seen, places + from, &more, e);
        if (rc)
            return rc;
        score_places(w, l, places + from, more, scores);
        for (size_t i = 0; i < more; i++)
            insert(w, scores[i], places[from + i]);
    }
    return 0;
}

static int walk(struct walking *w, const struct vectors_graph *g, size_t most, struct err *e) {
    uint32_t from[UPPER_BEAM] = {0};
    size_t n = 1;
    int rc = 0;
    for (size_t i = g->levels; rc == 0 && i-- > 0;) {
        const struct vectors_level *l = &g->level[i];
        w->most = i ? UPPER_BEAM : most;
        rc = begin(w, l, from, n, e);
        if (rc == 0)
            rc = walk_level(w, l, e);
        n = i ? w->n : 0;
        for (size_t j = 0; j < n; j++)
            from[j] = l->down[w->beam[j].place];
    }
    return rc;
}

int vectors_graph_search(const struct vectors *m, const struct vectors_fixed *f, size_t most,
                         uint32_t *rows, size_t *n, struct err *e) {
    struct walking w = {.m = m, .f = f};
    size_t beam = most > UPPER_BEAM ? most : UPPER_BEAM, slots = 1024;
    while (slots < most * 32)
        slots *= 2;
    *n = 0;
    /* zeros, since clang-analyzer does not follow that the beam is written before it is read */
    w.beam = calloc(beam, sizeof *w.beam);
    int rc = w.beam ? grow(&w.seen, slots, e) : err_nomem(e, "search");
    if (rc == 0)
        rc = walk(&w, &m->graph, most, e);
    for (size_t i = 0; rc == 0 && i < w.n; i++)
        rows[(*n)++] = w.beam[i].place;
    free(w.beam);
    free(w.seen.slots);
    return rc;
}
