#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include <jansson.h>

#include "fault.h"
#include "report/format.h"
#include "sample.h"

struct output {
    FILE *f;
    enum report_format format;
};

static int write_all(void *user, struct err *e) {
    const struct output *o = user;
    struct report *r;
    int rc = report_open(o->f, o->format, "tokio", &sample_provenance, &r, e);
    for (size_t i = 0; rc == 0 && i < SAMPLE_SUMMARIES; i++)
        rc = report_add(r, &sample_summaries[i], e);
    if (rc == 0)
        rc = report_finish(r, NULL, NULL, e);
    report_free(r);
    return rc;
}

static void says_when_memory_runs_out(void **state) {
    (void)state;
    json_set_alloc_funcs(malloc, free); /* this program's, which fails */
    struct output o = {.f = fopen("/dev/null", "w")};
    assert_non_null(o.f);
    setvbuf(o.f, NULL, _IONBF, 0);
    for (o.format = REPORT_MARKDOWN; o.format <= REPORT_HTML; o.format++)
        fault_each(&fault_memory, FAULT_LASTING, write_all, &o);
    fclose(o.f);
}

static int write_page(void *user, struct err *e) {
    const struct output *o = user;
    rewind(o->f);
    assert_int_equal(ftruncate(fileno(o->f), 0), 0);
    return write_all(user, e);
}

/* The page that is reported as written is whole. */
static void a_page_in_a_file_is_whole(void **state) {
    (void)state;
    static const char end[] = "</script>\n";
    char last[sizeof end] = "";
    struct output o = {.f = tmpfile(), .format = REPORT_HTML};
    assert_non_null(o.f);
    assert_true(fault_each(&fault_memory, FAULT_ONCE, write_page, &o) > 1);
    assert_int_equal(fseek(o.f, 1 - (long)sizeof end, SEEK_END), 0);
    assert_int_equal(fread(last, 1, sizeof end - 1, o.f), sizeof end - 1);
    assert_string_equal(last, end);
    fclose(o.f);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(says_when_memory_runs_out),
                                       cmocka_unit_test(a_page_in_a_file_is_whole)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
