#include "cli/keep_impl.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/buf.h"
#include "base/file.h"
#include "base/hash.h"
#include "base/log.h"
#include "base/utf8.h"
#include "code/chunk.h"
#include "store/entries.h"
#include "store/settled.h"

enum { BATCH = 500 /* known lines in a commit */ };

void keep_close(struct keep *k) {
    if (!k)
        return;
    for (size_t i = 0; i < k->n; i++) {
        free(k->files[i].shown);
        free(k->files[i].name);
        free(k->files[i].done);
    }
    free(k->files);
    buf_free(&k->parameters);
    free(k->lookup.name);
    keep_forget_renamed(&k->lookup);
    store_close(k->lookup.store);
    store_close(k->store);
    free(k);
}

static char *valid_copy(const char *s) {
    struct buf b = {0};
    utf8_append_valid(&b, s, strlen(s));
    buf_str(&b, "");
    if (buf_failed(&b))
        buf_free(&b);
    return b.data;
}

static int list_files(struct keep *k, const struct walk *files, struct err *e) {
    k->files = calloc(files->n ? files->n : 1, sizeof *k->files);
    if (!k->files)
        return err_nomem(e, "list of files");
    for (k->n = 0; k->n < files->n; k->n++) {
        struct kept_file *f = &k->files[k->n];
        f->file = &files->files[k->n];
        if (!(f->shown = valid_copy(f->file->name)))
            return err_nomem(e, "list of files");
    }
    qsort(k->files, k->n, sizeof *k->files, keep_by_shown);
    return 0;
}

static int begin(struct keep *k, const struct args *a, const char *root, const struct walk *files,
                 const struct provenance *made, const struct sampling *sampling, struct err *e) {
    int rc = store_open(root, STORE_CREATE, &k->store, e);
    if (rc == 0)
        rc = store_run_begin(k->store, &k->run, e);
    if (rc == 0)
        rc = asked_parameters(&k->parameters, a, sampling, made, e);
    if (rc == 0)
        rc = list_files(k, files, e);
    k->made = (struct store_origin){.model = made->model,
                                    .model_revision = made->model_revision,
                                    .file_type = made->file_type,
                                    .precision = made->precision,
                                    .isa = made->isa,
                                    .prompt_version = made->prompt_version,
                                    .decoder_version = DECODER_VERSION,
                                    .parameters = k->parameters.data,
                                    .seed = made->seed};
    k->judged_by = made->judged_by;
    return rc;
}

/* A run whose lines will not be read as long as the pin stands. */
static void check_pin(struct keep *k) {
    struct store_revision r;
    if (store_active(k->store, &r, NULL) != 0)
        return;
    bool same = strcmp(r.model_revision, k->made.model_revision) == 0 &&
                (!r.prompt_version || strcmp(r.prompt_version, k->made.prompt_version) == 0);
    if (!same)
        log_say(LOG_WARN,
                "%s: another revision is pinned (%.12s, prompt %s): the lines of this run are "
                "kept, but not read",
                store_path(k->store), r.model_revision,
                r.prompt_version ? r.prompt_version : "any");
}

static bool is_folder(const char *path) {
    struct stat st;
    return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

/* The root of the store of a run; *found is the caller's. PRECIS_ENOTFOUND: there is none. */
static int find_root(const struct args *a, const char *path, const char **root, char **found,
                     struct err *e) {
    *found = NULL;
    if (a->no_store)
        return PRECIS_ENOTFOUND;
    int rc = a->store ? 0 : store_find_root(path, found, e);
    *root = a->store ? a->store : *found;
    return rc;
}

/* Whether lines are judged without the encoder that was asked for, which could not be opened: what
 * is made so must not be taken for what was asked for. */
static bool lacks_judge(const struct asked *asked, const char *judged_by) {
    return *asked->judge_revision && strcmp(judged_by, "words") == 0;
}

bool keep_find_model(const struct args *a, const char *path, const struct asked *asked,
                     struct asked_model *out, struct store **seen) {
    const char *root;
    char *found = NULL;
    *out = (struct asked_model){0};
    *seen = NULL;
    if (a->no_cache || !asked->whole)
        return false;
    int rc = find_root(a, path, &root, &found, NULL);
    if (rc == 0)
        rc = store_open(root, STORE_READ, seen, NULL); /* what is wrong with it is said later */
    if (rc == 0)
        rc = store_asked(*seen, asked->how, asked_take, out, NULL);
    free(found);
    if (rc || lacks_judge(asked, out->made.judged_by))
        return false;
    out->made.judge_revision = asked->judge_revision;
    return true;
}

int keep_open(const struct args *a, const char *path, const struct walk *files,
              const struct provenance *made, const struct sampling *sampling,
              const struct asked *asked, struct keep **out, struct err *e) {
    const char *root;
    char *found;
    struct err why = {0};
    *out = NULL;
    int rc = find_root(a, path, &root, &found, &why);
    if (rc == PRECIS_ENOTFOUND)
        return 0;
    struct keep *k = calloc(1, sizeof *k);
    if (!k) {
        free(found);
        return err_nomem(e, "store");
    }
    k->look = !a->no_cache;
    k->refresh = a->refresh_examples;
    k->asked = asked && asked->whole && !lacks_judge(asked, made->judged_by) ? asked : NULL;
    k->whole = a->operands.n <= 1 && is_folder(path) ? path : NULL;
    if (rc == 0)
        rc = begin(k, a, root, files, made, sampling, &why);
    free(found);
    if (rc == 0) {
        log_say(LOG_INFO, "keeping lines in %s", store_path(k->store));
        check_pin(k);
        *out = k;
        return 0;
    }
    keep_close(k);
    if (a->store || rc == PRECIS_ENOMEM)
        return err_set(e, rc, "%s", why.text);
    log_say(LOG_WARN, "%s; the lines of this run are not kept", why.text);
    return 0;
}

/* Whether the file is still the one that the walk saw, whose lines were summarised. */
static bool is_same(const struct walk_file *f, const struct stat *st) {
    return (uint64_t)st->st_size == f->size &&
           (int64_t)st->st_mtim.tv_sec * 1000000000 + st->st_mtim.tv_nsec == f->mtime_ns;
}

/* Notes the file in the store as it is; its state says whether it is still what was read. */
static int keep_file(struct keep *k, struct kept_file *f, struct err *e) {
    struct mapping m;
    struct stat before, after;
    struct store_file record = {.language = f->file->lang ? f->file->lang->name : NULL};
    f->state = FILE_CHANGED;
    if (stat(f->file->path, &before) != 0 || !is_same(f->file, &before) ||
        file_read(f->file->path, &m, NULL) != 0)
        return 0;
    int rc = hash_sha256(m.data, m.size, record.hash, e);
    record.size = m.size;
    f->lines = chunk_count_newlines(m.data, m.size) + (m.size && m.data[m.size - 1] != '\n');
    file_unmap(&m);
    if (rc)
        return rc;
    if (stat(f->file->path, &after) != 0 || !is_same(f->file, &after) ||
        after.st_ino != before.st_ino)
        return 0;
    record.mtime_ns = f->file->mtime_ns;
    record.inode = after.st_ino;
    free(f->name);
    rc = store_name(store_root(k->store), f->file->path, &f->name, e);
    record.path = f->name;
    if (rc == 0)
        rc = store_put_file(k->store, &record, e);
    if (rc == 0)
        f->state = FILE_KEPT;
    return rc;
}

/* Lines of doc comments and by rule follow from the whole file, of which the key has the chunk
 * alone: one that was just made is the right one. */
static bool is_newer(const struct keep *k, const struct summary *s) {
    return (k->refresh && !s->known) || (!s->known_key && strcmp(s->source, "model") != 0);
}

static int put(struct keep *k, const char *path, const struct summary *s,
               uint8_t key[HASH_SHA256_SIZE], struct err *e) {
    struct buf before = {0};
    struct store_line l = {.level = keep_level(path, s),
                           .path = path,
                           .start_line = s->start_line,
                           .end_line = s->end_line,
                           .symbol = s->symbol,
                           .line = s->summary,
                           .confidence = s->confidence,
                           .source = s->source,
                           .tokens_in = s->tokens_in,
                           .tokens_out = s->tokens_out,
                           .elapsed_ms = s->elapsed_ms,
                           .cut = s->cut,
                           .replace = is_newer(k, s),
                           .made = &k->made};
    struct line_key of;
    int rc = keep_key(k, l.path, s, s->source, &of, e);
    if (rc)
        return rc;
    memcpy(l.text, of.text, sizeof l.text);
    memcpy(l.key, of.key, sizeof l.key);
    memcpy(key, of.key, sizeof of.key);
    l.context = of.has_context ? of.context : NULL;
    if (s->renamed_from)
        rc = keep_stored(path, s->file_path, s->renamed_from, &before, e);
    l.renamed_from = before.data;
    if (rc == 0)
        rc = store_put(k->store, k->run, &l, NULL, e);
    buf_free(&before);
    return rc;
}

/* Why asking the model for it came, or comes, to nothing; NULL: it does not. */
static const char *reason_of(const struct summary *s) {
    return s->nothing ? s->nothing : s->error && s->final ? s->error : NULL;
}

/* That the model has no line for it. *noted: whether it is a reason that can be kept; else it is
 * asked again. */
static int put_nothing(struct keep *k, const char *path, const struct summary *s, const char *why,
                       uint8_t key[HASH_SHA256_SIZE], bool *noted, struct err *e) {
    struct line_key of;
    struct err ours = {0};
    const struct store_nothing n = {.why = why,
                                    .symbol = s->symbol,
                                    .text = of.text,
                                    .tokens_in = s->tokens_in,
                                    .tokens_out = s->tokens_out,
                                    .cut = s->cut,
                                    .replace = k->refresh && !s->known};
    int rc = keep_key(k, path, s, NULL, &of, &ours);
    if (rc == 0)
        rc = store_put_nothing(k->store, of.key, &n, &ours);
    *noted = rc == 0;
    memcpy(key, of.key, sizeof of.key);
    if (rc == 0 || rc == PRECIS_EUSAGE)
        return 0;
    *e = ours;
    return rc;
}

static int by_first_line(const void *a, const void *b) {
    const struct done *x = a, *y = b;
    return x->first_line < y->first_line ? -1 : x->first_line > y->first_line;
}

static int settle(struct keep *k, struct kept_file *f, struct err *e) {
    uint8_t how[HASH_SHA256_SIZE], *keys = malloc(f->n_done * sizeof f->done->key);
    int rc = keys ? keep_how(k, f, how, e) : err_nomem(e, f->shown);
    if (rc == 0) {
        qsort(f->done, f->n_done, sizeof *f->done, by_first_line);
        for (size_t i = 0; i < f->n_done; i++)
            memcpy(keys + i * sizeof f->done->key, f->done[i].key, sizeof f->done->key);
        rc = store_settle(k->store, f->name, how, keys, f->n_done, e);
    }
    free(keys);
    free(f->done);
    f->done = NULL;
    f->n_done = f->cap_done = 0;
    f->lines_done = 0;
    return rc;
}

/* Chunks have no line in common, so they are all of the file when they have as many as it. */
static int note_done(struct keep *k, struct kept_file *f, const struct summary *s,
                     const uint8_t key[HASH_SHA256_SIZE], struct err *e) {
    if (!k->asked || s->level != SUMMARY_CHUNK || !s->final || !s->start_line)
        return 0;
    void *grown = f->done;
    bool room = array_grow(&grown, f->n_done, &f->cap_done, sizeof *f->done);
    f->done = grown;
    if (!room)
        return err_nomem(e, f->shown);
    struct done *d = &f->done[f->n_done++];
    d->first_line = s->start_line;
    memcpy(d->key, key, sizeof d->key);
    f->lines_done += s->end_line - s->start_line + 1;
    return f->lines_done == f->lines ? settle(k, f, e) : 0;
}

/* Files that the transaction noted are not noted. */
static void abandon(struct keep *k) {
    store_abandon(k->store);
    for (size_t i = 0; i < k->n; i++)
        if (k->files[i].state != FILE_NEW && k->files[i].batch == k->batch)
            k->files[i].state = FILE_NEW;
    k->open = false;
    k->pending = 0;
}

static int commit(struct keep *k, struct err *e) {
    int rc = store_commit(k->store, e);
    if (rc) {
        abandon(k);
        return rc;
    }
    k->open = false;
    k->pending = 0;
    k->batch++;
    return 0;
}

static int put_all(struct keep *k, struct kept_file *f, const char *name, const struct summary *s,
                   struct err *e) {
    uint8_t key[HASH_SHA256_SIZE];
    const char *why = reason_of(s);
    bool kept = !s->error;
    int rc = why ? put_nothing(k, name, s, why, key, &kept, e) : 0;
    if (rc == 0 && !s->error)
        rc = put(k, name, s, key, e);
    if (rc == 0 && (kept || !s->error) && f)
        rc = note_done(k, f, s, key, e);
    return rc;
}

/* Folders have no file, but a name. */
static int put_with_file(struct keep *k, struct kept_file *f, const char *folder,
                         const struct summary *s, struct err *e) {
    int rc = k->open ? 0 : store_begin(k->store, e);
    if (rc)
        return rc;
    k->open = true;
    if (f && f->state == FILE_NEW) {
        f->batch = k->batch;
        rc = keep_file(k, f, e);
    }
    if (rc == 0 && (!f || f->state == FILE_KEPT))
        rc = put_all(k, f, f ? f->name : folder, s, e);
    if (rc)
        abandon(k);
    else if ((!s->known && s->tokens_out) || ++k->pending == BATCH)
        rc = commit(k, e);
    return rc;
}

/* The line's own fault, if it is that, is no reason to try no more. */
static void say_failure(struct keep *k, const struct err *e) {
    log_say(LOG_WARN, "%s", e->text);
    k->broken = e->code != PRECIS_EUSAGE;
}

static void keep_folder(struct keep *k, const struct summary *s) {
    struct err e = {0};
    char *name = NULL;
    int rc = k->broken ? PRECIS_ENOTFOUND : keep_folder_name(k, s, &name, &e);
    if (rc == 0 && name)
        rc = put_with_file(k, NULL, name, s, &e);
    free(name);
    k->lost += rc && !s->known && !s->error;
    if (e.code)
        say_failure(k, &e);
}

void keep_line(struct keep *k, const struct summary *s) {
    if (!k || s->made || (s->error && !reason_of(s))) /* made: another run has put it */
        return;
    if (s->level >= SUMMARY_DIRECTORY) {
        keep_folder(k, s);
        return;
    }
    struct err e = {0};
    struct kept_file *f = keep_find_file(k, s->file_path);
    int rc = PRECIS_ENOTFOUND;
    bool was_changed = f && f->state == FILE_CHANGED;
    if (f && !k->broken && !was_changed)
        rc = put_with_file(k, f, NULL, s, &e);
    if (rc == 0 && f->state == FILE_KEPT)
        return;
    k->lost += !s->known && !s->error;
    if (f && f->state == FILE_CHANGED && !was_changed)
        log_say(LOG_WARN, "%s: changed during the run: its lines are not kept", s->file_path);
    if (e.code)
        say_failure(k, &e);
}

void keep_commit(struct keep *k) {
    struct err e = {0};
    if (k && k->open && commit(k, &e) != 0)
        say_failure(k, &e);
}

void keep_model(struct keep *k, const struct engine_info *info) {
    struct err e = {0};
    if (!k || !k->asked || k->broken)
        return;
    const struct store_asked asked = {.made = k->made,
                                      .judged_by = k->judged_by,
                                      .seq2seq = info->capabilities & ENGINE_SEQ2SEQ,
                                      .context = info->context,
                                      .sequences = (uint64_t)info->max_sequences,
                                      .lanes = (uint64_t)info->lanes};
    if (store_put_asked(k->store, k->asked->how, &asked, &e) != 0)
        log_say(LOG_WARN, "%s", e.text);
}

void keep_end(struct keep *k, bool ended) {
    struct err e = {0};
    size_t matched;
    if (!k)
        return;
    keep_commit(k);
    int rc = k->broken || !ended ? 0 : store_run_end(k->store, k->run, &e);
    if (rc == 0 && !k->broken)
        rc = store_match_summaries(k->store, &matched, &e);
    if (rc)
        log_say(LOG_WARN, "%s", e.text);
    if (k->lost)
        log_say(LOG_WARN, "%zu lines are not in the store", k->lost);
}
