#include "text/chat.h"

#include <stdlib.h>
#include <string.h>

#include "base/utf8.h"
#include "text/chat_template.h"
#include "text/tok_impl.h"
#include "text/unicode.h"

#define NAMES "chatml, llama3, phi3, mistral, gemma"

/* Where the ids go: plain text gathers until a special token ends it, so that text from the format
 * and text from the messages are tokenised as one. */
struct writer {
    const struct chat *c;
    struct buf plain;
    struct buf system; /* of formats that put it into the user's message */
    bool begun;        /* the plain text is not the first of all */
    bool strip;        /* the token before it takes white space along */
    struct ids *out;
    struct err *e;
    int rc;
};

struct chat_format {
    const char *name;
    const char *marks[2];    /* a template that has these is of this format */
    const char *specials[3]; /* the tokens it cannot do without */
    bool bos, trim;          /* where there is no template to tell */
    void (*message)(struct writer *w, const struct chat_message *m);
    const char *opening[4]; /* of the assistant's turn; NULL ends it */
};

struct chat {
    const struct tok *t;
    const struct chat_format *format;
    char *system; /* the template's default; NULL: none */
    bool bos, trim;
    const char *open_inst, *close_inst, *before_answer; /* Mistral's spelling */
};

static bool is_white(uint32_t c) {
    return unicode_props(c) & UNICODE_WHITE;
}

static bool is_python_space(uint32_t c) { /* str.isspace */
    return (unicode_flags(c) & UNICODE_CLASS) == UNICODE_SPACE || (c >= 0x1c && c <= 0x1f);
}

/* Where s[from..to), which may be any bytes, begins or ends without its white space. */
static size_t strip_left(const uint8_t *s, size_t from, size_t to, bool (*white)(uint32_t)) {
    uint32_t c;
    int k;
    while (from < to && (k = utf8_decode(s + from, to - from, &c)) && white(c))
        from += (size_t)k;
    return from;
}

static size_t strip_right(const uint8_t *s, size_t from, size_t to, bool (*white)(uint32_t)) {
    uint32_t c;
    while (from < to) {
        size_t last = to - 1;
        while (last > from && (s[last] & 0xc0) == 0x80)
            last--;
        if (utf8_decode(s + last, to - last, &c) != (int)(to - last) || !white(c))
            break;
        to = last;
    }
    return to;
}

static void flush(struct writer *w) {
    if (w->rc == 0 && buf_failed(&w->plain))
        w->rc = err_nomem(w->e, "chat message");
    const uint8_t *s = (const uint8_t *)w->plain.data;
    size_t from = w->strip ? strip_left(s, 0, w->plain.len, is_white) : 0;
    if (w->rc == 0 && from < w->plain.len)
        w->rc = tok_encode(w->c->t, w->plain.data + from, w->plain.len - from,
                           TOK_PLAIN | TOK_NO_SPECIAL | (w->begun ? (unsigned)TOK_CONTINUES : 0),
                           w->out, w->e);
    w->begun |= w->plain.len > 0;
    buf_clear(&w->plain);
}

/* token: how it is found in a text, and what white space it takes along; NULL: none. */
static void push(struct writer *w, uint32_t id, const struct special_token *token) {
    if (token && token->lstrip && w->plain.len)
        w->plain.len = strip_right((const uint8_t *)w->plain.data, 0, w->plain.len, is_white);
    flush(w);
    ids_push(w->out, id);
    w->begun = true;
    w->strip = token && token->rstrip;
}

static void push_id(struct writer *w, int64_t id) {
    size_t len;
    const char *s = tok_bytes(w->c->t, (uint32_t)id, &len);
    push(w, (uint32_t)id, tok_added(w->c->t, s, len));
}

/* The special token of that spelling; plain text where the tokenizer has none. */
static void mark(struct writer *w, const char *spelling) {
    const struct special_token *token = tok_added(w->c->t, spelling, strlen(spelling));
    if (token)
        push(w, token->id, token);
    else
        buf_str(&w->plain, spelling);
}

static void plain(struct writer *w, const char *s) {
    buf_str(&w->plain, s);
}

static void content(struct writer *w, const struct chat_message *m) {
    const uint8_t *s = (const uint8_t *)m->text;
    bool trim = w->c->trim;
    size_t from = trim ? strip_left(s, 0, m->len, is_python_space) : 0;
    size_t to = trim ? strip_right(s, from, m->len, is_python_space) : m->len;
    buf_append(&w->plain, m->text + from, to - from);
}

static bool is_role(const struct chat_message *m, const char *role) {
    return strcmp(m->role, role) == 0;
}

static void chatml_turn(struct writer *w, const char *role) {
    mark(w, "<|im_start|>");
    plain(w, role);
    plain(w, "\n");
}

static void chatml_message(struct writer *w, const struct chat_message *m) {
    chatml_turn(w, m->role);
    content(w, m);
    mark(w, "<|im_end|>");
    plain(w, "\n");
}

static void llama3_message(struct writer *w, const struct chat_message *m) {
    mark(w, "<|start_header_id|>");
    plain(w, m->role);
    mark(w, "<|end_header_id|>");
    plain(w, "\n\n");
    content(w, m);
    mark(w, "<|eot_id|>");
}

static void phi3_message(struct writer *w, const struct chat_message *m) {
    mark(w, is_role(m, "system") ? "<|system|>"
            : is_role(m, "user") ? "<|user|>"
                                 : "<|assistant|>");
    plain(w, "\n");
    content(w, m);
    mark(w, "<|end|>");
    plain(w, "\n");
}

/* A system message waits for the user's and goes before it. */
static bool hold_system(struct writer *w, const struct chat_message *m) {
    if (!is_role(m, "system"))
        return false;
    struct buf before = w->plain;
    w->plain = w->system;
    content(w, m);
    plain(w, "\n\n");
    w->system = w->plain;
    w->plain = before;
    return true;
}

static void release_system(struct writer *w) {
    if (buf_failed(&w->system))
        w->plain.failed = true;
    buf_append(&w->plain, w->system.data, w->system.len);
    buf_clear(&w->system);
}

static void mistral_message(struct writer *w, const struct chat_message *m) {
    if (hold_system(w, m))
        return;
    if (is_role(m, "user")) {
        mark(w, "[INST]");
        plain(w, w->c->open_inst);
        release_system(w);
        content(w, m);
        plain(w, w->c->close_inst);
        mark(w, "[/INST]");
    } else {
        plain(w, w->c->before_answer);
        content(w, m);
        push_id(w, tok_eos(w->c->t));
    }
}

static void gemma_message(struct writer *w, const struct chat_message *m) {
    if (hold_system(w, m))
        return;
    mark(w, "<start_of_turn>");
    plain(w, is_role(m, "user") ? "user\n" : "model\n");
    if (is_role(m, "user"))
        release_system(w);
    content(w, m);
    mark(w, "<end_of_turn>");
    plain(w, "\n");
}

static const struct chat_format formats[] = {
    {"chatml",
     {"<|im_start|>", "<|im_end|>"},
     {"<|im_start|>", "<|im_end|>"},
     false,
     false,
     chatml_message,
     {"<|im_start|>", "assistant\n"}},
    {"llama3",
     {"<|start_header_id|>", "<|eot_id|>"},
     {"<|start_header_id|>", "<|end_header_id|>", "<|eot_id|>"},
     true,
     true,
     llama3_message,
     {"<|start_header_id|>", "assistant", "<|end_header_id|>", "\n\n"}},
    {"gemma",
     {"<start_of_turn>", "<end_of_turn>"},
     {"<start_of_turn>", "<end_of_turn>"},
     true,
     true,
     gemma_message,
     {"<start_of_turn>", "model\n"}},
    {"phi3",
     {"<|assistant|>", "<|end|>"},
     {"<|user|>", "<|assistant|>", "<|end|>"},
     false,
     false,
     phi3_message,
     {"<|assistant|>", "\n"}},
    {"mistral", {"[INST]", "[/INST]"}, {NULL}, true, false, mistral_message, {NULL}},
};

static const struct chat_format *by_name(const char *name) {
    for (size_t i = 0; i < sizeof formats / sizeof *formats; i++)
        if (strcmp(name, formats[i].name) == 0)
            return &formats[i];
    return NULL;
}

static const struct chat_format *by_template(const char *text) {
    for (size_t i = 0; i < sizeof formats / sizeof *formats; i++)
        if (strstr(text, formats[i].marks[0]) && strstr(text, formats[i].marks[1]))
            return &formats[i];
    return NULL;
}

/* Why there is no format. */
static int unknown(const char *name, const char *text, struct err *e) {
    if (name)
        return err_set(e, PRECIS_EUNSUPPORTED,
                       "chat template \"%s\" is not known: --chat-template is one of " NAMES, name);
    return err_set(e, PRECIS_EUNSUPPORTED, "the model %s: give --chat-template, one of " NAMES,
                   text ? "has a chat template of no known format" : "has no chat template");
}

static int check_tokens(const struct chat *c, struct err *e) {
    const struct chat_format *f = c->format;
    for (size_t i = 0; i < 3 && f->specials[i]; i++)
        if (tok_id(c->t, f->specials[i]) < 0)
            return err_set(e, PRECIS_EUNSUPPORTED,
                           "the model's vocabulary lacks %s, which the chat template \"%s\" needs",
                           f->specials[i], f->name);
    if (c->bos && tok_bos(c->t) < 0)
        return err_set(e, PRECIS_EUNSUPPORTED,
                       "the model has no BOS token, which the chat template \"%s\" needs", f->name);
    if (f->message == mistral_message && tok_eos(c->t) < 0)
        return err_set(e, PRECIS_EUNSUPPORTED,
                       "the model has no EOS token, which the chat template \"%s\" needs", f->name);
    return 0;
}

/* What differs between models of one format, as their template says. A template of another format
 * says nothing. */
static int read_template(struct chat *c, struct err *e) {
    const char *text = tok_chat_template(c->t);
    c->bos = c->format->bos;
    c->trim = c->format->trim;
    c->open_inst = c->close_inst = " ";
    c->before_answer = "";
    if (!text || by_template(text) != c->format)
        return 0;
    c->bos = strstr(text, "bos_token") != NULL;
    c->trim = strstr(text, "trim }}") || strstr(text, "|trim") || strstr(text, "| trim") ||
              strstr(text, ".strip()");
    c->open_inst = strstr(text, "[INST] ") ? " " : "";
    c->close_inst = strstr(text, " [/INST]") ? " " : "";
    c->before_answer = strstr(text, "' ' + message") || strstr(text, "\" \" + message") ? " " : "";
    if (c->format->message == chatml_message &&
        !chat_template_between(text, "<|im_start|>system\n", "<|im_end|>", &c->system))
        return err_nomem(e, "chat template");
    return 0;
}

int chat_open(const struct tok *t, const char *name, struct chat **out, struct err *e) {
    const char *text = tok_chat_template(t);
    const struct chat_format *format = name ? by_name(name) : text ? by_template(text) : NULL;
    *out = NULL;
    if (!format)
        return unknown(name, text, e);
    struct chat *c = calloc(1, sizeof *c);
    if (!c)
        return err_nomem(e, "chat template");
    c->t = t;
    c->format = format;
    int rc = read_template(c, e);
    if (rc == 0)
        rc = check_tokens(c, e);
    if (rc == 0)
        *out = c;
    else
        chat_free(c);
    return rc;
}

void chat_free(struct chat *c) {
    if (!c)
        return;
    free(c->system);
    free(c);
}

const char *chat_name(const struct chat *c) {
    return c->format->name;
}

static int check_messages(const struct chat_message *m, size_t n, struct err *e) {
    if (n == 0)
        return err_set(e, PRECIS_EUSAGE, "a chat needs at least one message");
    for (size_t i = 0; i < n; i++)
        if (!is_role(&m[i], "system") && !is_role(&m[i], "user") && !is_role(&m[i], "assistant"))
            return err_set(e, PRECIS_EUSAGE,
                           "message %zu has role \"%s\", not system, user or assistant", i + 1,
                           m[i].role);
    return 0;
}

int chat_encode(const struct chat *c, const struct chat_message *messages, size_t n,
                struct ids *out, struct err *e) {
    struct writer w = {.c = c, .out = out, .e = e};
    size_t before = out->n;
    w.rc = check_messages(messages, n, e);
    if (w.rc)
        return w.rc;
    if (c->bos)
        push_id(&w, tok_bos(c->t));
    if (c->system && !is_role(&messages[0], "system")) {
        chatml_turn(&w, "system");
        plain(&w, c->system);
        mark(&w, "<|im_end|>");
        plain(&w, "\n");
    }
    for (size_t i = 0; i < n && w.rc == 0; i++)
        c->format->message(&w, &messages[i]);
    for (size_t i = 0; i < 4 && c->format->opening[i]; i++)
        mark(&w, c->format->opening[i]);
    if (w.rc == 0 && w.system.len)
        w.rc = err_set(e, PRECIS_EUSAGE, "a system message needs a user message after it");
    flush(&w);
    if (w.rc == 0 && out->failed)
        w.rc = err_nomem(e, "chat message");
    buf_free(&w.plain);
    buf_free(&w.system);
    if (w.rc)
        out->n = before;
    return w.rc;
}
