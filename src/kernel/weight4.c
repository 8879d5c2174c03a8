/* Linear layers in int8 that are kept in 4 bits: packing, and products that make the int8 weights
 * as they go. */
#include <float.h>
#include <math.h>
#include <string.h>

#include "kernel/kernel.h"
#include "kernel/vector.h"

enum { PANEL = 16, FOUR = 4, PAIR = 8, GROUP = WEIGHT4_GROUP, AT_ONCE = 4 * PANEL };

static size_t padded(size_t n, size_t to) {
    return (n + to - 1) / to * to;
}

struct layout {
    size_t panel, step_panel;        /* bytes of a panel's fours and steps */
    size_t steps, sum, scale, bytes; /* offsets */
};

static struct layout layout_of(int n, int k) {
    size_t outputs = padded((size_t)n, PANEL);
    struct layout l = {.panel = padded((size_t)k, PAIR) / 2 * PANEL,
                       .step_panel = padded((size_t)k, GROUP) / GROUP * PANEL};
    l.steps = outputs / PANEL * l.panel;
    l.sum = padded(l.steps + outputs / PANEL * l.step_panel, 64);
    l.scale = padded(l.sum + outputs * sizeof(int32_t), 64);
    l.bytes = padded(l.scale + outputs * sizeof(float), 64);
    return l;
}

size_t weight4_bytes(int n, int k) {
    return layout_of(n, k).bytes;
}

void weight4_view(const void *packed, int n, int k, struct weight8 *out) {
    const char *base = packed;
    struct layout l = layout_of(n, k);
    *out = (struct weight8){.n = n,
                            .k = k,
                            .fours = packed,
                            .steps = (const void *)(base + l.steps),
                            .sum = (const void *)(base + l.sum),
                            .scale = (const void *)(base + l.scale)};
}

static inline float nearest(float x) {
    return x + 12582912.0f - 12582912.0f; /* 1.5 * 2^23 */
}

static inline float clamped(float x, float low, float high) {
    x = x < low ? low : x;
    return x > high ? high : x;
}

struct grid {
    int step, zero;
};

/* Weights in units of the output's scale -> the grid's. */
static inline float on_grid(float v, struct grid g, float inverse) {
    return clamped(nearest(v * inverse), (float)-g.zero, (float)(15 - g.zero));
}

static float squared_error(const float v[GROUP], struct grid g) {
    float sums[FOUR] = {0}, inverse = 1.0f / (float)g.step;
    for (int i = 0; i < GROUP; i += FOUR)
        for (int j = 0; j < FOUR; j++) {
            float d = v[i + j] - on_grid(v[i + j], g, inverse) * (float)g.step;
            sums[j] += d * d;
        }
    return sums[0] + sums[1] + sums[2] + sums[3];
}

/* The grid with the least squared error among steps that clip a little and those that clip
 * nothing, each about the middle of the values. */
static struct grid choose_grid(const float v[GROUP]) {
    float low = 0, high = 0, least = FLT_MAX;
    for (int i = 0; i < GROUP; i++) {
        low = v[i] < low ? v[i] : low;
        high = v[i] > high ? v[i] : high;
    }
    float whole = (high - low) / 15.0f;
    int from = (int)(0.75f * whole), to = (int)whole + 1;
    struct grid best = {1, 8};
    for (int m = from < 1 ? 1 : from; m <= to && m <= 15; m++) {
        float middle = 7.5f - (high + low) / (float)(2 * m);
        int first = (int)floorf(middle);
        for (int z = first; z <= first + 1; z++) {
            struct grid g = {m, z < 0 ? 0 : z > 15 ? 15 : z};
            if (g.zero * m > 128 || (15 - g.zero) * m > 127)
                continue;
            float error = squared_error(v, g);
            if (error < least) {
                least = error;
                best = g;
            }
        }
    }
    return best;
}

struct place {
    uint8_t *fours, *steps; /* of the output within its panel */
    int32_t *sum;
    float *scale;
};

static struct place place_of(char *base, const struct layout *l, int j) {
    size_t panel = (size_t)(j / PANEL), column = (size_t)(j % PANEL);
    return (struct place){(uint8_t *)base + panel * l->panel + column * FOUR,
                          (uint8_t *)base + l->steps + panel * l->step_panel + column,
                          (int32_t *)(void *)(base + l->sum) + j,
                          (float *)(void *)(base + l->scale) + j};
}

/* Weights past k are the zero of their group. What is not finite becomes the scale and shows in the
 * output. */
static void pack_output(const float *w, int k, int padded_k, struct place to) {
    float most = largest_of(w, k), scale = most / 120.0f;
    bool usable = most <= FLT_MAX && scale > 0;
    int32_t total = 0;
    for (int first = 0; first < padded_k; first += GROUP) {
        float v[GROUP] = {0};
        for (int i = 0; usable && i < GROUP && first + i < k; i++)
            v[i] = w[first + i] / scale;
        struct grid g = choose_grid(v);
        uint8_t four[GROUP];
        for (int i = 0; i < GROUP; i++) {
            int steps = (int)on_grid(v[i], g, 1.0f / (float)g.step);
            four[i] = (uint8_t)(steps + g.zero);
            total += steps * g.step;
        }
        to.steps[first / GROUP * PANEL] = (uint8_t)(g.step + 16 * g.zero);
        for (int i = 0; i < GROUP && first + i < padded_k; i += PAIR)
            for (int f = 0; f < FOUR; f++)
                to.fours[(first + i) / PAIR * PANEL * FOUR + f] =
                    (uint8_t)(four[i + f] | four[i + FOUR + f] << 4);
    }
    *to.sum = -128 * total;
    *to.scale = scale;
}

void weight4_pack(const float *w, int first, int count, int n, int k, void *packed) {
    struct layout l = layout_of(n, k);
    int end = first + count == n ? (int)padded((size_t)n, PANEL) : first + count;
    for (int j = first; j < end; j++) {
        bool beyond = j >= first + count;
        pack_output(beyond ? NULL : w + (size_t)(j - first) * (size_t)k, beyond ? 0 : k,
                    (int)padded((size_t)k, PAIR), place_of(packed, &l, j));
    }
}

size_t weight4_scratch(int k) {
    return padded((size_t)k, FOUR) * AT_ONCE;
}

void product8_run(const struct kernel8 *k, const struct product8 *p) {
    const struct weight8 *w = p->w;
    if (!w->fours) {
        k->product(p);
        return;
    }
    size_t panel = padded((size_t)w->k, FOUR) * PANEL;
    for (int c = p->from; c < p->to; c += AT_ONCE) {
        int n = p->to - c < AT_ONCE ? p->to - c : AT_ONCE;
        struct weight8 few = {
            .n = n, .k = w->k, .panels = p->scratch, .scale = w->scale + c, .sum = w->sum + c};
        struct product8 part = *p;
        part.w = &few;
        part.from = 0;
        part.to = n;
        part.y += p->into == PRODUCT8_SWIGLU ? c / 2 : c;
        for (int j = 0; j < n; j += PANEL)
            k->unpack4(w, c + j, p->scratch + (size_t)(j / PANEL) * panel);
        k->product(&part);
    }
}
