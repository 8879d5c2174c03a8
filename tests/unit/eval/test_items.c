#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "eval/items.h"
#include "fault.h"

#define ITEM(id)                                                                                   \
    "{\"id\": \"" id "\", \"repo\": \"a/b\", \"language\": \"c\", \"path\": \"x.c\", "             \
    "\"kind\": \"function\", \"code\": \"int x;\", \"reference\": \"Does it.\""

static const char two[] = ITEM("b") ", \"symbol\": null, \"start_line\": 3, \"end_line\": 9}\n\r\n"
                                    "  " ITEM("a") ", \"symbol\": \"f\", \"more\": [1]}";

static void items_are_read(void **state) {
    (void)state;
    struct eval_items items;
    struct err e = {0};
    if (eval_items_read("data", two, sizeof two - 1, &items, &e) != 0)
        fail_msg("%s", e.text);
    assert_int_equal(items.n, 2);
    assert_string_equal(items.v[0].id, "b");
    assert_null(items.v[0].symbol);
    assert_int_equal(items.v[0].start_line, 3);
    assert_int_equal(items.v[0].end_line, 9);
    assert_string_equal(items.v[1].symbol, "f");
    assert_int_equal(items.v[1].start_line, 0);
    assert_int_equal(items.v[1].line, 3);
    assert_int_equal(eval_items_find(&items, "a"), 1);
    assert_int_equal(eval_items_find(&items, "b"), 0);
    assert_int_equal(eval_items_find(&items, "c"), 2);
    eval_items_free(&items);
}

static void nothing_is_no_items(void **state) {
    (void)state;
    struct eval_items items;
    struct err e;
    assert_int_equal(eval_items_read("data", NULL, 0, &items, &e), 0);
    assert_int_equal(items.n, 0);
    assert_int_equal(eval_items_find(&items, ""), 0);
    eval_items_free(&items);
}

static void refused(const char *text, size_t len, int code, const char *why) {
    struct eval_items items;
    struct err e = {0};
    if (eval_items_read("data", text, len, &items, &e) != code || !strstr(e.text, why))
        fail_msg("%s: not %d, %s", e.text, code, why);
    assert_null(items.v);
}

static void bad_items_are_refused_with_their_line(void **state) {
    (void)state;
    static const struct {
        const char *text, *why;
    } cases[] = {
        {"\n\n{\"id\": ", "data: line 3: not JSON"},
        {"[]", "line 1: not a JSON object"},
        {"{\"id\": \"a\"}", "\"repo\" is missing"},
        {"{\"id\": 7}", "\"id\" is not a string"},
        {"{\"id\": \"\"}", "\"id\" is empty"},
        {"{\"id\": \"a\", \"id\": \"b\"}", "not JSON"},
        {ITEM("a\\u0000") "}", "not JSON"},
        {ITEM("a\xff") "}", "line 1: not UTF-8"},
        {ITEM("a") ", \"symbol\": 1}", "\"symbol\" is not a string"},
        {ITEM("a") ", \"start_line\": 0}", "\"start_line\" is not the number of a line"},
        {ITEM("a") ", \"start_line\": 1.5}", "\"start_line\" is not the number of a line"},
        {ITEM("a") ", \"end_line\": 99999999999}", "\"end_line\" is not the number of a line"},
        {ITEM("a") ", \"start_line\": 5, \"end_line\": 4}", "is before \"start_line\""},
        {ITEM("x") "}\n" ITEM("a") "}\n" ITEM("x") "}", "line 3: \"id\" x is that of line 1, too"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        refused(cases[i].text, strlen(cases[i].text), PRECIS_EINPUT, cases[i].why);
}

static void long_texts_are_refused(void **state) {
    (void)state;
    char *text = malloc(EVAL_MOST_TEXT + 1000);
    assert_non_null(text);
    const char head[] = "{\"id\": \"";
    memcpy(text, head, sizeof head - 1);
    memset(text + sizeof head - 1, 'x', EVAL_MOST_TEXT + 1);
    memcpy(text + sizeof head + EVAL_MOST_TEXT, "\"}", 2);
    refused(text, sizeof head + EVAL_MOST_TEXT + 2, PRECIS_ELIMIT,
            "line 1: \"id\" has 65537 bytes");
    free(text);
}

static int read_predictions(const char *text, struct eval_predictions *p, struct err *e) {
    struct eval_items items;
    int rc = eval_items_read("data", two, sizeof two - 1, &items, e);
    if (rc == 0)
        rc = eval_predictions_read("said", text, strlen(text), &items, p, e);
    eval_items_free(&items);
    return rc;
}

static void predictions_find_their_items(void **state) {
    (void)state;
    struct eval_predictions p;
    struct err e = {0};
    const char text[] = "{\"id\": \"a\", \"summary\": \"A.\", \"confidence\": 0.25, \"grounded\": "
                        "false}\n{\"id\": \"z\", \"summary\": \"\"}\n";
    assert_int_equal(read_predictions(text, &p, &e), 0);
    assert_int_equal(p.n, 2);
    assert_null(p.v[0].summary);
    assert_true(isnan(p.v[0].confidence));
    assert_string_equal(p.v[1].summary, "A.");
    assert_true(p.v[1].confidence == 0.25 && p.v[1].grounded == EVAL_GROUNDED_NO);
    assert_int_equal(p.strangers, 1);
    eval_predictions_free(&p);
}

static void bad_predictions_are_refused_with_their_line(void **state) {
    (void)state;
    static const struct {
        const char *text, *why;
    } cases[] = {
        {"{\"summary\": \"A.\"}", "said: line 1: \"id\" is missing"},
        {"{\"id\": \"a\"}", "\"summary\" is missing"},
        {"{\"id\": \"a\", \"summary\": null}", "\"summary\" is not a string"},
        {"{\"id\": \"a\", \"summary\": \"\", \"confidence\": 1.01}",
         "\"confidence\" is not a number"},
        {"{\"id\": \"a\", \"summary\": \"\", \"confidence\": \"1\"}",
         "\"confidence\" is not a number"},
        {"{\"id\": \"a\", \"summary\": \"\", \"grounded\": 1}", "\"grounded\" is neither"},
        {"{\"id\": \"a\", \"summary\": \"\"}\n{\"id\": \"a\", \"summary\": \"\"}",
         "line 2: \"id\" a was there before"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct eval_predictions p;
        struct err e = {0};
        if (read_predictions(cases[i].text, &p, &e) != PRECIS_EINPUT ||
            !strstr(e.text, cases[i].why))
            fail_msg("%s: not %s", e.text, cases[i].why);
        assert_null(p.v);
    }
}

static int once(void *user, struct err *e) {
    (void)user;
    struct eval_predictions p = {0};
    int rc = read_predictions("{\"id\": \"a\", \"summary\": \"A.\"}", &p, e);
    eval_predictions_free(&p);
    return rc;
}

static void says_when_memory_runs_out(void **state) {
    (void)state;
    fault_each(&fault_memory, FAULT_ONCE, once, NULL);
    fault_each(&fault_memory, FAULT_LASTING, once, NULL);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(items_are_read),
        cmocka_unit_test(nothing_is_no_items),
        cmocka_unit_test(bad_items_are_refused_with_their_line),
        cmocka_unit_test(long_texts_are_refused),
        cmocka_unit_test(predictions_find_their_items),
        cmocka_unit_test(bad_predictions_are_refused_with_their_line),
        cmocka_unit_test(says_when_memory_runs_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
