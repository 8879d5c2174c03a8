/* Tokenizers: text to ids and back, equal to Hugging Face `tokenizers`. Immutable once opened: any
 * number of threads may encode and decode with one. */
#ifndef PRECIS_TEXT_TOK_H
#define PRECIS_TEXT_TOK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "model/gguf.h"
#include "text/decode.h"

struct tok;

enum tok_flags {
    TOK_DEFAULT = 0,
    TOK_NO_SPECIAL = 1, /* add no BOS/EOS of its own */
    /* Special tokens spelled out in the text are text (all source code), and so are stops and marks
     * of chat formats, special or not. Other added tokens are still found, but in GGUF files of
     * byte-level BPE, where all of them are text. */
    TOK_PLAIN = 2,
    TOK_TRUNCATE = 4, /* as the tokenizer.json asks for; a prompt is never cut by it */
    TOK_CONTINUES = 8 /* other text goes before: what is done to the first part of a text is not */
};

/* From GGUF metadata: tokenizer.ggml.model "gpt2" (with the pre-tokenisers that tok_gguf.c lists),
 * "llama" (SentencePiece BPE) or "bert" (WordPiece); each equals the Hugging Face tokenizer that
 * the file was made from. The tokenizer borrows nothing: g may be closed. Errors:
 * PRECIS_EUNSUPPORTED (model or pre by name), PRECIS_EINPUT. */
int tok_from_gguf(const struct gguf *g, struct tok **out, struct err *e);

/* From a tokenizer.json. Where they lie beside it: tokenizer_config.json (bos and eos token, chat
 * template), chat_template.jinja (goes before the former's), generation_config.json and config.json
 * (what ends a generation). The post-processor alone decides about BOS and EOS, as in `tokenizers`.
 * Padding that the file asks for is not done: it is no matter of one text; truncation only with
 * TOK_TRUNCATE. Errors: PRECIS_EIO, PRECIS_EINPUT (no or odd JSON), PRECIS_EUNSUPPORTED (a
 * component or option, by name), PRECIS_ENOMEM. */
int tok_from_json(const char *path, struct tok **out, struct err *e);
void tok_free(struct tok *t);

/* Appends the ids of text (any bytes; invalid UTF-8 is read as U+FFFD, as Python's errors="replace"
 * does) to out, which stays as it was on an error: PRECIS_ENOMEM; PRECIS_ELIMIT beyond 700 MB, or
 * where a regular expression of the tokenizer needs too many steps (it is named); PRECIS_EINPUT: a
 * word is unknown and the vocabulary has no token for that. */
int tok_encode(const struct tok *t, const char *text, size_t len, unsigned flags, struct ids *out,
               struct err *e);

/* The same, cut to at most `most` ids in all, as transformers' truncation to a length does: special
 * tokens stay, the text loses its end (its beginning where the tokenizer.json cuts there). *all is
 * how many ids the whole text has. TOK_TRUNCATE does nothing here. Errors also: PRECIS_EUSAGE
 * (fewer than the special tokens), PRECIS_EUNSUPPORTED (a template that repeats the text). */
int tok_encode_within(const struct tok *t, const char *text, size_t len, unsigned flags,
                      size_t most, size_t *all, struct ids *out, struct err *e);

size_t tok_vocab(const struct tok *t);
/* The bytes an id stands for within a text; a special token's own spelling. len 0 and "" for an id
 * out of range. */
const char *tok_bytes(const struct tok *t, uint32_t id, size_t *len);
bool tok_is_special(const struct tok *t, uint32_t id);
int64_t tok_id(const struct tok *t,
               const char *spelling); /* of a special or added token; -1: none */
int64_t tok_bos(const struct tok *t); /* -1: none */
int64_t tok_eos(const struct tok *t);
/* All ids that end a generation: eos, and <|im_end|>, <|endoftext|>, <|eot_id|>, ... where present.
 */
const uint32_t *tok_stops(const struct tok *t, size_t *n);
const char *tok_chat_template(const struct tok *t); /* the model's own Jinja text; NULL: none */

/* Streaming decode: text appears in whole UTF-8 characters only, as soon as no later token can
 * change it. In the end it equals `tokenizers`' decode(ids, skip_special_tokens=!keep_special). */
struct detok {
    const struct tok *tok;
    bool keep_special;  /* else special tokens are left out */
    uint8_t pending[4]; /* a character not yet whole */
    int n_pending;
    struct { /* by the decoder's operations */
        size_t count;
        struct buf held, made;
    } op[DECODE_MOST];
    struct regex_work regex;
};
void detok_start(struct detok *d, const struct tok *t, bool keep_special);
void detok_push(struct detok *d, uint32_t id, struct buf *out); /* invalid bytes become U+FFFD */
/* What is pending appears (bytes that are no whole character as U+FFFD); memory is freed and d is
 * as after detok_start. */
void detok_finish(struct detok *d, struct buf *out);
/* The error of an out that failed (see base/buf.h), its code: PRECIS_ELIMIT where a regular
 * expression of the tokenizer needs too many steps, else PRECIS_ENOMEM of `what`. */
int detok_failure(const struct detok *d, const char *what, struct err *e);
void detok_free(struct detok *d); /* where there is no detok_finish; safe after it */

#endif
