/* A run that asks for lines of earlier ones: what is known is not generated, and is delivered and
 * counted as if it had been. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/file.h"
#include "code/changes.h"
#include "doubles.h"
#include "summary/run.h"
#include "tree.h"

enum { FILES = 30, CHUNKS = 3 * FILES, LOC = 2 };

static const struct lang c_lang = {"c", "C", LANG_CODE};

static char *root;
static struct walk_file files[FILES];
static const struct walk walk = {.files = files, .n = FILES};

/* Files of five lines, 2 + 2 + 1. */
static int set_up(void **state) {
    (void)state;
    root = tree_new();
    for (int i = 0; i < FILES; i++) {
        char name[16], text[160];
        snprintf(name, sizeof name, "f%02d.c", i);
        int n = 0;
        for (int line = 0; line < 5; line++)
            n += snprintf(text + n, sizeof text - (size_t)n, "int v_%d_%d;\n", i, line);
        tree_write(root, name, text);
        files[i] = (struct walk_file){.name = strdup(name),
                                      .path = file_join(root, name),
                                      .size = (uint64_t)n,
                                      .lang = &c_lang};
    }
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    for (int i = 0; i < FILES; i++) {
        free(files[i].name);
        free(files[i].path);
    }
    tree_remove(root);
    return 0;
}

static void say_it(void *user, const struct engine_job *job, const char *prompt,
                   struct double_answer *out) {
    (void)user, (void)job;
    int a = 0, b = 0;
    const char *at = strstr(prompt, "int v_");
    if (at)
        sscanf(at, "int v_%d_%d", &a, &b);
    snprintf(out->text, sizeof out->text, " defines the variable v_%d_%d. And so on.", a, b);
}

/* Lines that a run delivered, by their chunk; what the next one asks. */
struct memory {
    struct kept {
        char line[160], sha256[HASH_HEX_SIZE], context[HASH_HEX_SIZE];
        double confidence;
        size_t tokens_in, tokens_out;
        uint64_t end_line;
    } chunks[CHUNKS];
    size_t asked;
    /* of what is asked: 0 nothing is known, 1 every chunk, 2 every second one, 3 every second file,
     * 4 every file */
    int which;
    const char *source;  /* of what is given out, of three letters; NULL: "model" */
    const char *instead; /* a line that is given out in the place of all */
    double confidence;   /* likewise; 0: the kept one */
};

static bool find(void *user, const struct summary *about, struct known_line *out) {
    struct memory *m = user;
    const size_t file = (size_t)atoi(about->file_path + 1);
    const size_t i = 3 * file + (size_t)(about->start_line / LOC);
    assert_int_equal(about->level, SUMMARY_CHUNK);
    assert_ptr_equal(about->lang, &c_lang);
    m->asked++;
    const struct kept *k = &m->chunks[i];
    if (m->which != 1 && (m->which != 2 || i % 2))
        return false;
    assert_string_equal(about->sha256, k->sha256);
    assert_string_equal(about->context_sha256, k->context);
    buf_str(&out->line, m->instead ? m->instead : k->line);
    out->confidence = m->confidence != 0 ? m->confidence : k->confidence;
    out->tokens_in = k->tokens_in;
    out->tokens_out = k->tokens_out;
    memcpy(out->source, m->source ? m->source : "model", m->source ? 4 : 6);
    return true;
}

struct delivered {
    struct memory *keep; /* may be NULL */
    struct buf text;
    size_t known, n;
};

static int on_summary(void *user, const struct summary *s, struct err *e) {
    (void)e;
    struct delivered *d = user;
    assert_int_equal(s->index, d->n);
    assert_string_equal(s->source, "model");
    assert_true(!s->known || s->elapsed_ms == 0);
    d->known += s->known;
    buf_printf(&d->text, "%s:%d-%d %s|%.3f|%s|%zu+%zu\n", s->file_path, (int)s->start_line,
               (int)s->end_line, s->summary, s->confidence, s->error ? s->error : "-", s->tokens_in,
               s->tokens_out);
    if (d->keep) {
        struct kept *k = &d->keep->chunks[d->n];
        snprintf(k->line, sizeof k->line, "%s", s->summary);
        memcpy(k->sha256, s->sha256, sizeof k->sha256);
        memcpy(k->context, s->context_sha256, sizeof k->context);
        k->confidence = s->confidence;
        k->tokens_in = s->tokens_in;
        k->tokens_out = s->tokens_out;
        k->end_line = s->end_line;
    }
    d->n++;
    return 0;
}

/* Returns the jobs that the engine had. */
static size_t execute(struct memory *asked, const char *instruction, struct delivered *d,
                      struct run_stats *stats) {
    struct err e = {0};
    const struct double_options o = {
        .lanes = 2, .max_sequences = 4, .queue = 8, .context = 4096, .script = say_it};
    struct engine *en = double_engine_open(&o);
    const struct known known = {.find = find, .user = asked};
    const struct run_options options = {.loc = LOC,
                                        .max_chars = 120,
                                        .max_new_tokens = 200,
                                        .instruction = instruction,
                                        .no_fallback = true,
                                        .known = asked ? &known : NULL};
    struct run *r;
    assert_int_equal(run_prepare(&walk, &options, en, DOUBLE_TOK, DOUBLE_CHAT, &r, &e), 0);
    const struct run_events events = {.on_summary = on_summary, .user = d};
    if (run_execute(r, &events, &e) != 0)
        fail_msg("%s", e.text);
    *stats = *run_stats(r);
    stats->latencies_ms = NULL;
    const size_t jobs = double_engine_jobs(en);
    run_free(r);
    engine_close(en);
    return jobs;
}

static struct memory first;
static char *expected;

static void a_first_run_is_remembered(void **state) {
    (void)state;
    struct delivered d = {.keep = &first};
    struct run_stats stats;
    assert_int_equal(execute(&first, NULL, &d, &stats), CHUNKS);
    assert_int_equal(first.asked, CHUNKS);
    assert_int_equal(stats.chunks_known, 0);
    assert_int_equal(stats.lines_known, 0);
    expected = d.text.data;
}

static void what_is_known_is_not_generated(void **state) {
    (void)state;
    struct delivered d = {0};
    struct run_stats stats;
    first.which = 1;
    assert_int_equal(execute(&first, NULL, &d, &stats), 0);
    assert_string_equal(d.text.data, expected);
    assert_int_equal(stats.chunks_done, CHUNKS);
    assert_int_equal(stats.chunks_known, CHUNKS);
    assert_int_equal(stats.lines_known, stats.lines);
    assert_int_equal(stats.tokens_in + stats.tokens_out, 0);
    assert_int_equal(stats.n_latencies, 0);
    assert_int_equal(stats.distinct, CHUNKS);
    assert_true(stats.confidence_sum > 0 && stats.longest > 0);
    buf_free(&d.text);
}

static void the_rest_is_and_all_comes_in_order(void **state) {
    (void)state;
    struct delivered d = {0};
    struct run_stats stats;
    first.which = 2;
    assert_int_equal(execute(&first, NULL, &d, &stats), CHUNKS / 2);
    assert_string_equal(d.text.data, expected);
    assert_int_equal(d.known, CHUNKS / 2);
    assert_int_equal(stats.chunks_known, CHUNKS / 2);
    assert_int_equal(stats.n_latencies, CHUNKS / 2);
    assert_true(stats.tokens_in > 0 && stats.tokens_out > 0);
    buf_free(&d.text);
}

static void expect_all_generated(struct memory *m) {
    struct delivered d = {0};
    struct run_stats stats;
    assert_int_equal(execute(m, NULL, &d, &stats), CHUNKS);
    assert_string_equal(d.text.data, expected);
    assert_int_equal(stats.chunks_known, 0);
    buf_free(&d.text);
}

/* The parts of what makes lines, as they are opened. */
struct parts {
    struct engine *en;
    int opened, fails; /* fails: at that one */
};

static int open_part(void *user, enum run_part part, struct run_tools *tools, struct err *e) {
    struct parts *p = user;
    assert_int_equal(part, p->opened);
    if (p->opened == p->fails)
        return err_set(e, PRECIS_EIO, "part %d is gone", p->fails);
    if (p->opened++ == RUN_MODEL) {
        tools->en = p->en;
        tools->tok = DOUBLE_TOK;
        tools->chat = DOUBLE_CHAT;
    }
    return 0;
}

static bool find_file(void *user, const char *path, const uint8_t sha256[HASH_SHA256_SIZE],
                      struct known_chunks *out) {
    struct memory *m = user;
    const int file = atoi(path + 1);
    (void)sha256;
    if (m->which != 4 && (m->which != 3 || file % 2))
        return false;
    out->v = calloc(CHUNKS / FILES, sizeof *out->v);
    assert_non_null(out->v);
    for (uint64_t i = 0; i < CHUNKS / FILES; i++) {
        const struct kept *k = &m->chunks[3 * file + (int)i];
        struct known_chunk *c = &out->v[out->n++];
        c->start_line = i * LOC + 1;
        c->end_line = k->end_line;
        buf_str(&c->line.line, k->line);
        c->line.confidence = k->confidence;
        c->line.tokens_in = k->tokens_in;
        c->line.tokens_out = k->tokens_out;
        memcpy(c->line.source, "model", 6);
        memcpy(c->sha256, k->sha256, sizeof c->sha256);
    }
    return true;
}

static int execute_lazily(struct parts *p, struct delivered *d, struct err *e) {
    const struct double_options o = {
        .lanes = 2, .max_sequences = 4, .queue = 8, .context = 4096, .script = say_it};
    p->en = double_engine_open(&o);
    const struct known known = {.find = find, .user = &first, .file = find_file};
    const struct run_lazy lazy = {
        .context = o.context, .max_sequences = o.max_sequences, .open = open_part, .user = p};
    const struct run_options options = {.loc = LOC,
                                        .max_chars = 120,
                                        .max_new_tokens = 200,
                                        .no_fallback = true,
                                        .known = &known,
                                        .lazy = &lazy};
    struct run *r;
    assert_int_equal(run_prepare(&walk, &options, NULL, NULL, NULL, &r, e), 0);
    assert_int_equal(p->opened, 0);
    const struct run_events events = {.on_summary = on_summary, .user = d};
    int rc = run_execute(r, &events, e);
    run_free(r);
    engine_close(p->en);
    return rc;
}

static void what_makes_lines_is_opened_when_one_is_wanted(void **state) {
    (void)state;
    /* by what is known; a file that is read takes a tokenizer */
    static const int opened[] = {RUN_PARTS, 1 + RUN_MODEL, RUN_PARTS, RUN_PARTS, 0};
    for (int which = 0; which < 5; which++) {
        struct parts p = {.fails = RUN_PARTS};
        struct delivered d = {0};
        struct err e = {0};
        first.which = which;
        if (execute_lazily(&p, &d, &e) != 0)
            fail_msg("%s", e.text);
        assert_string_equal(d.text.data, expected);
        assert_int_equal(p.opened, opened[which]);
        buf_free(&d.text);
    }
}

static void a_part_that_does_not_open_ends_the_run(void **state) {
    (void)state;
    first.which = 0;
    for (int part = 0; part < RUN_PARTS; part++) {
        struct parts p = {.fails = part};
        struct delivered d = {0};
        struct err e = {0};
        char want[32];
        snprintf(want, sizeof want, "part %d is gone", part);
        assert_int_equal(execute_lazily(&p, &d, &e), PRECIS_EIO);
        assert_string_equal(e.text, want);
        assert_int_equal(d.n, 0);
        buf_free(&d.text);
    }
}

/* The store may come from strangers. */
static void lines_that_no_run_makes_are_made_anew(void **state) {
    (void)state;
    char longer[122];
    memset(longer, 'x', sizeof longer - 1);
    longer[sizeof longer - 1] = 0;
    first.which = 1;
    const char *const lines[] = {longer, "", "Not \xff UTF-8."};
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
        first.instead = lines[i];
        expect_all_generated(&first);
    }
    first.instead = NULL;
    first.confidence = 1.5;
    expect_all_generated(&first);
    first.confidence = 0;
    first.source = "bad";
    expect_all_generated(&first);
    first.source = NULL;
    free(expected);
}

struct seen {
    size_t shown, aside, aside_known;
};

static int on_changed(void *user, const struct summary *s, struct err *e) {
    (void)e;
    struct seen *seen = user;
    assert_int_equal(s->level, SUMMARY_CHUNK);
    assert_int_equal(s->start_line, 3);
    assert_false(s->aside);
    seen->shown++;
    return 0;
}

static void on_end(void *user, const struct summary *s, const struct run_stats *stats) {
    (void)stats;
    struct seen *seen = user;
    seen->aside += s->aside;
    seen->aside_known += s->aside && s->known;
    assert_true(!s->aside || s->known || (s->error && !s->final && !s->nothing));
}

/* The second chunk of each file is asked about; the others are looked up. */
static size_t run_changed(struct memory *asked, struct seen *seen, struct run_stats *stats) {
    const struct double_options o = {
        .lanes = 2, .max_sequences = 4, .queue = 8, .context = 4096, .script = say_it};
    struct engine *en = double_engine_open(&o);
    const struct known known = {.find = find, .user = asked};
    const struct run_options options = {
        .loc = LOC, .max_chars = 120, .max_new_tokens = 200, .known = &known};
    struct err e = {0};
    struct run *r;
    assert_int_equal(run_prepare(&walk, &options, en, DOUBLE_TOK, DOUBLE_CHAT, &r, &e), 0);
    const struct run_events events = {
        .on_summary = on_changed, .on_finished = on_end, .user = seen};
    assert_int_equal(run_execute(r, &events, &e), 0);
    *stats = *run_stats(r);
    const size_t jobs = double_engine_jobs(en);
    run_free(r);
    engine_close(en);
    return jobs;
}

static void chunks_that_did_not_change_are_set_aside(void **state) {
    (void)state;
    struct hunk hunk = {.old_first = 4, .old_lines = 1, .new_first = 4, .new_lines = 1};
    const struct changed_file changed = {.hunks = &hunk, .n = 1};
    struct run_stats stats;
    for (int i = 0; i < FILES; i++)
        files[i].changed = &changed;
    struct seen seen = {0};
    first.which = 0;
    assert_int_equal(run_changed(&first, &seen, &stats), FILES);
    assert_int_equal(seen.shown, FILES);
    assert_int_equal(seen.aside, 2 * FILES);
    assert_int_equal(seen.aside_known, 0);
    assert_int_equal(stats.chunks_total, FILES);
    assert_int_equal(stats.chunks_done, FILES);
    assert_int_equal(stats.chunks_failed, 0);
    seen = (struct seen){0};
    first.which = 1;
    assert_int_equal(run_changed(&first, &seen, &stats), 0);
    assert_int_equal(seen.shown, FILES);
    assert_int_equal(seen.aside_known, 2 * FILES);
    assert_int_equal(stats.chunks_known, FILES);
    for (int i = 0; i < FILES; i++)
        files[i].changed = NULL;
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_first_run_is_remembered),
        cmocka_unit_test(what_is_known_is_not_generated),
        cmocka_unit_test(the_rest_is_and_all_comes_in_order),
        cmocka_unit_test(what_makes_lines_is_opened_when_one_is_wanted),
        cmocka_unit_test(a_part_that_does_not_open_ends_the_run),
        cmocka_unit_test(lines_that_no_run_makes_are_made_anew),
        cmocka_unit_test(chunks_that_did_not_change_are_set_aside),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
