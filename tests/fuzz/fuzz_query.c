/* Any bytes as what someone asks: the expression that is made of them is one that FTS5 takes, of no
 * more words than it says; and any bytes as the text that is asked, each of whose words is found.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/utf8.h"
#include "index/query.h"
#include "search/words.h"
#include "store/entries.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { MOST_WORDS = 64, MOST_BYTES = 4096 };

static const struct store_weights even = {1, 1, 1, 1};
static char root[64];
static struct store *s;

static void expect(bool holds) {
    if (!holds)
        abort();
}

static void clean(void) {
    static const char *const names[] = {STORE_FILE, STORE_FILE "-wal", STORE_FILE "-shm",
                                        ".gitignore"};
    char path[sizeof root + 64];
    store_close(s);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        snprintf(path, sizeof path, "%s/" STORE_FOLDER "/%s", root, names[i]);
        unlink(path);
    }
    snprintf(path, sizeof path, "%s/" STORE_FOLDER, root);
    rmdir(path);
    rmdir(root);
}

static void make_store(void) {
    struct err e = {0};
    snprintf(root, sizeof root, "%s/precis-fuzz-XXXXXX",
             access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
    expect(mkdtemp(root) != NULL);
    expect(store_open(root, STORE_CREATE, &s, &e) == 0);
    atexit(clean);
}

/* Words between quotes with " OR " between: nothing of the input is an operator of FTS5. */
static void check_expression(const char *p) {
    int words = 0;
    for (; *p; words++) {
        expect(*p++ == '"');
        size_t n = strcspn(p, "\"");
        expect(n > 0 && n <= WORD_MOST && utf8_valid(p, n) && p[n] == '"');
        p += n + 1;
        expect(!*p || strncmp(p, " OR \"", 5) == 0);
        p += *p ? 4 : 0;
    }
    expect(words <= MOST_WORDS);
}

static size_t match(const char *expression, struct store_hit *hit) {
    struct err e = {0};
    size_t n = 0;
    if (*expression)
        expect(store_match(s, expression, &even, NULL, 0, hit, 1, &n, &e) == 0);
    return n;
}

/* Each word alone is found. */
static void find_words(const char *expression, int64_t id) {
    struct store_hit hit;
    char word[WORD_MOST + 3];
    for (const char *p = expression; *p;) {
        size_t n = strcspn(p + 1, "\"") + 2;
        memcpy(word, p, n);
        word[n] = 0;
        expect(match(word, &hit) == 1 && hit.entry == id);
        p += n;
        p += *p ? 4 : 0; /* " OR " */
    }
}

/* A text has all of its own words. */
static void ask_for_itself(const char *text, const char *expression) {
    struct err e = {0};
    struct buf valid = {0}, marked = {0};
    struct store_hit hit;
    int64_t id = 0;
    utf8_append_valid(&valid, text, strlen(text));
    for (size_t i = 0; i < valid.len; i++)
        if (valid.data[i] == STORE_MARK_BEGIN || valid.data[i] == STORE_MARK_END)
            valid.data[i] = ' ';
    buf_str(&valid, "");
    expect(!buf_failed(&valid));
    struct store_entry entry = {.kind = "lines", .body = valid.data, .body_len = valid.len};
    const struct store_indexed f = {.file.path = "p"};
    expect(store_begin(s, &e) == 0 && store_put_entries(s, &f, &entry, 1, &id, &e) == 0);
    size_t n = match(expression, &hit);
    expect(n == (*expression != 0));
    find_words(expression, id);
    if (n) {
        expect(hit.entry == id && store_marked(s, id, expression, &marked, &e) == 0);
        expect(marked.data && strchr(marked.data, STORE_MARK_BEGIN));
    }
    store_abandon(s);
    buf_free(&valid);
    buf_free(&marked);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct buf expression = {0};
    struct err e = {0};
    struct store_hit hit;
    if (!*root)
        make_store();
    char *text = strndup((const char *)(size ? data : (const uint8_t *)""),
                         size < MOST_BYTES ? size : MOST_BYTES);
    expect(text && query_expression(text, &expression, &e) == 0);
    check_expression(expression.data);
    expect(match(expression.data, &hit) == 0); /* nothing is indexed */
    ask_for_itself(text, expression.data);
    free(text);
    buf_free(&expression);
    return 0;
}
