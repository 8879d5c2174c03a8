/* The symbols of a file: what it defines, where, and how its authors document it. */
#ifndef PRECIS_CODE_SYMBOLS_H
#define PRECIS_CODE_SYMBOLS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "code/tree.h"

enum symbol_kind {
    SYMBOL_FUNCTION,
    SYMBOL_METHOD,
    SYMBOL_CONSTRUCTOR,
    SYMBOL_STRUCT,
    SYMBOL_CLASS,
    SYMBOL_ENUM,
    SYMBOL_UNION,
    SYMBOL_INTERFACE,
    SYMBOL_TRAIT,
    SYMBOL_TYPE, /* an alias */
    SYMBOL_IMPL, /* Rust: its name is the type's */
    SYMBOL_MODULE,
    SYMBOL_NAMESPACE,
    SYMBOL_MACRO,
    SYMBOL_CONSTANT, /* constants and variables at file, module or class level */
    SYMBOL_KINDS
};

struct span {
    uint32_t start, end; /* bytes [start, end); start == end: there is none */
};

#define SYMBOL_NONE UINT32_MAX

struct symbol {
    enum symbol_kind kind;
    struct span name;      /* the last part of a qualified name: "push" of `List::push` */
    struct span owner;     /* the last scope of its name (`List` of `List::push`), the type of a Go
                              method's receiver */
    struct span range;     /* with attributes, decorators, annotations, without a leading doc */
    struct span signature; /* from after the attributes up to the body */
    struct span body;      /* with its braces; a Python body holds its docstring */
    struct span doc; /* raw: leading comments with their marks and what lies between them, or a
                        docstring with its quotes */
    uint32_t first_line, last_line; /* 1-based, inclusive, of range */
    uint32_t parent;                /* index of the symbol around it; SYMBOL_NONE: the file */
    uint32_t node;                  /* in the tree: the definition without a wrapper */
    uint32_t first_field, field_count;
    bool is_public;
    bool doc_inside; /* doc lies in body (docstrings, `//!`, `"""`), not before range */
};

/* Fields of structs and classes, variants of enums, in order. */
struct symbol_field {
    uint32_t owner;
    struct span name;
    struct span range;
    struct span doc;
};

struct symbols {
    struct symbol *v; /* owned; in order of range.start, a container before what it holds */
    uint32_t n;
    struct symbol_field *fields; /* owned; those of a symbol lie together */
    uint32_t field_count;
    struct span file_doc; /* module doc, package doc, header comment; never a licence's text */
};

/* Errors: PRECIS_ENOMEM. On failure *out is zeroed. */
int symbols_find(const struct tree *t, struct symbols *out, struct err *e);
void symbols_free(struct symbols *s);

/* The innermost symbol whose range holds the byte; SYMBOL_NONE: none. */
uint32_t symbols_at(const struct symbols *s, uint32_t byte);

bool symbol_is_callable(enum symbol_kind kind);      /* functions, methods, constructors */
bool symbol_is_type(enum symbol_kind kind);          /* struct ... alias */
const char *symbol_kind_name(enum symbol_kind kind); /* "function", "method", ... */

#endif
