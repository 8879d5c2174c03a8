/* Chat formats: made-up vocabularies against Jinja's text, the real models against transformers'
 * ids. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "../model/gguf_build.h"
#include "golden.h"
#include "json_tok.h"
#include "text/chat.h"
#include "tiny_tok.h"

enum { MOST_MESSAGES = 16, BOS = 256, EOS = 257 };

static const char *const every[] = {"<s>",
                                    "</s>",
                                    "<|im_start|>",
                                    "<|im_end|>",
                                    "<|eot_id|>",
                                    "<|user|>",
                                    "<|assistant|>",
                                    "<|start_header_id|>",
                                    "<|end_header_id|>",
                                    "<|end|>",
                                    "<|system|>",
                                    "[INST]",
                                    "[/INST]",
                                    "<start_of_turn>",
                                    "<end_of_turn>",
                                    NULL};

static void ends(struct buf *b) {
    put_key_u32(b, "tokenizer.ggml.bos_token_id", BOS);
    put_key_u32(b, "tokenizer.ggml.eos_token_id", EOS);
}

static struct tok *open_every(const char *template) {
    return open_tiny_tok(&(struct tiny_tok){
        .control = every, .chat_template = template, .more = ends, .more_keys = 2});
}

static size_t read_messages(const json_t *line, struct chat_message *m) {
    const json_t *list = json_object_get(line, "m");
    size_t n = json_array_size(list);
    assert_true(n <= MOST_MESSAGES);
    for (size_t i = 0; i < n; i++) {
        const json_t *one = json_array_get(list, i), *text = json_array_get(one, 1);
        m[i] = (struct chat_message){json_string_value(json_array_get(one, 0)),
                                     json_string_value(text), json_string_length(text)};
    }
    return n;
}

static void text_of(const struct tok *t, const struct ids *ids, struct buf *out) {
    struct detok d;
    buf_clear(out);
    buf_str(out, "");
    detok_start(&d, t, true);
    for (size_t i = 0; i < ids->n; i++)
        detok_push(&d, ids->v[i], out);
    detok_finish(&d, out);
}

static void check_format(void *user, const json_t *line) {
    size_t *lines = user;
    struct chat_message m[MOST_MESSAGES];
    size_t len, n = read_messages(line, m);
    const char *format = golden_string(line, "f", &len);
    struct tok *t = open_every(golden_string(line, "j", &len));
    struct chat *c;
    struct err e;
    struct ids ids = {0};
    struct buf text = {0};
    assert_int_equal(chat_open(t, NULL, &c, &e), 0);
    assert_string_equal(chat_name(c), format);
    assert_int_equal(chat_encode(c, m, n, &ids, &e), 0);
    text_of(t, &ids, &text);
    assert_string_equal(text.data, golden_string(line, "t", &len));
    assert_int_equal(text.len, len);
    buf_free(&text);
    ids_free(&ids);
    chat_free(c);
    tok_free(t);
    ++*lines;
}

static void formats_by_template(void **state) {
    (void)state;
    size_t lines = 0;
    golden_each("chat_formats.jsonl", check_format, &lines);
    assert_true(lines >= 15);
}

static void by_name(const char *name, const char *want) {
    static const struct chat_message m[] = {
        {"system", "S", 1}, {"user", " U ", 3}, {"assistant", "A", 1}, {"user", "V", 1}};
    struct tok *t = open_every(NULL);
    struct chat *c;
    struct err e;
    struct ids ids = {0};
    struct buf text = {0};
    assert_int_equal(chat_open(t, name, &c, &e), 0);
    assert_int_equal(chat_encode(c, m, 4, &ids, &e), 0);
    text_of(t, &ids, &text);
    assert_string_equal(text.data, want);
    buf_free(&text);
    ids_free(&ids);
    chat_free(c);
    tok_free(t);
}

static void formats_by_name(void **state) {
    (void)state;
    by_name("chatml", "<|im_start|>system\nS<|im_end|>\n<|im_start|>user\n U <|im_end|>\n"
                      "<|im_start|>assistant\nA<|im_end|>\n<|im_start|>user\nV<|im_end|>\n"
                      "<|im_start|>assistant\n");
    by_name("llama3", "<s><|start_header_id|>system<|end_header_id|>\n\nS<|eot_id|>"
                      "<|start_header_id|>user<|end_header_id|>\n\nU<|eot_id|>"
                      "<|start_header_id|>assistant<|end_header_id|>\n\nA<|eot_id|>"
                      "<|start_header_id|>user<|end_header_id|>\n\nV<|eot_id|>"
                      "<|start_header_id|>assistant<|end_header_id|>\n\n");
    by_name("phi3", "<|system|>\nS<|end|>\n<|user|>\n U <|end|>\n<|assistant|>\nA<|end|>\n"
                    "<|user|>\nV<|end|>\n<|assistant|>\n");
    by_name("mistral", "<s>[INST] S\n\n U  [/INST]A</s>[INST] V [/INST]");
    by_name("gemma", "<s><start_of_turn>user\nS\n\nU<end_of_turn>\n<start_of_turn>model\nA"
                     "<end_of_turn>\n<start_of_turn>user\nV<end_of_turn>\n<start_of_turn>model\n");
}

/* What a message spells is text, and the text around special tokens is tokenised as one. */
static void content_is_plain(void **state) {
    (void)state;
    static const char *const merges[] = {"u s",         "us e",         "use r",
                                         "user \u010a", "user\u010a b", NULL};
    static const char *const control[] = {"<|im_start|>", "<|im_end|>", NULL};
    struct tok *t = open_tiny_tok(&(struct tiny_tok){.merges = merges, .control = control});
    struct chat *c;
    struct err e;
    struct ids ids = {0};
    const struct chat_message m = {"user", "<|im_end|>", 10};
    assert_int_equal(chat_open(t, "chatml", &c, &e), 0);
    assert_int_equal(chat_encode(c, &m, 1, &ids, &e), 0);
    assert_int_equal(ids.v[0], 261);
    assert_int_equal(ids.v[1], 258); /* "user" */
    assert_int_equal(ids.v[2], '\n');
    for (size_t i = 0; i < 10; i++)
        assert_int_equal(ids.v[3 + i], "<|im_end|>"[i]);
    assert_int_equal(ids.v[13], 262);
    ids_free(&ids);
    chat_free(c);
    tok_free(t);
}

#define ADDED(content, special, lstrip, rstrip)                                                    \
    "{\"id\": 0, \"content\": \"" content "\", \"single_word\": false, \"special\": " special      \
    ", \"normalized\": false, \"lstrip\": " lstrip ", \"rstrip\": " rstrip "}"

/* Marks take white space along, and only what goes first gets the mark of a word: the ids are
 * tokenizers' of the whole text. */
static void as_one_text(void **state) {
    (void)state;
    static const char json[] =
        "{\"added_tokens\": [" ADDED("<s>", "true", "false", "true") ", " ADDED(
            "<|user|>", "false", "false",
            "true") ", " ADDED("<|end|>", "false", "true",
                               "true") ", " ADDED("<|assistant|>", "false", "false",
                                                  "true") "], "
                                                          "\"pre_tokenizer\": {\"type\": "
                                                          "\"Metaspace\", \"replacement\": \"_\", "
                                                          "\"prepend_scheme\": \"first\", "
                                                          "\"split\": false}, \"model\": "
                                                          "{\"type\": \"BPE\", "
                                                          "\"unk_token\": \"?\", \"merges\": [], "
                                                          "\"vocab\": {\"?\": 0, \"_\": 1, \"H\": "
                                                          "2, \"i\": 3, "
                                                          "\"[\": 4, \"I\": 5, \"N\": 6, \"S\": 7, "
                                                          "\"T\": 8, \"]\": 9, \"/\": 10, \"\\n\": "
                                                          "11}}}";
    static const struct {
        const char *template, *name, *text;
        uint32_t want[20];
        size_t n;
    } cases[] = {
        {"<|assistant|><|end|>", "phi3", "Hi \n", {13, 2, 3, 14, 15}, 5},
        {"<|assistant|><|end|>", "phi3", " ", {13, 14, 15}, 3},
        /* an end that the message spells is text */
        {"<|assistant|><|end|>", "phi3", "<|end|>H", {13, 0, 0, 0, 0, 0, 0, 0, 2, 14, 15}, 11},
        {"bos_token '[INST] ' ' [/INST]'",
         "mistral",
         "Hi",
         {12, 4, 5, 6, 7, 8, 9, 1, 2, 3, 1, 4, 10, 5, 6, 7, 8, 9},
         18},
        {"'[INST] ' ' [/INST]'",
         "mistral",
         "Hi",
         {1, 4, 5, 6, 7, 8, 9, 1, 2, 3, 1, 4, 10, 5, 6, 7, 8, 9},
         18},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const struct json_file files[] = {
            {"tokenizer.json", json},
            {"tokenizer_config.json", "{\"bos_token\": \"<s>\", \"eos_token\": \"<s>\"}"},
            {"chat_template.jinja", cases[i].template},
            {0}};
        struct tok *t;
        struct chat *c;
        struct err e;
        struct ids ids = {0};
        const struct chat_message m = {"user", cases[i].text, strlen(cases[i].text)};
        assert_int_equal(open_json_files(files, &t, &e), 0);
        assert_int_equal(chat_open(t, NULL, &c, &e), 0);
        assert_string_equal(chat_name(c), cases[i].name);
        assert_int_equal(chat_encode(c, &m, 1, &ids, &e), 0);
        assert_int_equal(ids.n, cases[i].n);
        assert_memory_equal(ids.v, cases[i].want, ids.n * sizeof *ids.v);
        ids_free(&ids);
        chat_free(c);
        tok_free(t);
    }
}

/* A tokenizer of SentencePiece pieces. */
static struct tok *open_pieces(const char *architecture) {
#define KEY "tokenizer.ggml."
    static const struct {
        const char *s;
        uint32_t type;
    } pieces[] = {{"<unk>", 2}, {"<s>", 3}, {"</s>", 3},     {"\xe2\x96\x81", 1},  {"H", 1},
                  {"i", 1},     {"!", 1},   {"<|user|>", 3}, {"<|assistant|>", 3}, {"<|end|>", 4}};
    size_t n = sizeof pieces / sizeof *pieces;
    struct buf b = {0};
    struct gguf *g;
    struct tok *t;
    struct err e = {0};
    uint8_t *copy;
    put_head(&b, 3, 0, 7);
    put_key_string(&b, "general.architecture", architecture);
    put_key_string(&b, KEY "model", "llama");
    put_key_array(&b, KEY "tokens", GGUF_STRING, n);
    for (size_t i = 0; i < n; i++)
        put_string(&b, pieces[i].s);
    put_key_array(&b, KEY "token_type", GGUF_U32, n);
    for (size_t i = 0; i < n; i++)
        put_u32(&b, pieces[i].type);
    put_key_array(&b, KEY "scores", GGUF_F32, n);
    for (size_t i = 0; i < n; i++)
        put_u32(&b, 0);
    put_key_u32(&b, KEY "bos_token_id", 1);
    put_key_u32(&b, KEY "eos_token_id", 2);
    assert_int_equal(open_exact(&b, b.len, &copy, &g, &e), 0);
    if (tok_from_gguf(g, &t, &e) != 0)
        fail_msg("%s", e.text);
    gguf_close(g);
    free(copy);
    buf_free(&b);
    return t;
}

/* Phi-3's marks take white space along, which a GGUF file does not tell; others' do not. */
static void white_space_after_phi3(void **state) {
    (void)state;
    static const struct {
        const char *architecture;
        uint32_t want[16];
        size_t n;
    } cases[] = {{"phi3", {7, 3, 4, 5, 6, 0, 9, 8}, 8},
                 {"llama", {7, 3, 0, 4, 5, 6, 0, 9, 3, 0, 8, 3, 0}, 13}};
    for (size_t i = 0; i < 2; i++) {
        struct tok *t = open_pieces(cases[i].architecture);
        struct chat *c;
        struct err e;
        struct ids ids = {0};
        const struct chat_message m = {"user", "\nHi!\n", 5};
        assert_int_equal(chat_open(t, "phi3", &c, &e), 0);
        assert_int_equal(chat_encode(c, &m, 1, &ids, &e), 0);
        assert_int_equal(ids.n, cases[i].n);
        assert_memory_equal(ids.v, cases[i].want, ids.n * sizeof *ids.v);
        /* what follows <s> keeps its white space */
        ids.n = 0;
        assert_int_equal(tok_encode(t, "<s> H", 5, TOK_NO_SPECIAL, &ids, &e), 0);
        assert_int_equal(ids.n, 4);
        ids_free(&ids);
        chat_free(c);
        tok_free(t);
    }
}

static void refuse(const struct tok *t, const char *name, const char *says) {
    struct chat *c;
    struct err e;
    assert_int_equal(chat_open(t, name, &c, &e), PRECIS_EUNSUPPORTED);
    assert_null(c);
    if (!strstr(e.text, says))
        fail_msg("%s", e.text);
}

static void unknown_formats(void **state) {
    (void)state;
    const char *names = "--chat-template, one of chatml, llama3, phi3, mistral, gemma";
    struct tok *t = open_every(NULL);
    refuse(t, NULL, names);
    refuse(t, "vicuna", "\"vicuna\" is not known: --chat-template is one of chatml, llama3");
    tok_free(t);
    t = open_every("{% for m in messages %}USER: {{ m }}{% endfor %}");
    refuse(t, NULL, names);
    tok_free(t);
    t = open_tiny_tok(&(struct tiny_tok){0});
    refuse(t, "chatml", "lacks <|im_start|>, which the chat template \"chatml\" needs");
    refuse(t, "mistral", "no BOS token");
    tok_free(t);
}

static void bad_messages(void **state) {
    (void)state;
    static const struct {
        const char *format, *role, *says;
        size_t n;
    } cases[] = {{"chatml", "user", "at least one message", 0},
                 {"chatml", "tool", "message 1 has role \"tool\"", 1},
                 {"gemma", "system", "needs a user message after it", 1},
                 {"mistral", "system", "needs a user message after it", 1}};
    struct tok *t = open_every(NULL);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct chat *c;
        struct err e;
        struct ids ids = {0};
        const struct chat_message m = {cases[i].role, "x", 1};
        assert_int_equal(chat_open(t, cases[i].format, &c, &e), 0);
        assert_int_equal(chat_encode(c, &m, cases[i].n, &ids, &e), PRECIS_EUSAGE);
        assert_int_equal(ids.n, 0);
        assert_non_null(strstr(e.text, cases[i].says));
        ids_free(&ids);
        chat_free(c);
    }
    tok_free(t);
}

/* Jinja text that ends early, and defaults that are none. */
static void strange_templates(void **state) {
    (void)state;
#define MARKS "<|im_start|><|im_end|>"
    static const struct {
        const char *template, *system; /* NULL: no default */
    } cases[] = {
        {MARKS "{{ '<|im_start|>system\\nA\\'b\\\\<|im_end|>'", "A'b\\"},
        {MARKS "{{ '<|im_start|>system\\n' + x + '<|im_end|>' }}", NULL},
        {MARKS "{# '<|im_start|>system\\nA<|im_end|>' #}", NULL},
        {MARKS "{# never closed <|im_start|>system\nA<|im_end|>", NULL},
        {MARKS "{{ '<|im_start|>system\\nA<|im_end|", NULL},
        {MARKS "{{ '<|im_start|>system\\n<|im_end|>' }}", NULL},
        {MARKS "{{ 'x\\", NULL},
        {MARKS "{", NULL},
        {MARKS "<|im_start|>system\nraw {%\"%}\"%} text<|im_end|>", NULL},
        {MARKS "<|im_start|>system\nraw text<|im_end|>{% x %}", "raw text"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct tok *t = open_every(cases[i].template);
        struct chat *c;
        struct err e;
        struct ids ids = {0};
        struct buf text = {0}, want = {0};
        const struct chat_message m = {"user", "U", 1};
        assert_int_equal(chat_open(t, NULL, &c, &e), 0);
        assert_int_equal(chat_encode(c, &m, 1, &ids, &e), 0);
        text_of(t, &ids, &text);
        if (cases[i].system)
            buf_printf(&want, "<|im_start|>system\n%s<|im_end|>\n", cases[i].system);
        buf_str(&want, "<|im_start|>user\nU<|im_end|>\n<|im_start|>assistant\n");
        assert_string_equal(text.data, want.data);
        buf_free(&text);
        buf_free(&want);
        ids_free(&ids);
        chat_free(c);
        tok_free(t);
    }
}

struct run {
    const struct chat *chat;
    const char *key;
    size_t lines;
};

static void check_chat(void *user, const json_t *line) {
    struct run *run = user;
    struct chat_message m[MOST_MESSAGES];
    struct ids ids = {0};
    struct err e;
    size_t n = read_messages(line, m);
    char *dump = json_dumps(line, JSON_ENSURE_ASCII);
    assert_int_equal(chat_encode(run->chat, m, n, &ids, &e), 0);
    golden_ids(&ids, json_object_get(line, run->key), dump);
    free(dump);
    ids_free(&ids);
    run->lines++;
}

static void model(const char *name, const char *key) {
    struct tok *t = golden_tok(name);
    struct chat *c;
    struct err e;
    assert_int_equal(chat_open(t, NULL, &c, &e), 0);
    assert_string_equal(chat_name(c), "chatml");
    struct run run = {c, key, 0};
    golden_each("chat.jsonl", check_chat, &run);
    assert_true(run.lines >= 100);
    chat_free(c);
    tok_free(t);
}

static void smollm2(void **state) {
    (void)state;
    model("smollm2", "s");
}

static void qwen2(void **state) {
    (void)state;
    model("qwen2.5-coder-0.5b", "q");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(formats_by_template),
        cmocka_unit_test(formats_by_name),
        cmocka_unit_test(content_is_plain),
        cmocka_unit_test(as_one_text),
        cmocka_unit_test(white_space_after_phi3),
        cmocka_unit_test(unknown_formats),
        cmocka_unit_test(bad_messages),
        cmocka_unit_test(strange_templates),
        cmocka_unit_test(smollm2),
        cmocka_unit_test(qwen2),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
