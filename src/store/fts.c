#include <string.h>

#include "search/words.h"
#include "store/store_impl.h"

/* The words of search/words.h as a tokenizer of FTS5, named "precis". What the parts of an
 * identifier spell together stands where its last part does, so that it can be found and no text
 * gets longer; in an expression an identifier is that alone (index/query.h asks for the parts one
 * by one). Texts must be tokenized anew (a step of the schema) when the same bytes give other
 * words. It has no state: FTS5 wants an address that is not NULL. */
static char no_state;

static int make(void *context, const char **arguments, int n, Fts5Tokenizer **out) {
    (void)context;
    (void)arguments;
    *out = (Fts5Tokenizer *)&no_state;
    return n ? SQLITE_ERROR : SQLITE_OK;
}

static void drop(Fts5Tokenizer *t) {
    (void)t;
}

static int split(Fts5Tokenizer *t, void *context, int flags, const char *text, int n,
                 int (*token)(void *, int, const char *, int, int, int)) {
    struct word_walk w;
    struct word_whole whole = {0};
    bool asks = flags & FTS5_TOKENIZE_QUERY;
    (void)t;
    word_walk_start(&w, text, n > 0 ? (size_t)n : 0);
    int rc = SQLITE_OK;
    while (rc == SQLITE_OK && word_walk_next(&w)) {
        bool is_whole = word_whole_next(&whole, &w);
        bool is_part = whole.parts > 1 || whole.more;
        if (!asks || !is_part)
            rc = token(context, 0, w.word, (int)w.len, (int)w.begin, (int)w.end);
        if (rc == SQLITE_OK && is_whole)
            rc = token(context, asks ? 0 : FTS5_TOKEN_COLOCATED, whole.text, (int)whole.len,
                       (int)w.begin, (int)w.end);
    }
    return rc;
}

/* The way to FTS5 that its documentation gives: "Extending FTS5". */
static int find_api(sqlite3 *db, fts5_api **out) {
    sqlite3_stmt *st = NULL;
    *out = NULL;
    int rc = sqlite3_prepare_v2(db, "SELECT fts5(?1)", -1, &st, NULL);
    if (rc == SQLITE_OK)
        rc = sqlite3_bind_pointer(st, 1, (void *)out, "fts5_api_ptr", NULL);
    if (rc == SQLITE_OK)
        sqlite3_step(st);
    int end = sqlite3_finalize(st);
    return rc ? rc : end ? end : *out ? SQLITE_OK : SQLITE_ERROR;
}

int fts_register(sqlite3 *db) {
    static const fts5_tokenizer methods = {make, drop, split};
    fts5_api *api;
    int rc = find_api(db, &api);
    return rc ? rc
              : api->xCreateTokenizer(api, "precis", NULL, (fts5_tokenizer *)(uintptr_t)&methods,
                                      NULL);
}
