/* Memory that runs out when a test says so. Link with FAULTY_WRAPS (see meson.build): the linker
 * then routes the program's and the library's allocations here. */
#ifndef PRECIS_TESTS_FAULTY_H
#define PRECIS_TESTS_FAULTY_H

#include <stdbool.h>
#include <stddef.h>

/* The next `successes` allocations succeed, all after them fail, until faulty_end. */
void faulty_begin(size_t successes);
bool faulty_end(void); /* whether one failed */

void *faulty_malloc(size_t size); /* for libraries that take an allocator */

#endif
