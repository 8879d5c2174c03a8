/* What an engine must be to stand behind engine.h. */
#ifndef PRECIS_ENGINE_ENGINE_IMPL_H
#define PRECIS_ENGINE_ENGINE_IMPL_H

#include "engine/engine.h"
#include "engine/jobs.h"

struct engine_ops {
    /* Joins the lanes and frees everything; nobody is in a call of the engine any more. Jobs that
     * no lane took are reported (jobs_report_waiting). */
    void (*close)(struct engine *en);
    /* A job as a sequence, checked against what the model and the memory can hold. Not locked. */
    int (*prepare)(struct engine *en, const struct engine_job *job, struct sequence **out,
                   struct err *e);
    /* Lets the lanes look at the jobs: one came or was cancelled, or the engine closes. Locked. */
    void (*wake)(struct engine *en);
    /* Adds the tokens, the bytes of KV and the oldest step; the rest is there. Locked. */
    void (*stats)(struct engine *en, struct engine_stats *s);
    int (*packed_sha256)(const struct engine *en, char out[HASH_HEX_SIZE], struct err *e);
};

/* The first member of every engine. */
struct engine {
    const struct engine_ops *ops;
    struct engine_info info;
    struct jobs jobs; /* its lock guards what lanes share, too */
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
