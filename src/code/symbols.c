#include "code/symbols.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "code/symbols_find.h"

void symbols_free(struct symbols *s) {
    free(s->v);
    free(s->fields);
    *s = (struct symbols){0};
}

uint32_t symbols_at(const struct symbols *s, uint32_t byte) {
    uint32_t low = 0;
    uint32_t n = s->n;
    while (low < n) {
        uint32_t middle = low + (n - low) / 2;
        if (s->v[middle].range.start <= byte)
            low = middle + 1;
        else
            n = middle;
    }
    /* The last that begins before it, or one around that. */
    uint32_t at = low ? low - 1 : SYMBOL_NONE;
    while (at != SYMBOL_NONE && s->v[at].range.end <= byte)
        at = s->v[at].parent;
    return at;
}

bool symbol_is_callable(enum symbol_kind kind) {
    return kind == SYMBOL_FUNCTION || kind == SYMBOL_METHOD || kind == SYMBOL_CONSTRUCTOR;
}

bool symbol_is_type(enum symbol_kind kind) {
    return kind >= SYMBOL_STRUCT && kind <= SYMBOL_TYPE;
}

const char *symbol_kind_name(enum symbol_kind kind) {
    static const char *const names[SYMBOL_KINDS] = {
        "function", "method", "constructor", "struct", "class",     "enum",  "union",   "interface",
        "trait",    "type",   "impl",        "module", "namespace", "macro", "constant"};
    return names[kind];
}

static bool is_attribute(enum tree_type type) {
    return type == T_attribute_item || type == T_attribute_list || type == T_decorator ||
           type == T_annotation || type == T_marker_annotation || type == T_attribute_declaration;
}

static bool is_comment(enum tree_type type) {
    return type == T_comment || type == T_line_comment || type == T_block_comment;
}

/* Where a definition begins when attributes, decorators and annotations are left out. */
static uint32_t signature_start(const struct finder *f, uint32_t outer) {
    const struct tree *t = f->t;
    uint32_t at = outer;
    if (finder_type(f, outer) == T_decorated_definition)
        at = tree_field(t, outer, F_definition);
    if (at == TREE_NONE)
        return t->v[outer].start;
    for (uint32_t i = at + 1; i < t->v[at].next;) {
        enum tree_type type = finder_type(f, i);
        if (type == T_modifiers) /* Java has annotations among them */
            i++;
        else if (is_attribute(type) || is_comment(type))
            i = t->v[i].next;
        else
            return t->v[i].start;
    }
    return t->v[at].start;
}

static struct span trimmed(const struct tree *t, uint32_t start, uint32_t end) {
    while (end > start && (unsigned char)t->text[end - 1] <= ' ')
        end--;
    return (struct span){start, end};
}

static struct span signature_of(const struct finder *f, const struct found *s, uint32_t outer) {
    uint32_t start = signature_start(f, outer);
    uint32_t end = s->body != TREE_NONE ? f->t->v[s->body].start : f->t->v[outer].end;
    if (f->family == FAMILY_C && s->kind != SYMBOL_MACRO &&
        finder_type(f, s->node) == T_function_definition)
        end = f->t->v[tree_field(f->t, s->node, F_declarator)].end; /* before initialisers */
    if (s->kind == SYMBOL_MACRO && f->family == FAMILY_RUST)
        end = f->t->v[s->name].end;
    if (f->family == FAMILY_RUBY && s->kind != SYMBOL_CONSTANT) {
        uint32_t last = tree_field(f->t, s->node, F_parameters);
        last = last == TREE_NONE ? tree_field(f->t, s->node, F_superclass) : last;
        end = f->t->v[last == TREE_NONE ? s->name : last].end;
    }
    return trimmed(f->t, start, end > start ? end : start);
}

static bool has_word(const struct finder *f, uint32_t from, uint32_t to, const char *word) {
    return to > from && memmem(f->t->text + from, to - from, word, strlen(word)) != NULL;
}

static bool is_public(const struct finder *f, const struct symbol *s, uint32_t outer) {
    const char *text = f->t->text;
    char first = s->name.end > s->name.start ? text[s->name.start] : 0;
    uint32_t from = s->signature.start;
    uint32_t to = s->name.start; /* what stands before the name */
    switch (f->family) {
    case FAMILY_RUST:
        if (s->parent != SYMBOL_NONE && f->out->v[s->parent].kind == SYMBOL_TRAIT)
            return true;
        return s->kind == SYMBOL_MACRO ? has_word(f, s->range.start, from, "macro_export")
                                       : has_word(f, from, to, "pub");
    case FAMILY_C:
        return !has_word(f, from, to, "static");
    case FAMILY_PYTHON:
        return first != '_';
    case FAMILY_GO:
        return first >= 'A' && first <= 'Z';
    case FAMILY_JAVA:
    case FAMILY_CSHARP:
        return has_word(f, from, to, "public") ||
               (s->parent != SYMBOL_NONE && f->out->v[s->parent].kind == SYMBOL_INTERFACE);
    case FAMILY_PHP:
        return !has_word(f, from, to, "private") && !has_word(f, from, to, "protected");
    case FAMILY_JS:
        if (s->kind == SYMBOL_METHOD || s->kind == SYMBOL_CONSTRUCTOR)
            return first != '#' && !has_word(f, from, to, "private") &&
                   !has_word(f, from, to, "protected");
        return finder_type(f, outer) == T_export_statement || has_word(f, from, to, "exports");
    default:
        return true;
    }
}

static int add_symbol(struct finder *f, const struct found *found) {
    struct symbols *out = f->out;
    const struct tree *t = f->t;
    if (!array_grow((void **)&out->v, out->n, &f->cap, sizeof *out->v))
        return PRECIS_ENOMEM;
    uint32_t outer = finder_outer(f, found->node);
    struct symbol s = {.kind = found->kind,
                       .name = {t->v[found->name].start, t->v[found->name].end},
                       .range = trimmed(t, t->v[outer].start, t->v[outer].end),
                       .signature = signature_of(f, found, outer),
                       .parent = f->current,
                       .node = found->node};
    if (found->owner != TREE_NONE)
        s.owner = (struct span){t->v[found->owner].start, t->v[found->owner].end};
    if (found->body != TREE_NONE)
        s.body = (struct span){t->v[found->body].start, t->v[found->body].end};
    finder_doc(f, outer, found->body, &s);
    uint32_t row = t->v[outer].first_row;
    for (uint32_t i = s.range.start; i < t->v[outer].start; i++)
        row -= t->text[i] == '\n';
    s.first_line = row + 1;
    s.last_line = t->v[outer].end_row + 1;
    s.is_public = is_public(f, &s, outer);
    f->current = out->n;
    out->v[out->n++] = s;
    return 0;
}

static int add_field(struct finder *f, uint32_t node, uint32_t name) {
    struct symbols *out = f->out;
    const struct tree *t = f->t;
    if (!array_grow((void **)&out->fields, out->field_count, &f->field_cap, sizeof *out->fields))
        return PRECIS_ENOMEM;
    uint32_t outer = f->family == FAMILY_PYTHON ? finder_outer(f, node) : node;
    out->fields[out->field_count++] =
        (struct symbol_field){.owner = f->current,
                              .name = {t->v[name].start, t->v[name].end},
                              .range = trimmed(t, t->v[node].start, t->v[node].end),
                              .doc = finder_field_doc(f, outer)};
    f->fields_end = t->v[node].next;
    return 0;
}

/* A field belongs to the type around it, and not to a field of that. */
static bool is_field_place(const struct finder *f, uint32_t node) {
    enum tree_type around = finder_type(f, f->t->v[node].parent);
    if (f->current == SYMBOL_NONE || node < f->fields_end)
        return false;
    if (finder_type(f, node) == T_property_identifier && around != T_enum_body)
        return false;
    return symbol_is_type(f->out->v[f->current].kind);
}

static int look_at(struct finder *f, uint32_t node) {
    struct rule rule = finder_rule(f->t->v[node].type);
    if (!rule.what || node == 0)
        return 0;
    if (rule.what & RULE_LEVEL && finder_in_callable(f))
        return 0;
    bool is_field = rule.what & RULE_FIELD;
    struct found found = finder_look(f, node, is_field ? SYMBOL_KINDS : rule.kind);
    const struct tree_node *name = found.name == TREE_NONE ? NULL : &f->t->v[found.name];
    if (found.kind == SYMBOL_KINDS || (name && name->start == name->end)) /* or a missing name */
        found.name = TREE_NONE;
    /* Members that hold a value are fields of their class. */
    if (found.name != TREE_NONE && found.kind == SYMBOL_CONSTANT && f->current != SYMBOL_NONE &&
        symbol_is_type(f->out->v[f->current].kind) && f->family != FAMILY_RUST) {
        return node < f->fields_end ? 0 : add_field(f, node, found.name);
    }
    if (found.name != TREE_NONE && !((rule.what & RULE_BODY) && found.body == TREE_NONE))
        return add_symbol(f, &found);
    if (is_field && is_field_place(f, node)) {
        uint32_t of_field = finder_field_name(f, node);
        return of_field == TREE_NONE ? 0 : add_field(f, node, of_field);
    }
    return 0;
}

enum family finder_family(const struct lang *lang) {
    static const struct {
        const char *name;
        enum family family;
    } table[] = {{"bash", FAMILY_BASH},     {"c", FAMILY_C},           {"cpp", FAMILY_C},
                 {"csharp", FAMILY_CSHARP}, {"go", FAMILY_GO},         {"java", FAMILY_JAVA},
                 {"php", FAMILY_PHP},       {"python", FAMILY_PYTHON}, {"ruby", FAMILY_RUBY},
                 {"rust", FAMILY_RUST}};
    for (size_t i = 0; lang && i < sizeof table / sizeof *table; i++)
        if (strcmp(lang->name, table[i].name) == 0)
            return table[i].family;
    return FAMILY_JS;
}

static int by_owner(const void *a, const void *b) {
    const struct symbol_field *x = a;
    const struct symbol_field *y = b;
    if (x->owner != y->owner)
        return x->owner < y->owner ? -1 : 1;
    return x->range.start < y->range.start ? -1 : x->range.start > y->range.start;
}

static void gather_fields(struct symbols *s) {
    if (s->field_count)
        qsort(s->fields, s->field_count, sizeof *s->fields, by_owner);
    for (uint32_t i = s->field_count; i-- > 0;) {
        struct symbol *owner = &s->v[s->fields[i].owner];
        owner->first_field = i;
        owner->field_count++;
    }
}

static void link_siblings(struct finder *f) {
    const struct tree *t = f->t;
    f->before[0] = TREE_NONE;
    for (uint32_t i = 0; i < t->n; i++) {
        uint32_t last = TREE_NONE;
        for (uint32_t c = i + 1; c < t->v[i].next; c = t->v[c].next) {
            f->before[c] = last;
            last = c;
        }
    }
}

int symbols_find(const struct tree *t, struct symbols *out, struct err *e) {
    struct finder f = {
        .t = t, .family = finder_family(t->lang), .out = out, .current = SYMBOL_NONE};
    int rc = 0;
    *out = (struct symbols){0};
    f.before = malloc(t->n * sizeof *f.before);
    if (!f.before)
        return err_nomem(e, "symbols");
    link_siblings(&f);
    for (uint32_t i = 0; i < t->n && rc == 0; i++) {
        while (f.current != SYMBOL_NONE && i >= t->v[out->v[f.current].node].next)
            f.current = out->v[f.current].parent;
        rc = look_at(&f, i);
    }
    if (rc == 0) {
        gather_fields(out);
        out->file_doc = finder_file_doc(&f);
    } else {
        symbols_free(out);
        err_nomem(e, "symbols");
    }
    free(f.before);
    return rc;
}
