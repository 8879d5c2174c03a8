#include "code/walk.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/file.h"
#include "base/log.h"
#include "code/rules.h"
#include "code/seen.h"
#include "code/sniff.h"

enum { DEFAULT_MAX_FILE_SIZE = 16 << 20 };
enum { OPEN_FILE = O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC };
enum { OPEN_FOLDER = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC };

/* A folder that waits to be read, or a symbolic link that waits to be resolved. */
struct pending {
    char *name;   /* relative to the root, as it is listed; "" for the root; owned */
    char *target; /* where it really is, when a link led there; else NULL: as the name; owned */
    const struct rules_node *rules;
    bool included; /* what is below is wanted unless an include pattern says otherwise */
};

struct pendings {
    struct pending *v; /* owned */
    size_t n, cap;
};

/* Folders are taken from a list of names and opened anew from the root, each part by openat with
 * O_NOFOLLOW: no recursion, few descriptors however deep the tree, and no way out of it. */
struct walker {
    const struct walk_options *options;
    size_t max_file_size;
    const char *root; /* as given, without slashes at the end; for messages and paths */
    size_t root_len;
    char *real_root; /* resolved; owned */
    int root_fd;
    int last_fd;     /* the folder read last, open for its children; -1: none */
    char *last_name; /* its place below the root; owned */
    struct rules rules;
    struct ignore *include, *exclude; /* NULL: none */
    struct pendings folders, links;
    struct seen folders_seen, files_seen;
    struct walk *w;
    size_t cap;
    bool links_now; /* links are being followed: what is known already is not listed again */
    struct sniff sniff;
    int lacked; /* errno where not the tree but the machine was why; 0: nowhere */
    struct err *e;
};

static void pending_free(struct pending *p) {
    free(p->name);
    free(p->target);
}

static void pendings_free(struct pendings *list) {
    for (size_t i = 0; i < list->n; i++)
        pending_free(&list->v[i]);
    free(list->v);
    *list = (struct pendings){0};
}

/* Takes p's strings in any case. */
static int pendings_push(struct walker *k, struct pendings *list, struct pending p) {
    if (!p.name || !array_grow((void **)&list->v, list->n, &list->cap, sizeof *list->v)) {
        pending_free(&p);
        return err_nomem(k->e, k->root);
    }
    list->v[list->n++] = p;
    return 0;
}

static char *join(const char *folder, const char *name) {
    size_t len = strlen(folder);
    size_t size = len + strlen(name) + 2;
    char *s = malloc(size);
    if (s)
        snprintf(s, size, "%s%s%s", folder, len && folder[len - 1] != '/' ? "/" : "", name);
    return s;
}

static void unreadable(struct walker *k, const char *name) {
    k->w->stats.unreadable++;
    if (errno == ENOMEM || errno == EMFILE || errno == ENFILE)
        k->lacked = errno;
    log_say(LOG_WARN, "%s/%s: skipped: %s", k->root, name, strerror(errno));
}

bool walk_is_private(const char *base) {
    static const char *const names[] = {".git", ".hg", ".svn", ".precis"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strcmp(base, names[i]) == 0)
            return true;
    return false;
}

static bool has_private_part(const char *name) {
    while (*name) {
        size_t len = strcspn(name, "/");
        char part[16];
        if (len < sizeof part) {
            memcpy(part, name, len);
            part[len] = 0;
            if (walk_is_private(part))
                return true;
        }
        name += len + (name[len] == '/');
    }
    return false;
}

/* Opens what lies at `place` below the root without following any link. -1 with errno. */
static int open_below(const struct walker *k, const char *place, int flags) {
    char part[NAME_MAX + 1];
    int at = k->root_fd;
    const char *slash = strrchr(place, '/');
    if (slash && k->last_fd >= 0 && strlen(k->last_name) == (size_t)(slash - place) &&
        memcmp(place, k->last_name, (size_t)(slash - place)) == 0) {
        at = k->last_fd;
        place = slash + 1;
    }
    for (;;) {
        size_t len = strcspn(place, "/");
        if (len > NAME_MAX) {
            errno = ENAMETOOLONG;
            return -1;
        }
        memcpy(part, place, len);
        part[len] = 0;
        bool last = place[len] == 0;
        int fd = openat(at, len ? part : ".",
                        last ? flags : O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        int saved = errno;
        if (at != k->root_fd && at != k->last_fd)
            close(at);
        errno = saved;
        if (fd < 0 || last)
            return fd;
        at = fd;
        place += len + 1;
    }
}

/* Whether patterns keep the entry out; *included is updated for what lies below a folder. */
static int is_skipped(struct walker *k, const char *name, bool is_dir,
                      const struct rules_node *rules, bool *included, bool *skipped) {
    enum ignore_verdict verdict = IGNORE_NONE;
    int rc = rules_match(&k->rules, rules, name, is_dir, &verdict, k->e);
    if (rc)
        return rc;
    if (k->exclude && ignore_match(k->exclude, name, is_dir) == IGNORE_YES)
        verdict = IGNORE_YES;
    if (k->include) {
        enum ignore_verdict wanted = ignore_match(k->include, name, is_dir);
        if (wanted != IGNORE_NONE)
            *included = wanted == IGNORE_YES;
    }
    /* Something deeper in a folder may yet be asked for. */
    *skipped = verdict == IGNORE_YES || (!is_dir && !*included);
    k->w->stats.ignored += *skipped;
    return 0;
}

static int list_file(struct walker *k, const char *name, const struct stat *st,
                     const struct lang *lang) {
    if (!array_grow((void **)&k->w->files, k->w->n, &k->cap, sizeof *k->w->files))
        return err_nomem(k->e, k->root);
    struct walk_file f = {.path = join(k->root, name),
                          .name = strdup(name),
                          .size = (size_t)st->st_size,
                          .mtime_ns =
                              (int64_t)st->st_mtim.tv_sec * 1000000000 + st->st_mtim.tv_nsec,
                          .inode = st->st_ino,
                          .lang = lang};
    if (!f.path || !f.name || seen_add(&k->files_seen, st->st_dev, st->st_ino) < 0) {
        free(f.path);
        free(f.name);
        return err_nomem(k->e, k->root);
    }
    k->w->files[k->w->n++] = f;
    return 0;
}

static bool is_wanted(const struct walker *k, const struct lang *lang) {
    return k->options->all_text || (lang && lang->kind == LANG_CODE);
}

/* Looks into an open file. *counter: why it is not listed; NULL: it is to be listed. */
static int inspect(struct walker *k, int fd, const char *name, const struct stat *st,
                   const struct lang **lang, size_t **counter) {
    struct walk_stats *stats = &k->w->stats;
    *counter = NULL;
    if (!S_ISREG(st->st_mode))
        *counter = &stats->special;
    else if (k->links_now && seen_has(&k->files_seen, st->st_dev, st->st_ino))
        *counter = &stats->duplicate;
    if (*counter)
        return 0;
    if (sniff_read(fd, &k->sniff) != 0)
        return -1;
    *lang = lang_of(name, k->sniff.head, k->sniff.n);
    if (sniff_is_binary(&k->sniff))
        *counter = &stats->binary;
    else if (!is_wanted(k, *lang))
        *counter = &stats->not_code;
    else if ((uint64_t)st->st_size > k->max_file_size)
        *counter = &stats->too_large;
    else if (sniff_is_marked(&k->sniff))
        *counter = &stats->generated;
    else {
        int minified = sniff_is_minified(&k->sniff, fd, (size_t)st->st_size);
        if (minified < 0)
            return -1;
        if (minified)
            *counter = &stats->generated;
    }
    return 0;
}

/* A regular file (as far as is known) at `base` in the folder open as `at`. */
static int visit_file(struct walker *k, int at, const char *base, const char *name) {
    struct walk_stats *stats = &k->w->stats;
    const struct lang *lang = lang_of(name, NULL, 0);
    if (lang && !is_wanted(k, lang)) {
        stats->not_code++;
        return 0;
    }
    if (k->root_len + 1 + strlen(name) >= PATH_MAX) {
        errno = ENAMETOOLONG;
        unreadable(k, name);
        return 0;
    }
    struct stat st;
    size_t *counter = NULL;
    int rc = 0;
    int fd = openat(at, base, OPEN_FILE);
    if (fd < 0 || fstat(fd, &st) != 0 || inspect(k, fd, name, &st, &lang, &counter) != 0)
        unreadable(k, name);
    else if (counter)
        ++*counter;
    else
        rc = list_file(k, name, &st, lang);
    if (fd >= 0)
        close(fd);
    return rc;
}

static unsigned char entry_type(int at, const struct dirent *entry) {
    struct stat st;
    if (entry->d_type != DT_UNKNOWN)
        return entry->d_type;
    if (fstatat(at, entry->d_name, &st, AT_SYMLINK_NOFOLLOW) != 0)
        return DT_UNKNOWN;
    return (unsigned char)IFTODT(st.st_mode);
}

static int visit_entry(struct walker *k, int at, const struct dirent *entry,
                       const struct pending *folder, const struct rules_node *rules) {
    const char *base = entry->d_name;
    unsigned char type = entry_type(at, entry);
    bool included = folder->included;
    bool skipped = false;
    char *name = join(folder->name, base);
    char *target = NULL;
    int rc = name ? 0 : err_nomem(k->e, k->root);
    /* What a link is decides which patterns hold for it: later. */
    if (rc == 0 && type != DT_LNK)
        rc = is_skipped(k, name, type == DT_DIR, rules, &included, &skipped);
    if (rc || skipped)
        goto done;
    if (type == DT_DIR || type == DT_LNK) {
        if (folder->target && !(target = join(folder->target, base))) {
            rc = err_nomem(k->e, k->root);
            goto done;
        }
        struct pending p = {.name = name, .target = target, .rules = rules, .included = included};
        name = target = NULL;
        rc = pendings_push(k, type == DT_DIR ? &k->folders : &k->links, p);
    } else if (type == DT_REG) {
        rc = visit_file(k, at, base, name);
    } else if (type == DT_UNKNOWN) {
        unreadable(k, name);
    } else {
        k->w->stats.special++;
    }
done:
    free(name);
    free(target);
    return rc;
}

static int read_entries(struct walker *k, int fd, const struct pending *p,
                        const struct rules_node *rules) {
    int copy = fcntl(fd, F_DUPFD_CLOEXEC, 0);
    DIR *dir = copy >= 0 ? fdopendir(copy) : NULL;
    if (!dir) {
        unreadable(k, p->name);
        if (copy >= 0)
            close(copy);
        return 0;
    }
    int rc = 0;
    while (rc == 0) {
        errno = 0;
        const struct dirent *entry = readdir(dir);
        if (!entry) {
            if (errno)
                unreadable(k, p->name);
            break;
        }
        if (file_is_dots(entry->d_name))
            continue;
        if (walk_is_private(entry->d_name))
            k->w->stats.ignored++;
        else
            rc = visit_entry(k, fd, entry, p, rules);
    }
    closedir(dir);
    return rc;
}

/* Keeps the folder open for its children, which come next; takes fd. */
static void remember(struct walker *k, int fd, char *place) {
    if (k->last_fd >= 0)
        close(k->last_fd);
    free(k->last_name);
    k->last_fd = fd;
    k->last_name = place;
}

static int tell_folder(struct walker *k, const char *place) {
    if (!k->options->on_folder)
        return 0;
    char *path = *place ? join(k->root, place) : strdup(k->root);
    if (!path)
        return err_nomem(k->e, k->root);
    int rc = k->options->on_folder(k->options->user, path, k->e);
    free(path);
    return rc;
}

static int visit_folder(struct walker *k, const struct pending *p) {
    const char *place = p->target ? p->target : p->name;
    struct stat st;
    if (k->root_len + 1 + strlen(p->name) >= PATH_MAX) {
        errno = ENAMETOOLONG;
        unreadable(k, p->name);
        return 0;
    }
    int fd = open_below(k, place, OPEN_FOLDER);
    if (fd < 0 || fstat(fd, &st) != 0) {
        unreadable(k, p->name);
        if (fd >= 0)
            close(fd);
        return 0;
    }
    const struct rules_node *rules = p->rules;
    int added = seen_add(&k->folders_seen, st.st_dev, st.st_ino);
    if (added <= 0) {
        k->w->stats.duplicate += added == 0;
        close(fd);
        return added < 0 ? err_nomem(k->e, k->root) : 0;
    }
    k->w->stats.folders++;
    int rc = tell_folder(k, place);
    if (rc == 0 && !k->options->no_gitignore)
        rc = rules_enter(&k->rules, p->rules, fd, p->name, &rules, k->e);
    if (rc == 0)
        rc = read_entries(k, fd, p, rules);
    char *copy = strdup(place);
    if (!copy) {
        close(fd);
        return rc ? rc : err_nomem(k->e, k->root);
    }
    remember(k, fd, copy);
    return rc;
}

static int drain_folders(struct walker *k) {
    int rc = 0;
    while (rc == 0 && k->folders.n) {
        struct pending p = k->folders.v[--k->folders.n];
        rc = visit_folder(k, &p);
        pending_free(&p);
    }
    return rc;
}

/* Where a resolved path lies below the root; NULL: outside. */
static const char *below_root(const struct walker *k, const char *real) {
    size_t len = strlen(k->real_root);
    if (len == 1)
        return real + 1;
    if (strncmp(real, k->real_root, len) != 0 || (real[len] != '/' && real[len] != 0))
        return NULL;
    return real + len + (real[len] == '/');
}

static int follow_file(struct walker *k, const struct pending *link, const char *place) {
    char folder[PATH_MAX];
    const char *slash = strrchr(place, '/');
    size_t len = slash ? (size_t)(slash - place) : 0;
    memcpy(folder, place, len); /* place is shorter than PATH_MAX: realpath made it */
    folder[len] = 0;
    int at = open_below(k, folder, OPEN_FOLDER);
    if (at < 0) {
        unreadable(k, link->name);
        return 0;
    }
    int rc = visit_file(k, at, slash ? slash + 1 : place, link->name);
    close(at);
    return rc;
}

/* The resolved path is only a hint: it is opened again part by part, so a link that changes
 * meanwhile leads nowhere. */
static int follow_link(struct walker *k, const struct pending *link) {
    char real[PATH_MAX];
    struct stat st;
    int rc = 0;
    char *path = join(k->real_root, link->target ? link->target : link->name);
    if (!path)
        return err_nomem(k->e, k->root);
    if (!realpath(path, real) || lstat(real, &st) != 0) {
        unreadable(k, link->name);
        goto done;
    }
    const char *place = below_root(k, real);
    bool included = link->included;
    bool skipped = false;
    if (!place) {
        k->w->stats.links_out++;
        goto done;
    }
    if (has_private_part(place)) {
        k->w->stats.ignored++;
        goto done;
    }
    rc = is_skipped(k, link->name, S_ISDIR(st.st_mode), link->rules, &included, &skipped);
    if (rc || skipped)
        goto done;
    if (S_ISDIR(st.st_mode)) {
        char *target = strdup(place);
        struct pending p = {.name = target ? strdup(link->name) : NULL,
                            .target = target,
                            .rules = link->rules,
                            .included = included};
        rc = pendings_push(k, &k->folders, p);
    } else if (S_ISREG(st.st_mode)) {
        rc = follow_file(k, link, place);
    } else {
        k->w->stats.special++;
    }
done:
    free(path);
    return rc;
}

static int by_link_name(const void *a, const void *b) {
    return strcmp(((const struct pending *)a)->name, ((const struct pending *)b)->name);
}

/* Links come after everything that lies in the tree itself, in the order of their names, so that a
 * file is listed by its own name if it can be. Folders that they lead to may hold more of them. */
static int drain_links(struct walker *k) {
    int rc = 0;
    k->links_now = true;
    while (rc == 0 && k->links.n) {
        struct pendings round = k->links;
        k->links = (struct pendings){0};
        qsort(round.v, round.n, sizeof *round.v, by_link_name);
        for (size_t i = 0; rc == 0 && i < round.n; i++) {
            rc = follow_link(k, &round.v[i]);
            if (rc == 0)
                rc = drain_folders(k);
        }
        pendings_free(&round);
    }
    return rc;
}

static int by_file_name(const void *a, const void *b) {
    return strcmp(((const struct walk_file *)a)->name, ((const struct walk_file *)b)->name);
}

static int walk_folder(struct walker *k) {
    k->root_fd = open(k->root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (k->root_fd < 0)
        return err_errno(k->e, k->root, "open");
    k->real_root = realpath(k->root, NULL);
    if (!k->real_root)
        return err_errno(k->e, k->root, "resolve");
    int rc = 0;
    if (!k->options->no_gitignore)
        rc = rules_open(&k->rules, k->real_root, k->e);
    if (rc == 0 && k->options->include)
        rc = ignore_from_list(k->options->include, &k->include, k->e);
    if (rc == 0 && k->options->exclude)
        rc = ignore_from_list(k->options->exclude, &k->exclude, k->e);
    if (rc)
        return rc;
    struct pending root = {
        .name = strdup(""), .rules = k->rules.base, .included = k->include == NULL};
    rc = pendings_push(k, &k->folders, root);
    if (rc == 0)
        rc = drain_folders(k);
    if (rc == 0)
        rc = drain_links(k);
    if (rc == 0 && k->w->n)
        qsort(k->w->files, k->w->n, sizeof *k->w->files, by_file_name);
    return rc;
}

/* One file as it is: no patterns, no limits, but it must be text. */
static int take_file(struct walker *k, const char *path) {
    struct stat st;
    int rc = 0;
    int fd = open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    if (fd < 0)
        return err_errno(k->e, path, "open");
    if (fstat(fd, &st) != 0 || sniff_read(fd, &k->sniff) != 0)
        rc = err_errno(k->e, path, "read");
    else if (k->sniff.n == 0)
        rc = err_set(k->e, PRECIS_EINPUT, "%s: is empty", path);
    else if (sniff_is_binary(&k->sniff))
        rc = err_set(k->e, PRECIS_EINPUT, "%s: is binary: byte 0 at offset %zu", path,
                     (size_t)((char *)memchr(k->sniff.head, 0, k->sniff.n) - k->sniff.head));
    close(fd);
    if (rc)
        return rc;
    const char *slash = strrchr(path, '/');
    rc = list_file(k, slash ? slash + 1 : path, &st, lang_of(path, k->sniff.head, k->sniff.n));
    if (rc == 0) {
        char *copy = strdup(path);
        if (!copy)
            return err_nomem(k->e, path);
        free(k->w->files[0].path);
        k->w->files[0].path = copy;
    }
    return rc;
}

int walk_tree(const char *root, const struct walk_options *options, struct walk *w, struct err *e) {
    *w = (struct walk){0};
    size_t len = strlen(root);
    struct stat st;
    if (stat(root, &st) != 0)
        return err_errno(e, root, "open");
    if (!S_ISDIR(st.st_mode) && !S_ISREG(st.st_mode))
        return err_set(e, PRECIS_EINPUT, "%s: is neither a file nor a folder", root);
    while (len > 1 && root[len - 1] == '/')
        len--;
    struct walker *k = calloc(1, sizeof *k);
    char *trimmed = strndup(root, len);
    if (!k || !trimmed) {
        free(k);
        free(trimmed);
        return err_nomem(e, root);
    }
    *k = (struct walker){.options = options,
                         .max_file_size = options->max_file_size ? options->max_file_size
                                                                 : DEFAULT_MAX_FILE_SIZE,
                         .root = trimmed,
                         .root_len = len,
                         .root_fd = -1,
                         .last_fd = -1,
                         .w = w,
                         .e = e};
    int rc = S_ISREG(st.st_mode) ? take_file(k, root) : walk_folder(k);
    if (rc == 0 && k->lacked) {
        errno = k->lacked;
        rc = errno == ENOMEM ? err_nomem(e, root) : err_errno(e, root, "read");
    }
    remember(k, -1, NULL);
    if (k->root_fd >= 0)
        close(k->root_fd);
    pendings_free(&k->folders);
    pendings_free(&k->links);
    seen_free(&k->folders_seen);
    seen_free(&k->files_seen);
    ignore_free(k->include);
    ignore_free(k->exclude);
    rules_free(&k->rules);
    free(k->real_root);
    free(trimmed);
    free(k);
    if (rc)
        walk_free(w);
    return rc;
}

void walk_free(struct walk *w) {
    for (size_t i = 0; i < w->n; i++) {
        free(w->files[i].path);
        free(w->files[i].name);
    }
    free(w->files);
    *w = (struct walk){0};
}
