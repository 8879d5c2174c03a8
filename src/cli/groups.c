#include "cli/args.h"

#define AT(member) offsetof(struct args, member)

static const char *const choices_precision[] = {"auto", "f32", "bf16", "int8", NULL};
static const char *const choices_device[] = {"auto", "cpu", "cuda", "coreml", NULL};
static const char *const choices_strategy[] = {"greedy", "temperature", "nucleus", "beam", NULL};
const char *const choices_template[] = {"auto",    "chatml", "llama3", "phi3",
                                        "mistral", "gemma",  NULL};

static const struct option general[] = {
    {.name = "help", .letter = 'h', .typed = true, .offset = AT(help), .help = "this text"},
    {.name = "version", .letter = 'V', .typed = true, .offset = AT(version), .help = "the version"},
    {.name = "quiet", .letter = 'q', .offset = AT(quiet), .help = "only errors on standard error"},
    {.name = "verbose",
     .harmless = true,
     .letter = 'v',
     .type = OPTION_COUNT,
     .offset = AT(verbose),
     .help = "say more; twice: everything"},
    {.name = "no-color",
     .harmless = true,
     .offset = AT(no_color),
     .help = "no colours (NO_COLOR does the same)"},
    {.name = "config",
     .letter = 'c',
     .outside = true,
     .type = OPTION_TEXT,
     .names = NAMES_FILE,
     .offset = AT(config),
     .argument = "FILE",
     .help = "read this configuration, and neither the user's nor the project's"},
    {.name = "log",
     .type = OPTION_TEXT,
     .names = NAMES_FILE,
     .offset = AT(log),
     .argument = "FILE",
     .help = "append what is said and done to this file, as JSON Lines"},
    {.name = "no-config",
     .outside = true,
     .offset = AT(no_config),
     .help = "read no configuration"},
    {0}};
const struct option_group group_general = {"General", general};

#define MODEL_NAME(fallback_name)                                                                  \
    {                                                                                              \
        .name = "model", .type = OPTION_TEXT, .names = NAMES_MODEL, .offset = AT(model),           \
        .argument = "M", .fallback = (fallback_name),                                              \
        .help = "a catalogue name, a .gguf or .onnx file, a folder, or hf:org/name"                \
    }

#define ENGINE_OPTIONS                                                                             \
    {.name = "precision",                                                                          \
     .type = OPTION_CHOICE,                                                                        \
     .offset = AT(precision),                                                                      \
     .argument = "P",                                                                              \
     .fallback = "auto",                                                                           \
     .choices = choices_precision,                                                                 \
     .help = "arithmetic; auto is int8 where model and CPU (AVX2) allow it, else bf16 or f32"},    \
        {.name = "device",                                                                         \
         .type = OPTION_CHOICE,                                                                    \
         .offset = AT(device),                                                                     \
         .argument = "D",                                                                          \
         .fallback = "auto",                                                                       \
         .choices = choices_device,                                                                \
         .help = "of ONNX models: auto is what ONNX Runtime offers, else the CPU; cuda and "       \
                 "coreml are "                                                                     \
                 "untested"},                                                                      \
        {.name = "lanes",                                                                          \
         .type = OPTION_NUMBER,                                                                    \
         .offset = AT(lanes),                                                                      \
         .argument = "N",                                                                          \
         .fallback = "0",                                                                          \
         .max = 1024,                                                                              \
         .help = "threads that compute; 0: one for each core"},                                    \
        {.name = "cpu-limit",                                                                      \
         .type = OPTION_REAL,                                                                      \
         .offset = AT(cpu_limit),                                                                  \
         .argument = "PERCENT",                                                                    \
         .fallback = "0",                                                                          \
         .max = 102400,                                                                            \
         .help = "processor time that computing may take on average, of one core: 150 is one and " \
                 "a half of them; 0: no limit"},                                                   \
    {                                                                                              \
        .name = "memory-limit", .type = OPTION_SIZE, .offset = AT(memory_limit),                   \
        .argument = "SIZE", .fallback = "4G", .max = 0x1p63,                                       \
        .help = "bytes for weights, sequences and scratch in all, with K, M or G; 0: no limit"     \
    }

static const struct option model[] = {MODEL_NAME("smollm2"), ENGINE_OPTIONS, {0}};
const struct option_group group_model = {"Model", model};

static const struct option engine[] = {ENGINE_OPTIONS, {0}};
const struct option_group group_engine = {"Computing", engine};

/* Of what writes lines: docs/summaries.md has quality and time of each model. */
static const struct option line_model[] = {MODEL_NAME("qwen2.5-coder-0.5b"), ENGINE_OPTIONS, {0}};
const struct option_group group_line_model = {"Model", line_model};

static const struct option tokenizer[] = {MODEL_NAME("smollm2"),
                                          {.name = "tokenizer",
                                           .type = OPTION_TEXT,
                                           .names = NAMES_FILE,
                                           .offset = AT(tokenizer),
                                           .argument = "FILE.json",
                                           .help = "a tokenizer.json instead of a model"},
                                          {0}};
const struct option_group group_tokenizer = {"Model", tokenizer};

static const struct option sampling[] = {
    {.name = "sampling-strategy",
     .harmless = true,
     .type = OPTION_CHOICE,
     .offset = AT(strategy),
     .argument = "S",
     .fallback = "greedy",
     .choices = choices_strategy,
     .help = "how the next token is chosen"},
    {.name = "temperature",
     .harmless = true,
     .type = OPTION_REAL,
     .offset = AT(temperature),
     .argument = "T",
     .fallback = "0.3",
     .max = 2,
     .help = "for temperature and nucleus; 0 is greedy"},
    {.name = "top-p",
     .harmless = true,
     .type = OPTION_REAL,
     .offset = AT(top_p),
     .argument = "P",
     .fallback = "0.9",
     .max = 1,
     .above_min = true,
     .help = "probability mass kept by nucleus"},
    {.name = "top-k",
     .harmless = true,
     .type = OPTION_NUMBER,
     .offset = AT(top_k),
     .argument = "K",
     .fallback = "0",
     .max = 1000000,
     .help = "likeliest tokens kept by temperature and nucleus; 0: all"},
    {.name = "beams",
     .harmless = true,
     .type = OPTION_NUMBER,
     .offset = AT(beams),
     .argument = "N",
     .fallback = "4",
     .min = 1,
     .max = 16,
     .help = "width of beam"},
    {.name = "length-penalty",
     .harmless = true,
     .type = OPTION_REAL,
     .offset = AT(length_penalty),
     .argument = "X",
     .fallback = "1",
     .min = 0,
     .max = 10,
     .above_min = true,
     .help = "beam scores are divided by length to this power"},
    {.name = "repetition-penalty",
     .harmless = true,
     .type = OPTION_REAL,
     .offset = AT(repetition_penalty),
     .argument = "X",
     .fallback = "1",
     .max = 10,
     .above_min = true,
     .help = "above 1: tokens that were there become less likely"},
    {.name = "no-repeat-ngram",
     .harmless = true,
     .type = OPTION_NUMBER,
     .offset = AT(no_repeat_ngram),
     .argument = "N",
     .fallback = "0",
     .max = 64,
     .help = "no N tokens in a row twice; 0: they may"},
    {.name = "seed",
     .harmless = true,
     .type = OPTION_NUMBER,
     .offset = AT(seed),
     .argument = "N",
     .fallback = "0",
     .max = 0x1p64,
     .help = "the same seed gives the same text"},
    {0}};
const struct option_group group_sampling = {"Sampling", sampling};

static const char *const choices_chunk[] = {"lines", "structure", NULL};

static const struct option chunks[] = {
    {.name = "loc",
     .harmless = true,
     .type = OPTION_NUMBER,
     .offset = AT(loc),
     .argument = "N",
     .fallback = "300",
     .min = 1,
     .max = 1000000,
     .help = "lines in a chunk; by structure: at most"},
    {.name = "chunk",
     .harmless = true,
     .type = OPTION_CHOICE,
     .offset = AT(chunk),
     .argument = "HOW",
     .fallback = "lines",
     .choices = choices_chunk,
     .help =
         "how files are cut: into --loc lines each, or between functions, types and statements, "
         "with as many neighbours in a chunk as fit; only what has more lines itself is cut, "
         "between its members or statements where it has any. What cannot be parsed is cut by "
         "lines (-v says which)"},
    {.name = "prompt",
     .type = OPTION_TEXT,
     .offset = AT(prompt),
     .argument = "TEXT",
     .help = "the instruction to the model, instead of the built-in one"},
    {.name = "prompt-file",
     .type = OPTION_TEXT,
     .names = NAMES_FILE,
     .offset = AT(prompt_file),
     .argument = "FILE",
     .help = "the same, read from a file (-: standard input)"},
    {.name = "agent-count",
     .harmless = true,
     .type = OPTION_NUMBER,
     .offset = AT(agents),
     .argument = "N",
     .fallback = "20",
     .min = 1,
     .max = 100,
     .help = "chunks in flight at most; the output is the same for every N"},
    {.name = "max-new-tokens",
     .harmless = true,
     .type = OPTION_NUMBER,
     .offset = AT(max_new_tokens),
     .argument = "N",
     .fallback = "48",
     .min = 1,
     .max = 4096,
     .help = "tokens in a summary"},
    {.name = "no-rollup",
     .harmless = true,
     .offset = AT(no_rollup),
     .help = "lines of chunks alone, none of files, folders and the whole made from them"},
    {0}};
const struct option_group group_chunks = {"Summaries", chunks};

static const struct option files[] = {{.name = "include",
                                       .harmless = true,
                                       .type = OPTION_LIST,
                                       .offset = AT(include),
                                       .argument = "PATTERN",
                                       .help = "only files that match, written as in .gitignore"},
                                      {.name = "ignore",
                                       .harmless = true,
                                       .type = OPTION_LIST,
                                       .offset = AT(ignore),
                                       .argument = "PATTERN",
                                       .help = "leave out files and folders that match"},
                                      {.name = "no-gitignore",
                                       .offset = AT(no_gitignore),
                                       .help = "do not read .gitignore and .precisignore"},
                                      {.name = "all-text",
                                       .harmless = true,
                                       .offset = AT(all_text),
                                       .help = "every text file, not only source code"},
                                      {0}};
const struct option_group group_files = {"Files", files};

struct walk_options args_files(const struct args *a) {
    return (struct walk_options){.no_gitignore = a->no_gitignore,
                                 .all_text = a->all_text,
                                 .include = a->include.v,
                                 .exclude = a->ignore.v};
}

static const char *const choices_progress[] = {"auto", "json", "plain", "none", NULL};

static const struct option progress[] = {
    {.name = "progress",
     .harmless = true,
     .type = OPTION_CHOICE,
     .offset = AT(progress),
     .argument = "HOW",
     .fallback = "auto",
     .choices = choices_progress,
     .help = "on standard error; auto: a bar on a terminal, else a line every ten seconds; json: "
             "lines for programs, also with --quiet"},
    {0}};
const struct option_group group_progress = {"Progress", progress};

static const char *const choices_format[] = {"md", "jsonl", "csv", "html", NULL};

static const struct option report[] = {
    {.name = "format",
     .harmless = true,
     .type = OPTION_CHOICE,
     .offset = AT(format),
     .argument = "F",
     .fallback = "md",
     .choices = choices_format,
     .help = "of the report"},
    {.name = "output",
     .letter = 'o',
     .type = OPTION_TEXT,
     .names = NAMES_FILE,
     .offset = AT(output),
     .argument = "FILE",
     .fallback = "-",
     .help = "where the report goes, whole or not at all; -: standard output"},
    {0}};
const struct option_group group_report = {"Report", report};

static const struct option json[] = {{.name = "json",
                                      .harmless = true,
                                      .offset = AT(json),
                                      .help = "one JSON value on standard output"},
                                     {0}};
const struct option_group group_json = {"Output", json};

static const struct option encoder[] = {
    {.name = "embedding-model",
     .type = OPTION_TEXT,
     .names = NAMES_MODEL,
     .offset = AT(embedding_model),
     .argument = "M",
     .help = "the encoder: a catalogue name, a folder or hf:org/name; without it: minilm, if it is "
             "here, else words alone are searched"},
    ENGINE_OPTIONS,
    {0}};
const struct option_group group_encoder = {"Model", encoder};

static const struct option store[] = {
    {.name = "store",
     .type = OPTION_TEXT,
     .names = NAMES_FOLDER,
     .offset = AT(store),
     .argument = "ROOT",
     .help = "the folder whose .precis has the index; without it: the nearest at or above the path "
             "that has one, within its git work tree"},
    {0}};
const struct option_group group_index = {"Index", store};

const char *const choices_search[] = {"hybrid", "bm25", "vector", NULL};
