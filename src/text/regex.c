#include "text/regex.h"

#include <stdlib.h>

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include "base/utf8.h"

struct regex {
    pcre2_code *code;
};

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
    re->code = pcre2_compile((PCRE2_SPTR)text.data, text.len, PCRE2_UTF | PCRE2_MULTILINE, &why,
                             &at, NULL);
    if (!re->code) {
        char line[160];
        if (pcre2_get_error_message(why, (PCRE2_UCHAR *)line, sizeof line) < 0)
            line[0] = 0;
        rc = why == PCRE2_ERROR_NOMEMORY
                 ? err_nomem(e, "regular expression")
                 : err_set(e, PRECIS_EUNSUPPORTED, "regular expression \"%.*s\": %s",
                           len < 100 ? (int)len : 100, pattern, line);
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

int regex_next(struct regex_search *q, struct regex_work *w, size_t *begin, size_t *end) {
    if (!w->match && !(w->match = pcre2_match_data_create(1, NULL)))
        return -1;
    while (q->from <= q->n) {
        int rc = pcre2_match(q->re->code, q->s, q->n, q->from, PCRE2_NO_UTF_CHECK, w->match, NULL);
        if (rc == PCRE2_ERROR_JIT_STACKLIMIT)
            rc = pcre2_match(q->re->code, q->s, q->n, q->from, PCRE2_NO_UTF_CHECK | PCRE2_NO_JIT,
                             w->match, NULL);
        if (rc == PCRE2_ERROR_NOMATCH)
            break;
        if (rc < 0)
            return -1;
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
