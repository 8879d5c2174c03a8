#include "lines.h"

#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <cmocka.h>

#include "tree.h"

char *root;

int set_up(void **state) {
    (void)state;
    root = tree_new();
    return 0;
}

int tear_down(void **state) {
    (void)state;
    tree_remove(root);
    return 0;
}

struct store_origin origin_of(const char *revision, const char *prompt) {
    return (struct store_origin){.model = "tiny",
                                 .model_revision = revision,
                                 .file_type = "Q4_1",
                                 .precision = "int8",
                                 .isa = "avx2",
                                 .prompt_version = prompt,
                                 .decoder_version = "1",
                                 .parameters = "{\"max_chars\":120}",
                                 .seed = 7};
}

void hash_of(const char *text, uint8_t out[HASH_SHA256_SIZE]) {
    assert_int_equal(hash_sha256(text, strlen(text), out, NULL), 0);
}

struct store_line line_of(const struct store_origin *o, const char *path, uint64_t first,
                          uint64_t last, const char *line) {
    struct store_line l = {.level = STORE_CHUNK,
                           .path = path,
                           .start_line = first,
                           .end_line = last,
                           .line = line,
                           .confidence = 0.5,
                           .source = "model",
                           .tokens_in = 100,
                           .tokens_out = 10,
                           .elapsed_ms = 12.5,
                           .made = o};
    uint8_t context[HASH_SHA256_SIZE];
    struct buf place = {0};
    buf_printf(&place, "%" PRIu64 "-%" PRIu64, first, last);
    hash_of(place.data, context);
    buf_free(&place);
    hash_of(line, l.text);
    struct store_subject subject = {.path = path, .context = context, .made = o};
    memcpy(subject.text, l.text, sizeof l.text);
    assert_int_equal(store_key(&subject, l.key, NULL), 0);
    return l;
}

struct store *open_store(const char *folder, enum store_mode mode) {
    struct store *s;
    struct err e = {0};
    if (store_open(folder, mode, &s, &e) != 0)
        fail_msg("%s", e.text);
    return s;
}

int64_t begin_run(struct store *s) {
    int64_t run = -1;
    struct err e = {0};
    if (store_run_begin(s, &run, &e) != 0)
        fail_msg("%s", e.text);
    return run;
}

void put_file(struct store *s, const char *path, const char *content) {
    struct store_file f = {
        .path = path, .language = "c", .size = strlen(content), .mtime_ns = 5, .inode = 9};
    struct err e = {0};
    hash_of(content, f.hash);
    if (store_put_file(s, &f, &e) != 0)
        fail_msg("%s", e.text);
}

void put_line(struct store *s, int64_t run, const struct store_line *l) {
    struct err e = {0};
    if (store_put(s, run, l, NULL, &e) != 0)
        fail_msg("%s", e.text);
}

int spell_line(void *user, const struct store_line *l, struct err *e) {
    (void)e;
    buf_printf(user, "%s:%" PRIu64 "-%" PRIu64 " %s\n", l->path, l->start_line, l->end_line,
               l->line);
    return 0;
}

static struct buf spelled;

static const char *result(int rc, const struct err *e) {
    if (rc)
        fail_msg("%s", e->text);
    buf_str(&spelled, "");
    return spelled.data ? spelled.data : "";
}

const char *list(struct store *s, const char *path) {
    struct err e = {0};
    buf_free(&spelled);
    return result(store_list(s, path, spell_line, &spelled, &e), &e);
}

const char *at(struct store *s, const char *path, uint64_t line) {
    struct err e = {0};
    buf_free(&spelled);
    return result(store_lines(s, path, STORE_CHUNK, line, line, spell_line, &spelled, &e), &e);
}
