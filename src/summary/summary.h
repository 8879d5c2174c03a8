/* One finished line and where it came from. Everything but the line itself is computed. */
#ifndef PRECIS_SUMMARY_SUMMARY_H
#define PRECIS_SUMMARY_SUMMARY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/hash.h"
#include "code/lang.h"

/* What is the same for every line of a run. */
struct provenance {
    const char *model;          /* catalogue name or file name */
    const char *model_revision; /* SHA-256 of the model file, hex */
    const char *precision; /* resolved: "bf16 (weights Q4_1)" style is for people; here "bf16" */
    const char *file_type; /* the weights in the file: "Q4_1" */
    const char
        *prompt_version;   /* "line-4", or "custom-" and 8 hex digits of the instruction's hash */
    const char *sampling;  /* "greedy", ... */
    const char *judged_by; /* the encoder that lines are judged with: its name; "words": none */
    const char *judge_revision; /* SHA-256 of its weights, hex; NULL, "": none, or not known */
    const char *isa;
    uint64_t seed;
};

enum summary_level { SUMMARY_CHUNK, SUMMARY_FILE, SUMMARY_DIRECTORY, SUMMARY_REPOSITORY };

struct summary {
    enum summary_level level;
    /* As reports show it: valid UTF-8, '/' between parts; a directory's has none at its end. */
    const char *file_path;
    uint64_t start_line, end_line; /* both 0 for directories and the repository */
    const struct lang *lang;       /* NULL: unknown */
    const char *symbol;  /* what the lines define, or the most telling part; NULL: unknown */
    const char *summary; /* one line; "" when there is none */
    double confidence;   /* 0..1; 0 when there is no line */
    const char *source;  /* "model", "doc", "rule"; "" when there is none */
    const char *error;   /* why there is none; NULL when there is one */
    size_t tokens_in, tokens_out;
    bool cut;                 /* the text was cut to the context window */
    bool known;               /* it was made by an earlier run */
    bool aside;               /* it was not asked about, and has the line that is known or none */
    bool final;               /* asking again would come to the same line */
    const char *nothing;      /* why the model, asked, gave no usable line; NULL: it did */
    const uint8_t *known_key; /* [32] what the store has it under; NULL: to be made of the rest */
    /* What the file was called when the line was made, as reports show paths; what the model would
     * say of it now may differ, for it sees the path. NULL: what it is called now. */
    const char *renamed_from;
    double elapsed_ms;          /* from the chunk's first prefill to its line */
    char sha256[HASH_HEX_SIZE]; /* of the chunk's bytes; of a roll-up: of the lines it is of */
    /* of what entered the prompt beside them, path, lines and language; "": nothing */
    char context_sha256[HASH_HEX_SIZE];
    size_t index;                  /* in the run: of the chunks from 0, of roll-ups above them */
    const struct provenance *made; /* NULL: as the other lines of the report */
};

#endif
