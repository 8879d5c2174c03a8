#include "code/metrics_rules.h"

#include <string.h>

enum {
    BASH = 1 << FAMILY_BASH,
    C = 1 << FAMILY_C,
    CSHARP = 1 << FAMILY_CSHARP,
    GO = 1 << FAMILY_GO,
    JAVA = 1 << FAMILY_JAVA,
    JS = 1 << FAMILY_JS,
    PHP = 1 << FAMILY_PHP,
    PYTHON = 1 << FAMILY_PYTHON,
    RUBY = 1 << FAMILY_RUBY,
    RUST = 1 << FAMILY_RUST,
    ALL = BASH | C | CSHARP | GO | JAVA | JS | PHP | PYTHON | RUBY | RUST
};

static enum tree_type type_of(const struct tree *t, uint32_t node) {
    return node == TREE_NONE ? TREE_OTHER : (enum tree_type)t->v[node].type;
}

/* The languages in which a node is a decision wherever it stands. */
static const uint16_t decisions[TREE_TYPES] = {
    [K_if] = ALL,
    [K_elif] = PYTHON | BASH,
    [K_elseif] = PHP,
    [K_elsif] = RUBY,
    [K_for] = ALL,
    [K_foreach] = PHP,
    [K_while] = ALL,
    [K_until] = RUBY | BASH,
    [K_case] = C | CSHARP | GO | JAVA | JS | PHP | PYTHON,
    [T_case_item] = BASH,
    [K_when] = RUBY,
    [K_match] = PHP,
    [K_where] = RUST,
    [K_catch] = C | CSHARP | JAVA | JS | PHP,
    [K_except] = PYTHON,
    [K_finally] = PYTHON,
    [K_rescue] = RUBY,
    [K_ensure] = RUBY,
    [K_and] = PYTHON | RUBY,
    [K_or] = PYTHON | RUBY,
    [K_amp_amp_eq] = JS | RUBY,
    [K_pipe_pipe] = ALL,
    [K_pipe_pipe_eq] = JS | RUBY,
    [K_question_question] = JS | CSHARP,
    [K_question_question_eq] = JS | CSHARP,
    [K_hash_if] = C | CSHARP,
    [K_hash_ifdef] = C,
    [K_hash_elif] = C | CSHARP,
    [T_assignment_pattern] = JS,
    [T_object_assignment_pattern] = JS,
};

/* A question mark is `a ? b : c`, or an operator or a part of a type that lizard counts likewise.
 */
static bool is_question(const struct tree *t, enum family family, uint32_t node) {
    enum tree_type around = type_of(t, t->v[node].parent);
    switch (family) {
    case FAMILY_JS:
        return around == T_ternary_expression || around == T_conditional_type;
    case FAMILY_JAVA:
        return around == T_ternary_expression;
    case FAMILY_CSHARP: /* nor Task<int?>, though the cast (int?) is one */
        return around != T_nullable_type ||
               type_of(t, t->v[t->v[node].parent].parent) != T_type_argument_list;
    case FAMILY_PHP: /* `a ?: b` is none */
        return t->v[node].end >= t->size || t->text[t->v[node].end] != ':';
    default:
        return family != FAMILY_BASH;
    }
}

static bool is_reference(enum tree_type type) {
    return type == T_reference_declarator || type == T_abstract_reference_declarator ||
           type == T_ref_qualifier;
}

static uint32_t children_of(const struct tree *t, uint32_t node, enum tree_type type) {
    uint32_t n = 0;
    for (uint32_t i = node + 1; i < t->v[node].next; i = t->v[i].next)
        n += t->v[i].type == type;
    return n;
}

/* The arms of a match after the first; in a macro, what the braces after its subject hold. */
static uint32_t more_arms(const struct tree *t, uint32_t node) {
    uint32_t n = 0;
    if (type_of(t, node) == T_match_block) {
        n = children_of(t, node, T_match_arm);
    } else {
        uint32_t at = node;
        while ((at = tree_sibling(t, at)) != TREE_NONE)
            if (type_of(t, at) == T_token_tree && t->text[t->v[at].start] == '{')
                break;
        n = at == TREE_NONE ? 0 : children_of(t, at, K_eq_gt);
    }
    return n ? n - 1 : 0;
}

static uint32_t decisions_rust(const struct tree *t, uint32_t node) {
    uint32_t around = t->v[node].parent;
    switch (type_of(t, node)) {
    case T_match_block:
        return more_arms(t, node);
    case K_match:
        return type_of(t, around) == T_token_tree ? more_arms(t, node) : 0;
    case K_else:
        return type_of(t, around) == T_let_declaration;
    case T_closure_parameters: /* the lexer of Rust, too, makes one token of `||` */
        return t->v[node].end - t->v[node].start == 2;
    default:
        return 0;
    }
}

/* After a macro that stands where a statement should, C's grammar takes a keyword for a name. */
static bool is_keyword(const struct tree *t, uint32_t node) {
    static const char *const words[] = {"case", "for", "if", "while"};
    const struct tree_node *v = &t->v[node];
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (v->end - v->start == strlen(words[i]) &&
            memcmp(t->text + v->start, words[i], v->end - v->start) == 0)
            return true;
    return false;
}

uint32_t metrics_decisions(const struct tree *t, enum family family, uint32_t node) {
    enum tree_type type = type_of(t, node);
    if (t->v[node].start == t->v[node].end) /* the parser put it there */
        return 0;
    if (decisions[type] & 1u << family)
        return 1;
    switch (type) {
    case K_question:
        return is_question(t, family, node);
    case K_amp_amp:
        return family != FAMILY_PYTHON && !is_reference(type_of(t, t->v[node].parent));
    case T_identifier:
    case T_type_identifier:
        return family == FAMILY_C && is_keyword(t, node);
    case T_required_parameter:
    case T_optional_parameter:
        return family == FAMILY_JS && tree_field(t, node, F_value) != TREE_NONE;
    default:
        return family == FAMILY_RUST ? decisions_rust(t, node) : 0;
    }
}

static const uint16_t levels[TREE_TYPES] = {
    [T_begin] = RUBY,
    [T_c_style_for_statement] = BASH,
    [T_case] = RUBY,
    [T_case_match] = RUBY,
    [T_case_statement] = BASH,
    [T_do_statement] = ALL,
    [T_enhanced_for_statement] = ALL,
    [T_expression_switch_statement] = ALL,
    [T_for] = RUBY,
    [T_for_expression] = ALL,
    [T_for_in_statement] = ALL,
    [T_for_range_loop] = ALL,
    [T_for_statement] = ALL,
    [T_foreach_statement] = ALL,
    [T_if] = RUBY,
    [T_if_expression] = ALL,
    [T_if_modifier] = RUBY,
    [T_if_statement] = ALL,
    [T_loop_expression] = ALL,
    [T_match_expression] = ALL,
    [T_match_statement] = ALL,
    [T_select_statement] = ALL,
    [T_seh_try_statement] = ALL,
    [T_switch_expression] = ALL,
    [T_switch_statement] = ALL,
    [T_try_statement] = ALL,
    [T_try_with_resources_statement] = ALL,
    [T_type_switch_statement] = ALL,
    [T_unless] = RUBY,
    [T_unless_modifier] = RUBY,
    [T_until] = RUBY,
    [T_until_modifier] = RUBY,
    [T_while] = RUBY,
    [T_while_expression] = ALL,
    [T_while_modifier] = RUBY,
    [T_while_statement] = ALL,
};

bool metrics_is_level(const struct tree *t, enum family family, uint32_t node) {
    enum tree_type type = type_of(t, node);
    if (!(levels[type] & 1u << family))
        return false;
    enum tree_type around = type_of(t, t->v[node].parent);
    bool is_if = type == T_if_statement || type == T_if_expression;
    return !is_if ||
           (around != T_else_clause && !(around == type && t->v[node].field == F_alternative));
}

static bool is_docstring(const struct tree *t, uint32_t node) {
    uint32_t inner = node + 1;
    if (type_of(t, node) != T_expression_statement || inner >= t->v[node].next)
        return false;
    enum tree_type type = type_of(t, inner);
    return (type == T_string || type == T_concatenated_string) &&
           tree_sibling(t, inner) == TREE_NONE;
}

bool metrics_is_comment(const struct tree *t, enum family family, uint32_t node) {
    enum tree_type type = type_of(t, node);
    return type == T_comment || type == T_line_comment || type == T_block_comment ||
           (family == FAMILY_PYTHON && is_docstring(t, node));
}

bool metrics_is_condition(const struct tree *t, uint32_t node) {
    enum tree_type around = type_of(t, t->v[node].parent);
    return t->v[node].field == F_condition && (around == T_preproc_if || around == T_preproc_elif);
}

bool metrics_is_function(const struct tree *t, enum family family, uint32_t node) {
    uint32_t around = t->v[node].parent;
    switch (type_of(t, node)) {
    case T_arrow_function:
        return family == FAMILY_JS && type_of(t, around) != T_arrow_function;
    case T_function_declaration:
    case T_function_expression:
    case T_generator_function:
    case T_generator_function_declaration:
    case T_method_definition:
        return family == FAMILY_JS;
    case T_func_literal:
        return family == FAMILY_GO;
    default:
        return false;
    }
}

bool metrics_holds_inner(enum family family) {
    return (C | CSHARP | PHP) >> family & 1;
}

/* Go: `a, b int` are two, `int` is one. C: `void` and `...` are none. */
static uint32_t names_in(const struct tree *t, enum family family, uint32_t parameter) {
    enum tree_type type = type_of(t, parameter);
    uint32_t n = 0;
    if (family == FAMILY_GO) {
        for (uint32_t i = parameter + 1; i < t->v[parameter].next; i = t->v[i].next)
            n += t->v[i].field == F_name;
        return n ? n : 1;
    }
    if (family == FAMILY_C && type == T_variadic_parameter)
        return 0;
    if (family == FAMILY_C && type == T_parameter_declaration) {
        const struct tree_node *v = &t->v[parameter];
        return !(v->end - v->start == 4 && memcmp(t->text + v->start, "void", 4) == 0);
    }
    return type != T_keyword_separator && type != T_positional_separator &&
           type != T_receiver_parameter && type != T_attribute_item;
}

uint32_t metrics_parameters(const struct tree *t, enum family family, uint32_t node) {
    uint32_t n = 0;
    uint32_t list = node;
    if (family == FAMILY_C) {
        list = tree_field(t, node, F_declarator);
        while (list != TREE_NONE && type_of(t, list) != T_function_declarator) {
            uint32_t inner = tree_field(t, list, F_declarator);
            if (inner == TREE_NONE && type_of(t, list) == T_reference_declarator)
                inner = tree_child(t, list, T_function_declarator);
            list = inner;
        }
    }
    if (list != TREE_NONE && tree_field(t, list, F_parameter) != TREE_NONE)
        return 1; /* x => x */
    list = tree_field(t, list, F_parameters);
    for (uint32_t i = list == TREE_NONE ? t->n : list + 1; i < t->n && i < t->v[list].next;
         i = t->v[i].next)
        if (t->v[i].flags & TREE_NAMED && !(t->v[i].flags & TREE_EXTRA))
            n += names_in(t, family, i);
    return n;
}
