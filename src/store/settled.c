#include "store/settled.h"

#include <stdlib.h>
#include <string.h>

#include "store/store_impl.h"

int store_put_asked(struct store *s, const uint8_t how[HASH_SHA256_SIZE],
                    const struct store_asked *a, struct err *e) {
    bool own;
    int64_t origin = 0;
    int rc = begin_own(s, &own, e);
    if (rc)
        return rc;
    rc = origin_number(s, &a->made, &origin, e);
    if (rc == 0) {
        struct statement t = statement_start(s, QUERY_PUT_ASKED, "note what was asked");
        statement_hash(&t, how);
        statement_int(&t, origin);
        statement_text(&t, a->judged_by);
        statement_int(&t, a->seq2seq);
        statement_int(&t, (int64_t)a->context);
        statement_int(&t, (int64_t)a->sequences);
        statement_int(&t, (int64_t)a->lanes);
        rc = statement_run(&t, NULL, e);
    }
    return end_own(s, own, rc, e);
}

int store_asked(struct store *s, const uint8_t how[HASH_SHA256_SIZE],
                int (*each)(void *user, const struct store_asked *asked, struct err *e), void *user,
                struct err *e) {
    struct store_asked a = {0};
    struct statement t = statement_start(s, QUERY_ASKED, "find what was asked");
    statement_hash(&t, how);
    int rc = statement_row(&t, e);
    if (rc == 0)
        return err_set(e, PRECIS_ENOTFOUND, "%s: that was never asked", s->path);
    if (rc < 0)
        return rc;
    struct columns c = {.t = &t};
    row_origin(&c, &a.made);
    a.judged_by = column_text(&c, TEXT_LINE);
    a.seq2seq = column_count(&c) != 0;
    a.context = column_count(&c);
    a.sequences = column_count(&c);
    a.lanes = column_count(&c);
    rc = columns_end(&c, e);
    if (rc == 0)
        rc = each(user, &a, e);
    statement_end(&t);
    return rc;
}

int store_settle(struct store *s, const char *path, const uint8_t how[HASH_SHA256_SIZE],
                 const uint8_t *keys, size_t n, struct err *e) {
    struct statement t = statement_start(s, QUERY_SETTLE, "note that a file is done");
    statement_hash(&t, how);
    statement_blob(&t, keys, n * HASH_SHA256_SIZE);
    statement_int(&t, store_now());
    statement_text(&t, path);
    return statement_run(&t, NULL, e);
}

/* The keys of a file, which are the caller's; NULL: it has none. */
static int settled_keys(struct store *s, const char *path, const uint8_t *how,
                        const uint8_t *version, uint8_t **keys, size_t *n, struct err *e) {
    *keys = NULL;
    *n = 0;
    struct statement t = statement_start(s, QUERY_SETTLED, "find the lines of a file");
    statement_text(&t, path);
    statement_hash(&t, how);
    statement_hash(&t, version);
    int rc = statement_row(&t, e);
    if (rc <= 0)
        return rc;
    struct columns c = {.t = &t};
    size_t size;
    const void *data = column_blob(&c, &size);
    rc = columns_end(&c, e);
    if (rc == 0 && size && size % HASH_SHA256_SIZE == 0) {
        *n = size / HASH_SHA256_SIZE;
        *keys = malloc(size);
        if (*keys)
            memcpy(*keys, data, size);
        else
            rc = err_nomem(e, s->path);
    }
    statement_end(&t);
    return rc;
}

static int find_line(struct store *s, const char *path, const uint8_t key[HASH_SHA256_SIZE],
                     store_each *line, void *user, struct err *e) {
    size_t found;
    struct statement t = statement_start(s, QUERY_FIND_KEY_AT, "find a line");
    statement_hash(&t, key);
    statement_text(&t, path);
    int rc = each_line(&t, line, user, &found, e);
    return rc == 0 && found == 0 ? PRECIS_ENOTFOUND : rc;
}

int store_settled(struct store *s, const char *path, const uint8_t how[HASH_SHA256_SIZE],
                  const uint8_t version[HASH_SHA256_SIZE], store_each *line,
                  store_each_nothing *nothing, void *user, struct err *e) {
    uint8_t *keys;
    size_t n;
    int rc = settled_keys(s, path, how, version, &keys, &n, e);
    if (rc == 0 && n == 0)
        rc = PRECIS_ENOTFOUND;
    for (size_t i = 0; rc == 0 && i < n; i++) {
        const uint8_t *key = keys + i * HASH_SHA256_SIZE;
        rc = find_line(s, path, key, line, user, e);
        if (rc == PRECIS_ENOTFOUND)
            rc = store_find_nothing(s, key, nothing, user, e);
    }
    free(keys);
    if (rc == PRECIS_ENOTFOUND)
        err_set(e, rc, "%s: not all lines of %s are known", s->path, path);
    return rc;
}

int store_put_nothing(struct store *s, const uint8_t key[HASH_SHA256_SIZE],
                      const struct store_nothing *n, struct err *e) {
    bool own;
    if (!text_is(n->why, strlen(n->why), TEXT_LINE) ||
        (n->symbol && !text_is(n->symbol, strlen(n->symbol), TEXT_LINE)))
        return err_set(e, PRECIS_EUSAGE, "not one line of UTF-8: %s", n->why);
    int rc = begin_own(s, &own, e);
    if (rc)
        return rc;
    rc = n->replace ? make_room(s, key, NULL, e) : 0;
    if (rc == 0) {
        struct statement t = statement_start(s, QUERY_PUT_NOTHING, "note that there is no line");
        statement_hash(&t, key);
        statement_text(&t, n->why);
        statement_int(&t, (int64_t)n->tokens_in);
        statement_int(&t, (int64_t)n->tokens_out);
        statement_int(&t, n->cut);
        statement_hash(&t, n->text);
        statement_text(&t, n->symbol);
        statement_int(&t, store_now());
        rc = statement_run(&t, NULL, e);
    }
    return end_own(s, own, rc, e);
}

int store_find_nothing(struct store *s, const uint8_t key[HASH_SHA256_SIZE],
                       store_each_nothing *each, void *user, struct err *e) {
    uint8_t text[HASH_SHA256_SIZE];
    struct statement t = statement_start(s, QUERY_NOTHING, "find a line");
    statement_hash(&t, key);
    int rc = statement_row(&t, e);
    if (rc == 0)
        return PRECIS_ENOTFOUND;
    if (rc < 0)
        return rc;
    struct columns c = {.t = &t};
    struct store_nothing n = {.why = column_text(&c, TEXT_LINE)};
    n.tokens_in = column_count(&c);
    n.tokens_out = column_count(&c);
    n.cut = column_count(&c) != 0;
    column_hash(&c, text);
    n.text = text;
    n.symbol = column_text_or_null(&c, TEXT_LINE);
    rc = columns_end(&c, e);
    if (rc == 0)
        rc = each(user, key, &n, e);
    statement_end(&t);
    return rc;
}
