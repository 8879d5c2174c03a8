/* Each allocation of a constraint in turn is the first to fail: PRECIS_ENOMEM, nothing leaked
 * (under ASan), and in the end the line. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../text/tiny_tok.h"
#include "fault.h"
#include "summary/constrain.h"

static int constrain_once(void *user, struct err *e) {
    const struct tok *tok = user;
    static const char text[] = "Reads a line of the text";
    float logits[300] = {0};
    uint32_t ids[sizeof text];
    struct constrain *c;
    struct constrained s = {0};
    struct buf line = {0};
    struct constrained_result r;
    struct constrain_options o = {.max_chars = 60};
    int rc = constrain_new(tok, &c, e);
    if (rc == 0)
        rc = constrained_open(&s, c, &o, e);
    size_t n = sizeof text - 1;
    for (size_t i = 0; rc == 0 && i <= n; i++) {
        struct engine_candidate one = {'a', 0};
        struct engine_scores at = {ids, i, logits, tok_vocab(tok), 6};
        constrained_scores(&s, &at, &one, 1);
        ids[i] = (uint32_t)text[i]; /* the tiny vocabulary's bytes */
    }
    if (rc == 0)
        rc = constrained_line(&s, ids, n, true, &line, &r, e);
    if (rc == 0)
        assert_string_equal(line.data, "Reads a line of the text.");
    buf_free(&line);
    constrained_close(&s);
    constrain_free(c);
    return rc;
}

static void says_when_memory_runs_out(void **state) {
    (void)state;
    static const char *const control[] = {"<|im_end|>", NULL};
    struct tiny_tok t = {.control = control};
    struct tok *tok = open_tiny_tok(&t);
    assert_true(tok_vocab(tok) <= 300);
    assert_true(fault_each(&fault_memory, FAULT_ONCE, constrain_once, tok) > 5);
    tok_free(tok);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(says_when_memory_runs_out)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
