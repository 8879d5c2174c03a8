#include "model/checkpoint.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "model/config_gguf.h"
#include "model/config_json.h"
#include "model/folder.h"
#include "model/revision.h"

struct checkpoint {
    char *path;        /* owned */
    struct gguf *gguf; /* owned; NULL for a folder */
    struct folder folder;
    struct tensor_set tensors;
    struct model_config config;
};

static int open_gguf(struct checkpoint *c, struct err *e) {
    int rc = gguf_open(c->path, &c->gguf, e);
    if (!rc)
        rc = tensor_set_from_gguf(&c->tensors, c->gguf, e);
    return rc ? rc : config_gguf_read(c->gguf, &c->tensors, &c->config, e);
}

static int open_folder(struct checkpoint *c, struct err *e) {
    int rc = folder_open(&c->folder, c->path, e);
    if (!rc)
        rc = tensor_set_from_files(&c->tensors, c->folder.files, c->folder.count, e);
    return rc ? rc
              : config_json_read(c->folder.config, c->folder.config_path, c->path, &c->tensors,
                                 &c->config, e);
}

int checkpoint_open(const char *path, struct checkpoint **out, struct err *e) {
    struct stat st;
    *out = NULL;
    struct checkpoint *c = calloc(1, sizeof *c);
    if (!c)
        return err_nomem(e, path);
    c->path = strdup(path);
    c->tensors.path = c->path;
    int rc = c->path ? 0 : err_nomem(e, path);
    if (!rc)
        rc = stat(path, &st) == 0 && S_ISDIR(st.st_mode) ? open_folder(c, e) : open_gguf(c, e);
    if (rc) {
        checkpoint_close(c);
        return rc;
    }
    tensor_set_finish(&c->tensors);
    *out = c;
    return 0;
}

void checkpoint_close(struct checkpoint *c) {
    if (!c)
        return;
    tensor_set_free(&c->tensors);
    gguf_close(c->gguf);
    folder_free(&c->folder);
    free(c->path);
    free(c);
}

const char *checkpoint_path(const struct checkpoint *c) {
    return c->path;
}

const struct decoder_config *checkpoint_decoder(const struct checkpoint *c) {
    return c->config.is_encoder ? NULL : &c->config.decoder;
}

const struct encoder_config *checkpoint_encoder(const struct checkpoint *c) {
    return c->config.is_encoder ? &c->config.encoder : NULL;
}

const struct tensor *checkpoint_tensor(const struct checkpoint *c, const char *name) {
    return tensor_set_find(&c->tensors, name);
}

void checkpoint_release(const struct checkpoint *c) {
    if (c->gguf)
        gguf_release(c->gguf);
    folder_release(&c->folder);
}

const struct gguf *checkpoint_gguf(const struct checkpoint *c) {
    return c->gguf;
}

int checkpoint_revision(const struct checkpoint *c, char out[HASH_HEX_SIZE], struct err *e) {
    if (!c->gguf)
        return folder_revision(&c->folder, out, e);
    return revision_of(c->path, gguf_bytes(c->gguf), gguf_size(c->gguf), out, e);
}
