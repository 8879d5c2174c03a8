#include "cli/commands.h"

#include <string.h>

#include "cli/cli.h"

const struct command *const commands[] = {&command_summarize,      &command_parallel,
                                          &command_generate,       &command_tokenize,
                                          &command_detokenize,     &command_perplexity,
                                          &command_bench_prefill,  &command_bench_decode,
                                          &command_bench_chunk,    &command_bench_embed,
                                          &command_bench_search,   &command_bench_tokenize,
                                          &command_bench_kernels,  &command_bench_contracts,
                                          &command_models_list,    &command_models_pull,
                                          &command_models_rm,      &command_models_show,
                                          &command_models_export,  &command_rate,
                                          &command_eval_summaries, &command_eval_search,
                                          &command_embed,          &command_metrics,
                                          &command_index,          &command_search,
                                          &command_report,         &command_cache_stats,
                                          &command_cache_gc,       &command_cache_export,
                                          &command_cache_import,   &command_man,
                                          &command_completion,     &command_config_show,
                                          &command_config_init,    NULL};

const struct command *commands_find(int n, const char *const *words, int *used) {
    for (size_t i = 0; commands[i]; i++) {
        const char *second = command_second(commands[i], words[0]);
        *used = second ? 2 : 1;
        if (second ? n > 1 && strcmp(words[1], second) == 0
                   : strcmp(words[0], commands[i]->name) == 0)
            return commands[i];
    }
    return NULL;
}

int commands_named(const char *asking, const struct list *words, const struct command **c,
                   struct err *e) {
    int used;
    *c = commands_find((int)words->n, words->v, &used);
    if (*c && (size_t)used == words->n)
        return 0;
    return err_set(e, PRECIS_EUSAGE, "%s: %s%s%s: no such command", asking, words->v[0],
                   words->n > 1 ? " " : "", words->n > 1 ? words->v[1] : "");
}

const char *command_second(const struct command *c, const char *first) {
    size_t len = strlen(first);
    return strncmp(c->name, first, len) == 0 && c->name[len] == ' ' ? c->name + len + 1 : NULL;
}

bool command_is_program(const struct command *c) {
    return c == &command_parallel;
}

const char commands_about[] = "one-line summaries for whole code bases, by small models";

const char commands_environment[] =
    "Options are also read from the environment (PRECIS_MODEL for --model, PRECIS_NO_COLOR for "
    "--no-color) and from configuration files: .precis/config of the project, then "
    "~/.config/precis/config. The command line wins, then the environment; `precis config show` "
    "says what is in effect.";

const struct named_text commands_variables[] = {
    {"PRECIS_MODELS",
     "the folder of the catalogue's models; else $XDG_CACHE_HOME/precis/models, else "
     "~/.cache/precis/models"},
    {"PRECIS_ISA", "a lower class of instruction sets: plain, avx2, avx512, avx512-vnni or "
                   "avx512-bf16"},
    {"PRECIS_ONNXRUNTIME", "ONNX Runtime's library"},
    {"HF_HUB_CACHE, HF_HOME, HF_ENDPOINT, HF_TOKEN, HF_HUB_OFFLINE",
     "where the hub's models are kept and how it is reached, as in Hugging Face's own programs"},
    {"XDG_CACHE_HOME", "what is derived is kept below it: packed weights, hashes of models; an "
                       "absolute path, else ~/.cache"},
    {"XDG_CONFIG_HOME",
     "the user's configuration is precis/config below it; an absolute path, else "
     "~/.config"},
    {"NO_COLOR, TERM", "no colours and no live line where NO_COLOR is not empty, or TERM is dumb"},
    {NULL, NULL}};

const struct named_text commands_files[] = {
    {".precis/config, ~/.config/precis/config",
     "configuration of a project and of the user; `precis config show --help` says how it is "
     "written"},
    {".precis/precis.db", "the store of a project: its lines and its index"},
    {".precisignore", "beside .gitignore, in the same form: what is left out of a tree"},
    {"~/.cache/precis", "models, packed weights and hashes of models"},
    {NULL, NULL}};

const struct named_text commands_exits[] = {{"0", "done"},
                                            {"1", "nothing found or a contract missed"},
                                            {"2", "bad use or bad input"},
                                            {"3", "finished with failed chunks"},
                                            {"130", "interrupted"},
                                            {NULL, NULL}};

void commands_exit_codes(struct buf *b) {
    buf_str(b, "Exit codes:");
    for (const struct named_text *t = commands_exits; t->name; t++)
        buf_printf(b, " %s %s%s", t->name, t->text, t[1].name ? "," : ".");
}
