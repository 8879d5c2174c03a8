#include "search/hnsw.h"

#include <stdlib.h>
#include <sys/mman.h>

#include <new>

#include <hnswlib/hnswlib.h>

namespace {

class space : public hnswlib::SpaceInterface<float> {
  public:
    size_t size;
    hnsw_distance distance;
    const void *user;

    space(size_t size_, hnsw_distance distance_, const void *user_)
        : size(size_), distance(distance_), user(user_) {
    }
    size_t get_data_size() override {
        return size;
    }
    hnswlib::DISTFUNC<float> get_dist_func() override {
        return [](const void *a, const void *b, const void *self) {
            const space *s = static_cast<const space *>(self);
            return s->distance(s->user, a, b);
        };
    }
    void *get_dist_func_param() override {
        return this;
    }
};

constexpr size_t ALIGN = 64, HUGE_PAGE = 2 << 20;

constexpr size_t rounded(size_t n, size_t to) {
    return (n + to - 1) / to * to;
}

/* hnswlib's own constructor leaks what it has when memory runs out. This one leaves it to the
 * destructor of the base, which is whole by then. It also aligns data, and has the nodes in large
 * pages where the system gives them, for they are visited in no order. */
class graph : public hnswlib::HierarchicalNSW<float> {
  public:
    graph(space *s, size_t n, size_t degree, size_t width) : HierarchicalNSW(s) {
        cur_element_count = 0;
        data_level0_memory_ = nullptr;
        linkLists_ = nullptr;
        visited_list_pool_ = nullptr;
        max_elements_ = n;
        num_deleted_ = 0;
        data_size_ = s->get_data_size();
        fstdistfunc_ = s->get_dist_func();
        dist_func_param_ = s->get_dist_func_param();
        M_ = maxM_ = degree;
        maxM0_ = 2 * degree;
        ef_construction_ = width;
        ef_ = width;
        mult_ = 0; /* it chooses no levels: hnsw_add says them */
        revSize_ = 0;
        size_links_level0_ = maxM0_ * sizeof(hnswlib::tableint) + sizeof(hnswlib::linklistsizeint);
        /* One more link than there are: it reads the one after the last, to prefetch. */
        size_links_per_element_ =
            (maxM_ + 1) * sizeof(hnswlib::tableint) + sizeof(hnswlib::linklistsizeint);
        offsetLevel0_ = 0;
        label_offset_ = rounded(size_links_level0_ + sizeof(hnswlib::tableint), 8);
        offsetData_ = rounded(label_offset_ + sizeof(hnswlib::labeltype), ALIGN);
        size_data_per_element_ = rounded(offsetData_ + data_size_, ALIGN);
        enterpoint_node_ = static_cast<hnswlib::tableint>(-1);
        maxlevel_ = -1;
        std::vector<std::mutex>(n).swap(link_list_locks_);
        std::vector<std::mutex>(max_update_element_locks).swap(link_list_update_locks_);
        element_levels_.resize(n);
        label_lookup_.reserve(n);
        visited_list_pool_ = new hnswlib::VisitedListPool(1, static_cast<int>(n));
        size_t bytes = n * size_data_per_element_, page = bytes < HUGE_PAGE ? ALIGN : HUGE_PAGE;
        data_level0_memory_ = static_cast<char *>(aligned_alloc(page, rounded(bytes, page)));
        linkLists_ = static_cast<char **>(calloc(n, sizeof *linkLists_));
        if (!data_level0_memory_ || !linkLists_)
            throw std::bad_alloc();
        if (page == HUGE_PAGE) /* what it refuses costs time alone */
            (void)madvise(data_level0_memory_, rounded(bytes, page), MADV_HUGEPAGE);
    }
};

} // namespace

struct hnsw {
    space s;
    graph g;

    hnsw(size_t n, size_t size, size_t degree, size_t width, hnsw_distance distance,
         const void *user)
        : s(size, distance, user), g(&s, n, degree, width) {
    }
};

extern "C" {

bool hnsw_supported(void) {
    return true;
}

int hnsw_new(size_t n, size_t size, size_t degree, size_t width, hnsw_distance distance,
             const void *user, struct hnsw **out) {
    *out = nullptr;
    try {
        *out = new hnsw(n, size, degree, width, distance, user);
        return 0;
    } catch (...) {
        return PRECIS_ENOMEM;
    }
}

/* Of what it throws only want of memory can happen here: the rest is about misuse. */
int hnsw_add(struct hnsw *h, uint32_t node, const void *data, int level) {
    try {
        h->g.addPoint(data, node, level);
        return 0;
    } catch (...) {
        return PRECIS_ENOMEM;
    }
}

size_t hnsw_links(const struct hnsw *h, uint32_t node, int level, uint32_t *links) {
    const graph &g = h->g;
    auto found = g.label_lookup_.find(node);
    if (found == g.label_lookup_.end() || level > g.element_levels_[found->second])
        return 0;
    hnswlib::linklistsizeint *list = g.get_linklist_at_level(found->second, level);
    size_t n = g.getListCount(list);
    for (size_t i = 0; i < n; i++)
        links[i] = static_cast<uint32_t>(g.getExternalLabel(list[1 + i]));
    return n;
}

void hnsw_free(struct hnsw *h) {
    delete h;
}

} // extern "C"
