#include "kernel/matmul.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include <dnnl.h>

/* libgomp's, which oneDNN runs on (OpenMP 5.0, 3.2.1). GCC's omp.h is not seen by other compilers.
 */
void omp_set_num_threads(int threads);

/* oneDNN makes a kernel for each number of rows (milliseconds each), so rows are padded to these.
 */
static const int row_buckets[] = {1, 2, 4, 8, 16, 32, 48, 64, 80, 96, 112, 128};
enum { BUCKETS = sizeof row_buckets / sizeof row_buckets[0], OUT_TYPES = 2 };

struct primitive {
    dnnl_primitive_t handle;
    dnnl_memory_desc_t src, dst, scratch;
    size_t scratch_size;
};

/* The primitives of one weight shape. Made when first needed, then never changed. */
struct shape {
    struct shape *next;
    int n, k;
    enum dtype type;
    dnnl_memory_desc_t packed; /* the layout that every primitive of the shape takes */
    _Atomic(struct primitive *) primitives[BUCKETS][OUT_TYPES];
};

struct matmul {
    struct kernel kernel;
    dnnl_engine_t engine; /* NULL: own product */
    pthread_mutex_t lock; /* over shapes and the making of primitives */
    struct shape *shapes;
};

struct matmul_lane {
    struct matmul *mm;
    dnnl_stream_t stream;
    void *scratch;
    size_t scratch_size;
};

struct weight {
    struct matmul *mm;
    int n, k;
    enum dtype type;
    struct shape *shape; /* NULL: own product */
    void *data;
    size_t bytes;
};

static int bucket_of(int m) {
    int b = 0;
    while (row_buckets[b] < m)
        b++;
    return b;
}

int matmul_padded(int m) {
    return row_buckets[bucket_of(m)];
}

static int dnnl_err(dnnl_status_t status, const char *what, struct err *e) {
    if (status == dnnl_out_of_memory)
        return err_nomem(e, what);
    return err_set(e, PRECIS_EUNSUPPORTED, "oneDNN: %s failed with status %d", what, (int)status);
}

int matmul_new(const struct kernel *kernel, struct matmul **out, struct err *e) {
    struct matmul *mm = calloc(1, sizeof *mm);
    *out = mm;
    if (!mm)
        return err_nomem(e, "matrix products");
    mm->kernel = *kernel;
    pthread_mutex_init(&mm->lock, NULL);
    if (kernel->isa < ISA_AVX512)
        return 0;
    dnnl_status_t status = dnnl_engine_create(&mm->engine, dnnl_cpu, 0);
    if (status == dnnl_success)
        return 0;
    matmul_free(mm);
    *out = NULL;
    return dnnl_err(status, "creating its engine", e);
}

static void primitive_free(struct primitive *p) {
    if (p && p->handle)
        dnnl_primitive_destroy(p->handle);
    free(p);
}

void matmul_free(struct matmul *mm) {
    if (!mm)
        return;
    for (struct shape *s = mm->shapes, *next; s; s = next) {
        next = s->next;
        for (int i = 0; i < BUCKETS * OUT_TYPES; i++)
            primitive_free(s->primitives[i / OUT_TYPES][i % OUT_TYPES]);
        free(s);
    }
    if (mm->engine)
        dnnl_engine_destroy(mm->engine);
    pthread_mutex_destroy(&mm->lock);
    free(mm);
}

int matmul_lane_new(struct matmul *mm, struct matmul_lane **out, struct err *e) {
    omp_set_num_threads(1);
    struct matmul_lane *lane = calloc(1, sizeof *lane);
    *out = lane;
    if (!lane)
        return err_nomem(e, "lane");
    lane->mm = mm;
    if (!mm->engine)
        return 0;
    dnnl_status_t status = dnnl_stream_create(&lane->stream, mm->engine, dnnl_stream_default_flags);
    if (status == dnnl_success)
        return 0;
    matmul_lane_free(lane);
    *out = NULL;
    return dnnl_err(status, "creating a stream", e);
}

void matmul_lane_free(struct matmul_lane *lane) {
    if (!lane)
        return;
    if (lane->stream)
        dnnl_stream_destroy(lane->stream);
    free(lane->scratch);
    free(lane);
}

static dnnl_data_type_t dnnl_type(enum dtype t) {
    return t == DTYPE_F32 ? dnnl_f32 : dnnl_bf16;
}

/* Describes [m, k] x [k, n] -> [m, n]; packed NULL lets oneDNN choose the weights' layout. */
static dnnl_status_t describe(struct matmul *mm, const struct shape *s, int m, enum dtype out,
                              const dnnl_memory_desc_t *packed, dnnl_primitive_desc_t *pd) {
    dnnl_dims_t src = {m, s->k}, wei = {s->k, s->n}, dst = {m, s->n};
    dnnl_memory_desc_t src_md, wei_md, dst_md;
    dnnl_memory_desc_init_by_tag(&src_md, 2, src, dnnl_type(s->type), dnnl_ab);
    dnnl_memory_desc_init_by_tag(&wei_md, 2, wei, dnnl_type(s->type), dnnl_format_tag_any);
    dnnl_memory_desc_init_by_tag(&dst_md, 2, dst, dnnl_type(out), dnnl_ab);
    dnnl_matmul_desc_t desc;
    dnnl_status_t status =
        dnnl_matmul_desc_init(&desc, &src_md, packed ? packed : &wei_md, NULL, &dst_md);
    if (status != dnnl_success)
        return status;
    dnnl_primitive_attr_t attr;
    if ((status = dnnl_primitive_attr_create(&attr)) != dnnl_success)
        return status;
    status = dnnl_primitive_attr_set_scratchpad_mode(attr, dnnl_scratchpad_mode_user);
    if (status == dnnl_success)
        status = dnnl_primitive_desc_create(pd, &desc, attr, mm->engine, NULL);
    dnnl_primitive_attr_destroy(attr);
    return status;
}

static int primitive_make(struct matmul *mm, struct shape *s, int m, enum dtype out,
                          struct primitive **made, struct err *e) {
    dnnl_primitive_desc_t pd;
    dnnl_status_t status = describe(mm, s, m, out, &s->packed, &pd);
    if (status != dnnl_success)
        return dnnl_err(status, "describing a matrix product", e);
    int rc = 0;
    const char *impl = "";
    struct primitive *p = calloc(1, sizeof *p);
    if (!p) {
        rc = err_nomem(e, "matrix product");
        goto done;
    }
    dnnl_primitive_desc_query(pd, dnnl_query_impl_info_str, 0, &impl);
    if (strncmp(impl, "ref", 3) == 0) {
        rc = err_set(e, PRECIS_EUNSUPPORTED,
                     "oneDNN has only its reference product for %d x %d x %d", m, s->k, s->n);
        goto done;
    }
    p->src = *dnnl_primitive_desc_query_md(pd, dnnl_query_src_md, 0);
    p->dst = *dnnl_primitive_desc_query_md(pd, dnnl_query_dst_md, 0);
    p->scratch = *dnnl_primitive_desc_query_md(pd, dnnl_query_scratchpad_md, 0);
    p->scratch_size = dnnl_memory_desc_get_size(&p->scratch);
    if ((status = dnnl_primitive_create(&p->handle, pd)) != dnnl_success)
        rc = dnnl_err(status, "making a matrix product", e);
done:
    dnnl_primitive_desc_destroy(pd);
    if (rc) {
        primitive_free(p);
        p = NULL;
    }
    *made = p;
    return rc;
}

static int primitive_get(struct matmul *mm, struct shape *s, int bucket, enum dtype out,
                         struct primitive **p, struct err *e) {
    *p = atomic_load_explicit(&s->primitives[bucket][out], memory_order_acquire);
    if (*p)
        return 0;
    int rc = 0;
    pthread_mutex_lock(&mm->lock);
    *p = atomic_load_explicit(&s->primitives[bucket][out], memory_order_relaxed);
    if (!*p && (rc = primitive_make(mm, s, row_buckets[bucket], out, p, e)) == 0)
        atomic_store_explicit(&s->primitives[bucket][out], *p, memory_order_release);
    pthread_mutex_unlock(&mm->lock);
    return rc;
}

/* Finds or makes the shape; the layout is the one oneDNN chooses for a full block of rows. */
static int shape_get(struct matmul *mm, int n, int k, enum dtype type, struct shape **out,
                     struct err *e) {
    int rc = 0;
    pthread_mutex_lock(&mm->lock);
    struct shape *s = mm->shapes;
    while (s && !(s->n == n && s->k == k && s->type == type))
        s = s->next;
    if (!s && !(s = calloc(1, sizeof *s)))
        rc = err_nomem(e, "weight shape");
    if (s && !s->n) {
        *s = (struct shape){.n = n, .k = k, .type = type};
        dnnl_primitive_desc_t pd;
        dnnl_status_t status = describe(mm, s, MATMUL_ROWS, DTYPE_F32, NULL, &pd);
        if (status == dnnl_success) {
            s->packed = *dnnl_primitive_desc_query_md(pd, dnnl_query_weights_md, 0);
            dnnl_primitive_desc_destroy(pd);
            s->next = mm->shapes;
            mm->shapes = s;
        } else {
            rc = dnnl_err(status, "describing weights", e);
            free(s);
            s = NULL;
        }
    }
    pthread_mutex_unlock(&mm->lock);
    *out = s;
    return rc;
}

static int run_reorder(struct matmul_lane *lane, const float *w, struct weight *out,
                       struct err *e) {
    struct matmul *mm = lane->mm;
    dnnl_dims_t dims = {out->k, out->n};
    dnnl_memory_desc_t plain;
    dnnl_memory_t from = NULL, to = NULL;
    dnnl_primitive_desc_t pd = NULL;
    dnnl_primitive_t reorder = NULL;
    dnnl_status_t s = dnnl_memory_desc_init_by_tag(&plain, 2, dims, dnnl_f32, dnnl_ba);
    if (s == dnnl_success)
        s = dnnl_memory_create(&from, &plain, mm->engine, (void *)(uintptr_t)w);
    if (s == dnnl_success)
        s = dnnl_memory_create(&to, &out->shape->packed, mm->engine, out->data);
    if (s == dnnl_success)
        s = dnnl_reorder_primitive_desc_create(&pd, &plain, mm->engine, &out->shape->packed,
                                               mm->engine, NULL);
    if (s == dnnl_success)
        s = dnnl_primitive_create(&reorder, pd);
    if (s == dnnl_success) {
        dnnl_exec_arg_t args[] = {{DNNL_ARG_FROM, from}, {DNNL_ARG_TO, to}};
        s = dnnl_primitive_execute(reorder, lane->stream, 2, args);
    }
    if (s == dnnl_success)
        s = dnnl_stream_wait(lane->stream);
    if (reorder)
        dnnl_primitive_destroy(reorder);
    if (pd)
        dnnl_primitive_desc_destroy(pd);
    if (to)
        dnnl_memory_destroy(to);
    if (from)
        dnnl_memory_destroy(from);
    return s == dnnl_success ? 0 : dnnl_err(s, "packing weights", e);
}

int weight_pack(struct matmul_lane *lane, const float *w, int n, int k, enum dtype type,
                struct weight **out, struct err *e) {
    struct matmul *mm = lane->mm;
    *out = NULL;
    struct weight *p = calloc(1, sizeof *p);
    if (!p)
        return err_nomem(e, "weights");
    *p = (struct weight){.mm = mm, .n = n, .k = k, .type = type};
    int rc = mm->engine ? shape_get(mm, n, k, type, &p->shape, e) : 0;
    if (rc == 0) {
        p->bytes = p->shape ? dnnl_memory_desc_get_size(&p->shape->packed) : pack_f32_size(n, k);
        p->data = aligned_alloc(64, (p->bytes + 63) & ~(size_t)63);
        if (!p->data)
            rc = err_nomem(e, "weights");
        else if (p->shape)
            rc = run_reorder(lane, w, p, e);
        else
            pack_f32(w, n, k, p->data);
    }
    if (rc) {
        weight_free(p);
        return rc;
    }
    *out = p;
    return 0;
}

void weight_free(struct weight *w) {
    if (!w)
        return;
    free(w->data);
    free(w);
}

size_t weight_bytes(const struct weight *w) {
    return w->bytes;
}

static int lane_scratch(struct matmul_lane *lane, size_t size, struct err *e) {
    if (size <= lane->scratch_size)
        return 0;
    free(lane->scratch);
    lane->scratch_size = 0;
    lane->scratch = aligned_alloc(64, (size + 63) & ~(size_t)63);
    if (!lane->scratch)
        return err_nomem(e, "scratch of a matrix product");
    lane->scratch_size = size;
    return 0;
}

int matmul_run(struct matmul_lane *lane, const struct weight *w, int m, const void *x,
               enum dtype out, void *y, struct err *e) {
    struct matmul *mm = lane->mm;
    if (!w->shape) {
        mm->kernel.product_f32(x, w->data, m, w->n, w->k, y);
        return 0;
    }
    struct primitive *p;
    int rc = primitive_get(mm, w->shape, bucket_of(m), out, &p, e);
    if (rc || (rc = lane_scratch(lane, p->scratch_size, e)) != 0)
        return rc;
    const struct {
        int arg;
        const dnnl_memory_desc_t *md;
        const void *data;
    } operands[] = {{DNNL_ARG_SRC, &p->src, x},
                    {DNNL_ARG_WEIGHTS, &w->shape->packed, w->data},
                    {DNNL_ARG_DST, &p->dst, y},
                    {DNNL_ARG_SCRATCHPAD, &p->scratch, lane->scratch}};
    enum { N = sizeof operands / sizeof operands[0] };
    dnnl_exec_arg_t args[N];
    int made = 0;
    dnnl_status_t s = dnnl_success;
    for (; made < N && s == dnnl_success; made++) {
        args[made].arg = operands[made].arg;
        s = dnnl_memory_create(&args[made].memory, operands[made].md, mm->engine,
                               (void *)(uintptr_t)operands[made].data);
        if (s != dnnl_success)
            break;
    }
    if (s == dnnl_success)
        s = dnnl_primitive_execute(p->handle, lane->stream, N, args);
    if (s == dnnl_success)
        s = dnnl_stream_wait(lane->stream);
    while (made > 0)
        dnnl_memory_destroy(args[--made].memory);
    return s == dnnl_success ? 0 : dnnl_err(s, "a matrix product", e);
}
