#include "summary/prompt.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/log.h"
#include "summary/prompt_examples.h"
#include "summary/prompt_shown.h"

enum {
    EXAMPLE_BYTES = 90, /* of an example's code: its first lines say most (docs/summaries.md) */
    LEAST_TEXT = 32,    /* tokens of text without which a prompt is not worth asking */
    BYTES_AT_FIRST = 8, /* for each token of room: more than nearly all text has */
    TRIES = 8
};

static const char system_text[] = "You write one-line summaries of source code.";

static int set_version(struct prompt *p, const char *instruction, struct err *e) {
    if (!instruction) {
        snprintf(p->version, sizeof p->version, "%s",
                 p->form == PROMPT_SOURCE ? PROMPT_PLAIN_VERSION : PROMPT_VERSION);
        return 0;
    }
    char hex[HASH_HEX_SIZE];
    int rc = hash_sha256_hex(instruction, strlen(instruction), hex, e);
    if (rc == 0)
        snprintf(p->version, sizeof p->version, "custom-%.8s", hex);
    return rc;
}

/* How much of a chunk is in the prompt. */
struct shown {
    size_t len;      /* bytes, from its beginning */
    uint64_t hidden; /* lines missing after it */
    bool part_line;  /* the last line shown is not whole */
    size_t examples; /* that go before it */
};

static void append_text(const struct prompt_chunk *c, const struct shown *shown, struct buf *b) {
    buf_append(b, c->text, shown->len);
    if (shown->len && c->text[shown->len - 1] != '\n')
        buf_char(b, '\n');
    if (shown->part_line)
        buf_str(b, "[... the rest of this line not shown]\n");
    if (shown->hidden)
        buf_printf(b, "[... %" PRIu64 " more line%s not shown]\n", shown->hidden,
                   shown->hidden == 1 ? "" : "s");
}

/* The user's message of a chat. */
static void append_message(const struct prompt *p, const struct prompt_chunk *c,
                           const struct shown *shown, struct buf *b) {
    buf_str(b, "File: ");
    append_shown(b, c->path);
    buf_printf(b, " (lines %" PRIu64 "-%" PRIu64, c->start_line, c->end_line);
    if (c->lang)
        buf_printf(b, ", %s", c->lang->title);
    buf_str(b, ")\n\n");
    append_text(c, shown, b);
    buf_char(b, '\n');
    buf_str(b, p->instruction);
}

static void append_question(struct buf *b, const char *symbol, bool whole) {
    buf_str(b, "// What ");
    if (symbol) {
        buf_char(b, '`');
        append_shown(b, symbol);
        buf_str(b, "` does");
    } else {
        buf_str(b, whole ? "this file does" : "these lines do");
    }
    buf_str(b, ", in one sentence:");
}

/* Not within a character: goes back to its first byte. */
static size_t at_character(const char *s, size_t n, size_t i) {
    for (size_t back = 0; back < 4 && i > back && i < n; back++)
        if (((unsigned char)s[i - back] & 0xc0) != 0x80)
            return i - back;
    return i;
}

/* The beginning of an example's code: whole lines where there are any. */
static void append_beginning(struct buf *b, const char *s, size_t len) {
    size_t n = len;
    if (len > EXAMPLE_BYTES) {
        n = EXAMPLE_BYTES;
        while (n && s[n - 1] != '\n')
            n--;
        n = n ? n : at_character(s, len, EXAMPLE_BYTES);
    }
    buf_append(b, s, n);
    if (n && s[n - 1] != '\n')
        buf_char(b, '\n');
    if (n < len)
        buf_str(b, "...\n");
}

struct prompt_example prompt_example_of(const struct example *x) {
    return (struct prompt_example){x->path, *x->symbol ? x->symbol : NULL, x->code, strlen(x->code),
                                   x->sentence};
}

static void append_example(struct buf *b, const struct prompt_example *x) {
    buf_str(b, "// File: ");
    append_shown(b, x->path);
    buf_char(b, '\n');
    append_beginning(b, x->code, x->len);
    append_question(b, x->symbol, true);
    buf_char(b, ' ');
    append_shown(b, x->sentence);
    buf_str(b, "\n\n");
}

static const struct prompt_example *examples_of(const struct prompt_chunk *c, size_t *n) {
    *n = c->n_examples ? c->n_examples : BUILTIN_EXAMPLES;
    return c->n_examples ? c->examples : builtin_examples;
}

static void append_document(const struct prompt_chunk *c, const struct shown *shown,
                            struct buf *b) {
    size_t n;
    const struct prompt_example *examples = examples_of(c, &n);
    for (size_t i = shown->examples; i-- > 0;)
        append_example(b, &examples[i]);
    buf_str(b, "// File: ");
    append_shown(b, c->path);
    if (!c->symbol && !c->whole)
        buf_printf(b, " (lines %" PRIu64 "-%" PRIu64 ")", c->start_line, c->end_line);
    buf_char(b, '\n');
    append_text(c, shown, b);
    append_question(b, c->symbol, c->whole);
}

/* The source of a sequence-to-sequence model. */
static void append_source(const struct prompt *p, const struct prompt_chunk *c,
                          const struct shown *shown, struct buf *b) {
    buf_str(b, p->instruction);
    if (!p->own && c->lang)
        buf_printf(b, " %s", c->lang->title);
    buf_str(b, p->own ? " " : ": ");
    buf_append(b, c->text, shown->len);
}

static int encode(const struct prompt *p, const struct prompt_chunk *c, const struct shown *shown,
                  struct ids *out, struct err *e) {
    struct buf text = {0};
    if (p->form == PROMPT_CHAT)
        append_message(p, c, shown, &text);
    else if (p->form == PROMPT_DOCUMENT)
        append_document(c, shown, &text);
    else
        append_source(p, c, shown, &text);
    const struct chat_message messages[] = {
        {"system", p->system, strlen(p->system)},
        {"user", text.data, text.len},
    };
    int rc;
    if (buf_failed(&text))
        rc = err_nomem(e, "prompt");
    else if (p->form == PROMPT_CHAT)
        rc = chat_encode(p->chat, messages, 2, out, e);
    else
        rc = tok_encode(p->tok, text.data, text.len, TOK_PLAIN, out, e);
    if (rc == 0 && out->failed)
        rc = err_nomem(e, "prompt");
    buf_free(&text);
    return rc;
}

static const char *instruction_of(const struct prompt *p, const char *own) {
    return own ? own : p->form == PROMPT_SOURCE ? "Summarize" : "";
}

/* Without one the answer is cleaned afterwards all the same. */
static int open_constrain(struct prompt *p, struct err *e) {
    struct err why;
    int rc = constrain_new(p->tok, &p->constrain, &why);
    if (rc == PRECIS_EUNSUPPORTED) {
        log_say(LOG_INFO, "%s", why.text);
        return 0;
    }
    if (rc && e)
        *e = why;
    return rc;
}

static size_t answer_room(const struct prompt_options *o) {
    return o->max_new_tokens < o->context / 4 ? o->max_new_tokens : o->context / 4;
}

int prompt_describe(struct prompt *p, const struct prompt_options *o, struct err *e) {
    *p = (struct prompt){.own = o->instruction != NULL};
    p->form = o->seq2seq ? PROMPT_SOURCE : p->own ? PROMPT_CHAT : PROMPT_DOCUMENT;
    p->limit = o->seq2seq ? o->context : o->context - answer_room(o);
    return set_version(p, o->instruction, e);
}

int prompt_open(struct prompt *p, const struct tok *tok, const struct prompt_options *o,
                struct err *e) {
    int rc = prompt_describe(p, o, e);
    if (rc)
        return rc;
    p->tok = tok;
    p->chat = o->chat;
    p->system = p->form == PROMPT_CHAT ? system_text : "";
    if (p->form == PROMPT_CHAT && !o->chat)
        return err_set(e, PRECIS_EUNSUPPORTED,
                       "an own instruction needs a model whose chat format is known");
    p->instruction = strdup(instruction_of(p, o->instruction));
    if (!p->instruction)
        return err_nomem(e, "prompt");
    struct ids frame = {0};
    const struct prompt_chunk nothing = {.path = "", .text = ""};
    if (rc == 0)
        rc = encode(p, &nothing, &(struct shown){.hidden = 1}, &frame, e);
    if (rc == 0 && frame.n + LEAST_TEXT > p->limit)
        rc = err_set(
            e, PRECIS_ELIMIT,
            "the model's context of %zu tokens is too small: the prompt takes %zu without any "
            "text and the answer %zu",
            o->context, frame.n, answer_room(o));
    ids_free(&frame);
    if (rc == 0 && p->form == PROMPT_DOCUMENT)
        rc = open_constrain(p, e);
    if (rc)
        prompt_close(p);
    return rc;
}

void prompt_close(struct prompt *p) {
    constrain_free(p->constrain);
    free(p->instruction);
    *p = (struct prompt){0};
}

/* How many bytes of the text `room` tokens cover. Encodes a prefix once, longer only when the
 * text's tokens are unusually long, and adds up the bytes of its tokens. */
static int bytes_in_room(const struct prompt *p, const struct prompt_chunk *c, size_t room,
                         size_t *bytes, struct err *e) {
    struct ids ids = {0};
    size_t prefix = c->len;
    if (prefix / BYTES_AT_FIRST > room)
        prefix = at_character(c->text, c->len, room * BYTES_AT_FIRST);
    int rc;
    for (;;) {
        ids.n = 0;
        rc = tok_encode(p->tok, c->text, prefix, TOK_NO_SPECIAL | TOK_PLAIN, &ids, e);
        if (rc == 0 && ids.failed)
            rc = err_nomem(e, "prompt");
        if (rc || ids.n > room || prefix == c->len)
            break;
        prefix = prefix > c->len / 2 ? c->len : at_character(c->text, c->len, prefix * 2);
    }
    if (rc == 0) {
        size_t total = 0, fitting = 0, len;
        for (size_t i = 0; i < ids.n; i++) {
            tok_bytes(p->tok, ids.v[i], &len);
            total += len;
            if (i < room)
                fitting = total;
        }
        /* A normaliser may have changed lengths: then by proportion. */
        *bytes = total == prefix || !total
                     ? fitting
                     : (size_t)((double)fitting / (double)total * (double)prefix);
    }
    ids_free(&ids);
    return rc;
}

static uint64_t count_lines(const char *s, size_t n) {
    uint64_t lines = n && s[n - 1] != '\n';
    for (const char *p = s; n && (p = memchr(p, '\n', n - (size_t)(p - s))) != NULL; p++)
        lines++;
    return lines;
}

/* What to show of the text so that about `room` tokens hold it. */
static int fit(const struct prompt *p, const struct prompt_chunk *c, size_t room,
               struct shown *shown, struct err *e) {
    size_t bytes = 0;
    int rc = bytes_in_room(p, c, room, &bytes, e);
    if (rc)
        return rc;
    bytes = bytes < c->len ? bytes : c->len;
    bool cut = bytes < c->len;
    size_t line = bytes;
    while (cut && line && c->text[line - 1] != '\n')
        line--;
    shown->part_line = cut && line <= bytes / 2; /* one line takes most of it */
    shown->len = shown->part_line ? at_character(c->text, c->len, bytes) : line;
    shown->hidden = count_lines(c->text + shown->len, c->len - shown->len) - shown->part_line;
    return 0;
}

static int build_cut(const struct prompt *p, const struct prompt_chunk *c, size_t examples,
                     struct ids *out, bool *cut, struct err *e) {
    struct ids ids = {0};
    struct shown shown = {.hidden = count_lines(c->text, c->len), .examples = examples};
    int rc = encode(p, c, &shown, &ids, e);
    size_t frame = ids.n;
    if (rc == 0 && frame + LEAST_TEXT > p->limit)
        rc = err_set(e, PRECIS_ELIMIT,
                     "no room for text: the prompt takes %zu of %zu tokens without it", frame,
                     p->limit);
    size_t room = p->limit - (frame < p->limit ? frame : p->limit);
    for (int i = 0; rc == 0; i++) {
        ids.n = 0;
        rc = fit(p, c, room, &shown, e);
        if (rc == 0)
            rc = encode(p, c, &shown, &ids, e);
        if (rc || ids.n <= p->limit)
            break;
        size_t over = ids.n - p->limit + (size_t)8 * (size_t)(i + 1);
        if (i == TRIES || over >= room)
            rc = err_set(e, PRECIS_ELIMIT, "the text could not be cut to %zu tokens", p->limit);
        room -= over < room ? over : room;
    }
    *cut = shown.len < c->len;
    if (rc == 0)
        ids_append(out, ids.v, ids.n);
    ids_free(&ids);
    return rc;
}

/* How many examples take no more than half of the room. A token is a byte at least. */
static int count_examples(const struct prompt *p, const struct prompt_chunk *c, size_t *count,
                          struct err *e) {
    *count = 0;
    if (p->form != PROMPT_DOCUMENT)
        return 0;
    size_t n, tokens = 0;
    const struct prompt_example *examples = examples_of(c, &n);
    struct buf text = {0};
    struct ids ids = {0};
    int rc = 0;
    for (; rc == 0 && *count < n; ++*count) {
        buf_clear(&text);
        append_example(&text, &examples[*count]);
        ids.n = 0;
        if (buf_failed(&text))
            rc = err_nomem(e, "prompt");
        else
            rc = tok_encode(p->tok, text.data, text.len, TOK_NO_SPECIAL | TOK_PLAIN, &ids, e);
        if (rc == 0 && ids.failed)
            rc = err_nomem(e, "prompt");
        tokens += ids.n;
        if (tokens > p->limit / 2)
            break;
    }
    ids_free(&ids);
    buf_free(&text);
    return rc;
}

int prompt_build(const struct prompt *p, const struct prompt_chunk *chunk, struct ids *out,
                 bool *cut, struct err *e) {
    size_t before = out->n;
    struct prompt_chunk seen = *chunk;
    const struct prompt_chunk *c = &seen;
    if (chunk->outline) {
        seen.text = chunk->outline;
        seen.len = strlen(chunk->outline);
    }
    *cut = false;
    struct shown all = {.len = c->len};
    int rc = count_examples(p, c, &all.examples, e);
    /* Text far beyond the context is not worth encoding whole. */
    bool maybe = c->len / BYTES_AT_FIRST / 2 <= p->limit;
    if (rc == 0 && maybe)
        rc = encode(p, c, &all, out, e);
    if (rc == 0 && (!maybe || out->n - before > p->limit)) {
        out->n = before;
        rc = build_cut(p, c, all.examples, out, cut, e);
    }
    if (rc == 0 && out->failed)
        rc = err_nomem(e, "prompt");
    return rc;
}
