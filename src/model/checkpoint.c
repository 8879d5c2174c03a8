#include "model/checkpoint.h"

#include <stdlib.h>

#include "model/config_gguf.h"
#include "model/revision.h"

struct checkpoint {
    struct gguf *gguf;
    struct decoder_config decoder;
};

int checkpoint_open(const char *path, struct checkpoint **out, struct err *e) {
    *out = NULL;
    struct checkpoint *c = calloc(1, sizeof *c);
    if (!c)
        return err_nomem(e, path);
    int rc = gguf_open(path, &c->gguf, e);
    if (rc == 0)
        rc = decoder_config_read(c->gguf, &c->decoder, e);
    if (rc)
        checkpoint_close(c);
    else
        *out = c;
    return rc;
}

void checkpoint_close(struct checkpoint *c) {
    if (!c)
        return;
    gguf_close(c->gguf);
    free(c);
}

const char *checkpoint_path(const struct checkpoint *c) {
    return gguf_path(c->gguf);
}

const struct decoder_config *checkpoint_decoder(const struct checkpoint *c) {
    return &c->decoder;
}

const struct encoder_config *checkpoint_encoder(const struct checkpoint *c) {
    (void)c;
    return NULL;
}

const struct tensor *checkpoint_tensor(const struct checkpoint *c, const char *name) {
    return gguf_find_tensor(c->gguf, name);
}

void checkpoint_release(const struct checkpoint *c) {
    gguf_release(c->gguf);
}

const struct gguf *checkpoint_gguf(const struct checkpoint *c) {
    return c->gguf;
}

int checkpoint_revision(const struct checkpoint *c, char out[HASH_HEX_SIZE], struct err *e) {
    return revision_of(gguf_path(c->gguf), gguf_bytes(c->gguf), gguf_size(c->gguf), out, e);
}
