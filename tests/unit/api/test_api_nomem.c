#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "faulty.h"
#include "precis.h"

static struct precis_model *model;

static int tokens_and_back(void) {
    uint32_t *ids;
    char *text;
    size_t n;
    int rc = precis_tokenize(model, "int main", 8, 0, &ids, &n, NULL, 0);
    if (rc == 0)
        rc = precis_detokenize(model, ids, n, &text, NULL, NULL, 0);
    if (rc == 0)
        precis_free(text);
    precis_free(ids);
    return rc;
}

static int chunk(void) {
    struct precis_chunk *chunks;
    size_t n;
    int rc = precis_chunk_lines("a\nb\n", 4, 1, &chunks, &n, NULL, 0);
    precis_free(chunks);
    return rc;
}

static int (*const calls[])(void) = {tokens_and_back, chunk};

static void says_when_memory_runs_out(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof calls / sizeof *calls; i++) {
        bool failed = true;
        for (size_t n = 0; failed; n++) {
            faulty_begin(n);
            int rc = calls[i]();
            failed = faulty_end();
            assert_int_equal(rc, failed ? PRECIS_ENOMEM : 0);
            assert_true(n < 2000);
        }
    }
}

int main(int argc, char **argv) {
    char error[512];
    if (argc != 2 || precis_model_open(argv[1], NULL, &model, error, sizeof error) != 0)
        return 2;
    const struct CMUnitTest tests[] = {cmocka_unit_test(says_when_memory_runs_out)};
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    precis_model_close(model);
    return failed;
}
