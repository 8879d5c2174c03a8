#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

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
    if (rc == 0 && o->format == REPORT_MARKDOWN)
        rc = report_tree_write(r, &markdown_writer, e);
    if (rc == 0 && o->format == REPORT_HTML)
        rc = report_tree_write(r, &html_writer, e);
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

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(says_when_memory_runs_out)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
