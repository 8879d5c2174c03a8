/* The failure policy through the pipeline, with an engine that fails as a script says. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/hash.h"
#include "base/utf8.h"
#include "doubles.h"
#include "summary/run.h"

enum { CHUNKS = 400 };

static const struct lang c_lang = {"c", "C", LANG_CODE};

/* One file of a line for each chunk. */
struct source {
    char path[64];
    struct walk_file file;
    struct walk walk;
};

static void write_source(struct source *s, int chunks) {
    *s = (struct source){.path = "/tmp/precis-test-XXXXXX"};
    int fd = mkstemp(s->path);
    assert_true(fd >= 0);
    FILE *f = fdopen(fd, "w");
    for (int i = 0; i < chunks; i++)
        assert_true(fprintf(f, "int v_%04d;\n", i) > 0);
    assert_int_equal(fclose(f), 0);
    s->file = (struct walk_file){
        .path = s->path, .name = (char *)"a.c", .lang = &c_lang, .size = (uint64_t)chunks * 12};
    s->walk = (struct walk){.files = &s->file, .n = 1};
}

/* How the model behaves. */
struct behaviour {
    atomic_int asked;
    int fail_first;  /* so many times it fails */
    int fail_before; /* about chunks before this one it always fails */
    double fail_one; /* so often otherwise, at random */
    struct err how;  /* code 0: as out of memory */
    const char *says;
};

static void behave(void *user, const struct engine_job *job, const char *prompt,
                   struct double_answer *out) {
    struct behaviour *b = user;
    (void)job;
    int n = atomic_fetch_add(&b->asked, 1);
    double drawn = (double)(hash_mix(17, (uint64_t)n) >> 11) * 0x1p-53;
    const char *at = strstr(prompt, "int v_");
    int chunk = at ? atoi(at + 6) : 0;
    if (n < b->fail_first || chunk < b->fail_before || drawn < b->fail_one) {
        out->finish = FINISH_FAILED;
        out->err = b->how;
        if (!b->how.code)
            err_nomem(&out->err, "keys and values");
        return;
    }
    if (b->says)
        snprintf(out->text, sizeof out->text, "%s", b->says);
    else
        snprintf(out->text, sizeof out->text, " defines the variable %.6s. And", at ? at + 4 : "");
}

struct seen {
    size_t n, model;
    char error[512];
};

static int on_summary(void *user, const struct summary *s, struct err *e) {
    struct seen *seen = user;
    (void)e;
    assert_int_equal(s->index, seen->n);
    seen->n++;
    seen->model += strcmp(s->source, "model") == 0;
    assert_true(utf8_valid(s->summary, strlen(s->summary)));
    if (s->error)
        snprintf(seen->error, sizeof seen->error, "%s", s->error);
    else
        assert_true(*s->summary);
    return 0;
}

static const struct policy_options quick = {.retries = 2,
                                            .backoff = 0.0001,
                                            .most_backoff = 0.001,
                                            .breaker_after = 5,
                                            .breaker_pause = 1000,
                                            .most_pause = 1000};

static void execute(struct behaviour *b, const struct run_options *options, struct seen *seen,
                    struct run_stats *stats) {
    struct source s;
    struct err e = {0};
    struct run *r;
    const struct double_options o = {
        .lanes = 2, .max_sequences = 4, .queue = 8, .context = 4096, .script = behave, .user = b};
    struct engine *en = double_engine_open(&o);
    assert_non_null(en);
    write_source(&s, CHUNKS);
    assert_int_equal(run_prepare(&s.walk, options, en, DOUBLE_TOK, DOUBLE_CHAT, &r, &e), 0);
    *seen = (struct seen){0};
    const struct run_events events = {.on_summary = on_summary, .user = seen};
    assert_int_equal(run_execute(r, &events, &e), 0);
    *stats = *run_stats(r);
    stats->latencies_ms = NULL;
    assert_int_equal(seen->n, CHUNKS);
    run_free(r);
    engine_close(en);
    unlink(s.path);
}

static struct run_options options_with(const struct policy_options *policy) {
    return (struct run_options){
        .loc = 1, .max_chars = 120, .max_new_tokens = 400, .policy = *policy};
}

static void transient_failures_cost_no_lines(void **state) {
    (void)state;
    struct behaviour b = {.fail_one = 0.05};
    struct run_options o = options_with(&quick);
    struct seen seen;
    struct run_stats stats;
    execute(&b, &o, &seen, &stats);
    assert_true(seen.model * 100 >= CHUNKS * 99);
    assert_int_equal(stats.chunks_failed, 0);
    assert_true(stats.retries >= CHUNKS / 40);
    assert_int_equal(stats.breaker_opened, 0);
    assert_int_equal(stats.breaker, BREAKER_CLOSED);
}

static void every_chunk_has_a_line_whatever_the_model_says(void **state) {
    (void)state;
    char endless[500];
    memset(endless, 'a', sizeof endless);
    endless[sizeof endless - 1] = 0;
    const char *const says[] = {"\xff\xfe\xc0 \x80.", "", endless, "\x1b[2J\n\n\n"};
    for (size_t i = 0; i < 4; i++) {
        struct behaviour b = {.says = says[i]};
        struct run_options o = options_with(&quick);
        struct seen seen;
        struct run_stats stats;
        execute(&b, &o, &seen, &stats);
        assert_int_equal(stats.chunks_done, CHUNKS);
        assert_int_equal(stats.retries, 0); /* these are answers */
        assert_int_equal(stats.breaker_opened, 0);
    }
}

/* What is no number, what timed out, and what ran out of memory. */
static void a_model_that_only_fails_is_left_alone(void **state) {
    (void)state;
    static const int codes[] = {PRECIS_EINPUT, PRECIS_ETIMEOUT, PRECIS_ENOMEM};
    for (int i = 0; i < 3; i++) {
        struct behaviour b = {.fail_first = INT32_MAX};
        err_set(&b.how, codes[i], "the model's output is not a number");
        struct run_options o = options_with(&quick);
        struct seen seen;
        struct run_stats stats;
        execute(&b, &o, &seen, &stats);
        assert_int_equal(seen.model, 0);
        assert_int_equal(stats.chunks_rule + stats.chunks_doc, CHUNKS);
        assert_int_equal(stats.breaker_opened, 1);
        assert_int_equal(stats.breaker, BREAKER_OPEN);
        /* A round is what is in flight together: queue, lanes, and what comes while one is told. */
        assert_true(stats.breaker_passed >= CHUNKS / 2);
        assert_true(atomic_load(&b.asked) <= CHUNKS / 2);
        assert_int_equal(stats.timeouts, codes[i] == PRECIS_ETIMEOUT ? atomic_load(&b.asked) : 0);
        atomic_store(&b.asked, 0);
        o.no_fallback = true;
        execute(&b, &o, &seen, &stats);
        assert_int_equal(stats.chunks_failed, CHUNKS);
        assert_true(*seen.error);
    }
}

static void a_model_that_recovers_is_asked_again(void **state) {
    (void)state;
    /* While a probe is under way others pass by, but not all: after those there are some left. */
    struct behaviour b = {.fail_before = CHUNKS / 2};
    struct policy_options policy = quick;
    policy.breaker_pause = policy.most_pause = 1e-6; /* over when the next one asks */
    struct run_options o = options_with(&policy);
    struct seen seen;
    struct run_stats stats;
    execute(&b, &o, &seen, &stats);
    assert_true(stats.breaker_opened >= 1);
    assert_int_equal(stats.breaker, BREAKER_CLOSED);
    assert_int_equal(stats.chunks_done, CHUNKS);
    assert_true(seen.model > 0); /* all of them, where further attempts came late enough */
}

static void files_that_cannot_be_read_are_tried_again(void **state) {
    (void)state;
    struct source s;
    struct err e = {0};
    struct run *r;
    struct behaviour b = {0};
    const struct double_options o = {
        .lanes = 1, .max_sequences = 1, .queue = 2, .context = 4096, .script = behave, .user = &b};
    struct engine *en = double_engine_open(&o);
    write_source(&s, 1);
    struct run_options options = options_with(&quick);
    assert_int_equal(run_prepare(&s.walk, &options, en, DOUBLE_TOK, DOUBLE_CHAT, &r, &e), 0);
    unlink(s.path);
    struct seen seen = {0};
    const struct run_events events = {.on_summary = on_summary, .user = &seen};
    assert_int_equal(run_execute(r, &events, &e), 0);
    assert_int_equal(run_stats(r)->retries, 2);
    assert_int_equal(run_stats(r)->chunks_failed, 1);
    assert_non_null(strstr(seen.error, "cannot open"));
    run_free(r);
    engine_close(en);
}

/* A lane that answers about one chunk only when the test says so, and counts as old when all chunks
 * before it have their answers. */
enum { HANGS = 7 };
static atomic_bool let_go;
static atomic_int answered;
static _Atomic double age;
static struct run *left; /* which the lane may write to until the end */

static void hang(void *user, const struct engine_job *job, const char *prompt,
                 struct double_answer *out) {
    const char *at = strstr(prompt, "v_");
    int chunk = at ? atoi(at + 2) : 0;
    while (chunk == HANGS && !atomic_load(&let_go)) {
        if (atomic_load(&answered) == HANGS)
            atomic_store(&age, 100);
        usleep(1000);
    }
    behave(user, job, prompt, out);
    atomic_fetch_add(&answered, chunk < HANGS);
}

/* The run leaves its thread behind when a lane hangs: ThreadSanitizer must not count it. */
const char *__tsan_default_options(void);
const char *__tsan_default_options(void) {
    return "report_thread_leaks=0";
}

static void ends_when_a_lane_hangs(void **state) {
    (void)state;
    struct source s;
    struct err e = {0};
    struct behaviour b = {0};
    const struct double_options o = {.lanes = 2,
                                     .max_sequences = 4,
                                     .queue = 8,
                                     .context = 4096,
                                     .script = hang,
                                     .user = &b,
                                     .oldest_step = &age};
    struct engine *en = double_engine_open(&o);
    write_source(&s, CHUNKS);
    struct run_options options = options_with(&quick);
    options.policy.hang = 0.5;
    assert_int_equal(run_prepare(&s.walk, &options, en, DOUBLE_TOK, DOUBLE_CHAT, &left, &e), 0);
    struct seen seen = {0};
    const struct run_events events = {.on_summary = on_summary, .user = &seen};
    assert_int_equal(run_execute(left, &events, &e), 0);
    const struct run_stats *stats = run_stats(left);
    assert_true(stats->hung);
    assert_true(seen.n > HANGS && seen.n < CHUNKS && seen.n == stats->chunks_done);
    assert_true(seen.model >= HANGS && seen.model < seen.n);
    assert_int_equal(seen.n - seen.model, stats->chunks_rule + stats->chunks_doc);
    run_free(left); /* does nothing */
    atomic_store(&let_go, true);
    engine_close(en);
    unlink(s.path);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(transient_failures_cost_no_lines),
        cmocka_unit_test(every_chunk_has_a_line_whatever_the_model_says),
        cmocka_unit_test(a_model_that_only_fails_is_left_alone),
        cmocka_unit_test(a_model_that_recovers_is_asked_again),
        cmocka_unit_test(files_that_cannot_be_read_are_tried_again),
        cmocka_unit_test(ends_when_a_lane_hangs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
