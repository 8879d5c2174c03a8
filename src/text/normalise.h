/* The normalisers of a tokenizer.json: what happens to a text before it comes apart. Equal to
 * Hugging Face `tokenizers`, whose normalizers/ folder is the specification. */
#ifndef PRECIS_TEXT_NORMALISE_H
#define PRECIS_TEXT_NORMALISE_H

#include "base/buf.h"
#include "text/regex.h"
#include "text/unicode.h"

struct precompiled;

enum normaliser_kind {
    NORMALISE_FORM, /* NFC, NFD, NFKC, NFKD */
    NORMALISE_LOWERCASE,
    NORMALISE_STRIP_ACCENTS,
    NORMALISE_STRIP,
    NORMALISE_NMT,
    NORMALISE_BERT_CLEAN, /* BertNormalizer is a chain of these four, NFD and Lowercase */
    NORMALISE_BERT_CHINESE,
    NORMALISE_BERT_ACCENTS,
    NORMALISE_PREPEND,
    NORMALISE_REPLACE,
    NORMALISE_PRECOMPILED,
    NORMALISE_BYTE_LEVEL /* every byte becomes its character of GPT-2's alphabet */
};

struct normaliser {
    enum normaliser_kind kind;
    enum unicode_form form;
    bool left, right; /* strip */
    char *text;       /* owned: what is prepended, or the string that is replaced */
    size_t text_len;
    char *content; /* owned: what it becomes */
    size_t content_len;
    struct regex *regex;             /* owned: the pattern that is replaced, when it is no string */
    struct precompiled *precompiled; /* owned */
};

struct normalisers {
    struct normaliser *v; /* owned, in their order */
    size_t n;
};
void normalisers_free(struct normalisers *list);
/* Adds one, whose memory is the list's from now on (freed at once on failure). False: out of
 * memory. */
bool normalisers_add(struct normalisers *list, const struct normaliser *m);

/* Buffers, kept between calls. */
struct normalise_work {
    struct nfc_work form;
    struct buf out[2];
    struct regex_work regex;
};
void normalise_work_free(struct normalise_work *w);

/* Valid UTF-8 through all of them: s itself when nothing changes, else a buffer of w; *len becomes
 * its length. *origin: bytes at the beginning that stem from the first character of the whole input
 * (Metaspace asks; 0: none do, or nobody asks), kept true. NULL: out of memory, or a regular
 * expression reached its limits. */
const uint8_t *normalise(const struct normalisers *list, struct normalise_work *w, const uint8_t *s,
                         size_t *len, size_t *origin);

/* The character of GPT-2's alphabet (openai/gpt-2, encoder.py) for a byte, and back (-1: none). */
uint32_t byte_level_char(uint8_t byte);
int byte_level_byte(uint32_t code_point);
/* Appends the bytes in that alphabet. */
void byte_level_append(struct buf *out, const uint8_t *s, size_t n);

#endif
