#include "summary/constrain.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/utf8.h"

enum { MIN_WORDS = 3, MOST_ENDS = 64, PHRASE = 3 };
static const double START = 0.5, BIAS = 6, FORCED = -3.0, PART = 10, MARGIN = 0.02;

enum token_class {
    TOKEN_NEVER = 1,  /* not in a line */
    TOKEN_SPACE = 2,  /* begins with white space: ends what a period ended */
    TOKEN_BREAK = 4,  /* begins with a line break */
    TOKEN_STOP = 8,   /* ends the generation */
    TOKEN_LETTER = 16 /* one character */
};

struct constrain {
    const struct tok *tok;
    size_t n;
    uint8_t *class;
    struct form_words words;
    uint32_t
        ends[MOST_ENDS]; /* stops, line breaks, and periods with nothing but breaks after them */
    size_t n_ends;
};

struct constrain_place {
    uint64_t prefix; /* hash of the ids before it */
    float logprob;   /* of an end there */
};

static bool is_space(char c) {
    return c == ' ' || c == '\n' || c == '\r' || c == '\t';
}

/* Whether there is a form that takes the token: whole, plain characters, a space only as the first,
 * line breaks only at the end. */
static uint8_t classify(const char *s, size_t len) {
    uint8_t class = is_space(*s) ? TOKEN_SPACE : 0;
    if (*s == '\n' || *s == '\r')
        class |= TOKEN_BREAK;
    size_t end = len;
    while (end > 0 && is_space(s[end - 1]))
        end--;
    bool tail = end < len && memchr(s + end, '\n', len - end);
    if (end == 0)
        return class | (len == 1 || tail ? 0 : TOKEN_NEVER);
    if (end < len && !tail)
        return class | TOKEN_NEVER;
    size_t chars = 0;
    for (size_t i = 0; i < end; chars++) {
        uint32_t c;
        int k = utf8_decode((const uint8_t *)s + i, end - i, &c);
        if (k == 0 || c < 0x20 || (c == ' ' && i > 0) ||
            strchr("`*{}|~^\\?!", c < 0x80 ? (int)c : 'x'))
            return class | TOKEN_NEVER;
        i += (size_t)k;
    }
    return class | (chars == 1 && len == 1 ? TOKEN_LETTER : 0);
}

static bool is_added(const struct tok *t, uint32_t id, const char *s, size_t len) {
    char spelling[64];
    if (len >= sizeof spelling)
        return false;
    memcpy(spelling, s, len);
    spelling[len] = 0;
    return tok_id(t, spelling) == (int64_t)id;
}

/* A period or nothing, then nothing but white space, a line break among it. */
static bool ends_line(const char *s, size_t len) {
    size_t i = len && *s == '.';
    if (i == len)
        return len > 0;
    bool breaks = false;
    for (; i < len; i++) {
        if (!is_space(s[i]))
            return false;
        breaks |= s[i] == '\n';
    }
    return breaks;
}

static int check_letters(const struct constrain *c, struct err *e) {
    bool has[256] = {0};
    for (uint32_t id = 0; id < c->n; id++) {
        size_t len;
        const char *s = tok_bytes(c->tok, id, &len);
        if (len == 1 && !(c->class[id] & TOKEN_NEVER))
            has[(unsigned char)*s] = true;
    }
    const char *needed = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ .)]'\"";
    for (const char *p = needed; *p; p++)
        if (!has[(unsigned char)*p])
            return err_set(e, PRECIS_EUNSUPPORTED,
                           "the vocabulary has no token '%c': answers cannot be constrained", *p);
    return 0;
}

static void classify_all(struct constrain *c) {
    for (uint32_t id = 0; id < c->n; id++) {
        size_t len;
        const char *s = tok_bytes(c->tok, id, &len);
        bool none = len == 0 || tok_is_special(c->tok, id) || is_added(c->tok, id, s, len);
        c->class[id] = none ? TOKEN_NEVER : classify(s, len);
    }
    size_t n_stops;
    const uint32_t *stops = tok_stops(c->tok, &n_stops);
    for (size_t i = 0; i < n_stops && i < ENGINE_MAX_STOPS; i++)
        if (stops[i] < c->n) {
            c->class[stops[i]] = TOKEN_STOP;
            c->ends[c->n_ends++] = stops[i];
        }
    for (uint32_t id = 0; id < c->n && c->n_ends < MOST_ENDS; id++) {
        size_t len;
        const char *s = tok_bytes(c->tok, id, &len);
        if (!(c->class[id] & (TOKEN_NEVER | TOKEN_STOP)) && ends_line(s, len))
            c->ends[c->n_ends++] = id;
    }
}

int constrain_new(const struct tok *tok, struct constrain **out, struct err *e) {
    struct constrain *c = calloc(1, sizeof *c);
    *out = NULL;
    size_t n_stops;
    tok_stops(tok, &n_stops);
    if (c) {
        c->tok = tok;
        form_words_init(&c->words);
        c->n = tok_vocab(tok);
        c->class = malloc(c->n ? c->n : 1);
    }
    if (!c || !c->class) {
        constrain_free(c);
        return err_nomem(e, "classes of tokens");
    }
    int rc = n_stops ? 0
                     : err_set(e, PRECIS_EUNSUPPORTED,
                               "the vocabulary has no token that ends a text: answers cannot be "
                               "constrained");
    if (rc == 0) {
        classify_all(c);
        rc = check_letters(c, e);
    }
    if (rc)
        constrain_free(c);
    else
        *out = c;
    return rc;
}

void constrain_free(struct constrain *c) {
    if (!c)
        return;
    free(c->class);
    free(c);
}

static bool push_text(const struct form_rules *r, struct form *f, const char *s, size_t len) {
    for (size_t i = 0; i < len;) {
        uint32_t c = (unsigned char)s[i];
        int k = c < 0x80 ? 1 : utf8_decode((const uint8_t *)s + i, len - i, &c);
        if (k == 0 || !form_push(r, f, c))
            return false;
        i += (size_t)k;
    }
    return true;
}

int constrained_open(struct constrained *s, const struct constrain *c,
                     const struct constrain_options *o, struct err *e) {
    *s = (struct constrained){.c = c, .options = *o};
    if (o->max_chars < CONSTRAIN_LEAST_CHARS || o->max_chars > FORM_MOST_CHARS)
        return err_set(e, PRECIS_EUSAGE, "a line of %d characters: between %d and %d", o->max_chars,
                       CONSTRAIN_LEAST_CHARS, FORM_MOST_CHARS);
    if (o->max_tokens && o->max_tokens < CONSTRAIN_LEAST_TOKENS)
        return err_set(e, PRECIS_EUSAGE, "a line of %zu tokens: at least %d", o->max_tokens,
                       CONSTRAIN_LEAST_TOKENS);
    s->rules = (struct form_rules){
        .known = &c->words, .max_chars = o->max_chars, .min_words = MIN_WORDS, .nouns = o->nouns};
    size_t chars = (size_t)o->max_chars;
    s->most = chars + 4; /* every token but a leading space and the end has a character */
    s->forms = malloc((s->most + 1) * sizeof *s->forms);
    s->words = malloc((chars + 2) * sizeof *s->words);
    s->ids = malloc(s->most * sizeof *s->ids);
    if (!s->forms || !s->words || !s->ids) {
        constrained_close(s);
        return err_nomem(e, "constraint");
    }
    const char *opening = o->opening ? o->opening : "";
    size_t len = strlen(opening);
    bool after = len && !o->keep_opening;
    form_start(&s->forms[0], after, after && is_space(opening[len - 1]));
    if (o->keep_opening && len) {
        struct form *f = &s->forms[0];
        if (!push_text(&s->rules, f, opening, len) || f->phase == FORM_OVER ||
            f->chars + form_need(&s->rules, f) > o->max_chars) {
            constrained_close(s);
            return err_set(e, PRECIS_EUSAGE, "no line can begin with \"%s\"", opening);
        }
    }
    return 0;
}

void constrained_close(struct constrained *s) {
    free(s->forms);
    free(s->words);
    free(s->ids);
    free(s->places);
    *s = (struct constrained){0};
}

/* The form after one more token, whatever came before fits; false: it must not come. */
static bool push_token(const struct constrained *s, const struct form *from, uint32_t id,
                       struct form *to) {
    const struct constrain *c = s->c;
    uint8_t class = id < c->n ? c->class[id] : TOKEN_NEVER;
    *to = *from;
    bool may_end = (from->phase == FORM_DOT || (class & (TOKEN_STOP | TOKEN_BREAK))) &&
                   form_may_end(&s->rules, from);
    if (class & TOKEN_STOP) {
        to->phase = FORM_OVER;
        return may_end;
    }
    size_t len;
    const char *text = tok_bytes(c->tok, id, &len);
    if (!(class & TOKEN_NEVER) && push_text(&s->rules, to, text, len))
        return true;
    *to = *from; /* any text that begins a new line, or another sentence, is an end */
    to->phase = FORM_OVER;
    return may_end && (class & (from->phase == FORM_DOT ? TOKEN_SPACE : TOKEN_BREAK)) != 0;
}

/* Whether the last word makes a third in a row, or three words that were there. words: all but it.
 */
static bool repeats(const uint64_t *words, size_t n, uint64_t last) {
    if (n >= 2 && words[n - 1] == last && words[n - 2] == last)
        return true;
    if (n < PHRASE)
        return false;
    for (size_t i = 0; i + PHRASE <= n; i++)
        if (words[i + 2] == last && words[i] == words[n - 2] && words[i + 1] == words[n - 1])
            return true;
    return false;
}

/* n: tokens so far. */
static bool allowed(const struct constrained *s, const struct form *from, size_t n, uint32_t id,
                    struct form *to) {
    if (from->phase == FORM_OVER)
        return id < s->c->n && (s->c->class[id] & TOKEN_STOP);
    if (!push_token(s, from, id, to))
        return false;
    if (to->phase == FORM_OVER)
        return true;
    int need = form_need(&s->rules, to);
    if (to->chars + need > s->rules.max_chars ||
        (s->options.max_tokens && n + 1 + (size_t)need > s->options.max_tokens))
        return false;
    if (form_misleads(&s->rules, to) && !((s->c->class[id] & TOKEN_LETTER) && to->word_chars > 1))
        return false;
    return to->words == 0 || (to->word == from->word && to->words == from->words) ||
           !repeats(s->words, (size_t)to->words - 1, to->word);
}

static void keep(struct constrained *s, uint32_t id, const struct form *f) {
    s->ids[s->n++] = id;
    s->forms[s->n] = *f;
    if (f->words)
        s->words[f->words - 1] = f->word;
}

/* The form after these ids: what they share with the last ones is known already. */
static const struct form *follow(struct constrained *s, const uint32_t *ids, size_t n) {
    size_t same = 0;
    while (same < s->n && same < n && s->ids[same] == ids[same])
        same++;
    s->n = same;
    if (s->forms[same].words) /* another branch may have gone on with it */
        s->words[s->forms[same].words - 1] = s->forms[same].word;
    struct form next;
    while (s->n < n) {
        if (s->n == s->most || s->forms[s->n].phase == FORM_OVER ||
            !push_token(s, &s->forms[s->n], ids[s->n], &next))
            return NULL;
        keep(s, ids[s->n], &next);
    }
    return &s->forms[n];
}

static struct constrain_place *find_place(struct constrained *s, uint64_t prefix) {
    for (size_t i = s->n_places; i-- > 0;)
        if (s->places[i].prefix == prefix)
            return &s->places[i];
    return NULL;
}

/* How likely an end is here, for the case that none is taken later. */
static void keep_place(struct constrained *s, const struct engine_scores *at) {
    uint64_t prefix = hash_bytes(at->ids, at->n * sizeof *at->ids, at->n);
    if (find_place(s, prefix))
        return;
    double p = 0;
    for (size_t i = 0; i < s->c->n_ends; i++)
        if (s->c->ends[i] < at->vocab)
            p += exp((double)at->logits[s->c->ends[i]] - at->logsumexp);
    if (s->n_places == s->cap_places &&
        !array_grow((void **)&s->places, s->n_places, &s->cap_places, sizeof *s->places)) {
        s->failed = true;
        return;
    }
    s->places[s->n_places++] = (struct constrain_place){prefix, (float)log(p + 1e-30)};
}

static float bias_at(const struct constrained *s, const struct form *f, size_t n) {
    double share = (double)f->chars / s->rules.max_chars;
    if (s->options.max_tokens)
        share = fmax(share, (double)n / (double)s->options.max_tokens);
    double x = share > START ? (share - START) / (1 - START) : 0;
    return (float)(BIAS * x * x);
}

void constrained_scores(struct constrained *s, const struct engine_scores *at,
                        struct engine_candidate *c, size_t n) {
    const struct form *f = follow(s, at->ids, at->n);
    bool open = f && f->phase == FORM_BODY && form_may_end(&s->rules, f);
    float bias = open ? bias_at(s, f, at->n) : 0;
    if (open)
        keep_place(s, at);
    for (size_t i = 0; i < n; i++) {
        struct form to = {0};
        if (!(c[i].logprob > -INFINITY))
            continue;
        if (!f || !allowed(s, f, at->n, c[i].id, &to))
            c[i].logprob = -INFINITY;
        else if (!form_may_end(&s->rules, &to) || to.phase == FORM_BODY)
            c[i].logprob -= bias + (float)(PART * pow(form_left(&s->rules, &to), 2));
    }
}

bool constrained_over(struct constrained *s, const struct engine_token *t) {
    struct form next;
    if (!follow(s, t->ids, t->index) || s->n == s->most ||
        !push_token(s, &s->forms[s->n], t->id, &next))
        return true;
    keep(s, t->id, &next);
    return next.phase == FORM_OVER;
}

/* Tokens before the period that ends what the first n are, or n where there is none. */
static size_t before_period(const struct constrained *s, size_t n) {
    size_t at = n;
    while (at > 0 && (s->forms[at].phase == FORM_OVER || s->forms[at].phase == FORM_DOT))
        at--;
    return at;
}

/* The place to end at: where the model ended, unless it did so only because it had to. */
static bool choose_end(struct constrained *s, bool stopped, struct constrained_result *r) {
    const struct form *last = &s->forms[s->n];
    bool ended = last->phase == FORM_OVER || (last->phase == FORM_DOT && last->ends) ||
                 (stopped && form_may_end(&s->rules, last));
    size_t at = before_period(s, s->n), best = SIZE_MAX;
    double score = -INFINITY, own = -INFINITY;
    for (size_t i = 0; i <= at; i++) {
        const struct form *f = &s->forms[i];
        if (f->phase != FORM_BODY || !form_may_end(&s->rules, f))
            continue;
        const struct constrain_place *p = find_place(s, hash_bytes(s->ids, i * sizeof *s->ids, i));
        double logprob = p ? (double)p->logprob : -30;
        if (i == at)
            own = logprob;
        if (best == SIZE_MAX || logprob + MARGIN * f->chars > score) {
            score = logprob + MARGIN * f->chars;
            best = i;
            r->end_logprob = (float)logprob;
        }
    }
    bool natural =
        ended && (own >= FORCED || bias_at(s, &s->forms[at], at) == 0 || best == SIZE_MAX);
    r->n_ids = natural ? s->n : best;
    if (natural || best == at) {
        r->n_ids = ended ? s->n : at;
        r->end_logprob = (float)own;
    }
    while (r->n_ids > 0 && r->n_ids <= s->n && s->forms[r->n_ids].phase == FORM_OVER)
        r->n_ids--;
    r->shortened = !natural && best != at;
    r->unfinished = (double)r->end_logprob < FORCED && !natural;
    return natural || best != SIZE_MAX;
}

int constrained_line(struct constrained *s, const uint32_t *ids, size_t n, bool stopped,
                     struct buf *out, struct constrained_result *r, struct err *e) {
    *r = (struct constrained_result){0};
    while (n > 0 && !follow(s, ids, n)) /* a job that was not constrained to the end */
        n--;
    follow(s, ids, n);
    if (s->failed)
        return err_nomem(e, "constraint");
    if (!choose_end(s, stopped, r))
        return err_set(e, PRECIS_ENOTFOUND,
                       "the model's answer broke off before it was a sentence");
    struct buf line = {0};
    if (s->options.keep_opening && s->options.opening)
        buf_str(&line, s->options.opening);
    for (size_t i = 0; i < r->n_ids; i++) {
        size_t len;
        const char *text = tok_bytes(s->c->tok, ids[i], &len);
        buf_append(&line, text, len);
    }
    size_t from = 0, to = line.len;
    while (from < to && line.data[from] == ' ')
        from++;
    while (to > from && (is_space(line.data[to - 1]) || line.data[to - 1] == '.'))
        to--;
    bool failed = buf_failed(&line);
    if (!failed && to > from) {
        char *first = line.data + from;
        if (s->forms[0].lower && *first >= 'a' && *first <= 'z')
            *first = (char)(*first - ('a' - 'A'));
        buf_append(out, first, to - from);
        buf_char(out, '.');
    }
    buf_free(&line);
    return failed || buf_failed(out) ? err_nomem(e, "line of a summary") : 0;
}
