/* A tokenizer from parts: what both sources (GGUF metadata, tokenizer.json) fill in. */
#ifndef PRECIS_TEXT_TOK_BUILD_H
#define PRECIS_TEXT_TOK_BUILD_H

#include "text/tok_impl.h"

enum { BUILD_MAX_TOKENS = 1 << 24, BUILD_MAX_MERGES = 1 << 25, BUILD_MAX_ADDED = 1 << 15 };

struct build_added {
    struct str s; /* borrowed */
    bool single_word, lstrip, rstrip, normalized, special;
    uint32_t id;
    char *alias; /* owned: normalised, where that is another spelling */
    size_t alias_len;
};

struct builder {
    const char *path;
    struct err *e;
    struct tok *t;
    struct str *spelling; /* [n] by id, borrowed until build_end; s NULL: no such token */
    uint8_t *type;        /* [n] enum tok_type */
    uint32_t n;
    size_t cap;
    uint32_t n_model;    /* tokens of the model itself */
    struct vocab tokens; /* those tokens by spelling, once build_index was called */
    struct build_added *added;
    size_t n_added, cap_added;
    uint32_t *added_at; /* their places by spelling, plus one; 0: none */
    uint32_t n_new;     /* those that the model lacks */
    bool raw_added;     /* an added token decodes to its own bytes, whatever the decoder says */
    struct buf text;
    char *owned; /* what spellings may point into */
};

/* "PATH: LINE". Returns code. */
int build_bad(struct builder *b, int code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* Bytes of a string that fit a message: 60, no character cut. */
int build_shown(struct str s);

int build_begin(struct builder *b, const char *path, struct err *e);
/* Frees what only building needs. With rc 0 *out is the tokenizer, else it is freed. Returns rc. */
int build_end(struct builder *b, int rc, struct tok **out);

/* A token of the model. what: of the message when the id is used or too large. */
int build_put(struct builder *b, uint64_t id, struct str s, enum tok_type type, const char *what);
/* Ids by spelling: to be called after the last build_put, before all that follows. */
int build_index(struct builder *b);
int64_t build_id(const struct builder *b, struct str s); /* of a model's token; -1: none */

/* An added token, as `tokenizers` adds it: with the id that the spelling has, else the next one.
 * Normalisers are there already. */
int build_add(struct builder *b, const struct build_added *token);
struct build_added *build_find_added(const struct builder *b, struct str s); /* NULL: none */

/* After the last token, once the decoder is there: all tables by id, and the added tokens'. */
int build_tables(struct builder *b);

/* Merges of a BPE model: room for n, then each with its rank. skip: bytes of right that the merged
 * token lacks (the prefix of continuing subwords). guess: the id that the merged one may have,
 * moved on. where: of the message. */
int build_merges(struct builder *b, size_t n);
int build_merge(struct builder *b, uint32_t rank, struct str left, struct str right, size_t skip,
                uint32_t *guess, const char *where);
/* The model works on raw bytes: ids of single bytes, and with ignore_merges of words. */
int build_bytes_model(struct builder *b);
/* The model works on characters, or on whole words. */
int build_chars_model(struct builder *b);
/* WordPiece over the model's tokens. */
int build_word_piece(struct builder *b, struct str prefix, size_t most_chars);
/* Any other model is there. */
int build_ready(struct builder *b);

/* A copy of s, with a NUL behind it; NULL: out of memory. */
char *build_copy(struct str s);

/* One more id that ends a generation; -1 is ignored. */
void build_stop(struct builder *b, int64_t id);
/* Those that are known by name (<|im_end|>, ...), where they are special tokens. */
void build_stops_by_name(struct builder *b);
/* After the last stop: what ends or begins a generation is no token in plain text. */
void build_controls(struct builder *b);

#endif
