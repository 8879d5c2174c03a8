#include <inttypes.h>
#include <string.h>

#include "base/utf8.h"
#include "code/chunk.h"
#include "code/outline_words.h"
#include "summary/code_lines.h"
#include "summary/fallback.h"
#include "summary/phrase.h"
#include "summary/phrasing.h"

enum { MOST_PERCENT = 60, MOST_DEPTH = 32 };

/* What a chunk holds of its file's symbols. "Defined" is what begins in it; what functions hold is
 * no business of a line. */
struct inventory {
    const struct fallback_chunk *c;
    struct code_lines lines;
    uint32_t lead; /* the outermost that goes on from before, modules passed over; SYMBOL_NONE */
    uint32_t cut;  /* the outermost function that goes on from before; SYMBOL_NONE */
    uint32_t main; /* the only type that is defined; SYMBOL_NONE */
    uint32_t function;     /* the last function that is defined; SYMBOL_NONE */
    enum symbol_kind kind; /* of all types; SYMBOL_TYPE where they differ */
    struct naming types, impls, functions, methods, macros, constants, modules;
    struct naming of_main; /* methods of `main` */
    struct naming of_lead; /* functions of `lead` */
    struct naming cases;   /* functions that are tests */
    uint32_t callables;
};

/* What is filled in for a sentence beside the inventory. */
struct detail {
    struct naming subject, fields, calls, imports;
};

static const struct symbol *at(const struct inventory *v, uint32_t i) {
    return &v->c->symbols->v[i];
}

static bool covers_most(const struct inventory *v, uint32_t i) {
    uint64_t all = code_lines_count(&v->lines, v->lines.first, v->lines.last);
    return i != SYMBOL_NONE && all &&
           100 * (uint64_t)code_lines_count(&v->lines, at(v, i)->first_line, at(v, i)->last_line) >=
               MOST_PERCENT * all;
}

static bool is_defined(const struct inventory *v, const struct symbol *s) {
    return s->first_line >= v->lines.first && s->first_line <= v->lines.last;
}

static bool is_module(enum symbol_kind kind) {
    return kind == SYMBOL_MODULE || kind == SYMBOL_NAMESPACE;
}

/* The nearest type or impl around a symbol, SYMBOL_NONE: none. False: it lies in a function, or
 * deeper than anyone nests by hand. */
static bool find_holder(const struct inventory *v, uint32_t i, uint32_t *holder) {
    *holder = SYMBOL_NONE;
    for (int depth = 0; depth < MOST_DEPTH; depth++) {
        i = at(v, i)->parent;
        if (i == SYMBOL_NONE)
            return true;
        if (symbol_is_callable(at(v, i)->kind))
            return false;
        if (*holder == SYMBOL_NONE && !is_module(at(v, i)->kind))
            *holder = i;
    }
    return false;
}

/* Public ones first, then the large ones. */
static void add(const struct inventory *v, struct naming *to, const struct symbol *s) {
    uint64_t rank = (uint64_t)s->is_public << 32 | (s->last_line - s->first_line);
    naming_add(to, v->c->tree->text, s->name, rank);
}

static bool has(const char *s, size_t n, const char *what) {
    return phrase_contains(s, n, what, strlen(what));
}

/* Whether the file, or what is around a symbol, says by its name that it is about tests. */
static bool is_among_tests(const struct inventory *v, uint32_t i) {
    if (has(v->c->path, strlen(v->c->path), "test") || has(v->c->path, strlen(v->c->path), "spec"))
        return true;
    for (int depth = 0; i != SYMBOL_NONE && depth < MOST_DEPTH; depth++) {
        struct span name = at(v, i)->name;
        if (depth && has(v->c->tree->text + name.start, name.end - name.start, "test"))
            return true;
        i = at(v, i)->parent;
    }
    return false;
}

/* A test: by an attribute or annotation; by its name, where tests are. */
static bool is_case(const struct inventory *v, uint32_t i) {
    const struct symbol *s = at(v, i);
    const char *before = v->c->tree->text + s->range.start;
    size_t n = s->signature.start > s->range.start ? s->signature.start - s->range.start : 0;
    if (n && *before == '#' && (has(before, n, "test]") || has(before, n, "test(")))
        return true;
    if (n && *before == '@' && has(before, n, "test"))
        return true;
    const char *name = v->c->tree->text + s->name.start;
    n = s->name.end - s->name.start;
    if (n < 6 || !is_among_tests(v, i))
        return false;
    return (has(name, 4, "test") && (name[4] == '_' || phrase_is_upper(name[4]))) ||
           memcmp(name + n - 5, "_test", 5) == 0;
}

static void take_callable(struct inventory *v, uint32_t i, uint32_t holder) {
    const struct symbol *s = at(v, i);
    bool free = holder == SYMBOL_NONE && s->kind == SYMBOL_FUNCTION;
    v->callables++;
    v->function = i;
    add(v, free ? &v->functions : &v->methods, s);
    if (is_case(v, i))
        add(v, &v->cases, s);
    if (holder != SYMBOL_NONE && holder == v->lead)
        add(v, &v->of_lead, s);
}

static void take(struct inventory *v, uint32_t i) {
    const struct symbol *s = at(v, i);
    uint32_t holder;
    if (!find_holder(v, i, &holder))
        return;
    if (symbol_is_callable(s->kind)) {
        take_callable(v, i, holder);
    } else if (symbol_is_type(s->kind) && holder == SYMBOL_NONE) {
        v->kind = v->types.total && v->kind != s->kind ? SYMBOL_TYPE : s->kind;
        v->main = i;
        add(v, &v->types, s);
    } else if (s->kind == SYMBOL_CONSTANT && holder == SYMBOL_NONE) {
        add(v, &v->constants, s);
    } else if (s->kind == SYMBOL_IMPL) {
        add(v, &v->impls, s);
    } else if (s->kind == SYMBOL_MACRO) {
        add(v, &v->macros, s);
    } else if (is_module(s->kind)) {
        add(v, &v->modules, s);
    }
}

static bool same_name(const struct inventory *v, uint32_t a, uint32_t b) {
    const char *text = v->c->tree->text;
    struct span x = at(v, a)->name, y = at(v, b)->name;
    return x.end - x.start == y.end - y.start &&
           memcmp(text + x.start, text + y.start, x.end - x.start) == 0;
}

/* Those of the type itself, and of what implements it. */
static void take_methods(struct inventory *v) {
    const struct symbols *all = v->c->symbols;
    uint32_t holder;
    for (uint32_t i = 0; i < all->n; i++)
        if (is_defined(v, at(v, i)) && symbol_is_callable(at(v, i)->kind) &&
            find_holder(v, i, &holder) && holder != SYMBOL_NONE && same_name(v, holder, v->main))
            add(v, &v->of_main, at(v, i));
}

static void take_all(struct inventory *v) {
    const struct symbols *all = v->c->symbols;
    v->lead = v->cut = v->main = v->function = SYMBOL_NONE;
    for (uint32_t i = 0; i < all->n && all->v[i].first_line <= v->lines.last; i++) {
        const struct symbol *s = &all->v[i];
        if (s->first_line >= v->lines.first)
            take(v, i);
        else if (s->last_line >= v->lines.first && !is_module(s->kind)) {
            v->lead = v->lead == SYMBOL_NONE ? i : v->lead;
            v->cut = v->cut == SYMBOL_NONE && symbol_is_callable(s->kind) ? i : v->cut;
        }
    }
    if (v->types.total != 1)
        v->main = SYMBOL_NONE;
    else
        take_methods(v);
}

static const char *plural(enum symbol_kind kind) {
    static const char *const names[SYMBOL_KINDS] = {
        [SYMBOL_STRUCT] = "structs",       [SYMBOL_CLASS] = "classes", [SYMBOL_ENUM] = "enums",
        [SYMBOL_INTERFACE] = "interfaces", [SYMBOL_UNION] = "unions",  [SYMBOL_TRAIT] = "traits",
    };
    return names[kind] ? names[kind] : "types";
}

static void add_part(struct phrasing *p, struct part part) {
    if (part.names->total && p->n < PHRASING_PARTS)
        p->parts[p->n++] = part;
}

static void add_subject(const struct inventory *v, struct phrasing *p, struct detail *d,
                        uint32_t i) {
    enum symbol_kind kind = at(v, i)->kind;
    add(v, &d->subject, at(v, i));
    add_part(p, (struct part){"", "the",
                              kind == SYMBOL_IMPL       ? "implementation of"
                              : kind == SYMBOL_CONSTANT ? "value" /* variables are among them */
                                                        : symbol_kind_name(kind),
                              "", &d->subject});
}

/* What a function calls within the chunk. */
static void add_calls(const struct inventory *v, struct phrasing *p, struct detail *d,
                      uint32_t first, uint32_t last) {
    struct outline_words calls = {.n = 0}, strings = {.n = 0}, imports = {.n = 0};
    first = first > v->lines.first ? first : v->lines.first;
    last = last < v->lines.last ? last : v->lines.last;
    outline_gather(v->c->tree, v->c->symbols, first - 1, last - 1, &calls, &strings, &imports);
    outline_sort(&calls);
    for (uint32_t i = 0; i < calls.n; i++)
        naming_add(&d->calls, p->text, calls.v[i].text, 0);
    add_part(p, (struct part){", which calls ", NULL, "function", "functions", &d->calls});
}

/* Fields and variants within the chunk. */
static void add_fields(const struct inventory *v, struct phrasing *p, struct detail *d,
                       uint32_t i) {
    const struct symbol *s = at(v, i);
    bool variants = s->kind == SYMBOL_ENUM;
    uint64_t line = s->first_line;
    uint32_t from = s->range.start;
    for (uint32_t k = 0; k < s->field_count; k++) {
        struct span name = v->c->symbols->fields[s->first_field + k].name;
        if (name.start < from)
            continue;
        line += chunk_count_newlines(p->text + from, name.start - from);
        from = name.start;
        if (line >= v->lines.first && line <= v->lines.last)
            naming_add(&d->fields, p->text, name, 0);
    }
    add_part(p, (struct part){" with ", "the", variants ? "variant" : "field",
                              variants ? "variants" : "fields", &d->fields});
}

static const char *verb_of(const struct inventory *v, uint32_t i) {
    return at(v, i)->last_line > v->c->last_line ? "Begins" : "Defines";
}

static void say_continued(const struct inventory *v, struct phrasing *p, struct detail *d,
                          uint32_t i) {
    p->verb = "Continues";
    add_subject(v, p, d, i);
    if (symbol_is_callable(at(v, i)->kind))
        add_calls(v, p, d, at(v, i)->first_line, at(v, i)->last_line);
    else if (v->of_lead.total)
        add_part(p, (struct part){" with ", "the", "method", "methods", &v->of_lead});
    else
        add_fields(v, p, d, i);
}

static void say_types(const struct inventory *v, struct phrasing *p, struct detail *d) {
    p->verb = v->main != SYMBOL_NONE ? verb_of(v, v->main) : "Defines";
    add_part(p, (struct part){"", "the", symbol_kind_name(v->kind), plural(v->kind), &v->types});
    if (v->of_main.total)
        add_part(p, (struct part){", ", "its", "method", "methods", &v->of_main});
    else if (v->main != SYMBOL_NONE)
        add_fields(v, p, d, v->main);
    bool methods = v->main == SYMBOL_NONE && v->methods.n &&
                   (!v->functions.n || v->methods.rank[0] > v->functions.rank[0]);
    if (methods)
        add_part(p, (struct part){", and ", "the", "method", "methods", &v->methods});
    else
        add_part(p, (struct part){", and ", "the", "function", "functions", &v->functions});
}

static void say_functions(const struct inventory *v, struct phrasing *p, struct detail *d) {
    p->verb = v->callables == 1 ? verb_of(v, v->function) : "Defines";
    add_part(p, (struct part){"", "the", "function", "functions", &v->functions});
    add_part(p, (struct part){p->n ? ", and " : "", "the", "method", "methods", &v->methods});
    if (v->callables == 1)
        add_calls(v, p, d, at(v, v->function)->first_line, at(v, v->function)->last_line);
    else
        add_part(p, (struct part){", and ", "the", "macro", "macros", &v->macros});
}

static void say_defined(const struct inventory *v, struct phrasing *p, struct detail *d) {
    if (v->types.total) {
        say_types(v, p, d);
    } else if (v->impls.total) {
        p->verb = "Implements";
        add_part(p, (struct part){"", NULL, "type", "types", &v->impls});
        add_part(p, (struct part){" with ", "the", "method", "methods", &v->methods});
        add_part(p, (struct part){", and defines ", "the", "function", "functions", &v->functions});
    } else if (v->callables) {
        say_functions(v, p, d);
    } else if (v->macros.total) {
        p->verb = "Defines";
        add_part(p, (struct part){"", "the", "macro", "macros", &v->macros});
        add_part(p, (struct part){", and ", "the", "value", "values", &v->constants});
    } else {
        p->verb = "Declares";
        add_part(p, (struct part){"", "the", "value", "values", &v->constants});
    }
}

static bool is_reexport(const struct tree *t, uint32_t i) {
    const struct tree_node *n = &t->v[i];
    return (n->type == T_use_declaration && n->end - n->start > 3 &&
            memcmp(t->text + n->start, "pub", 3) == 0) ||
           (n->type == T_export_statement && tree_field(t, i, F_source) != TREE_NONE);
}

/* "./queue.js" of `export * from './queue.js'`, which is no import to the outline. */
static void add_source(const struct tree *t, uint32_t i, struct detail *d) {
    uint32_t source = tree_field(t, i, F_source);
    if (t->v[i].type == T_export_statement && t->v[source].end - t->v[source].start > 2)
        naming_add(&d->imports, t->text,
                   (struct span){t->v[source].start + 1, t->v[source].end - 1}, 0);
}

static void say_imports(const struct inventory *v, struct phrasing *p, struct detail *d) {
    const struct tree *t = v->c->tree;
    struct outline_words calls = {.n = 0}, strings = {.n = 0}, imports = {.n = 0};
    uint32_t again = 0;
    outline_gather(t, v->c->symbols, v->lines.first - 1, v->lines.last - 1, &calls, &strings,
                   &imports);
    for (uint32_t i = 0; i < imports.n; i++)
        naming_add(&d->imports, p->text, imports.v[i].text, 0);
    for (uint32_t i = 1; i < t->n; i = t->v[i].next)
        if (t->v[i].first_row + 1 >= v->lines.first && t->v[i].first_row < v->lines.last &&
            is_reexport(t, i)) {
            again++;
            add_source(t, i, d);
        }
    bool c = strcmp(t->lang->name, "c") == 0 || strcmp(t->lang->name, "cpp") == 0;
    p->verb = c                           ? "Includes"
              : again == 0                ? "Imports"
              : again >= d->imports.total ? "Re-exports"
                                          : "Imports and re-exports";
    add_part(p, (struct part){"", NULL, "module", "modules", &d->imports});
    p->verb = p->n ? p->verb : "Declares";
    add_part(p,
             (struct part){p->n ? ", and declares " : "", "the", "module", "modules", &v->modules});
    if (p->n)
        return;
    p->verb = "Calls";
    add_calls(v, p, d, v->lines.first, v->lines.last);
}

static void say(const struct inventory *v, struct phrasing *p, struct detail *d) {
    bool defined =
        v->types.total || v->impls.total || v->callables || v->macros.total || v->constants.total;
    if (covers_most(v, v->cut))
        say_continued(v, p, d, v->cut);
    else if (v->cases.total && v->cases.total >= v->callables - v->cases.total) {
        p->verb = "Tests";
        add_part(p, (struct part){"", "the", "case", "cases", &v->cases});
    } else if (covers_most(v, v->lead) || (!defined && v->lead != SYMBOL_NONE))
        say_continued(v, p, d, v->lead);
    else if (defined)
        say_defined(v, p, d);
    else
        say_imports(v, p, d);
}

/* What the symbols say; false: nothing, or nothing that fits. */
static bool write_symbols(const struct inventory *v, int max_chars, struct buf *out) {
    struct phrasing p = {.text = v->c->tree->text};
    struct detail d = {.subject = {.n = 0}};
    say(v, &p, &d);
    if (p.n == 0 || (d.subject.total && !d.subject.n))
        return false;
    return phrasing_write(&p, max_chars, out);
}

/* Whether there is a comment and nothing else. */
static bool only_comments(const struct inventory *v) {
    const struct tree *t = v->c->tree;
    if (code_lines_count(&v->lines, v->lines.first, v->lines.last))
        return false;
    for (uint32_t i = 1; i < t->n; i++)
        if (t->v[i].end_row + 1 >= v->lines.first && t->v[i].first_row < v->lines.last &&
            (t->v[i].type == T_comment || t->v[i].type == T_line_comment ||
             t->v[i].type == T_block_comment))
            return true;
    return false;
}

static void write_range(const struct fallback_chunk *c, const char *verb, const char *path,
                        struct buf *out) {
    buf_clear(out);
    buf_str(out, verb);
    if (c->first_line == 1 && c->last_line == c->file_lines && c->last_line > 1)
        buf_printf(out, " all %" PRIu64 " lines", c->last_line);
    else if (c->first_line == c->last_line)
        buf_printf(out, " line %" PRIu64, c->first_line);
    else
        buf_printf(out, " lines %" PRIu64 "-%" PRIu64, c->first_line, c->last_line);
    if (*path)
        buf_str(out, " of ");
    phrasing_shown(out, path, strlen(path));
    buf_char(out, '.');
}

/* With the path, with the file's name, without either. */
static void write_lines(const struct fallback_chunk *c, bool comments, int max_chars,
                        struct buf *out) {
    const char *verb = comments ? "Holds only comments in" : "Holds";
    const char *slash = strrchr(c->path, '/');
    const char *const paths[] = {c->path, slash ? slash + 1 : c->path, ""};
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
        write_range(c, verb, paths[i], out);
        if (buf_failed(out) || utf8_length(out->data, out->len) <= (size_t)max_chars)
            return;
    }
    buf_clear(out);
    buf_str(out, comments ? "Holds only comments." : "Holds lines of a file.");
}

int fallback_rule(const struct fallback_chunk *c, int max_chars, struct buf *out, struct err *e) {
    struct inventory v = {.c = c};
    bool written = false, comments = false;
    int rc = 0;
    if (max_chars < FALLBACK_MIN_CHARS)
        return err_set(e, PRECIS_EUSAGE, "a line of %d characters is too short: at least %d",
                       max_chars, FALLBACK_MIN_CHARS);
    if (c->tree && c->symbols)
        rc = code_lines_find(c->tree, c->first_line, c->last_line, &v.lines, e);
    if (rc == 0 && v.lines.before) {
        take_all(&v);
        written = write_symbols(&v, max_chars, out);
        comments = !written && only_comments(&v);
    }
    if (rc == 0 && !written && !buf_failed(out))
        write_lines(c, comments, max_chars, out);
    code_lines_free(&v.lines);
    if (rc == 0 && buf_failed(out))
        rc = err_nomem(e, "line of a chunk");
    if (rc)
        buf_clear(out);
    return rc;
}
