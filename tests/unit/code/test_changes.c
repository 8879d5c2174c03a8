/* What git says has changed, and that a repository's configuration runs nothing for it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/program.h"
#include "code/changes.h"
#include "fault.h"
#include "tree.h"

static const char ten[] = "1\n2\n3\n4\n5\n6\n7\n8\n9\n10\n";

static void shell(const char *root, const char *script) {
    const char *const arguments[] = {"sh", "-ec", "cd \"$1\"; eval \"$0\"", script, root, NULL};
    const char *const settings[] = {
        "GIT_AUTHOR_NAME=t",           "GIT_AUTHOR_EMAIL=t@example.org",
        "GIT_COMMITTER_NAME=t",        "GIT_COMMITTER_EMAIL=t@example.org",
        "GIT_CONFIG_GLOBAL=/dev/null", NULL};
    const struct program p = {.arguments = arguments, .settings = settings};
    struct program_end end;
    assert_int_equal(program_run(&p, &end, NULL), 0);
    if (end.status)
        fail_msg("%s: %s", script, end.said);
}

static int setup(void **state) {
    char *root = tree_new();
    *state = root;
    tree_write(root, "a.c", ten);
    tree_write(root, "sub/b.c", ten);
    tree_write(root, "sub/gone.c", ten);
    tree_write(root, ".gitignore", "*.o\n");
    shell(root, "git init -q -b main; git add -A; git commit -qm first");
    return 0;
}

static int teardown(void **state) {
    tree_remove(*state);
    return 0;
}

/* "name:lines" for each of 12 lines that was touched; '*' for a new file. */
static char *said(const char *root, const struct changes *c) {
    struct buf b = {0};
    char *real = realpath(root, NULL);
    for (size_t i = 0; i < c->n; i++) {
        const struct changed_file *f = &c->files[i];
        assert_int_equal(strncmp(f->path, real, strlen(real)), 0);
        assert_ptr_equal(changes_of(c, f->path), f);
        buf_printf(&b, "%s%s:", i ? " " : "", f->path + strlen(real) + 1);
        for (unsigned line = 1; line <= 12 && !f->whole; line++)
            if (changes_touch(f, line, line))
                buf_printf(&b, "%u,", line);
        buf_str(&b, f->whole ? "*" : "");
    }
    buf_str(&b, "");
    free(real);
    return b.data;
}

static void expect(const char *root, const char *at, const char *since, const char *wanted) {
    struct changes c = {0};
    struct err e = {0};
    char *path = file_join(root, at);
    if (changes_add(&c, path, &(struct changes_options){.since = since}, &e) != 0)
        fail_msg("%s", e.text);
    changes_sort(&c);
    char *found = said(root, &c);
    assert_string_equal(found, wanted);
    free(found);
    free(path);
    changes_free(&c);
}

static void test_since(void **state) {
    const char *root = *state;
    expect(root, ".", "HEAD", "");
    shell(root, "sed -i 's/^3$/x/; 7d' a.c; touch new.o; rm sub/gone.c; echo n > 'sub/n w.c'");
    expect(root, ".", "HEAD", "a.c:3,6,7, sub/n w.c:*");
    expect(root, "sub", "HEAD", "sub/n w.c:*");
    expect(root, "a.c", "HEAD", "a.c:3,6,7,");
    expect(root, "sub/b.c", "HEAD", "");
    shell(root, "git add -A; git commit -qm second; printf '0\\n' | cat - a.c > t; mv t a.c");
    expect(root, ".", "HEAD", "a.c:1,");
    expect(root, ".", "HEAD~1", "a.c:1,4,7,8, sub/n w.c:1,");
    shell(root, "chmod +x sub/b.c; touch a.c sub/*.c");
    expect(root, "sub", "HEAD", "");
}

static void test_staged(void **state) {
    const char *root = *state;
    shell(root, "sed -i 's/^5$/x/' a.c; sed -i '2d' sub/b.c; echo n > new.c; git add -A");
    expect(root, ".", NULL, "a.c:5, new.c:1, sub/b.c:1,2,");
    /* they are where the file has them now, and nothing else is */
    shell(root, "sed -i '1i y' a.c; sed -i '$d' a.c; echo u > unknown.c");
    expect(root, ".", NULL, "a.c:6, new.c:1, sub/b.c:1,2,");
    shell(root, "sed -i 's/^x$/z\\nz\\nz/' a.c");
    expect(root, ".", NULL, "a.c:6,7,8, new.c:1, sub/b.c:1,2,");
}

static void test_first_commit(void **state) {
    (void)state;
    char *root = tree_new();
    tree_write(root, "a.c", "1\n2\n");
    shell(root, "git init -q; git add a.c");
    expect(root, ".", NULL, "a.c:1,2,");
    tree_remove(root);
}

/* git may tell a hook where the repository is; it runs it at the top. */
static void test_hook(void **state) {
    const char *root = *state;
    char *absolute = file_join(root, ".git"), *before = getcwd(NULL, 0);
    const char *const told[] = {absolute, ".git"};
    shell(root, "sed -i '2d' a.c; sed -i '3d' sub/b.c; git add -A; echo n > sub/new.c");
    assert_int_equal(chdir(root), 0);
    for (size_t i = 0; i < sizeof told / sizeof *told; i++) {
        setenv("GIT_DIR", told[i], 1);
        expect(root, ".", NULL, "a.c:1,2, sub/b.c:2,3,");
        expect(root, "sub", NULL, "sub/b.c:2,3,");
        expect(root, "sub", "HEAD", "sub/b.c:2,3, sub/new.c:*");
        expect(root, "sub/b.c", "HEAD", "sub/b.c:2,3,");
    }
    unsetenv("GIT_DIR");
    assert_int_equal(chdir(before), 0);
    free(before);
    free(absolute);
}

static void test_names(void **state) {
    const char *root = *state;
    tree_write(root, "-a\n\"\\\xff\t.c", "1\n");
    tree_write(root, ":(top)b/dev", "1\n");
    expect(root, ".", "HEAD", "-a\n\"\\\xff\t.c:* :(top)b/dev:*");
    expect(root, ":(top)b/dev", "HEAD", ":(top)b/dev:*");
    shell(root, "git add -A");
    expect(root, ".", "HEAD", "-a\n\"\\\xff\t.c:1, :(top)b/dev:1,");
    expect(root, ".", NULL, "-a\n\"\\\xff\t.c:1, :(top)b/dev:1,");
}

static void test_refused(void **state) {
    const char *root = *state;
    static const char *const revisions[] = {"", "-p", "--output=x", "nowhere", "HEAD..HEAD~1"};
    struct err e;
    for (size_t i = 0; i < sizeof revisions / sizeof *revisions; i++) {
        struct changes c = {0};
        const struct changes_options o = {.since = revisions[i]};
        assert_int_equal(changes_add(&c, root, &o, &e), PRECIS_EUSAGE);
        changes_free(&c);
    }
    struct changes c = {0};
    char *outside = tree_new();
    const struct changes_options o = {.since = "HEAD"};
    assert_int_equal(changes_add(&c, outside, &o, &e), PRECIS_EINPUT);
    assert_non_null(strstr(e.text, "not a git repository"));
    atomic_bool stop = true;
    const struct changes_options stopped = {.since = "HEAD", .stop = &stop};
    assert_int_equal(changes_add(&c, root, &stopped, &e), PRECIS_ECANCELLED);
    changes_free(&c);
    tree_remove(outside);
}

/* Each setting that has git run a program writes a file, if it is heeded. */
static void test_hostile(void **state) {
    const char *root = *state;
    tree_write(root, "evil.sh", "#!/bin/sh\necho \"$0 $*\" >> \"$EVIL_MARK\"\ncat\n");
    char *mark = file_join(root, "mark"), *evil = file_join(root, "evil.sh");
    setenv("EVIL_MARK", mark, 1);
    setenv("EVIL", evil, 1);
    tree_write(root, ".gitattributes", "*.c filter=ev=il diff=evil\n");
    tree_write(root, ".git/info/exclude", "mark\n*.sh\n.gitattributes\n");
    shell(root, "chmod +x evil.sh; for k in filter.ev=il.clean filter.ev=il.process "
                "filter.ev=il.smudge diff.evil.command diff.evil.textconv diff.external "
                "core.fsmonitor core.pager core.hooksPath alias.diff-index core.sshCommand "
                "core.alternateRefsCommand; do git config \"$k\" \"$EVIL\"; done; "
                "git config filter.ev=il.required true; rm -f mark");
    shell(root, "sed -i 's/^3$/x/' a.c; touch sub/b.c");
    setenv("GIT_EXTERNAL_DIFF", evil, 1);
    setenv("GIT_DIFF_OPTS", "--unified=9", 1);
    expect(root, ".", "HEAD", "a.c:3,");
    expect(root, ".", NULL, "");
    assert_int_not_equal(access(mark, F_OK), 0);
    shell(root, "touch a.c; git diff HEAD > diff.o 2>&1 || :"); /* they would have */
    assert_int_equal(access(mark, F_OK), 0);
    unsetenv("GIT_EXTERNAL_DIFF");
    unsetenv("GIT_DIFF_OPTS");
    free(mark);
    free(evil);
}

static int once(void *user, struct err *e) {
    struct changes c = {0};
    int rc = changes_add(&c, user, &(struct changes_options){.since = "HEAD"}, e);
    if (rc == 0) {
        changes_free(&c);
        rc = changes_add(&c, user, &(struct changes_options){0}, e);
    }
    changes_free(&c);
    return rc;
}

static void test_nomem(void **state) {
    char *root = *state;
    shell(root, "sed -i 's/^3$/x/' a.c; git add a.c; sed -i '1d' a.c; echo u > u.c; "
                "git config filter.x.clean cat");
    fault_each(&fault_memory, FAULT_ONCE, once, root);
}

static bool have_git(void) {
    const char *const arguments[] = {"git", "--version", NULL};
    const struct program p = {.arguments = arguments};
    struct program_end end;
    return program_run(&p, &end, NULL) == 0 && end.status == 0;
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_since, setup, teardown),
        cmocka_unit_test_setup_teardown(test_staged, setup, teardown),
        cmocka_unit_test(test_first_commit),
        cmocka_unit_test_setup_teardown(test_hook, setup, teardown),
        cmocka_unit_test_setup_teardown(test_names, setup, teardown),
        cmocka_unit_test_setup_teardown(test_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(test_hostile, setup, teardown),
        cmocka_unit_test_setup_teardown(test_nomem, setup, teardown),
    };
    if (!have_git()) {
        puts("skipped: there is no git");
        return 77;
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
