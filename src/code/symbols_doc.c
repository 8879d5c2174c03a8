/* Where the docs of symbols, fields and files stand. */
#include <string.h>

#include "code/symbols_find.h"

static bool is_comment(enum tree_type type) {
    return type == T_comment || type == T_line_comment || type == T_block_comment;
}

static bool starts(const struct finder *f, uint32_t node, const char *text) {
    const struct tree_node *v = &f->t->v[node];
    size_t n = strlen(text);
    return v->end - v->start >= n && memcmp(f->t->text + v->start, text, n) == 0;
}

/* Whether it documents what follows it, by its marks. */
static bool is_doc(const struct finder *f, uint32_t node) {
    bool block = starts(f, node, "/**") && !starts(f, node, "/**/");
    switch (f->family) {
    case FAMILY_RUST:
        return (starts(f, node, "///") && !starts(f, node, "////")) ||
               (block && !starts(f, node, "/***"));
    case FAMILY_JAVA:
    case FAMILY_PHP:
        return block;
    case FAMILY_CSHARP:
        return starts(f, node, "///") || block;
    case FAMILY_JS:
        return starts(f, node, "//") || block;
    case FAMILY_RUBY:
    case FAMILY_BASH:
        return starts(f, node, "#") && !starts(f, node, "#!");
    case FAMILY_PYTHON:
        return false;
    default:
        return true;
    }
}

/* Languages where docs look different from other comments. */
static bool has_doc_marks(const struct finder *f) {
    return f->family == FAMILY_JAVA || f->family == FAMILY_RUST || f->family == FAMILY_CSHARP ||
           f->family == FAMILY_PHP;
}

static bool is_wrapper(const struct finder *f, uint32_t parent) {
    switch (finder_type(f, parent)) {
    case T_ambient_declaration:
    case T_decorated_definition:
    case T_export_statement:
    case T_expression_statement:
    case T_template_declaration:
        return true;
    case T_assignment_expression:
        return f->family == FAMILY_JS;
    case T_const_declaration: /* those may hold several */
    case T_lexical_declaration:
    case T_type_declaration:
    case T_var_declaration:
    case T_variable_declaration:
        return tree_child(f->t, parent, K_lparen) == TREE_NONE &&
               tree_child(f->t, parent, K_comma) == TREE_NONE &&
               tree_child(f->t, parent, T_var_spec_list) == TREE_NONE;
    default:
        return false;
    }
}

uint32_t finder_outer(const struct finder *f, uint32_t node) {
    for (;;) {
        uint32_t parent = f->t->v[node].parent;
        if (parent == TREE_NONE || parent == 0 || !is_wrapper(f, parent))
            return node;
        node = parent;
    }
}

/* What stands before a node; a Ruby body begins after the comment of its first statement. */
static uint32_t node_before(const struct finder *f, uint32_t node) {
    uint32_t before = f->before[node];
    if (before == TREE_NONE && finder_type(f, f->t->v[node].parent) == T_body_statement)
        before = f->before[f->t->v[node].parent];
    return before;
}

/* A comment behind something on the same line belongs to that. */
static bool is_trailing(const struct finder *f, uint32_t comment) {
    uint32_t before = node_before(f, comment);
    return before != TREE_NONE && f->t->v[before].end_row == f->t->v[comment].first_row;
}

static uint32_t end_of_text(const struct finder *f, uint32_t node) {
    uint32_t end = f->t->v[node].end;
    while (end > f->t->v[node].start && (unsigned char)f->t->text[end - 1] <= ' ')
        end--;
    return end;
}

/* How many lines further down the next thing may begin. */
static uint32_t reach(const struct finder *f, uint32_t comment) {
    return f->family == FAMILY_JS && starts(f, comment, "/**") ? 2 : 1;
}

/* The run of doc comments that ends before `node`, over attributes; *first is the first of these.
 */
static struct span doc_before(const struct finder *f, uint32_t node, uint32_t *first) {
    const struct tree *t = f->t;
    struct span doc = {0, 0};
    uint32_t row = t->v[node].first_row;
    bool block = false;
    for (uint32_t at = node_before(f, node); at != TREE_NONE; at = node_before(f, at)) {
        enum tree_type type = finder_type(f, at);
        if (type == T_attribute_item || type == T_decorator) {
            *first = t->v[at].start;
            row = t->v[at].first_row;
            continue;
        }
        /* Java and Rust programmers put plain comments between a doc and what it is about. */
        if (is_comment(type) && !is_doc(f, at) && !doc.end && !is_trailing(f, at) &&
            t->v[at].end_row + 1 >= row && has_doc_marks(f)) {
            row = t->v[at].first_row;
            continue;
        }
        if (!is_comment(type) || !is_doc(f, at) || block || is_trailing(f, at) ||
            t->v[at].end_row + reach(f, at) < row)
            break;
        /* One block, or lines; Rust may mix them. */
        block = starts(f, at, "/*") && f->family != FAMILY_RUST;
        if (block && doc.end)
            break;
        doc.start = t->v[at].start;
        if (!doc.end)
            doc.end = end_of_text(f, at);
        row = t->v[at].first_row;
    }
    return doc;
}

static uint32_t first_child(const struct tree *t, uint32_t node) {
    return node != TREE_NONE && node + 1 < t->v[node].next ? node + 1 : TREE_NONE;
}

/* The string that a Python body begins with. */
static struct span docstring(const struct finder *f, uint32_t body) {
    const struct tree *t = f->t;
    uint32_t at = first_child(t, body);
    while (at != TREE_NONE && finder_type(f, at) == T_comment)
        at = tree_sibling(t, at);
    at = finder_type(f, at) == T_expression_statement ? first_child(t, at) : TREE_NONE;
    enum tree_type type = finder_type(f, at);
    if (type != T_string && type != T_concatenated_string)
        return (struct span){0, 0};
    return (struct span){t->v[at].start, t->v[at].end};
}

/* `//!` and its like at the beginning of a Rust module. */
static struct span inner_doc(const struct finder *f, uint32_t body) {
    const struct tree *t = f->t;
    struct span doc = {0, 0};
    for (uint32_t at = first_child(t, body); at != TREE_NONE; at = tree_sibling(t, at)) {
        enum tree_type type = finder_type(f, at);
        if (starts(f, at, "//!") || starts(f, at, "/*!")) {
            doc.start = doc.end ? doc.start : t->v[at].start;
            doc.end = end_of_text(f, at);
        } else if (!is_comment(type) && type != T_inner_attribute_item && type != T_shebang &&
                   type != K_lbrace)
            break;
    }
    return doc;
}

void finder_doc(const struct finder *f, uint32_t outer, uint32_t body, struct symbol *s) {
    uint32_t first = s->range.start;
    s->doc = doc_before(f, outer, &first);
    s->range.start = first;
    if (s->doc.end)
        return;
    if (f->family == FAMILY_PYTHON)
        s->doc = docstring(f, body);
    else if (f->family == FAMILY_RUST && s->kind == SYMBOL_MODULE)
        s->doc = inner_doc(f, body);
    s->doc_inside = s->doc.end != 0;
}

struct span finder_field_doc(const struct finder *f, uint32_t outer) {
    const struct tree *t = f->t;
    uint32_t first;
    struct span doc = doc_before(f, outer, &first);
    if (doc.end || (f->family != FAMILY_C && f->family != FAMILY_GO && f->family != FAMILY_JS))
        return doc;
    uint32_t next = tree_sibling(t, outer);
    while (finder_type(f, next) == K_comma || finder_type(f, next) == K_semicolon)
        next = tree_sibling(t, next);
    if (next != TREE_NONE && is_comment(finder_type(f, next)) &&
        t->v[next].first_row == t->v[outer].end_row)
        doc = (struct span){t->v[next].start, end_of_text(f, next)};
    return doc;
}

static uint32_t find_word(const struct finder *f, struct span s, const char *word) {
    size_t n = strlen(word);
    for (uint32_t i = s.start; i + n <= s.end; i++)
        if (strncasecmp(f->t->text + i, word, n) == 0)
            return i;
    return s.end;
}

/* A comment up to the first line of a licence, without the paragraph that this line is in; empty
 * when the licence comes first. */
static struct span before_licence(const struct finder *f, struct span s) {
    static const char *const words[] = {"copyright", "license", "licence", "spdx-",
                                        "all rights reserved"};
    uint32_t at = s.end;
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        uint32_t found = find_word(f, (struct span){s.start, at}, words[i]);
        at = found < at ? found : at;
    }
    if (at == s.end)
        return s;
    bool blank = false; /* the line that ends at `at` has no letters so far */
    for (; at > s.start; at--) {
        char c = f->t->text[at - 1];
        if (c == '\n' && blank)
            break;
        if (c == '\n')
            blank = true;
        else if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9'))
            blank = false;
    }
    while (at > s.start && strchr(" *#/\n\r\t-=!", f->t->text[at - 1]))
        at--;
    return (struct span){s.start, at};
}

/* The first comment of the file that is neither a licence nor the doc of what follows. */
static struct span header_comment(const struct finder *f) {
    const struct tree *t = f->t;
    const struct span none = {0, 0};
    uint32_t at = first_child(t, 0);
    while (at != TREE_NONE) {
        enum tree_type type = finder_type(f, at);
        if (type == T_php_tag || type == T_hash_bang_line || starts(f, at, "#!") ||
            t->v[at].end == t->v[at].start) {
            at = tree_sibling(t, at);
            continue;
        }
        if (!is_comment(type))
            return none;
        struct span run = {t->v[at].start, end_of_text(f, at)};
        bool lines = !starts(f, at, "/*");
        uint32_t row = t->v[at].end_row;
        for (at = tree_sibling(t, at); lines && at != TREE_NONE; at = tree_sibling(t, at)) {
            if (!is_comment(finder_type(f, at)) || starts(f, at, "/*") ||
                t->v[at].first_row != row + 1)
                break;
            run.end = end_of_text(f, at);
            row = t->v[at].end_row;
        }
        if (f->out->n && f->out->v[0].doc.end >= run.end && f->out->v[0].doc.start <= run.start)
            return none;
        run = before_licence(f, run);
        if (run.end > run.start)
            return run;
    }
    return none;
}

/* The doc of a file's only type (Java, C#, PHP), or of its only documented definition (JS). */
static struct span doc_of_only(const struct finder *f) {
    const struct symbols *s = f->out;
    struct span doc = {0, 0};
    uint32_t n = 0;
    for (uint32_t i = 0; i < s->n; i++) {
        const struct symbol *v = &s->v[i];
        if (v->parent != SYMBOL_NONE && s->v[v->parent].kind != SYMBOL_NAMESPACE)
            continue;
        if (f->family == FAMILY_JS ? v->doc.end == 0 : !symbol_is_type(v->kind))
            continue;
        n++;
        doc = v->doc;
    }
    return n == 1 ? doc : (struct span){0, 0};
}

struct span finder_file_doc(const struct finder *f) {
    uint32_t first;
    struct span doc;
    uint32_t package;
    switch (f->family) {
    case FAMILY_RUST:
        return inner_doc(f, 0);
    case FAMILY_PYTHON:
        return docstring(f, 0);
    case FAMILY_GO:
        package = tree_child(f->t, 0, T_package_clause);
        return package == TREE_NONE ? (struct span){0, 0} : doc_before(f, package, &first);
    case FAMILY_JAVA:
    case FAMILY_CSHARP:
    case FAMILY_PHP:
    case FAMILY_JS:
        doc = header_comment(f);
        return doc.end ? doc : doc_of_only(f);
    default:
        return header_comment(f);
    }
}
