#include "code/watch.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/log.h"
#include "base/pool.h"

enum { QUIET_MS = 300, MOST_MS = 2000 };
/* A signal may come just before poll: then the flag is seen after so long. */
enum { SLICE_MS = 200 };
enum {
    EVENTS = IN_CREATE | IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO | IN_MODIFY | IN_ATTRIB |
             IN_DELETE_SELF | IN_MOVE_SELF | IN_ONLYDIR
};

struct numbers {
    int *v; /* owned */
    size_t n, cap;
};

struct watch {
    struct watch_options o;
    const char *root;
    int fd;
    struct walk files;
    struct numbers folders; /* inotify's numbers of the folders of the last look, ascending */
    struct numbers now;     /* of the look that goes on */
};

static int refused(const char *path, struct err *e) {
    if (errno == ENOMEM)
        return err_nomem(e, path);
    if (errno == ENOSPC)
        return err_set(e, PRECIS_ELIMIT,
                       "%s: cannot be watched: the limit of watches is reached "
                       "(/proc/sys/fs/inotify/max_user_watches)",
                       path);
    /* It is gone, or has another name, which is the next event of the folder above it. */
    if (errno != ENOENT && errno != ENOTDIR)
        log_say(LOG_WARN, "%s: cannot be watched: %s", path, strerror(errno));
    return 0;
}

static int watch_folder(void *user, const char *path, struct err *e) {
    struct watch *w = user;
    struct numbers *now = &w->now;
    if (!array_grow((void **)&now->v, now->n, &now->cap, sizeof *now->v))
        return err_nomem(e, path);
    int number = inotify_add_watch(w->fd, path, EVENTS);
    if (number < 0)
        return refused(path, e);
    now->v[now->n++] = number;
    return 0;
}

static int by_number(const void *a, const void *b) {
    int x = *(const int *)a, y = *(const int *)b;
    return (x > y) - (x < y);
}

/* Folders that left the tree but are still somewhere are not watched any more. */
static void keep_numbers(struct watch *w) {
    struct numbers old = w->folders;
    w->folders = w->now;
    w->now = (struct numbers){0};
    if (w->folders.n)
        qsort(w->folders.v, w->folders.n, sizeof *w->folders.v, by_number);
    for (size_t i = 0, k = 0; i < old.n; i++) {
        while (k < w->folders.n && w->folders.v[k] < old.v[i])
            k++;
        if (k == w->folders.n || w->folders.v[k] != old.v[i])
            inotify_rm_watch(w->fd, old.v[i]); /* it may have gone with its folder */
    }
    free(old.v);
}

static struct watch_change compare(const struct walk *before, const struct walk *after) {
    struct watch_change c = {0};
    size_t i = 0, k = 0;
    while (i < before->n || k < after->n) {
        const struct walk_file *a = i < before->n ? &before->files[i] : NULL;
        const struct walk_file *b = k < after->n ? &after->files[k] : NULL;
        int order = !a ? 1 : !b ? -1 : strcmp(a->name, b->name);
        c.removed += order < 0;
        c.added += order > 0;
        c.changed += order == 0 &&
                     (a->size != b->size || a->mtime_ns != b->mtime_ns || a->inode != b->inode);
        i += order <= 0;
        k += order >= 0;
    }
    return c;
}

static int look(struct watch *w, struct watch_change *c, struct err *e) {
    struct walk files;
    w->now.n = 0;
    int rc = walk_tree(w->root, &w->o.files, &files, e);
    if (rc)
        return rc;
    keep_numbers(w);
    *c = compare(&w->files, &files);
    walk_free(&w->files);
    w->files = files;
    return 0;
}

static int start(struct watch *w, struct err *e) {
    struct stat st;
    struct watch_change c;
    if (stat(w->root, &st) == 0 && !S_ISDIR(st.st_mode))
        return err_set(e, PRECIS_EUSAGE, "%s: is not a folder, and only folders are watched",
                       w->root);
    w->fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
    if (w->fd < 0 && (errno == EMFILE || errno == ENFILE))
        return err_set(e, PRECIS_ELIMIT,
                       "%s: cannot be watched: %s (/proc/sys/fs/inotify/max_user_instances)",
                       w->root, strerror(errno));
    if (w->fd < 0)
        return err_set(e, PRECIS_EUNSUPPORTED,
                       "%s: cannot be watched: there is no inotify here: %s", w->root,
                       strerror(errno));
    return look(w, &c, e);
}

int watch_open(const char *root, const struct watch_options *options, struct watch **out,
               struct err *e) {
    *out = NULL;
    struct watch *w = calloc(1, sizeof *w);
    if (!w)
        return err_nomem(e, root);
    *w = (struct watch){.o = *options, .root = root, .fd = -1};
    w->o.files.on_folder = watch_folder;
    w->o.files.user = w;
    w->o.quiet_ms = options->quiet_ms ? options->quiet_ms : QUIET_MS;
    w->o.most_ms = options->most_ms ? options->most_ms : MOST_MS;
    int rc = start(w, e);
    if (rc)
        watch_close(w);
    else
        *out = w;
    return rc;
}

void watch_close(struct watch *w) {
    if (!w)
        return;
    if (w->fd >= 0)
        close(w->fd);
    walk_free(&w->files);
    free(w->folders.v);
    free(w->now.v);
    free(w);
}

const struct walk *watch_files(const struct watch *w) {
    return &w->files;
}

/* Whether it may have to do with a file that is walked. An overflow of the queue has no name. */
static bool matters(const struct inotify_event *event) {
    return !(event->mask & IN_IGNORED) && !(event->len && walk_is_private(event->name));
}

/* Takes what is in the queue, or a part of it. *any: whether something of it matters. */
static int take_events(struct watch *w, bool *any, struct err *e) {
    _Alignas(struct inotify_event) char bytes[1 << 14];
    *any = false;
    ssize_t n = read(w->fd, bytes, sizeof bytes);
    if (n < 0 && errno != EAGAIN && errno != EINTR)
        return err_errno(e, w->root, "watch");
    for (ssize_t at = 0; at < n;) {
        const struct inotify_event *event = (const void *)(bytes + at);
        *any |= matters(event);
        at += (ssize_t)(sizeof *event + event->len);
    }
    return 0;
}

/* Waits until there are events or ms milliseconds have passed. */
static int wait_events(const struct watch *w, int ms, struct err *e) {
    struct pollfd p = {.fd = w->fd, .events = POLLIN};
    if (poll(&p, 1, ms) < 0 && errno != EINTR)
        return err_errno(e, w->root, "watch");
    return 0;
}

int watch_next(struct watch *w, const atomic_bool *stop, struct watch_change *c, struct err *e) {
    bool waiting = false; /* something happened, and there was no look since */
    double first = 0, last = 0;
    *c = (struct watch_change){0};
    for (;;) {
        if (stop && atomic_load(stop))
            return err_set(e, PRECIS_ECANCELLED, "interrupted");
        double quiet = last + w->o.quiet_ms / 1e3, most = first + w->o.most_ms / 1e3;
        double left = (quiet < most ? quiet : most) - clock_seconds();
        if (waiting && left <= 0) {
            int rc = look(w, c, e);
            if (rc || c->added || c->changed || c->removed)
                return rc;
            waiting = false;
        }
        bool any;
        int ms = waiting && left * 1e3 < SLICE_MS ? (int)(left * 1e3) + 1 : SLICE_MS;
        int rc = wait_events(w, ms, e);
        if (rc == 0)
            rc = take_events(w, &any, e);
        if (rc)
            return rc;
        if (!any)
            continue;
        last = clock_seconds();
        if (!waiting)
            first = last;
        waiting = true;
    }
}
