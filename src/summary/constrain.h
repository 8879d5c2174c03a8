/* Decoding that can only write a line: one complete English sentence of at most max_chars
 * characters that begins with a verb in the third person, in plain text, without repeating itself,
 * and plans its end instead of being cut.
 *
 *   once for a tokenizer: constrain_new, shared by any threads; constrain_free
 *   once for a job: constrained_open; from engine_job.on_scores: constrained_scores; from
 *   on_token: constrained_over, which ends the job; from on_done: constrained_line;
 * constrained_close
 *
 * What is impossible is decided by form.h, for every character of a token, with these besides: no
 * token but whole characters of plain text (no line breaks, code marks, special tokens or parts of
 * UTF-8), no word three times in a row, no three words that were there before. A token is also
 * impossible when the sentence could not be ended in the characters (and tokens) left after it.
 *
 * A token that is a part of the first word has the likelihood of all words that begin so, allowed
 * or not: it is lowered by PART * (share of the letters that are missing)^2 nats.
 *
 * The plan to end: where the sentence could end, every token that goes on is lowered by
 *   BIAS * ((share - START) / (1 - START))^2,   share = characters / max_chars (or tokens / most),
 * nats from START on (constants in constrain.c), so ending gets likelier with every character and
 * by nothing else. A sentence that ended only because it had to (the model gave the end less than a
 * twentieth) is taken back to the earlier place where an end was likeliest; `shortened` says so. */
#ifndef PRECIS_SUMMARY_CONSTRAIN_H
#define PRECIS_SUMMARY_CONSTRAIN_H

#include "base/buf.h"
#include "base/err.h"
#include "engine/engine.h"
#include "summary/form.h"
#include "text/tok.h"

struct constrain;

/* tok is borrowed. Errors: PRECIS_EUNSUPPORTED (the vocabulary lacks a letter, the space, the
 * period or a stop, which is named), PRECIS_ENOMEM. */
int constrain_new(const struct tok *tok, struct constrain **out, struct err *e);
void constrain_free(struct constrain *c); /* NULL is fine */

enum { CONSTRAIN_LEAST_CHARS = 32, CONSTRAIN_LEAST_TOKENS = 24 };

struct constrain_options {
    int max_chars;       /* CONSTRAIN_LEAST_CHARS .. FORM_MOST_CHARS */
    size_t max_tokens;   /* of the job, >= CONSTRAIN_LEAST_TOKENS; 0: enough for all characters */
    bool nouns;          /* "A queue of ..." may begin the line as well (types) */
    const char *opening; /* of the answer, which the prompt has said; NULL or "": none */
    bool keep_opening;   /* it begins the line; else the line begins after it */
};

/* Of one job, one thread at a time. */
struct constrained {
    const struct constrain *c;
    struct form_rules rules;
    struct constrain_options options;
    struct form *forms; /* [most + 1] after so many tokens; [0]: after the opening */
    uint64_t *words;    /* [max_chars] */
    uint32_t *ids;      /* [most] */
    size_t n, most;
    struct constrain_place *places; /* where it could have ended, of all branches */
    size_t n_places, cap_places;
    bool failed; /* out of memory, which constrained_line tells */
};

/* Errors: PRECIS_EUSAGE (max_chars; an opening to keep that cannot begin a line), PRECIS_ENOMEM. */
int constrained_open(struct constrained *s, const struct constrain *c,
                     const struct constrain_options *o, struct err *e);
void constrained_close(struct constrained *s); /* safe on a zeroed one */

/* engine_job.on_scores. */
void constrained_scores(struct constrained *s, const struct engine_scores *at,
                        struct engine_candidate *c, size_t n);
/* Whether the line is over with this token, which is the end and no part of it: the job may stop.
 */
bool constrained_over(struct constrained *s, const struct engine_token *t);

struct constrained_result {
    size_t n_ids;      /* the line is made of ids [0, n_ids), the period perhaps without */
    bool shortened;    /* it ends earlier than the answer */
    bool unfinished;   /* no likely end anywhere: it breaks off */
    float end_logprob; /* of ending there, by the model's own distribution */
};

/* Appends the line to out: the answer's words and a final period. stopped: the job ended with
 * FINISH_STOP. Errors: PRECIS_ENOTFOUND (nothing that is a line: the job was cancelled early),
 * PRECIS_ENOMEM. */
int constrained_line(struct constrained *s, const uint32_t *ids, size_t n, bool stopped,
                     struct buf *out, struct constrained_result *r, struct err *e);

#endif
