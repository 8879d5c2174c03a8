/* What the parts of tokenizers need to know of Unicode, from tables taken from Hugging Face
 * `tokenizers` itself (tools/unicode/make_tables.py, make_props.py): no system library has the same
 * versions, of which it mixes several. */
#ifndef PRECIS_TEXT_UNICODE_H
#define PRECIS_TEXT_UNICODE_H

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

enum unicode_flags {
    UNICODE_OTHER = 0,
    UNICODE_LETTER = 1, /* \p{L} */
    UNICODE_NUMBER = 2, /* \p{N} */
    UNICODE_SPACE = 3,  /* \s */
    UNICODE_CLASS = 3,  /* mask of the four above */
    UNICODE_DIGIT = 4,  /* split off by the Digits pre-tokeniser: \p{N} and 13 newer code points */
    UNICODE_NFC_LOOK = 8, /* may change, move or merge under NFC */
    UNICODE_NEWLINE = 16, /* \r or \n; in unicode_byte_flags only */
    UNICODE_WIDE = 0x80   /* no ASCII; in unicode_byte_flags only */
};

/* Of unicode_props(): what the components of a tokenizer.json ask. */
enum unicode_props {
    UNICODE_CATEGORY = 31,        /* mask: index into unicode_categories */
    UNICODE_WORD = 1 << 5,        /* \w of Rust's regex */
    UNICODE_PUNCTUATION = 1 << 6, /* split off by Punctuation and BertPreTokenizer */
    UNICODE_CONTROL = 1 << 7,     /* removed by BertNormalizer's clean_text */
    UNICODE_NONSPACING = 1 << 8,  /* removed by BertNormalizer's strip_accents, after NFD */
    UNICODE_COMBINING = 1 << 9,   /* removed by StripAccents */
    UNICODE_WHITE = 1 << 10,      /* white space to Rust, and \s */
    UNICODE_LOOK_D = 1 << 11,     /* may change or move under NFD */
    UNICODE_LOOK_KD = 1 << 12     /* the same under NFKD */
};

enum { UNICODE_CATEGORIES = 29, UNICODE_CATEGORY_ND = 9 };
extern const char unicode_categories[UNICODE_CATEGORIES][3]; /* "Cn", "Lu", ... */

enum unicode_form { UNICODE_NFC, UNICODE_NFD, UNICODE_NFKC, UNICODE_NFKD };
enum { UNICODE_MOST = 20 }; /* code points that one becomes */

extern const uint8_t unicode_byte_flags[256];

/* Flags of a code point up to U+10FFFF. */
unsigned unicode_flags(uint32_t code_point);

unsigned unicode_props(uint32_t code_point);
/* Which script, to UnicodeScripts (Hiragana and Katakana are Han's); -1: goes with any. */
int unicode_script(uint32_t code_point);
/* Rust's char::to_lowercase: 1 to 3 code points into out; returns how many. */
size_t unicode_lower(uint32_t code_point, uint32_t out[UNICODE_MOST]);

/* Length of the valid UTF-8 character at s, and its code point. */
static inline unsigned unicode_char(const uint8_t *s, uint32_t *code_point) {
    uint32_t c = s[0];
    if (c < 0x80) {
        *code_point = c;
        return 1;
    }
    if (c < 0xe0) {
        *code_point = (c & 0x1f) << 6 | (s[1] & 0x3fu);
        return 2;
    }
    if (c < 0xf0) {
        *code_point = (c & 0xf) << 12 | (s[1] & 0x3fu) << 6 | (s[2] & 0x3fu);
        return 3;
    }
    *code_point = (c & 7) << 18 | (s[1] & 0x3fu) << 12 | (s[2] & 0x3fu) << 6 | (s[3] & 0x3fu);
    return 4;
}

void unicode_append(struct buf *out, uint32_t code_point); /* as UTF-8 */

struct nfc_char {
    uint32_t code_point;
    uint8_t ccc; /* canonical combining class */
};

/* Buffers of unicode_nfc, kept between calls. */
struct nfc_work {
    struct nfc_char *v, *sorted; /* [cap] each */
    size_t cap;
    struct buf out;
};

void nfc_work_free(struct nfc_work *w);

/* A normal form (Unicode Standard Annex 15) of valid UTF-8: s itself when nothing has to
 * change, else w->out.data; *len becomes its length. NULL: out of memory. */
const uint8_t *unicode_normalise(struct nfc_work *w, enum unicode_form form, const uint8_t *s,
                                 size_t *len);
const uint8_t *unicode_nfc(struct nfc_work *w, const uint8_t *s, size_t *len);

#endif
