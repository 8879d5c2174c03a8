#include "export/json_text.h"

#include "base/utf8.h"

void json_text_string(struct buf *b, struct str s) {
    buf_char(b, '"');
    for (size_t i = 0; i < s.len;) {
        uint32_t c;
        int n = utf8_decode((const uint8_t *)s.s + i, s.len - i, &c);
        size_t step = n > 0 ? (size_t)n : 1;
        if (n == 0)
            buf_str(b, "\xef\xbf\xbd");
        else if (c < 0x20 || c == 0x7f)
            buf_printf(b, "\\u%04x", (unsigned)c);
        else if (c == '"' || c == '\\')
            buf_printf(b, "\\%c", (char)c);
        else
            buf_append(b, s.s + i, step);
        i += step;
    }
    buf_char(b, '"');
}
