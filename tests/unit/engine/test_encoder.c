/* The native engine on tiny encoders: states that depend on the job alone, bounds, cancelling. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/file.h"
#include "jobs.h"

enum { JOBS = 48, LONGEST = 320, WIDEST = 48, CLIENTS = 4 };

static const char *const models[] = {GOLDEN_DIR "/encoder/tiny-bert",
                                     GOLDEN_DIR "/encoder/tiny-roberta"};
static const char decoder[] = GOLDEN_DIR "/engine/tiny-llama.gguf";

static int try_open(const char *model, struct engine_options o, struct engine **en, struct err *e) {
    *e = (struct err){0};
    return engine_open(model, &o, en, e);
}

static bool bf16_here(void) {
    struct engine *en;
    struct err e;
    int rc = try_open(models[0], (struct engine_options){.precision = PRECISION_BF16}, &en, &e);
    engine_close(en);
    return rc == 0;
}

/* Job i of a mixed load, of 1 to LONGEST tokens. */
static struct engine_job job_of(int i, uint32_t *ids, size_t vocab, struct outcome *o) {
    static const size_t lengths[] = {1, 2, 5, 17, 63, 64, 65, 100, 128, 200, LONGEST, 31};
    size_t n = lengths[i % 12];
    jobs_fill(ids, n, vocab, (uint64_t)i);
    return (struct engine_job){.ids = ids,
                               .n_ids = n,
                               .on_hidden = outcome_on_hidden,
                               .on_done = outcome_on_done,
                               .user = o};
}

struct client {
    struct engine *en;
    struct outcome *out;
    int from, step, code;
};

static void *submit_some(void *user) {
    struct client *c = user;
    uint32_t ids[LONGEST];
    for (int i = c->from; i < JOBS && c->code == 0; i += c->step) {
        struct engine_job job = job_of(i, ids, engine_info(c->en)->vocab, &c->out[i]);
        c->code = engine_submit(c->en, &job, NULL, NULL);
    }
    return NULL;
}

static void run_mixed(struct engine *en, struct outcome out[JOBS], float *states) {
    struct client clients[CLIENTS];
    pthread_t threads[CLIENTS];
    for (int i = 0; i < JOBS; i++)
        out[i] = (struct outcome){.states = states + (size_t)i * LONGEST * WIDEST};
    for (int i = 0; i < CLIENTS; i++) {
        clients[i] = (struct client){en, out, i, CLIENTS, 0};
        assert_int_equal(pthread_create(&threads[i], NULL, submit_some, &clients[i]), 0);
    }
    for (int i = 0; i < CLIENTS; i++) {
        pthread_join(threads[i], NULL);
        assert_int_equal(clients[i].code, 0);
    }
    engine_drain(en);
}

static void run_alone(struct engine *en, struct outcome out[JOBS], float *states) {
    uint32_t ids[LONGEST];
    for (int i = 0; i < JOBS; i++) {
        out[i] = (struct outcome){.states = states + (size_t)i * LONGEST * WIDEST};
        struct engine_job job = job_of(i, ids, engine_info(en)->vocab, &out[i]);
        jobs_submit(en, &job);
        engine_drain(en);
        assert_int_equal(out[i].called, 1);
        assert_int_equal(out[i].hidden, 1);
        assert_int_equal(out[i].finish, FINISH_LENGTH);
        assert_int_equal(out[i].rows, job.n_ids);
        assert_int_equal(out[i].width, engine_info(en)->width);
    }
}

static void states_depend_on_the_job_alone(void **state) {
    (void)state;
    static const struct {
        int lanes, agents;
    } setups[] = {{1, 1}, {1, 20}, {2, 7}, {3, 100}, {2, 2}};
    static struct outcome want[JOBS], got[JOBS];
    float *alone = calloc(2 * JOBS * LONGEST * WIDEST, sizeof *alone);
    assert_non_null(alone);
    float *mixed = alone + JOBS * LONGEST * WIDEST;
    static const enum precision precisions[] = {PRECISION_F32, PRECISION_INT8, PRECISION_BF16};
    for (int m = 0; m < 6; m++) {
        struct engine_options o = {.precision = precisions[m / 2], .lanes = 1};
        if (m >= 4 && !bf16_here())
            break;
        struct engine *en = jobs_open(models[m % 2], o);
        run_alone(en, want, alone);
        engine_close(en);
        for (size_t s = 0; s < sizeof setups / sizeof setups[0]; s++) {
            o.lanes = setups[s].lanes;
            o.max_sequences = setups[s].agents;
            en = jobs_open(models[m % 2], o);
            run_mixed(en, got, mixed);
            struct engine_stats st;
            engine_get_stats(en, &st);
            assert_in_range(st.most_running, 1, setups[s].agents);
            engine_close(en);
            for (int i = 0; i < JOBS; i++)
                outcome_same(i, &got[i], &want[i]);
        }
    }
    free(alone);
}

static void info_and_figures(void **state) {
    (void)state;
    struct engine *en = jobs_open(models[1], (struct engine_options){.lanes = 2});
    const struct engine_info *i = engine_info(en);
    assert_int_equal(i->capabilities, ENGINE_EMBED);
    assert_string_equal(i->engine, "native");
    assert_string_equal(i->device, "cpu");
    assert_string_equal(i->architecture, "roberta");
    assert_int_equal(i->width, 48);
    assert_int_equal(i->context, 320);
    assert_int_equal(i->vocab, 180);
    assert_true(i->weight_bytes > 0 && i->scratch_bytes > 0);
    assert_int_equal(i->precision, strcmp(i->isa, "plain") == 0 ? PRECISION_F32 : PRECISION_INT8);
    assert_string_equal(i->arithmetic, precision_name(i->precision));
    struct outcome o = {0};
    uint32_t ids[LONGEST];
    struct engine_job job = job_of(3, ids, i->vocab, &o);
    jobs_submit(en, &job);
    engine_drain(en);
    struct engine_stats st;
    engine_get_stats(en, &st);
    assert_int_equal(st.tokens_in, 17);
    assert_int_equal(st.tokens_out, 0);
    assert_int_equal(st.running + st.waiting, 0);
    assert_int_equal(st.most_running, 1);
    char digest[HASH_HEX_SIZE];
    assert_int_equal(engine_packed_sha256(en, digest, NULL), PRECIS_ENOTFOUND);
    engine_close(en);
}

static void auto_without_int8(void **state) {
    (void)state;
    struct engine *en =
        jobs_open(models[0], (struct engine_options){.lanes = 1, .auto_is_float = true});
    assert_int_equal(engine_info(en)->precision, bf16_here() ? PRECISION_BF16 : PRECISION_F32);
    engine_close(en);
    struct engine_options asked = {.precision = PRECISION_INT8, .lanes = 1, .auto_is_float = true};
    en = jobs_open(models[0], asked);
    assert_int_equal(engine_info(en)->precision, PRECISION_INT8);
    engine_close(en);
}

static void expect_refused(struct engine *en, const struct engine_job *job, int code,
                           const char *says) {
    struct err e = {0};
    assert_int_equal(engine_submit(en, job, NULL, &e), code);
    if (!strstr(e.text, says))
        fail_msg("'%s' does not say '%s'", e.text, says);
}

static void jobs_that_do_not_fit_are_refused(void **state) {
    (void)state;
    struct engine *en = jobs_open(models[0], (struct engine_options){.lanes = 1});
    uint32_t ids[LONGEST + 1] = {0};
    struct outcome o = {0};
    struct engine_job job = job_of(10, ids, engine_info(en)->vocab, &o);
    job.n_ids = LONGEST + 1;
    expect_refused(en, &job, PRECIS_ELIMIT, "321 tokens");
    job.n_ids = 0;
    expect_refused(en, &job, PRECIS_EUSAGE, "no tokens");
    job.n_ids = 2;
    ids[1] = 200;
    expect_refused(en, &job, PRECIS_EUSAGE, "token id 200");
    ids[1] = 1;
    job.max_new_tokens = 1;
    expect_refused(en, &job, PRECIS_EUSAGE, "generates");
    job.max_new_tokens = 0;
    job.on_logits = outcome_on_logits;
    expect_refused(en, &job, PRECIS_EUSAGE, "scores");
    job.on_logits = NULL;
    job.on_hidden = NULL;
    expect_refused(en, &job, PRECIS_EUNSUPPORTED, "generates nothing");
    engine_close(en);
    assert_int_equal(o.called, 0);
    en = jobs_open(decoder, (struct engine_options){.lanes = 1});
    job.on_hidden = outcome_on_hidden;
    expect_refused(en, &job, PRECIS_EUNSUPPORTED, "no embeddings");
    engine_close(en);
}

static void options_that_do_not_fit_are_refused(void **state) {
    (void)state;
    struct engine *en;
    struct err e;
    struct engine_options o = {.lanes = 2};
    static const enum precision precisions[] = {PRECISION_F32, PRECISION_INT8};
    for (int p = 0; p < 2; p++) {
        o.precision = precisions[p];
        o.memory_limit = 0;
        en = jobs_open(models[0], o);
        o.memory_limit = engine_info(en)->weight_bytes + engine_info(en)->scratch_bytes;
        engine_close(en);
        engine_close(jobs_open(models[0], o));
        o.memory_limit--;
        assert_int_equal(try_open(models[0], o, &en, &e), PRECIS_ELIMIT);
        assert_null(en);
    }
    o.memory_limit = 1;
    assert_int_equal(try_open(models[0], o, &en, &e), PRECIS_ELIMIT);
    assert_non_null(strstr(e.text, "the memory limit is 0 MB"));
    assert_null(en);
}

static void cancelling_ends_every_job_once(void **state) {
    (void)state;
    for (int round = 0; round < 12; round++) {
        static struct outcome out[JOBS];
        struct engine *en = jobs_open(
            models[round % 2],
            (struct engine_options){.lanes = 1 + round % 3, .max_sequences = round < 6 ? 50 : 3});
        uint32_t ids[LONGEST];
        uint64_t tickets[JOBS];
        for (int i = 0; i < JOBS; i++) {
            out[i] = (struct outcome){0};
            struct engine_job job = job_of(i, ids, engine_info(en)->vocab, &out[i]);
            tickets[i] = jobs_submit(en, &job);
            assert_true(tickets[i] > 0);
            if (i % 4 == 3)
                engine_cancel(en, tickets[i - round % 3]);
        }
        engine_cancel(en, 123456);
        if (round % 4 == 1)
            engine_cancel(en, 0);
        if (round % 4 < 2)
            engine_drain(en);
        engine_close(en);
        for (int i = 0; i < JOBS; i++) {
            assert_int_equal(out[i].called, 1);
            assert_true(out[i].finish == FINISH_CANCELLED || out[i].finish == FINISH_LENGTH);
            assert_int_equal(out[i].hidden, out[i].finish == FINISH_LENGTH);
        }
    }
}

static void closing_wakes_a_waiting_submit(void **state) {
    (void)state;
    jobs_closing_wakes_submit(
        jobs_open(models[0], (struct engine_options){.lanes = 1, .max_sequences = 1}));
}

static void copy(const char *from, const char *to, bool spoil) {
    struct mapping m;
    struct err e;
    if (file_map(from, &m, &e) != 0)
        fail_msg("%s", e.text);
    FILE *f = fopen(to, "w");
    assert_non_null(f);
    uint64_t header = m.size;
    if (spoil)
        memcpy(&header, m.data, sizeof header);
    for (size_t i = 0; i < m.size; i++)
        fputc(spoil && i >= header + 8 ? 0xff : m.data[i], f);
    assert_int_equal(fclose(f), 0);
    file_unmap(&m);
}

/* All weights are 0xff...: not numbers in any format. */
static void states_that_are_no_numbers_fail_the_job(void **state) {
    (void)state;
    static const char *const names[] = {"config.json", "model.safetensors"};
    char folder[] = "/tmp/precis-encoder-XXXXXX", from[512], to[2][64];
    assert_non_null(mkdtemp(folder));
    for (int i = 0; i < 2; i++) {
        snprintf(from, sizeof from, "%s/%s", models[0], names[i]);
        snprintf(to[i], sizeof to[i], "%s/%s", folder, names[i]);
        copy(from, to[i], i == 1);
    }
    for (int p = 0; p < 2; p++) {
        struct engine_options o = {.precision = p ? PRECISION_INT8 : PRECISION_F32, .lanes = 1};
        struct engine *en = jobs_open(folder, o);
        struct outcome out[3] = {{0}};
        uint32_t ids[LONGEST];
        for (int i = 0; i < 3; i++) {
            struct engine_job job = job_of(i, ids, engine_info(en)->vocab, &out[i]);
            jobs_submit(en, &job);
        }
        engine_drain(en);
        engine_close(en);
        for (int i = 0; i < 3; i++) {
            assert_int_equal(out[i].called, 1);
            assert_int_equal(out[i].finish, FINISH_FAILED);
            assert_int_equal(out[i].hidden, 0);
            assert_string_equal(out[i].err.text, "the model's output is not a number");
        }
    }
    for (int i = 0; i < 2; i++)
        unlink(to[i]);
    rmdir(folder);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(states_depend_on_the_job_alone),
        cmocka_unit_test(info_and_figures),
        cmocka_unit_test(auto_without_int8),
        cmocka_unit_test(jobs_that_do_not_fit_are_refused),
        cmocka_unit_test(options_that_do_not_fit_are_refused),
        cmocka_unit_test(cancelling_ends_every_job_once),
        cmocka_unit_test(states_that_are_no_numbers_fail_the_job),
        cmocka_unit_test(closing_wakes_a_waiting_submit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
