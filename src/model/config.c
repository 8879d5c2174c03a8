#include "model/config.h"

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

void config_name_from_path(char *out, size_t size, const char *path) {
    size_t end = strlen(path);
    while (end > 1 && path[end - 1] == '/')
        end--;
    size_t begin = end;
    while (begin > 0 && path[begin - 1] != '/')
        begin--;
    config_copy_text(out, size, path + begin, end - begin);
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
