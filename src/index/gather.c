#include "index/gather.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/file.h"
#include "base/log.h"
#include "base/pool.h"
#include "index/cut.h"

enum { BATCH_BYTES = 48 << 10, BATCH_FILES = 64, SLOTS_A_THREAD = 2 };

struct slot {
    struct gathered g;
    bool done;
};

struct gathering {
    const struct gather_file *files;
    size_t n;
    const struct gather_options *o;
    size_t *first; /* [n_batches + 1] in files */
    size_t n_batches;
    struct slot *slots; /* [n_slots]: of batch k, k modulo n_slots */
    size_t n_slots;

    pthread_mutex_t lock;
    pthread_cond_t changed;
    size_t next_read, next_taken; /* batches */
    bool ended;                   /* by a failure */
    struct err err;
};

/* ---- A file ---- */

/* What is read, unless it is another file when it has been read. *changed: it is. */
static int read_file(const struct walk_file *w, struct mapping *m, struct store_file *f,
                     bool *changed, struct err *e) {
    struct stat before, after;
    *changed = true;
    if (stat(w->path, &before) != 0)
        return err_errno(e, w->path, "open");
    int rc = file_read(w->path, m, e);
    if (rc)
        return rc;
    f->size = m->size;
    f->inode = before.st_ino;
    f->mtime_ns = (int64_t)before.st_mtim.tv_sec * 1000000000 + before.st_mtim.tv_nsec;
    rc = hash_sha256(m->data, m->size, f->hash, e);
    if (rc == 0 && stat(w->path, &after) == 0)
        *changed = after.st_ino != before.st_ino || after.st_size != before.st_size ||
                   after.st_mtim.tv_sec != before.st_mtim.tv_sec ||
                   after.st_mtim.tv_nsec != before.st_mtim.tv_nsec ||
                   (size_t)before.st_size != m->size;
    if (rc)
        file_unmap(m);
    return rc;
}

static int add_pieces(struct batch *b, struct batch_file *f, const struct cut *c, struct err *e) {
    f->first = b->n_items;
    f->n = c->n;
    for (size_t i = 0; i < c->n; i++) {
        const struct cut_piece *p = &c->v[i];
        if (!array_grow((void **)&b->items, b->n_items, &b->cap_items, sizeof *b->items))
            return err_nomem(e, "entries");
        b->items[b->n_items++] = (struct batch_item){
            .e = {.kind = p->kind,
                  .symbol = p->symbol == SIZE_MAX ? NULL : cut_text(c, p->symbol),
                  .start_line = p->start_line,
                  .end_line = p->end_line,
                  .body = cut_text(c, p->body),
                  .body_len = p->body_len},
            .head = cut_text(c, p->head),
            .head_len = p->head_len};
    }
    return 0;
}

static bool is_known(const struct gather_file *g, const struct store_file *f) {
    return g->known && g->known->complete && g->known->cut == CUT_VERSION &&
           memcmp(g->known->entered, f->hash, HASH_SHA256_SIZE) == 0;
}

static int add_file(struct gathered *out, const struct gather_file *g, const struct mapping *m,
                    const struct store_file *record, struct err *e) {
    struct batch *b = &out->batch;
    const struct lang *lang = g->file->lang;
    if (!array_grow((void **)&b->files, b->n_files, &b->cap_files, sizeof *b->files))
        return err_nomem(e, "files");
    struct batch_file *f = &b->files[b->n_files];
    *f = (struct batch_file){.f = {.file = *record, .cut = CUT_VERSION},
                             .touched = is_known(g, record)};
    memcpy(f->f.entered, record->hash, HASH_SHA256_SIZE);
    f->f.file.path = g->name;
    f->f.file.language = lang ? lang->name : NULL;
    struct cut *c = &out->cuts[b->n_files++];
    int rc = f->touched ? 0 : cut_file((const char *)m->data, m->size, lang, c, e);
    out->n_cuts = b->n_files;
    return rc ? rc : add_pieces(b, f, c, e);
}

/* A file that cannot be read is said and left as the index has it. */
static int gather_file(struct gathered *out, const struct gather_file *g, struct err *e) {
    struct mapping m = {0};
    struct store_file record = {0};
    struct err why = {0};
    bool changed;
    int rc = read_file(g->file, &m, &record, &changed, &why);
    if (rc == PRECIS_ENOMEM)
        return err_nomem(e, g->file->path);
    if (rc || changed) {
        log_say(LOG_WARN, "%s%s", rc ? why.text : g->file->path,
                rc ? "" : ": changed while it was read: not indexed");
        out->lost++;
        file_unmap(&m);
        return 0;
    }
    rc = add_file(out, g, &m, &record, e);
    file_unmap(&m);
    return rc;
}

static int gather_batch(const struct gathering *x, size_t k, struct store *known,
                        struct gathered *out, struct err *e) {
    size_t n = x->first[k + 1] - x->first[k];
    out->cuts = calloc(n, sizeof *out->cuts);
    int rc = out->cuts ? 0 : err_nomem(e, "files");
    for (size_t i = 0; rc == 0 && i < n; i++)
        rc = gather_file(out, &x->files[x->first[k] + i], e);
    return rc ? rc : batch_prepare(&out->batch, &x->o->encoder, known, x->o->stop, e);
}

static void gathered_free(struct gathered *g) {
    batch_free(&g->batch);
    for (size_t i = 0; i < g->n_cuts; i++)
        cut_free(&g->cuts[i]);
    free(g->cuts);
    *g = (struct gathered){0};
}

/* ---- Threads ---- */

static void end(struct gathering *x, int rc, const struct err *e) {
    pthread_mutex_lock(&x->lock);
    if (!x->ended)
        err_set(&x->err, rc, "%s", e->text);
    x->ended = true;
    pthread_cond_broadcast(&x->changed);
    pthread_mutex_unlock(&x->lock);
}

/* The number of the next batch, once it has a slot; false: there is no more to do. */
static bool next_batch(struct gathering *x, size_t *k) {
    pthread_mutex_lock(&x->lock);
    while (!x->ended && x->next_read < x->n_batches && x->next_read >= x->next_taken + x->n_slots)
        pthread_cond_wait(&x->changed, &x->lock);
    bool more = !x->ended && x->next_read < x->n_batches;
    *k = more ? x->next_read++ : 0;
    pthread_mutex_unlock(&x->lock);
    return more;
}

static void work(void *user, int index) {
    struct gathering *x = user;
    struct store *known = NULL;
    struct err e = {0};
    size_t k;
    (void)index;
    int rc = store_open(x->o->root, STORE_READ, &known, &e);
    while (rc == 0 && next_batch(x, &k)) {
        struct slot *s = &x->slots[k % x->n_slots];
        rc = x->o->stop && atomic_load(x->o->stop) ? err_set(&e, PRECIS_ECANCELLED, "interrupted")
                                                   : gather_batch(x, k, known, &s->g, &e);
        if (rc)
            break;
        pthread_mutex_lock(&x->lock);
        s->done = true;
        pthread_cond_broadcast(&x->changed);
        pthread_mutex_unlock(&x->lock);
    }
    if (rc)
        end(x, rc, &e);
    store_close(known);
}

/* Takes the batches in their order. */
static int take_all(struct gathering *x,
                    int (*take)(void *user, struct gathered *g, size_t done, struct err *e),
                    void *user, struct err *e) {
    for (size_t k = 0; k < x->n_batches; k++) {
        struct slot *s = &x->slots[k % x->n_slots];
        pthread_mutex_lock(&x->lock);
        while (!x->ended && !s->done)
            pthread_cond_wait(&x->changed, &x->lock);
        bool ended = x->ended;
        pthread_mutex_unlock(&x->lock);
        if (ended)
            return 0; /* x->err says why */
        int rc = take(user, &s->g, x->first[k + 1], e);
        gathered_free(&s->g);
        if (rc)
            return rc;
        pthread_mutex_lock(&x->lock);
        s->done = false;
        x->next_taken++;
        pthread_cond_broadcast(&x->changed);
        pthread_mutex_unlock(&x->lock);
    }
    return 0;
}

static int plan(struct gathering *x, struct err *e) {
    size_t bytes = 0, most = x->o->batch_bytes ? x->o->batch_bytes : BATCH_BYTES;
    x->first = malloc((x->n + 1) * sizeof *x->first);
    if (!x->first)
        return err_nomem(e, "files");
    for (size_t i = 0; i < x->n; i++) {
        size_t begun = x->n_batches ? i - x->first[x->n_batches - 1] : 0;
        if (begun == 0 || begun == BATCH_FILES || bytes + x->files[i].file->size > most) {
            x->first[x->n_batches++] = i;
            bytes = 0;
        }
        bytes += x->files[i].file->size;
    }
    x->first[x->n_batches] = x->n;
    x->n_slots = (size_t)x->o->threads * SLOTS_A_THREAD;
    x->slots = calloc(x->n_slots, sizeof *x->slots);
    return x->slots ? 0 : err_nomem(e, "batches");
}

int gather(struct gather_file *files, size_t n, const struct gather_options *o,
           int (*take)(void *user, struct gathered *g, size_t done, struct err *e), void *user,
           struct err *e) {
    struct gathering x = {.files = files, .n = n, .o = o};
    struct pool *pool = NULL;
    struct err why = {0};
    int rc = n ? plan(&x, e) : 0;
    if (rc || !n) {
        free(x.first);
        return rc;
    }
    pthread_mutex_init(&x.lock, NULL);
    pthread_cond_init(&x.changed, NULL);
    rc = pool_start(&pool, o->threads, work, &x, &why);
    if (rc == 0)
        rc = take_all(&x, take, user, &why);
    end(&x, rc, &why); /* which is nothing when all is done */
    pool_join(pool);
    if (rc == 0)
        rc = x.err.code;
    if (rc)
        err_set(e, rc, "%s", rc == why.code ? why.text : x.err.text);
    for (size_t i = 0; i < x.n_slots; i++)
        gathered_free(&x.slots[i].g);
    pthread_mutex_destroy(&x.lock);
    pthread_cond_destroy(&x.changed);
    free(x.slots);
    free(x.first);
    return rc;
}
