#include "base/json.h"

#include <stdlib.h>

/* Jansson doubles the buffer of a token, of 16 bytes at first, and goes on when it cannot; every
 * other failure it sees. So the allocation that fails first gets a block that was set aside, those
 * after it fail, and the text ends: it is read byte by byte, so that the token ends with it. */
struct reading {
    const char *at, *end;
    void *aside;
    size_t size;
    bool lacked; /* what was set aside is Jansson's, or freed */
};

static _Thread_local struct reading *inside; /* NULL: not in json_read */

static void *allocate(size_t size) {
    struct reading *r = inside;
    void *p = r && r->lacked ? NULL : malloc(size);
    if (p || !r || r->lacked)
        return p;
    r->lacked = true;
    if (size <= r->size)
        return r->aside;
    free(r->aside);
    return NULL;
}

void json_guard(void) {
    json_set_alloc_funcs(allocate, free);
}

static size_t give_byte(void *out, size_t size, void *user) {
    struct reading *r = user;
    (void)size;
    if (r->lacked || r->at == r->end)
        return 0;
    *(char *)out = *r->at++;
    return 1;
}

static json_t *lacking(json_t *value, json_error_t *why) {
    json_decref(value);
    snprintf(why->text, sizeof why->text, "out of memory");
    why->text[JSON_ERROR_TEXT_LENGTH - 1] = json_error_out_of_memory;
    return NULL;
}

json_t *json_read(const char *text, size_t len, size_t flags, json_error_t *why) {
    struct reading r = {.at = text, .end = text + len, .size = 2 * len + 32};
    json_error_t unread = {0};
    if (!why)
        why = &unread;
    r.aside = malloc(r.size);
    if (!r.aside)
        return lacking(NULL, why);
    inside = &r;
    json_t *value = json_load_callback(give_byte, &r, flags, why);
    inside = NULL;
    if (!r.lacked)
        free(r.aside);
    return r.lacked || (!value && !why->text[0]) ? lacking(value, why) : value;
}

bool json_lacked_memory(const json_t *loaded, const json_error_t *why) {
    return !loaded && json_error_code(why) == json_error_out_of_memory;
}

static int append(const char *text, size_t len, void *user) {
    struct buf *b = user;
    buf_append(b, text, len);
    return buf_failed(b) ? -1 : 0;
}

void json_append(struct buf *b, const json_t *value, size_t flags) {
    if (json_dump_callback(value, append, b, flags | JSON_ENCODE_ANY) != 0)
        b->failed = true;
}
