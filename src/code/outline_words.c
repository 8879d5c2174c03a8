#include "code/outline_words.h"

#include <stdlib.h>
#include <string.h>

/* Names that are called everywhere and so tell nothing. */
static const char *const common_calls[] = {
    "Err",       "Ok",        "Some",      "append",  "apply",   "as_mut",    "as_ref",
    "assert",    "assert_eq", "assert_ne", "await",   "bind",    "bool",      "call",
    "cap",       "catch",     "clone",     "cmp",     "collect", "contains",  "copy",
    "debug",     "default",   "delete",    "deref",   "dict",    "echo",      "each",
    "empty",     "enumerate", "eq",        "equals",  "err",     "error",     "exit",
    "expect",    "extend",    "filter",    "first",   "fmt",     "for_each",  "forEach",
    "format",    "free",      "from",      "get",     "getattr", "has",       "hasOwnProperty",
    "hash",      "hasattr",   "index",     "indexOf", "info",    "insert",    "int",
    "into",      "is_empty",  "is_err",    "is_none", "is_ok",   "is_some",   "isinstance",
    "items",     "iter",      "join",      "keys",    "last",    "len",       "length",
    "list",      "log",       "make",      "map",     "map_err", "match",     "max",
    "memcpy",    "memset",    "min",       "new",     "next",    "ok",        "open",
    "panic",     "pop",       "print",     "printf",  "println", "push",      "raise",
    "range",     "remove",    "repr",      "require", "return",  "set",       "size",
    "sizeof",    "slice",     "sort",      "split",   "str",     "strlen",    "substring",
    "super",     "swap",      "take",      "test",    "then",    "toString",  "to_owned",
    "to_string", "trim",      "tuple",     "type",    "unwrap",  "unwrap_or", "values",
    "vec",       "warn",      "with",      "write"};

static bool is_common(const char *s, size_t n) {
    char name[24];
    if (n >= sizeof name)
        return false;
    memcpy(name, s, n);
    name[n] = 0;
    /* Few enough to look through. */
    for (size_t i = 0; i < sizeof common_calls / sizeof *common_calls; i++)
        if (strcmp(name, common_calls[i]) == 0)
            return true;
    return false;
}

static void add(struct outline_words *w, const struct tree *t, struct span text, uint32_t score,
                uint32_t again) {
    uint32_t n = text.end - text.start;
    for (uint32_t i = 0; i < w->n; i++) {
        struct span have = w->v[i].text;
        if (have.end - have.start == n &&
            memcmp(t->text + have.start, t->text + text.start, n) == 0) {
            w->v[i].score += again;
            return;
        }
    }
    if (w->n < OUTLINE_WORDS)
        w->v[w->n++] = (struct outline_word){text, score};
}

/* Down to the name of what is called: the last part of a path. */
static uint32_t last_name(const struct tree *t, uint32_t node) {
    static const enum tree_field parts[] = {F_field, F_property, F_attribute, F_name, F_function};
    for (;;) {
        uint32_t inner = TREE_NONE;
        for (size_t i = 0; i < sizeof parts / sizeof *parts && inner == TREE_NONE; i++)
            inner = tree_field(t, node, parts[i]);
        if (inner == TREE_NONE)
            return node != TREE_NONE && t->v[node].next == node + 1 ? node : TREE_NONE;
        node = inner;
    }
}

static uint32_t called(const struct tree *t, uint32_t node) {
    uint32_t of = TREE_NONE;
    switch (t->v[node].type) {
    case T_call_expression:
    case T_function_call_expression:
    case T_invocation_expression:
        of = tree_field(t, node, F_function);
        break;
    case T_call:
        of = tree_field(t, node, F_function);
        of = of == TREE_NONE ? tree_field(t, node, F_method) : of;
        break;
    case T_macro_invocation:
        of = tree_field(t, node, F_macro);
        break;
    case T_method_invocation:
    case T_member_call_expression:
    case T_scoped_call_expression:
        of = tree_field(t, node, F_name);
        break;
    case T_new_expression:
        of = tree_field(t, node, F_constructor);
        break;
    case T_object_creation_expression:
        of = tree_field(t, node, F_type);
        break;
    case T_command:
        of = tree_field(t, node, F_name);
        of = of == TREE_NONE ? of : of + 1;
        break;
    default:
        break;
    }
    return last_name(t, of);
}

static bool is_defined(const struct tree *t, const struct symbols *s, struct span name,
                       uint32_t first, uint32_t last) {
    uint32_t n = name.end - name.start;
    for (uint32_t i = 0; i < s->n && s->v[i].first_line <= last + 1; i++)
        if (s->v[i].last_line > first && s->v[i].name.end - s->v[i].name.start == n &&
            memcmp(t->text + s->v[i].name.start, t->text + name.start, n) == 0)
            return true;
    return false;
}

static void add_call(const struct tree *t, uint32_t node, struct outline_words *calls) {
    uint32_t name = called(t, node);
    if (name == TREE_NONE)
        return;
    struct span text = {t->v[name].start, t->v[name].end};
    const char *s = t->text + text.start;
    uint32_t n = text.end - text.start;
    uint32_t parts = 0;
    if (n < 3 || n > 48 || is_common(s, n))
        return;
    for (uint32_t i = 1; i < n; i++)
        parts += s[i] == '_' || (s[i] >= 'A' && s[i] <= 'Z' && s[i - 1] >= 'a');
    add(calls, t, text, n + 6 * (parts < 4 ? parts : 4), 3);
}

static void add_string(const struct tree *t, uint32_t node, struct outline_words *strings) {
    uint16_t type = t->v[node].type;
    if (type != T_string_literal && type != T_string && type != T_interpreted_string_literal &&
        type != T_raw_string_literal && type != T_encapsed_string && type != T_raw_string)
        return;
    uint32_t start = t->v[node].start;
    uint32_t end = t->v[node].end;
    uint32_t letters = 0;
    bool blank = false;
    uint32_t parent = t->v[node].parent;
    /* A docstring, an import. */
    if (parent != TREE_NONE &&
        (t->v[parent].type == T_expression_statement || t->v[parent].type == T_import_statement ||
         t->v[parent].type == T_import_spec || t->v[parent].type == T_preproc_include))
        return;
    while (start < end && strchr("rbuLRBfF@$#", t->text[start]) && t->text[start])
        start++;
    while (start < end && strchr("\"'`", t->text[start]) && t->text[start])
        start++;
    while (end > start && strchr("\"'`#", t->text[end - 1]) && t->text[end - 1])
        end--;
    for (uint32_t i = start; i < end; i++) {
        char c = t->text[i];
        if ((unsigned char)c < ' ' || c == '\\')
            return;
        letters += (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (unsigned char)c >= 0x80;
        blank |= c == ' ';
    }
    if (letters < 4 || end - start > 60 || letters * 2 < end - start)
        return;
    add(strings, t, (struct span){start, end}, (end - start) + (blank ? 20 : 0), 2);
}

static void add_import(const struct tree *t, uint32_t node, struct outline_words *imports) {
    uint32_t of = TREE_NONE;
    switch (t->v[node].type) {
    case T_import_spec:
    case T_preproc_include:
        of = tree_field(t, node, F_path);
        break;
    case T_use_declaration:
        of = tree_field(t, node, F_argument);
        break;
    case T_import_from_statement:
        of = tree_field(t, node, F_module_name);
        break;
    case T_import_statement:
        of = tree_field(t, node, F_source);
        of = of == TREE_NONE ? tree_field(t, node, F_name) : of;
        break;
    case T_import_declaration: /* Java; Go's has specs */
    case T_using_directive:
    case T_namespace_use_declaration:
        for (of = node + 1; of != TREE_NONE && of < t->v[node].next; of = tree_sibling(t, of))
            if (t->v[of].flags & TREE_NAMED && t->v[of].type != T_import_spec &&
                t->v[of].type != T_import_spec_list)
                break;
        break;
    default:
        return;
    }
    if (of == TREE_NONE || of >= t->v[node].next)
        return;
    struct span text = {t->v[of].start, t->v[of].end};
    while (text.start < text.end && strchr("\"'<", t->text[text.start]) && t->text[text.start])
        text.start++;
    while (text.end > text.start && strchr("\"'>", t->text[text.end - 1]) && t->text[text.end - 1])
        text.end--;
    if (text.end - text.start > 0 && text.end - text.start <= 60)
        add(imports, t, text, 1, 0);
}

void outline_gather(const struct tree *t, const struct symbols *s, uint32_t first, uint32_t last,
                    struct outline_words *calls, struct outline_words *strings,
                    struct outline_words *imports) {
    for (uint32_t i = 0; i < t->n;) {
        const struct tree_node *v = &t->v[i];
        if (v->end_row < first || v->first_row > last) {
            i = v->next;
            continue;
        }
        if (v->first_row >= first && v->flags & TREE_NAMED) {
            add_call(t, i, calls);
            add_string(t, i, strings);
            add_import(t, i, imports);
        }
        i++;
    }
    uint32_t kept = 0;
    for (uint32_t i = 0; i < calls->n; i++)
        if (!is_defined(t, s, calls->v[i].text, first, last))
            calls->v[kept++] = calls->v[i];
    calls->n = kept;
}

static int by_score(const void *a, const void *b) {
    const struct outline_word *x = a;
    const struct outline_word *y = b;
    if (x->score != y->score)
        return x->score > y->score ? -1 : 1;
    return x->text.start < y->text.start ? -1 : x->text.start > y->text.start;
}

void outline_sort(struct outline_words *w) {
    if (w->n)
        qsort(w->v, w->n, sizeof *w->v, by_score);
}
