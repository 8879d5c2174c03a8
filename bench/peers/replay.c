/* Answers the prompts in files with precis, all in flight together, and prints one JSON value: the
 * wall-clock seconds from the first submission to the last answer, and each prompt's tokens.
 *
 * usage: replay MODEL LANES MAX-NEW-TOKENS FILE... */
#include <precis.h>

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <time.h>

enum { MOST = 100 };

struct prompt {
    struct precis_model *model;
    size_t max_new_tokens;
    char *text;
    size_t length;
    struct precis_answer answer;
    double seconds; /* from its submission */
    int rc;
    char error[256];
};

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static int read_file(const char *path, struct prompt *p) {
    FILE *f = fopen(path, "rb");
    if (!f)
        return -1;
    size_t room = 0;
    do {
        room = room ? room * 2 : 65536;
        char *larger = realloc(p->text, room);
        if (!larger)
            break;
        p->text = larger;
        p->length += fread(p->text + p->length, 1, room - p->length, f);
    } while (p->length == room);
    int failed = ferror(f) || p->length == room;
    fclose(f);
    return failed ? -1 : 0;
}

static void *answer(void *user) {
    struct prompt *p = user;
    struct precis_generate_options o = {.max_new_tokens = p->max_new_tokens};
    double begun = now();
    p->rc =
        precis_generate(p->model, p->text, p->length, &o, &p->answer, p->error, sizeof p->error);
    p->seconds = now() - begun;
    return NULL;
}

static int print_result(const struct precis_model *model, const struct prompt *prompts, int n,
                        double seconds) {
    struct precis_model_info info;
    struct rusage use;
    precis_model_describe(model, &info);
    getrusage(RUSAGE_SELF, &use);
    printf("{\"seconds\": %.6f, \"precision\": \"%s\", \"isa\": \"%s\", \"lanes\": %d, "
           "\"resident_bytes\": %lld, \"answers\": [",
           seconds, info.precision, info.isa, info.lanes, (long long)use.ru_maxrss * 1024);
    for (int i = 0; i < n; i++)
        printf("%s{\"tokens_in\": %zu, \"tokens_out\": %zu, \"stopped\": %s, \"seconds\": %.6f}",
               i ? ", " : "", prompts[i].answer.tokens_in, prompts[i].answer.tokens_out,
               prompts[i].answer.finish == PRECIS_FINISH_STOP ? "true" : "false",
               prompts[i].seconds);
    puts("]}");
    return fflush(stdout);
}

static int run(struct precis_model *model, struct prompt *prompts, int n) {
    pthread_t threads[MOST];
    int started = 0, rc = 0;
    double begun = now();
    while (started < n && pthread_create(&threads[started], NULL, answer, &prompts[started]) == 0)
        started++;
    for (int i = 0; i < started; i++) {
        pthread_join(threads[i], NULL);
        if (prompts[i].rc) {
            fprintf(stderr, "replay: %s\n", prompts[i].error);
            rc = -1;
        }
    }
    double seconds = now() - begun;
    if (started < n) {
        fputs("replay: no more threads\n", stderr);
        rc = -1;
    }
    return rc ? rc : print_result(model, prompts, n, seconds);
}

int main(int argc, char **argv) {
    static struct prompt prompts[MOST];
    struct precis_model *model = NULL;
    char error[256];
    int n = argc - 4, rc = 0;
    if (n < 1 || n > MOST) {
        fputs("usage: replay MODEL LANES MAX-NEW-TOKENS FILE...   (up to 100)\n", stderr);
        return 2;
    }
    struct precis_model_options o = {.lanes = atoi(argv[2]), .agents = n};
    if (precis_model_open(argv[1], &o, &model, error, sizeof error) != 0) {
        fprintf(stderr, "replay: %s\n", error);
        return 2;
    }
    for (int i = 0; i < n && rc == 0; i++) {
        prompts[i].model = model;
        prompts[i].max_new_tokens = strtoul(argv[3], NULL, 10);
        rc = read_file(argv[4 + i], &prompts[i]);
        if (rc)
            fprintf(stderr, "replay: %s: cannot be read\n", argv[4 + i]);
    }
    if (rc == 0)
        rc = run(model, prompts, n);
    for (int i = 0; i < n; i++) {
        precis_free(prompts[i].answer.text);
        free(prompts[i].text);
    }
    precis_model_close(model);
    return rc ? 1 : 0;
}
