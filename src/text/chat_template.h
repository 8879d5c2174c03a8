/* Looks into a chat template's Jinja text without running it. */
#ifndef PRECIS_TEXT_CHAT_TEMPLATE_H
#define PRECIS_TEXT_CHAT_TEMPLATE_H

#include <stdbool.h>

/* The text between `before` and `after` where one string literal of the template (or one stretch of
 * its literal text) holds all three: a malloc'ed string in *out, NULL when there is none or it is
 * empty. False: out of memory. */
bool chat_template_between(const char *text, const char *before, const char *after, char **out);

#endif
