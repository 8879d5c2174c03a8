/* Golden files of JSON Lines. */
#ifndef PRECIS_TESTS_EVAL_GOLDEN_H
#define PRECIS_TESTS_EVAL_GOLDEN_H

#include <jansson.h>
#include <stddef.h>

/* Calls for each line of a file, from 1; fails the test when it cannot be read. */
void golden_each(const char *path, void (*call)(void *user, size_t number, const json_t *line),
                 void *user);

/* A string member, with its length; fails the test where there is none. */
const char *golden_string(const json_t *line, const char *key, size_t *len);

/* A number member, or the one at an index of an array member. */
double golden_number(const json_t *line, const char *key);
double golden_at(const json_t *line, const char *key, size_t index);

/* Fails the test unless the two are within `within`. */
void golden_near(double got, double want, double within, const char *what, size_t number);

#endif
