#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "cli/keep_impl.h"

/* The name in the store of what a line is of; NULL: it has none. */
static const char *name_to_find(struct keep *k, const char *shown) {
    struct lookup *l = &k->lookup;
    const struct kept_file *f = keep_find_file(k, shown);
    if (!f || f == l->file)
        return f ? l->name : NULL;
    free(l->name);
    keep_forget_renamed(l);
    store_name(store_root(l->store), f->file->path, &l->name, NULL);
    l->file = l->name ? f : NULL;
    return l->name;
}

int keep_take_line(void *user, const struct store_line *l, struct err *e) {
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
    int rc = store_find(k->lookup.store, key, keep_take_line, out, &e);
    if (rc == PRECIS_ENOTFOUND) {
        buf_clear(&out->line);
        rc = store_find_nothing(k->lookup.store, key, take_nothing, out, &e);
    }
    if (rc && rc != PRECIS_ENOTFOUND && rc != PRECIS_ENOMEM)
        close_lookup(k, &e);
    return rc == 0;
}

static bool find_renamed(struct keep *k, const char *name, const struct summary *about,
                         struct known_line *out) {
    struct err e = {0};
    bool found = keep_find_renamed(k, k->lookup.file, name, about, out, &e);
    if (e.code && e.code != PRECIS_ENOTFOUND && e.code != PRECIS_ENOMEM)
        close_lookup(k, &e);
    return found;
}

static bool find_known(void *user, const struct summary *about, struct known_line *out) {
    struct keep *k = user;
    struct err e = {0};
    struct line_key of;
    if (!k || !k->lookup.store || (k->refresh && about->level == SUMMARY_CHUNK))
        return false;
    char *folder = NULL;
    bool is_file = about->level < SUMMARY_DIRECTORY;
    if (!is_file && keep_folder_name(k, about, &folder, &e) != 0)
        return false;
    const char *name = is_file ? name_to_find(k, about->file_path) : folder;
    bool found = name && keep_key(k, name, about, NULL, &of, &e) == 0 && find_key(k, of.key, out);
    if (!found && name && is_file && k->lookup.store)
        found = find_renamed(k, name, about, out);
    free(folder);
    return found;
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
    struct known_chunk *c = NULL;
    int rc = add_chunk(user, l->key, l->text, l->symbol, &c, e);
    if (rc)
        return rc;
    c->start_line = l->start_line;
    c->end_line = l->end_line;
    if (l->renamed_from) { /* as the store has it: find_file_lines goes on */
        buf_str(&c->line.renamed_from, l->renamed_from);
        memcpy(c->line.key, l->key, sizeof c->line.key);
    }
    return keep_take_line(&c->line, l, e);
}

static int take_chunk_of_nothing(void *user, const uint8_t key[HASH_SHA256_SIZE],
                                 const struct store_nothing *n, struct err *e) {
    struct known_chunk *c = NULL;
    int rc = add_chunk(user, key, n->text, n->symbol, &c, e);
    return rc ? rc : take_nothing(&c->line, key, n, e);
}

/* A path of the store as this run shows it. */
static void show_before(const struct keep *k, const char *name, struct buf *path) {
    if (!path->len)
        return;
    const char *shown = keep_shown(name, k->lookup.file->shown, path->data);
    size_t n = strlen(shown);
    memmove(path->data, shown, n + 1);
    path->len = n;
}

static bool find_file_lines(void *user, const char *shown, const uint8_t sha256[HASH_SHA256_SIZE],
                            struct known_chunks *out) {
    struct keep *k = user;
    struct err e = {0};
    uint8_t how[HASH_SHA256_SIZE];
    if (!k || !k->lookup.store || !k->asked || k->refresh)
        return false;
    const char *name = name_to_find(k, shown);
    if (!name || keep_how(k, k->lookup.file, how, &e) != 0)
        return false;
    int rc = store_settled(k->lookup.store, name, how, sha256, take_chunk, take_chunk_of_nothing,
                           out, &e);
    for (size_t i = 0; rc == 0 && i < out->n; i++)
        show_before(k, name, &out->v[i].line.renamed_from);
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
