#include "text/score_text.h"

#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { POWERS = 309, EXPONENT_MOST = 1000000000 };

struct scan {
    const char *s, *end;
    double powers[POWERS];
};

static bool is_digit(const struct scan *p) {
    return p->s < p->end && *p->s >= '0' && *p->s <= '9';
}

/* Digits into *significand while they fit; returns how many did not, and passes all of them. */
static int64_t take_digits(struct scan *p, uint64_t *significand, bool *full, int64_t *taken) {
    int64_t left = 0;
    *taken = 0;
    for (; is_digit(p); p->s++) {
        uint64_t digit = (uint64_t)(*p->s - '0');
        if (*full || *significand > (UINT64_MAX - digit) / 10) {
            *full = true;
            left++;
            continue;
        }
        *significand = *significand * 10 + digit;
        ++*taken;
    }
    return left;
}

static int64_t take_exponent(struct scan *p) {
    bool negative = p->s < p->end && *p->s == '-';
    if (p->s < p->end && (*p->s == '-' || *p->s == '+'))
        p->s++;
    int64_t exponent = 0;
    for (; is_digit(p); p->s++)
        if (exponent < EXPONENT_MOST)
            exponent = exponent * 10 + (*p->s - '0');
    return negative ? -exponent : exponent;
}

static double scale(const struct scan *p, uint64_t significand, int64_t exponent) {
    double f = (double)significand;
    while (f != 0) {
        if (exponent >= POWERS)
            return INFINITY;
        if (exponent > -POWERS)
            return exponent >= 0 ? f * p->powers[exponent] : f / p->powers[-exponent];
        f /= p->powers[POWERS - 1];
        exponent += POWERS - 1;
    }
    return f;
}

static double take_number(struct scan *p) {
    bool negative = *p->s == '-', full = false;
    p->s += negative;
    uint64_t significand = 0;
    int64_t taken, exponent = take_digits(p, &significand, &full, &taken);
    if (p->s < p->end && *p->s == '.') {
        p->s++;
        full = false;
        take_digits(p, &significand, &full, &taken);
        exponent -= taken;
    }
    if (p->s < p->end && (*p->s == 'e' || *p->s == 'E')) {
        p->s++;
        exponent += take_exponent(p);
    }
    double f = scale(p, significand, exponent);
    return negative ? -f : f;
}

static const char *skip_string(const char *s, const char *end) {
    for (; s < end && *s != '"'; s++)
        s += *s == '\\' && s + 1 < end;
    return s;
}

static bool is_key(const char *key, size_t len, const char *name) {
    return len == strlen(name) && memcmp(key, name, len) == 0;
}

size_t score_text_read(const char *json, size_t len, double *scores, size_t n) {
    struct scan p = {.s = json, .end = json + len};
    for (int i = 0; i < POWERS; i++) {
        char text[8];
        snprintf(text, sizeof text, "1e%d", i);
        p.powers[i] = strtod(text, NULL);
    }
    const char *key = json;
    size_t key_len = 0, found = 0;
    int64_t depth = 0;
    bool in_model = false, in_vocab = false;
    while (p.s < p.end) {
        char c = *p.s;
        if (in_vocab && depth == 4 && (is_digit(&p) || c == '-')) {
            double score = take_number(&p);
            if (found++ < n)
                scores[found - 1] = score;
            continue;
        }
        p.s++;
        if (c == '"') {
            key = p.s;
            p.s = skip_string(p.s, p.end);
            key_len = (size_t)(p.s - key);
            p.s += p.s < p.end;
        } else if (c == '{' || c == '[') {
            depth++;
        } else if (c == '}' || c == ']') {
            depth--;
        } else if (c == ':' && depth == 1) {
            in_model = is_key(key, key_len, "model");
            in_vocab = false;
        } else if (c == ':' && depth == 2 && in_model) {
            in_vocab = is_key(key, key_len, "vocab");
            found = in_vocab ? 0 : found;
        }
    }
    return found;
}
