/* Each allocation in turn fails: PRECIS_ENOMEM, and nothing is lost (under ASan). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "eval/bleu.h"
#include "eval/rouge.h"
#include "fault.h"

static const char candidate[] =
    "Returns the m\xc3\xa4hmachines' counted words &amp; <skipped> lines, twice.";
static const char reference[] = "Counts words and lines; returns them.";

static int count(void *user, struct err *e) {
    (void)user;
    struct bleu_counts n;
    return bleu_count(candidate, sizeof candidate - 1, reference, sizeof reference - 1, &n, e);
}

static int codexglue(void *user, struct err *e) {
    (void)user;
    double score;
    return bleu_codexglue(candidate, sizeof candidate - 1, reference, sizeof reference - 1, &score,
                          e);
}

static int rouge(void *user, struct err *e) {
    (void)user;
    struct rouge r;
    return rouge_score(candidate, sizeof candidate - 1, reference, sizeof reference - 1, true, &r,
                       e);
}

static void scores_say_when_memory_runs_out(void **state) {
    (void)state;
    int (*const all[])(void *, struct err *) = {count, codexglue, rouge};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        fault_each(&fault_memory, FAULT_ONCE, all[i], NULL);
        fault_each(&fault_memory, FAULT_LASTING, all[i], NULL);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(scores_say_when_memory_runs_out)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
