/* Reports of what a store has. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <jansson.h>

#include "base/file.h"
#include "fault.h"
#include "report/derive.h"
#include "store/lines.h"
#include "tree.h"

/* In the store and on the disk. */
static void put_source(struct store *s, const char *path, const char *text) {
    tree_write(root, path, text);
    put_file(s, path, text);
}

/* Two files, two models, folders whose names begin alike, and a gap. */
static void fill(struct store *s) {
    struct store_origin a = origin_of("A", "line-1"), b = origin_of("B", "line-2");
    a.parameters = "{\"judged_by\":\"words\",\"strategy\":\"beam\"}";
    b.parameters = "no JSON";
    int64_t run = begin_run(s);
    put_source(s, "src/a/one.c", "one");
    put_source(s, "src/a.b/two.c", "two");
    struct store_line lines[] = {
        line_of(&a, "src/a/one.c", 1, 10, "Opens."),
        line_of(&a, "src/a/one.c", 21, 30, "Closes."),
        line_of(&b, "src/a.b/two.c", 1, 5, "Reads."),
        line_of(&a, "src/a/one.c", 1, 40, "Does both."),
        line_of(&a, "src/a", 0, 0, "Has one."),
        line_of(&a, "src/a.b", 0, 0, "Has two."),
        line_of(&a, "src", 0, 0, "Has all."),
        line_of(&a, "", 0, 0, "Is the tree."),
    };
    static const enum store_level levels[] = {STORE_CHUNK,      STORE_CHUNK,     STORE_CHUNK,
                                              STORE_WHOLE_FILE, STORE_DIRECTORY, STORE_DIRECTORY,
                                              STORE_DIRECTORY,  STORE_REPOSITORY};
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
        lines[i].level = levels[i];
        put_line(s, run, &lines[i]);
    }
}

static char *derive(struct store *s, const char *path, enum report_format format,
                    struct derived *d) {
    char *text = NULL;
    size_t size;
    struct err e = {0};
    FILE *f = open_memstream(&text, &size);
    if (report_derive(s, path, "title", format, f, NULL, d, &e) != 0)
        fail_msg("%s", e.text);
    fclose(f);
    return text;
}

static void spell(const char *jsonl, struct buf *out) {
    while (*jsonl) {
        const char *end = strchr(jsonl, '\n');
        json_t *j = json_loadb(jsonl, (size_t)(end - jsonl), 0, NULL);
        assert_non_null(j);
        const char *line = json_string_value(json_object_get(j, "summary"));
        const char *sampling = json_string_value(json_object_get(j, "sampling"));
        buf_printf(out, "%s %s:%d-%d %s %s\n", json_string_value(json_object_get(j, "level")),
                   json_string_value(json_object_get(j, "file_path")),
                   (int)json_integer_value(json_object_get(j, "start_line")),
                   (int)json_integer_value(json_object_get(j, "end_line")), *line ? line : "none:",
                   *line ? sampling : json_string_value(json_object_get(j, "error")));
        json_decref(j);
        jsonl = end + 1;
    }
    buf_str(out, "");
}

static void lines_come_as_a_run_delivers_them(void **state) {
    (void)state;
    struct store *s = open_store(root, STORE_CREATE);
    struct derived d;
    struct buf said = {0};
    fill(s);
    char *text = derive(s, "", REPORT_JSONL, &d);
    spell(text, &said);
    assert_string_equal(said.data, "chunk src/a.b/two.c:1-5 Reads. not known\n"
                                   "chunk src/a/one.c:1-10 Opens. beam\n"
                                   "chunk src/a/one.c:11-20 none: the store has no line for it\n"
                                   "chunk src/a/one.c:21-30 Closes. beam\n"
                                   "chunk src/a/one.c:31-40 none: the store has no line for it\n"
                                   "file src/a/one.c:1-40 Does both. beam\n"
                                   "directory src/a.b:0-0 Has two. beam\n"
                                   "directory src/a:0-0 Has one. beam\n"
                                   "directory src:0-0 Has all. beam\n"
                                   "repository :0-0 Is the tree. beam\n");
    assert_int_equal(d.lines, 8);
    assert_int_equal(d.missing, 2);
    free(text);
    buf_free(&said);
    store_close(s);
}

static void names_are_relative_to_the_path(void **state) {
    (void)state;
    struct store *s = open_store(root, STORE_CREATE);
    struct derived d;
    struct buf said = {0};
    fill(s);
    char *text = derive(s, "src/a", REPORT_JSONL, &d);
    spell(text, &said);
    assert_non_null(strstr(said.data, "chunk one.c:1-10 Opens."));
    assert_non_null(strstr(said.data, "repository :0-0 Has one."));
    assert_null(strstr(said.data, "two"));
    free(text);
    buf_clear(&said);
    text = derive(s, "src/a.b/two.c", REPORT_JSONL, &d);
    spell(text, &said);
    assert_string_equal(said.data, "chunk two.c:1-5 Reads. not known\n");
    free(text);
    buf_free(&said);
    store_close(s);
}

static void a_changed_file_is_missing(void **state) {
    (void)state;
    struct store *s = open_store(root, STORE_CREATE);
    struct derived d;
    struct buf said = {0};
    fill(s);
    put_source(s, "src/a.b/two.c", "another text");
    put_file(s, "src/new.c", "never had a line");
    char *text = derive(s, "", REPORT_JSONL, &d);
    spell(text, &said);
    assert_non_null(strstr(said.data, "chunk src/a.b/two.c:0-0 none: the store has no line for its "
                                      "present text\n"));
    assert_null(strstr(said.data, "new.c"));
    free(text);
    buf_free(&said);
    store_close(s);
}

static void remove_source(const char *path) {
    char *full = file_join(root, path);
    assert_int_equal(remove(full), 0);
    free(full);
}

static void what_is_gone_is_left_out(void **state) {
    (void)state;
    struct store *s = open_store(root, STORE_CREATE);
    struct derived d;
    struct buf said = {0};
    fill(s);
    remove_source("src/a/one.c"); /* its folder stays, and has nothing */
    char *text = derive(s, "", REPORT_JSONL, &d);
    spell(text, &said);
    assert_string_equal(said.data, "chunk src/a.b/two.c:1-5 Reads. not known\n"
                                   "directory src/a.b:0-0 Has two. beam\n"
                                   "directory src:0-0 Has all. beam\n"
                                   "repository :0-0 Is the tree. beam\n");
    assert_int_equal(d.lines, 4);
    assert_int_equal(d.missing, 0);
    assert_int_equal(d.gone, 1);
    free(text);
    buf_free(&said);
    remove_source("src/a.b/two.c");
    text = derive(s, "", REPORT_JSONL, &d);
    assert_string_equal(text, "");
    assert_int_equal(d.lines, 0);
    assert_int_equal(d.gone, 2);
    free(text);
    store_close(s);
}

/* A name that is no UTF-8 is another in the store, so nothing can be said of it. */
static void a_name_that_was_replaced_is_not_gone(void **state) {
    (void)state;
    struct store *s = open_store(root, STORE_CREATE);
    struct store_origin a = origin_of("A", "line-1");
    struct store_line line = line_of(&a, "\xef\xbf\xbd.c", 1, 1, "Opens.");
    struct derived d;
    put_file(s, line.path, "one");
    put_line(s, begin_run(s), &line);
    free(derive(s, "", REPORT_JSONL, &d));
    assert_int_equal(d.lines, 1);
    assert_int_equal(d.gone, 0);
    store_close(s);
}

/* JSON can spell what the store's texts may not hold. */
static void parameters_put_nothing_into_a_report(void **state) {
    (void)state;
    struct store *s = open_store(root, STORE_CREATE);
    struct store_origin a = origin_of("A", "line-1"), b = origin_of("B", "line-1"),
                        c = origin_of("C", "line-1");
    struct derived d;
    a.parameters = "{\"strategy\":\"x\\u001b]0;bad\\u0007\"}";
    b.parameters = "{\"strategy\":\"x\\n# <img src=bad>\"}";
    c.parameters = "{\"strategy\":\"<img src=good>\"}";
    const struct store_line lines[] = {line_of(&a, "a.c", 1, 1, "A."),
                                       line_of(&b, "a.c", 2, 2, "B."),
                                       line_of(&c, "a.c", 3, 3, "C.")};
    put_source(s, "a.c", "one");
    int64_t run = begin_run(s);
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++)
        put_line(s, run, &lines[i]);
    for (enum report_format f = REPORT_MARKDOWN; f <= REPORT_HTML; f++) {
        char *text = derive(s, "", f, &d);
        assert_null(strchr(text, '\x1b'));
        assert_null(strstr(text, "bad"));
        assert_non_null(strstr(text, "not known"));
        assert_non_null(strstr(text, f == REPORT_MARKDOWN ? "Decoding: \\<img src=good>, seed"
                                     : f == REPORT_HTML   ? "<td>&lt;img src=good&gt;<td>"
                                                          : "<img src=good>"));
        free(text);
    }
    store_close(s);
}

/* No model gets the credit for lines of another. */
static void each_way_is_told(void **state) {
    (void)state;
    struct store *s = open_store(root, STORE_CREATE);
    struct derived d;
    fill(s);
    struct store_origin a = origin_of("A", "line-1"); /* what no report shows is another */
    a.parameters = "{\"max_chars\":80,\"strategy\":\"beam\"}";
    struct store_line line = line_of(&a, "src/a/one.c", 11, 20, "Waits.");
    put_line(s, begin_run(s), &line);
    char *text = derive(s, "", REPORT_MARKDOWN, &d);
    assert_non_null(strstr(text, "\nModel `tiny` (1 line): `B` (SHA-256), weights"));
    assert_non_null(strstr(text, "\nModel `tiny` (8 lines): `A` (SHA-256), weights"));
    assert_null(strstr(text, "written by the model"));
    free(text);
    text = derive(s, "src/a", REPORT_MARKDOWN, &d);
    assert_non_null(strstr(text, "written by the model `tiny` with"));
    assert_non_null(strstr(text, "\nModel: `A` (SHA-256), weights"));
    assert_null(strstr(text, "`B`"));
    free(text);
    store_close(s);
}

static void nothing_is_written_of_nothing(void **state) {
    (void)state;
    struct store *s = open_store(root, STORE_CREATE);
    struct derived d;
    char *text = derive(s, "", REPORT_CSV, &d);
    assert_int_equal(d.lines, 0);
    assert_string_equal(text, "");
    free(text);
    store_close(s);
}

static void a_report_is_of_one_moment(void **state) {
    (void)state;
    struct store *writer = open_store(root, STORE_CREATE);
    fill(writer);
    struct store *s = open_store(root, STORE_READ);
    struct err e = {0};
    assert_int_equal(store_read_begin(s, &e), 0);
    struct store_file f;
    assert_int_equal(store_file(s, "src/a/one.c", &f, &e), 0);
    const uint64_t size = f.size;
    put_file(writer, "src/a/one.c", "a longer text");
    assert_int_equal(store_file(s, "src/a/one.c", &f, &e), 0);
    assert_int_equal(f.size, size);
    store_read_end(s);
    assert_int_equal(store_file(s, "src/a/one.c", &f, &e), 0);
    assert_int_not_equal(f.size, size);
    store_close(s);
    store_close(writer);
}

static void ends_when_it_is_told_to(void **state) {
    (void)state;
    struct derived d;
    struct err e = {0};
    atomic_bool stop = true;
    struct store *s = open_store(root, STORE_CREATE);
    FILE *f = fopen("/dev/null", "w");
    assert_non_null(f);
    fill(s);
    for (int format = REPORT_MARKDOWN; format <= REPORT_HTML; format++)
        assert_int_equal(
            report_derive(s, "", "title", (enum report_format)format, f, &stop, &d, &e),
            PRECIS_ECANCELLED);
    stop = false;
    assert_int_equal(report_derive(s, "", "title", REPORT_CSV, f, &stop, &d, &e), 0);
    fclose(f);
    store_close(s);
}

struct output {
    struct store *s;
    FILE *f;
    enum report_format format;
};

static int derive_once(void *user, struct err *e) {
    const struct output *o = user;
    struct derived d;
    return report_derive(o->s, "", "title", o->format, o->f, NULL, &d, e);
}

static void says_when_memory_runs_out(void **state) {
    (void)state;
    json_set_alloc_funcs(malloc, free); /* this program's, which fails */
    struct output o = {.s = open_store(root, STORE_CREATE), .f = fopen("/dev/null", "w")};
    assert_non_null(o.f);
    setvbuf(o.f, NULL, _IONBF, 0);
    fill(o.s);
    for (o.format = REPORT_MARKDOWN; o.format <= REPORT_HTML; o.format++)
        fault_each(&fault_memory, FAULT_LASTING, derive_once, &o);
    fclose(o.f);
    store_close(o.s);
}

int main(void) {
#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(lines_come_as_a_run_delivers_them),
        TEST(names_are_relative_to_the_path),
        TEST(a_changed_file_is_missing),
        TEST(nothing_is_written_of_nothing),
        TEST(a_report_is_of_one_moment),
        TEST(ends_when_it_is_told_to),
        TEST(says_when_memory_runs_out),
        TEST(what_is_gone_is_left_out),
        TEST(a_name_that_was_replaced_is_not_gone),
        TEST(each_way_is_told),
        TEST(parameters_put_nothing_into_a_report),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
