#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "cli/args.h"
#include "cli/config.h"
#include "fault.h"
#include "tree.h"

static const struct option_group *const groups[] = {&group_chunks,   &group_files,   &group_index,
                                                    &group_sampling, &group_general, NULL};
static const struct option_group *const few[] = {&group_general, NULL};
static const struct command try = {
    .name = "try", .operands = "PATH...", .names = NAMES_FILE, .groups = groups};
static const struct command try_two = {.name = "try two", .groups = few};
static const struct command *const all[] = {&try, &try_two, NULL};

static int parse(const char *text, struct config_file *f, struct err *e) {
    *f = (struct config_file){0};
    *e = (struct err){0};
    return config_parse("c", text, strlen(text), f, e);
}

static void lines_are_taken_apart(void **state) {
    (void)state;
    static const char text[] = "# a comment\n"
                               "\n"
                               "loc=7\r\n"
                               "  ignore = a#b   # with a blank before it\n"
                               "prompt = \"say \\\"#1\\\"\\n\\\\\"# behind\n"
                               "include = '[a-z] \\n '\n"
                               "[try two]\t# of one command\n"
                               "no-color = \n";
    struct config_file f;
    struct err e;
    assert_int_equal(parse(text, &f, &e), PRECIS_EINPUT);
    assert_string_equal(e.text, "c:8: there is no value (write \"\" for an empty one)");
    assert_int_equal(f.n, 4);
    static const char *const want[][2] = {
        {"loc", "7"}, {"ignore", "a#b"}, {"prompt", "say \"#1\"\n\\"}, {"include", "[a-z] \\n "}};
    for (size_t i = 0; i < 4; i++) {
        assert_string_equal(f.v[i].section, "");
        assert_string_equal(f.v[i].key, want[i][0]);
        assert_string_equal(f.v[i].value, want[i][1]);
        assert_int_equal(f.v[i].line, i + 3);
    }
    config_file_free(&f);
    assert_int_equal(parse("[ try two ]\nno-color = \"\"", &f, &e), 0);
    assert_string_equal(f.v[0].section, "try two");
    assert_string_equal(f.v[0].value, "");
    config_file_free(&f);
}

static void other_lines_are_errors(void **state) {
    (void)state;
    static const struct {
        const char *text, *error;
    } cases[] = {
        {"loc", "c:1: loc: must be NAME = VALUE, [COMMAND] or # comment"},
        {"\n--loc = 3", "c:2: --loc: must be an option's name, without dashes before it"},
        {"= 3", "c:1: must be an option's name, without dashes before it"},
        {"LOC = 3", "c:1: LOC: must be an option's name, without dashes before it"},
        {"[try", "c:1: [try: a section is [COMMAND]"},
        {"[ ]", "c:1: []: a section is [COMMAND]"},
        {"[try] loc = 3", "c:1:  loc = 3: what comes after a section must be a comment"},
        {"prompt = \"a", "c:1: \"...\" has no end, or a \\ that is not \\\", \\\\, \\n or \\t"},
        {"prompt = \"a\\x\"",
         "c:1: \"...\" has no end, or a \\ that is not \\\", \\\\, \\n or \\t"},
        {"prompt = \"a\\", "c:1: \"...\" has no end, or a \\ that is not \\\", \\\\, \\n or \\t"},
        {"prompt = 'a", "c:1: '...' has no end"},
        {"prompt = 'a' b", "c:1: b: what comes after a value must be a comment"},
        {"include = [\"a\"]",
         "c:1: [\"a\"]: write a line for each value, and quotes around one that begins so"},
        {"a = \xff", "c:1: is not UTF-8"},
        {"a = \x1b[2J", "c:1: has a control character"},
        {"a = b\rc", "c:1: has a control character"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct config_file f;
        struct err e;
        const int rc = parse(cases[i].text, &f, &e);
        assert_string_equal(e.text, cases[i].error);
        assert_int_equal(rc, PRECIS_EINPUT);
        config_file_free(&f);
    }
}

static void sizes_are_bounded(void **state) {
    (void)state;
    struct config_file f = {0};
    struct err e = {0};
    struct buf b = {0};
    for (size_t i = 0; i <= CONFIG_ENTRIES; i++)
        buf_str(&b, "ignore = a\n");
    assert_int_equal(config_parse("c", b.data, b.len, &f, &e), PRECIS_EINPUT);
    assert_string_equal(e.text, "c:1001: more than 1000 options");
    config_file_free(&f);
    while (b.len <= CONFIG_BYTES)
        buf_char(&b, '\n');
    assert_int_equal(config_parse("c", b.data, b.len, &f, &e), PRECIS_ELIMIT);
    config_file_free(&f);
    buf_free(&b);
}

static int check(const char *text, bool project, struct err *e) {
    struct config_file f;
    assert_int_equal(parse(text, &f, e), 0);
    f.project = project;
    int rc = config_check(&f, all, e);
    config_file_free(&f);
    return rc;
}

static void what_is_unknown_is_an_error(void **state) {
    (void)state;
    static const struct {
        const char *text, *error;
    } cases[] = {
        {"lock = 3", "c:1: lock: precis has no such option (did you mean loc?)"},
        {"[tri]\nloc = 3", "c:2: [tri]: there is no such command (did you mean try?)"},
        {"[try two]\ntemperature = 1", "c:2: temperature: [try two] has no such option"},
        {"[try]\nloc = 0", "c:2: loc = 0: must be between 1 and 1000000"},
        {"help = 1", "c:1: help = 1: is of the command line alone"},
        {"config = x", "c:1: config = x: is of the command line alone"},
        {"loc = 1\n\nloc = 2", "c:3: loc: line 1 has it already"},
    };
    struct err e;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        assert_int_equal(check(cases[i].text, false, &e), PRECIS_EUSAGE);
        assert_string_equal(e.text, cases[i].error);
    }
    assert_int_equal(check("loc = 1\nignore = a\nignore = b\n[try]\nloc = 2", false, &e), 0);
}

static void a_project_says_only_what_is_harmless(void **state) {
    (void)state;
    struct err e;
    static const char *const refused[] = {"store = x",    "prompt-file = x",  "prompt = x",
                                          "quiet = 1",    "no-gitignore = 1", "[try]\nstore = x",
                                          "no-config = 1"};
    for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++)
        assert_int_equal(check(refused[i], true, &e), PRECIS_EUSAGE);
    assert_int_equal(check("loc = 3\n[try]\ninclude = a\n", true, &e), 0);
    assert_int_equal(check("store = x", false, &e), 0);
    assert_int_equal(check("store = /etc", true, &e), PRECIS_EUSAGE);
    assert_memory_equal(e.text, "c:1: store = /etc: not in a project's file, ", 44);
}

/* A folder with both files; the environment points to it. */
struct both {
    char *root;
    char place[512];
};

static void both_new(struct both *b, const char *user, const char *project) {
    char path[512];
    b->root = tree_new();
    tree_mkdir(b->root, "project/src");
    tree_mkdir(b->root, "project/.git");
    if (user)
        tree_write(b->root, "xdg/precis/config", user);
    if (project)
        tree_write(b->root, "project/.precis/config", project);
    snprintf(path, sizeof path, "%s/xdg", b->root);
    setenv("XDG_CONFIG_HOME", path, 1);
    snprintf(b->place, sizeof b->place, "%s/project/src", b->root);
}

static void both_end(struct both *b) {
    unsetenv("XDG_CONFIG_HOME");
    tree_remove(b->root);
}

static void said(void *user, const struct option *o, const char *value, const char *from) {
    if (strcmp(o->name, "loc") == 0)
        snprintf(user, 600, "%s %s", value, from);
}

static void the_stronger_wins(void **state) {
    (void)state;
    struct both b;
    struct err e = {0};
    struct config c = {0};
    char last[600];
    both_new(&b, "[try]\nloc = 2\nall-text = 1\n[try two]\nno-color = 1\n[try]\ninclude = u\n",
             "top-k = 4\nloc = 3\ninclude = p\n");
    const struct args asked = {0};
    assert_int_equal(config_find(&asked, b.place, all, &c, &e), 0);
    assert_int_equal(c.n, 2);
    assert_true(!c.v[0].project && c.v[1].project);
    const struct options_from from = {.files = &c, .said = said, .user = last};
    struct args a = {0};
    setenv("PRECIS_SEED", "5", 1);
    char *argv[] = {(char[]){"x"}, (char[]){"--top-k=6"}, (char[]){"--all-text=0"},
                    (char[]){"--include=c"}};
    assert_int_equal(options_parse(&try, &from, 4, argv, &a, &e), 0);
    assert_true(a.loc == 3 && a.seed == 5 && a.top_k == 6 && !a.all_text && !a.no_color);
    assert_int_equal(a.include.n, 3);
    assert_string_equal(a.include.v[0], "u");
    assert_string_equal(a.include.v[1], "p");
    assert_string_equal(a.include.v[2], "c");
    assert_memory_equal(last, "3 /", 3);
    assert_non_null(strstr(last, "/project/.precis/config:2"));
    args_free(&a);
    setenv("PRECIS_LOC", "9", 1);
    a = (struct args){0};
    assert_int_equal(options_values(&try, &from, &a, &e), 0);
    assert_true(a.loc == 9 && a.all_text);
    assert_string_equal(last, "9 PRECIS_LOC");
    args_free(&a);
    unsetenv("PRECIS_LOC");
    unsetenv("PRECIS_SEED");
    config_free(&c);
    both_end(&b);
}

static void a_bad_value_names_its_line(void **state) {
    (void)state;
    struct both b;
    struct err e = {0};
    struct config c = {0};
    struct args a = {0};
    both_new(&b, "\nloc = many", NULL);
    assert_int_equal(config_find(&a, NULL, all, &c, &e), 0);
    assert_int_equal(options_values(&try, &(struct options_from){.files = &c}, &a, &e),
                     PRECIS_EUSAGE);
    assert_non_null(strstr(
        e.text, "/xdg/precis/config:2: loc = many: must be a whole number between 1 and 1000000"));
    args_free(&a);
    config_free(&c);
    both_end(&b);
}

static void arguments_say_which_files(void **state) {
    (void)state;
    struct both b;
    struct err e = {0};
    struct config c = {0};
    both_new(&b, "loc = 2", "loc = 3");
    assert_int_equal(config_find(&(struct args){.no_config = true}, b.place, all, &c, &e), 0);
    assert_int_equal(c.n, 0);
    char own[600];
    tree_write(b.root, "own", "store = x");
    snprintf(own, sizeof own, "%s/own", b.root);
    assert_int_equal(config_find(&(struct args){.config = own}, b.place, all, &c, &e), 0);
    assert_int_equal(c.n, 1);
    assert_string_equal(c.v[0].v[0].value, "x");
    config_free(&c);
    assert_int_equal(
        config_find(&(struct args){.config = own, .no_config = true}, b.place, all, &c, &e),
        PRECIS_EUSAGE);
    unlink(own);
    assert_int_equal(config_find(&(struct args){.config = own}, b.place, all, &c, &e), PRECIS_EIO);
    setenv("XDG_CONFIG_HOME", "relative", 1);
    setenv("HOME", b.root, 1);
    tree_write(b.root, ".config/precis/config", "loc = 8");
    assert_int_equal(config_find(&(struct args){0}, NULL, all, &c, &e), 0);
    assert_string_equal(c.v[0].v[0].value, "8");
    config_free(&c);
    both_end(&b);
}

static void a_project_file_is_a_file(void **state) {
    (void)state;
    struct both b;
    struct err e = {0};
    struct config c = {0};
    const struct args a = {0};
    char path[600];
    both_new(&b, NULL, NULL);
    tree_write(b.root, "elsewhere", "loc = 3");
    tree_mkdir(b.root, "project/.precis");
    tree_link(b.root, "project/.precis/config", "../../elsewhere");
    assert_int_equal(config_find(&a, b.place, all, &c, &e), PRECIS_EINPUT);
    assert_non_null(strstr(e.text, "is a link"));
    config_free(&c);
    snprintf(path, sizeof path, "%s/project/.precis/config", b.root);
    unlink(path);
    assert_int_equal(mkfifo(path, 0600), 0); /* a reader would wait for ever */
    assert_int_equal(config_find(&a, b.place, all, &c, &e), PRECIS_EINPUT);
    assert_non_null(strstr(e.text, "is no regular file"));
    config_free(&c);
    unlink(path);
    char *large = calloc(1, CONFIG_BYTES + 2);
    assert_non_null(large);
    memset(large, '\n', CONFIG_BYTES + 1);
    tree_write(b.root, "project/.precis/config", large);
    free(large);
    assert_int_equal(config_find(&a, b.place, all, &c, &e), PRECIS_ELIMIT);
    config_free(&c);
    both_end(&b);
}

/* Otherwise a run goes on as if the project had said nothing. */
static void a_project_that_cannot_be_opened_is_an_error(void **state) {
    (void)state;
    struct both b;
    struct err e = {0};
    struct config c = {0};
    struct rlimit before, none;
    both_new(&b, NULL, "loc = 3");
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
    none = before;
    none.rlim_cur = 0;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
    const int rc = config_find(&(struct args){0}, b.place, all, &c, &e);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
    assert_int_equal(rc, PRECIS_EIO);
    assert_non_null(strstr(e.text, "/project/.precis: cannot open"));
    both_end(&b);
}

/* A path is shown in comments of what is to be a configuration. */
static void a_path_is_one_line(void **state) {
    (void)state;
    struct config_file f = {0};
    assert_int_equal(config_parse("a\nstore = b\x1b", "", 0, &f, NULL), 0);
    assert_string_equal(f.path, "a?store = b?");
    config_file_free(&f);
}

static int read_once(void *user, struct err *e) {
    struct config c = {0};
    struct args a = {0};
    int rc = config_find(&a, user, all, &c, e);
    if (rc == 0)
        rc = options_values(&try, &(struct options_from){.files = &c}, &a, e);
    args_free(&a);
    config_free(&c);
    return rc;
}

static void memory_may_run_out(void **state) {
    (void)state;
    struct both b;
    both_new(&b, "loc = 2\nignore = a\n", "ignore = b\n");
    assert_true(fault_each(&fault_memory, FAULT_ONCE, read_once, b.place) > 5);
    both_end(&b);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lines_are_taken_apart),
        cmocka_unit_test(other_lines_are_errors),
        cmocka_unit_test(sizes_are_bounded),
        cmocka_unit_test(what_is_unknown_is_an_error),
        cmocka_unit_test(a_project_says_only_what_is_harmless),
        cmocka_unit_test(the_stronger_wins),
        cmocka_unit_test(a_bad_value_names_its_line),
        cmocka_unit_test(arguments_say_which_files),
        cmocka_unit_test(a_project_file_is_a_file),
        cmocka_unit_test(a_project_that_cannot_be_opened_is_an_error),
        cmocka_unit_test(a_path_is_one_line),
        cmocka_unit_test(memory_may_run_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
