/* What the files of the store share. Only this room knows of SQLite. */
#ifndef PRECIS_STORE_STORE_IMPL_H
#define PRECIS_STORE_STORE_IMPL_H

#include <sqlite3.h>

#include "store/entries.h"
#include "store/store.h"

enum query {
    QUERY_BEGIN,
    QUERY_READ_BEGIN,
    QUERY_COMMIT,
    QUERY_ROLLBACK,
    QUERY_RUN_BEGIN,
    QUERY_RUN_END,
    QUERY_PUT_FILE,
    QUERY_PUT_FOLDER,
    QUERY_FIND_PATH,
    QUERY_PUT_ORIGIN,
    QUERY_FIND_ORIGIN,
    QUERY_PUT_SUMMARY,
    QUERY_REPLACE_SUMMARY,
    QUERY_FILL_CONTEXT,
    QUERY_SET_ASIDE,
    QUERY_MOVE_RATED,
    QUERY_DROP_PLACES,
    QUERY_DROP_LINE,
    QUERY_PUT_CHUNK,
    QUERY_FIND_KEY,
    QUERY_LINES,
    QUERY_LIST,
    QUERY_FILE,
    QUERY_FILES,
    QUERY_RENAMED,
    QUERY_REVISIONS,
    QUERY_PIN,
    QUERY_UNPIN,
    QUERY_PINNED,
    QUERY_RATE,
    QUERY_RATINGS,
    QUERY_INDEX,
    QUERY_INDEX_BEGIN,
    QUERY_INDEX_CHANGED,
    QUERY_INDEX_MATCHED,
    QUERY_SET_MATCHED,
    QUERY_EACH_INDEXED,
    QUERY_PUT_INDEXED,
    QUERY_PUT_ENTRY,
    QUERY_PUT_WORDS,
    QUERY_DROP_WORDS,
    QUERY_DROP_ENTRIES,
    QUERY_DROP_INDEXED,
    QUERY_DROP_FILE,
    QUERY_PUT_EMBEDDER,
    QUERY_FIND_EMBEDDER,
    QUERY_SEARCH_EMBEDDER,
    QUERY_STALE_FILE,
    QUERY_STALE_TEXT,
    QUERY_NEW_SIDE_FILE,
    QUERY_DROP_STALE,
    QUERY_SIDE_FILE,
    QUERY_EACH_STALE,
    QUERY_PUT_VECTOR,
    QUERY_FIND_VECTOR,
    QUERY_EACH_VECTOR,
    QUERY_MANY_ORPHANS,
    QUERY_DROP_ORPHANS,
    QUERY_ENTRY_FILES,
    QUERY_ENTRY_LINES,
    QUERY_PUT_SUMMARIES,
    QUERY_MATCH,
    QUERY_ENTRY,
    QUERY_MARKED,
    QUERY_ENTRIES,
    QUERY_PUT_ASKED,
    QUERY_ASKED,
    QUERY_SETTLE,
    QUERY_SETTLED,
    QUERY_FIND_KEY_AT,
    QUERY_PUT_NOTHING,
    QUERY_DROP_NOTHING,
    QUERY_NOTHING,
    QUERY_STATS,
    QUERY_SOURCES,
    QUERY_PAGES,
    QUERY_EACH_PLACE,
    QUERY_IMPORT_CHUNK,
    QUERY_CHUNK_PATHS,
    QUERY_GC_GONE,
    QUERY_GC_GONE_SETTLED,
    QUERY_GC_OLD,
    QUERY_GC_LINES,
    QUERY_GC_UNANSWERED,
    QUERY_GC_SETTLED,
    QUERY_GC_ASKED,
    QUERY_GC_ORIGINS,
    QUERY_GC_FILES,
    QUERY_GC_RUNS,
    QUERIES
};

struct store {
    sqlite3 *db;
    char *root, *folder, *path; /* owned */
    sqlite3_stmt *prepared[QUERIES];
    char *pinned_revision, *pinned_prompt, *language; /* what was given out last; owned */
    char *embedder_revision, *embedder_name;          /* likewise */
};

/* An error for a result of SQLite: "PATH: cannot ACTION: why". Returns its code. */
int store_fail(const struct store *s, int sqlite, const char *action, struct err *e);
int store_damaged(const struct store *s, const char *what, struct err *e); /* PRECIS_EINPUT */

/* ---- schema.c ---- */

/* What lies in the file: new when it has nothing at all in it. Errors: PRECIS_EINPUT (of another
 * application), PRECIS_EUNSUPPORTED (of a newer version). */
int schema_look(struct store *s, int *version, bool *is_new, struct err *e);
/* Brings a new file, or one of an older version, to STORE_VERSION. */
int schema_upgrade(struct store *s, struct err *e);
/* PRECIS_EINPUT unless the file has exactly the tables and indices of STORE_VERSION. */
int schema_check(struct store *s, struct err *e);

/* ---- fts.c ---- */

/* Gives a connection the tokenizer of our index. A result of SQLite. */
int fts_register(sqlite3 *db);

/* ---- statement.c ---- */

/* A prepared statement with its values bound in order; the first failure sticks. */
struct statement {
    struct store *s;
    sqlite3_stmt *st;
    const char *action; /* for messages: "put a line" */
    int next, rc;       /* of the next value; of SQLite */
};

struct statement statement_start(struct store *s, enum query q, const char *action);
void statement_text(struct statement *t, const char *text); /* NULL: null; borrowed until the end */
void statement_int(struct statement *t, int64_t v);
void statement_text_of(struct statement *t, const char *text, size_t n); /* borrowed likewise */
void statement_real(struct statement *t, double v);
void statement_blob(struct statement *t, const void *data, size_t n); /* borrowed likewise */
void statement_hash(struct statement *t, const uint8_t *hash); /* NULL: null; borrowed likewise */

/* Goes to the next row: 1 there is one, 0 the end (the statement is done), negative an error. */
int statement_row(struct statement *t, struct err *e);
void statement_end(struct statement *t);
/* For those without rows. *changed (may be NULL): how many rows it changed. */
int statement_run(struct statement *t, int *changed, struct err *e);

/* Reads columns in order; what is not as it must be (another type, text that is not UTF-8, a
 * negative count) sticks. */
struct columns {
    const struct statement *t;
    int next;
    bool damaged, nomem;
};

enum text_kind { TEXT_ANY, TEXT_LINE /* without control characters */ };

const char *column_text(struct columns *c, enum text_kind kind);
const char *column_text_or_null(struct columns *c, enum text_kind kind);
int64_t column_int(struct columns *c);
uint64_t column_count(struct columns *c); /* not negative */
double column_real(struct columns *c);
/* Its bytes, as many as *n says on return; until the next step. */
const void *column_blob(struct columns *c, size_t *n);
void column_hash(struct columns *c, uint8_t out[HASH_SHA256_SIZE]);
bool column_hash_or_null(struct columns *c, uint8_t out[HASH_SHA256_SIZE]); /* false: it is null */
int columns_end(const struct columns *c, struct err *e);                    /* 0, or what stuck */

bool text_is(const char *s, size_t n, enum text_kind kind);

/* ---- put.c ---- */

/* Around several statements that belong together, within what the caller began or alone. */
int begin_own(struct store *s, bool *own, struct err *e);
int end_own(struct store *s, bool own, int rc, struct err *e);
/* The number in the only row of a query; PRECIS_ENOTFOUND without a text: there is none. */
int only_number(struct statement *t, int64_t *out, struct err *e);
int check_path(const char *path, struct err *e);
int64_t store_now(void); /* Unix time */
/* Makes room for another line under a key: what people rated goes on under a key of its own, unless
 * it is that line, and their ratings with it. line NULL: there is none, and what else stands under
 * the key goes. */
int make_room(struct store *s, const uint8_t key[HASH_SHA256_SIZE], const char *line,
              struct err *e);
/* The number of an origin, which is put when it is not there. */
int origin_number(struct store *s, const struct store_origin *m, int64_t *out, struct err *e);

/* ---- matching.c ---- */

/* Brings the lines of summaries of a file's entries up to date; adds those that changed. */
int match_file(struct store *s, const char *path, size_t *changed, struct err *e);

/* ---- lines ---- */

/* The columns of a line and its origin, in the order that row_line reads them; c, f, s and p are
 * the tables chunks, files, summaries and provenance. */
#define LINE_COLUMNS                                                                               \
    "c.id, c.key, c.level, f.path, f.language, c.start_line, c.end_line, c.symbol, c.text, "       \
    "s.line, s.confidence, s.source, s.tokens_in, s.tokens_out, s.elapsed_ms, s.cut, s.made_at, "  \
    "p.model, p.model_revision, p.file_type, p.precision, p.isa, p.prompt_version, "               \
    "p.decoder_version, p.parameters, p.seed, s.context, c.renamed_from"
#define LINE_TABLES                                                                                \
    "chunks c JOIN files f ON f.id = c.file JOIN summaries s ON s.key = c.key "                    \
    "JOIN provenance p ON p.id = s.provenance"

struct row {
    struct store_line line;
    struct store_origin made;
    uint8_t context[HASH_SHA256_SIZE];
};

void row_line(struct columns *c, struct row *r);
void row_origin(struct columns *c, struct store_origin *m);
void row_file(struct columns *c, struct store_file *f); /* path, language, ..., hash */

/* Hands out the lines of a query that is bound. *n: how many there were. */
int each_line(struct statement *t, store_each *each, void *user, size_t *n, struct err *e);

/* Loads which revision is pinned into s; both NULL when none is. */
int pin_load(struct store *s, struct err *e);

#endif
