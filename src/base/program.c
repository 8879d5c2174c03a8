#include "base/program.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { OUT, ERR, PIPES };
enum { SLICE_MS = 200 }; /* until the stop flag is looked at again */

struct running {
    const struct program *p;
    struct program_end *end;
    size_t said;
    bool line_over; /* the first line of standard error is */
    pid_t child;
    int fd[PIPES]; /* our ends; -1: closed */
};

static void close_one(int *fd) {
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
}

static bool is_set(const char *variable, const char *const *settings) {
    size_t n = strcspn(variable, "=") + 1;
    for (; *settings; settings++)
        if (strncmp(variable, *settings, n) == 0)
            return true;
    return false;
}

/* The array is the caller's, its strings are not; NULL: out of memory. */
static const char **make_environment(const char *const *settings) {
    size_t n = 0, at = 0;
    for (char **v = environ; *v; v++)
        n++;
    for (const char *const *s = settings; *s; s++)
        n++;
    const char **all = calloc(n + 1, sizeof *all);
    for (char **v = environ; all && *v; v++)
        if (!is_set(*v, settings))
            all[at++] = *v;
    for (; all && *settings; settings++)
        all[at++] = *settings;
    return all;
}

static int prepare_files(posix_spawn_file_actions_t *files, const int theirs[PIPES]) {
    int rc = posix_spawn_file_actions_addopen(files, 0, "/dev/null", O_RDONLY, 0);
    if (rc == 0)
        rc = posix_spawn_file_actions_adddup2(files, theirs[OUT], 1);
    if (rc == 0)
        rc = posix_spawn_file_actions_adddup2(files, theirs[ERR], 2);
    return rc;
}

/* errno or 0. What we ignore the program does not. */
static int spawn(struct running *r, const int theirs[PIPES], const char **environment) {
    posix_spawn_file_actions_t files;
    posix_spawnattr_t how;
    sigset_t pipe;
    sigemptyset(&pipe);
    sigaddset(&pipe, SIGPIPE);
    int rc = posix_spawn_file_actions_init(&files);
    if (rc)
        return rc;
    rc = posix_spawnattr_init(&how);
    if (rc == 0) {
        rc = prepare_files(&files, theirs);
        if (rc == 0)
            rc = posix_spawnattr_setsigdefault(&how, &pipe);
        if (rc == 0)
            rc = posix_spawnattr_setflags(&how, POSIX_SPAWN_SETSIGDEF);
        if (rc == 0)
            rc = posix_spawnp(&r->child, r->p->arguments[0], &files, &how,
                              (char *const *)(uintptr_t)r->p->arguments,
                              (char *const *)(uintptr_t)environment);
        posix_spawnattr_destroy(&how);
    }
    posix_spawn_file_actions_destroy(&files);
    return rc;
}

static int refuse(const struct program *p, int number, struct err *e) {
    if (number == ENOENT)
        return err_set(e, PRECIS_ENOTFOUND, "%s: there is no such program in PATH",
                       p->arguments[0]);
    if (number == ENOMEM)
        return err_nomem(e, p->arguments[0]);
    errno = number;
    return err_errno(e, p->arguments[0], "run");
}

static int start(struct running *r, struct err *e) {
    static const char *const nothing[] = {NULL};
    int pipes[PIPES][2] = {{-1, -1}, {-1, -1}};
    int number = 0;
    for (int i = 0; number == 0 && i < PIPES; i++)
        number = pipe2(pipes[i], O_CLOEXEC) == 0 ? 0 : errno;
    const char **environment = make_environment(r->p->settings ? r->p->settings : nothing);
    if (number == 0 && !environment)
        number = ENOMEM;
    if (number == 0)
        number = spawn(r, (const int[]){pipes[OUT][1], pipes[ERR][1]}, environment);
    free(environment);
    for (int i = 0; i < PIPES; i++) {
        close_one(&pipes[i][1]);
        r->fd[i] = pipes[i][0];
        if (number)
            close_one(&r->fd[i]);
    }
    return number ? refuse(r->p, number, e) : 0;
}

static void note_said(struct running *r, const char *data, size_t n) {
    for (size_t i = 0; i < n && !r->line_over; i++)
        if (data[i] == '\n')
            r->line_over = r->said > 0;
        else if (r->said + 1 < sizeof r->end->said)
            r->end->said[r->said++] = data[i];
}

static int read_some(struct running *r, int which, struct err *e) {
    char data[1 << 16];
    ssize_t n = read(r->fd[which], data, sizeof data);
    if (n < 0)
        return errno == EINTR || errno == EAGAIN ? 0
                                                 : err_errno(e, r->p->arguments[0], "read from");
    if (n == 0)
        close_one(&r->fd[which]);
    else if (which == ERR)
        note_said(r, data, (size_t)n);
    else if (r->p->take)
        return r->p->take(r->p->user, data, (size_t)n, e);
    return 0;
}

static bool is_stopped(const struct program *p) {
    return p->stop && atomic_load(p->stop);
}

static int read_all(struct running *r, struct err *e) {
    int rc = 0;
    while (rc == 0 && (r->fd[OUT] >= 0 || r->fd[ERR] >= 0)) {
        struct pollfd ready[PIPES] = {{.fd = r->fd[OUT], .events = POLLIN},
                                      {.fd = r->fd[ERR], .events = POLLIN}};
        if (is_stopped(r->p))
            return err_set(e, PRECIS_ECANCELLED, "interrupted");
        if (poll(ready, PIPES, SLICE_MS) < 0) {
            if (errno != EINTR)
                return err_errno(e, r->p->arguments[0], "read from");
            continue;
        }
        for (int i = 0; rc == 0 && i < PIPES; i++)
            if (ready[i].revents)
                rc = read_some(r, i, e);
    }
    return rc;
}

static int wait_for(const struct running *r, struct err *e) {
    int status;
    while (waitpid(r->child, &status, 0) < 0)
        if (errno != EINTR)
            return err_errno(e, r->p->arguments[0], "wait for");
    r->end->status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    return 0;
}

int program_run(const struct program *p, struct program_end *end, struct err *e) {
    struct running r = {.p = p, .end = end};
    *end = (struct program_end){0};
    int rc = start(&r, e);
    if (rc)
        return rc;
    rc = read_all(&r, e);
    if (rc)
        kill(r.child, SIGKILL);
    int end_rc = wait_for(&r, rc ? NULL : e);
    close_one(&r.fd[OUT]);
    close_one(&r.fd[ERR]);
    if (rc == 0 && end_rc == 0 && is_stopped(p)) /* the signal may have been the program's, too */
        return err_set(e, PRECIS_ECANCELLED, "interrupted");
    return rc ? rc : end_rc;
}
