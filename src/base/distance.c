#include "base/distance.h"

#include <string.h>

size_t distance_between(const char *a, const char *b) {
    size_t row[DISTANCE_FAR + 1], n = strlen(a), m = strlen(b);
    if (n > DISTANCE_FAR || m > DISTANCE_FAR)
        return DISTANCE_FAR;
    for (size_t j = 0; j <= m; j++)
        row[j] = j;
    for (size_t i = 1; i <= n; i++) {
        size_t diagonal = row[0];
        row[0] = i;
        for (size_t j = 1; j <= m; j++) {
            size_t up = row[j], best = diagonal + (a[i - 1] != b[j - 1]);
            if (up + 1 < best)
                best = up + 1;
            if (row[j - 1] + 1 < best)
                best = row[j - 1] + 1;
            diagonal = up;
            row[j] = best;
        }
    }
    return row[m];
}
