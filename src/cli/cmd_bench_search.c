/* `bench search`: nearest neighbours among made-up vectors. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/hash.h"
#include "base/pool.h"
#include "cli/bench.h"
#include "cli/bench_vectors.h"
#include "cli/cli.h"
#include "search/vectors.h"

#define AT(member) offsetof(struct args, member)

enum { K = 10 };
enum { GRAPH_AUTO, GRAPH_ALWAYS, GRAPH_NEVER };
static const char *const choices_graph[] = {"auto", "always", "never", NULL};

static const struct option work[] = {
    {.name = "vectors",
     .type = OPTION_NUMBER,
     .offset = AT(vectors),
     .argument = "N",
     .fallback = "20000",
     .min = 1,
     .max = 2e9,
     .help = "in the matrix"},
    {.name = "width",
     .type = OPTION_NUMBER,
     .offset = AT(width),
     .argument = "N",
     .fallback = "384",
     .min = 1,
     .max = VECTORS_MOST_WIDTH,
     .help = "numbers in a vector"},
    {.name = "clusters",
     .type = OPTION_NUMBER,
     .offset = AT(clusters),
     .argument = "N",
     .fallback = "10000",
     .min = 1,
     .max = 1e6,
     .help = "that the vectors lie in"},
    {.name = "spread",
     .type = OPTION_REAL,
     .offset = AT(spread),
     .argument = "X",
     .fallback = "1",
     .min = 0,
     .max = 100,
     .help = "length of what is added to a cluster's centre, which has length 1"},
    {.name = "queries",
     .type = OPTION_NUMBER,
     .offset = AT(queries),
     .argument = "N",
     .fallback = "1000",
     .min = 1,
     .max = 1e6,
     .help = "made like the vectors, and not among them"},
    {.name = "seed",
     .harmless = true,
     .type = OPTION_NUMBER,
     .offset = AT(seed),
     .argument = "N",
     .fallback = "1",
     .min = 0,
     .max = 0x1p53,
     .help = "of the vectors"},
    {.name = "graph",
     .type = OPTION_CHOICE,
     .offset = AT(graph),
     .argument = "WHEN",
     .fallback = "auto",
     .choices = choices_graph,
     .help = "search by a graph; auto: when there are as many vectors as an index makes one for"},
    {.name = "threads",
     .type = OPTION_NUMBER,
     .offset = AT(lanes),
     .argument = "N",
     .fallback = "0",
     .min = 0,
     .max = 256,
     .help = "that make the graph; 0: one for each core. Queries run on one"},
    {.name = "show",
     .type = OPTION_NUMBER,
     .offset = AT(shown),
     .argument = "N",
     .fallback = "0",
     .min = 0,
     .max = 1e6,
     .help = "exact and found neighbours of the first N queries, in JSON"},
    {.name = "keep",
     .type = OPTION_TEXT,
     .names = NAMES_FOLDER,
     .offset = AT(keep),
     .argument = "DIR",
     .help = "leave matrix and graph here, or take them from here when they fit"},
    {0}};
static const struct option_group group_work = {"Work", work};

struct figures {
    double write_s, graph_s, graph_cpu_s, open_ms, recall, gap;
    double p50, p99, cpu99, exact, exact_cpu, exact_threads;
};

struct search_bench {
    const struct args *a;
    struct bench_vectors made;
    uint8_t generation[VECTORS_GENERATION_SIZE];
    char folder[512], matrix[600], graph[600];
    bool is_temporary;
    struct vectors *m;
    float *query;                      /* [width] */
    double *times;                     /* [5][queries] */
    struct vectors_hit *exact, *found; /* [queries][K] */
    size_t *n_exact, *n_found;
    struct figures f;
};

static int write_matrix(struct search_bench *b, struct err *e) {
    struct vectors_writer *w;
    int rc = vectors_writer_new(b->matrix, b->made.width, b->generation, &w, e);
    for (uint64_t i = 0; rc == 0 && i < b->a->vectors; i++) {
        bench_vector(&b->made, i, b->query);
        rc = vectors_writer_add(w, (int64_t)i, b->query, e);
    }
    if (rc == 0)
        return vectors_writer_commit(w, e);
    vectors_writer_free(w);
    return rc;
}

static double process_seconds(void) {
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static int write_graph(struct search_bench *b, struct err *e) {
    double started = clock_seconds(), cpu = process_seconds();
    int rc = vectors_graph_write(b->m, b->graph, (int)b->a->lanes, NULL, NULL, e);
    b->f.graph_s = clock_seconds() - started;
    b->f.graph_cpu_s = process_seconds() - cpu;
    return rc;
}

/* Opens what lies there, else makes it. */
static int open_all(struct search_bench *b, struct err *e) {
    bool graph = b->a->graph == GRAPH_ALWAYS ||
                 (b->a->graph == GRAPH_AUTO && b->a->vectors >= VECTORS_GRAPH_ROWS &&
                  vectors_graph_supported());
    double started = clock_seconds();
    int rc = vectors_open(b->matrix, b->generation, 0, &b->m, e);
    if (rc == PRECIS_ENOTFOUND) {
        rc = write_matrix(b, e);
        b->f.write_s = clock_seconds() - started;
        started = clock_seconds();
        if (rc == 0)
            rc = vectors_open(b->matrix, b->generation, 0, &b->m, e);
    }
    b->f.open_ms = (clock_seconds() - started) * 1e3;
    if (rc || !graph)
        return rc;
    started = clock_seconds();
    rc = vectors_graph_open(b->m, b->graph, e);
    if (rc == PRECIS_ENOTFOUND) {
        rc = write_graph(b, e);
        started = clock_seconds();
        if (rc == 0)
            rc = vectors_graph_open(b->m, b->graph, e);
    }
    b->f.open_ms += (clock_seconds() - started) * 1e3;
    return rc;
}

struct timing {
    double wall, cpu; /* milliseconds; cpu: of this thread */
};

static int ask(struct search_bench *b, const struct vectors_query *q, struct vectors_hit *hits,
               size_t *n, struct timing *t, struct err *e) {
    double started = clock_seconds(), started_cpu = clock_thread_seconds();
    int rc = vectors_search(b->m, NULL, q, hits, n, e);
    t->cpu = (clock_thread_seconds() - started_cpu) * 1e3;
    t->wall = (clock_seconds() - started) * 1e3;
    return rc;
}

static int ask_all(struct search_bench *b, struct err *e) {
    size_t n = (size_t)b->a->queries;
    double *found = b->times, *found_cpu = found + n, *exact = found_cpu + n,
           *exact_cpu = exact + n, *threads = exact_cpu + n;
    struct timing t = {0};
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < n; i++) {
        struct vectors_query q = {.v = b->query, .k = K};
        bench_vector(&b->made, b->a->vectors + i, b->query);
        rc = ask(b, &q, b->found + i * K, b->n_found + i, &t, e);
        found[i] = t.wall;
        found_cpu[i] = t.cpu;
    }
    for (size_t i = 0; rc == 0 && i < n; i++) {
        struct vectors_query q = {.v = b->query, .k = K, .exact = true};
        bench_vector(&b->made, b->a->vectors + i, b->query);
        rc = ask(b, &q, b->exact + i * K, b->n_exact + i, &t, e);
        exact[i] = t.wall;
        exact_cpu[i] = t.cpu;
        q.threads = pool_cores();
        if (rc == 0)
            rc = ask(b, &q, b->exact + i * K, b->n_exact + i, &t, e);
        threads[i] = t.wall;
    }
    if (rc)
        return rc;
    b->f.p50 = bench_median(found, n);
    b->f.p99 = found[(n - 1) * 99 / 100];
    bench_median(found_cpu, n);
    b->f.cpu99 = found_cpu[(n - 1) * 99 / 100];
    b->f.exact = bench_median(exact, n);
    b->f.exact_cpu = bench_median(exact_cpu, n);
    b->f.exact_threads = bench_median(threads, n);
    return 0;
}

/* Of the exact neighbours the share that was found; and the median difference of neighbouring exact
 * scores. */
static void compare(struct search_bench *b) {
    size_t n = (size_t)b->a->queries, same = 0, wanted = 0;
    for (size_t i = 0; i < n; i++) {
        const struct vectors_hit *exact = b->exact + i * K, *found = b->found + i * K;
        for (size_t j = 0; j < b->n_exact[i]; j++)
            for (size_t l = 0; l < b->n_found[i]; l++)
                same += exact[j].id == found[l].id;
        wanted += b->n_exact[i];
        b->times[i] =
            b->n_exact[i] > 1 ? (double)exact[0].score - (double)exact[b->n_exact[i] - 1].score : 0;
        b->times[i] /= b->n_exact[i] > 1 ? (double)(b->n_exact[i] - 1) : 1;
    }
    b->f.recall = wanted ? (double)same / (double)wanted : 1;
    b->f.gap = bench_median(b->times, n);
}

static uint64_t size_of(const char *path) {
    struct stat st;
    return stat(path, &st) == 0 ? (uint64_t)st.st_size : 0;
}

static void print_hits(const char *name, const struct vectors_hit *hits, size_t n) {
    printf("\"%s\": [", name);
    for (size_t i = 0; i < n; i++)
        printf("%s[%lld, %.9g]", i ? ", " : "", (long long)hits[i].id, (double)hits[i].score);
    putchar(']');
}

static void print_json(const struct search_bench *b) {
    const struct args *a = b->a;
    const struct figures *f = &b->f;
    printf(
        "{\"vectors\": %llu, \"width\": %llu, \"clusters\": %llu, \"spread\": %g, \"seed\": %llu, "
        "\"queries\": %llu, \"graph\": %s, \"recall10\": %.5f, \"p50_ms\": %.4g, \"p99_ms\": "
        "%.4g, \"p99_cpu_ms\": %.4g, \"exact_ms\": %.4g, \"exact_cpu_ms\": %.4g, "
        "\"exact_threads_ms\": %.4g, \"gap\": %.3g, ",
        (unsigned long long)a->vectors, (unsigned long long)a->width,
        (unsigned long long)a->clusters, a->spread, (unsigned long long)a->seed,
        (unsigned long long)a->queries, vectors_has_graph(b->m) ? "true" : "false", f->recall,
        f->p50, f->p99, f->cpu99, f->exact, f->exact_cpu, f->exact_threads, f->gap);
    printf(
        "\"write_s\": %.4g, \"graph_s\": %.4g, \"graph_cpu_s\": %.4g, \"open_ms\": %.4g, "
        "\"matrix_bytes\": %llu, \"graph_bytes\": %llu, \"resident_bytes\": %zu",
        f->write_s, f->graph_s, f->graph_cpu_s, f->open_ms, (unsigned long long)size_of(b->matrix),
        (unsigned long long)(vectors_has_graph(b->m) ? size_of(b->graph) : 0), memory_resident());
    for (size_t i = 0; i < a->shown && i < a->queries; i++) {
        fputs(i ? "}, {" : ", \"hits\": [{", stdout);
        print_hits("exact", b->exact + i * K, b->n_exact[i]);
        fputs(", ", stdout);
        print_hits("found", b->found + i * K, b->n_found[i]);
    }
    puts(a->shown ? "}]}" : "}");
}

static void print_text(const struct search_bench *b) {
    const struct figures *f = &b->f;
    printf("%llu vectors of %llu numbers, %s\n"
           "  recall@10 %.4f, p50 %.3f ms, p99 %.3f ms (processor time %.3f ms)\n"
           "  exact %.3f ms (processor time %.3f ms), with threads %.3f ms\n"
           "  written in %.1f s, graph made in %.1f s (processor time %.1f s), opened in %.1f ms\n"
           "  matrix %.1f MB, graph %.1f MB, resident memory %.1f MB\n",
           (unsigned long long)b->a->vectors, (unsigned long long)b->a->width,
           vectors_has_graph(b->m) ? "by a graph" : "all compared", f->recall, f->p50, f->p99,
           f->cpu99, f->exact, f->exact_cpu, f->exact_threads, f->write_s, f->graph_s,
           f->graph_cpu_s, f->open_ms, (double)size_of(b->matrix) / 1e6,
           vectors_has_graph(b->m) ? (double)size_of(b->graph) / 1e6 : 0.0,
           (double)memory_resident() / 1e6);
}

static int make_folder(struct search_bench *b, struct err *e) {
    const char *tmp = getenv("TMPDIR");
    int n = b->a->keep ? snprintf(b->folder, sizeof b->folder, "%s", b->a->keep)
                       : snprintf(b->folder, sizeof b->folder, "%s/precis-bench-XXXXXX",
                                  tmp && *tmp ? tmp : "/tmp");
    if (n < 0 || (size_t)n >= sizeof b->folder)
        return err_set(e, PRECIS_EUSAGE, "%s: path too long", b->a->keep ? b->a->keep : tmp);
    if (!b->a->keep && !mkdtemp(b->folder))
        return err_errno(e, b->folder, "make");
    b->is_temporary = !b->a->keep;
    snprintf(b->matrix, sizeof b->matrix, "%s/vectors", b->folder);
    snprintf(b->graph, sizeof b->graph, "%s/vectors-graph", b->folder);
    return b->a->keep ? file_make_dirs(b->folder, e) : 0;
}

static int prepare(struct search_bench *b, struct err *e) {
    const struct args *a = b->a;
    size_t n = (size_t)a->queries;
    char key[160];
    b->made = (struct bench_vectors){.seed = a->seed,
                                     .width = (size_t)a->width,
                                     .clusters = (size_t)a->clusters,
                                     .spread = a->spread};
    snprintf(key, sizeof key, "bench search %llu %llu %llu %llu %a", (unsigned long long)a->seed,
             (unsigned long long)a->vectors, (unsigned long long)a->width,
             (unsigned long long)a->clusters, a->spread);
    int rc = hash_sha256(key, strlen(key), b->generation, e);
    if (rc == 0)
        rc = bench_vectors_init(&b->made, e);
    if (rc)
        return rc;
    b->query = malloc(b->made.width * sizeof *b->query);
    b->times = calloc(5 * n, sizeof *b->times);
    b->exact = calloc(n * K, sizeof *b->exact);
    b->found = calloc(n * K, sizeof *b->found);
    b->n_exact = calloc(n, sizeof *b->n_exact);
    b->n_found = calloc(n, sizeof *b->n_found);
    if (!b->query || !b->times || !b->exact || !b->found || !b->n_exact || !b->n_found)
        return err_nomem(e, "queries");
    return make_folder(b, e);
}

static void clean_up(struct search_bench *b) {
    vectors_close(b->m);
    if (b->is_temporary) {
        unlink(b->matrix);
        unlink(b->graph);
        rmdir(b->folder);
    }
    bench_vectors_free(&b->made);
    free(b->query);
    free(b->times);
    free(b->exact);
    free(b->found);
    free(b->n_exact);
    free(b->n_found);
}

static int run_search(const struct args *a, struct err *e) {
    struct search_bench b = {.a = a};
    int rc = prepare(&b, e);
    if (rc == 0)
        rc = open_all(&b, e);
    if (rc == 0)
        rc = ask_all(&b, e);
    if (rc == 0) {
        compare(&b);
        if (a->json)
            print_json(&b);
        else
            print_text(&b);
        rc = flush_stdout(e);
    }
    clean_up(&b);
    return rc;
}

static const struct option_group *const search_groups[] = {&group_work, &group_json, &group_general,
                                                           NULL};

const struct command command_bench_search = {
    .name = "bench search",
    .summary = "nearest neighbours among many vectors: time and recall",
    .details =
        "Writes made-up vectors into a matrix (and makes its graph when there are many), then\n"
        "times queries for 10 neighbours on one core, and compares what they found with\n"
        "comparing all vectors.",
    .groups = search_groups,
    .examples = "  precis bench search --vectors 100000 --json\n"
                "  precis bench search --vectors 1000000 --keep /tmp/vectors\n",
    .run = run_search,
};
