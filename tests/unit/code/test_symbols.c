/* The symbols, docs and outlines of samples in every language against expectations written by hand
 * (samples/NAME.expected), and what broken text does.
 *
 * test_symbols FOLDER            runs the tests
 * test_symbols FOLDER NAME       prints what is found in FOLDER/NAME */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/file.h"
#include "code/doc.h"
#include "code/outline.h"
#include "code/symbols.h"

static const char *folder;

static void put_joined(struct buf *out, const struct tree *t, struct span s) {
    for (uint32_t i = s.start; i < s.end; i++) {
        bool blank = (unsigned char)t->text[i] <= ' ';
        if (!blank)
            buf_char(out, t->text[i]);
        else if (i > s.start && (unsigned char)t->text[i - 1] > ' ')
            buf_char(out, ' ');
    }
}

static void put_doc(struct buf *out, const struct tree *t, struct span doc, struct span name) {
    if (doc.end == doc.start)
        return;
    buf_str(out, " | ");
    doc_sentence(t->lang, t->text + doc.start, doc.end - doc.start, t->text + name.start,
                 name.end - name.start, out);
}

static void put_symbols(struct buf *out, const struct tree *t, const struct symbols *s) {
    for (uint32_t i = 0; i < s->n; i++) {
        const struct symbol *v = &s->v[i];
        for (uint32_t p = v->parent; p != SYMBOL_NONE; p = s->v[p].parent)
            buf_str(out, "  ");
        buf_printf(out, "%u-%u %s%s %.*s | ", v->first_line, v->last_line,
                   v->is_public ? "" : "private ", symbol_kind_name(v->kind),
                   (int)(v->name.end - v->name.start), t->text + v->name.start);
        put_joined(out, t, v->signature);
        put_doc(out, t, v->doc, v->name);
        buf_char(out, '\n');
        for (uint32_t k = v->first_field; k < v->first_field + v->field_count; k++) {
            buf_str(out, "    . ");
            put_joined(out, t, s->fields[k].range);
            put_doc(out, t, s->fields[k].doc, s->fields[k].name);
            buf_char(out, '\n');
        }
    }
    buf_str(out, "file");
    put_doc(out, t, s->file_doc, (struct span){0, 0});
    buf_char(out, '\n');
}

static void put_outline(struct buf *out, const struct outline *o) {
    buf_str(out, "--- outline\n");
    for (size_t i = 0; i < o->n; i++) {
        buf_printf(out, "%u ", o->v[i].rank);
        for (uint32_t k = 0; k < o->v[i].indent; k++)
            buf_str(out, "  ");
        buf_printf(out, "%s\n", outline_text(o, i));
    }
}

/* What is found in a file, as text. */
static void describe(const char *name, struct buf *out) {
    char path[512];
    struct mapping m;
    struct err e = {0};
    struct tree t;
    struct symbols s;
    struct outline o;
    snprintf(path, sizeof path, "%s/%s", folder, name);
    assert_int_equal(file_map(path, &m, &e), 0);
    const struct lang *lang = lang_of(path, NULL, 0);
    if (tree_parse(lang, (const char *)m.data, m.size, &t, &e))
        fail_msg("%s: %s", name, e.text);
    assert_int_equal(symbols_find(&t, &s, &e), 0);
    put_symbols(out, &t, &s);
    assert_int_equal(outline_make(&t, &s, 1, t.v[0].end_row + 1, NULL, &o, &e), 0);
    put_outline(out, &o);
    buf_str(out, "--- without docs\n");
    doc_strip(&t, &s, (struct span){0, (uint32_t)m.size}, out);
    buf_char(out, '\n');
    outline_free(&o);
    symbols_free(&s);
    tree_free(&t);
    file_unmap(&m);
}

static void samples_are_as_expected(void **state) {
    (void)state;
    DIR *dir = opendir(folder);
    assert_non_null(dir);
    int seen = 0;
    for (struct dirent *d; (d = readdir(dir));) {
        char path[512];
        struct mapping m;
        struct err e = {0};
        struct buf got = {0};
        if (d->d_name[0] == '.' || file_ends(d->d_name, ".expected"))
            continue;
        snprintf(path, sizeof path, "%s/%s.expected", folder, d->d_name);
        if (file_map(path, &m, &e))
            fail_msg("%s", e.text);
        describe(d->d_name, &got);
        if (got.len != m.size || memcmp(got.data, m.data, m.size) != 0)
            fail_msg("%s: expected\n%.*s\ngot\n%s", d->d_name, (int)m.size, (const char *)m.data,
                     got.data);
        buf_free(&got);
        file_unmap(&m);
        seen++;
    }
    closedir(dir);
    assert_true(seen >= 13);
}

/* Symbols and outline of text that nobody would write; only that they are sound. */
static void check_sound(const char *lang, const char *text, size_t size) {
    struct tree t;
    struct symbols s;
    struct outline o;
    struct buf out = {0};
    if (tree_parse(lang_by_name(lang), text, size, &t, NULL))
        return;
    assert_int_equal(symbols_find(&t, &s, NULL), 0);
    for (uint32_t i = 0; i < s.n; i++) {
        assert_true(s.v[i].range.start < s.v[i].range.end && s.v[i].range.end <= size);
        assert_true(s.v[i].parent == SYMBOL_NONE || s.v[i].parent < i);
    }
    assert_int_equal(outline_make(&t, &s, 2, 3, NULL, &o, NULL), 0);
    doc_strip(&t, &s, (struct span){0, (uint32_t)size}, &out);
    buf_free(&out);
    outline_free(&o);
    symbols_free(&s);
    tree_free(&t);
}

static const char *const languages[] = {"rust", "c",      "cpp",  "python", "javascript",
                                        "go",   "csharp", "java", "ruby",   "typescript",
                                        "tsx",  "php",    "bash"};

static void broken_text_is_survived(void **state) {
    (void)state;
    static const char nul[] = "fn a() {\0}\n\0\0struct b {\0 int x; }\n/** \0 */ def c(:\n";
    static const char bad[] = "/// \xff\xfe\nfn \xc3(\xe2\x82) { \"\xf0\x9f\" }\nclass \x80 {\n";
    static const char cut[] = "/** doc\nclass A { void f( { /* \n\"\"\"x\n#if\n=begin\n<<EOF\n";
    for (size_t i = 0; i < sizeof languages / sizeof *languages; i++) {
        check_sound(languages[i], nul, sizeof nul - 1);
        check_sound(languages[i], bad, sizeof bad - 1);
        check_sound(languages[i], cut, sizeof cut - 1);
        check_sound(languages[i], "", 0);
        check_sound(languages[i], "\n", 1);
    }
}

static void deep_nesting_needs_no_stack(void **state) {
    (void)state;
    enum { DEPTH = 20000 };
    static char text[2 * DEPTH + 64];
    for (size_t i = 0; i < sizeof languages / sizeof *languages; i++)
        for (const char *open = "({["; *open; open++) {
            memset(text, *open, DEPTH);
            memset(text + DEPTH, *open == '(' ? ')' : *open + 2, DEPTH);
            check_sound(languages[i], text, 2 * DEPTH);
            check_sound(languages[i], text, DEPTH);
        }
    for (size_t i = 0; i + 4 < sizeof text; i += 4)
        memcpy(text + i, i < sizeof text / 2 ? "a!{ " : "}}}}", 4);
    check_sound("rust", text, sizeof text / 2 + sizeof text / 8);
}

static void ranges_are_within_lines(void **state) {
    (void)state;
    static const char text[] = "mod m {\n    /// Adds one to a number.\n    pub fn add(x: u8) -> "
                               "u8 {\n        checked_add(x)\n    }\n    fn rest() {}\n}\n";
    struct tree t;
    struct symbols s;
    struct outline o;
    struct err e = {0};
    const struct outline_options bare = {.no_docs = true, .line_bytes = 12};
    assert_int_equal(tree_parse(lang_by_name("rust"), text, sizeof text - 1, &t, &e), 0);
    assert_int_equal(symbols_find(&t, &s, &e), 0);
    assert_int_equal(outline_make(&t, &s, 4, 4, NULL, &o, &e), 0);
    assert_int_equal(o.n, 4);
    assert_string_equal(outline_text(&o, 0), "mod m");
    assert_int_equal(o.v[0].kind, OUTLINE_SCOPE);
    assert_string_equal(outline_text(&o, 1), "pub fn add(x: u8) -> u8");
    assert_true(o.v[1].cut_before && o.v[1].cut_after);
    assert_string_equal(outline_text(&o, 2), "Adds one to a number.");
    assert_string_equal(outline_text(&o, 3), "calls: checked_add");
    outline_free(&o);
    assert_int_equal(outline_make(&t, &s, 1, 4, &bare, &o, &e), 0);
    assert_int_equal(o.n, 3);
    assert_string_equal(outline_text(&o, 1), "pub fn ad...");
    assert_false(o.v[1].cut_before);
    assert_true(o.v[1].cut_after);
    outline_free(&o);
    assert_int_equal(symbols_at(&s, (uint32_t)(strstr(text, "checked") - text)), 1);
    assert_int_equal(symbols_at(&s, (uint32_t)sizeof text - 2), SYMBOL_NONE);
    symbols_free(&s);
    tree_free(&t);
}

int main(int argc, char **argv) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(samples_are_as_expected), cmocka_unit_test(broken_text_is_survived),
        cmocka_unit_test(deep_nesting_needs_no_stack), cmocka_unit_test(ranges_are_within_lines)};
    folder = argc > 1 ? argv[1] : ".";
    if (tree_missing())
        return 77; /* skipped */
    if (argc > 2) {
        struct buf out = {0};
        describe(argv[2], &out);
        fwrite(out.data, 1, out.len, stdout);
        buf_free(&out);
        return 0;
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
