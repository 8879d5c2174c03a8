#include "summary/candidates.h"

struct sampling candidates_sampling(const struct sampling *base) {
    struct sampling s = *base;
    s.strategy = SAMPLE_TEMPERATURE;
    s.temperature = CANDIDATES_TEMPERATURE;
    s.top_k = CANDIDATES_TOP;
    s.top_p = 0;
    return s;
}
