/* What a plan says of its files, and that it opens them as it said. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/log.h"
#include "fault.h"
#include "summary/plan.h"
#include "summary/source.h"

enum { MOST_FILES = 8 };

struct folder {
    char root[64];
    struct walk_file files[MOST_FILES];
    struct walk walk;
};

static void write_file(const char *path, const char *text) {
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    assert_int_equal(fwrite(text, 1, strlen(text), f), strlen(text));
    assert_int_equal(fclose(f), 0);
}

static void add_file(struct folder *d, const char *name, const char *lang, const char *text) {
    struct walk_file *f = &d->files[d->walk.n++];
    f->name = strdup(name);
    assert_true(asprintf(&f->path, "%s/%s", d->root, name) > 0);
    f->lang = lang_by_name(lang);
    assert_non_null(f->lang);
    write_file(f->path, text);
}

static const char two_functions[] = "int a(void) {\n"
                                    "    return 1;\n"
                                    "}\n"
                                    "\n"
                                    "int b(void) {\n"
                                    "    return 2;\n"
                                    "}\n";

static void make_folder(struct folder *d) {
    *d = (struct folder){.root = "/tmp/precis-test-XXXXXX"};
    assert_non_null(mkdtemp(d->root));
    d->walk.files = d->files;
    add_file(d, "a.c", "c", two_functions);
    add_file(d, "b.sql", "sql", "select 1;\nselect 2;\nselect 3;\nselect 4;\nselect 5;\nselect 6;");
    add_file(d, "broken.py", "python", "a))) = {\n(;;((\n)) def\n1a ]]\n??%%\n((\n");
    add_file(d, "empty.c", "c", "");
    add_file(d, "gone.c", "c", "int x;\n");
    unlink(d->files[4].path);
    add_file(d, "z.py", "python", "def f():\n    return 1\n\ndef g():\n    x()\n    return 2\n");
}

static void drop_folder(struct folder *d) {
    for (size_t i = 0; i < d->walk.n; i++) {
        unlink(d->files[i].path);
        free(d->files[i].path);
        free(d->files[i].name);
    }
    rmdir(d->root);
}

/* "a.c 1-3 4-7; b.sql ..." as the plan says, which is what it opens. */
static void put_plan(const struct plan *p, struct buf *out) {
    size_t chunks = 0;
    for (size_t i = 0; i < p->n; i++) {
        const struct plan_file *f = &p->files[i];
        struct mapping m;
        struct chunks c;
        struct err e = {0};
        buf_printf(out, "%s%s", i ? "; " : "", f->name);
        assert_int_equal(f->first_chunk, chunks);
        chunks += f->n_chunks;
        int rc = plan_open(p, f, &m, &c, &e);
        assert_true(f->error ? rc == PRECIS_EIO : rc == 0 && c.n == f->n_chunks);
        for (size_t k = 0; k < f->n_chunks; k++) {
            uint64_t first;
            uint64_t last;
            plan_lines(p, f, k, &first, &last);
            buf_printf(out, " %d-%d", (int)first, (int)last);
            assert_true(rc || (first == c.v[k].start_line && last == c.v[k].end_line));
        }
        chunks_free(&c);
        file_unmap(&m);
    }
    assert_int_equal(chunks, p->n_chunks);
}

static void plans(const struct folder *d, const struct plan_options *o, size_t by_lines,
                  const char *want) {
    struct plan p;
    struct err e = {0};
    struct buf got = {0};
    assert_int_equal(plan_make(&d->walk, o, &p, &e), 0);
    put_plan(&p, &got);
    assert_string_equal(got.data, want);
    assert_int_equal(p.by_lines, by_lines);
    assert_int_equal(p.lines, 25);
    for (size_t i = 0; o->mode == CHUNK_LINES && i < p.n; i++)
        assert_null(p.files[i].last_lines);
    buf_free(&got);
    plan_free(&p);
}

static void keep_line(void *user, enum log_level level, const char *line) {
    buf_printf(user, "%d %s\n", (int)level, line);
}

static void files_are_cut_by_lines_or_structure(void **state) {
    (void)state;
    struct folder d;
    struct buf said = {0};
    make_folder(&d);
    const struct plan_options lines = {.loc = 5, .mode = CHUNK_LINES};
    plans(&d, &lines, 0,
          "a.c 1-5 6-7; b.sql 1-5 6-6; broken.py 1-5 6-6; empty.c; gone.c 0-0; z.py 1-5 6-6");
    if (!tree_missing()) {
        const struct plan_options structure = {.loc = 5, .mode = CHUNK_STRUCTURE};
        log_set_sink(keep_line, &said, LOG_INFO);
        plans(&d, &structure, 2,
              "a.c 1-3 4-7; b.sql 1-5 6-6; broken.py 1-5 6-6; empty.c; gone.c 0-0; z.py 1-2 3-6");
        log_set_sink(NULL, NULL, LOG_ERROR);
        assert_non_null(strstr(said.data, "b.sql: cut by lines: no grammar for sql\n"));
        assert_non_null(strstr(said.data, "broken.py: cut by lines: "));
        assert_null(strstr(said.data, "a.c"));
        assert_null(strstr(said.data, "empty.c"));
    }
    buf_free(&said);
    drop_folder(&d);
}

static void a_file_that_changed_is_refused(void **state) {
    (void)state;
    struct folder d;
    struct plan p;
    struct err e = {0};
    make_folder(&d);
    for (int mode = CHUNK_LINES; mode <= CHUNK_STRUCTURE; mode++) {
        const struct plan_options o = {.loc = 5, .mode = (enum chunk_mode)mode};
        struct source_file s;
        assert_int_equal(plan_make(&d.walk, &o, &p, &e), 0);
        assert_int_equal(source_open(&p, &p.files[0], &s, &e), 0);
        assert_int_equal(s.parsed, !tree_missing());
        assert_int_equal(s.symbols.n, tree_missing() ? 0 : 2);
        source_close(&s);
        write_file(d.files[0].path, "int a(void) {\n    return 2;\n}\n\n\n\n\n");
        assert_int_equal(source_open(&p, &p.files[0], &s, &e), PRECIS_EINPUT);
        assert_null(s.m.data);
        write_file(d.files[0].path, two_functions);
        plan_free(&p);
    }
    drop_folder(&d);
}

static void it_can_be_stopped(void **state) {
    (void)state;
    struct folder d;
    struct plan p;
    struct err e = {0};
    atomic_bool stop = true;
    make_folder(&d);
    const struct plan_options o = {.loc = 5, .mode = CHUNK_STRUCTURE, .stop = &stop};
    assert_int_equal(plan_make(&d.walk, &o, &p, &e), PRECIS_ECANCELLED);
    assert_null(p.files);
    drop_folder(&d);
}

static int make_and_open(void *user, struct err *e) {
    const struct folder *d = user;
    const struct plan_options o = {.loc = 2, .mode = CHUNK_STRUCTURE};
    struct plan p;
    struct source_file s = {0};
    int rc = plan_make(&d->walk, &o, &p, e);
    if (rc) {
        assert_null(p.files);
        return rc;
    }
    rc = source_open(&p, &p.files[0], &s, e);
    source_close(&s);
    plan_free(&p);
    return rc;
}

static void out_of_memory_is_an_error(void **state) {
    (void)state;
    struct folder d;
    make_folder(&d);
    assert_true(fault_each(&fault_memory, FAULT_ONCE, make_and_open, &d) > 10);
    drop_folder(&d);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(files_are_cut_by_lines_or_structure),
        cmocka_unit_test(a_file_that_changed_is_refused),
        cmocka_unit_test(it_can_be_stopped),
        cmocka_unit_test(out_of_memory_is_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
