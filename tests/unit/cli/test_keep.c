/* The store of a run, as the run writes lines to it and asks for them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <unistd.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <sqlite3.h>

#include "base/file.h"
#include "base/log.h"
#include "cli/keep.h"
#include "fault.h"
#include "tree.h"

#define SHA_A "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
#define SHA_B "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

static const struct lang c_lang = {"c", "C", LANG_CODE}, go_lang = {"go", "Go", LANG_CODE};
static const struct provenance tiny = {.model = "tiny",
                                       .model_revision = "rev",
                                       .precision = "int8",
                                       .file_type = "F32",
                                       .prompt_version = "line-2",
                                       .sampling = "greedy",
                                       .judged_by = "words",
                                       .isa = "avx2"};
static const struct sampling greedy = {.strategy = SAMPLE_GREEDY, .repetition_penalty = 1};

static struct fixture {
    char *root;
    struct walk walk;
    struct args args;
    char said[2000]; /* warnings */
} fix;

static void hear(void *user, enum log_level level, const char *line) {
    (void)user, (void)level;
    const size_t n = strlen(fix.said);
    snprintf(fix.said + n, sizeof fix.said - n, "%s\n", line);
}

static int set_up(void **state) {
    (void)state;
    struct err e;
    fix = (struct fixture){.root = tree_new(), .args = {.max_chars = 120, .max_new_tokens = 48}};
    fix.args.store = fix.root;
    tree_write(fix.root, "a.c", "int x;\nint y;\n");
    tree_write(fix.root, "b.c", "int x;\nint y;\n");
    tree_write(fix.root, "sub/a.c", "int x;\nint y;\n");
    if (walk_tree(fix.root, &(struct walk_options){0}, &fix.walk, &e) != 0)
        fail_msg("%s", e.text);
    log_set_sink(hear, NULL, LOG_WARN);
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    log_set_sink(NULL, NULL, LOG_WARN);
    walk_free(&fix.walk);
    tree_remove(fix.root);
    return 0;
}

static struct keep *open_asked(const struct args *a, const struct provenance *made,
                               const struct sampling *sampling, const struct asked *asked,
                               struct known *known) {
    struct keep *k;
    struct err e;
    if (keep_open(a, fix.root, &fix.walk, made, sampling, asked, &k, &e) != 0)
        fail_msg("%s", e.text);
    assert_non_null(k);
    keep_known(k, NULL, known);
    return k;
}

static struct keep *open_keep(const struct args *a, const struct provenance *made,
                              const struct sampling *sampling, struct known *known) {
    return open_asked(a, made, sampling, NULL, known);
}

static void end(struct keep *k, bool ended) {
    keep_end(k, ended);
    keep_close(k);
}

static struct summary line_at(const char *path, uint64_t first, const char *line) {
    struct summary s = {.file_path = path,
                        .start_line = first,
                        .end_line = first,
                        .lang = &c_lang,
                        .summary = line,
                        .confidence = 0.75,
                        .source = "model",
                        .tokens_in = 100,
                        .tokens_out = 10,
                        .cut = true,
                        .elapsed_ms = 5,
                        .sha256 = SHA_A,
                        .context_sha256 = SHA_B};
    return s;
}

/* One run that puts a line. */
static void keep_one(const struct summary *s) {
    struct known known;
    struct keep *k = open_keep(&fix.args, &tiny, &greedy, &known);
    keep_line(k, s);
    end(k, true);
}

static bool is_known(const struct known *known, const struct summary *about) {
    struct known_line line = {0};
    const bool found = known->find(known->user, about, &line);
    if (found)
        assert_string_equal(line.line.data, "Holds x.");
    buf_free(&line.line);
    return found;
}

static void a_line_is_found_by_the_next_run(void **state) {
    (void)state;
    const struct summary s = line_at("a.c", 1, "Holds x.");
    struct known_line line = {0};
    struct known known;
    keep_one(&s);
    struct keep *k = open_keep(&fix.args, &tiny, &greedy, &known);
    assert_true(known.find(known.user, &s, &line));
    assert_string_equal(line.line.data, "Holds x.");
    assert_string_equal(line.source, "model");
    assert_true(line.confidence == 0.75 && line.cut);
    assert_int_equal(line.tokens_in, 100);
    assert_int_equal(line.tokens_out, 10);
    buf_free(&line.line);
    end(k, true);
    assert_string_equal(fix.said, "");
}

static void another_text_place_language_or_context_is_a_miss(void **state) {
    (void)state;
    const struct summary s = line_at("a.c", 1, "Holds x.");
    struct known known;
    keep_one(&s);
    struct keep *k = open_keep(&fix.args, &tiny, &greedy, &known);
    assert_true(is_known(&known, &s));
    struct summary others[] = {s, s, s, s, s, s, s, s};
    others[0].file_path = "b.c";
    others[1].file_path = "sub/a.c";
    others[2].file_path = "nowhere.c";
    others[3].start_line = others[3].end_line = 2;
    others[4].lang = &go_lang;
    memcpy(others[5].sha256, SHA_B, sizeof SHA_B);
    memcpy(others[6].context_sha256, SHA_A, sizeof SHA_A);
    others[7].sha256[0] = 0;
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        if (is_known(&known, &others[i]))
            fail_msg("other %zu is known", i);
    assert_true(is_known(&known, &s));
    end(k, true);
    assert_string_equal(fix.said, "");
}

static bool known_with(const struct args *a, const struct provenance *made,
                       const struct sampling *sampling) {
    const struct summary s = line_at("a.c", 1, "Holds x.");
    struct known known;
    struct keep *k = open_keep(a, made, sampling, &known);
    const bool found = is_known(&known, &s);
    end(k, true);
    return found;
}

static void another_model_prompt_or_parameter_is_a_miss(void **state) {
    (void)state;
    const struct summary s = line_at("a.c", 1, "Holds x.");
    keep_one(&s);
    struct provenance p[5] = {tiny, tiny, tiny, tiny, tiny};
    p[0].model_revision = "another";
    p[1].precision = "f32";
    p[2].prompt_version = "line-3";
    p[3].isa = "avx512-vnni";
    p[4].seed = 1;
    for (size_t i = 0; i < sizeof p / sizeof *p; i++)
        assert_false(known_with(&fix.args, &p[i], &greedy));
    struct args a[3] = {fix.args, fix.args, fix.args};
    a[0].max_chars = 100;
    a[1].max_new_tokens = 32;
    a[2].prompt = "What for?";
    for (size_t i = 0; i < sizeof a / sizeof *a; i++)
        assert_false(known_with(&a[i], &tiny, &greedy));
    const struct sampling draws = {
        .strategy = SAMPLE_TEMPERATURE, .temperature = 0.3f, .repetition_penalty = 1};
    assert_false(known_with(&fix.args, &tiny, &draws));
    struct provenance renamed = tiny;
    renamed.model = "the same under another name";
    assert_true(known_with(&fix.args, &renamed, &greedy));
}

static void without_a_cache_or_a_store_nothing_is_known(void **state) {
    (void)state;
    const struct summary s = line_at("a.c", 1, "Holds x.");
    struct known known;
    keep_one(&s);
    struct args a = fix.args;
    a.no_cache = true;
    assert_false(known_with(&a, &tiny, &greedy));
    keep_known(NULL, NULL, &known);
    assert_false(is_known(&known, &s));
    keep_commit(NULL);
}

/* What keep_find_model reads by, for a run with that; NULL: nothing. */
static struct store *seen_with(const struct args *a) {
    const struct asked asked = {.whole = true};
    struct asked_model before;
    struct store *seen;
    assert_false(keep_find_model(a, fix.root, &asked, &before, &seen));
    asked_model_free(&before);
    return seen;
}

static void the_handle_of_the_first_look_serves_on(void **state) {
    (void)state;
    const struct summary s = line_at("a.c", 1, "Holds x.");
    struct err e;
    struct known known;
    struct keep *k;
    assert_null(seen_with(&fix.args)); /* there is no store yet */
    keep_one(&s);
    struct args none = fix.args, blind = fix.args;
    none.no_store = blind.no_cache = true;
    assert_null(seen_with(&none));
    assert_null(seen_with(&blind));
    struct store *seen = seen_with(&fix.args);
    assert_non_null(seen);
    assert_int_equal(keep_open(&fix.args, fix.root, &fix.walk, &tiny, &greedy, NULL, &k, &e), 0);
    keep_known(k, seen, &known);
    assert_true(is_known(&known, &s));
    end(k, true);
    keep_known(NULL, seen_with(&fix.args), &known); /* LeakSanitizer knows whether it is closed */
}

static int64_t number_of(const char *sql) {
    char path[4200];
    sqlite3 *db;
    sqlite3_stmt *st;
    snprintf(path, sizeof path, "%s/.precis/precis.db", fix.root);
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_prepare_v2(db, sql, -1, &st, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_step(st), SQLITE_ROW);
    const int64_t n = sqlite3_column_int64(st, 0);
    sqlite3_finalize(st);
    sqlite3_close(db);
    return n;
}

/* Their age is what says which of two lines at a place is read. */
static void known_lines_stand_in_this_run(void **state) {
    (void)state;
    struct summary one = line_at("a.c", 1, "Holds x."), other = line_at("b.c", 1, "Holds y.");
    struct known known;
    keep_one(&one);
    struct keep *k = open_keep(&fix.args, &tiny, &greedy, &known);
    one.known = true;
    keep_line(k, &one);
    assert_int_equal(number_of("SELECT max(seen) FROM chunks"), 1); /* it may wait */
    keep_line(k, &other);
    assert_int_equal(number_of("SELECT count(*) FROM chunks WHERE seen = 2"), 2);
    end(k, true);
    k = open_keep(&fix.args, &tiny, &greedy, &known);
    keep_line(k, &one);
    keep_commit(k);
    assert_int_equal(number_of("SELECT count(*) FROM chunks WHERE seen = 3"), 1);
    other.known = true;
    keep_line(k, &other);
    end(k, true);
    assert_int_equal(number_of("SELECT count(*) FROM chunks WHERE seen = 3"), 2);
    assert_int_equal(number_of("SELECT count(*) FROM summaries"), 2);
    assert_string_equal(fix.said, "");
}

/* What a transaction that is taken back noted of files is noted again. */
static void a_line_that_cannot_be_put_takes_no_file_with_it(void **state) {
    (void)state;
    struct summary one = line_at("a.c", 1, "Holds x."), bad = line_at("b.c", 1, "Two\nlines");
    struct known known;
    struct keep *k = open_keep(&fix.args, &tiny, &greedy, &known);
    one.known = true;
    keep_line(k, &one);
    keep_line(k, &bad);
    assert_non_null(strstr(fix.said, "not one line of UTF-8"));
    one.start_line = one.end_line = 2;
    one.known = false;
    keep_line(k, &one);
    end(k, true);
    assert_int_equal(number_of("SELECT count(*) FROM chunks"), 1);
    assert_non_null(strstr(fix.said, "1 lines are not in the store"));
}

static void a_damaged_store_is_said_once_and_missed(void **state) {
    (void)state;
    const struct summary s = line_at("a.c", 1, "Holds x.");
    struct known known;
    keep_one(&s);
    char path[4200];
    snprintf(path, sizeof path, "%s/.precis/precis.db", fix.root);
    sqlite3 *db;
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, "UPDATE summaries SET line = 'two' || char(10) || 'lines'",
                                  NULL, NULL, NULL),
                     SQLITE_OK);
    sqlite3_close(db);
    struct keep *k = open_keep(&fix.args, &tiny, &greedy, &known);
    assert_false(is_known(&known, &s));
    const size_t said = strlen(fix.said);
    assert_non_null(strstr(fix.said, "is damaged"));
    assert_non_null(strstr(fix.said, "its lines are made anew"));
    assert_false(is_known(&known, &s));
    assert_int_equal(strlen(fix.said), said);
    end(k, true);
}

static void a_source_of_another_kind_is_a_miss(void **state) {
    (void)state;
    struct summary s = line_at("a.c", 1, "Holds x.");
    struct known known;
    s.source = "somebody else";
    keep_one(&s);
    struct keep *k = open_keep(&fix.args, &tiny, &greedy, &known);
    assert_false(is_known(&known, &s));
    end(k, true);
}

/* "nothing: WHY" or the line of each chunk of a.c, as a run that asks the same finds it; NULL: the
 * file is not known. Until the next call. */
static const char *file_as_asked(const struct asked *asked, const struct provenance *made) {
    static struct buf out;
    uint8_t sha256[HASH_SHA256_SIZE];
    struct known known;
    struct known_chunks c = {0};
    assert_int_equal(hash_sha256("int x;\nint y;\n", 14, sha256, NULL), 0);
    struct keep *k = open_asked(&fix.args, made, &greedy, asked, &known);
    const bool found = known.file(known.user, "a.c", sha256, &c);
    buf_clear(&out);
    for (size_t i = 0; i < c.n; i++)
        buf_printf(&out, "%s%s %.4s\n", c.v[i].line.nothing ? "nothing: " : "",
                   c.v[i].line.line.data, c.v[i].sha256);
    known_chunks_free(&c);
    end(k, true);
    return found ? out.data : NULL;
}

/* One run that comes to a line of the first chunk of a.c, and to none of the second. */
static void keep_both(const struct asked *asked, const struct provenance *made, const char *error,
                      const char *nothing) {
    struct summary one = line_at("a.c", 1, "Holds x."), two = line_at("a.c", 2, "");
    struct known known;
    two.source = "";
    two.error = error;
    two.nothing = nothing;
    one.final = two.final = true;
    struct keep *k = open_asked(&fix.args, made, &greedy, asked, &known);
    keep_line(k, &two);
    keep_line(k, &one);
    end(k, true);
}

static void a_file_is_known_with_a_chunk_that_has_no_line(void **state) {
    (void)state;
    static const char blank[] = "nothing but white space";
    const struct asked asked = {.whole = true, .how = {1}}, again = {.whole = true, .how = {2}};
    keep_both(&asked, &tiny, "no sentence", "no sentence");
    assert_string_equal(file_as_asked(&asked, &tiny), "Holds x. ba78\nnothing: no sentence ba78\n");
    assert_null(file_as_asked(&again, &tiny));
    number_of("DELETE FROM unanswered RETURNING 1");
    assert_null(file_as_asked(&asked, &tiny));
    keep_both(&again, &tiny, blank, NULL); /* that was not even asked */
    assert_string_equal(file_as_asked(&again, &tiny),
                        "Holds x. ba78\nnothing: nothing but white space ba78\n");
    assert_string_equal(fix.said, "");
}

static bool finds_model(const struct asked *asked, struct asked_model *model) {
    struct store *seen;
    const bool found = keep_find_model(&fix.args, fix.root, asked, model, &seen);
    store_close(seen);
    return found;
}

/* An encoder that cannot be opened today may be there tomorrow. */
static void lines_without_the_encoder_stand_for_none_with_it(void **state) {
    (void)state;
    const struct asked asked = {.whole = true, .judge_revision = "abc"};
    const struct engine_info info = {.context = 100, .max_sequences = 4, .lanes = 2};
    struct provenance with = tiny;
    struct asked_model model;
    struct known known;
    with.judged_by = "minilm";
    with.judge_revision = "abc";
    struct keep *k = open_asked(&fix.args, &tiny, &greedy, &asked, &known);
    keep_model(k, &info);
    end(k, true);
    assert_false(finds_model(&asked, &model));
    asked_model_free(&model);
    keep_both(&asked, &tiny, "no sentence", "no sentence");
    assert_null(file_as_asked(&asked, &with));
    k = open_asked(&fix.args, &with, &greedy, &asked, &known);
    keep_model(k, &info);
    end(k, true);
    assert_true(finds_model(&asked, &model));
    assert_string_equal(model.made.judged_by, "minilm");
    assert_string_equal(model.made.judge_revision, "abc");
    asked_model_free(&model);
    assert_string_equal(fix.said, "");
}

/* Of a store that another precis filled. */
static void a_model_without_the_encoder_is_not_taken(void **state) {
    (void)state;
    const struct asked asked = {.whole = true}, with = {.whole = true, .judge_revision = "abc"};
    const struct engine_info info = {.context = 100, .max_sequences = 4, .lanes = 2};
    struct asked_model model;
    struct known known;
    struct keep *k = open_asked(&fix.args, &tiny, &greedy, &asked, &known);
    keep_model(k, &info);
    end(k, true);
    assert_false(finds_model(&with, &model));
    asked_model_free(&model);
    assert_true(finds_model(&asked, &model));
    assert_string_equal(model.made.judged_by, "words");
    asked_model_free(&model);
}

static void a_refresh_without_an_answer_takes_the_line_away(void **state) {
    (void)state;
    struct summary s = line_at("a.c", 1, "Holds x.");
    struct args refresh = fix.args;
    struct known_line line = {0};
    struct known known;
    keep_one(&s);
    refresh.refresh_examples = true;
    struct keep *k = open_keep(&refresh, &tiny, &greedy, &known);
    s.summary = s.source = "";
    s.error = s.nothing = "no sentence";
    keep_line(k, &s);
    end(k, true);
    k = open_keep(&fix.args, &tiny, &greedy, &known);
    assert_true(known.find(known.user, &s, &line));
    assert_true(line.nothing);
    assert_string_equal(line.line.data, "no sentence");
    buf_free(&line.line);
    end(k, true);
    assert_int_equal(number_of("SELECT count(*) FROM chunks"), 0);
    assert_string_equal(fix.said, "");
}

static void memory_that_runs_out_is_a_miss(void **state) {
    (void)state;
    const struct summary s = line_at("a.c", 1, "Holds x.");
    keep_one(&s);
    long n = 0;
    for (bool failed = true; failed; n++) {
        struct known known;
        struct keep *k = open_keep(&fix.args, &tiny, &greedy, &known);
        fault_begin(&fault_memory, n, FAULT_ONCE);
        const bool found = is_known(&known, &s);
        failed = fault_end(&fault_memory) != NULL;
        if (!failed)
            assert_true(found);
        assert_true(is_known(&known, &s)); /* the next one is found again */
        end(k, true);
    }
    assert_true(n > 2);
    assert_string_equal(fix.said, "");
}

/* What is found of a line for another path; key: what it is to be kept under. */
static bool find_renamed(const struct known *known, const struct summary *about, const char *from,
                         uint8_t key[HASH_SHA256_SIZE]) {
    struct known_line line = {0};
    const bool found = known->find(known->user, about, &line);
    if (found) {
        assert_string_equal(line.line.data, "Holds x.");
        assert_string_equal(line.renamed_from.data, from);
        memcpy(key, line.key, HASH_SHA256_SIZE);
    }
    known_line_free(&line);
    return found;
}

static void remove_file(const char *name) {
    char *path = file_join(fix.root, name);
    assert_int_equal(unlink(path), 0);
    free(path);
}

/* All three files have the same text. */
static void a_file_that_is_gone_lends_its_lines(void **state) {
    (void)state;
    const struct summary s = line_at("sub/a.c", 1, "Holds x."), other = line_at("b.c", 1, "");
    struct known known;
    uint8_t key[HASH_SHA256_SIZE];
    keep_one(&s);
    struct keep *k = open_keep(&fix.args, &tiny, &greedy, &known);
    assert_false(find_renamed(&known, &other, "", key)); /* it would be a copy */
    end(k, true);
    remove_file("sub/a.c");
    k = open_keep(&fix.args, &tiny, &greedy, &known);
    assert_true(find_renamed(&known, &other, "sub/a.c", key));
    struct summary there = line_at("b.c", 1, "Holds x.");
    there.known = true;
    there.renamed_from = "sub/a.c";
    there.known_key = key;
    keep_line(k, &there);
    const struct summary edited = line_at("b.c", 2, "");
    assert_false(find_renamed(&known, &edited, "", key)); /* that line was none there */
    end(k, true);
    /* it is where it is, whatever becomes of the old path and of the file's other lines */
    tree_write(fix.root, "sub/a.c", "int z;\n");
    tree_write(fix.root, "b.c", "int x;\nint z;\n");
    k = open_keep(&fix.args, &tiny, &greedy, &known);
    assert_true(find_renamed(&known, &other, "sub/a.c", key));
    end(k, true);
    struct args anew = fix.args;
    anew.refresh_examples = true;
    k = open_keep(&anew, &tiny, &greedy, &known);
    assert_false(find_renamed(&known, &other, "", key));
    end(k, true);
    assert_string_equal(fix.said, "");
}

static void a_renamed_file_without_memory_is_a_miss(void **state) {
    (void)state;
    const struct summary s = line_at("sub/a.c", 1, "Holds x."), other = line_at("b.c", 1, "");
    struct known known;
    uint8_t key[HASH_SHA256_SIZE];
    bool failed = true;
    long n = 0;
    keep_one(&s);
    remove_file("sub/a.c");
    for (; failed; n++) {
        struct keep *k = open_keep(&fix.args, &tiny, &greedy, &known);
        fault_begin(&fault_memory, n, FAULT_ONCE);
        const bool found = find_renamed(&known, &other, "sub/a.c", key);
        failed = fault_end(&fault_memory) != NULL;
        if (!failed)
            assert_true(found);
        end(k, true);
    }
    assert_true(n > 2);
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(a_line_is_found_by_the_next_run),
        TEST(another_text_place_language_or_context_is_a_miss),
        TEST(another_model_prompt_or_parameter_is_a_miss),
        TEST(without_a_cache_or_a_store_nothing_is_known),
        TEST(the_handle_of_the_first_look_serves_on),
        TEST(known_lines_stand_in_this_run),
        TEST(a_line_that_cannot_be_put_takes_no_file_with_it),
        TEST(a_damaged_store_is_said_once_and_missed),
        TEST(a_source_of_another_kind_is_a_miss),
        TEST(a_file_is_known_with_a_chunk_that_has_no_line),
        TEST(lines_without_the_encoder_stand_for_none_with_it),
        TEST(a_model_without_the_encoder_is_not_taken),
        TEST(a_refresh_without_an_answer_takes_the_line_away),
        TEST(memory_that_runs_out_is_a_miss),
        TEST(a_file_that_is_gone_lends_its_lines),
        TEST(a_renamed_file_without_memory_is_a_miss),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
