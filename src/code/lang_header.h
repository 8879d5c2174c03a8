/* What language a header of C, C++ or Objective-C is in: its name does not say. */
#ifndef PRECIS_CODE_LANG_HEADER_H
#define PRECIS_CODE_LANG_HEADER_H

#include <stddef.h>

enum lang_header { LANG_HEADER_C, LANG_HEADER_CPP, LANG_HEADER_OBJECTIVE_C };

/* By the first line of its head outside of comments, and of what only a C++ compiler sees, that the
 * other two cannot have; C without one. */
enum lang_header lang_header_of(const char *head, size_t len);

#endif
