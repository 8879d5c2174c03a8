/* JSON files: their size, what is none, and the ids that end a generation. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "model/json_file.h"

static char dir[64];

static void put(const char *name, const char *text) {
    char path[128];
    snprintf(path, sizeof path, "%s/%s", dir, name);
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    assert_true(fputs(text, f) >= 0);
    assert_int_equal(fclose(f), 0);
}

static int begin(void **state) {
    (void)state;
    snprintf(dir, sizeof dir, "/tmp/precis-json-file-XXXXXX");
    return mkdtemp(dir) ? 0 : -1;
}

static int end(void **state) {
    static const char *const names[] = {"a.json", "generation_config.json", "config.json",
                                        "genai_config.json"};
    char path[128];
    (void)state;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        snprintf(path, sizeof path, "%s/%s", dir, names[i]);
        unlink(path);
    }
    return rmdir(dir);
}

static void what_is_refused(void **state) {
    (void)state;
    static const struct {
        const char *text;
        size_t limit, flags;
        const char *says; /* NULL: read */
    } cases[] = {
        {"{\"a\": 1}", 8, 0, NULL},
        {"{\"a\": 1}", 7, 0, "a.json: has 8 bytes: at most 7 are allowed"},
        {"[1]", 99, 0, "a.json: is not a JSON object"},
        {"", 99, 0, "a.json: not valid JSON: line 1"},
        {"{\n\"a\": 1,}", 99, 0, "a.json: not valid JSON: line 2"},
        {"{\"a\": 1, \"a\": 2}", 99, JSON_REJECT_DUPLICATES, "duplicate object key"},
        {"{\"a\": \"\\u0000\"}", 99, 0, "\\u0000"},
        {"{\"a\": \"\\u0000\"}", 99, JSON_ALLOW_NUL, NULL},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        json_t *o;
        struct err e = {0};
        put("a.json", cases[i].text);
        int rc = json_file_beside(dir, "a.json", cases[i].limit, cases[i].flags, &o, &e);
        assert_int_equal(rc, cases[i].says ? PRECIS_EINPUT : 0);
        if (cases[i].says && !strstr(e.text, cases[i].says))
            fail_msg("%s", e.text);
        assert_int_equal(o != NULL, rc == 0);
        json_decref(o);
    }
    json_t *o;
    struct err e = {0};
    assert_int_equal(json_file_beside(dir, "b.json", 99, 0, &o, &e), 0);
    assert_null(o);
    assert_int_equal(json_file_read("/nowhere/b.json", 99, 0, &o, &e), PRECIS_EIO);
    assert_null(o);
}

static void stops(void **state) {
    (void)state;
    uint32_t ids[4];
    size_t n;
    struct err e = {0};
    assert_int_equal(json_file_stops(dir, ids, 4, &n, &e), 0);
    assert_int_equal(n, 0);
    put("generation_config.json", "{\"eos_token_id\": [7, \"x\", -1, 4294967296, 7, 0]}");
    put("config.json", "{\"eos_token_id\": 2}");
    put("genai_config.json", "{\"eos_token_id\": 9, \"model\": {\"eos_token_id\": [2, 5, 6]}}");
    assert_int_equal(json_file_stops(dir, ids, 4, &n, &e), 0);
    assert_int_equal(n, 4);
    assert_memory_equal(ids, ((uint32_t[]){7, 0, 2, 5}), sizeof ids);
    put("config.json", "{\"eos_token_id\": null}");
    put("genai_config.json", "{\"model\": [1]}");
    assert_int_equal(json_file_stops(dir, ids, 1, &n, &e), 0);
    assert_int_equal(n, 1);
    put("genai_config.json", "[");
    assert_int_equal(json_file_stops(dir, ids, 1, &n, &e), PRECIS_EINPUT);
    assert_non_null(strstr(e.text, "genai_config.json: not valid JSON"));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(what_is_refused, begin, end),
        cmocka_unit_test_setup_teardown(stops, begin, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
