#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "cli/cli.h"
#include "cli/input_text.h"
#include "cli/model.h"
#include "model/json_file.h"
#include "model/kind.h"

#define AT(member) offsetof(struct args, member)

static const struct option prompt[] = {
    {.name = "prompt",
     .type = OPTION_TEXT,
     .offset = AT(prompt),
     .argument = "TEXT",
     .help = "what to say to the model"},
    {.name = "prompt-file",
     .type = OPTION_TEXT,
     .names = NAMES_FILE,
     .offset = AT(prompt_file),
     .argument = "FILE",
     .help = "the same from a file; -: standard input"},
    {.name = "ids",
     .type = OPTION_TEXT,
     .names = NAMES_FILE,
     .offset = AT(ids),
     .argument = "FILE",
     .help = "a JSON array of token ids instead, used as it is; -: standard input; with --json "
             "a folder needs no tokenizer then (text is null)"},
    {.name = "raw",
     .offset = AT(raw),
     .help = "no chat template: the text is continued, special tokens in it are recognised"},
    {.name = "system",
     .type = OPTION_TEXT,
     .offset = AT(system),
     .argument = "TEXT",
     .help = "the system message, instead of the model's own"},
    {.name = "chat-template",
     .type = OPTION_CHOICE,
     .offset = AT(chat_template),
     .argument = "NAME",
     .fallback = "auto",
     .choices = choices_template,
     .help = "how the model wants a conversation spelled"},
    {0}};
static const struct option_group group_prompt = {"Prompt", prompt};

static const struct option answer[] = {
    {.name = "max-new-tokens",
     .harmless = true,
     .type = OPTION_NUMBER,
     .offset = AT(max_new_tokens),
     .argument = "N",
     .fallback = "256",
     .min = 1,
     .max = 1000000,
     .help = "tokens in the answer"},
    {.name = "stop",
     .type = OPTION_LIST,
     .offset = AT(stops),
     .argument = "WORD",
     .help = "end before this text"},
    {.name = "ignore-eos",
     .offset = AT(ignore_eos),
     .help = "go on when the model says that it is done"},
    {.name = "logprobs",
     .type = OPTION_NUMBER,
     .offset = AT(logprobs),
     .argument = "K",
     .fallback = "0",
     .max = ENGINE_MAX_TOP,
     .help = "with --json: the K likeliest tokens at each step"},
    {.name = "json",
     .harmless = true,
     .offset = AT(json),
     .help = "one JSON value with ids, text and logprobs, instead of the text as it comes"},
    {0}};
static const struct option_group group_answer = {"Answer", answer};

/* Filled by the engine's lane, printed by the main thread. */
struct stream {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    const struct args *args;
    struct detok detok;
    struct buf text;
    size_t text_end;  /* of the answer, once a stop word was found; else SIZE_MAX */
    size_t hold_back; /* bytes at the end that may be the beginning of a stop word */
    struct ids ids;
    struct buf logprobs, top; /* float[]; engine_candidate[], top_n of them for each token */
    struct buf top_n;         /* int[] */
    bool done;
    enum engine_finish finish;
    struct err err;
};

static bool find_stop(struct stream *s, size_t from) {
    for (size_t i = 0; i < s->args->stops.n && s->text.data; i++) {
        const char *word = s->args->stops.v[i];
        size_t len = strlen(word), start = from > len ? from - len : 0;
        const char *hit = memmem(s->text.data + start, s->text.len - start, word, len);
        if (hit && (size_t)(hit - s->text.data) < s->text_end)
            s->text_end = (size_t)(hit - s->text.data);
    }
    return s->text_end != SIZE_MAX;
}

static int on_token(void *user, const struct engine_token *t) {
    struct stream *s = user;
    pthread_mutex_lock(&s->lock);
    size_t before = s->text.len;
    ids_push(&s->ids, t->id);
    buf_append(&s->logprobs, &t->logprob, sizeof t->logprob);
    buf_append(&s->top_n, &t->n_top, sizeof t->n_top);
    if (t->n_top > 0)
        buf_append(&s->top, t->top, (size_t)t->n_top * sizeof *t->top);
    if (s->detok.tok)
        detok_push(&s->detok, t->id, &s->text);
    bool stop = find_stop(s, before) || interrupted() || buf_failed(&s->text);
    pthread_cond_signal(&s->changed);
    pthread_mutex_unlock(&s->lock);
    return stop;
}

static void on_done(void *user, const struct engine_result *r) {
    struct stream *s = user;
    pthread_mutex_lock(&s->lock);
    if (s->detok.tok)
        detok_finish(&s->detok, &s->text);
    s->finish = r->finish;
    s->err = r->err;
    s->done = true;
    pthread_cond_signal(&s->changed);
    pthread_mutex_unlock(&s->lock);
}

/* Prints the text as it comes, or only waits. A failed write cancels the job. */
static int follow(struct stream *s, struct engine *engine, uint64_t ticket, struct err *e) {
    size_t printed = 0;
    int rc = 0;
    pthread_mutex_lock(&s->lock);
    for (;;) {
        size_t hold = s->done ? 0 : s->hold_back;
        size_t end = s->text.len > hold ? s->text.len - hold : 0;
        if (end > s->text_end)
            end = s->text_end;
        if (!s->args->json && rc == 0 && end > printed) {
            /* a copy, so that a slow reader does not hold the lane */
            struct buf piece = {0};
            buf_append(&piece, s->text.data + printed, end - printed);
            printed = end;
            pthread_mutex_unlock(&s->lock);
            if (buf_failed(&piece))
                rc = err_nomem(e, "text");
            else if (fwrite(piece.data, 1, piece.len, stdout) != piece.len || fflush(stdout))
                rc = err_errno(e, "standard output", "write");
            buf_free(&piece);
            if (rc)
                engine_cancel(engine, ticket);
            pthread_mutex_lock(&s->lock);
            continue;
        }
        if (s->done)
            break;
        pthread_cond_wait(&s->changed, &s->lock);
    }
    pthread_mutex_unlock(&s->lock);
    return rc;
}

static void put_ids(struct buf *b, const char *name, const struct ids *ids) {
    buf_printf(b, "\"%s\": [", name);
    for (size_t i = 0; i < ids->n; i++)
        buf_printf(b, "%s%u", i ? ", " : "", ids->v[i]);
    buf_str(b, "], ");
}

static const char *finish_reason(const struct stream *s) {
    if (s->text_end != SIZE_MAX)
        return engine_finish_name(FINISH_STOP);
    return engine_finish_name(s->finish == FINISH_CALLBACK ? FINISH_CANCELLED : s->finish);
}

static int print_json(const struct stream *s, const struct ids *prompt_ids, struct err *e) {
    struct buf b = {0};
    const float *logprobs = (const float *)(const void *)s->logprobs.data;
    const int *n_top = (const int *)(const void *)s->top_n.data;
    const struct engine_candidate *top = (const void *)s->top.data;
    buf_char(&b, '{');
    put_ids(&b, "prompt_ids", prompt_ids);
    put_ids(&b, "ids", &s->ids);
    buf_str(&b, "\"text\": ");
    size_t len = s->text_end < s->text.len ? s->text_end : s->text.len;
    if (s->detok.tok)
        json_put_string(&b, s->text.data ? s->text.data : "", len);
    else
        buf_str(&b, "null");
    buf_str(&b, ", \"logprobs\": [");
    for (size_t i = 0; i < s->ids.n; i++) {
        buf_str(&b, i ? ", " : "");
        json_put_number(&b, (double)logprobs[i], 9);
    }
    buf_str(&b, "], \"top_logprobs\": [");
    for (size_t i = 0; i < s->ids.n && s->args->logprobs > 0; i++) {
        buf_str(&b, i ? ", [" : "[");
        for (int k = 0; k < n_top[i]; k++, top++) {
            buf_printf(&b, "%s[%u, ", k ? ", " : "", top->id);
            json_put_number(&b, (double)top->logprob, 9);
            buf_char(&b, ']');
        }
        buf_char(&b, ']');
    }
    buf_printf(&b, "], \"finish_reason\": \"%s\"}\n", finish_reason(s));
    int rc = buf_failed(&b) ? err_nomem(e, "JSON") : 0;
    if (rc == 0 && fwrite(b.data, 1, b.len, stdout) != b.len)
        rc = err_errno(e, "standard output", "write");
    buf_free(&b);
    return rc;
}

static int check_prompt(const struct args *a, struct err *e) {
    int given = (a->prompt != NULL) + (a->prompt_file != NULL) + (a->ids != NULL);
    if (given != 1)
        return err_set(e, PRECIS_EUSAGE, "%s --prompt, --prompt-file and --ids is needed",
                       given ? "only one of" : "one of");
    if (a->system && (a->raw || a->ids))
        return err_set(e, PRECIS_EUSAGE, "--system: has no place in a prompt without a template");
    for (size_t i = 0; i < a->stops.n; i++)
        if (!*a->stops.v[i])
            return err_set(e, PRECIS_EUSAGE, "--stop \"\": must not be empty");
    struct sampling s;
    model_sampling(a, &s);
    return sampling_check(&s, e);
}

/* text: the prompt's, or the JSON of --ids. */
static int build_prompt(const struct args *a, const struct model *m, const struct buf *text,
                        struct ids *out, struct err *e) {
    const char *data = text->data ? text->data : "";
    int rc;
    if (a->ids) {
        rc = input_ids(data, text->len, a->ids, engine_info(m->engine)->vocab, out, e);
    } else if (!m->chat && a->system) {
        rc = err_set(e, PRECIS_EUSAGE, "--system: a sequence-to-sequence model takes none");
    } else if (a->raw || !m->chat) {
        rc = tok_encode(m->tok, data, text->len, TOK_DEFAULT, out, e);
    } else {
        struct chat_message messages[2];
        size_t n = 0;
        if (a->system)
            messages[n++] = (struct chat_message){"system", a->system, strlen(a->system)};
        messages[n++] = (struct chat_message){"user", data, text->len};
        rc = chat_encode(m->chat, messages, n, out, e);
    }
    if (rc == 0 && out->failed)
        rc = err_nomem(e, "prompt");
    if (rc == 0 && out->n == 0)
        rc = err_set(e, PRECIS_EINPUT, "%s: the prompt is empty",
                     a->ids           ? a->ids
                     : a->prompt_file ? a->prompt_file
                                      : "--prompt");
    return rc;
}

/* Of a model without tokenizer: as its folder says, or of a file named onnx/NAME the one above. */
static int folder_stops(const struct model *m, uint32_t *ids, size_t *n, struct err *e) {
    enum model_kind kind;
    char folder[sizeof m->path + sizeof "/.."];
    struct stat st;
    *n = 0;
    int rc = model_kind_of(m->path, &kind, e);
    if (rc || kind == MODEL_GGUF)
        return rc;
    snprintf(folder, sizeof folder, "%s", m->path);
    if (stat(folder, &st) != 0 || !S_ISDIR(st.st_mode)) {
        char *slash = strrchr(folder, '/');
        snprintf(slash ? slash : folder, sizeof "/", slash == folder ? "/" : slash ? "" : ".");
    }
    rc = json_file_stops(folder, ids, ENGINE_MAX_STOPS, n, e);
    const char *slash = strrchr(folder, '/');
    if (rc || *n || strcmp(slash ? slash + 1 : folder, "onnx") != 0)
        return rc;
    snprintf(folder + strlen(folder), sizeof "/..", "/..");
    return json_file_stops(folder, ids, ENGINE_MAX_STOPS, n, e);
}

static int read_stops(const struct model *m, struct engine_job *job, struct err *e) {
    uint32_t ids[ENGINE_MAX_STOPS];
    const uint32_t *stops = ids;
    size_t n = 0;
    int rc = 0;
    if (m->tok)
        stops = tok_stops(m->tok, &n);
    else
        rc = folder_stops(m, ids, &n, e);
    for (size_t i = 0; i < n && job->n_stops < ENGINE_MAX_STOPS; i++)
        if (stops[i] < engine_info(m->engine)->vocab)
            job->stops[job->n_stops++] = stops[i];
    return rc;
}

static int generate(const struct args *a, const struct model *m, const struct ids *prompt_ids,
                    struct err *e) {
    struct stream s = {.args = a, .text_end = SIZE_MAX};
    struct engine_job job = {.ids = prompt_ids->v,
                             .n_ids = prompt_ids->n,
                             .max_new_tokens = (size_t)a->max_new_tokens,
                             .top = (int)a->logprobs,
                             .on_token = on_token,
                             .on_done = on_done,
                             .user = &s};
    model_sampling(a, &job.sampling);
    int rc = a->ignore_eos ? 0 : read_stops(m, &job, e);
    if (rc)
        return rc;
    for (size_t i = 0; i < a->stops.n; i++)
        if (strlen(a->stops.v[i]) > s.hold_back + 1)
            s.hold_back = strlen(a->stops.v[i]) - 1;
    pthread_mutex_init(&s.lock, NULL);
    pthread_cond_init(&s.changed, NULL);
    if (m->tok)
        detok_start(&s.detok, m->tok, false);
    uint64_t ticket = 0;
    rc = engine_submit(m->engine, &job, &ticket, e);
    if (rc == 0)
        rc = follow(&s, m->engine, ticket, e);
    if (rc == 0 && s.finish == FINISH_FAILED) {
        *e = s.err;
        rc = s.err.code ? s.err.code : PRECIS_EINPUT;
    }
    if (rc == 0 && (buf_failed(&s.text) || s.ids.failed || buf_failed(&s.logprobs) ||
                    buf_failed(&s.top) || buf_failed(&s.top_n)))
        rc = detok_failure(&s.detok, "answer", e);
    if (rc == 0 && a->json)
        rc = print_json(&s, prompt_ids, e);
    else if (rc == 0)
        putchar('\n');
    if (rc == 0)
        rc = flush_stdout(e);
    buf_free(&s.text);
    buf_free(&s.logprobs);
    buf_free(&s.top);
    buf_free(&s.top_n);
    ids_free(&s.ids);
    pthread_cond_destroy(&s.changed);
    pthread_mutex_destroy(&s.lock);
    return rc ? rc : interrupted() ? EXIT_INTERRUPTED : EXIT_DONE;
}

static int run_generate(const struct args *a, struct err *e) {
    struct buf text = {0};
    struct ids prompt_ids = {0};
    struct model m = {0};
    int rc = check_prompt(a, e);
    if (rc == 0 && a->prompt)
        buf_str(&text, a->prompt);
    else if (rc == 0)
        rc = input_read(a->ids ? a->ids : a->prompt_file, &text, e);
    /* ids in, ids out: that needs no tokenizer */
    bool bare = a->ids && a->json && a->stops.n == 0;
    unsigned parts = (bare ? MODEL_TOKENIZER_IF_ANY : MODEL_TOKENIZER) | MODEL_ENGINE |
                     (a->raw || a->ids ? 0 : (unsigned)MODEL_CHAT);
    if (rc == 0)
        rc = model_open_asked(&m, a, parts, 1, e);
    if (rc == 0)
        rc = build_prompt(a, &m, &text, &prompt_ids, e);
    interrupt_flag();
    if (rc == 0)
        rc = generate(a, &m, &prompt_ids, e);
    model_close(&m);
    ids_free(&prompt_ids);
    buf_free(&text);
    return rc;
}

static const struct option_group *const groups[] = {&group_prompt, &group_answer,  &group_sampling,
                                                    &group_model,  &group_general, NULL};

const struct command command_generate = {
    .name = "generate",
    .summary = "text from a model",
    .details = "Answers a prompt, on standard output as it comes.",
    .groups = groups,
    .examples =
        "  precis generate --prompt 'What does mmap do?'\n"
        "  precis generate --raw --prompt-file start.txt --max-new-tokens 64 --json\n"
        "  precis generate --prompt-file - --sampling-strategy nucleus --seed 7 < ask.txt\n",
    .run = run_generate,
};
