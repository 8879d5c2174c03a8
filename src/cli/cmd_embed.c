#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/log.h"
#include "base/utf8.h"
#include "cli/cli.h"
#include "cli/eval.h"
#include "search/embed.h"

#define AT(member) offsetof(struct args, member)

enum {
    BATCH = 256,           /* texts that wait for each other, so memory does not grow */
    BATCH_BYTES = 1 << 22, /* or so many bytes of them */
    MOST_LINE = 1 << 26,   /* bytes of a line */
    DIGITS = 9             /* that a float needs */
};

static const struct option embedding[] = {
    {.name = "model",
     .type = OPTION_TEXT,
     .offset = AT(embedding_model),
     .argument = "M",
     .fallback = "minilm",
     .help = "the encoder: a catalogue name, a folder or hf:org/name"},
    {.name = "jsonl",
     .offset = AT(jsonl),
     .help = "lines of JSON: {\"id\", \"text\"} in, {\"id\", \"embedding\"} out"},
    {0}};
static const struct option_group group_embedding = {"Embeddings", embedding};

/* A text that waits to be embedded. */
struct waiting {
    size_t offset, len; /* in texts */
    json_t *id;         /* owned; NULL: the text itself is said again */
};

struct embedding {
    const struct args *args;
    struct embedder *em;
    struct buf texts, out;
    struct waiting waiting[BATCH];
    size_t n;
    float *vectors; /* [BATCH, width] */
    uint64_t cut;
};

static int put_one(struct embedding *x, const struct waiting *w, const float *v, struct err *e) {
    struct buf *b = &x->out;
    if (w->id) {
        char *id = json_dumps(w->id, JSON_ENCODE_ANY | JSON_COMPACT);
        if (!id)
            return err_nomem(e, "output");
        buf_printf(b, "{\"id\": %s", id);
        free(id);
    } else {
        buf_str(b, "{\"text\": ");
        json_put_string(b, x->texts.data + w->offset, w->len);
    }
    buf_str(b, ", \"embedding\": [");
    for (size_t i = 0; i < embedder_info(x->em)->width; i++) {
        if (i)
            buf_str(b, ", ");
        json_put_number(b, (double)v[i], DIGITS);
    }
    buf_str(b, "]}\n");
    return buf_failed(b) ? err_nomem(e, "output") : 0;
}

/* Embeds what waits and writes it. */
static int embed_batch(struct embedding *x, struct err *e) {
    struct embed_text texts[BATCH];
    struct embed_note notes[BATCH];
    const struct embed_call call = {.stop = interrupt_flag()};
    for (size_t i = 0; i < x->n; i++)
        texts[i] = (struct embed_text){x->texts.data + x->waiting[i].offset, x->waiting[i].len};
    int rc = x->n ? embedder_embed(x->em, texts, x->n, &call, x->vectors, notes, e) : 0;
    for (size_t i = 0; rc == 0 && i < x->n; i++) {
        x->cut += notes[i].all > notes[i].tokens;
        rc = put_one(x, &x->waiting[i], x->vectors + i * embedder_info(x->em)->width, e);
    }
    for (size_t i = 0; i < x->n; i++)
        json_decref(x->waiting[i].id);
    x->n = 0;
    buf_clear(&x->texts);
    if (rc == 0 && x->out.len && fwrite(x->out.data, 1, x->out.len, stdout) != x->out.len)
        rc = err_errno(e, "standard output", "write");
    buf_clear(&x->out);
    return rc ? rc : flush_stdout(e);
}

static int add(struct embedding *x, const char *text, size_t len, json_t *id, struct err *e) {
    x->waiting[x->n++] = (struct waiting){x->texts.len, len, json_incref(id)};
    buf_append(&x->texts, text, len);
    buf_str(&x->texts, "");
    if (buf_failed(&x->texts))
        return err_nomem(e, "text");
    return x->n == BATCH || x->texts.len >= BATCH_BYTES ? embed_batch(x, e) : 0;
}

static int add_json(struct embedding *x, const char *line, size_t len, uint64_t number,
                    struct err *e) {
    json_error_t why;
    json_t *root = json_loadb(line, len, JSON_ALLOW_NUL | JSON_REJECT_DUPLICATES, &why);
    if (!root)
        return err_set(e, PRECIS_EINPUT, "line %llu: %s", (unsigned long long)number, why.text);
    const json_t *text = json_object_get(root, "text");
    json_t *id = json_object_get(root, "id");
    int rc;
    if (!json_is_string(text) || !(json_is_string(id) || json_is_integer(id)))
        rc = err_set(e, PRECIS_EINPUT,
                     "line %llu: {\"id\": string or number, \"text\": string} is wanted",
                     (unsigned long long)number);
    else
        rc = add(x, json_string_value(text), json_string_length(text), id, e);
    json_decref(root);
    return rc;
}

static int add_line(struct embedding *x, const char *line, size_t len, uint64_t number,
                    struct err *e) {
    if (x->args->jsonl)
        return len ? add_json(x, line, len, number, e) : 0;
    if (!utf8_valid(line, len))
        return err_set(e, PRECIS_EINPUT, "line %llu: is not UTF-8", (unsigned long long)number);
    return add(x, line, len, NULL, e);
}

static int embed_lines(struct embedding *x, struct err *e) {
    char *line = NULL;
    size_t size = 0;
    int rc = 0;
    ssize_t len;
    for (uint64_t number = 1; rc == 0 && (len = getline(&line, &size, stdin)) >= 0; number++) {
        if (len > 0 && line[len - 1] == '\n')
            len--;
        rc = len > MOST_LINE ? err_set(e, PRECIS_ELIMIT, "line %llu: has %zd bytes, at most %d",
                                       (unsigned long long)number, len, MOST_LINE)
                             : add_line(x, line, (size_t)len, number, e);
    }
    free(line);
    if (rc == 0 && ferror(stdin))
        rc = err_errno(e, "standard input", "read");
    return rc ? rc : embed_batch(x, e);
}

static int run_embed(const struct args *a, struct err *e) {
    struct embedding x = {.args = a};
    if (a->operands.n)
        return err_set(e, PRECIS_EUSAGE, "%s: embed reads standard input", a->operands.v[0]);
    const struct embedder_options o = {.engine = {.precision = (enum precision)a->precision,
                                                  .lanes = (int)a->lanes,
                                                  .memory_limit = (size_t)a->memory_limit,
                                                  .device = (enum device)a->device}};
    int rc = embedder_open(a->embedding_model, &o, &x.em, e);
    if (rc == 0 && !(x.vectors = malloc(BATCH * embedder_info(x.em)->width * sizeof(float))))
        rc = err_nomem(e, "vectors");
    if (rc == 0)
        rc = embed_lines(&x, e);
    for (size_t i = 0; i < x.n; i++)
        json_decref(x.waiting[i].id);
    if (rc == 0 && x.cut)
        log_say(LOG_WARN, "%llu texts were cut to %zu tokens", (unsigned long long)x.cut,
                embedder_info(x.em)->max_tokens);
    free(x.vectors);
    buf_free(&x.texts);
    buf_free(&x.out);
    embedder_close(x.em);
    return rc == PRECIS_ECANCELLED && interrupted() ? EXIT_INTERRUPTED : rc;
}

static const struct option_group *const groups[] = {&group_embedding, &group_engine, &group_general,
                                                    NULL};

const struct command command_embed = {
    .name = "embed",
    .summary = "vectors of texts",
    .details = "Reads a text from each line of standard input and writes a line of JSON for each,\n"
               "in order: {\"text\", \"embedding\"}. Pooling, normalisation and length are what\n"
               "the model's folder says.",
    .groups = groups,
    .examples = "  precis embed < lines > vectors.jsonl\n"
                "  precis embed --jsonl < texts.jsonl > vectors.jsonl\n",
    .run = run_embed,
};
