#include "summary/prompt_rollup.h"

#include <stdlib.h>

#include "summary/prompt_rollup_examples.h"
#include "summary/prompt_shown.h"

enum {
    PARTS_TOKENS = 1200, /* more than that small models lose sight of */
    MARGIN = 24          /* tokens: of what is not shown, and of words that join across lines */
};

static const char *const kinds[] = {"", "File", "Folder", "Repository"};
static const char *const kinds_within[] = {"", "file", "folder", "repository"};

static void append_part(struct buf *b, const struct rollup_part *x) {
    buf_str(b, "// - ");
    append_shown(b, x->name);
    buf_str(b, ": ");
    append_shown(b, x->line);
    buf_char(b, '\n');
}

/* shown: which parts; NULL: all. */
static void append_question(struct buf *b, const struct rollup_question *q, const bool *shown) {
    size_t hidden = 0;
    buf_printf(b, "// %s: ", kinds[q->level]);
    append_shown(b, q->name);
    buf_char(b, '\n');
    for (size_t i = 0; i < q->n; i++)
        if (!shown || shown[i])
            append_part(b, &q->parts[i]);
        else
            hidden++;
    if (hidden)
        buf_printf(b, "// - ... and %zu more\n", hidden);
    buf_printf(b, "// What the %s `", kinds_within[q->level]);
    append_shown(b, q->name);
    buf_str(b, "` does, in one sentence:");
}

static void append_document(struct buf *b, size_t examples, const struct rollup_question *q,
                            const bool *shown) {
    for (size_t i = 0; i < examples; i++) {
        append_question(b, &rollup_examples[i].question, NULL);
        buf_char(b, ' ');
        buf_str(b, rollup_examples[i].sentence);
        buf_str(b, "\n\n");
    }
    append_question(b, q, shown);
}

static int encode(const struct prompt *p, const struct buf *b, unsigned flags, struct ids *out,
                  struct err *e) {
    if (buf_failed(b))
        return err_nomem(e, "prompt");
    int rc = tok_encode(p->tok, b->data, b->len, flags, out, e);
    return rc == 0 && out->failed ? err_nomem(e, "prompt") : rc;
}

/* What is there once: scratch, and what the parts cost. */
struct fitting {
    const struct rollup_question *q;
    struct buf text;
    struct ids ids;
    size_t *costs; /* [n] tokens */
    bool *shown;   /* [n] */
    size_t n_shown;
};

static int count(struct fitting *f, const struct prompt *p, unsigned flags, size_t *tokens,
                 struct err *e) {
    f->ids.n = 0;
    int rc = encode(p, &f->text, flags, &f->ids, e);
    buf_clear(&f->text);
    *tokens = f->ids.n;
    return rc;
}

static int count_parts(struct fitting *f, const struct prompt *p, size_t *total, struct err *e) {
    int rc = 0;
    *total = 0;
    for (size_t i = 0; rc == 0 && i < f->q->n; i++) {
        append_part(&f->text, &f->q->parts[i]);
        rc = count(f, p, TOK_NO_SPECIAL | TOK_PLAIN, &f->costs[i], e);
        *total += f->costs[i];
    }
    return rc;
}

/* The best of each of k groups; the tokens that they take. */
static size_t choose(struct fitting *f, size_t k) {
    const struct rollup_question *q = f->q;
    size_t tokens = 0;
    for (size_t g = 0; g < k; g++) {
        size_t first = q->n / k * g + q->n % k * g / k;
        size_t end = q->n / k * (g + 1) + q->n % k * (g + 1) / k, best = first;
        for (size_t i = first; i < end; i++) {
            f->shown[i] = false;
            if (q->parts[i].confidence > q->parts[best].confidence)
                best = i;
        }
        f->shown[best] = true;
        tokens += f->costs[best];
    }
    f->n_shown = k;
    return tokens;
}

static int fit(struct fitting *f, const struct prompt *p, size_t examples, struct err *e) {
    struct rollup_question nothing = *f->q;
    size_t frame, total;
    nothing.n = 0;
    append_document(&f->text, examples, &nothing, NULL);
    int rc = count(f, p, TOK_PLAIN, &frame, e);
    if (rc == 0)
        rc = count_parts(f, p, &total, e);
    if (rc)
        return rc;
    frame += MARGIN;
    size_t room = frame < p->limit ? p->limit - frame : 0;
    room = room < PARTS_TOKENS ? room : PARTS_TOKENS;
    size_t k = f->q->n;
    if (total > room && k > room)
        k = room ? room : 1; /* a part is a token at least */
    while (choose(f, k) > room && k > 1)
        k--;
    return 0;
}

int prompt_rollup_build(const struct prompt *p, const struct rollup_question *q, struct buf *text,
                        struct ids *out, bool *cut, struct err *e) {
    struct fitting f = {.q = q};
    size_t before = out->n, examples = ROLLUP_EXAMPLES;
    *cut = false;
    f.costs = calloc(q->n, sizeof *f.costs);
    f.shown = calloc(q->n, sizeof *f.shown);
    int rc = f.costs && f.shown ? 0 : err_nomem(e, "prompt");
    for (;; examples = 0) {
        if (rc == 0)
            rc = fit(&f, p, examples, e);
        buf_clear(text);
        append_document(text, examples, q, f.shown);
        out->n = before;
        if (rc == 0)
            rc = encode(p, text, TOK_PLAIN, out, e);
        if (rc || out->n - before <= p->limit || examples == 0)
            break;
    }
    if (rc == 0 && out->n - before > p->limit)
        rc = err_set(e, PRECIS_ELIMIT, "no room for parts: the prompt takes %zu of %zu tokens",
                     out->n - before, p->limit);
    *cut = rc == 0 && f.n_shown < q->n;
    free(f.costs);
    free(f.shown);
    ids_free(&f.ids);
    buf_free(&f.text);
    return rc;
}
