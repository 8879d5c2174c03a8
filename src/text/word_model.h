/* From one word (a pre-token) to ids: byte-pair merging over bytes or over characters, WordPiece,
 * Unigram, or whole words; equal to the models of Hugging Face `tokenizers`. */
#ifndef PRECIS_TEXT_WORD_MODEL_H
#define PRECIS_TEXT_WORD_MODEL_H

#include "base/buf.h"
#include "text/bpe.h"
#include "text/unigram.h"
#include "text/vocab.h"
#include "text/wordpiece.h"

enum word_model_kind {
    WORD_BPE_BYTES, /* words are raw bytes; each begins as the token of its byte */
    WORD_BPE_CHARS, /* each character begins as its token, as its bytes', or as unknown */
    WORD_LEVEL,
    WORD_PIECE,
    WORD_UNIGRAM
};

enum { WORD_CLASSES = 130, WORD_CLASS_META = 128, WORD_CLASS_OTHER = 129 };

struct word_model {
    enum word_model_kind kind;
    struct bpe bpe;
    struct vocab vocab; /* of the model's own tokens; BPE_BYTES: by raw bytes */
    int64_t unk;        /* -1: none */
    bool unk_lost;      /* BPE_CHARS: there should be one, but the vocabulary lacks it */
    bool ignore_merges; /* a word that is a token stays whole */
    bool byte_fallback, fuse_unk;
    int32_t fallback[256]; /* ids of "<0x00>".., -1: none */
    char *prefix, *suffix; /* owned; of continuing characters, of the last one */
    size_t prefix_len, suffix_len;
    /* joined[a][b]: a token may hold a character of class a before one of class b. A long word is
     * cut where none can: no merge reaches across. NULL: never cut. */
    uint8_t (*joined)[WORD_CLASSES];
    int32_t single[256]; /* id of a word of one byte; SINGLE_NONE, SINGLE_ASK */
    struct wordpiece *wordpiece;
    struct unigram *unigram;
};
enum { SINGLE_NONE = -1, SINGLE_ASK = -2 };

struct word_work {
    struct bpe_work bpe;
    struct unigram_work unigram;
    struct buf text;
};

void word_model_free(struct word_model *m);
void word_work_free(struct word_work *w);

/* Fills in single[] and joined[], once the rest is there. 0 or PRECIS_ENOMEM. */
int word_model_ready(struct word_model *m);

/* Appends the ids of one word of valid UTF-8 (n < 2^31). 0, PRECIS_ENOMEM, or PRECIS_EINPUT: it is
 * unknown and there is no unknown token. */
int word_model_ids(const struct word_model *m, struct word_work *w, const uint8_t *s, size_t n,
                   struct ids *out);

/* Length of the first part of a word of n > 0 bytes that is independent of the rest. */
size_t word_model_cut(const struct word_model *m, const uint8_t *s, size_t n);

#endif
