/* tokenizer.json: its parts in small, what lies beside it, and what is refused. That each part does
 * what `tokenizers` does is test_json_golden's matter. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "json_tok.h"

#define LEVEL(vocab)                                                                               \
    "\"model\": {\"type\": \"WordLevel\", \"unk_token\": \"?\", \"vocab\": {" vocab "}}"
#define WORDS LEVEL("\"?\": 0, \"a\": 1, \"b\": 2, \"ab\": 3")
#define ADDED(content, special, more)                                                              \
    "{\"id\": 9, \"content\": \"" content "\", \"single_word\": false, \"special\": " special      \
    ", \"normalized\": false, " more "}"
#define PLAIN "\"lstrip\": false, \"rstrip\": false"

static struct tok *open_tok(const char *text) {
    struct tok *t;
    struct err e = {0};
    if (open_json_tok(text, &t, &e) != 0)
        fail_msg("%s", e.text);
    return t;
}

static void encode(const struct tok *t, const char *text, unsigned flags, const char *want) {
    struct ids ids = {0};
    struct err e = {0};
    char got[256] = "";
    size_t at = 0;
    if (tok_encode(t, text, strlen(text), flags, &ids, &e) != 0)
        fail_msg("%s: %s", text, e.text);
    for (size_t i = 0; i < ids.n && at < sizeof got - 16; i++)
        at += (size_t)snprintf(got + at, sizeof got - at, "%s%u", i ? " " : "", ids.v[i]);
    assert_string_equal(got, want);
    ids_free(&ids);
}

/* As the text stands after each id, then at the end. */
static void decode(const struct tok *t, const uint32_t *ids, size_t n, bool keep,
                   const char *const *want) {
    struct detok d;
    struct buf out = {0};
    buf_str(&out, "");
    detok_start(&d, t, keep);
    for (size_t i = 0; i < n; i++) {
        detok_push(&d, ids[i], &out);
        assert_string_equal(out.data, want[i]);
    }
    detok_finish(&d, &out);
    assert_string_equal(out.data, want[n]);
    detok_free(&d);
    buf_free(&out);
}

static void words(void **state) {
    (void)state;
    struct tok *t = open_tok("{\"pre_tokenizer\": {\"type\": \"Whitespace\"}, " WORDS "}");
    encode(t, "a ab  c\n", 0, "1 3 0");
    encode(t, "", 0, "");
    assert_int_equal(tok_vocab(t), 4);
    assert_int_equal(tok_bos(t), -1);
    decode(t, (const uint32_t[]){1, 77, 3}, 3, true,
           (const char *const[]){"a", "a", "a ab", "a ab"});
    size_t len;
    assert_string_equal(tok_bytes(t, 99, &len), "");
    tok_free(t);
}

static void added_tokens(void **state) {
    (void)state;
    struct tok *t = open_tok("{\"added_tokens\": [" ADDED("<s>", "true", PLAIN) ", " ADDED(
        "<l>", "false",
        "\"lstrip\": true, \"rstrip\": true") "], \"pre_tokenizer\": {\"type\": \"FixedLength\", "
                                              "\"length\": 1}, " WORDS "}");
    encode(t, "a<s>b", 0, "1 4 2"); /* ids come from the vocabulary, not from the file */
    encode(t, "a  <l>\t b", 0, "1 5 2");
    encode(t, "<s><l>", TOK_PLAIN, "0 0 0 5");
    assert_int_equal(tok_id(t, "<s>"), 4);
    assert_true(tok_is_special(t, 4));
    assert_false(tok_is_special(t, 5));
    decode(t, (const uint32_t[]){4, 1, 5}, 3, false,
           (const char *const[]){"", "a", "a <l>", "a <l>"});
    tok_free(t);
}

/* What a token took along is not found again. */
static void swallowed_tokens(void **state) {
    (void)state;
#define BOTH "\"lstrip\": true, \"rstrip\": true"
    struct tok *t = open_tok("{\"added_tokens\": [" ADDED("\\n", "false", BOTH) ", " ADDED(
        "<l>", "true",
        BOTH) "], \"pre_tokenizer\": {\"type\": \"FixedLength\", \"length\": 1}, " WORDS "}");
    encode(t, "a\n\n\nb", 0, "1 4 2");
    encode(t, "a <l> \n <l> b", 0, "1 5 5 2");
    encode(t, "\n\n", 0, "4");
    tok_free(t);
}

static void gaps_in_ids(void **state) {
    (void)state;
    /* as `tokenizers`: the next id is the number of tokens, which "b" has, too */
    struct tok *t = open_tok("{\"added_tokens\": [" ADDED("<s>", "true", PLAIN) "], " LEVEL(
        "\"?\": 0, \"a\": 1, \"b\": 3") "}");
    encode(t, "b", 0, "3");
    encode(t, "<s>", 0, "3");
    decode(t, (const uint32_t[]){3, 2}, 2, true, (const char *const[]){"<s>", "<s>", "<s>"});
    tok_free(t);
    /* and it counts on from there, whatever ids other added tokens have */
    t = open_tok("{\"added_tokens\": [" ADDED("b", "true", PLAIN) ", " ADDED(
        "<s>", "true", PLAIN) ", " ADDED("<t>", "true",
                                         PLAIN) "], " LEVEL("\"?\": 0, \"a\": 1, \"b\": 5") "}");
    encode(t, "b<s><t>", 0, "5 3 4");
    tok_free(t);
    struct err e = {0};
    assert_int_equal(
        open_json_tok("{\"added_tokens\": [" ADDED("b", "true", PLAIN) ", " ADDED(
                          "<s>", "true", PLAIN) "], " LEVEL("\"?\": 0, \"a\": 1, \"b\": 3") "}",
                      &t, &e),
        PRECIS_EUNSUPPORTED);
    assert_non_null(strstr(e.text, "\"<s>\" has the id 3 of another one"));
}

static void first_of_the_text(void **state) {
    (void)state;
    /* the space put before the first character stems from it, and so does what it was put to */
    struct tok *t =
        open_tok("{\"pre_tokenizer\": {\"type\": \"Sequence\", \"pretokenizers\": [{\"type\": "
                 "\"ByteLevel\", "
                 "\"add_prefix_space\": true, \"use_regex\": true}, {\"type\": \"Metaspace\", "
                 "\"replacement\": \"_\", \"prepend_scheme\": \"first\"}]}, " LEVEL(
                     "\"?\": 0, \"_\u0120\": 1, \"_\u010a\": 2, \"\u010a\": 3, \"b\": 4") "}");
    encode(t, "\nb", 0, "1 2 4");
    tok_free(t);
}

static void around_the_text(void **state) {
    (void)state;
    struct tok *t = open_tok(
        "{\"truncation\": {\"max_length\": 5, \"stride\": 0, \"strategy\": \"LongestFirst\", "
        "\"direction\": \"Left\"}, \"pre_tokenizer\": {\"type\": \"FixedLength\", \"length\": 1}, "
        "\"post_processor\": {\"type\": \"TemplateProcessing\", \"single\": [{\"SpecialToken\": "
        "{\"id\": \"X\", \"type_id\": 0}}, {\"Sequence\": {\"id\": \"A\", \"type_id\": 0}}], "
        "\"pair\": [], \"special_tokens\": {\"X\": {\"id\": \"X\", \"ids\": [3, 2], \"tokens\": "
        "[]}}}," WORDS "}");
    encode(t, "a", 0, "3 2 1");
    encode(t, "babbab", TOK_TRUNCATE, "3 2 2 1 2");
    encode(t, "babbab", 0, "3 2 2 1 2 2 1 2"); /* a prompt is not cut */
    encode(t, "babbab", TOK_NO_SPECIAL | TOK_TRUNCATE, "1 2 2 1 2");
    encode(t, "", 0, "3 2");
    tok_free(t);
}

/* A stride matters only to what is cut off. */
static void truncation_with_stride(void **state) {
    (void)state;
    struct tok *t = open_tok(
        "{\"truncation\": {\"max_length\": 3, \"stride\": 1, \"strategy\": \"LongestFirst\", "
        "\"direction\": \"Right\"}, \"pre_tokenizer\": {\"type\": \"FixedLength\", \"length\": 1}, "
        "\"post_processor\": {\"type\": \"BertProcessing\", \"cls\": [\"ab\", 3], \"sep\": [\"b\", "
        "2]}, " WORDS "}");
    encode(t, "babbab", TOK_NO_SPECIAL | TOK_TRUNCATE, "2 1 2");
    encode(t, "a", TOK_TRUNCATE, "3 1 2");
    tok_free(t);
}

static void streams(void **state) {
    (void)state;
    struct tok *t =
        open_tok("{\"decoder\": {\"type\": \"Sequence\", \"decoders\": [{\"type\": \"Replace\", "
                 "\"pattern\": "
                 "{\"String\": \"_\"}, \"content\": \" \"}, {\"type\": \"ByteFallback\"}, "
                 "{\"type\": \"Fuse\"}, "
                 "{\"type\": \"Strip\", \"content\": \" \", \"start\": 1, \"stop\": 0}]}, " LEVEL(
                     "\"?\": 0, \"_a\": 1, \"_\": 2, \"<0xC3>\": 3, \"<0xA9>\": 4") "}");
    /* bytes wait for the end of their run */
    decode(t, (const uint32_t[]){1, 1, 3, 4, 1}, 5, true,
           (const char *const[]){"a", "a a", "a a", "a a", "a a\xc3\xa9 a", "a a\xc3\xa9 a"});
    decode(t, (const uint32_t[]){2, 2, 3}, 3, true,
           (const char *const[]){"", " ", " ", " \xef\xbf\xbd"});
    size_t len;
    assert_memory_equal(tok_bytes(t, 1, &len), " a", 2);
    assert_memory_equal(tok_bytes(t, 3, &len), "\xc3", 1);
    assert_int_equal(len, 1);
    tok_free(t);
}

static void last_token_waits(void **state) {
    (void)state;
    struct tok *t =
        open_tok("{\"decoder\": {\"type\": \"BPEDecoder\", \"suffix\": \"</w>\"}, " LEVEL(
            "\"?\": 0, \"a</w>\": 1, \"b\": 2") "}");
    decode(t, (const uint32_t[]){1, 2, 1}, 3, true, (const char *const[]){"", "a ", "a b", "a ba"});
    decode(t, NULL, 0, true, (const char *const[]){""});
    tok_free(t);
}

static void neighbours(void **state) {
    (void)state;
    const struct json_file files[] = {
        {"tokenizer.json", "{\"added_tokens\": [" ADDED("<e>", "true", PLAIN) "], " WORDS "}"},
        {"tokenizer_config.json",
         "{\"bos_token\": \"a\", \"eos_token\": {\"content\": \"<e>\"}, \"chat_template\": "
         "[{\"name\": \"tool\", \"template\": \"T\"}, {\"name\": \"default\", \"template\": "
         "\"D\"}]}"},
        {"generation_config.json", "{\"eos_token_id\": [4, 2, 99, -1]}"},
        {"config.json", "{\"eos_token_id\": 3}"},
        {"genai_config.json", "{\"eos_token_id\": 0, \"model\": {\"eos_token_id\": [1, 2]}}"},
        {0}};
    struct tok *t;
    struct err e = {0};
    assert_int_equal(open_json_files(files, &t, &e), 0);
    assert_int_equal(tok_bos(t), 1);
    assert_int_equal(tok_eos(t), 4);
    assert_string_equal(tok_chat_template(t), "D");
    size_t n;
    const uint32_t *stops = tok_stops(t, &n);
    assert_int_equal(n, 4);
    assert_memory_equal(stops, ((uint32_t[]){4, 2, 3, 1}), 16);
    tok_free(t);
    const struct json_file jinja[] = {files[0], files[1], {"chat_template.jinja", "J"}, {0}};
    assert_int_equal(open_json_files(jinja, &t, &e), 0);
    assert_string_equal(tok_chat_template(t), "J");
    tok_free(t);
    const struct json_file odd[] = {files[0], {"config.json", "["}, {0}};
    assert_int_equal(open_json_files(odd, &t, &e), PRECIS_EINPUT);
    assert_non_null(strstr(e.text, "config.json: not valid JSON: line 1"));
}

/* A stop by its name is a special token; Gemma's "</s>" is one of HTML. */
static void stops_by_name(void **state) {
    (void)state;
    struct tok *t = open_tok("{\"added_tokens\": [" ADDED("</s>", "false", PLAIN) ", " ADDED(
        "<|im_end|>", "true", PLAIN) ", " ADDED("<|end|>", "false", PLAIN) "], " WORDS "}");
    size_t n;
    const uint32_t *stops = tok_stops(t, &n);
    assert_int_equal(n, 1);
    assert_int_equal(stops[0], 5);
    tok_free(t);
}

/* Marks of chats and stops are text where text is plain, whatever the file says of them. */
static void marks_in_plain_text(void **state) {
    (void)state;
    const struct json_file files[] = {
        {"tokenizer.json",
         "{\"added_tokens\": [" ADDED("<|end|>", "false", PLAIN) ", " ADDED(
             "a\\n", "false",
             PLAIN) ", " ADDED("[INST]", "false",
                               PLAIN) ", " ADDED("<eot>", "false",
                                                 PLAIN) "], \"pre_tokenizer\": {\"type\": "
                                                        "\"FixedLength\", \"length\": 5}, " WORDS
                                                        "}"},
        {"config.json", "{\"eos_token_id\": 7}"},
        {0}};
    struct tok *t;
    struct err e = {0};
    assert_int_equal(open_json_files(files, &t, &e), 0);
    encode(t, "<|end|>a\n[INST]<eot>", 0, "4 5 6 7");
    encode(t, "<|end|>a\n[INST]<eot>", TOK_PLAIN, "0 0 5 0 0 0");
    tok_free(t);
}

/* As many as there may be, each to be found again. */
static void many_added_tokens(void **state) {
    (void)state;
    struct buf text = {0};
    struct tok *t;
    struct err e = {0};
    buf_str(&text, "{\"added_tokens\": [");
    for (int i = 0; i < 1 << 15; i++)
        buf_printf(&text,
                   "%s{\"content\": \"<%d>\", \"single_word\": false, \"special\": true, "
                   "\"normalized\": false, " PLAIN "}",
                   i ? ", " : "", i % 32767);
    buf_str(&text, "], " WORDS "}");
    assert_int_equal(open_json_tok(text.data, &t, &e), 0);
    encode(t, "<0><17><32766>", 0, "4 21 32770");
    assert_int_equal(tok_vocab(t), 32771);
    tok_free(t);
    buf_free(&text);
}

static void an_unknown_word(void **state) {
    (void)state;
    struct tok *t = open_tok("{" LEVEL("\"a\": 0") "}");
    struct ids ids = {0};
    struct err e = {0};
    encode(t, "a", 0, "0");
    assert_int_equal(tok_encode(t, "b", 1, 0, &ids, &e), PRECIS_EINPUT);
    assert_non_null(strstr(e.text, "not in the vocabulary"));
    assert_int_equal(ids.n, 0);
    ids_free(&ids);
    tok_free(t);
}

/* A pattern that needs an exponential number of steps: told as that, and other texts still work. */
static void patterns_without_end(void **state) {
    (void)state;
    static const char *const files[] = {
        "{\"pre_tokenizer\": {\"type\": \"Split\", \"pattern\": {\"Regex\": \"(?:a+)+[bc]\"}, "
        "\"behavior\": \"Isolated\", \"invert\": false}, " WORDS "}",
        "{\"normalizer\": {\"type\": \"Replace\", \"pattern\": {\"Regex\": \"(?:a+)+[bc]\"}, "
        "\"content\": \"b\"}, " WORDS "}"};
    char text[61] = "";
    memset(text, 'a', 60);
    for (size_t i = 0; i < 2; i++) {
        struct tok *t = open_tok(files[i]);
        struct ids ids = {0};
        struct err e = {0};
        assert_int_equal(tok_encode(t, text, 60, 0, &ids, &e), PRECIS_ELIMIT);
        assert_non_null(strstr(e.text, "regular expression \"(?:a+)+[bc]\": needs more steps"));
        assert_int_equal(ids.n, 0);
        encode(t, "ab", 0, i ? "2" : "3");
        ids_free(&ids);
        tok_free(t);
    }
}

/* The same in decoders: of what is decoded, and of a token when the file is opened. */
static void decoders_without_end(void **state) {
    (void)state;
#define ENDLESS                                                                                    \
    "{\"type\": \"Replace\", \"pattern\": {\"Regex\": \"(?:a+)+[bc]\"}, \"content\": \"b\"}"
#define TEN "aaaaaaaaaa"
    static const char says[] = "regular expression \"(?:a+)+[bc]\": needs more steps";
    struct tok *t = open_tok("{\"decoder\": {\"type\": \"Sequence\", \"decoders\": [{\"type\": "
                             "\"Fuse\"}, " ENDLESS "]}, " WORDS "}");
    struct detok d;
    struct buf out = {0};
    struct err e = {0};
    detok_start(&d, t, true);
    for (int i = 0; i < 60; i++)
        detok_push(&d, 1, &out);
    assert_false(buf_failed(&out));
    detok_finish(&d, &out);
    assert_true(buf_failed(&out));
    assert_int_equal(detok_failure(&d, "text", &e), PRECIS_ELIMIT);
    assert_non_null(strstr(e.text, says));
    buf_free(&out);
    tok_free(t);
    int rc = open_json_tok("{\"decoder\": " ENDLESS
                           ", " LEVEL("\"?\": 0, \"" TEN TEN TEN TEN TEN TEN "\": 1") "}",
                           &t, &e);
    assert_int_equal(rc, PRECIS_ELIMIT);
    assert_non_null(strstr(e.text, says));
}

static void what_is_refused(void **state) {
    (void)state;
    static const struct {
        const char *text;
        int code;
        const char *says;
    } cases[] = {
        {"", PRECIS_EINPUT, "line 1"},
        {"[]", PRECIS_EINPUT, "not a JSON object"},
        {"{}", PRECIS_EINPUT, "no object \"model\""},
        {"{\"version\": \"2.0\", " WORDS "}", PRECIS_EUNSUPPORTED, "version"},
        {"{\"model\": {\"type\": \"Oracle\", \"vocab\": {}}}", PRECIS_EUNSUPPORTED,
         "model \"Oracle\" is not supported"},
        {"{" LEVEL("") "}", PRECIS_EINPUT, "vocab is empty"},
        {"{" LEVEL("\"a\": -1") "}", PRECIS_EINPUT, "the id of \"a\" is no number"},
        {"{" LEVEL("\"a\": 99999999") "}", PRECIS_EINPUT, "id 99999999 of \"a\" is more than"},
        {"{" LEVEL("\"a\": 1, \"b\": 1") "}", PRECIS_EINPUT, "id 1 is of \"a\" and of \"b\""},
        {"{\"normalizer\": {\"type\": \"Magic\"}, " WORDS "}", PRECIS_EUNSUPPORTED,
         "normalizer \"Magic\" is not supported"},
        {"{\"normalizer\": {\"type\": \"Strip\", \"strip_left\": 1}, " WORDS "}", PRECIS_EINPUT,
         "Strip: no boolean \"strip_left\""},
        {"{\"normalizer\": {\"type\": \"Precompiled\", \"precompiled_charsmap\": \"!\"}, " WORDS
         "}",
         PRECIS_EINPUT, "no base64"},
        {"{\"normalizer\": {\"type\": \"Precompiled\", \"precompiled_charsmap\": \"AAAA\"}, " WORDS
         "}",
         PRECIS_EINPUT, "tokenizer.json: Precompiled: "},
        {"{\"normalizer\": {\"type\": \"Replace\", \"pattern\": {\"Regex\": \"\\\\bx\"}, "
         "\"content\": "
         "\"\"}, " WORDS "}",
         PRECIS_EUNSUPPORTED, "tokenizer.json: Replace: regular expression: a word boundary"},
        {"{\"normalizer\": {\"type\": \"Replace\", \"pattern\": {\"String\": \"\"}, \"content\": "
         "\"\"}, " WORDS "}",
         PRECIS_EUNSUPPORTED, "an empty pattern"},
        {"{\"pre_tokenizer\": {\"type\": \"UnicodeScripts2\"}, " WORDS "}", PRECIS_EUNSUPPORTED,
         "pre_tokenizer \"UnicodeScripts2\" is not supported"},
        {"{\"pre_tokenizer\": {\"type\": \"Split\", \"pattern\": {\"String\": \"a\"}, \"invert\": "
         "false, \"behavior\": \"Eaten\"}, " WORDS "}",
         PRECIS_EUNSUPPORTED, "behavior \"Eaten\" is not supported"},
        {"{\"pre_tokenizer\": {\"type\": \"Metaspace\", \"replacement\": \"__\"}, " WORDS "}",
         PRECIS_EINPUT, "\"replacement\" is not one character"},
        {"{\"pre_tokenizer\": {\"type\": \"Metaspace\", \"replacement\": \"_\", "
         "\"prepend_scheme\": "
         "\"last\"}, " WORDS "}",
         PRECIS_EUNSUPPORTED, "prepend_scheme \"last\" is not supported"},
        {"{\"normalizer\": {\"type\": \"Prepend\", \"prepend\": \"\"}, " WORDS "}",
         PRECIS_EUNSUPPORTED, "Prepend: an empty text is not supported"},
        {"{\"decoder\": {\"type\": \"CTC\"}, " WORDS "}", PRECIS_EUNSUPPORTED,
         "decoder \"CTC\" is not supported"},
        {"{\"post_processor\": {\"type\": \"Other\"}, " WORDS "}", PRECIS_EUNSUPPORTED,
         "post_processor \"Other\" is not supported"},
        {"{\"post_processor\": {\"type\": \"BertProcessing\", \"cls\": [\"a\", 4], \"sep\": "
         "[\"a\", "
         "1]}, " WORDS "}",
         PRECIS_EINPUT, "an id is not in 0..3"},
        {"{\"truncation\": {\"max_length\": 1, \"stride\": 0, \"strategy\": \"OnlyFirst\"}, "
         "\"post_processor\": {\"type\": \"BertProcessing\", \"cls\": [\"a\", 1], \"sep\": [\"a\", "
         "1]}, " WORDS "}",
         PRECIS_EINPUT, "max_length 1 leaves no room beside 2 special tokens"},
        {"{\"truncation\": {\"max_length\": 3, \"stride\": 0, \"strategy\": \"OnlySecond\"}, " WORDS
         "}",
         PRECIS_EUNSUPPORTED, "strategy \"OnlySecond\" is not supported"},
        {"{\"added_tokens\": [{\"id\": 1, \"content\": \"a\"}], " WORDS "}", PRECIS_EINPUT,
         "added_tokens: no boolean \"single_word\""},
        {"{\"model\": {\"type\": \"BPE\", \"dropout\": 0.1, \"vocab\": {\"a\": 0}, \"merges\": "
         "[]}}",
         PRECIS_EUNSUPPORTED, "dropout is not supported"},
        {"{\"model\": {\"type\": \"BPE\", \"vocab\": {\"a\": 0}, \"merges\": [\"a a\"]}}",
         PRECIS_EINPUT, "names a token that the vocabulary lacks: \"aa\""},
        {"{\"model\": {\"type\": \"BPE\", \"vocab\": {\"a\": 0}, \"merges\": [\"a a a\"]}}",
         PRECIS_EINPUT, "is not two tokens and a space"},
        {"{\"model\": {\"type\": \"BPE\", \"vocab\": {\"a\": 0}, \"merges\": [[\"a\"]]}}",
         PRECIS_EINPUT, "is no pair of tokens"},
        {"{\"model\": {\"type\": \"BPE\", \"vocab\": {\"a\": 0}}}", PRECIS_EINPUT,
         "no array \"merges\""},
        {"{\"model\": {\"type\": \"Unigram\", \"vocab\": [[\"a\", 1.0]], \"unk_id\": 1}}",
         PRECIS_EINPUT, "unk_id is no place"},
        {"{\"model\": {\"type\": \"Unigram\", \"vocab\": [\"a\"], \"unk_id\": 0}}", PRECIS_EINPUT,
         "entry 0 is no [text, score]"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct tok *t;
        struct err e = {0};
        int rc = open_json_tok(cases[i].text, &t, &e);
        if (rc != cases[i].code || !strstr(e.text, cases[i].says))
            fail_msg("case %zu: %d %s", i, rc, e.text);
        assert_null(t);
        assert_int_equal(strncmp(e.text, "tokenizer.json: ", 16), 0);
    }
    struct tok *t;
    struct err e = {0};
    assert_int_equal(tok_from_json("/nowhere/tokenizer.json", &t, &e), PRECIS_EIO);
    assert_null(t);
}

static void nested_without_end(void **state) {
    (void)state;
    struct buf text = {0};
    struct tok *t;
    struct err e = {0};
    buf_str(&text, "{\"normalizer\": ");
    for (int i = 0; i < 100; i++)
        buf_str(&text, "{\"type\": \"Sequence\", \"normalizers\": [");
    buf_str(&text, "{\"type\": \"NFC\"}");
    for (int i = 0; i < 100; i++)
        buf_str(&text, "]}");
    buf_str(&text, ", " WORDS "}");
    assert_int_equal(open_json_tok(text.data, &t, &e), PRECIS_EUNSUPPORTED);
    assert_non_null(strstr(e.text, "nested more than"));
    buf_free(&text);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(words),
        cmocka_unit_test(added_tokens),
        cmocka_unit_test(gaps_in_ids),
        cmocka_unit_test(first_of_the_text),
        cmocka_unit_test(decoders_without_end),
        cmocka_unit_test(patterns_without_end),
        cmocka_unit_test(stops_by_name),
        cmocka_unit_test(marks_in_plain_text),
        cmocka_unit_test(many_added_tokens),
        cmocka_unit_test(swallowed_tokens),
        cmocka_unit_test(truncation_with_stride),
        cmocka_unit_test(around_the_text),
        cmocka_unit_test(streams),
        cmocka_unit_test(last_token_waits),
        cmocka_unit_test(neighbours),
        cmocka_unit_test(an_unknown_word),
        cmocka_unit_test(what_is_refused),
        cmocka_unit_test(nested_without_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
