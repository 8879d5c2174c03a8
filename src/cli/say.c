#include "cli/cli.h"

#include <inttypes.h>
#include <math.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include "base/log.h"
#include "base/utf8.h"

static struct {
    const char *program;
    bool color, quiet;
    enum log_level most; /* that people are shown */
    void (*log)(enum log_level level, const char *text);
    pthread_mutex_t lock;
    char live[512]; /* "" : none */
} say = {.program = "precis", .lock = PTHREAD_MUTEX_INITIALIZER};

static const char ERASE_LINE[] = "\r\033[K";

static void say_line(const char *label, const char *color, const char *text) {
    pthread_mutex_lock(&say.lock);
    if (say.live[0])
        fputs(ERASE_LINE, stderr);
    if (say.color && color)
        fprintf(stderr, "%s: %s%s%s%s\n", say.program, color, label, "\033[0m", text);
    else
        fprintf(stderr, "%s: %s%s\n", say.program, label, text);
    if (say.live[0])
        fputs(say.live, stderr);
    fflush(stderr);
    pthread_mutex_unlock(&say.lock);
}

static void sink(void *user, enum log_level level, const char *line) {
    (void)user;
    static const char *const labels[] = {"error: ", "warning: ", "", "debug: "};
    static const char *const colors[] = {"\033[1;31m", "\033[33m", NULL, "\033[2m"};
    if (say.log)
        say.log(level, line);
    if (level > say.most)
        return;
    say_line(labels[level], colors[level], line);
}

void say_start(const struct say_options *o) {
    const char *term = getenv("TERM");
    const char *no_color = getenv("NO_COLOR");
    bool tty = isatty(STDERR_FILENO) == 1;
    say.program = o->program;
    say.quiet = o->quiet;
    bool dumb = term && strcmp(term, "dumb") == 0;
    say.color = tty && !dumb && !o->no_color && !(no_color && *no_color);
    enum log_level most = o->quiet          ? LOG_ERROR
                          : o->verbose >= 2 ? LOG_DEBUG
                          : o->verbose == 1 ? LOG_INFO
                                            : LOG_WARN;
    say.most = most;
    say.log = o->log;
    log_set_sink(sink, NULL, o->log && most < LOG_INFO ? LOG_INFO : most);
}

void say_error(const char *text) {
    if (say.log)
        say.log(LOG_ERROR, text);
    say_line("", NULL, text);
}

void say_note(const char *text) {
    if (say.log)
        say.log(LOG_INFO, text);
    say_progress(text);
}

void say_progress(const char *text) {
    if (!say.quiet)
        say_line("", NULL, text);
}

void say_json(const char *members) {
    pthread_mutex_lock(&say.lock);
    fprintf(stderr, "{%s}\n", members);
    fflush(stderr);
    pthread_mutex_unlock(&say.lock);
}

bool say_is_live(void) {
    return say.color;
}

bool say_is_quiet(void) {
    return say.quiet;
}

int say_width(void) {
    struct winsize size;
    if (ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0)
        return size.ws_col;
    return 80;
}

void say_live(const char *line) {
    pthread_mutex_lock(&say.lock);
    if (line || say.live[0])
        fputs(ERASE_LINE, stderr);
    snprintf(say.live, sizeof say.live, "%s", line ? line : "");
    fputs(say.live, stderr);
    fflush(stderr);
    pthread_mutex_unlock(&say.lock);
}

int flush_stdout(struct err *e) {
    if (fflush(stdout) != 0 || ferror(stdout))
        return err_errno(e, "standard output", "write");
    return 0;
}

void time_text(int64_t seconds, const char *fraction, char *out, size_t size) {
    struct tm tm;
    char text[40];
    time_t t = (time_t)seconds;
    if (gmtime_r(&t, &tm) && strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", &tm))
        snprintf(out, size, "%s%sZ", text, fraction);
    else
        snprintf(out, size, "%" PRId64, seconds);
}

void json_put_string(struct buf *b, const char *s, size_t len) {
    static const char hex[] = "0123456789abcdef";
    buf_char(b, '"');
    for (size_t i = 0, from = 0; i <= len; i++) {
        unsigned char c = i < len ? (unsigned char)s[i] : 0;
        if (i < len && c >= 0x20 && c != '"' && c != '\\' && c != 0x7f)
            continue;
        buf_append(b, s + from, i - from);
        from = i + 1;
        if (i == len)
            break;
        if (c == '"' || c == '\\') {
            buf_char(b, '\\');
            buf_char(b, (char)c);
        } else if (c == '\n') {
            buf_str(b, "\\n");
        } else if (c == '\t') {
            buf_str(b, "\\t");
        } else {
            buf_str(b, "\\u00");
            buf_char(b, hex[c >> 4]);
            buf_char(b, hex[c & 15]);
        }
    }
    buf_char(b, '"');
}

void json_put_text(struct buf *b, const char *s, size_t len) {
    struct buf valid = {0};
    utf8_append_valid(&valid, s, len);
    json_put_string(b, valid.data ? valid.data : "", valid.len);
    b->failed |= buf_failed(&valid);
    buf_free(&valid);
}

void json_put_member(struct buf *b, const char *name, const char *s) {
    buf_printf(b, "\"%s\": ", name);
    if (s)
        json_put_string(b, s, strlen(s));
    else
        buf_str(b, "null");
}

void json_put_number(struct buf *b, double v, int digits) {
    if (isfinite(v))
        buf_printf(b, "%.*g", digits, v);
    else
        buf_str(b, "null");
}
