#include "cli/keep.h"

#include <errno.h>
#include <inttypes.h>
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
#include "summary/context.h"

enum { BATCH = 500 /* known lines in a commit */ };

/* A chunk whose line, or that it has none, is in the store and final. */
struct done {
    uint64_t first_line;
    uint8_t key[HASH_SHA256_SIZE];
};

enum file_state { FILE_NEW, FILE_KEPT, FILE_CHANGED };

struct kept_file {
    char *shown; /* as reports show it; owned */
    const struct walk_file *file;
    enum file_state state;
    char *name;                 /* in the store; owned */
    size_t batch;               /* the transaction that noted it */
    uint64_t lines, lines_done; /* of the file; in: */
    struct done *done;          /* owned; freed when it is all of the file */
    size_t n_done, cap_done;
};

/* What is asked by the run's reading thread: nothing in it is the caller's thread's too. */
struct lookup {
    struct store *store;          /* NULL: nothing is known */
    const struct kept_file *file; /* asked for last; its name in the store: */
    char *name;
};

struct keep {
    struct store *store;
    int64_t run;
    struct store_origin made;
    const char *judged_by; /* borrowed */
    struct buf parameters;
    struct kept_file *files; /* owned, in the order of what is shown */
    size_t n;
    const char *whole;     /* the folder that the run is over; NULL: none, or several; borrowed */
    size_t lost;           /* lines that were not kept */
    size_t batch, pending; /* transactions so far; known lines in the one that is open */
    bool open;             /* a transaction is */
    bool broken;           /* the store failed: no more is tried */
    bool look;             /* lines may be read back */
    bool refresh;          /* but not those of chunks */
    const struct asked *asked; /* borrowed; NULL: neither model nor files that are done are noted */
    struct lookup lookup;
};

static void keep_free(struct keep *k) {
    for (size_t i = 0; i < k->n; i++) {
        free(k->files[i].shown);
        free(k->files[i].name);
        free(k->files[i].done);
    }
    free(k->files);
    buf_free(&k->parameters);
    free(k->lookup.name);
    store_close(k->lookup.store);
    store_close(k->store);
    free(k);
}

static int by_shown(const void *a, const void *b) {
    return strcmp(((const struct kept_file *)a)->shown, ((const struct kept_file *)b)->shown);
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
    qsort(k->files, k->n, sizeof *k->files, by_shown);
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
    keep_free(k);
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
        file_map(f->file->path, &m, NULL) != 0)
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

/* What of the prompt is neither the chunk's text nor told by the origin, as one digest. */
static int context_of(const struct summary *s, uint8_t out[HASH_SHA256_SIZE], struct err *e) {
    struct buf b = {0};
    buf_append(&b, s->file_path, strlen(s->file_path) + 1);
    buf_printf(&b, "%" PRIu64 "-%" PRIu64, s->start_line, s->end_line);
    buf_char(&b, 0);
    buf_str(&b, s->lang ? s->lang->name : "");
    buf_char(&b, 0);
    buf_str(&b, s->context_sha256);
    int rc =
        buf_failed(&b) ? err_nomem(e, "context of a line") : hash_sha256(b.data, b.len, out, e);
    buf_free(&b);
    return rc;
}

static struct kept_file *find_file(const struct keep *k, const char *shown) {
    const struct kept_file asked = {.shown = (char *)(uintptr_t)shown};
    return bsearch(&asked, k->files, k->n, sizeof *k->files, by_shown);
}

/* Any file below a folder, by its name in reports. */
static const struct kept_file *file_below(const struct keep *k, const char *folder) {
    size_t n = strlen(folder);
    for (size_t i = 0; i < k->n; i++)
        if (strncmp(k->files[i].shown, folder, n) == 0 && k->files[i].shown[n] == '/')
            return &k->files[i];
    return NULL;
}

/* The path of a folder of the run, to open it; the caller's. A file's path ends as its name does,
 * so it is cut where the name would be. */
static int folder_path(const struct keep *k, const char *folder, char **path, struct err *e) {
    const struct kept_file *f = file_below(k, folder);
    *path = f ? strdup(f->file->path) : NULL;
    if (!*path)
        return f ? err_nomem(e, folder)
                 : err_set(e, PRECIS_EUSAGE, "%s: no file of the run is in it", folder);
    size_t end = strlen(*path);
    for (const char *c = f->shown + strlen(folder); *c; c++)
        if (*c == '/')
            while (end && (*path)[--end] != '/') {
            }
    (*path)[end] = 0;
    return 0;
}

/* What the store calls a folder of the run; the caller's, NULL: nothing. The whole of a run is a
 * folder to the store, or its whole where it is the root; a run over files, or over several paths,
 * is the whole of nothing. */
static int folder_name(const struct keep *k, const struct summary *s, char **name, struct err *e) {
    char *path = NULL;
    int rc = 0;
    *name = NULL;
    if (s->level == SUMMARY_DIRECTORY)
        rc = folder_path(k, s->file_path, &path, e);
    else if (k->whole && !(path = strdup(k->whole)))
        rc = err_nomem(e, "store");
    if (rc == 0 && path)
        rc = store_name(store_root(k->store), path, name, e);
    free(path);
    return rc;
}

static enum store_level level_of(const char *path, const struct summary *s) {
    if (s->level < SUMMARY_DIRECTORY)
        return (enum store_level)s->level;
    return *path ? STORE_DIRECTORY : STORE_REPOSITORY;
}

/* What a line is found by. */
struct line_key {
    uint8_t text[HASH_SHA256_SIZE], key[HASH_SHA256_SIZE];
    uint8_t context[HASH_SHA256_SIZE];
    bool has_context; /* it is filled in */
};

/* The key of a line of s of that source, whose place the store calls `path`. */
static int key_of(const struct keep *k, const char *path, const struct summary *s,
                  const char *source, struct line_key *out, struct err *e) {
    if (!hash_unhex(s->sha256, out->text))
        return err_set(e, PRECIS_EUSAGE, "%s: a line without a hash", s->file_path);
    out->has_context = !s->known_key;
    if (s->known_key) {
        memcpy(out->key, s->known_key, sizeof out->key);
        return 0;
    }
    struct store_subject subject = {.level = level_of(path, s),
                                    .path = path,
                                    .context = out->context,
                                    .made = &k->made,
                                    .source = source};
    memcpy(subject.text, out->text, sizeof subject.text);
    int rc = context_of(s, out->context, e);
    return rc ? rc : store_key(&subject, out->key, e);
}

static int put(struct keep *k, const char *path, const struct summary *s,
               uint8_t key[HASH_SHA256_SIZE], struct err *e) {
    struct store_line l = {.level = level_of(path, s),
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
                           .replace = k->refresh && !s->known,
                           .made = &k->made};
    struct line_key of;
    int rc = key_of(k, l.path, s, s->source, &of, e);
    if (rc)
        return rc;
    memcpy(l.text, of.text, sizeof l.text);
    memcpy(l.key, of.key, sizeof l.key);
    memcpy(key, of.key, sizeof of.key);
    l.context = of.has_context ? of.context : NULL;
    return store_put(k->store, k->run, &l, NULL, e);
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
    int rc = key_of(k, path, s, NULL, &of, &ours);
    if (rc == 0)
        rc = store_put_nothing(k->store, of.key, &n, &ours);
    *noted = rc == 0;
    memcpy(key, of.key, sizeof of.key);
    if (rc == 0 || rc == PRECIS_EUSAGE)
        return 0;
    *e = ours;
    return rc;
}

/* What the lines of a file are noted under: what was asked, and what of the prompt is neither in it
 * nor in the file. */
static int how_of(const struct keep *k, const struct kept_file *f, uint8_t how[HASH_SHA256_SIZE],
                  struct err *e) {
    struct buf b = {0};
    buf_append(&b, k->asked->how, sizeof k->asked->how);
    buf_append(&b, f->shown, strlen(f->shown) + 1);
    buf_str(&b, f->file->lang ? f->file->lang->name : "");
    int rc = buf_failed(&b) ? err_nomem(e, f->shown) : hash_sha256(b.data, b.len, how, e);
    buf_free(&b);
    return rc;
}

static int by_first_line(const void *a, const void *b) {
    const struct done *x = a, *y = b;
    return x->first_line < y->first_line ? -1 : x->first_line > y->first_line;
}

static int settle(struct keep *k, struct kept_file *f, struct err *e) {
    uint8_t how[HASH_SHA256_SIZE], *keys = malloc(f->n_done * sizeof f->done->key);
    int rc = keys ? how_of(k, f, how, e) : err_nomem(e, f->shown);
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
    int rc = k->broken ? PRECIS_ENOTFOUND : folder_name(k, s, &name, &e);
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
    struct kept_file *f = find_file(k, s->file_path);
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

/* The name in the store of what a line is of; NULL: it has none. */
static const char *name_to_find(struct keep *k, const char *shown) {
    struct lookup *l = &k->lookup;
    const struct kept_file *f = find_file(k, shown);
    if (!f || f == l->file)
        return f ? l->name : NULL;
    free(l->name);
    store_name(store_root(l->store), f->file->path, &l->name, NULL);
    l->file = l->name ? f : NULL;
    return l->name;
}

static int take_line(void *user, const struct store_line *l, struct err *e) {
    struct known_line *out = user;
    if (strlen(l->source) >= sizeof out->source)
        return err_set(e, PRECIS_ENOTFOUND, "%s: a line of another source", l->path);
    memcpy(out->source, l->source, strlen(l->source) + 1);
    buf_str(&out->line, l->line);
    out->confidence = l->confidence;
    out->tokens_in = l->tokens_in;
    out->tokens_out = l->tokens_out;
    out->cut = l->cut;
    return buf_failed(&out->line) ? err_nomem(e, l->path) : 0;
}

/* No more is looked up. */
static void close_lookup(struct keep *k, const struct err *e) {
    log_say(LOG_WARN, "%s; its lines are made anew", e->text);
    store_close(k->lookup.store);
    k->lookup.store = NULL;
}

static int take_nothing(void *user, const uint8_t key[HASH_SHA256_SIZE],
                        const struct store_nothing *n, struct err *e) {
    struct known_line *out = user;
    (void)key;
    buf_str(&out->line, n->why);
    out->nothing = true;
    out->tokens_in = n->tokens_in;
    out->tokens_out = n->tokens_out;
    out->cut = n->cut;
    return buf_failed(&out->line) ? err_nomem(e, "what is known") : 0;
}

static bool find_key(struct keep *k, const uint8_t key[HASH_SHA256_SIZE], struct known_line *out) {
    struct err e = {0};
    int rc = store_find(k->lookup.store, key, take_line, out, &e);
    if (rc == PRECIS_ENOTFOUND) {
        buf_clear(&out->line);
        rc = store_find_nothing(k->lookup.store, key, take_nothing, out, &e);
    }
    if (rc && rc != PRECIS_ENOTFOUND && rc != PRECIS_ENOMEM)
        close_lookup(k, &e);
    return rc == 0;
}

static bool find_known(void *user, const struct summary *about, struct known_line *out) {
    struct keep *k = user;
    struct err e = {0};
    struct line_key of;
    if (!k || !k->lookup.store || (k->refresh && about->level == SUMMARY_CHUNK))
        return false;
    char *folder = NULL;
    bool is_file = about->level < SUMMARY_DIRECTORY;
    if (!is_file && folder_name(k, about, &folder, &e) != 0)
        return false;
    const char *name = is_file ? name_to_find(k, about->file_path) : folder;
    bool found = name && key_of(k, name, about, NULL, &of, &e) == 0;
    free(folder);
    return found && find_key(k, of.key, out);
}

static int add_chunk(struct known_chunks *out, const uint8_t key[HASH_SHA256_SIZE],
                     const uint8_t text[HASH_SHA256_SIZE], const char *symbol,
                     struct known_chunk **added, struct err *e) {
    void *grown = out->v;
    bool room = array_grow(&grown, out->n, &out->cap, sizeof *out->v);
    out->v = grown;
    if (!room)
        return err_nomem(e, "what is known");
    struct known_chunk *c = *added = &out->v[out->n++];
    *c = (struct known_chunk){0};
    memcpy(c->key, key, sizeof c->key);
    hash_hex(text, HASH_SHA256_SIZE, c->sha256);
    if (symbol)
        buf_str(&c->symbol, symbol);
    return buf_failed(&c->symbol) ? err_nomem(e, "what is known") : 0;
}

static int take_chunk(void *user, const struct store_line *l, struct err *e) {
    struct known_chunk *c;
    int rc = add_chunk(user, l->key, l->text, l->symbol, &c, e);
    if (rc)
        return rc;
    c->start_line = l->start_line;
    c->end_line = l->end_line;
    return take_line(&c->line, l, e);
}

static int take_chunk_of_nothing(void *user, const uint8_t key[HASH_SHA256_SIZE],
                                 const struct store_nothing *n, struct err *e) {
    struct known_chunk *c;
    if (!n->text)
        return err_set(e, PRECIS_ENOTFOUND, "a chunk whose text is not known");
    int rc = add_chunk(user, key, n->text, n->symbol, &c, e);
    return rc ? rc : take_nothing(&c->line, key, n, e);
}

static bool find_file_lines(void *user, const char *shown, const uint8_t sha256[HASH_SHA256_SIZE],
                            struct known_chunks *out) {
    struct keep *k = user;
    struct err e = {0};
    uint8_t how[HASH_SHA256_SIZE];
    if (!k || !k->lookup.store || !k->asked || k->refresh)
        return false;
    const char *name = name_to_find(k, shown);
    if (!name || how_of(k, k->lookup.file, how, &e) != 0)
        return false;
    int rc = store_settled(k->lookup.store, name, how, sha256, take_chunk, take_chunk_of_nothing,
                           out, &e);
    if (rc && rc != PRECIS_ENOTFOUND && rc != PRECIS_ENOMEM)
        close_lookup(k, &e);
    return rc == 0;
}

void keep_known(struct keep *k, struct store *seen, struct known *out) {
    struct err e = {0};
    *out = (struct known){.find = find_known, .user = k, .file = find_file_lines};
    if (!k || !k->look)
        store_close(seen);
    else if (seen)
        k->lookup.store = seen;
    else if (store_open(store_root(k->store), STORE_READ, &k->lookup.store, &e) != 0)
        log_say(LOG_WARN, "%s; its lines are made anew", e.text);
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

void keep_close(struct keep *k, bool ended) {
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
    keep_free(k);
}
