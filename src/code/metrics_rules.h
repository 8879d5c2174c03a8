/* What nodes mean for metrics.h, by language. */
#ifndef PRECIS_CODE_METRICS_RULES_H
#define PRECIS_CODE_METRICS_RULES_H

#include "code/symbols_find.h"

/* How many decisions a node is, without those below it. */
uint32_t metrics_decisions(const struct tree *t, enum family family, uint32_t node);

/* Whether it is a control structure that makes what is in it one level deeper. */
bool metrics_is_level(const struct tree *t, enum family family, uint32_t node);

/* A comment, or a string that stands as a statement in Python. */
bool metrics_is_comment(const struct tree *t, enum family family, uint32_t node);

/* The condition of #if or #elif: the directive as a whole is a decision. */
bool metrics_is_condition(const struct tree *t, uint32_t node);

/* A function by its node alone: JavaScript's, and Go's without a name. `a => b => c` is one. */
bool metrics_is_function(const struct tree *t, enum family family, uint32_t node);

/* Whether functions within functions belong to the outer one. */
bool metrics_holds_inner(enum family family);

/* Parameters of a function's node. */
uint32_t metrics_parameters(const struct tree *t, enum family family, uint32_t node);

#endif
