#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include <jansson.h>

#include "faulty.h"
#include "sample.h"

static int write_all(FILE *f, enum report_format format, struct err *e) {
    struct report *r;
    int rc = report_open(f, format, "tokio", &sample_provenance, &r, e);
    for (size_t i = 0; rc == 0 && i < SAMPLE_SUMMARIES; i++)
        rc = report_add(r, &sample_summaries[i], e);
    report_free(r);
    return rc;
}

static void says_when_memory_runs_out(void **state) {
    (void)state;
    json_set_alloc_funcs(faulty_malloc, free);
    FILE *f = fopen("/dev/null", "w");
    assert_non_null(f);
    setvbuf(f, NULL, _IONBF, 0);
    for (int format = REPORT_MARKDOWN; format <= REPORT_CSV; format++) {
        bool failed = true;
        for (size_t n = 0; failed; n++) {
            struct err e = {0};
            faulty_begin(n);
            int rc = write_all(f, (enum report_format)format, &e);
            failed = faulty_end();
            assert_int_equal(rc, failed ? PRECIS_ENOMEM : 0);
            assert_true(n < 2000);
        }
    }
    fclose(f);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(says_when_memory_runs_out)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
