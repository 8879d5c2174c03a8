#include "cli/embed_output.h"

#include <math.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/pool.h"
#include "cli/cli.h"

enum { DIGITS = 9 };

void embed_put_float(struct buf *b, float v) {
    static const double tens[] = {1e8, 1e9, 1e10, 1e11, 1e12};
    double most = 1, size = fabs((double)v);
    int zeros = 0; /* between the point and the first digit */
    if (!(size < 1 && size >= 1e-4)) {
        json_put_number(b, (double)v, DIGITS);
        return;
    }
    while (size < most / 10)
        most /= 10, zeros++;
    uint64_t digits = (uint64_t)llrint(size * tens[zeros] * 10);
    int n = DIGITS;
    if (digits >= 1000000000) { /* rounded up to the next power of ten */
        json_put_number(b, (double)v, DIGITS);
        return;
    }
    for (; digits % 10 == 0; n--)
        digits /= 10;
    char out[24] = "0.000000000000";
    for (int i = n; i-- > 0; digits /= 10)
        out[2 + zeros + i] = (char)('0' + digits % 10);
    if (v < 0)
        buf_char(b, '-');
    buf_append(b, out, (size_t)n + (size_t)zeros + 2);
}

int npy_write_header(FILE *f, const char *name, uint64_t rows, size_t width, struct err *e) {
    char header[NPY_HEADER + 1];
    static const char magic[] = "\x93NUMPY\x01\x00\x76\x00"; /* 118 bytes follow */
    const size_t begin = sizeof magic - 1;
    memset(header, ' ', sizeof header);
    memcpy(header, magic, begin);
    int n = snprintf(header + begin, sizeof header - begin,
                     "{'descr': '<f4', 'fortran_order': False, 'shape': (%llu, %zu), }",
                     (unsigned long long)rows, width);
    header[begin + (size_t)n] = ' ';
    header[NPY_HEADER - 1] = '\n';
    if (fseek(f, 0, SEEK_SET) != 0 || fwrite(header, 1, NPY_HEADER, f) != NPY_HEADER ||
        (rows && fseek(f, 0, SEEK_END) != 0))
        return err_errno(e, name, "write");
    return 0;
}

void embed_progress_begin(struct embed_progress *p) {
    struct stat st;
    p->live = say_is_live() && !say_is_quiet();
    p->started = clock_seconds();
    if (fstat(STDIN_FILENO, &st) == 0 && S_ISREG(st.st_mode))
        p->all = (uint64_t)st.st_size;
}

void embed_progress_line(const struct embed_progress *p, size_t done, double seconds, char *out,
                         size_t size) {
    double speed = seconds > 0 ? (double)p->tokens / seconds : 0;
    uint64_t texts = p->texts + done;
    if (p->all)
        snprintf(out, size, "%llu texts  %.0f tokens/s  %.0f %% read  elapsed %.0f s",
                 (unsigned long long)texts, speed, 100.0 * (double)p->bytes / (double)p->all,
                 seconds);
    else
        snprintf(out, size, "%llu texts  %.0f tokens/s  elapsed %.0f s", (unsigned long long)texts,
                 speed, seconds);
}

void embed_progress_show(void *progress, size_t done, size_t n) {
    static const double every = 0.2;
    struct embed_progress *p = progress;
    double seconds = clock_seconds() - p->started;
    char line[256];
    (void)n;
    if (!p->live || seconds < p->next)
        return;
    p->next = seconds + every;
    embed_progress_line(p, done, seconds, line, sizeof line);
    say_live(line);
}

void embed_progress_end(struct embed_progress *p) {
    if (p->live)
        say_live(NULL);
}
