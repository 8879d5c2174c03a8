#include "index/query.h"

#include <stdlib.h>
#include <string.h>

#include "search/words.h"

enum { MOST = 64 };

/* In order. */
static const char *const common[] = {
    "a",    "all",   "an",   "and",   "any",   "are",  "as",   "at",    "be",    "been", "by",
    "can",  "do",    "does", "for",   "from",  "had",  "has",  "have",  "how",   "if",   "in",
    "into", "is",    "it",   "its",   "not",   "of",   "on",   "or",    "so",    "than", "that",
    "the",  "their", "then", "there", "these", "they", "this", "those", "to",    "was",  "we",
    "were", "what",  "when", "where", "which", "who",  "will", "with",  "would", "you",  "your",
};

static int compare(const void *key, const void *entry) {
    return strcmp(key, *(const char *const *)entry);
}

bool query_is_common(const char *word, size_t len) {
    char copy[16];
    if (len >= sizeof copy)
        return false;
    memcpy(copy, word, len);
    copy[len] = 0;
    return bsearch(copy, common, sizeof common / sizeof *common, sizeof *common, compare);
}

/* Words have no quotes in them. */
static bool has(const struct buf *b, const char *word, size_t len) {
    char quoted[WORD_MOST + 2];
    quoted[0] = quoted[len + 1] = '"';
    memcpy(quoted + 1, word, len);
    return b->data && memmem(b->data, b->len, quoted, len + 2);
}

static void put_word(struct buf *out, const char *word, size_t len, int *n) {
    if (*n >= MOST || has(out, word, len))
        return;
    buf_str(out, (*n)++ ? " OR \"" : "\"");
    buf_append(out, word, len);
    buf_char(out, '"');
}

/* Whether a word of the text was taken, not only what words spell together ("isin" of "is_in"). */
static bool put(const char *text, bool with_common, struct buf *out) {
    struct word_walk w;
    struct word_whole whole = {0};
    int n = 0;
    bool any = false;
    word_walk_start(&w, text, strlen(text));
    while (n < MOST && word_walk_next(&w)) {
        if (with_common || !query_is_common(w.word, w.len)) {
            put_word(out, w.word, w.len, &n);
            any = true;
        }
        if (word_whole_next(&whole, &w))
            put_word(out, whole.text, whole.len, &n);
    }
    return any;
}

int query_expression(const char *text, struct buf *out, struct err *e) {
    buf_clear(out);
    if (!put(text, false, out)) {
        buf_clear(out);
        put(text, true, out);
    }
    buf_str(out, "");
    return buf_failed(out) ? err_nomem(e, "words of a query") : 0;
}
