/* Figures about code: lines, functions, nesting, cyclomatic complexity.
 *
 * Complexity is counted by the default rules of lizard (lizard.ws, 1.24.3): 1 for the function and
 * 1 for each decision token in it; which these are depends on the language. They are the branches
 * and loops, `case`, `catch`, && || and ?:, and by its lists also Python's `finally`, Ruby's
 * `ensure` and `||=`, ?? in JavaScript and C#, #if and #ifdef in C, the ? of nullable types in C#
 * and PHP, default values in JavaScript's parameters and patterns; in Rust `?`, `where`, `let ...
 * else`, every arm of a match but the first, and the || of a closure that takes nothing. Not C#'s
 * `foreach` and Ruby's `unless`. Where lizard's scanner mistakes other text for such tokens, or
 * misses them, the tree is right and the figures differ: see unit/code/metrics.
 *
 * A function is a named one with a body; in JavaScript and Go also one without a name (a => b => c
 * is one). What is defined in a function of C, C++, C# or PHP is a part of it; in the other
 * languages a function in it is one of its own, whose decisions are not the outer one's. Closures
 * and lambdas elsewhere belong to the function around them. */
#ifndef PRECIS_CODE_METRICS_H
#define PRECIS_CODE_METRICS_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "code/symbols.h"
#include "code/tree.h"

/* A range of lines. With a tree, lines = code_lines + comment_lines + blank_lines. */
struct metrics {
    uint32_t lines;
    uint32_t code_lines;     /* with anything that is neither white space nor comment */
    uint32_t comment_lines;  /* the others that have a comment, or a docstring, in them */
    uint32_t blank_lines;    /* with nothing but white space, also within comments and strings */
    uint32_t functions;      /* that begin in the range */
    uint32_t nesting;        /* most control structures (if, loop, switch, try) around anything in
                                the range, within its function; an else-if is as deep as its if */
    uint32_t complexity;     /* sum of the functions'; saturates */
    uint32_t max_complexity; /* 0: no function */
};

struct metrics_function {
    struct span name;               /* the last part of a qualified name; empty: it has none */
    uint32_t first_line, last_line; /* 1-based, inclusive; without attributes and decorators */
    uint32_t complexity;
    uint32_t code_lines; /* of these lines, as in struct metrics: "NLOC" */
    uint32_t parameters;
    uint32_t nesting;
};

struct metrics_functions {
    struct metrics_function *v; /* owned; in order of their beginnings */
    size_t n;
};

/* All functions of a file. Errors: PRECIS_ENOMEM. On failure *out is zeroed. */
int metrics_functions(const struct tree *t, const struct symbols *s, struct metrics_functions *out,
                      struct err *e);
void metrics_functions_free(struct metrics_functions *f); /* leaves it zeroed */

/* Lines first_line..last_line (1-based, inclusive) of a file; those that it does not have count
 * nothing. Takes time for the lines of the range and of the functions that begin in it. Errors:
 * PRECIS_ENOMEM. On failure *out is zeroed. */
int metrics_of_range(const struct tree *t, const struct symbols *s, uint32_t first_line,
                     uint32_t last_line, struct metrics *out, struct err *e);

/* A whole text without a tree: lines and blank_lines; nothing is known of the rest, which is 0. */
void metrics_of_text(const char *text, size_t size, struct metrics *out);

/* Comment lines among those that are not blank, 0..1. */
double metrics_comment_share(const struct metrics *m);

#endif
