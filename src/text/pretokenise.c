#include "text/pretokenise.h"

#include <stdlib.h>
#include <string.h>

#include "text/normalise.h"
#include "text/unicode.h"

bool pre_stages_add(struct pre_stages *p, const struct pre_stage *stage) {
    struct pre_stage *v = realloc(p->v, (p->n + 1) * sizeof *v);
    if (!v) {
        free(stage->text);
        regex_free(stage->regex);
        return false;
    }
    p->v = v;
    p->v[p->n++] = *stage;
    return true;
}

void pre_stages_free(struct pre_stages *p) {
    for (size_t i = 0; i < p->n; i++) {
        free(p->v[i].text);
        regex_free(p->v[i].regex);
    }
    free(p->v);
    *p = (struct pre_stages){0};
}

void pre_work_free(struct pre_work *w) {
    free(w->spans);
    free(w->made);
    buf_free(&w->text[0]);
    buf_free(&w->text[1]);
    regex_work_free(&w->regex);
}

static inline void make_span(struct pre_work *w, size_t at, size_t len) {
    if (w->n_made == w->cap_made &&
        !array_grow((void **)&w->made, w->n_made, &w->cap_made, sizeof *w->made)) {
        w->failed = true;
        return;
    }
    w->made[w->n_made++] = (struct pre_span){(uint32_t)at, (uint32_t)len};
}

/* Matches and what lies between them, in order, become spans. */
struct cutter {
    struct pre_work *w;
    enum pre_behavior behavior;
    bool invert, previous;
    bool pending; /* PRE_NEXT: a delimiter that waits for what follows it */
    size_t begun; /* first span made of this text */
    size_t at, len;
};

static inline void extend_or_make(struct cutter *c, bool extend, size_t at, size_t len) {
    struct pre_work *w = c->w;
    if (extend && w->n_made > c->begun)
        w->made[w->n_made - 1].len += (uint32_t)len;
    else
        make_span(w, at, len);
}

static inline void cut(struct cutter *c, size_t at, size_t len, bool match) {
    match = match != c->invert;
    switch (c->behavior) {
    case PRE_REMOVED:
        if (!match)
            make_span(c->w, at, len);
        break;
    case PRE_ISOLATED:
        make_span(c->w, at, len);
        break;
    case PRE_CONTIGUOUS:
        extend_or_make(c, match == c->previous, at, len);
        break;
    case PRE_PREVIOUS:
        extend_or_make(c, match && !c->previous, at, len);
        break;
    case PRE_NEXT:
        if (c->pending && !match)
            make_span(c->w, c->at, c->len + len);
        else if (c->pending)
            make_span(c->w, c->at, c->len);
        else if (!match)
            make_span(c->w, at, len);
        c->pending = match;
        c->at = at;
        c->len = len;
        break;
    }
    c->previous = match;
}

static void end_cut(struct cutter *c) {
    if (c->pending)
        make_span(c->w, c->at, c->len);
}

/* Places count from `at`: [*done, begin), if it is not empty, and the delimiter [begin, end). */
static void cut_out(struct cutter *c, size_t at, size_t begin, size_t end, size_t *done) {
    if (*done != begin)
        cut(c, at + *done, begin - *done, false);
    cut(c, at + begin, end - begin, true);
    *done = end;
}

/* What is behind the last delimiter, of n bytes in all. */
static void cut_rest(struct cutter *c, size_t at, size_t n, size_t done) {
    if (done != n)
        cut(c, at + done, n - done, false);
    end_cut(c);
}

typedef bool char_test(uint32_t c, uint32_t asked);

static bool is_digit(uint32_t c, uint32_t asked) {
    (void)asked;
    return unicode_flags(c) & UNICODE_DIGIT;
}

static bool is_punctuation(uint32_t c, uint32_t asked) {
    (void)asked;
    return unicode_props(c) & UNICODE_PUNCTUATION;
}

static bool is_white(uint32_t c, uint32_t asked) {
    (void)asked;
    return unicode_props(c) & UNICODE_WHITE;
}

static bool is_char(uint32_t c, uint32_t asked) {
    return c == asked;
}

/* Each character that passes is a delimiter. */
static void by_char(struct cutter *c, const uint8_t *s, size_t at, size_t n, char_test *test,
                    uint32_t asked) {
    size_t done = 0;
    for (size_t i = 0, k; i < n; i += k) {
        uint32_t x;
        k = unicode_char(s + at + i, &x);
        if (!test(x, asked))
            continue;
        cut_out(c, at, i, i + k, &done);
    }
    cut_rest(c, at, n, done);
}

/* Rust's \w+|[^\w\s]+ */
static void by_words(struct cutter *c, const uint8_t *s, size_t at, size_t n) {
    enum { MASK = UNICODE_WORD | UNICODE_WHITE };
    size_t begun = 0;
    unsigned last = UNICODE_WHITE;
    for (size_t i = 0, k; i < n; i += k) {
        uint32_t x;
        k = unicode_char(s + at + i, &x);
        unsigned p = unicode_props(x) & MASK;
        if (p == last)
            continue;
        if (!(last & UNICODE_WHITE))
            make_span(c->w, at + begun, i - begun);
        begun = i;
        last = p;
    }
    if (!(last & UNICODE_WHITE))
        make_span(c->w, at + begun, n - begun);
}

static void by_string(struct cutter *c, const uint8_t *s, size_t at, size_t n, const char *text,
                      size_t len) {
    size_t done = 0;
    for (const uint8_t *p; (p = memmem(s + at + done, n - done, text, len)) != NULL;) {
        size_t i = (size_t)(p - s) - at;
        cut_out(c, at, i, i + len, &done);
    }
    cut_rest(c, at, n, done);
}

static void by_regex(struct cutter *c, const uint8_t *s, size_t at, size_t n,
                     const struct regex *re) {
    struct regex_search q;
    size_t done = 0, begin, end;
    int rc;
    regex_start(&q, re, s + at, n);
    while ((rc = regex_next(&q, &c->w->regex, &begin, &end)) > 0)
        cut_out(c, at, begin, end, &done);
    cut_rest(c, at, n, done);
    c->w->failed |= rc < 0;
}

/* A scanner's pieces are all matches. */
static void by_scan(struct cutter *c, const uint8_t *s, size_t at, size_t n, split_fn *scan) {
    for (size_t i = 0, k; i < n; i += k) {
        k = scan(s + at + i, n - i);
        cut(c, at + i, k, true);
    }
    end_cut(c);
}

static void by_length(struct cutter *c, const uint8_t *s, size_t at, size_t n, size_t length) {
    size_t begun = 0, count = 0;
    for (size_t i = 0; i < n;) {
        uint32_t x;
        i += unicode_char(s + at + i, &x);
        if (++count % length == 0 || i == n) {
            make_span(c->w, at + begun, i - begun);
            begun = i;
        }
    }
}

/* Apart where the script changes; what comes before the first character of a script is dropped, as
 * `tokenizers` does. */
static void by_scripts(struct cutter *c, const uint8_t *s, size_t at, size_t n) {
    size_t begun = n;
    int last = -1;
    for (size_t i = 0, k; i < n; i += k) {
        uint32_t x;
        k = unicode_char(s + at + i, &x);
        int script = unicode_script(x);
        if (script < 0 || script == last)
            continue;
        if (last >= 0)
            make_span(c->w, at + begun, i - begun);
        begun = i;
        last = script;
    }
    make_span(c->w, at + begun, n - begun);
}

/* One stage that leaves the text as it is, on one span. */
static void take_apart(const struct pre_stage *p, struct pre_work *w, size_t at, size_t n) {
    struct cutter c = {.w = w, .behavior = p->behavior, .invert = p->invert, .begun = w->n_made};
    const uint8_t *s = w->s;
    switch (p->kind) {
    case PRE_SPLIT:
        if (p->scan)
            by_scan(&c, s, at, n, p->scan);
        else if (p->regex)
            by_regex(&c, s, at, n, p->regex);
        else
            by_string(&c, s, at, n, p->text, p->text_len);
        break;
    case PRE_BYTE_LEVEL:
        c.behavior = PRE_ISOLATED;
        by_scan(&c, s, at, n, split_gpt2);
        break;
    case PRE_DIGITS:
        c.behavior = p->individual ? PRE_ISOLATED : PRE_CONTIGUOUS;
        by_char(&c, s, at, n, is_digit, 0);
        break;
    case PRE_BERT: /* once its white space is gone */
    case PRE_PUNCTUATION:
        by_char(&c, s, at, n, is_punctuation, 0);
        break;
    case PRE_WHITESPACE:
        by_words(&c, s, at, n);
        break;
    case PRE_WHITESPACE_SPLIT:
        c.behavior = PRE_REMOVED;
        by_char(&c, s, at, n, is_white, 0);
        break;
    case PRE_CHAR:
        c.behavior = PRE_REMOVED;
        by_char(&c, s, at, n, is_char, p->code_point);
        break;
    case PRE_METASPACE:
        c.behavior = PRE_NEXT;
        by_char(&c, s, at, n, is_char, p->code_point);
        break;
    case PRE_SCRIPTS:
        by_scripts(&c, s, at, n);
        break;
    case PRE_FIXED_LENGTH:
        by_length(&c, s, at, n, p->length);
        break;
    }
}

/* The spans made become the spans; empty ones go. */
static void take_made(struct pre_work *w) {
    struct pre_span *spans = w->spans;
    size_t cap = w->cap, kept = 0;
    for (size_t i = 0; i < w->n_made; i++)
        if (w->made[i].len)
            w->made[kept++] = w->made[i];
    w->spans = w->made;
    w->cap = w->cap_made;
    w->n = kept;
    w->made = spans;
    w->cap_made = cap;
    w->n_made = 0;
}

static void each_span(const struct pre_stage *p, struct pre_work *w) {
    for (size_t i = 0; i < w->n && !w->failed; i++)
        take_apart(p, w, w->spans[i].at, w->spans[i].len);
    take_made(w);
}

/* The buffer that does not hold the text. */
static struct buf *other_text(struct pre_work *w) {
    struct buf *b = &w->text[w->s == (const uint8_t *)w->text[0].data];
    buf_clear(b);
    return b;
}

static bool take_text(struct pre_work *w, struct buf *b) {
    if (buf_failed(b) || b->len > INT32_MAX) {
        w->failed = true;
        return false;
    }
    if (b->data) {
        w->s = (const uint8_t *)b->data;
        w->len = b->len;
    }
    take_made(w);
    return true;
}

/* Where the part of span i ends that stems from the input's first character: all of its beginning
 * up to there, with what a stage puts before it. */
static const uint8_t *origin_end(const struct pre_work *w, size_t i) {
    const uint8_t *end = w->s + w->spans[i].at + w->spans[i].len;
    return end - w->s <= (ptrdiff_t)w->origin ? end : w->s + w->origin;
}

/* [s, end) with the mark in the place of spaces. */
static void mark_spaces(struct buf *out, const struct buf *mark, const uint8_t *s,
                        const uint8_t *end) {
    for (const uint8_t *space; s < end; s = space + 1) {
        space = memchr(s, ' ', (size_t)(end - s));
        buf_append(out, s, (size_t)((space ? space : end) - s));
        if (!space)
            break;
        buf_append(out, mark->data, mark->len);
    }
}

/* Spaces become the replacement, which is put before a span that lacks it as the scheme says. */
static void metaspace(const struct pre_stage *p, struct pre_work *w) {
    struct buf *out = other_text(w);
    struct buf mark = {0};
    size_t origin = 0;
    unicode_append(&mark, p->code_point);
    w->failed |= buf_failed(&mark);
    for (size_t i = 0; i < w->n && !w->failed; i++) {
        const uint8_t *s = w->s + w->spans[i].at, *end = s + w->spans[i].len;
        size_t at = out->len;
        bool marked =
            *s == ' ' || ((size_t)(end - s) >= mark.len && memcmp(s, mark.data, mark.len) == 0);
        if (!marked &&
            (p->scheme == PRE_ALWAYS || (p->scheme == PRE_FIRST && w->spans[i].at < w->origin)))
            buf_append(out, mark.data, mark.len);
        if (w->spans[i].at < w->origin) {
            const uint8_t *first = origin_end(w, i);
            mark_spaces(out, &mark, s, first);
            origin = out->len;
            s = first;
        }
        mark_spaces(out, &mark, s, end);
        make_span(w, at, out->len - at);
    }
    buf_free(&mark);
    w->origin = origin;
    if (take_text(w, out) && p->split)
        each_span(p, w);
}

static void prefix_spaces(struct pre_work *w) {
    struct buf *out = other_text(w);
    size_t origin = 0;
    for (size_t i = 0; i < w->n; i++) {
        size_t at = out->len;
        const uint8_t *s = w->s + w->spans[i].at;
        if (*s != ' ')
            buf_char(out, ' ');
        if (w->spans[i].at < w->origin)
            origin = out->len + (size_t)(origin_end(w, i) - s);
        buf_append(out, s, w->spans[i].len);
        make_span(w, at, out->len - at);
    }
    w->origin = origin;
    take_text(w, out);
}

static void map_bytes(struct pre_work *w) {
    struct buf *out = other_text(w);
    size_t origin = 0;
    for (size_t i = 0; i < w->n; i++) {
        size_t at = out->len;
        const uint8_t *s = w->s + w->spans[i].at, *end = s + w->spans[i].len;
        if (w->spans[i].at < w->origin) {
            const uint8_t *first = origin_end(w, i);
            byte_level_append(out, s, (size_t)(first - s));
            origin = out->len;
            s = first;
        }
        byte_level_append(out, s, (size_t)(end - s));
        make_span(w, at, out->len - at);
    }
    w->origin = origin;
    take_text(w, out);
}

static void stage(const struct pre_stage *p, struct pre_work *w) {
    switch (p->kind) {
    case PRE_METASPACE:
        metaspace(p, w);
        break;
    case PRE_BYTE_LEVEL:
        if (p->prefix_space)
            prefix_spaces(w);
        if (p->use_regex && !w->failed)
            each_span(p, w);
        if (!p->keep_bytes && !w->failed)
            map_bytes(w);
        break;
    case PRE_BERT:
        each_span(&(struct pre_stage){.kind = PRE_WHITESPACE_SPLIT}, w);
        each_span(&(struct pre_stage){.kind = PRE_PUNCTUATION, .behavior = PRE_ISOLATED}, w);
        break;
    default:
        each_span(p, w);
    }
}

bool pre_stages_ask(const struct pre_stages *p) {
    for (size_t i = 0; i < p->n; i++)
        if (p->v[i].kind == PRE_METASPACE && p->v[i].scheme == PRE_FIRST)
            return true;
    return false;
}

bool pre_tokenise(const struct pre_stages *p, struct pre_work *w, const uint8_t *s, size_t n,
                  size_t origin) {
    w->failed = false;
    w->s = s;
    w->len = n;
    w->origin = origin;
    w->n = w->n_made = 0;
    if (n > INT32_MAX)
        return false;
    if (n)
        make_span(w, 0, n);
    take_made(w);
    for (size_t i = 0; i < p->n && !w->failed; i++)
        stage(&p->v[i], w);
    return !w->failed;
}

split_fn *pre_stages_scanner(const struct pre_stages *p) {
    const struct pre_stage *last = p->n ? &p->v[p->n - 1] : NULL;
    if (!last || last->kind != PRE_BYTE_LEVEL || last->prefix_space || !last->keep_bytes)
        return NULL;
    if (p->n == 1)
        return last->use_regex ? split_gpt2 : NULL;
    const struct pre_stage *before = &p->v[0];
    if (p->n != 2)
        return NULL;
    if (before->kind == PRE_DIGITS && before->individual && last->use_regex)
        return split_smollm;
    bool keeps = (before->behavior == PRE_ISOLATED && !before->invert) ||
                 (before->behavior == PRE_REMOVED && before->invert);
    return before->kind == PRE_SPLIT && keeps && !last->use_regex ? before->scan : NULL;
}
