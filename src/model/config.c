#include "model/config.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/utf8.h"

void config_copy_text(char *out, size_t size, const char *s, size_t len) {
    size_t n = 0;
    for (size_t i = 0; i < len && s[i];) {
        uint32_t code_point;
        int step = utf8_decode((const uint8_t *)s + i, len - i, &code_point);
        bool plain = step > 0 && code_point >= 0x20 && (code_point < 0x7f || code_point > 0x9f);
        size_t take = plain ? (size_t)step : 1;
        if (n + take >= size)
            break;
        if (plain)
            memcpy(out + n, s + i, take);
        else
            out[n] = '?';
        n += take;
        i += step > 0 ? (size_t)step : 1;
    }
    out[n] = '\0';
}

/* Where the last part of path[0..*end) begins; *end is moved before the slashes that end it. */
static size_t last_part(const char *path, size_t *end) {
    while (*end > 1 && path[*end - 1] == '/')
        (*end)--;
    size_t begin = *end;
    while (begin > 0 && path[begin - 1] != '/')
        begin--;
    return begin;
}

static bool name_of_snapshot(char *out, size_t size, const char *path, size_t commit) {
    static const char above[] = "snapshots", mark[] = "models--";
    size_t end = commit, begin = last_part(path, &end);
    if (end - begin != strlen(above) || memcmp(path + begin, above, end - begin) != 0)
        return false;
    end = begin;
    begin = last_part(path, &end);
    if (end - begin <= strlen(mark) || memcmp(path + begin, mark, strlen(mark)) != 0)
        return false;
    begin += strlen(mark);
    config_copy_text(out, size, path + begin, end - begin);
    char *dashes = strstr(out, "--");
    if (dashes) {
        *dashes = '/';
        memmove(dashes + 1, dashes + 2, strlen(dashes + 2) + 1);
    }
    return true;
}

void config_name_from_path(char *out, size_t size, const char *path) {
    size_t end = strlen(path), begin = last_part(path, &end), n = end - begin;
    char *real = NULL;
    if ((n == 1 || n == 2) && memcmp(path + begin, "..", n) == 0)
        real = realpath(path, NULL);
    if (real) {
        path = real;
        end = strlen(path);
        begin = last_part(path, &end);
    }
    if (!name_of_snapshot(out, size, path, begin))
        config_copy_text(out, size, path + begin, end - begin);
    free(real);
}

int config_check_decoder(const struct decoder_config *c, const char *path, struct err *e) {
    if (c->heads % c->kv_heads)
        return err_set(e, PRECIS_EINPUT, "%s: %u heads cannot share %u key heads evenly", path,
                       c->heads, c->kv_heads);
    if (c->head_dim % 2)
        return err_set(e, PRECIS_EINPUT, "%s: a head of %u dimensions cannot be rotated in pairs",
                       path, c->head_dim);
    if (c->rope.dims < 2 || c->rope.dims % 2 || c->rope.dims > c->head_dim)
        return err_set(e, PRECIS_EUNSUPPORTED, "%s: rope over %u of %u dimensions is not supported",
                       path, c->rope.dims, c->head_dim);
    return 0;
}

int config_check_encoder(const struct encoder_config *c, const char *path, struct err *e) {
    if (c->hidden % c->heads || c->hidden / c->heads > CONFIG_MAX_DIM)
        return err_set(e, PRECIS_EINPUT,
                       "%s: %u dimensions are not %u heads of at most %d dimensions", path,
                       c->hidden, c->heads, CONFIG_MAX_DIM);
    return 0;
}
