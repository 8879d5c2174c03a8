#include "base/utf8.h"

#include "base/buf.h"

int utf8_decode(const uint8_t *s, size_t n, uint32_t *code_point) {
    uint32_t c = s[0];
    if (c < 0x80) {
        *code_point = c;
        return 1;
    }
    int len = c >= 0xf0 ? 4 : c >= 0xe0 ? 3 : 2;
    if (c < 0xc2 || c > 0xf4 || n < (size_t)len)
        return 0;
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    uint32_t v = c & (0xffu >> (len + 1));
    for (int i = 1; i < len; i++) {
        if ((s[i] & 0xc0) != 0x80)
            return 0;
        v = v << 6 | (s[i] & 0x3fu);
    }
    if (v < least[len] || v > 0x10ffff || (v >= 0xd800 && v <= 0xdfff))
        return 0;
    *code_point = v;
    return len;
}

int utf8_scan(const uint8_t *s, size_t n) {
    uint8_t c = s[0];
    if (c < 0x80)
        return 1;
    if (c < 0xc2 || c > 0xf4)
        return -1;
    int len = c >= 0xf0 ? 4 : c >= 0xe0 ? 3 : 2;
    /* Overlong forms, surrogates and what lies beyond U+10FFFF show in the second byte. */
    uint8_t low = c == 0xe0 ? 0xa0 : c == 0xf0 ? 0x90 : 0x80;
    uint8_t high = c == 0xed ? 0x9f : c == 0xf4 ? 0x8f : 0xbf;
    for (int i = 1; i < len; i++, low = 0x80, high = 0xbf) {
        if ((size_t)i == n)
            return 0;
        if (s[i] < low || s[i] > high)
            return -i;
    }
    return len;
}

bool utf8_valid(const void *data, size_t n) {
    const uint8_t *s = data;
    uint32_t c;
    for (size_t i = 0; i < n;) {
        int len = utf8_decode(s + i, n - i, &c);
        if (!len)
            return false;
        i += (size_t)len;
    }
    return true;
}

void utf8_append_valid(struct buf *out, const void *data, size_t n) {
    const uint8_t *s = data;
    uint32_t c;
    for (size_t i = 0; i < n;) {
        int len = utf8_decode(s + i, n - i, &c);
        if (len)
            buf_append(out, s + i, (size_t)len);
        else
            buf_str(out, "\xef\xbf\xbd");
        i += len ? (size_t)len : 1;
    }
}

int utf8_control(const char *s, size_t n) {
    uint8_t c = (uint8_t)s[0];
    if (c == 0xc2 && n > 1 && (uint8_t)s[1] >= 0x80 && (uint8_t)s[1] <= 0x9f)
        return 2;
    return c < 0x20 || c == 0x7f;
}

void utf8_blank_controls(char *s) {
    for (; *s; s++)
        for (int n = utf8_control(s, 2); n > 0; n--)
            s[n - 1] = '?';
}

bool utf8_has_controls(const char *s, size_t n) {
    for (size_t i = 0; i < n; i++)
        if (utf8_control(s + i, n - i))
            return true;
    return false;
}

size_t utf8_length(const char *s, size_t n) {
    size_t count = 0;
    uint32_t c;
    for (size_t i = 0; i < n; count++) {
        int len = utf8_decode((const uint8_t *)s + i, n - i, &c);
        i += len ? (size_t)len : 1;
    }
    return count;
}
