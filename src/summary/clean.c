#include "summary/clean.h"

#include <string.h>

#include "base/utf8.h"
#include "summary/phrase.h"
#include "summary/plain.h"
#include "summary/rephrase.h"
#include "summary/shorten.h"

/* Longer sentences are cut here before anything looks at their words. */
enum { LONGEST = 2048, MIN_ECHO = 12 };

static void cut_to(struct buf *line, size_t len) {
    line->len = len;
    line->data[len] = 0;
}

static bool ends_with(const struct buf *line, const char *tail) {
    size_t n = strlen(tail);
    return line->len >= n && memcmp(line->data + line->len - n, tail, n) == 0;
}

static void drop_front(struct buf *line, size_t n) {
    memmove(line->data, line->data + n, line->len - n + 1);
    line->len -= n;
}

/* Punctuation that is left over from labels and lists. */
static void trim_front(struct buf *line) {
    size_t n = 0;
    while (n < line->len && strchr(" :;,.-*>)]!?|=", line->data[n]))
        n++;
    static const char *const dashes[] = {"\xe2\x80\x93", "\xe2\x80\x94", "\xef\xbc\x9a"};
    for (size_t i = 0; i < 3; i++)
        if (line->len - n >= 3 && memcmp(line->data + n, dashes[i], 3) == 0)
            n += 3;
    while (n < line->len && line->data[n] == ' ')
        n++;
    drop_front(line, n);
}

static void trim_end(struct buf *line) {
    static const char *const ends[] = {" ",
                                       ".",
                                       ":",
                                       ";",
                                       ",",
                                       "!",
                                       "*",
                                       "\xe3\x80\x82",
                                       "\xef\xbc\x81",
                                       "\xef\xbd\xa1",
                                       "\xef\xbc\x9b",
                                       "\xef\xbc\x9a",
                                       "\xe2\x80\xa6"};
    for (size_t i = 0; i < sizeof ends / sizeof *ends;) {
        if (ends_with(line, ends[i])) {
            cut_to(line, line->len - strlen(ends[i]));
            i = 0;
        } else
            i++;
    }
}

/* Quotation marks around the whole line; a lone one at either end. */
static void unquote(struct buf *line) {
    static const struct {
        const char *open, *close;
    } marks[] = {{"\"", "\""},
                 {"'", "'"},
                 {"\xe2\x80\x9c", "\xe2\x80\x9d"},
                 {"\xe3\x80\x8c", "\xe3\x80\x8d"}};
    for (size_t i = 0; i < sizeof marks / sizeof *marks; i++) {
        size_t n = strlen(marks[i].open);
        if (line->len < n || memcmp(line->data, marks[i].open, n) != 0)
            continue;
        bool again = phrase_contains(line->data + n, line->len - n, marks[i].close, n);
        if (ends_with(line, marks[i].close) && line->len > 2 * n)
            cut_to(line, line->len - n);
        else if (again)
            continue;
        drop_front(line, n);
    }
}

static bool is_refusal(const struct buf *line) {
    static const char *const begins[] = {
        "i'm sorry",     "i am sorry",     "sorry",       "i cannot", "i can't",
        "as an ai",      "i'm unable",     "i am unable", "i do not", "i don't",
        "unfortunately", "please provide", "i apologize", "i need",   NULL};
    return phrase_match(line->data, line->len, begins) > 0;
}

static bool is_echo(const struct buf *line, const char *const *echoes) {
    static const char *const begins[] = {"file:",
                                         "in one short sentence",
                                         "you write one-line",
                                         "summarize this code",
                                         "summarize the",
                                         NULL};
    if (phrase_match(line->data, line->len, begins))
        return true;
    for (; echoes && *echoes; echoes++) {
        size_t n = strlen(*echoes);
        if (line->len >= MIN_ECHO && phrase_contains(*echoes, n, line->data, line->len))
            return true;
        if (n >= MIN_ECHO && phrase_contains(line->data, line->len, *echoes, n))
            return true;
    }
    return false;
}

/* Words are parted by spaces and slashes ("async/await/async/await"). */
static size_t word_at(const char *s, size_t n, size_t *i) {
    while (*i < n && (s[*i] == ' ' || s[*i] == '/'))
        ++*i;
    size_t len = 0;
    while (*i + len < n && s[*i + len] != ' ' && s[*i + len] != '/')
        len++;
    return len;
}

static bool same_word(const char *a, size_t n_a, const char *b, size_t n_b) {
    return n_a == n_b && phrase_contains(a, n_a, b, n_b);
}

/* The same three words three times over, or a word four times in a row. */
static bool goes_in_circles(const struct buf *line) {
    enum { MOST = 400 };
    size_t starts[MOST], lens[MOST], n = 0;
    for (size_t i = 0, len; n < MOST && (len = word_at(line->data, line->len, &i)) > 0; i += len) {
        starts[n] = i;
        lens[n++] = len;
    }
    const char *s = line->data;
    for (size_t a = 0; a + 3 < n; a++) {
        size_t again = 1, run = 1;
        while (a + run < n && same_word(s + starts[a], lens[a], s + starts[a + run], lens[a + run]))
            run++;
        for (size_t b = a + 1; b + 2 < n; b++) {
            bool same = true;
            for (size_t k = 0; same && k < 3; k++)
                same = same_word(s + starts[a + k], lens[a + k], s + starts[b + k], lens[b + k]);
            again += same;
        }
        if (run >= 4 || again >= 3)
            return true;
    }
    return false;
}

static bool has_wide(const struct buf *line) {
    for (size_t i = 0; i < line->len; i++)
        if ((unsigned char)line->data[i] >= 0xe3)
            return true;
    return false;
}

/* Not of identifiers: `tokio::spawn`, read_line, iPhone, main.rs stay as they are. */
static void capitalise(struct buf *line) {
    size_t n = phrase_word_length(line->data, line->len);
    while (n && strchr(",;:", line->data[n - 1]))
        n--;
    for (size_t i = 0; i < n; i++)
        if (!phrase_is_lower(line->data[i]) && line->data[i] != '-' && line->data[i] != '\'')
            return;
    if (n && phrase_is_lower(*line->data))
        *line->data = (char)(*line->data - ('a' - 'A'));
}

static void end_sentence(struct buf *line) {
    if (ends_with(line, "..."))
        return;
    bool wide = line->len >= 3 && (unsigned char)line->data[line->len - 3] >= 0xe3 &&
                (unsigned char)line->data[line->len - 3] <= 0xe9;
    buf_str(line, wide ? "\xe3\x80\x82" : ".");
}

/* The answer as it may be shown in a reason: plain, at most 60 characters. */
static int unusable(const char *text, size_t len, const char *what, struct err *e) {
    struct buf shown = {0};
    plain_append(&shown, text, len > 400 ? 400 : len);
    size_t n = 0;
    uint32_t c;
    for (int chars = 0; shown.data && n < shown.len && chars < 60; chars++) {
        int step = utf8_decode((const uint8_t *)shown.data + n, shown.len - n, &c);
        n += step ? (size_t)step : 1;
    }
    const char *more = n < shown.len || len > 400 ? "..." : "";
    int rc = PRECIS_ENOTFOUND;
    if (buf_failed(&shown))
        rc = err_nomem(e, "reason");
    else if (n)
        err_set(e, PRECIS_ENOTFOUND, "the model's answer %s: \"%.*s%s\"", what, (int)n, shown.data,
                more);
    else
        err_set(e, PRECIS_ENOTFOUND, "the model's answer was empty");
    buf_free(&shown);
    return rc;
}

static const char *fault(const struct buf *line, const struct clean_options *o) {
    if (!line->len)
        return "held no sentence";
    if (is_refusal(line))
        return "was no summary";
    if (is_echo(line, o->echoes))
        return "repeated the prompt";
    if (ends_with(line, "?") || ends_with(line, "\xef\xbc\x9f"))
        return "was a question";
    if (sentence_is_code(line->data, line->len))
        return "was code";
    if (phrase_count_words(line->data, line->len) < 2 && !(has_wide(line) && line->len >= 12))
        return "held no sentence";
    if (goes_in_circles(line))
        return "went round in circles";
    return NULL;
}

int clean_line(const char *text, size_t len, const struct clean_options *o, struct buf *out,
               struct sentence *from, struct err *e) {
    if (o->max_chars < CLEAN_MIN_CHARS)
        return err_set(e, PRECIS_EUSAGE, "a line of %d characters is too short: at least %d",
                       o->max_chars, CLEAN_MIN_CHARS);
    struct sentence found;
    if (!sentence_find(text, len, &found))
        return unusable(text, len, "held no sentence", e);
    bool unfinished = o->unfinished && !found.ended;
    size_t n = found.end - found.begin;
    if (n > LONGEST) {
        n = LONGEST;
        unfinished = true;
    }
    bool code_first = text[found.begin] == '`';
    plain_append(out, text + found.begin, n);
    if (!buf_failed(out) && out->len) {
        trim_front(out);
        unquote(out);
        trim_end(out);
        unquote(out);
        trim_front(out);
    }
    const char *what = buf_failed(out) ? NULL : fault(out, o);
    if (!what && !buf_failed(out)) {
        rephrase(out);
        what = buf_failed(out) || out->len ? NULL : "held no sentence";
    }
    if (!what && !buf_failed(out)) {
        shorten(out, o->max_chars, unfinished);
        what = out->len && (phrase_count_words(out->data, out->len) >= 2 || has_wide(out))
                   ? NULL
                   : "held no sentence";
    }
    if (!what && !buf_failed(out)) {
        if (!code_first)
            capitalise(out);
        end_sentence(out);
    }
    if (buf_failed(out))
        return err_nomem(e, "line of a summary");
    if (what) {
        buf_clear(out);
        return unusable(text, len, what, e);
    }
    if (from)
        *from = found;
    return 0;
}
