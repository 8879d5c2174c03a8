/* One interface over the engines that run models. An engine knows tokens; it knows nothing of code,
 * text or summaries, and its caller cannot tell which engine serves it.
 *
 *   engine_open -> engine_submit (any thread, many times) -> on_done for each -> engine_close
 *
 * An open engine has lanes (threads) that take jobs from one bounded queue. A job is a sequence in
 * flight from its prefill to its last token; its output depends on the job alone, never on what
 * else runs, on the number of lanes or on the limits. Callbacks run on lanes: they must be short,
 * must not block and must not call the engine (but engine_cancel). */
#ifndef PRECIS_ENGINE_ENGINE_H
#define PRECIS_ENGINE_ENGINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/hash.h"

struct engine;

enum precision { PRECISION_AUTO, PRECISION_F32, PRECISION_BF16, PRECISION_INT8 };

const char *precision_name(enum precision p); /* "auto", "f32", "bf16", "int8" */

/* Where the ONNX engine computes; the native one is the CPU's. auto: what the library offers and a
 * session can be made on, else the CPU. */
enum device { DEVICE_AUTO, DEVICE_CPU, DEVICE_CUDA, DEVICE_COREML };

const char *device_name(enum device d); /* "auto", "cpu", ... */

enum { ENGINE_MOST_LANES = 1 << 12, ENGINE_MOST_SEQUENCES = 1 << 16 };

struct engine_options {
    enum precision precision; /* auto: int8 where the model allows it and the CPU has AVX2, else
                                 bf16 where the CPU multiplies it, else f32 */
    int lanes;                /* 0: one for each core this process may use */
    int max_sequences;        /* "agents": sequences in flight at most; 0: 20 */
    /* Bytes for weights, KV and scratch in all; 0: no limit. int8 keeps most of its weights in 4
     * bits if they do not fit in it otherwise (without a limit: in 3/4 of the machine's memory). */
    size_t memory_limit;
    enum device device;
    bool auto_is_float; /* of encoders: auto takes no int8 */
};

enum engine_capability { ENGINE_GENERATE = 1, ENGINE_EMBED = 2, ENGINE_SEQ2SEQ = 4 };

struct engine_info {
    unsigned capabilities;
    const char *engine;                          /* "native", "onnx" */
    const char *device;                          /* "cpu", "cuda", "coreml" */
    const char *architecture, *name, *file_type; /* of the weights' file */
    enum precision precision;                    /* what it resolved to */
    /* The same in words, with what else belongs to it: "bf16", "int8 with 4-bit weights". */
    const char *arithmetic;
    const char *isa; /* instruction-set class of the kernels */
    int lanes, max_sequences;
    size_t vocab, context; /* tokens */
    uint64_t parameters;   /* elements of its weights; 0: unknown */
    size_t width;          /* of the hidden states of an encoder; 0: no encoder */
    size_t weight_bytes, scratch_bytes;
    size_t kv_bytes_per_token; /* that a sequence keeps; 0: an encoder keeps none */
};

/* The class of instruction sets that an engine opened now would have in its info. Errors:
 * PRECIS_EUSAGE (PRECIS_ISA). */
int engine_isa(const char **name, struct err *e);

/* path: a .gguf, a Hugging Face folder, a .onnx file or a folder of them. A sequence-to-sequence
 * model (ENGINE_SEQ2SEQ) takes a job's ids as its source and generates the target; it scores no
 * prompts. Errors: what the model's reader says; PRECIS_EUNSUPPORTED, PRECIS_ELIMIT (weights alone
 * exceed the memory limit), PRECIS_ENOMEM. */
int engine_open(const char *path, const struct engine_options *options, struct engine **out,
                struct err *e);
/* Cancels what is unfinished (on_done is called for each), joins the lanes, frees. NULL is fine. A
 * thread that waits in engine_submit gets PRECIS_ECANCELLED; no call may begin after this one. */
void engine_close(struct engine *en);
const struct engine_info *engine_info(const struct engine *en); /* borrowed, until close */

enum sampling_strategy { SAMPLE_GREEDY, SAMPLE_TEMPERATURE, SAMPLE_NUCLEUS, SAMPLE_BEAM };

const char *sampling_name(enum sampling_strategy s);

/* Zeroed fields mean their defaults. Semantics are transformers': repetition penalty and n-gram
 * guard first, then the job's on_scores, then temperature, top-k, top-p, then the draw. Temperature
 * 0 is greedy. Beam search is deterministic: temperature does not enter its scores. */
struct sampling {
    enum sampling_strategy strategy;
    float temperature;        /* 0 .. 2 */
    float top_p;              /* (0, 1]; nucleus only; default 0.9 */
    int top_k;                /* 0: all; temperature and nucleus */
    int beams;                /* default 4 */
    float length_penalty;     /* beam scores are divided by length ^ this; default 1 */
    float repetition_penalty; /* default 1: none */
    int no_repeat_ngram;      /* 0: none */
    uint64_t seed;
};

/* Errors: PRECIS_EUSAGE with the name and the value. */
int sampling_check(const struct sampling *s, struct err *e);

struct engine_candidate {
    uint32_t id;
    float logprob; /* in on_scores: its score */
};

enum { ENGINE_MAX_TOP = 64, ENGINE_MAX_BEAMS = 16, ENGINE_MAX_STOPS = 16 };

struct engine_token {
    size_t index; /* 0: the first generated token */
    uint32_t id;
    float logprob;       /* natural log, of the model's own distribution (before temperature and
                            penalties) */
    const uint32_t *ids; /* [index + 1] of this answer so far; borrowed for the call */
    int answer;          /* 0: the job's own; else one of its further ones */
    /* The likeliest ids there, best first. NULL unless asked for, and with beams. */
    const struct engine_candidate *top;
    int n_top;
};

/* Where a token is to be chosen. Borrowed for the call. */
struct engine_scores {
    const uint32_t *ids; /* generated so far, of this branch where there are beams */
    size_t n;
    const float *logits; /* [vocab] the model's own */
    size_t vocab;
    double logsumexp; /* a token's log-probability is its logit less this */
};

enum engine_finish {
    FINISH_STOP,     /* a stop id came (it is not in the output) */
    FINISH_LENGTH,   /* max_new_tokens (0 too), or the end of the context */
    FINISH_CALLBACK, /* on_token said so (that token is in the output) */
    FINISH_CANCELLED,
    FINISH_FAILED /* err says why */
};

const char *engine_finish_name(enum engine_finish f); /* "stop", "length", "callback", ... */

/* A further answer (engine_job.n_more), borrowed for the call. */
struct engine_answer {
    const uint32_t *ids;
    const float *logprobs;
    size_t n;
    enum engine_finish finish; /* stop, length or callback */
};

struct engine_result {
    uint64_t ticket;
    enum engine_finish finish;
    struct err err;
    const uint32_t *ids; /* generated, borrowed for the call */
    const float *logprobs;
    size_t n;
    const struct engine_answer *more; /* [n_more] of a job that was neither cancelled nor failed */
    int n_more;
    size_t tokens_in, tokens_out;       /* tokens_out: of all answers */
    double seconds_waited, seconds_run; /* in the queue; from the first prefill to the end */
    double seconds_own;                 /* its share of its lane's time; 0 of encoders */
};

struct engine_job {
    const uint32_t *ids; /* the prompt, at least one id; copied by engine_submit */
    size_t n_ids;
    size_t max_new_tokens; /* 0: only score the prompt */
    /* Seconds that it may have of its lane's time; 0: any. A step's processor time (of a graph that
     * does not compute on the CPU: its time) is split over the jobs in the step by their tokens,
     * those of all branches, so it hardly depends on how many there are. One that has had more ends
     * with the step, FINISH_FAILED and PRECIS_ETIMEOUT. A job of an encoder, one pass, has no
     * limit. */
    double time_limit;
    struct sampling sampling;
    uint64_t key; /* the random seed is hash(sampling.seed, key), so it follows the job's content */
    /* Further answers to the same prompt, which is read once: `more` says how they are chosen, each
     * with a seed of its own, hash(more.seed, hash(key, its number)). An answer is what it would be
     * alone. At most ENGINE_MAX_BEAMS - 1; beams have none (PRECIS_EUSAGE). */
    int n_more;
    struct sampling more;
    uint32_t stops[ENGINE_MAX_STOPS];
    size_t n_stops; /* 0: ignore end-of-text */
    int top;        /* candidates wanted with each token, up to ENGINE_MAX_TOP */
    /* Each token as it is chosen, in order (for beams: all of the winner's at the end; of several
     * answers in turn). Non-zero: the answer stops after it. May be NULL. */
    int (*on_token)(void *user, const struct engine_token *t);
    /* A constraint: lowers the scores of c[0..n) (for beams log-probabilities, else logits; after
     * repetition penalty and n-gram guard), with -INFINITY for what must not come; what it raises
     * is as if left alone. The stops are tokens like others. It is asked about as few tokens as
     * settle the choice, likeliest first, so any number of times at one place (different candidates
     * each time) and, with beams or further answers, about branches in turn: what it answers for a
     * token may depend on `at` and the token alone. The outcome is that of asking about all tokens,
     * but that a draw leaves out what is less likely than e^-24 of the best (together below
     * 0.00001), one from the likeliest top_k what is less likely than e^-12 of the best.
     * Log-probabilities in results stay the model's own. When nothing is left the job fails
     * (PRECIS_EINPUT). May be NULL. */
    void (*on_scores)(void *user, const struct engine_scores *at, struct engine_candidate *c,
                      size_t n);
    /* For scoring: the logits ([vocab] f32) that follow each prompt position >= logits_from, in
     * order. NULL: none are computed but the last. */
    void (*on_logits)(void *user, size_t position, const float *logits);
    size_t logits_from;
    /* ENGINE_EMBED: the last layer's hidden states, [n, width] f32 with n = n_ids, borrowed for the
     * call; once, before on_done, unless the job failed or was cancelled. Every token attends to
     * all of the job's; token types are 0. Such a job has max_new_tokens 0 and no on_logits
     * (PRECIS_EUSAGE); a decoder refuses it (PRECIS_EUNSUPPORTED). */
    void (*on_hidden)(void *user, const float *states, size_t n, size_t width);
    /* Exactly once for every job that was submitted. */
    void (*on_done)(void *user, const struct engine_result *r);
    void *user;
};

/* Queues a copy of the job; waits while the queue is full. n_ids + max_new_tokens beyond the
 * context is PRECIS_ELIMIT when the prompt alone does not fit with one token to spare, else the
 * output ends at the context (FINISH_LENGTH). A job whose KV could never fit in the memory limit is
 * PRECIS_ELIMIT too. *ticket (may be NULL) is never 0. */
int engine_submit(struct engine *en, const struct engine_job *job, uint64_t *ticket, struct err *e);
/* Ends one job (ticket), or all of them (0), at their next step; unknown tickets do nothing. */
void engine_cancel(struct engine *en, uint64_t ticket);
void engine_drain(struct engine *en); /* waits until no job is queued or running */

struct engine_stats {
    uint64_t tokens_in, tokens_out; /* prefilled (shared prefixes once), decoded */
    uint64_t tokens_shared;         /* of prompts, that others had prefilled */
    int waiting, running, most_running;
    size_t kv_bytes, most_kv_bytes; /* that sequences hold */
    /* Seconds since the lane in a step that got on the longest ago (ended a layer) did, and that
     * lane; 0: none is in a step. Where a step is one piece (ONNX), a tenth of the seconds since it
     * began. Encoders do not tell. */
    double oldest_step;
    int oldest_lane;
};
void engine_get_stats(struct engine *en, struct engine_stats *s);

/* SHA-256 of the packed weights it computes with, from their bytes (about 0.1 s for each 100 MB).
 * PRECIS_ENOTFOUND: weights of this precision are not packed into a file. */
int engine_packed_sha256(const struct engine *en, char out[HASH_HEX_SIZE], struct err *e);

#endif
