/* What of a chunk the model sees. Tokens are bytes here (doubles.h). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "doubles.h"
#include "summary/context.h"

static const char code[] = "/// Counts things.\n"
                           "pub struct Counter {\n    n: u64,\n}\n"
                           "\n"
                           "impl Counter {\n"
                           "    /// Adds one.\n"
                           "    pub fn increment(&mut self) {\n        self.n += 1;\n    }\n"
                           "    fn helper_of_nothing(&self) -> u64 {\n        self.n\n    }\n"
                           "}\n";

static struct tree tree;
static struct symbols symbols;

static int parse(void **state) {
    (void)state;
    struct err e;
    const struct lang *rust = lang_by_name("rust");
    if (tree_parse(rust, code, sizeof code - 1, &tree, &e) != 0)
        return 0; /* no grammars in this build: tests skip */
    return symbols_find(&tree, &symbols, &e);
}

static int drop(void **state) {
    (void)state;
    symbols_free(&symbols);
    tree_free(&tree);
    return 0;
}

static char *made(enum context wanted, uint32_t first, uint32_t last, size_t len) {
    const struct context_source source = {&tree, &symbols, first,
                                          last,  code,     len ? len : sizeof code - 1};
    struct buf out = {0};
    struct err e;
    if (context_make(wanted, DOUBLE_TOK, &source, &out, &e) != 0)
        fail_msg("%s", e.text);
    if (out.len > CONTEXT_TOKENS)
        fail_msg("%zu tokens: %s", out.len, out.data);
    return out.len ? out.data : NULL;
}

static void short_text_is_shown_itself(void **state) {
    (void)state;
    if (!tree.v)
        skip();
    assert_null(made(CONTEXT_AUTO, 1, 14, 0));
    assert_null(made(CONTEXT_FULL, 1, 14, CONTEXT_SHORT + 1));
    char *text = made(CONTEXT_AUTO, 1, 14, CONTEXT_SHORT + 1);
    assert_non_null(text);
    free(text);
}

static void the_best_lines_that_fit_come_in_order(void **state) {
    (void)state;
    if (!tree.v)
        skip();
    char *text = made(CONTEXT_OUTLINE, 1, 14, 0);
    assert_non_null(text);
    const char *type = strstr(text, "pub struct Counter\n"),
               *doc = strstr(text, "// Counts things.\n"),
               *method = strstr(text, "  pub fn increment(&mut self)\n");
    if (!type || !doc || !method || !(type < doc && doc < method))
        fail_msg("%s", text);
    free(text);
    text = made(CONTEXT_OUTLINE, 11, 13, 0); /* what is around it is named first */
    assert_memory_equal(text, "impl Counter\n", 13);
    assert_null(strstr(text, "increment"));
    free(text);
}

static void without_a_tree_it_is_the_text(void **state) {
    (void)state;
    const struct context_source source = {NULL, NULL, 1, 2, "x\n", 2};
    struct buf out = {0};
    struct err e;
    assert_int_equal(context_make(CONTEXT_OUTLINE, DOUBLE_TOK, &source, &out, &e), 0);
    assert_int_equal(out.len, 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(short_text_is_shown_itself),
        cmocka_unit_test(the_best_lines_that_fit_come_in_order),
        cmocka_unit_test(without_a_tree_it_is_the_text),
    };
    return cmocka_run_group_tests(tests, parse, drop);
}
