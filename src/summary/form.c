#include "summary/form.h"

#include <stddef.h>
#include <string.h>

#include "base/hash.h"
#include "summary/phrase.h"

static const char *const first_words[] = {
#include "summary/verbs.inc"
};
enum { FIRST_WORDS = sizeof first_words / sizeof first_words[0] };

enum {
    MOST_WORD = 40, /* characters of a word */
    MOST_MARKS = 3, /* signs in a row */
    TAIL = 8        /* characters that a word such as "of" wants after it */
};

/* Kinds of characters; `last` has one of these, or the ASCII character itself. */
enum { WORD = 'x', OPENER = '(', CLOSER = ')', SIGN = '=' };

static uint64_t fold_in(uint64_t h, uint32_t c) {
    if (c < 0x80)
        c = (uint32_t)(unsigned char)phrase_fold((char)c);
    return (h ^ c) * 0x100000001b3u; /* FNV-1a */
}

static uint64_t hash_word(const char *s) {
    uint64_t h = 0;
    for (; *s; s++)
        h = fold_in(h, (unsigned char)*s);
    return h;
}

enum list { DANGLING, ABBREVIATIONS, ARTICLES, OPENINGS, CODE_NAMES };

static const char *const listed[FORM_LISTS][FORM_LIST_MOST] = {
    /* No sentence ends with one of these. */
    [DANGLING] = {"a",      "an",    "the",     "of",     "to",     "with",  "for",     "and",
                  "or",     "but",   "nor",     "as",     "at",     "is",    "are",     "was",
                  "were",   "be",    "been",    "being",  "has",    "have",  "that",    "which",
                  "who",    "whose", "when",    "where",  "while",  "if",    "whether", "because",
                  "than",   "then",  "into",    "onto",   "on",     "its",   "their",   "this",
                  "these",  "every", "some",    "such",   "via",    "per",   "using",   "can",
                  "could",  "may",   "might",   "must",   "should", "will",  "would",   "upon",
                  "only",   "also",  "between", "within", "given",  "based", "how",     "what",
                  "so",     "eg",    "ie",      "in",     "by",     "from",  "vs",      "cf",
                  "approx", "resp",  "incl"},
    [ABBREVIATIONS] = {"eg", "ie", "vs", "cf", "approx", "resp", "incl", "etc"},
    [ARTICLES] = {"a", "an", "the"},
    /* They begin no line, with nouns or without. */
    [OPENINGS] = {"this",    "these",    "that",      "those",  "here",   "it",      "its",
                  "i",       "we",       "you",       "your",   "he",     "she",     "they",
                  "there",   "sure",     "certainly", "yes",    "no",     "ok",      "okay",
                  "code",    "function", "method",    "class",  "file",   "program", "script",
                  "snippet", "module",   "summary",   "given",  "in",     "to",      "as",
                  "at",      "by",       "for",       "from",   "if",     "is",      "of",
                  "on",      "or",       "and",       "so",     "with",   "not",     "what",
                  "where",   "sorry",    "please",    "output", "answer", "note"},
    /* "A function that", "The given": they name the code instead of saying what it is. */
    [CODE_NAMES] = {"code", "function", "method", "class", "file", "program", "script", "snippet",
                    "given", "provided", "above", "following", "piece", "summary", "source",
                    "purpose", "module", "sentence"},
};

void form_words_init(struct form_words *w) {
    memset(w, 0, sizeof *w);
    for (int l = 0; l < FORM_LISTS; l++)
        for (int i = 0; i < FORM_LIST_MOST && listed[l][i]; i++) {
            uint64_t h = hash_word(listed[l][i]);
            w->bits[l][h / 64 % 16] |= (uint64_t)1 << h % 64;
            w->hashes[l][w->n[l]++] = h;
        }
}

static bool is_listed(const struct form_rules *r, enum list l, uint64_t word) {
    const struct form_words *w = r->known;
    if (!(w->bits[l][word / 64 % 16] >> word % 64 & 1))
        return false;
    for (int i = 0; i < w->n[l]; i++)
        if (w->hashes[l][i] == word)
            return true;
    return false;
}

void form_start(struct form *f, bool after_words, bool after_space) {
    *f = (struct form){.hi = FIRST_WORDS,
                       .lower = after_words,
                       .spaced = after_space,
                       .unopened = after_words && !after_space,
                       .last = ' '};
}

/* Of the table's words from lo to hi, which agree in `letters` letters, those that go on with c. */
static void narrow(struct form *f, char c) {
    size_t at = f->letters++, lo = f->lo, hi = f->hi;
    while (lo < hi && first_words[lo][at] < c)
        lo++;
    size_t end = lo;
    while (end < hi && first_words[end][at] == c)
        end++;
    f->lo = (uint16_t)lo;
    f->hi = (uint16_t)end;
}

static bool is_whole(const struct form *f) {
    return f->lo < f->hi && first_words[f->lo][f->letters] == 0;
}

static bool is_adverb(const struct form *f) {
    const char *w = first_words[f->lo];
    return strcmp(w + f->letters - 2, "ly") == 0;
}

/* Letters that the shortest of the words wants yet. */
static int letters_left(const struct form *f) {
    enum { SHORTEST = 4 };
    size_t least = SIZE_MAX;
    for (size_t i = f->lo; i < f->hi && least > 0; i++) {
        size_t n = strlen(first_words[i]), left = n - f->letters;
        if (strcmp(first_words[i] + n - 2, "ly") == 0)
            left += 1 + SHORTEST; /* a verb after it */
        least = left < least ? left : least;
    }
    return (int)least;
}

static char kind_of(uint32_t c) {
    if (c < 0x80) {
        char a = (char)c;
        if (phrase_is_letter(a) || phrase_is_digit(a) || a == '_')
            return WORD;
        if (strchr("<>=+&%#@$/-", a) && a)
            return SIGN;
        return a && strchr(" '\"()[],:;.", a) ? a : 0;
    }
    if (c >= 0xc0 && c <= 0x24f)
        return c == 0xd7 ? SIGN : c == 0xf7 ? 0 : WORD; /* the two signs among Latin letters */
    if (c == 0x2019)
        return '\'';
    static const uint16_t signs[] = {0x2013, 0x2014, 0x2192, 0x2260, 0x2264, 0x2265, 0xb5, 0};
    for (const uint16_t *s = signs; *s; s++)
        if (*s == c)
            return SIGN;
    return 0;
}

static bool push_word_char(struct form *f, uint32_t c) {
    bool digit = c < 0x80 && phrase_is_digit((char)c);
    if (f->last == ';' || f->last == CLOSER || (f->last == ',' && !digit))
        return false;
    if (f->word_chars == 0) {
        f->words++;
        f->word = 0;
        f->capitals = false;
    }
    if (f->word_chars == MOST_WORD && f->last == WORD)
        return false;
    if (f->word_chars < MOST_WORD)
        f->word_chars++;
    f->capitals |= digit || c == '_' || (c < 0x80 && phrase_is_upper((char)c));
    f->word = fold_in(f->word, c);
    f->last = WORD;
    f->marks = 0;
    return true;
}

static bool open_with(struct form *f, char closer) {
    if (f->depth == FORM_DEPTH)
        return false;
    f->closers[f->depth++] = closer;
    f->last = OPENER;
    return true;
}

static bool close_with(struct form *f, char closer) {
    if (!f->depth || f->closers[f->depth - 1] != closer || strchr(" ,;:-/=", f->last))
        return false;
    bool empty = f->last == OPENER;
    f->depth--;
    f->last = CLOSER;
    return !empty || closer == ')' || closer == ']';
}

static bool push_quote(struct form *f, char c) {
    if (f->depth && f->closers[f->depth - 1] == c)
        return close_with(f, c);
    if (c == '\'' && f->last == WORD) { /* an apostrophe */
        f->last = SIGN;
        return true;
    }
    return (f->last == ' ' || f->last == OPENER) && open_with(f, c);
}

static bool after_whole(const struct form *f) {
    return f->last == WORD || f->last == CLOSER;
}

/* Signs that a sentence may end with, in the sense of "C++", "100%", "Vec<T>". */
static bool can_stop_after(char sign) {
    return sign == '+' || sign == '%' || sign == '#' || sign == '>';
}

static bool push_mark(const struct form_rules *r, struct form *f, char kind, uint32_t c) {
    bool closes = kind == ')' || kind == ']' || kind == '.';
    closes |= f->depth && f->closers[f->depth - 1] == kind;
    if (++f->marks > MOST_MARKS && !closes)
        return false;
    switch (kind) {
    case '(':
    case '[':
        return f->last != ',' && f->last != CLOSER && open_with(f, kind == '(' ? ')' : ']');
    case ')':
    case ']':
        return close_with(f, kind);
    case '"':
    case '\'':
        return push_quote(f, kind);
    case ',':
    case ';':
        if (!after_whole(f) && !can_stop_after(f->last))
            return false;
        f->last = kind;
        return true;
    case ':':
        if (!after_whole(f) && !(f->last == ':' && f->marks == 2))
            return false;
        f->last = ':';
        return true;
    case '.':
        f->ends = form_may_end(r, f);
        f->shortened = f->last == WORD && is_listed(r, ABBREVIATIONS, f->word);
        if (f->last != WORD && f->last != CLOSER && f->last != ' ' && f->last != OPENER && !f->ends)
            return false;
        if (f->last == ' ') { /* ".gitignore" */
            f->capitals = false;
            f->word_chars = 0;
        }
        f->phase = FORM_DOT;
        f->last = '.';
        return true;
    default:
        if (f->last == ',' || f->last == ';')
            return false;
        f->last = c < 0x80 && (can_stop_after((char)c) || c == '-' || c == '/') ? (char)c : SIGN;
        return true;
    }
}

static bool push_body(const struct form_rules *r, struct form *f, uint32_t c) {
    char kind = kind_of(c);
    if (!kind)
        return false;
    f->chars++;
    if (kind == WORD)
        return push_word_char(f, c);
    if (kind != ' ')
        return push_mark(r, f, kind, c);
    if (f->last == ' ' || f->last == OPENER)
        return false;
    f->last = ' ';
    f->marks = 0;
    f->word_chars = 0;
    return true;
}

/* After a period. */
static bool push_after_dot(const struct form_rules *r, struct form *f, uint32_t c) {
    bool ascii = c < 0x80, lower = ascii && phrase_is_lower((char)c);
    if (kind_of(c) == WORD) {
        if (!lower && !f->capitals)
            return false;
        f->phase = FORM_BODY;
        return push_body(r, f, c);
    }
    if (f->shortened && ((c == ' ' && !f->ends) || c == ',' || c == ')')) { /* "etc." may end */
        f->phase = FORM_BODY;
        f->last = WORD;
        return push_body(r, f, c);
    }
    if (c == ' ' && f->ends)
        f->phase = FORM_OVER;
    return f->phase == FORM_OVER;
}

/* The first word is whole and another follows; a verb has to come after an adverb, and after a
 * comma
 * ("Parses, validates, and stores"). */
static bool end_first(const struct form_rules *r, struct form *f, bool comma) {
    bool found = is_whole(f);
    if (!found && (!r->nouns || f->lower))
        return false;
    if (is_listed(r, OPENINGS, f->word))
        return false;
    if (found && (is_adverb(f) || (comma && f->words == 1))) {
        f->phase = FORM_START;
        f->lo = f->letters = 0;
        f->hi = FIRST_WORDS;
        f->lower = true;
        f->spaced = false;
        f->unopened = true;
        return true;
    }
    f->phase = r->nouns && is_listed(r, ARTICLES, f->word) ? FORM_SECOND : FORM_BODY;
    return true;
}

static bool push_first(const struct form_rules *r, struct form *f, uint32_t c) {
    bool begins = f->phase == FORM_START;
    char a = c < 0x80 ? (char)c : 0;
    bool right = begins && !f->lower ? phrase_is_upper(a) : phrase_is_lower(a);
    if (right) {
        if (begins && f->unopened && !f->spaced)
            return false;
        f->phase = FORM_FIRST;
        f->spaced = true;
        narrow(f, phrase_fold(a));
        return (f->lo < f->hi || (r->nouns && !f->lower)) && push_body(r, f, c);
    }
    if (begins) {
        bool first = a == ' ' && !f->spaced;
        f->spaced = true;
        if (first && f->chars > 0) /* after an adverb */
            return push_body(r, f, c);
        return first;
    }
    if (r->nouns && !f->lower && kind_of(c) == WORD) { /* HTTP, Utf8 */
        f->lo = f->hi;
        return push_body(r, f, c);
    }
    if (a != ' ' && a != ',' && !(a == '-' && r->nouns && !f->lower))
        return false;
    bool adverb = is_whole(f) && is_adverb(f);
    if (adverb && a != ' ')
        return false;
    if (!end_first(r, f, a == ',') || (a != ' ' && f->phase == FORM_SECOND))
        return false;
    if (adverb)
        f->spaced = true;
    return push_body(r, f, c);
}

bool form_push(const struct form_rules *r, struct form *f, uint32_t c) {
    if (c == '\n' || c == '\r' || c == '\t') {
        bool may = c != '\t' && form_may_end(r, f);
        f->phase = may ? FORM_OVER : f->phase;
        return f->phase == FORM_OVER;
    }
    switch (f->phase) {
    case FORM_START:
    case FORM_FIRST:
        return push_first(r, f, c);
    case FORM_SECOND:
        if (kind_of(c) != WORD && f->words == 2) {
            if (is_listed(r, CODE_NAMES, f->word))
                return false;
            f->phase = FORM_BODY;
        }
        return push_body(r, f, c);
    case FORM_DOT:
        return push_after_dot(r, f, c);
    case FORM_OVER:
        return c == ' ';
    default:
        return push_body(r, f, c);
    }
}

bool form_may_end(const struct form_rules *r, const struct form *f) {
    if (f->phase == FORM_DOT)
        return f->ends;
    return f->phase == FORM_OVER ||
           (f->phase == FORM_BODY && f->depth == 0 && f->words >= r->min_words &&
            (after_whole(f) || can_stop_after(f->last)) && !is_listed(r, DANGLING, f->word));
}

int form_need(const struct form_rules *r, const struct form *f) {
    if (f->phase == FORM_OVER || (f->phase == FORM_DOT && f->ends))
        return 0;
    bool free = r->nouns && !f->lower, whole = after_whole(f) || can_stop_after(f->last);
    int closing = f->depth + 1, missing = f->words < r->min_words ? r->min_words - f->words : 0;
    int further = 2 * (missing > 0 ? missing - 1 : 0); /* words after the next one, and spaces */
    if (f->phase == FORM_START)
        return closing + letters_left(f) + (f->words > 0 && f->last != ' ') + further;
    if (f->phase == FORM_FIRST)
        return closing + (free ? 0 : letters_left(f)) + 2 * missing;
    if (f->word_chars == 0)
        return closing + 1 + further;
    if (f->phase == FORM_DOT)
        return closing + 1 + 2 * missing;
    if (f->last == ',' || f->last == ';')
        return closing + 2 + further;
    if (!whole)
        return closing + 1 + 2 * missing;
    return closing + (missing ? 2 * missing : is_listed(r, DANGLING, f->word) ? TAIL : 0);
}

bool form_misleads(const struct form_rules *r, const struct form *f) {
    if (f->phase == FORM_FIRST)
        return is_listed(r, OPENINGS, f->word) || (!r->nouns && is_listed(r, ARTICLES, f->word));
    return f->phase == FORM_SECOND && f->words == 2 && is_listed(r, CODE_NAMES, f->word);
}

double form_left(const struct form_rules *r, const struct form *f) {
    if (f->phase != FORM_FIRST || (r->nouns && !f->lower))
        return 0;
    int left = letters_left(f);
    return left && !is_whole(f) ? (double)left / (left + f->letters) : 0;
}
