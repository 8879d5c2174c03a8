/* Any bytes as the file of a store: read whole, then written to. */
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/utf8.h"
#include "store/store.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void expect(bool holds) {
    if (!holds)
        abort();
}

static void expect_text(const char *s) {
    expect(!s || utf8_valid(s, strlen(s)));
}

static void expect_line(const char *s) {
    expect_text(s);
    for (; s && *s; s++)
        expect((unsigned char)*s >= 0x20 && *s != 0x7f);
}

static int on_line(void *user, const struct store_line *l, struct err *e) {
    (void)user;
    (void)e;
    expect_text(l->path);
    expect_text(l->renamed_from);
    expect_line(l->language);
    expect_line(l->symbol);
    expect_line(l->line);
    expect_line(l->source);
    expect_line(l->made->model);
    expect_line(l->made->model_revision);
    expect_line(l->made->prompt_version);
    expect_text(l->made->parameters);
    expect(l->end_line >= l->start_line && l->level <= STORE_REPOSITORY);
    expect(l->confidence >= 0 && l->confidence <= 1);
    return 0;
}

static int on_rating(void *user, const struct store_line *l, const struct store_rating *r,
                     struct err *e) {
    expect_line(r->verdict);
    expect_text(r->note);
    expect_line(r->corrected);
    expect_line(r->who);
    return on_line(user, l, e);
}

static int on_revision(void *user, const struct store_revision *r, struct err *e) {
    (void)user;
    (void)e;
    expect_line(r->model);
    expect_line(r->model_revision);
    expect_line(r->prompt_version);
    return 0;
}

static void expect_result(int rc, const struct err *e) {
    expect(rc == 0 || (rc < 0 && e->code == rc && e->text[0] && !strchr(e->text, '\n')));
}

static int on_path(void *user, const char *path, struct err *e) {
    (void)user;
    (void)e;
    expect_text(path);
    return 0;
}

static void read_all(struct store *s) {
    struct err e = {0};
    struct store_revision pin;
    struct store_file f;
    static const uint8_t key[HASH_SHA256_SIZE];
    expect_result(store_list(s, "", on_line, NULL, &e), &e);
    expect_result(store_lines(s, "src/a.c", STORE_CHUNK, 1, 5, on_line, NULL, &e), &e);
    expect_result(store_find(s, key, on_line, NULL, &e), &e);
    expect_result(store_renamed(s, "src/b.c", key, on_path, NULL, &e), &e);
    expect_result(store_ratings(s, on_rating, NULL, &e), &e);
    expect_result(store_revisions(s, on_revision, NULL, &e), &e);
    expect_result(store_active(s, &pin, &e), &e);
    expect_result(store_file(s, "src/a.c", &f, &e), &e);
}

static void write_some(struct store *s) {
    struct err e = {0};
    struct store_origin o = {"m", "r", "t", "p", "i", "v", "d", "{}", 1};
    struct store_file f = {.path = "src/a.c", .language = "c"};
    struct store_line l = {.path = "src/a.c", .line = "Line.", .source = "model", .made = &o};
    int64_t run;
    int rc = store_run_begin(s, &run, &e);
    expect_result(rc, &e);
    if (rc)
        return;
    expect_result(store_put_file(s, &f, &e), &e);
    expect_result(store_put(s, run, &l, NULL, &e), &e);
    expect_result(store_rate(s, 1, &(struct store_rating){.verdict = "1", .who = "w"}, &e), &e);
    expect_result(store_run_end(s, run, &e), &e);
}

static char root[64], file[128];

static void clean(void) {
    static const char *const ends[] = {"", "-wal", "-shm", "-journal"};
    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++) {
        char path[sizeof file + 16];
        snprintf(path, sizeof path, "%s%s", file, ends[i]);
        unlink(path);
    }
}

static void clean_all(void) {
    char folder[sizeof root + sizeof STORE_FOLDER + 1];
    clean();
    snprintf(folder, sizeof folder, "%s/%s", root, STORE_FOLDER);
    rmdir(folder);
    rmdir(root);
}

static void make_root(void) {
    char folder[sizeof root + sizeof STORE_FOLDER + 1];
    snprintf(root, sizeof root, "%s/precis-fuzz-XXXXXX",
             access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
    expect(mkdtemp(root) != NULL);
    snprintf(folder, sizeof folder, "%s/%s", root, STORE_FOLDER);
    expect(mkdir(folder, 0700) == 0);
    snprintf(file, sizeof file, "%s/%s", folder, STORE_FILE);
    atexit(clean_all);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (!*root)
        make_root();
    int fd = open(file, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    expect(fd >= 0 && write(fd, data, size) == (ssize_t)size);
    close(fd);
    for (enum store_mode mode = STORE_READ; mode <= STORE_CREATE; mode++) {
        struct store *s;
        struct err e = {0};
        int rc = store_open(root, mode, &s, &e);
        expect_result(rc, &e);
        expect((rc == 0) == (s != NULL));
        if (rc == 0)
            read_all(s);
        if (rc == 0 && mode != STORE_READ)
            write_some(s);
        store_close(s);
    }
    clean();
    return 0;
}
