#include "golden.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

void golden_each(const char *path, void (*call)(void *user, size_t number, const json_t *line),
                 void *user) {
    FILE *f = fopen(path, "r");
    if (!f)
        fail_msg("%s: cannot be opened", path);
    char *line = NULL;
    size_t cap = 0, number = 0;
    for (ssize_t n; (n = getline(&line, &cap, f)) > 0;) {
        json_error_t why;
        json_t *v = json_loadb(line, (size_t)n, 0, &why);
        if (!v)
            fail_msg("%s: line %zu: %s", path, number + 1, why.text);
        call(user, ++number, v);
        json_decref(v);
    }
    free(line);
    fclose(f);
    assert_true(number > 0);
}

const char *golden_string(const json_t *line, const char *key, size_t *len) {
    const json_t *v = json_object_get(line, key);
    if (!json_is_string(v))
        fail_msg("no string \"%s\"", key);
    *len = json_string_length(v);
    return json_string_value(v);
}

double golden_number(const json_t *line, const char *key) {
    const json_t *v = json_object_get(line, key);
    if (!json_is_number(v))
        fail_msg("no number \"%s\"", key);
    return json_number_value(v);
}

double golden_at(const json_t *line, const char *key, size_t index) {
    const json_t *v = json_array_get(json_object_get(line, key), index);
    if (!json_is_number(v))
        fail_msg("no number %zu in \"%s\"", index, key);
    return json_number_value(v);
}

void golden_near(double got, double want, double within, const char *what, size_t number) {
    if (!(fabs(got - want) <= within))
        fail_msg("line %zu: %s is %.7f, not %.7f", number, what, got, want);
}
