/* Rust macros around items: `cfg_rt! { pub fn f() {} }`. */
#ifndef PRECIS_CODE_TREE_MACROS_H
#define PRECIS_CODE_TREE_MACROS_H

#include "code/tree.h"

/* The grammar knows nothing of what is in the braces of a macro. Where items seem to be there, puts
 * blanks over `name! {` and `}` in copy [t->size], a copy of the text that t is of, so that they
 * parse as items. False: there is no such macro. */
bool tree_open_macros(const struct tree *t, char *copy);

#endif
