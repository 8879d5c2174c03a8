/* Regular expressions in Oniguruma's syntax: what matches, and what is refused by name. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "text/regex.h"

/* All matches as "0-2 5-6". */
static void matches(const char *pattern, const char *text, const char *want) {
    struct regex *re;
    struct regex_work w = {0};
    struct regex_search q;
    struct err e = {0};
    char got[256] = "";
    size_t at = 0, begin, end;
    int rc = regex_new(pattern, strlen(pattern), &re, &e);
    if (rc)
        fail_msg("%s: %s", pattern, e.text);
    regex_start(&q, re, (const uint8_t *)text, strlen(text));
    while (regex_next(&q, &w, &begin, &end) > 0)
        at += (size_t)snprintf(got + at, sizeof got - at, "%s%zu-%zu", at ? " " : "", begin, end);
    if (strcmp(got, want) != 0)
        fail_msg("%s in \"%s\": %s, not %s", pattern, text, got, want);
    regex_work_free(&w);
    regex_free(re);
}

static void what_matches(void **state) {
    (void)state;
    matches("a", "banana", "1-2 3-4 5-6");
    matches("a*", "aab", "0-2 3-3"); /* none right after another */
    matches("x*", "ab", "0-0 1-1 2-2");
    matches("b*", "\xc3\xa9", "0-0 2-2"); /* never within a character */
    matches("", "", "0-0");
    matches("^a", "a\na\n", "0-1 2-3"); /* lines, as in Ruby */
    matches("a$", "a\na", "0-1 2-3");
    matches(".", "a\nb", "0-1 2-3");
    matches("\\s", " \xc2\x85\xe1\xa0\x8e\xe3\x80\x80", "0-1 1-3 6-9"); /* U+180E is none */
    matches("\\w+", "a\xc2\xb2_\xe2\x80\x8c", "0-4");
    matches("[\\w]+", "a\xc2\xb2\xc2\xaa\xc2\xbd", "0-1 3-5"); /* not so within brackets */
    matches("[\\W]", "a\xc2\xb2", "1-3");
    matches("\\W", "a\xc2\xb2-", "3-4");
    matches("[^\\s\\w]+", "\xc2\xbd \xc2\xaa", "0-2");
    matches("\\d", "1\xd9\xa3\xc2\xb2", "0-1 1-3");
    matches("\\p{Lu}", "aBc", "1-2");
    matches("\\P{L}", "aBc1", "3-4");
    matches("\\p{^L}", "aBc1", "3-4");
    matches("\\p{Letter}+", "ab1", "0-2");
    matches("[^\\s\\p{L}]+", "a1 2", "1-2 3-4");
    matches("[\\S&]", " &", "1-2");
    matches("[a-c\\]\\-]", "d]-b", "1-2 2-3 3-4");
    matches("[]x]", "]x", "0-1 1-2");
    matches("(?i:'s|'T)", "'S't", "0-2 2-4");
    matches("(?i:'s)", "'\xc5\xbf", "0-3");
    matches("(?i)ab", "AB", "0-2");
    matches("(a)(?=b)|(?<!x)c(?!d)", "abxccdc", "0-1 6-7");
}

static void what_is_counted(void **state) {
    (void)state;
    matches("a{2}", "aaa", "0-2");
    matches("a{,2}b", "aaab", "1-4");
    matches("a{1,}", "aaa", "0-3");
    matches("a{1,2}?", "aa", "0-1 1-2");
    matches("a{x}", "a{x}", "0-4");
    matches("a?+a|b", "ab", "1-2"); /* possessive: gives nothing back */
    matches("\\u00e9\\x41\\x{1f600}",
            "\xc3\xa9"
            "A\xf0\x9f\x98\x80",
            "0-7");
}

static void what_is_refused(void **state) {
    (void)state;
    static const char *const cases[][2] = {{"\\p{Greek}", "no general category"},
                                           {"\\pL", "without braces"},
                                           {"\\bword", "a word boundary"},
                                           {"\\hx", "this escape"},
                                           {"\\1", "this escape"},
                                           {"(?<name>a)", "this group"},
                                           {"(?m:.)", "this group"},
                                           {"a(?i)b", "an option within"},
                                           {"[a&&b]", "a class within a class"},
                                           {"[[:alpha:]]", "a class within a class"},
                                           {"[a", "an open bracket"},
                                           {"(?i:ss)", "folds into one"},
                                           {"(?i:\xc3\xa9)", "beyond ASCII"},
                                           {"a{2}+", "follows this interval"},
                                           {"\\", "a backslash at the end"},
                                           {"\\xff", "this escape"},
                                           {"[a-\\s]", "ends in a class"},
                                           {"(a", "regular expression \"(a\""},
                                           {"*a", "regular expression"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct regex *re;
        struct err e = {0};
        assert_int_equal(regex_new(cases[i][0], strlen(cases[i][0]), &re, &e), PRECIS_EUNSUPPORTED);
        assert_null(re);
        if (!strstr(e.text, cases[i][1]))
            fail_msg("%s: %s", cases[i][0], e.text);
    }
    struct regex *re;
    struct err e;
    assert_int_equal(regex_new("\xff", 1, &re, &e), PRECIS_EINPUT);
    regex_free(NULL);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(what_matches),
                                       cmocka_unit_test(what_is_counted),
                                       cmocka_unit_test(what_is_refused)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
