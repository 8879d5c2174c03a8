/* Every allocation fails once: an error comes back, nothing leaks (run under ASan), nothing
 * crashes. */
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
#include "fault.h"
#include "tree.h"

static int work_chunk(void *user, struct err *e) {
    struct chunks c;
    int rc = chunk_lines(user, 1000, 1, &c, e);
    if (rc)
        assert_null(c.v);
    chunks_free(&c);
    return rc;
}

static void chunk_fails_cleanly(void **state) {
    (void)state;
    char text[1000];
    memset(text, '\n', sizeof text);
    fault_each(&fault_memory, FAULT_ONCE, work_chunk, text);
}

static int work_ignore(void *user, struct err *e) {
    struct ignore *ig;
    int rc = ignore_parse(user, strlen(user), &ig, e);
    if (rc)
        assert_null(ig);
    ignore_free(ig);
    if (rc)
        return rc;
    static const char *const list[] = {"a", "!b/", NULL};
    rc = ignore_from_list(list, &ig, e);
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
    fault_each(&fault_memory, FAULT_ONCE, work_ignore, text);
}

static int work_walk(void *user, struct err *e) {
    static const char *const include[] = {"*", NULL};
    static const char *const exclude[] = {"none", NULL};
    struct walk_options options = {.include = include, .exclude = exclude};
    struct walk w;
    int rc = walk_tree(user, &options, &w, e);
    if (rc) {
        assert_null(w.files);
        assert_int_equal(w.n, 0);
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
    fault_each(&fault_memory, FAULT_ONCE, work_walk, name);
    snprintf(name, sizeof name, "%s/r/s/d1/f.c", root);
    fault_each(&fault_memory, FAULT_ONCE, work_walk, name);
    tree_remove(root);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(chunk_fails_cleanly),
        cmocka_unit_test(ignore_fails_cleanly),
        cmocka_unit_test(walk_fails_cleanly),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
