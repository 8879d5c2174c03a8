/* The first line is a path, the rest an ignore file. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "code/glob.h"
#include "code/ignore.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    const uint8_t *newline = size ? memchr(data, '\n', size) : NULL;
    size_t len = newline ? (size_t)(newline - data) : size;
    size_t rest = newline ? len + 1 : len;
    char *path = malloc(len + 1);
    if (!path)
        return 0;
    if (len)
        memcpy(path, data, len);
    path[len] = 0;
    struct ignore *ig = NULL;
    if (ignore_parse((const char *)data + rest, size - rest, &ig, NULL) == 0) {
        enum ignore_verdict file = ignore_match(ig, path, false);
        enum ignore_verdict folder = ignore_match(ig, path, true);
        /* Every pattern that matches a file matches a folder of that name. */
        if (file != IGNORE_NONE && folder == IGNORE_NONE)
            abort();
    }
    ignore_free(ig);
    const char *list[] = {path, NULL};
    if (ignore_from_list(list, &ig, NULL) == 0) {
        if (path[0] && strpbrk(path, "*?[\\!/") == NULL &&
            ignore_match(ig, path, false) != IGNORE_YES)
            abort();
        ignore_free(ig);
    }
    glob_match((const char *)data + rest, size - rest, (const char *)data, len);
    free(path);
    return 0;
}
