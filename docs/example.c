/* The public library in one program: describes a model, asks it something, and summarises paths.
 *
 *   cc example.c $(pkg-config --cflags --static --libs precis) -o example
 *   ./example smollm2 src/ */
#include <precis.h>

#include <signal.h>
#include <stdio.h>

static volatile sig_atomic_t interrupted;

static void on_interrupt(int signal) {
    (void)signal;
    interrupted = 1;
}

static int print_text(void *user, const char *text, size_t length) {
    fwrite(text, 1, length, user);
    return interrupted;
}

static int print_line(void *user, const struct precis_line *line) {
    FILE *out = user;
    fprintf(out, "%s:%llu-%llu: ", line->path, (unsigned long long)line->start_line,
            (unsigned long long)line->end_line);
    if (line->error)
        fprintf(out, "(%s)\n", line->error);
    else
        fprintf(out, "%s [%.2f, %s]\n", line->summary, line->confidence, line->provenance->model);
    return ferror(out); /* nobody reads any more: enough */
}

/* Ends the run after Ctrl-C: what is finished is still printed. */
static int check_interrupt(void *user, const struct precis_stats *stats) {
    (void)user, (void)stats;
    return interrupted;
}

int main(int argc, char **argv) {
    struct precis_model *model;
    struct precis_model_info info;
    char error[512];
    if (argc < 3) {
        fprintf(stderr, "usage: %s MODEL PATH...\n", argv[0]);
        return 2;
    }
    signal(SIGINT, on_interrupt);
    if (precis_model_open(argv[1], NULL, &model, error, sizeof error) != 0) {
        fprintf(stderr, "%s\n", error);
        return 2;
    }
    precis_model_describe(model, &info);
    printf("precis %s, %s: %s, %zu tokens of context, %s on %d lanes\n", precis_version(),
           info.name, info.architecture, info.context, info.precision, info.lanes);

    struct precis_message question = {"user", "What does mmap do? One sentence."};
    struct precis_generate_options generation = {
        .max_new_tokens = 32, .on_text = print_text, .user = stdout};
    struct precis_answer answer;
    int rc = precis_chat(model, &question, 1, &generation, &answer, error, sizeof error);
    if (rc == 0)
        printf("\n(%zu tokens)\n", answer.tokens_out);
    precis_free(answer.text);

    struct precis_summarize_options options = {.lines_per_chunk = 100,
                                               .on_progress = check_interrupt};
    struct precis_stats stats;
    if (rc == 0)
        rc = precis_summarize(model, (const char *const *)(argv + 2), (size_t)argc - 2, &options,
                              print_line, stdout, &stats, error, sizeof error);
    if (rc == 0)
        printf("%zu of %zu chunks in %.1f s\n", stats.done, stats.chunks, stats.seconds);
    else
        fprintf(stderr, "%s\n", error);
    precis_model_close(model);
    return rc ? 2 : 0;
}
