#include "eval/wordnet.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"

enum { NOUN, VERB, ADJECTIVE, ADVERB, PARTS, MOST_FORM = 256 };

struct wordnet {
    struct mapping index[PARTS], data[PARTS], exceptions[PARTS];
    char *folder;
};

static const char *const part_names[PARTS] = {"noun", "verb", "adj", "adv"};

/* A line of a file, without its newline. */
struct line {
    const char *s;
    size_t len;
};

/* Takes the next word off a line; len 0: there is none. */
static struct line next_word(struct line *l) {
    while (l->len && *l->s == ' ')
        l->s++, l->len--;
    struct line word = {l->s, 0};
    while (l->len && *l->s != ' ')
        l->s++, l->len--, word.len++;
    return word;
}

static int compare(struct line a, const char *s, size_t len) {
    const int c = memcmp(a.s, s, a.len < len ? a.len : len);
    return c ? c : (a.len > len) - (a.len < len);
}

static struct line line_from(const struct mapping *m, size_t begin) {
    const char *s = (const char *)m->data + begin;
    const char *newline = memchr(s, '\n', m->size - begin);
    return (struct line){s, newline ? (size_t)(newline - s) : m->size - begin};
}

/* The last line that begins with the word and a space; the lines are sorted. s NULL: none. */
static struct line find_line(const struct mapping *m, const char *word, size_t len) {
    size_t low = 0, high = m->size; /* beginnings of lines, or the end */
    struct line found = {NULL, 0};
    while (low < high) {
        size_t begin = low + (high - low) / 2;
        while (begin > low && m->data[begin - 1] != '\n')
            begin--;
        const struct line line = line_from(m, begin);
        struct line key = {line.s, 0}; /* of the licence's lines, which begin with a space: empty */
        while (key.len < line.len && line.s[key.len] != ' ')
            key.len++;
        const int c = compare(key, word, len);
        if (c == 0)
            found = line;
        if (c <= 0)
            low = begin + line.len + 1 < m->size ? begin + line.len + 1 : m->size;
        else
            high = begin;
    }
    return found;
}

static int map_file(const struct wordnet *w, const char *before, const char *after,
                    struct mapping *out, struct err *e) {
    char name[32];
    bool there = true;
    snprintf(name, sizeof name, "%s.%s", before, after);
    char *path = file_join(w->folder, name);
    if (!path)
        return err_nomem(e, name);
    int rc = file_exists(path, &there, e);
    if (rc == 0)
        rc = there ? file_map(path, out, e) : err_set(e, PRECIS_ENOTFOUND, "%s: not there", path);
    free(path);
    return rc;
}

int wordnet_open(const char *folder, struct wordnet **out, struct err *e) {
    struct wordnet *w = calloc(1, sizeof *w);
    *out = NULL;
    if (!w || !(w->folder = strdup(folder))) {
        free(w);
        return err_nomem(e, "WordNet");
    }
    int rc = 0;
    for (int p = 0; rc == 0 && p < PARTS; p++) {
        rc = map_file(w, "index", part_names[p], &w->index[p], e);
        if (rc == 0)
            rc = map_file(w, "data", part_names[p], &w->data[p], e);
        if (rc == 0)
            rc = map_file(w, part_names[p], "exc", &w->exceptions[p], e);
    }
    if (rc)
        wordnet_close(w);
    else
        *out = w;
    return rc;
}

void wordnet_close(struct wordnet *w) {
    if (!w)
        return;
    for (int p = 0; p < PARTS; p++) {
        file_unmap(&w->index[p]);
        file_unmap(&w->data[p]);
        file_unmap(&w->exceptions[p]);
    }
    free(w->folder);
    free(w);
}

/* A number in a base; false: it is none, or beyond `most`. */
static bool read_number(struct line word, unsigned base, size_t most, size_t *out) {
    static const char digits[] = "0123456789abcdef";
    size_t v = 0;
    for (size_t i = 0; i < word.len; i++) {
        const char *d = memchr(digits, word.s[i] | 0x20, base);
        if (!d || (v = v * base + (size_t)(d - digits)) > most)
            return false;
    }
    *out = v;
    return word.len > 0;
}

static int damaged(const struct wordnet *w, int part, const char *file, struct line line,
                   struct err *e) {
    return err_set(e, PRECIS_EINPUT, "%s: %s.%s: not a line of WordNet's: %.40s", w->folder, file,
                   part_names[part], line.len < 40 ? "cut short" : line.s);
}

/* Appends the synset's single words. */
static int add_synset(const struct wordnet *w, int part, size_t offset, struct words *out,
                      struct err *e) {
    enum { MOST_WORDS = 0xff };
    const struct mapping *m = &w->data[part];
    struct line line = {NULL, 0};
    if (offset < m->size)
        line = line_from(m, offset);
    const struct line whole = line;
    size_t said, n;
    if (!line.s || !read_number(next_word(&line), 10, m->size, &said) || said != offset)
        return damaged(w, part, "data", whole, e);
    next_word(&line); /* the lexicographers' file */
    next_word(&line); /* the part of speech */
    if (!read_number(next_word(&line), 16, MOST_WORDS, &n))
        return damaged(w, part, "data", whole, e);
    for (size_t i = 0; i < n; i++) {
        struct line word = next_word(&line);
        next_word(&line); /* its sense there */
        if (!word.len)
            return damaged(w, part, "data", whole, e);
        /* "galore(ip)": where an adjective may stand */
        const char *mark = word.s[word.len - 1] == ')' ? memchr(word.s, '(', word.len) : NULL;
        if (mark)
            word.len = (size_t)(mark - word.s);
        if (word.len && !memchr(word.s, '_', word.len))
            words_push(out, word.s, word.len);
    }
    return words_failed(out) ? err_nomem(e, "synonyms") : 0;
}

/* All synsets of a line of the index: lemma, part, count, pointers and their symbols, the count
 * again, another, offsets. */
static int add_synsets(const struct wordnet *w, int part, struct line line, struct words *out,
                       struct err *e) {
    enum { MOST = 1000 };
    const struct line whole = line;
    size_t n, pointers, offset;
    next_word(&line);
    next_word(&line);
    if (!read_number(next_word(&line), 10, MOST, &n) ||
        !read_number(next_word(&line), 10, MOST, &pointers))
        return damaged(w, part, "index", whole, e);
    for (size_t i = 0; i < pointers + 2; i++)
        next_word(&line);
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < n; i++)
        rc = read_number(next_word(&line), 10, w->data[part].size, &offset)
                 ? add_synset(w, part, offset, out, e)
                 : damaged(w, part, "index", whole, e);
    return rc;
}

/* What a word may be a form of: itself, and either its irregular forms or what the rules make. */
static void add_forms(const struct wordnet *w, int part, const char *word, size_t len,
                      struct words *forms) {
    static const char *const rules[PARTS][10][2] = {
        {{"s", ""},
         {"ses", "s"},
         {"ves", "f"},
         {"xes", "x"},
         {"zes", "z"},
         {"ches", "ch"},
         {"shes", "sh"},
         {"men", "man"},
         {"ies", "y"}},
        {{"s", ""},
         {"ies", "y"},
         {"es", "e"},
         {"es", ""},
         {"ed", "e"},
         {"ed", ""},
         {"ing", "e"},
         {"ing", ""}},
        {{"er", ""}, {"est", ""}, {"er", "e"}, {"est", "e"}},
        {{NULL, NULL}}};
    words_push(forms, word, len);
    struct line irregular = find_line(&w->exceptions[part], word, len);
    if (irregular.s) {
        next_word(&irregular);
        for (struct line form; (form = next_word(&irregular)).len;)
            words_push(forms, form.s, form.len);
        return;
    }
    for (int i = 0; i < 10 && rules[part][i][0]; i++) {
        const char *from = rules[part][i][0], *to = rules[part][i][1];
        const size_t n = strlen(from), stem = len - n;
        char form[MOST_FORM + 4];
        if (len < n || memcmp(word + stem, from, n) != 0)
            continue;
        const int made = snprintf(form, sizeof form, "%.*s%s", (int)stem, word, to);
        words_push(forms, form, (size_t)made);
    }
}

int wordnet_synonyms(const struct wordnet *w, const char *word, size_t len, struct words *out,
                     struct err *e) {
    struct words forms = {0};
    int rc = 0;
    if (len > MOST_FORM) /* longer than any word of WordNet's */
        return 0;
    for (int part = 0; rc == 0 && part < PARTS; part++) {
        words_clear(&forms);
        add_forms(w, part, word, len, &forms);
        if (words_failed(&forms))
            rc = err_nomem(e, "synonyms");
        for (size_t i = 0; rc == 0 && i < forms.n; i++) {
            size_t n;
            const char *form = words_at(&forms, i, &n);
            const struct line line = find_line(&w->index[part], form, n);
            if (n && line.s)
                rc = add_synsets(w, part, line, out, e);
        }
    }
    words_free(&forms);
    return rc;
}
