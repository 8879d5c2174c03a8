/* Trees as flat arrays, their limits, and running out of memory anywhere. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "code/doc.h"
#include "code/outline.h"
#include "code/symbols.h"
#include "fault.h"

static void nodes_stand_in_order(void **state) {
    (void)state;
    static const char text[] =
        "fn f(a: u8) -> u8 {\n    if a > 1 && a < 9 { g(a) } else { 0 }\n}\n";
    struct tree t;
    struct err e = {0};
    uint32_t ands = 0;
    assert_int_equal(tree_parse(lang_by_name("rust"), text, sizeof text - 1, &t, &e), 0);
    assert_int_equal(t.error_bytes, 0);
    assert_int_equal(t.v[0].parent, TREE_NONE);
    assert_int_equal(t.v[0].next, t.n);
    for (uint32_t i = 1; i < t.n; i++) {
        const struct tree_node *up = &t.v[t.v[i].parent];
        assert_true(t.v[i].parent < i && t.v[i].next > i && t.v[i].next <= up->next);
        assert_true(t.v[i].start >= up->start && t.v[i].end <= up->end);
        ands += t.v[i].type == K_amp_amp;
    }
    assert_int_equal(ands, 1);
    uint32_t function = tree_child(&t, 0, T_function_item);
    assert_string_equal(tree_type_name(&t, function), "function_item");
    assert_int_equal(t.v[function].first_row, 0);
    assert_int_equal(t.v[function].end_row, 2);
    uint32_t name = tree_field(&t, function, F_name);
    assert_int_equal(t.v[name].type, T_identifier);
    assert_memory_equal(text + t.v[name].start, "f(", 2);
    assert_int_equal(tree_field(&t, function, F_condition), TREE_NONE);
    assert_int_equal(tree_sibling(&t, 0), TREE_NONE);
    tree_free(&t);
}

static void what_does_not_parse_is_refused(void **state) {
    (void)state;
    struct tree t;
    struct err e = {0};
    static const char prose[] =
        "It was (a dark] and } stormy night; the \" rain fell, in ) torrents\n";
    assert_int_equal(tree_parse(lang_by_name("java"), prose, sizeof prose - 1, &t, &e),
                     PRECIS_EINPUT);
    assert_non_null(strstr(e.text, "does not parse as Java"));
    assert_null(t.v);
    assert_int_equal(tree_parse(lang_by_name("cobol"), "x", 1, &t, &e), PRECIS_EUNSUPPORTED);
    assert_non_null(strstr(e.text, "cobol"));
    assert_int_equal(tree_parse(NULL, "x", 1, &t, &e), PRECIS_EUNSUPPORTED);
    assert_false(tree_knows(lang_by_name("markdown")));
    assert_true(tree_knows(lang_by_name("cuda")));
}

static void long_text_is_refused(void **state) {
    (void)state;
    struct tree t;
    struct err e = {0};
    size_t size = TREE_MAX_BYTES + 1;
    char *text = malloc(size);
    assert_non_null(text);
    memset(text, '\n', size);
    assert_int_equal(tree_parse(lang_by_name("c"), text, size, &t, &e), PRECIS_ELIMIT);
    assert_non_null(strstr(e.text, "2097153"));
    assert_int_equal(tree_parse(lang_by_name("c"), text, size - 1, &t, &e), 0);
    tree_free(&t);
    free(text);
}

static void headers_may_be_in_either_language(void **state) {
    (void)state;
    static const char cpp[] =
        "#pragma once\nnamespace a { template <class T> class B : public C<T> {\n"
        " public: B() : x_(1) {} virtual ~B(); int x() const { return x_; }\n"
        " private: int x_; }; }\n";
    struct tree t;
    struct err e = {0};
    assert_int_equal(tree_parse(lang_of("a.h", NULL, 0), cpp, sizeof cpp - 1, &t, &e), 0);
    assert_string_equal(t.lang->name, "cpp");
    tree_free(&t);
    assert_int_equal(tree_parse(lang_of("a.h", NULL, 0), "int f(void);\n", 13, &t, &e), 0);
    assert_string_equal(t.lang->name, "c");
    tree_free(&t);
}

static int everything(void *user, struct err *e) {
    static const char text[] = "//! Module of things that work.\ncfg_a! {\n/// Adds one to it.\n"
                               "pub fn add(x: u8) -> u8 { checked(x) }\n}\npub enum E { A, B }\n";
    struct tree t;
    struct symbols s = {0};
    struct outline o = {0};
    (void)user;
    int rc = tree_parse(lang_by_name("rust"), text, sizeof text - 1, &t, e);
    if (rc == 0)
        rc = symbols_find(&t, &s, e);
    if (rc == 0)
        rc = outline_make(&t, &s, 1, 6, NULL, &o, e);
    outline_free(&o);
    symbols_free(&s);
    tree_free(&t);
    return rc;
}

static void memory_may_run_out_anywhere(void **state) {
    (void)state;
    struct err e = {0};
    assert_int_equal(everything(NULL, &e), 0); /* what is kept for good is allocated here */
    fault_each(&fault_memory, FAULT_ONCE, everything, NULL);
    fault_each(&fault_memory, FAULT_LASTING, everything, NULL);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nodes_stand_in_order), cmocka_unit_test(what_does_not_parse_is_refused),
        cmocka_unit_test(long_text_is_refused), cmocka_unit_test(headers_may_be_in_either_language),
        cmocka_unit_test(memory_may_run_out_anywhere)};
    if (tree_missing())
        return 77; /* skipped */
    return cmocka_run_group_tests(tests, NULL, NULL);
}
