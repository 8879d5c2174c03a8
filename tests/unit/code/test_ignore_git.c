/* The same answers as git gives, over random patterns and trees. Skipped where git is not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/file.h"
#include "base/rng.h"
#include "code/ignore.h"
#include "code/walk.h"
#include "tree.h"

enum { MATCH_CASES = 700, PATHS = 10, WALK_CASES = 150 };

static const char *const name_parts[] = {"a",   "b",        "c",   "ab", "foo", "x.c", "y.o",
                                         "[a]", "-",        "a b", "#a", "!b",  "A",   "1",
                                         "\\",  "\xc3\xa9", "b ",  "*",  "]",   "bar"};
static const char *const pattern_parts[] = {"a",           "b",        "c",
                                            "foo",         "bar",      "x.c",
                                            ".c",          "*",        "*",
                                            "*",           "**",       "?",
                                            "/",           "/",        "/",
                                            "/**/",        "**/",      "/**",
                                            "[ab]",        "[!a]",     "[^b-x]",
                                            "[[:alpha:]]", "[]a]",     "[a",
                                            "\\",          "\\*",      "\\a",
                                            " ",           "\\ ",      "!",
                                            "#",           "\\!",      "\\#",
                                            ".",           "-",        "[a-c]",
                                            "[b-]",        "[[:x:]]",  "[[:digit:]-z]",
                                            "[\\]]",       "[a\\-c]",  "[[:upper:][:digit:]]",
                                            "\r",          "\xc3\xa9", "***",
                                            "[!]a-]",      "[[:a]",    "[:alpha:]",
                                            "[--0]",       "[/]",      "[!/]b",
                                            "\\/",         "A",        "o"};

#define PICK(rng, list) ((list)[rng_next(rng) % (sizeof(list) / sizeof *(list))])

static bool run(const char *root, const char *command) {
    struct buf line = {0};
    buf_printf(&line,
               "cd '%s' && unset GIT_DIR GIT_WORK_TREE GIT_INDEX_FILE GIT_CEILING_DIRECTORIES && "
               "HOME='%s/home' XDG_CONFIG_HOME='%s/home' GIT_CONFIG_NOSYSTEM=1 %s 2> '%s/stderr'",
               root, root, root, command, root);
    assert_false(buf_failed(&line));
    int rc = system(line.data);
    buf_free(&line);
    /* check-ignore says 1 when nothing is ignored. */
    return rc == 0 || rc == 1 << 8;
}

static bool have_git(void) {
    return system("git --version > /dev/null 2>&1") == 0;
}

static void random_name(struct rng *rng, struct buf *out) {
    size_t n = 1 + rng_next(rng) % 2;
    for (size_t i = 0; i < n; i++)
        buf_str(out, PICK(rng, name_parts));
}

static void random_patterns(struct rng *rng, struct buf *out) {
    size_t lines = 1 + rng_next(rng) % 5;
    if (rng_next(rng) % 16 == 0)
        buf_str(out, "\xef\xbb\xbf");
    for (size_t i = 0; i < lines; i++) {
        size_t n = 1 + rng_next(rng) % 6;
        if (rng_next(rng) % 4 == 0)
            buf_char(out, '!');
        for (size_t j = 0; j < n; j++)
            buf_str(out, PICK(rng, pattern_parts));
        if (rng_next(rng) % 8 == 0)
            buf_str(out, "  ");
        if (i + 1 < lines || rng_next(rng) % 2)
            buf_str(out, rng_next(rng) % 8 ? "\n" : "\r\n");
    }
}

static char *read_whole(const char *root, const char *name, size_t *size) {
    char path[PATH_MAX];
    struct buf text = {0};
    snprintf(path, sizeof path, "%s/%s", root, name);
    FILE *f = fopen(path, "rb");
    assert_non_null(f);
    assert_int_equal(file_read_stream(f, path, SIZE_MAX / 4, &text, NULL), 0);
    fclose(f);
    *size = text.len;
    return text.data;
}

/* What git does with one file of patterns: the first folder on the way that is ignored decides. */
static enum ignore_verdict verdict_of(const struct ignore *ig, const char *path) {
    char part[PATH_MAX];
    for (size_t i = 0; path[i]; i++)
        if (path[i] == '/') {
            memcpy(part, path, i);
            part[i] = 0;
            if (ignore_match(ig, part, true) == IGNORE_YES)
                return IGNORE_YES;
        }
    return ignore_match(ig, path, false);
}

struct match_case {
    struct buf patterns;
    char *paths[PATHS];
};

static void make_match_case(struct rng *rng, const char *root, size_t i, struct match_case *c,
                            struct buf *list) {
    char name[PATH_MAX];
    random_patterns(rng, &c->patterns);
    snprintf(name, sizeof name, "case%03zu/.gitignore", i);
    tree_write_bytes(root, name, c->patterns.data, c->patterns.len);
    for (size_t j = 0; j < PATHS; j++) {
        struct buf path = {0};
        size_t depth = rng_next(rng) % 4;
        for (size_t d = 0; d < depth; d++) {
            random_name(rng, &path);
            buf_str(&path, d & 1 ? "_/" : "/"); /* no file is a folder elsewhere in the case */
        }
        random_name(rng, &path);
        buf_str(&path, depth & 1 ? "" : ".c");
        snprintf(name, sizeof name, "case%03zu/tree%zu/%s", i, j, path.data);
        tree_write(root, name, "x\n");
        c->paths[j] = strdup(strchr(name, '/') + 1);
        buf_append(list, name, strlen(name) + 1);
        buf_free(&path);
    }
}

static const char *next_field(const char **s, const char *end) {
    const char *field = *s;
    assert_true(field < end);
    *s = field + strlen(field) + 1;
    return field;
}

static void matches_like_check_ignore(void **state) {
    (void)state;
    if (!have_git())
        skip();
    struct rng rng = {20240607};
    char *root = tree_new();
    static struct match_case cases[MATCH_CASES];
    struct buf list = {0};
    for (size_t i = 0; i < MATCH_CASES; i++)
        make_match_case(&rng, root, i, &cases[i], &list);
    tree_write_bytes(root, "list", list.data, list.len);
    assert_true(
        run(root, "git init -q . && git check-ignore --no-index -z -v -n --stdin < list > out"));
    size_t size = 0;
    char *out = read_whole(root, "out", &size);
    const char *s = out;
    size_t yes = 0;
    size_t no = 0;
    for (size_t i = 0; i < MATCH_CASES; i++) {
        struct ignore *ig = NULL;
        assert_int_equal(ignore_parse(cases[i].patterns.data, cases[i].patterns.len, &ig, NULL), 0);
        for (size_t j = 0; j < PATHS; j++) {
            next_field(&s, out + size);
            next_field(&s, out + size);
            const char *pattern = next_field(&s, out + size);
            next_field(&s, out + size);
            enum ignore_verdict want = !pattern[0]         ? IGNORE_NONE
                                       : pattern[0] == '!' ? IGNORE_NO
                                                           : IGNORE_YES;
            enum ignore_verdict got = verdict_of(ig, cases[i].paths[j]);
            yes += want == IGNORE_YES;
            no += want == IGNORE_NO;
            if (got != want)
                fail_msg("%s: git says %d by \"%s\", we say %d; patterns:\n%s", cases[i].paths[j],
                         want, pattern, got, cases[i].patterns.data);
            free(cases[i].paths[j]);
        }
        ignore_free(ig);
        buf_free(&cases[i].patterns);
    }
    /* The cases must be worth the name. */
    assert_in_range(yes, MATCH_CASES, MATCH_CASES * PATHS);
    assert_in_range(no, MATCH_CASES / 10, MATCH_CASES * PATHS);
    free(out);
    buf_free(&list);
    tree_remove(root);
}

static void make_walk_case(struct rng *rng, const char *root, size_t i) {
    char name[PATH_MAX];
    struct buf folder = {0};
    buf_printf(&folder, "tree/case%03zu", i);
    for (size_t level = 0; level < 4; level++) {
        if (level == 0 || rng_next(rng) % 2) {
            struct buf patterns = {0};
            random_patterns(rng, &patterns);
            snprintf(name, sizeof name, "%s/.gitignore", folder.data);
            tree_write_bytes(root, name, patterns.data, patterns.len);
            buf_free(&patterns);
        }
        for (size_t j = rng_next(rng) % 4; j > 0; j--) {
            struct buf base = {0};
            random_name(rng, &base);
            snprintf(name, sizeof name, "%s/%s", folder.data, base.data);
            tree_write(root, name, "x\n");
            snprintf(name, sizeof name, "%s/%s_/%zu", folder.data, base.data, j);
            tree_write(root, name, "x\n");
            buf_free(&base);
        }
        buf_str(&folder, "/d");
        random_name(rng, &folder);
    }
    buf_free(&folder);
}

static int by_text(const void *a, const void *b) {
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static void compare_listing(const char *root, const char *sub) {
    char path[PATH_MAX];
    char command[PATH_MAX];
    snprintf(path, sizeof path, "%s/%s", root, sub);
    snprintf(command, sizeof command, "git -C '%s' ls-files -o --exclude-standard -z > out", sub);
    assert_true(run(root, command));
    size_t size = 0;
    char *out = read_whole(root, "out", &size);
    struct walk w;
    struct err e = {0};
    struct walk_options options = {.all_text = true};
    assert_int_equal(walk_tree(path, &options, &w, &e), 0);
    char **names = malloc((size + 1) * sizeof *names);
    assert_non_null(names);
    size_t n = 0;
    for (char *s = out; s < out + size; s += strlen(s) + 1)
        names[n++] = s;
    qsort(names, n, sizeof *names, by_text);
    for (size_t i = 0; i < n && i < w.n; i++)
        assert_string_equal(w.files[i].name, names[i]);
    assert_int_equal(w.n, n);
    assert_true(n > 0);
    assert_int_equal(w.stats.unreadable + w.stats.special + w.stats.duplicate, 0);
    free(names);
    free(out);
    walk_free(&w);
}

static void walks_like_ls_files(void **state) {
    (void)state;
    if (!have_git())
        skip();
    struct rng rng = {77};
    char *root = tree_new();
    for (size_t i = 0; i < WALK_CASES; i++)
        make_walk_case(&rng, root, i);
    tree_write(root, ".gitignore", "*/case01*/y.o\n/tree/case02?/**/foo\n");
    tree_write(root, "tree/sub/deep/keep.c", "x\n");
    tree_write(root, "tree/sub/deep/drop.c", "x\n");
    assert_true(run(root, "git init -q ."));
    tree_write(root, ".git/info/exclude", "*\\*\ntree/sub/deep/drop.c\n");
    compare_listing(root, "tree");
    compare_listing(root, "tree/sub");
    compare_listing(root, "tree/sub/deep");
    assert_true(run(root,
                    "git init -q linked && git -C linked -c user.name=n -c user.email=e@e commit "
                    "-q --allow-empty -m x && git -C linked worktree add -q ../work"));
    tree_write(root, "linked/.git/info/exclude", "b.c\n");
    tree_write(root, "work/a.c", "x\n");
    tree_write(root, "work/b.c", "x\n");
    compare_listing(root, "work");
    tree_remove(root);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(matches_like_check_ignore),
        cmocka_unit_test(walks_like_ls_files),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
