#include "summary/phrase.h"

#include <string.h>

bool phrase_is_space(char c) {
    return c == ' ' || (c >= '\t' && c <= '\r');
}

bool phrase_is_lower(char c) {
    return c >= 'a' && c <= 'z';
}

bool phrase_is_upper(char c) {
    return c >= 'A' && c <= 'Z';
}

bool phrase_is_digit(char c) {
    return c >= '0' && c <= '9';
}

bool phrase_is_letter(char c) {
    return phrase_is_lower(c) || phrase_is_upper(c) || (unsigned char)c >= 0x80;
}

char phrase_fold(char c) {
    return phrase_is_upper(c) ? (char)(c + ('a' - 'A')) : c;
}

static bool equal_folded(const char *a, const char *b, size_t n) {
    for (size_t i = 0; i < n; i++)
        if (phrase_fold(a[i]) != phrase_fold(b[i]))
            return false;
    return true;
}

static bool word_char(char c) {
    return phrase_is_letter(c) || phrase_is_digit(c) || c == '_';
}

size_t phrase_match(const char *s, size_t n, const char *const *phrases) {
    size_t best = 0;
    for (; *phrases; phrases++) {
        size_t len = strlen(*phrases);
        if (len <= best || len > n || !equal_folded(s, *phrases, len))
            continue;
        bool wide = (unsigned char)s[len - 1] >= 0x80; /* a script without spaces */
        if (len == n || wide || !word_char(s[len]) || !word_char(s[len - 1]))
            best = len;
    }
    return best;
}

bool phrase_contains(const char *hay, size_t n_hay, const char *needle, size_t n_needle) {
    for (size_t i = 0; i + n_needle <= n_hay; i++)
        if (equal_folded(hay + i, needle, n_needle))
            return true;
    return false;
}

size_t phrase_word_length(const char *s, size_t n) {
    size_t i = 0;
    while (i < n && !phrase_is_space(s[i]))
        i++;
    return i;
}

size_t phrase_count_words(const char *s, size_t n) {
    size_t count = 0;
    bool inside = false;
    for (size_t i = 0; i < n; i++) {
        if (phrase_is_space(s[i]))
            inside = false;
        else if (!inside && word_char(s[i])) {
            inside = true;
            count++;
        }
    }
    return count;
}
