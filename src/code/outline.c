#include "code/outline.h"

#include <stdlib.h>
#include <string.h>

#include "base/utf8.h"
#include "code/doc.h"
#include "code/outline_words.h"

enum {
    LINE_BYTES = 120,
    MOST_NAMES = 12,
    MOST_CALLS = 6,
    MOST_STRINGS = 3,
    MOST_IMPORTS = 8,
    MOST_DEPTH = 32
};

/* What is taken first. A doc follows what it is about, then come more of the same, then details. */
enum {
    RANK_FILE_DOC = 5,
    RANK_SCOPE = 10,
    RANK_CONTAINER = 15,
    RANK_TYPE = 20,
    RANK_CALLABLE = 22,
    RANK_METHOD = 24,
    RANK_PRIVATE = 10, /* is added */
    RANK_DOC = 2,      /* is added */
    RANK_FIELDS = 20,  /* is added */
    RANK_CALLS = 45,
    RANK_STRINGS = 50,
    RANK_CONSTANTS = 55,
    RANK_NESTED = 60,
    RANK_IMPORTS = 70
};

struct maker {
    const struct tree *t;
    const struct symbols *s;
    uint32_t first, last; /* lines, 1-based */
    const struct outline_options *options;
    struct outline *out;
    size_t cap;
    size_t from; /* of the line that is written, in out->texts */
    bool failed;
};

void outline_free(struct outline *o) {
    free(o->v);
    buf_free(&o->texts);
    *o = (struct outline){0};
}

static bool is_blank(char c) {
    return (unsigned char)c <= ' ' || c == 0x7f;
}

static void line_begin(struct maker *m) {
    m->from = m->out->texts.len;
}

/* Appends text with runs of blanks and controls as one blank. */
static void put_joined(struct buf *out, size_t from, const char *s, size_t n) {
    for (size_t i = 0; i < n;) {
        size_t end = i;
        while (end < n && !is_blank(s[end]))
            end++;
        if (end > i)
            utf8_append_valid(out, s + i, end - i);
        i = end;
        while (i < n && is_blank(s[i]))
            i++;
        if (i > end && i < n && out->len > from)
            buf_char(out, ' ');
    }
}

static void put_span(struct maker *m, struct span s) {
    put_joined(&m->out->texts, m->from, m->t->text + s.start, s.end - s.start);
}

/* Ends the line that was begun: cuts it to length and enters it. An empty one is dropped. */
static void line_end(struct maker *m, struct outline_line line) {
    struct buf *texts = &m->out->texts;
    uint32_t most = m->options && m->options->line_bytes ? m->options->line_bytes : LINE_BYTES;
    size_t n = texts->len - m->from;
    if (buf_failed(texts)) {
        m->failed = true;
        return;
    }
    if (n > most) {
        n = most > 3 ? most - 3 : 0;
        while (n && ((unsigned char)texts->data[m->from + n] & 0xc0) == 0x80)
            n--;
        while (n && is_blank(texts->data[m->from + n - 1]))
            n--;
        texts->len = m->from + n;
        buf_str(texts, "...");
        n += 3;
    }
    if (n == 0)
        return;
    line.text = (uint32_t)m->from;
    line.length = (uint32_t)n;
    buf_char(texts, 0);
    if (buf_failed(texts) ||
        !array_grow((void **)&m->out->v, m->out->n, &m->cap, sizeof *m->out->v)) {
        m->failed = true;
        return;
    }
    m->out->v[m->out->n++] = line;
}

static uint32_t depth_of(const struct symbols *s, uint32_t symbol) {
    uint32_t depth = 0;
    for (uint32_t at = s->v[symbol].parent; at != SYMBOL_NONE && depth < MOST_DEPTH;
         at = s->v[at].parent)
        depth++;
    return depth;
}

static bool is_container(enum symbol_kind kind) {
    return kind == SYMBOL_IMPL || kind == SYMBOL_MODULE || kind == SYMBOL_NAMESPACE;
}

static uint32_t rank_of(const struct symbols *s, uint32_t symbol) {
    const struct symbol *v = &s->v[symbol];
    uint32_t hidden = v->is_public ? 0 : RANK_PRIVATE;
    if (v->parent != SYMBOL_NONE && symbol_is_callable(s->v[v->parent].kind))
        return RANK_NESTED;
    if (is_container(v->kind))
        return RANK_CONTAINER;
    if (symbol_is_type(v->kind))
        return RANK_TYPE + hidden;
    if (v->kind == SYMBOL_FUNCTION || v->kind == SYMBOL_MACRO)
        return RANK_CALLABLE + hidden;
    return RANK_METHOD + hidden;
}

/* A signature without what only opens the body. */
static void put_signature(struct maker *m, const struct symbol *v) {
    struct buf *texts = &m->out->texts;
    if (symbol_is_type(v->kind) && v->signature.start == v->name.start) {
        buf_str(texts, symbol_kind_name(v->kind)); /* Go's groups of types */
        buf_char(texts, ' ');
    }
    put_span(m, v->signature);
    if (buf_failed(texts))
        return;
    size_t n = texts->len;
    if (n > m->from + 2 && memcmp(texts->data + n - 2, "=>", 2) == 0)
        n -= 2;
    while (n > m->from && strchr(" {:;=", texts->data[n - 1]))
        n--;
    texts->len = n;
    if (v->name.start >= v->signature.end) { /* typedef struct { ... } name; */
        buf_char(texts, ' ');
        put_span(m, v->name);
    }
}

static void add_doc(struct maker *m, struct span doc, uint32_t symbol, uint32_t rank,
                    uint32_t indent) {
    const struct symbol *v = symbol == SYMBOL_NONE ? NULL : &m->s->v[symbol];
    if (doc.end == doc.start || (m->options && m->options->no_docs))
        return;
    struct buf sentence = {0};
    doc_sentence(m->t->lang, m->t->text + doc.start, doc.end - doc.start,
                 v ? m->t->text + v->name.start : NULL, v ? v->name.end - v->name.start : 0,
                 &sentence);
    line_begin(m);
    if (sentence.len)
        put_joined(&m->out->texts, m->from, sentence.data, sentence.len);
    m->failed |= buf_failed(&sentence);
    buf_free(&sentence);
    line_end(m, (struct outline_line){
                    .rank = rank, .indent = indent, .kind = OUTLINE_DOC, .symbol = symbol});
}

static bool holds(struct span bytes, uint32_t byte) {
    return byte >= bytes.start && byte < bytes.end;
}

/* Bytes of the range of lines. */
static struct span bytes_of(const struct maker *m) {
    struct span bytes = {0, (uint32_t)m->t->size};
    uint32_t line = 1;
    const char *text = m->t->text;
    for (size_t at = 0; at < m->t->size;) {
        const char *end = memchr(text + at, '\n', m->t->size - at);
        at = end ? (size_t)(end - text) + 1 : m->t->size;
        line++;
        if (line == m->first)
            bytes.start = (uint32_t)at;
        if (line == m->last + 1) {
            bytes.end = (uint32_t)at;
            break;
        }
    }
    return bytes;
}

static void add_fields(struct maker *m, uint32_t symbol, struct span bytes, uint32_t indent) {
    const struct symbol *v = &m->s->v[symbol];
    uint32_t named = 0;
    line_begin(m);
    for (uint32_t i = 0; i < v->field_count; i++) {
        const struct symbol_field *f = &m->s->fields[v->first_field + i];
        if (!holds(bytes, f->name.start))
            continue;
        if (named == MOST_NAMES) {
            buf_str(&m->out->texts, ", ...");
            break;
        }
        buf_str(&m->out->texts, named++                  ? ", "
                                : v->kind == SYMBOL_ENUM ? "variants: "
                                                         : "fields: ");
        put_span(m, f->name);
    }
    line_end(m, (struct outline_line){.rank = rank_of(m->s, symbol) + RANK_FIELDS,
                                      .indent = indent + 1,
                                      .kind = OUTLINE_FIELDS,
                                      .symbol = symbol});
}

static void add_symbol(struct maker *m, uint32_t symbol, struct span bytes) {
    const struct symbol *v = &m->s->v[symbol];
    uint32_t depth = depth_of(m->s, symbol);
    struct outline_line line = {.rank = rank_of(m->s, symbol),
                                .indent = depth,
                                .kind = OUTLINE_SYMBOL,
                                .symbol = symbol,
                                .cut_before =
                                    v->first_line<m->first, .cut_after = v->last_line> m->last};
    if (line.cut_before && !symbol_is_callable(v->kind)) {
        line.kind = OUTLINE_SCOPE;
        line.rank = RANK_SCOPE;
    } else if (line.cut_before)
        line.rank = RANK_SCOPE;
    line_begin(m);
    put_signature(m, v);
    line_end(m, line);
    add_doc(m, v->doc, symbol, line.rank + RANK_DOC, depth + 1);
    add_fields(m, symbol, bytes, depth);
}

static void add_words(struct maker *m, const struct outline_words *w, uint32_t most,
                      const char *title, bool quoted, enum outline_kind kind, uint32_t rank) {
    struct buf *texts = &m->out->texts;
    line_begin(m);
    for (uint32_t i = 0; i < w->n && i < most; i++) {
        buf_str(texts, i ? ", " : title);
        if (quoted)
            buf_char(texts, '"');
        put_span(m, w->v[i].text);
        if (quoted)
            buf_char(texts, '"');
    }
    line_end(m, (struct outline_line){.rank = rank, .kind = kind, .symbol = SYMBOL_NONE});
}

static void add_constants(struct maker *m) {
    uint32_t named = 0;
    line_begin(m);
    for (uint32_t i = 0; i < m->s->n; i++) {
        const struct symbol *v = &m->s->v[i];
        if (v->kind != SYMBOL_CONSTANT || v->first_line < m->first || v->first_line > m->last)
            continue;
        if (named == MOST_NAMES) {
            buf_str(&m->out->texts, ", ...");
            break;
        }
        buf_str(&m->out->texts, named++ ? ", " : "constants: ");
        put_span(m, v->name);
    }
    line_end(m, (struct outline_line){
                    .rank = RANK_CONSTANTS, .kind = OUTLINE_CONSTANTS, .symbol = SYMBOL_NONE});
}

static int make(struct maker *m) {
    struct outline_words *words = calloc(3, sizeof *words);
    struct span bytes = bytes_of(m);
    if (!words)
        return PRECIS_ENOMEM;
    struct outline_words *calls = &words[0];
    struct outline_words *strings = &words[1];
    struct outline_words *imports = &words[2];
    outline_gather(m->t, m->s, m->first - 1, m->last - 1, calls, strings, imports);
    outline_sort(calls);
    outline_sort(strings);
    if (holds(bytes, m->s->file_doc.start))
        add_doc(m, m->s->file_doc, SYMBOL_NONE, RANK_FILE_DOC, 0);
    add_words(m, imports, MOST_IMPORTS, "uses: ", false, OUTLINE_IMPORTS, RANK_IMPORTS);
    for (uint32_t i = 0; i < m->s->n && !m->failed; i++)
        if (m->s->v[i].first_line <= m->last && m->s->v[i].last_line >= m->first &&
            m->s->v[i].kind != SYMBOL_CONSTANT)
            add_symbol(m, i, bytes);
    add_constants(m);
    add_words(m, calls, MOST_CALLS, "calls: ", false, OUTLINE_CALLS, RANK_CALLS);
    add_words(m, strings, MOST_STRINGS, "strings: ", true, OUTLINE_STRINGS, RANK_STRINGS);
    free(words);
    return m->failed ? PRECIS_ENOMEM : 0;
}

int outline_make(const struct tree *t, const struct symbols *s, uint32_t first_line,
                 uint32_t last_line, const struct outline_options *options, struct outline *out,
                 struct err *e) {
    struct maker m = {.t = t,
                      .s = s,
                      .first = first_line ? first_line : 1,
                      .last = last_line,
                      .options = options,
                      .out = out};
    *out = (struct outline){0};
    if (m.last < m.first)
        return 0;
    if (make(&m)) {
        outline_free(out);
        return err_nomem(e, "an outline");
    }
    return 0;
}
