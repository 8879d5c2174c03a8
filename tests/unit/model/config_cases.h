/* The cases of tests/golden/model/configs.json, which tools/golden/make_configs.py writes. All that
 * is given is borrowed until cases_unload. */
#ifndef PRECIS_TESTS_CONFIG_CASES_H
#define PRECIS_TESTS_CONFIG_CASES_H

#include <jansson.h>

int cases_load(void **state); /* for a group of tests */
int cases_unload(void **state);

const json_t *cases_all(void);              /* a list */
const json_t *case_named(const char *name); /* fails the test without one */
json_t *shapes_of(const json_t *one);       /* {name: [dims]} of its tensors */

#endif
