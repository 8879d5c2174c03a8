/* Throw-away folders for tests. Every function fails the test when it cannot do its work. */
#ifndef PRECIS_TESTS_TREE_H
#define PRECIS_TESTS_TREE_H

#include <stddef.h>

char *tree_new(void);         /* a fresh empty folder; the path is owned by the caller */
void tree_remove(char *root); /* with all that is in it, however deep; frees the path */

/* Writes root/name and makes the folders above it. */
void tree_write(const char *root, const char *name, const char *text);
void tree_write_bytes(const char *root, const char *name, const void *data, size_t size);
void tree_link(const char *root, const char *name, const char *target);
void tree_mkdir(const char *root, const char *name);

int tree_count(const char *folder); /* what is directly in it; -1: no folder that can be read */

#endif
