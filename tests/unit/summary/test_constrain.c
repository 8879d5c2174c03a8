/* Whatever a model wants to say, what comes out is a line: adversaries of several kinds choose
 * among what the constraint leaves them, and the constraint always leaves them something.
 *
 * usage: test_constrain [TOKENIZER]   a GGUF file in the place of the tiny tokenizer; 77: missing
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../text/tiny_tok.h"
#include "base/rng.h"
#include "base/utf8.h"
#include "summary/constrain.h"
#include "summary/phrase.h"
#include "summary/sentence.h"

enum { SKIPPED = 77, TOKENS = 130, SOME = 1000 };

static const struct tok *tok;
static struct constrain *constrain;

enum adversary {
    UNIFORM,
    LINE_BREAKS,
    ENDLESS,
    GARBAGE,
    PARROT,
    BRACKETS,
    PERIODS,
    STOPPER,
    DIGITS,
    SECOND_SENTENCE,
    OPENER,
    ADVERSARIES
};

struct model {
    enum adversary kind;
    struct rng rng;
    const char *wants; /* text that it would say */
};

static bool is_stop(uint32_t id) {
    size_t n;
    const uint32_t *stops = tok_stops(tok, &n);
    for (size_t i = 0; i < n; i++)
        if (stops[i] == id)
            return true;
    return false;
}

/* What the model likes about a token, 0 .. 1. */
static double taste(const struct model *m, uint32_t id, const uint32_t *ids, size_t n,
                    const struct buf *text) {
    size_t len;
    const char *s = tok_bytes(tok, id, &len);
    char c = len ? *s : 0;
    switch (m->kind) {
    case LINE_BREAKS:
        return c == '\n' || c == '\r';
    case ENDLESS:
        return len && !memchr(s, '.', len) && !is_stop(id) && c != '\n';
    case GARBAGE:
        return len && (*s < 0x20 || c == '`' || c == 0x7f);
    case PARROT:
        return n && ids[n - 1 - n % 3 % n] == id;
    case BRACKETS:
        return len && strchr("([\"'", s[len - 1]) != NULL;
    case PERIODS:
        return len && s[len - 1] == '.';
    case STOPPER:
        return is_stop(id);
    case DIGITS:
        return len && (phrase_is_digit(c) || c == '-' || c == '_');
    case SECOND_SENTENCE:
        return len > 1 && c == ' ' && phrase_is_upper(s[1]);
    case OPENER: {
        size_t said = text->len, all = strlen(m->wants);
        if (said >= all)
            return is_stop(id);
        return len && said + len <= all && memcmp(m->wants + said, s, len) == 0
                   ? 0.5 + (double)len / 32
                   : 0;
    }
    default:
        return 0;
    }
}

/* Of a large vocabulary the model looks at the characters, the stops and some others. */
static size_t look(struct model *m, const uint32_t *ids, size_t n, const struct buf *text,
                   const uint32_t *letters, size_t n_letters, struct engine_candidate *c) {
    size_t vocab = tok_vocab(tok), n_stops;
    const uint32_t *stops = tok_stops(tok, &n_stops);
    size_t seen = n_letters + n_stops + (vocab > SOME ? SOME : 0);
    for (size_t i = 0; i < seen; i++) {
        uint32_t id = i < n_letters             ? letters[i]
                      : i < n_letters + n_stops ? stops[i - n_letters]
                                                : (uint32_t)(rng_next(&m->rng) % vocab);
        c[i] = (struct engine_candidate){
            id, (float)(rng_uniform(&m->rng) * 4 + 20 * taste(m, id, ids, n, text))};
    }
    return seen;
}

static double logsumexp(const float *x, size_t n) {
    double sum = 0;
    for (size_t i = 0; i < n; i++)
        sum += exp((double)x[i] - 30);
    return log(sum) + 30;
}

/* Greedy; returns how many ids before the stop. */
static size_t generate(struct model *m, struct constrained *s, uint32_t ids[TOKENS],
                       bool *stopped) {
    size_t vocab = tok_vocab(tok), n = 0, n_letters = 0, len;
    float *logits = calloc(vocab, sizeof *logits);
    uint32_t *letters = malloc(vocab * sizeof *letters);
    struct engine_candidate *c = malloc(2 * (vocab + SOME) * sizeof *c);
    struct buf text = {0};
    assert_true(logits && letters && c);
    for (uint32_t id = 0; id < vocab; id++)
        if (vocab <= SOME || (tok_bytes(tok, id, &len), len == 1))
            letters[n_letters++] = id;
    *stopped = false;
    while (n < TOKENS && !*stopped) {
        size_t seen = look(m, ids, n, &text, letters, n_letters, c);
        double lse = 0;
        for (size_t i = 0; i < seen; i++)
            lse += exp((double)(logits[c[i].id] = c[i].logprob) - 30);
        struct engine_scores at = {ids, n, logits, vocab, log(lse) + 30};
        constrained_scores(s, &at, c, seen);
        size_t best = 0;
        for (size_t i = 1; i < seen; i++)
            if (c[i].logprob > c[best].logprob)
                best = i;
        if (!(c[best].logprob > -INFINITY))
            fail_msg("adversary %d: nothing may follow \"%s\"", m->kind,
                     text.data ? text.data : "");
        uint32_t id = c[best].id;
        *stopped = is_stop(id);
        if (*stopped)
            break;
        const char *spelled = tok_bytes(tok, id, &len);
        buf_append(&text, spelled, len);
        ids[n] = id;
        struct engine_token t = {.index = n, .id = id, .ids = ids};
        n++;
        if (constrained_over(s, &t))
            break;
    }
    buf_free(&text);
    free(logits);
    free(letters);
    free(c);
    return n;
}

static void check_line(int kind, const struct buf *line, int max_chars) {
    static const char *const banned[] = {"this", "the", "here", "it", "given", "code", "a", NULL};
    const char *s = line->data;
    struct sentence found;
    if (!utf8_valid(s, line->len) || utf8_length(s, line->len) > (size_t)max_chars)
        fail_msg("adversary %d: %zu characters: \"%s\"", kind, utf8_length(s, line->len), s);
    for (size_t i = 0; i < line->len; i++)
        if ((unsigned char)s[i] < 0x20 || s[i] == 0x7f || s[i] == '`')
            fail_msg("adversary %d: control characters or code in \"%s\"", kind, s);
    if (s[line->len - 1] != '.' || phrase_match(s, line->len, banned) || !phrase_is_upper(*s) ||
        phrase_count_words(s, line->len) < 2)
        fail_msg("adversary %d: no line: \"%s\"", kind, s);
    if (!sentence_is_code(s, line->len) &&
        (!sentence_find(s, line->len, &found) || found.begin != 0 || found.end != line->len))
        fail_msg("adversary %d: not one sentence: \"%s\"", kind, s);
}

/* One answer of an adversary, as a line. */
static void answer(struct model *m, const struct constrain_options *o, struct buf *line,
                   struct constrained_result *r) {
    uint32_t ids[TOKENS];
    struct constrained s;
    struct err e;
    bool stopped;
    if (constrained_open(&s, constrain, o, &e))
        fail_msg("%s", e.text);
    size_t n = generate(m, &s, ids, &stopped);
    struct buf again = {0};
    struct constrained_result other;
    buf_clear(line);
    if (constrained_line(&s, ids, n, stopped, line, r, &e))
        fail_msg("adversary %d: %s", m->kind, e.text);
    /* In another order of asking, as with beams. */
    int rc = constrained_line(&s, ids, n / 2, false, &again, &other, &e);
    assert_true(rc == 0 || rc == PRECIS_ENOTFOUND);
    buf_clear(&again);
    assert_int_equal(constrained_line(&s, ids, n, stopped, &again, &other, &e), 0);
    assert_string_equal(line->data, again.data);
    assert_true(r->n_ids <= n);
    buf_free(&again);
    constrained_close(&s);
}

static const char *const wanted[] = {
    "This code is used to create a queue.",
    "The given function returns a new value.",
    "Here is a summary of the code: It adds.",
    "```rust\nfn main() {}\n```",
    "Returns the number of items in the queue.",
    "Return the number of items in main.rs, e.g. 1.5 of them. This is a second sentence.",
    "Reads a line from stdin\n\nand more",
    "Adds Adds Adds Adds Adds Adds",
    "Recursively removes the folder (and what is in it).",
};
enum { WANTED = sizeof wanted / sizeof wanted[0] };

static void every_adversary_says_a_line(void **state) {
    (void)state;
    static const int lengths[] = {120, 32, 60, 400};
    int rounds = tok_vocab(tok) > SOME ? 4 : 48;
    struct buf line = {0};
    for (int kind = 0; kind < ADVERSARIES; kind++)
        for (int i = 0; i < rounds; i++) {
            struct model m = {
                (enum adversary)kind, {(uint64_t)(kind * 1000 + i)}, wanted[(i + kind) % WANTED]};
            struct constrain_options o = {.max_chars = lengths[(i + kind) % 4],
                                          .max_tokens = TOKENS,
                                          .opening = i % 5 == 4 ? "This code" : NULL};
            struct constrained_result r;
            answer(&m, &o, &line, &r);
            check_line(kind, &line, o.max_chars);
        }
    buf_free(&line);
}

static void expect(const char *wants, struct constrain_options o, const char *want) {
    struct model m = {OPENER, {1}, wants};
    struct buf line = {0};
    struct constrained_result r;
    o.max_chars = o.max_chars ? o.max_chars : 120;
    answer(&m, &o, &line, &r);
    if (strcmp(line.data, want) != 0)
        fail_msg("\"%s\": \"%s\"", wants, line.data);
    buf_free(&line);
}

static void a_good_sentence_stays_as_it_is(void **state) {
    (void)state;
    static const char *const good[] = {
        "Returns the number of items in the queue.",
        "Reads main.rs, e.g. its first 1.5 lines, into a Vec<u8>.",
        "Recursively removes the folder (and what is in it).",
        "Converts `x` to C++.",
        "Calls std::mem::swap on both \"ends\" of a queue's list.",
        "Parses, validates, and stores foo.bar() as JSON.",
    };
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++)
        if (!strchr(good[i], '`'))
            expect(good[i], (struct constrain_options){0}, good[i]);
}

static void only_one_sentence_is_left(void **state) {
    (void)state;
    struct constrain_options none = {0};
    expect("Reads a line. Then it stops.", none, "Reads a line.");
    expect("Reads a line from stdin\n\nand more", none, "Reads a line from stdin.");
    expect("Reads a line from stdin", none, "Reads a line from stdin.");
    expect("Reads lines, words, etc. This is all.", none, "Reads lines, words, etc.");
    expect(" creates a queue.", (struct constrain_options){.opening = "This code"},
           "Creates a queue.");
    expect(" the number of items.",
           (struct constrain_options){.opening = "Returns", .keep_opening = true},
           "Returns the number of items.");
}

static void a_noun_phrase_may_begin_where_it_is_asked_for(void **state) {
    (void)state;
    struct constrain_options nouns = {.nouns = true};
    static const char *const good[] = {"A queue of waiting tasks.", "Options for the HTTP server.",
                                       "The state of a task in the pool.", "Returns the task."};
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++)
        expect(good[i], nouns, good[i]);
}

static void a_forced_end_is_taken_back(void **state) {
    (void)state;
    /* The model never ends; its likeliest place to do so is told from the rest. */
    struct constrained s;
    struct err e;
    struct constrain_options o = {.max_chars = 60, .max_tokens = TOKENS};
    assert_int_equal(constrained_open(&s, constrain, &o, &e), 0);
    const char *text = "Reads a line of the text that has no end and goes on so far";
    size_t vocab = tok_vocab(tok), n;
    struct ids ids = {0};
    assert_int_equal(tok_encode(tok, text, strlen(text), TOK_NO_SPECIAL | TOK_PLAIN, &ids, &e), 0);
    float *logits = calloc(vocab, sizeof *logits);
    const uint32_t *stops = tok_stops(tok, &n);
    struct buf said = {0};
    for (size_t i = 0; i <= ids.n; i++) {
        struct engine_candidate c = {i < ids.n ? ids.v[i] : stops[0], 0};
        bool place = said.len && strcmp(said.data, "Reads a line of the text") == 0;
        logits[stops[0]] = place ? 20 : -20;
        struct engine_scores at = {ids.v, i, logits, vocab, logsumexp(logits, vocab)};
        constrained_scores(&s, &at, &c, 1);
        if (i < ids.n) {
            size_t len;
            const char *spelled = tok_bytes(tok, ids.v[i], &len);
            buf_append(&said, spelled, len);
        }
    }
    struct buf line = {0};
    struct constrained_result r;
    assert_int_equal(constrained_line(&s, ids.v, ids.n, false, &line, &r, &e), 0);
    assert_string_equal(line.data, "Reads a line of the text.");
    assert_true(r.shortened && !r.unfinished && r.end_logprob > -0.1f);
    buf_clear(&line);
    assert_int_equal(constrained_line(&s, ids.v, 1, false, &line, &r, &e), PRECIS_ENOTFOUND);
    buf_free(&line);
    buf_free(&said);
    ids_free(&ids);
    free(logits);
    constrained_close(&s);
}

static void what_cannot_be_is_refused(void **state) {
    (void)state;
    struct err e;
    struct constrained s;
    struct constrain_options o = {.max_chars = 31};
    assert_int_equal(constrained_open(&s, constrain, &o, &e), PRECIS_EUSAGE);
    o = (struct constrain_options){.max_chars = 120, .opening = "This code", .keep_opening = true};
    assert_int_equal(constrained_open(&s, constrain, &o, &e), PRECIS_EUSAGE);
    assert_non_null(strstr(e.text, "This code"));
    constrained_close(&s);
}

static struct tok *open_tiny(const char *lack) {
    static const char *const merges[] = {
        "R e",  "Re t",  "Ret u",      "Retu r",      "Retur n",      "Return s",   "R ead", "T h",
        "Th i", "Thi s", "\xc4\xa0 t", "\xc4\xa0t h", "\xc4\xa0th e", ". \xc4\x8a", "e a",   "ea d",
        "A d",  "Ad d",  "Add s",      NULL};
    static const char *const control[] = {"<|im_end|>", "<|im_start|>", NULL};
    static const char *const user[] = {"<tool_call>", NULL};
    struct tiny_tok t = {.merges = merges, .control = control, .user = user, .lack = lack};
    return open_tiny_tok(&t);
}

static void a_vocabulary_without_letters_is_refused(void **state) {
    (void)state;
    struct tok *t = open_tiny("q");
    struct constrain *c;
    struct err e;
    assert_int_equal(constrain_new(t, &c, &e), PRECIS_EUNSUPPORTED);
    assert_non_null(strstr(e.text, "'q'"));
    assert_null(c);
    tok_free(t);
}

int main(int argc, char **argv) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_adversary_says_a_line),
        cmocka_unit_test(a_good_sentence_stays_as_it_is),
        cmocka_unit_test(only_one_sentence_is_left),
        cmocka_unit_test(a_noun_phrase_may_begin_where_it_is_asked_for),
        cmocka_unit_test(a_forced_end_is_taken_back),
        cmocka_unit_test(what_cannot_be_is_refused),
        cmocka_unit_test(a_vocabulary_without_letters_is_refused),
    };
    struct tok *t = NULL;
    struct gguf *g;
    struct err e;
    if (argc > 1) {
        const char *home = getenv("HOME");
        char path[4096];
        snprintf(path, sizeof path, "%s/.cache/precis/models/%s", home ? home : "", argv[1]);
        if (gguf_open(path, &g, &e) != 0) {
            printf("SKIPPED: %s\n", e.text);
            return SKIPPED;
        }
        int rc = tok_from_gguf(g, &t, &e);
        gguf_close(g);
        if (rc)
            fprintf(stderr, "%s\n", e.text);
    } else {
        t = open_tiny(NULL);
    }
    if (!t || constrain_new(t, &constrain, &e) != 0) {
        fprintf(stderr, "%s\n", e.text);
        return 1;
    }
    tok = t;
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    constrain_free(constrain);
    tok_free(t);
    return failed;
}
