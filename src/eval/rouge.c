#include "eval/rouge.h"

#include <stdint.h>

#include "eval/ngram.h"
#include "eval/porter.h"
#include "text/unicode.h"

enum { STEM_FROM = 4 };

/* The letter or digit of [a-z0-9] that the character's lower case has, or 0. Beyond ASCII there are
 * two: I with a dot and the sign of the kelvin. */
static char word_char(uint32_t c) {
    if ((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'))
        return (char)c;
    if (c >= 'A' && c <= 'Z')
        return (char)(c + 32);
    return c == 0x130 ? 'i' : c == 0x212a ? 'k' : 0;
}

static void add_word(const struct buf *word, bool stemmer, struct buf *stem, struct words *out) {
    if (!stemmer || word->len < STEM_FROM) {
        words_push(out, word->data, word->len);
        return;
    }
    buf_clear(stem);
    if (!porter_stem(word->data, word->len, stem))
        out->failed = true;
    else if (stem->len)
        words_push(out, stem->data, stem->len);
}

static int split(const char *s, size_t len, bool stemmer, struct words *out, struct err *e) {
    struct buf word = {0}, stem = {0};
    for (size_t i = 0; i <= len;) {
        uint32_t c = 0;
        i += i < len ? unicode_char((const uint8_t *)s + i, &c) : 1;
        const char letter = word_char(c);
        if (letter)
            buf_char(&word, letter);
        /* the dotted I is an i and a combining dot, which ends the word */
        if ((!letter || c == 0x130) && word.len) {
            add_word(&word, stemmer, &stem, out);
            word.len = 0;
        }
    }
    const bool failed = buf_failed(&word) || words_failed(out);
    buf_free(&word);
    buf_free(&stem);
    return failed ? err_nomem(e, "words") : 0;
}

static double f1(size_t matched, size_t candidate, size_t reference) {
    if (!matched)
        return 0;
    const double precision = (double)matched / (double)candidate;
    const double recall = (double)matched / (double)reference;
    return 2 * precision * recall / (precision + recall);
}

int rouge_score(const char *candidate, size_t candidate_len, const char *reference,
                size_t reference_len, bool stemmer, struct rouge *out, struct err *e) {
    struct words c = {0}, r = {0};
    struct ngram_counts n = {0};
    size_t common = 0;
    *out = (struct rouge){0};
    int rc = split(candidate, candidate_len, stemmer, &c, e);
    if (rc == 0)
        rc = split(reference, reference_len, stemmer, &r, e);
    if (rc == 0)
        rc = ngram_count(&c, &r, 2, &n, e);
    if (rc == 0)
        rc = ngram_common_subsequence(&r, &c, &common, e);
    if (rc == 0) {
        out->rouge1 = f1(n.matched[0], n.candidate[0], n.reference[0]);
        out->rouge2 = f1(n.matched[1], n.candidate[1], n.reference[1]);
        out->rougeL = f1(common, c.n, r.n);
    }
    words_free(&c);
    words_free(&r);
    return rc;
}
