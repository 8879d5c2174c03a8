/* In place of hnsw.cc where the header of hnswlib was missing when precis was built. */
#include "search/hnsw.h"

bool hnsw_supported(void) {
    return false;
}

int hnsw_new(size_t n, size_t size, size_t degree, size_t width, hnsw_distance distance,
             const void *user, struct hnsw **out) {
    (void)n, (void)size, (void)degree, (void)width, (void)distance, (void)user;
    *out = NULL;
    return PRECIS_EUNSUPPORTED;
}

int hnsw_add(struct hnsw *h, uint32_t node, const void *data, int level) {
    (void)h, (void)node, (void)data, (void)level;
    return PRECIS_EUNSUPPORTED;
}

size_t hnsw_links(const struct hnsw *h, uint32_t node, int level, uint32_t *links) {
    (void)h, (void)node, (void)level, (void)links;
    return 0;
}

void hnsw_free(struct hnsw *h) {
    (void)h;
}
