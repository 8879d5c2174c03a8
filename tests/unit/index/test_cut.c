/* Where files are cut, and what the pieces hold. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "base/utf8.h"
#include "index/cut.h"

static struct cut c;

static void cut(const char *lang, const char *text) {
    struct err e = {0};
    if (cut_file(text, strlen(text), lang ? lang_by_name(lang) : NULL, &c, &e) != 0)
        fail_msg("%s", e.text);
}

/* "kind symbol first-last\n" of each; until the next call. */
static const char *spell(void) {
    static struct buf b;
    buf_clear(&b);
    for (size_t i = 0; i < c.n; i++)
        buf_printf(&b, "%s %s %d-%d\n", c.v[i].kind,
                   c.v[i].symbol == SIZE_MAX ? "-" : cut_text(&c, c.v[i].symbol),
                   (int)c.v[i].start_line, (int)c.v[i].end_line);
    buf_str(&b, "");
    return b.data;
}

static const char *body(size_t i) {
    return cut_text(&c, c.v[i].body);
}

#ifndef NO_TREES
static void functions_and_types_are_pieces(void **state) {
    (void)state;
    cut("rust",
        "use std::io;\n\n/// Holds.\npub struct Slot {\n    at: u32,\n}\n\n"
        "impl Slot {\n    /// Takes one.\n    pub fn take(&self) -> u32 {\n        self.at\n"
        "    }\n    fn put(&mut self) {\n        self.at = 1;\n    }\n}\n\nconst MOST: u32 = 7;\n");
    assert_string_equal(spell(), "lines - 1-18\nstruct Slot 3-6\nmethod Slot.take 9-12\n"
                                 "method Slot.put 13-15\n");
    /* the n-th line of a text is the n-th of its range */
    assert_string_equal(
        body(0), "use std::io;\n\n\n\n\n\n\nimpl Slot {\n\n\n\n\n\n\n\n}\n\nconst MOST: u32 = 7;");
    assert_string_equal(body(1), "/// Holds.\npub struct Slot {\n    at: u32,\n}");
    assert_string_equal(
        body(2), "    /// Takes one.\n    pub fn take(&self) -> u32 {\n        self.at\n    }");
    assert_true(strncmp(cut_text(&c, c.v[2].head), "pub fn take(&self)", 18) == 0);
    cut_free(&c);
}

static void what_is_in_a_class_stands_for_itself(void **state) {
    (void)state;
    cut("python",
        "class A:\n    \"\"\"Says.\"\"\"\n    x = 1\n\n    def f(self):\n        def inner():\n"
        "            return 1\n        return inner\n\n    y = 2\n");
    assert_string_equal(spell(), "class A 1-10\nmethod A.f 5-8\n");
    assert_string_equal(body(0),
                        "class A:\n    \"\"\"Says.\"\"\"\n    x = 1\n\n\n\n\n\n\n    y = 2");
    cut_free(&c);
}

static void a_long_function_gives_up_what_is_in_it(void **state) {
    (void)state;
    struct buf b = {0};
    buf_str(&b, "function all() {\n");
    for (int i = 0; i < 130; i++)
        buf_printf(&b, "  step(%d);\n", i);
    buf_str(&b, "  function inner(a) {\n    one(a);\n    two(a);\n    return a;\n  }\n}\n");
    cut("javascript", b.data);
    assert_string_equal(spell(), "function all 1-137\nfunction inner 132-136\n");
    cut_free(&c);
    buf_free(&b);
}

static void declarations_stay_among_lines(void **state) {
    (void)state;
    cut("c", "#include <a.h>\nint f(int a);\nstruct s;\n#define ONE 1\n\nint f(int a) {\n    "
             "return a;\n}\n");
    assert_string_equal(spell(), "lines - 1-4\nfunction f 6-8\n");
    cut_free(&c);
}
#endif

static void what_does_not_parse_goes_by_lines(void **state) {
    (void)state;
    struct buf b = {0};
    for (int i = 0; i < 90; i++)
        buf_printf(&b, "line %d of words\n%s", i, i % 2 ? "\n" : "");
    cut(NULL, b.data);
    assert_string_equal(spell(), "lines - 1-59\nlines - 61-119\nlines - 121-134\n");
    cut_free(&c);
    buf_free(&b);
    cut(NULL, "");
    assert_int_equal(c.n, 0);
    cut(NULL, "{\n}\n;\n");
    assert_int_equal(c.n, 0);
    cut_free(&c);
}

static void texts_are_clean_and_bounded(void **state) {
    (void)state;
    struct err e = {0};
    static const char odd[] = "word\001\002 \377\tword\r\nsecond\033 \0word\n";
    assert_int_equal(cut_file(odd, sizeof odd - 1, NULL, &c, &e), 0);
    assert_int_equal(c.n, 1);
    assert_string_equal(body(0), "word   \xef\xbf\xbd\tword\nsecond   word");
    assert_int_equal(c.v[0].body_len, strlen(body(0)));
    cut_free(&c);
    struct buf b = {0};
    for (int i = 0; i < 30; i++) {
        for (int k = 0; k < 2000; k++)
            buf_str(&b, "wide ");
        buf_char(&b, '\n');
    }
    cut(NULL, b.data);
    assert_int_equal(c.n, 1);
    assert_in_range(c.v[0].body_len, 250 << 10, 257 << 10);
    assert_true(utf8_valid(body(0), c.v[0].body_len));
    cut_free(&c);
    buf_free(&b);
}

int main(void) {
    const struct CMUnitTest tests[] = {
#ifndef NO_TREES
        cmocka_unit_test(functions_and_types_are_pieces),
        cmocka_unit_test(what_is_in_a_class_stands_for_itself),
        cmocka_unit_test(a_long_function_gives_up_what_is_in_it),
        cmocka_unit_test(declarations_stay_among_lines),
#endif
        cmocka_unit_test(what_does_not_parse_goes_by_lines),
        cmocka_unit_test(texts_are_clean_and_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
