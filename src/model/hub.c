#include "model/hub.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/file.h"
#include "base/hash.h"
#include "base/pool.h"
#include "model/hub_cache.h"

enum { MOST_LISTING = 32 << 20 };
static const double SHOW_EVERY = 0.1;      /* seconds */
static const uint64_t PROGRESS = 1 << 20;  /* bytes after which a failure counts as the first */
static const uint64_t SPARE = 16ull << 20; /* bytes of the disk that a pull leaves free */

struct pull {
    const struct hub_name *name;
    const struct hub_pull_options *o;
    struct hub_http *http;
    struct hub_pull_result *out;
    char folder[HUB_CACHE_SIZE]; /* of the repository */
    char what[128];              /* "hf:org/name" */
    struct hub_progress progress;
    double shown;
};

/* What is known of a file before its bytes come. */
struct expected {
    uint64_t size;
    char etag[160]; /* the blob's name */
    const struct hub_file *file;
    const char *sha256; /* of the catalogue; NULL: not in it */
};

struct download {
    struct pull *p;
    const struct expected *x;
    int fd;
    uint64_t have;  /* bytes in the file */
    uint64_t asked; /* where this attempt began */
    char etag[170]; /* that the server gave for the bytes we have; "": unknown */
    bool pieced;    /* the bytes are of more than one answer */
    bool bad;       /* no resumption can make these bytes right */
    const char *path;
};

bool hub_offline(void) {
    static const char *const yes[] = {"1", "true", "yes", "on"};
    const char *value = getenv("HF_HUB_OFFLINE");
    for (size_t i = 0; value && i < sizeof yes / sizeof *yes; i++)
        if (strcasecmp(value, yes[i]) == 0)
            return true;
    return false;
}

void hub_pull_free(struct hub_pull_result *r) {
    hub_list_free(&r->files);
}

static bool stop(const struct pull *p) {
    return p->o->http.stop && p->o->http.stop(p->o->http.user);
}

static void show(struct pull *p, const char *path, bool now) {
    double t = clock_seconds();
    if (!p->o->on_progress || (!now && t - p->shown < SHOW_EVERY))
        return;
    p->shown = t;
    p->progress.path = path;
    p->o->on_progress(p->o->http.user, &p->progress);
}

struct listing {
    struct buf *text;
    const char *what;
};

static int start_listing(void *user, const struct hub_reply *r, struct err *e) {
    struct listing *l = user;
    (void)r, (void)e;
    buf_clear(l->text); /* of the attempt before */
    return 0;
}

static int take_listing(void *user, const void *data, size_t n, struct err *e) {
    struct listing *l = user;
    if (n > MOST_LISTING || l->text->len > MOST_LISTING - n)
        return err_set(e, PRECIS_EINPUT, "%s: the hub's list of files has no end", l->what);
    buf_append(l->text, data, n);
    return buf_failed(l->text) ? err_nomem(e, l->what) : 0;
}

static int get_list(struct pull *p, struct err *e) {
    struct buf text = {0}, path = {0};
    struct listing l = {.text = &text, .what = p->what};
    struct hub_tries tries = {0};
    struct hub_reply r;
    bool transient;
    buf_str(&path, "/api/models/");
    hub_encode(&path, p->name->repo, "/");
    buf_str(&path, "/revision/");
    hub_encode(&path, p->name->revision, "");
    buf_str(&path, "?blobs=true");
    int rc = buf_failed(&path) ? err_nomem(e, p->what) : 0;
    struct hub_request q = {
        .path = path.data, .on_start = start_listing, .on_data = take_listing, .user = &l};
    while (rc == 0) {
        rc = hub_http_once(p->http, &q, &r, &transient, e);
        if (rc == 0 || !transient || !hub_http_again(p->http, &tries, r.retry_after, e))
            break;
        rc = 0;
    }
    if (rc == 0)
        rc = hub_list_parse(&p->out->files, p->what, text.data ? text.data : "", text.len, e);
    if (rc && e && e->code == PRECIS_ECANCELLED)
        rc = PRECIS_ECANCELLED;
    buf_free(&text);
    buf_free(&path);
    return rc;
}

static int resolve_path(const struct pull *p, const char *file, struct buf *out, struct err *e) {
    buf_char(out, '/');
    hub_encode(out, p->name->repo, "/");
    buf_printf(out, "/resolve/%s/", p->out->files.commit);
    hub_encode(out, file, "/");
    return buf_failed(out) ? err_nomem(e, file) : 0;
}

static bool is_hex(const char *s, size_t digits) {
    return strspn(s, "0123456789abcdef") == digits && !s[digits];
}

/* What the hub says of a file, checked against its list. */
static int read_head(struct pull *p, const struct hub_file *f, const struct hub_reply *r,
                     struct expected *x, struct err *e) {
    bool linked = r->linked_etag[0] != 0;
    const char *etag = linked ? r->linked_etag : r->etag;
    int64_t size = r->linked_size >= 0 ? r->linked_size : r->status == 200 ? r->length : -1;
    if (!hub_blob_ok(etag))
        return err_set(e, PRECIS_EINPUT, "%s: the hub gives %s no ETag that can be a file's name",
                       p->what, f->path);
    if (size < 0 && f->sized)
        size = (int64_t)f->size;
    if (size < 0 || (f->sized && (uint64_t)size != f->size))
        return err_set(e, PRECIS_EINPUT, "%s: the hub gives %s %lld bytes, its list %llu", p->what,
                       f->path, (long long)size, (unsigned long long)f->size);
    if (r->commit[0] && strcmp(r->commit, p->out->files.commit) != 0)
        return err_set(e, PRECIS_EINPUT, "%s: the hub gives %s of commit %s instead of %s", p->what,
                       f->path, r->commit, p->out->files.commit);
    if (f->sha256[0] && is_hex(etag, 64) && strcmp(f->sha256, etag) != 0)
        return err_set(e, PRECIS_EINPUT, "%s: the hub gives %s the SHA-256 %s, its list %s",
                       p->what, f->path, etag, f->sha256);
    x->size = (uint64_t)size;
    snprintf(x->etag, sizeof x->etag, "%s", etag);
    return 0;
}

static int get_head(struct pull *p, const struct hub_file *f, struct expected *x, struct err *e) {
    struct buf path = {0};
    struct hub_tries tries = {0};
    struct hub_reply r;
    bool transient = false;
    int rc = resolve_path(p, f->path, &path, e);
    struct hub_request q = {.path = path.data, .head = true};
    while (rc == 0) {
        rc = hub_http_once(p->http, &q, &r, &transient, e);
        if (rc == 0 || !transient || !hub_http_again(p->http, &tries, r.retry_after, e))
            break;
        rc = 0;
    }
    if (rc == 0)
        rc = read_head(p, f, &r, x, e);
    buf_free(&path);
    return rc;
}

static int set_size(struct download *d, uint64_t size, struct err *e) {
    if (ftruncate(d->fd, (off_t)size) != 0 || lseek(d->fd, (off_t)size, SEEK_SET) < 0)
        return err_errno(e, d->path, "write");
    d->p->progress.done += size;
    d->p->progress.done -= d->have;
    if (d->p->progress.had > d->p->progress.done)
        d->p->progress.had = d->p->progress.done;
    d->have = size;
    return 0;
}

static int start_data(void *user, const struct hub_reply *r, struct err *e) {
    struct download *d = user;
    int rc = 0;
    int64_t size = (int64_t)d->x->size;
    if (r->status == 206) {
        if (r->range_start != (int64_t)d->asked || d->asked == 0 ||
            (r->range_total >= 0 && r->range_total != size))
            rc = err_set(e, PRECIS_EINPUT, "%s: asked for bytes %llu of %lld, got %lld of %lld",
                         d->x->file->path, (unsigned long long)d->asked, (long long)size,
                         (long long)r->range_start, (long long)r->range_total);
        d->pieced = true;
    } else { /* all of it: the server has no ranges, or another file than the one we began */
        if (r->length >= 0 && r->length != size)
            rc = err_set(e, PRECIS_EINPUT, "%s: the server has %lld bytes instead of %lld",
                         d->x->file->path, (long long)r->length, (long long)size);
        else if (d->have)
            rc = set_size(d, 0, e);
    }
    if (rc == 0)
        memcpy(d->etag, r->etag_raw, sizeof d->etag);
    return rc;
}

static int take_data(void *user, const void *data, size_t n, struct err *e) {
    struct download *d = user;
    d->bad = n > d->x->size - d->have;
    if (d->bad)
        return err_set(e, PRECIS_EINPUT, "%s: the server sends more than its %llu bytes",
                       d->x->file->path, (unsigned long long)d->x->size);
    for (const char *p = data; n;) {
        ssize_t done = write(d->fd, p, n);
        if (done < 0 && errno == EINTR)
            continue;
        if (done < 0)
            return err_errno(e, d->path, "write");
        p += done;
        n -= (size_t)done;
        d->have += (uint64_t)done;
        d->p->progress.done += (uint64_t)done;
    }
    show(d->p, d->x->file->path, false);
    return 0;
}

/* Attempts until the file has all its bytes. */
static int get_data(struct download *d, struct err *e) {
    struct buf path = {0};
    struct hub_tries tries = {0};
    int rc = resolve_path(d->p, d->x->file->path, &path, e);
    while (rc == 0 && d->have < d->x->size) {
        struct hub_reply r;
        bool transient = false;
        d->asked = d->have;
        struct hub_request q = {.path = path.data,
                                .from = d->asked,
                                .if_range = d->etag,
                                .on_start = start_data,
                                .on_data = take_data,
                                .user = d};
        rc = hub_http_once(d->p->http, &q, &r, &transient, e);
        if (rc == PRECIS_EINPUT && r.status == 416 && d->asked) {
            transient = true; /* what we began is of another file */
            if (set_size(d, 0, e) != 0)
                break;
        }
        if (rc == 0 && d->have < d->x->size) {
            transient = true;
            rc = err_set(e, PRECIS_EIO, "%s: the server sent %llu bytes of %llu", d->x->file->path,
                         (unsigned long long)d->have, (unsigned long long)d->x->size);
        }
        if (rc == 0)
            break;
        if (d->have > d->asked && d->have - d->asked >= PROGRESS)
            tries.failed = 0;
        if (!transient || !hub_http_again(d->p->http, &tries, r.retry_after, e))
            break;
        rc = 0;
    }
    buf_free(&path);
    return rc && e && e->code == PRECIS_ECANCELLED ? PRECIS_ECANCELLED : rc;
}

/* The bytes are those that the list, the ETag and the catalogue speak of. *same: as far as one can
 * know. Errors: only of reading. */
static int check_bytes(const struct expected *x, const char *path, bool *same, struct err *e) {
    struct mapping m;
    char sha256[HASH_HEX_SIZE] = "", git[HASH_SHA1_HEX_SIZE] = "", plain[HASH_SHA1_HEX_SIZE] = "";
    char head[64];
    int rc = file_map(path, &m, e);
    if (rc)
        return rc;
    bool sized = m.size == x->size;
    int n = snprintf(head, sizeof head, "blob %zu", m.size);
    if (sized)
        rc = hash_sha256_hex(m.data, m.size, sha256, e);
    bool small = is_hex(x->etag, 40) || (x->file->git[0] && !x->file->sha256[0]);
    if (rc == 0 && sized && small)
        rc = hash_sha1_hex(head, (size_t)n + 1, m.data, m.size, git, e);
    if (rc == 0 && sized && small)
        rc = hash_sha1_hex("", 0, m.data, m.size, plain, e);
    file_unmap(&m);
    *same = sized;
    if (is_hex(x->etag, 64))
        *same &= strcmp(x->etag, sha256) == 0;
    if (is_hex(x->etag, 40)) /* git's on the hub, the bytes' own on some of its mirrors */
        *same &= strcmp(x->etag, git) == 0 || strcmp(x->etag, plain) == 0;
    if (x->file->sha256[0])
        *same &= strcmp(x->file->sha256, sha256) == 0;
    else if (x->file->git[0])
        *same &= strcmp(x->file->git, git) == 0;
    if (x->sha256 && rc == 0 && *same && strcmp(x->sha256, sha256) != 0)
        return err_set(e, PRECIS_EINPUT,
                       "%s: the hub's file has the SHA-256 %s, but the catalogue wants %s",
                       x->file->path, sha256, x->sha256);
    return rc;
}

static int open_begun(struct download *d, struct err *e) {
    struct stat st;
    d->fd = open(d->path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0666);
    if (d->fd < 0 || fstat(d->fd, &st) != 0)
        return err_errno(e, d->path, "write");
    if (!S_ISREG(st.st_mode))
        return err_set(e, PRECIS_EIO, "%s: is not a regular file", d->path);
    d->have = 0;
    uint64_t size = (uint64_t)st.st_size;
    int rc = set_size(d, size <= d->x->size ? size : 0, e);
    d->p->progress.had += d->have;
    return rc;
}

/* BLOB.incomplete becomes BLOB once it is whole and right. Bytes of several answers that are wrong
 * together are got once more, in one. */
static int get_blob(struct pull *p, const struct expected *x, const char *blob, struct err *e) {
    char path[HUB_CACHE_SIZE];
    struct download d = {.p = p, .x = x, .fd = -1, .path = path};
    int n = snprintf(path, sizeof path, "%s.incomplete", blob);
    bool same = false;
    int rc = n > 0 && (size_t)n < sizeof path
                 ? open_begun(&d, e)
                 : err_set(e, PRECIS_EINPUT, "%s: path too long", blob);
    while (rc == 0) {
        uint64_t before = d.have;
        rc = get_data(&d, e);
        p->out->downloaded += d.have > before ? d.have - before : 0;
        if (rc == 0 && fsync(d.fd) != 0)
            rc = err_errno(e, path, "write");
        if (rc == 0 && (rc = check_bytes(x, path, &same, e)) != 0)
            d.bad = true;
        if (rc || same || !d.pieced)
            break;
        d.pieced = false;
        d.etag[0] = 0;
        rc = set_size(&d, 0, e);
    }
    if (d.fd >= 0)
        close(d.fd);
    d.bad |= rc == 0 && !same;
    if (rc == 0 && !same)
        rc = err_set(e, PRECIS_EINPUT, "%s: the bytes of %s are not those that the hub promised",
                     p->what, x->file->path);
    if (d.bad)
        unlink(path);
    if (rc == 0 && rename(path, blob) != 0)
        rc = err_errno(e, blob, "write");
    return rc;
}

static bool is_there(const char *path, uint64_t size) {
    struct stat st;
    return stat(path, &st) == 0 && S_ISREG(st.st_mode) && (uint64_t)st.st_size == size;
}

static const char *catalogue_hash(const struct pull *p, const char *path) {
    const struct catalogue_entry *c = p->o->entry;
    if (c && !c->files)
        return strcmp(path, c->hub_file) == 0 ? c->sha256 : NULL;
    for (const struct catalogue_file *f = c ? c->files : NULL; f && f->name; f++)
        if (strcmp(path, f->name) == 0)
            return f->sha256;
    return NULL;
}

/* Whether the snapshot has the file, by name and size. */
static bool is_linked(const struct pull *p, const struct hub_file *f) {
    char path[HUB_CACHE_SIZE], below[HUB_PATH_SIZE + 80];
    snprintf(below, sizeof below, "snapshots/%s/%s", p->out->files.commit, f->path);
    return f->sized && hub_cache_join(path, p->folder, below, NULL) == 0 && is_there(path, f->size);
}

static int get_file(struct pull *p, const struct hub_file *f, struct err *e) {
    struct expected x = {.file = f, .sha256 = catalogue_hash(p, f->path)};
    char blob[HUB_CACHE_SIZE], below[200];
    struct hub_lock lock = {.fd = -1};
    int rc = get_head(p, f, &x, e);
    if (rc)
        return rc;
    if (!f->sized)
        p->progress.total += x.size;
    snprintf(below, sizeof below, "blobs/%s", x.etag);
    rc = hub_cache_join(blob, p->folder, below, e);
    if (rc == 0)
        rc = hub_cache_lock(p->name->repo, x.etag, p->o->http.stop, p->o->http.user, &lock, e);
    if (rc == 0 && is_there(blob, x.size)) {
        p->progress.done += x.size;
        p->progress.had += x.size;
    } else if (rc == 0) {
        rc = get_blob(p, &x, blob, e);
    }
    if (rc == 0)
        rc = hub_cache_link(p->folder, p->out->files.commit, f->path, x.etag, e);
    hub_cache_unlock(&lock);
    show(p, f->path, true);
    return rc;
}

static int check_space(const struct pull *p, uint64_t missing, struct err *e) {
    char folder[HUB_CACHE_SIZE];
    struct statvfs fs;
    int rc = hub_cache_join(folder, p->folder, "blobs", e);
    if (rc == 0)
        rc = file_make_dirs(folder, e);
    if (rc || missing == 0)
        return rc;
    if (statvfs(folder, &fs) != 0)
        return err_errno(e, folder, "stat");
    uint64_t free = (uint64_t)fs.f_bavail * (uint64_t)fs.f_frsize;
    if (free < missing || free - missing < SPARE)
        return err_set(e, PRECIS_EIO, "%s: %llu bytes are to come, but only %llu are free in %s",
                       p->what, (unsigned long long)missing, (unsigned long long)free, folder);
    return 0;
}

static bool is_last(const struct hub_file *f) {
    return strcmp(f->path, "config.json") == 0; /* without it the folder is no model yet */
}

static int get_files(struct pull *p, struct err *e) {
    struct hub_list *l = &p->out->files;
    uint64_t missing = 0;
    for (size_t i = 0; i < l->n; i++) {
        if (!l->v[i].chosen || !l->v[i].sized)
            continue;
        p->progress.total += l->v[i].size;
        if (is_linked(p, &l->v[i]))
            p->progress.done += l->v[i].size;
        else
            missing += l->v[i].size;
    }
    p->progress.had = p->progress.done;
    int rc = check_space(p, missing, e);
    for (int last = 0; rc == 0 && last < 2; last++)
        for (size_t i = 0; rc == 0 && i < l->n; i++)
            if (l->v[i].chosen && is_last(&l->v[i]) == (last == 1) && !is_linked(p, &l->v[i]))
                rc = stop(p) ? err_set(e, PRECIS_ECANCELLED, "%s: cancelled", p->what)
                             : get_file(p, &l->v[i], e);
    p->out->bytes = p->progress.total;
    return rc;
}

static int pull_all(struct pull *p, struct err *e) {
    struct hub_choice choice;
    char below[HUB_PATH_SIZE + 80];
    struct hub_list *l = &p->out->files;
    int rc = get_list(p, e);
    if (rc == 0)
        rc = hub_choose(l, p->what, p->name->pattern, &choice, e);
    if (rc == 0)
        rc = get_files(p, e);
    if (rc)
        return rc;
    if (strcmp(p->name->revision, l->commit) != 0)
        rc = hub_cache_write_ref(p->folder, p->name->revision, l->commit, e);
    snprintf(below, sizeof below, "snapshots/%s%s%s", l->commit, choice.path[0] ? "/" : "",
             choice.path);
    return rc ? rc : hub_cache_join(p->out->path, p->folder, below, e);
}

int hub_pull(const struct hub_name *name, const struct hub_pull_options *o,
             struct hub_pull_result *out, struct err *e) {
    struct pull p = {.name = name, .o = o, .out = out};
    struct err local;
    e = e ? e : &local; /* its code says whether it was cancelled */
    *out = (struct hub_pull_result){0};
    snprintf(p.what, sizeof p.what, "hf:%s", name->repo);
    if (hub_offline())
        return err_set(e, PRECIS_EINPUT, "%s: HF_HUB_OFFLINE is set: nothing is downloaded",
                       p.what);
    int rc = hub_cache_repo(name->repo, p.folder, e);
    if (rc == 0)
        rc = hub_http_open(&o->http, &p.http, e);
    if (rc == 0)
        rc = pull_all(&p, e);
    hub_http_close(p.http);
    if (rc) {
        hub_pull_free(out);
        *out = (struct hub_pull_result){0};
        if (e->code == PRECIS_ECANCELLED)
            rc = PRECIS_ECANCELLED;
    }
    return rc;
}
