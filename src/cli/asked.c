#include "cli/asked.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/pool.h"
#include "cli/eval.h"
#include "cli/model.h"

/* Which file lies there, without reading it. */
static bool put_identity(struct buf *b, const char *path) {
    struct stat st;
    if (stat(path, &st) != 0)
        return false;
    buf_printf(b, "%lld %lld.%09ld %llu %llu", (long long)st.st_size, (long long)st.st_mtim.tv_sec,
               st.st_mtim.tv_nsec, (unsigned long long)st.st_ino, (unsigned long long)st.st_dev);
    buf_char(b, 0);
    return true;
}

/* What lies beside the weights in a model's folder and is no part of their revision. */
static void put_beside(struct buf *b, const char *folder) {
    static const char *const names[] = {"tokenizer.json",
                                        "tokenizer_config.json",
                                        "special_tokens_map.json",
                                        "vocab.txt",
                                        "vocab.json",
                                        "merges.txt",
                                        "generation_config.json",
                                        "modules.json",
                                        "1_Pooling/config.json",
                                        "sentence_bert_config.json",
                                        "chat_template.jinja"};
    char path[4200];
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        snprintf(path, sizeof path, "%s/%s", folder, names[i]);
        if (!put_identity(b, path))
            buf_char(b, '-');
    }
}

static int put_model(struct buf *b, const char *name, char revision[HASH_HEX_SIZE], struct err *e) {
    struct model m;
    int rc = model_open(&m, &(struct model_options){.name = name}, MODEL_REVISION, e);
    if (rc)
        return rc;
    buf_printf(b, "%s %s", m.name, m.revision);
    buf_char(b, 0);
    put_beside(b, m.path);
    memcpy(revision, m.revision, HASH_HEX_SIZE);
    model_close(&m);
    return 0;
}

/* Options of the engine and of the cutting; the machine where they leave the choice to it. */
static int put_options(struct buf *b, const struct args *a, struct err *e) {
    const char *isa;
    int rc = engine_isa(&isa, e);
    if (rc)
        return rc;
    buf_printf(b, "%s %d %d %" PRIu64 " %" PRIu64 " %" PRIu64 " %d %ld", isa, a->precision,
               a->device, a->lanes, a->agents, a->memory_limit, pool_cores(),
               sysconf(_SC_PHYS_PAGES));
    buf_printf(b, " %" PRIu64 " %d %d %d %" PRIu64, a->loc, a->chunk, a->prefer_docs,
               a->no_fallback, a->seed);
    buf_char(b, 0);
    return 0;
}

int asked_make(const struct args *a, struct asked *out, struct err *e) {
    struct buf b = {0};
    char revision[HASH_HEX_SIZE];
    struct sampling sampling;
    *out = (struct asked){0};
    model_sampling(a, &sampling);
    buf_append(&b, "precis-asked-1 " PRECIS_VERSION, sizeof "precis-asked-1 " PRECIS_VERSION);
    buf_append(&b, DECODER_VERSION, sizeof DECODER_VERSION);
    out->whole = put_identity(&b, "/proc/self/exe");
    int rc = put_model(&b, a->model, revision, e);
    if (rc == 0)
        rc = put_options(&b, a, e);
    if (rc == 0 && put_model(&b, embedder_asked(a), out->judge_revision, NULL) != 0)
        out->judge_revision[0] = 0; /* what that means is said when it is opened */
    const struct provenance made = {.judged_by = embedder_asked(a),
                                    .judge_revision = out->judge_revision};
    if (rc == 0)
        rc = asked_parameters(&b, a, &sampling, &made, e);
    if (rc == 0)
        rc = buf_failed(&b) ? err_nomem(e, "what was asked")
                            : hash_sha256(b.data, b.len, out->how, e);
    buf_free(&b);
    return rc;
}
