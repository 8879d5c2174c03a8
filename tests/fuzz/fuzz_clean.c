/* Model answers are foreign text: whatever they hold, the line is valid UTF-8 without control
 * characters, on one line, not longer than asked, and it ends like a sentence. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/utf8.h"
#include "summary/clean.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_line(const struct buf *line, int max_chars) {
    uint32_t c;
    int step;
    size_t chars = 0;
    if (!line->len || line->data[line->len] != 0)
        abort();
    for (size_t i = 0; i < line->len; i += (size_t)step, chars++) {
        step = utf8_decode((const uint8_t *)line->data + i, line->len - i, &c);
        if (step == 0 || c < 0x20 || (c >= 0x7f && c < 0xa0) || c == 0x2028 || c == 0x2029)
            abort();
    }
    bool ideographic = line->len > 3 && memcmp(line->data + line->len - 3, "\xe3\x80\x82", 3) == 0;
    if (chars > (size_t)max_chars || (line->data[line->len - 1] != '.' && !ideographic))
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size < 2)
        return 0;
    static const char *const echoes[] = {"Say in one short sentence what this code does.", NULL};
    struct clean_options o = {CLEAN_MIN_CHARS + data[0] % 120, data[1] & 1, echoes};
    const char *text = (const char *)data + 2;
    size_t len = size - 2;
    struct buf line = {0};
    struct sentence from;
    struct err e;
    int rc = clean_line(text, len, &o, &line, &from, &e);
    if (rc == 0) {
        check_line(&line, o.max_chars);
        if (from.begin >= from.end || from.end > len)
            abort();
    } else if (rc != PRECIS_ENOTFOUND || line.len || !e.text[0])
        abort();
    buf_free(&line);
    return 0;
}
