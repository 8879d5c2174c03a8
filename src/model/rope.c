#include "model/rope.h"

#include <math.h>

static const double pi = 3.14159265358979323846;

void rope_plain(struct rope *r) {
    for (int far = 0; far < 2; far++) {
        for (unsigned i = 0; i < r->dims / 2; i++)
            r->frequencies[far][i] = 1.0f / powf(r->base, (float)(2 * i) / (float)r->dims);
        r->scale[far] = 1;
    }
    r->original = 0;
}

void rope_linear(struct rope *r, double factor) {
    rope_plain(r);
    for (unsigned i = 0; i < r->dims / 2; i++)
        r->frequencies[0][i] = r->frequencies[1][i] = r->frequencies[0][i] / (float)factor;
}

void rope_llama3(struct rope *r, double factor, double low, double high, double original) {
    const float longest = (float)(original / low), shortest = (float)(original / high);
    rope_plain(r);
    for (unsigned i = 0; i < r->dims / 2; i++) {
        const float f = r->frequencies[0][i], wave = (float)(2 * pi) / f;
        float scaled = wave > longest ? f / (float)factor : f;
        if (wave >= shortest && wave <= longest) {
            const float smooth = ((float)original / wave - (float)low) / (float)(high - low);
            scaled = (1 - smooth) * f / (float)factor + smooth * f;
        }
        r->frequencies[0][i] = r->frequencies[1][i] = scaled;
    }
}

/* The pair, as a real number, that makes `turns` turns within `original` positions. */
static double yarn_pair(const struct rope *r, double turns, double original) {
    const double base = (double)r->base;
    return r->dims * log(original / (turns * 2 * pi)) / (2 * log(base));
}

void rope_yarn(struct rope *r, const struct rope_yarn *y) {
    double low = yarn_pair(r, y->fast, y->original), high = yarn_pair(r, y->slow, y->original);
    if (y->truncate) {
        low = floor(low);
        high = ceil(high);
    }
    low = fmax(low, 0);
    high = fmin(high, (double)r->dims - 1);
    if (low == high)
        high += 0.001;
    rope_plain(r);
    for (unsigned i = 0; i < r->dims / 2; i++) {
        const float power = powf(r->base, (float)(2 * i) / (float)r->dims);
        const float ramp = ((float)i - (float)low) / (float)(high - low);
        const float keep = 1 - fminf(fmaxf(ramp, 0), 1);
        r->frequencies[0][i] = r->frequencies[1][i] =
            1.0f / ((float)y->factor * power) * (1 - keep) + 1.0f / power * keep;
    }
    r->scale[0] = r->scale[1] = (float)y->scale;
}

void rope_divide(struct rope *r, int row, const float *factors) {
    for (unsigned i = 0; i < r->dims / 2; i++)
        r->frequencies[row][i] =
            1.0f / (factors[i] * powf(r->base, (float)(2 * i) / (float)r->dims));
}
