#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/pool.h"
#include "code/doc.h"
#include "code/outline.h"
#include "summary/examples.h"

enum { FILES_AT_ONCE = 32 }; /* all that is documented in them is in memory */

static int take_symbol(struct examples *x, struct example *one, const struct tree *t,
                       const struct symbols *all, const struct symbol *s, struct buf text[3],
                       struct err *e) {
    const char *name = t->text + s->name.start;
    size_t name_size = s->name.end - s->name.start;
    for (int i = 0; i < 3; i++)
        buf_clear(&text[i]);
    doc_sentence(t->lang, t->text + s->doc.start, s->doc.end - s->doc.start, name, name_size,
                 &text[0]);
    if (!buf_failed(&text[0]) && (!text[0].len || !doc_is_good(text[0].data, text[0].len)))
        return 0;
    doc_strip(t, all, s->range, &text[1]);
    buf_append(&text[2], name, name_size);
    if (buf_failed(&text[0]) || buf_failed(&text[1]) || buf_failed(&text[2]))
        return err_nomem(e, "examples");
    if (!text[1].len)
        return 0;
    one->sentence = text[0].data;
    one->code = text[1].data;
    one->symbol = text[2].data;
    return examples_add(x, one, e);
}

int examples_file_code(const struct tree *t, const struct symbols *s, struct buf *out,
                       struct err *e) {
    struct outline o;
    int rc = outline_make(t, s, 1, UINT32_MAX, &(struct outline_options){.no_docs = true}, &o, e);
    if (rc)
        return rc;
    for (size_t i = 0; i < o.n; i++)
        if (o.v[i].kind == OUTLINE_SYMBOL && o.v[i].indent == 0)
            buf_printf(out, "%s\n", outline_text(&o, i));
    outline_free(&o);
    return buf_failed(out) ? err_nomem(e, "examples") : 0;
}

static int take_file(struct examples *x, struct example *one, const struct tree *t,
                     const struct symbols *all, struct buf text[3], struct err *e) {
    for (int i = 0; i < 3; i++)
        buf_clear(&text[i]);
    struct span doc = all->file_doc;
    doc_sentence(t->lang, t->text + doc.start, doc.end - doc.start, NULL, 0, &text[0]);
    if (!buf_failed(&text[0]) && (!text[0].len || !doc_is_good(text[0].data, text[0].len)))
        return 0;
    int rc =
        buf_failed(&text[0]) ? err_nomem(e, "examples") : examples_file_code(t, all, &text[1], e);
    if (rc || !text[1].len)
        return rc;
    one->sentence = text[0].data;
    one->code = text[1].data;
    one->symbol = "";
    return examples_add(x, one, e);
}

int examples_add_symbols(struct examples *x, const char *repo, const char *path,
                         const struct tree *t, const struct symbols *s, struct err *e) {
    struct example one = {.repo = repo, .path = path, .language = t->lang->name};
    struct buf text[3] = {{0}, {0}, {0}};
    int rc = s->file_doc.start < s->file_doc.end ? take_file(x, &one, t, s, text, e) : 0;
    for (uint32_t i = 0; rc == 0 && i < s->n; i++) {
        const struct symbol *one_of = &s->v[i];
        if ((symbol_is_callable(one_of->kind) || symbol_is_type(one_of->kind)) &&
            one_of->doc.start < one_of->doc.end)
            rc = take_symbol(x, &one, t, s, one_of, text, e);
    }
    for (int i = 0; i < 3; i++)
        buf_free(&text[i]);
    return rc;
}

/* The files first .. of a walk, each into a pool of its own. */
struct batch {
    const struct walk *w;
    const atomic_bool *stop;
    size_t first;
    struct examples *of[FILES_AT_ONCE]; /* NULL: none */
};

/* What cannot be parsed goes by lines and has no docs. */
static bool is_passed_over(int rc) {
    return rc == PRECIS_EUNSUPPORTED || rc == PRECIS_ELIMIT || rc == PRECIS_EINPUT ||
           rc == PRECIS_EIO;
}

static int read_file(struct batch *b, int i, struct err *e) {
    const struct walk_file *f = &b->w->files[b->first + (size_t)i];
    struct mapping m = {0};
    struct tree t = {0};
    struct symbols s = {0};
    if (!tree_knows(f->lang))
        return 0;
    int rc = file_read(f->path, &m, e);
    if (rc == 0)
        rc = tree_parse(f->lang, (const char *)m.data, m.size, &t, e);
    if (rc == 0)
        rc = symbols_find(&t, &s, e);
    if (rc == 0)
        rc = examples_new(SIZE_MAX / 4, &b->of[i], e);
    if (rc == 0)
        rc = examples_add_symbols(b->of[i], "", f->name, &t, &s, e);
    symbols_free(&s);
    tree_free(&t);
    file_unmap(&m);
    return is_passed_over(rc) ? 0 : rc;
}

static int read_files(void *user, struct pool_items *items, struct err *e) {
    struct batch *b = user;
    int i, rc = 0;
    while (rc == 0 && (i = pool_next(items)) >= 0)
        rc = b->stop && atomic_load(b->stop)
                 ? err_set(e, PRECIS_ECANCELLED, "reading examples was stopped")
                 : read_file(b, i, e);
    return rc;
}

/* In the order of the files, whichever thread read them. */
static int merge(struct examples *x, struct batch *b, int n, struct err *e) {
    int rc = 0;
    for (int i = 0; i < n; i++) {
        for (size_t k = 0; rc == 0 && b->of[i] && k < examples_count(b->of[i]); k++)
            rc = examples_add(x, examples_get(b->of[i], k), e);
        examples_free(b->of[i]);
        b->of[i] = NULL;
    }
    return rc;
}

int examples_add_walk(struct examples *x, const struct walk *w, int threads,
                      const atomic_bool *stop, struct err *e) {
    struct batch *b = calloc(1, sizeof *b);
    if (!b)
        return err_nomem(e, "examples");
    int rc = 0;
    for (size_t first = 0; rc == 0 && first < w->n; first += FILES_AT_ONCE) {
        size_t left = w->n - first;
        int n = left < FILES_AT_ONCE ? (int)left : FILES_AT_ONCE;
        *b = (struct batch){.w = w, .stop = stop, .first = first};
        rc = pool_run(threads > 0 ? threads : pool_cores(), n, read_files, b, e);
        if (rc) /* nothing of the batch */
            for (int i = 0; i < n; i++)
                examples_free(b->of[i]);
        else
            rc = merge(x, b, n, e);
    }
    free(b);
    return rc;
}
