#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "fault.h"
#include "summary/clean.h"

/* Each allocation in turn is the first to fail: PRECIS_ENOMEM, nothing leaked (under ASan), and in
 * the end the line. */
static int clean_once(void *text, struct err *e) {
    struct clean_options o = {120, false, NULL};
    struct buf out = {0};
    int rc = clean_line(text, strlen(text), &o, &out, NULL, e);
    if (rc == 0)
        assert_int_equal(out.data[out.len - 1], '.');
    buf_free(&out);
    return rc;
}

static void says_when_memory_runs_out(void **state) {
    (void)state;
    static char texts[][200] = {
        "This code is used to create and manage a bounded queue of tasks for all the worker "
        "threads, which take from it in turn until it is closed by the one that made it, and are "
        "then joined.",
        "Sure! Here is the summary:\n\n**The purpose of this code is to define a `queue`.**",
        "Define a queue of tasks and return it to the caller, which then owns it from there on.",
    };
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        fault_each(&fault_memory, FAULT_LASTING, clean_once, texts[i]);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(says_when_memory_runs_out)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
