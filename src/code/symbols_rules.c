/* What the nodes of each language define. */
#include <string.h>

#include "code/symbols_find.h"

static const struct rule rules[TREE_TYPES] = {
    [T_abstract_class_declaration] = {RULE_SYMBOL, SYMBOL_CLASS},
    [T_abstract_method_signature] = {RULE_SYMBOL, SYMBOL_METHOD},
    [T_alias_declaration] = {RULE_SYMBOL | RULE_LEVEL, SYMBOL_TYPE},
    [T_annotation_type_declaration] = {RULE_SYMBOL, SYMBOL_INTERFACE},
    [T_annotation_type_element_declaration] = {RULE_FIELD, 0},
    [T_assignment] = {RULE_SYMBOL | RULE_LEVEL, SYMBOL_CONSTANT},
    [T_assignment_expression] = {RULE_SYMBOL, SYMBOL_FUNCTION},
    [T_class] = {RULE_SYMBOL, SYMBOL_CLASS},
    [T_class_declaration] = {RULE_SYMBOL, SYMBOL_CLASS},
    [T_class_definition] = {RULE_SYMBOL, SYMBOL_CLASS},
    [T_class_specifier] = {RULE_SYMBOL | RULE_BODY, SYMBOL_CLASS},
    [T_compact_constructor_declaration] = {RULE_SYMBOL, SYMBOL_CONSTRUCTOR},
    [T_concept_definition] = {RULE_SYMBOL, SYMBOL_TYPE},
    [T_const_element] = {RULE_SYMBOL | RULE_LEVEL, SYMBOL_CONSTANT},
    [T_const_item] = {RULE_SYMBOL | RULE_LEVEL, SYMBOL_CONSTANT},
    [T_const_spec] = {RULE_SYMBOL | RULE_LEVEL, SYMBOL_CONSTANT},
    [T_constant_declaration] = {RULE_FIELD, 0},
    [T_constructor_declaration] = {RULE_SYMBOL, SYMBOL_CONSTRUCTOR},
    [T_conversion_operator_declaration] = {RULE_SYMBOL, SYMBOL_METHOD},
    [T_declaration] = {RULE_SYMBOL | RULE_LEVEL, SYMBOL_CONSTANT},
    [T_delegate_declaration] = {RULE_SYMBOL, SYMBOL_TYPE},
    [T_destructor_declaration] = {RULE_SYMBOL, SYMBOL_METHOD},
    [T_enum_assignment] = {RULE_FIELD, 0},
    [T_enum_case] = {RULE_FIELD, 0},
    [T_enum_constant] = {RULE_FIELD, 0},
    [T_enum_declaration] = {RULE_SYMBOL, SYMBOL_ENUM},
    [T_enum_item] = {RULE_SYMBOL, SYMBOL_ENUM},
    [T_enum_member_declaration] = {RULE_FIELD, 0},
    [T_enum_specifier] = {RULE_SYMBOL | RULE_BODY, SYMBOL_ENUM},
    [T_enum_variant] = {RULE_FIELD, 0},
    [T_enumerator] = {RULE_FIELD, 0},
    [T_event_field_declaration] = {RULE_FIELD, 0},
    [T_export_statement] = {RULE_SYMBOL, SYMBOL_FUNCTION},
    [T_field_declaration] = {RULE_FIELD, 0},
    [T_field_definition] = {RULE_FIELD, 0},
    [T_function_declaration] = {RULE_SYMBOL, SYMBOL_FUNCTION},
    [T_function_definition] = {RULE_SYMBOL, SYMBOL_FUNCTION},
    [T_function_item] = {RULE_SYMBOL, SYMBOL_FUNCTION},
    [T_function_signature] = {RULE_SYMBOL, SYMBOL_FUNCTION},
    [T_function_signature_item] = {RULE_SYMBOL, SYMBOL_FUNCTION},
    [T_generator_function_declaration] = {RULE_SYMBOL, SYMBOL_FUNCTION},
    [T_impl_item] = {RULE_SYMBOL, SYMBOL_IMPL},
    [T_indexer_declaration] = {RULE_SYMBOL, SYMBOL_METHOD},
    [T_interface_declaration] = {RULE_SYMBOL, SYMBOL_INTERFACE},
    [T_internal_module] = {RULE_SYMBOL, SYMBOL_NAMESPACE},
    [T_local_function_statement] = {RULE_SYMBOL, SYMBOL_FUNCTION},
    [T_macro_definition] = {RULE_SYMBOL, SYMBOL_MACRO},
    [T_method] = {RULE_SYMBOL, SYMBOL_METHOD},
    [T_method_declaration] = {RULE_SYMBOL, SYMBOL_METHOD},
    [T_method_definition] = {RULE_SYMBOL, SYMBOL_METHOD},
    [T_method_elem] = {RULE_SYMBOL, SYMBOL_METHOD},
    [T_method_signature] = {RULE_SYMBOL, SYMBOL_METHOD},
    [T_mod_item] = {RULE_SYMBOL | RULE_BODY, SYMBOL_MODULE},
    [T_module] = {RULE_SYMBOL, SYMBOL_MODULE},
    [T_namespace_declaration] = {RULE_SYMBOL, SYMBOL_NAMESPACE},
    [T_namespace_definition] = {RULE_SYMBOL | RULE_BODY, SYMBOL_NAMESPACE},
    [T_operator_declaration] = {RULE_SYMBOL, SYMBOL_METHOD},
    [T_pair] = {RULE_SYMBOL, SYMBOL_METHOD},
    [T_preproc_def] = {RULE_SYMBOL, SYMBOL_MACRO},
    [T_preproc_function_def] = {RULE_SYMBOL, SYMBOL_MACRO},
    [T_property_declaration] = {RULE_FIELD, 0},
    [T_property_identifier] = {RULE_FIELD, 0},
    [T_property_signature] = {RULE_FIELD, 0},
    [T_public_field_definition] = {RULE_FIELD, 0},
    [T_record_declaration] = {RULE_SYMBOL, SYMBOL_CLASS},
    [T_singleton_method] = {RULE_SYMBOL, SYMBOL_METHOD},
    [T_static_item] = {RULE_SYMBOL | RULE_LEVEL, SYMBOL_CONSTANT},
    [T_struct_declaration] = {RULE_SYMBOL, SYMBOL_STRUCT},
    [T_struct_item] = {RULE_SYMBOL, SYMBOL_STRUCT},
    [T_struct_specifier] = {RULE_SYMBOL | RULE_BODY, SYMBOL_STRUCT},
    [T_trait_declaration] = {RULE_SYMBOL, SYMBOL_TRAIT},
    [T_trait_item] = {RULE_SYMBOL, SYMBOL_TRAIT},
    [T_type_alias] = {RULE_SYMBOL | RULE_LEVEL, SYMBOL_TYPE},
    [T_type_alias_declaration] = {RULE_SYMBOL | RULE_LEVEL, SYMBOL_TYPE},
    [T_type_alias_statement] = {RULE_SYMBOL | RULE_LEVEL, SYMBOL_TYPE},
    [T_type_definition] = {RULE_SYMBOL | RULE_LEVEL, SYMBOL_TYPE},
    [T_type_item] = {RULE_SYMBOL | RULE_LEVEL, SYMBOL_TYPE},
    [T_type_spec] = {RULE_SYMBOL, SYMBOL_TYPE},
    [T_union_item] = {RULE_SYMBOL, SYMBOL_UNION},
    [T_union_specifier] = {RULE_SYMBOL | RULE_BODY, SYMBOL_UNION},
    [T_var_spec] = {RULE_SYMBOL | RULE_LEVEL, SYMBOL_CONSTANT},
    [T_variable_assignment] = {RULE_SYMBOL | RULE_LEVEL, SYMBOL_CONSTANT},
    [T_variable_declarator] = {RULE_SYMBOL, SYMBOL_CONSTANT},
};

struct rule finder_rule(uint16_t type) {
    return rules[type];
}

static bool text_is(const struct finder *f, uint32_t node, const char *text) {
    const struct tree_node *v = &f->t->v[node];
    size_t n = strlen(text);
    return v->end - v->start == n && memcmp(f->t->text + v->start, text, n) == 0;
}

/* Through pointers, arrays, parentheses and qualifications to the name that is declared. */
static uint32_t declared(const struct finder *f, uint32_t node, bool *is_function) {
    while (node != TREE_NONE) {
        uint32_t inner = TREE_NONE;
        switch (finder_type(f, node)) {
        case T_identifier:
        case T_field_identifier:
        case T_type_identifier:
        case T_destructor_name:
        case T_operator_name:
        case T_operator_cast:
        case T_primitive_type:
            return node;
        case T_function_declarator:
            *is_function = true;
            inner = tree_field(f->t, node, F_declarator);
            /* `int (*f)(int)` declares a variable. */
            if (finder_type(f, inner) == T_parenthesized_declarator)
                *is_function = false;
            break;
        case T_qualified_identifier:
        case T_template_function:
            inner = tree_field(f->t, node, F_name);
            break;
        case T_parenthesized_declarator:
        case T_reference_declarator:
        case T_attributed_declarator:
            inner = node + 1 < f->t->v[node].next ? node + 1 : TREE_NONE;
            while (inner != TREE_NONE && !(f->t->v[inner].flags & TREE_NAMED))
                inner = tree_sibling(f->t, inner);
            break;
        default:
            inner = tree_field(f->t, node, F_declarator);
        }
        node = inner;
    }
    return TREE_NONE;
}

static bool is_function_value(enum tree_type type) {
    return type == T_arrow_function || type == T_function_expression ||
           type == T_generator_function;
}

/* `a = b = function ...`: the last value. */
static uint32_t last_value(const struct finder *f, uint32_t value) {
    while (finder_type(f, value) == T_assignment_expression)
        value = tree_field(f->t, value, F_right);
    return value;
}

/* What gets the value: a variable's name, the last property of a member. */
static uint32_t assigned(const struct finder *f, uint32_t left) {
    enum tree_type type = finder_type(f, left);
    if (type == T_identifier)
        return left;
    return type == T_member_expression ? tree_field(f->t, left, F_property) : TREE_NONE;
}

/* A function or class that a name gets by assignment. False: the value is something else. */
static bool found_value(const struct finder *f, struct found *s, uint32_t value) {
    value = last_value(f, value);
    enum tree_type type = finder_type(f, value);
    if (type != T_class && !is_function_value(type))
        return false;
    s->kind = type == T_class ? SYMBOL_CLASS : SYMBOL_FUNCTION;
    s->value = value;
    return true;
}

bool finder_in_callable(const struct finder *f) {
    return f->current != SYMBOL_NONE && symbol_is_callable(f->out->v[f->current].kind);
}

static bool is_prototype(const struct finder *f, uint32_t left) {
    uint32_t object = tree_field(f->t, left, F_object);
    uint32_t property = finder_type(f, object) == T_member_expression
                            ? tree_field(f->t, object, F_property)
                            : TREE_NONE;
    return property != TREE_NONE && text_is(f, property, "prototype");
}

static void found_js(const struct finder *f, struct found *s) {
    const struct tree *t = f->t;
    uint32_t node = s->node;
    uint32_t left;
    switch (finder_type(f, node)) {
    case T_assignment_expression:
        left = tree_field(t, node, F_left);
        if (finder_type(f, t->v[node].parent) != T_assignment_expression &&
            found_value(f, s, tree_field(t, node, F_right)))
            s->name = assigned(f, left);
        if (s->name != TREE_NONE && is_prototype(f, left))
            s->kind = SYMBOL_METHOD;
        break;
    case T_variable_declarator:
        if (finder_type(f, s->name) != T_identifier ||
            (!found_value(f, s, tree_field(t, node, F_value)) && finder_in_callable(f)))
            s->name = TREE_NONE;
        break;
    case T_pair:
        s->name = found_value(f, s, tree_field(t, node, F_value)) ? tree_field(t, node, F_key)
                                                                  : TREE_NONE;
        s->kind = SYMBOL_METHOD;
        break;
    case T_field_definition:
    case T_public_field_definition:
        s->name = found_value(f, s, tree_field(t, node, F_value)) ? node + 1 : TREE_NONE;
        while (s->name != TREE_NONE && t->v[s->name].field != F_property &&
               t->v[s->name].field != F_name)
            s->name = tree_sibling(t, s->name);
        s->kind = SYMBOL_METHOD;
        break;
    case T_export_statement:
        s->name = found_value(f, s, tree_field(t, node, F_value)) ? tree_child(t, node, K_default)
                                                                  : TREE_NONE;
        break;
    case T_method_definition:
        if (s->name != TREE_NONE && text_is(f, s->name, "constructor"))
            s->kind = SYMBOL_CONSTRUCTOR;
        break;
    case T_class: /* an expression: whoever gets it is the symbol */
        s->name = TREE_NONE;
        break;
    case T_module:
        s->kind = SYMBOL_NAMESPACE;
        break;
    default:
        break;
    }
}

static enum symbol_kind kind_of_specifier(enum tree_type type) {
    return type == T_enum_specifier    ? SYMBOL_ENUM
           : type == T_union_specifier ? SYMBOL_UNION
           : type == T_class_specifier ? SYMBOL_CLASS
                                       : SYMBOL_STRUCT;
}

static bool same_text(const struct finder *f, uint32_t node, struct span name) {
    const struct tree_node *v = &f->t->v[node];
    return v->end - v->start == name.end - name.start &&
           memcmp(f->t->text + v->start, f->t->text + name.start, name.end - name.start) == 0;
}

/* Methods are functions in a class, and the one with its name is its constructor. */
static void found_member(const struct finder *f, struct found *s) {
    const struct symbol *around = f->current == SYMBOL_NONE ? NULL : &f->out->v[f->current];
    if (!around || !symbol_is_type(around->kind))
        return;
    s->kind = s->name != TREE_NONE && same_text(f, s->name, around->name) ? SYMBOL_CONSTRUCTOR
                                                                          : SYMBOL_METHOD;
}

/* The name of a type without what is around it: Foo of `a::Foo<T>`, `&Foo`, `*Foo[T]`. */
static uint32_t inner_type(const struct finder *f, uint32_t type) {
    for (;;) {
        uint32_t inner = TREE_NONE;
        switch (finder_type(f, type)) {
        case T_generic_type:
        case T_reference_type:
            inner = tree_field(f->t, type, F_type);
            break;
        case T_pointer_type: /* behind the star */
            for (uint32_t c = type + 1; c < f->t->v[type].next; c = f->t->v[c].next)
                inner = c;
            break;
        case T_scoped_type_identifier:
        case T_template_type:
            inner = tree_field(f->t, type, F_name);
            break;
        default:
            break;
        }
        if (inner == TREE_NONE)
            return type;
        type = inner;
    }
}

static void found_c(const struct finder *f, struct found *s) {
    const struct tree *t = f->t;
    bool is_function = false;
    uint32_t type, around;
    switch (finder_type(f, s->node)) {
    case T_function_definition:
        s->name = declared(f, tree_field(t, s->node, F_declarator), &is_function);
        found_member(f, s);
        around = s->name == TREE_NONE ? TREE_NONE : t->v[s->name].parent;
        if (finder_type(f, around) == T_qualified_identifier) {
            s->owner = inner_type(f, tree_field(t, around, F_scope));
            if (s->kind == SYMBOL_FUNCTION)
                s->kind = SYMBOL_METHOD;
        }
        break;
    case T_declaration:
    case T_field_declaration:
        s->name = declared(f, tree_field(t, s->node, F_declarator), &is_function);
        if (is_function) {
            s->kind = SYMBOL_FUNCTION;
            found_member(f, s);
        } else if (finder_type(f, s->node) == T_field_declaration)
            s->name = TREE_NONE;
        break;
    case T_type_definition:
        s->name = declared(f, tree_field(t, s->node, F_declarator), &is_function);
        type = tree_field(t, s->node, F_type);
        if (tree_field(t, type, F_body) != TREE_NONE) {
            s->kind = kind_of_specifier(finder_type(f, type));
            s->value = type;
        }
        break;
    case T_struct_specifier:
    case T_union_specifier:
    case T_enum_specifier:
        if (finder_type(f, t->v[s->node].parent) == T_type_definition)
            s->name = TREE_NONE;
        break;
    case T_preproc_def: /* not an include guard */
        if (tree_field(t, s->node, F_value) == TREE_NONE)
            s->name = TREE_NONE;
        break;
    default:
        break;
    }
    while (finder_type(f, s->name) == T_qualified_identifier ||
           finder_type(f, s->name) == T_template_type)
        s->name = tree_field(t, s->name, F_name);
}

static void found_go(const struct finder *f, struct found *s) {
    uint32_t type = tree_field(f->t, s->node, F_type);
    if (finder_type(f, s->node) == T_method_declaration) {
        uint32_t receiver =
            tree_child(f->t, tree_field(f->t, s->node, F_receiver), T_parameter_declaration);
        s->owner = inner_type(f, tree_field(f->t, receiver, F_type));
    }
    if (finder_type(f, s->node) != T_type_spec)
        return;
    if (finder_type(f, type) == T_struct_type) {
        s->kind = SYMBOL_STRUCT;
        s->body = tree_child(f->t, type, T_field_declaration_list);
    } else if (finder_type(f, type) == T_interface_type) {
        s->kind = SYMBOL_INTERFACE;
        s->body = type;
    }
}

static bool is_body_of_class(const struct finder *f) {
    enum symbol_kind kind = f->current == SYMBOL_NONE ? SYMBOL_KINDS : f->out->v[f->current].kind;
    return symbol_is_type(kind) || kind == SYMBOL_IMPL;
}

/* What the languages have in common, then what is special. */
struct found finder_look(const struct finder *f, uint32_t node, enum symbol_kind kind) {
    struct found s = {
        .kind = kind, .node = node, .value = node, .body = TREE_NONE, .owner = TREE_NONE};
    s.name = tree_field(f->t, node, F_name);
    switch (f->family) {
    case FAMILY_C:
        found_c(f, &s);
        break;
    case FAMILY_GO:
        found_go(f, &s);
        break;
    case FAMILY_JS:
        found_js(f, &s);
        break;
    case FAMILY_RUST:
        if (kind == SYMBOL_IMPL)
            s.name = inner_type(f, tree_field(f->t, node, F_type));
        if (kind == SYMBOL_FUNCTION && is_body_of_class(f))
            s.kind = SYMBOL_METHOD;
        break;
    case FAMILY_PYTHON:
    case FAMILY_RUBY:
        if (finder_type(f, node) == T_assignment)
            s.name = tree_field(f->t, node, F_left);
        if (finder_type(f, node) == T_assignment && finder_type(f, s.name) != T_identifier &&
            finder_type(f, s.name) != T_constant)
            s.name = TREE_NONE;
        if (f->family == FAMILY_RUBY && finder_type(f, node) == T_assignment &&
            finder_type(f, s.name) != T_constant)
            s.name = TREE_NONE;
        if (finder_type(f, node) == T_function_definition && is_body_of_class(f))
            s.kind = SYMBOL_METHOD;
        if (s.kind == SYMBOL_METHOD && s.name != TREE_NONE &&
            (text_is(f, s.name, "__init__") || text_is(f, s.name, "initialize")))
            s.kind = SYMBOL_CONSTRUCTOR;
        if (finder_type(f, s.name) == T_scope_resolution)
            s.name = tree_field(f->t, s.name, F_name);
        break;
    case FAMILY_PHP:
        if (finder_type(f, node) == T_const_element)
            s.name = tree_child(f->t, node, T_name);
        if (s.kind == SYMBOL_METHOD && s.name != TREE_NONE && text_is(f, s.name, "__construct"))
            s.kind = SYMBOL_CONSTRUCTOR;
        if (finder_type(f, node) == T_assignment_expression)
            s.name = TREE_NONE;
        break;
    case FAMILY_BASH:
        if (finder_type(f, node) == T_variable_assignment && f->t->v[node].parent != 0)
            s.name = TREE_NONE;
        break;
    default:
        if (finder_type(f, node) == T_assignment_expression ||
            finder_type(f, node) == T_variable_declarator)
            s.name = TREE_NONE;
        if (finder_type(f, node) == T_indexer_declaration)
            s.name = tree_child(f->t, node, K_this);
    }
    if (s.body == TREE_NONE)
        s.body = tree_field(f->t, s.value, F_body);
    if (s.body == TREE_NONE && symbol_is_type(s.kind))
        s.body = tree_child(f->t, s.value, T_field_declaration_list);
    return s;
}

uint32_t finder_field_name(const struct finder *f, uint32_t node) {
    const struct tree *t = f->t;
    bool is_function = false;
    uint32_t name = tree_field(t, node, F_name);
    if (name == TREE_NONE && f->family == FAMILY_JS)
        name =
            finder_type(f, node) == T_property_identifier ? node : tree_field(t, node, F_property);
    uint32_t declarator = tree_field(t, node, F_declarator);
    if (name == TREE_NONE && f->family == FAMILY_CSHARP)
        declarator =
            tree_child(t, tree_child(t, node, T_variable_declaration), T_variable_declarator);
    if (name == TREE_NONE && f->family == FAMILY_PHP)
        declarator = tree_child(t, node, T_property_element);
    if (name == TREE_NONE && declarator != TREE_NONE)
        name = f->family == FAMILY_C ? declared(f, declarator, &is_function)
                                     : tree_field(t, declarator, F_name);
    if (name == TREE_NONE && f->family == FAMILY_GO)
        name = tree_field(t, node, F_type);
    return name;
}
