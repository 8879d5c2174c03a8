#include "engine/parts.h"

#include <stdlib.h>
#include <string.h>

static void **part_at(void *workspace, const struct part *p) {
    return (void **)(void *)((char *)workspace + p->offset);
}

size_t parts_bytes(const struct part *parts, int n) {
    size_t bytes = 0;
    for (int i = 0; i < n; i++)
        bytes += parts[i].bytes;
    return bytes;
}

int parts_new(const struct part *parts, int n, void *workspace, struct err *e) {
    for (int i = 0; i < n; i++) {
        size_t bytes = (parts[i].bytes + 63) & ~(size_t)63;
        if (bytes == 0)
            continue;
        void *p = aligned_alloc(64, bytes);
        if (!p)
            return err_nomem(e, "workspace");
        *part_at(workspace, &parts[i]) = memset(p, 0, bytes);
    }
    return 0;
}

void parts_free(const struct part *parts, int n, void *workspace) {
    for (int i = 0; i < n; i++)
        free(*part_at(workspace, &parts[i]));
}
