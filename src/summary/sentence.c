#include "summary/sentence.h"

#include <string.h>

#include "summary/phrase.h"

static bool starts(const char *s, size_t n, const char *with) {
    size_t len = strlen(with);
    return n >= len && memcmp(s, with, len) == 0;
}

static size_t skip_space(const char *s, size_t n, size_t i) {
    while (i < n && phrase_is_space(s[i]))
        i++;
    return i;
}

/* 0: none; 1: ASCII . ! ?; 3: an ideographic or full-width one, which needs no space after it. */
static size_t stop_length(const char *s, size_t n) {
    if (*s == '.' || *s == '!' || *s == '?')
        return 1;
    static const char *const wide[] = {"\xe3\x80\x82", "\xef\xbc\x81", "\xef\xbc\x9f",
                                       "\xef\xbd\xa1"};
    for (size_t i = 0; i < sizeof wide / sizeof *wide; i++)
        if (starts(s, n, wide[i]))
            return 3;
    return 0;
}

/* What may stand between a full stop and the space after it. */
static size_t closer_length(const char *s, size_t n) {
    static const char *const closers[] = {"\"",           "'",           ")", "]", "*", "_", "`",
                                          "\xe2\x80\x9d", "\xe2\x80\x99"};
    for (size_t i = 0; i < sizeof closers / sizeof *closers; i++)
        if (starts(s, n, closers[i]))
            return strlen(closers[i]);
    return 0;
}

/* Whether the '.' at dot belongs to an abbreviation, an initial or a list number, not to a
 * sentence. */
static bool dot_in_abbreviation(const char *s, size_t n, size_t dot) {
    static const char *const known[] = {"e.g.",  "i.e.", "vs.", "cf.",  "approx.", "incl.", "esp.",
                                        "resp.", "fig.", "no.", "viz.", "ca.",     "dr.",   "mr.",
                                        "st.",   "etc.", "eg.", "ie.",  "al.",     NULL};
    size_t from = dot;
    while (from > 0 && dot - from < 16 &&
           (phrase_is_letter(s[from - 1]) || phrase_is_digit(s[from - 1]) || s[from - 1] == '.'))
        from--;
    size_t len = dot + 1 - from;
    bool is_known = phrase_match(s + from, len, known) == len;
    size_t run = dot + 1;
    while (run < n && s[run] == '.')
        run++;
    size_t next = skip_space(s, n, run);
    bool goes_on = next < n && (phrase_is_lower(s[next]) || s[next] == ',' || s[next] == ')');
    if (is_known && starts(s + from, len, "etc."))
        return goes_on;
    if (is_known && len >= 3)
        return phrase_fold(s[from]) != 'n' || goes_on || (next < n && phrase_is_digit(s[next]));
    if (len == 2 && phrase_is_upper(s[from])) /* "C." may end a sentence, "A. Smith" does not */
        return goes_on;
    bool ellipsis = run > dot + 1 || (dot && s[dot - 1] == '.');
    return ellipsis && goes_on;
}

/* The end of a code span that opens at i, when it closes on the same line. */
static size_t code_span_end(const char *s, size_t n, size_t i) {
    size_t ticks = 0;
    while (i + ticks < n && s[i + ticks] == '`')
        ticks++;
    for (size_t j = i + ticks; j < n && s[j] != '\n'; j++) {
        size_t run = 0;
        while (j + run < n && s[j + run] == '`')
            run++;
        if (run == ticks)
            return j + run;
        j += run ? run - 1 : 0;
    }
    return i + ticks;
}

/* The end of the sentence that begins at `begin`. */
static void find_end(const char *s, size_t n, size_t begin, struct sentence *out) {
    *out = (struct sentence){.begin = begin, .end = n};
    size_t i = begin;
    while (i < n) {
        if (s[i] == '`') {
            i = code_span_end(s, n, i);
            continue;
        }
        if (s[i] == '\n') {
            size_t next = skip_space(s, n, i);
            size_t breaks = 0;
            for (size_t j = i; j < next; j++)
                breaks += s[j] == '\n';
            if (breaks == 1 && next < n && phrase_is_lower(s[next])) {
                i = next;
                continue;
            }
            *out = (struct sentence){begin, i, true, breaks > 1 || next < n};
            return;
        }
        size_t stop = stop_length(s + i, n - i);
        if (!stop || (s[i] == '.' && dot_in_abbreviation(s, n, i))) {
            i++;
            continue;
        }
        size_t after = i + stop, closer;
        while (after < n && stop_length(s + after, n - after)) /* "?!", "..." */
            after += stop_length(s + after, n - after);
        while (after < n && (closer = closer_length(s + after, n - after)) != 0)
            after += closer;
        if (after == n || stop == 3 || phrase_is_space(s[after])) {
            *out = (struct sentence){begin, after, true, after < n || stop == 3};
            return;
        }
        i = after;
    }
}

static double letter_share(const char *s, size_t n) {
    size_t letters = 0;
    for (size_t i = 0; i < n; i++)
        letters += phrase_is_letter(s[i]) || s[i] == ' ';
    return n ? (double)letters / (double)n : 0;
}

bool sentence_is_code(const char *s, size_t n) {
    static const char *const begins[] = {"#[", "#!", "//", "/*", "#include", "#define", "@",
                                         "}",  "{",  "<?", "$ ", ">>> ",     "|",       ");"};
    for (size_t i = 0; i < sizeof begins / sizeof *begins; i++)
        if (starts(s, n, begins[i]))
            return true;
    while (n && phrase_is_space(s[n - 1]))
        n--;
    if (!n)
        return false;
    static const char *const keywords[] = {
        "use",   "fn",     "pub",    "impl",   "let",   "mod",   "struct", "enum",
        "trait", "import", "from",   "def",    "class", "const", "static", "return",
        "if",    "for",    "while",  "func",   "var",   "type",  "async",  "package",
        "void",  "int",    "unsafe", "extern", "match", NULL};
    char last = s[n - 1];
    bool ends = last == ';' || last == '{' || last == '}' || last == '(';
    bool keyword = phrase_is_lower(*s) && phrase_match(s, n, keywords) > 0;
    bool signs = phrase_contains(s, n, "::", 2) || phrase_contains(s, n, "->", 2) ||
                 phrase_contains(s, n, "=>", 2) || phrase_contains(s, n, " = ", 3) ||
                 phrase_contains(s, n, "()", 2) || phrase_contains(s, n, "(&", 2);
    if (keyword && (ends || signs || last == ':' || phrase_count_words(s, n) < 4))
        return true;
    if (ends && (signs || phrase_count_words(s, n) < 4))
        return true;
    return n >= 12 && letter_share(s, n) < 0.6;
}

/* Over "> ", "# ", "- ", "1. " and the like at the start of a line; tells whether it was a heading.
 */
static size_t skip_line_marks(const char *s, size_t n, size_t i, bool *heading) {
    *heading = false;
    for (;;) {
        while (i < n && s[i] != '\n' && phrase_is_space(s[i]))
            i++;
        size_t j = i;
        while (j < n && (s[j] == '#' || s[j] == '>'))
            j++;
        if (j > i && j < n && phrase_is_space(s[j])) {
            *heading |= s[i] == '#';
            i = j;
            continue;
        }
        if (i + 1 < n && strchr("-*+", s[i]) && s[i] && phrase_is_space(s[i + 1])) {
            i++;
            continue;
        }
        if (starts(s + i, n - i, "\xe2\x80\xa2")) { /* a bullet */
            i += 3;
            continue;
        }
        j = i;
        while (j < n && phrase_is_digit(s[j]))
            j++;
        if (j > i && j - i < 3 && j + 1 < n && (s[j] == '.' || s[j] == ')') && s[j + 1] == ' ') {
            i = j + 1;
            continue;
        }
        return i;
    }
}

static size_t line_end(const char *s, size_t n, size_t i) {
    const char *nl = i < n ? memchr(s + i, '\n', n - i) : NULL;
    return nl ? (size_t)(nl - s) : n;
}

/* A colon that ends a label: followed by a space, a mark of emphasis or the end. */
static size_t label_colon(const char *s, size_t from, size_t end) {
    for (size_t i = from; i < end; i++) {
        if (s[i] == '`' || s[i] == '.')
            return 0;
        size_t colon = s[i] == ':' ? 1 : starts(s + i, end - i, "\xef\xbc\x9a") ? 3 : 0;
        if (!colon)
            continue;
        size_t after = i + colon;
        while (after < end && (s[after] == '*' || s[after] == '_'))
            after++;
        if (colon == 3 || after == end || phrase_is_space(s[after]))
            return after;
    }
    return 0;
}

/* The end of an opening at i that says nothing of the code; i itself when there is none. */
static size_t skip_opening(const char *s, size_t i, size_t end) {
    static const char *const interjections[] = {"sure",       "certainly", "of course",  "okay",
                                                "ok",         "yes",       "absolutely", "great",
                                                "sure thing", NULL};
    static const char *const linkers[] = {"in summary,",   "in short,",       "overall,",
                                          "to summarize,", "in other words,", "so,",
                                          "well,",         "basically,",      NULL};
    static const char *const labels[] = {"summary",
                                         "answer",
                                         "output",
                                         "response",
                                         "description",
                                         "explanation",
                                         "purpose",
                                         "overview",
                                         "result",
                                         "assistant",
                                         "one-line summary",
                                         "\xe6\x91\x98\xe8\xa6\x81",
                                         "\xe6\x80\xbb\xe7\xbb\x93",
                                         NULL};
    static const char *const announce[] = {"here is",      "here's",       "here are",
                                           "below is",     "this is",      "the following is",
                                           "the summary",  "a summary",    "the one-line summary",
                                           "the sentence", "one-line",     "one-sentence",
                                           "a short",      "a one",        "the short",
                                           "short",        "code summary", "brief",
                                           "a brief",      "the purpose",  NULL};
    while (i < end && (s[i] == '*' || s[i] == '_' || s[i] == '"' || s[i] == ' '))
        i++;
    size_t left = end - i;
    size_t word = phrase_match(s + i, left, interjections);
    if (word && i + word < end && strchr("!,.", s[i + word])) {
        size_t j = i + word + 1;
        return j;
    }
    if ((word = phrase_match(s + i, left, linkers)) != 0)
        return i + word;
    size_t colon = label_colon(s, i, end);
    size_t width = colon ? colon - i : 0;
    if (colon && (word = phrase_match(s + i, left, labels)) != 0 && width < word + 8)
        return colon;
    bool of_summary = width && width < 100 &&
                      (phrase_contains(s + i, width, "summar", 6) ||
                       phrase_contains(s + i, width, "sentence", 8) ||
                       phrase_contains(s + i, width, "description", 11));
    if (of_summary && phrase_match(s + i, left, announce))
        return colon;
    word = phrase_match(s + i, left, labels);
    size_t rest = i + word;
    while (word && rest < end && strchr("*_: .", s[rest]))
        rest++;
    return word && rest == end ? end : i; /* a label alone on its line */
}

static size_t skip_openings(const char *s, size_t i, size_t end) {
    for (;;) {
        size_t next = skip_opening(s, i, end);
        next = next > end ? end : next;
        bool moved = false;
        for (size_t j = i; j < next && !moved; j++)
            moved = !strchr("*_\" ", s[j]);
        if (!moved)
            return i;
        i = next;
        while (i < end && phrase_is_space(s[i]))
            i++;
    }
}

static bool has_letters(const char *s, size_t from, size_t to) {
    for (size_t i = from; i < to; i++)
        if (phrase_is_letter(s[i]))
            return true;
    return false;
}

/* A sentence such as "Here is the summary." that only announces one. */
static bool only_announces(const char *s, const struct sentence *c) {
    static const char *const announce[] = {"here is", "here's", "below is", "the following is",
                                           NULL};
    size_t i = c->begin;
    size_t n = c->end - i;
    return phrase_match(s + i, n, announce) > 0 && n < 100 &&
           (phrase_contains(s + i, n, "summar", 6) || phrase_contains(s + i, n, "sentence", 8));
}

bool sentence_find(const char *s, size_t n, struct sentence *out) {
    struct sentence fallback = {0};
    bool have_fallback = false, heading;
    size_t next;
    for (size_t at = 0; at < n; at = next) {
        size_t eol = line_end(s, n, at);
        next = eol + 1;
        size_t i = skip_line_marks(s, eol, at, &heading);
        if (starts(s + i, eol - i, "```") || starts(s + i, eol - i, "~~~"))
            continue;
        i = skip_openings(s, i, eol);
        if (!has_letters(s, i, eol) || sentence_is_code(s + i, eol - i))
            continue;
        find_end(s, n, i, out);
        size_t last = out->end;
        while (last > i && strchr("*_ \t\r", s[last - 1]))
            last--;
        if (only_announces(s, out) || (out->ended && last > i && s[last - 1] == ':')) {
            next = out->end > at ? out->end : next;
            continue;
        }
        if (!heading)
            return true;
        fallback = *out;
        fallback.certain = false;
        have_fallback = true;
    }
    *out = fallback;
    return have_fallback;
}
