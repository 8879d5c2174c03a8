/* Code and sentences are foreign bytes: whatever they hold, what is said of them is in its bounds,
 * the same each time, and fit to be shown. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/utf8.h"
#include "summary/ground.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The first line is the sentence, what follows is the code. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    const char *text = (const char *)data;
    const char *end = size ? memchr(text, '\n', size) : NULL;
    size_t len = end ? (size_t)(end - text) : size;
    struct ground_source source = {
        .text = text + len, .len = size - len, .path = "src/queue.c", .context = "calls: lock"};
    struct ground_words w;
    struct grounding one, two;
    struct err e;
    if (ground_open(&w, &source, &e))
        abort();
    ground_check(&w, text, len, &one);
    ground_check(&w, text, len, &two);
    bool same = one.grounded == two.grounded && one.identifiers == two.identifiers &&
                one.numbers == two.numbers && strcmp(one.first, two.first) == 0;
    unsigned invented = one.invented_identifiers + one.invented_numbers;
    if (!same || one.grounded != (invented == 0) || one.grounded != (*one.first == 0) ||
        one.invented_identifiers > one.identifiers || one.invented_numbers > one.numbers ||
        !(one.overlap >= 0 && one.overlap <= 1) || !utf8_valid(one.first, strlen(one.first)))
        abort();
    for (const char *p = one.first; *p; p++)
        if ((unsigned char)*p <= ' ')
            abort();
    ground_close(&w);
    return 0;
}
