/* Every allocation fails once: an error comes back, nothing leaks (run under ASan), nothing
 * crashes. Linked with --wrap for the functions below. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "code/chunk.h"
#include "code/ignore.h"
#include "code/walk.h"
#include "tree.h"

static size_t left; /* allocations that still succeed, then one fails; SIZE_MAX: all do */
static size_t failed;

static int refuse(void) {
    if (left == SIZE_MAX)
        return 0;
    if (left > 0) {
        left--;
        return 0;
    }
    left = SIZE_MAX;
    failed++;
    return 1;
}

void *__real_malloc(size_t size);
void *__real_calloc(size_t n, size_t size);
void *__real_realloc(void *p, size_t size);
char *__real_strdup(const char *s);
char *__real_strndup(const char *s, size_t n);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_realloc(void *p, size_t size);
char *__wrap_strdup(const char *s);
char *__wrap_strndup(const char *s, size_t n);

void *__wrap_malloc(size_t size) {
    return refuse() ? NULL : __real_malloc(size);
}
void *__wrap_calloc(size_t n, size_t size) {
    return refuse() ? NULL : __real_calloc(n, size);
}
void *__wrap_realloc(void *p, size_t size) {
    return refuse() ? NULL : __real_realloc(p, size);
}
char *__wrap_strdup(const char *s) {
    return refuse() ? NULL : __real_strdup(s);
}
char *__wrap_strndup(const char *s, size_t n) {
    return refuse() ? NULL : __real_strndup(s, n);
}

/* Runs `work` with the n-th allocation failing, for every n, until none is left to fail. */
static void fail_each(int (*work)(void *user), void *user) {
    for (size_t n = 0;; n++) {
        left = n;
        failed = 0;
        int rc = work(user);
        left = SIZE_MAX;
        if (failed == 0) {
            assert_int_equal(rc, 0);
            assert_true(n > 0);
            return;
        }
        if (rc != PRECIS_ENOMEM)
            fail_msg("allocation %zu: %d", n, rc);
    }
}

static int work_chunk(void *user) {
    struct chunks c;
    struct err e = {0};
    int rc = chunk_lines(user, 1000, 1, &c, &e);
    if (rc) {
        assert_null(c.v);
        assert_int_equal(e.code, rc);
    }
    chunks_free(&c);
    return rc;
}

static void chunk_fails_cleanly(void **state) {
    (void)state;
    char text[1000];
    memset(text, '\n', sizeof text);
    fail_each(work_chunk, text);
}

static int work_ignore(void *user) {
    struct ignore *ig;
    struct err e = {0};
    int rc = ignore_parse(user, strlen(user), &ig, &e);
    if (rc)
        assert_null(ig);
    ignore_free(ig);
    if (rc)
        return rc;
    static const char *const list[] = {"a", "!b/", NULL};
    rc = ignore_from_list(list, &ig, &e);
    if (rc)
        assert_null(ig);
    ignore_free(ig);
    return rc;
}

static void ignore_fails_cleanly(void **state) {
    (void)state;
    char text[200];
    for (size_t i = 0; i + 2 < sizeof text; i += 2)
        memcpy(text + i, "a\n", 3);
    fail_each(work_ignore, text);
}

static int work_walk(void *user) {
    static const char *const include[] = {"*", NULL};
    static const char *const exclude[] = {"none", NULL};
    struct walk_options options = {.include = include, .exclude = exclude};
    struct walk w;
    struct err e = {0};
    int rc = walk_tree(user, &options, &w, &e);
    if (rc) {
        assert_null(w.files);
        assert_int_equal(w.n, 0);
        assert_int_equal(e.code, rc);
    } else {
        assert_true(w.n > 0);
    }
    walk_free(&w);
    return rc;
}

static void walk_fails_cleanly(void **state) {
    (void)state;
    char name[64];
    char *root = tree_new();
    tree_write(root, "r/.git", "gitdir: ../g\n");
    tree_write(root, "g/commondir", "../g\n");
    tree_write(root, "g/info/exclude", "no\n");
    tree_write(root, "r/.gitignore", "*.o\n");
    tree_write(root, "r/s/.precisignore", "*.a\n");
    tree_write(root, "r/s/.gitignore", "hidden/\n");
    tree_write(root, "r/s/hidden/h/h.c", "x\n");
    tree_link(root, "r/s/link", "hidden");
    tree_link(root, "r/s/out", "..");
    tree_link(root, "r/s/hidden/file.c", "h/h.c");
    for (int i = 0; i < 40; i++) {
        snprintf(name, sizeof name, "r/s/d%d/f.c", i);
        tree_write(root, name, "x\n");
    }
    snprintf(name, sizeof name, "%s/r/s", root);
    fail_each(work_walk, name);
    snprintf(name, sizeof name, "%s/r/s/d1/f.c", root);
    fail_each(work_walk, name);
    tree_remove(root);
}

int main(void) {
    left = SIZE_MAX;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(chunk_fails_cleanly),
        cmocka_unit_test(ignore_fails_cleanly),
        cmocka_unit_test(walk_fails_cleanly),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
