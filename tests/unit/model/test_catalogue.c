#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "model/catalogue.h"

static char folder[] = "/tmp/precis-models-XXXXXX";

static int make_folder(void **state) {
    (void)state;
    return mkdtemp(folder) ? 0 : -1;
}

static int drop_folder(void **state) {
    (void)state;
    return rmdir(folder);
}

static const char *in_folder(const char *name) {
    static char path[256];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    return path;
}

/* A file of a size that takes no room. */
static void put_file(const char *path, unsigned long long size) {
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    fclose(f);
    assert_int_equal(truncate(path, (off_t)size), 0);
}

static void folder_follows_the_environment(void **state) {
    (void)state;
    char out[64];
    struct err e;
    setenv("HOME", "/home/somebody", 1);
    setenv("XDG_CACHE_HOME", "/caches", 1);
    setenv("PRECIS_MODELS", "/models", 1);
    assert_int_equal(catalogue_folder(out, sizeof out, &e), 0);
    assert_string_equal(out, "/models");
    assert_int_equal(catalogue_folder(out, 7, &e), PRECIS_EINPUT);
    setenv("PRECIS_MODELS", "", 1);
    assert_int_equal(catalogue_folder(out, sizeof out, &e), 0);
    assert_string_equal(out, "/caches/precis/models");
    assert_int_equal(catalogue_folder(out, sizeof "/caches/precis/models" - 1, &e), PRECIS_EINPUT);
    unsetenv("PRECIS_MODELS");
    setenv("XDG_CACHE_HOME", "relative", 1);
    assert_int_equal(catalogue_folder(out, sizeof out, &e), 0);
    assert_string_equal(out, "/home/somebody/.cache/precis/models");
    unsetenv("XDG_CACHE_HOME");
    unsetenv("HOME");
    assert_int_equal(catalogue_folder(out, sizeof out, &e), PRECIS_EINPUT);
    assert_int_equal(catalogue_resolve("smollm2", out, sizeof out, &e), PRECIS_EINPUT);
}

static void entries_are_complete(void **state) {
    (void)state;
    for (const struct catalogue_entry *c = catalogue; c->name; c++) {
        assert_true(c->title && c->file && c->sha256 && c->licence && c->setup);
        assert_int_equal(strspn(c->sha256, "0123456789abcdef"), 64);
        assert_int_equal(strlen(c->sha256), 64);
        assert_true(c->size > 0);
        assert_true(c->hub && !c->hub_file == !!c->files);
        unsigned long long sum = 0;
        for (const struct catalogue_file *f = c->files; f && f->name; f++) {
            assert_int_equal(strspn(f->sha256, "0123456789abcdef"), 64);
            sum += f->size;
        }
        assert_true(!c->files || sum == c->size);
    }
}

static void resolves_names(void **state) {
    (void)state;
    char out[256], small[16], want[256];
    struct err e;
    setenv("PRECIS_MODELS", folder, 1);
    for (const struct catalogue_entry *c = catalogue; c->name; c++) {
        if (c->files)
            continue;
        snprintf(want, sizeof want, "%s", in_folder(c->file));
        assert_int_equal(catalogue_resolve(c->name, out, sizeof out, &e), PRECIS_ENOTFOUND);
        assert_non_null(strstr(e.text, want));
        assert_non_null(strstr(e.text, "tools/fetch-model.sh"));
        put_file(want, c->size);
        assert_int_equal(catalogue_resolve(c->name, out, sizeof out, &e), 0);
        assert_string_equal(out, want);
        assert_int_equal(catalogue_resolve(c->name, small, sizeof small, &e), PRECIS_EINPUT);
        put_file(want, c->size - 1);
        assert_int_equal(catalogue_resolve(c->name, out, sizeof out, &e), PRECIS_EINPUT);
        assert_non_null(strstr(e.text, "get it again"));
        unlink(want);
        mkdir(want, 0777);
        assert_int_equal(catalogue_resolve(c->name, out, sizeof out, &e), PRECIS_EINPUT);
        rmdir(want);
    }
}

static void resolves_names_of_folders(void **state) {
    (void)state;
    char out[256], want[256], file[512];
    struct err e;
    const struct catalogue_entry *c = catalogue_find("minilm");
    setenv("PRECIS_MODELS", folder, 1);
    snprintf(want, sizeof want, "%s", in_folder(c->file));
    mkdir(want, 0777);
    assert_int_equal(catalogue_resolve(c->name, out, sizeof out, &e), PRECIS_ENOTFOUND);
    for (const struct catalogue_file *f = c->files; f->name; f++) {
        assert_int_equal(catalogue_resolve(c->name, out, sizeof out, &e), PRECIS_ENOTFOUND);
        snprintf(file, sizeof file, "%s/%s", want, f->name);
        put_file(file, f->size);
    }
    assert_int_equal(catalogue_resolve(c->name, out, sizeof out, &e), 0);
    assert_string_equal(out, want);
    assert_int_equal(truncate(file, 1), 0);
    assert_int_equal(catalogue_resolve(c->name, out, sizeof out, &e), PRECIS_EINPUT);
    assert_non_null(strstr(e.text, "get it again"));
    for (const struct catalogue_file *f = c->files; f->name; f++) {
        snprintf(file, sizeof file, "%s/%s", want, f->name);
        unlink(file);
    }
    rmdir(want);
}

static void resolves_paths(void **state) {
    (void)state;
    char out[256], path[256], missing[256];
    struct err e;
    snprintf(path, sizeof path, "%s", in_folder("any name"));
    snprintf(missing, sizeof missing, "%s", in_folder("any name/below.gguf"));
    put_file(path, 5);
    assert_int_equal(catalogue_resolve(path, out, sizeof out, &e), 0);
    assert_string_equal(out, path);
    assert_int_equal(catalogue_resolve(path, out, 8, &e), PRECIS_EINPUT);
    assert_int_equal(catalogue_resolve(missing, out, sizeof out, &e), PRECIS_ENOTFOUND);
    assert_non_null(strstr(e.text, missing));
    unlink(path);
    assert_int_equal(catalogue_resolve(path, out, sizeof out, &e), PRECIS_ENOTFOUND);
    assert_int_equal(catalogue_resolve("no-such.gguf", out, sizeof out, &e), PRECIS_ENOTFOUND);
    assert_string_equal(e.text, "no-such.gguf: there is no such model file");
    assert_int_equal(catalogue_resolve(folder, out, sizeof out, &e), PRECIS_EINPUT);
    assert_non_null(strstr(e.text, "is a folder"));
    assert_int_equal(catalogue_resolve("/dev/null", out, sizeof out, &e), PRECIS_EINPUT);
    assert_int_equal(catalogue_resolve("", out, sizeof out, &e), PRECIS_ENOTFOUND);
}

static void suggests_near_names(void **state) {
    (void)state;
    static const char *const cases[][2] = {{"smolm2", "smollm2"},
                                           {"smollm", "smollm2"},
                                           {"qwen", "qwen2.5-coder-0.5b"},
                                           {"qwen2.5-coder", "qwen2.5-coder-0.5b"},
                                           {"qwen-coder-0.5b", "qwen2.5-coder-0.5b"},
                                           {"qwen2.5-coder-1.5", "qwen2.5-coder-1.5b"}};
    char out[256], text[64], name[200];
    struct err e;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        snprintf(text, sizeof text, "did you mean '%s'?", cases[i][1]);
        assert_int_equal(catalogue_resolve(cases[i][0], out, sizeof out, &e), PRECIS_ENOTFOUND);
        if (!strstr(e.text, text))
            fail_msg("%s", e.text);
    }
    assert_int_equal(catalogue_resolve("gpt-5", out, sizeof out, &e), PRECIS_ENOTFOUND);
    assert_non_null(strstr(e.text, "smollm2, qwen2.5-coder-0.5b"));
    memset(name, 'a', sizeof name);
    name[sizeof name - 1] = '\0';
    assert_int_equal(catalogue_resolve(name, out, sizeof out, &e), PRECIS_ENOTFOUND);
}

static void script_has_the_same_table(void **state) {
    (void)state;
    char line[512], want[512];
    FILE *p = popen("'" FETCH_SCRIPT "' --list", "r");
    assert_non_null(p);
    for (const struct catalogue_entry *c = catalogue; c->name; c++) {
        snprintf(want, sizeof want, "%s %s %llu %s %s\n", c->setup, c->file, c->size, c->sha256,
                 c->licence);
        assert_non_null(fgets(line, sizeof line, p));
        assert_string_equal(line, want);
    }
    assert_null(fgets(line, sizeof line, p));
    assert_int_equal(pclose(p), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(folder_follows_the_environment),
        cmocka_unit_test(entries_are_complete),
        cmocka_unit_test(resolves_names),
        cmocka_unit_test(resolves_names_of_folders),
        cmocka_unit_test(resolves_paths),
        cmocka_unit_test(suggests_near_names),
        cmocka_unit_test(script_has_the_same_table),
    };
    return cmocka_run_group_tests(tests, make_folder, drop_folder);
}
