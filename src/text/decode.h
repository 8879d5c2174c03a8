/* The decoders of a tokenizer.json: from tokens back to text. Equal to Hugging Face `tokenizers`,
 * whose decoders/ folder is the specification. */
#ifndef PRECIS_TEXT_DECODE_H
#define PRECIS_TEXT_DECODE_H

#include "base/buf.h"
#include "text/regex.h"

enum decode_kind {
    DECODE_SPACES, /* no decoder: tokens with spaces between them */
    DECODE_BYTE_LEVEL,
    DECODE_METASPACE,
    DECODE_WORDPIECE,
    DECODE_BPE,
    DECODE_BYTE_FALLBACK,
    DECODE_REPLACE,
    DECODE_FUSE,
    DECODE_STRIP
};

struct decode_op {
    enum decode_kind kind;
    bool whole;   /* it sees one string, because an operation before it has joined the tokens */
    bool drop;    /* Metaspace: the first token's replacement characters go */
    bool cleanup; /* WordPiece */
    uint32_t code_point; /* Metaspace's replacement, what Strip strips */
    size_t start, stop;  /* Strip */
    char *text;          /* owned: prefix, suffix, or Replace's string */
    size_t text_len;
    char *content; /* owned: Replace */
    size_t content_len;
    struct regex *regex; /* owned: Replace's pattern, when it is no string */
};

enum { DECODE_MOST = 8 };

struct decoder {
    struct decode_op v[DECODE_MOST];
    size_t n;
};
void decoder_free(struct decoder *d);
/* Fills in `whole`, once all operations are there. */
void decoder_ready(struct decoder *d);
/* Raw bytes of tokens, put together: nothing but ByteLevel. */
bool decoder_is_bytes(const struct decoder *d);

/* Appends what a token stands for within a text (as neither its first nor its last token); a byte
 * token is its byte. */
void decode_middle(const struct decoder *d, const char *s, size_t n, struct regex_work *w,
                   struct buf *out);

/* A token through one operation that is not `whole`; index: its place among the tokens that this
 * operation saw. Replaces what is in out. */
void decode_token(const struct decode_op *op, size_t index, const char *s, size_t n,
                  struct regex_work *w, struct buf *out);

/* The byte of "<0xHH>"; -1: the token is none. */
int decode_byte(const char *s, size_t n);

#endif
