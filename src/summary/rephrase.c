#include "summary/rephrase.h"

#include <stdbool.h>
#include <string.h>

#include "summary/phrase.h"

static const char *const determiners[] = {"this",          "the",
                                          "the provided",  "the given",
                                          "the above",     "the following",
                                          "this given",    "this provided",
                                          "provided",      "given",
                                          "this specific", "this particular",
                                          "your",          NULL};
static const char *const adjectives[] = {
    "rust",    "c",      "c++",    "python", "javascript", "typescript", "go",    "java",
    "c#",      "ruby",   "php",    "bash",   "shell",      "kotlin",     "swift", "source",
    "test",    "simple", "short",  "small",  "particular", "single",     "async", "asynchronous",
    "example", "main",   "entire", "whole",  "basic",      "tokio",      NULL};
static const char *const nouns[] = {"code snippet",
                                    "code chunk",
                                    "code block",
                                    "code fragment",
                                    "code example",
                                    "piece of code",
                                    "snippet of code",
                                    "block of code",
                                    "source code",
                                    "code file",
                                    "source file",
                                    "code",
                                    "file",
                                    "function",
                                    "method",
                                    "module",
                                    "chunk",
                                    "snippet",
                                    "script",
                                    "program",
                                    "class",
                                    "struct",
                                    "crate",
                                    "library",
                                    "implementation",
                                    "summary of the code",
                                    "one-line summary of the code",
                                    "excerpt",
                                    "section",
                                    "test",
                                    "test case",
                                    "test suite",
                                    "header",
                                    "package",
                                    "example",
                                    NULL};
static const char *const tails[] = {"you provided", "you've provided", "you have provided",
                                    "you shared",   "you gave",        "above",
                                    "below",        "provided",        "given",
                                    "shown",        "in question",     NULL};
static const char *const fillers[] = {"also", "simply", "basically", "essentially",
                                      "just", "itself", NULL};

/* A position in the sentence; every step moves it only when it matches. */
struct at {
    const char *s;
    size_t n;
};

static void advance(struct at *a, size_t by) {
    a->s += by;
    a->n -= by;
    while (a->n && *a->s == ' ') {
        a->s++;
        a->n--;
    }
}

static bool take(struct at *a, const char *const *phrases) {
    size_t n = phrase_match(a->s, a->n, phrases);
    if (!n || (n < a->n && a->s[n] != ' '))
        return false;
    advance(a, n);
    return true;
}

static bool take_one(struct at *a, const char *phrase) {
    const char *const one[] = {phrase, NULL};
    return take(a, one);
}

static bool at_phrase(struct at a, const char *phrase) {
    return take_one(&a, phrase);
}

static bool lower_word(const char *s, size_t n) {
    for (size_t i = 0; i < n; i++)
        if (!phrase_is_lower(s[i]))
            return false;
    return n > 0;
}

/* A lower-case word in -s that is no pronoun or auxiliary is taken for a verb: it stands where the
 * predicate does. */
static bool third_person(struct at a) {
    static const char *const not_verbs[] = {"is", "was",  "its", "this", "as",
                                            "us", "thus", "yes", NULL};
    size_t n = phrase_word_length(a.s, a.n);
    if (n > 4 && memcmp(a.s + n - 2, "ly", 2) == 0 && lower_word(a.s, n)) { /* "safely runs" */
        advance(&a, n);
        n = phrase_word_length(a.s, a.n);
    }
    return n >= 3 && a.s[n - 1] == 's' && a.s[n - 2] != 's' && lower_word(a.s, n) &&
           phrase_match(a.s, n, not_verbs) != n;
}

static bool skip_subject(struct at *a) {
    struct at p = *a;
    if (take_one(&p, "it") ||
        (at_phrase(p, "this") && take_one(&p, "this") &&
         (third_person(p) || at_phrase(p, "is a") || at_phrase(p, "is an")))) {
        *a = p;
        return true;
    }
    p = *a;
    if (!take(&p, determiners))
        return false;
    struct at bare = p;
    for (int i = 0; i < 3 && take(&p, adjectives);)
        i++;
    if (!take(&p, nouns)) {
        p = bare;
        if (!take(&p, nouns))
            return false;
    }
    take(&p, tails);
    if (at_phrase(p, "in") || at_phrase(p, "from")) { /* "in src/x.rs": the path is known */
        struct at q = p;
        advance(&q, phrase_word_length(q.s, q.n));
        take_one(&q, "the");
        take_one(&q, "file");
        size_t n = phrase_word_length(q.s, q.n);
        if (n > 2 && (memchr(q.s, '/', n) || memchr(q.s, '.', n - 1))) {
            advance(&q, n);
            p = q;
        }
    }
    *a = p;
    return true;
}

/* Appends a verb's third person; false when its ending alone does not make it. */
static bool inflect(struct buf *out, const char *s, size_t n) {
    if (!lower_word(s, n) || n < 2 || (n == 2 && memcmp(s, "be", 2) == 0))
        return false;
    if (n == 4 && memcmp(s, "have", 4) == 0) {
        buf_str(out, "has");
        return true;
    }
    bool vowel_before = strchr("aeiou", s[n - 2]) != NULL;
    bool hisses =
        strchr("sxzo", s[n - 1]) || (s[n - 1] == 'h' && (s[n - 2] == 'c' || s[n - 2] == 's'));
    if (s[n - 1] == 'y' && !vowel_before) {
        buf_append(out, s, n - 1);
        buf_str(out, "ies");
    } else {
        buf_append(out, s, n);
        buf_str(out, hisses ? "es" : "s");
    }
    return true;
}

/* Verbs that are hardly ever anything else: their base form is known where it stands alone. */
static const char *const base_verbs[] = {
    "define",      "implement", "provide",   "create",   "declare",   "configure", "initialize",
    "verify",      "ensure",    "parse",     "compute",  "convert",   "generate",  "describe",
    "handle",      "manage",    "perform",   "execute",  "validate",  "compare",   "calculate",
    "demonstrate", "allow",     "enable",    "register", "retrieve",  "receive",   "send",
    "spawn",       "construct", "introduce", "maintain", "represent", "contain",   "wrap",
    "add",         "remove",    "set up",    "return",   "check",     "determine", "process",
    "read",        "write",     "track",     "wait",     "build",     NULL};

/* Appends the rest of a predicate whose first verb was inflected: verbs joined to it by "and" or a
 * comma get their ending too, up to where a clause of its own begins. */
static void append_rest(struct buf *out, struct at a) {
    static const char *const joins[] = {"and", "and then", "then", "or", NULL};
    static const char *const clauses[] = {"that",  "which", "who", "to",   "when", "if", "how",
                                          "where", "by",    "can", "must", "will", NULL};
    bool joined = false, inside = false;
    for (bool first = true; a.n; first = false) {
        size_t n = phrase_word_length(a.s, a.n);
        if (!first || out->len)
            buf_char(out, ' ');
        bool known = phrase_match(a.s, n, base_verbs) == n;
        if (!(joined && !inside && known && inflect(out, a.s, n)))
            buf_append(out, a.s, n);
        inside |= phrase_match(a.s, n, clauses) == n;
        joined = phrase_match(a.s, n, joins) == n || (joined && !known && n == 0) ||
                 (n && a.s[n - 1] == ',');
        advance(&a, n);
    }
}

/* Empties it, but what failed stays failed. */
static void restart(struct buf *out) {
    out->len = 0;
    if (out->data)
        out->data[0] = 0;
}

static bool verb_after(struct buf *out, struct at a) {
    take(&a, fillers);
    size_t n = phrase_word_length(a.s, a.n);
    size_t bare = n && a.s[n - 1] == ',' ? n - 1 : n;
    if (!inflect(out, a.s, bare))
        return false;
    buf_append(out, a.s + bare, n - bare);
    advance(&a, n);
    if (at_phrase(a, "and")) { /* "create and manage" */
        struct at b = a;
        advance(&b, 3);
        size_t m = phrase_word_length(b.s, b.n);
        struct buf second = {0};
        if (m > 2 && inflect(&second, b.s, m) && b.s[m - 1] != 's') {
            buf_str(out, " and ");
            buf_append(out, second.data, second.len);
            advance(&b, m);
            a = b;
        }
        out->failed |= second.failed;
        buf_free(&second);
    }
    if (a.n)
        append_rest(out, a);
    return true;
}

/* "is a Rust module that provides X": appends "provides X". Else "a Rust module ..." as it stands.
 */
static void append_noun_phrase(struct buf *out, struct at a) {
    struct at p = a;
    advance(&p, phrase_word_length(p.s, p.n)); /* a, an */
    for (int i = 0; i < 3 && take(&p, adjectives);)
        i++;
    if (take(&p, nouns) && (take_one(&p, "that") || take_one(&p, "which"))) {
        take(&p, fillers);
        if (third_person(p)) {
            buf_append(out, p.s, p.n);
            return;
        }
        static const char *const purposes[] = {"is used to", "is designed to", NULL};
        if (take(&p, purposes) && verb_after(out, p))
            return;
        restart(out);
    }
    buf_append(out, a.s, a.n);
}

static bool predicate(struct buf *out, struct at a) {
    if (!a.n)
        return false;
    static const char *const to_verb[] = {"is used to",       "are used to",    "is designed to",
                                          "is intended to",   "is meant to",    "is written to",
                                          "is being used to", "can be used to", "is a way to",
                                          "is supposed to",   "will",           NULL};
    while (take(&a, fillers))
        ;
    struct at p = a;
    if (take(&p, to_verb))
        return verb_after(out, p);
    if (take_one(&p, "is responsible for")) {
        buf_append(out, a.s, a.n);
        return true;
    }
    if (take_one(&p, "is") || take_one(&p, "are")) {
        if (!at_phrase(p, "a") && !at_phrase(p, "an"))
            return false;
        append_noun_phrase(out, p);
        return true;
    }
    if (!third_person(a))
        return false;
    buf_append(out, a.s, a.n);
    return true;
}

/* "The purpose of this code is to define X" */
static bool purpose(struct buf *out, struct at a) {
    static const char *const of[] = {"the purpose of",   "the main purpose of", "the goal of",
                                     "the main goal of", "the role of",         NULL};
    return ((take(&a, of) && skip_subject(&a)) || take_one(&a, "its purpose")) &&
           take_one(&a, "is to") && verb_after(out, a);
}

static bool imperative(struct buf *out, struct at a) {
    struct buf first = {0};
    size_t n = phrase_word_length(a.s, a.n);
    bool is = n && phrase_is_upper(*a.s) && phrase_match(a.s, n, base_verbs) == n;
    if (is) {
        buf_append(&first, a.s, a.n);
        if (!first.failed) {
            first.data[0] = phrase_fold(first.data[0]);
            is = verb_after(out, (struct at){first.data, first.len});
        }
        is = is && !first.failed;
    }
    out->failed |= first.failed;
    buf_free(&first);
    return is;
}

void rephrase(struct buf *sentence) {
    struct at a = {sentence->data, sentence->len};
    struct buf out = {0};
    struct at subject = a;
    bool done = a.n && (purpose(&out, a) || imperative(&out, a));
    if (!done) {
        restart(&out);
        done = a.n && skip_subject(&subject) && predicate(&out, subject);
    }
    if (!out.failed && a.n && !subject.n) /* "This code." says nothing */
        buf_clear(sentence);
    if (done && !buf_failed(&out)) {
        buf_clear(sentence);
        buf_append(sentence, out.data, out.len);
    }
    sentence->failed |= out.failed;
    buf_free(&out);
}
