#include "cli/example_pool.h"

#include <sys/stat.h>

#include "api/inputs.h"
#include "base/log.h"
#include "base/pool.h"
#include "cli/cli.h"
#include "summary/context.h"

#define AT(member) offsetof(struct args, member)

static const struct option examples[] = {
    {.name = "examples",
     .harmless = true,
     .type = OPTION_NUMBER,
     .offset = AT(examples),
     .argument = "N",
     .fallback = "auto",
     .automatic = true,
     .max = EXAMPLES_MOST_NEAREST,
     .help = "documented pieces of the same code before each chunk, nearest last, after some that "
             "are the same for all; 0, or where nothing is documented: built-in ones; auto: 12, or "
             "8 for models of fewer than 256 million parameters, whose time they cost"},
    {.name = "examples-from",
     .type = OPTION_TEXT,
     .names = NAMES_FILE,
     .offset = AT(examples_from),
     .argument = "PATH",
     .help = "take them from this folder, or from lines of JSON: {\"path\", \"language\", "
             "\"symbol\", \"code\", \"sentence\"}"},
    {.name = "embedding-model",
     .type = OPTION_TEXT,
     .names = NAMES_MODEL,
     .offset = AT(embedding_model),
     .argument = "M",
     .help =
         "the encoder that finds the nearest ones and judges lines; without it: minilm, if it is "
         "here"},
    {0}};
const struct option_group group_examples = {"Examples", examples};

static const struct option asking[] = {
    {.name = "context",
     .harmless = true,
     .type = OPTION_CHOICE,
     .offset = AT(context_kind),
     .argument = "C",
     .fallback = "auto",
     .choices = context_names,
     .help =
         "what the model sees of each chunk: all of its text, its outline, or auto: the outline "
         "of what is long"},
    {.name = "best-of",
     .harmless = true,
     .type = OPTION_NUMBER,
     .offset = AT(best_of),
     .argument = "N",
     .fallback = "16",
     .min = 1,
     .max = ENGINE_MAX_BEAMS,
     .help = "answers of the model to choose each line from"},
    {0}};
const struct option_group group_asking = {"Asking", asking};

static int add_folder(struct examples *x, const struct args *a, struct err *e) {
    struct walk_options files = args_files(a);
    files.include = files.exclude = NULL; /* they choose what is summarised */
    struct walk w = {0};
    int rc = inputs_find(&a->examples_from, 1, &files, &w, e);
    if (rc == 0)
        rc = examples_add_walk(x, &w, 0, interrupt_flag(), e);
    walk_free(&w);
    return rc;
}

size_t example_count(const struct args *a, const struct engine_info *info) {
    enum { LARGE = 1 << 28, OF_LARGE = 12, OF_SMALL = 8 };
    if (a->examples != OPTION_AUTO)
        return (size_t)a->examples;
    return info->parameters && info->parameters < LARGE ? OF_SMALL : OF_LARGE;
}

int example_pool_open(const struct args *a, const struct walk *w, struct embedder *em,
                      struct examples **out, struct err *e) {
    struct stat st;
    *out = NULL;
    if (a->examples == 0 || a->prompt)
        return 0;
    double started = clock_seconds();
    int rc = examples_new(0, out, e);
    if (rc == 0 && !a->examples_from)
        rc = examples_add_walk(*out, w, 0, interrupt_flag(), e);
    else if (rc == 0)
        rc = stat(a->examples_from, &st) == 0 && S_ISDIR(st.st_mode)
                 ? add_folder(*out, a, e)
                 : examples_read(*out, a->examples_from, e);
    if (rc == 0)
        rc = examples_prepare(*out, em, interrupt_flag(), e);
    if (rc) {
        examples_free(*out);
        *out = NULL;
        return rc;
    }
    log_say(LOG_INFO, "%zu documented pieces to take examples from, found in %.2f s",
            examples_count(*out), clock_seconds() - started);
    return 0;
}
