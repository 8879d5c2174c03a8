/* The first byte chooses the language, the rest is a file. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/utf8.h"
#include "code/chunk_symbol.h"
#include "code/chunk_tree.h"
#include "code/doc.h"
#include "code/metrics.h"
#include "code/outline.h"
#include "code/symbols.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *const languages[] = {"bash", "c",          "csharp",    "cpp",    "go",
                                        "java", "javascript", "php",       "python", "ruby",
                                        "rust", "tsx",        "typescript"};

static void check(bool holds) {
    if (!holds)
        abort();
}

static void check_symbols(const struct tree *t, const struct symbols *s) {
    for (uint32_t i = 0; i < s->n; i++) {
        const struct symbol *v = &s->v[i];
        check(v->range.start < v->range.end && v->range.end <= t->size);
        check(v->name.start < v->name.end && v->name.end <= t->size);
        check(v->signature.start <= v->signature.end && v->signature.end <= t->size);
        check(v->doc.start <= v->doc.end && v->doc.end <= t->size);
        check(v->parent == SYMBOL_NONE || v->parent < i);
        check(v->first_line <= v->last_line);
        struct buf out = {0};
        doc_sentence(t->lang, t->text + v->doc.start, v->doc.end - v->doc.start,
                     t->text + v->name.start, v->name.end - v->name.start, &out);
        check(out.len == 0 || utf8_valid(out.data, out.len));
        buf_free(&out);
    }
}

static void check_outline(const struct tree *t, const struct symbols *s, uint32_t first,
                          uint32_t last) {
    struct outline o;
    if (outline_make(t, s, first, last, NULL, &o, NULL))
        return;
    for (size_t i = 0; i < o.n; i++) {
        const char *text = outline_text(&o, i);
        check(strlen(text) == o.v[i].length && utf8_valid(text, o.v[i].length));
        for (const char *c = text; *c; c++)
            check((unsigned char)*c >= ' ');
    }
    outline_free(&o);
}

/* A file's figures are those of its two halves together. */
static void check_metrics(const struct tree *t, const struct symbols *s, uint32_t middle) {
    struct metrics all, first, second;
    struct metrics_functions functions;
    if (metrics_of_range(t, s, 1, UINT32_MAX, &all, NULL) ||
        metrics_of_range(t, s, 1, middle, &first, NULL) ||
        metrics_of_range(t, s, middle + 1, UINT32_MAX, &second, NULL) ||
        metrics_functions(t, s, &functions, NULL))
        return;
    check(all.code_lines + all.comment_lines + all.blank_lines == all.lines);
    check(first.lines + second.lines == all.lines);
    check(first.comment_lines + second.comment_lines == all.comment_lines);
    check(first.code_lines + second.code_lines == all.code_lines);
    check(first.functions + second.functions == all.functions && all.functions == functions.n);
    check(first.complexity + second.complexity == all.complexity);
    metrics_functions_free(&functions);
}

/* Every line once, in chunks of `loc` at most. */
static void check_chunks(const struct tree *t, const struct symbols *s, uint64_t loc) {
    struct chunks c;
    uint64_t line = 0;
    uint64_t at = 0;
    if (chunk_tree(t, s, loc, &c, NULL))
        return;
    for (size_t i = 0; i < c.n; i++) {
        const struct chunk *k = &c.v[i];
        struct chunk_symbol found;
        check(k->offset == at && k->start_line == line + 1 && k->end_line > line);
        check(k->end_line - line <= loc);
        at += k->length;
        line = k->end_line;
        if (chunk_symbol_find(t, s, k->start_line, line, &found, NULL) == 0)
            check(found.symbol == SYMBOL_NONE || (s->v[found.symbol].first_line <= line &&
                                                  s->v[found.symbol].last_line >= k->start_line));
    }
    check(at == t->size && line == c.lines);
    chunks_free(&c);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size == 0)
        return 0;
    const char *name = languages[data[0] % (sizeof languages / sizeof *languages)];
    const char *text = (const char *)data + 1;
    struct tree t;
    struct symbols s;
    struct buf out = {0};
    if (tree_parse(lang_by_name(name), text, size - 1, &t, NULL) == 0) {
        if (symbols_find(&t, &s, NULL) == 0) {
            check_symbols(&t, &s);
            check_outline(&t, &s, 1, t.v[0].end_row + 1);
            check_outline(&t, &s, 3, 5);
            check_metrics(&t, &s, 4);
            check_chunks(&t, &s, 2);
            check_chunks(&t, &s, 7);
            doc_strip(&t, &s, (struct span){0, (uint32_t)t.size}, &out);
            symbols_free(&s);
        }
        tree_free(&t);
    }
    buf_free(&out);
    doc_sentence(lang_by_name(name), text, size - 1, "Name", 4, &out);
    check(out.len == 0 || utf8_valid(out.data, out.len));
    if (out.len)
        doc_is_good(out.data, out.len);
    buf_free(&out);
    return 0;
}
