#include "cli/bench.h"

#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/pool.h"
#include "base/rng.h"
#include "code/chunk.h"

static int by_value(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return x < y ? -1 : x > y;
}

double bench_median(double *v, size_t n) {
    qsort(v, n, sizeof *v, by_value);
    return n % 2 ? v[n / 2] : (v[n / 2 - 1] + v[n / 2]) / 2;
}

int bench_ids(size_t n, size_t vocab, uint64_t seed, struct ids *out, struct err *e) {
    struct rng r = {.state = seed};
    out->n = 0;
    for (size_t i = 0; i < n; i++)
        ids_push(out, (uint32_t)(rng_next(&r) % vocab));
    return out->failed ? err_nomem(e, "prompt") : 0;
}

int bench_code(size_t lines, struct buf *out, struct err *e) {
    static const char *const names[] = {"count", "total", "index", "weight", "offset", "limit"};
    static const char *const operators[] = {"+", "-", "*", "&", "|", "^"};
    enum { NAMES = 6, BODY = 8 };
    struct rng r = {.state = 1};
    for (size_t i = 0; i < lines; i++) {
        size_t at = i % (BODY + 3), function = i / (BODY + 3);
        uint64_t x = rng_next(&r);
        const char *a = names[x % NAMES], *b = names[x / 8 % NAMES];
        if (at == 0)
            buf_printf(out, "/* Mixes the %s of table %zu. */\n", a, function);
        else if (at == 1)
            buf_printf(out, "static int mix_%s_%zu(int count, int limit) {\n", a, function);
        else if (at == BODY + 2)
            buf_str(out, "    return count; }\n");
        else
            buf_printf(out, "    count = (%s %s %llu) %s limit; /* %s */\n",
                       x & 256 ? "count" : "limit", operators[x / 64 % 6],
                       (unsigned long long)(x >> 32 & 4095), operators[x / 512 % 6], b);
    }
    return buf_failed(out) ? err_nomem(e, "made-up code") : 0;
}

static int cut_once(const char *path, const struct buf *text, uint64_t loc, struct bench_chunk *out,
                    struct err *e) {
    struct mapping m = {0};
    struct chunks c = {0};
    double started = clock_seconds();
    int rc = path ? file_map(path, &m, e) : 0;
    const void *data = path ? (const void *)m.data : (const void *)text->data;
    out->bytes = path ? m.size : text->len;
    if (rc == 0)
        rc = chunk_lines(data, out->bytes, loc, &c, e);
    out->chunks = c.n;
    out->lines = c.lines;
    chunks_free(&c);
    file_unmap(&m);
    out->seconds = clock_seconds() - started;
    return rc;
}

/* Made-up code again and again, up to `bytes`. */
static int fill(size_t bytes, struct buf *text, struct err *e) {
    int rc = bench_code(20000, text, e);
    size_t unit = text->len;
    if (rc == 0 && (bytes < unit || buf_reserve(text, bytes - unit))) {
        for (; text->len < bytes; text->len += unit < bytes - text->len ? unit : bytes - text->len)
            memcpy(text->data + text->len, text->data,
                   unit < bytes - text->len ? unit : bytes - text->len);
        text->len = bytes;
        return 0;
    }
    return rc ? rc : err_nomem(e, "made-up code");
}

int bench_chunk(const char *path, size_t bytes, uint64_t loc, size_t rounds,
                struct bench_chunk *out, struct err *e) {
    struct buf text = {0};
    double *seconds = calloc(rounds, sizeof *seconds);
    if (!seconds)
        return err_nomem(e, "rounds");
    int rc = path ? 0 : fill(bytes, &text, e);
    if (rc == 0)
        rc = cut_once(path, &text, loc, out, e);
    if (rc == 0 && out->bytes == 0)
        rc = err_set(e, PRECIS_EINPUT, "%s: is empty", path);
    for (size_t i = 0; rc == 0 && i < rounds; i++) {
        rc = cut_once(path, &text, loc, out, e);
        seconds[i] = out->seconds;
    }
    if (rc == 0)
        out->seconds = bench_median(seconds, rounds);
    buf_free(&text);
    free(seconds);
    return rc;
}
