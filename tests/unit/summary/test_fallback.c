#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/utf8.h"
#include "code/chunk.h"
#include "fault.h"
#include "summary/fallback.h"

/* A file with its tree and symbols; without a grammar it has none. */
struct file {
    struct tree tree;
    struct symbols symbols;
    struct fallback_chunk chunk; /* all of it */
};

static void file_open(struct file *f, const char *lang, const char *path, const char *text) {
    struct err e = {0};
    size_t len = strlen(text);
    *f = (struct file){.chunk = {.path = path, .first_line = 1}};
    f->chunk.last_line = f->chunk.file_lines =
        chunk_count_newlines(text, len) + (len && text[len - 1] != '\n');
    if (!tree_knows(lang_by_name(lang)))
        return;
    if (tree_parse(lang_by_name(lang), text, len, &f->tree, &e) ||
        symbols_find(&f->tree, &f->symbols, &e))
        fail_msg("%s", e.text);
    f->chunk.tree = &f->tree;
    f->chunk.symbols = &f->symbols;
}

static void file_close(struct file *f) {
    symbols_free(&f->symbols);
    tree_free(&f->tree);
}

typedef int make_line(const struct fallback_chunk *c, int max_chars, struct buf *out,
                      struct err *e);

/* What every line must be, whatever it says. */
static void check_line(const struct buf *line, int max_chars) {
    uint32_t c;
    int step;
    size_t chars = 0;
    for (size_t i = 0; i < line->len; i += (size_t)step, chars++) {
        step = utf8_decode((const uint8_t *)line->data + i, line->len - i, &c);
        assert_true(step > 0);
        assert_false(c < 0x20 || (c >= 0x7f && c < 0xa0) || c == 0x2028 || c == 0x2029);
    }
    if (chars > (size_t)max_chars || line->len < 2 || line->data[line->len - 1] != '.')
        fail_msg("%d: %s", max_chars, line->data);
}

struct row {
    const char *lang, *path;
    uint64_t first, last;    /* 0: the whole file */
    const char *text, *line; /* line NULL: there is none */
};

static void check_rows(make_line *make, const struct row *rows, size_t n) {
    int wrong = 0;
    if (tree_missing())
        skip();
    for (size_t i = 0; i < n; i++) {
        struct file f;
        struct buf out = {0};
        struct err e = {0};
        file_open(&f, rows[i].lang, rows[i].path, rows[i].text);
        if (rows[i].first) {
            f.chunk.first_line = rows[i].first;
            f.chunk.last_line = rows[i].last;
        }
        int rc = make(&f.chunk, 120, &out, &e);
        bool ok = rows[i].line ? rc == 0 && strcmp(out.data, rows[i].line) == 0
                               : rc == PRECIS_ENOTFOUND && e.text[0] && out.len == 0;
        if (!ok) {
            print_error("%s\nwant: %s\ngot:  %s\n\n", rows[i].text,
                        rows[i].line ? rows[i].line : "(none)", rc ? e.text : out.data);
            wrong++;
        }
        if (rc == 0)
            check_line(&out, 120);
        buf_free(&out);
        file_close(&f);
    }
    assert_int_equal(wrong, 0);
}

#define CHECK(make, rows) check_rows(make, rows, sizeof rows / sizeof *rows)

static const char mutex[] = "//! Locks that tasks wait for without blocking a thread.\n" /* 1 */
                            "use std::sync::Arc;\n"
                            "/// Guards a value that several tasks share.\n"
                            "pub struct Mutex<T> {\n"
                            "    value: T,\n"
                            "}\n"
                            "impl<T> Mutex<T> {\n" /* 7 */
                            "    /// Waits until the lock is free and takes it.\n"
                            "    pub fn lock(&self) {\n"
                            "        self.acquire();\n"
                            "        self.mark();\n"
                            "        self.wake();\n" /* 12 */
                            "    }\n"
                            "    fn mark(&self) {}\n"
                            "}\n"
                            "fn helper() {}\n" /* 16 */
                            "#[cfg(test)]\n"
                            "mod tests {\n"
                            "    #[test]\n"
                            "    fn locks() {}\n"
                            "    #[test]\n"
                            "    fn unlocks() {}\n"
                            "}\n";

static const char queue[] = "\"\"\"Queues that several threads share.\"\"\"\n"
                            "import os\n"
                            "from time import sleep\n" /* 3 */
                            "class Queue:\n"
                            "    \"\"\"Keeps items in the order in which they came.\"\"\"\n"
                            "    def put(self, item):\n" /* 6 */
                            "        \"\"\"Adds an item to the end of it.\"\"\"\n"
                            "        self.items.append(item)\n"
                            "        notify_all(item)\n"
                            "    def get(self):\n"
                            "        return self.items.pop()\n";

static void quotes_docs(void **state) {
    (void)state;
    static const struct row rows[] = {
        {"rust", "m.rs", 0, 0, mutex, "Locks that tasks wait for without blocking a thread."},
        {"rust", "m.rs", 1, 3, mutex, "Locks that tasks wait for without blocking a thread."},
        {"rust", "m.rs", 3, 6, mutex, "Guards a value that several tasks share."},
        {"rust", "m.rs", 8, 13, mutex, "Waits until the lock is free and takes it."},
        {"rust", "m.rs", 10, 12, mutex, "Waits until the lock is free and takes it."},
        {"rust", "m.rs", 7, 16, mutex, "Waits until the lock is free and takes it."},
        {"rust", "m.rs", 16, 23, mutex, NULL},
        {"python", "q.py", 0, 0, queue, "Queues that several threads share."},
        {"python", "q.py", 4, 11, queue, "Keeps items in the order in which they came."},
        {"python", "q.py", 6, 9, queue, "Adds an item to the end of it."},
        {"python", "q.py", 10, 11, queue, "Keeps items in the order in which they came."},
        {"python", "q.py", 2, 3, queue, NULL},
        {"c", "a.c", 0, 0, "/* Return the sum of both numbers. */\nint sum(int a, int b);\n",
         "Returns the sum of both numbers."},
        {"c", "a.c", 0, 0, "/* TODO: rename this function some day. */\nint sum(int a);\n", NULL},
        {"go", "a.go", 2, 6,
         "package a\n// Run starts the server and waits for it.\nfunc Run() {\n\ta()\n\tb()\n}\n",
         "Starts the server and waits for it."},
        {"java", "A.java", 0, 0,
         "/** Copies bytes from one stream to another. */\nclass Copier {\n  int n;\n}\n",
         "Copies bytes from one stream to another."},
        {"c", "a.c", 0, 0, "", NULL},
    };
    CHECK(fallback_doc, rows);
}

static void passes_over_small_docs(void **state) {
    (void)state;
    static const struct row rows[] = {
        /* one of five functions */
        {"c", "a.c", 2, 7,
         "int x;\n/* Adds an item to the end of the queue. */\nvoid a(void) {}\nvoid b(void) {}\n"
         "void c(void) {}\nvoid d(void) {}\nvoid e(void) {}\n",
         NULL},
        /* one of two */
        {"c", "a.c", 2, 4,
         "int x;\n/* Adds an item to the end of the queue. */\nvoid a(void) {}\nvoid b(void) {}\n",
         "Adds an item to the end of the queue."},
        /* both documented, neither covers most */
        {"c", "a.c", 2, 5,
         "int x;\n/* Adds an item to the end of the queue. */\nvoid a(void) {}\n"
         "/* Takes an item from the queue's front. */\nvoid b(void) {}\n",
         NULL},
    };
    CHECK(fallback_doc, rows);
}

static void says_what_is_defined(void **state) {
    (void)state;
    static const struct row rows[] = {
        {"rust", "m.rs", 1, 16, mutex,
         "Defines the struct Mutex, its methods lock and mark, and the function helper."},
        {"rust", "m.rs", 4, 6, mutex, "Defines the struct Mutex with the field value."},
        {"rust", "m.rs", 4, 4, mutex, "Begins the struct Mutex."},
        {"rust", "m.rs", 7, 15, mutex, "Implements Mutex with the methods lock and mark."},
        {"python", "q.py", 0, 0, queue, "Defines the class Queue, its methods put and get."},
        {"c", "a.c", 0, 0, "enum e { RED, BLUE };\n",
         "Defines the enum e with the variants RED and BLUE."},
        {"c", "a.c", 0, 0, "int run(void) { start(); wait_for_all(); return 0; }\n",
         "Defines the function run, which calls wait_for_all and start."},
        {"c", "a.c", 0, 0,
         "static int a(void) {\n return 0;\n}\nint b(void);\nint c(int x) {\n "
         "return x;\n}\n",
         "Defines the functions c, b and a."},
        {"c", "a.c", 0, 0, "#define ONE 1\n#define TWO 2\nint three;\n",
         "Defines the macros ONE and TWO, and the value three."},
        {"python", "a.py", 0, 0, "A = 1\nB = 2\nC = 3\nD = 4\nE = 5\nF = 6\n",
         "Declares the values A, B, C, D and 2 more."},
        {"go", "a.go", 0, 0,
         "package a\ntype S struct{ n int }\ntype I interface{ M() }\nfunc (s *S) Get() int {\n"
         "return s.n\n}\nfunc f() {}\n",
         "Defines the types S and I, and the methods Get and M."},
        {"java", "A.java", 0, 0, "class A {\n int n;\n void run() {}\n void run(int x) {}\n}\n",
         "Defines the class A, its method run."},
        {"typescript", "a.ts", 0, 0, "export interface Props { label: string; size: number }\n",
         "Defines the interface Props with the fields label and size."},
        {"javascript", "a.js", 0, 0, "function a() { function b() {} b(); }\n",
         "Defines the function a."},
    };
    CHECK(fallback_rule, rows);
}

static void says_what_goes_on(void **state) {
    (void)state;
    static const struct row rows[] = {
        {"rust", "m.rs", 8, 15, mutex,
         "Continues the implementation of Mutex with the methods lock and mark."},
        {"rust", "m.rs", 11, 13, mutex, "Continues the method lock, which calls mark and wake."},
        {"rust", "m.rs", 9, 10, mutex,
         "Continues the implementation of Mutex with the method lock."},
        {"python", "q.py", 8, 9, queue, "Continues the method put, which calls notify_all."},
        {"python", "q.py", 10, 11, queue, "Continues the class Queue with the method get."},
        {"c", "a.c", 3, 4, "enum e {\n RED,\n BLUE,\n GREEN\n};\n",
         "Continues the enum e with the variants BLUE and GREEN."},
        {"c", "a.c", 2, 3, "int a[] = {\n 1,\n 2};\n", "Continues the value a."},
        /* the end of one function, then others */
        {"c", "a.c", 3, 6,
         "int a(void) {\n f();\n g();\n}\nint b(void) { return 1; }\nint c(void) { return 1; }\n",
         "Defines the functions b and c."},
    };
    CHECK(fallback_rule, rows);
}

static void says_what_is_tested(void **state) {
    (void)state;
    static const struct row rows[] = {
        {"rust", "m.rs", 17, 23, mutex, "Tests the cases locks and unlocks."},
        {"python", "test_q.py", 0, 0, "def test_put():\n    pass\ndef test_get():\n    pass\n",
         "Tests the cases test_put and test_get."},
        {"python", "q.py", 0, 0, "def test_put():\n    pass\n", "Defines the function test_put."},
        {"c", "q.c", 0, 0, "int is_test(void);\n", "Defines the function is_test."},
        {"go", "a_test.go", 0, 0, "package a\nfunc TestPut(t *testing.T) {}\n",
         "Tests the case TestPut."},
        {"java", "A.java", 0, 0, "class A {\n @Test\n void puts() {}\n @Test void gets() {}\n}\n",
         "Tests the cases puts and gets."},
    };
    CHECK(fallback_rule, rows);
}

static void says_what_else_there_is(void **state) {
    (void)state;
    static const struct row rows[] = {
        {"rust", "m.rs", 1, 2, mutex, "Imports std::sync::Arc."},
        {"rust", "lib.rs", 0, 0, "pub use a::b;\nuse c::d;\n",
         "Imports and re-exports a::b and c::d."},
        {"rust", "lib.rs", 0, 0, "pub use a::b;\nmod c {}\n",
         "Re-exports a::b, and declares the module c."},
        {"rust", "lib.rs", 0, 0, "mod a {}\nmod b {}\n", "Declares the modules a and b."},
        {"typescript", "index.ts", 0, 0, "export * from './a';\nexport { b } from './b';\n",
         "Re-exports ./a and ./b."},
        {"python", "q.py", 2, 3, queue, "Imports os and time."},
        {"c", "a.c", 0, 0, "#include <stdio.h>\n#include \"a.h\"\n", "Includes stdio.h and a.h."},
        {"bash", "run.sh", 0, 0, "make_all\ndeploy_all now\n", "Calls deploy_all and make_all."},
        {"c", "src/a.c", 0, 0, "/* one */\n\n// two\n",
         "Holds only comments in all 3 lines of src/a.c."},
        {"c", "src/a.c", 2, 2, "int a;\n\nint b;\n", "Holds line 2 of src/a.c."},
        {"c", "src/a.c", 8, 9, "int a;\n", "Holds lines 8-9 of src/a.c."},
        {"json", "data.json", 301, 600, "{}\n", "Holds lines 301-600 of data.json."},
        {"json", "data.json", 0, 0, "{\n}\n", "Holds all 2 lines of data.json."},
    };
    CHECK(fallback_rule, rows);
}

static void goes_without_a_tree(void **state) {
    (void)state;
    struct fallback_chunk c = {.path = "data/\x1b[31m\xff\xe2\x80\xae"
                                       "big\n.csv",
                               .first_line = 301,
                               .last_line = 600,
                               .file_lines = 900};
    struct buf out = {0};
    struct err e;
    assert_int_equal(fallback_rule(&c, 120, &out, &e), 0);
    assert_string_equal(out.data, "Holds lines 301-600 of data/[31mbig .csv.");
    buf_clear(&out);
    c.path = "a/very/long/path/that/does/not/fit/in/the/line/data.csv";
    assert_int_equal(fallback_rule(&c, 40, &out, &e), 0);
    assert_string_equal(out.data, "Holds lines 301-600 of data.csv.");
    c.first_line = c.last_line = UINT64_MAX;
    buf_clear(&out);
    assert_int_equal(fallback_rule(&c, 32, &out, &e), 0);
    check_line(&out, 32);
    buf_clear(&out);
    assert_int_equal(fallback_doc(&c, 120, &out, &e), PRECIS_ENOTFOUND);
    assert_int_equal(fallback_doc(&c, 31, &out, &e), PRECIS_EUSAGE);
    assert_int_equal(fallback_rule(&c, 31, &out, &e), PRECIS_EUSAGE);
    assert_int_equal(out.len, 0);
    buf_free(&out);
}

/* Any range of any file in any length. */
static void fits(void **state) {
    (void)state;
    static const char name[] = "a_name_that_is_so_long_that_it_does_not_fit_in_any_line_at_all_";
    struct buf text = {0};
    buf_printf(&text, "/// Adds an item that %s and then some more of it.\n", name);
    buf_printf(&text, "pub struct %sx { a: u8 }\nimpl %sx {\n", name, name);
    for (int i = 0; i < 90; i++)
        buf_printf(&text, "    fn f%d%.*s(&self) {}\n", i % 80, i % 60, name);
    buf_str(&text, "}\nfn \xc3\xa9t\xc3\xa9(x: u8) {}\n// end\n");
    assert_false(buf_failed(&text));
    struct file f;
    file_open(&f, "rust", "src/\xc3\xa9.rs", text.data);
    uint64_t lines = f.chunk.file_lines;
    for (uint64_t first = 1; first <= lines; first += 1 + first / 5)
        for (uint64_t last = first; last <= lines; last += 1 + (last - first))
            for (int max_chars = 32; max_chars <= 1000; max_chars += 1 + max_chars / 8) {
                struct buf out = {0};
                struct err e;
                f.chunk.first_line = first;
                f.chunk.last_line = last;
                assert_int_equal(fallback_rule(&f.chunk, max_chars, &out, &e), 0);
                check_line(&out, max_chars);
                buf_clear(&out);
                if (fallback_doc(&f.chunk, max_chars, &out, &e) == 0)
                    check_line(&out, max_chars);
                buf_free(&out);
            }
    file_close(&f);
    buf_free(&text);
}

static void names_less_in_less_room(void **state) {
    (void)state;
    static const struct {
        int max_chars;
        const char *line;
    } rows[] = {
        {120, "Defines the struct Mutex, its methods lock and mark, and the function helper."},
        {60, "Defines the struct Mutex, its methods lock and mark."},
        {32, "Defines the struct Mutex."},
    };
    if (tree_missing())
        skip();
    struct file f;
    file_open(&f, "rust", "m.rs", mutex);
    f.chunk.last_line = 16;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct buf out = {0};
        struct err e;
        assert_int_equal(fallback_rule(&f.chunk, rows[i].max_chars, &out, &e), 0);
        assert_string_equal(out.data, rows[i].line);
        buf_free(&out);
    }
    file_close(&f);
}

struct once {
    make_line *make;
    const struct fallback_chunk *chunk;
};

static int make_once(void *user, struct err *e) {
    struct once *o = user;
    struct buf out = {0};
    int rc = o->make(o->chunk, 120, &out, e);
    assert_true(rc == 0 ? out.len > 0 : out.len == 0);
    buf_free(&out);
    return rc == PRECIS_ENOTFOUND ? 0 : rc;
}

static void fails_cleanly(void **state) {
    (void)state;
    struct file f;
    file_open(&f, "rust", "m.rs", mutex);
    struct once once = {fallback_rule, &f.chunk};
    assert_true(fault_each(&fault_memory, FAULT_ONCE, make_once, &once) > 0);
    assert_true(fault_each(&fault_memory, FAULT_LASTING, make_once, &once) > 0);
    if (!tree_missing()) {
        once.make = fallback_doc;
        for (f.chunk.first_line = 1; f.chunk.first_line < 10; f.chunk.first_line += 2)
            fault_each(&fault_memory, FAULT_ONCE, make_once, &once);
    }
    file_close(&f);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(quotes_docs),
        cmocka_unit_test(passes_over_small_docs),
        cmocka_unit_test(says_what_is_defined),
        cmocka_unit_test(says_what_goes_on),
        cmocka_unit_test(says_what_is_tested),
        cmocka_unit_test(says_what_else_there_is),
        cmocka_unit_test(goes_without_a_tree),
        cmocka_unit_test(fits),
        cmocka_unit_test(names_less_in_less_room),
        cmocka_unit_test(fails_cleanly),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
