#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "cli/cli.h"
#include "cli/eval.h"
#include "cli/input_text.h"
#include "eval/items.h"
#include "eval/retrieval.h"
#include "index/batch.h"
#include "index/search.h"

#define AT(member) offsetof(struct args, member)

enum { BATCH_ITEMS = 1000, HEAD_LINES = 2, PROGRESS_STEP = 1000 };

static const struct option searching[] = {
    {.name = "corpus",
     .type = OPTION_TEXT,
     .names = NAMES_FILE,
     .offset = AT(corpus),
     .argument = "FILE",
     .help = "what is searched; lines of JSON: {\"id\", \"repo\", \"language\", \"path\", "
             "\"kind\", \"code\", \"symbol\"}"},
    {.name = "mode",
     .harmless = true,
     .type = OPTION_CHOICE,
     .offset = AT(mode),
     .argument = "M",
     .fallback = "hybrid",
     .choices = choices_search,
     .help = "by words and meaning, by words, or by meaning"},
    {.name = "output",
     .letter = 'o',
     .type = OPTION_TEXT,
     .names = NAMES_FILE,
     .offset = AT(output),
     .argument = "FILE",
     .help = "keep the rank of each query; lines of JSON: {\"id\", \"rank\"}, 0: not among the "
             "first ten"},
    {0}};
static const struct option_group group_searching = {"Search", searching};

/* A corpus in a store of its own, in a folder that is removed afterwards. */
struct corpus {
    struct eval_items items;
    struct store *s;
    struct batch_encoder encoder;
    size_t *order;  /* [items.n] owned; files together */
    int64_t *entry; /* [items.n] owned; of each item */
    char folder[4096];
};

static int read_file(const char *path, struct buf *text, struct err *e) {
    return input_read(path, text, e);
}

static int read_corpus(const char *path, struct eval_items *out, struct err *e) {
    struct buf text = {0};
    int rc = read_file(path, &text, e);
    if (rc == 0)
        rc = eval_corpus_read(path, text.data, text.len, out, e);
    buf_free(&text);
    return rc;
}

static int read_queries(const char *path, const struct eval_items *corpus, struct eval_queries *out,
                        struct err *e) {
    struct buf text = {0};
    int rc = read_file(path, &text, e);
    if (rc == 0)
        rc = eval_queries_read(path, text.data, text.len, corpus, out, e);
    if (rc == 0 && out->n == 0)
        rc = err_set(e, PRECIS_EINPUT, "%s: no queries", path);
    buf_free(&text);
    return rc;
}

static int make_store(struct corpus *c, struct err *e) {
    const char *temp = getenv("TMPDIR");
    snprintf(c->folder, sizeof c->folder, "%s/precis-eval-XXXXXX",
             temp && temp[0] == '/' ? temp : "/tmp");
    if (!mkdtemp(c->folder)) {
        int rc = err_errno(e, c->folder, "create folder");
        c->folder[0] = 0;
        return rc;
    }
    return store_open(c->folder, STORE_CREATE, &c->s, e);
}

static void remove_store(struct corpus *c) {
    static const char *const names[] = {STORE_FOLDER "/" STORE_FILE, STORE_FOLDER "/.gitignore",
                                        STORE_FOLDER};
    store_close(c->s);
    if (!c->folder[0])
        return;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        char *path = file_join(c->folder, names[i]);
        if (path)
            remove(path);
        free(path);
    }
    rmdir(c->folder);
}

/* ---- The items as entries ---- */

static int by_place(const void *a, const void *b, void *user) {
    const struct eval_item *v = user;
    size_t x = *(const size_t *)a, y = *(const size_t *)b;
    int order = strcmp(v[x].repo, v[y].repo);
    if (order == 0)
        order = strcmp(v[x].path, v[y].path);
    if (order == 0)
        order = (v[x].start_line > v[y].start_line) - (v[x].start_line < v[y].start_line);
    return order ? order : (x > y) - (x < y);
}

static bool is_same_file(const struct eval_item *a, const struct eval_item *b) {
    return strcmp(a->repo, b->repo) == 0 && strcmp(a->path, b->path) == 0;
}

static int add_file(struct corpus *c, struct batch *b, const struct eval_item *item,
                    struct buf *names, struct err *e) {
    if (!array_grow((void **)&b->files, b->n_files, &b->cap_files, sizeof *b->files))
        return err_nomem(e, "corpus");
    struct batch_file *f = &b->files[b->n_files++];
    *f = (struct batch_file){.first = b->n_items, .f.file.language = item->language};
    f->f.file.inode = names->len; /* a place until all of them stand */
    buf_printf(names, "%s/%s", item->repo, item->path);
    buf_char(names, 0);
    (void)c;
    return buf_failed(names) ? err_nomem(e, "corpus") : 0;
}

static int add_item(struct batch *b, const struct eval_item *item, struct err *e) {
    if (!array_grow((void **)&b->items, b->n_items, &b->cap_items, sizeof *b->items))
        return err_nomem(e, "corpus");
    const char *end = item->code;
    for (int i = 0; i < HEAD_LINES && *end; i++)
        end += strcspn(end, "\n") + (end[strcspn(end, "\n")] == '\n');
    uint64_t first = item->start_line ? (uint64_t)item->start_line : 1;
    b->items[b->n_items++] =
        (struct batch_item){.e = {.kind = item->kind,
                                  .symbol = item->symbol,
                                  .start_line = first,
                                  .end_line = item->end_line ? (uint64_t)item->end_line : first,
                                  .body = item->code,
                                  .body_len = strlen(item->code)},
                            .head = item->code,
                            .head_len = (size_t)(end - item->code)};
    b->files[b->n_files - 1].n++;
    return 0;
}

/* Puts items order[first] .. order[end - 1], which are of whole files. */
static int put_batch(struct corpus *c, size_t first, size_t end, struct err *e) {
    struct batch b = {0};
    struct buf names = {0};
    int64_t ids[2 * BATCH_ITEMS],
        *all = end - first > 2 * BATCH_ITEMS ? malloc((end - first) * sizeof *all) : ids;
    int rc = all ? 0 : err_nomem(e, "corpus");
    for (size_t i = first; rc == 0 && i < end; i++) {
        const struct eval_item *item = &c->items.v[c->order[i]];
        if (i == first || !is_same_file(item, &c->items.v[c->order[i - 1]]))
            rc = add_file(c, &b, item, &names, e);
        if (rc == 0)
            rc = add_item(&b, item, e);
    }
    for (size_t i = 0; rc == 0 && i < b.n_files; i++) {
        b.files[i].f.file.path = names.data + b.files[i].f.file.inode;
        b.files[i].f.file.inode = 0;
    }
    if (rc == 0)
        rc = batch_prepare(&b, &c->encoder, c->s, interrupt_flag(), e);
    if (rc == 0)
        rc = batch_write(&b, &c->encoder, c->s, all, e);
    for (size_t i = first; rc == 0 && i < end; i++)
        c->entry[c->order[i]] = all[i - first];
    if (all != ids)
        free(all);
    batch_free(&b);
    buf_free(&names);
    return rc;
}

static int fill(struct corpus *c, struct err *e) {
    size_t n = c->items.n;
    c->order = malloc((n ? n : 1) * sizeof *c->order);
    c->entry = calloc(n ? n : 1, sizeof *c->entry);
    if (!c->order || !c->entry)
        return err_nomem(e, "corpus");
    for (size_t i = 0; i < n; i++)
        c->order[i] = i;
    qsort_r(c->order, n, sizeof *c->order, by_place, c->items.v);
    int rc = 0;
    for (size_t first = 0, end; rc == 0 && first < n; first = end) {
        for (end = first + 1;
             end < n && (end - first < BATCH_ITEMS ||
                         is_same_file(&c->items.v[c->order[end]], &c->items.v[c->order[end - 1]]));)
            end++;
        rc = put_batch(c, first, end, e);
    }
    return rc;
}

static int start_encoder(struct corpus *c, struct embedder *em, struct err *e) {
    char revision[HASH_HEX_SIZE];
    if (!em)
        return 0;
    const struct embedder_info *info = embedder_info(em);
    c->encoder = (struct batch_encoder){.em = em, .width = info->width};
    int rc = embedder_revision(em, revision, e);
    return rc ? rc : store_embedder(c->s, revision, info->name, info->width, &c->encoder.id, e);
}

/* ---- The ranks ---- */

static int rank(struct index_search *x, const struct corpus *c, const struct eval_query *query,
                enum index_mode mode, size_t *out, struct err *e) {
    struct index_hits hits;
    const struct index_query q = {.text = query->query, .mode = mode, .k = RETRIEVAL_DEPTH};
    *out = 0;
    int rc = index_find(x, &q, &hits, e);
    if (rc)
        return rc;
    for (size_t i = 0; i < hits.n && !*out; i++)
        if (hits.v[i].entry == c->entry[query->item])
            *out = i + 1;
    index_hits_free(&hits);
    return interrupted() ? err_set(e, PRECIS_ECANCELLED, "interrupted") : 0;
}

static int rank_all(const struct args *a, const struct corpus *c, const struct eval_queries *q,
                    struct retrieval *r, struct buf *ranks, struct err *e) {
    struct index_search *x = NULL;
    int rc = index_search_open(c->s, c->encoder.em, &x, e);
    for (size_t i = 0; rc == 0 && i < q->n; i++) {
        size_t at;
        rc = rank(x, c, &q->v[i], (enum index_mode)a->mode, &at, e);
        if (rc)
            break;
        retrieval_add(r, at);
        const char *id = c->items.v[q->v[i].item].id;
        buf_str(ranks, "{\"id\": ");
        json_put_string(ranks, id, strlen(id));
        buf_printf(ranks, ", \"rank\": %zu}\n", at);
    }
    if (rc == 0 && buf_failed(ranks))
        rc = err_nomem(e, "ranks");
    index_search_close(x);
    return rc;
}

static int write_ranks(const char *path, const struct buf *ranks, struct err *e) {
    struct outfile out;
    int rc = outfile_open(&out, path, e);
    if (rc)
        return rc;
    fwrite(ranks->data, 1, ranks->len, out.f);
    return outfile_commit(&out, e);
}

static int say(const struct args *a, const struct retrieval *r, struct err *e) {
    if (a->json)
        printf("{\"n\": %zu, \"mrr10\": %.6f, \"recall10\": %.6f}\n", r->n, retrieval_mrr(r),
               retrieval_recall(r));
    else
        printf("%zu queries, %s: MRR@10 %.4f, recall@10 %.4f\n", r->n, choices_search[a->mode],
               retrieval_mrr(r), retrieval_recall(r));
    return flush_stdout(e);
}

static int evaluate(const struct args *a, struct corpus *c, struct embedder *em, struct err *e) {
    struct eval_queries queries = {0};
    struct retrieval r = {0};
    struct buf ranks = {0};
    int rc = read_corpus(a->corpus, &c->items, e);
    if (rc == 0)
        rc = read_queries(a->operands.v[0], &c->items, &queries, e);
    if (rc == 0)
        rc = make_store(c, e);
    if (rc == 0)
        rc = start_encoder(c, em, e);
    if (rc == 0)
        rc = fill(c, e);
    if (rc == 0)
        rc = rank_all(a, c, &queries, &r, &ranks, e);
    if (rc == 0 && a->output)
        rc = write_ranks(a->output, &ranks, e);
    if (rc == 0)
        rc = say(a, &r, e);
    buf_free(&ranks);
    eval_queries_free(&queries);
    return rc;
}

static int run_eval_search(const struct args *a, struct err *e) {
    struct corpus c = {0};
    struct embedder *em = NULL;
    int rc = 0;
    if (a->operands.n != 1 || !a->corpus)
        return err_set(e, PRECIS_EUSAGE, "eval search takes one file of queries and --corpus");
    if (a->mode != INDEX_BM25)
        rc = embedder_open(
            a->embedding_model ? a->embedding_model : "minilm",
            &(struct embedder_options){.engine = {.precision = (enum precision)a->precision,
                                                  .lanes = (int)a->lanes,
                                                  .memory_limit = (size_t)a->memory_limit,
                                                  .device = (enum device)a->device}},
            &em, e);
    if (rc == 0)
        rc = evaluate(a, &c, em, e);
    remove_store(&c);
    free(c.order);
    free(c.entry);
    eval_items_free(&c.items);
    embedder_close(em);
    return rc == PRECIS_ECANCELLED && interrupted() ? EXIT_INTERRUPTED : rc;
}

static const struct option_group *const groups[] = {&group_searching, &group_encoder, &group_json,
                                                    &group_general, NULL};

const struct command command_eval_search = {
    .name = "eval search",
    .operands = "QUERIES.jsonl",
    .needs_operand = true,
    .names = NAMES_FILE,
    .summary = "how well search finds what a sentence is about",
    .details = "Fills an index with the items of --corpus, looks for each \"query\" of\n"
               "QUERIES.jsonl ({\"id\", \"query\"}), and says where among the first ten the item\n"
               "with the same id is.\n"
               "  mrr10     the mean of 1 / rank, 0 where it is not among them\n"
               "  recall10  how many are among them",
    .groups = groups,
    .examples = "  precis eval search queries.jsonl --corpus corpus.jsonl\n"
                "  precis eval search queries.jsonl --corpus corpus.jsonl --mode bm25 --json\n",
    .run = run_eval_search,
};
