/* JSON Lines of examples, from anyone: what is taken is text that a prompt may hold, and can be
 * ranked. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/utf8.h"
#include "summary/examples.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const struct example *x) {
    const char *lines[] = {x->repo, x->path, x->language, x->symbol, x->sentence};
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
        if (!utf8_valid(lines[i], strlen(lines[i])))
            abort();
        for (const char *s = lines[i]; *s; s++)
            if ((uint8_t)*s < 0x20 || *s == 0x7f)
                abort();
    }
    if (!*x->path || !*x->sentence || strlen(x->code) > EXAMPLES_MOST_CODE ||
        strlen(x->sentence) > EXAMPLES_MOST_SENTENCE)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct examples *x;
    struct examples_hit hits[3];
    struct err e;
    size_t n;
    if (examples_new(4, &x, &e) != 0)
        return 0;
    int rc = examples_parse(x, "fuzz", (const char *)data, size, &e);
    if (rc != 0 && rc != PRECIS_EINPUT)
        abort();
    if (examples_prepare(x, NULL, NULL, &e) != 0)
        abort();
    for (size_t i = 0; i < examples_count(x); i++) {
        const struct example *one = examples_get(x, i);
        check(one);
        struct examples_query q = {.path = "", .symbol = one->symbol, .code = one->code};
        if (examples_nearest(x, &q, 3, hits, &n, &e) != 0 || n > 3)
            abort();
        for (size_t k = 0; k < n; k++)
            if (hits[k].index >= examples_count(x))
                abort();
    }
    examples_free(x);
    return 0;
}
