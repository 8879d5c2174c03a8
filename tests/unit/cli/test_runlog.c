#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>
#include <jansson.h>

#include "base/file.h"
#include "cli/runlog.h"
#include "tree.h"

struct place {
    char *root;
    char log[512];
};

static void place_new(struct place *p) {
    p->root = tree_new();
    snprintf(p->log, sizeof p->log, "%s/run.log", p->root);
}

/* Line i of the log, parsed. */
static json_t *line_of(const struct place *p, size_t i, size_t *n) {
    struct mapping m;
    json_t *found = NULL;
    assert_int_equal(file_map(p->log, &m, NULL), 0);
    const char *at = (const char *)m.data, *end = at + m.size;
    for (*n = 0; at < end; ++*n) {
        const char *stop = memchr(at, '\n', (size_t)(end - at));
        size_t len = (size_t)((stop ? stop : end) - at);
        if (*n == i)
            found = json_loadb(at, len, JSON_REJECT_DUPLICATES, NULL);
        at += len + 1;
    }
    file_unmap(&m);
    return found;
}

static const char *text(const json_t *o, const char *name) {
    return json_string_value(json_object_get(o, name));
}

static void a_run_is_lines(void **state) {
    (void)state;
    struct place p;
    struct err e;
    size_t n;
    place_new(&p);
    char *argv[] = {(char[]){"--loc"}, (char[]){"a\xff\"\n"}};
    assert_int_equal(runlog_open(p.log, &e), 0);
    runlog_start("summarize", 2, argv);
    runlog_message(LOG_WARN, "say \"it\"\x1b");
    runlog_put(LOG_INFO, "\"event\": \"x\"");
    runlog_end(3);
    assert_false(runlog_is_open());
    runlog_message(LOG_ERROR, "too late");
    json_t *first = line_of(&p, 0, &n), *second = line_of(&p, 1, &n), *last = line_of(&p, 3, &n);
    assert_int_equal(n, 4);
    assert_string_equal(text(first, "event"), "start");
    assert_string_equal(json_string_value(json_array_get(json_object_get(first, "arguments"), 1)),
                        "a\xef\xbf\xbd\"\n");
    assert_int_equal(json_integer_value(json_object_get(first, "pid")), getpid());
    assert_int_equal(strlen(text(first, "time")), strlen("2026-01-01T00:00:00.000Z"));
    assert_string_equal(text(second, "level"), "warning");
    assert_string_equal(text(second, "message"), "say \"it\"\x1b");
    assert_string_equal(text(last, "event"), "end");
    assert_int_equal(json_integer_value(json_object_get(last, "exit_code")), 3);
    json_decref(first);
    json_decref(second);
    json_decref(last);
    tree_remove(p.root);
}

static void a_second_run_is_appended(void **state) {
    (void)state;
    struct place p;
    struct err e;
    size_t n;
    place_new(&p);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(runlog_open(p.log, &e), 0);
        runlog_message(LOG_INFO, "here");
        runlog_end(0);
    }
    json_decref(line_of(&p, 0, &n));
    assert_int_equal(n, 4);
    tree_remove(p.root);
}

/* Killed or out of space within a line: the next run's are whole again. */
static void a_cut_line_is_ended(void **state) {
    (void)state;
    struct place p;
    struct err e;
    size_t n;
    place_new(&p);
    tree_write(p.root, "run.log", "{\"time\": \"2026-11-29T13:0");
    assert_int_equal(runlog_open(p.log, &e), 0);
    runlog_message(LOG_INFO, "here");
    runlog_end(0);
    json_t *second = line_of(&p, 1, &n);
    assert_int_equal(n, 3);
    assert_string_equal(text(second, "message"), "here");
    json_decref(second);
    tree_remove(p.root);
}

static void another_file_is_left_alone(void **state) {
    (void)state;
    static const char *const others[] = {"int main(void);\n", "{\"name\": \"package\"}\n", "{"};
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        struct place p;
        struct err e;
        struct mapping m;
        place_new(&p);
        tree_write(p.root, "run.log", others[i]);
        assert_int_equal(runlog_open(p.log, &e), PRECIS_EUSAGE);
        assert_non_null(strstr(e.text, "run.log: is no log of precis"));
        assert_false(runlog_is_open());
        assert_int_equal(file_map(p.log, &m, NULL), 0);
        assert_int_equal(m.size, strlen(others[i]));
        file_unmap(&m);
        tree_remove(p.root);
    }
    struct err e;
    assert_int_equal(runlog_open("/no/such/folder/log", &e), PRECIS_EIO);
}

static void many_processes_write_whole_lines(void **state) {
    (void)state;
    enum { WRITERS = 4, LINES = 200 };
    struct place p;
    size_t n;
    place_new(&p);
    pid_t children[WRITERS];
    for (int i = 0; i < WRITERS; i++) {
        children[i] = fork();
        assert_true(children[i] >= 0);
        if (children[i] == 0) {
            struct err e;
            bool fine = runlog_open(p.log, &e) == 0;
            for (int j = 0; fine && j < LINES; j++)
                runlog_message(LOG_INFO, "a message of some length, so that it could be cut");
            _exit(fine ? 0 : 1);
        }
    }
    for (int i = 0; i < WRITERS; i++) {
        int status;
        assert_int_equal(waitpid(children[i], &status, 0), children[i]);
        assert_int_equal(status, 0);
    }
    for (size_t i = 0; i < 50; i++) {
        json_t *line = line_of(&p, i * 16, &n);
        assert_non_null(line);
        json_decref(line);
    }
    assert_int_equal(n, WRITERS * LINES);
    tree_remove(p.root);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_run_is_lines),
        cmocka_unit_test(a_second_run_is_appended),
        cmocka_unit_test(a_cut_line_is_ended),
        cmocka_unit_test(another_file_is_left_alone),
        cmocka_unit_test(many_processes_write_whole_lines),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
