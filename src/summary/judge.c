#include "summary/judge.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "search/words.h"
#include "summary/judge_weights.h"

/* How much the parts of a line's score weigh beside the agreement of embeddings: near those that
 * predict cosine, BLEU and ROUGE-L best over the candidates of 596 items (docs/summaries.md). */
static const double WEIGHT_WORDS = 0.8, WEIGHT_MEAN = 0.04, WEIGHT_KEY = 0.25, WEIGHT_NAME = 0.4,
                    WEIGHT_TEXT = 0.5, WEIGHT_INVENTED = -0.15;
static const double LEAST_END = -10;
/* What a line that stands alone is taken to have: the means over set A (docs/summaries.md). */
static const double USUAL_AGREEMENT = 0.784, USUAL_WORDS = 0.525, USUAL_ALL = 0.72;
/* What is left of a confidence where something is invented: such a line is not acceptable, unless
 * what it names is only not in sight. */
static const double INVENTED = 0.1;

enum { MOST_WORDS = 256, NEAR_EXAMPLES = 4 };

const char *judge_feature_name(enum judge_feature f) {
    static const char *const names[JUDGE_FEATURES] = {
        "agreement", "words",  "all",     "mean",     "least",   "key",
        "name",      "text",   "example", "examples", "nearest", "overlap",
        "invented",  "length", "end",     "size",     "outlined"};
    return names[f];
}

/* The words of a line, as hashes. */
struct said {
    uint64_t v[MOST_WORDS];
    size_t n;
};

struct bench {
    const struct judge_line *lines;
    size_t n, width;
    struct said said[ENGINE_MAX_BEAMS];
    float *vectors;   /* [n, width]; NULL: no embedder */
    float *sentences; /* [n_hits, width] of the examples; NULL: likewise, or none */
    double cosine[ENGINE_MAX_BEAMS][ENGINE_MAX_BEAMS], words[ENGINE_MAX_BEAMS][ENGINE_MAX_BEAMS];
};

static void read_words(const char *text, struct said *s) {
    struct word_walk w;
    word_walk_start(&w, text, strlen(text));
    for (s->n = 0; s->n < MOST_WORDS && word_walk_next(&w);)
        s->v[s->n++] = hash_bytes(w.word, w.len, 1);
}

static int by_value(const void *a, const void *b) {
    uint64_t x, y;
    memcpy(&x, a, sizeof x);
    memcpy(&y, b, sizeof y);
    return x < y ? -1 : x > y;
}

/* F1 of runs of `run` words (1 or 2), as bags. */
static double f1(const struct said *a, const struct said *b, size_t run) {
    uint64_t x[MOST_WORDS], y[MOST_WORDS];
    size_t n = a->n + 1 > run ? a->n + 1 - run : 0, m = b->n + 1 > run ? b->n + 1 - run : 0;
    if (n == 0 || m == 0)
        return 0;
    for (size_t i = 0; i < n; i++)
        x[i] = run == 1 ? a->v[i] : hash_mix(a->v[i], a->v[i + 1]);
    for (size_t i = 0; i < m; i++)
        y[i] = run == 1 ? b->v[i] : hash_mix(b->v[i], b->v[i + 1]);
    qsort(x, n, sizeof *x, by_value);
    qsort(y, m, sizeof *y, by_value);
    size_t both = 0;
    for (size_t i = 0, k = 0; i < n && k < m;) {
        both += x[i] == y[k];
        uint64_t u = x[i], v = y[k];
        i += u <= v;
        k += v <= u;
    }
    return 2 * (double)both / (double)(n + m);
}

static int compare(struct bench *b, struct embedder *em, struct err *e) {
    for (size_t i = 0; i < b->n; i++)
        read_words(b->lines[i].text, &b->said[i]);
    if (em) {
        struct embed_text texts[ENGINE_MAX_BEAMS];
        for (size_t i = 0; i < b->n; i++)
            texts[i] = (struct embed_text){b->lines[i].text, strlen(b->lines[i].text)};
        b->width = embedder_info(em)->width;
        b->vectors = malloc((b->n * b->width + 1) * sizeof *b->vectors);
        if (!b->vectors)
            return err_nomem(e, "vectors of lines");
        int rc = embedder_embed(em, texts, b->n, NULL, b->vectors, NULL, e);
        if (rc)
            return rc;
    }
    for (size_t i = 0; i < b->n; i++)
        for (size_t k = 0; k <= i; k++) {
            double words = (f1(&b->said[i], &b->said[k], 1) + f1(&b->said[i], &b->said[k], 2)) / 2;
            b->words[i][k] = b->words[k][i] = words;
            if (em)
                b->cosine[i][k] = b->cosine[k][i] = (double)embed_dot(
                    b->vectors + i * b->width, b->vectors + k * b->width, b->width);
        }
    return 0;
}

static int embed_examples(struct bench *b, const struct evidence *v, const struct examples *pool,
                          struct err *e) {
    size_t of[EXAMPLES_MOST_NEAREST];
    for (size_t k = 0; k < v->n_hits; k++)
        of[k] = v->hits[k].index;
    b->sentences = malloc(v->n_hits * b->width * sizeof *b->sentences);
    if (!b->sentences)
        return err_nomem(e, "vectors of examples");
    return examples_sentence_vectors(pool, of, v->n_hits, b->sentences, e);
}

static double mean_of(const double *v, size_t n) {
    double sum = 0;
    for (size_t i = 0; i < n; i++)
        sum += v[i];
    return n ? sum / (double)n : 0;
}

static double to_view(const struct bench *b, size_t i, const struct evidence *v,
                      enum evidence_view view) {
    if (!b->vectors || !v->vectors)
        return 0;
    return (double)embed_dot(b->vectors + i * b->width, v->vectors + (size_t)view * v->width,
                             b->width);
}

static bool is_grounded(const char *text, const struct evidence *v) {
    struct grounding g;
    ground_check(&v->words, text, strlen(text), &g);
    return g.grounded;
}

static size_t choose(const struct bench *b, const struct evidence *v) {
    size_t best = 0;
    double most = -INFINITY;
    for (size_t i = 0; i < b->n; i++) {
        double score = mean_of(b->cosine[i], b->n) + WEIGHT_WORDS * mean_of(b->words[i], b->n) +
                       WEIGHT_MEAN * log(b->lines[i].mean + 1e-9) +
                       WEIGHT_KEY * to_view(b, i, v, EVIDENCE_KEY) +
                       WEIGHT_NAME * to_view(b, i, v, EVIDENCE_NAME) +
                       WEIGHT_TEXT * to_view(b, i, v, EVIDENCE_TEXT) +
                       (is_grounded(b->lines[i].text, v) ? 0 : WEIGHT_INVENTED);
        if (score > most) {
            most = score;
            best = i;
        }
    }
    return best;
}

/* How near the line is to the sentences of the examples. */
static void weigh_examples(const struct bench *b, size_t i, const struct evidence *v, double *f) {
    double most = 0, sum = 0;
    size_t n = 0;
    for (size_t k = 0; k < v->n_hits && b->sentences; k++) {
        double cosine =
            (double)embed_dot(b->vectors + i * b->width, b->sentences + k * b->width, b->width);
        most = fmax(most, cosine);
        if (n < NEAR_EXAMPLES) {
            sum += cosine;
            n++;
        }
    }
    f[JUDGE_EXAMPLE] = most;
    f[JUDGE_EXAMPLES] = n ? sum / (double)n : 0;
    f[JUDGE_NEAREST] = v->n_hits ? (double)v->hits[0].cosine : 0;
}

static void weigh(const struct bench *b, size_t i, const struct evidence *v, struct verdict *out) {
    double *f = out->features, all = 0;
    const struct judge_line *l = &b->lines[i];
    struct grounding g;
    ground_check(&v->words, l->text, strlen(l->text), &g);
    out->grounded = g.grounded;
    for (size_t k = 0; k < b->n; k++)
        all += mean_of(b->cosine[k], b->n);
    f[JUDGE_AGREEMENT] = mean_of(b->cosine[i], b->n);
    f[JUDGE_WORDS] = mean_of(b->words[i], b->n);
    f[JUDGE_ALL] = all / (double)b->n;
    if (b->n == 1) { /* that a line agrees with itself says nothing */
        f[JUDGE_AGREEMENT] = b->vectors ? USUAL_AGREEMENT : 0;
        f[JUDGE_WORDS] = USUAL_WORDS;
        f[JUDGE_ALL] = b->vectors ? USUAL_ALL : 0;
    }
    f[JUDGE_MEAN] = log(l->mean + 1e-9);
    f[JUDGE_LEAST] = log(l->least + 1e-9);
    f[JUDGE_KEY] = to_view(b, i, v, EVIDENCE_KEY);
    f[JUDGE_NAME] = to_view(b, i, v, EVIDENCE_NAME);
    f[JUDGE_TEXT] = to_view(b, i, v, EVIDENCE_TEXT);
    weigh_examples(b, i, v, f);
    f[JUDGE_OVERLAP] = g.overlap;
    f[JUDGE_INVENTED] = !g.grounded;
    f[JUDGE_LENGTH] = log(1 + (double)b->said[i].n);
    f[JUDGE_END] = fmax(l->end_logprob, LEAST_END); /* -INFINITY where no end was asked for */
    f[JUDGE_SIZE] = log(1 + (double)v->len);
    f[JUDGE_OUTLINED] = v->outlined;
}

static const struct judge_weights *weights_of(const char *model, bool vectors) {
    const size_t n = sizeof judge_tables / sizeof judge_tables[0];
    size_t i = 0;
    while (i + 1 < n && (!model || strcmp(judge_tables[i].model, model) != 0))
        i++;
    return vectors ? &judge_tables[i].by_vectors : &judge_tables[i].by_words;
}

static double probability(const double *f, const struct judge_weights *w) {
    double z = w->constant;
    for (size_t k = 0; k < JUDGE_FEATURES; k++)
        z += w->of[k] * f[k];
    return 1 / (1 + exp(-z));
}

int judge(const struct judge_line *lines, size_t n, const struct evidence *evidence,
          const struct judge_tools *tools, struct verdict *out, struct err *e) {
    struct embedder *em = evidence->vectors ? tools->em : NULL;
    struct bench *b = calloc(1, sizeof *b);
    *out = (struct verdict){0};
    if (!b)
        return err_nomem(e, "lines to choose from");
    b->lines = lines;
    b->n = n;
    int rc = compare(b, em, e);
    if (rc == 0 && em && tools->pool && evidence->n_hits)
        rc = embed_examples(b, evidence, tools->pool, e);
    if (rc == 0) {
        out->best = choose(b, evidence);
        weigh(b, out->best, evidence, out);
        out->confidence = probability(out->features, weights_of(tools->model, em != NULL)) *
                          (out->grounded ? 1 : INVENTED);
    }
    free(b->vectors);
    free(b->sentences);
    free(b);
    return rc;
}
