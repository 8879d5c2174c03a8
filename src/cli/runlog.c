#include "cli/runlog.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/pool.h"
#include "cli/cli.h"

static const char first_bytes[] = "{\"time\": \"";

static struct {
    pthread_mutex_t lock;
    const char *path; /* NULL: there is no log */
    int fd;
    double begun; /* clock_seconds */
} runlog = {.lock = PTHREAD_MUTEX_INITIALIZER, .fd = -1};

/* Whether a log may be written at the end of what is there; *cut: its last line has no end. */
static bool is_log(int fd, bool *cut) {
    char head[sizeof first_bytes - 1], last = 0;
    struct stat st;
    *cut = false;
    if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode) || st.st_size == 0)
        return true;
    if (pread(fd, head, sizeof head, 0) != (ssize_t)sizeof head ||
        memcmp(head, first_bytes, sizeof head) != 0)
        return false;
    *cut = pread(fd, &last, 1, st.st_size - 1) == 1 && last != '\n';
    return true;
}

int runlog_open(const char *path, struct err *e) {
    struct stat st;
    bool special = stat(path, &st) == 0 && !S_ISREG(st.st_mode), cut;
    int fd =
        open(path, (special ? O_WRONLY : O_RDWR) | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY, 0666);
    if (fd < 0)
        return err_errno(e, path, "write");
    if (!is_log(fd, &cut)) {
        close(fd);
        return err_set(e, PRECIS_EUSAGE, "--log %s: is no log of precis, so it is left as it is",
                       path);
    }
    if (cut && write(fd, "\n", 1) != 1) {
        int rc = err_errno(e, path, "write");
        close(fd);
        return rc;
    }
    runlog.fd = fd;
    runlog.path = path;
    runlog.begun = clock_seconds();
    return 0;
}

bool runlog_is_open(void) {
    pthread_mutex_lock(&runlog.lock);
    bool is = runlog.path != NULL;
    pthread_mutex_unlock(&runlog.lock);
    return is;
}

static void put_time(struct buf *b) {
    struct timespec now;
    char fraction[16], when[48];
    clock_gettime(CLOCK_REALTIME, &now);
    snprintf(fraction, sizeof fraction, ".%03ld", now.tv_nsec / 1000000);
    time_text(now.tv_sec, fraction, when, sizeof when);
    buf_printf(b, "%s%s\"", first_bytes, when);
}

/* 0, or why not all of it was written. */
static int write_all(int fd, const char *s, size_t len) {
    ssize_t n;
    do
        n = write(fd, s, len);
    while (n < 0 && errno == EINTR);
    return n < 0 ? errno : (size_t)n < len ? ENOSPC : 0;
}

void runlog_put(enum log_level level, const char *members) {
    static const char *const levels[] = {"error", "warning", "info", "debug"};
    struct buf b = {0};
    struct err e = {0};
    if (!runlog_is_open())
        return;
    put_time(&b);
    buf_printf(&b, ", \"pid\": %ld, \"level\": \"%s\", ", (long)getpid(), levels[level]);
    buf_str(&b, members);
    buf_str(&b, "}\n");
    pthread_mutex_lock(&runlog.lock);
    int failed = 0;
    if (runlog.path)
        failed = buf_failed(&b) ? ENOMEM : write_all(runlog.fd, b.data, b.len);
    if (failed) {
        errno = failed;
        err_errno(&e, runlog.path, "write");
        close(runlog.fd);
        runlog.fd = -1;
        runlog.path = NULL;
    }
    pthread_mutex_unlock(&runlog.lock);
    if (failed) {
        err_prefix(&e, "the log ends here");
        say_error(e.text);
    }
    buf_free(&b);
}

void runlog_message(enum log_level level, const char *text) {
    struct buf b = {0};
    if (!runlog_is_open())
        return;
    buf_str(&b, "\"event\": \"message\", \"message\": ");
    json_put_text(&b, text, strlen(text));
    if (!buf_failed(&b))
        runlog_put(level, b.data);
    buf_free(&b);
}

void runlog_start(const char *command, int argc, char **argv) {
    struct buf b = {0};
    json_put_member(&b, "event", "start");
    buf_str(&b, ", ");
    json_put_member(&b, "version", PRECIS_VERSION);
    buf_str(&b, ", ");
    json_put_member(&b, "command", command);
    buf_str(&b, ", \"arguments\": [");
    for (int i = 0; i < argc; i++) {
        buf_str(&b, i ? ", " : "");
        json_put_text(&b, argv[i], strlen(argv[i]));
    }
    buf_char(&b, ']');
    if (!buf_failed(&b))
        runlog_put(LOG_INFO, b.data);
    buf_free(&b);
}

void runlog_end(int exit_code) {
    struct buf b = {0};
    if (!runlog_is_open())
        return;
    buf_printf(&b, "\"event\": \"end\", \"exit_code\": %d, \"seconds\": ", exit_code);
    json_put_number(&b, clock_seconds() - runlog.begun, 6);
    if (!buf_failed(&b))
        runlog_put(exit_code == EXIT_BAD ? LOG_ERROR : LOG_INFO, b.data);
    buf_free(&b);
    pthread_mutex_lock(&runlog.lock);
    if (runlog.fd >= 0)
        close(runlog.fd);
    runlog.fd = -1;
    runlog.path = NULL;
    pthread_mutex_unlock(&runlog.lock);
}
