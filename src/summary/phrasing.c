#include "summary/phrasing.h"

#include <string.h>

#include "base/hash.h"
#include "base/utf8.h"
#include "summary/phrase.h"
#include "summary/plain.h"

enum { MOST_NAME = 60 }; /* bytes */

/* Whether it came before; else it is noted. */
static bool is_seen(struct naming *names, const char *s, size_t n) {
    uint64_t hash = hash_bytes(s, n, 0);
    uint32_t known = names->total < PHRASING_SEEN ? names->total : PHRASING_SEEN;
    for (uint32_t i = 0; i < known; i++)
        if (names->seen[i] == hash)
            return true;
    if (known < PHRASING_SEEN)
        names->seen[known] = hash;
    return false;
}

void naming_add(struct naming *names, const char *text, struct span name, uint64_t rank) {
    if (name.end <= name.start || is_seen(names, text + name.start, name.end - name.start))
        return;
    names->total++;
    if (name.end - name.start > MOST_NAME || !utf8_valid(text + name.start, name.end - name.start))
        return;
    uint32_t at = names->n;
    while (at && names->rank[at - 1] < rank)
        at--;
    if (at == PHRASING_NAMES)
        return;
    names->n += names->n < PHRASING_NAMES;
    for (uint32_t i = names->n - 1; i > at; i--) {
        names->v[i] = names->v[i - 1];
        names->rank[i] = names->rank[i - 1];
    }
    names->v[at] = name;
    names->rank[at] = rank;
}

void phrasing_shown(struct buf *out, const char *s, size_t n) {
    size_t first = out->len;
    bool gap = false;
    for (size_t i = 0; i < n;) {
        uint32_t c;
        int len = utf8_decode((const uint8_t *)s + i, n - i, &c);
        if (len == 1 && phrase_is_space(s[i])) {
            gap = out->len > first;
        } else if (len > 0 && !plain_is_invisible(c) && c != 0x2028 && c != 0x2029) {
            if (gap)
                buf_char(out, ' ');
            gap = false;
            buf_append(out, s + i, (size_t)len);
        }
        i += len > 0 ? (size_t)len : 1;
    }
}

static void write_names(const char *text, const struct naming *names, uint32_t shown,
                        struct buf *out) {
    for (uint32_t i = 0; i < shown; i++) {
        if (i)
            buf_str(out, i + 1 == names->total ? " and " : ", ");
        phrasing_shown(out, text + names->v[i].start, names->v[i].end - names->v[i].start);
    }
    if (names->total > shown)
        buf_printf(out, " and %u more", names->total - shown);
}

static void write_part(const struct phrasing *p, const struct part *part, uint32_t most,
                       struct buf *out) {
    const struct naming *names = part->names;
    uint32_t shown = names->n < most ? names->n : most;
    if (shown == 0 && names->total == 1) {
        buf_printf(out, "one %s", part->one);
        return;
    }
    if (shown == 0) {
        buf_printf(out, "%u %s", names->total, part->many);
        return;
    }
    if (part->article)
        buf_printf(out, "%s %s ", part->article, names->total == 1 ? part->one : part->many);
    write_names(p->text, names, shown, out);
}

bool phrasing_write(const struct phrasing *p, int max_chars, struct buf *out) {
    for (size_t parts = p->n; parts > 0; parts--)
        for (uint32_t names = PHRASING_NAMES + 1; names-- > (parts > 1);) {
            buf_clear(out);
            buf_str(out, p->verb);
            buf_char(out, ' ');
            for (size_t i = 0; i < parts; i++) {
                if (i)
                    buf_str(out, p->parts[i].joint);
                write_part(p, &p->parts[i], names, out);
            }
            buf_char(out, '.');
            if (buf_failed(out) || utf8_length(out->data, out->len) <= (size_t)max_chars)
                return !buf_failed(out);
        }
    buf_clear(out);
    return false;
}
