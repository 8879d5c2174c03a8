#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "doubles.h"
#include "summary/run.h"

enum { FILES = 60, LOC = 3 };

/* A folder of small files, and the walk that lists them. */
struct test_tree {
    char root[64];
    struct walk_file files[FILES];
    struct walk walk;
};

static const struct lang c_lang = {"c", "C", LANG_CODE};

static void write_file(const char *path, const char *text) {
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    assert_int_equal(fwrite(text, 1, strlen(text), f), strlen(text));
    assert_int_equal(fclose(f), 0);
}

static void add_file(struct test_tree *t, const char *name, const char *text) {
    struct walk_file *f = &t->files[t->walk.n++];
    assert_true(t->walk.n <= FILES);
    f->name = strdup(name);
    assert_true(asprintf(&f->path, "%s/%s", t->root, name) > 0);
    f->size = strlen(text);
    f->lang = &c_lang;
    write_file(f->path, text);
}

static void make_tree(struct test_tree *t) {
    *t = (struct test_tree){.root = "/tmp/precis-test-XXXXXX"};
    assert_non_null(mkdtemp(t->root));
    t->walk.files = t->files;
}

static void fill_tree(struct test_tree *t, int files) {
    make_tree(t);
    for (int i = 0; i < files; i++) {
        char name[32], text[256] = "";
        snprintf(name, sizeof name, "f%02d.c", i);
        for (int line = 0; line <= i % 8; line++) {
            char one[32];
            snprintf(one, sizeof one, "int v_%d_%d;\n", i, line);
            strcat(text, one);
        }
        add_file(t, name, text);
    }
}

static void drop_tree(struct test_tree *t) {
    for (size_t i = 0; i < t->walk.n; i++) {
        unlink(t->files[i].path);
        free(t->files[i].path);
        free(t->files[i].name);
    }
    rmdir(t->root);
}

/* What a run delivered. */
struct delivered {
    bool fall_back;
    struct buf text; /* a line for each summary */
    size_t n, finished, ticks, last_index;
    bool out_of_order;
    size_t fail_at; /* on_summary fails at this one, from 1 */
    atomic_bool *stop;
    size_t stop_at; /* finished chunks after which to stop */
};

static int on_summary(void *user, const struct summary *s, struct err *e) {
    struct delivered *d = user;
    d->out_of_order |= d->n && s->index <= d->last_index;
    d->last_index = s->index;
    if (++d->n == d->fail_at)
        return err_set(e, PRECIS_EIO, "disk full");
    assert_true(s->confidence >= 0 && s->confidence <= 1);
    buf_printf(&d->text, "%s:%d-%d %s|%s|%s|%s|%zu\n", s->file_path, (int)s->start_line,
               (int)s->end_line, s->summary, s->source, s->confidence > 0 ? "sure" : "0",
               s->error ? s->error : "-", s->tokens_out);
    return 0;
}

static void on_finished(void *user, const struct summary *s, const struct run_stats *stats) {
    struct delivered *d = user;
    (void)s;
    d->finished++;
    assert_int_equal(stats->chunks_done + stats->chunks_failed, d->finished);
    if (d->stop && d->finished == d->stop_at)
        atomic_store(d->stop, true);
}

/* Answers with the first name in the chunk. */
static void name_it(void *user, const struct engine_job *job, const char *prompt,
                    struct double_answer *out) {
    (void)user, (void)job;
    int a = 0, b = 0;
    const char *at = strstr(prompt, "int v_");
    if (at)
        sscanf(at, "int v_%d_%d", &a, &b);
    snprintf(out->text, sizeof out->text, " defines the variable v_%d_%d. It is an int. And so on.",
             a, b);
}

static struct double_options scripted(double_script *script) {
    return (struct double_options){
        .lanes = 2, .max_sequences = 4, .queue = 8, .context = 4096, .script = script};
}

static int execute(struct test_tree *t, struct double_options o, struct delivered *d,
                   struct run_stats *stats, struct err *e) {
    struct engine *en = double_engine_open(&o);
    assert_non_null(en);
    struct run_options options = {.loc = LOC,
                                  .max_chars = 120,
                                  .max_new_tokens = 200,
                                  .no_fallback = !d->fall_back,
                                  .stop = d->stop};
    struct run *r;
    assert_int_equal(run_prepare(&t->walk, &options, en, DOUBLE_TOK, DOUBLE_CHAT, &r, e), 0);
    assert_string_equal(run_prompt_version(r), "line-4");
    const struct run_events events = {
        .on_summary = on_summary, .on_finished = on_finished, .user = d};
    int rc = run_execute(r, &events, e);
    *stats = *run_stats(r);
    stats->latencies_ms = NULL;
    run_free(r);
    engine_close(en);
    return rc;
}

static void is_the_same_for_any_number_of_agents(void **state) {
    (void)state;
    struct test_tree t;
    fill_tree(&t, FILES);
    static const int agents[] = {1, 2, 7, 20};
    struct buf first = {0};
    for (size_t i = 0; i < 4; i++) {
        struct double_options o = scripted(name_it);
        o.max_sequences = agents[i];
        o.queue = agents[i];
        o.lanes = agents[i] < 4 ? agents[i] : 4;
        struct delivered d = {0};
        struct run_stats stats;
        struct err e;
        assert_int_equal(execute(&t, o, &d, &stats, &e), 0);
        assert_false(d.out_of_order);
        assert_int_equal(d.n, stats.chunks_total);
        assert_int_equal(stats.chunks_done, stats.chunks_total);
        assert_int_equal(stats.distinct, stats.chunks_total);
        assert_int_equal(stats.n_latencies, stats.chunks_total);
        if (i == 0) {
            first = d.text;
            continue;
        }
        assert_string_equal(d.text.data, first.data);
        buf_free(&d.text);
    }
    buf_free(&first);
    drop_tree(&t);
}

static void stops_after_the_first_sentence(void **state) {
    (void)state;
    struct test_tree t;
    make_tree(&t);
    add_file(&t, "a.c", "int v_1_2;\n");
    struct delivered d = {0};
    struct run_stats stats;
    struct err e;
    assert_int_equal(execute(&t, scripted(name_it), &d, &stats, &e), 0);
    /* " defines the variable v_1_2. " is 29 tokens of a byte */
    assert_string_equal(d.text.data, "a.c:1-1 Defines the variable v_1_2.|model|sure|-|29\n");
    assert_int_equal(stats.tokens_out, 29);
    assert_int_equal(stats.files, 1);
    assert_int_equal(stats.lines, 1);
    assert_int_equal(stats.bytes, 11);
    assert_int_equal(stats.longest, 27);
    assert_int_equal(stats.most_running, 2);
    assert_true(stats.confidence_sum > 0 && stats.confidence_sum < 1);
    buf_free(&d.text);
    drop_tree(&t);
}

static void engine_trouble(void *user, const struct engine_job *job, const char *prompt,
                           struct double_answer *out) {
    if (strstr(prompt, "v_1")) {
        out->finish = FINISH_FAILED;
        err_set(&out->err, PRECIS_ENOMEM, "out of memory: KV");
    } else
        name_it(user, job, prompt, out);
}

static void others_take_the_place_of_the_model(void **state) {
    (void)state;
    struct test_tree t;
    make_tree(&t);
    add_file(&t, "a.c", "int v_1_0;\n");
    add_file(&t, "b.zzz", " \n\t\n");
    add_file(&t, "d.c", "int v_2_0;\n");
    struct delivered d = {.fall_back = true};
    struct run_stats stats;
    struct err e;
    assert_int_equal(execute(&t, scripted(engine_trouble), &d, &stats, &e), 0);
    assert_non_null(strstr(d.text.data, "|rule|0|-|0\n"));
    assert_non_null(strstr(d.text.data, "d.c:1-1 Defines the variable v_2_0.|model|sure|-|29\n"));
    assert_int_equal(stats.chunks_failed, 0);
    assert_int_equal(stats.chunks_done, stats.chunks_rule + 1);
    buf_free(&d.text);
    drop_tree(&t);
}

/* Code at first; the second attempt is better, but for v_9. */
static void second_is_better(void *user, const struct engine_job *job, const char *prompt,
                             struct double_answer *out) {
    if (job->sampling.strategy == SAMPLE_TEMPERATURE && !strstr(prompt, "v_9")) {
        assert_true(job->sampling.temperature > 0.69f && job->sampling.temperature < 0.71f);
        name_it(user, job, prompt, out);
    } else
        snprintf(out->text, sizeof out->text, "\n}\nint x = 0;\n");
}

static void tries_twice_then_says_why(void **state) {
    (void)state;
    struct test_tree t;
    make_tree(&t);
    add_file(&t, "a.c", "int v_1_2;\n");
    add_file(&t, "b.c", "int v_9_0;\n");
    add_file(&t, "c.c", "int v_2_0;\n");
    struct delivered d = {0};
    struct run_stats stats;
    struct err e;
    assert_int_equal(execute(&t, scripted(second_is_better), &d, &stats, &e), 0);
    assert_non_null(strstr(d.text.data, "a.c:1-1 Defines the variable v_1_2.|model|sure|-|43\n"));
    assert_non_null(strstr(d.text.data, "b.c:1-1 ||0|the model's answer held no sentence: "
                                        "\"} int x = 0;\"|28\n"));
    assert_non_null(strstr(d.text.data, "c.c:1-1 Defines the variable v_2_0."));
    assert_int_equal(stats.chunks_done, 2);
    assert_int_equal(stats.chunks_failed, 1);
    buf_free(&d.text);
    drop_tree(&t);
}

static void records_failed_chunks(void **state) {
    (void)state;
    struct test_tree t;
    make_tree(&t);
    add_file(&t, "a.c", "int v_1_0;\n");
    add_file(&t, "b.c", " \n\t\n");
    add_file(&t, "c.c", "");
    add_file(&t, "d.c", "int v_2_0;\n\n\n\n\n");
    struct delivered d = {0};
    struct run_stats stats;
    struct err e;
    assert_int_equal(execute(&t, scripted(engine_trouble), &d, &stats, &e), 0);
    assert_string_equal(d.text.data, "a.c:1-1 ||0|out of memory: KV|0\n"
                                     "b.c:1-2 ||0|nothing but white space|0\n"
                                     "d.c:1-3 Defines the variable v_2_0.|model|sure|-|29\n"
                                     "d.c:4-5 ||0|nothing but white space|0\n");
    buf_free(&d.text);
    drop_tree(&t);
}

static void notices_files_that_change(void **state) {
    (void)state;
    struct test_tree t;
    make_tree(&t);
    add_file(&t, "changed.c", "int v_1_0;\nint v_1_1;\nint v_1_2;\nint v_1_3;\n");
    add_file(&t, "gone.c", "int v_2_0;\n");
    add_file(&t, "stays.c", "int v_3_0;\n");
    add_file(&t, "never.c", "int v_4_0;\n");
    unlink(t.files[3].path);
    struct double_options o = scripted(name_it);
    struct engine *en = double_engine_open(&o);
    struct run_options options = {.loc = LOC, .max_chars = 120, .max_new_tokens = 200};
    struct run *r;
    struct err e;
    assert_int_equal(run_prepare(&t.walk, &options, en, DOUBLE_TOK, DOUBLE_CHAT, &r, &e), 0);
    write_file(t.files[0].path, "int v_1_0;\nint v_1_1;\nint v_1_2;\nint w_1_3;\n");
    unlink(t.files[1].path);
    struct delivered d = {0};
    const struct run_events events = {.on_summary = on_summary, .user = &d};
    assert_int_equal(run_execute(r, &events, &e), 0);
    assert_int_equal(d.n, 5);
    assert_non_null(strstr(d.text.data, "changed.c:1-3 ||0|/tmp/"));
    assert_non_null(strstr(d.text.data, "changed.c:4-4 ||0|/tmp/"));
    assert_non_null(strstr(d.text.data, "changed after its lines were counted"));
    assert_non_null(strstr(d.text.data, "gone.c: cannot open"));
    assert_non_null(strstr(d.text.data, "stays.c:1-1 Defines the variable v_3_0."));
    assert_non_null(strstr(d.text.data, "never.c:0-0 ||0|"));
    assert_int_equal(run_execute(r, &events, &e), PRECIS_EUSAGE);
    run_free(r);
    engine_close(en);
    buf_free(&d.text);
    drop_tree(&t);
}

static void finishes_with_what_is_done(void **state) {
    (void)state;
    struct test_tree t;
    fill_tree(&t, FILES);
    atomic_bool stop = false;
    struct delivered d = {.stop = &stop, .stop_at = 5};
    struct run_stats stats;
    struct err e;
    assert_int_equal(execute(&t, scripted(name_it), &d, &stats, &e), 0);
    assert_true(stats.interrupted);
    assert_false(d.out_of_order);
    assert_true(d.n >= 5 && d.n == stats.chunks_done);
    assert_int_equal(d.n, d.finished);
    buf_free(&d.text);
    drop_tree(&t);
}

static void ends_when_the_output_cannot_be_written(void **state) {
    (void)state;
    struct test_tree t;
    fill_tree(&t, FILES);
    struct delivered d = {.fail_at = 3};
    struct run_stats stats;
    struct err e;
    assert_int_equal(execute(&t, scripted(name_it), &d, &stats, &e), PRECIS_EIO);
    assert_string_equal(e.text, "disk full");
    assert_int_equal(d.n, 3);
    buf_free(&d.text);
    drop_tree(&t);
}

/* With its first chunk held back, the run begins no more than a window: 4 x agents + 64. */
static void keeps_its_window(void **state) {
    (void)state;
    struct test_tree t;
    fill_tree(&t, FILES);
    struct double_options o = scripted(name_it);
    o.hold = "v_0_0;";
    o.max_sequences = 1;
    struct engine *en = double_engine_open(&o);
    struct run_options options = {.loc = 1, .max_chars = 120, .max_new_tokens = 200};
    atomic_bool stop = false;
    options.stop = &stop;
    struct run *r;
    struct err e;
    assert_int_equal(run_prepare(&t.walk, &options, en, DOUBLE_TOK, DOUBLE_CHAT, &r, &e), 0);
    struct delivered d = {.stop = &stop, .stop_at = 4 * 1 + 64 - 1};
    const struct run_events events = {
        .on_summary = on_summary, .on_finished = on_finished, .user = &d};
    assert_true(run_stats(r)->chunks_total > 200);
    assert_int_equal(run_execute(r, &events, &e), 0);
    assert_int_equal(double_engine_jobs(en), 4 * 1 + 64);
    assert_int_equal(d.n, 4 * 1 + 64 - 1);
    assert_false(d.out_of_order);
    run_free(r);
    engine_close(en);
    buf_free(&d.text);
    drop_tree(&t);
}

static void checks_its_options(void **state) {
    (void)state;
    struct test_tree t;
    make_tree(&t);
    struct double_options o = scripted(name_it);
    struct engine *en = double_engine_open(&o);
    struct run *r;
    struct err e;
    struct run_options bad[] = {
        {.loc = 0, .max_chars = 120, .max_new_tokens = 8},
        {.loc = 1, .max_chars = 3, .max_new_tokens = 8},
        {.loc = 1, .max_chars = 120, .max_new_tokens = 0},
    };
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(run_prepare(&t.walk, &bad[i], en, DOUBLE_TOK, DOUBLE_CHAT, &r, &e),
                         PRECIS_EUSAGE);
        assert_null(r);
    }
    struct delivered d = {0};
    struct run_options fine = {.loc = 1, .max_chars = 120, .max_new_tokens = 8};
    assert_int_equal(run_prepare(&t.walk, &fine, en, DOUBLE_TOK, DOUBLE_CHAT, &r, &e), 0);
    const struct run_events events = {.on_summary = on_summary, .user = &d};
    assert_int_equal(run_execute(r, &events, &e), 0);
    assert_int_equal(d.n, 0);
    run_free(r);
    engine_close(en);
    drop_tree(&t);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(is_the_same_for_any_number_of_agents),
        cmocka_unit_test(stops_after_the_first_sentence),
        cmocka_unit_test(tries_twice_then_says_why),
        cmocka_unit_test(records_failed_chunks),
        cmocka_unit_test(others_take_the_place_of_the_model),
        cmocka_unit_test(notices_files_that_change),
        cmocka_unit_test(finishes_with_what_is_done),
        cmocka_unit_test(ends_when_the_output_cannot_be_written),
        cmocka_unit_test(keeps_its_window),
        cmocka_unit_test(checks_its_options),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
