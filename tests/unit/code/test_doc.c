/* First sentences of docs, and which of them are good. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "base/utf8.h"
#include "code/doc.h"

static void expect(const char *lang, const char *raw, const char *name, const char *sentence) {
    struct buf out = {0};
    doc_sentence(lang_by_name(lang), raw, strlen(raw), name, name ? strlen(name) : 0, &out);
    assert_string_equal(out.data ? out.data : "", sentence);
    buf_free(&out);
}

static void marks_are_taken_off(void **state) {
    (void)state;
    expect("rust", "/// Adds `a` to b. Then more.", NULL, "Adds a to b.");
    expect("rust", "/// Parses a line of text\n/// into words.\n///\n/// # Errors\n", NULL,
           "Parses a line of text into words.");
    expect("rust", "/// Waits for the lock.\n#[inline]\n/// More.", NULL, "Waits for the lock.");
    expect("java",
           "/**\n * Reads {@code n} bytes of {@link Stream#in the input}.\n * @param n x\n */",
           NULL, "Reads n bytes of the input.");
    expect("javascript", "/**\n * Maps <b>all</b> values & keys.\n *\n * @api public\n */", NULL,
           "Maps all values & keys.");
    expect("csharp", "/// <summary>\n/// Gets the <see cref=\"T:Foo\"/> of it.\n/// </summary>",
           NULL, "Gets the Foo of it.");
    expect("python", "\"\"\"Return a :class:`~a.b.Thing` of ``x``.\n\n    :param x: y\n    \"\"\"",
           NULL, "Return a Thing of x.");
    expect("python", "r'''\n    Opens the file (e.g. a log) for reading\n\n    Args:\n'''", NULL,
           "Opens the file (e.g. a log) for reading.");
    expect("bash", "# shellcheck disable=SC1\n# Prints the usage text", NULL,
           "Prints the usage text.");
    expect("c", "/* Links [text](http://x) and **bold** words here. */", NULL,
           "Links text and bold words here.");
    expect("c", "/* =====\n * Frees all of the list.\n * ===== */", NULL, "Frees all of the list.");
}

static void names_are_cut(void **state) {
    (void)state;
    expect("go", "// Load returns the file's text.", "Load", "Returns the file's text.");
    expect("go", "// Error is the cause of it all.", "Error", "The cause of it all.");
    expect("go", "// Package mux provides a router.", NULL, "Provides a router.");
    expect("c", "/* list_free() - frees the list and all in it */", "list_free",
           "Frees the list and all in it.");
    expect("c", "/* free the list and its items */", "free", "Free the list and its items.");
    expect("c", "/* struct page - a page of memory that is shared */", "page",
           "A page of memory that is shared.");
    expect("c", "/* load_all(x) puts everything in x */", NULL,
           "load_all(x) puts everything in x.");
    expect("c", "/* Loader of files from disk */", "Load", "Loader of files from disk.");
}

static void short_ones_give_way(void **state) {
    (void)state;
    expect("rust", "//! Tasks.\n//!\n//! This module runs tasks on threads.", NULL,
           "This module runs tasks on threads.");
    expect("python", "\"\"\"\npack.api\n~~~~~~~~\n\nImplements the public interface of it.\n\"\"\"",
           NULL, "Implements the public interface of it.");
    expect("rust", "/// Events.", NULL, "Events.");
    expect("c",
           "/* Copyright 2020 Somebody. Licensed to all.\n *\n * Tables of words with counts. */",
           NULL, "Tables of words with counts.");
}

static void there_may_be_none(void **state) {
    (void)state;
    static const char *const raw[] = {"",
                                      "/",
                                      "//",
                                      "/*",
                                      "/**/",
                                      "/***/",
                                      "\"\"\"",
                                      "'",
                                      "///\n///",
                                      "/** @param x */",
                                      "#",
                                      "/* */",
                                      "\"",
                                      "{@",
                                      "/* [ */",
                                      "/*`*/",
                                      "//! ```\n//! x\n//! ```"};
    for (size_t i = 0; i < sizeof raw / sizeof *raw; i++) {
        struct buf out = {0};
        doc_sentence(NULL, raw[i], strlen(raw[i]), "x", 1, &out);
        assert_false(buf_failed(&out));
        assert_true(out.len < 4);
        buf_free(&out);
    }
}

static void bytes_become_text(void **state) {
    (void)state;
    struct buf out = {0};
    static const char raw[] = "/* Reads \xff\xfe bytes\x01 of \0 it */";
    doc_sentence(NULL, raw, sizeof raw - 1, NULL, 0, &out);
    assert_non_null(out.data);
    assert_true(utf8_valid(out.data, out.len));
    buf_free(&out);
    expect("c", "/* \xe8\xaf\xbb\xe6\x96\x87\xe4\xbb\xb6\xe3\x80\x82\xe7\x84\xb6\xe5\x90\x8e */",
           NULL, "\xe8\xaf\xbb\xe6\x96\x87\xe4\xbb\xb6\xe3\x80\x82");
}

static void good_ones_are_told_from_others(void **state) {
    (void)state;
    static const char *const good[] = {"Returns the number of bytes in the buffer.",
                                       "Parse a header, i.e. its name and value.",
                                       "Waits until all tasks have finished."};
    static const char *const bad[] = {
        "TODO write something about this here.",
        "See the documentation of the other one.",
        "Returns it.",
        "Is this the right thing to do here?",
        "We take the lock and wait for it.",
        "Deprecated: call the other function instead.",
        "x = foo(bar[0]) + baz(); y == z.",
        "Returns 0 on success and an error otherwise.",
        "Of to the in a it.",
        "\xe8\xaf\xbb\xe6\x96\x87 \xe8\xaf\xbb\xe6\x96\x87 \xe8\xaf\xbb\xe6\x96\x87 a b."};
    for (size_t i = 0; i < sizeof good / sizeof *good; i++)
        if (!doc_is_good(good[i], strlen(good[i])))
            fail_msg("not good: %s", good[i]);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        if (doc_is_good(bad[i], strlen(bad[i])))
            fail_msg("good: %s", bad[i]);
    assert_false(doc_is_good("", 0));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(marks_are_taken_off), cmocka_unit_test(names_are_cut),
        cmocka_unit_test(short_ones_give_way), cmocka_unit_test(there_may_be_none),
        cmocka_unit_test(bytes_become_text),   cmocka_unit_test(good_ones_are_told_from_others)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
