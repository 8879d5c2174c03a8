/* The pre-tokenisers of a tokenizer.json: where a text comes apart before the model sees its words.
 * Equal to Hugging Face `tokenizers`, whose pre_tokenizers/ folder is the specification. */
#ifndef PRECIS_TEXT_PRETOKENISE_H
#define PRECIS_TEXT_PRETOKENISE_H

#include "base/buf.h"
#include "text/regex.h"
#include "text/split.h"

enum pre_kind {
    PRE_BYTE_LEVEL,
    PRE_METASPACE,
    PRE_SPLIT,
    PRE_DIGITS,
    PRE_PUNCTUATION,
    PRE_WHITESPACE,
    PRE_WHITESPACE_SPLIT,
    PRE_BERT,
    PRE_CHAR,
    PRE_SCRIPTS,
    PRE_FIXED_LENGTH
};

/* What becomes of a delimiter. */
enum pre_behavior { PRE_REMOVED, PRE_ISOLATED, PRE_PREVIOUS, PRE_NEXT, PRE_CONTIGUOUS };

enum pre_scheme { PRE_ALWAYS, PRE_FIRST, PRE_NEVER };

struct pre_stage {
    enum pre_kind kind;
    enum pre_behavior behavior;
    enum pre_scheme scheme; /* of Metaspace */
    bool invert;            /* Split: what does not match is the delimiter */
    bool prefix_space;      /* ByteLevel */
    bool use_regex;         /* ByteLevel: GPT-2's pattern */
    bool keep_bytes;     /* ByteLevel at the end, before a model of raw bytes: nothing is mapped */
    bool split;          /* Metaspace */
    bool individual;     /* Digits */
    uint32_t code_point; /* CharDelimiterSplit's delimiter, Metaspace's replacement */
    size_t length;       /* FixedLength, in characters */
    char *text;          /* owned: Split's string */
    size_t text_len;
    struct regex *regex; /* owned: Split's pattern, */
    split_fn *scan;      /* or the scanner that is known to do the same */
};

struct pre_stages {
    struct pre_stage *v; /* owned, in their order */
    size_t n;
};
void pre_stages_free(struct pre_stages *p);
/* Adds a stage, whose memory is p's from now on (freed at once on failure). False: out of memory.
 */
bool pre_stages_add(struct pre_stages *p, const struct pre_stage *stage);

struct pre_span {
    uint32_t at, len;
};

/* Buffers, kept between calls. */
struct pre_work {
    struct pre_span *spans, *made;
    size_t n, cap, n_made, cap_made;
    struct buf text[2];
    struct regex_work regex;
    const uint8_t *s; /* what spans are of: the text, or one of the buffers */
    size_t len;
    size_t origin; /* bytes at its beginning that stem from the input's first character */
    bool failed;
};
void pre_work_free(struct pre_work *w);

/* Takes n < 2^31 bytes of valid UTF-8 apart: w->spans[0 .. w->n) of w->s, none of them empty.
 * origin: as normalise leaves it. False: out of memory, or a regular expression reached its limits.
 */
bool pre_tokenise(const struct pre_stages *p, struct pre_work *w, const uint8_t *s, size_t n,
                  size_t origin);

/* Does a stage ask for the origin? */
bool pre_stages_ask(const struct pre_stages *p);

/* The scanner that does what these stages do to a text; NULL: none is known. */
split_fn *pre_stages_scanner(const struct pre_stages *p);

#endif
