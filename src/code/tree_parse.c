/* The only file that includes tree-sitter's header. */
#include <tree_sitter/api.h>

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "code/tree.h"
#include "code/tree_heap.h"
#include "code/tree_macros.h"

/* What one parse may take. Ordinary text takes 30 to 150 bytes of memory and about one step for a
 * byte of it. */
static const size_t most_memory = (size_t)1 << 29;
enum { STEPS_FOR_ALL = 100000, STEPS_A_BYTE = 40, STEPS_A_CALL = 100 };

/* A text of which more than 1 / ERROR_SHARE does not parse is of another language, or broken. */
enum { ERROR_SHARE = 4, CPP_SHARE = 50 };

/* Macros around items are opened to this depth, if at most 1 / MACRO_ERRORS then does not parse. */
enum { MACRO_DEPTH = 3, MACRO_ERRORS = 100 };

/* Grammar, language. */
#define GRAMMARS(X)                                                                                \
    X(bash, "bash")                                                                                \
    X(c, "c")                                                                                      \
    X(c_sharp, "csharp")                                                                           \
    X(cpp, "cpp")                                                                                  \
    X(go, "go")                                                                                    \
    X(java, "java")                                                                                \
    X(javascript, "javascript")                                                                    \
    X(php, "php")                                                                                  \
    X(python, "python")                                                                            \
    X(ruby, "ruby")                                                                                \
    X(rust, "rust")                                                                                \
    X(tsx, "tsx")                                                                                  \
    X(typescript, "typescript")

#define DECLARE(name, language) const TSLanguage *tree_sitter_##name(void);
GRAMMARS(DECLARE)
#define NAME_ID(name, language) G_##name,
enum grammar_id { GRAMMARS(NAME_ID) GRAMMAR_COUNT };

/* A grammar's own numbers for node types and fields, as ours. */
struct grammar {
    const TSLanguage *(*get)(void);
    const char *lang;
    const TSLanguage *language;
    uint16_t *types; /* [symbols] */
    uint8_t *fields; /* [fields + 1] */
    uint32_t symbols, field_count;
};

#define GRAMMAR(name, its_lang) [G_##name] = {.get = tree_sitter_##name, .lang = (its_lang)},
static struct grammar grammars[GRAMMAR_COUNT] = {GRAMMARS(GRAMMAR)};

/* Languages whose names are not their grammars'. */
static const struct {
    const char *lang;
    enum grammar_id grammar;
} others[] = {{"arduino", G_cpp}, {"cuda", G_cpp}, {"starlark", G_python}};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* of what grammars[] gets at first use */

#define TEXT(id, text) text,
static const char *const node_names[] = {TREE_NODES(TEXT)};
static const char *const token_names[] = {TREE_TOKENS(TEXT)};
static const char *const field_names[] = {TREE_FIELDS(TEXT)};
#define COUNT(table) (sizeof(table) / sizeof *(table))

/* 1 + the place of a name in a sorted table; 0: it is not there. */
static size_t place_of(const char *const *table, size_t n, const char *name) {
    size_t low = 0;
    while (low < n) {
        size_t middle = low + (n - low) / 2;
        int order = strcmp(name, table[middle]);
        if (order == 0)
            return middle + 1;
        if (order < 0)
            n = middle;
        else
            low = middle + 1;
    }
    return 0;
}

static uint16_t type_of(const TSLanguage *language, TSSymbol symbol) {
    const char *name = ts_language_symbol_name(language, symbol);
    size_t place = 0;
    switch (ts_language_symbol_type(language, symbol)) {
    case TSSymbolTypeRegular:
        place = place_of(node_names, COUNT(node_names), name);
        break;
    case TSSymbolTypeAnonymous:
        place = place_of(token_names, COUNT(token_names), name);
        if (place)
            place += COUNT(node_names);
        break;
    default:
        break;
    }
    return (uint16_t)place;
}

static int grammar_open(struct grammar *g, struct err *e) {
    const TSLanguage *language = g->get();
    g->symbols = ts_language_symbol_count(language);
    g->field_count = ts_language_field_count(language);
    uint16_t *types = malloc(g->symbols * sizeof *types);
    uint8_t *fields = calloc(g->field_count + 1, 1);
    if (!types || !fields) {
        free(types);
        free(fields);
        return err_nomem(e, "a grammar");
    }
    for (uint32_t i = 0; i < g->symbols; i++)
        types[i] = type_of(language, (TSSymbol)i);
    for (uint32_t i = 1; i <= g->field_count; i++)
        fields[i] = (uint8_t)place_of(field_names, COUNT(field_names),
                                      ts_language_field_name_for_id(language, (TSFieldId)i));
    g->types = types;
    g->fields = fields;
    g->language = language;
    return 0;
}

/* Makes a grammar ready: once, and for all threads. */
static int grammar_use(struct grammar *g, struct err *e) {
    static bool set;
    int rc = 0;
    pthread_mutex_lock(&lock);
    if (!set)
        ts_set_allocator(tree_heap_malloc, tree_heap_calloc, tree_heap_realloc, tree_heap_free);
    set = true;
    if (!g->language)
        rc = grammar_open(g, e);
    pthread_mutex_unlock(&lock);
    return rc;
}

static struct grammar *grammar_of(const struct lang *lang) {
    for (size_t i = 0; lang && i < COUNT(others); i++)
        if (strcmp(lang->name, others[i].lang) == 0)
            return &grammars[others[i].grammar];
    for (size_t i = 0; lang && i < GRAMMAR_COUNT; i++)
        if (strcmp(lang->name, grammars[i].lang) == 0)
            return &grammars[i];
    return NULL;
}

const char *tree_missing(void) {
    return NULL;
}

bool tree_knows(const struct lang *lang) {
    return grammar_of(lang) != NULL;
}

struct parse {
    const struct grammar *grammar;
    const char *source; /* what is parsed: the tree's text, or one as long in its place */
    struct tree *tree;
    uint64_t steps, most_steps;
    size_t cap;
    bool no_memory; /* for tree->v */
    bool refused;
};

static bool count_steps(TSParseState *state) {
    struct parse *p = state->payload;
    p->steps += STEPS_A_CALL;
    return p->steps > p->most_steps;
}

struct source {
    const char *text;
    uint32_t size;
};

static const char *read_source(void *payload, uint32_t at, TSPoint point, uint32_t *n) {
    const struct source *s = payload;
    (void)point;
    *n = at < s->size ? s->size - at : 0;
    return *n ? s->text + at : "";
}

static bool add_node(struct parse *p, const TSTreeCursor *cursor, uint32_t parent) {
    struct tree *t = p->tree;
    if (!array_grow((void **)&t->v, t->n, &p->cap, sizeof *t->v)) {
        p->no_memory = true;
        return false;
    }
    TSNode node = ts_tree_cursor_current_node(cursor);
    TSSymbol symbol = ts_node_symbol(node);
    TSPoint last = ts_node_end_point(node);
    TSFieldId field = ts_tree_cursor_current_field_id(cursor);
    struct tree_node *v = &t->v[t->n++];
    *v = (struct tree_node){.start = ts_node_start_byte(node),
                            .end = ts_node_end_byte(node),
                            .first_row = ts_node_start_point(node).row,
                            .end_row = last.row,
                            .parent = parent,
                            .next = t->n,
                            .symbol = symbol};
    if (last.column == 0 && v->end_row > v->first_row)
        v->end_row--;
    if (symbol < p->grammar->symbols)
        v->type = p->grammar->types[symbol];
    if (field <= p->grammar->field_count)
        v->field = p->grammar->fields[field];
    v->flags = (uint8_t)((ts_node_is_named(node) ? TREE_NAMED : 0) |
                         (ts_node_is_error(node) ? TREE_ERROR : 0) |
                         (ts_node_is_missing(node) ? TREE_MISSING : 0) |
                         (ts_node_is_extra(node) ? TREE_EXTRA : 0));
    return true;
}

/* The tree as an array, without recursion: a node's `next` is known when the walk leaves it. */
static void flatten(struct parse *p, TSTree *from) {
    struct tree *t = p->tree;
    TSTreeCursor cursor = ts_tree_cursor_new(ts_tree_root_node(from));
    if (!add_node(p, &cursor, TREE_NONE))
        return;
    uint32_t at = 0;
    for (;;) {
        if (ts_tree_cursor_goto_first_child(&cursor)) {
            if (!add_node(p, &cursor, at))
                return;
            at = t->n - 1;
            continue;
        }
        while (!ts_tree_cursor_goto_next_sibling(&cursor)) {
            t->v[at].next = t->n;
            at = t->v[at].parent;
            if (at == TREE_NONE)
                return;
            ts_tree_cursor_goto_parent(&cursor);
        }
        t->v[at].next = t->n;
        if (!add_node(p, &cursor, t->v[at].parent))
            return;
        at = t->n - 1;
    }
}

static void parse_work(void *user) {
    struct parse *p = user;
    struct source source = {p->source, (uint32_t)p->tree->size};
    TSParser *parser = ts_parser_new();
    if (!ts_parser_set_language(parser, p->grammar->language)) {
        p->refused = true;
        return;
    }
    TSTree *tree = ts_parser_parse_with_options(
        parser, NULL, (TSInput){.payload = &source, .read = read_source},
        (TSParseOptions){.payload = p, .progress_callback = count_steps});
    if (tree)
        flatten(p, tree);
}

static uint32_t count_print(const char *s, uint32_t from, uint32_t to) {
    uint32_t n = 0;
    for (uint32_t i = from; i < to; i++)
        n += (unsigned char)s[i] > ' ';
    return n;
}

/* In errors, what is no construct of several parts and no comment: loose tokens and skipped text.
 */
static uint32_t error_bytes(const struct tree *t) {
    uint32_t bytes = 0;
    for (uint32_t i = 0; i < t->n; i++) {
        if (!(t->v[i].flags & TREE_ERROR))
            continue;
        uint32_t from = t->v[i].start;
        for (uint32_t c = i + 1; c < t->v[i].next; c = t->v[c].next) {
            if (t->v[c].next == c + 1 && !(t->v[c].flags & (TREE_EXTRA | TREE_ERROR)))
                continue;
            bytes += count_print(t->text, from, t->v[c].start);
            from = t->v[c].end;
        }
        bytes += count_print(t->text, from, t->v[i].end);
    }
    return bytes;
}

static int parse_with(struct grammar *g, const char *text, const char *source, size_t size,
                      struct tree *out, struct err *e) {
    struct parse p = {.grammar = g,
                      .source = source,
                      .tree = out,
                      .most_steps = STEPS_FOR_ALL + (uint64_t)STEPS_A_BYTE * size};
    *out = (struct tree){.lang = lang_by_name(g->lang), .text = text, .size = size};
    int rc = grammar_use(g, e);
    if (rc == 0) {
        rc = tree_heap_run(most_memory, parse_work, &p);
        if (rc == PRECIS_ENOMEM || p.no_memory)
            rc = err_nomem(e, "a syntax tree");
        else if (rc)
            err_set(e, rc, "its syntax tree would take more than %zu MB", most_memory >> 20);
        else if (p.refused)
            rc = err_set(e, PRECIS_EUNSUPPORTED, "the grammar of %s is of another tree-sitter",
                         g->lang);
        else if (out->n == 0)
            rc = err_set(e, PRECIS_ELIMIT, "parsing it takes more than %llu steps",
                         (unsigned long long)p.most_steps);
    }
    if (rc)
        tree_free(out);
    else
        out->error_bytes = error_bytes(out);
    return rc;
}

static void replace(struct tree *t, struct tree *by) {
    tree_free(t);
    *t = *by;
}

/* A header says nothing of which of the two languages it is in. */
static void try_cpp(struct tree *t) {
    struct tree cpp;
    if (parse_with(&grammars[G_cpp], t->text, t->text, t->size, &cpp, NULL))
        return;
    if (cpp.error_bytes < t->error_bytes / 4 * 3)
        replace(t, &cpp);
    else
        tree_free(&cpp);
}

/* Parses again without the macros around items, from the outside to the inside. */
static int open_macros(struct tree *t, struct err *e) {
    char *copy = malloc(t->size + 1);
    if (!copy) {
        tree_free(t);
        return err_nomem(e, "macros");
    }
    memcpy(copy, t->text, t->size);
    for (int depth = 0; depth < MACRO_DEPTH && tree_open_macros(t, copy); depth++) {
        struct tree opened;
        int rc = parse_with(&grammars[G_rust], t->text, copy, t->size, &opened, e);
        if (rc == PRECIS_ENOMEM) {
            tree_free(t);
            free(copy);
            return rc;
        }
        if (rc)
            break;
        bool better = opened.error_bytes <= t->error_bytes + t->size / MACRO_ERRORS;
        if (better)
            replace(t, &opened);
        else
            tree_free(&opened);
        if (!better)
            break;
    }
    free(copy);
    return 0;
}

int tree_parse(const struct lang *lang, const char *text, size_t size, struct tree *out,
               struct err *e) {
    struct grammar *g = grammar_of(lang);
    *out = (struct tree){0};
    if (!g)
        return err_set(e, PRECIS_EUNSUPPORTED, "no grammar for %s", lang ? lang->name : "it");
    if (size > TREE_MAX_BYTES)
        return err_set(e, PRECIS_ELIMIT, "%zu bytes are more than the %d that are parsed", size,
                       TREE_MAX_BYTES);
    int rc = parse_with(g, text, text, size, out, e);
    if (rc)
        return rc;
    if (g == &grammars[G_c] && out->error_bytes > size / CPP_SHARE)
        try_cpp(out);
    if (g == &grammars[G_rust])
        rc = open_macros(out, e);
    if (rc)
        return rc;
    if (out->error_bytes > size / ERROR_SHARE) {
        unsigned percent = (unsigned)((uint64_t)out->error_bytes * 100 / size);
        rc = err_set(e, PRECIS_EINPUT, "%u %% of it does not parse as %s", percent,
                     out->lang->title);
        tree_free(out);
    }
    return rc;
}

const char *tree_type_name(const struct tree *t, uint32_t node) {
    struct grammar *g = grammar_of(t->lang);
    return ts_language_symbol_name(g->language, t->v[node].symbol);
}
