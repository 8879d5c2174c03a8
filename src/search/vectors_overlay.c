#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "search/vectors_impl.h"

int vectors_overlay_new(const struct vectors *m, size_t width, struct vectors_overlay **out,
                        struct err *e) {
    enum isa isa;
    *out = NULL;
    width = m ? m->width : width;
    if (width == 0 || width > VECTORS_MOST_WIDTH)
        return err_set(e, PRECIS_EUSAGE, "vectors of %zu numbers: must be 1 .. %d", width,
                       VECTORS_MOST_WIDTH);
    int rc = isa_detect(&isa, e);
    if (rc)
        return rc;
    struct vectors_overlay *o = calloc(1, sizeof *o);
    if (!o)
        return err_nomem(e, "changed vectors");
    *o = (struct vectors_overlay){
        .m = m, .kernel = nearest_kernel(isa), .width = width, .stride = nearest_stride(width)};
    o->unit = malloc(width * sizeof *o->unit);
    if (m && m->count)
        o->hidden = calloc((m->count + 63) / 64, sizeof *o->hidden);
    if (!o->unit || (m && m->count && !o->hidden)) {
        vectors_overlay_free(o);
        return err_nomem(e, "changed vectors");
    }
    *out = o;
    return 0;
}

void vectors_overlay_free(struct vectors_overlay *o) {
    if (!o)
        return;
    for (size_t i = 0; i < o->n_blocks; i++)
        free(o->blocks[i]);
    free(o->blocks);
    free(o->places);
    free(o->spare);
    free(o->hidden);
    free(o->unit);
    free(o);
}

/* Where the id is, or would be. */
static size_t place_of(const struct vectors_overlay *o, int64_t id, bool *there) {
    size_t low = 0, high = o->n;
    while (low < high) {
        size_t at = low + (high - low) / 2;
        if (o->places[at].id < id)
            low = at + 1;
        else
            high = at;
    }
    *there = low < o->n && o->places[low].id == id;
    return low;
}

static void hide(struct vectors_overlay *o, int64_t id) {
    size_t row;
    if (o->m && vectors_find(o->m, id, &row))
        o->hidden[row / 64] |= (uint64_t)1 << row % 64;
}

/* Room for a row more; what was made stays when it fails. */
static bool reserve(struct vectors_overlay *o) {
    if (!array_grow((void **)&o->places, o->n, &o->cap, sizeof *o->places) ||
        !array_grow((void **)&o->spare, o->n_spare, &o->cap_spare, sizeof *o->spare))
        return false;
    if (o->n_spare || o->slots < o->n_blocks * VECTORS_BLOCK)
        return true;
    if (!array_grow((void **)&o->blocks, o->n_blocks, &o->cap_blocks, sizeof *o->blocks))
        return false;
    size_t size = vectors_block_bytes(VECTORS_BLOCK, o->stride);
    uint8_t *block = aligned_alloc(VECTORS_ALIGN, size);
    if (block)
        o->blocks[o->n_blocks++] = memset(block, 0, size);
    return block != NULL;
}

static bool write_row(struct vectors_overlay *o, size_t slot, int64_t id, const float *v) {
    struct vectors_block b;
    vectors_block_view(o->blocks[slot / VECTORS_BLOCK], VECTORS_BLOCK, o->stride, &b);
    if (!vectors_fix_row(v, o->width, o->unit, &b, slot % VECTORS_BLOCK))
        return false;
    b.ids[slot % VECTORS_BLOCK] = id;
    return true;
}

int vectors_overlay_put(struct vectors_overlay *o, int64_t id, const float *v, struct err *e) {
    bool there;
    size_t at = place_of(o, id, &there);
    if (!there && !reserve(o))
        return err_nomem(e, "changed vectors");
    size_t slot = there ? o->places[at].slot : o->n_spare ? o->spare[o->n_spare - 1] : o->slots;
    if (!write_row(o, slot, id, v))
        return err_set(e, PRECIS_EINPUT, "the vector of id %lld has values that are not finite",
                       (long long)id);
    hide(o, id);
    if (there)
        return 0;
    if (o->n_spare)
        o->n_spare--;
    else
        o->slots++;
    memmove(o->places + at + 1, o->places + at, (o->n - at) * sizeof *o->places);
    o->places[at] = (struct overlay_place){id, slot};
    o->n++;
    return 0;
}

int vectors_overlay_remove(struct vectors_overlay *o, int64_t id, struct err *e) {
    bool there;
    size_t at = place_of(o, id, &there);
    if (there && !array_grow((void **)&o->spare, o->n_spare, &o->cap_spare, sizeof *o->spare))
        return err_nomem(e, "changed vectors");
    hide(o, id);
    if (!there)
        return 0;
    o->spare[o->n_spare++] = o->places[at].slot;
    o->n--;
    memmove(o->places + at, o->places + at + 1, (o->n - at) * sizeof *o->places);
    return 0;
}
