#include "eval/bleu.h"

#include <float.h>
#include <math.h>
#include <string.h>

#include "text/unicode.h"

/* str.replace, into out. */
static void replace(const struct buf *in, const char *from, const char *to, struct buf *out) {
    const size_t len = strlen(from);
    const char *p = in->data, *end = in->data + in->len;
    buf_clear(out);
    while (in->len) {
        const char *hit = memmem(p, (size_t)(end - p), from, len);
        buf_append(out, p, (size_t)((hit ? hit : end) - p));
        if (!hit)
            break;
        buf_str(out, to);
        p = hit + len;
    }
}

static bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

static bool is_point(char c) {
    return c == '.' || c == ',';
}

/* ASCII marks but apostrophe, comma, dash and point; and the space. */
static bool is_mark(char c) {
    return (c >= '{' && c <= '~') || (c >= '[' && c <= '`') || (c >= ' ' && c <= '&') ||
           (c >= '(' && c <= '+') || (c >= ':' && c <= '@') || c == '/';
}

static void put(struct buf *out, const char *before, char c, const char *after) {
    buf_str(out, before);
    buf_char(out, c);
    buf_str(out, after);
}

/* The four substitutions of the tokenizer. Each goes over the whole text from left to right and
 * does not look again at what it has taken. Only ASCII is compared, so bytes do for characters. */
static void space_marks(const struct buf *in, struct buf *out) {
    buf_clear(out);
    for (size_t i = 0; i < in->len; i++)
        put(out, is_mark(in->data[i]) ? " " : "", in->data[i], is_mark(in->data[i]) ? " " : "");
}

static void space_points_after_no_digit(const struct buf *in, struct buf *out) {
    buf_clear(out);
    for (size_t i = 0; i < in->len; i++) {
        buf_char(out, in->data[i]);
        if (i + 1 < in->len && !is_digit(in->data[i]) && is_point(in->data[i + 1]))
            put(out, " ", in->data[++i], " ");
    }
}

static void space_points_before_no_digit(const struct buf *in, struct buf *out) {
    buf_clear(out);
    for (size_t i = 0; i < in->len; i++) {
        if (is_point(in->data[i]) && i + 1 < in->len && !is_digit(in->data[i + 1])) {
            put(out, " ", in->data[i], " ");
            i++;
        }
        buf_char(out, in->data[i]);
    }
}

static void space_dashes_after_digits(const struct buf *in, struct buf *out) {
    buf_clear(out);
    for (size_t i = 0; i < in->len; i++) {
        buf_char(out, in->data[i]);
        if (i + 1 < in->len && is_digit(in->data[i]) && in->data[i + 1] == '-')
            put(out, " ", in->data[++i], " ");
    }
}

int bleu_words(const char *text, size_t len, struct words *out, struct err *e) {
    static const char *const pairs[][2] = {{"<skipped>", ""}, {"-\n", ""},    {"\n", " "},
                                           {"&quot;", "\""},  {"&amp;", "&"}, {"&lt;", "<"},
                                           {"&gt;", ">"}};
    static void (*const steps[])(const struct buf *, struct buf *) = {
        space_marks, space_points_after_no_digit, space_points_before_no_digit,
        space_dashes_after_digits};
    struct buf a = {0}, b = {0};
    bool failed = false;
    buf_append(&a, text, python_rstrip(text, len));
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
        replace(&a, pairs[i][0], pairs[i][1], &b);
        const struct buf swap = a;
        a = b, b = swap;
        failed |= buf_failed(&a) || buf_failed(&b);
    }
    buf_clear(&b);
    buf_char(&b, ' ');
    buf_append(&b, a.data ? a.data : "", a.len);
    buf_char(&b, ' ');
    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
        steps[i](&b, &a);
        const struct buf swap = a;
        a = b, b = swap;
        failed |= buf_failed(&a) || buf_failed(&b);
    }
    if (!failed)
        python_split(out, b.data, b.len);
    buf_free(&a);
    buf_free(&b);
    return failed || words_failed(out) ? err_nomem(e, "words") : 0;
}

int bleu_count(const char *candidate, size_t candidate_len, const char *reference,
               size_t reference_len, struct bleu_counts *out, struct err *e) {
    struct words c = {0}, r = {0};
    struct ngram_counts n = {0};
    int rc = bleu_words(candidate, candidate_len, &c, e);
    if (rc == 0)
        rc = bleu_words(reference, reference_len, &r, e);
    if (rc == 0)
        rc = ngram_count(&c, &r, NGRAM_MOST, &n, e);
    *out = (struct bleu_counts){0};
    if (rc == 0) {
        out->candidate_words = c.n;
        out->reference_words = r.n;
        memcpy(out->matched, n.matched, sizeof out->matched);
        memcpy(out->total, n.candidate, sizeof out->total);
    }
    words_free(&c);
    words_free(&r);
    return rc;
}

void bleu_add(struct bleu_counts *sum, const struct bleu_counts *one) {
    sum->candidate_words += one->candidate_words;
    sum->reference_words += one->reference_words;
    for (int k = 0; k < NGRAM_MOST; k++) {
        sum->matched[k] += one->matched[k];
        sum->total[k] += one->total[k];
    }
}

static double brevity(const struct bleu_counts *n) {
    if (n->candidate_words >= n->reference_words)
        return 1;
    return n->candidate_words ? exp(1 - (double)n->reference_words / (double)n->candidate_words)
                              : 0;
}

static bool any_match(const struct bleu_counts *n) {
    for (int k = 0; k < NGRAM_MOST; k++)
        if (n->matched[k])
            return true;
    return false;
}

double bleu_corpus(const struct bleu_counts *sum) {
    if (!any_match(sum))
        return 0;
    double logs = 0, halved = 1;
    for (int k = 0; k < NGRAM_MOST; k++) {
        if (!sum->total[k])
            return 0; /* no text has a run of that many words */
        if (!sum->matched[k])
            halved *= 2;
        const double hits = sum->matched[k] ? (double)sum->matched[k] : 1 / halved;
        logs += log(100 * hits / (double)sum->total[k]);
    }
    return brevity(sum) * exp(logs / NGRAM_MOST);
}

double bleu_sentence(const struct bleu_counts *one) {
    if (!any_match(one))
        return 0;
    double logs = 0;
    for (int k = 0; k < NGRAM_MOST; k++) {
        const double add = k > 0;
        logs += log(100 * ((double)one->matched[k] + add) / ((double)one->total[k] + add));
    }
    return brevity(one) * exp(logs / NGRAM_MOST);
}

/* The script's splitPuncts and then its normalize: runs of letters and digits; every other
 * character but spaces alone. */
static void codexglue_words(const char *text, size_t len, struct buf *lower, struct words *out) {
    buf_clear(lower);
    python_lower(lower, text, len);
    const char *s = lower->data;
    size_t begin = 0;
    for (size_t i = 0; i < lower->len;) {
        uint32_t c;
        const unsigned step = unicode_char((const uint8_t *)s + i, &c);
        if (!python_is_alnum(c)) {
            if (i > begin)
                words_push(out, s + begin, i - begin);
            if (!python_is_space(c))
                words_push(out, s + i, step);
            begin = i + step;
        }
        i += step;
    }
    if (lower->len > begin)
        words_push(out, s + begin, lower->len - begin);
}

int bleu_codexglue(const char *candidate, size_t candidate_len, const char *reference,
                   size_t reference_len, double *out, struct err *e) {
    struct words c = {0}, r = {0};
    struct buf lower = {0};
    struct ngram_counts n = {0};
    codexglue_words(candidate, candidate_len, &lower, &c);
    bool failed = buf_failed(&lower);
    codexglue_words(reference, reference_len, &lower, &r);
    failed |= buf_failed(&lower) || words_failed(&c) || words_failed(&r);
    int rc = failed ? err_nomem(e, "words") : ngram_count(&c, &r, NGRAM_MOST, &n, e);
    *out = 0;
    if (rc == 0) {
        double logs = 0;
        for (int k = 0; k < NGRAM_MOST; k++) {
            const double add = k > 0;
            logs += log((double)n.matched[k] + add + DBL_MIN) -
                    log((double)n.candidate[k] + add + DBL_MIN);
        }
        const double penalty = 1 - (double)(r.n + 1) / (double)(c.n + 1);
        *out = 100 * exp(logs / NGRAM_MOST + fmin(0, penalty));
    }
    words_free(&c);
    words_free(&r);
    buf_free(&lower);
    return rc;
}
