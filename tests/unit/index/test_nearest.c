/* The side file of vectors while the index changes: what is found with it and what is stale is what
 * a new file gives. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/file.h"
#include "base/rng.h"
#include "index/nearest.h"
#include "search/vectors.h"
#include "tree.h"

/* nearest.c gets here instead: what another process does just before the file is opened, or after.
 */
static void (*before_open)(void), (*after_open)(void);
static int opens;

static void once(void (**what)(void)) {
    void (*now)(void) = *what;
    *what = NULL;
    if (now)
        now();
}

int __real_vectors_open(const char *path, const uint8_t *generation, int threads,
                        struct vectors **m, struct err *e);
int __wrap_vectors_open(const char *path, const uint8_t *generation, int threads,
                        struct vectors **m, struct err *e);
int __wrap_vectors_open(const char *path, const uint8_t *generation, int threads,
                        struct vectors **m, struct err *e) {
    opens++;
    once(&before_open);
    int rc = __real_vectors_open(path, generation, threads, m, e);
    once(&after_open);
    return rc;
}

enum { WIDTH = 8, FILES = 12, MOST_ENTRIES = 9, TEXTS = 60, K = 40, ROUNDS = 60 };

static char *root;
static struct store *s;
static int64_t encoder;

static void check(int rc, const struct err *e) {
    if (rc)
        fail_msg("%s", e->text);
}

static int set_up(void **state) {
    struct err e = {0};
    (void)state;
    root = tree_new();
    check(store_open(root, STORE_CREATE, &s, &e), &e);
    check(store_embedder(s, "revision", "made", WIDTH, &encoder, &e), &e);
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    store_close(s);
    tree_remove(root);
    return 0;
}

static void hash_of_text(unsigned text, uint8_t out[HASH_SHA256_SIZE]) {
    struct err e = {0};
    check(hash_sha256(&text, sizeof text, out, &e), &e);
}

static void put_vector(unsigned text) {
    struct err e = {0};
    struct rng r = {.state = text + 1};
    int8_t numbers[WIDTH];
    for (int i = 0; i < WIDTH; i++)
        numbers[i] = (int8_t)((int)(rng_next(&r) % 255) - 127);
    struct store_vector v = {.scale = 0.01, .v = numbers, .width = WIDTH};
    hash_of_text(text, v.text);
    check(store_put_vector(s, encoder, &v, &e), &e);
}

static void put_file(const char *path, const unsigned *texts, size_t n) {
    struct err e = {0};
    struct store_entry *entries = calloc(n + 1, sizeof *entries);
    const struct store_indexed f = {.file = {.path = path, .language = "c", .size = 3}};
    assert_non_null(entries);
    for (size_t i = 0; i < n; i++) {
        entries[i] = (struct store_entry){.kind = "lines", .body = "x", .body_len = 1};
        hash_of_text(texts[i], entries[i].text);
    }
    check(store_put_entries(s, &f, entries, n, NULL, &e), &e);
    free(entries);
}

static void index_of(struct store_index *out) {
    struct err e = {0};
    check(store_index(s, out, &e), &e);
}

static size_t find(const float *v, const int64_t *only, size_t n_only, struct store_hit *hits) {
    struct err e = {0};
    struct store_index index;
    struct nearest *x;
    size_t n;
    index_of(&index);
    check(nearest_open(s, &index, &x, &e), &e);
    check(nearest_find(x, v, only, n_only, hits, K, &n, &e), &e);
    nearest_close(x);
    return n;
}

static void generation(uint8_t out[HASH_SHA256_SIZE], size_t *stale) {
    struct err e = {0};
    check(store_side_file(s, encoder, out, stale, &e), &e);
}

static void write_side_file(void) {
    struct err e = {0};
    check(nearest_write(s, NULL, &e), &e);
}

static void move_side_file(const char *from, const char *to) {
    char *a = file_join(root, from), *b = file_join(root, to);
    assert_int_equal(rename(a, b), 0);
    free(a);
    free(b);
}

#define SIDE_FILE STORE_FOLDER "/" STORE_FILE ".vectors"

static void find_both(const float *v, const int64_t *only, struct store_hit *with,
                      struct store_hit *without, size_t *n) {
    *n = find(v, only, 4, with);
    move_side_file(SIDE_FILE, "away"); /* so all come from the database */
    assert_int_equal(find(v, only, 4, without), *n);
    move_side_file("away", SIDE_FILE);
}

static void are_same(const struct store_hit *a, const struct store_hit *b, size_t n) {
    for (size_t i = 0; i < n; i++)
        assert_true(a[i].entry == b[i].entry && a[i].score == b[i].score);
}

/* With the side file and what is stale, from the database, and (anew) with a new file. */
static void all_ways_find_the_same(struct rng *r, bool anew) {
    float v[WIDTH];
    int64_t only[4];
    struct store_hit with[2][K], without[2][K], then[K];
    size_t n[2], stale;
    uint8_t now[HASH_SHA256_SIZE];
    for (int i = 0; i < WIDTH; i++)
        v[i] = (float)(rng_next(r) % 200) - 100;
    for (size_t i = 0; i < 4; i++)
        only[i] = (i ? only[i - 1] + 1 : 0) + (int64_t)(rng_next(r) % 60);
    for (int i = 0; i < 2; i++) {
        find_both(v, i ? only : NULL, with[i], without[i], &n[i]);
        are_same(with[i], without[i], n[i]);
    }
    if (!anew)
        return;
    char *path = file_join(root, SIDE_FILE);
    assert_int_equal(unlink(path), 0);
    free(path);
    write_side_file();
    generation(now, &stale);
    assert_int_equal(stale, 0);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(find(v, i ? only : NULL, 4, then), n[i]);
        are_same(with[i], then, n[i]);
    }
}

/* A file enters, again with some of its texts, or leaves; a vector comes, of a text that entries
 * may wait for or have left. */
static void edit(struct rng *r) {
    struct err e = {0};
    char path[16];
    unsigned texts[MOST_ENTRIES];
    snprintf(path, sizeof path, "%u.c", (unsigned)(rng_next(r) % FILES));
    size_t n = rng_next(r) % (MOST_ENTRIES + 1);
    for (size_t i = 0; i < n; i++)
        texts[i] = (unsigned)(rng_next(r) % TEXTS);
    switch (rng_next(r) % 8) {
    case 0:
        check(store_remove_indexed(s, path, &e), &e);
        break;
    case 1: {
        int64_t dropped;
        check(store_drop_vectors(s, &dropped, &e), &e);
        break;
    }
    case 2:
    case 3:
        put_vector((unsigned)(rng_next(r) % TEXTS));
        break;
    default:
        put_file(path, texts, n);
    }
}

static void stale_entries_are_found_as_they_are_now(void **state) {
    struct rng r = {.state = 7};
    uint8_t before[HASH_SHA256_SIZE], after[HASH_SHA256_SIZE];
    size_t stale, most = 0;
    (void)state;
    for (unsigned i = 0; i < TEXTS / 2; i++)
        put_vector(i);
    for (int i = 0; i < 8; i++)
        edit(&r);
    write_side_file();
    generation(before, &stale);
    for (int i = 0; i < ROUNDS; i++) {
        for (uint64_t n = rng_next(&r) % 5; n > 0; n--)
            edit(&r);
        write_side_file();
        generation(after, &stale);
        assert_memory_equal(before, after, sizeof after); /* few changes: it stays */
        most = stale > most ? stale : most;
        all_ways_find_the_same(&r, i % 16 == 15);
        generation(before, &stale);
    }
    assert_true(most > 20);
}

static void much_that_changed_makes_a_new_file(void **state) {
    uint8_t before[HASH_SHA256_SIZE], after[HASH_SHA256_SIZE];
    unsigned texts[600];
    size_t stale;
    (void)state;
    for (unsigned i = 0; i < 600; i++) {
        texts[i] = i;
        put_vector(i);
    }
    put_file("a.c", texts, 600);
    write_side_file();
    generation(before, &stale);
    assert_int_equal(stale, 0);
    put_file("a.c", texts, 390); /* 600 leave, 390 come */
    write_side_file();
    generation(after, &stale);
    assert_memory_equal(before, after, sizeof after);
    assert_int_equal(stale, 990);
    put_file("b.c", texts, 20);
    write_side_file();
    generation(after, &stale);
    assert_memory_not_equal(before, after, sizeof after);
    assert_int_equal(stale, 0);
}

/* One from another time of the database is not taken for one of now. */
static void a_file_of_another_state_is_not_used(void **state) {
    struct rng r = {.state = 3};
    static const unsigned texts[] = {1, 2, 3};
    (void)state;
    for (unsigned i = 0; i < TEXTS; i++)
        put_vector(i);
    put_file("a.c", texts, 3);
    write_side_file();
    move_side_file(SIDE_FILE, "old");
    put_file("a.c", texts, 2);
    write_side_file();
    put_file("b.c", texts, 3);
    move_side_file("old", SIDE_FILE);
    all_ways_find_the_same(&r, false);
    write_side_file();
    all_ways_find_the_same(&r, true);
}

/* And none of another encoder, also when the first one is searched again. */
static void another_encoder_begins_a_new_file(void **state) {
    struct rng r = {.state = 5};
    struct err e = {0};
    int64_t first = encoder, second;
    uint8_t now[HASH_SHA256_SIZE];
    size_t stale;
    static const unsigned texts[] = {1, 2, 3};
    (void)state;
    for (unsigned i = 0; i < 3; i++)
        put_vector(i);
    put_file("a.c", texts, 3);
    write_side_file();
    check(store_embedder(s, "other", "other", WIDTH, &second, &e), &e);
    assert_int_equal(store_side_file(s, first, now, &stale, &e), PRECIS_ENOTFOUND);
    assert_int_equal(store_side_file(s, second, now, &stale, &e), PRECIS_ENOTFOUND);
    put_file("a.c", texts, 2);
    check(store_embedder(s, "revision", "made", WIDTH, &encoder, &e), &e);
    assert_int_equal(encoder, first);
    assert_int_equal(store_side_file(s, first, now, &stale, &e), PRECIS_ENOTFOUND);
    all_ways_find_the_same(&r, false);
    write_side_file();
    all_ways_find_the_same(&r, true);
}

static const unsigned few[] = {1, 2, 3};

static void another_writes_it_anew(void) {
    struct err e = {0};
    struct store *mine = s;
    const int so_far = opens;
    char *path = file_join(root, SIDE_FILE);
    check(store_open(root, STORE_WRITE, &s, &e), &e);
    put_file("b.c", few, 2);
    assert_int_equal(unlink(path), 0);
    write_side_file();
    store_close(s);
    s = mine;
    opens = so_far;
    free(path);
}

/* What is stale is that of the file that was opened, though it is replaced meanwhile. */
static void it_is_opened_as_of_one_moment(void **state) {
    static const float v[WIDTH] = {1, -2, 3};
    struct store_hit before[K], hits[K];
    (void)state;
    for (unsigned i = 0; i < TEXTS; i++)
        put_vector(i);
    put_file("a.c", few, 3);
    write_side_file();
    put_file("c.c", few, 1); /* stale */
    const size_t n = find(v, NULL, 0, before);
    assert_int_equal(n, 4);
    opens = 0;
    after_open = another_writes_it_anew;
    assert_int_equal(find(v, NULL, 0, hits), n);
    are_same(before, hits, n);
    assert_int_equal(opens, 1);
    before_open = another_writes_it_anew; /* so that it is newer than the moment */
    opens = 0;
    assert_int_equal(find(v, NULL, 0, hits), n + 2);
    assert_int_equal(opens, 2);
}

int main(void) {
#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(stale_entries_are_found_as_they_are_now), TEST(much_that_changed_makes_a_new_file),
        TEST(a_file_of_another_state_is_not_used),     TEST(another_encoder_begins_a_new_file),
        TEST(it_is_opened_as_of_one_moment),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
