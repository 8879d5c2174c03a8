#include "report/format.h"

#include <inttypes.h>
#include <math.h>

#include "base/json.h"

static json_t *text(const char *s) {
    return s ? json_string(s) : json_null();
}

/* Rounded, so that figures print short. */
static json_t *number(double v, double digits) {
    double rounded = round(v * digits) / digits;
    return isfinite(rounded) ? json_real(rounded) : json_null();
}

/* A seed above 2^63 - 1 is beyond JSON integers as jansson has them: then its digits as text. */
static json_t *seed_of(uint64_t seed) {
    char digits[24];
    if (seed <= INT64_MAX)
        return json_integer((json_int_t)seed);
    snprintf(digits, sizeof digits, "%" PRIu64, seed);
    return json_string(digits);
}

int jsonl_add(struct report *r, const struct summary *s, struct err *e) {
    static const char *const names[] = {REPORT_COLUMNS};
    enum { N = sizeof names / sizeof *names };
    const struct provenance *p = s->made ? s->made : &r->p;
    json_t *values[N] = {
        text(s->file_path),
        json_integer((json_int_t)s->start_line),
        json_integer((json_int_t)s->end_line),
        text(s->lang ? s->lang->name : NULL),
        text(s->symbol),
        text(s->summary),
        number(s->confidence, 1e4),
        text(s->source),
        text(p->model),
        text(p->model_revision),
        text(p->precision),
        text(p->prompt_version),
        json_integer((json_int_t)s->tokens_in),
        json_integer((json_int_t)s->tokens_out),
        number(s->elapsed_ms, 10),
        text(s->sha256),
        json_null(),
        text(s->error),
        text(p->file_type),
        text(p->sampling),
        seed_of(p->seed),
        json_boolean(s->cut),
        text(report_level_name(s->level)),
        text(s->renamed_from),
    };
    json_t *object = json_object();
    bool ok = object != NULL;
    for (size_t i = 0; i < N; i++) {
        if (ok)
            ok = json_object_set_new(object, names[i], values[i]) ==
                 0; /* takes the value, NULL too */
        else
            json_decref(values[i]);
    }
    struct buf line = {0};
    if (ok)
        json_append(&line, object, JSON_COMPACT | JSON_REAL_PRECISION(15));
    json_decref(object);
    buf_char(&line, '\n');
    int rc = ok && !buf_failed(&line) ? 0 : err_nomem(e, "report");
    if (rc == 0)
        fwrite(line.data, 1, line.len, r->f);
    buf_free(&line);
    return rc;
}
