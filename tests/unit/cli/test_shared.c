/* Lines from one store to another by a file: all of them, as they are, or none. What hostile files
 * do is in tests/cli/cache.t. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "cli/shared.h"
#include "fault.h"
#include "store/cache.h"
#include "tree.h"

static const struct store_origin origin = {.model = "tiny",
                                           .model_revision = "rev",
                                           .file_type = "F32",
                                           .precision = "int8",
                                           .isa = "avx2",
                                           .prompt_version = "line-4",
                                           .decoder_version = "decode-2",
                                           .parameters = "{\"max_chars\":120}",
                                           .seed = UINT64_MAX};
static char *root, *other_root;
static struct store *store, *other;
static const uint8_t context[HASH_SHA256_SIZE] = {1, 2, 3};

static void put(const char *path, enum store_level level, uint64_t last, const char *text) {
    struct err e = {0};
    int64_t run;
    struct store_line l = {.level = level,
                           .path = path,
                           .start_line = last ? 1 : 0,
                           .end_line = last,
                           .symbol = last ? "f \"x\"" : NULL,
                           .line = text,
                           .confidence = 0.1,
                           .source = level ? "model" : "rule",
                           .tokens_in = 7,
                           .elapsed_ms = 1.0 / 3,
                           .cut = last == 0,
                           .made = &origin,
                           .context = context};
    const struct store_file f = {.path = path};
    const struct store_subject subject = {
        .level = level, .path = path, .context = context, .made = &origin, .source = l.source};
    assert_int_equal(store_key(&subject, l.key, &e), 0);
    assert_int_equal(store_run_begin(store, &run, &e), 0);
    if (last)
        assert_int_equal(store_put_file(store, &f, &e), 0);
    if (store_put(store, run, &l, NULL, &e) != 0)
        fail_msg("%s", e.text);
}

static struct store *open_at(const char *folder) {
    struct store *s;
    assert_int_equal(store_open(folder, STORE_CREATE, &s, NULL), 0);
    return s;
}

static int set_up(void **state) {
    (void)state;
    root = tree_new();
    other_root = tree_new();
    store = open_at(root);
    other = open_at(other_root);
    put("src/a\xc3\xa4.c", STORE_CHUNK, 3, "Adds \\ \"two\" numbers, \xe2\x82\xac.");
    put("src/a\xc3\xa4.c", STORE_WHOLE_FILE, 3, "Adds.");
    put("src", STORE_DIRECTORY, 0, "Adds and more.");
    put("", STORE_REPOSITORY, 0, "All.");
    put("/elsewhere/b.c", STORE_CHUNK, 2, "Is left out.");
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    store_close(store);
    store_close(other);
    tree_remove(root);
    tree_remove(other_root);
    return 0;
}

static struct buf written(struct store *s, struct shared_count *n) {
    struct buf out = {0};
    struct err e = {0};
    char *text = NULL;
    size_t size = 0;
    FILE *f = open_memstream(&text, &size);
    assert_non_null(f);
    if (shared_write(s, f, n, &e) != 0)
        fail_msg("%s", e.text);
    fclose(f);
    buf_append(&out, text, size);
    free(text);
    return out;
}

static int read_into(struct store *s, const char *name, const struct buf *text,
                     struct shared_count *n, struct err *e) {
    struct shared_lines lines;
    int rc = shared_parse(name, text, &lines, e);
    if (rc == 0)
        rc = shared_put(s, &lines, n, e);
    shared_lines_free(&lines);
    return rc;
}

static void what_is_read_is_what_was_written(void **state) {
    (void)state;
    struct err e = {0};
    struct shared_count n, again;
    struct buf text = written(store, &n);
    assert_true(n.lines == 4 && n.left == 1);
    if (read_into(other, "lines", &text, &again, &e) != 0)
        fail_msg("%s", e.text);
    assert_true(again.lines == 4 && again.added == 4);
    struct buf copy = written(other, &again);
    assert_string_equal(copy.data, text.data);
    assert_int_equal(read_into(other, "lines", &text, &again, &e), 0);
    assert_true(again.lines == 4 && again.added == 0);
    buf_free(&copy);
    buf_free(&text);
}

static size_t lines_in(struct store *s) {
    struct store_stats n;
    assert_int_equal(store_stats(s, &n, NULL), 0);
    return (size_t)(n.lines + n.places + n.files + n.runs);
}

/* Every byte counts: whichever is another one, nothing is taken. */
static void any_byte_that_is_another_is_noticed(void **state) {
    (void)state;
    struct shared_count n;
    struct buf text = written(store, &n);
    for (size_t i = 0; i < text.len; i++) {
        struct err e = {0};
        text.data[i] ^= 1;
        if (read_into(other, "lines", &text, &n, &e) != PRECIS_EINPUT ||
            strncmp(e.text, "lines:", 6) != 0 || strchr(e.text, '\n'))
            fail_msg("byte %zu: %d: %s", i, e.code, e.text);
        text.data[i] ^= 1;
    }
    for (size_t len = 0; len < text.len; len += 7) {
        struct buf part = text;
        part.len = len;
        assert_int_equal(read_into(other, "lines", &part, &n, NULL), PRECIS_EINPUT);
    }
    assert_int_equal(lines_in(other), 0);
    buf_free(&text);
}

static int read_it(void *user, struct err *e) {
    struct shared_count n;
    return read_into(other, "lines", user, &n, e);
}

static void memory_that_runs_out_is_an_error(void **state) {
    (void)state;
    struct shared_count n;
    struct buf text = written(store, &n);
    /* what jansson and SQLite allocate is not counted */
    assert_true(fault_each(&fault_memory, FAULT_ONCE, read_it, &text) > 1);
    buf_free(&text);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(what_is_read_is_what_was_written, set_up, tear_down),
        cmocka_unit_test_setup_teardown(any_byte_that_is_another_is_noticed, set_up, tear_down),
        cmocka_unit_test_setup_teardown(memory_that_runs_out_is_an_error, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
