#include "code/doc.h"

#include <string.h>
#include <strings.h>

#include "base/utf8.h"
#include "code/doc_text.h"

/* Prose is taken from the beginning of a doc only. */
enum { MOST_RAW = 8192, PARAGRAPHS = 3, MOST_WORDS = 25, LEAST_WORDS = 4 };

static bool is_blank(char c) {
    return (unsigned char)c <= ' ';
}

static bool is_word(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           (unsigned char)c >= 0x80;
}

static bool ends_with(const char *s, size_t n, const char *word) {
    size_t len = strlen(word);
    return n >= len && strncasecmp(s + n - len, word, len) == 0 &&
           (n == len || !is_word(s[n - len - 1]));
}

/* "e.g." and the like end no sentence. */
static bool is_abbreviation(const char *s, size_t n) {
    static const char *const words[] = {"e.g.",  "i.e.", "etc.", "vs.", "cf.", "approx.", "resp.",
                                        "incl.", "no.",  "al.",  "eg.", "ie.", "w.r.t.",  "a.k.a."};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (ends_with(s, n, words[i]))
            return true;
    return false;
}

/* Length of the first sentence, with its mark. */
static size_t sentence_length(const char *s, size_t n) {
    static const char *const wide[] = {"\xe3\x80\x82", "\xef\xbc\x81", "\xef\xbc\x9f"}; /* CJK */
    for (size_t i = 0; i < n; i++) {
        if ((unsigned char)s[i] >= 0xe3)
            for (size_t k = 0; k < sizeof wide / sizeof *wide; k++)
                if (n - i >= 3 && memcmp(s + i, wide[k], 3) == 0)
                    return i + 3;
        if (s[i] != '.' && s[i] != '!' && s[i] != '?')
            continue;
        size_t end = i + 1;
        while (end < n && strchr(")\"'", s[end]) && s[end])
            end++;
        if ((end == n || is_blank(s[end])) && !is_abbreviation(s, i + 1) &&
            !(i && s[i - 1] == '.' && end < n)) /* an ellipsis goes on */
            return end;
    }
    return n;
}

/* "Foo returns x", "foo() - returns x", "foo: returns x", "Foo is x": past the name. 0: it is not
 * there. */
static size_t name_length(const char *s, size_t n, const char *name, size_t name_size) {
    if (!name || name_size == 0 || name_size >= n || memcmp(s, name, name_size) != 0)
        return 0;
    size_t at = name_size;
    if (n - at >= 2 && memcmp(s + at, "()", 2) == 0)
        at += 2;
    size_t mark = at;
    while (mark < n && (is_blank(s[mark]) || s[mark] == '-' || s[mark] == ':'))
        mark++;
    /* "Foo-like" begins with another word. */
    if (mark == at || mark == n || (!is_blank(s[mark - 1]) && s[at] != ':'))
        return 0;
    size_t end = mark;
    while (end < n && is_word(s[end]))
        end++;
    if (end - mark == 2 && memcmp(s + mark, "is", 2) == 0)
        return end < n ? end + 1 : mark;
    /* "Foo returns x", but not "free the list" of a function with that name. */
    bool marked =
        at > name_size || memchr(s + at, '-', mark - at) || memchr(s + at, ':', mark - at);
    for (size_t i = 1; i < name_size && !marked; i++)
        marked = name[i] == '_' || (name[i] >= 'A' && name[i] <= 'Z');
    return marked || (end - mark > 2 && s[end - 1] == 's') ? mark : 0;
}

/* "struct foo - x", as Linux has it. */
static size_t kind_length(const char *s, size_t n) {
    static const char *const kinds[] = {"struct ", "enum ", "union ", "class ", "function "};
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (n > strlen(kinds[i]) && memcmp(s, kinds[i], strlen(kinds[i])) == 0)
            return strlen(kinds[i]);
    return 0;
}

/* "Package foo provides x", "Package foo is x". */
static size_t package_length(const char *s, size_t n) {
    size_t at = strlen("Package ");
    if (n <= at || memcmp(s, "Package ", at) != 0)
        return 0;
    size_t end = at;
    while (end < n && is_word(s[end]))
        end++;
    return name_length(s, n, s, end);
}

/* Whether it begins with a word of prose, not with a name of the code. */
static bool is_plain_word(const char *s, size_t n) {
    size_t end = 1;
    while (end < n && s[end] >= 'a' && s[end] <= 'z')
        end++;
    return end == n || is_blank(s[end]) || strchr(",:;.!-'/", s[end]);
}

static void put_sentence(struct buf *out, const char *s, size_t n) {
    while (n && (is_blank(s[n - 1]) || strchr(":;,-", s[n - 1])))
        n--;
    if (n == 0)
        return;
    size_t at = out->len;
    utf8_append_valid(out, s, n);
    if (!buf_failed(out) && is_plain_word(s, n) && out->data[at] >= 'a' && out->data[at] <= 'z')
        out->data[at] = (char)(out->data[at] - 'a' + 'A');
    const char *last = s + n - 1;
    bool ended = strchr(".!?", *last) ||
                 (n > 2 && (unsigned char)*last >= 0x80 && sentence_length(s + n - 3, 3) == 3 &&
                  (unsigned char)s[n - 3] >= 0xe3);
    if (!ended && n > 1 && strchr(")\"'", *last) && strchr(".!?", last[-1]))
        ended = true;
    if (!ended)
        buf_char(out, '.');
}

static bool has(const char *s, size_t n, const char *what) {
    size_t len = strlen(what);
    for (size_t i = 0; i + len <= n; i++)
        if (strncasecmp(s + i, what, len) == 0)
            return true;
    return false;
}

static bool is_licence(const char *s, size_t n) {
    return has(s, n, "copyright") || has(s, n, "licensed") || has(s, n, "license") ||
           has(s, n, "all rights reserved") || has(s, n, "SPDX-");
}

static size_t count_words(const char *s, size_t n) {
    size_t words = 0;
    for (size_t i = 0; i < n; i++)
        words += !is_blank(s[i]) && (i == 0 || is_blank(s[i - 1]));
    return words;
}

/* The first sentence of a paragraph that is long enough to say something; else its first one.
 * False: it has none of at least LEAST_WORDS. */
static bool pick(const struct buf *plain, const char **sentence, size_t *size) {
    for (size_t at = 0; at < plain->len;) {
        while (at < plain->len && is_blank(plain->data[at]))
            at++;
        size_t n = sentence_length(plain->data + at, plain->len - at);
        if (n && (at == 0 || count_words(plain->data + at, n) >= LEAST_WORDS)) {
            *sentence = plain->data + at;
            *size = n;
        }
        if (count_words(plain->data + at, n) >= LEAST_WORDS)
            return true;
        at += n;
    }
    return false;
}

/* The plain text of a paragraph. */
static void paragraph_at(const char *raw, size_t size, int skip, struct buf *out) {
    struct buf marked = {0};
    out->len = 0;
    doc_paragraph(raw, size, skip, &marked);
    if (marked.len)
        doc_plain(marked.data, marked.len, out);
    out->failed |= marked.failed;
    buf_free(&marked);
}

void doc_sentence(const struct lang *lang, const char *raw, size_t size, const char *name,
                  size_t name_size, struct buf *out) {
    struct buf plain = {0};
    struct buf first = {0};
    const char *s = NULL;
    size_t n = 0;
    size = size < MOST_RAW ? size : MOST_RAW;
    for (int i = 0; i < PARAGRAPHS; i++) {
        paragraph_at(raw, size, i, &plain);
        if (plain.len == 0 || buf_failed(&plain))
            break;
        if (is_licence(plain.data, plain.len))
            continue;
        if (pick(&plain, &s, &n))
            break;
        /* "Events." is kept for when nothing longer follows. */
        if (first.len == 0 && s)
            buf_append(&first, s, n);
        s = NULL;
    }
    if (!s && first.len) {
        s = first.data;
        n = first.len;
    }
    if (s) {
        size_t kind = kind_length(s, n);
        size_t cut = name_length(s + kind, n - kind, name, name_size);
        cut += cut ? kind : 0;
        if (!cut && lang && strcmp(lang->name, "go") == 0)
            cut = package_length(s, n);
        put_sentence(out, s + cut, n - cut);
    }
    out->failed |= plain.failed || first.failed;
    buf_free(&plain);
    buf_free(&first);
}

static bool has_word(const char *s, size_t n, const char *what) {
    size_t len = strlen(what);
    for (size_t i = 0; i + len <= n; i++)
        if (strncasecmp(s + i, what, len) == 0 && (i == 0 || !is_word(s[i - 1])) &&
            (i + len == n || (!is_word(s[i + len]) && !(s[i + len] == '.' && len == 1))))
            return true; /* "i" and not "i.e." */
    return false;
}

static bool begins(const char *s, size_t n, const char *with) {
    size_t len = strlen(with);
    return n >= len && strncasecmp(s, with, len) == 0;
}

/* Words that say something of their own. */
static size_t content_words(const char *s, size_t n) {
    static const char small[] = " a an the of to in on for and or is are be this that it its if as "
                                "by with from at not no ";
    size_t words = 0;
    for (size_t i = 0; i < n;) {
        size_t end = i;
        while (end < n && is_word(s[end]))
            end++;
        char word[16] = {' '};
        if (end - i >= sizeof word - 2)
            words++;
        else if (end > i) {
            memcpy(word + 1, s + i, end - i);
            word[1 + end - i] = ' ';
            words += strcasestr(small, word) == NULL;
        }
        i = end + 1;
    }
    return words;
}

static bool is_code(const char *s, size_t n) {
    size_t marks = 0;
    size_t letters = 0;
    for (size_t i = 0; i < n; i++) {
        marks += strchr("{}[]()<>=;|&*#$%^~\\/", s[i]) && s[i];
        letters += is_word(s[i]);
    }
    return marks * 8 > letters || has(s, n, "::<") || has(s, n, "=>") || has(s, n, "==") ||
           has(s, n, "://") || has(s, n, "->");
}

bool doc_is_good(const char *s, size_t n) {
    static const char *const openings[] = {
        "see ",        "same as ",          "todo",    "fixme",     "xxx",
        "note",        "deprecated",        "@",       "hack",      "warning",
        "usage",       "example",           "like ",   "as above",  "ditto",
        "implements ", "implementation of", "inherit", "copyright", "by default"};
    static const char *const words[] = {"i",     "we",         "you",  "your",       "our",
                                        "my",    "us",         "i'm",  "deprecated", "todo",
                                        "fixme", "inheritdoc", "let's"};
    static const char *const parts[] = {"returns 0 on", "0 on success", "see also", "-1 on"};
    size_t count = count_words(s, n);
    size_t ascii = 0;
    if (count < LEAST_WORDS || count > MOST_WORDS || memchr(s, '?', n))
        return false;
    for (size_t i = 0; i < sizeof openings / sizeof *openings; i++)
        if (begins(s, n, openings[i]))
            return false;
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (has_word(s, n, words[i]))
            return false;
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
        if (has(s, n, parts[i]))
            return false;
    for (size_t i = 0; i < n; i++)
        ascii += (unsigned char)s[i] < 0x80;
    return ascii * 10 >= n * 9 && content_words(s, n) >= 3 && !is_code(s, n);
}
