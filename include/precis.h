/* precis: one-line summaries for whole code bases, by small models, on this machine.
 *
 * This is the only public header; docs/example.c is a program that uses it.
 *
 * A model is opened once, shared by as many threads as like, and closed when no call uses it any
 * more. Everything else is a call that returns when its work is done.
 *
 * Memory. A `const` pointer that goes in is borrowed for the call. What a callback is given lives
 * until the callback returns. What comes back through an `out` parameter is the caller's, to be
 * given to precis_free. Strings are UTF-8 with a NUL at their end; text that has a length beside it
 * may be any bytes and needs no NUL. Pointers must not be NULL unless it says that they may.
 *
 * Errors. What can fail returns 0 or a negative enum precis_error, and then puts one line for a
 * person into error[error_size]: cut to fit, with its NUL, without a newline and without control
 * characters; "" after success. error may be NULL when error_size is 0. What comes back through an
 * `out` parameter is zero after a failure.
 *
 * Options. A zeroed field stands for its default: begin with `struct precis_..._options o = {0}`
 * and set what differs. NULL in place of a struct of options is all defaults.
 *
 * Threads. All functions may be called from any thread. A model computes on threads of its own
 * ("lanes"); callbacks run on the thread that called, one at a time, and may take their time.
 * Within a callback precis_generate, precis_chat and precis_summarize refuse to work
 * (PRECIS_EUSAGE) and precis_model_close must not be called. Generations on one model run side by
 * side; a precis_summarize has the model to itself, others wait for their turn. A process that has
 * opened a model must not go on using it after fork in the child.
 *
 * The library writes nothing to standard output or standard error, ends no process and installs no
 * signal handler. It reads PRECIS_MODELS, HF_HUB_CACHE, HF_HOME, XDG_CACHE_HOME and HOME from the
 * environment to find models, and PRECIS_ISA; it keeps the hashes of model files in
 * $XDG_CACHE_HOME/precis/hashes. */
#ifndef PRECIS_H
#define PRECIS_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* What a function that can fail returns: 0, or one of these. */
enum precis_error {
    PRECIS_OK = 0,
    PRECIS_ENOMEM = -1,       /* memory or threads ran out */
    PRECIS_EIO = -2,          /* the operating system refused: the line says what and why */
    PRECIS_EINPUT = -3,       /* bytes from outside are not what they claim to be */
    PRECIS_EUSAGE = -4,       /* an argument is out of its range */
    PRECIS_EUNSUPPORTED = -5, /* well-formed, but not something precis can run */
    PRECIS_ELIMIT = -6,       /* a context, memory or size limit would be exceeded */
    PRECIS_ECANCELLED = -7,
    PRECIS_ENOTFOUND = -8,
    PRECIS_ETIMEOUT = -9 /* it took longer than it may */
};

const char *precis_version(void); /* "MAJOR.MINOR.PATCH" */

void precis_free(void *memory); /* what came back through an out parameter; NULL is fine */

/* ---- Models ---- */

struct precis_model;

enum precis_precision {
    /* int8 where the model allows it, else bf16 where the processor multiplies it, else f32 */
    PRECIS_PRECISION_AUTO,
    PRECIS_PRECISION_F32,
    PRECIS_PRECISION_BF16,
    PRECIS_PRECISION_INT8
};

struct precis_model_options {
    enum precis_precision precision; /* of the linear layers' arithmetic */
    int lanes;                       /* threads that compute, up to 1,024; 0: one for each core */
    int agents;          /* texts in flight at most, up to 100; 0: 20. Output never depends on it */
    size_t memory_limit; /* bytes for weights, texts in flight and scratch; 0: no limit */
    const char *chat_template; /* "chatml", "llama3", "phi3", "mistral", "gemma"; NULL: recognised
                                  from what the model brings */
};

/* Opens a model by its catalogue name ("smollm2"), the path of a .gguf or .onnx file or of a
 * folder, or its name on the hub once it was pulled ("hf:org/name"); options may be NULL. A model
 * whose chat format is not recognised opens all the same: precis_chat, and precis_summarize with an
 * instruction, then say PRECIS_EUNSUPPORTED. Errors: PRECIS_ENOTFOUND (no such name or file),
 * PRECIS_EINPUT, PRECIS_EIO, PRECIS_EUNSUPPORTED, PRECIS_ELIMIT (the weights exceed the memory
 * limit), PRECIS_EUSAGE, PRECIS_ENOMEM. */
int precis_model_open(const char *name_or_path, const struct precis_model_options *options,
                      struct precis_model **out, char *error, size_t error_size);
void precis_model_close(struct precis_model *model); /* NULL is fine */

/* The strings live until the model is closed. */
struct precis_model_info {
    const char *name;         /* the catalogue's, or the file's */
    const char *revision;     /* SHA-256 of the file, 64 hex digits */
    const char *architecture; /* "llama", "qwen2" */
    const char *file_type;    /* the weights as the file has them: "Q4_1" */
    const char *precision;    /* what it computes in: "f32", "bf16", "int8" */
    const char *isa;          /* the instructions it computes with */
    const char *chat_format;  /* "chatml", ...; NULL: not recognised */
    int lanes, agents;
    size_t vocabulary, context; /* tokens */
    size_t weight_bytes;        /* in memory */
};

void precis_model_describe(const struct precis_model *model, struct precis_model_info *out);

/* ---- Text and tokens ---- */

enum precis_tokenize_flags {
    PRECIS_NO_SPECIAL = 1, /* add no token of its own at the beginning or the end */
    PRECIS_PLAIN = 2       /* "<|im_end|>" and its like in the text are text: for foreign text */
};

/* The ids of text, exactly those of Hugging Face `tokenizers`; bytes that are not UTF-8 count as
 * U+FFFD. *out is never NULL after success, also for no ids. Errors: PRECIS_EUSAGE (flags),
 * PRECIS_ELIMIT (beyond 700 MB), PRECIS_ENOMEM. */
int precis_tokenize(const struct precis_model *model, const char *text, size_t length,
                    unsigned flags, uint32_t **out, size_t *out_count, char *error,
                    size_t error_size);

/* The text of ids: valid UTF-8, special tokens spelled out, and a NUL that *out_length does not
 * count (out_length may be NULL). Errors: PRECIS_EUSAGE (an id beyond the vocabulary),
 * PRECIS_ENOMEM. */
int precis_detokenize(const struct precis_model *model, const uint32_t *ids, size_t count,
                      char **out, size_t *out_length, char *error, size_t error_size);

/* Lines start_line .. end_line (from 1, both included) are bytes [offset, offset + length). */
struct precis_chunk {
    uint64_t offset, length;
    uint64_t start_line, end_line;
};

/* Cuts text into chunks of so many whole lines (the last has what is left). They cover every byte
 * once, in order; no text has no chunks, and *out is not NULL then either. Errors: PRECIS_EUSAGE (0
 * lines), PRECIS_ENOMEM. */
int precis_chunk_lines(const char *text, size_t length, uint64_t lines, struct precis_chunk **out,
                       size_t *out_count, char *error, size_t error_size);

/* ---- Generation ---- */

enum precis_strategy { PRECIS_GREEDY, PRECIS_TEMPERATURE, PRECIS_NUCLEUS, PRECIS_BEAM };

/* As in transformers. The same seed and prompt give the same text, whatever else runs. */
struct precis_sampling {
    enum precis_strategy strategy;
    float temperature;        /* 0 .. 2, for temperature and nucleus; 0 is greedy */
    float top_p;              /* (0, 1], for nucleus; default 0.9 */
    int top_k;                /* for temperature and nucleus; 0: all */
    int beams;                /* 1 .. 16, for beam; default 4 */
    float length_penalty;     /* beam scores are divided by length to this power; default 1 */
    float repetition_penalty; /* default 1: none */
    int no_repeat_ngram;      /* no so many tokens in a row twice; 0: they may */
    uint64_t seed;
};

struct precis_generate_options {
    size_t max_new_tokens; /* 0: 256 */
    struct precis_sampling sampling;
    /* Text as it comes, in whole characters (for beam: all of it at the end). Non-zero: it is
     * enough. May be NULL. */
    int (*on_text)(void *user, const char *text, size_t length);
    void *user;
};

enum precis_finish {
    PRECIS_FINISH_STOP,    /* the model said that it is done */
    PRECIS_FINISH_LENGTH,  /* max_new_tokens, or the end of the context */
    PRECIS_FINISH_CALLBACK /* on_text said so; the text ends with what it was given last */
};

struct precis_answer {
    char *text;                   /* to be given to precis_free; never NULL after success */
    size_t length;                /* of text, without its NUL */
    size_t tokens_in, tokens_out; /* of the prompt; generated */
    enum precis_finish finish;
};

/* Goes on with a text, which special tokens may be spelled out in. options may be NULL. Errors:
 * PRECIS_EUSAGE (sampling; a prompt of no tokens), PRECIS_ELIMIT (the prompt does not fit in the
 * context or the memory limit), PRECIS_ENOMEM. */
int precis_generate(struct precis_model *model, const char *prompt, size_t length,
                    const struct precis_generate_options *options, struct precis_answer *out,
                    char *error, size_t error_size);

struct precis_message {
    const char *role; /* "system" (first, if at all), "user", "assistant" */
    const char *text; /* always plain text: special tokens in it mean nothing */
};

/* Answers the last of the messages. Errors: as precis_generate; PRECIS_EUSAGE (no message, roles),
 * PRECIS_EUNSUPPORTED (the model's chat format is not known). */
int precis_chat(struct precis_model *model, const struct precis_message *messages, size_t count,
                const struct precis_generate_options *options, struct precis_answer *out,
                char *error, size_t error_size);

/* ---- Summaries ---- */

/* What is the same for every line of a run. */
struct precis_provenance {
    const char *model, *model_revision, *file_type, *precision, *isa; /* as in precis_model_info */
    const char *prompt_version; /* "line-4"; "custom-" and 8 hex digits with an own instruction */
    const char *sampling;       /* "greedy", "temperature", "nucleus", "beam" */
    uint64_t seed;
};

/* One chunk, with its line or the reason why there is none; nothing is ever made up. */
struct precis_line {
    size_t index;     /* of the chunk in the run, from 0 */
    const char *path; /* below the folder that was asked for, '/' between parts */
    uint64_t start_line, end_line;
    const char *language; /* "rust"; NULL: unknown */
    const char *summary;  /* one sentence on one line; NULL: none */
    const char *source;   /* of it: "model", "doc" (a comment), "rule" (what is defined); NULL */
    const char *error;    /* why there is none; NULL: there is one */
    double confidence;    /* 0 .. 1: how likely it is acceptable, judged by words; 0 without one */
    size_t tokens_in, tokens_out;
    int cut;            /* non-zero: the chunk did not fit in the context, its end was not read */
    double elapsed_ms;  /* from its first token to its line; not the same in every run */
    const char *sha256; /* of the chunk's bytes, 64 hex digits */
    const struct precis_provenance *provenance;
};

struct precis_stats {
    size_t files, chunks;
    size_t done, failed; /* chunks with a line; chunks without */
    uint64_t lines, bytes;
    uint64_t tokens_in, tokens_out;
    double seconds; /* since the first chunk was begun */
};

struct precis_summarize_options {
    uint64_t lines_per_chunk; /* 0: 300 */
    int max_chars;            /* in a line, at least 16; 0: 120 */
    size_t max_new_tokens;    /* 0: 48 */
    const char *instruction;  /* to the model, instead of the built-in one; NULL: that one */
    struct precis_sampling sampling;
    const char *const *include; /* only files that match, patterns as in .gitignore; ends with NULL;
                                   NULL: all */
    const char *const *exclude; /* not what matches these; likewise; NULL: nothing */
    int no_gitignore;           /* non-zero: do not read .gitignore and .precisignore */
    int all_text;               /* non-zero: every text file, not only source code */
    int prefer_docs;            /* non-zero: where a doc comment says it, its first sentence */
    int no_fallback; /* non-zero: no line where the model gives no usable one; else a doc comment's
                        or, by rule, what the chunk defines */
    /* A few times a second. Non-zero ends the run: what is finished is still handed to on_line, in
     * order. May be NULL. */
    int (*on_progress)(void *user, const struct precis_stats *stats);
};

/* Summarises the source files below each path, chunk by chunk. on_line has every chunk once, in the
 * order of the paths, files and lines, as soon as all before it are done; non-zero ends the run.
 * Both callbacks get user. options and stats may be NULL; *stats is filled also when the run ended
 * early. Returns 0 also when single chunks failed. A chunk may cost 30 seconds of a lane's time;
 * what failed of memory, reading or a run of the model is tried twice more. Errors:
 * PRECIS_ECANCELLED (a callback ended it); before the first line: PRECIS_EINPUT (no source files,
 * no text), PRECIS_EIO, PRECIS_EUSAGE, PRECIS_EUNSUPPORTED (an instruction without a chat format),
 * PRECIS_ELIMIT (a context too small for any prompt), PRECIS_ENOMEM. */
int precis_summarize(struct precis_model *model, const char *const *paths, size_t path_count,
                     const struct precis_summarize_options *options,
                     int (*on_line)(void *user, const struct precis_line *line), void *user,
                     struct precis_stats *stats, char *error, size_t error_size);

#ifdef __cplusplus
}
#endif

#endif
