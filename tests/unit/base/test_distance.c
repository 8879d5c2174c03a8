#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/distance.h"

static void counts_edits(void **state) {
    (void)state;
    static const struct {
        const char *a, *b;
        size_t want;
    } cases[] = {{"", "", 0},         {"", "abc", 3},
                 {"abc", "abc", 0},   {"kitten", "sitting", 3},
                 {"flaw", "lawn", 2}, {"summarise", "summarize", 1}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        assert_int_equal(distance_between(cases[i].a, cases[i].b), cases[i].want);
        assert_int_equal(distance_between(cases[i].b, cases[i].a), cases[i].want);
    }
}

static void long_names_are_far(void **state) {
    (void)state;
    char name[DISTANCE_FAR + 2];
    memset(name, 'x', sizeof name);
    name[DISTANCE_FAR + 1] = 0;
    assert_int_equal(distance_between(name, name), DISTANCE_FAR);
    assert_int_equal(distance_between("x", name), DISTANCE_FAR);
    assert_int_equal(distance_between(name + 1, name + 1), 0);
    assert_int_equal(distance_between(name + 1, ""), DISTANCE_FAR);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(counts_edits),
                                       cmocka_unit_test(long_names_are_far)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
