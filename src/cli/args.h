/* What the command line said: one struct for all commands, filled by options_parse. */
#ifndef PRECIS_CLI_ARGS_H
#define PRECIS_CLI_ARGS_H

#include "cli/options.h"
#include "code/walk.h"

struct args {
    struct list operands;
    /* general */
    uint64_t verbose;
    const char *config, *log;
    int progress; /* enum progress_mode */
    /* model */
    const char *model;
    int device;                   /* enum device */
    int precision, chat_template; /* chat_template 0: what the model says */
    uint64_t lanes, memory_limit;
    /* sampling */
    int strategy;
    int context_kind; /* enum context */
    double temperature, top_p, repetition_penalty, length_penalty;
    uint64_t top_k, beams, no_repeat_ngram, seed;
    /* summaries */
    const char *output, *results, *file, *prompt, *name, *since;
    uint64_t loc, max_chars, max_new_tokens, agents;
    struct list include, ignore;
    int format, chunk; /* chunk: enum chunk_mode */
    uint64_t examples, best_of;
    double budget, chunk_timeout; /* seconds; 0: none */
    double cpu_limit;             /* percent of a core; 0: none */
    const char *examples_from;
    const char *store;
    /* rate */
    const char *note, *corrected;
    /* cache */
    uint64_t days;
    /* generate */
    const char *prompt_file, *ids, *system;
    struct list stops;
    uint64_t logprobs;
    /* tokenize, detokenize */
    const char *tokenizer;
    /* perplexity */
    uint64_t window;
    int reference; /* enum precision; 0: none */
    /* metrics */
    uint64_t top;
    /* models export */
    int export_precision; /* enum export_precision */
    const char *onnx;
    /* models pull */
    uint64_t retries;
    double timeout, retry_delay;
    /* eval */
    const char *predictions, *embedding_model, *ab, *corpus;
    /* embed */
    int long_texts;
    /* search */
    const char *language, *glob;
    uint64_t topk;
    int mode; /* enum index_mode */
    double threshold;
    /* man */
    const char *pages;
    /* bench */
    uint64_t tokens, rounds, sequences, context, steps, bytes, chunks;
    uint64_t vectors, width, clusters, queries, shown;
    double spread;
    const char *keep;
    int graph;
    /* flags of all of them, together for the sake of padding */
    bool help, version, quiet, no_color, no_config, json, no_gitignore, all_text, no_store,
        no_cache, resume, gone, dry_run, refresh_examples, no_rollup, list, export, raw, ignore_eos,
        no_special, plain, no_truncate, jsonl, skip_special, no_tokenizer, force, near_by_words,
        prefer_docs, no_fallback, watch, staged, listed;
};

void args_free(struct args *a);

/* What is asked of the files below a path. Borrows from a. */
struct walk_options args_files(const struct args *a);

/* Groups that several commands share. */
extern const struct option_group group_general, group_model, group_line_model, group_engine,
    group_tokenizer, group_sampling, group_chunks, group_files, group_json, group_encoder,
    group_index, group_report, group_progress;

extern const char *const choices_template[], *const choices_search[];

#endif
