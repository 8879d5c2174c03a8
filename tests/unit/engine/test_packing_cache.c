/* Packed weights in the cache: made once, the same as in memory bit for bit, and whatever happens
 * to the file or to the memory while it is made, a right result or one error. */
#include <dirent.h>
#include <inttypes.h>
#include <limits.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/hash.h"
#include "base/log.h"
#include "fault.h"
#include "jobs.h"
#include "model/packed_format.h"
#include "toy_model.h"

/* 8.5 MB in int8: more than what is kept in memory only. */
static const struct toy large = {"llama", 256, 11008, 1, 4, 2, 16, 320, false, true, 11};
static const struct toy small = {"llama", 64, 128, 1, 4, 2, 16, 320, false, true, 11};
static char folder[] = "/tmp/precis-cached-XXXXXX";
static char model[sizeof folder + 16], cache[sizeof folder + 32];

/* What was said since the start of the last open. */
static bool packed;
static int warnings;

static void listen(void *user, enum log_level level, const char *line) {
    (void)user;
    packed = packed || strncmp(line, "packing weights", 15) == 0;
    if (level == LOG_WARN) {
        assert_non_null(strstr(line, "not kept"));
        warnings++;
    }
}

static int try_open(struct engine **en, struct err *e) {
    const struct engine_options o = {.precision = PRECISION_INT8, .lanes = 2, .max_sequences = 2};
    packed = false;
    warnings = 0;
    *e = (struct err){0};
    return engine_open(model, &o, en, e);
}

/* What an engine computes: the digest of its weights, and a hash of logits. */
struct seen {
    char sha256[HASH_HEX_SIZE];
    uint64_t scores;
};

static void add_logits(void *user, size_t position, const float *logits) {
    struct seen *s = user;
    (void)position;
    s->scores = hash_bytes(logits, large.vocab * sizeof *logits, s->scores);
}

static void check_finish(void *user, const struct engine_result *r) {
    (void)user;
    if (r->finish != FINISH_LENGTH)
        abort();
}

static struct seen look_at(struct engine *en) {
    static const uint32_t ids[] = {1, 2, 3, 200, 319, 0, 17, 17, 5};
    struct seen s = {.scores = 1};
    struct engine_job job = {.ids = ids,
                             .n_ids = sizeof ids / sizeof *ids,
                             .on_logits = add_logits,
                             .on_done = check_finish,
                             .user = &s};
    struct err e;
    if (engine_packed_sha256(en, s.sha256, &e) != 0)
        fail_msg("%s", e.text);
    jobs_submit(en, &job);
    engine_drain(en);
    return s;
}

static struct seen look(void) {
    struct engine *en;
    struct err e;
    if (try_open(&en, &e) != 0)
        fail_msg("%s", e.text);
    struct seen s = look_at(en);
    engine_close(en);
    return s;
}

static void assert_same(struct seen a, struct seen b) {
    assert_string_equal(a.sha256, b.sha256);
    assert_true(a.scores == b.scores);
}

/* Files in the cache; each is named by a digest, so no half-made one is among them. The path of the
 * last one in `path`, if there is one. */
static int list_cache(char path[PATH_MAX]) {
    DIR *d = opendir(cache);
    int n = 0;
    for (struct dirent *f; d && (f = readdir(d));) {
        if (strcmp(f->d_name, ".") == 0 || strcmp(f->d_name, "..") == 0)
            continue;
        assert_int_equal(strspn(f->d_name, "0123456789abcdef"), 64);
        assert_int_equal(strlen(f->d_name), 64);
        snprintf(path, PATH_MAX, "%s/%s", cache, f->d_name);
        n++;
    }
    if (d)
        closedir(d);
    return n;
}

static void empty_cache(void) {
    char path[PATH_MAX];
    while (list_cache(path) > 0)
        assert_int_equal(remove(path), 0);
}

static struct seen in_memory(void) {
    char *home = getenv("HOME"), kept[PATH_MAX] = "";
    snprintf(kept, sizeof kept, "%s", home ? home : "");
    unsetenv("HOME");
    unsetenv("XDG_CACHE_HOME");
    struct seen s = look();
    assert_true(packed);
    setenv("XDG_CACHE_HOME", folder, 1);
    if (home)
        setenv("HOME", kept, 1);
    return s;
}

static struct seen want; /* of `large` */

static void the_file_is_made_once(void **state) {
    (void)state;
    char path[PATH_MAX];
    want = in_memory();
    assert_int_equal(list_cache(path), 0);
    assert_same(look(), want);
    assert_true(packed);
    assert_int_equal(list_cache(path), 1);
    struct stat first, second;
    assert_int_equal(stat(path, &first), 0);
    assert_true(first.st_size > 8 << 20);
    for (int i = 0; i < 2; i++) {
        assert_same(look(), want);
        assert_false(packed);
        assert_int_equal(warnings, 0);
        assert_int_equal(list_cache(path), 1);
        assert_int_equal(stat(path, &second), 0);
        assert_int_equal(first.st_ino, second.st_ino);
        assert_memory_equal(&first.st_mtim, &second.st_mtim, sizeof first.st_mtim);
    }
}

static void small_models_and_floats_make_no_file(void **state) {
    (void)state;
    char path[PATH_MAX], hex[HASH_HEX_SIZE];
    int before = list_cache(path);
    toy_write(&small, model);
    struct seen first = look();
    assert_true(packed);
    assert_same(look(), first);
    struct engine *en;
    struct err e;
    const struct engine_options o = {.precision = PRECISION_F32, .lanes = 1};
    assert_int_equal(engine_open(model, &o, &en, &e), 0);
    assert_int_equal(engine_packed_sha256(en, hex, &e), PRECIS_ENOTFOUND);
    assert_non_null(strstr(e.text, "f32"));
    engine_close(en);
    assert_int_equal(list_cache(path), before);
    toy_write(&large, model);
}

/* Overwrites one byte with its complement. */
static void damage(const char *path, long at) {
    FILE *f = fopen(path, "r+b");
    assert_non_null(f);
    assert_int_equal(fseek(f, at, at < 0 ? SEEK_END : SEEK_SET), 0);
    int c = fgetc(f);
    assert_int_equal(fseek(f, -1, SEEK_CUR), 0);
    assert_int_not_equal(fputc(~c & 0xff, f), EOF);
    assert_int_equal(fclose(f), 0);
}

/* The file is made anew, and used from then on. */
static void check_made_anew(void) {
    char path[PATH_MAX];
    assert_same(look(), want);
    assert_true(packed);
    assert_int_equal(warnings, 0);
    assert_same(look(), want);
    assert_false(packed);
    assert_int_equal(list_cache(path), 1);
}

static void a_damaged_file_is_made_anew(void **state) {
    (void)state;
    static const long places[] = {0,
                                  offsetof(struct packed_header, order),
                                  offsetof(struct packed_header, version),
                                  offsetof(struct packed_header, file_size),
                                  offsetof(struct packed_header, sections) + 7,
                                  offsetof(struct packed_header, sum),
                                  sizeof(struct packed_header) + 3, /* the key */
                                  PACKED_PAGE,
                                  6 << 20,
                                  -1};
    char path[PATH_MAX];
    empty_cache();
    look();
    assert_int_equal(list_cache(path), 1);
    for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
        damage(path, places[i]);
        check_made_anew();
    }
}

static void a_file_of_another_length_is_made_anew(void **state) {
    (void)state;
    char path[PATH_MAX];
    struct stat st;
    assert_int_equal(list_cache(path), 1);
    assert_int_equal(stat(path, &st), 0);
    const off_t lengths[] = {0, 1, PACKED_PAGE, st.st_size / 2, st.st_size - 1, st.st_size + 1};
    for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
        assert_int_equal(truncate(path, lengths[i]), 0);
        check_made_anew();
    }
}

static void what_is_no_file_is_left_alone(void **state) {
    (void)state;
    char path[PATH_MAX];
    assert_int_equal(list_cache(path), 1);
    assert_int_equal(remove(path), 0);
    assert_int_equal(mkdir(path, 0700), 0);
    assert_same(look(), want);
    assert_true(packed);
    assert_int_equal(warnings, 1);
    assert_int_equal(rmdir(path), 0);
    check_made_anew();
}

static void without_a_folder_it_goes_on_in_memory(void **state) {
    (void)state;
    setenv("XDG_CACHE_HOME", model, 1); /* which is a file */
    assert_same(look(), want);
    assert_true(packed);
    assert_int_equal(warnings, 1);
    setenv("XDG_CACHE_HOME", folder, 1);
    assert_same(look(), want);
    assert_false(packed);
}

static void without_space_it_goes_on_in_memory(void **state) {
    (void)state;
    char path[PATH_MAX];
    struct rlimit old, little;
    empty_cache();
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
    little = (struct rlimit){1 << 20, old.rlim_max};
    void (*handler)(int) = signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &little), 0);
    struct seen s = look();
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
    signal(SIGXFSZ, handler);
    assert_same(s, want);
    assert_int_equal(warnings, 1);
    assert_int_equal(list_cache(path), 0);
    check_made_anew();
}

static void another_model_gets_another_file(void **state) {
    (void)state;
    char path[PATH_MAX];
    struct toy other = large;
    other.seed++;
    assert_int_equal(list_cache(path), 1);
    toy_write(&other, model);
    struct seen first = look();
    assert_true(packed);
    assert_int_equal(list_cache(path), 2);
    assert_string_not_equal(first.sha256, want.sha256);
    assert_true(first.scores != want.scores);
    assert_same(look(), first);
    assert_false(packed);
    toy_write(&large, model);
    assert_same(look(), want);
    assert_false(packed);
}

/* This program with the model as its argument, which prints what it sees. */
static FILE *start_child(pid_t *child) {
    int fds[2];
    assert_int_equal(pipe(fds), 0);
    *child = fork();
    assert_true(*child >= 0);
    if (*child == 0) {
        if (dup2(fds[1], STDOUT_FILENO) >= 0)
            execl("/proc/self/exe", "test", model, (char *)NULL);
        _exit(127);
    }
    close(fds[1]);
    FILE *f = fdopen(fds[0], "r");
    assert_non_null(f);
    return f;
}

static int be_child(void) {
    struct engine *en;
    struct err e;
    if (try_open(&en, &e) != 0)
        return 1;
    struct seen s = look_at(en);
    engine_close(en);
    return printf("%s %" PRIu64 "\n", s.sha256, s.scores) < 0;
}

static void processes_do_not_disturb_one_another(void **state) {
    (void)state;
    enum { CHILDREN = 3 };
    char path[PATH_MAX];
    empty_cache();
    pid_t children[CHILDREN];
    FILE *from[CHILDREN];
    for (int i = 0; i < CHILDREN; i++)
        from[i] = start_child(&children[i]);
    for (int i = 0; i < CHILDREN; i++) {
        struct seen s;
        int status;
        assert_int_equal(fscanf(from[i], "%64s %" SCNu64, s.sha256, &s.scores), 2);
        fclose(from[i]);
        assert_int_equal(waitpid(children[i], &status, 0), children[i]);
        assert_int_equal(status, 0);
        assert_same(s, want);
    }
    assert_int_equal(list_cache(path), 1);
    assert_same(look(), want);
    assert_false(packed);
}

/* Opens with a fault at every place (sanitizers take every fifth), with or without a file there;
 * the number of places. */
static long open_with(struct fault *f, bool file, enum fault_kind kind) {
    long step = f == &fault_memory && getenv("PRECIS_TEST_SHORT") ? 5 : 1;
    for (long n = 0;; n += step) {
        char path[PATH_MAX];
        struct engine *en;
        struct err e;
        if (!file)
            empty_cache();
        fault_begin(f, n, kind);
        int rc = try_open(&en, &e);
        /* What only saves time next time may fail. */
        bool hit = rc ? fault_reported(f, rc, &e) : fault_end(f) != NULL;
        assert_true(list_cache(path) <= 1);
        assert_true((rc == 0) == (en != NULL));
        if (rc == 0 && (n % 8 == 0 || !hit))
            assert_same(look_at(en), want);
        engine_close(en);
        if (!hit)
            return n;
    }
}

static void packing_without_memory(void **state) {
    (void)state;
    assert_true(open_with(&fault_memory, false, FAULT_ONCE) > 80);
    if (!getenv("PRECIS_TEST_SHORT"))
        assert_true(open_with(&fault_memory, false, FAULT_LASTING) > 80);
    look();
    assert_true(open_with(&fault_memory, true, FAULT_ONCE) > 40);
}

static void packing_without_threads(void **state) {
    (void)state;
    /* Two lanes, as many that pack, and one that helps with the checksums. */
    assert_int_equal(open_with(&fault_threads, false, FAULT_ONCE), 5);
    assert_true(open_with(&fault_threads, false, FAULT_LASTING) > 0);
    look();
    assert_int_equal(open_with(&fault_threads, true, FAULT_ONCE), 3);
}

static int make_folder(void **state) {
    (void)state;
    if (!mkdtemp(folder))
        return -1;
    snprintf(model, sizeof model, "%s/model.gguf", folder);
    snprintf(cache, sizeof cache, "%s/precis/packed", folder);
    toy_write(&large, model);
    log_set_sink(listen, NULL, LOG_INFO);
    return setenv("XDG_CACHE_HOME", folder, 1);
}

static int drop_folder(void **state) {
    (void)state;
    static const char *const made[] = {"model.gguf", "precis/hashes", "precis/packed", "precis",
                                       ""};
    empty_cache();
    for (size_t i = 0; i < sizeof made / sizeof *made; i++) {
        char path[PATH_MAX];
        snprintf(path, sizeof path, "%s/%s", folder, made[i]);
        if (remove(path) != 0)
            return -1;
    }
    return 0;
}

int main(int argc, char **argv) {
    if (!jobs_can_run())
        return 77;
    if (argc == 2) {
        snprintf(model, sizeof model, "%s", argv[1]);
        return be_child();
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_file_is_made_once),
        cmocka_unit_test(small_models_and_floats_make_no_file),
        cmocka_unit_test(a_damaged_file_is_made_anew),
        cmocka_unit_test(a_file_of_another_length_is_made_anew),
        cmocka_unit_test(what_is_no_file_is_left_alone),
        cmocka_unit_test(without_a_folder_it_goes_on_in_memory),
        cmocka_unit_test(without_space_it_goes_on_in_memory),
        cmocka_unit_test(another_model_gets_another_file),
        cmocka_unit_test(processes_do_not_disturb_one_another),
        cmocka_unit_test(packing_without_memory),
        cmocka_unit_test(packing_without_threads),
    };
    return cmocka_run_group_tests(tests, make_folder, drop_folder);
}
