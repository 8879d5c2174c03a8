#include "text/regex.h"

#include <stdlib.h>
#include <string.h>

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include "base/utf8.h"

/* PCRE2's own limits are tried first, then these times as much. */
enum { MORE = 10, MORE_STEPS = MORE * 10000000, MORE_HEAP_KB = MORE * 20000000 };

struct regex {
    pcre2_code *code;
    char shown[100]; /* the pattern's beginning, for messages */
};

/* The beginning of a pattern, no character cut. */
static void show(struct regex *re, const char *pattern, size_t n) {
    if (n >= sizeof re->shown)
        for (n = sizeof re->shown - 1; n && ((uint8_t)pattern[n] & 0xc0) == 0x80;)
            n--;
    memcpy(re->shown, pattern, n);
}

int regex_new(const char *pattern, size_t len, struct regex **out, struct err *e) {
    struct buf text = {0};
    int why;
    PCRE2_SIZE at;
    *out = NULL;
    buf_str(&text, "");
    int rc = regex_translate(pattern, len, &text, e);
    struct regex *re = rc ? NULL : calloc(1, sizeof *re);
    if (!re) {
        rc = rc ? rc : err_nomem(e, "regular expression");
        goto done;
    }
    show(re, pattern, len);
    re->code = pcre2_compile((PCRE2_SPTR)text.data, text.len, PCRE2_UTF | PCRE2_MULTILINE, &why,
                             &at, NULL);
    if (!re->code) {
        char line[160];
        if (pcre2_get_error_message(why, (PCRE2_UCHAR *)line, sizeof line) < 0)
            line[0] = 0;
        rc =
            why == PCRE2_ERROR_NOMEMORY
                ? err_nomem(e, "regular expression")
                : err_set(e, PRECIS_EUNSUPPORTED, "regular expression \"%s\": %s", re->shown, line);
        goto done;
    }
    /* without machine code it still matches */
    (void)pcre2_jit_compile(re->code, PCRE2_JIT_COMPLETE);
    *out = re;
    re = NULL;
done:
    buf_free(&text);
    regex_free(re);
    return rc;
}

void regex_free(struct regex *re) {
    if (re)
        pcre2_code_free(re->code);
    free(re);
}

void regex_work_free(struct regex_work *w) {
    pcre2_match_data_free(w->match);
    w->match = NULL;
}

void regex_start(struct regex_search *q, const struct regex *re, const uint8_t *s, size_t n) {
    *q = (struct regex_search){.re = re, .s = s, .n = n};
}

static bool is_limit(int rc) {
    return rc == PCRE2_ERROR_MATCHLIMIT || rc == PCRE2_ERROR_DEPTHLIMIT ||
           rc == PCRE2_ERROR_HEAPLIMIT || rc == PCRE2_ERROR_JIT_STACKLIMIT;
}

static int match(const struct regex_search *q, struct regex_work *w) {
    int rc = pcre2_match(q->re->code, q->s, q->n, q->from, PCRE2_NO_UTF_CHECK, w->match, NULL);
    if (!is_limit(rc))
        return rc;
    pcre2_match_context *more = pcre2_match_context_create(NULL);
    if (!more)
        return PCRE2_ERROR_NOMEMORY;
    pcre2_set_match_limit(more, MORE_STEPS);
    pcre2_set_depth_limit(more, MORE_STEPS);
    pcre2_set_heap_limit(more, MORE_HEAP_KB);
    uint32_t options = PCRE2_NO_UTF_CHECK;
    if (rc == PCRE2_ERROR_JIT_STACKLIMIT)
        options |= PCRE2_NO_JIT;
    rc = pcre2_match(q->re->code, q->s, q->n, q->from, options, w->match, more);
    pcre2_match_context_free(more);
    return rc;
}

static int fail(const struct regex_search *q, struct regex_work *w, int code) {
    w->failed = code;
    w->of = q->re;
    return -1;
}

int regex_failure(const struct regex_work *w, const char *what, struct err *e) {
    if (w->failed != PRECIS_ELIMIT)
        return err_nomem(e, what);
    return err_set(e, PRECIS_ELIMIT,
                   "regular expression \"%s\": needs more steps than allowed on this text",
                   w->of->shown);
}

int regex_next(struct regex_search *q, struct regex_work *w, size_t *begin, size_t *end) {
    if (!w->match && !(w->match = pcre2_match_data_create(1, NULL)))
        return fail(q, w, PRECIS_ENOMEM);
    while (q->from <= q->n) {
        int rc = match(q, w);
        if (rc == PCRE2_ERROR_NOMATCH)
            break;
        if (rc < 0)
            return fail(q, w, is_limit(rc) ? PRECIS_ELIMIT : PRECIS_ENOMEM);
        const PCRE2_SIZE *v = pcre2_get_ovector_pointer(w->match);
        if (v[0] == v[1] && q->matched && q->last_end == v[1]) {
            q->from = v[1] + 1;
            while (q->from < q->n && (q->s[q->from] & 0xc0) == 0x80)
                q->from++;
            if (v[1] >= q->n)
                break;
            continue;
        }
        q->from = q->last_end = v[1];
        q->matched = true;
        *begin = v[0];
        *end = v[1];
        return 1;
    }
    q->from = q->n + 1;
    return 0;
}
