#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "code/glob.h"
#include "code/ignore.h"

static enum ignore_verdict match_bytes(const char *text, size_t len, const char *path) {
    struct ignore *ig = NULL;
    assert_int_equal(ignore_parse(text, len, &ig, NULL), 0);
    size_t n = strlen(path);
    char *copy = strdup(path);
    assert_non_null(copy);
    /* A path that ends in '/' stands for a folder. */
    if (n && copy[n - 1] == '/')
        copy[n - 1] = 0;
    enum ignore_verdict v = ignore_match(ig, copy, n && path[n - 1] == '/');
    free(copy);
    ignore_free(ig);
    return v;
}

static void expect(const char *text, const char *path, enum ignore_verdict want) {
    enum ignore_verdict got = match_bytes(text, strlen(text), path);
    if (got != want)
        fail_msg("\"%s\" and %s: %d, not %d", text, path, got, want);
}

static void yes(const char *text, const char *path) {
    expect(text, path, IGNORE_YES);
}
static void none(const char *text, const char *path) {
    expect(text, path, IGNORE_NONE);
}
static void back(const char *text, const char *path) {
    expect(text, path, IGNORE_NO);
}

static void lines_are_read_as_git_does(void **state) {
    (void)state;
    none("", "a");
    none("\n\n\r\n", "a");
    none("# a\n#a", "#a");
    yes("\\#a", "#a");
    yes("\\!a", "!a");
    none("!", "!");
    none("/", "a/");
    none("//", "a/");
    yes("a  ", "a");
    none("a\\ ", "a");
    yes("a\\ ", "a ");
    yes("a\\  ", "a ");
    yes("a b", "a b");
    yes(" a", " a");
    yes("a\t", "a\t");
    yes("a\r\nb\r\n", "a");
    yes("a\r\nb\r\n", "b");
    yes("a \r\n", "a");
    yes("a\r", "a");
    none("a\\", "a\\");
    yes("\xef\xbb\xbf"
        "a",
        "a");
    none("b\n\xef\xbb\xbf"
         "a",
         "a");
    assert_int_equal(match_bytes("a\0b\n", 4, "a"), IGNORE_YES);
    assert_int_equal(match_bytes("\xff\xfe*\n", 4, "\xff\xfe\x01"), IGNORE_YES);
    assert_int_equal(match_bytes(NULL, 0, "a"), IGNORE_NONE);
}

static void anchors_and_folders(void **state) {
    (void)state;
    yes("a", "a");
    yes("a", "x/y/a");
    yes("a", "x/a/");
    none("a", "ab");
    yes("/a", "a");
    none("/a", "x/a");
    yes("x/a", "x/a");
    none("x/a", "y/x/a");
    none("a/", "a");
    yes("a/", "a/");
    yes("a/", "x/a/");
    none("/a/", "x/a/");
    none("a", "a/b"); /* what is in an ignored folder is the walk's matter */
}

static void the_last_match_decides(void **state) {
    (void)state;
    back("*.c\n!a.c", "a.c");
    yes("*.c\n!a.c", "b.c");
    yes("!a.c\n*.c", "a.c");
    back("!a", "a");
    none("!a\n", "!a");
}

static void stars(void **state) {
    (void)state;
    yes("*", "a");
    yes("*.c", "x/a.c");
    none("/*.c", "x/a.c");
    yes("x/*", "x/a");
    none("x/*", "x/y/a");
    yes("x/*/a", "x/y/a");
    none("x/*/a", "x/a");
    none("x/*/a", "x/y/z/a");
    yes("a?c", "abc");
    none("x?a", "x/a");
    none("x?y/a", "x/y/a");
    yes("**/a", "a");
    yes("**/a", "x/y/a");
    yes("x/**", "x/a");
    yes("x/**", "x/y/a");
    none("x/**", "x/");
    yes("x/**/a", "x/a");
    yes("x/**/a", "x/y/z/a");
    none("x/**/a", "x/ya");
    none("x/**/a", "xa");
    yes("**", "x/y");
    yes("**/", "x/y/");
    yes("/**/a", "a");
    yes("x/a**", "x/abc");
    none("x/?a**c", "x/ya/c");
    yes("x**y", "xzy");
    yes("**/a/**/b", "x/a/y/z/b");
    yes("**/a/**/b", "a/b");
    none("**/a/**/b", "a/x");
    yes("x/***/a", "x/y/a");
    yes("x/*a*/b", "x/cad/b");
    yes("**/*a*b*c", "x/yazbc/1a2b3c");
}

static void brackets(void **state) {
    (void)state;
    yes("[ab]", "a");
    none("[ab]", "c");
    yes("[!ab]", "c");
    yes("[^ab]", "c");
    none("[!ab]", "a");
    yes("[a-c]x", "bx");
    none("[a-c]x", "dx");
    yes("[]a]", "]");
    yes("[!]a]", "b");
    none("[!]a]", "]");
    yes("[a-]", "-");
    yes("[-a]", "-");
    yes("[\\]]", "]");
    yes("[\\a-c]", "b");
    yes("[a-\\c]", "b");
    yes("[[:digit:]]", "7");
    none("[[:digit:]]", "x");
    yes("[[:alpha:][:digit:]_]", "_");
    yes("[![:space:]]", "a");
    yes("[[:upper:]]", "Q");
    yes("[[:xdigit:]]", "f");
    yes("[[:punct:]]", "!");
    none("[[:nope:]]", "n");
    yes("[[:a]", ":");
    yes("[[:a]", "[");
    none("[a", "a");
    none("[a", "[a");
    none("[", "[");
    none("[!", "[!");
    none("[a-", "a");
    none("[[:alpha:", "a");
    none("[a\\", "a");
    none("x[/]a", "x/a");
    none("x/[!b]a", "x//a");
    yes("\\[a]", "[a]");
    yes("[\xc0-\xff]", "\xe9");
}

static void escapes(void **state) {
    (void)state;
    yes("\\a", "a");
    yes("\\*", "*");
    none("\\*", "a");
    yes("\\?", "?");
    yes("a\\\\", "a\\");
    yes("x\\/a", "x/a");
    none("x\\/a", "y/x/a");
}

static void lists_take_patterns_literally(void **state) {
    (void)state;
    static const char *const list[] = {"#a", "*.c", "!b.c", "x ", "", NULL};
    struct ignore *ig = NULL;
    assert_int_equal(ignore_from_list(list, &ig, NULL), 0);
    assert_int_equal(ignore_match(ig, "#a", false), IGNORE_YES);
    assert_int_equal(ignore_match(ig, "a.c", false), IGNORE_YES);
    assert_int_equal(ignore_match(ig, "b.c", false), IGNORE_NO);
    assert_int_equal(ignore_match(ig, "x ", false), IGNORE_YES);
    assert_int_equal(ignore_match(ig, "x", false), IGNORE_NONE);
    ignore_free(ig);
    ignore_free(NULL);
}

/* With backtracking over every star these would not end in this universe. */
static void pathological_patterns_end(void **state) {
    (void)state;
    enum { STARS = 1000, NAME = 4000 };
    char *pattern = malloc(STARS * 6 + 8);
    char *name = malloc(NAME + 1);
    assert_non_null(pattern);
    assert_non_null(name);
    memset(name, 'a', NAME);
    name[NAME] = 0;
    size_t n = 0;
    for (int i = 0; i < STARS; i++, n += 2)
        memcpy(pattern + n, "a*", 2);
    pattern[n++] = 'b';
    assert_false(glob_match(pattern, n, name, NAME));
    for (size_t i = 1; i < NAME; i += 2)
        name[i] = '/';
    n = 0;
    for (int i = 0; i < STARS; i++, n += 5)
        memcpy(pattern + n, "**/a/", 5);
    pattern[n++] = 'b';
    assert_false(glob_match(pattern, n, name, NAME));
    memcpy(pattern, "**/", 3);
    n = 3;
    for (int i = 0; i < STARS; i++, n += 3)
        memcpy(pattern + n, "*?/", 3);
    pattern[n++] = 'b';
    assert_false(glob_match(pattern, n, name, NAME));
    free(pattern);
    free(name);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lines_are_read_as_git_does),
        cmocka_unit_test(anchors_and_folders),
        cmocka_unit_test(the_last_match_decides),
        cmocka_unit_test(stars),
        cmocka_unit_test(brackets),
        cmocka_unit_test(escapes),
        cmocka_unit_test(lists_take_patterns_literally),
        cmocka_unit_test(pathological_patterns_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
