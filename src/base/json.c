#include "base/json.h"

#include <setjmp.h>
#include <stdlib.h>

/* What a reading has allocated. */
struct reading {
    jmp_buf out;
    void **v;
    size_t n, cap;
};

static bool guarded;                         /* written before there are threads */
static _Thread_local struct reading *inside; /* NULL: not in json_read */

static void leave(struct reading *r) {
    inside = NULL;
    longjmp(r->out, 1);
}

static void *allocate(size_t size) {
    struct reading *r = inside;
    void *p = malloc(size);
    if (!r)
        return p;
    if (!p || !array_grow((void **)&r->v, r->n, &r->cap, sizeof *r->v)) {
        free(p);
        leave(r);
    }
    return r->v[r->n++] = p;
}

/* Most is freed soon after it was allocated, so it is looked for from the end. */
static void release(void *p) {
    struct reading *r = inside;
    for (size_t i = r && p ? r->n : 0; i-- > 0;)
        if (r->v[i] == p) {
            r->v[i] = r->v[--r->n];
            break;
        }
    free(p);
}

void json_guard(void) {
    json_set_alloc_funcs(allocate, release);
    guarded = true;
}

static json_t *lacking(struct reading *r, json_error_t *why) {
    for (size_t i = 0; i < r->n; i++)
        free(r->v[i]);
    why->text[0] = 0;
    return NULL;
}

/* What setjmp returns to lies in the caller's frame, so that nothing of it is in a register. */
static json_t *read_guarded(const char *text, size_t len, size_t flags, json_error_t *why,
                            struct reading *r) {
    if (setjmp(r->out))
        return lacking(r, why);
    inside = r;
    json_t *value = json_loadb(text, len, flags, why);
    inside = NULL;
    return value;
}

json_t *json_read(const char *text, size_t len, size_t flags, json_error_t *why) {
    struct reading r = {0};
    json_error_t unread;
    if (!guarded)
        return json_loadb(text, len, flags, why);
    json_t *value = read_guarded(text, len, flags, why ? why : &unread, &r);
    free(r.v);
    return value;
}

bool json_lacked_memory(const json_t *loaded, const json_error_t *why) {
    return !loaded && (!why->text[0] || json_error_code(why) == json_error_out_of_memory);
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
