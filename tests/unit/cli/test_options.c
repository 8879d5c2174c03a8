#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "cli/args.h"
#include "cli/options.h"

static const struct option_group *const groups[] = {&group_chunks,   &group_files,   &group_model,
                                                    &group_sampling, &group_general, NULL};
static const struct command with_paths = {
    .name = "try", .operands = "PATH...", .needs_operand = true, .groups = groups};

static int parse(struct args *a, struct err *e, int argc, const char **argv) {
    *a = (struct args){0};
    *e = (struct err){0};
    return options_parse(&with_paths, NULL, argc, (char **)(uintptr_t)argv, a, e);
}

#define PARSE(...)                                                                                 \
    parse(&a, &e, (int)(sizeof((const char *[]){__VA_ARGS__}) / sizeof(char *)),                   \
          (const char *[]){__VA_ARGS__})

static void defaults_are_the_table_s(void **state) {
    (void)state;
    struct args a;
    struct err e;
    assert_int_equal(PARSE("x"), 0);
    assert_int_equal(a.loc, 300);
    assert_int_equal(a.agents, 20);
    assert_int_equal(a.memory_limit, (uint64_t)4 << 30);
    assert_true(a.temperature == 0.3);
    assert_string_equal(a.model, "smollm2");
    args_free(&a);
}

static void values_come_in_every_spelling(void **state) {
    (void)state;
    struct args a;
    struct err e;
    assert_int_equal(PARSE("--loc=7", "p", "--agent-count", "9", "-vvq", "--memory-limit", "512MiB",
                           "--include", "*.c", "--include=*.h", "--", "-z"),
                     0);
    assert_int_equal(a.loc, 7);
    assert_int_equal(a.agents, 9);
    assert_int_equal(a.verbose, 2);
    assert_true(a.quiet);
    assert_int_equal(a.memory_limit, (uint64_t)512 << 20);
    assert_int_equal(a.include.n, 2);
    assert_string_equal(a.include.v[1], "*.h");
    assert_null(a.include.v[2]);
    assert_int_equal(a.operands.n, 2);
    assert_string_equal(a.operands.v[1], "-z");
    args_free(&a);
}

static void bad_values_name_the_flag(void **state) {
    (void)state;
    static const struct {
        const char *flag, *value, *text;
    } cases[] = {
        {"--agent-count", "0", "--agent-count 0: must be between 1 and 100"},
        {"--agent-count", "1e1", "--agent-count 1e1: must be a whole number between 1 and 100"},
        {"--agent-count", " 5", "--agent-count  5: must be a whole number between 1 and 100"},
        {"--temperature", "inf", "--temperature inf: must be between 0 and 2"},
        {"--temperature", "-0.001", "--temperature -0.001: must be between 0 and 2"},
        {"--temperature", "0.3x", "--temperature 0.3x: must be a number between 0 and 2"},
        {"--memory-limit", "99999999999T",
         "--memory-limit 99999999999T: must be a size such as 512M or 4G not below 0"},
        {"--precision", "int4", "--precision int4: must be one of auto, f32, bf16, int8"},
        {"--no-such", "1", "unknown option --no-such (see precis try --help)"},
        {"--memory-limt", "1", "unknown option --memory-limt (did you mean --memory-limit?)"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct args a;
        struct err e;
        assert_int_equal(PARSE(cases[i].flag, cases[i].value, "x"), PRECIS_EUSAGE);
        assert_string_equal(e.text, cases[i].text);
        args_free(&a);
    }
}

static void environment_is_between_default_and_flag(void **state) {
    (void)state;
    struct args a;
    struct err e;
    setenv("PRECIS_LOC", "11", 1);
    assert_int_equal(PARSE("x"), 0);
    assert_int_equal(a.loc, 11);
    args_free(&a);
    assert_int_equal(PARSE("x", "--loc", "12"), 0);
    assert_int_equal(a.loc, 12);
    args_free(&a);
    setenv("PRECIS_LOC", "none", 1);
    assert_int_equal(PARSE("x"), PRECIS_EUSAGE);
    assert_string_equal(e.text, "PRECIS_LOC=none: must be a whole number between 1 and 1000000");
    args_free(&a);
    unsetenv("PRECIS_LOC");
}

static void a_flag_can_be_taken_back(void **state) {
    (void)state;
    struct args a;
    struct err e;
    setenv("PRECIS_ALL_TEXT", "1", 1);
    assert_int_equal(PARSE("x", "--all-text=false", "--no-rollup=on", "--verbose=2"), 0);
    assert_true(!a.all_text && a.no_rollup && a.verbose == 2);
    args_free(&a);
    unsetenv("PRECIS_ALL_TEXT");
    assert_int_equal(PARSE("x", "--all-text=maybe"), PRECIS_EUSAGE);
    assert_string_equal(e.text, "--all-text maybe: must be 1 or 0");
    args_free(&a);
    assert_int_equal(PARSE("x", "--help=1"), PRECIS_EUSAGE);
    assert_string_equal(e.text, "--help: takes no value");
    args_free(&a);
}

static void names_near_enough_are_suggested(void **state) {
    (void)state;
    static const char *const names[] = {"summarize", "tokenize", "detokenize"};
    assert_string_equal(options_nearest("sumarise", names, 3), "summarize");
    assert_string_equal(options_nearest("detok", names, 3), "detokenize");
    assert_null(options_nearest("serve", names, 3));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(defaults_are_the_table_s),
        cmocka_unit_test(values_come_in_every_spelling),
        cmocka_unit_test(bad_values_name_the_flag),
        cmocka_unit_test(environment_is_between_default_and_flag),
        cmocka_unit_test(a_flag_can_be_taken_back),
        cmocka_unit_test(names_near_enough_are_suggested),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
