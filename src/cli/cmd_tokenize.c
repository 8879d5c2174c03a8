#include <stdio.h>
#include <string.h>

#include "base/json.h"
#include "cli/cli.h"
#include "cli/input_text.h"
#include "cli/model.h"

#define AT(member) offsetof(struct args, member)

static const struct option encoding[] = {
    {.name = "no-special", .offset = AT(no_special), .help = "add no BOS or EOS"},
    {.name = "plain",
     .offset = AT(plain),
     .help = "special tokens spelled out in the text are text (as for all source code)"},
    {.name = "no-truncate",
     .offset = AT(no_truncate),
     .help = "never cut the text, whatever the tokenizer says (those of .gguf files never do)"},
    {.name = "jsonl",
     .harmless = true,
     .offset = AT(jsonl),
     .help = "lines of JSON: {\"text\": ...} in, {\"ids\": [...]} out"},
    {0}};
static const struct option_group group_encoding = {"Tokens", encoding};

static const struct option decoding[] = {
    {.name = "skip-special", .offset = AT(skip_special), .help = "leave special tokens out"},
    {.name = "jsonl",
     .harmless = true,
     .offset = AT(jsonl),
     .help = "lines of JSON: {\"ids\": [...]} in, {\"text\": ...} out"},
    {0}};
static const struct option_group group_decoding = {"Text", decoding};

struct convert {
    const struct args *args;
    struct model model;
    struct ids ids;
    struct buf out;
};

/* Writes what is in c->out and empties it. */
static int put(struct convert *c, struct err *e) {
    if (buf_failed(&c->out))
        return err_nomem(e, "output");
    if (c->out.len && fwrite(c->out.data, 1, c->out.len, stdout) != c->out.len)
        return err_errno(e, "standard output", "write");
    buf_clear(&c->out);
    return 0;
}

static void append_number(struct buf *b, uint32_t v) {
    char digits[12];
    int at = sizeof digits;
    do
        digits[--at] = (char)('0' + v % 10);
    while (v /= 10);
    buf_append(b, digits + at, sizeof digits - (size_t)at);
}

static int encode(struct convert *c, const char *text, size_t len, struct err *e) {
    unsigned flags = (c->args->no_special ? (unsigned)TOK_NO_SPECIAL : 0) |
                     (c->args->plain ? (unsigned)TOK_PLAIN : 0) |
                     (c->args->no_truncate ? 0 : (unsigned)TOK_TRUNCATE);
    c->ids.n = 0;
    int rc = tok_encode(c->model.tok, text, len, flags, &c->ids, e);
    if (rc)
        return rc;
    buf_str(&c->out, c->args->jsonl ? "{\"ids\": [" : "[");
    for (size_t i = 0; i < c->ids.n; i++) {
        if (i)
            buf_str(&c->out, ", ");
        append_number(&c->out, c->ids.v[i]);
    }
    buf_str(&c->out, c->args->jsonl ? "]}\n" : "]\n");
    return put(c, e);
}

static int encode_line(void *user, const char *line, size_t len, size_t number, struct err *e) {
    json_error_t why;
    json_t *root = json_read(line, len, JSON_ALLOW_NUL, &why);
    if (!root)
        return err_set(e, PRECIS_EINPUT, "standard input: line %zu: not JSON: %s", number,
                       why.text);
    json_t *text = json_object_get(root, "text");
    int rc =
        json_is_string(text)
            ? encode(user, json_string_value(text), json_string_length(text), e)
            : err_set(e, PRECIS_EINPUT, "standard input: line %zu: no string \"text\"", number);
    json_decref(root);
    return rc;
}

static int decode(struct convert *c, const char *json, size_t len, const char *name,
                  struct err *e) {
    struct buf text = {0};
    struct detok d;
    c->ids.n = 0;
    int rc = input_ids(json, len, name, tok_vocab(c->model.tok), &c->ids, e);
    if (rc)
        return rc;
    detok_start(&d, c->model.tok, !c->args->skip_special);
    for (size_t i = 0; i < c->ids.n; i++)
        detok_push(&d, c->ids.v[i], &text);
    detok_finish(&d, &text);
    if (c->args->jsonl) {
        buf_str(&c->out, "{\"text\": ");
        json_put_string(&c->out, text.data ? text.data : "", text.len);
        buf_str(&c->out, "}\n");
    } else {
        buf_append(&c->out, text.data ? text.data : "", text.len);
    }
    if (buf_failed(&text))
        rc = detok_failure(&d, "text", e);
    buf_free(&text);
    return rc ? rc : put(c, e);
}

static int decode_line(void *user, const char *line, size_t len, size_t number, struct err *e) {
    char name[64];
    snprintf(name, sizeof name, "standard input: line %zu", number);
    return decode(user, line, len, name, e);
}

static int convert(const struct args *a, bool decoding_ids, struct err *e) {
    struct convert c = {.args = a};
    struct buf in = {0};
    int rc = 0;
    rc = a->tokenizer ? tok_from_json(a->tokenizer, &c.model.tok, e)
                      : model_open_asked(&c.model, a, MODEL_TOKENIZER, 0, e);
    if (rc == 0)
        rc = input_read("-", &in, e);
    if (rc == 0 && a->jsonl)
        rc = input_lines(&in, decoding_ids ? decode_line : encode_line, &c, e);
    else if (rc == 0 && decoding_ids)
        rc = decode(&c, in.data ? in.data : "", in.len, "standard input", e);
    else if (rc == 0)
        rc = encode(&c, in.data ? in.data : "", in.len, e);
    if (rc == 0)
        rc = flush_stdout(e);
    buf_free(&in);
    buf_free(&c.out);
    ids_free(&c.ids);
    model_close(&c.model);
    return rc;
}

static int run_tokenize(const struct args *a, struct err *e) {
    return convert(a, false, e);
}

static int run_detokenize(const struct args *a, struct err *e) {
    return convert(a, true, e);
}

static const struct option_group *const tokenize_groups[] = {&group_encoding, &group_tokenizer,
                                                             &group_general, NULL};
static const struct option_group *const detokenize_groups[] = {&group_decoding, &group_tokenizer,
                                                               &group_general, NULL};

const struct command command_tokenize = {
    .name = "tokenize",
    .summary = "text on standard input to token ids",
    .details = "Reads text on standard input and prints a JSON array of the model's token ids.",
    .groups = tokenize_groups,
    .examples = "  precis tokenize < main.c\n"
                "  printf '{\"text\": \"a\"}\\n' | precis tokenize --jsonl\n",
    .run = run_tokenize,
};

const struct command command_detokenize = {
    .name = "detokenize",
    .summary = "token ids on standard input to text",
    .details = "Reads a JSON array of token ids on standard input and prints the text.",
    .groups = detokenize_groups,
    .examples = "  precis tokenize < main.c | precis detokenize\n",
    .run = run_detokenize,
};
