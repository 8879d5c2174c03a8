#include "model/rope.h"

#include <math.h>

void rope_plain(struct rope *r) {
    for (int far = 0; far < 2; far++) {
        for (unsigned i = 0; i < r->dims / 2; i++)
            r->frequencies[far][i] = 1.0f / powf(r->base, (float)(2 * i) / (float)r->dims);
        r->scale[far] = 1;
    }
    r->original = 0;
}
