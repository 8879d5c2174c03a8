#include <string.h>

#include "store/store_impl.h"

/* Version 1. Unix times are in seconds, hashes 32 bytes, levels enum store_level. A folder and the
 * tree ("") have a row in files, without size and hash. `version` is the hash of the file that a
 * chunk was cut from, `seen` the last run that put the line there; seeds are the bits of a uint64.
 */
static const char *const version_1[] = {
    "CREATE TABLE files(id INTEGER PRIMARY KEY, path TEXT NOT NULL UNIQUE, language TEXT, "
    "size INTEGER, mtime_ns INTEGER, inode INTEGER, "
    "hash BLOB CHECK(hash IS NULL OR length(hash) = 32)) STRICT",

    "CREATE TABLE runs(id INTEGER PRIMARY KEY, started_at INTEGER NOT NULL, "
    "ended_at INTEGER) STRICT",

    "CREATE TABLE provenance(id INTEGER PRIMARY KEY, model TEXT NOT NULL, "
    "model_revision TEXT NOT NULL, file_type TEXT NOT NULL, precision TEXT NOT NULL, "
    "isa TEXT NOT NULL, prompt_version TEXT NOT NULL, decoder_version TEXT NOT NULL, "
    "parameters TEXT NOT NULL, seed INTEGER NOT NULL, "
    "UNIQUE(model_revision, prompt_version, model, file_type, precision, isa, decoder_version, "
    "parameters, seed)) STRICT",

    "CREATE TABLE summaries(key BLOB NOT NULL PRIMARY KEY CHECK(length(key) = 32), "
    "provenance INTEGER NOT NULL REFERENCES provenance(id), line TEXT NOT NULL, "
    "confidence REAL NOT NULL CHECK(confidence BETWEEN 0 AND 1), source TEXT NOT NULL, "
    "tokens_in INTEGER NOT NULL, tokens_out INTEGER NOT NULL, elapsed_ms REAL NOT NULL, "
    "cut INTEGER NOT NULL CHECK(cut IN (0, 1)), made_at INTEGER NOT NULL) STRICT, WITHOUT ROWID",

    "CREATE TABLE chunks(id INTEGER PRIMARY KEY, file INTEGER NOT NULL REFERENCES files(id), "
    "level INTEGER NOT NULL CHECK(level BETWEEN 0 AND 3), start_line INTEGER NOT NULL, "
    "end_line INTEGER NOT NULL CHECK(end_line >= start_line), symbol TEXT, "
    "text BLOB NOT NULL CHECK(length(text) = 32), version BLOB, "
    "key BLOB NOT NULL REFERENCES summaries(key), seen INTEGER NOT NULL REFERENCES runs(id), "
    "UNIQUE(file, level, start_line, end_line, key)) STRICT",
    "CREATE INDEX chunks_by_key ON chunks(key)",

    "CREATE TABLE ratings(id INTEGER PRIMARY KEY, chunk INTEGER NOT NULL REFERENCES chunks(id), "
    "verdict TEXT NOT NULL CHECK(verdict IN ('good', 'bad', '1', '2', '3', '4', '5')), "
    "note TEXT, corrected TEXT, who TEXT NOT NULL, rated_at INTEGER NOT NULL) STRICT",
    "CREATE INDEX ratings_by_chunk ON ratings(chunk)",

    "CREATE TABLE pins(id INTEGER PRIMARY KEY, model_revision TEXT NOT NULL, prompt_version TEXT, "
    "pinned_at INTEGER NOT NULL) STRICT",

    "PRAGMA application_id = 0x70726563",
    "PRAGMA user_version = 1",
    NULL};

/* Version 2 adds the index. `entered` is the hash of the bytes that a file's entries were cut from,
 * `cut` the version of the cutting. Numbers of entries are never used again, so what is derived
 * from them can tell new from old. vectors: bytes of two's complement, each times the scale. words:
 * one row for each entry; summary: lines of summaries, the best first. index_state has one row;
 * matched says from what the summaries were taken; the nonce tells this index from any other. */
static const char *const version_2[] = {
    "CREATE TABLE embedders(id INTEGER PRIMARY KEY, revision TEXT NOT NULL UNIQUE, "
    "name TEXT NOT NULL, width INTEGER NOT NULL CHECK(width > 0)) STRICT",

    "CREATE TABLE vectors(text BLOB NOT NULL CHECK(length(text) = 32), "
    "embedder INTEGER NOT NULL REFERENCES embedders(id), scale REAL NOT NULL, v BLOB NOT NULL, "
    "PRIMARY KEY(text, embedder)) STRICT, WITHOUT ROWID",

    "CREATE TABLE indexed(file INTEGER PRIMARY KEY REFERENCES files(id), "
    "entered BLOB NOT NULL CHECK(length(entered) = 32), cut INTEGER NOT NULL) STRICT",

    "CREATE TABLE entries(id INTEGER PRIMARY KEY AUTOINCREMENT, "
    "file INTEGER NOT NULL REFERENCES indexed(file), kind TEXT NOT NULL, symbol TEXT, "
    "start_line INTEGER NOT NULL, end_line INTEGER NOT NULL CHECK(end_line >= start_line), "
    "text BLOB NOT NULL CHECK(length(text) = 32)) STRICT",
    "CREATE INDEX entries_by_file ON entries(file)",
    "CREATE INDEX entries_by_text ON entries(text)",

    "CREATE VIRTUAL TABLE words USING "
    "fts5(symbol, path, summary, body, tokenize = 'porter precis')",

    "CREATE TABLE index_state(id INTEGER PRIMARY KEY CHECK(id = 1), "
    "embedder INTEGER REFERENCES embedders(id), changes INTEGER NOT NULL, "
    "matched TEXT NOT NULL, nonce BLOB NOT NULL CHECK(length(nonce) = 32)) STRICT",

    "PRAGMA user_version = 2",
    NULL};

/* Version 3 knows what the side file of vectors was made from. Until then the nonce and the changes
 * were its generation. stale: numbers of entries, also of such that left, whose vector may be
 * another, or be there or not, than when the side file of that generation was made; null: there is
 * none, and nothing is noted. */
static const char *const version_3[] = {
    "ALTER TABLE index_state DROP COLUMN nonce",
    "ALTER TABLE index_state ADD COLUMN generation BLOB CHECK(length(generation) = 32)",
    "CREATE TABLE stale(entry INTEGER PRIMARY KEY) STRICT",

    "PRAGMA user_version = 3", NULL};

/* Version 4 has what the parts of an identifier spell together among the words. */
static const char *const version_4[] = {"INSERT INTO words(words) VALUES('rebuild')",
                                        "PRAGMA user_version = 4", NULL};

/* Version 5 adds what a run may know without asking or reading. asked: what a command line came to,
 * under a digest of it (store/settled.h). settled: keys of all chunks of a file of that content,
 * one after another. unanswered: keys to which the model had no line. summaries.context: as in
 * struct store_subject, so that a key can be checked elsewhere. */
static const char *const version_5[] = {
    "CREATE TABLE asked(how BLOB NOT NULL PRIMARY KEY CHECK(length(how) = 32), "
    "provenance INTEGER NOT NULL REFERENCES provenance(id), judged_by TEXT NOT NULL, "
    "seq2seq INTEGER NOT NULL CHECK(seq2seq IN (0, 1)), context INTEGER NOT NULL, "
    "sequences INTEGER NOT NULL, lanes INTEGER NOT NULL) STRICT, WITHOUT ROWID",

    "CREATE TABLE settled(file INTEGER NOT NULL REFERENCES files(id), "
    "how BLOB NOT NULL CHECK(length(how) = 32), "
    "version BLOB NOT NULL CHECK(length(version) = 32), "
    "keys BLOB NOT NULL CHECK(length(keys) % 32 = 0), PRIMARY KEY(file, how, version)) "
    "STRICT, WITHOUT ROWID",

    "CREATE TABLE unanswered(key BLOB NOT NULL PRIMARY KEY CHECK(length(key) = 32), "
    "why TEXT NOT NULL, tokens_in INTEGER NOT NULL, tokens_out INTEGER NOT NULL, "
    "cut INTEGER NOT NULL CHECK(cut IN (0, 1)), made_at INTEGER NOT NULL) STRICT, WITHOUT ROWID",

    "ALTER TABLE summaries ADD COLUMN context BLOB CHECK(context IS NULL OR length(context) = 32)",

    "PRAGMA user_version = 5",
    NULL};

/* Version 6 knows when a run last had what no run needs for ever: used_at, Unix time; and of a
 * chunk without a line what a report shows of it: text and symbol as in chunks. What version 5 had
 * of both is found out again. */
static const char *const version_6[] = {
    "CREATE INDEX chunks_by_seen ON chunks(seen)",

    "DROP TABLE settled",
    "CREATE TABLE settled(file INTEGER NOT NULL REFERENCES files(id), "
    "how BLOB NOT NULL CHECK(length(how) = 32), "
    "version BLOB NOT NULL CHECK(length(version) = 32), "
    "keys BLOB NOT NULL CHECK(length(keys) % 32 = 0), used_at INTEGER NOT NULL, "
    "PRIMARY KEY(file, how, version)) STRICT, WITHOUT ROWID",

    "DROP TABLE unanswered",
    "CREATE TABLE unanswered(key BLOB NOT NULL PRIMARY KEY CHECK(length(key) = 32), "
    "why TEXT NOT NULL, tokens_in INTEGER NOT NULL, tokens_out INTEGER NOT NULL, "
    "cut INTEGER NOT NULL CHECK(cut IN (0, 1)), text BLOB NOT NULL CHECK(length(text) = 32), "
    "symbol TEXT, used_at INTEGER NOT NULL) STRICT, WITHOUT ROWID",

    "PRAGMA user_version = 6",
    NULL};

/* Version 7 knows of a line that it was made for another path, which the file had then; and finds
 * files by what is in them. */
static const char *const version_7[] = {"ALTER TABLE chunks ADD COLUMN renamed_from TEXT",
                                        "CREATE INDEX files_by_hash ON files(hash)",

                                        "PRAGMA user_version = 7", NULL};

/* ladder[n] takes a file of version n to n + 1. */
static const char *const *const ladder[STORE_VERSION] = {version_1, version_2, version_3, version_4,
                                                         version_5, version_6, version_7};

static int climb(sqlite3 *db, int from) {
    int rc = SQLITE_OK;
    for (int v = from; rc == SQLITE_OK && v < STORE_VERSION; v++)
        for (const char *const *sql = ladder[v]; rc == SQLITE_OK && *sql; sql++)
            rc = sqlite3_exec(db, *sql, NULL, NULL, NULL);
    return rc;
}

static int number(sqlite3 *db, const char *sql, int *out) {
    sqlite3_stmt *st = NULL;
    int rc = sqlite3_prepare_v2(db, sql, -1, &st, NULL);
    if (rc == SQLITE_OK && (rc = sqlite3_step(st)) == SQLITE_ROW) {
        *out = sqlite3_column_int(st, 0);
        rc = SQLITE_OK;
    }
    int end = sqlite3_finalize(st);
    return rc == SQLITE_DONE ? SQLITE_CORRUPT : rc ? rc : end;
}

/* At one moment: another process may be about to create the store. */
static int read_marks(sqlite3 *db, int *application, int *version, int *objects) {
    bool own = sqlite3_get_autocommit(db) != 0;
    int rc = own ? sqlite3_exec(db, "BEGIN", NULL, NULL, NULL) : SQLITE_OK;
    if (rc == SQLITE_OK)
        rc = number(db, "PRAGMA application_id", application);
    if (rc == SQLITE_OK)
        rc = number(db, "PRAGMA user_version", version);
    if (rc == SQLITE_OK)
        rc = number(db, "SELECT count(*) FROM sqlite_schema", objects);
    if (own && !sqlite3_get_autocommit(db)) {
        int end = sqlite3_exec(db, "ROLLBACK", NULL, NULL, NULL);
        rc = rc ? rc : end;
    }
    return rc;
}

int schema_look(struct store *s, int *version, bool *is_new, struct err *e) {
    int application = 0, objects = 0;
    int rc = read_marks(s->db, &application, version, &objects);
    if (rc)
        return store_fail(s, rc, "open the store", e);
    *is_new = application == 0 && *version == 0 && objects == 0;
    if (*is_new)
        return 0;
    if (application != STORE_APPLICATION)
        return err_set(e, PRECIS_EINPUT,
                       "%s: is a database of another application (id %d), not a store of precis",
                       s->path, application);
    if (*version > STORE_VERSION)
        return err_set(e, PRECIS_EUNSUPPORTED,
                       "%s: is of version %d, this precis reads up to version %d", s->path,
                       *version, STORE_VERSION);
    if (*version < 1)
        return err_set(e, PRECIS_EINPUT, "%s: is of version %d, which no precis wrote", s->path,
                       *version);
    return 0;
}

/* Two programs may create one store at once: the second finds it made once it has the lock. */
int schema_upgrade(struct store *s, struct err *e) {
    int version = 0;
    bool is_new;
    int rc = sqlite3_exec(s->db, "BEGIN IMMEDIATE", NULL, NULL, NULL);
    if (rc)
        return store_fail(s, rc, "create the store", e);
    int result = schema_look(s, &version, &is_new, e);
    if (result == 0) {
        rc = climb(s->db, version);
        if (rc == SQLITE_OK)
            rc = sqlite3_exec(s->db, "COMMIT", NULL, NULL, NULL);
        if (rc)
            result = store_fail(s, rc, "create the store", e);
    }
    if (!sqlite3_get_autocommit(s->db))
        sqlite3_exec(s->db, "ROLLBACK", NULL, NULL, NULL);
    return result;
}

static bool same_text(sqlite3_stmt *a, sqlite3_stmt *b, int column) {
    const char *x = (const char *)sqlite3_column_text(a, column);
    const char *y = (const char *)sqlite3_column_text(b, column);
    return x && y ? strcmp(x, y) == 0 : x == y;
}

/* The next row of both: SQLITE_ROW when they are the same, SQLITE_DONE when both are at their end,
 * SQLITE_MISMATCH with a name (of either, or NULL), or a failure. */
static int compare_next(sqlite3_stmt *ours, sqlite3_stmt *theirs, const void **name) {
    int expected = sqlite3_step(ours), rc = sqlite3_step(theirs);
    if (rc != SQLITE_ROW && rc != SQLITE_DONE)
        return rc;
    if (expected != SQLITE_ROW && expected != SQLITE_DONE)
        return expected;
    bool same = expected == rc;
    for (int i = 0; same && rc == SQLITE_ROW && i < 4; i++)
        same = same_text(ours, theirs, i);
    if (same)
        return rc;
    *name = sqlite3_column_text(rc == SQLITE_ROW ? theirs : ours, 0);
    /* a text that could not be had is no difference */
    bool nomem = sqlite3_errcode(sqlite3_db_handle(ours)) == SQLITE_NOMEM ||
                 sqlite3_errcode(sqlite3_db_handle(theirs)) == SQLITE_NOMEM;
    return nomem ? SQLITE_NOMEM : SQLITE_MISMATCH;
}

/* Compares with a schema that the ladder makes in memory, so that a step cannot be forgotten. */
int schema_check(struct store *s, struct err *e) {
    static const char sql[] = "SELECT name, type, tbl_name, sql FROM sqlite_schema ORDER BY name";
    sqlite3 *model = NULL;
    sqlite3_stmt *ours = NULL, *theirs = NULL;
    const void *name = NULL;
    int result = 0;
    int rc = sqlite3_open(":memory:", &model);
    if (rc == SQLITE_OK)
        rc = fts_register(model);
    if (rc == SQLITE_OK)
        rc = climb(model, 0);
    if (rc == SQLITE_OK)
        rc = sqlite3_prepare_v2(model, sql, -1, &ours, NULL);
    if (rc == SQLITE_OK)
        rc = sqlite3_prepare_v2(s->db, sql, -1, &theirs, NULL);
    if (rc == SQLITE_OK)
        do
            rc = compare_next(ours, theirs, &name);
        while (rc == SQLITE_ROW);
    if (rc == SQLITE_MISMATCH)
        result = err_set(e, PRECIS_EINPUT,
                         "%s: is not a store as precis makes them: its schema differs at %s",
                         s->path, name ? (const char *)name : "an entry without a name");
    else if (rc != SQLITE_DONE)
        result = store_fail(s, rc, "read the schema of the store", e);
    sqlite3_finalize(ours);
    sqlite3_finalize(theirs);
    sqlite3_close(model);
    return result;
}
