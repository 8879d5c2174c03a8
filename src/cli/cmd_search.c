#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/log.h"
#include "base/utf8.h"
#include "cli/cli.h"
#include "cli/eval.h"
#include "cli/model.h"
#include "index/search.h"

#define AT(member) offsetof(struct args, member)

enum { LINES = 3, LINE_BYTES = 160, DIGITS = 6 };

static const struct option searching[] = {
    {.name = "topk",
     .harmless = true,
     .letter = 'k',
     .type = OPTION_NUMBER,
     .offset = AT(topk),
     .argument = "N",
     .fallback = "10",
     .min = 1,
     .max = 1000,
     .help = "results at most"},
    {.name = "mode",
     .harmless = true,
     .type = OPTION_CHOICE,
     .offset = AT(mode),
     .argument = "M",
     .fallback = "hybrid",
     .choices = choices_search,
     .help = "by words and meaning, by words, or by meaning"},
    {.name = "lang",
     .harmless = true,
     .type = OPTION_TEXT,
     .offset = AT(language),
     .argument = "L",
     .help = "files of this language only"},
    {.name = "path",
     .harmless = true,
     .type = OPTION_TEXT,
     .offset = AT(glob),
     .argument = "PATTERN",
     .help = "files only that this pattern matches, or a folder of theirs, written as in "
             ".gitignore"},
    {.name = "threshold",
     .harmless = true,
     .type = OPTION_REAL,
     .offset = AT(threshold),
     .argument = "X",
     .fallback = "0",
     .max = 1,
     .help = "results only with at least this score (0 to 1)"},
    {.name = "jsonl",
     .harmless = true,
     .offset = AT(jsonl),
     .help = "a line of JSON for each result"},
    {0}};
static const struct option_group group_searching = {"Search", searching};

/* ---- Output ---- */

static void put_text(struct buf *b, const char *s) {
    size_t from = b->len;
    buf_str(b, s);
    if (!buf_failed(b))
        utf8_blank_controls(b->data + from);
}

/* A line without its marks, or with colour instead; of a long one the beginning. */
static void put_marked(struct buf *b, const char *s, size_t len, bool color) {
    struct buf plain = {0};
    for (size_t i = 0, shown = 0; i < len; i++) {
        if (s[i] == STORE_MARK_BEGIN || s[i] == STORE_MARK_END) {
            if (color)
                buf_str(&plain, s[i] == STORE_MARK_BEGIN ? "\001" : "\002");
        } else if (shown++ < LINE_BYTES || ((unsigned char)s[i] & 0xc0) == 0x80) {
            buf_char(&plain, s[i] == '\t' ? ' ' : s[i]);
        }
    }
    for (size_t i = 0; i < plain.len; i++) {
        char c = plain.data[i];
        if (c == STORE_MARK_BEGIN || c == STORE_MARK_END) {
            buf_str(b, c == STORE_MARK_BEGIN ? "\033[1;32m" : "\033[0m");
            continue;
        }
        char one[2] = {c, 0};
        if ((unsigned char)c < 0x80)
            utf8_blank_controls(one);
        buf_str(b, one);
    }
    if (buf_failed(&plain))
        b->failed = true;
    buf_free(&plain);
}

static void put_hit(struct buf *b, const struct index_hit *h, bool color) {
    struct index_line lines[LINES];
    size_t n = index_hit_lines(h, lines, LINES);
    buf_str(b, color ? "\033[35m" : "");
    put_text(b, h->path);
    buf_printf(b, "%s:%llu-%llu", color ? "\033[0m" : "", (unsigned long long)h->start_line,
               (unsigned long long)h->end_line);
    if (h->symbol) {
        buf_str(b, color ? "  \033[1m" : "  ");
        put_text(b, h->symbol);
        buf_str(b, color ? "\033[0m" : "");
    }
    buf_printf(b, "  %.3f\n", h->score);
    if (h->summary) {
        buf_str(b, "  ");
        put_text(b, h->summary);
        buf_char(b, '\n');
    }
    for (size_t i = 0; i < n; i++) {
        buf_printf(b, "  %6llu  ", (unsigned long long)lines[i].number);
        put_marked(b, lines[i].text, lines[i].len, color);
        buf_char(b, '\n');
    }
}

static void put_json_line(struct buf *b, const struct index_line *l) {
    struct buf plain = {0};
    for (size_t i = 0; i < l->len; i++)
        if (l->text[i] != STORE_MARK_BEGIN && l->text[i] != STORE_MARK_END)
            buf_char(&plain, l->text[i]);
    buf_printf(b, "{\"line\": %llu, \"text\": ", (unsigned long long)l->number);
    json_put_string(b, plain.data ? plain.data : "", plain.len);
    buf_char(b, '}');
    if (buf_failed(&plain))
        b->failed = true;
    buf_free(&plain);
}

static void put_json(struct buf *b, const struct index_hit *h) {
    struct index_line lines[LINES];
    size_t n = index_hit_lines(h, lines, LINES);
    const struct {
        const char *name, *value;
    } texts[] = {
        {"language", h->language},
        {"symbol_name", h->symbol},
        {"kind", h->kind},
        {"summary", h->summary},
    };
    buf_char(b, '{');
    json_put_member(b, "file_path", h->path);
    buf_printf(b, ", \"start_line\": %llu, \"end_line\": %llu", (unsigned long long)h->start_line,
               (unsigned long long)h->end_line);
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        buf_str(b, ", ");
        json_put_member(b, texts[i].name, texts[i].value);
    }
    buf_str(b, ", \"score\": ");
    json_put_number(b, h->score, DIGITS);
    buf_str(b, ", \"bm25\": ");
    json_put_number(b, h->bm25, DIGITS);
    buf_str(b, ", \"cosine\": ");
    json_put_number(b, h->cosine, DIGITS);
    buf_str(b, ", \"snippet\": [");
    for (size_t i = 0; i < n; i++) {
        buf_str(b, i ? ", " : "");
        put_json_line(b, &lines[i]);
    }
    buf_str(b, "]}");
}

static bool is_painted(const struct args *a) {
    const char *term = getenv("TERM"), *no_color = getenv("NO_COLOR");
    return isatty(STDOUT_FILENO) == 1 && !a->no_color && !(no_color && *no_color) &&
           !(term && strcmp(term, "dumb") == 0);
}

static int put_hits(const struct args *a, const struct index_hits *hits, struct err *e) {
    struct buf b = {0};
    bool color = is_painted(a);
    if (a->json)
        buf_char(&b, '[');
    for (size_t i = 0; i < hits->n; i++) {
        if (a->json || a->jsonl)
            put_json(&b, &hits->v[i]);
        else
            put_hit(&b, &hits->v[i], color);
        if (a->json)
            buf_str(&b, i + 1 < hits->n ? ",\n " : "");
        else
            buf_str(&b, a->jsonl || i + 1 < hits->n ? "\n" : "");
    }
    if (a->json)
        buf_str(&b, "]\n");
    int rc = buf_failed(&b) ? err_nomem(e, "output") : 0;
    if (rc == 0 && b.len)
        fwrite(b.data, 1, b.len, stdout);
    buf_free(&b);
    return rc ? rc : flush_stdout(e);
}

/* ---- Whether the index is as the tree is ---- */

struct freshness {
    const char *root;
    size_t changed, gone;
};

static int look(void *user, const struct store_indexed *f, struct err *e) {
    struct freshness *x = user;
    struct stat st;
    char *path = f->file.path[0] == '/' ? strdup(f->file.path) : file_join(x->root, f->file.path);
    if (!path)
        return err_nomem(e, f->file.path);
    if (stat(path, &st) != 0)
        x->gone++;
    else if ((uint64_t)st.st_size != f->file.size || st.st_ino != f->file.inode ||
             (int64_t)st.st_mtim.tv_sec * 1000000000 + st.st_mtim.tv_nsec != f->file.mtime_ns)
        x->changed++;
    free(path);
    return 0;
}

struct query_place {
    struct store *s;
    char *below; /* owned; "": all of it */
};

static int say_if_stale(const struct query_place *p, struct err *e) {
    struct freshness x = {.root = store_root(p->s)};
    char line[200];
    int rc = store_each_indexed(p->s, p->below, 0, look, &x, e);
    if (rc || (!x.changed && !x.gone))
        return rc;
    snprintf(
        line, sizeof line,
        "the tree is not as it was indexed: %zu files changed, %zu gone (precis index brings it "
        "up to date)",
        x.changed, x.gone);
    say_note(line);
    return 0;
}

/* ---- The search ---- */

static int open_place(const struct args *a, struct query_place *p, struct err *e) {
    const char *path = a->operands.n > 1 ? a->operands.v[1] : ".";
    char *found = NULL;
    struct err why = {0};
    int rc = a->store ? 0 : store_find_root(path, &found, &why);
    if (rc == 0)
        rc = store_open(a->store ? a->store : found, STORE_READ, &p->s, &why);
    if (rc == PRECIS_ENOTFOUND)
        err_set(e, rc, "%s: there is no index here (precis index %s makes one)", path, path);
    else if (rc)
        err_set(e, rc, "%s", why.text);
    if (rc == 0)
        rc = a->operands.n > 1 || !a->store ? store_name(store_root(p->s), path, &p->below, e)
                                            : ((p->below = strdup("")) ? 0 : err_nomem(e, path));
    free(found);
    return rc;
}

static int find(const struct args *a, const struct query_place *p, struct embedder *em,
                struct err *e) {
    struct index_search *x = NULL;
    struct index_hits hits = {0};
    const struct index_query q = {.text = a->operands.v[0],
                                  .mode = (enum index_mode)a->mode,
                                  .k = (size_t)a->topk,
                                  .language = a->language,
                                  .below = *p->below ? p->below : NULL,
                                  .path = a->glob,
                                  .threshold = a->threshold};
    int rc = index_search_open(p->s, em, &x, e);
    if (rc == 0)
        rc = index_find(x, &q, &hits, e);
    if (rc == 0)
        rc = say_if_stale(p, e);
    if (rc == 0)
        rc = put_hits(a, &hits, e);
    if (rc == 0)
        rc = hits.n ? EXIT_DONE : EXIT_NOTHING;
    index_hits_free(&hits);
    index_search_close(x);
    return rc;
}

static int run_search(const struct args *a, struct err *e) {
    struct query_place p = {0};
    struct store_index index;
    const struct engine_options engine = model_engine_options(a, 0);
    struct embedder *em = NULL;
    if (a->operands.n > 2)
        return err_set(e, PRECIS_EUSAGE, "%s: search takes a query (in quotes) and a path",
                       a->operands.v[2]);
    if (a->json && a->jsonl)
        return err_set(e, PRECIS_EUSAGE, "--json and --jsonl: only one of the two");
    int rc = open_place(a, &p, e);
    if (rc == 0 && (rc = store_index(p.s, &index, e)) == PRECIS_ENOTFOUND)
        err_set(e, rc, "%s: there is no index here (precis index %s makes one)", store_root(p.s),
                store_root(p.s));
    bool wants = rc == 0 && a->mode != INDEX_BM25;
    if (wants && index.embedder)
        rc = embedder_open_asked(a, "searching by words alone", &engine, &em, e);
    else if (wants && a->mode == INDEX_HYBRID)
        log_say(LOG_INFO, "the index has no vectors: searching by words alone");
    if (rc == 0)
        rc = find(a, &p, em, e);
    embedder_close(em);
    store_close(p.s);
    free(p.below);
    return rc;
}

static const struct option_group *const groups[] = {
    &group_searching, &group_index, &group_encoder, &group_json, &group_general, NULL};

const struct command command_search = {
    .name = "search",
    .operands = "QUERY [PATH]",
    .needs_operand = true,
    .names = NAMES_FILE,
    .summary = "finds code by what it does",
    .details = "Searches the index that `precis index` made, at or above PATH (or here), for what "
               "QUERY says,\n"
               "by its words (identifiers are split, endings do not count) and by its meaning. "
               "With PATH\n"
               "only what is at or below it is searched. Paths are relative to the folder of the "
               "index.\n"
               "A score is from 0 to 1. Exit code 1: nothing was found.",
    .groups = groups,
    .examples = "  precis search 'where are idle workers woken'\n"
                "  precis search 'parse header' src/ --lang c --topk 5\n"
                "  precis search 'retry with backoff' --json\n",
    .run = run_search,
};
