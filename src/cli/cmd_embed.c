#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/file.h"
#include "base/json.h"
#include "base/log.h"
#include "base/utf8.h"
#include "cli/cli.h"
#include "cli/embed_output.h"
#include "search/embed.h"

#define AT(member) offsetof(struct args, member)

enum {
    BATCH = 2048,          /* texts that wait for each other, so memory does not grow */
    BATCH_BYTES = 1 << 22, /* or so many bytes of them */
    MOST_LINE = 1 << 26    /* bytes of a line */
};

enum format { FORMAT_JSONL, FORMAT_NPY };
static const char *const choices_format[] = {"jsonl", "npy", NULL};
enum long_texts { LONG_CUT, LONG_MEAN };
static const char *const choices_long[] = {"cut", "mean", NULL};

static const struct option embedding[] = {
    {.name = "model",
     .type = OPTION_TEXT,
     .names = NAMES_MODEL,
     .offset = AT(embedding_model),
     .argument = "M",
     .fallback = "minilm",
     .help = "the encoder: a catalogue name, a folder, a .onnx file or hf:org/name"},
    {.name = "jsonl",
     .harmless = true,
     .offset = AT(jsonl),
     .help = "lines of JSON: {\"id\", \"text\"} in, {\"id\", ...} out"},
    {.name = "long",
     .type = OPTION_CHOICE,
     .offset = AT(long_texts),
     .argument = "HOW",
     .fallback = "cut",
     .choices = choices_long,
     .help = "a text with more tokens than the model takes: its beginning, or the mean of windows"},
    {.name = "format",
     .harmless = true,
     .type = OPTION_CHOICE,
     .offset = AT(format),
     .argument = "F",
     .fallback = "jsonl",
     .choices = choices_format,
     .help = "npy: one NumPy array of f32, a row for each text; needs -o"},
    {.name = "output",
     .letter = 'o',
     .type = OPTION_TEXT,
     .names = NAMES_FILE,
     .offset = AT(output),
     .argument = "FILE",
     .fallback = "-",
     .help = "where the vectors go; the file is whole or absent"},
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
    struct outfile file;
    struct buf texts, out;
    struct waiting waiting[BATCH];
    struct embed_text list[BATCH];
    struct embed_note notes[BATCH];
    size_t n;
    float *vectors; /* [BATCH, width] */
    uint64_t written, cut, windowed;
    struct embed_progress progress;
};

static void put_note(const struct embed_note *n, struct buf *b) {
    buf_printf(b, ", \"tokens\": %zu", n->tokens);
    if (n->all > n->tokens)
        buf_printf(b, ", \"cut\": true, \"all_tokens\": %zu", n->all);
    if (n->windows > 1)
        buf_printf(b, ", \"windows\": %zu", n->windows);
}

static int put_json(struct embedding *x, size_t i, const float *v, struct err *e) {
    const struct waiting *w = &x->waiting[i];
    struct buf *b = &x->out;
    if (w->id) {
        buf_str(b, "{\"id\": ");
        json_append(b, w->id, JSON_COMPACT);
    } else {
        buf_str(b, "{\"text\": ");
        json_put_string(b, x->texts.data + w->offset, w->len);
    }
    put_note(&x->notes[i], b);
    buf_str(b, ", \"embedding\": [");
    for (size_t k = 0; k < embedder_info(x->em)->width; k++) {
        if (k)
            buf_str(b, ", ");
        embed_put_float(b, v[k]);
    }
    buf_str(b, "]}\n");
    return buf_failed(b) ? err_nomem(e, "output") : 0;
}

static int write_out(struct embedding *x, const void *data, size_t len, struct err *e) {
    const char *name = x->file.is_stdout ? "standard output" : x->file.path;
    return fwrite(data, 1, len, x->file.f) == len ? 0 : err_errno(e, name, "write");
}

static int write_batch(struct embedding *x, struct err *e) {
    const size_t width = embedder_info(x->em)->width;
    int rc = 0;
    for (size_t i = 0; i < x->n; i++) {
        x->cut += x->notes[i].all > x->notes[i].tokens;
        x->windowed += x->notes[i].windows > 1;
    }
    if (x->args->format == FORMAT_NPY)
        return write_out(x, x->vectors, x->n * width * sizeof *x->vectors, e);
    for (size_t i = 0; rc == 0 && i < x->n; i++)
        rc = put_json(x, i, x->vectors + i * width, e);
    if (rc == 0 && x->out.len)
        rc = write_out(x, x->out.data, x->out.len, e);
    buf_clear(&x->out);
    return rc || !x->file.is_stdout ? rc : flush_stdout(e);
}

/* Embeds what waits and writes it. */
static int embed_batch(struct embedding *x, struct err *e) {
    const bool windows = x->args->long_texts == LONG_MEAN;
    const struct embed_call call = {
        .stop = interrupt_flag(), .on_progress = embed_progress_show, .user = &x->progress};
    for (size_t i = 0; i < x->n; i++)
        x->list[i] = (struct embed_text){x->texts.data + x->waiting[i].offset, x->waiting[i].len};
    int rc = 0;
    if (x->n)
        rc = (windows ? embedder_embed_windows : embedder_embed)(x->em, x->list, x->n, &call,
                                                                 x->vectors, x->notes, e);
    if (rc == 0)
        rc = write_batch(x, e);
    for (size_t i = 0; rc == 0 && i < x->n; i++)
        x->progress.tokens += x->notes[i].tokens;
    for (size_t i = 0; i < x->n; i++)
        json_decref(x->waiting[i].id);
    x->written += x->n;
    x->progress.texts = x->written;
    x->n = 0;
    buf_clear(&x->texts);
    if (rc == 0)
        embed_progress_show(&x->progress, 0, 0);
    return rc;
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
    json_t *root = json_read(line, len, JSON_ALLOW_NUL | JSON_REJECT_DUPLICATES, &why);
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
        x->progress.bytes += (uint64_t)len;
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

static int open_output(struct embedding *x, struct err *e) {
    const bool npy = x->args->format == FORMAT_NPY;
    if (npy && strcmp(x->args->output, "-") == 0)
        return err_set(e, PRECIS_EUSAGE, "--format npy: needs -o FILE");
    int rc = outfile_open(&x->file, x->args->output, e);
    if (rc)
        return rc;
    interrupt_note_temp(x->file.temp);
    if (npy && !x->file.temp)
        return err_set(e, PRECIS_EUSAGE, "%s: --format npy needs a regular file", x->args->output);
    return npy ? npy_write_header(x->file.f, x->file.path, 0, embedder_info(x->em)->width, e) : 0;
}

static int close_output(struct embedding *x, struct err *e) {
    int rc = 0;
    if (x->args->format == FORMAT_NPY)
        rc = npy_write_header(x->file.f, x->file.path, x->written, embedder_info(x->em)->width, e);
    return rc ? rc : outfile_commit(&x->file, e);
}

static void say_long(const struct embedding *x) {
    const size_t most = embedder_info(x->em)->max_tokens;
    if (x->cut)
        log_say(LOG_WARN, "%llu of %llu texts were cut to %zu tokens (--long mean reads all)",
                (unsigned long long)x->cut, (unsigned long long)x->written, most);
    if (x->windowed)
        log_say(LOG_INFO, "%llu of %llu texts were read in windows of at most %zu tokens",
                (unsigned long long)x->windowed, (unsigned long long)x->written, most);
}

static int embed_all(struct embedding *x, struct err *e) {
    const struct args *a = x->args;
    const struct embedder_options o = {.engine = {.precision = (enum precision)a->precision,
                                                  .lanes = (int)a->lanes,
                                                  .memory_limit = (size_t)a->memory_limit,
                                                  .device = (enum device)a->device}};
    int rc = embedder_open(a->embedding_model, &o, &x->em, e);
    if (rc == 0 && !(x->vectors = malloc(BATCH * embedder_info(x->em)->width * sizeof(float))))
        rc = err_nomem(e, "vectors");
    if (rc == 0)
        rc = open_output(x, e);
    if (rc == 0) {
        embed_progress_begin(&x->progress);
        rc = embed_lines(x, e);
        embed_progress_end(&x->progress);
    }
    if (rc == 0)
        rc = close_output(x, e);
    if (rc == 0)
        say_long(x);
    return rc;
}

static int run_embed(const struct args *a, struct err *e) {
    if (a->operands.n)
        return err_set(e, PRECIS_EUSAGE, "%s: embed reads standard input", a->operands.v[0]);
    struct embedding *x = calloc(1, sizeof *x);
    if (!x)
        return err_nomem(e, "texts");
    x->args = a;
    int rc = embed_all(x, e);
    outfile_abort(&x->file);
    interrupt_note_temp(NULL);
    for (size_t i = 0; i < x->n; i++)
        json_decref(x->waiting[i].id);
    free(x->vectors);
    buf_free(&x->texts);
    buf_free(&x->out);
    embedder_close(x->em);
    free(x);
    return rc == PRECIS_ECANCELLED && interrupted() ? EXIT_INTERRUPTED : rc;
}

static const struct option_group *const groups[] = {&group_embedding, &group_engine, &group_general,
                                                    NULL};

const struct command command_embed = {
    .name = "embed",
    .summary = "vectors of texts",
    .details =
        "Reads a text from each line of standard input and writes a line of JSON for each, in\n"
        "order: {\"text\", \"tokens\", \"embedding\"}. Pooling, normalisation and length are what\n"
        "the model's folder says. A text with more tokens than that is cut, and its line has\n"
        "\"cut\": true and \"all_tokens\"; with --long mean it is read in windows alike in "
        "length,\n"
        "whose vectors are averaged, weighed by their tokens, and its line has \"windows\".",
    .groups = groups,
    .examples = "  precis embed < lines > vectors.jsonl\n"
                "  precis embed --jsonl < texts.jsonl > vectors.jsonl\n"
                "  precis embed --format npy -o vectors.npy < lines\n",
    .run = run_embed,
};
