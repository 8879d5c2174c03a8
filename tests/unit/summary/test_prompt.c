#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "doubles.h"
#include "summary/prompt.h"

static const struct lang rust = {"rust", "Rust", LANG_CODE};

/* The prompt as text; the special tokens are '|'. */
static char *build(const char *text, size_t context, const char *instruction, bool *cut,
                   size_t *n) {
    struct prompt p;
    struct err e;
    assert_int_equal(prompt_open(&p, DOUBLE_TOK, DOUBLE_CHAT, context, 64, 120, instruction, &e),
                     0);
    struct prompt_chunk c = {"src/a.rs", &rust, 1, 9, text, strlen(text)};
    struct ids ids = {0};
    assert_int_equal(prompt_build(&p, &c, &ids, cut, &e), 0);
    assert_true(ids.n <= p.limit);
    char *s = malloc(ids.n + 1);
    assert_non_null(s);
    for (size_t i = 0; i < ids.n; i++)
        s[i] = ids.v[i] < 256 ? (char)ids.v[i] : '|';
    s[ids.n] = 0;
    *n = ids.n;
    ids_free(&ids);
    prompt_close(&p);
    return s;
}

static void spells_the_prompt(void **state) {
    (void)state;
    bool cut;
    size_t n;
    char *s = build("fn main() {}\n", 4096, NULL, &cut, &n);
    assert_string_equal(s,
                        "|system\nYou write one-line summaries of source code.|user\n"
                        "File: src/a.rs (lines 1-9, Rust)\n\nfn main() {}\n\n"
                        "In one short sentence of at most 120 characters, say what this code does."
                        "|This code");
    assert_false(cut);
    free(s);
    s = build("fn main() {}", 4096, "What for?", &cut, &n);
    assert_string_equal(s, "|system\nYou write one-line summaries of source code.|user\n"
                           "File: src/a.rs (lines 1-9, Rust)\n\nfn main() {}\n\nWhat for?|");
    free(s);
}

static char *lines(int n, const char *line) {
    size_t len = strlen(line);
    char *s = calloc((size_t)n * len + 1, 1);
    assert_non_null(s);
    for (int i = 0; i < n; i++)
        memcpy(s + (size_t)i * len, line, len);
    return s;
}

static void cuts_after_a_whole_line(void **state) {
    (void)state;
    for (size_t context = 420; context < 520; context += 7) {
        char *text = lines(100, "0123456789\n");
        bool cut;
        size_t n;
        char *s = build(text, context, NULL, &cut, &n);
        assert_true(cut);
        char *marker = strstr(s, "\n[... ");
        assert_non_null(marker);
        int hidden = atoi(marker + 6);
        size_t shown = 0;
        for (char *p = s; (p = strstr(p, "0123456789\n")) != NULL; p++)
            shown++;
        assert_int_equal(shown + (size_t)hidden, 100);
        assert_true(strstr(marker, " more lines not shown]\n\nIn one short") != NULL);
        assert_true(n + 11 + 2 >= context - 64); /* one line more would not have fitted */
        free(s);
        free(text);
    }
}

static void cuts_a_long_line_between_characters(void **state) {
    (void)state;
    char *text = lines(2000, "\xe5\xae\x9a");
    bool cut;
    size_t n;
    char *s = build(text, 512, NULL, &cut, &n);
    assert_true(cut);
    assert_non_null(strstr(s, "\xe5\xae\x9a\n[... the rest of this line not shown]\n\nIn one"));
    free(s);
    free(text);
    text = lines(3000, "x");
    memcpy(text + 2990, "\nb\nc\nd", 6);
    s = build(text, 512, NULL, &cut, &n);
    assert_non_null(
        strstr(s, "x\n[... the rest of this line not shown]\n[... 3 more lines not shown]\n"));
    free(s);
    memcpy(text, "ab\n", 3); /* a short line before the long one is not all there is */
    s = build(text, 512, NULL, &cut, &n);
    assert_true(cut);
    assert_true(n > 400);
    free(s);
    free(text);
}

static void keeps_control_characters_out_of_the_path(void **state) {
    (void)state;
    struct prompt p;
    struct err e;
    assert_int_equal(prompt_open(&p, DOUBLE_TOK, DOUBLE_CHAT, 4096, 64, 120, NULL, &e), 0);
    struct prompt_chunk c = {"a\nb\x1b[1m", NULL, 1, 1, "x", 1};
    struct ids ids = {0};
    bool cut;
    assert_int_equal(prompt_build(&p, &c, &ids, &cut, &e), 0);
    static const char want[] = "File: a?b?[1m (lines 1-1)\n";
    size_t at = 0;
    for (size_t i = 0; i < ids.n && at < strlen(want); i++)
        at = ids.v[i] == (unsigned char)want[at] ? at + 1 : ids.v[i] == 'F' ? 1 : 0;
    assert_int_equal(at, strlen(want));
    ids_free(&ids);
    prompt_close(&p);
}

static void refuses_what_cannot_fit(void **state) {
    (void)state;
    struct prompt p;
    struct err e;
    assert_int_equal(prompt_open(&p, DOUBLE_TOK, DOUBLE_CHAT, 200, 64, 120, NULL, &e),
                     PRECIS_ELIMIT);
    assert_non_null(strstr(e.text, "context of 200 tokens is too small"));
    assert_int_equal(prompt_open(&p, DOUBLE_TOK, DOUBLE_CHAT, 512, 64, 120, NULL, &e), 0);
    char *path = lines(600, "p");
    struct prompt_chunk c = {path, NULL, 1, 1, "x", 1};
    struct ids ids = {0};
    bool cut;
    assert_int_equal(prompt_build(&p, &c, &ids, &cut, &e), PRECIS_ELIMIT);
    ids_free(&ids);
    free(path);
    prompt_close(&p);
    prompt_close(&p);
}

static void names_its_version(void **state) {
    (void)state;
    struct prompt p;
    assert_int_equal(prompt_open(&p, DOUBLE_TOK, DOUBLE_CHAT, 512, 64, 120, NULL, NULL), 0);
    assert_string_equal(p.version, "line-1");
    prompt_close(&p);
    assert_int_equal(prompt_open(&p, DOUBLE_TOK, DOUBLE_CHAT, 512, 64, 120, "abc", NULL), 0);
    assert_string_equal(p.version, "custom-ba7816bf"); /* FIPS 180-4's example */
    prompt_close(&p);
    assert_int_equal(prompt_open(&p, DOUBLE_TOK, DOUBLE_CHAT, 512, 64, 120, "", NULL), 0);
    assert_string_equal(p.version, "custom-e3b0c442");
    prompt_close(&p);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(spells_the_prompt),
        cmocka_unit_test(cuts_after_a_whole_line),
        cmocka_unit_test(cuts_a_long_line_between_characters),
        cmocka_unit_test(keeps_control_characters_out_of_the_path),
        cmocka_unit_test(refuses_what_cannot_fit),
        cmocka_unit_test(names_its_version),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
