#include "cli/piped.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "cli/input_text.h"
#include "code/sniff.h"

static const char WHO[] = "standard input";

bool piped_is_asked(const char *const *paths, size_t n) {
    for (size_t i = 0; i < n; i++)
        if (strcmp(paths[i], "-") == 0)
            return true;
    return false;
}

static int check(const struct args *a, size_t n_paths, struct err *e) {
    if (n_paths != 1)
        return err_set(e, PRECIS_EUSAGE, "-: standard input goes alone, without other paths");
    if (a->prompt_file && strcmp(a->prompt_file, "-") == 0)
        return err_set(e, PRECIS_EUSAGE, "--prompt-file -: standard input is what is summarised");
    if (a->name && !*a->name)
        return err_set(e, PRECIS_EUSAGE, "--name: is empty");
    if (a->store) /* or PRECIS_STORE, which is of all runs */
        log_say(LOG_WARN, "standard input has no place in a store: nothing is kept in %s",
                a->store);
    return 0;
}

/* A file that has no name on any disk, so that nothing stays when we are killed. */
static int keep_text(struct piped *p, const struct buf *text, struct err *e) {
    p->fd = memfd_create("precis", MFD_CLOEXEC);
    if (p->fd < 0)
        return err_errno(e, WHO, "keep");
    for (size_t done = 0; done < text->len;) {
        ssize_t n = write(p->fd, text->data + done, text->len - done);
        if (n < 0 && errno != EINTR)
            return err_errno(e, WHO, "keep");
        done += n > 0 ? (size_t)n : 0;
    }
    return 0;
}

static int check_text(const struct sniff *s, struct err *e) {
    if (!s->n)
        return err_set(e, PRECIS_EINPUT, "%s: is empty", WHO);
    return sniff_is_binary(s) ? err_set(e, PRECIS_EINPUT, "%s: is binary: byte 0 at offset %td",
                                        WHO, (const char *)memchr(s->head, 0, s->n) - s->head)
                              : 0;
}

static int list_text(const struct piped *p, const char *name, struct walk *w, struct err *e) {
    struct stat st;
    struct sniff head;
    char path[64];
    if (fstat(p->fd, &st) != 0 || sniff_read(p->fd, &head) != 0)
        return err_errno(e, WHO, "look at");
    int rc = check_text(&head, e);
    if (rc)
        return rc;
    snprintf(path, sizeof path, "/proc/self/fd/%d", p->fd);
    w->files = calloc(1, sizeof *w->files);
    if (!w->files)
        return err_nomem(e, WHO);
    w->n = 1;
    w->files[0] =
        (struct walk_file){.path = strdup(path),
                           .name = strdup(name),
                           .size = (size_t)st.st_size,
                           .mtime_ns = (int64_t)st.st_mtim.tv_sec * 1000000000 + st.st_mtim.tv_nsec,
                           .inode = st.st_ino,
                           .lang = lang_of(name, head.head, head.n)};
    return w->files[0].path && w->files[0].name ? 0 : err_nomem(e, WHO);
}

int piped_walk(const struct args *a, size_t n_paths, struct piped *p, struct walk *w,
               struct err *e) {
    struct buf text = {0};
    int rc = check(a, n_paths, e);
    if (rc == 0)
        rc = input_read("-", &text, e);
    if (rc == 0)
        rc = keep_text(p, &text, e);
    if (rc == 0)
        rc = list_text(p, a->name ? a->name : "stdin", w, e);
    buf_free(&text);
    return rc;
}

void piped_close(struct piped *p) {
    if (p->fd >= 0)
        close(p->fd);
    p->fd = -1;
}
