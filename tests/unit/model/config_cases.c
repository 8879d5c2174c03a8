#include "config_cases.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static json_t *golden;

int cases_load(void **state) {
    (void)state;
    golden = json_load_file(GOLDEN_DIR "/configs.json", 0, NULL);
    return golden ? 0 : -1;
}

int cases_unload(void **state) {
    (void)state;
    json_decref(golden);
    return 0;
}

const json_t *cases_all(void) {
    return json_object_get(golden, "cases");
}

const json_t *case_named(const char *name) {
    for (size_t i = 0; i < json_array_size(cases_all()); i++) {
        const json_t *one = json_array_get(cases_all(), i);
        if (strcmp(json_string_value(json_object_get(one, "name")), name) == 0)
            return one;
    }
    fail_msg("no case '%s'", name);
    return NULL;
}

json_t *shapes_of(const json_t *one) {
    return json_array_get(json_object_get(golden, "tensors"),
                          (size_t)json_integer_value(json_object_get(one, "tensors")));
}
