#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "code/lang.h"
#include "code/lang_table.h"

#define COUNT(table) (sizeof(table) / sizeof *(table))

static void expect(const char *path, const char *head, const char *name) {
    const struct lang *lang = lang_of(path, head, head ? strlen(head) : 0);
    const char *got = lang ? lang->name : "(none)";
    if (strcmp(got, name) != 0)
        fail_msg("%s: %s, not %s", path, got, name);
}

static void knows_names(void **state) {
    (void)state;
    static const char *const cases[][2] = {
        {"src/main.rs", "rust"},
        {"a.c", "c"},
        {"a.h", "c"},
        {"a.C", "cpp"},
        {"a.hpp", "cpp"},
        {"a.CPP", "cpp"},
        {"a.py", "python"},
        {"a.test.ts", "typescript"},
        {"a.d.ts", "typescript"},
        {"a.tsx", "tsx"},
        {"a.jsx", "javascript"},
        {"a.go", "go"},
        {"A.java", "java"},
        {"a.cs", "csharp"},
        {"a.rb", "ruby"},
        {"a.php", "php"},
        {"a.kt", "kotlin"},
        {"build.gradle.kts", "kotlin"},
        {"a.swift", "swift"},
        {"a.R", "r"},
        {"a.sql", "sql"},
        {"a.md", "markdown"},
        {"a.json", "json"},
        {"Cargo.lock", "toml"},
        {"package-lock.json", "json"},
        {"Makefile", "make"},
        {"sub/Makefile.linux", "make"},
        {"Dockerfile", "dockerfile"},
        {"Dockerfile.dev", "dockerfile"},
        {"CMakeLists.txt", "cmake"},
        {"notes.txt", "text"},
        {"meson.build", "meson"},
        {"dir.rs/file", "(none)"},
        {"go.mod", "gomod"},
        {"README", "text"},
        {"README.md", "markdown"},
        {"", "(none)"},
        {".", "(none)"},
        {"a.", "(none)"},
        {"a.thisisaverylongextensionindeedlongerthanany", "(none)"},
        {"\xff.\xfe", "(none)"},
    };
    for (size_t i = 0; i < COUNT(cases); i++)
        expect(cases[i][0], NULL, cases[i][1]);
}

static void knows_interpreters(void **state) {
    (void)state;
    expect("run", "#!/bin/sh\necho", "bash");
    expect("run", "#! /usr/bin/env python3\n", "python");
    expect("run", "#!/usr/bin/env -S A=1 python3.11 -u\r\n", "python");
    expect("run", "#!/usr/bin/perl5.36 -w", "perl");
    expect("run", "#!/usr/bin/env\tnode\r\n", "javascript");
    expect("run", "#!/usr/bin/lua5.4\n", "lua");
    expect("run.cgi", "#!/usr/bin/ruby\n", "ruby");
    expect("run.rs", "#!/usr/bin/ruby\n", "rust");
    expect("run", "#!\n/bin/sh", "(none)");
    expect("run", "#!", "(none)");
    expect("run", "#", "(none)");
    expect("run", "#!/usr/bin/env", "(none)");
    expect("run", "#!/usr/bin/env -S\n", "(none)");
    expect("run", "#!/opt/whatever123\n", "(none)");
    expect("run", "#!/opt/123\n", "(none)");
    expect("run", "#!/opt/a-name-that-is-much-longer-than-any-interpreter\n", "(none)");
    expect("run", "x#!/bin/sh", "(none)");
}

static void check_table(const struct lang_key *table, size_t n) {
    for (size_t i = 0; i < n; i++) {
        if (i > 0 && strcmp(table[i - 1].key, table[i].key) >= 0)
            fail_msg("%s is not before %s", table[i - 1].key, table[i].key);
        assert_in_range(table[i].id, 0, L_COUNT - 1);
        assert_in_range(strlen(table[i].key), 1, 31);
    }
}

static void tables_are_in_order(void **state) {
    (void)state;
    check_table(by_extension, COUNT(by_extension));
    check_table(by_name, COUNT(by_name));
    check_table(by_interpreter, COUNT(by_interpreter));
    size_t code = 0;
    for (size_t i = 0; i < L_COUNT; i++) {
        assert_non_null(langs[i].title);
        assert_string_equal(lang_by_name(langs[i].name)->name, langs[i].name);
        code += langs[i].kind == LANG_CODE;
    }
    assert_in_range(code, 60, L_COUNT);
    assert_null(lang_by_name(""));
    assert_null(lang_by_name("Rust"));
    assert_null(lang_by_name("zzz"));
}

static void kinds_fit(void **state) {
    (void)state;
    assert_int_equal(lang_by_name("rust")->kind, LANG_CODE);
    assert_int_equal(lang_by_name("dockerfile")->kind, LANG_CODE);
    assert_int_equal(lang_by_name("sql")->kind, LANG_CODE);
    assert_int_equal(lang_by_name("markdown")->kind, LANG_MARKUP);
    assert_int_equal(lang_by_name("css")->kind, LANG_MARKUP);
    assert_int_equal(lang_by_name("toml")->kind, LANG_DATA);
}

/* A .h file is what it holds; comments, and what a C compiler does not see, say nothing. */
static void reads_headers(void **state) {
    (void)state;
    static const char *const cases[][2] = {
        {"", "c"},
        {"int f(void);\n", "c"},
        {"#ifdef __cplusplus\nextern \"C\" {\n#endif\nint f(void);\n", "c"},
        {"#if defined(__cplusplus) && X\n#if Y\ntemplate <class T> T f();\n#endif\n#include "
         "<vector>\n"
         "#endif\nint f(void);\n",
         "c"},
        {"#ifndef A_H\n#define A_H\n#include <stddef.h>\n#include <sys/stat.h>\nint f(void);\n",
         "c"},
        {"/*\nclass of devices\nnamespace x {\n*/\nint f(void); // std::move\n", "c"},
        {"/* one */ int class_of(int namespace_id);\n", "c"},
        {"struct a {\n  int public_key;\n};\n", "c"},
        {"#include <stdint.h>\n#include <vector>\n", "cpp"},
        {"#pragma once\nnamespace leveldb {\n", "cpp"},
        {"\tclass A : public B {\n", "cpp"},
        {"template<typename T> struct a;\r\n", "cpp"},
        {"struct a {\n public:\n", "cpp"},
        {"/* a */\n/* b\n*/\nvoid f(const std::string& s);", "cpp"},
        {"using Slice = int;\n", "cpp"},
        {"#import <Foundation/Foundation.h>\n", "objective-c"},
        {"@interface A : NSObject\n", "objective-c"},
        {"// class A\n@class B;", "objective-c"},
        {"#", "c"},
        {"/*", "c"},
        {"template", "c"},
    };
    for (size_t i = 0; i < COUNT(cases); i++)
        expect("include/a.h", cases[i][0], cases[i][1]);
    expect("a.c", "class A {\n", "c");
    expect("a.h", NULL, "c");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(knows_names),         cmocka_unit_test(knows_interpreters),
        cmocka_unit_test(tables_are_in_order), cmocka_unit_test(kinds_fit),
        cmocka_unit_test(reads_headers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
