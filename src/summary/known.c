#include "summary/known.h"

#include <stdlib.h>
#include <string.h>

#include "base/utf8.h"
#include "summary/task.h"

static bool is_line(const struct known_line *k, int max_chars) {
    return !k->nothing && k->line.len && !buf_failed(&k->line) && !buf_failed(&k->renamed_from) &&
           utf8_valid(k->line.data, k->line.len) &&
           utf8_length(k->line.data, k->line.len) <= (size_t)max_chars && k->confidence >= 0 &&
           k->confidence <= 1;
}

static const char *source_of(const struct known_line *k) {
    static const char *const sources[] = {"model", "doc", "rule"};
    for (size_t i = 0; i < sizeof sources / sizeof *sources; i++)
        if (strncmp(k->source, sources[i], sizeof k->source) == 0)
            return sources[i];
    return NULL;
}

bool known_is_usable(const struct known_line *k, int max_chars) {
    return is_line(k, max_chars) && strncmp(k->source, "model", sizeof k->source) == 0;
}

bool known_chunk_is_usable(const struct known_chunk *c, int max_chars) {
    bool good = c->line.nothing ? c->line.line.len && !buf_failed(&c->line.line)
                                : is_line(&c->line, max_chars) && source_of(&c->line);
    return good && !buf_failed(&c->symbol);
}

void known_line_free(struct known_line *k) {
    buf_free(&k->line);
    buf_free(&k->renamed_from);
}

void known_chunks_free(struct known_chunks *c) {
    for (size_t i = 0; i < c->n; i++) {
        known_line_free(&c->v[i].line);
        buf_free(&c->v[i].symbol);
    }
    free(c->v);
    *c = (struct known_chunks){0};
}

static void take(struct task *t, struct known_line *k) {
    buf_free(&t->line);
    t->line = k->line;
    k->line = (struct buf){0};
    t->verdict = (struct verdict){.confidence = k->confidence, .grounded = true};
    t->source = source_of(k);
    t->tokens_in = (size_t)k->tokens_in;
    t->tokens_out = (size_t)k->tokens_out;
    t->cut = k->cut;
    t->made = k->made;
    t->known = true;
    t->renamed_from = k->renamed_from;
    k->renamed_from = (struct buf){0};
    t->has_key = t->renamed_from.len > 0;
    if (t->has_key)
        memcpy(t->known_key, k->key, sizeof t->known_key);
}

/* Asking again would come to the same. */
static void take_nothing(struct task *t, const struct known_line *k) {
    err_set(&t->err, PRECIS_ENOTFOUND, "%s", k->line.data ? k->line.data : "no usable line");
    t->finish = FINISH_FAILED;
    t->tokens_in = (size_t)k->tokens_in;
    t->tokens_out = (size_t)k->tokens_out;
    t->cut = k->cut;
    t->known = true;
}

void task_take_chunk(struct task *t, struct known_chunk *c) {
    if (c->line.nothing)
        take_nothing(t, &c->line);
    else
        take(t, &c->line);
    t->final = true;
    buf_free(&t->symbol);
    t->symbol = c->symbol;
    c->symbol = (struct buf){0};
    memcpy(t->sha256, c->sha256, sizeof t->sha256);
    memcpy(t->known_key, c->key, sizeof t->known_key);
    t->has_key = true;
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
    bool found =
        from->find(from->user, &about, &k) && (k.nothing || known_is_usable(&k, max_chars));
    if (found && k.nothing)
        take_nothing(t, &k);
    else if (found)
        take(t, &k);
    known_line_free(&k);
    return found;
}

bool task_known(struct task *t, const struct run_options *options) {
    return find(t, options->known, options->max_chars);
}

bool task_lesser(struct task *t, const struct run_options *options) {
    return find(t, options->lesser, options->max_chars);
}
