#include "base/json.h"

static int append(const char *text, size_t len, void *user) {
    struct buf *b = user;
    buf_append(b, text, len);
    return buf_failed(b) ? -1 : 0;
}

void json_append(struct buf *b, const json_t *value, size_t flags) {
    if (json_dump_callback(value, append, b, flags | JSON_ENCODE_ANY) != 0)
        b->failed = true;
}

bool json_lacked_memory(const json_t *loaded, const json_error_t *why) {
    return !loaded && (!why->text[0] || json_error_code(why) == json_error_out_of_memory);
}
