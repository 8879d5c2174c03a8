#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "doubles.h"
#include "fault.h"
#include "summary/folders.h"
#include "summary/prompt_rollup.h"
#include "summary/rollup.h"

/* ---- Folders ---- */

static void finds_the_folders_of_paths(void **state) {
    (void)state;
    static const char *const paths[] = {"/abs/x.c", "a-b/1.c", "a.c",       "a.c",
                                        "a/1.c",    "a//2.c",  "a/b/c/3.c", "a/d/4.c"};
    const char *sorted[8];
    memcpy(sorted, paths, sizeof paths);
    sorted[4] = "a//2.c"; /* byte order */
    sorted[5] = "a/1.c";
    struct folders f;
    struct err e;
    assert_int_equal(folders_make(sorted, 8, &f, &e), 0);
    static const struct {
        const char *path;
        size_t parent, depth;
    } expected[] = {{"", 0, 0},    {"/abs", 0, 1},  {"a-b", 0, 1}, {"a", 0, 1},
                    {"a/b", 3, 2}, {"a/b/c", 4, 3}, {"a/d", 3, 2}};
    assert_int_equal(f.n, sizeof expected / sizeof *expected);
    for (size_t i = 0; i < f.n; i++) {
        assert_string_equal(f.v[i].path, expected[i].path);
        assert_int_equal(f.v[i].parent, expected[i].parent);
        assert_int_equal(f.v[i].depth, expected[i].depth);
    }
    static const size_t of[] = {1, 2, 0, 0, 3, 3, 5, 6};
    assert_memory_equal(f.of, of, sizeof of);
    folders_free(&f);
    assert_string_equal(folders_base("a/b/c.rs"), "c.rs");
    assert_string_equal(folders_base("c.rs"), "c.rs");
}

/* ---- Prompt ---- */

static void open_prompt(struct prompt *p, size_t context) {
    struct err e;
    struct prompt_options o = {.context = context, .max_new_tokens = 64};
    assert_int_equal(prompt_open(p, DOUBLE_TOK, &o, &e), 0);
}

static void spells_the_question(void **state) {
    (void)state;
    struct prompt p;
    open_prompt(&p, 8192);
    static const struct rollup_part parts[] = {{"a\n.c", "Opens it.", 0.5},
                                               {"d/", "Closes it.", 0}};
    struct rollup_question q = {SUMMARY_DIRECTORY, "src/net", parts, 2};
    struct buf text = {0};
    struct ids ids = {0};
    struct err e;
    bool cut;
    assert_int_equal(prompt_rollup_build(&p, &q, &text, &ids, &cut, &e), 0);
    assert_false(cut);
    assert_int_equal(ids.n, text.len); /* a byte is a token here */
    static const char end[] = "\n\n// Folder: src/net\n// - a?.c: Opens it.\n// - d/: Closes it.\n"
                              "// What the folder `src/net` does, in one sentence:";
    assert_string_equal(text.data + text.len - strlen(end), end);
    q.level = SUMMARY_REPOSITORY;
    buf_clear(&text);
    assert_int_equal(prompt_rollup_build(&p, &q, &text, &ids, &cut, &e), 0);
    assert_non_null(strstr(text.data, "// What the repository `src/net` does, in one sentence:"));
    buf_free(&text);
    ids_free(&ids);
    prompt_close(&p);
}

/* 400 parts of some 30 tokens: the best of each group is shown, in order. */
static void shows_what_fits(void **state) {
    (void)state;
    enum { N = 400 };
    static struct rollup_part parts[N];
    static char names[N][16];
    for (int i = 0; i < N; i++) {
        snprintf(names[i], sizeof names[i], "f%03d.c", i);
        parts[i] = (struct rollup_part){names[i], "Does what it does.", i == 200 ? 0.9 : 0.1};
    }
    struct prompt p;
    open_prompt(&p, 8192);
    struct rollup_question q = {SUMMARY_DIRECTORY, "d", parts, N};
    struct buf text = {0};
    struct ids ids = {0};
    struct err e;
    bool cut;
    assert_int_equal(prompt_rollup_build(&p, &q, &text, &ids, &cut, &e), 0);
    assert_true(cut);
    const char *at = strstr(text.data, "// Folder: d\n");
    assert_non_null(at);
    int shown = 0, last = -1, number, hidden = -1;
    for (const char *s = at; (s = strstr(s, "// - f")) != NULL; s += 6, shown++) {
        assert_int_equal(sscanf(s, "// - f%d.c", &number), 1);
        assert_true(number > last);
        last = number;
    }
    assert_true(shown > 30 && shown < 60);
    assert_non_null(strstr(at, "f000.c"));
    assert_non_null(strstr(at, "f200.c"));
    assert_true(last > N - 2 * N / shown);
    at = strstr(at, "// - ... and ");
    assert_non_null(at);
    assert_int_equal(sscanf(at, "// - ... and %d more", &hidden), 1);
    assert_int_equal(shown + hidden, N);
    buf_free(&text);
    ids_free(&ids);
    prompt_close(&p);
}

static void makes_do_with_a_small_context(void **state) {
    (void)state;
    struct prompt p;
    open_prompt(&p, 8192);
    char long_name[1000];
    memset(long_name, 'x', sizeof long_name - 1);
    long_name[sizeof long_name - 1] = 0;
    struct rollup_part parts[] = {{"a.c", "Opens it.", 0.5}, {"b.c", "Closes it.", 0.6}};
    struct rollup_question q = {SUMMARY_FILE, "f.c", parts, 2};
    struct buf text = {0};
    struct ids ids = {0};
    struct err e;
    bool cut;
    p.limit = 140; /* no room for examples */
    assert_int_equal(prompt_rollup_build(&p, &q, &text, &ids, &cut, &e), 0);
    assert_true(ids.n <= p.limit);
    assert_int_equal(strncmp(text.data, "// File: f.c\n", 13), 0);
    assert_false(cut);
    q.name = long_name;
    ids.n = 0;
    assert_int_equal(prompt_rollup_build(&p, &q, &text, &ids, &cut, &e), PRECIS_ELIMIT);
    buf_free(&text);
    ids_free(&ids);
    prompt_close(&p);
}

/* ---- Levels ---- */

struct made_chunk {
    const char *path;
    int first, last;
    const char *line; /* NULL: failed */
};

/* What was delivered, and how. */
struct outcome {
    struct buf text;
    size_t n, finished;
    size_t fail_at;
    atomic_bool *stop;
    size_t stop_at;
    struct policy_options policy;
};

static int on_summary(void *user, const struct summary *s, struct err *e) {
    static const char *const levels[] = {"chunk", "file", "folder", "whole"};
    struct outcome *o = user;
    if (++o->n == o->fail_at)
        return err_set(e, PRECIS_EIO, "disk full");
    buf_printf(&o->text, "%s %s:%d-%d %s|%s|%s|%s|%d\n", levels[s->level], s->file_path,
               (int)s->start_line, (int)s->end_line, s->summary, s->source,
               s->confidence <= 0                ? "0"
               : s->confidence == 0.25           ? "0.25"
               : strcmp(s->source, "model") == 0 ? "sure"
                                                 : "0.50",
               s->error ? s->error : "-", s->known);
    assert_int_equal(strlen(s->sha256), 64);
    return 0;
}

static void on_finished(void *user, const struct summary *s, const struct run_stats *stats) {
    struct outcome *o = user;
    (void)s;
    o->finished++;
    assert_int_equal(stats->rollups_done + stats->rollups_failed, o->finished);
    if (o->stop && o->finished == o->stop_at)
        atomic_store(o->stop, true);
}

/* Names what it is asked about, and how many parts it was shown. */
static void count_parts(void *user, const struct engine_job *job, const char *prompt,
                        struct double_answer *out) {
    (void)user, (void)job;
    const char *question = prompt, *at;
    while ((at = strstr(question + 1, "// What the ")) != NULL)
        question = at;
    const char *begin = prompt;
    while ((at = strstr(begin + 1, "\n\n")) != NULL)
        begin = at;
    int parts = 0;
    for (at = begin; (at = strstr(at, "// - ")) != NULL; at++)
        parts++;
    char name[100] = "";
    assert_int_equal(sscanf(question, "// What the %*s `%99[^`]`", name), 1);
    if (strstr(name, "bad"))
        snprintf(out->text, sizeof out->text, "\n}\n");
    else
        snprintf(out->text, sizeof out->text, " sums up %d parts of %s. And more.", parts, name);
}

static const struct made_chunk chunks[] = {
    {"README.c", 1, 9, "Says hello."},
    {"src/a.c", 1, 10, "Opens a file."},
    {"src/a.c", 11, 20, NULL},
    {"src/a.c", 21, 30, "Closes a file."},
    {"src/bad.c", 1, 10, "Reads."},
    {"src/bad.c", 11, 20, "Writes."},
    {"src/deep/er/x.c", 1, 5, "Sorts numbers."},
    {"src/none.c", 1, 5, NULL},
};

struct opened {
    struct engine *en;
    const struct prompt *prompt;
};

static int open_both(void *user, struct engine **en, const struct prompt **prompt, struct err *e) {
    const struct opened *o = user;
    (void)e;
    *en = o->en;
    *prompt = o->prompt;
    return 0;
}

static int roll_up(const struct made_chunk *c, size_t n, struct double_options o,
                   const struct known *known, struct outcome *out, struct run_stats *stats,
                   size_t *jobs, struct err *e) {
    struct prompt p;
    struct rollup *r;
    struct engine *en = double_engine_open(&o);
    open_prompt(&p, o.context);
    assert_int_equal(rollup_new(&r, e), 0);
    for (size_t i = 0; i < n; i++) {
        struct summary s = {.file_path = c[i].path,
                            .start_line = (uint64_t)c[i].first,
                            .end_line = (uint64_t)c[i].last,
                            .summary = c[i].line ? c[i].line : "",
                            .confidence = c[i].line ? 0.5 : 0,
                            .source = c[i].line ? "doc" : "",
                            .error = c[i].line ? NULL : "no"};
        assert_int_equal(rollup_add(r, &s, e), 0);
    }
    const struct run_options options = {.max_chars = 120,
                                        .max_new_tokens = 200,
                                        .policy = out->policy,
                                        .title = "hello",
                                        .known = known,
                                        .stop = out->stop};
    const struct run_events events = {
        .on_summary = on_summary, .on_finished = on_finished, .user = out};
    *stats = (struct run_stats){.chunks_total = n};
    struct opened opened = {en, &p};
    struct breaker breaker = {0};
    const struct rollup_work work = {.need = open_both,
                                     .user = &opened,
                                     .max_sequences = o.max_sequences,
                                     .limit = p.limit,
                                     .breaker = &breaker,
                                     .options = &options,
                                     .events = &events,
                                     .stats = stats};
    int rc = rollup_execute(r, &work, e);
    *jobs = double_engine_jobs(en);
    rollup_free(r);
    engine_close(en);
    prompt_close(&p);
    return rc;
}

static struct double_options scripted(int agents) {
    return (struct double_options){.lanes = agents < 4 ? agents : 4,
                                   .max_sequences = agents,
                                   .queue = agents,
                                   .context = 8192,
                                   .script = count_parts};
}

enum { N_CHUNKS = sizeof chunks / sizeof *chunks };

static void sums_up_level_by_level(void **state) {
    (void)state;
    struct outcome o = {0};
    struct run_stats stats;
    struct err e;
    size_t jobs;
    assert_int_equal(roll_up(chunks, N_CHUNKS, scripted(4), NULL, &o, &stats, &jobs, &e), 0);
    assert_string_equal(o.text.data,
                        "file README.c:1-9 Says hello.|doc|0.50|-|0\n"
                        "file src/a.c:1-30 Sums up 2 parts of src/a.c.|model|sure|-|0\n"
                        "file src/bad.c:1-20 ||0|the model's answer held no sentence: \"}\"|0\n"
                        "file src/deep/er/x.c:1-5 Sorts numbers.|doc|0.50|-|0\n"
                        "folder src/deep/er:0-0 Sorts numbers.|doc|0.50|-|0\n"
                        "folder src/deep:0-0 Sorts numbers.|doc|0.50|-|0\n"
                        "folder src:0-0 Sums up 2 parts of src.|model|sure|-|0\n"
                        "whole :0-0 Sums up 2 parts of hello.|model|sure|-|0\n");
    assert_int_equal(jobs, 4 + 1); /* one was tried twice */
    assert_int_equal(stats.rollups_done, 7);
    assert_int_equal(stats.rollups_failed, 1);
    assert_true(stats.rollup_seconds > 0);
    buf_free(&o.text);
}

static void is_the_same_for_any_number_of_agents(void **state) {
    (void)state;
    enum { FILES = 150 };
    static struct made_chunk many[2 * FILES];
    static char names[FILES][24];
    for (int i = 0; i < FILES; i++) {
        snprintf(names[i], sizeof names[i], "d%d/e%02d/f%03d.c", i / 50, i / 10, i);
        many[2 * i] = (struct made_chunk){names[i], 1, 3, "Reads it."};
        many[2 * i + 1] = (struct made_chunk){names[i], 4, 6, i % 7 ? "Writes it." : NULL};
    }
    struct buf first = {0};
    static const int agents[] = {1, 2, 7, 20};
    for (size_t i = 0; i < 4; i++) {
        struct outcome o = {0};
        struct run_stats stats;
        struct err e;
        size_t jobs;
        assert_int_equal(roll_up(many, 2 * FILES, scripted(agents[i]), NULL, &o, &stats, &jobs, &e),
                         0);
        assert_int_equal(o.n, FILES + 15 + 3 + 1);
        assert_int_equal(jobs, FILES - 22 + 15 + 3 + 1);
        if (i == 0) {
            first = o.text;
            continue;
        }
        assert_string_equal(o.text.data, first.data);
        buf_free(&o.text);
    }
    buf_free(&first);
}

/* Remembers what it is asked about. */
struct memory {
    char asked[8][HASH_HEX_SIZE * 2];
    size_t n;
    bool knows;
};

static bool find(void *user, const struct summary *about, struct known_line *out) {
    struct memory *m = user;
    char key[HASH_HEX_SIZE * 2];
    snprintf(key, sizeof key, "%s%s", about->sha256, about->context_sha256);
    assert_int_equal(strlen(key), 128);
    if (!m->knows) {
        assert_true(m->n < 8);
        strcpy(m->asked[m->n++], key);
        return false;
    }
    bool hit = false;
    for (size_t i = 0; i < m->n; i++)
        hit |= strcmp(m->asked[i], key) == 0;
    if (hit) {
        buf_printf(&out->line, "Is known of old.");
        out->confidence = 0.25;
        strcpy(out->source, "model");
    }
    return hit;
}

static void asks_for_what_is_known(void **state) {
    (void)state;
    struct memory m = {.n = 0};
    const struct known known = {.find = find, .user = &m};
    struct run_stats stats;
    struct err e;
    size_t jobs;
    struct outcome o = {0}, again = {0}, other = {0};
    static const struct made_chunk two[] = {{"src/a.c", 1, 10, "Opens."},
                                            {"src/a.c", 11, 20, "Closes."},
                                            {"src/b.c", 1, 10, "Opens."},
                                            {"src/b.c", 11, 20, "Shuts."}};
    assert_int_equal(roll_up(two, 4, scripted(2), &known, &o, &stats, &jobs, &e), 0);
    assert_int_equal(jobs, 3);
    assert_int_equal(m.n, 3);
    m.knows = true;
    /* the files' lines are others now, and so is what the folder is made from */
    assert_int_equal(roll_up(two, 4, scripted(2), &known, &again, &stats, &jobs, &e), 0);
    assert_int_equal(jobs, 1);
    assert_string_equal(again.text.data, "file src/a.c:1-20 Is known of old.|model|0.25|-|1\n"
                                         "file src/b.c:1-20 Is known of old.|model|0.25|-|1\n"
                                         "folder src:0-0 Sums up 2 parts of src.|model|sure|-|0\n"
                                         "whole :0-0 Sums up 2 parts of src.|model|sure|-|0\n");
    /* another line in one file */
    struct made_chunk changed[4];
    memcpy(changed, two, sizeof two);
    changed[3].line = "Locks.";
    assert_int_equal(roll_up(changed, 4, scripted(2), &known, &other, &stats, &jobs, &e), 0);
    assert_int_equal(jobs, 2);
    buf_free(&o.text);
    buf_free(&again.text);
    buf_free(&other.text);
}

static void ends_early(void **state) {
    (void)state;
    atomic_bool stop = false;
    struct outcome o = {.stop = &stop, .stop_at = 2};
    struct run_stats stats;
    struct err e;
    size_t jobs;
    assert_int_equal(roll_up(chunks, N_CHUNKS, scripted(1), NULL, &o, &stats, &jobs, &e), 0);
    assert_true(stats.interrupted);
    assert_true(o.n >= 2 && o.n <= 4); /* files alone */
    assert_null(strstr(o.text.data, "folder"));
    buf_free(&o.text);
    o = (struct outcome){.fail_at = 3};
    assert_int_equal(roll_up(chunks, N_CHUNKS, scripted(4), NULL, &o, &stats, &jobs, &e),
                     PRECIS_EIO);
    assert_string_equal(e.text, "disk full");
    assert_int_equal(o.n, 3);
    buf_free(&o.text);
}

static void has_nothing_to_say_of_nothing(void **state) {
    (void)state;
    struct outcome o = {0};
    struct run_stats stats;
    struct err e;
    size_t jobs;
    assert_int_equal(roll_up(chunks, 0, scripted(1), NULL, &o, &stats, &jobs, &e), 0);
    static const struct made_chunk failed[] = {{"a/b.c", 0, 0, NULL}};
    assert_int_equal(roll_up(failed, 1, scripted(1), NULL, &o, &stats, &jobs, &e), 0);
    assert_int_equal(o.n, 0);
    assert_int_equal(jobs, 0);
}

static void times_out(void *user, const struct engine_job *job, const char *prompt,
                      struct double_answer *out) {
    (void)user, (void)job, (void)prompt;
    out->finish = FINISH_FAILED;
    err_set(&out->err, PRECIS_ETIMEOUT, "timed out");
}

/* Twice in three. */
static void fails_at_first(void *user, const struct engine_job *job, const char *prompt,
                           struct double_answer *out) {
    static atomic_size_t asked;
    if (atomic_fetch_add(&asked, 1) % 3 == 2) {
        count_parts(user, job, prompt, out);
        return;
    }
    out->finish = FINISH_FAILED;
    err_set(&out->err, PRECIS_EIO, "reading failed");
}

static void tries_again_what_may_work_then(void **state) {
    (void)state;
    static const struct made_chunk two[] = {{"a.c", 1, 10, "Reads."},
                                            {"a.c", 11, 20, "Writes."},
                                            {"b.c", 1, 10, "Reads."},
                                            {"b.c", 11, 20, "Writes."}};
    struct outcome whole = {0}, o = {.policy = {.retries = 9, .backoff = 0.01, .most_backoff = 1}};
    struct run_stats stats;
    struct err e;
    size_t jobs;
    assert_int_equal(roll_up(two, 4, scripted(1), NULL, &whole, &stats, &jobs, &e), 0);
    assert_int_equal(jobs, 3);
    assert_int_equal(stats.retries, 0);
    struct double_options scripts = scripted(1);
    scripts.script = fails_at_first;
    assert_int_equal(roll_up(two, 4, scripts, NULL, &o, &stats, &jobs, &e), 0);
    assert_string_equal(o.text.data, whole.text.data);
    assert_int_equal(jobs, 9);
    assert_int_equal(stats.retries, 6);
    assert_int_equal(stats.rollups_failed, 0);
    struct outcome never = {0};
    assert_int_equal(roll_up(two, 4, scripts, NULL, &never, &stats, &jobs, &e), 0);
    assert_non_null(strstr(never.text.data, "reading failed"));
    assert_int_equal(stats.retries, 0);
    buf_free(&never.text);
    buf_free(&o.text);
    buf_free(&whole.text);
}

static void fails_and_stops(void *user, const struct engine_job *job, const char *prompt,
                            struct double_answer *out) {
    (void)job, (void)prompt;
    out->finish = FINISH_FAILED;
    err_set(&out->err, PRECIS_EIO, "reading failed");
    atomic_store((atomic_bool *)user, true);
}

/* It would be tried again in hours. */
static void an_interruption_does_not_wait_for_retries(void **state) {
    (void)state;
    static const struct made_chunk two[] = {{"a.c", 1, 10, "Reads."}, {"a.c", 11, 20, "Writes."}};
    atomic_bool stop = false;
    struct outcome o = {.policy = {.retries = 2, .backoff = 1e6, .most_backoff = 1e6},
                        .stop = &stop};
    struct double_options scripts = scripted(1);
    struct run_stats stats;
    struct err e;
    size_t jobs;
    scripts.script = fails_and_stops;
    scripts.user = &stop;
    assert_int_equal(roll_up(two, 2, scripts, NULL, &o, &stats, &jobs, &e), 0);
    assert_int_equal(jobs, 1);
    assert_true(stats.interrupted);
    assert_int_equal(o.n, 0);
    buf_free(&o.text);
}

/* The breaker of the chunks is that of the roll-ups. */
static void leaves_a_model_that_only_fails_alone(void **state) {
    (void)state;
    enum { FILES = 60 };
    static char names[FILES][8];
    static struct made_chunk many[2 * FILES];
    for (int i = 0; i < FILES; i++) {
        snprintf(names[i], sizeof names[i], "f%02d.c", i);
        many[2 * i] = (struct made_chunk){names[i], 1, 10, "Reads."};
        many[2 * i + 1] = (struct made_chunk){names[i], 11, 20, "Writes."};
    }
    struct outcome o = {.policy = {.breaker_after = 3, .breaker_pause = 1000, .most_pause = 1000}};
    struct double_options scripts = scripted(1);
    struct run_stats stats;
    struct err e;
    size_t jobs;
    scripts.script = times_out;
    assert_int_equal(roll_up(many, 2 * FILES, scripts, NULL, &o, &stats, &jobs, &e), 0);
    assert_true(jobs >= 3 && jobs <= 5); /* two are under way at most */
    assert_int_equal(stats.timeouts, jobs);
    assert_int_equal(stats.breaker_opened, 1);
    assert_int_equal(stats.rollups_failed, FILES);
    assert_non_null(strstr(o.text.data, "not asked: the model failed 3 times in a row"));
    buf_free(&o.text);
}

/* ---- Memory ---- */

static int make_folders(void *user, struct err *e) {
    (void)user;
    static const char *const paths[] = {"a/b/c/d.c", "a/e.c", "f/g/h.c"};
    struct folders f;
    int rc = folders_make(paths, 3, &f, e);
    folders_free(&f);
    return rc;
}

static int build(void *user, struct err *e) {
    static const struct rollup_part parts[] = {{"a.c", "Opens it.", 0.5}, {"d/", "Closes it.", 0}};
    const struct rollup_question q = {SUMMARY_DIRECTORY, "src/net", parts, 2};
    struct buf text = {0};
    struct ids ids = {0};
    bool cut;
    int rc = prompt_rollup_build(user, &q, &text, &ids, &cut, e);
    buf_free(&text);
    ids_free(&ids);
    return rc;
}

static int take(void *user, const struct summary *s, struct err *e) {
    (void)user, (void)s, (void)e;
    return 0;
}

/* Files of one chunk, so that no engine is asked and nothing runs on the side. */
static int execute(void *user, struct err *e) {
    (void)user;
    const struct run_options options = {.max_chars = 120, .max_new_tokens = 64};
    struct run_stats stats = {0};
    const struct run_events events = {.on_summary = take};
    const struct rollup_work work = {
        .max_sequences = 1, .options = &options, .events = &events, .stats = &stats};
    struct rollup *r = NULL;
    int rc = rollup_new(&r, e);
    struct summary s = {.file_path = "a/b/c.c",
                        .start_line = 1,
                        .end_line = 2,
                        .symbol = "c",
                        .summary = "Opens it.",
                        .source = "model"};
    if (rc == 0)
        rc = rollup_add(r, &s, e);
    if (rc == 0)
        rc = rollup_execute(r, &work, e);
    rollup_free(r);
    return rc;
}

static void says_when_memory_runs_out(void **state) {
    (void)state;
    struct prompt p;
    open_prompt(&p, 8192);
    assert_true(fault_each(&fault_memory, FAULT_LASTING, make_folders, NULL) > 5);
    assert_true(fault_each(&fault_memory, FAULT_ONCE, make_folders, NULL) > 5);
    assert_true(fault_each(&fault_memory, FAULT_LASTING, build, &p) > 5);
    assert_true(fault_each(&fault_memory, FAULT_ONCE, build, &p) > 5);
    assert_true(fault_each(&fault_memory, FAULT_LASTING, execute, NULL) > 10);
    prompt_close(&p);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(finds_the_folders_of_paths),
        cmocka_unit_test(spells_the_question),
        cmocka_unit_test(shows_what_fits),
        cmocka_unit_test(makes_do_with_a_small_context),
        cmocka_unit_test(sums_up_level_by_level),
        cmocka_unit_test(is_the_same_for_any_number_of_agents),
        cmocka_unit_test(asks_for_what_is_known),
        cmocka_unit_test(ends_early),
        cmocka_unit_test(has_nothing_to_say_of_nothing),
        cmocka_unit_test(tries_again_what_may_work_then),
        cmocka_unit_test(an_interruption_does_not_wait_for_retries),
        cmocka_unit_test(leaves_a_model_that_only_fails_alone),
        cmocka_unit_test(says_when_memory_runs_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
