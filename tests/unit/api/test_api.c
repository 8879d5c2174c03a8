#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "precis.h"

static const char *model_path;
static char folder[] = "/tmp/precis-api-XXXXXX";
static struct precis_model *model;
static char error[512];

static const char *write_file(const char *name, const void *data, size_t size) {
    static char path[256];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    assert_int_equal(fwrite(data, 1, size, f), size);
    assert_int_equal(fclose(f), 0);
    return path;
}

static void says(int rc, int code, const char *words) {
    if (rc != code || !strstr(error, words))
        fail_msg("%d (expected %d): \"%s\" (expected \"%s\")", rc, code, error, words);
}

static void works(int rc) {
    if (rc != 0 || error[0])
        fail_msg("%d: %s", rc, error);
}

static void version_has_three_parts(void **state) {
    (void)state;
    int a, b, c, end = 0;
    assert_int_equal(sscanf(precis_version(), "%d.%d.%d%n", &a, &b, &c, &end), 3);
    assert_int_equal(precis_version()[end], '\0');
}

static void refuses(const char *name, struct precis_model_options o, int code, const char *words) {
    struct precis_model *m = model;
    says(precis_model_open(name, &o, &m, error, sizeof error), code, words);
    assert_null(m);
}

static void model_that_cannot_be_opened(void **state) {
    (void)state;
    const struct precis_model_options none = {0};
    refuses("/nowhere/model.gguf", none, PRECIS_ENOTFOUND, "/nowhere/model.gguf");
    refuses("smolm2", none, PRECIS_ENOTFOUND, "did you mean 'smollm2'");
    refuses("", none, PRECIS_ENOTFOUND, "empty");
    refuses("/tmp", none, PRECIS_EINPUT, "/tmp: is a folder");
    refuses(write_file("text.gguf", "no model\n", 9), none, PRECIS_EINPUT, "text.gguf");
    refuses(model_path, (struct precis_model_options){.lanes = -1}, PRECIS_EUSAGE, "lanes -1");
    refuses(model_path, (struct precis_model_options){.lanes = 1025}, PRECIS_EUSAGE, "lanes 1025");
    refuses(model_path, (struct precis_model_options){.agents = 101}, PRECIS_EUSAGE, "agents 101");
    refuses(model_path, (struct precis_model_options){.precision = (enum precis_precision)4},
            PRECIS_EUSAGE, "precision 4");
    refuses(model_path, (struct precis_model_options){.memory_limit = 1}, PRECIS_ELIMIT, "memory");
    refuses(model_path, (struct precis_model_options){.chat_template = "cobol"},
            PRECIS_EUNSUPPORTED, "cobol");
    precis_model_close(NULL);
}

static void error_buffer_is_optional_and_never_overrun(void **state) {
    (void)state;
    struct precis_model *m;
    char small[8] = "1234567";
    assert_int_equal(precis_model_open("/tmp", NULL, &m, NULL, 0), PRECIS_EINPUT);
    assert_int_equal(precis_model_open("/tmp", NULL, &m, small, 6), PRECIS_EINPUT);
    assert_string_equal(small, "/tmp:");
    assert_int_equal(small[6], '7');
    /* "é" would be cut in its middle */
    assert_int_equal(precis_model_open("é.gguf", NULL, &m, small, 2), PRECIS_ENOTFOUND);
    assert_string_equal(small, "");
}

static void model_describes_itself(void **state) {
    (void)state;
    struct precis_model_options o = {
        .precision = PRECIS_PRECISION_F32, .lanes = 1, .agents = 3, .chat_template = "chatml"};
    struct precis_model *m;
    struct precis_model_info info;
    works(precis_model_open(model_path, &o, &m, error, sizeof error));
    precis_model_describe(m, &info);
    assert_string_equal(info.name, "tiny-llama.gguf");
    assert_int_equal(strspn(info.revision, "0123456789abcdef"), 64);
    assert_string_equal(info.architecture, "llama");
    assert_string_equal(info.file_type, "F32");
    assert_string_equal(info.precision, "f32");
    assert_string_equal(info.chat_format, "chatml");
    assert_int_equal(info.lanes, 1);
    assert_int_equal(info.agents, 3);
    assert_int_equal(info.vocabulary, 512);
    assert_int_equal(info.context, 1024);
    assert_true(info.weight_bytes > 0 && *info.isa);
    precis_model_close(m);
}

static void tokens_and_back(void **state) {
    (void)state;
    static const char text[] = "int main(void) <|im_end|> \xff\n";
    uint32_t *ids, *plain;
    char *back;
    size_t n, n_plain, length;
    works(precis_tokenize(model, text, sizeof text - 1, 0, &ids, &n, error, sizeof error));
    works(precis_tokenize(model, text, sizeof text - 1, PRECIS_PLAIN | PRECIS_NO_SPECIAL, &plain,
                          &n_plain, error, sizeof error));
    assert_true(n > 0 && n < n_plain);
    works(precis_detokenize(model, ids, n, &back, &length, error, sizeof error));
    assert_string_equal(back, "int main(void) <|im_end|> \xef\xbf\xbd\n");
    assert_int_equal(length, strlen(back));
    precis_free(back);
    precis_free(plain);
    ids[n - 1] = 512;
    says(precis_detokenize(model, ids, n, &back, &length, error, sizeof error), PRECIS_EUSAGE,
         "id 512");
    assert_null(back);
    assert_int_equal(length, 0);
    precis_free(ids);
    says(precis_tokenize(model, text, 1, 64, &ids, &n, error, sizeof error), PRECIS_EUSAGE, "0x40");
    assert_null(ids);
}

static void nothing_gives_nothing(void **state) {
    (void)state;
    uint32_t *ids;
    char *text;
    struct precis_chunk *chunks;
    size_t n = 7;
    works(precis_tokenize(model, NULL, 0, 0, &ids, &n, error, sizeof error));
    assert_non_null(ids);
    assert_int_equal(n, 0);
    works(precis_detokenize(model, ids, 0, &text, NULL, error, sizeof error));
    assert_string_equal(text, "");
    n = 7;
    works(precis_chunk_lines(NULL, 0, 3, &chunks, &n, error, sizeof error));
    assert_non_null(chunks);
    assert_int_equal(n, 0);
    precis_free(ids);
    precis_free(text);
    precis_free(chunks);
    precis_free(NULL);
}

static void chunks_are_whole_lines(void **state) {
    (void)state;
    static const char text[] = "a\nbb\nccc\n\ne";
    struct precis_chunk *c;
    size_t n;
    works(precis_chunk_lines(text, sizeof text - 1, 2, &c, &n, error, sizeof error));
    assert_int_equal(n, 3);
    assert_int_equal(c[1].offset, 5);
    assert_int_equal(c[1].length, 5);
    assert_int_equal(c[1].start_line, 3);
    assert_int_equal(c[1].end_line, 4);
    assert_int_equal(c[2].start_line, 5);
    assert_int_equal(c[2].end_line, 5);
    precis_free(c);
    says(precis_chunk_lines(text, 3, 0, &c, &n, error, sizeof error), PRECIS_EUSAGE, "lines");
    assert_null(c);
    assert_int_equal(n, 0);
}

/* What a callback got. */
struct heard {
    char text[4096];
    size_t length, calls;
    size_t enough_after; /* calls; 0: never */
    int nested;          /* what a nested call returned */
    const char *chat;    /* of a nested call; NULL: none */
};

static int hear(void *user, const char *text, size_t length) {
    struct heard *h = user;
    assert_true(length > 0 && h->length + length < sizeof h->text);
    memcpy(h->text + h->length, text, length);
    h->length += length;
    if (h->chat) {
        struct precis_answer answer;
        h->nested = precis_generate(model, h->chat, strlen(h->chat), NULL, &answer, NULL, 0);
    }
    return ++h->calls == h->enough_after;
}

static int generate(const char *prompt, const struct precis_generate_options *o,
                    struct precis_answer *out) {
    return precis_generate(model, prompt, strlen(prompt), o, out, error, sizeof error);
}

static void text_comes_as_it_is_returned(void **state) {
    (void)state;
    for (int strategy = PRECIS_GREEDY; strategy <= PRECIS_BEAM; strategy++) {
        struct heard heard = {0};
        struct precis_generate_options o = {.max_new_tokens = 24,
                                            .sampling = {.strategy = (enum precis_strategy)strategy,
                                                         .temperature = 0.8f,
                                                         .seed = 3},
                                            .on_text = hear,
                                            .user = &heard};
        struct precis_answer streamed, silent;
        works(generate("int x", &o, &streamed));
        o.on_text = NULL;
        works(generate("int x", &o, &silent));
        assert_true(streamed.tokens_in > 0 && streamed.tokens_out > 0 && streamed.tokens_out <= 24);
        assert_int_equal(streamed.length, heard.length);
        assert_memory_equal(streamed.text, heard.text, heard.length);
        assert_int_equal(streamed.text[streamed.length], '\0');
        assert_string_equal(streamed.text, silent.text);
        assert_int_equal(streamed.finish,
                         streamed.tokens_out == 24 ? PRECIS_FINISH_LENGTH : PRECIS_FINISH_STOP);
        precis_free(streamed.text);
        precis_free(silent.text);
    }
}

static void generation_ends_when_the_callback_says_so(void **state) {
    (void)state;
    struct heard heard = {.enough_after = 1};
    struct precis_generate_options o = {.max_new_tokens = 900, .on_text = hear, .user = &heard};
    struct precis_answer answer;
    works(generate("int x", &o, &answer));
    assert_int_equal(answer.finish, PRECIS_FINISH_CALLBACK);
    assert_int_equal(heard.calls, 1);
    assert_int_equal(answer.length, heard.length);
    assert_memory_equal(answer.text, heard.text, heard.length);
    precis_free(answer.text);
}

static void cannot_generate(const char *prompt, const struct precis_generate_options *o, int code,
                            const char *words) {
    struct precis_answer answer = {.length = 1};
    says(generate(prompt, o, &answer), code, words);
    assert_null(answer.text);
    assert_int_equal(answer.length, 0);
}

static void generation_that_cannot_begin(void **state) {
    (void)state;
    cannot_generate("", NULL, PRECIS_EUSAGE, "no tokens");
    struct precis_sampling bad[] = {{.strategy = (enum precis_strategy)4},
                                    {.strategy = (enum precis_strategy) - 1},
                                    {.temperature = -0.5f},
                                    {.temperature = NAN},
                                    {.top_p = 1.5f},
                                    {.top_k = -1},
                                    {.beams = 17},
                                    {.repetition_penalty = -1},
                                    {.no_repeat_ngram = -2}};
    static const char *const words[] = {"strategy 4",  "strategy -1", "temperature -0.5",
                                        "temperature", "top-p 1.5",   "top-k -1",
                                        "beams 17",    "repetition",  "n-gram -2"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct precis_generate_options o = {.sampling = bad[i]};
        cannot_generate("int x", &o, PRECIS_EUSAGE, words[i]);
    }
    char *long_prompt = malloc(20001);
    assert_non_null(long_prompt);
    memset(long_prompt, '#', 20000);
    for (size_t i = 0; i < 20000; i += 2)
        long_prompt[i] = 'q';
    long_prompt[20000] = '\0';
    cannot_generate(long_prompt, NULL, PRECIS_ELIMIT, "context");
    free(long_prompt);
}

static void callback_must_not_generate(void **state) {
    (void)state;
    struct heard heard = {.chat = "int y", .enough_after = 1};
    struct precis_generate_options o = {.on_text = hear, .user = &heard};
    struct precis_answer answer;
    works(generate("int x", &o, &answer));
    precis_free(answer.text);
    assert_int_equal(heard.nested, PRECIS_EUSAGE);
}

static void chat_answers(void **state) {
    (void)state;
    struct precis_message messages[] = {{"system", "Be brief."}, {"user", "What is <|im_end|>?"}};
    struct precis_generate_options o = {.max_new_tokens = 8};
    struct precis_answer with, without;
    works(precis_chat(model, messages, 2, &o, &with, error, sizeof error));
    works(precis_chat(model, messages + 1, 1, &o, &without, error, sizeof error));
    assert_true(with.tokens_in > without.tokens_in && without.tokens_in > 0);
    precis_free(with.text);
    precis_free(without.text);
    says(precis_chat(model, messages, 0, &o, &with, error, sizeof error), PRECIS_EUSAGE, "message");
    assert_null(with.text);
    messages[1].role = "wizard";
    says(precis_chat(model, messages, 2, &o, &with, error, sizeof error), PRECIS_EUSAGE, "wizard");
}

/* Lines of a run, one string: "index path:start-end summary or error". */
struct lines {
    char *text;
    size_t length, n, summaries, by_model;
    size_t enough_after;
    int nested;
    FILE *f;
};

static int keep(void *user, const struct precis_line *line) {
    struct lines *l = user;
    const struct precis_provenance *p = line->provenance;
    struct precis_answer answer;
    assert_int_equal(line->index, l->n);
    assert_true((line->summary != NULL) != (line->error != NULL));
    assert_true(line->confidence >= 0 && line->confidence <= 1);
    assert_int_equal(strlen(line->sha256), 64);
    assert_string_equal(p->model, "tiny-llama.gguf");
    assert_int_equal(strlen(p->model_revision), 64);
    assert_string_equal(p->file_type, "F32");
    assert_true(*p->precision && *p->isa && *p->prompt_version);
    fprintf(l->f, "%zu %s:%d-%d %s %s\n", line->index, line->path, (int)line->start_line,
            (int)line->end_line, line->language ? line->language : "?",
            line->summary ? line->summary : line->error);
    l->summaries += line->summary != NULL;
    assert_int_equal(line->source != NULL, line->summary != NULL);
    l->by_model += line->source && strcmp(line->source, "model") == 0;
    l->nested = precis_generate(model, "x", 1, NULL, &answer, NULL, 0);
    return ++l->n == l->enough_after;
}

static int summarize(const char *const *paths, size_t n, const struct precis_summarize_options *o,
                     struct lines *l, struct precis_stats *stats) {
    l->f = open_memstream(&l->text, &l->length);
    assert_non_null(l->f);
    int rc = precis_summarize(model, paths, n, o, keep, l, stats, error, sizeof error);
    assert_int_equal(fclose(l->f), 0);
    return rc;
}

static const char *make_tree(void) {
    static char path[256];
    static char rust[40 * 40];
    size_t n = 0;
    snprintf(path, sizeof path, "%s/tree", folder);
    mkdir(path, 0777);
    for (int i = 0; i < 40; i++)
        n += (size_t)snprintf(rust + n, sizeof rust - n, "fn f%d() -> u32 { %d }\n", i, i);
    write_file("tree/b.rs", rust, n);
    write_file("tree/a.c", "int x;\nint y;\n", 14);
    write_file("tree/notes.txt", "no code\n", 8);
    return path;
}

static void every_chunk_has_its_line_in_order(void **state) {
    (void)state;
    const char *path = make_tree();
    struct precis_summarize_options o = {
        .lines_per_chunk = 15, .sampling = {.strategy = PRECIS_TEMPERATURE, .temperature = 0.5f}};
    struct lines l = {0}, again = {0};
    struct precis_stats stats;
    works(summarize(&path, 1, &o, &l, &stats));
    assert_int_equal(stats.files, 2);
    assert_int_equal(stats.chunks, 4);
    assert_int_equal(l.n, 4);
    assert_int_equal(stats.done, l.summaries);
    assert_int_equal(stats.done + stats.failed, 4);
    assert_int_equal(stats.lines, 42);
    assert_true(stats.tokens_in > 0 && stats.seconds > 0);
    assert_int_equal(l.nested, PRECIS_EUSAGE);
    static const char *const places[] = {"0 a.c:1-2 c ", "\n1 b.rs:1-15 rust ",
                                         "\n2 b.rs:16-30 rust ", "\n3 b.rs:31-40 rust "};
    const char *at = l.text;
    for (int i = 0; i < 4; i++) {
        at = strstr(at, places[i]);
        if (!at)
            fail_msg("no \"%s\" in its place in:\n%s", places[i], l.text);
    }
    works(summarize(&path, 1, &o, &again, NULL));
    assert_string_equal(l.text, again.text);
    free(l.text);
    free(again.text);
    o.no_fallback = 1;
    l = (struct lines){0};
    works(summarize(&path, 1, &o, &l, &stats));
    assert_int_equal(l.by_model, l.summaries);
    free(l.text);
    o = (struct precis_summarize_options){.max_new_tokens = 1}; /* no sentence fits in it */
    l = (struct lines){0};
    works(summarize(&path, 1, &o, &l, &stats));
    assert_int_equal(l.by_model, 0);
    assert_int_equal(l.summaries, 2);
    free(l.text);
}

static void files_are_chosen_by_patterns(void **state) {
    (void)state;
    const char *path = make_tree();
    const char *only_c[] = {"*.c", NULL}, *no_rust[] = {"*.rs", NULL};
    struct precis_summarize_options o = {.include = only_c, .max_new_tokens = 4};
    struct precis_stats stats;
    struct lines l = {0};
    works(summarize(&path, 1, &o, &l, &stats));
    assert_int_equal(stats.files, 1);
    free(l.text);
    o = (struct precis_summarize_options){.exclude = no_rust, .all_text = 1, .max_new_tokens = 4};
    l = (struct lines){0};
    works(summarize(&path, 1, &o, &l, &stats));
    assert_int_equal(stats.files, 2);
    assert_non_null(strstr(l.text, "notes.txt"));
    free(l.text);
}

static void run_ends_when_on_line_says_so(void **state) {
    (void)state;
    const char *path = make_tree();
    struct precis_summarize_options o = {.lines_per_chunk = 1};
    struct lines l = {.enough_after = 3};
    struct precis_stats stats;
    says(summarize(&path, 1, &o, &l, &stats), PRECIS_ECANCELLED, "on_line");
    assert_int_equal(l.n, 3);
    assert_int_equal(stats.chunks, 42);
    free(l.text);
}

static int enough(void *user, const struct precis_stats *stats) {
    (void)user;
    assert_true(stats->done + stats->failed <= stats->chunks);
    return 1;
}

static int note_order(void *user, const struct precis_line *line) {
    size_t *next = user;
    assert_true(line->index >= *next);
    *next = line->index + 1;
    return 0;
}

static void run_ends_when_on_progress_says_so(void **state) {
    (void)state;
    enum { LINES = 20000 };
    char *text = malloc(7 * LINES);
    assert_non_null(text);
    for (size_t i = 0; i < LINES; i++)
        memcpy(text + 7 * i, "int x;\n", 7);
    const char *path = write_file("long.c", text, 7 * LINES);
    free(text);
    struct precis_summarize_options o = {.lines_per_chunk = 1, .on_progress = enough};
    struct precis_stats stats;
    size_t next = 0;
    says(precis_summarize(model, &path, 1, &o, note_order, &next, &stats, error, sizeof error),
         PRECIS_ECANCELLED, "on_progress");
    assert_int_equal(stats.chunks, LINES);
    assert_true(stats.done + stats.failed < LINES);
}

static void cannot_summarize(const char *const *paths, size_t n, struct precis_summarize_options o,
                             int code, const char *words) {
    struct lines l = {0};
    struct precis_stats stats = {.chunks = 1};
    says(summarize(paths, n, &o, &l, &stats), code, words);
    assert_int_equal(l.n + stats.chunks, 0);
    free(l.text);
}

static void run_that_cannot_begin(void **state) {
    (void)state;
    const struct precis_summarize_options none = {0};
    const char *tree = make_tree(), *missing = "/nowhere/src", *nothing = "";
    cannot_summarize(&tree, 0, none, PRECIS_EUSAGE, "no path");
    cannot_summarize(&missing, 1, none, PRECIS_EIO, "/nowhere/src");
    cannot_summarize(&nothing, 1, none, PRECIS_EUSAGE, "not a path");
    const char *empty = write_file("empty.c", "", 0);
    cannot_summarize(&empty, 1, none, PRECIS_EINPUT, "empty.c: is empty");
    char hollow[256];
    snprintf(hollow, sizeof hollow, "%s/hollow", folder);
    mkdir(hollow, 0777);
    cannot_summarize((const char *[]){hollow}, 1, none, PRECIS_EINPUT, "no source files");
    cannot_summarize(&tree, 1, (struct precis_summarize_options){.instruction = ""}, PRECIS_EUSAGE,
                     "instruction");
    cannot_summarize(&tree, 1, (struct precis_summarize_options){.max_chars = 15}, PRECIS_EUSAGE,
                     "15");
    cannot_summarize(&tree, 1, (struct precis_summarize_options){.sampling = {.temperature = 3}},
                     PRECIS_EUSAGE, "temperature 3");
}

/* The model's own template made into one that nobody knows; its tokens stay as they are. */
static const char *without_chat_format(void) {
    FILE *f = fopen(model_path, "r");
    assert_non_null(f);
    static char bytes[4 << 20];
    size_t size = fread(bytes, 1, sizeof bytes, f);
    fclose(f);
    char *at = memmem(bytes, size, "tokenizer.chat_template", 23);
    assert_non_null(at);
    for (int marks = 0; marks < 2; marks++) {
        at = memmem(at, size - (size_t)(at - bytes), "<|im_start|>", 12);
        assert_non_null(at);
        memcpy(at, "<|my_start|>", 12);
    }
    return write_file("strange.gguf", bytes, size);
}

static void model_without_a_chat_format(void **state) {
    (void)state;
    struct precis_model *m;
    struct precis_model_info info;
    struct precis_answer answer;
    struct precis_message message = {"user", "hello"};
    struct precis_generate_options o = {.max_new_tokens = 4};
    const char *tree = make_tree();
    works(precis_model_open(without_chat_format(), NULL, &m, error, sizeof error));
    precis_model_describe(m, &info);
    assert_null(info.chat_format);
    works(precis_generate(m, "hello", 5, &o, &answer, error, sizeof error));
    precis_free(answer.text);
    says(precis_chat(m, &message, 1, &o, &answer, error, sizeof error), PRECIS_EUNSUPPORTED,
         "strange.gguf");
    size_t next = 0;
    struct precis_summarize_options asked = {.instruction = "What for?"};
    says(precis_summarize(m, &tree, 1, &asked, note_order, &next, NULL, error, sizeof error),
         PRECIS_EUNSUPPORTED, "strange.gguf");
    works(precis_summarize(m, &tree, 1, NULL, note_order, &next, NULL, error, sizeof error));
    precis_model_close(m);
}

static void *generate_for_a_while(void *user) {
    char *expected = user;
    struct precis_generate_options o = {.max_new_tokens = 16};
    struct precis_answer answer;
    for (int i = 0; i < 20; i++) {
        if (precis_generate(model, "int x", 5, &o, &answer, NULL, 0) != 0 ||
            strcmp(answer.text, expected) != 0)
            return "another answer";
        precis_free(answer.text);
    }
    return NULL;
}

/* A run that is stopped cancels what its engine does; others must not notice. */
static void threads_share_a_model(void **state) {
    (void)state;
    struct precis_generate_options o = {.max_new_tokens = 16};
    struct precis_answer answer;
    pthread_t threads[3];
    works(generate("int x", &o, &answer));
    for (int i = 0; i < 3; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, generate_for_a_while, answer.text), 0);
    for (int i = 0; i < 5; i++)
        run_ends_when_on_line_says_so(NULL);
    for (int i = 0; i < 3; i++) {
        void *complaint;
        pthread_join(threads[i], &complaint);
        if (complaint)
            fail_msg("%s", (const char *)complaint);
    }
    precis_free(answer.text);
}

static int open_all(void **state) {
    (void)state;
    if (!mkdtemp(folder) || setenv("XDG_CACHE_HOME", folder, 1) != 0)
        return -1;
    return precis_model_open(model_path, &(struct precis_model_options){.lanes = 2}, &model, error,
                             sizeof error);
}

static int close_all(void **state) {
    (void)state;
    char command[64];
    precis_model_close(model);
    snprintf(command, sizeof command, "rm -rf %s", folder);
    return system(command);
}

int main(int argc, char **argv) {
    if (argc != 2)
        return 2;
    model_path = argv[1];
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(version_has_three_parts),
        cmocka_unit_test(model_that_cannot_be_opened),
        cmocka_unit_test(error_buffer_is_optional_and_never_overrun),
        cmocka_unit_test(model_describes_itself),
        cmocka_unit_test(tokens_and_back),
        cmocka_unit_test(nothing_gives_nothing),
        cmocka_unit_test(chunks_are_whole_lines),
        cmocka_unit_test(text_comes_as_it_is_returned),
        cmocka_unit_test(generation_ends_when_the_callback_says_so),
        cmocka_unit_test(generation_that_cannot_begin),
        cmocka_unit_test(callback_must_not_generate),
        cmocka_unit_test(chat_answers),
        cmocka_unit_test(every_chunk_has_its_line_in_order),
        cmocka_unit_test(files_are_chosen_by_patterns),
        cmocka_unit_test(run_ends_when_on_line_says_so),
        cmocka_unit_test(run_ends_when_on_progress_says_so),
        cmocka_unit_test(run_that_cannot_begin),
        cmocka_unit_test(model_without_a_chat_format),
        cmocka_unit_test(threads_share_a_model),
    };
    return cmocka_run_group_tests(tests, open_all, close_all);
}
