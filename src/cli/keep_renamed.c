#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "cli/keep_impl.h"

enum { MOST = 8 /* paths that a file may have had */ };

void keep_forget_renamed(struct lookup *l) {
    for (size_t i = 0; i < l->n_before; i++)
        free(l->before[i]);
    free(l->before);
    l->before = NULL;
    l->n_before = l->cap_before = 0;
    l->looked = false;
}

static int note_before(void *user, const char *before, struct err *e) {
    struct lookup *l = user;
    void *grown = l->before;
    bool known = l->n_before == MOST;
    for (size_t i = 0; i < l->n_before && !known; i++)
        known = strcmp(l->before[i], before) == 0;
    if (known)
        return 0;
    bool room = array_grow(&grown, l->n_before, &l->cap_before, sizeof *l->before);
    l->before = grown;
    char *path = room ? strdup(before) : NULL;
    if (!path)
        return err_nomem(e, before);
    l->before[l->n_before++] = path;
    return 0;
}

/* The same bytes lie there under another path than before, where nothing is any more. */
static int look(struct keep *k, const struct kept_file *f, const char *name, struct err *e) {
    struct mapping m;
    uint8_t hash[HASH_SHA256_SIZE];
    k->lookup.looked = true;
    if (file_read(f->file->path, &m, NULL) != 0)
        return 0; /* what that means is said when it is put */
    int rc = hash_sha256(m.data, m.size, hash, e);
    file_unmap(&m);
    return rc ? rc : store_renamed(k->lookup.store, name, hash, note_before, &k->lookup, e);
}

/* The line of the same chunk as it was asked for under the path before: all else is in its key. */
static int find_chunk(struct keep *k, const char *before, const char *shown,
                      const struct summary *about, struct known_line *out, struct err *e) {
    struct summary then = *about;
    struct line_key of;
    then.file_path = shown;
    int rc = keep_key(k, before, &then, NULL, &of, e);
    if (rc)
        return rc;
    memcpy(out->key, of.key, sizeof out->key);
    return store_find(k->lookup.store, of.key, keep_take_line, out, e);
}

struct same_line {
    const struct keep *k;
    const uint8_t *text;
    const char *prefix; /* of names in the store, n bytes */
    size_t n;
    bool marked; /* it must be one of another path */
    struct known_line *out;
};

static bool same_origin(const struct store_origin *a, const struct store_origin *b) {
    return strcmp(a->model_revision, b->model_revision) == 0 &&
           strcmp(a->precision, b->precision) == 0 && strcmp(a->isa, b->isa) == 0 &&
           strcmp(a->prompt_version, b->prompt_version) == 0 &&
           strcmp(a->decoder_version, b->decoder_version) == 0 &&
           strcmp(a->parameters, b->parameters) == 0 && a->seed == b->seed;
}

static int take_same(void *user, const struct store_line *l, struct err *e) {
    const struct same_line *same = user;
    if (same->out->line.len || (same->marked && !l->renamed_from) ||
        strcmp(l->source, "model") != 0 || memcmp(l->text, same->text, HASH_SHA256_SIZE) != 0 ||
        !same_origin(l->made, &same->k->made))
        return 0;
    memcpy(same->out->key, l->key, HASH_SHA256_SIZE);
    if (l->renamed_from && strncmp(l->renamed_from, same->prefix, same->n) == 0)
        buf_str(&same->out->renamed_from, l->renamed_from + same->n);
    return keep_take_line(same->out, l, e);
}

/* A file's line has its path in a digest of the prompt, so it is found by its place, as the active
 * one: made of the same names and lines in the same way. It may have come there from elsewhere. */
static int find_line(struct keep *k, const char *at, size_t n, bool marked,
                     const struct summary *about, struct known_line *out, struct err *e) {
    uint8_t text[HASH_SHA256_SIZE];
    struct same_line same = {
        .k = k, .text = text, .prefix = at, .n = n, .marked = marked, .out = out};
    if (!hash_unhex(about->sha256, text))
        return PRECIS_ENOTFOUND;
    int rc = store_lines(k->lookup.store, at, STORE_WHOLE_FILE, 0, UINT64_MAX, take_same, &same, e);
    return rc == 0 && !out->line.len ? PRECIS_ENOTFOUND : rc;
}

bool keep_find_renamed(struct keep *k, const struct kept_file *f, const char *name,
                       const struct summary *about, struct known_line *out, struct err *e) {
    struct lookup *l = &k->lookup;
    size_t n;
    if (!f || !keep_prefix(name, f->shown, &n))
        return false;
    int rc = l->looked ? 0 : look(k, f, name, e);
    if (rc == 0 && about->level == SUMMARY_FILE) {
        rc = find_line(k, name, n, true, about, out, e);
        if (rc == 0)
            return true;
        rc = rc == PRECIS_ENOTFOUND ? 0 : rc;
    }
    for (size_t i = 0; rc == 0 && i < l->n_before; i++) {
        const char *before = l->before[i];
        if (strncmp(before, name, n) != 0)
            continue;
        buf_clear(&out->line);
        buf_clear(&out->renamed_from);
        rc = about->level == SUMMARY_CHUNK ? find_chunk(k, before, before + n, about, out, e)
                                           : find_line(k, before, n, false, about, out, e);
        if (rc == 0) {
            if (!out->renamed_from.len)
                buf_str(&out->renamed_from, before + n);
            return !buf_failed(&out->renamed_from);
        }
        if (rc == PRECIS_ENOTFOUND)
            rc = 0;
    }
    if (rc == 0)
        *e = (struct err){0};
    return false;
}
