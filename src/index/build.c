#include "index/build.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/log.h"
#include "base/pool.h"
#include "index/cut.h"
#include "index/gather.h"
#include "index/nearest.h"

enum { MOST_THREADS = 16 };

struct known_file {
    struct store_indexed f;
    char *path; /* owned; f.file.path */
    bool found; /* in the tree */
};

struct building {
    struct store *s;
    const struct index_options *o;
    struct index_stats *stats;
    struct batch_encoder encoder;
    struct known_file *known; /* owned; in byte order of their paths */
    size_t n_known, cap_known;
    struct gather_file *files; /* owned, with their names */
    size_t n_files;
    bool elsewhere;   /* what was walked is outside of the store's root */
    size_t n_changed; /* of the files, those that gather gets; they are the first */
};

static int keep_known(void *user, const struct store_indexed *f, struct err *e) {
    struct building *x = user;
    if (!array_grow((void **)&x->known, x->n_known, &x->cap_known, sizeof *x->known))
        return err_nomem(e, "indexed files");
    struct known_file *k = &x->known[x->n_known];
    *k = (struct known_file){.f = *f, .path = strdup(f->file.path)};
    if (!k->path)
        return err_nomem(e, "indexed files");
    k->f.file.path = k->path;
    k->f.file.language = NULL;
    x->n_known++;
    return 0;
}

static int by_path(const void *a, const void *b) {
    return strcmp(((const struct known_file *)a)->path, ((const struct known_file *)b)->path);
}

static struct known_file *find_known(const struct building *x, const char *name) {
    const struct known_file asked = {.path = (char *)(uintptr_t)name};
    return x->n_known ? bsearch(&asked, x->known, x->n_known, sizeof *x->known, by_path) : NULL;
}

/* As the index knows it, as far as can be told without reading it. */
static bool is_same(const struct known_file *k, const struct walk_file *w) {
    struct stat st;
    const struct store_indexed *f = &k->f;
    return f->complete && f->cut == CUT_VERSION && f->file.size == w->size &&
           f->file.mtime_ns == w->mtime_ns &&
           memcmp(f->entered, f->file.hash, HASH_SHA256_SIZE) == 0 && stat(w->path, &st) == 0 &&
           f->file.inode == st.st_ino;
}

/* The names of the tree's files; those that may have changed first, in their order. */
static int list_files(struct building *x, const struct walk *w, struct err *e) {
    x->files = calloc(w->n ? w->n : 1, sizeof *x->files);
    if (!x->files)
        return err_nomem(e, "list of files");
    for (size_t i = 0; i < w->n; i++) {
        struct gather_file f = {.file = &w->files[i]};
        int rc = store_name(store_root(x->s), f.file->path, &f.name, e);
        if (rc == PRECIS_ENOMEM)
            return rc;
        if (rc) /* it is gone by now */
            continue;
        struct known_file *k = find_known(x, f.name);
        if (k)
            k->found = true;
        x->n_files++;
        if (k && is_same(k, f.file)) {
            free(f.name);
            x->stats->unchanged++;
            continue;
        }
        f.known = k ? &k->f : NULL;
        x->files[x->n_changed++] = f;
    }
    x->stats->files = x->n_files;
    return 0;
}

static int take(void *user, struct gathered *g, size_t done, struct err *e) {
    struct building *x = user;
    const struct batch *b = &g->batch;
    int rc = b->n_files ? batch_write(b, &x->encoder, x->s, NULL, e) : 0;
    if (rc)
        return rc;
    for (size_t i = 0; i < b->n_files; i++)
        x->stats->unchanged += b->files[i].touched;
    x->stats->entries += b->n_items;
    x->stats->embedded += b->n_vectors;
    x->stats->known += b->known;
    x->stats->lost += g->lost;
    if (x->o->on_progress)
        x->o->on_progress(x->o->user, x->stats, done, x->n_changed);
    return 0;
}

static int remove_gone(struct building *x, struct err *e) {
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < x->n_known; i++)
        if (!x->known[i].found && (x->elsewhere || x->known[i].path[0] != '/')) {
            rc = store_remove_indexed(x->s, x->known[i].path, e);
            x->stats->removed += rc == 0;
        }
    return rc;
}

/* What follows from all of it. */
static int finish(struct building *x, struct err *e) {
    int rc = store_begin(x->s, e);
    if (rc)
        return rc;
    rc = remove_gone(x, e);
    if (rc == 0)
        rc = store_drop_vectors(x->s, &x->stats->dropped, e);
    if (rc == 0)
        rc = store_match_summaries(x->s, &x->stats->summaries, e);
    if (rc) {
        store_abandon(x->s);
        return rc;
    }
    return store_commit(x->s, e);
}

/* Without the side file searches take longer, that is all. */
static int write_vectors(struct building *x, struct err *e) {
    struct err why = {0};
    int rc = nearest_write(x->s, x->o->stop, &why);
    if (rc == PRECIS_ENOMEM || rc == PRECIS_ECANCELLED)
        return err_set(e, rc, "%s", why.text);
    if (rc)
        log_say(LOG_WARN, "%s", why.text);
    return 0;
}

static int start_encoder(struct building *x, struct err *e) {
    char revision[HASH_HEX_SIZE];
    x->encoder = (struct batch_encoder){.em = x->o->em};
    if (!x->o->em)
        return 0;
    const struct embedder_info *info = embedder_info(x->o->em);
    x->encoder.width = info->width;
    int rc = embedder_revision(x->o->em, revision, e);
    return rc ? rc : store_embedder(x->s, revision, info->name, info->width, &x->encoder.id, e);
}

static int look(struct building *x, const char *path, const struct walk *w, struct err *e) {
    char *name = NULL;
    int rc = store_name(store_root(x->s), path, &name, e);
    if (rc == 0)
        rc = store_each_indexed(x->s, name, x->encoder.id, keep_known, x, e);
    x->elsewhere = name && name[0] == '/';
    free(name);
    return rc ? rc : list_files(x, w, e);
}

static void building_free(struct building *x) {
    for (size_t i = 0; i < x->n_known; i++)
        free(x->known[i].path);
    for (size_t i = 0; i < x->n_changed; i++)
        free(x->files[i].name);
    free(x->known);
    free(x->files);
}

int index_build(struct store *s, const char *path, const struct walk *w,
                const struct index_options *o, struct index_stats *out, struct err *e) {
    struct building x = {.s = s, .o = o, .stats = out};
    double start = clock_seconds();
    int cores = o->threads ? o->threads : pool_cores();
    *out = (struct index_stats){0};
    int rc = start_encoder(&x, e);
    if (rc == 0)
        rc = look(&x, path, w, e);
    if (rc == 0) {
        const struct gather_options g = {.encoder = x.encoder,
                                         .stop = o->stop,
                                         .root = store_root(s),
                                         .batch_bytes = o->batch_bytes,
                                         .threads = cores < MOST_THREADS ? cores : MOST_THREADS};
        rc = gather(x.files, x.n_changed, &g, take, &x, e);
    }
    if (rc == 0)
        rc = finish(&x, e);
    if (rc == 0)
        rc = write_vectors(&x, e);
    building_free(&x);
    out->seconds = clock_seconds() - start;
    return rc;
}
