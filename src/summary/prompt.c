#include "summary/prompt.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/utf8.h"

enum {
    LEAST_TEXT = 32,    /* tokens of text without which a prompt is not worth asking */
    BYTES_AT_FIRST = 8, /* for each token of room: more than nearly all text has */
    TRIES = 8
};

static const char system_text[] = "You write one-line summaries of source code.";

static int set_version(struct prompt *p, const char *instruction, struct err *e) {
    if (!instruction) {
        snprintf(p->version, sizeof p->version, "%s",
                 p->chat ? PROMPT_VERSION : PROMPT_PLAIN_VERSION);
        return 0;
    }
    char hex[HASH_HEX_SIZE];
    int rc = hash_sha256_hex(instruction, strlen(instruction), hex, e);
    if (rc == 0)
        snprintf(p->version, sizeof p->version, "custom-%.8s", hex);
    return rc;
}

static void append_path(struct buf *b, const char *path) {
    for (; *path; path++)
        buf_char(b, (unsigned char)*path < 0x20 || *path == 0x7f ? '?' : *path);
}

/* The user's message around `len` bytes of text, of which `hidden` lines are missing after it;
 * part_line: the last line shown is not whole. */
static void append_message(const struct prompt *p, const struct prompt_chunk *c, size_t len,
                           uint64_t hidden, bool part_line, struct buf *b) {
    buf_str(b, "File: ");
    append_path(b, c->path);
    buf_printf(b, " (lines %" PRIu64 "-%" PRIu64, c->start_line, c->end_line);
    if (c->lang)
        buf_printf(b, ", %s", c->lang->title);
    buf_str(b, ")\n\n");
    buf_append(b, c->text, len);
    if (len && c->text[len - 1] != '\n')
        buf_char(b, '\n');
    if (part_line)
        buf_str(b, "[... the rest of this line not shown]\n");
    if (hidden)
        buf_printf(b, "[... %" PRIu64 " more line%s not shown]\n", hidden, hidden == 1 ? "" : "s");
    buf_char(b, '\n');
    buf_str(b, p->instruction);
}

/* The source of a sequence-to-sequence model. */
static int encode_source(const struct prompt *p, const struct prompt_chunk *c, size_t len,
                         struct ids *out, struct err *e) {
    struct buf source = {0};
    buf_str(&source, p->instruction);
    if (!p->own && c->lang)
        buf_printf(&source, " %s", c->lang->title);
    buf_str(&source, p->own ? " " : ": ");
    buf_append(&source, c->text, len);
    int rc = buf_failed(&source) ? err_nomem(e, "prompt")
                                 : tok_encode(p->tok, source.data, source.len, TOK_PLAIN, out, e);
    if (rc == 0 && out->failed)
        rc = err_nomem(e, "prompt");
    buf_free(&source);
    return rc;
}

static int encode(const struct prompt *p, const struct prompt_chunk *c, size_t len, uint64_t hidden,
                  bool part_line, struct ids *out, struct err *e) {
    if (!p->chat)
        return encode_source(p, c, len, out, e);
    struct buf message = {0};
    append_message(p, c, len, hidden, part_line, &message);
    int rc;
    if (buf_failed(&message)) {
        rc = err_nomem(e, "prompt");
        goto done;
    }
    struct chat_message messages[] = {
        {"system", p->system, strlen(p->system)},
        {"user", message.data, message.len},
    };
    rc = chat_encode(p->chat, messages, 2, out, e);
    if (rc == 0 && *p->opening)
        rc = tok_encode(p->tok, p->opening, strlen(p->opening),
                        TOK_NO_SPECIAL | TOK_PLAIN | TOK_CONTINUES, out, e);
    if (rc == 0 && out->failed)
        rc = err_nomem(e, "prompt");
done:
    buf_free(&message);
    return rc;
}

int prompt_open(struct prompt *p, const struct tok *tok, const struct chat *chat, size_t context,
                size_t max_new_tokens, int max_chars, const char *instruction, struct err *e) {
    *p = (struct prompt){
        .tok = tok, .chat = chat, .system = system_text, .own = instruction != NULL};
    size_t answer = max_new_tokens < context / 4 ? max_new_tokens : context / 4;
    p->limit = chat ? context - answer : context;
    p->opening = instruction || !chat ? "" : PROMPT_OPENING;
    struct buf own = {0};
    if (instruction)
        buf_str(&own, instruction);
    else if (!chat)
        buf_str(&own, "Summarize");
    else
        buf_printf(&own, "In one short sentence of at most %d characters, say what this code does.",
                   max_chars);
    if (buf_failed(&own)) {
        buf_free(&own);
        return err_nomem(e, "prompt");
    }
    p->instruction = own.data ? own.data : calloc(1, 1);
    if (!p->instruction)
        return err_nomem(e, "prompt");
    int rc = set_version(p, instruction, e);
    struct ids frame = {0};
    const struct prompt_chunk nothing = {.path = "", .text = ""};
    if (rc == 0)
        rc = encode(p, &nothing, 0, 1, false, &frame, e);
    if (rc == 0 && frame.n + LEAST_TEXT > p->limit)
        rc = err_set(
            e, PRECIS_ELIMIT,
            "the model's context of %zu tokens is too small: the prompt takes %zu without any "
            "text and the answer %zu",
            context, frame.n, answer);
    ids_free(&frame);
    if (rc)
        prompt_close(p);
    return rc;
}

void prompt_close(struct prompt *p) {
    free(p->instruction);
    *p = (struct prompt){0};
}

/* Not within a character: goes back to its first byte. */
static size_t at_character(const char *s, size_t n, size_t i) {
    for (size_t back = 0; back < 4 && i > back && i < n; back++)
        if (((unsigned char)s[i - back] & 0xc0) != 0x80)
            return i - back;
    return i;
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

static int build_cut(const struct prompt *p, const struct prompt_chunk *c, struct ids *out,
                     bool *cut, struct err *e) {
    struct ids ids = {0};
    int rc = encode(p, c, 0, count_lines(c->text, c->len), false, &ids, e);
    size_t frame = ids.n;
    if (rc == 0 && frame + LEAST_TEXT > p->limit)
        rc = err_set(e, PRECIS_ELIMIT,
                     "no room for text: the prompt takes %zu of %zu tokens without it", frame,
                     p->limit);
    size_t room = p->limit - (frame < p->limit ? frame : p->limit);
    for (int i = 0; rc == 0; i++) {
        size_t bytes = 0;
        rc = bytes_in_room(p, c, room, &bytes, e);
        if (rc)
            break;
        bytes = bytes < c->len ? bytes : c->len;
        *cut = bytes < c->len;
        size_t line = bytes;
        while (*cut && line && c->text[line - 1] != '\n')
            line--;
        bool part_line = *cut && line <= bytes / 2; /* one line takes most of it */
        size_t shown = part_line ? at_character(c->text, c->len, bytes) : line;
        uint64_t hidden = count_lines(c->text + shown, c->len - shown) - part_line;
        ids.n = 0;
        rc = encode(p, c, shown, hidden, part_line, &ids, e);
        if (rc || ids.n <= p->limit)
            break;
        size_t over = ids.n - p->limit + (size_t)8 * (size_t)(i + 1);
        if (i == TRIES || over >= room)
            rc = err_set(e, PRECIS_ELIMIT, "the text could not be cut to %zu tokens", p->limit);
        room -= over < room ? over : room;
    }
    if (rc == 0)
        ids_append(out, ids.v, ids.n);
    ids_free(&ids);
    return rc;
}

int prompt_build(const struct prompt *p, const struct prompt_chunk *c, struct ids *out, bool *cut,
                 struct err *e) {
    size_t before = out->n;
    *cut = false;
    int rc = 0;
    /* Text far beyond the context is not worth encoding whole. */
    bool maybe = c->len / BYTES_AT_FIRST / 2 <= p->limit;
    if (maybe)
        rc = encode(p, c, c->len, 0, false, out, e);
    if (rc == 0 && (!maybe || out->n - before > p->limit)) {
        out->n = before;
        rc = build_cut(p, c, out, cut, e);
    }
    if (rc == 0 && out->failed)
        rc = err_nomem(e, "prompt");
    return rc;
}
