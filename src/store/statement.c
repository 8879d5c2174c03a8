#include <string.h>

#include "base/utf8.h"
#include "store/store_impl.h"

/* ?1 and ?2: the pinned revision and prompt version, null: any. */
#define OF_PIN(p)                                                                                  \
    "(?1 IS NULL OR " p ".model_revision = ?1) AND (?2 IS NULL OR " p ".prompt_version = ?2)"

/* Of the file's present text, of the pinned revision, and no newer such line overlaps it. */
#define ACTIVE                                                                                     \
    "c.version IS f.hash AND " OF_PIN(                                                             \
        "p") " AND NOT EXISTS (SELECT 1 FROM chunks n "                                            \
             "JOIN summaries ns ON ns.key = n.key JOIN provenance np ON np.id = ns.provenance "    \
             "WHERE n.file = c.file AND n.level = c.level AND n.start_line <= c.end_line "         \
             "AND n.end_line >= c.start_line AND (n.seen, n.id) > (c.seen, c.id) "                 \
             "AND n.version IS f.hash AND " OF_PIN("np") ")"

/* f.path is this path or below it; all are below "". */
#define BELOW(path)                                                                                \
    "(" path " = '' OR f.path = " path " OR (f.path > " path " || '/' AND f.path < " path          \
    " || '0'))"

/* What people rated stays, and what the pin reads. */
#define WANTED                                                                                     \
    "(EXISTS (SELECT 1 FROM ratings r WHERE r.chunk = chunks.id) OR EXISTS (SELECT 1 FROM "        \
    "summaries s JOIN provenance p ON p.id = s.provenance JOIN pins n ON n.id = "                  \
    "(SELECT max(id) FROM pins) WHERE s.key = chunks.key AND "                                     \
    "p.model_revision = n.model_revision AND "                                                     \
    "(n.prompt_version IS NULL OR p.prompt_version = n.prompt_version)))"

/* A run that began before ?1 and puts no more lines: it ended, or began before ?2. */
#define IS_PAST "started_at < ?1 AND (ended_at IS NOT NULL OR started_at < ?2)"

static const char *const texts[QUERIES] = {
    [QUERY_BEGIN] = "BEGIN IMMEDIATE",
    [QUERY_READ_BEGIN] = "BEGIN",
    [QUERY_COMMIT] = "COMMIT",
    [QUERY_ROLLBACK] = "ROLLBACK",
    [QUERY_RUN_BEGIN] = "INSERT INTO runs(started_at) VALUES(?) RETURNING id",
    [QUERY_RUN_END] = "UPDATE runs SET ended_at = ? WHERE id = ?",
    [QUERY_PUT_FILE] =
        "INSERT INTO files(path, language, size, mtime_ns, inode, hash) VALUES(?, ?, ?, ?, ?, ?) "
        "ON CONFLICT(path) DO UPDATE SET language = excluded.language, size = excluded.size, "
        "mtime_ns = excluded.mtime_ns, inode = excluded.inode, hash = excluded.hash",
    [QUERY_PUT_FOLDER] = "INSERT INTO files(path) VALUES(?) ON CONFLICT(path) DO NOTHING",
    [QUERY_FIND_PATH] = "SELECT id FROM files WHERE path = ?",
    [QUERY_PUT_ORIGIN] =
        "INSERT INTO provenance(model, model_revision, file_type, precision, isa, prompt_version, "
        "decoder_version, parameters, seed) VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?) "
        "ON CONFLICT DO NOTHING",
    [QUERY_FIND_ORIGIN] =
        "SELECT id FROM provenance WHERE model = ? AND model_revision = ? AND file_type = ? AND "
        "precision = ? AND isa = ? AND prompt_version = ? AND decoder_version = ? AND "
        "parameters = ? AND seed = ?",
    [QUERY_PUT_SUMMARY] =
        "INSERT INTO summaries(key, provenance, line, confidence, source, tokens_in, tokens_out, "
        "elapsed_ms, cut, made_at, context) VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO "
        "NOTHING",
    [QUERY_REPLACE_SUMMARY] =
        "INSERT INTO summaries(key, provenance, line, confidence, source, tokens_in, tokens_out, "
        "elapsed_ms, cut, made_at, context) VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON "
        "CONFLICT(key) DO UPDATE "
        "SET provenance = excluded.provenance, line = excluded.line, "
        "confidence = excluded.confidence, source = excluded.source, "
        "tokens_in = excluded.tokens_in, tokens_out = excluded.tokens_out, "
        "elapsed_ms = excluded.elapsed_ms, cut = excluded.cut, made_at = excluded.made_at, "
        "context = excluded.context",
    [QUERY_FILL_CONTEXT] = "UPDATE summaries SET context = ? WHERE key = ? AND context IS NULL",
    [QUERY_SET_ASIDE] =
        "INSERT INTO summaries(key, provenance, line, confidence, source, tokens_in, tokens_out, "
        "elapsed_ms, cut, made_at) SELECT randomblob(32), provenance, line, confidence, source, "
        "tokens_in, tokens_out, elapsed_ms, cut, made_at FROM summaries WHERE key = ?1 AND "
        "line IS NOT ?2 AND EXISTS (SELECT 1 FROM chunks c JOIN ratings r ON r.chunk = c.id "
        "WHERE c.key = ?1) RETURNING key",
    [QUERY_MOVE_RATED] = "UPDATE chunks SET key = ? WHERE key = ? AND "
                         "EXISTS (SELECT 1 FROM ratings r WHERE r.chunk = chunks.id)",
    [QUERY_DROP_PLACES] = "DELETE FROM chunks WHERE key = ?",
    [QUERY_DROP_LINE] = "DELETE FROM summaries WHERE key = ?",
    [QUERY_PUT_CHUNK] =
        "INSERT INTO chunks(file, level, start_line, end_line, symbol, text, version, key, seen, "
        "renamed_from) SELECT id, ?1, ?2, ?3, ?4, ?5, hash, ?6, ?7, ?9 FROM files WHERE id = ?8 "
        "ON CONFLICT(file, level, start_line, end_line, key) DO UPDATE SET "
        "symbol = excluded.symbol, text = excluded.text, version = excluded.version, "
        "seen = max(seen, excluded.seen), renamed_from = excluded.renamed_from",
    [QUERY_FIND_KEY] = "SELECT " LINE_COLUMNS " FROM " LINE_TABLES
                       " WHERE c.key = ? ORDER BY c.seen DESC, c.id DESC LIMIT 1",
    [QUERY_LINES] = "SELECT " LINE_COLUMNS " FROM " LINE_TABLES
                    " WHERE f.path = ?3 AND c.level = ?4 AND c.start_line <= ?6 AND "
                    "c.end_line >= ?5 AND " ACTIVE " ORDER BY c.start_line, c.end_line",
    [QUERY_LIST] = "SELECT " LINE_COLUMNS " FROM " LINE_TABLES " WHERE " BELOW(
        "?3") " AND " ACTIVE " ORDER BY f.path, c.level DESC, c.start_line, c.end_line",
    [QUERY_FILE] = "SELECT path, language, size, mtime_ns, inode, hash FROM files "
                   "WHERE path = ? AND hash IS NOT NULL",
    [QUERY_FILES] = "SELECT f.path, f.language, f.size, f.mtime_ns, f.inode, f.hash FROM files f "
                    "WHERE f.hash IS NOT NULL AND " BELOW(
                        "?1") " AND EXISTS (SELECT 1 FROM chunks c WHERE c.file = f.id) "
                              "ORDER BY f.path",
    [QUERY_RENAMED] =
        "SELECT c.renamed_from, NULL, 1, max(c.seen) FROM chunks c JOIN files f ON f.id = c.file "
        "WHERE f.path = ?1 AND c.renamed_from IS NOT NULL GROUP BY c.renamed_from UNION ALL "
        "SELECT f.path, f.path, 0, max(c.seen) FROM files f JOIN chunks c ON c.file = f.id "
        "WHERE f.hash = ?2 AND f.path <> ?1 GROUP BY f.id UNION ALL "
        "SELECT c.renamed_from, f.path, 0, max(c.seen) FROM files f JOIN chunks c ON c.file = f.id "
        "WHERE f.hash = ?2 AND f.path <> ?1 AND c.renamed_from IS NOT NULL "
        "GROUP BY f.id, c.renamed_from ORDER BY 3 DESC, 4 DESC, 1",
    [QUERY_REVISIONS] = "SELECT p.model, p.model_revision, p.prompt_version, count(*), "
                        "min(s.made_at), max(s.made_at) FROM summaries s "
                        "JOIN provenance p ON p.id = s.provenance "
                        "GROUP BY p.model, p.model_revision, p.prompt_version "
                        "ORDER BY min(s.made_at), min(p.id)",
    [QUERY_PIN] = "INSERT INTO pins(model_revision, prompt_version, pinned_at) "
                  "SELECT ?1, ?2, ?3 WHERE EXISTS (SELECT 1 FROM summaries s "
                  "JOIN provenance p ON p.id = s.provenance WHERE " OF_PIN("p") ")",
    [QUERY_UNPIN] = "DELETE FROM pins WHERE id = (SELECT max(id) FROM pins)",
    [QUERY_PINNED] = "SELECT model_revision, prompt_version FROM pins ORDER BY id DESC LIMIT 1",
    [QUERY_RATE] = "INSERT INTO ratings(chunk, verdict, note, corrected, who, rated_at) "
                   "SELECT id, ?, ?, ?, ?, ? FROM chunks WHERE id = ?",
    [QUERY_RATINGS] = "SELECT " LINE_COLUMNS
                      ", r.verdict, r.note, r.corrected, r.who, r.rated_at FROM " LINE_TABLES
                      " JOIN ratings r ON r.chunk = c.id ORDER BY r.id",
    [QUERY_INDEX] = "SELECT (SELECT count(*) FROM indexed), (SELECT count(*) FROM entries), "
                    "coalesce(i.embedder, 0), coalesce(m.revision, ''), coalesce(m.name, ''), "
                    "coalesce(m.width, 0) FROM index_state i "
                    "LEFT JOIN embedders m ON m.id = i.embedder",
    [QUERY_INDEX_BEGIN] =
        "INSERT INTO index_state(id, changes, matched) VALUES(1, 0, '') ON CONFLICT DO NOTHING",
    [QUERY_INDEX_CHANGED] = "UPDATE index_state SET changes = changes + 1",
    [QUERY_INDEX_MATCHED] =
        "SELECT matched, (SELECT count(*) || '.' || coalesce(max(id), 0) || '.' || "
        "coalesce(max(ended_at), 0) FROM runs) || '/' || (SELECT count(*) || '.' || "
        "coalesce(max(id), 0) FROM pins) || '/' || changes FROM index_state",
    [QUERY_SET_MATCHED] = "UPDATE index_state SET matched = ?",
    [QUERY_EACH_INDEXED] =
        "SELECT f.path, f.language, f.size, f.mtime_ns, f.inode, f.hash, i.entered, i.cut, "
        "?2 = 0 OR NOT EXISTS (SELECT 1 FROM entries e WHERE e.file = i.file AND NOT EXISTS "
        "(SELECT 1 FROM vectors v WHERE v.text = e.text AND v.embedder = ?2)) "
        "FROM indexed i JOIN files f ON f.id = i.file WHERE " BELOW("?1") " ORDER BY f.path",
    [QUERY_PUT_INDEXED] =
        "INSERT INTO indexed(file, entered, cut) SELECT id, ?, ? FROM files WHERE path = ? "
        "ON CONFLICT(file) DO UPDATE SET entered = excluded.entered, cut = excluded.cut "
        "RETURNING file",
    [QUERY_PUT_ENTRY] = "INSERT INTO entries(file, kind, symbol, start_line, end_line, text) "
                        "VALUES(?, ?, ?, ?, ?, ?)",
    [QUERY_PUT_WORDS] = "INSERT INTO words(rowid, symbol, path, summary, body) "
                        "VALUES(?, ?, ?, '', ?)",
    [QUERY_DROP_WORDS] = "DELETE FROM words WHERE rowid IN (SELECT id FROM entries WHERE file = ?)",
    [QUERY_DROP_ENTRIES] = "DELETE FROM entries WHERE file = ?",
    [QUERY_DROP_INDEXED] = "DELETE FROM indexed WHERE file = ?",
    [QUERY_DROP_FILE] = "DELETE FROM files WHERE id = ?1 AND "
                        "NOT EXISTS (SELECT 1 FROM chunks WHERE file = ?1) AND "
                        "NOT EXISTS (SELECT 1 FROM settled WHERE file = ?1)",
    [QUERY_PUT_EMBEDDER] = "INSERT INTO embedders(revision, name, width) VALUES(?, ?, ?) "
                           "ON CONFLICT(revision) DO UPDATE SET name = excluded.name",
    [QUERY_FIND_EMBEDDER] = "SELECT id FROM embedders WHERE revision = ? AND width = ?",
    [QUERY_SEARCH_EMBEDDER] = "UPDATE index_state SET changes = changes + "
                              "(embedder IS NOT ?1), generation = CASE WHEN embedder IS ?1 THEN "
                              "generation END, embedder = ?1",
    [QUERY_STALE_FILE] = "INSERT OR IGNORE INTO stale SELECT id FROM entries WHERE file = ? AND "
                         "(SELECT generation IS NOT NULL FROM index_state)",
    [QUERY_STALE_TEXT] = "INSERT OR IGNORE INTO stale SELECT id FROM entries WHERE text = ? AND "
                         "(SELECT generation IS NOT NULL AND embedder = ? FROM index_state)",
    [QUERY_NEW_SIDE_FILE] = "UPDATE index_state SET generation = randomblob(32)",
    [QUERY_DROP_STALE] = "DELETE FROM stale",
    [QUERY_SIDE_FILE] = "SELECT generation, (SELECT count(*) FROM stale) FROM index_state "
                        "WHERE embedder = ? AND generation IS NOT NULL",
    [QUERY_EACH_STALE] = "SELECT t.entry, v.scale, v.v FROM stale t "
                         "LEFT JOIN entries e ON e.id = t.entry "
                         "LEFT JOIN vectors v ON v.text = e.text AND v.embedder = ? "
                         "ORDER BY t.entry",
    [QUERY_PUT_VECTOR] = "INSERT INTO vectors(text, embedder, scale, v) VALUES(?, ?, ?, ?) "
                         "ON CONFLICT DO NOTHING",
    [QUERY_FIND_VECTOR] = "SELECT scale, v FROM vectors WHERE text = ? AND embedder = ?",
    [QUERY_EACH_VECTOR] = "SELECT e.id, v.scale, v.v FROM entries e "
                          "JOIN vectors v ON v.text = e.text AND v.embedder = ? ORDER BY e.id",
    [QUERY_MANY_ORPHANS] =
        "SELECT 2 * (SELECT count(DISTINCT text) FROM entries) < (SELECT count(*) FROM vectors)",
    [QUERY_DROP_ORPHANS] = "DELETE FROM vectors WHERE embedder IS NOT "
                           "(SELECT embedder FROM index_state) OR "
                           "NOT EXISTS (SELECT 1 FROM entries e WHERE e.text = vectors.text)",
    [QUERY_ENTRY_FILES] = "SELECT f.path FROM indexed i JOIN files f ON f.id = i.file",
    [QUERY_ENTRY_LINES] = "SELECT e.id, e.symbol, e.start_line, e.end_line, w.summary "
                          "FROM files f JOIN entries e ON e.file = f.id "
                          "JOIN words w ON w.rowid = e.id WHERE f.path = ?",
    [QUERY_PUT_SUMMARIES] = "UPDATE words SET summary = ? WHERE rowid = ?",
    [QUERY_MATCH] = "SELECT rowid, -bm25(words, ?2, ?3, ?4, ?5) AS score FROM words "
                    "WHERE words MATCH ?1 ORDER BY score DESC, rowid",
    [QUERY_ENTRY] = "SELECT e.id, f.path, f.language, e.kind, e.symbol, e.start_line, e.end_line, "
                    "e.text, w.summary, w.body FROM entries e JOIN files f ON f.id = e.file "
                    "JOIN words w ON w.rowid = e.id WHERE e.id = ?",
    [QUERY_MARKED] = "SELECT highlight(words, 3, char(1), char(2)) FROM words "
                     "WHERE words MATCH ? AND rowid = ?",
    [QUERY_PUT_ASKED] =
        "INSERT INTO asked(how, provenance, judged_by, seq2seq, context, sequences, lanes) "
        "VALUES(?, ?, ?, ?, ?, ?, ?) ON CONFLICT(how) DO UPDATE SET "
        "provenance = excluded.provenance, judged_by = excluded.judged_by, "
        "seq2seq = excluded.seq2seq, context = excluded.context, sequences = excluded.sequences, "
        "lanes = excluded.lanes",
    [QUERY_ASKED] = "SELECT p.model, p.model_revision, p.file_type, p.precision, p.isa, "
                    "p.prompt_version, p.decoder_version, p.parameters, p.seed, a.judged_by, "
                    "a.seq2seq, a.context, a.sequences, a.lanes FROM asked a "
                    "JOIN provenance p ON p.id = a.provenance WHERE a.how = ?",
    [QUERY_SETTLE] = "INSERT INTO settled(file, how, version, keys, used_at) "
                     "SELECT id, ?, hash, ?, ? FROM files WHERE path = ? AND hash IS NOT NULL "
                     "ON CONFLICT(file, how, version) DO UPDATE SET keys = excluded.keys, "
                     "used_at = excluded.used_at",
    [QUERY_SETTLED] = "SELECT s.keys FROM settled s JOIN files f ON f.id = s.file "
                      "WHERE f.path = ? AND s.how = ? AND s.version = ?",
    [QUERY_FIND_KEY_AT] = "SELECT " LINE_COLUMNS " FROM " LINE_TABLES
                          " WHERE c.key = ? AND +f.path = ? AND c.level = 0 LIMIT 1",
    [QUERY_PUT_NOTHING] =
        "INSERT INTO unanswered(key, why, tokens_in, tokens_out, cut, text, symbol, used_at) "
        "SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8 WHERE "
        "NOT EXISTS (SELECT 1 FROM summaries WHERE key = ?1) ON CONFLICT(key) DO UPDATE SET "
        "text = excluded.text, symbol = excluded.symbol, used_at = excluded.used_at",
    [QUERY_DROP_NOTHING] = "DELETE FROM unanswered WHERE key = ?",
    [QUERY_NOTHING] =
        "SELECT why, tokens_in, tokens_out, cut, text, symbol FROM unanswered WHERE key = ?",
    [QUERY_STATS] =
        "SELECT (SELECT count(*) FROM summaries), (SELECT count(*) FROM chunks), "
        "(SELECT count(DISTINCT file) FROM chunks), (SELECT count(*) FROM unanswered), "
        "(SELECT count(*) FROM runs), (SELECT coalesce(min(made_at), 0) FROM summaries), "
        "(SELECT coalesce(max(made_at), 0) FROM summaries)",
    [QUERY_SOURCES] = "SELECT source, count(*) FROM summaries GROUP BY source ORDER BY source",
    [QUERY_PAGES] = "SELECT page_count * page_size FROM pragma_page_count, pragma_page_size",
    [QUERY_EACH_PLACE] =
        "SELECT " LINE_COLUMNS " FROM " LINE_TABLES " WHERE c.renamed_from IS NULL "
        "ORDER BY f.path, c.level, c.start_line, c.end_line, c.key",
    [QUERY_IMPORT_CHUNK] =
        "INSERT INTO chunks(file, level, start_line, end_line, symbol, text, version, key, seen, "
        "renamed_from) VALUES(?8, ?1, ?2, ?3, ?4, ?5, x'', ?6, ?7, ?9) ON CONFLICT DO NOTHING",
    [QUERY_CHUNK_PATHS] = "SELECT id, path FROM files WHERE id IN (SELECT file FROM chunks) OR "
                          "id IN (SELECT file FROM settled)",
    [QUERY_GC_GONE] = "DELETE FROM chunks WHERE file = ? AND NOT " WANTED,
    [QUERY_GC_GONE_SETTLED] = "DELETE FROM settled WHERE file = ?",
    [QUERY_GC_OLD] =
        "DELETE FROM chunks WHERE seen IN (SELECT id FROM runs WHERE " IS_PAST ") AND NOT " WANTED,
    [QUERY_GC_LINES] = "DELETE FROM summaries WHERE "
                       "NOT EXISTS (SELECT 1 FROM chunks c WHERE c.key = summaries.key)",
    [QUERY_GC_UNANSWERED] = "DELETE FROM unanswered WHERE used_at < ?",
    [QUERY_GC_SETTLED] = "DELETE FROM settled WHERE used_at < ?",
    [QUERY_GC_ASKED] = "DELETE FROM asked WHERE "
                       "provenance NOT IN (SELECT provenance FROM summaries)",
    [QUERY_GC_ORIGINS] =
        "DELETE FROM provenance WHERE id NOT IN (SELECT provenance FROM summaries) "
        "AND id NOT IN (SELECT provenance FROM asked)",
    [QUERY_GC_FILES] = "DELETE FROM files WHERE id NOT IN (SELECT file FROM chunks) AND "
                       "id NOT IN (SELECT file FROM indexed) AND "
                       "id NOT IN (SELECT file FROM settled)",
    [QUERY_GC_RUNS] = "DELETE FROM runs WHERE " IS_PAST
                      " AND NOT EXISTS (SELECT 1 FROM chunks c WHERE c.seen = runs.id) "
                      "AND id < (SELECT max(id) FROM runs)",
    [QUERY_ENTRIES] = "SELECT e.id, f.path, f.language FROM entries e "
                      "JOIN files f ON f.id = e.file ORDER BY e.id",
};

struct statement statement_start(struct store *s, enum query q, const char *action) {
    struct statement t = {.s = s, .action = action, .next = 1};
    if (!s->prepared[q])
        t.rc = sqlite3_prepare_v3(s->db, texts[q], -1, SQLITE_PREPARE_PERSISTENT, &s->prepared[q],
                                  NULL);
    t.st = s->prepared[q];
    return t;
}

static void bound(struct statement *t, int rc) {
    if (t->rc == SQLITE_OK)
        t->rc = rc;
    t->next++;
}

void statement_text(struct statement *t, const char *text) {
    if (t->rc == SQLITE_OK)
        bound(t, sqlite3_bind_text(t->st, t->next, text, -1, SQLITE_STATIC));
}

void statement_text_of(struct statement *t, const char *text, size_t n) {
    if (t->rc == SQLITE_OK)
        bound(t, sqlite3_bind_text64(t->st, t->next, text, n, SQLITE_STATIC, SQLITE_UTF8));
}

void statement_int(struct statement *t, int64_t v) {
    if (t->rc == SQLITE_OK)
        bound(t, sqlite3_bind_int64(t->st, t->next, v));
}

void statement_real(struct statement *t, double v) {
    if (t->rc == SQLITE_OK)
        bound(t, sqlite3_bind_double(t->st, t->next, v));
}

void statement_blob(struct statement *t, const void *data, size_t n) {
    if (t->rc == SQLITE_OK)
        bound(t, sqlite3_bind_blob64(t->st, t->next, data, n, SQLITE_STATIC));
}

void statement_hash(struct statement *t, const uint8_t *hash) {
    statement_blob(t, hash, HASH_SHA256_SIZE);
}

int statement_row(struct statement *t, struct err *e) {
    int rc = t->rc == SQLITE_OK ? sqlite3_step(t->st) : t->rc;
    if (rc == SQLITE_ROW)
        return 1;
    int result = rc == SQLITE_DONE ? 0 : store_fail(t->s, rc, t->action, e);
    statement_end(t);
    return result;
}

void statement_end(struct statement *t) {
    if (!t->st)
        return;
    sqlite3_reset(t->st);
    sqlite3_clear_bindings(t->st);
}

int statement_run(struct statement *t, int *changed, struct err *e) {
    int rc = statement_row(t, e);
    if (rc == 0 && changed)
        *changed = sqlite3_changes(t->s->db);
    return rc;
}

bool text_is(const char *s, size_t n, enum text_kind kind) {
    return !memchr(s, 0, n) && utf8_valid(s, n) && (kind == TEXT_ANY || !utf8_has_controls(s, n));
}

const char *column_text_or_null(struct columns *c, enum text_kind kind) {
    sqlite3_stmt *st = c->t->st;
    int at = c->next++, type = sqlite3_column_type(st, at);
    if (type == SQLITE_NULL)
        return NULL;
    const char *s = (const char *)sqlite3_column_text(st, at);
    if (type == SQLITE_TEXT && !s)
        c->nomem = true;
    else if (type != SQLITE_TEXT || !text_is(s, (size_t)sqlite3_column_bytes(st, at), kind))
        c->damaged = true;
    else
        return s;
    return NULL;
}

const char *column_text(struct columns *c, enum text_kind kind) {
    const char *s = column_text_or_null(c, kind);
    if (!s)
        c->damaged = true;
    return s ? s : "";
}

int64_t column_int(struct columns *c) {
    int at = c->next++;
    c->damaged |= sqlite3_column_type(c->t->st, at) != SQLITE_INTEGER;
    return sqlite3_column_int64(c->t->st, at);
}

uint64_t column_count(struct columns *c) {
    int64_t v = column_int(c);
    c->damaged |= v < 0;
    return v < 0 ? 0 : (uint64_t)v;
}

double column_real(struct columns *c) {
    int at = c->next++;
    c->damaged |= sqlite3_column_type(c->t->st, at) != SQLITE_FLOAT;
    return sqlite3_column_double(c->t->st, at);
}

const void *column_blob(struct columns *c, size_t *n) {
    int at = c->next++;
    bool is_blob = sqlite3_column_type(c->t->st, at) == SQLITE_BLOB;
    *n = is_blob ? (size_t)sqlite3_column_bytes(c->t->st, at) : 0;
    const void *data = *n ? sqlite3_column_blob(c->t->st, at) : NULL;
    c->damaged |= !is_blob;
    c->nomem |= *n && !data;
    return data;
}

void column_hash(struct columns *c, uint8_t out[HASH_SHA256_SIZE]) {
    size_t n;
    const void *data = column_blob(c, &n);
    c->damaged |= n != HASH_SHA256_SIZE;
    if (data && n == HASH_SHA256_SIZE)
        memcpy(out, data, HASH_SHA256_SIZE);
    else
        memset(out, 0, HASH_SHA256_SIZE);
}

bool column_hash_or_null(struct columns *c, uint8_t out[HASH_SHA256_SIZE]) {
    if (sqlite3_column_type(c->t->st, c->next) != SQLITE_NULL) {
        column_hash(c, out);
        return true;
    }
    c->next++;
    return false;
}

int columns_end(const struct columns *c, struct err *e) {
    if (c->nomem)
        return err_nomem(e, c->t->s->path);
    return c->damaged ? store_damaged(c->t->s, "a row holds what precis does not write", e) : 0;
}

void row_origin(struct columns *c, struct store_origin *m) {
    m->model = column_text(c, TEXT_LINE);
    m->model_revision = column_text(c, TEXT_LINE);
    m->file_type = column_text(c, TEXT_LINE);
    m->precision = column_text(c, TEXT_LINE);
    m->isa = column_text(c, TEXT_LINE);
    m->prompt_version = column_text(c, TEXT_LINE);
    m->decoder_version = column_text(c, TEXT_LINE);
    m->parameters = column_text(c, TEXT_ANY);
    m->seed = (uint64_t)column_int(c);
}

void row_file(struct columns *c, struct store_file *f) {
    f->path = column_text(c, TEXT_ANY);
    f->language = column_text_or_null(c, TEXT_LINE);
    f->size = column_count(c);
    f->mtime_ns = column_int(c);
    f->inode = (uint64_t)column_int(c);
    column_hash(c, f->hash);
}

void row_line(struct columns *c, struct row *r) {
    struct store_line *l = &r->line;
    struct store_origin *m = &r->made;
    *l = (struct store_line){.made = m};
    l->place = column_int(c);
    column_hash(c, l->key);
    uint64_t level = column_count(c);
    c->damaged |= level > STORE_REPOSITORY;
    l->level = (enum store_level)(level & 3);
    l->path = column_text(c, TEXT_ANY);
    l->language = column_text_or_null(c, TEXT_LINE);
    l->start_line = column_count(c);
    l->end_line = column_count(c);
    c->damaged |= l->end_line < l->start_line;
    l->symbol = column_text_or_null(c, TEXT_LINE);
    column_hash(c, l->text);
    l->line = column_text(c, TEXT_LINE);
    l->confidence = column_real(c);
    c->damaged |= !(l->confidence >= 0 && l->confidence <= 1);
    l->source = column_text(c, TEXT_LINE);
    l->tokens_in = column_count(c);
    l->tokens_out = column_count(c);
    l->elapsed_ms = column_real(c);
    l->cut = column_count(c) != 0;
    l->made_at = column_int(c);
    row_origin(c, m);
    if (column_hash_or_null(c, r->context))
        l->context = r->context;
    l->renamed_from = column_text_or_null(c, TEXT_ANY);
}
