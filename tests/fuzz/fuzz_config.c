/* Any bytes as a project's configuration: it is refused with a line that names it, or says what a
 * project may say and nothing else. As a user's it is refused or in effect. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "cli/args.h"
#include "cli/config.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct option_group *const many[] = {&group_chunks,     &group_files,  &group_index,
                                                  &group_line_model, &group_report, &group_sampling,
                                                  &group_general,    NULL};
static const struct option_group *const few[] = {&group_json, &group_general, NULL};
static const struct command summarize = {.name = "summarize", .groups = many};
static const struct command two = {.name = "bench prefill", .groups = few};
static const struct command *const all[] = {&summarize, &two, NULL};

static void expect(bool holds) {
    if (!holds)
        abort();
}

static void expect_said(int rc, const struct err *e) {
    expect(rc < 0 && e->code == rc && strncmp(e->text, "file:", 5) == 0 && !strchr(e->text, '\n'));
}

/* Where a project could do harm, all is as it was. */
static void check_harmless(const struct args *a, const struct args *none) {
    expect(strcmp(a->model, none->model) == 0 && strcmp(a->output, none->output) == 0);
    expect(!a->store && !a->prompt && !a->prompt_file && !a->config && !a->log);
    expect(!a->quiet && !a->no_gitignore && !a->no_config && !a->help && !a->version);
    expect(a->memory_limit == none->memory_limit && a->lanes == none->lanes);
}

static void use(const struct config *files, const struct command *c) {
    struct err e = {0};
    struct args a = {0}, none = {0};
    int rc = options_values(c, &(struct options_from){.files = files}, &a, &e);
    if (rc)
        expect_said(rc, &e);
    else if (files->v[0].project && c == &summarize && options_values(c, NULL, &none, &e) == 0)
        check_harmless(&a, &none);
    args_free(&a);
    args_free(&none);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct err e = {0};
    struct config files = {.n = 1};
    int rc = config_parse("file", data, size, &files.v[0], &e);
    if (rc) {
        expect_said(rc, &e);
        config_free(&files);
        return 0;
    }
    expect(files.v[0].n <= CONFIG_ENTRIES);
    for (int project = 0; project < 2; project++) {
        files.v[0].project = project == 1;
        rc = config_check(&files.v[0], all, &e);
        if (rc) {
            expect_said(rc, &e);
            continue;
        }
        use(&files, &summarize);
        use(&files, &two);
    }
    config_free(&files);
    return 0;
}
