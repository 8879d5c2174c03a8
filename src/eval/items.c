#include "eval/items.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/json.h"
#include "base/utf8.h"

/* A line of the file, for messages. */
struct place {
    const char *name;
    size_t line;
};

static int bad(const struct place *at, struct err *e, const char *member, const char *why) {
    return err_set(e, PRECIS_EINPUT, "%s: line %zu: \"%s\" %s", at->name, at->line, member, why);
}

/* Calls `each` with the object of every line that is not empty. */
static int each_line(const char *name, const char *text, size_t len,
                     int (*each)(void *user, const struct place *at, const json_t *object,
                                 struct err *e),
                     void *user, struct err *e) {
    const char *p = text, *end = len ? text + len : text;
    int rc = 0;
    for (struct place at = {name, 1}; rc == 0 && p < end; at.line++) {
        const char *newline = memchr(p, '\n', (size_t)(end - p));
        const size_t n = (size_t)((newline ? newline : end) - p);
        size_t blank = 0;
        while (blank < n && (p[blank] == ' ' || p[blank] == '\t' || p[blank] == '\r'))
            blank++;
        if (n > EVAL_MOST_LINE) {
            rc = err_set(e, PRECIS_ELIMIT, "%s: line %zu: more than %d bytes", name, at.line,
                         EVAL_MOST_LINE);
        } else if (blank < n && !utf8_valid(p, n)) {
            rc = err_set(e, PRECIS_EINPUT, "%s: line %zu: not UTF-8", name, at.line);
        } else if (blank < n) {
            json_error_t why;
            json_t *object = json_read(p, n, JSON_REJECT_DUPLICATES, &why);
            if (json_is_object(object))
                rc = each(user, &at, object, e);
            else if (object)
                rc = err_set(e, PRECIS_EINPUT, "%s: line %zu: not a JSON object", name, at.line);
            else
                rc = json_lacked_memory(object, &why)
                         ? err_nomem(e, name)
                         : err_set(e, PRECIS_EINPUT, "%s: line %zu: not JSON: %s", name, at.line,
                                   why.text);
            json_decref(object);
        }
        p += n + 1;
    }
    return rc;
}

enum need { REQUIRED, NOT_EMPTY, OPTIONAL };

/* A string member as a copy, or NULL where it is optional and absent or null. */
static int take_string(const struct place *at, const json_t *object, const char *member,
                       enum need need, size_t most, char **out, struct err *e) {
    const json_t *v = json_object_get(object, member);
    if (need == OPTIONAL && (!v || json_is_null(v)))
        return 0;
    if (!json_is_string(v))
        return bad(at, e, member, v ? "is not a string" : "is missing");
    const size_t len = json_string_length(v);
    if (len > most)
        return err_set(e, PRECIS_ELIMIT, "%s: line %zu: \"%s\" has %zu bytes, more than %zu",
                       at->name, at->line, member, len, most);
    if (need == NOT_EMPTY && len == 0)
        return bad(at, e, member, "is empty");
    *out = strdup(json_string_value(v));
    return *out ? 0 : err_nomem(e, member);
}

static int take_line(const struct place *at, const json_t *object, const char *member, long *out,
                     struct err *e) {
    enum { MOST = 1 << 30 };
    const json_t *v = json_object_get(object, member);
    if (!v || json_is_null(v))
        return 0;
    if (!json_is_integer(v) || json_integer_value(v) < 1 || json_integer_value(v) > MOST)
        return bad(at, e, member, "is not the number of a line");
    *out = (long)json_integer_value(v);
    return 0;
}

static void free_item(struct eval_item *item) {
    char *const strings[] = {item->id,   item->repo, item->language,  item->path,
                             item->kind, item->code, item->reference, item->symbol};
    for (size_t i = 0; i < sizeof strings / sizeof *strings; i++)
        free(strings[i]);
    *item = (struct eval_item){0};
}

struct item_reading {
    struct eval_items *out;
    enum need reference;
};

static int read_item(void *user, const struct place *at, const json_t *object, struct err *e) {
    const struct item_reading *r = user;
    struct eval_items *items = r->out;
    struct eval_item item = {.line = at->line};
    const struct {
        const char *member;
        enum need need;
        size_t most;
        char **out;
    } strings[] = {
        {"id", NOT_EMPTY, EVAL_MOST_TEXT, &item.id},
        {"repo", REQUIRED, EVAL_MOST_TEXT, &item.repo},
        {"language", NOT_EMPTY, EVAL_MOST_TEXT, &item.language},
        {"path", NOT_EMPTY, EVAL_MOST_TEXT, &item.path},
        {"kind", NOT_EMPTY, EVAL_MOST_TEXT, &item.kind},
        {"code", REQUIRED, EVAL_MOST_CODE, &item.code},
        {"reference", r->reference, EVAL_MOST_TEXT, &item.reference},
        {"symbol", OPTIONAL, EVAL_MOST_TEXT, &item.symbol},
    };
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < sizeof strings / sizeof *strings; i++)
        rc = take_string(at, object, strings[i].member, strings[i].need, strings[i].most,
                         strings[i].out, e);
    if (rc == 0)
        rc = take_line(at, object, "start_line", &item.start_line, e);
    if (rc == 0)
        rc = take_line(at, object, "end_line", &item.end_line, e);
    if (rc == 0 && item.start_line && item.end_line && item.end_line < item.start_line)
        rc = bad(at, e, "end_line", "is before \"start_line\"");
    if (rc == 0 && items->n == EVAL_MOST_ITEMS)
        rc = err_set(e, PRECIS_ELIMIT, "%s: line %zu: more than %d items", at->name, at->line,
                     EVAL_MOST_ITEMS);
    if (rc == 0 && !array_grow((void **)&items->v, items->n, &items->cap, sizeof *items->v))
        rc = err_nomem(e, at->name);
    if (rc == 0)
        items->v[items->n++] = item;
    else
        free_item(&item);
    return rc;
}

static int id_order(const void *a, const void *b, void *user) {
    const struct eval_item *v = user;
    const size_t x = *(const size_t *)a, y = *(const size_t *)b;
    const int c = strcmp(v[x].id, v[y].id);
    return c ? c : (x > y) - (x < y);
}

static int sort_ids(const char *name, struct eval_items *items, struct err *e) {
    items->by_id = malloc((items->n ? items->n : 1) * sizeof *items->by_id);
    if (!items->by_id)
        return err_nomem(e, name);
    for (size_t i = 0; i < items->n; i++)
        items->by_id[i] = i;
    qsort_r(items->by_id, items->n, sizeof *items->by_id, id_order, items->v);
    for (size_t i = 1; i < items->n; i++) {
        const struct eval_item *a = &items->v[items->by_id[i - 1]];
        const struct eval_item *b = &items->v[items->by_id[i]];
        if (strcmp(a->id, b->id) == 0)
            return err_set(e, PRECIS_EINPUT, "%s: line %zu: \"id\" %s is that of line %zu, too",
                           name, b->line, b->id, a->line);
    }
    return 0;
}

static int read_items(const char *name, const char *text, size_t len, enum need reference,
                      struct eval_items *out, struct err *e) {
    struct item_reading r = {out, reference};
    *out = (struct eval_items){0};
    int rc = each_line(name, text, len, read_item, &r, e);
    if (rc == 0)
        rc = sort_ids(name, out, e);
    if (rc)
        eval_items_free(out);
    return rc;
}

int eval_items_read(const char *name, const char *text, size_t len, struct eval_items *out,
                    struct err *e) {
    return read_items(name, text, len, NOT_EMPTY, out, e);
}

int eval_corpus_read(const char *name, const char *text, size_t len, struct eval_items *out,
                     struct err *e) {
    return read_items(name, text, len, OPTIONAL, out, e);
}

void eval_items_free(struct eval_items *items) {
    for (size_t i = 0; i < items->n; i++)
        free_item(&items->v[i]);
    free(items->v);
    free(items->by_id);
    *items = (struct eval_items){0};
}

size_t eval_items_find(const struct eval_items *items, const char *id) {
    size_t low = 0, high = items->n;
    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        const int c = strcmp(items->v[items->by_id[middle]].id, id);
        if (c == 0)
            return items->by_id[middle];
        if (c < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return items->n;
}

struct query_reading {
    const struct eval_items *corpus;
    struct eval_queries *out;
};

static int read_query(void *user, const struct place *at, const json_t *object, struct err *e) {
    const struct query_reading *r = user;
    struct eval_queries *out = r->out;
    char *id = NULL;
    struct eval_query q = {0};
    int rc = take_string(at, object, "id", NOT_EMPTY, EVAL_MOST_TEXT, &id, e);
    if (rc == 0)
        rc = take_string(at, object, "query", NOT_EMPTY, EVAL_MOST_TEXT, &q.query, e);
    q.item = rc == 0 ? eval_items_find(r->corpus, id) : 0;
    if (rc == 0 && q.item == r->corpus->n)
        rc = err_set(e, PRECIS_EINPUT, "%s: line %zu: \"id\" %s is of no item of the corpus",
                     at->name, at->line, id);
    if (rc == 0 && !array_grow((void **)&out->v, out->n, &out->cap, sizeof *out->v))
        rc = err_nomem(e, at->name);
    if (rc == 0)
        out->v[out->n++] = q;
    else
        free(q.query);
    free(id);
    return rc;
}

int eval_queries_read(const char *name, const char *text, size_t len,
                      const struct eval_items *corpus, struct eval_queries *out, struct err *e) {
    struct query_reading r = {corpus, out};
    *out = (struct eval_queries){0};
    int rc = each_line(name, text, len, read_query, &r, e);
    if (rc)
        eval_queries_free(out);
    return rc;
}

void eval_queries_free(struct eval_queries *q) {
    for (size_t i = 0; i < q->n; i++)
        free(q->v[i].query);
    free(q->v);
    *q = (struct eval_queries){0};
}

struct reading {
    const struct eval_items *items;
    struct eval_predictions *out;
};

static int take_prediction(const struct place *at, const json_t *object, struct eval_prediction *p,
                           struct err *e) {
    int rc = take_string(at, object, "summary", REQUIRED, EVAL_MOST_TEXT, &p->summary, e);
    const json_t *v = json_object_get(object, "confidence");
    if (rc == 0 && v && !json_is_null(v)) {
        p->confidence = json_number_value(v);
        if (!json_is_number(v) || !(p->confidence >= 0 && p->confidence <= 1))
            rc = bad(at, e, "confidence", "is not a number in 0..1");
    }
    v = json_object_get(object, "grounded");
    if (rc == 0 && v && !json_is_null(v)) {
        p->grounded = json_is_true(v) ? EVAL_GROUNDED_YES : EVAL_GROUNDED_NO;
        if (!json_is_boolean(v))
            rc = bad(at, e, "grounded", "is neither true nor false");
    }
    return rc;
}

static int read_prediction(void *user, const struct place *at, const json_t *object,
                           struct err *e) {
    const struct reading *r = user;
    struct eval_prediction p = {.confidence = NAN};
    char *id = NULL;
    int rc = take_string(at, object, "id", NOT_EMPTY, EVAL_MOST_TEXT, &id, e);
    if (rc == 0)
        rc = take_prediction(at, object, &p, e);
    if (rc == 0) {
        const size_t i = eval_items_find(r->items, id);
        if (i == r->items->n) {
            r->out->strangers++;
        } else if (r->out->v[i].summary) {
            rc = err_set(e, PRECIS_EINPUT, "%s: line %zu: \"id\" %s was there before", at->name,
                         at->line, id);
        } else {
            r->out->v[i] = p;
            p.summary = NULL;
        }
    }
    free(p.summary);
    free(id);
    return rc;
}

int eval_predictions_make(size_t n, struct eval_predictions *out, struct err *e) {
    *out = (struct eval_predictions){.v = calloc(n ? n : 1, sizeof *out->v)};
    if (!out->v)
        return err_nomem(e, "predictions");
    out->n = n;
    for (size_t i = 0; i < n; i++)
        out->v[i].confidence = NAN;
    return 0;
}

int eval_predictions_read(const char *name, const char *text, size_t len,
                          const struct eval_items *items, struct eval_predictions *out,
                          struct err *e) {
    int rc = eval_predictions_make(items->n, out, e);
    if (rc == 0)
        rc = each_line(name, text, len, read_prediction, &(struct reading){items, out}, e);
    if (rc)
        eval_predictions_free(out);
    return rc;
}

void eval_predictions_free(struct eval_predictions *p) {
    for (size_t i = 0; i < p->n; i++) {
        free(p->v[i].summary);
        free(p->v[i].features);
    }
    free(p->v);
    *p = (struct eval_predictions){0};
}
