#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "fault.h"
#include "precis.h"

static struct precis_model *model;

static int tokens_and_back(void *user, struct err *e) {
    uint32_t *ids;
    char *text;
    size_t n;
    (void)user;
    e->code = precis_tokenize(model, "int main", 8, 0, &ids, &n, e->text, sizeof e->text);
    if (e->code == 0)
        e->code = precis_detokenize(model, ids, n, &text, NULL, e->text, sizeof e->text);
    if (e->code == 0)
        precis_free(text);
    precis_free(ids);
    return e->code;
}

static int chunk(void *user, struct err *e) {
    struct precis_chunk *chunks;
    size_t n;
    (void)user;
    e->code = precis_chunk_lines("a\nb\n", 4, 1, &chunks, &n, e->text, sizeof e->text);
    precis_free(chunks);
    return e->code;
}

static void says_when_memory_runs_out(void **state) {
    (void)state;
    fault_each(&fault_memory, FAULT_LASTING, tokens_and_back, NULL);
    fault_each(&fault_memory, FAULT_LASTING, chunk, NULL);
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
