/* Complexity of functions against lizard (tests/golden/code/metrics.json, written by
 * tools/golden/make_metrics.py), what lizard misreads, and figures of ranges of lines.
 *
 * usage: test_metrics GOLDEN_FILE */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "code/metrics.h"
#include "fault.h"

static json_t *golden;

/* A parsed text. */
struct file {
    struct tree t;
    struct symbols s;
};

static void file_open(struct file *f, const char *name, const char *text) {
    struct err e = {0};
    if (tree_parse(lang_of(name, NULL, 0), text, strlen(text), &f->t, &e))
        fail_msg("%s: %s", name, e.text);
    assert_int_equal(symbols_find(&f->t, &f->s, &e), 0);
}

static void file_close(struct file *f) {
    symbols_free(&f->s);
    tree_free(&f->t);
}

static struct metrics range_of(const struct file *f, uint32_t first, uint32_t last) {
    struct metrics m;
    struct err e = {0};
    assert_int_equal(metrics_of_range(&f->t, &f->s, first, last, &m, &e), 0);
    assert_int_equal(m.code_lines + m.comment_lines + m.blank_lines, m.lines);
    return m;
}

static void check_function(const char *file, const char *text, const struct metrics_function *got,
                           const json_t *want) {
    const char *name = json_string_value(json_object_get(want, "name"));
    const json_t *parameters = json_object_get(want, "parameters");
    size_t len = got->name.end - got->name.start;
    if (len != (name ? strlen(name) : 0) ||
        (name && memcmp(text + got->name.start, name, len) != 0))
        fail_msg("%s:%u: %.*s, not %s", file, got->first_line, (int)len, text + got->name.start,
                 name ? name : "(none)");
    assert_int_equal(got->first_line, json_integer_value(json_object_get(want, "line")));
    if (got->complexity != json_integer_value(json_object_get(want, "complexity")))
        fail_msg("%s: %s: %u decisions", file, name ? name : "(none)", got->complexity);
    if (json_is_integer(parameters) && got->parameters != json_integer_value(parameters))
        fail_msg("%s: %s: %u parameters", file, name ? name : "(none)", got->parameters);
}

static void equals_lizard(void **state) {
    (void)state;
    size_t i;
    json_t *one;
    json_array_foreach(golden, i, one) {
        const char *name = json_string_value(json_object_get(one, "file"));
        const char *text = json_string_value(json_object_get(one, "text"));
        const json_t *want = json_object_get(one, "functions");
        struct file f;
        struct metrics_functions got;
        struct err e = {0};
        uint32_t sum = 0;
        file_open(&f, name, text);
        assert_int_equal(metrics_functions(&f.t, &f.s, &got, &e), 0);
        if (got.n != json_array_size(want))
            fail_msg("%s: %zu functions", name, got.n);
        for (size_t k = 0; k < got.n; k++) {
            check_function(name, text, &got.v[k], json_array_get(want, k));
            sum += got.v[k].complexity;
        }
        struct metrics all = range_of(&f, 1, UINT32_MAX);
        assert_int_equal(all.functions, got.n);
        assert_int_equal(all.complexity, sum);
        metrics_functions_free(&got);
        file_close(&f);
    }
    assert_int_equal(i, 12);
}

/* Texts of which lizard 1.24 says something else. */
static void reads_what_lizard_misreads(void **state) {
    (void)state;
    static const struct {
        const char *file, *text;
        uint32_t complexity;
    } cases[] = {
        {"a.c", "int f(int a, int b) { while (a && (b = a)) a--; return b; }", 3},
        {"a.js", "function f(p) { return p.catch(g).for(1); }", 1},
        {"a.js", "function f(a) { return `${a ? 1 : 2}`; }", 2},
        {"a.js", "function f() {\n  return a\n    ? b\n    : c || d;\n}", 3},
        {"a.tsx", "function F() { return <p>if for while</p>; }", 1},
        {"a.rb", "def f\n  x = <<~END\n    if and for\n  END\n  x == ?a\nend\n", 1},
        {"a.rs", "fn f(c: char) -> u32 { match c { 'a' => 1, 'b' if g() => 2, _ => 3 } }", 4},
        {"a.rs", "fn f() -> u32 { match unsafe { g() } { 1 => 2, _ => 3 } }", 2},
        {"a.php", "<?php function f($x) { return $x->match(1)->for(2); }", 1},
        {"a.cpp", "void f() { g(std::forward<T &&>(x)); h([](T &&y) {}); }", 1},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct file f;
        file_open(&f, cases[i].file, cases[i].text);
        struct metrics m = range_of(&f, 1, UINT32_MAX);
        if (m.functions != 1 || m.complexity != cases[i].complexity)
            fail_msg("%s: %u functions, complexity %u", cases[i].text, m.functions, m.complexity);
        file_close(&f);
    }
}

static void macros_hide_keywords(void **state) {
    (void)state;
    struct file f;
    file_open(&f, "a.c",
              "int f(int n, ...) {\n    int s = 0;\n    UNROLL\n    for (int i = 0; i < n; i++)\n"
              "        s += i;\n    return s;\n}\n");
    struct metrics_functions all;
    struct err e = {0};
    assert_int_equal(metrics_functions(&f.t, &f.s, &all, &e), 0);
    assert_int_equal(all.n, 1);
    assert_int_equal(all.v[0].complexity, 2);
    assert_int_equal(all.v[0].parameters, 1);
    metrics_functions_free(&all);
    file_close(&f);
}

static void lizard_does_not_know_bash(void **state) {
    (void)state;
    struct file f;
    file_open(
        &f, "a.sh",
        "run() {\n  if [ $1 ] && true; then\n    for i in 1 2; do echo; done\n  elif :; then\n"
        "    case $1 in a) ;; *) ;; esac\n  fi\n}\n");
    struct metrics m = range_of(&f, 1, UINT32_MAX);
    assert_int_equal(m.functions, 1);
    assert_int_equal(m.complexity, 7);
    assert_int_equal(m.nesting, 2);
    file_close(&f);
}

static const char sample[] = "/* A head,\n"             /* 1 */
                             "\n"                       /* 2: blank, though in a comment */
                             "   of three lines. */\n"  /* 3 */
                             "\n"                       /* 4 */
                             "int f(int a) { // more\n" /* 5 */
                             "    if (a)\n"             /* 6 */
                             "        while (a)\n"      /* 7 */
                             "            a--;\n"       /* 8 */
                             "    else if (a > 1)\n"    /* 9 */
                             "        a = 0;\n"         /* 10 */
                             "    /* why */ // not\n"   /* 11 */
                             "    return a;\n"          /* 12 */
                             "}\n"                      /* 13 */
                             "int g(void) {\n"          /* 14 */
                             "    return 1;\n"          /* 15 */
                             "}\n";                     /* 16 */

static void lines_are_told_apart(void **state) {
    (void)state;
    struct file f;
    struct metrics_functions all;
    struct err e = {0};
    file_open(&f, "a.c", sample);
    struct metrics m = range_of(&f, 1, 16);
    assert_int_equal(m.lines, 16);
    assert_int_equal(m.blank_lines, 2);
    assert_int_equal(m.comment_lines, 3);
    assert_int_equal(m.functions, 2);
    assert_int_equal(m.nesting, 2);
    assert_int_equal(m.complexity, 5);
    assert_int_equal(m.max_complexity, 4);
    assert_int_equal((int)(1000 * metrics_comment_share(&m)), 1000 * 3 / 14);
    assert_int_equal(metrics_functions(&f.t, &f.s, &all, &e), 0);
    assert_int_equal(all.n, 2);
    assert_int_equal(all.v[0].code_lines, 8);
    assert_int_equal(all.v[0].nesting, 2);
    assert_int_equal(all.v[0].last_line, 13);
    assert_int_equal(all.v[1].nesting, 0);
    metrics_functions_free(&all);
    file_close(&f);
}

static void ranges_count_what_begins_in_them(void **state) {
    (void)state;
    struct file f;
    file_open(&f, "a.c", sample);
    struct metrics head = range_of(&f, 1, 5); /* all of f counts, where it begins */
    assert_int_equal(head.functions, 1);
    assert_int_equal(head.complexity, 4);
    assert_int_equal(head.nesting, 0);
    struct metrics middle = range_of(&f, 8, 8);
    assert_int_equal(middle.functions, 0);
    assert_int_equal(middle.max_complexity, 0);
    assert_int_equal(middle.nesting, 2);
    struct metrics end = range_of(&f, 14, 400);
    assert_int_equal(end.lines, 3);
    assert_int_equal(end.functions, 1);
    assert_int_equal(range_of(&f, 17, 20).lines, 0);
    assert_int_equal(range_of(&f, 5, 4).lines, 0);
    assert_int_equal(range_of(&f, 0, 4).lines, 0);
    file_close(&f);
    /* the name on one line, the function on the next */
    file_open(&f, "a.js", "const f =\n  (a) => {\n  return a || 1;\n};\n");
    assert_int_equal(range_of(&f, 1, 1).complexity, 2);
    assert_int_equal(range_of(&f, 2, 4).functions, 0);
    file_close(&f);
    /* broken: the symbol whose value is the function of line 2 begins before that of line 1 */
    file_open(&f, "a.js", "n=>j(){\n.x=n=>j");
    assert_int_equal(range_of(&f, 1, 2).functions, 2);
    assert_int_equal(range_of(&f, 1, 1).functions, 1);
    assert_int_equal(range_of(&f, 2, 2).functions, 1);
    file_close(&f);
}

/* Every function begins in exactly one of the ranges that a file is cut into. */
static void ranges_add_up(void **state) {
    (void)state;
    size_t i;
    json_t *one;
    json_array_foreach(golden, i, one) {
        struct file f;
        file_open(&f, json_string_value(json_object_get(one, "file")),
                  json_string_value(json_object_get(one, "text")));
        struct metrics all = range_of(&f, 1, UINT32_MAX);
        for (uint32_t step = 1; step < 20; step++) {
            struct metrics sum = {0};
            for (uint32_t line = 1; line <= all.lines; line += step) {
                struct metrics m = range_of(&f, line, line + step - 1);
                sum.lines += m.lines;
                sum.code_lines += m.code_lines;
                sum.comment_lines += m.comment_lines;
                sum.functions += m.functions;
                sum.complexity += m.complexity;
                sum.nesting = m.nesting > sum.nesting ? m.nesting : sum.nesting;
            }
            assert_int_equal(sum.lines, all.lines);
            assert_int_equal(sum.code_lines, all.code_lines);
            assert_int_equal(sum.comment_lines, all.comment_lines);
            assert_int_equal(sum.functions, all.functions);
            assert_int_equal(sum.complexity, all.complexity);
            assert_int_equal(sum.nesting, all.nesting);
        }
        file_close(&f);
    }
}

static void docstrings_are_comments(void **state) {
    (void)state;
    struct file f;
    file_open(&f, "a.py",
              "\"\"\"A\n\nmodule.\"\"\"\ndef f():\n    'One.'\n    x = '''a\n\n    b'''\n");
    struct metrics m = range_of(&f, 1, 8);
    assert_int_equal(m.comment_lines, 3);
    assert_int_equal(m.blank_lines, 2);
    assert_int_equal(m.code_lines, 3);
    file_close(&f);
}

static void text_without_a_tree(void **state) {
    (void)state;
    struct metrics m;
    metrics_of_text("a\n \t\r\n\nb", 8, &m);
    assert_int_equal(m.lines, 4);
    assert_int_equal(m.code_lines, 0);
    assert_int_equal(m.blank_lines, 2);
    metrics_of_text("", 0, &m);
    assert_int_equal(m.lines, 0);
    assert_true(metrics_comment_share(&m) == 0);
}

static void deep_and_broken_text(void **state) {
    (void)state;
    enum { DEEP = 2000 };
    struct buf b = {0};
    struct file f;
    buf_str(&b, "void f(int a) {");
    for (int i = 0; i < DEEP; i++)
        buf_str(&b, "if (a) ");
    buf_str(&b, "; }\n");
    file_open(&f, "a.c", b.data);
    struct metrics m = range_of(&f, 1, 1);
    assert_int_equal(m.nesting, DEEP);
    assert_int_equal(m.complexity, DEEP + 1);
    file_close(&f);
    buf_free(&b);
    static const char broken[] = "fn f() { if x { match y { => } \xff\xfe \n fn g( ) -> { a && } ";
    struct err e = {0};
    if (tree_parse(lang_of("a.rs", NULL, 0), broken, sizeof broken - 1, &f.t, &e) == 0) {
        assert_int_equal(symbols_find(&f.t, &f.s, &e), 0);
        range_of(&f, 1, 2);
        file_close(&f);
    }
}

static int work(void *user, struct err *e) {
    const struct file *f = user;
    struct metrics_functions all;
    struct metrics m;
    int rc = metrics_functions(&f->t, &f->s, &all, e);
    if (rc) {
        assert_null(all.v);
        return rc;
    }
    metrics_functions_free(&all);
    rc = metrics_of_range(&f->t, &f->s, 1, 16, &m, e);
    if (rc)
        assert_int_equal(m.lines, 0);
    return rc;
}

static void fails_cleanly(void **state) {
    (void)state;
    struct file f;
    file_open(&f, "a.c", sample);
    assert_true(fault_each(&fault_memory, FAULT_ONCE, work, &f) > 4);
    file_close(&f);
}

int main(int argc, char **argv) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(equals_lizard),        cmocka_unit_test(reads_what_lizard_misreads),
        cmocka_unit_test(macros_hide_keywords), cmocka_unit_test(lizard_does_not_know_bash),
        cmocka_unit_test(lines_are_told_apart), cmocka_unit_test(ranges_count_what_begins_in_them),
        cmocka_unit_test(ranges_add_up),        cmocka_unit_test(docstrings_are_comments),
        cmocka_unit_test(text_without_a_tree),  cmocka_unit_test(deep_and_broken_text),
        cmocka_unit_test(fails_cleanly),
    };
    if (argc != 2) {
        fprintf(stderr, "usage: %s GOLDEN_FILE\n", argv[0]);
        return 2;
    }
    if (tree_missing()) {
        printf("skipped: %s\n", tree_missing());
        return 77;
    }
    golden = json_load_file(argv[1], 0, NULL);
    if (!golden) {
        fprintf(stderr, "%s: cannot read\n", argv[1]);
        return 1;
    }
    int rc = cmocka_run_group_tests(tests, NULL, NULL);
    json_decref(golden);
    return rc;
}
