/* Cutting by structure, and the symbol of a range.
 *
 * test_chunk_tree SAMPLES SOURCES    runs the tests, over the files in these folders too
 * test_chunk_tree --print FILE LOC   prints the chunks of a file and their symbols */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/rng.h"
#include "base/utf8.h"
#include "code/chunk_symbol.h"
#include "code/chunk_tree.h"
#include "code/walk.h"
#include "fault.h"

static const char *folders[2];

struct source {
    struct tree t;
    struct symbols s;
};

/* False: it does not parse. */
static bool open_source(struct source *x, const struct lang *lang, const char *text, size_t size) {
    struct err e = {0};
    *x = (struct source){0};
    if (tree_parse(lang, text, size, &x->t, &e))
        return false;
    assert_int_equal(symbols_find(&x->t, &x->s, &e), 0);
    return true;
}

static void close_source(struct source *x) {
    symbols_free(&x->s);
    tree_free(&x->t);
}

/* Every line once, in order, none but whole ones, no chunk too long. */
static void check_cover(const char *name, const struct source *x, uint64_t loc,
                        const struct chunks *c) {
    const char *text = x->t.text;
    uint64_t at = 0;
    uint64_t line = 0;
    for (size_t i = 0; i < c->n; i++) {
        const struct chunk *k = &c->v[i];
        uint64_t lines = k->end_line - k->start_line + 1;
        bool whole = k->offset + k->length == x->t.size || text[k->offset + k->length - 1] == '\n';
        if (k->offset != at || k->start_line != line + 1 || !whole || lines < 1 || lines > loc ||
            chunk_count_newlines(text + k->offset, (size_t)k->length) +
                    (text[k->offset + k->length - 1] != '\n') !=
                lines)
            fail_msg("%s, %d lines: chunk %zu is %d-%d", name, (int)loc, i, (int)k->start_line,
                     (int)k->end_line);
        if (i && lines + c->v[i - 1].end_line - c->v[i - 1].start_line + 1 <= loc &&
            2 * (c->v[i - 1].end_line - c->v[i - 1].start_line + 1) < loc)
            fail_msg("%s, %d lines: chunk %zu could have had more", name, (int)loc, i);
        at += k->length;
        line = k->end_line;
    }
    assert_int_equal(at, x->t.size);
    assert_int_equal(line, c->lines);
}

static bool is_cut(const struct chunks *c, uint64_t first, uint64_t last) {
    for (size_t i = 0; i + 1 < c->n; i++)
        if (c->v[i].end_line >= first && c->v[i].end_line < last)
            return true;
    return false;
}

static bool begins_line(const char *text, uint32_t at) {
    while (at > 0 && (text[at - 1] == ' ' || text[at - 1] == '\t'))
        at--;
    return at == 0 || text[at - 1] == '\n';
}

static bool ends_line(const struct source *x, uint32_t at) {
    const char *text = x->t.text;
    while (at < x->t.size && strchr(" \t;,)", text[at]))
        at++;
    return at == x->t.size || text[at] == '\n' || text[at] == '\r';
}

/* Symbols that fit into a chunk are whole, with their docs. */
static void check_whole(const char *name, const struct source *x, uint64_t loc,
                        const struct chunks *c) {
    uint64_t before = 0; /* the last line of the symbols before */
    for (uint32_t i = 0; i < x->s.n; i++) {
        const struct symbol *s = &x->s.v[i];
        uint64_t first = s->first_line;
        uint32_t start = s->range.start;
        if (!s->doc_inside && s->doc.end > s->doc.start)
            for (start = s->doc.start; first > 1 && start < s->range.start; start++)
                first -= x->t.text[start] == '\n';
        bool alone =
            begins_line(x->t.text, s->range.start) && first > before && ends_line(x, s->range.end);
        if (s->parent != SYMBOL_NONE && x->s.v[s->parent].first_line == s->first_line)
            alone = false;
        if (alone && s->last_line - first < loc && is_cut(c, first, s->last_line))
            fail_msg("%s, %d lines: %.*s (%d-%d) is cut", name, (int)loc,
                     (int)(s->name.end - s->name.start), x->t.text + s->name.start, (int)first,
                     (int)s->last_line);
        if (s->last_line - first < loc)
            before = s->last_line > before ? s->last_line : before;
    }
}

static void check_symbol(const struct source *x, const struct chunk *k) {
    struct chunk_symbol found;
    struct buf name = {0};
    assert_int_equal(chunk_symbol_find(&x->t, &x->s, k->start_line, k->end_line, &found, NULL), 0);
    if (found.symbol == SYMBOL_NONE)
        return;
    const struct symbol *s = &x->s.v[found.symbol];
    assert_true(s->first_line <= k->end_line && s->last_line >= k->start_line);
    assert_int_equal(found.cut_before, s->first_line < k->start_line);
    assert_int_equal(found.cut_after, s->last_line > k->end_line);
    chunk_symbol_name(&x->t, &x->s, found.symbol, &name);
    assert_true(!buf_failed(&name) && name.len > 0);
    buf_free(&name);
}

static void check(const char *name, const struct source *x, uint64_t loc, bool sound) {
    struct chunks c;
    assert_int_equal(chunk_tree(&x->t, &x->s, loc, &c, NULL), 0);
    check_cover(name, x, loc, &c);
    if (sound)
        check_whole(name, x, loc, &c);
    for (size_t i = 0; i < c.n; i++)
        check_symbol(x, &c.v[i]);
    chunks_free(&c);
}

/* "1-3 Foo, 4-9 Foo.bar" for a text. */
static void cut_text(const char *lang, const char *text, uint64_t loc, const char *want) {
    struct source x;
    struct chunks c;
    struct buf got = {0};
    assert_true(open_source(&x, lang_by_name(lang), text, strlen(text)));
    assert_int_equal(chunk_tree(&x.t, &x.s, loc, &c, NULL), 0);
    check_cover(lang, &x, loc, &c);
    for (size_t i = 0; i < c.n; i++) {
        struct chunk_symbol found;
        assert_int_equal(
            chunk_symbol_find(&x.t, &x.s, c.v[i].start_line, c.v[i].end_line, &found, NULL), 0);
        buf_printf(&got, "%s%s%d-%d%s", i ? ", " : "", found.cut_before ? "<" : "",
                   (int)c.v[i].start_line, (int)c.v[i].end_line, found.cut_after ? "> " : " ");
        if (found.symbol != SYMBOL_NONE)
            chunk_symbol_name(&x.t, &x.s, found.symbol, &got);
    }
    if (strcmp(got.data, want) != 0)
        fail_msg("%s in %d lines: expected\n%s\ngot\n%s\nfor\n%s", lang, (int)loc, want, got.data,
                 text);
    buf_free(&got);
    chunks_free(&c);
    close_source(&x);
}

static void print(const char *path, uint64_t loc) {
    struct mapping m;
    struct source x;
    struct chunks c;
    struct err e = {0};
    if (file_map(path, &m, &e) ||
        !open_source(&x, lang_of(path, NULL, 0), (const char *)m.data, m.size) ||
        chunk_tree(&x.t, &x.s, loc, &c, &e)) {
        fprintf(stderr, "%s: %s\n", path, e.text);
        return;
    }
    for (size_t i = 0; i < c.n; i++) {
        struct chunk_symbol f;
        struct buf name = {0};
        chunk_symbol_find(&x.t, &x.s, c.v[i].start_line, c.v[i].end_line, &f, &e);
        if (f.symbol != SYMBOL_NONE)
            chunk_symbol_name(&x.t, &x.s, f.symbol, &name);
        printf("%d-%d (%d) %s%s%s\n", (int)c.v[i].start_line, (int)c.v[i].end_line,
               (int)(c.v[i].end_line - c.v[i].start_line + 1), f.cut_before ? "<" : "",
               name.len ? name.data : "?", f.cut_after ? ">" : "");
        buf_free(&name);
    }
    chunks_free(&c);
    close_source(&x);
    file_unmap(&m);
}

static const char three_functions[] = "/* File. */\n"
                                      "#include <a.h>\n"
                                      "\n"
                                      "/* One. */\n"
                                      "int one(void) {\n"
                                      "    return 1;\n"
                                      "}\n"
                                      "\n"
                                      "int two(void) {\n"
                                      "    return 2;\n"
                                      "}\n"
                                      "static int three(int a) {\n"
                                      "    a++;\n"
                                      "    a++;\n"
                                      "    a++;\n"
                                      "    return a;\n"
                                      "}\n";

static void c_is_cut_between_functions(void **state) {
    (void)state;
    cut_text("c", three_functions, 17, "1-17 three");
    /* It could have the first line of `two` too, but is half full before it. */
    cut_text("c", three_functions, 9, "1-7 one, 8-11 two, 12-17 three");
    cut_text("c", three_functions, 6, "1-2 , 3-7 one, 8-11 two, 12-17 three");
    cut_text("c", three_functions, 4, "1-2 , 3-3 , 4-7 one, 8-11 two, 12-15> three, <16-17 three");
    cut_text("c", "int a;\nint b;\nint c;", 2, "1-2 a, 3-3 c");
}

static const char impl[] = "/// A.\n"
                           "pub struct A {\n"
                           "    x: u8,\n"
                           "}\n"
                           "\n"
                           "impl A {\n"
                           "    /// New.\n"
                           "    #[inline]\n"
                           "    pub fn new() -> A {\n"
                           "        A { x: 0 }\n"
                           "    }\n"
                           "\n"
                           "    // Plain.\n"
                           "    fn get(&self) -> u8 {\n"
                           "        self.x\n"
                           "    }\n"
                           "}\n"
                           "\n"
                           "cfg_rt! {\n"
                           "    fn last() {}\n"
                           "}\n";

static void members_of_long_types_are_parted(void **state) {
    (void)state;
    cut_text("rust", impl, 30, "1-21 A");
    cut_text("rust", impl, 12, "1-5 A, 6-17 A, 18-21 last");
    /* A struct is counted with its impl; the members fill what the struct leaves. */
    cut_text("rust", impl, 11, "1-11> A, <12-21 A");
    /* "impl A {" would make its first member too long. */
    cut_text("rust", impl, 6, "1-4 A, 5-6> A, 7-11 A.new, <12-17 A, 18-21 last");
}

static const char python[] = "\"\"\"Module.\"\"\"\n"
                             "import os\n"
                             "\n"
                             "\n"
                             "@cache\n"
                             "def one():\n"
                             "    \"\"\"One.\"\"\"\n"
                             "    return 1\n"
                             "\n"
                             "class Two(object):\n"
                             "    \"\"\"Two.\"\"\"\n"
                             "    x = 1\n"
                             "\n"
                             "    def a(self):\n"
                             "        return 1\n"
                             "\n"
                             "    # About b.\n"
                             "    def b(self):\n"
                             "        return 2\n"
                             "\n"
                             "\n"
                             "if __name__ == \"__main__\":\n"
                             "    one()\n";

static void python_is_cut_between_definitions(void **state) {
    (void)state;
    cut_text("python", python, 12, "1-8 one, 9-19 Two, 20-23 ");
    cut_text("python", python, 6, "1-2 , 3-8 one, 9-12> Two, 13-15 Two.a, <16-19 Two, 20-23 ");
}

static void tests_and_guards_are_opened(void **state) {
    (void)state;
    static const char js[] = "const a = require('a');\n"
                             "\n"
                             "describe('a', function () {\n"
                             "  it('adds', function () {\n"
                             "    a.add();\n"
                             "  });\n"
                             "\n"
                             "  it('takes', function () {\n"
                             "    a.take();\n"
                             "  });\n"
                             "});\n";
    static const char header[] = "/* Header. */\n"
                                 "#ifndef A_H\n"
                                 "#define A_H\n"
                                 "\n"
                                 "extern \"C\" {\n"
                                 "/* One. */\n"
                                 "int one(void);\n"
                                 "\n"
                                 "struct two {\n"
                                 "    int a;\n"
                                 "    int b;\n"
                                 "};\n"
                                 "}\n"
                                 "\n"
                                 "#endif\n";
    cut_text("javascript", js, 9, "1-2 a, 3-11 ");
    cut_text("javascript", js, 6, "1-6 a, 7-11 ");
    cut_text("cpp", header, 10, "1-3 , 4-13 two, 14-15 ");
    cut_text("cpp", header, 8, "1-7 one, 8-15 two");
}

static void long_functions_are_cut_between_statements(void **state) {
    (void)state;
    static const char text[] = "int f(int a) {\n"
                               "    if (a) {\n"
                               "        a++;\n"
                               "        a++;\n"
                               "    }\n"
                               "    /* More. */\n"
                               "    while (a) {\n"
                               "        a--;\n"
                               "    }\n"
                               "    return a +\n"
                               "           1 +\n"
                               "           2;\n"
                               "}\n";
    cut_text("c", text, 8, "1-5> f, <6-13 f");
    cut_text("c", text, 5, "1-5> f, <6-9> f, <10-13 f");
}

static void long_comments_stand_alone(void **state) {
    (void)state;
    static const char text[] = "// a\n//\n// b\n// c\n\n/// F.\nfn f() {\n    g();\n}\n";
    cut_text("rust", text, 4, "1-4 , 5-5 , 6-9 f");
    cut_text("rust", text, 9, "1-9 f");
}

/* The same line ends one thing and begins another. */
static void what_shares_lines_stays_covered(void **state) {
    (void)state;
    static const char text[] = "int a(void) {\n}  int b(void) {\n} int c(void) {\n} int d;\n";
    cut_text("c", text, 4, "1-4 a");
    cut_text("c", text, 2, "1-2 a, 3-4 c");
    cut_text("c", text, 1, "1-1> a, <2-2 a, <3-3 b, <4-4 c");
}

/* The symbol of lines first..last. */
static void tells(const char *lang, const char *text, uint64_t first, uint64_t last,
                  const char *want) {
    struct source x;
    struct chunk_symbol found;
    struct buf got = {0};
    assert_true(open_source(&x, lang_by_name(lang), text, strlen(text)));
    assert_int_equal(chunk_symbol_find(&x.t, &x.s, first, last, &found, NULL), 0);
    buf_str(&got, found.cut_before ? "<" : "");
    if (found.symbol != SYMBOL_NONE)
        chunk_symbol_name(&x.t, &x.s, found.symbol, &got);
    buf_str(&got, found.cut_after ? ">" : "");
    assert_string_equal(got.data, want);
    buf_free(&got);
    close_source(&x);
}

static void symbols_tell_what_a_range_is(void **state) {
    (void)state;
    tells("rust", impl, 1, 21, "A");
    tells("rust", impl, 9, 11, "<A.new");
    tells("rust", impl, 10, 10, "<A.new>");
    tells("rust", impl, 12, 13, "<A>");
    tells("rust", impl, 14, 15, "A.get>");
    tells("rust", impl, 18, 21, "last");
    tells("rust", impl, 18, 19, "");
    tells("rust", impl, 300, 400, "");
    /* Modules are looked into; constants tell less than functions. */
    static const char rust[] = "mod m {\n"
                               "    const A: u8 = 1;\n"
                               "    const B: [u8; 2] = [\n"
                               "        1,\n"
                               "        2,\n"
                               "    ];\n"
                               "    fn f() {}\n"
                               "}\n";
    tells("rust", rust, 1, 8, "B");
    tells("rust", rust, 4, 7, "f");
    tells("rust", rust, 2, 2, "A");
    tells("rust", rust, 1, 1, "m>");
    /* What is public or documented tells more. */
    tells("python", "def _a():\n    x()\n    return 1\n\ndef b():\n    return 1\n", 1, 6, "_a");
    tells("python", "def _a():\n    x()\n    return 1\n\ndef b():\n    \"B.\"\n    return\n", 1, 7,
          "b");
}

/* A member that is defined outside of its type has the type's name, too. */
static void names_of_members_elsewhere(void **state) {
    (void)state;
    tells("go", "package a\n\nfunc (s *Server) Run() {\n}\n", 1, 4, "Server.Run");
    tells("go", "package a\n\nfunc (s Server) Run() {\n}\n", 1, 4, "Server.Run");
    tells("go", "package a\n\nfunc (l *List[T]) Push(v T) {\n}\n", 1, 4, "List.Push");
    tells("go", "package a\n\nfunc Run() {\n}\n", 1, 4, "Run");
    tells("cpp", "Status DBImpl::Write(int a) {\n  return b;\n}\n", 1, 3, "DBImpl.Write");
    tells("cpp", "int a::b::List<T>::push(T v) {\n  return b;\n}\n", 1, 3, "List.push");
    tells("cpp", "DBImpl::~DBImpl() {\n  f();\n}\n", 1, 3, "DBImpl.~DBImpl");
    tells("cpp", "int push(int v) {\n  return b;\n}\n", 1, 3, "push");
}

static void names_are_fit_to_be_shown(void **state) {
    (void)state;
    char text[600] = "class A { \"a\x01\xff b\"() { return 1; } }\n";
    tells("javascript", text, 1, 1, "A");
    static const char member[] = "class A {\n  \"a\x01\xff b\"() {\n    x();\n    y();\n  }\n}\n";
    struct source x;
    struct buf name = {0};
    assert_true(open_source(&x, lang_by_name("javascript"), member, strlen(member)));
    for (uint32_t i = 0; i < x.s.n; i++)
        chunk_symbol_name(&x.t, &x.s, i, &name);
    assert_true(utf8_valid(name.data, name.len));
    assert_null(strchr(name.data, 1));
    buf_free(&name);
    close_source(&x);
    snprintf(text, sizeof text, "int %0500d;", 0);
    memset(text + 4, 'x', 500);
    char want[161] = "";
    memset(want, 'x', 160);
    tells("c", text, 1, 1, want);
}

static void takes_no_lines(void **state) {
    (void)state;
    struct source x;
    struct chunks c;
    struct err e = {0};
    assert_true(open_source(&x, lang_by_name("c"), "", 0));
    assert_int_equal(chunk_tree(&x.t, &x.s, 1, &c, &e), 0);
    assert_int_equal(c.n, 0);
    assert_int_equal(chunk_tree(&x.t, &x.s, 0, &c, &e), PRECIS_EUSAGE);
    close_source(&x);
}

/* Nobody recurses, and nothing is looked at again for each level. */
static void deep_nesting_is_cut(void **state) {
    (void)state;
    static const char *const openers[] = {"namespace a {\n", "class A {\n", "{\n", "("};
    for (size_t k = 0; k < 4; k++) {
        struct buf text = {0};
        struct source x;
        for (int i = 0; i < 20000; i++)
            buf_str(&text, openers[k]);
        buf_str(&text, "int x;\n");
        for (int i = 0; i < 20000; i++)
            buf_str(&text, "}\n");
        assert_false(buf_failed(&text));
        if (open_source(&x, lang_by_name("cpp"), text.data, text.len)) {
            check("deep", &x, 1, false);
            check("deep", &x, 100, false);
            close_source(&x);
        }
        buf_free(&text);
    }
}

static int cut_and_name(void *user, struct err *e) {
    struct source *x = user;
    struct chunks c;
    struct chunk_symbol found;
    int rc = chunk_tree(&x->t, &x->s, 3, &c, e);
    if (rc) {
        assert_null(c.v);
        return rc;
    }
    chunks_free(&c);
    rc = chunk_symbol_find(&x->t, &x->s, 1, 100, &found, e);
    if (rc)
        assert_int_equal(found.symbol, SYMBOL_NONE);
    return rc;
}

static void out_of_memory_is_an_error(void **state) {
    (void)state;
    struct source x;
    assert_true(open_source(&x, lang_by_name("rust"), impl, strlen(impl)));
    assert_true(fault_each(&fault_memory, FAULT_ONCE, cut_and_name, &x) > 4);
    close_source(&x);
}

/* Bytes of real files, changed until they hardly parse. */
static void broken_files_are_covered(void **state) {
    (void)state;
    static const char *const langs[] = {"c", "cpp", "rust", "python", "javascript", "java", "ruby"};
    struct rng rng = {11};
    char text[sizeof impl];
    for (int i = 0; i < 4000; i++) {
        struct source x;
        memcpy(text, impl, sizeof text);
        for (uint64_t n = 1 + rng_next(&rng) % 8; n; n--)
            text[rng_next(&rng) % (sizeof text - 1)] = "{}()\n\n;\"'/*#\0a"[rng_next(&rng) % 15];
        size_t size = rng_next(&rng) % sizeof text;
        if (!open_source(&x, lang_by_name(langs[rng_next(&rng) % 7]), text, size))
            continue;
        check("broken", &x, 1 + rng_next(&rng) % 20, false);
        close_source(&x);
    }
}

static void real_files_are_covered(void **state) {
    (void)state;
    struct rng rng = {7};
    size_t seen = 0;
    for (int k = 0; k < 2; k++) {
        struct walk w;
        struct err e = {0};
        const struct walk_options options = {.no_gitignore = true};
        assert_int_equal(walk_tree(folders[k], &options, &w, &e), 0);
        for (size_t i = 0; i < w.n; i++) {
            struct mapping m;
            struct source x;
            assert_int_equal(file_map(w.files[i].path, &m, &e), 0);
            if (m.size < 300000 && open_source(&x, w.files[i].lang, (const char *)m.data, m.size)) {
                for (uint64_t loc = 1; loc < 7; loc++)
                    check(w.files[i].path, &x, loc, true);
                for (int j = 0; j < 6; j++)
                    check(w.files[i].path, &x, 1 + rng_next(&rng) % (j % 2 ? 40 : 400), true);
                check(w.files[i].path, &x, UINT64_MAX, true);
                close_source(&x);
                seen++;
            }
            file_unmap(&m);
        }
        walk_free(&w);
    }
    assert_true(seen > 100);
}

int main(int argc, char **argv) {
    if (argc == 4 && strcmp(argv[1], "--print") == 0) {
        print(argv[2], strtoull(argv[3], NULL, 10));
        return 0;
    }
    if (tree_missing()) {
        printf("skipped: %s\n", tree_missing());
        return 77;
    }
    folders[0] = argc > 1 ? argv[1] : "";
    folders[1] = argc > 2 ? argv[2] : "";
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(c_is_cut_between_functions),
        cmocka_unit_test(members_of_long_types_are_parted),
        cmocka_unit_test(python_is_cut_between_definitions),
        cmocka_unit_test(tests_and_guards_are_opened),
        cmocka_unit_test(long_functions_are_cut_between_statements),
        cmocka_unit_test(long_comments_stand_alone),
        cmocka_unit_test(what_shares_lines_stays_covered),
        cmocka_unit_test(symbols_tell_what_a_range_is),
        cmocka_unit_test(names_of_members_elsewhere),
        cmocka_unit_test(names_are_fit_to_be_shown),
        cmocka_unit_test(takes_no_lines),
        cmocka_unit_test(deep_nesting_is_cut),
        cmocka_unit_test(out_of_memory_is_an_error),
        cmocka_unit_test(broken_files_are_covered),
        cmocka_unit_test(real_files_are_covered),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
