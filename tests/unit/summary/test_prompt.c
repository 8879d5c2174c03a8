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

static int open_prompt(struct prompt *p, size_t context, const char *instruction, struct err *e) {
    struct prompt_options o = {
        .chat = DOUBLE_CHAT, .context = context, .max_new_tokens = 64, .instruction = instruction};
    return prompt_open(p, DOUBLE_TOK, &o, e);
}

/* The prompt as text; the special tokens are '|'. */
static char *build(const char *text, size_t context, const char *instruction, bool *cut,
                   size_t *n) {
    struct prompt p;
    struct err e;
    assert_int_equal(open_prompt(&p, context, instruction, &e), 0);
    struct prompt_chunk c = {.path = "src/a.rs",
                             .lang = &rust,
                             .start_line = 1,
                             .end_line = 9,
                             .text = text,
                             .len = strlen(text)};
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
    static const char end[] =
        "Converts a duration such as 1h30m to seconds.\n\n"
        "// File: registry/registry.go\n"
        "func (r *Registry) Register(c Collector) error {\n"
        "// What `Register` does, in one sentence: Adds a collector, or "
        "returns an error if its name is taken.\n\n"
        "// File: net/session.rs\nimpl Session {\n"
        "    pub fn open(addr: &Addr) -> Result<Session>\n"
        "// What this file does, in one sentence: Opens sessions, keeps them "
        "alive with pings and closes them after a timeout.\n\n"
        "// File: storage/page_cache.c\n"
        "static size_t page_cache_evict(struct page_cache *c, size_t wanted) "
        "{\n// What `page_cache_evict` does, in one sentence: Drops the least "
        "recently used clean pages until the wanted number of bytes is "
        "free.\n\n"
        "// File: src/a.rs (lines 1-9)\nfn main() {}\n"
        "// What these lines do, in one sentence:";
    assert_true(n > strlen(end));
    assert_string_equal(s + n - strlen(end), end);
    assert_int_equal(strncmp(s, "// File: client/RetryPolicy.java\n", 33), 0);
    assert_false(cut);
    free(s);
    s = build("fn main() {}", 4096, "What for?", &cut, &n);
    assert_string_equal(s, "|system\nYou write one-line summaries of source code.|user\n"
                           "File: src/a.rs (lines 1-9, Rust)\n\nfn main() {}\n\nWhat for?|");
    free(s);
}

/* The prompt of a piece with examples as text; the caller frees. */
static char *build_chunk(const struct prompt_chunk *c, size_t context) {
    struct prompt p;
    struct err e;
    struct ids ids = {0};
    bool cut;
    assert_int_equal(open_prompt(&p, context, NULL, &e), 0);
    assert_int_equal(prompt_build(&p, c, &ids, &cut, &e), 0);
    char *s = calloc(ids.n + 1, 1);
    assert_non_null(s);
    for (size_t i = 0; i < ids.n; i++)
        s[i] = (char)ids.v[i];
    ids_free(&ids);
    prompt_close(&p);
    return s;
}

static void shows_the_beginning_of_examples_the_nearest_last(void **state) {
    (void)state;
    char code[400];
    memset(code, 'x', sizeof code);
    code[50] = '\n';
    code[130] = '\n';
    const struct prompt_example examples[] = {
        {"near.c", "near", "int near(void);", 15, "Is\tnear."},
        {"far.c", NULL, code, sizeof code, "Is far."},
        {"one_line.c", "x", code + 51, 70, "Is long."},
        {"wide.c", "w", code + 140, 200, "Is wide."},
    };
    struct prompt_chunk c = {.path = "a.c",
                             .text = "int a;\n",
                             .len = 7,
                             .symbol = "a`\n",
                             .examples = examples,
                             .n_examples = 4};
    char *s = build_chunk(&c, 4096);
    char want[1024], fifty[51], seventy[71], wide[91];
    snprintf(fifty, sizeof fifty, "%.50s", code);
    snprintf(seventy, sizeof seventy, "%.70s", code + 51);
    snprintf(wide, sizeof wide, "%.90s", code + 140);
    snprintf(want, sizeof want,
             "// File: wide.c\n%s\n...\n// What `w` does, in one sentence: Is wide.\n\n"
             "// File: one_line.c\n%s\n// What `x` does, in one sentence: Is long.\n\n"
             "// File: far.c\n%s\n...\n// What this file does, in one sentence: Is far.\n\n"
             "// File: near.c\nint near(void);\n// What `near` does, in one sentence: "
             "Is?near.\n\n// File: a.c\nint a;\n// What `a`?` does, in one sentence:",
             wide, seventy, fifty);
    assert_string_equal(s, want);
    free(s);
    c.n_examples = 2;
    s = build_chunk(&c, 300); /* 236 ids are left, 118 of them for examples: the nearest fits */
    assert_int_equal(strncmp(s, "// File: near.c\n", 16), 0);
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
        char *s = build(text, context, "In one short sentence.", &cut, &n);
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
    char *s = build(text, 512, "In one.", &cut, &n);
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
    assert_int_equal(open_prompt(&p, 4096, NULL, &e), 0);
    struct prompt_chunk c = {
        .path = "a\nb\x1b[1m", .start_line = 1, .end_line = 1, .text = "x", .len = 1};
    struct ids ids = {0};
    bool cut;
    assert_int_equal(prompt_build(&p, &c, &ids, &cut, &e), 0);
    static const char want[] = "File: a?b?[1m (lines 1-1)\nx";
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
    assert_int_equal(open_prompt(&p, 100, NULL, &e), PRECIS_ELIMIT);
    assert_non_null(strstr(e.text, "context of 100 tokens is too small"));
    assert_int_equal(open_prompt(&p, 512, NULL, &e), 0);
    char *path = lines(600, "p");
    struct prompt_chunk c = {.path = path, .text = "x", .len = 1};
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
    assert_int_equal(open_prompt(&p, 512, NULL, NULL), 0);
    assert_string_equal(p.version, "line-4");
    prompt_close(&p);
    assert_int_equal(open_prompt(&p, 512, "abc", NULL), 0);
    assert_string_equal(p.version, "custom-ba7816bf"); /* FIPS 180-4's example */
    prompt_close(&p);
    assert_int_equal(open_prompt(&p, 512, "", NULL), 0);
    assert_string_equal(p.version, "custom-e3b0c442");
    prompt_close(&p);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(spells_the_prompt),
        cmocka_unit_test(shows_the_beginning_of_examples_the_nearest_last),
        cmocka_unit_test(cuts_after_a_whole_line),
        cmocka_unit_test(cuts_a_long_line_between_characters),
        cmocka_unit_test(keeps_control_characters_out_of_the_path),
        cmocka_unit_test(refuses_what_cannot_fit),
        cmocka_unit_test(names_its_version),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
