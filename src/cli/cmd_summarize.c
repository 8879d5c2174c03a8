#include "cli/cli.h"
#include "cli/example_pool.h"
#include "cli/job.h"

#define AT(member) offsetof(struct args, member)

static const struct option lines[] = {
    {.name = "name",
     .typed = true,
     .type = OPTION_TEXT,
     .offset = AT(name),
     .argument = "NAME",
     .help = "what standard input is called, with the extension of its language (main.rs)"},
    {.name = "max-chars",
     .harmless = true,
     .type = OPTION_NUMBER,
     .offset = AT(max_chars),
     .argument = "N",
     .fallback = "120",
     .min = 20,
     .max = 1000,
     .help = "characters in a summary at most"},
    {0}};
static const struct option_group group_lines = {"Lines", lines};

static const struct option routing[] = {
    {.name = "budget",
     .type = OPTION_REAL,
     .offset = AT(budget),
     .argument = "SECONDS",
     .fallback = "0",
     .max = 1e9,
     .help =
         "with --model auto, which lets the second largest model of the catalogue that is here say "
         "a line of every chunk and the largest one again those that the former was not sure of: "
         "as many of these, the least sure first, as this time is enough for; 0: all"},
    {0}};
static const struct option_group group_routing = {"Routing", routing};

static const struct option parting[] = {
    {.name = "since",
     .type = OPTION_TEXT,
     .offset = AT(since),
     .argument = "REV",
     .help = "only chunks with lines that differ from this git revision, committed since or not, "
             "and files that git does not know; others of their files have the line of the store, "
             "or none"},
    {.name = "staged",
     .offset = AT(staged),
     .help = "only chunks with lines that are staged for the next commit"},
    {.name = "stdin",
     .typed = true,
     .offset = AT(listed),
     .help = "only the files that standard input names, one on a line, or each ended by a byte 0, "
             "where there is one; without a PATH those below the working directory"},
    {.name = "watch",
     .offset = AT(watch),
     .help = "stay, and write the report again when a file below PATH changes, asking about what "
             "changed alone, until Ctrl-C (exit code 0, or 130 in the middle of a run); with "
             "--output FILE, one PATH and a store"},
    {0}};
static const struct option_group group_part = {"Parts and changes", parting};

static const struct option failing[] = {
    {.name = "chunk-timeout",
     .type = OPTION_REAL,
     .offset = AT(chunk_timeout),
     .argument = "SECONDS",
     .fallback = "30",
     .max = 1e9,
     .help = "computing time for a chunk, its share of what it is computed in together with "
             "others; beyond it the chunk fails; 0: any"},
    {.name = "retries",
     .type = OPTION_NUMBER,
     .offset = AT(retries),
     .argument = "N",
     .fallback = "2",
     .max = 100,
     .help = "further attempts, later, at a line that failed of what may be gone by then: memory, "
             "reading, a run of the model"},
    {0}};
static const struct option_group group_failures = {"Failures", failing};

static const struct option falling_back[] = {
    {.name = "prefer-docs",
     .harmless = true,
     .offset = AT(prefer_docs),
     .help = "where a doc comment says what a chunk does, take its first sentence"},
    {.name = "no-fallback",
     .harmless = true,
     .offset = AT(no_fallback),
     .help = "where the model gives no usable line, give none; else a doc comment's or, by rule, "
             "what the chunk defines"},
    {0}};
static const struct option_group group_fallback = {"Without the model", falling_back};

static const struct option storing[] = {
    {.name = "store",
     .type = OPTION_TEXT,
     .names = NAMES_FOLDER,
     .offset = AT(store),
     .argument = "DIR",
     .help =
         "keep every finished line in DIR/.precis, which is made; else in the .precis folder of "
         "PATH or of the work tree around it, where there is one"},
    {.name = "no-store",
     .offset = AT(no_store),
     .help = "keep nothing, whatever there is and --store says"},
    {.name = "no-cache",
     .offset = AT(no_cache),
     .help = "ask the model about every chunk, also where the store has the line that the same "
             "model made of the same prompt"},
    {.name = "resume",
     .offset = AT(resume),
     .help =
         "go on where an earlier run ended: lines that the store has are not made again; this is "
         "so anyway, unless --no-cache says otherwise"},
    {.name = "refresh-examples",
     .offset = AT(refresh_examples),
     .help =
         "make the lines of all chunks again, with the examples of today, and keep the new ones "
         "instead; without it lines stay when only examples have changed"},
    {0}};
static const struct option_group group_store = {"Store", storing};

static const struct option templates[] = {{.name = "chat-template",
                                           .type = OPTION_CHOICE,
                                           .offset = AT(chat_template),
                                           .argument = "NAME",
                                           .fallback = "auto",
                                           .choices = choices_template,
                                           .help = "how the model wants a conversation spelled"},
                                          {0}};
static const struct option_group group_template = {"Conversation", templates};

static const struct option_group *const summarize_groups[] = {&group_chunks,
                                                              &group_asking,
                                                              &group_examples,
                                                              &group_fallback,
                                                              &group_failures,
                                                              &group_routing,
                                                              &group_part,
                                                              &group_lines,
                                                              &group_report,
                                                              &group_store,
                                                              &group_files,
                                                              &group_line_model,
                                                              &group_template,
                                                              &group_sampling,
                                                              &group_progress,
                                                              &group_general,
                                                              NULL};

static int run_summarize(const struct args *a, struct err *e) {
    static const char *const here[] = {"."};
    const bool has_path = a->operands.n > 0;
    if (!has_path && !a->listed)
        return options_lack_operand(&command_summarize, e);
    struct job job = {.args = a,
                      .paths = has_path ? a->operands.v : here,
                      .n_paths = has_path ? a->operands.n : 1,
                      .output = a->output,
                      .format = (enum report_format)a->format};
    return job_run(&job, e);
}

const struct command command_summarize = {
    .name = "summarize",
    .operands = "PATH...",
    .names = NAMES_FILE,
    .summary = "one line for every chunk of code in files and folders",
    .details =
        "Cuts the source files below each PATH into chunks of lines, lets a model write one\n"
        "line about each, and from these one about each file, each folder and the whole. The\n"
        "report is a tree of them (Markdown), or a row for each, with place, confidence and\n"
        "source: first chunks in order, then files, then folders from the deepest up.\n"
        "The PATH - is standard input, as one file; its lines are kept in no store.\n"
        "With --since or --staged there are no lines of folders and the whole, and of a file\n"
        "where all of its chunks have one.\n"
        "Ctrl-C ends early with a whole report over what is done.",
    .groups = summarize_groups,
    .examples = "  precis summarize src/ -o report.md\n"
                "  precis summarize --format jsonl --include '*.rs' . > lines.jsonl\n"
                "  precis summarize --model qwen2.5-coder-0.5b --loc 100 lib/ tools/run.py\n"
                "  precis summarize --since origin/main --format jsonl .\n"
                "  git ls-files -z '*.rs' | precis summarize --stdin\n"
                "  precis summarize --watch --store . --format html -o guide.html .\n"
                "  git show HEAD:src/main.rs | precis summarize - --name src/main.rs\n",
    .run = run_summarize,
};

static const struct option parallel[] = {
    {.name = "file",
     .type = OPTION_TEXT,
     .names = NAMES_FILE,
     .offset = AT(file),
     .argument = "F",
     .help = "the file or folder to summarise (required)"},
    {.name = "output-file",
     .type = OPTION_TEXT,
     .names = NAMES_FILE,
     .offset = AT(output),
     .argument = "O",
     .fallback = "-",
     .help = "the Markdown summary, whole or not at all; -: standard output"},
    {.name = "results-file",
     .type = OPTION_TEXT,
     .names = NAMES_FILE,
     .offset = AT(results),
     .argument = "R",
     .help = "the progress log: a line for each chunk as it finishes, then the statistics"},
    {0}};
static const struct option_group group_parallel = {"Input and output", parallel};

static const struct option_group *const parallel_groups[] = {&group_parallel,
                                                             &group_chunks,
                                                             &group_asking,
                                                             &group_examples,
                                                             &group_fallback,
                                                             &group_failures,
                                                             &group_store,
                                                             &group_sampling,
                                                             &group_line_model,
                                                             &group_template,
                                                             &group_progress,
                                                             &group_general,
                                                             NULL};

static int run_parallel(const struct args *a, struct err *e) {
    if (!a->file)
        return err_set(e, PRECIS_EUSAGE, "--file: is required");
    struct args with_limit = *a;
    with_limit.max_chars = 120;
    struct job job = {.args = &with_limit,
                      .paths = &a->file,
                      .n_paths = 1,
                      .output = a->output,
                      .results = a->results,
                      .format = REPORT_MARKDOWN};
    return job_run(&job, e);
}

const struct command command_parallel = {
    .name = "parallel_summarizer",
    .summary = "the same with a results log; also a program of that name",
    .details =
        "Summarises a file or a folder with several agents over one shared model. The summary\n"
        "is Markdown; the results file follows the run, a line for each finished chunk: time,\n"
        "chunk, place, milliseconds, tokens, confidence, summary.",
    .groups = parallel_groups,
    .examples =
        "  parallel_summarizer --file src/ --output-file summary.md --results-file run.log\n"
        "  parallel_summarizer --file big.rs --loc 200 --agent-count 8 \\\n"
        "      --sampling-strategy beam --temperature 0.3 --max-new-tokens 48\n",
    .run = run_parallel,
};
