#include "summary/known.h"

#include <string.h>

#include "base/utf8.h"
#include "summary/task.h"

bool known_is_usable(const struct known_line *k, int max_chars) {
    return k->line.len && !buf_failed(&k->line) && utf8_valid(k->line.data, k->line.len) &&
           utf8_length(k->line.data, k->line.len) <= (size_t)max_chars && k->confidence >= 0 &&
           k->confidence <= 1 && strncmp(k->source, "model", sizeof k->source) == 0;
}

static void take(struct task *t, struct known_line *k) {
    buf_free(&t->line);
    t->line = k->line;
    k->line = (struct buf){0};
    t->verdict = (struct verdict){.confidence = k->confidence, .grounded = true};
    t->source = "model";
    t->tokens_in = (size_t)k->tokens_in;
    t->tokens_out = (size_t)k->tokens_out;
    t->cut = k->cut;
    t->made = k->made;
    t->known = true;
}

static bool find(struct task *t, const struct known *from, int max_chars) {
    struct summary about = {.level = SUMMARY_CHUNK,
                            .file_path = t->file->name,
                            .start_line = t->start_line,
                            .end_line = t->end_line,
                            .lang = t->file->file->lang,
                            .index = t->index};
    struct known_line k = {0};
    if (!from)
        return false;
    memcpy(about.sha256, t->sha256, sizeof about.sha256);
    memcpy(about.context_sha256, t->context_sha256, sizeof about.context_sha256);
    if (from->find(from->user, &about, &k) && known_is_usable(&k, max_chars))
        take(t, &k);
    buf_free(&k.line);
    return t->known;
}

bool task_known(struct task *t, const struct run_options *options) {
    return find(t, options->known, options->max_chars);
}

bool task_lesser(struct task *t, const struct run_options *options) {
    return find(t, options->lesser, options->max_chars);
}
