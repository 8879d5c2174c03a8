/* What an engine must be to stand behind engine.h. */
#ifndef PRECIS_ENGINE_ENGINE_IMPL_H
#define PRECIS_ENGINE_ENGINE_IMPL_H

#include "engine/engine.h"

struct engine_ops {
    void (*close)(struct engine *en);
    int (*submit)(struct engine *en, const struct engine_job *job, uint64_t *ticket, struct err *e);
    void (*cancel)(struct engine *en, uint64_t ticket);
    void (*drain)(struct engine *en);
    void (*stats)(struct engine *en, struct engine_stats *s);
    int (*packed_sha256)(const struct engine *en, char out[HASH_HEX_SIZE], struct err *e);
};

/* The first member of every engine. */
struct engine {
    const struct engine_ops *ops;
    struct engine_info info;
};

struct checkpoint;

/* options are complete: no zero stands for a default. The checkpoint, of a decoder, is the engine's
 * from now on, also on failure. */
int native_open(struct checkpoint *c, const struct engine_options *options, struct engine **out,
                struct err *e);
/* The same for the checkpoint of an encoder. */
int encoder_open(struct checkpoint *c, const struct engine_options *options, struct engine **out,
                 struct err *e);
/* A .onnx file or a folder of them. Without ONNX Runtime's header at build time it refuses by name.
 */
int onnx_open(const char *path, const struct engine_options *options, struct engine **out,
              struct err *e);

#endif
