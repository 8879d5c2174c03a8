#include "summary/known.h"

#include <string.h>

#include "base/utf8.h"
#include "summary/task.h"

/* Whether the line is one that this run could have made itself: whoever kept it is not trusted. */
static bool is_usable(const struct known_line *k, int max_chars) {
    return k->line.len && !buf_failed(&k->line) && utf8_valid(k->line.data, k->line.len) &&
           utf8_length(k->line.data, k->line.len) <= (size_t)max_chars && k->confidence >= 0 &&
           k->confidence <= 1 && memchr(k->source, 0, sizeof k->source);
}

static void take(struct task *t, struct known_line *k) {
    buf_free(&t->line);
    t->line = k->line;
    k->line = (struct buf){0};
    t->confidence = k->confidence;
    memcpy(t->source, k->source, sizeof t->source);
    t->tokens_in = (size_t)k->tokens_in;
    t->tokens_out = (size_t)k->tokens_out;
    t->cut = k->cut;
    t->known = true;
}

static void ask(struct task *t, const struct run_options *options) {
    struct summary about = {.level = SUMMARY_CHUNK,
                            .file_path = t->file->name,
                            .start_line = t->start_line,
                            .end_line = t->end_line,
                            .lang = t->file->file->lang};
    struct known_line k = {0};
    memcpy(about.sha256, t->sha256, sizeof about.sha256);
    memcpy(about.context_sha256, t->context_sha256, sizeof about.context_sha256);
    if (options->known->find(options->known->user, &about, &k) && is_usable(&k, options->max_chars))
        take(t, &k);
    buf_free(&k.line);
}

/* All that a model is given: where two prompts have the same ids everything in them is the same. */
static int set_context(struct task *t, struct err *e) {
    struct buf b = {0};
    buf_append(&b, t->ids.v, t->ids.n * sizeof *t->ids.v);
    buf_char(&b, (char)t->nouns);
    int rc = buf_failed(&b) ? err_nomem(e, t->file->name)
                            : hash_sha256_hex(b.data, b.len, t->context_sha256, e);
    buf_free(&b);
    return rc;
}

bool task_is_over(struct task *t, const struct run_options *options) {
    if (t->finish == FINISH_FAILED)
        return true;
    if (set_context(t, &t->err) != 0) {
        t->finish = FINISH_FAILED;
        return true;
    }
    if (options->known)
        ask(t, options);
    return t->known;
}
