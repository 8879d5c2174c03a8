/* A tokenizer from GGUF metadata. */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/utf8.h"
#include "text/tok_impl.h"

#define KEY "tokenizer.ggml."

enum { MAX_TOKENS = 1 << 24, MAX_MERGES = 1 << 25, ALPHABET_END = 324 };

struct entry {
    uint32_t hash;
    uint32_t id; /* UINT32_MAX: empty */
};

/* What only loading needs. */
struct loader {
    const struct gguf *g;
    struct tok *t;
    struct str *spelling; /* [t->n], borrowed from g */
    struct entry *table;       /* spelling -> id, open addressing */
    size_t mask;
    uint16_t char_of[256];         /* GPT-2's alphabet: the character that stands for a byte */
    int16_t byte_of[ALPHABET_END]; /* and back; -1: none */
    struct err *e;
};

/* "PATH: LINE". */
static int bad(struct loader *l, int code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static int bad(struct loader *l, int code, const char *format, ...) {
    char line[400];
    va_list ap;
    va_start(ap, format);
    vsnprintf(line, sizeof line, format, ap);
    va_end(ap);
    return err_set(l->e, code, "%s: %s", gguf_path(l->g), line);
}

/* Bytes of a string that fit a message: 60, no character cut. */
static int shown(struct str s) {
    size_t n = s.len < 60 ? s.len : 60;
    while (n < s.len && n && ((uint8_t)s.s[n] & 0xc0) == 0x80)
        n--;
    return (int)n;
}

/* GPT-2's alphabet (openai/gpt-2, encoder.py): printable Latin-1 stands for itself, the other 68
 * bytes for U+0100 and on. */
static void make_alphabet(struct loader *l) {
    uint16_t next = 256;
    memset(l->byte_of, 0xff, sizeof l->byte_of);
    for (uint16_t b = 0; b < 256; b++) {
        bool itself = (b >= 33 && b <= 126) || (b >= 161 && b <= 172) || b >= 174;
        l->char_of[b] = itself ? b : next++;
        l->byte_of[l->char_of[b]] = (int16_t)b;
    }
}

static uint32_t hash_of(struct str s) {
    return (uint32_t)hash_bytes(s.s, s.len, 0);
}

static bool same(struct str a, struct str b) {
    return a.len == b.len && memcmp(a.s, b.s, a.len) == 0;
}

/* The entry of a spelling, or the empty one where it would be. */
static struct entry *find(const struct loader *l, struct str s, uint32_t hash) {
    for (size_t i = hash & l->mask;; i = (i + 1) & l->mask) {
        struct entry *x = &l->table[i];
        if (x->id == UINT32_MAX)
            return x;
        if (x->hash == hash && same(l->spelling[x->id], s))
            return x;
    }
}

static int load_kind(struct loader *l) {
    struct str model, pre;
    if (!gguf_string(l->g, KEY "model", &model))
        return bad(l, PRECIS_EINPUT,
                   KEY "model is missing or no string: the file has no tokenizer");
    if (model.len != 4 || memcmp(model.s, "gpt2", 4) != 0)
        return bad(l, PRECIS_EUNSUPPORTED, KEY "model \"%.*s\" is not supported (only: gpt2)",
                   shown(model), model.s);
    if (!gguf_string(l->g, KEY "pre", &pre))
        return bad(l, PRECIS_EUNSUPPORTED,
                   KEY "pre is missing or no string: the pre-tokeniser is unknown");
    static const struct {
        const char *name;
        split_fn *split;
        bool nfc;
    } kinds[] = {{"smollm", split_smollm, false}, {"qwen2", split_qwen2, true}};
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (pre.len == strlen(kinds[i].name) && memcmp(pre.s, kinds[i].name, pre.len) == 0) {
            l->t->split = kinds[i].split;
            l->t->nfc = kinds[i].nfc;
            return 0;
        }
    return bad(l, PRECIS_EUNSUPPORTED, KEY "pre \"%.*s\" is not supported (only: smollm, qwen2)",
               shown(pre), pre.s);
}

static int string_array(struct loader *l, const char *key, size_t most, size_t *n) {
    enum gguf_type type;
    if (!gguf_array(l->g, key, &type, n) || type != GGUF_STRING)
        return bad(l, PRECIS_EINPUT, "%s is missing or no array of strings", key);
    if (*n > most)
        return bad(l, PRECIS_EINPUT, "%s has %zu entries, more than %zu", key, *n, most);
    return 0;
}

static int load_spellings(struct loader *l) {
    size_t n;
    int rc = string_array(l, KEY "tokens", MAX_TOKENS, &n);
    if (rc)
        return rc;
    if (n == 0)
        return bad(l, PRECIS_EINPUT, KEY "tokens is empty");
    l->t->n = (uint32_t)n;
    size_t slots = 16;
    while (slots < 2 * n)
        slots *= 2;
    l->mask = slots - 1;
    l->spelling = malloc(n * sizeof *l->spelling);
    l->table = malloc(slots * sizeof *l->table);
    if (!l->spelling || !l->table)
        return err_nomem(l->e, "vocabulary");
    memset(l->table, 0xff, slots * sizeof *l->table);
    for (uint32_t i = 0; i < n; i++) {
        struct str *s = &l->spelling[i];
        if (!gguf_array_string(l->g, KEY "tokens", i, s))
            return bad(l, PRECIS_EINPUT, KEY "tokens: entry %" PRIu32 " cannot be read", i);
        uint32_t hash = hash_of(*s);
        struct entry *x = find(l, *s, hash);
        if (x->id != UINT32_MAX)
            return bad(l, PRECIS_EINPUT,
                       KEY "tokens: entry %" PRIu32 " repeats entry %" PRIu32 " (\"%.*s\")", i,
                       x->id, shown(*s), s->s);
        *x = (struct entry){hash, i};
    }
    return 0;
}

static int load_types(struct loader *l) {
    struct tok *t = l->t;
    t->type = malloc(t->n);
    if (!t->type)
        return err_nomem(l->e, "vocabulary");
    memset(t->type, TOK_TYPE_NORMAL, t->n);
    if (!gguf_has(l->g, KEY "token_type"))
        return 0;
    enum gguf_type type;
    size_t n;
    if (!gguf_array(l->g, KEY "token_type", &type, &n) || type == GGUF_STRING)
        return bad(l, PRECIS_EINPUT, KEY "token_type is no array of numbers");
    if (n != t->n)
        return bad(l, PRECIS_EINPUT, KEY "token_type has %zu entries, " KEY "tokens has %" PRIu32,
                   n, t->n);
    for (uint32_t i = 0; i < t->n; i++) {
        double v;
        if (!gguf_array_f64(l->g, KEY "token_type", i, &v) ||
            !(v >= TOK_TYPE_NORMAL && v <= TOK_TYPE_BYTE))
            return bad(l, PRECIS_EINPUT, KEY "token_type: entry %" PRIu32 " is not 1 to 6", i);
        t->type[i] = (uint8_t)v;
    }
    return 0;
}

static bool is_added(const struct tok *t, uint32_t id) {
    return t->type[id] == TOK_TYPE_CONTROL || t->type[id] == TOK_TYPE_USER;
}

/* The bytes that a spelling in GPT-2's alphabet stands for, into out; a spelling with any other
 * character stands for itself, as in `tokenizers`. Returns their number, at most s.len. */
static size_t spelled_bytes(const struct loader *l, struct str s, char *out) {
    size_t n = 0;
    for (size_t i = 0; i < s.len; n++) {
        uint32_t c;
        int k = utf8_decode((const uint8_t *)s.s + i, s.len - i, &c);
        if (k == 0 || c >= ALPHABET_END || l->byte_of[c] < 0) {
            memcpy(out, s.s, s.len);
            return s.len;
        }
        out[n] = (char)l->byte_of[c];
        i += (size_t)k;
    }
    return n;
}

static int load_bytes(struct loader *l) {
    struct tok *t = l->t;
    size_t total = 0;
    for (uint32_t i = 0; i < t->n; i++)
        total += l->spelling[i].len;
    if (total > INT32_MAX)
        return bad(l, PRECIS_EINPUT, KEY "tokens: %zu bytes of spellings are too many", total);
    t->bytes = malloc(total + 1);
    t->at = malloc(((size_t)t->n + 1) * sizeof *t->at);
    if (!t->bytes || !t->at)
        return err_nomem(l->e, "vocabulary");
    uint32_t at = 0;
    for (uint32_t i = 0; i < t->n; i++) {
        struct str s = l->spelling[i];
        t->at[i] = at;
        if (is_added(t, i)) {
            memcpy(t->bytes + at, s.s, s.len);
            at += (uint32_t)s.len;
        } else {
            at += (uint32_t)spelled_bytes(l, s, t->bytes + at);
        }
    }
    t->at[t->n] = at;
    return 0;
}

static int load_special(struct loader *l) {
    struct tok *t = l->t;
    size_t n = 0;
    for (uint32_t i = 0; i < t->n; i++)
        n += is_added(t, i) && l->spelling[i].len;
    struct special_token *v = malloc((n + 1) * sizeof *v);
    if (!v)
        return err_nomem(l->e, "special tokens");
    n = 0;
    for (uint32_t i = 0; i < t->n; i++)
        if (is_added(t, i) && l->spelling[i].len)
            v[n++] = (struct special_token){t->bytes + t->at[i], l->spelling[i].len, i};
    special_init(&t->special, v, n);
    return 0;
}

/* The id that s names; -1: none. A good guess saves a cache miss. */
static int64_t id_of(const struct loader *l, struct str s, uint32_t guess) {
    if (guess < l->t->n && same(l->spelling[guess], s))
        return guess;
    uint32_t id = find(l, s, hash_of(s))->id;
    return id == UINT32_MAX ? -1 : (int64_t)id;
}

/* "LEFT RIGHT" and both together must be tokens. Vocabularies list the merged ones in the order of
 * the merges: *guess. */
static int load_merge(struct loader *l, uint32_t rank, uint32_t *guess, struct buf *joined) {
    struct str s;
    if (!gguf_array_string(l->g, KEY "merges", rank, &s))
        return bad(l, PRECIS_EINPUT, KEY "merges: entry %" PRIu32 " cannot be read", rank);
    const char *space = s.len ? memchr(s.s, ' ', s.len) : NULL;
    size_t n = space ? (size_t)(space - s.s) : 0;
    if (!space || memchr(space + 1, ' ', s.len - n - 1))
        return bad(l, PRECIS_EINPUT,
                   KEY "merges: entry %" PRIu32 " (\"%.*s\") is not two tokens and a space", rank,
                   shown(s), s.s);
    buf_clear(joined);
    buf_append(joined, s.s, n);
    buf_append(joined, space + 1, s.len - n - 1);
    if (buf_failed(joined))
        return err_nomem(l->e, "merges");
    struct str part[3] = {{s.s, n}, {space + 1, s.len - n - 1}, {joined->data, joined->len}};
    int64_t id[3];
    for (int i = 0; i < 3; i++) {
        id[i] = id_of(l, part[i], i == 2 ? *guess : UINT32_MAX);
        if (id[i] < 0)
            return bad(l, PRECIS_EINPUT,
                       KEY "merges: entry %" PRIu32 " (\"%.*s\") names a token that " KEY
                           "tokens lacks: \"%.*s\"",
                       rank, shown(s), s.s, shown(part[i]), part[i].s);
    }
    *guess = (uint32_t)id[2] + 1;
    bpe_add(&l->t->bpe, rank, (uint32_t)id[0], (uint32_t)id[1], (uint32_t)id[2]);
    return 0;
}

static int load_merges(struct loader *l) {
    size_t n;
    int rc = string_array(l, KEY "merges", MAX_MERGES, &n);
    if (rc)
        return rc;
    if (!bpe_init(&l->t->bpe, n))
        return err_nomem(l->e, "merges");
    struct buf text = {0};
    for (unsigned b = 0; rc == 0 && b < 256; b++) {
        buf_clear(&text);
        unicode_append(&text, l->char_of[b]);
        struct str s = {text.data, text.len};
        if (buf_failed(&text))
            rc = err_nomem(l->e, "merges");
        else
            l->t->bpe.byte_id[b] = (int32_t)id_of(l, s, UINT32_MAX);
    }
    uint32_t guess = UINT32_MAX;
    for (uint32_t i = 0; rc == 0 && i < n; i++)
        rc = load_merge(l, i, &guess, &text);
    buf_free(&text);
    return rc;
}

/* An optional id. */
static int load_id(struct loader *l, const char *key, int64_t *id) {
    uint64_t v;
    *id = -1;
    if (!gguf_has(l->g, key))
        return 0;
    if (!gguf_u64(l->g, key, &v))
        return bad(l, PRECIS_EINPUT, "%s is no token id", key);
    if (v >= l->t->n)
        return bad(l, PRECIS_EINPUT, "%s is %" PRIu64 ", but there are only %" PRIu32 " tokens",
                   key, v, l->t->n);
    *id = (int64_t)v;
    return 0;
}

/* An optional flag that wants the id. */
static int load_flag(struct loader *l, const char *key, int64_t id, bool *flag) {
    *flag = false;
    if (gguf_has(l->g, key) && !gguf_bool(l->g, key, flag))
        return bad(l, PRECIS_EINPUT, "%s is no boolean", key);
    if (*flag && id < 0)
        return bad(l, PRECIS_EINPUT, "%s is true, but there is no such token", key);
    return 0;
}

static void add_stop(struct tok *t, int64_t id) {
    for (size_t i = 0; i < t->n_stops; i++)
        if (t->stops[i] == id)
            return;
    if (id >= 0 && t->n_stops < TOK_MAX_STOPS)
        t->stops[t->n_stops++] = (uint32_t)id;
}

static int load_ids(struct loader *l) {
    struct tok *t = l->t;
    int64_t eot;
    int rc = load_id(l, KEY "bos_token_id", &t->bos);
    if (rc == 0)
        rc = load_id(l, KEY "eos_token_id", &t->eos);
    if (rc == 0)
        rc = load_id(l, KEY "eot_token_id", &eot);
    if (rc == 0)
        rc = load_flag(l, KEY "add_bos_token", t->bos, &t->add_bos);
    if (rc == 0)
        rc = load_flag(l, KEY "add_eos_token", t->eos, &t->add_eos);
    if (rc)
        return rc;
    bool prefix = false;
    if (gguf_bool(l->g, KEY "add_space_prefix", &prefix) && prefix)
        return bad(l, PRECIS_EUNSUPPORTED, KEY "add_space_prefix true is not supported");
    add_stop(t, t->eos);
    add_stop(t, eot);
    static const char *const names[] = {"<|im_end|>",    "<|endoftext|>", "<|eot_id|>",
                                        "<|eom_id|>",    "<|end|>",       "<|end_of_text|>",
                                        "<end_of_turn>", "</s>"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        add_stop(t, tok_id(t, names[i]));
    return 0;
}

static int load_template(struct loader *l) {
    struct str s;
    if (!gguf_string(l->g, "tokenizer.chat_template", &s))
        return 0;
    l->t->chat_template = malloc(s.len + 1);
    if (!l->t->chat_template)
        return err_nomem(l->e, "chat template");
    memcpy(l->t->chat_template, s.s, s.len);
    l->t->chat_template[s.len] = 0;
    return 0;
}

int tok_from_gguf(const struct gguf *g, struct tok **out, struct err *e) {
    *out = NULL;
    struct loader l = {.g = g, .t = calloc(1, sizeof *l.t), .e = e};
    int rc = 0;
    if (!l.t || !(l.t->pool = encoder_pool_new())) {
        rc = err_nomem(e, "tokenizer");
        goto done;
    }
    make_alphabet(&l);
    static int (*const steps[])(struct loader *) = {load_kind,  load_spellings, load_types,
                                                    load_bytes, load_special,   load_merges,
                                                    load_ids,   load_template};
    for (size_t i = 0; rc == 0 && i < sizeof steps / sizeof *steps; i++)
        rc = steps[i](&l);
done:
    free(l.spelling);
    free(l.table);
    if (rc == 0)
        *out = l.t;
    else
        tok_free(l.t);
    return rc;
}
